/* SPDX-License-Identifier: MIT */
#include "fault-actions.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lu.h"
#include "session.h"
#include "str.h"

/* ---- arguments ---- */

static bool hex(const char *text, unsigned int digits, uint32_t *ret)
{
	char *end;

	if (strlen(text) != digits || strspn(text, "0123456789abcdefABCDEF") != digits)
		return false;
	*ret = (uint32_t)strtoul(text, &end, 16);
	return true;
}

static bool number(const char *text, uint32_t *ret)
{
	uint64_t n;

	if (str_to_u64(text, 0, UINT32_MAX, &n))
		return false;
	*ret = (uint32_t)n;
	return true;
}

static bool sense(const char *text, struct fault_argument *ret)
{
	uint32_t key;
	char digit[2] = {text[0]};

	if (!hex(digit, 1, &key) || text[1] != '/' || !hex(text + 2, 4, &ret->number))
		return false;
	ret->key = (uint8_t)key;
	return true;
}

static bool portal(const char *text, struct fault_argument *ret)
{
	struct iscsi_portal unused;

	if (iscsi_portal_parse(text, &unused))
		return false;
	snprintf(ret->text, sizeof(ret->text), "%s", text);
	return true;
}

const char *fault_argument_parse(
	enum fault_argument_kind kind, const char *text, struct fault_argument *ret)
{
	if (!text)
		return kind == FAULT_NO_ARGUMENT ? NULL : "needs a value";
	switch (kind) {
	case FAULT_NO_ARGUMENT:
		return "takes no value";
	case FAULT_NUMBER:
		return number(text, &ret->number) ? NULL : "needs a number";
	case FAULT_STATUS:
	case FAULT_ASC:
		return hex(text, 4, &ret->number) ? NULL : "needs four hexadecimal digits";
	case FAULT_BYTE:
		return hex(text, 2, &ret->number) ? NULL : "needs two hexadecimal digits";
	case FAULT_SENSE:
		return sense(text, ret) ? NULL : "needs KEY/ASCQ in hexadecimal, as 3/1100";
	case FAULT_PORTAL:
		return portal(text, ret) ? NULL : "needs ADDRESS:PORT";
	}
	return NULL;
}

/* ---- accept ---- */

void fault_accept_silent(struct conn *c, const struct fault_argument *a)
{
	(void)a;
	c->deaf = true;
}

void fault_accept_drop(struct conn *c, const struct fault_argument *a)
{
	(void)a;
	conn_drop(c, "dropped on purpose");
}

/* ---- login ---- */

enum login_status fault_login_status(
	struct conn *c, const struct fault_argument *a, struct login_target_settings *s)
{
	(void)c;
	if (a->number >> 8 == STATUS_REDIRECT)
		s->redirect = "127.0.0.1:1";
	return (enum login_status)a->number;
}

static enum login_status redirect(
	struct conn *c, const char *to, struct login_target_settings *s, enum login_status status)
{
	snprintf(c->redirect, sizeof(c->redirect), "%s", to);
	s->redirect = c->redirect;
	return status;
}

enum login_status fault_redirect(
	struct conn *c, const struct fault_argument *a, struct login_target_settings *s)
{
	return redirect(c, a->text, s, LOGIN_STATUS_MOVED_TEMPORARILY);
}

enum login_status fault_redirect_permanent(
	struct conn *c, const struct fault_argument *a, struct login_target_settings *s)
{
	return redirect(c, a->text, s, LOGIN_STATUS_MOVED_PERMANENTLY);
}

enum login_status fault_redirect_loop(
	struct conn *c, const struct fault_argument *a, struct login_target_settings *s)
{
	char host[INET6_ADDRSTRLEN + IF_NAMESIZE], here[sizeof(host) + 16];
	unsigned int port;
	bool brackets;

	(void)a;
	sock_addr_format(&c->local, host, sizeof(host), &port);
	brackets = iscsi_address_in_brackets(host);
	snprintf(here, sizeof(here), "%s%s%s:%u", brackets ? "[" : "", host, brackets ? "]" : "",
		port);
	return redirect(c, here, s, LOGIN_STATUS_MOVED_TEMPORARILY);
}

/* ---- requests ---- */

bool fault_concerns(const struct conn *c, const struct pdu_in *pdu, fault_request *what)
{
	bool login = c->state == CONN_LOGIN;

	if (what == fault_nop_silent)
		return !login && bhs_opcode(pdu->bhs) == OP_NOP_OUT;
	return login == (what == fault_login_silent || what == fault_login_drop);
}

bool fault_login_silent(struct conn *c, const struct fault_argument *a, const struct pdu_in *pdu)
{
	(void)c;
	(void)a;
	(void)pdu;
	return true;
}

bool fault_login_drop(struct conn *c, const struct fault_argument *a, const struct pdu_in *pdu)
{
	(void)a;
	(void)pdu;
	conn_drop(c, "dropped on purpose");
	return true;
}

bool fault_silent(struct conn *c, const struct fault_argument *a, const struct pdu_in *pdu)
{
	return fault_login_silent(c, a, pdu);
}

bool fault_nop_silent(struct conn *c, const struct fault_argument *a, const struct pdu_in *pdu)
{
	return fault_login_silent(c, a, pdu);
}

bool fault_drop(struct conn *c, const struct fault_argument *a, const struct pdu_in *pdu)
{
	return fault_login_drop(c, a, pdu);
}

/* ---- responses ---- */

bool fault_has_part(const struct conn *c, const struct pdu_out *pdu, fault_response *what)
{
	if (what == fault_header_digest)
		return pdu->head_len > BHS_LEN;
	if (what == fault_data_digest)
		return c->writer.data_digest && pdu->data_len;
	return true;
}

bool fault_drop_after_bytes(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu)
{
	(void)pdu;
	if (c->writer.left < 0)
		c->writer.left = a->number;
	return false;
}

bool fault_late(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu)
{
	(void)pdu;
	conn_delay(c, a->number);
	return false;
}

bool fault_header_digest(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu)
{
	(void)c;
	(void)a;
	pdu->head[BHS_LEN] ^= 1;
	return false;
}

bool fault_data_digest(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu)
{
	(void)c;
	(void)a;
	pdu->tail[pdu->tail_len - 1] ^= 1;
	return false;
}

bool fault_length(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu)
{
	(void)c;
	(void)a;
	bhs_set_data_len(pdu->head, 0xfffffc);
	return true;
}

bool fault_opcode(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu)
{
	(void)c;
	(void)a;
	pdu->head[0] = 0x2a;
	return true;
}

bool fault_itt(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu)
{
	(void)c;
	(void)a;
	bhs_set_itt(pdu->head, bhs_itt(pdu->head) ^ 0x00ffff00);
	return true;
}

bool fault_statsn(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu)
{
	(void)c;
	(void)a;
	bhs_set_statsn(pdu->head, bhs_statsn(pdu->head) + 1000);
	return true;
}

/* ---- at once: to every session of the target ---- */

static void send_async(
	struct session *s, enum async_event event, uint16_t p1, uint16_t p2, uint16_t p3)
{
	struct pdu_out *pdu = conn_reply(s->conn, OP_ASYNC, BHS_TAG_NONE);

	if (!pdu)
		return;
	bhs_set_async_event(pdu->head, (uint8_t)event);
	bhs_set_parameter1(pdu->head, p1);
	bhs_set_parameter2(pdu->head, p2);
	bhs_set_parameter3(pdu->head, p3);
	conn_send(s->conn, pdu, NUMBER_STATUS);
}

#define for_each_session(session, shown, t) \
	list_for_each(shown, &(t)->sessions, link) \
		if ((session = container_of(shown, struct session, shown)))

const char *fault_async_logout(struct server *s, struct target *t, const struct fault_argument *a)
{
	struct target_session *shown;
	struct session *session;

	(void)s;
	for_each_session(session, shown, t)
		send_async(session, ASYNC_LOGOUT_REQUEST, 0, 0, (uint16_t)a->number);
	return NULL;
}

/* Says so, and does it. */
static const char *drop_all(struct target *t, enum async_event event)
{
	struct target_session *shown;
	struct session *session;

	for_each_session(session, shown, t) {
		send_async(session, event,
			event == ASYNC_CONNECTION_DROPPED ? session->who.cid : 0, 0, 0);
		conn_finish(session->conn);
	}
	return NULL;
}

const char *fault_async_drop_connection(
	struct server *s, struct target *t, const struct fault_argument *a)
{
	(void)s;
	(void)a;
	return drop_all(t, ASYNC_CONNECTION_DROPPED);
}

const char *fault_async_drop_session(
	struct server *s, struct target *t, const struct fault_argument *a)
{
	(void)s;
	(void)a;
	return drop_all(t, ASYNC_SESSION_DROPPED);
}

const char *fault_async_scsi(struct server *s, struct target *t, const struct fault_argument *a)
{
	uint8_t data[20] = {0, 18, 0x70, 0, 6 /* unit attention */, [9] = 10,
		[14] = (uint8_t)(a->number >> 8), [15] = (uint8_t)a->number};
	struct target_session *shown;
	struct session *session;

	(void)s;
	for_each_session(session, shown, t) {
		struct pdu_out *pdu = conn_reply(session->conn, OP_ASYNC, BHS_TAG_NONE);

		if (!pdu)
			continue;
		if (pdu_out_copy(pdu, data, sizeof(data)))
			writer_cancel(&session->conn->writer, pdu);
		else
			conn_send(session->conn, pdu, NUMBER_STATUS);
	}
	return NULL;
}

const char *fault_close(struct server *s, struct target *t, const struct fault_argument *a)
{
	struct target_session *shown;
	struct session *session;

	(void)s;
	(void)a;
	for_each_session(session, shown, t)
		conn_drop(session->conn, "dropped on purpose");
	return NULL;
}

/* ---- SCSI: every logical unit of the target ---- */

static void set_lu_faults(struct target *t, const struct lu_fault *fault)
{
	for (struct lu *lu = lu_next(t->device, NULL); lu; lu = lu_next(t->device, lu))
		lu_fault(lu, fault);
}

void scsi_faults_end(struct target *t)
{
	if (t->device)
		set_lu_faults(t, &(struct lu_fault){0});
}

const char *fault_scsi_status(struct server *s, struct target *t, const struct fault_argument *a)
{
	(void)s;
	set_lu_faults(t, &(struct lu_fault){.count = a->times, .status = (uint8_t)a->number});
	return NULL;
}

const char *fault_sense(struct server *s, struct target *t, const struct fault_argument *a)
{
	(void)s;
	set_lu_faults(t, &(struct lu_fault){.count = a->times, .status = SCSI_CHECK_CONDITION,
		.key = a->key, .asc = (uint16_t)a->number});
	return NULL;
}

/* ---- SendTargets ---- */

#define NAME "iqn.2026-11.com.example:hostile"
#define MANY 50000
#define LONG (64u << 10)

static int add_both(struct send_targets *s, const char *name)
{
	const struct iscsi_portal here = {.address = "127.0.0.1", .port = 3260, .tpgt = 1};
	int r = send_targets_add(s, name);

	return r ? r : send_targets_add_address(s, &here);
}

int fault_list_slash(const struct conn *c, struct send_targets *s)
{
	(void)c;
	return add_both(s, NAME "/../../../../tmp/slash");
}

int fault_list_dots(const struct conn *c, struct send_targets *s)
{
	int r = add_both(s, "..");

	(void)c;
	return r ? r : add_both(s, "../../../etc/passwd");
}

int fault_list_newline(const struct conn *c, struct send_targets *s)
{
	(void)c;
	return add_both(s, NAME "\nnode.startup = automatic\n");
}

int fault_list_long(const struct conn *c, struct send_targets *s)
{
	char *name = malloc(LONG + 1);
	int r;

	(void)c;
	if (!name)
		return -ENOMEM;
	memset(name, 'x', LONG);
	memcpy(name, NAME, strlen(NAME));
	name[LONG] = '\0';
	r = add_both(s, name);
	free(name);
	return r;
}

int fault_list_many(const struct conn *c, struct send_targets *s)
{
	char name[sizeof(NAME) + 16];
	int r = 0;

	(void)c;
	for (int i = 0; !r && i < MANY; i++) {
		snprintf(name, sizeof(name), NAME "-%d", i);
		r = add_both(s, name);
	}
	return r;
}

int fault_list_portals(const struct conn *c, struct send_targets *s)
{
	static const struct iscsi_portal odd[] = {
		{"", 3260, 1},
		{"127.0.0.1", 0, 1},
		{"127.0.0.1", 99999, 1},
		{"127.0.0.1", 3260, 70000},
		{"0.0.0.0", 3260, 1},
		{"127.0.0.1/../../x", 3260, 1},
		{"127.0.0.1 # comment", 3260, 1},
		{"::1]:1,1[", 3260, 1},
		{"fe80::1%eth0", 3260, 1},
		{"host.example.com", 3260, -1},
	};
	int r = send_targets_add(s, NAME);

	(void)c;
	for (size_t i = 0; !r && i < sizeof(odd) / sizeof(odd[0]); i++)
		r = send_targets_add_address(s, &odd[i]);
	return r;
}
