/* SPDX-License-Identifier: MIT */
/*
 * conn.c - RFC 7143 section 6 from the outside: from an address to full feature phase.
 *
 *   IDLE -> RESOLVING -> CONNECTING ------------> LOGIN -> HAND_OVER -> CLOSING -> IDLE
 *                                \              ^    \                ^
 *                                 `-> BINDING --'      `-> STARTING --'
 *
 * The upper way is that of a new session: login over the socket, then hand-over to the kernel. A
 * session that the kernel has takes the lower one: its socket is bound first and the login goes
 * through the kernel, which owns CmdSN.
 *
 * Every way out leads through CLOSING: the session hears of the end when the descriptor is closed
 * and nothing of this attempt is left, so that the next one can begin at once. A numeric address
 * skips RESOLVING; a redirect, and the next address of a name, go from CLOSING to RESOLVING again
 * within the same deadline. The way to CONNECTED is in conn-connect.c.
 *
 * Invariants: code, final and text are set on the way into CLOSING and read by the session after
 * it; the descriptor is the socket carrier's until the kernel is to have it, then fd until the end.
 * What the kernel's thread works on (HAND_OVER, STARTING) is waited for; a cancel takes effect then.
 */
#include "conn-actions.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "err.h"
#include "initiator.h"
#include "isid.h"
#include "log.h"
#include "params.h"
#include "record.h"
#include "status.h"
#include "str.h"

#define REDIRECTS_MAX 8

static const char *const state_names[] = {
	[IDLE] = "idle",
	[RESOLVING] = "resolving",
	[CONNECTING] = "connecting",
	[BINDING] = "binding",
	[LOGIN] = "login",
	[HAND_OVER] = "hand-over",
	[STARTING] = "starting",
	[CLOSING] = "closing",
};

static const char *const event_names[] = {
	[OPEN] = "open",
	[RESOLVED] = "resolved",
	[CONNECTED] = "connected",
	[BOUND] = "bound",
	[RESPONSE] = "login response",
	[BROKEN] = "broken",
	[LOST] = "lost",
	[HANDED_OVER] = "handed over",
	[STARTED] = "started",
	[CLOSED] = "closed",
	[TIMEOUT] = "timeout",
	[CANCEL] = "cancel",
};

/* ---- endings ---- */

int conn_close(struct conn *c)
{
	conn_abandon_resolve(c);
	carrier_kernel_close(&c->through);
	return CLOSING;
}

int conn_end(struct conn *c, int code, bool final, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	c->code = code;
	c->final = final;
	c->unreached = IN(c->machine.state) & (IN(IDLE) | IN(RESOLVING) | IN(CONNECTING) | IN(CLOSING));
	c->again = false;
	snprintf(c->text, sizeof(c->text), "portal %s,%d: ", c->portal.address, c->portal.port);
	n = strlen(c->text);
	va_start(ap, fmt);
	vsnprintf(c->text + n, sizeof(c->text) - n, fmt, ap);
	va_end(ap);
	return conn_close(c);
}

/* Which codes a status of the target becomes; the first row that fits counts. */
#define ANY (-1)
static const struct status_row {
	int status_class, detail;
	int code;
	bool final;
} status_rows[] = { /* authentication failure first: end_rejected says what may be wrong */
	{STATUS_INITIATOR_ERROR, 0x01, ISCSI_ERR_LOGIN_AUTH_FAILED, true},
	{STATUS_INITIATOR_ERROR, 0x02, ISCSI_ERR_LOGIN_AUTH_FAILED, true},
	{STATUS_INITIATOR_ERROR, ANY, ISCSI_ERR_FATAL_LOGIN, true},
	{STATUS_REDIRECT, ANY, ISCSI_ERR_TRANS_TIMEOUT, false},
	{STATUS_TARGET_ERROR, ANY, ISCSI_ERR_TRANS_TIMEOUT, false},
	{ANY, ANY, ISCSI_ERR_FATAL_LOGIN, true},
};

static int end_rejected(struct conn *c)
{
	int status_class = login_status_class(c->login), detail = login_status_detail(c->login);
	const struct status_row *row = status_rows;

	while ((row->status_class != ANY && row->status_class != status_class) ||
		(row->detail != ANY && row->detail != detail))
		row++;
	return conn_end(c, row->code, row->final, "the target refused the login: %s (%02x/%02x)%s",
		status_text((uint8_t)status_class, (uint8_t)detail), status_class, detail,
		row == status_rows && str_empty(c->session->node->auth.password)
			? "; the record has no node.session.auth.password" : "");
}

/* ---- steps ---- */

static int on_open(void *owner)
{
	struct conn *c = owner;
	const struct iscsi_node *n = c->session->node;

	if (c->moved_to.port) {
		c->portal = c->moved_to;
	} else {
		snprintf(c->portal.address, sizeof(c->portal.address), "%s", n->address);
		c->portal.port = n->port;
		c->portal.tpgt = n->tpgt;
	}
	c->redirects = 0;
	c->address = c->addresses = 0;
	c->err = 0;
	c->lost = c->vanished = false;
	return conn_connect(c);
}

static int send_request(struct conn *c)
{
	if (c->through.open)
		carrier_kernel_send(&c->through, login_request(c->login));
	else
		carrier_socket_send(&c->carrier, login_request(c->login));
	machine_post_at(&c->machine, TIMEOUT, c->deadline);
	return LOGIN;
}

static int begin_login(struct conn *c)
{
	const struct iscsi_node *n = c->session->node;
	struct initiator *i = initiator_of(c);
	struct login_config config = {
		.initiator_name = initiator_name_for(i, n),
		.initiator_alias = i->alias,
		.target_name = n->target,
		.cmdsn = (uint32_t)n->initial_cmdsn,
		.username = n->auth.username,
		.password = n->auth.password,
		.username_in = n->auth.username_in,
		.password_in = n->auth.password_in,
	};
	int r;

	memcpy(config.isid, c->session->isid, sizeof(config.isid));
	params_offer(n, &config.offer);
	chap_algs_parse(n->chap_algs, config.chap_algs);
	r = login_start(c->login, &config);
	if (r)
		return conn_end(c, ISCSI_ERR_FATAL_LOGIN, true, "cannot begin a login: %s",
			login_reason(c->login));
	return send_request(c);
}

static int on_connect_end(void *owner)
{
	struct conn *c = owner;

	if (c->err) {
		/* Where a permanent redirect led to is not there: back to the record's portal. */
		c->moved_to.port = 0;
		return conn_no_connect(c, c->err);
	}
	if (!c->session->sid)
		return begin_login(c);
	c->fd = carrier_socket_detach(&c->carrier);
	carrier_kernel_open(&c->through, c->session->sid, c->fd);
	machine_post_at(&c->machine, TIMEOUT, c->deadline);
	return BINDING;
}

static int on_bound(void *owner)
{
	struct conn *c = owner;

	if (!c->err)
		return begin_login(c);
	c->vanished = c->err == -ENXIO;
	return conn_end(c, ISCSI_ERR_INTERNAL, false, "the kernel refused to %s: %s",
		c->through.job.ret_step, strerror(-c->err));
}

/* Once for each place: not for every turn of a loop, nor at every attempt. */
static void log_redirect(struct conn *c, const char *to)
{
	if (c->redirects > 1 || str_eq(c->told, to))
		return;
	snprintf(c->told, sizeof(c->told), "%s", to);
	log_info("%s: the target sends the login on to %s", c->session->label, to);
}

static int follow_redirect(struct conn *c)
{
	const char *to = login_redirect(c->login);
	struct iscsi_portal p;

	if (++c->redirects > REDIRECTS_MAX)
		return conn_end(c, ISCSI_ERR_TRANS_TIMEOUT, false, "redirected more than %d times",
			REDIRECTS_MAX);
	if (iscsi_portal_parse(to, &p))
		return conn_end(c, ISCSI_ERR_FATAL_LOGIN, true, "redirected to no valid address");
	if (p.port < 0)
		p.port = ISCSI_PORT_DEFAULT;
	log_redirect(c, to);
	c->portal = p;
	c->address = c->addresses = 0;
	if (login_redirect_is_permanent(c->login))
		c->moved_to = p;
	c->again = true;
	return conn_close(c);
}

static void on_handed_over(struct kernel_job *job, int err)
{
	struct conn *c = container_of(job, struct conn, job);

	c->err = err;
	params_wipe(&c->params);
	machine_post(&c->machine, HANDED_OVER);
}

static void on_started(struct kernel_job *job, int err)
{
	struct conn *c = container_of(job, struct conn, job);

	c->err = err;
	params_wipe(&c->params);
	machine_post(&c->machine, STARTED);
}

/* On the kernel thread; the session's ISID does not change any more. */
static void keep_isid(struct kernel_job *job, uint32_t sid)
{
	struct conn *c = container_of(job, struct conn, job);

	c->isid_err = isid_store(initiator_of(c)->root, sid, c->session->isid);
}

static int enter_kernel(struct conn *c)
{
	const struct login_result *result = login_result(c->login);
	const struct iscsi_node *n = c->session->node;
	struct initiator *i = initiator_of(c);
	struct params_source from = {
		.node = n,
		.login = result,
		.initiator_name = initiator_name_for(i, n),
	};

	if (params_kernel(&from, &c->params))
		return conn_end(c, ISCSI_ERR_INVAL, true,
			"a value of the record is longer than %d bytes", KERNEL_VALUE_MAX - 1);
	c->time2wait = result->params.time2wait;
	c->lost = false;
	if (c->session->sid) {
		kernel_start(i->kernel, &c->job, c->session->sid, &c->params, on_started);
		return STARTING;
	}
	c->fd = carrier_socket_detach(&c->carrier);
	kernel_hand_over(i->kernel, &c->job, c->fd, result->cmdsn, (uint16_t)n->cmds_max,
		(uint16_t)n->queue_depth, &c->params, keep_isid, on_handed_over);
	return HAND_OVER;
}

static int on_response(void *owner)
{
	struct conn *c = owner;

	const struct pdu *pdu = c->through.open ? &c->through.pdu : &c->carrier.reader.pdu;

	switch (login_response(c->login, pdu)) {
	case LOGIN_CONTINUE:
		return send_request(c);
	case LOGIN_DONE:
		return enter_kernel(c);
	case LOGIN_REDIRECT:
		return follow_redirect(c);
	case LOGIN_REJECTED:
		return end_rejected(c);
	case LOGIN_AUTH_FAILED:
		return conn_end(c, ISCSI_ERR_FATAL_LOGIN, true,
			"authentication of the target failed: %s", login_reason(c->login));
	case LOGIN_PROTOCOL_ERROR:
		return conn_end(c, ISCSI_ERR_FATAL_LOGIN, true, "%s: %s", login_stage(c->login),
			login_reason(c->login));
	case LOGIN_NO_MEMORY:
		break;
	}
	return conn_end(c, ISCSI_ERR_NOMEM, true, "out of memory");
}

static int on_broken(void *owner)
{
	struct conn *c = owner;

	if (c->err == -EBADMSG)
		return conn_end(c, ISCSI_ERR_FATAL_LOGIN, true,
			"what the target sent is no login response");
	return conn_end(c, ISCSI_ERR_PDU_TIMEOUT, false, "the connection was lost during login (%s)",
		c->err ? strerror(-c->err) : "closed by the target");
}

static int on_timeout(void *owner)
{
	struct conn *c = owner;

	if (c->machine.state == LOGIN)
		return conn_end(c, ISCSI_ERR_PDU_TIMEOUT, false, "no login response in time");
	return conn_end(c, ISCSI_ERR_TRANS_TIMEOUT, false, "no connection in time");
}

static int on_lost(void *owner)
{
	return conn_end(owner, ISCSI_ERR_PDU_TIMEOUT, false, "the connection was lost during login (%s)",
		kernel_error_text(((struct conn *)owner)->session->error));
}

/* The kernel is at work on it; what the loss means shows when that has ended. */
static int note_lost(void *owner)
{
	struct conn *c = owner;

	c->lost = true;
	return c->machine.state;
}

static int on_cancel(void *owner)
{
	return conn_end(owner, ISCSI_ERR_SESSION_NOT_CONNECTED, true, "the attempt was cancelled");
}

/* Where the login was sent on to, or the next address, is not tried any more. */
static int cancel_next(void *owner)
{
	struct conn *c = owner;

	if (c->again) {
		c->again = false;
		c->code = ISCSI_ERR_SESSION_NOT_CONNECTED;
		c->final = true;
		snprintf(c->text, sizeof(c->text), "the attempt was cancelled");
	}
	return c->machine.state;
}

/* HAND_OVER and STARTING end the same way. */
static int on_kernel_has_it(void *owner)
{
	struct conn *c = owner;

	if (c->err) {
		c->vanished = c->err == -ENXIO;
		if (!c->session->sid && c->job.ret_sid)
			isid_forget(initiator_of(c)->root, c->job.ret_sid);
		c->job.ret_sid = 0;
		return conn_end(c, c->err == -ENOENT ? ISCSI_ERR_TRANS_NOT_FOUND : ISCSI_ERR_INTERNAL,
			!c->session->sid, "the kernel refused to %s: %s", c->job.ret_step,
			strerror(-c->err));
	}
	carrier_kernel_keep(&c->through);
	c->code = ISCSI_OK;
	c->text[0] = '\0';
	c->again = false;
	return conn_close(c);
}

static int on_closed(void *owner)
{
	struct conn *c = owner;

	if (c->again) {
		c->again = false;
		return conn_connect(c);
	}
	session_conn_ended(c->session);
	return IDLE;
}

static int stay(void *owner)
{
	struct conn *c = owner;

	return c->machine.state;
}

#define WAITS (IN(RESOLVING) | IN(CONNECTING) | IN(LOGIN))
#define KERNEL_AT_WORK (IN(HAND_OVER) | IN(STARTING))

static const struct machine_row rows[] = {
	{IN(IDLE), OPEN, on_open, IN(RESOLVING) | IN(CONNECTING) | IN(CLOSING)},
	{IN(RESOLVING), RESOLVED, conn_resolved, IN(CONNECTING) | IN(CLOSING)},
	{IN(CONNECTING), CONNECTED, on_connect_end, IN(BINDING) | IN(LOGIN) | IN(CLOSING)},
	{IN(BINDING), BOUND, on_bound, IN(LOGIN) | IN(CLOSING)},
	{IN(LOGIN), RESPONSE, on_response, IN(HAND_OVER) | IN(STARTING) | IN(CLOSING)},
	{IN(LOGIN), BROKEN, on_broken, IN(CLOSING)},
	{IN(LOGIN), LOST, on_lost, IN(CLOSING)},
	{WAITS, TIMEOUT, on_timeout, IN(CLOSING)},
	{WAITS | IN(BINDING), CANCEL, on_cancel, IN(CLOSING)},
	{IN(HAND_OVER), HANDED_OVER, on_kernel_has_it, IN(CLOSING)},
	{IN(STARTING), STARTED, on_kernel_has_it, IN(CLOSING)},
	{KERNEL_AT_WORK | IN(CLOSING) | IN(IDLE), LOST, note_lost, 0},
	{IN(CLOSING), CANCEL, cancel_next, 0},
	{IN(CLOSING), CLOSED, on_closed, IN(IDLE) | IN(RESOLVING) | IN(CONNECTING)},
	/* What was on its way when the end came, and what the kernel tells of the one before. */
	{IN(CLOSING), RESOLVED, stay, 0},
	{IN(CLOSING), CONNECTED, stay, 0},
	{IN(CLOSING), BOUND, stay, 0},
	{IN(STARTING) | IN(CLOSING), RESPONSE, stay, 0},
	{IN(CLOSING), BROKEN, stay, 0},
	{IN(RESOLVING) | IN(CONNECTING) | IN(BINDING), LOST, stay, 0},
	{IN(BINDING), TIMEOUT, stay, 0}, /* the login that follows has no time left */
	{KERNEL_AT_WORK | IN(IDLE), CANCEL, stay, 0},
};

static const char *name(const void *owner)
{
	const struct conn *c = owner;

	return c->session->label;
}

static int unexpected(void *owner, int event)
{
	return conn_end(owner, ISCSI_ERR_INTERNAL, true, "event \"%s\" came out of turn",
		event_names[event]);
}

const struct machine_def conn_machine = {
	.states = state_names,
	.events = event_names,
	.n_states = sizeof(state_names) / sizeof(state_names[0]),
	.n_events = sizeof(event_names) / sizeof(event_names[0]),
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.name = name,
	.unexpected = unexpected,
};

/* ---- the carrier's events ---- */

static void carrier_connected(void *data, int err)
{
	struct conn *c = data;

	c->err = err;
	machine_post(&c->machine, CONNECTED);
}

static void carrier_received(void *data, const struct pdu *pdu)
{
	struct conn *c = data;

	(void)pdu;
	machine_post(&c->machine, RESPONSE);
}

static void carrier_broken(void *data, int err)
{
	struct conn *c = data;

	c->err = err;
	machine_post(&c->machine, BROKEN);
}

static void carrier_closed(void *data)
{
	struct conn *c = data;

	machine_post(&c->machine, CLOSED);
}

static void carrier_bound(void *data, int err)
{
	struct conn *c = data;

	c->err = err;
	machine_post(&c->machine, BOUND);
}

/* The kernel's carrier goes first; the socket may be the last to know its descriptor. */
static void through_closed(void *data)
{
	struct conn *c = data;

	if (c->fd >= 0)
		close(STEAL_FD(c->fd));
	carrier_socket_close(&c->carrier);
}

static const struct carrier_events carrier_events = {
	.connected = carrier_connected,
	.received = carrier_received,
	.broken = carrier_broken,
	.closed = carrier_closed,
};

static const struct carrier_events through_events = {
	.connected = carrier_bound,
	.received = carrier_received,
	.broken = carrier_broken,
	.closed = through_closed,
};

/* ---- for the session ---- */

int conn_init(struct conn *c, struct session *s)
{
	int r;

	c->session = s;
	c->fd = -1;
	c->login = login_new();
	if (!c->login)
		return -ENOMEM;
	carrier_kernel_init(&c->through, s->initiator->kernel, &through_events, c);
	r = carrier_socket_init(&c->carrier, s->initiator->loop, LOGIN_DATA_MAX, &carrier_events, c);
	if (r)
		return r;
	return machine_init(&c->machine, &s->initiator->runner, &conn_machine, c, IDLE);
}

void conn_open(struct conn *c, uint64_t deadline)
{
	c->deadline = deadline;
	machine_post(&c->machine, OPEN);
}

void conn_cancel(struct conn *c)
{
	machine_post(&c->machine, CANCEL);
}

void conn_lost(struct conn *c)
{
	machine_post(&c->machine, LOST);
}

void conn_pdu(struct conn *c, const uint8_t *bhs, const uint8_t *payload, size_t len)
{
	carrier_kernel_receive(&c->through, bhs, payload, len);
}

const char *conn_state_name(const struct conn *c)
{
	return state_names[c->machine.state];
}

void conn_free(struct conn *c)
{
	conn_abandon_resolve(c);
	if (c->fd >= 0)
		close(STEAL_FD(c->fd));
	machine_close(&c->machine);
	carrier_socket_free(&c->carrier);
	login_free(c->login);
}
