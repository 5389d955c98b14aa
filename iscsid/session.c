/* SPDX-License-Identifier: MIT */
/*
 * session.c - the life of one session.
 *
 *            .-- WAITING <--.   first login: failed, time is left
 *            v              |
 *   NEW -> CONNECTING ------'--> (failed for good: gone)
 *    |       |
 *    |       v        connection error       Time2Wait over
 *    |    LOGGED_IN ------------------> BACKOFF ----------> RECONNECTING
 *    |     ^   ^ `--> RELOGGING --------^    ^                |      |
 *    |     |   |      (the target asks)      '---- failed ----'      |
 *    |     |   '------------------------------- recovered -----------'
 *    `-> PROBING  (found in the kernel at start; or straight to where it broke off)
 *
 *   logout: LOGGED_IN, PROBING -> UNBINDING -> LOGGING_OUT -> DESTROYING -> ENDED, gone
 *           CONNECTING, RECONNECTING -> CANCELLING -> gone, UNBINDING or DESTROYING
 *           RELOGGING, BACKOFF, STUCK -> DESTROYING; WAITING -> gone
 *
 * "iscsid --print-states" prints all of it. The actions: session-login.c has those of the first
 * login, session-recovery.c of reconnecting, session-logout.c of every way to the end,
 * session-take-over.c of what is found at start; session-work.c begins jobs, scans and attempts.
 *
 * Logout is accepted in every state and is over, politely or not, when logout_timeout is.
 *
 * Invariants: sid is 0 until the hand-over has succeeded; after the event destroyed nothing asks
 * the kernel about it again; the memory goes when no job, no scan and no attempt uses it any more
 * (pending). A job that is still under way is never submitted again (task_start).
 */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "isid.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"
#include "session-actions.h"
#include "str.h"
#include "view.h"

#define LOGIN_TIMEOUT 30 /* seconds, where a record says 0 */
#define LOGOUT_TIMEOUT 15
#define TIME2WAIT 2 /* seconds, RFC 7143 section 13.15: the default */

static const char *const state_names[] = {
	[NEW] = "new",
	[CONNECTING] = "connecting",
	[WAITING] = "waiting to try again",
	[LOGGED_IN] = "logged in",
	[PROBING] = "being probed",
	[RELOGGING] = "logging out to come back",
	[BACKOFF] = "waiting to reconnect",
	[RECONNECTING] = "reconnecting",
	[CANCELLING] = "being cancelled",
	[UNBINDING] = "removing devices",
	[LOGGING_OUT] = "logging out",
	[DESTROYING] = "being destroyed",
	[STUCK] = "not destroyed",
	[ENDED] = "ended",
};

/* What the tree of "-m session" calls them. */
static const struct {
	const char *connection, *internal;
} state_words[] = {
	[NEW] = {"FREE", "NO CHANGE"},
	[CONNECTING] = {"IN LOGIN", "NO CHANGE"},
	[WAITING] = {"TRANSPORT WAIT", "NO CHANGE"},
	[LOGGED_IN] = {"LOGGED IN", "NO CHANGE"},
	[PROBING] = {"LOGGED IN", "NO CHANGE"},
	[RELOGGING] = {"IN LOGOUT", "REOPEN"},
	[BACKOFF] = {"TRANSPORT WAIT", "REOPEN"},
	[RECONNECTING] = {"TRANSPORT WAIT", "REOPEN"},
	[CANCELLING] = {"CLEANUP WAIT", "CLEANUP"},
	[UNBINDING] = {"LOGGED IN", "CLEANUP"},
	[LOGGING_OUT] = {"IN LOGOUT", "CLEANUP"},
	[DESTROYING] = {"CLEANUP WAIT", "CLEANUP"},
	[STUCK] = {"CLEANUP WAIT", "CLEANUP"},
	[ENDED] = {"FREE", "CLEANUP"},
};

static const char *const event_names[] = {
	[LOGIN] = "login",
	[TAKE_OVER] = "taken over",
	[CONN_ENDED] = "end of attempt",
	[RETRY] = "retry",
	[SCANNED] = "scanned",
	[CONN_ERROR] = "connection error",
	[NOP_IN] = "NOP-In",
	[LOGOUT_ASKED] = "target asks for a logout",
	[LOGOUT] = "logout",
	[UNBOUND] = "unbound",
	[LOGOUT_RESPONSE] = "logout response",
	[TIMEOUT] = "timeout",
	[STOP_FAILED] = "stop refused",
	[UNBIND_FAILED] = "unbind refused",
	[SEND_FAILED] = "PDU refused",
	[DESTROY_FAILED] = "destroy refused",
	[DESTROYED] = "destroyed",
	[SETTLED] = "settled",
};

/* ---- for the actions ---- */

uint64_t session_now(const struct session *s)
{
	return clock_now(s->initiator->loop);
}

static uint64_t ms(int seconds, int otherwise)
{
	return (uint64_t)(seconds > 0 ? seconds : otherwise) * 1000;
}

uint64_t session_login_ms(const struct session *s)
{
	return ms(s->node->login_timeout, LOGIN_TIMEOUT);
}

uint64_t session_logout_ms(const struct session *s)
{
	return ms(s->node->logout_timeout, LOGOUT_TIMEOUT);
}

void session_answer(struct list *waiters, int code, const char *text, uint32_t sid)
{
	struct session_waiter *w;

	while ((w = list_first(waiters, struct session_waiter, link))) {
		list_remove(&w->link);
		w->done(w, code, text, sid);
	}
}

int act_stay(void *owner)
{
	struct session *s = owner;

	return s->machine.state;
}

/* ---- the table ---- */

#define UP (IN(LOGGED_IN) | IN(PROBING))
#define LEAVING (IN(UNBINDING) | IN(LOGGING_OUT))
#define DOWN (IN(BACKOFF) | IN(DESTROYING) | IN(STUCK))
#define IN_KERNEL (UP | IN(RELOGGING) | LEAVING | DOWN)
/* The kernel has, or had, a session of this number: its jobs end, and it has something to tell. */
#define NAMED (IN_KERNEL | IN(RECONNECTING) | IN(CANCELLING) | IN(ENDED))

static const struct machine_row rows[] = {
	{IN(NEW), LOGIN, act_login, IN(CONNECTING)},
	{IN(CONNECTING), CONN_ENDED, act_login_ended,
		IN(LOGGED_IN) | IN(WAITING) | IN(BACKOFF) | IN(DESTROYING) | IN(ENDED) | GONE},
	{IN(WAITING), RETRY, act_retry, IN(CONNECTING)},
	{IN(WAITING), LOGOUT, act_forget, IN(ENDED) | GONE},
	{IN(CONNECTING) | IN(RECONNECTING), CONN_ERROR, act_tell_conn, 0},
	{IN(CONNECTING), DESTROYED, act_note_vanished, 0},

	{IN(NEW), TAKE_OVER, act_take_over,
		IN(PROBING) | IN(BACKOFF) | IN(LOGGING_OUT) | IN(DESTROYING)},
	{IN(PROBING), NOP_IN, act_probed, IN(LOGGED_IN)},
	{IN(PROBING), TIMEOUT, act_probe_timeout, IN(LOGGED_IN) | IN(BACKOFF) | IN(DESTROYING)},
	{IN(PROBING), SEND_FAILED, act_recover, IN(BACKOFF) | IN(DESTROYING)},

	{UP, CONN_ERROR, act_recover, IN(BACKOFF) | IN(DESTROYING)},
	{UP, LOGOUT_ASKED, act_logout_asked, IN(RELOGGING) | IN(BACKOFF) | IN(DESTROYING)},
	{IN(RELOGGING), LOGOUT_RESPONSE, act_recover, IN(BACKOFF) | IN(DESTROYING)},
	{IN(RELOGGING), CONN_ERROR, act_recover, IN(BACKOFF) | IN(DESTROYING)},
	{IN(RELOGGING), SEND_FAILED, act_recover, IN(BACKOFF) | IN(DESTROYING)},
	{IN(RELOGGING), TIMEOUT, act_recover, IN(BACKOFF) | IN(DESTROYING)},
	{IN(BACKOFF), RETRY, act_reconnect, IN(RECONNECTING)},
	{IN(BACKOFF), STOP_FAILED, act_stop_refused, IN(ENDED) | GONE},
	{IN(BACKOFF), CONN_ERROR, act_error_while_down, IN(DESTROYING)},
	{IN(RECONNECTING), CONN_ENDED, act_reconnect_ended,
		IN(LOGGED_IN) | IN(BACKOFF) | IN(DESTROYING) | IN(ENDED) | GONE},

	{UP, LOGOUT, act_logout, IN(UNBINDING) | IN(DESTROYING)},
	{IN(RELOGGING) | IN(BACKOFF) | IN(STUCK), LOGOUT, act_destroy_now, IN(DESTROYING)},
	{IN(CONNECTING) | IN(RECONNECTING), LOGOUT, act_cancel, IN(CANCELLING)},
	{IN(CANCELLING), CONN_ENDED, act_cancelled,
		IN(UNBINDING) | IN(DESTROYING) | IN(ENDED) | GONE},
	{IN(CANCELLING), DESTROYED, act_note_vanished, 0},
	{IN(CANCELLING), CONN_ERROR, act_tell_conn, 0},
	{IN(CANCELLING) | IN(DESTROYING), TIMEOUT, act_destroy_timeout, 0},
	{IN(CANCELLING) | IN(DESTROYING), LOGOUT, act_wait_more, 0},
	{IN(UNBINDING), UNBOUND, act_unbound, IN(LOGGING_OUT) | IN(DESTROYING)},
	{IN(UNBINDING), UNBIND_FAILED, act_take_down, IN(DESTROYING)},
	{IN(LOGGING_OUT), LOGOUT_RESPONSE, act_take_down, IN(DESTROYING)},
	{IN(LOGGING_OUT), SEND_FAILED, act_take_down, IN(DESTROYING)},
	{LEAVING, CONN_ERROR, act_take_down, IN(DESTROYING)},
	{LEAVING, TIMEOUT, act_logout_timeout, IN(DESTROYING)},
	{LEAVING, LOGOUT, act_stay, 0},
	{IN(DESTROYING), DESTROY_FAILED, act_destroy_refused, IN(STUCK) | IN(ENDED) | GONE},
	{IN(STUCK), RETRY, act_take_down, IN(DESTROYING)},
	{IN(RECONNECTING), DESTROYED, act_destroyed_meanwhile, IN(ENDED) | GONE},
	{IN_KERNEL, DESTROYED, act_destroyed, IN(ENDED) | GONE},
	{IN(ENDED), CONN_ENDED, act_ended_late, GONE},
	{IN(ENDED), SETTLED, act_settle, GONE},
	{IN(ENDED), SCANNED, act_settle, GONE},

	/* Answers that nobody waits for any more, and news that change nothing. */
	{UP, SCANNED, act_scanned, 0},
	{NAMED & ~UP, SCANNED, act_stay, 0},
	{NAMED, SETTLED, act_stay, 0},
	{NAMED | IN(CONNECTING), NOP_IN, act_stay, 0},
	{NAMED | IN(CONNECTING), UNBOUND, act_stay, 0},
	{NAMED | IN(CONNECTING), LOGOUT_RESPONSE, act_stay, 0},
	{NAMED | IN(CONNECTING), LOGOUT_ASKED, act_stay, 0},
	{NAMED & ~IN(STUCK), SEND_FAILED, act_stay, 0},
	{IN(LOGGING_OUT) | IN(DESTROYING) | IN(ENDED), UNBIND_FAILED, act_stay, 0},
	{IN(RECONNECTING) | IN(CANCELLING) | IN(DESTROYING) | IN(ENDED), STOP_FAILED, act_stay, 0},
	{IN(DESTROYING) | IN(STUCK) | IN(ENDED), CONN_ERROR, act_stay, 0},
	{IN(ENDED), DESTROY_FAILED, act_stay, 0},
	{IN(ENDED), LOGOUT, act_stay, 0},
};

static const char *name(const void *owner)
{
	const struct session *s = owner;

	return s->label;
}

static int unexpected(void *owner, int event)
{
	(void)event;
	return act_stay(owner);
}

const struct machine_def session_machine = {
	.states = state_names,
	.events = event_names,
	.n_states = sizeof(state_names) / sizeof(state_names[0]),
	.n_events = sizeof(event_names) / sizeof(event_names[0]),
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.name = name,
	.unexpected = unexpected,
};
_Static_assert(sizeof(event_names) / sizeof(event_names[0]) <= MACHINE_EVENTS_MAX, "one bit each");

/* ---- for the initiator ---- */

void session_free(struct session *s)
{
	if (!s)
		return;
	list_remove(&s->link);
	machine_close(&s->machine);
	conn_free(&s->conn);
	iscsi_node_free(s->node);
	iscsi_node_free(s->next);
	free(s->live);
	free(s);
}

/* node becomes its own, except when there is no memory (NULL). */
static struct session *new_session(struct initiator *i, struct iscsi_node *node)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->initiator = i;
	s->host = -1;
	s->time2wait = TIME2WAIT;
	list_init(&s->link);
	list_init(&s->login_waiters);
	list_init(&s->logout_waiters);
	list_init(&s->update_waiters);
	if (conn_init(&s->conn, s) || machine_init(&s->machine, &i->runner, &session_machine, s, NEW)) {
		session_free(s);
		return NULL;
	}
	s->node = node;
	snprintf(s->label, sizeof(s->label), "%s at %s,%d (iface %s)",
		node->target ? node->target : "a target without name",
		node->address ? node->address : "no address", node->port, node->iface.name);
	return s;
}

struct session *session_login(struct initiator *i, struct iscsi_node *node,
	struct session_waiter *w)
{
	uint8_t isid[ISID_LEN];
	struct session *s;

	if (initiator_choose_isid(i, node, isid))
		return NULL;
	s = new_session(i, node);
	if (!s)
		return NULL;
	memcpy(s->isid, isid, sizeof(isid));
	s->login = ++i->logins;
	list_append(&i->sessions, &s->link);
	list_append(&s->login_waiters, &w->link);
	machine_post(&s->machine, LOGIN);
	return s;
}

bool session_join_login(struct session *s, struct session_waiter *w)
{
	bool first = !s->sid && IN(s->machine.state) & (IN(NEW) | IN(CONNECTING) | IN(WAITING));

	if (!first && list_empty(&s->login_waiters))
		return false;
	list_append(&s->login_waiters, &w->link);
	return true;
}

struct session *session_take_over(struct initiator *i, struct iscsi_node *node, uint32_t sid,
	int host, enum session_found found, bool pinged)
{
	struct session *s = new_session(i, node);

	if (!s)
		return NULL;
	s->sid = sid;
	s->host = host;
	s->found = found;
	s->pinged = pinged;
	s->changed = true; /* its record may have been, since the kernel was told */
	isid_load(i->root, sid, s->isid);
	list_append(&i->sessions, &s->link);
	machine_post(&s->machine, TAKE_OVER);
	return s;
}

void session_logout(struct session *s, struct session_waiter *w)
{
	list_append(&s->logout_waiters, &w->link);
	machine_post(&s->machine, LOGOUT);
}

void session_conn_ended(struct session *s)
{
	machine_post(&s->machine, CONN_ENDED);
}

void session_pdu(struct session *s, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	switch (bhs_opcode(bhs)) {
	case OP_LOGIN_RESPONSE:
		conn_pdu(&s->conn, bhs, data, len);
		break;
	case OP_LOGOUT_RESPONSE:
		s->time2wait = bhs_time2wait(bhs);
		machine_post(&s->machine, LOGOUT_RESPONSE);
		break;
	case OP_NOP_IN:
		machine_post(&s->machine, NOP_IN);
		break;
	case OP_ASYNC:
		session_async(s, bhs, data, len);
		break;
	default:
		log_info("%s: the target sent a PDU that changes nothing here: %s", s->label,
			bhs_opcode_name(bhs[0]));
	}
}

void session_conn_error(struct session *s, int error)
{
	s->error = error;
	machine_post(&s->machine, CONN_ERROR);
}

void session_unbound(struct session *s)
{
	machine_post(&s->machine, UNBOUND);
}

void session_destroyed(struct session *s)
{
	machine_post(&s->machine, DESTROYED);
}

void session_resync(struct session *s, const struct view_session *v)
{
	bool up = IN(s->machine.state) & (UP | IN(RELOGGING) | LEAVING);
	bool trying = IN(s->machine.state) & (IN(CONNECTING) | IN(RECONNECTING) | IN(CANCELLING));

	if (s->sid && !v) {
		session_destroyed(s);
		return;
	}
	if (v && str_eq(v->target_state, "UNBOUND"))
		session_unbound(s);
	/*
	 * What sysfs says while the kernel is given a connection does not tell how that ends: one that
	 * may be lost counts as lost. Before it has a number nothing was told about it.
	 */
	if (trying ? s->sid || s->conn.job.ret_sid : v && up && !str_eq(v->state, "LOGGED_IN"))
		session_conn_error(s, 0);
}

bool session_has_sid(const struct session *s, uint32_t sid)
{
	return s->sid ? s->sid == sid : sid && s->conn.job.ret_sid == sid;
}

bool session_is_for(const struct session *s, const struct iscsi_node *n)
{
	return str_eq(s->node->target, n->target) && str_eq(s->node->address, n->address) &&
	       s->node->port == n->port && str_eq(s->node->iface.name, n->iface.name);
}

const char *session_connection_state(const struct session *s)
{
	return state_words[s->machine.state].connection;
}

const char *session_internal_state(const struct session *s)
{
	return state_words[s->machine.state].internal;
}
