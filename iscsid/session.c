/* SPDX-License-Identifier: MIT */
/*
 * session.c - the life of one session.
 *
 *                    .--------- WAITING <---------.
 *                    v                            | attempt failed, time is left
 *   NEW -> CONNECTING --------------------------- '
 *                    |  \ attempt failed for good: gone
 *                    v
 *                SCANNING -> LOGGED_IN -> UNBINDING -> LOGGING_OUT -> DESTROYING -> ENDED, gone
 *                    |           |            |              |             ^
 *                    '---------> FAILED ------+--------------+-------------'
 *
 * Logout is accepted in every state that has a kernel session. A session whose connection is
 * lost is taken down without a Logout PDU.
 *
 * Invariants: sid is 0 until the hand-over has succeeded; after the event destroyed nothing asks
 * the kernel about it again; the memory goes when no job and no scan uses it any more (pending).
 */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "err.h"
#include "isid.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"
#include "str.h"
#include "sysfs.h"
#include "view.h"

#define RETRY_MS 3000	     /* between two attempts of a first login */
#define UNBIND_MS 30000	     /* a hung command ends after about 10 s */
#define DESTROY_MS 30000
#define LOGIN_TIMEOUT 30     /* seconds, where a record says 0 */
#define LOGOUT_TIMEOUT 15

enum state {
	NEW,
	CONNECTING,
	WAITING,
	SCANNING,
	LOGGED_IN,
	FAILED,
	UNBINDING,
	LOGGING_OUT,
	DESTROYING,
	ENDED,
};

static const char *const state_names[] = {
	[NEW] = "new",
	[CONNECTING] = "connecting",
	[WAITING] = "waiting to try again",
	[SCANNING] = "scanning",
	[LOGGED_IN] = "logged in",
	[FAILED] = "failed",
	[UNBINDING] = "removing devices",
	[LOGGING_OUT] = "logging out",
	[DESTROYING] = "being destroyed",
	[ENDED] = "ended",
};

/* What the tree of "-m session" calls them. */
static const struct {
	const char *connection, *internal;
} state_words[] = {
	[NEW] = {"FREE", "NO CHANGE"},
	[CONNECTING] = {"IN LOGIN", "NO CHANGE"},
	[WAITING] = {"TRANSPORT WAIT", "NO CHANGE"},
	[SCANNING] = {"LOGGED IN", "NO CHANGE"},
	[LOGGED_IN] = {"LOGGED IN", "NO CHANGE"},
	[FAILED] = {"TRANSPORT WAIT", "REOPEN"},
	[UNBINDING] = {"LOGGED IN", "CLEANUP"},
	[LOGGING_OUT] = {"IN LOGOUT", "CLEANUP"},
	[DESTROYING] = {"CLEANUP WAIT", "CLEANUP"},
	[ENDED] = {"FREE", "CLEANUP"},
};

enum event {
	LOGIN,
	CONN_ENDED,
	RETRY,
	SCANNED,
	CONN_ERROR,
	LOGOUT,
	UNBOUND,
	LOGOUT_RESPONSE,
	TIMEOUT,
	REFUSED,
	DESTROYED,
	SETTLED,
};

static const char *const event_names[] = {
	[LOGIN] = "login",
	[CONN_ENDED] = "end of attempt",
	[RETRY] = "retry",
	[SCANNED] = "scanned",
	[CONN_ERROR] = "connection error",
	[LOGOUT] = "logout",
	[UNBOUND] = "unbound",
	[LOGOUT_RESPONSE] = "logout response",
	[TIMEOUT] = "timeout",
	[REFUSED] = "refused by the kernel",
	[DESTROYED] = "destroyed",
	[SETTLED] = "settled",
};

static uint64_t now(const struct session *s)
{
	return clock_now(s->initiator->loop);
}

static void answer(struct list *waiters, int code, const char *text, uint32_t sid)
{
	struct session_waiter *w;

	while ((w = list_first(waiters, struct session_waiter, link))) {
		list_remove(&w->link);
		w->done(w, code, text, sid);
	}
}

static int gone(struct session *s)
{
	session_free(s);
	return MACHINE_GONE;
}

/* ---- login ---- */

static int attempt(void *owner)
{
	struct session *s = owner;
	int timeout = s->node->login_timeout > 0 ? s->node->login_timeout : LOGIN_TIMEOUT;

	s->attempts++;
	conn_open(&s->conn, now(s) + (uint64_t)timeout * 1000);
	return CONNECTING;
}

static int on_login(void *owner)
{
	struct session *s = owner;
	int timeout = s->node->login_timeout > 0 ? s->node->login_timeout : LOGIN_TIMEOUT;
	int retries = s->node->initial_login_retry_max;

	s->give_up_at = now(s) + (uint64_t)timeout * 1000 * (retries > 0 ? (uint64_t)retries : 0);
	return attempt(s);
}

static int login_failed(struct session *s)
{
	uint64_t left = s->give_up_at > now(s) ? s->give_up_at - now(s) : 0;

	if (s->conn.final || !left) {
		log_error("%s: login failed, %s; giving up after %u attempt%s", s->label,
			s->conn.text, s->attempts, s->attempts == 1 ? "" : "s");
		answer(&s->login_waiters, s->conn.code, s->conn.text, 0);
		return gone(s);
	}
	if (left > RETRY_MS)
		left = RETRY_MS;
	log_warning("%s: login failed, %s; trying again in %u ms", s->label, s->conn.text,
		(unsigned int)left);
	machine_post_at(&s->machine, RETRY, now(s) + left);
	return WAITING;
}

static void on_scan_end(struct scan *scan, int err)
{
	struct session *s = container_of(scan, struct session, scan);

	if (err)
		log_error("%s: scan of host %d: %s", s->label, s->host, strerror(-err));
	s->pending--;
	machine_post(&s->machine, SCANNED);
}

/* An error that the kernel reported before its session had a name here is seen in sysfs only. */
static bool failed_already(const struct session *s)
{
	CLEANUP_FREE char *state = NULL;
	char path[64];

	snprintf(path, sizeof(path), "sys/class/iscsi_session/session%u/state", s->sid);
	return !sysfs_read(s->initiator->root, path, &state) && !str_eq(state, "LOGGED_IN");
}

static int on_conn_ended(void *owner)
{
	struct session *s = owner;
	struct initiator *i = s->initiator;
	int r;

	if (s->conn.code != ISCSI_OK)
		return login_failed(s);
	s->sid = s->conn.job.ret_sid;
	s->host = s->conn.job.ret_host;
	log_info("Connection%u:0 to [target: %s, portal: %s,%d] through [iface: %s] is operational "
		 "now",
		s->sid, s->node->target, s->node->address, s->node->port, s->node->iface.name);
	r = isid_store(i->root, s->sid, s->isid);
	if (r)
		log_warning("%s: cannot keep the ISID for a restart: %s", s->label, strerror(-r));
	if (failed_already(s)) {
		log_error("%s: the connection was lost right after the login", s->label);
		answer(&s->login_waiters, ISCSI_ERR_TRANS,
			"the connection was lost right after the login", s->sid);
		return FAILED;
	}
	if (s->node->scan == SCAN_AUTO && !scan_start(i->loop, &s->scan, i->root, s->host,
						  on_scan_end)) {
		s->pending++;
		return SCANNING;
	}
	answer(&s->login_waiters, ISCSI_OK, "", s->sid);
	return LOGGED_IN;
}

static int on_scanned(void *owner)
{
	struct session *s = owner;

	answer(&s->login_waiters, ISCSI_OK, "", s->sid);
	return LOGGED_IN;
}

/* ---- the connection is lost ---- */

static int on_conn_error(void *owner)
{
	(void)owner;
	return FAILED;
}

/* The scan of a session that has failed meanwhile. */
static int on_scanned_late(void *owner)
{
	struct session *s = owner;

	answer(&s->login_waiters, ISCSI_ERR_TRANS, "the connection was lost during the scan", s->sid);
	return s->machine.state;
}

/* ---- logout ---- */

static void on_job(struct session *s, const struct kernel_job *job, int err)
{
	s->pending--;
	if (err) {
		log_warning("%s: the kernel refused to %s: %s", s->label, job->ret_step,
			strerror(-err));
		machine_post(&s->machine, REFUSED);
	}
	machine_post(&s->machine, SETTLED);
}

static void on_unbind_done(struct kernel_job *job, int err)
{
	on_job(container_of(job, struct session, unbind), job, err);
}

static void on_send_done(struct kernel_job *job, int err)
{
	on_job(container_of(job, struct session, send), job, err);
}

static void on_destroy_done(struct kernel_job *job, int err)
{
	struct session *s = container_of(job, struct session, destroy);

	s->destroy_err = err;
	on_job(s, job, err);
}

static int on_logout(void *owner)
{
	struct session *s = owner;

	s->pending++;
	kernel_unbind(s->initiator->kernel, &s->unbind, s->sid, on_unbind_done);
	machine_post_at(&s->machine, TIMEOUT, now(s) + UNBIND_MS);
	return UNBINDING;
}

static int on_unbound(void *owner)
{
	struct session *s = owner;
	int timeout = s->node->logout_timeout > 0 ? s->node->logout_timeout : LOGOUT_TIMEOUT;
	uint8_t bhs[BHS_LEN] = {};

	/* The kernel fills in the task tag and the sequence numbers. */
	bhs_set_opcode(bhs, OP_LOGOUT, true);
	bhs_set_logout_reason(bhs, LOGOUT_SESSION);
	s->pending++;
	kernel_send_pdu(s->initiator->kernel, &s->send, s->sid, bhs, on_send_done);
	machine_post_at(&s->machine, TIMEOUT, now(s) + (uint64_t)timeout * 1000);
	return LOGGING_OUT;
}

static int take_down(void *owner)
{
	struct session *s = owner;

	s->pending++;
	s->destroy_err = 0;
	kernel_destroy(s->initiator->kernel, &s->destroy, s->sid, on_destroy_done);
	machine_post_at(&s->machine, TIMEOUT, now(s) + DESTROY_MS);
	return DESTROYING;
}

static int on_logout_timeout(void *owner)
{
	struct session *s = owner;

	log_warning("%s: no answer to the logout, the session is taken down without", s->label);
	return take_down(s);
}

static int settle(void *owner)
{
	struct session *s = owner;

	return s->pending ? ENDED : gone(s);
}

static int on_destroyed(void *owner)
{
	struct session *s = owner;

	isid_forget(s->initiator->root, s->sid);
	log_info("Connection%u:0 to [target: %s, portal: %s,%d] through [iface: %s] is shutdown.",
		s->sid, s->node->target, s->node->address, s->node->port, s->node->iface.name);
	answer(&s->login_waiters, ISCSI_ERR_SESS_NOT_FOUND, "the session was destroyed", 0);
	answer(&s->logout_waiters, ISCSI_OK, "", s->sid);
	return settle(s);
}

static int on_destroy_refused(void *owner)
{
	struct session *s = owner;

	if (!s->destroy_err) /* it was another job that was refused before */
		return DESTROYING;
	if (s->destroy_err == -EINVAL) /* the kernel has no such session (any more) */
		return on_destroyed(s);
	answer(&s->logout_waiters, ISCSI_ERR_INTERNAL, "the kernel refused to destroy the session",
		s->sid);
	return FAILED;
}

static int on_destroy_timeout(void *owner)
{
	struct session *s = owner;

	log_error("%s: the kernel has not destroyed the session yet", s->label);
	answer(&s->logout_waiters, ISCSI_ERR_LOGOUT, "the kernel has not destroyed the session yet",
		s->sid);
	return DESTROYING;
}

static int stay(void *owner)
{
	struct session *s = owner;

	return s->machine.state;
}

#define LOGGING_IN (IN(NEW) | IN(CONNECTING) | IN(WAITING) | IN(SCANNING))
#define HAS_DEVICES (IN(SCANNING) | IN(LOGGED_IN))
#define LEAVING (IN(UNBINDING) | IN(LOGGING_OUT))
#define IN_KERNEL (HAS_DEVICES | IN(FAILED) | LEAVING | IN(DESTROYING))

static const struct machine_row rows[] = {
	{IN(NEW), LOGIN, on_login},
	{IN(CONNECTING), CONN_ENDED, on_conn_ended},
	{IN(WAITING), RETRY, attempt},
	{IN(SCANNING), SCANNED, on_scanned},
	{HAS_DEVICES, CONN_ERROR, on_conn_error},
	{IN(FAILED), SCANNED, on_scanned_late},

	{HAS_DEVICES, LOGOUT, on_logout},
	{IN(UNBINDING), UNBOUND, on_unbound},
	{IN(LOGGING_OUT), LOGOUT_RESPONSE, take_down},
	{IN(FAILED), LOGOUT, take_down},
	{LEAVING, CONN_ERROR, take_down},
	{LEAVING, REFUSED, take_down},
	{LEAVING, TIMEOUT, on_logout_timeout},
	{IN(DESTROYING), REFUSED, on_destroy_refused},
	{IN(DESTROYING), TIMEOUT, on_destroy_timeout},
	{IN_KERNEL, DESTROYED, on_destroyed},
	{IN(ENDED), SETTLED, settle},
	{IN(ENDED), SCANNED, settle},

	/* Answers that nobody waits for any more, and news that change nothing. */
	{IN_KERNEL, SETTLED, stay},
	{LEAVING | IN(DESTROYING), SCANNED, on_scanned_late},
	{LEAVING | IN(DESTROYING), LOGOUT, stay},
	{HAS_DEVICES | IN(FAILED) | IN(LOGGING_OUT) | IN(DESTROYING), UNBOUND, stay},
	{HAS_DEVICES | IN(FAILED) | IN(DESTROYING), LOGOUT_RESPONSE, stay},
	{IN(FAILED) | IN(DESTROYING), CONN_ERROR, stay},
	{HAS_DEVICES | IN(FAILED), REFUSED, stay},
	{IN(ENDED), REFUSED, stay},
};

static const char *name(const void *owner)
{
	const struct session *s = owner;

	return s->label;
}

static int unexpected(void *owner, int event)
{
	(void)event;
	return stay(owner);
}

static const struct machine_def def = {
	.states = state_names,
	.events = event_names,
	.rows = rows,
	.n_rows = sizeof(rows) / sizeof(rows[0]),
	.name = name,
	.unexpected = unexpected,
};

/* ---- for the initiator ---- */

void session_free(struct session *s)
{
	if (!s)
		return;
	list_remove(&s->link);
	machine_close(&s->machine);
	conn_free(&s->conn);
	iscsi_node_free(s->node);
	free(s);
}

static struct session *new_session(struct initiator *i, int state)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->initiator = i;
	s->host = -1;
	list_init(&s->link);
	list_init(&s->login_waiters);
	list_init(&s->logout_waiters);
	if (conn_init(&s->conn, s) || machine_init(&s->machine, &i->runner, &def, s, state)) {
		session_free(s);
		return NULL;
	}
	return s;
}

static void set_label(struct session *s)
{
	const struct iscsi_node *n = s->node;

	snprintf(s->label, sizeof(s->label), "%s at %s,%d (iface %s)", n->target, n->address, n->port,
		n->iface.name);
}

struct session *session_login(struct initiator *i, struct iscsi_node *node,
	struct session_waiter *w)
{
	struct session *s = new_session(i, NEW);

	if (!s)
		return NULL;
	if (initiator_choose_isid(i, node, s->isid)) {
		session_free(s);
		return NULL;
	}
	s->node = node;
	set_label(s);
	list_append(&i->sessions, &s->link);
	list_append(&s->login_waiters, &w->link);
	machine_post(&s->machine, LOGIN);
	return s;
}

bool session_join_login(struct session *s, struct session_waiter *w)
{
	if (!(IN(s->machine.state) & LOGGING_IN))
		return false;
	list_append(&s->login_waiters, &w->link);
	return true;
}

static int node_of_view(const struct view_session *v, struct iscsi_node **ret)
{
	struct iscsi_node *n;
	int r = iscsi_node_new_default(&n);

	if (r)
		return r;
	r = str_set(&n->target, v->target);
	if (!r)
		r = str_set(&n->address, v->persistent_address);
	if (!r && v->iface)
		r = str_set(&n->iface.name, v->iface);
	if (r || !n->target || !n->address) {
		iscsi_node_free(n);
		return r ? r : -EINVAL;
	}
	n->port = (int)v->persistent_port;
	n->tpgt = (int)v->tpgt;
	*ret = n;
	return 0;
}

struct session *session_adopt(struct initiator *i, const struct view_session *v)
{
	bool healthy = str_eq(v->state, "LOGGED_IN") &&
		       (!v->conn_state || str_eq(v->conn_state, "up"));
	struct session *s = new_session(i, healthy ? LOGGED_IN : FAILED);

	if (!s)
		return NULL;
	if (node_of_view(v, &s->node)) {
		session_free(s);
		return NULL;
	}
	s->sid = v->sid;
	s->host = v->host;
	isid_load(i->root, s->sid, s->isid);
	set_label(s);
	list_append(&i->sessions, &s->link);
	log_info("%s: session %u is there already, %s", s->label, s->sid,
		healthy ? "it goes on as it is" : "its connection has failed");
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

void session_pdu(struct session *s, const uint8_t *bhs)
{
	enum bhs_opcode opcode = bhs_opcode(bhs);

	if (opcode == OP_LOGOUT_RESPONSE)
		machine_post(&s->machine, LOGOUT_RESPONSE);
	else
		log_info("%s: the target sent a PDU that changes nothing here, opcode 0x%02x",
			s->label, (unsigned int)opcode);
}

void session_conn_error(struct session *s, int error)
{
	log_error("%s: connection error %d: %s", s->label, error, kernel_error_text(error));
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
