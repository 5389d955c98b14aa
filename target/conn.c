/* SPDX-License-Identifier: MIT */
#include "conn.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "cleanup.h"
#include "fault.h"
#include "log.h"
#include "login-target.h"
#include "session.h"

#define WRITE_HIGH (4u << 20) /* bytes waiting to be written: nothing more is read */
#define FINISH_MS 5000	      /* for a peer that does not read the last response */

#define IN(state) (1u << (state))

/* Before the loop waits again, conn_settle looks at it. */
static void changed(struct conn *c)
{
	list_remove(&c->changed);
	list_append(&c->server->changed, &c->changed);
}

/* ---- what arrives ---- */

static void on_login(struct conn *c, const struct pdu_in *pdu);

/* What the opcodes are for in which state; all else is answered with Reject. */
static const struct row {
	uint8_t opcode;
	bool numbered; /* has a CmdSN that says when it is due */
	uint32_t states;
	void (*run)(struct conn *c, const struct pdu_in *pdu);
} rows[] = {
	{OP_LOGIN, false, IN(CONN_LOGIN), on_login},
	{OP_SCSI_COMMAND, true, IN(CONN_NORMAL), conn_command},
	{OP_DATA_OUT, false, IN(CONN_NORMAL), conn_data_out},
	{OP_TASK_MANAGEMENT, true, IN(CONN_NORMAL), conn_manage},
	{OP_NOP_OUT, true, IN(CONN_NORMAL) | IN(CONN_DISCOVERY), conn_nop_out},
	{OP_TEXT, true, IN(CONN_NORMAL) | IN(CONN_DISCOVERY), conn_text},
	{OP_LOGOUT, true, IN(CONN_NORMAL) | IN(CONN_DISCOVERY), conn_logout},
};

static const struct row *find_row(uint8_t opcode)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].opcode == opcode)
			return &rows[i];
	return NULL;
}

static bool is_open(const struct conn *c)
{
	return c->state < CONN_FINISHING;
}

static void run_held(struct conn *c)
{
	struct pdu_in pdu;
	struct held *held;

	while (is_open(c) && (held = session_next(c->session, &pdu))) {
		if (pdu.bhs)
			find_row(bhs_opcode(pdu.bhs))->run(c, &pdu);
		free(held);
	}
}

static bool on_pdu(void *data, const struct pdu_in *pdu)
{
	struct conn *c = data;
	uint8_t opcode = bhs_opcode(pdu->bhs);
	const struct row *row = find_row(opcode);

	if (fault_on_request(c, pdu))
		return is_open(c);
	if (!row || !(row->states & IN(c->state))) {
		if (c->state == CONN_LOGIN)
			conn_drop(c, "sent %s before it has logged in", bhs_opcode_name(opcode));
		else
			conn_reject(c, pdu, row ? REJECT_PROTOCOL_ERROR : REJECT_NOT_SUPPORTED);
		return is_open(c);
	}
	if (!row->numbered) {
		row->run(c, pdu);
	} else if (session_is_due(c->session, pdu)) {
		row->run(c, pdu);
		run_held(c);
	}
	return is_open(c);
}

static uint8_t *on_place(void *data, const struct pdu_in *pdu)
{
	struct conn *c = data;

	return c->state == CONN_NORMAL ? conn_place(c, pdu) : NULL;
}

static const struct reader_ops reader_ops = {.place = on_place, .take = on_pdu};

static const char *const verdicts[] = {
	[READER_TOO_LONG] = "sent a data segment that is longer than was declared",
	[READER_HEADER_DIGEST] = "sent a wrong header digest",
	[READER_DATA_DIGEST] = "sent a wrong data digest",
	[READER_NO_MEMORY] = "out of memory",
};

static void read_some(struct conn *c)
{
	enum reader_verdict verdict = reader_read(&c->reader, c->fd, c->server->buffer);

	c->heard = uv_now(c->server->loop);
	c->pings = 0;
	if (verdict == READER_END)
		conn_drop(c, "has closed the connection");
	else if (verdict != READER_GOOD && verdict != READER_STOPPED)
		conn_drop(c, "%s", verdicts[verdict]);
}

/* ---- login ---- */

static void send_login_response(struct conn *c)
{
	const struct pdu *response = login_target_response(c->login);
	struct pdu_out *pdu = writer_new(&c->writer);

	if (!pdu || pdu_out_copy(pdu, response->data, response->data_len)) {
		if (pdu)
			writer_cancel(&c->writer, pdu);
		conn_drop(c, "out of memory");
		return;
	}
	memcpy(pdu->head, response->bhs, BHS_LEN);
	writer_add(&c->writer, pdu);
	fault_on_response(c, pdu);
	changed(c);
}

static void on_login(struct conn *c, const struct pdu_in *in)
{
	struct pdu pdu = {.data = (uint8_t *)(uintptr_t)in->data, .data_len = in->data_len};
	enum login_target_verdict verdict;

	if (bhs_ahs_len(in->bhs)) {
		conn_drop(c, "sent a login request with an additional header");
		return;
	}
	if (!c->login && access_start_login(c)) {
		conn_drop(c, "out of memory");
		return;
	}
	memcpy(pdu.bhs, in->bhs, BHS_LEN);
	verdict = login_target_request(c->login, &pdu);
	if (!is_open(c)) /* a fault */
		return;
	if (verdict == LOGIN_TARGET_DROP) {
		conn_drop(c, "login dropped: %s", login_target_reason(c->login));
		return;
	}
	send_login_response(c);
	if (verdict == LOGIN_TARGET_FAILED) {
		log_info("%s: login refused: %s", c->name, login_target_reason(c->login));
		conn_finish(c);
	} else if (verdict == LOGIN_TARGET_DONE) {
		conn_begin(c, c->session);
	}
}

void conn_begin(struct conn *c, struct session *session)
{
	const struct login_target_result *who = login_target_result(c->login);

	session->who = *who;
	session->shown.sid = session->tsih;
	c->statsn = who->statsn;
	c->reader.header_digest = c->writer.header_digest =
		who->params.header_digest == DIGEST_CRC32C;
	c->reader.data_digest = c->writer.data_digest = who->params.data_digest == DIGEST_CRC32C;
	c->reader.data_max = who->params.max_recv_data_segment;
	log_info("%s: %s logged in to %s", c->name, who->initiator_name,
		who->discovery ? "discover targets" : who->target_name);
	c->state = who->discovery ? CONN_DISCOVERY : CONN_NORMAL;
	c->server->logins--;
	login_target_free(STEAL_PTR(c->login));
	uv_timer_stop(&c->timer);
	conn_nop_start(c);
	changed(c);
}

/* ---- what is sent ---- */

struct pdu_out *conn_reply(struct conn *c, enum bhs_opcode opcode, uint32_t itt)
{
	struct pdu_out *pdu = writer_new(&c->writer);

	if (!pdu) {
		conn_drop(c, "out of memory");
		return NULL;
	}
	bhs_set_opcode(pdu->head, opcode, false);
	bhs_set_flags(pdu->head, BHS_FINAL);
	bhs_set_itt(pdu->head, itt);
	return pdu;
}

void conn_send(struct conn *c, struct pdu_out *pdu, enum conn_number number)
{
	/* Nothing comes behind the response that ends a connection. */
	if (!is_open(c)) {
		writer_cancel(&c->writer, pdu);
		return;
	}
	if (number != NUMBER_NONE)
		bhs_set_statsn(pdu->head, c->statsn);
	if (number == NUMBER_STATUS)
		c->statsn++;
	bhs_set_exp_cmdsn(pdu->head, c->session->exp_cmdsn);
	bhs_set_max_cmdsn(pdu->head, session_max_cmdsn(c->session));
	c->session->stats.tx_octets += BHS_LEN + pdu->data_len;
	writer_add(&c->writer, pdu);
	fault_on_response(c, pdu);
	changed(c);
}

void conn_reject(struct conn *c, const struct pdu_in *in, uint8_t reason)
{
	struct pdu_out *pdu = conn_reply(c, OP_REJECT, BHS_TAG_NONE);
	size_t len = BHS_LEN + bhs_ahs_len(in->bhs) * 4u;
	uint8_t header[BHS_LEN + AHS_MAX];

	if (!pdu)
		return;
	log_info("%s: %s rejected: %s", c->name, bhs_opcode_name(bhs_opcode(in->bhs)),
		bhs_reject_name(reason));
	memcpy(header, in->bhs, BHS_LEN);
	memcpy(header + BHS_LEN, in->ahs, len - BHS_LEN);
	bhs_set_reject_reason(pdu->head, reason);
	if (pdu_out_copy(pdu, header, len)) {
		writer_cancel(&c->writer, pdu);
		conn_drop(c, "out of memory");
		return;
	}
	conn_send(c, pdu, NUMBER_STATUS);
}

/* ---- life ---- */

static void on_timer(uv_timer_t *timer)
{
	struct conn *c = timer->data;

	conn_drop(c, c->state == CONN_LOGIN ? "did not log in within %u s" : "does not read",
		c->server->login_seconds);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct conn *c = poll->data;

	if (status < 0)
		conn_drop(c, "is gone"); /* libuv has no more to say */
	else if (events & UV_READABLE && is_open(c))
		read_some(c);
	if (events & UV_WRITABLE)
		changed(c);
}

static void wait_for(struct conn *c, int events)
{
	if (events == c->polled)
		return;
	c->polled = events;
	if (events)
		uv_poll_start(&c->poll, events, on_poll);
	else
		uv_poll_stop(&c->poll);
}

void conn_new(struct server *s, int fd, uint16_t portal_group)
{
	struct conn *c = calloc(1, sizeof(*c));
	char host[INET6_ADDRSTRLEN + 16];
	unsigned int port = 0;

	if (!c || uv_poll_init(s->loop, &c->poll, fd)) {
		free(c);
		close(fd);
		return;
	}
	uv_timer_init(s->loop, &c->timer);
	uv_timer_init(s->loop, &c->delay);
	c->poll.data = c->timer.data = c->delay.data = c;
	c->handles = 3;
	c->server = s;
	c->fd = fd;
	c->portal_group = portal_group;
	c->peer.len = c->local.len = sizeof(c->peer.storage);
	if (getpeername(fd, &c->peer.sa, &c->peer.len) ||
		getsockname(fd, &c->local.sa, &c->local.len) || c->peer.sa.sa_family == AF_UNIX)
		snprintf(c->name, sizeof(c->name), "connection %d", fd);
	else {
		sock_addr_format(&c->peer, host, sizeof(host), &port);
		snprintf(c->name, sizeof(c->name), "%s port %u", host, port);
	}
	reader_init(&c->reader, &reader_ops, c, LOGIN_DATA_MAX);
	writer_init(&c->writer, fd);
	list_init(&c->changed);
	list_append(&s->conns, &c->link);
	s->logins++;
	uv_timer_start(&c->timer, on_timer, s->login_seconds * UINT64_C(1000), 0);
	changed(c);
	fault_on_accept(c);
	if (s->logins > LOGINS_MAX)
		conn_drop(c, "too many logins at a time");
}

void conn_drop(struct conn *c, const char *why, ...)
{
	char text[256];
	va_list args;

	if (c->state == CONN_ENDED)
		return;
	va_start(args, why);
	vsnprintf(text, sizeof(text), why, args);
	va_end(args);
	if (is_open(c))
		log_info("%s: %s", c->name, text);
	if (c->state == CONN_LOGIN)
		c->server->logins--;
	c->state = CONN_ENDED;
	changed(c);
}

static void on_delay_over(uv_timer_t *timer)
{
	changed(timer->data);
}

void conn_delay(struct conn *c, uint32_t ms)
{
	if (!uv_is_active((uv_handle_t *)&c->delay))
		uv_timer_start(&c->delay, on_delay_over, ms, 0);
}

void conn_finish(struct conn *c)
{
	if (!is_open(c))
		return;
	if (c->state == CONN_LOGIN)
		c->server->logins--;
	c->state = CONN_FINISHING;
	uv_timer_start(&c->timer, on_timer, FINISH_MS, 0);
	changed(c);
}

static void on_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	if (--c->handles == 0)
		free(c);
}

void conn_end(struct conn *c)
{
	if (c->state == CONN_LOGIN)
		c->server->logins--;
	c->state = CONN_ENDED;
	list_remove(&c->link);
	list_remove(&c->changed);
	/* What waits to be written holds on to its task. */
	writer_free(&c->writer);
	if (c->receiving && c->receiving->state == TASK_ABORTED)
		task_free(c->receiving);
	c->receiving = NULL;
	session_free(STEAL_PTR(c->session));
	reader_free(&c->reader);
	login_target_free(STEAL_PTR(c->login));
	send_targets_free(STEAL_PTR(c->send_targets));
	uv_close((uv_handle_t *)&c->poll, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
	uv_close((uv_handle_t *)&c->delay, on_closed);
	close(c->fd);
}

static void write_some(struct conn *c)
{
	int r = uv_is_active((uv_handle_t *)&c->delay) ? 0 : writer_flush(&c->writer);

	if ((r && r != -EAGAIN) || (c->state == CONN_FINISHING && !c->writer.bytes)) {
		conn_end(c);
		return;
	}
	wait_for(c, (is_open(c) && !c->deaf && c->writer.bytes < WRITE_HIGH ? UV_READABLE : 0) |
			    (r ? UV_WRITABLE : 0));
}

void conn_settle(struct server *s)
{
	struct conn *c;

	while ((c = list_first(&s->changed, struct conn, changed))) {
		list_remove(&c->changed);
		if (c->state == CONN_ENDED)
			conn_end(c);
		else
			write_some(c);
	}
}
