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
 *   logout: LOGGED_IN, PROBING, RELOGGING -> UNBINDING -> LOGGING_OUT -> DESTROYING -> ENDED, gone
 *           CONNECTING, RECONNECTING -> CANCELLING -> gone, UNBINDING or DESTROYING
 *           BACKOFF, WAITING, STUCK -> DESTROYING, gone
 *
 * "iscsid --print-states" prints all of it. Logout is accepted in every state and is over, politely
 * or not, when logout_timeout is.
 *
 * Invariants: sid is 0 until the hand-over has succeeded; after the event destroyed nothing asks
 * the kernel about it again; the memory goes when no job, no scan and no attempt uses it any more
 * (pending). A job that is still under way is never submitted again (task_start).
 */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "async.h"
#include "backoff.h"
#include "buf.h"
#include "err.h"
#include "isid.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"
#include "str.h"
#include "view.h"

#define RETRY_MS 3000	     /* between two attempts of a first login */
#define DESTROY_MS 5000	     /* after logout_timeout, until the caller hears that it takes longer */
#define STUCK_MS 60000	     /* until a session that the kernel did not destroy is tried again */
#define STEADY_MS 10000	     /* a connection that lived shorter does not count as recovered */
#define SUMMARY_MS 600000    /* between two lines about the same failure */
#define PROBE_MS 30000	     /* no answer: the kernel's own pings would have told by now */
#define LOGIN_TIMEOUT 30     /* seconds, where a record says 0 */
#define LOGOUT_TIMEOUT 15
#define TIME2WAIT 2 /* seconds, RFC 7143 section 13.15: the default */
#define ERROR_INVALID_HOST 1018

enum state {
	NEW,
	CONNECTING,
	WAITING,
	LOGGED_IN,
	PROBING,
	RELOGGING,
	BACKOFF,
	RECONNECTING,
	CANCELLING,
	UNBINDING,
	LOGGING_OUT,
	DESTROYING,
	STUCK,
	ENDED,
};

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

enum event {
	LOGIN,
	TAKE_OVER,
	CONN_ENDED,
	RETRY,
	SCANNED,
	CONN_ERROR,
	NOP_IN,
	LOGOUT_ASKED,
	LOGOUT,
	UNBOUND,
	LOGOUT_RESPONSE,
	TIMEOUT,
	STOP_FAILED,
	UNBIND_FAILED,
	SEND_FAILED,
	DESTROY_FAILED,
	DESTROYED,
	SETTLED,
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

static uint64_t now(const struct session *s)
{
	return clock_now(s->initiator->loop);
}

static uint64_t ms(int seconds, int otherwise)
{
	return (uint64_t)(seconds > 0 ? seconds : otherwise) * 1000;
}

static int stay(void *owner)
{
	struct session *s = owner;

	return s->machine.state;
}

static void answer(struct list *waiters, int code, const char *text, uint32_t sid)
{
	struct session_waiter *w;

	while ((w = list_first(waiters, struct session_waiter, link))) {
		list_remove(&w->link);
		w->done(w, code, text, sid);
	}
}

/* ---- the end ---- */

/* Nothing is left of it but what still uses its memory. */
static int settle(void *owner)
{
	struct session *s = owner;

	if (s->pending)
		return ENDED;
	session_free(s);
	return MACHINE_GONE;
}

static int end(struct session *s)
{
	answer(&s->login_waiters, ISCSI_ERR_SESS_NOT_FOUND, "the session was logged out meanwhile", 0);
	answer(&s->logout_waiters, ISCSI_OK, "", s->sid);
	return settle(s);
}

/* ---- kernel jobs ---- */

static void task_end(struct session *s, struct session_task *t, int err)
{
	t->busy = false;
	t->err = err;
	s->pending--;
	if (err) {
		log_warning("%s: the kernel refused to %s: %s", s->label, t->job.ret_step,
			strerror(-err));
		machine_post(&s->machine, t->failed);
	}
	machine_post(&s->machine, SETTLED);
}

#define TASK_DONE(member)                                                          \
	static void on_##member##_done(struct kernel_job *job, int err)            \
	{                                                                          \
		struct session *s = container_of(job, struct session, member.job); \
		task_end(s, &s->member, err);                                      \
	}
TASK_DONE(stop)
TASK_DONE(unbind)
TASK_DONE(send)
TASK_DONE(destroy)

/* False: the one before has not ended yet. */
static bool task_start(struct session *s, struct session_task *t, enum event failed)
{
	if (t->busy)
		return false;
	t->busy = true;
	t->failed = failed;
	t->err = 0;
	s->pending++;
	return true;
}

/* The kernel fills in the task tag and the sequence numbers. False: one is under way. */
static bool send_pdu(struct session *s, const uint8_t bhs[BHS_LEN])
{
	if (!task_start(s, &s->send, SEND_FAILED))
		return false;
	kernel_send_pdu(s->initiator->kernel, &s->send.job, s->sid, bhs, NULL, 0, on_send_done);
	return true;
}

static bool send_logout(struct session *s)
{
	uint8_t bhs[BHS_LEN] = {};

	bhs_set_opcode(bhs, OP_LOGOUT, true);
	bhs_set_logout_reason(bhs, LOGOUT_SESSION);
	return send_pdu(s, bhs);
}

static bool send_nop(struct session *s)
{
	uint8_t bhs[BHS_LEN] = {};

	bhs_set_opcode(bhs, OP_NOP_OUT, true);
	bhs[1] = BHS_FINAL;
	bhs_set_ttt(bhs, BHS_TAG_NONE);
	return send_pdu(s, bhs);
}

static int take_down(void *owner)
{
	struct session *s = owner;

	if (task_start(s, &s->destroy, DESTROY_FAILED))
		kernel_destroy(s->initiator->kernel, &s->destroy.job, s->sid, on_destroy_done);
	if (s->leave_by < now(s))
		s->leave_by = now(s);
	machine_post_at(&s->machine, TIMEOUT, s->leave_by + DESTROY_MS);
	return DESTROYING;
}

/* ---- scans ---- */

static void on_scan_end(struct scan *scan, int err)
{
	struct session *s = container_of(scan, struct session, scan);

	if (err)
		log_error("%s: scan of host %d: %s", s->label, s->host, strerror(-err));
	s->scanning = false;
	s->pending--;
	machine_post(&s->machine, SCANNED);
}

static void scan(struct session *s)
{
	s->scan_again = s->scanning;
	if (s->scanning)
		return;
	if (scan_start(s->initiator->loop, &s->scan, s->initiator->root, s->host, on_scan_end)) {
		machine_post(&s->machine, SCANNED);
		return;
	}
	s->scanning = true;
	s->pending++;
}

static int on_scanned(void *owner)
{
	struct session *s = owner;

	if (s->scan_again)
		scan(s);
	else
		answer(&s->login_waiters, ISCSI_OK, "", s->sid);
	return s->machine.state;
}

static void on_revived(struct devices *d)
{
	struct session *s = container_of(d, struct session, devices);

	s->reviving = false;
	s->pending--;
	machine_post(&s->machine, SETTLED);
}

static void revive(struct session *s)
{
	if (s->reviving || devices_revive(s->initiator->loop, &s->devices, s->initiator->root, s->sid,
				   s->host, on_revived))
		return;
	s->reviving = true;
	s->pending++;
}

/* ---- attempts ---- */

static void attempt(struct session *s)
{
	s->attempts++;
	s->vanished = false;
	s->pending++;
	conn_open(&s->conn, now(s) + ms(s->node->login_timeout, LOGIN_TIMEOUT));
}

static int cancel(void *owner)
{
	struct session *s = owner;

	s->leave_by = now(s) + ms(s->node->logout_timeout, LOGOUT_TIMEOUT);
	conn_cancel(&s->conn);
	machine_post_at(&s->machine, TIMEOUT, s->leave_by + DESTROY_MS);
	return CANCELLING;
}

/* What happens to a connection while an attempt is under way is the attempt's. */
static int tell_conn(void *owner)
{
	struct session *s = owner;

	conn_lost(&s->conn);
	return s->machine.state;
}

static int note_vanished(void *owner)
{
	struct session *s = owner;

	s->vanished = true;
	return s->machine.state;
}

/* ---- recovery ---- */

static bool io_waits(const struct session *s)
{
	int timeout = s->node->replacement_timeout;

	return timeout < 0 || now(s) < s->lost_at + (uint64_t)timeout * 1000;
}

static int wait_to_reconnect(struct session *s, uint64_t delay)
{
	s->turn = 0;
	machine_post_at(&s->machine, RETRY, now(s) + delay);
	return BACKOFF;
}

/* The connection is gone: let go of it, and come back. Disks stay, their I/O waits. */
static int recover(void *owner)
{
	struct session *s = owner;

	if (s->error == ERROR_INVALID_HOST) /* the driver is on its way out and waits for us */
		return take_down(s);
	if (!s->attempts || now(s) >= s->up_at + STEADY_MS) {
		s->attempts = 0;
		s->logged[0] = '\0';
		s->lost_at = now(s);
		log_warning("%s: connection%u:0 is lost (%s); reconnecting", s->label, s->sid,
			kernel_error_text(s->error));
	}
	if (task_start(s, &s->stop, STOP_FAILED))
		kernel_stop(s->initiator->kernel, &s->stop.job, s->sid, on_stop_done);
	return wait_to_reconnect(s, s->attempts
		? backoff_delay(&(struct backoff){s->attempts, io_waits(s), false, s->sid})
		: (uint64_t)s->time2wait * 1000);
}

static int reconnect(void *owner)
{
	struct session *s = owner;

	if (!s->turn)
		s->turn = initiator_reconnect_turn(s->initiator);
	if (s->turn > now(s)) {
		machine_post_at(&s->machine, RETRY, s->turn);
		return BACKOFF;
	}
	attempt(s);
	return RECONNECTING;
}

/* One line for each new reason, then one for every so many attempts or minutes. */
static void log_failure(struct session *s)
{
	unsigned int every = s->node->sess_reopen_log_freq > 1
		? (unsigned int)s->node->sess_reopen_log_freq : 0;

	if (!strncmp(s->logged, s->conn.text, sizeof(s->logged) - 1) &&
		!(every && s->attempts % every == 0) && now(s) < s->logged_at + SUMMARY_MS)
		return;
	snprintf(s->logged, sizeof(s->logged), "%.*s", (int)sizeof(s->logged) - 1, s->conn.text);
	s->logged_at = now(s);
	log_warning("%s: attempt %u to reconnect failed, %s; it goes on", s->label, s->attempts,
		s->conn.text);
}

static int give_up(struct session *s, const char *why)
{
	log_error("%s: %s after %u attempts to reconnect, the session is taken down", s->label, why,
		s->attempts);
	answer(&s->login_waiters, s->conn.code, s->conn.text, 0);
	s->leave_by = now(s);
	return take_down(s);
}

static int destroyed(void *owner)
{
	struct session *s = owner;

	isid_forget(s->initiator->root, s->sid);
	log_info("Connection%u:0 to [target: %s, portal: %s,%d] through [iface: %s] is shutdown.",
		s->sid, s->node->target, s->node->address, s->node->port, s->node->iface.name);
	return end(s);
}

static int reconnect_failed(struct session *s)
{
	bool refused = s->conn.code == ISCSI_ERR_LOGIN_AUTH_FAILED;
	struct backoff b = {s->attempts, io_waits(s), refused, s->sid};

	if (s->conn.vanished)
		return destroyed(s);
	if (s->node->reopen_max > 0 && s->attempts > (unsigned int)s->node->reopen_max)
		return give_up(s, "node.session.reopen_max is reached");
	/* A first login that never got as far as its answer is not worth more than its time. */
	if (!list_empty(&s->login_waiters) && now(s) >= s->give_up_at)
		return give_up(s, "the time for the login is over");
	log_failure(s);
	return wait_to_reconnect(s, backoff_delay(&b));
}

static void note_up(struct session *s)
{
	s->up_at = now(s);
	s->time2wait = s->conn.time2wait;
	s->error = 0;
}

/* Somebody waits for the disks: those of a first login, or of one that was lost before its scan. */
static void scan_for_waiters(struct session *s)
{
	if (list_empty(&s->login_waiters))
		return;
	if (s->node->scan == SCAN_AUTO)
		scan(s);
	else
		answer(&s->login_waiters, ISCSI_OK, "", s->sid);
}

static int reconnect_ended(void *owner)
{
	struct session *s = owner;

	s->pending--;
	if (s->vanished)
		return destroyed(s);
	if (s->conn.code != ISCSI_OK)
		return reconnect_failed(s);
	if (!s->conn.lost)
		log_info("connection%u:0 is operational after recovery (%u attempts)", s->sid,
			s->attempts);
	note_up(s);
	if (s->conn.lost)
		return recover(s);
	revive(s);
	scan_for_waiters(s);
	return LOGGED_IN;
}

/* ---- the first login ---- */

static int on_retry(void *owner)
{
	attempt(owner);
	return CONNECTING;
}

static int on_login(void *owner)
{
	struct session *s = owner;
	int retries = s->node->initial_login_retry_max;

	s->give_up_at = now(s) +
		ms(s->node->login_timeout, LOGIN_TIMEOUT) * (retries > 0 ? (uint64_t)retries : 0);
	return on_retry(s);
}

static int login_failed(struct session *s)
{
	uint64_t left = s->give_up_at > now(s) ? s->give_up_at - now(s) : 0;

	if (s->conn.final || !left) {
		log_error("%s: login failed, %s; giving up after %u attempt%s", s->label,
			s->conn.text, s->attempts, s->attempts == 1 ? "" : "s");
		answer(&s->login_waiters, s->conn.code, s->conn.text, 0);
		return end(s);
	}
	if (left > RETRY_MS)
		left = RETRY_MS;
	log_warning("%s: login failed, %s; trying again in %u ms", s->label, s->conn.text,
		(unsigned int)left);
	machine_post_at(&s->machine, RETRY, now(s) + left);
	return WAITING;
}

static void name_in_kernel(struct session *s)
{
	s->sid = s->conn.job.ret_sid;
	s->host = s->conn.job.ret_host;
	if (s->conn.isid_err)
		log_warning("%s: cannot keep the ISID for a restart: %s", s->label,
			strerror(-s->conn.isid_err));
	note_up(s);
}

static int on_login_ended(void *owner)
{
	struct session *s = owner;

	s->pending--;
	if (s->conn.code != ISCSI_OK)
		return login_failed(s);
	name_in_kernel(s);
	if (s->vanished)
		return destroyed(s);
	log_info("Connection%u:0 to [target: %s, portal: %s,%d] through [iface: %s] is operational "
		 "now",
		s->sid, s->node->target, s->node->address, s->node->port, s->node->iface.name);
	s->attempts = 0;
	if (s->conn.lost) {
		s->lost_at = now(s);
		return recover(s);
	}
	scan_for_waiters(s);
	return LOGGED_IN;
}

/* ---- the target asks ---- */

static int on_logout_asked(void *owner)
{
	struct session *s = owner;
	uint64_t timeout = ms(s->node->logout_timeout, LOGOUT_TIMEOUT);

	log_info("%s: the target asks for a logout within %u seconds; logging out and in again",
		s->label, s->asked_seconds);
	if (!send_logout(s))
		return recover(s);
	if (s->asked_seconds && (uint64_t)s->asked_seconds * 1000 < timeout)
		timeout = (uint64_t)s->asked_seconds * 1000;
	machine_post_at(&s->machine, TIMEOUT, now(s) + timeout);
	return RELOGGING;
}

static void on_async(struct session *s, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	struct async a = async_parse(bhs, data, len);
	bool up = s->machine.state == LOGGED_IN || s->machine.state == PROBING;

	switch (a.kind) {
	case ASYNC_KIND_NEW_LUNS:
		log_info("%s: the target's LUNs have changed", s->label);
		if (up && s->node->scan == SCAN_AUTO)
			scan(s);
		break;
	case ASYNC_KIND_NEW_SIZES:
		log_info("%s: a disk's size or name has changed", s->label);
		if (up)
			revive(s);
		break;
	case ASYNC_KIND_LOG_OUT:
		s->asked_seconds = a.seconds;
		machine_post(&s->machine, LOGOUT_ASKED);
		break;
	case ASYNC_KIND_WILL_DROP:
		log_info("%s: the target drops the connection and wants %u seconds of rest", s->label,
			a.seconds);
		s->time2wait = a.seconds;
		break;
	case ASYNC_KIND_NOTHING:
		log_info("%s: asynchronous message, event %u, changes nothing here", s->label,
			(unsigned int)bhs_async_event(bhs));
		break;
	}
}

/* ---- logout ---- */

static int on_logout(void *owner)
{
	struct session *s = owner;

	s->leave_by = now(s) + ms(s->node->logout_timeout, LOGOUT_TIMEOUT);
	if (!task_start(s, &s->unbind, UNBIND_FAILED))
		return take_down(s);
	kernel_unbind(s->initiator->kernel, &s->unbind.job, s->sid, on_unbind_done);
	machine_post_at(&s->machine, TIMEOUT, s->leave_by);
	return UNBINDING;
}

static int on_unbound(void *owner)
{
	struct session *s = owner;

	if (!send_logout(s))
		return take_down(s);
	machine_post_at(&s->machine, TIMEOUT, s->leave_by);
	return LOGGING_OUT;
}

static int on_logout_timeout(void *owner)
{
	struct session *s = owner;

	log_warning("%s: the logout takes too long, the session is taken down", s->label);
	return take_down(s);
}

static int destroy_now(void *owner)
{
	struct session *s = owner;

	s->leave_by = now(s) + ms(s->node->logout_timeout, LOGOUT_TIMEOUT);
	return take_down(s);
}

/* Before there is anything in the kernel. */
static int forget(void *owner)
{
	return end(owner);
}

static int cancelled(void *owner)
{
	struct session *s = owner;

	s->pending--;
	if (!s->sid && s->conn.code != ISCSI_OK)
		return end(s);
	if (!s->sid)
		name_in_kernel(s);
	if (s->vanished || s->conn.vanished)
		return destroyed(s);
	return s->conn.code == ISCSI_OK && !s->conn.lost ? on_logout(s) : take_down(s);
}

static int destroy_refused(void *owner)
{
	struct session *s = owner;

	if (s->destroy.err == -ENXIO)
		return destroyed(s);
	answer(&s->logout_waiters, ISCSI_ERR_INTERNAL, "the kernel refused to destroy the session",
		s->sid);
	machine_post_at(&s->machine, RETRY, now(s) + STUCK_MS);
	return STUCK;
}

static int on_destroy_timeout(void *owner)
{
	struct session *s = owner;

	if (!list_empty(&s->logout_waiters))
		log_error("%s: the kernel has not destroyed the session yet", s->label);
	answer(&s->login_waiters, ISCSI_ERR_LOGOUT, "the session is being destroyed", s->sid);
	answer(&s->logout_waiters, ISCSI_ERR_LOGOUT, "the kernel has not destroyed the session yet",
		s->sid);
	return s->machine.state;
}

/* Who comes late waits for as long again. */
static int wait_more(void *owner)
{
	struct session *s = owner;

	machine_post_at(&s->machine, TIMEOUT, now(s) + DESTROY_MS);
	return s->machine.state;
}

static int stop_refused(void *owner)
{
	struct session *s = owner;

	return s->stop.err == -ENXIO ? destroyed(s) : s->machine.state;
}

/* The attempt still uses this memory. */
static int destroyed_meanwhile(void *owner)
{
	struct session *s = owner;

	conn_cancel(&s->conn);
	return destroyed(s);
}

static int ended_late(void *owner)
{
	struct session *s = owner;

	s->pending--;
	return settle(s);
}

/* ---- taken over ---- */

static int on_take_over(void *owner)
{
	struct session *s = owner;

	switch (s->found) {
	case SESSION_FOUND_HEALTHY:
		if (!send_nop(s))
			return recover(s);
		machine_post_at(&s->machine, TIMEOUT, now(s) + PROBE_MS);
		return PROBING;
	case SESSION_FOUND_BROKEN:
		return recover(s);
	case SESSION_FOUND_LEAVING:
		s->leave_by = now(s) + ms(s->node->logout_timeout, LOGOUT_TIMEOUT);
		return on_unbound(s);
	case SESSION_FOUND_UNFINISHED:
		break;
	}
	return destroy_now(s);
}

static int probed(void *owner)
{
	struct session *s = owner;

	s->up_at = now(s);
	log_info("%s: session %u goes on as it is", s->label, s->sid);
	return LOGGED_IN;
}

/* No answer: the kernel's pings, where they are on, would have told of a dead path by now. */
static int on_probe_timeout(void *owner)
{
	struct session *s = owner;

	return s->pinged ? probed(s) : recover(s);
}

#define UP (IN(LOGGED_IN) | IN(PROBING))
#define LEAVING (IN(UNBINDING) | IN(LOGGING_OUT))
#define TRYING (IN(CONNECTING) | IN(RECONNECTING) | IN(CANCELLING))
#define DOWN (IN(BACKOFF) | IN(DESTROYING) | IN(STUCK))
#define IN_KERNEL (UP | IN(RELOGGING) | LEAVING | DOWN)
#define ALL ((IN(ENDED + 1) - 1) & ~IN(NEW)) /* nothing comes before the first event */

static const struct machine_row rows[] = {
	{IN(NEW), LOGIN, on_login, IN(CONNECTING)},
	{IN(CONNECTING), CONN_ENDED, on_login_ended,
		IN(LOGGED_IN) | IN(WAITING) | IN(BACKOFF) | IN(DESTROYING) | IN(ENDED) | GONE},
	{IN(WAITING), RETRY, on_retry, IN(CONNECTING)},
	{IN(WAITING), LOGOUT, forget, IN(ENDED) | GONE},
	{IN(CONNECTING) | IN(RECONNECTING), CONN_ERROR, tell_conn, 0},
	{IN(CONNECTING), DESTROYED, note_vanished, 0},

	{IN(NEW), TAKE_OVER, on_take_over,
		IN(PROBING) | IN(BACKOFF) | IN(LOGGING_OUT) | IN(DESTROYING)},
	{IN(PROBING), NOP_IN, probed, IN(LOGGED_IN)},
	{IN(PROBING), TIMEOUT, on_probe_timeout, IN(LOGGED_IN) | IN(BACKOFF) | IN(DESTROYING)},
	{IN(PROBING), SEND_FAILED, recover, IN(BACKOFF) | IN(DESTROYING)},

	{UP, CONN_ERROR, recover, IN(BACKOFF) | IN(DESTROYING)},
	{UP, LOGOUT_ASKED, on_logout_asked, IN(RELOGGING) | IN(BACKOFF) | IN(DESTROYING)},
	{IN(RELOGGING), LOGOUT_RESPONSE, recover, IN(BACKOFF) | IN(DESTROYING)},
	{IN(RELOGGING), CONN_ERROR, recover, IN(BACKOFF) | IN(DESTROYING)},
	{IN(RELOGGING), SEND_FAILED, recover, IN(BACKOFF) | IN(DESTROYING)},
	{IN(RELOGGING), TIMEOUT, recover, IN(BACKOFF) | IN(DESTROYING)},
	{IN(BACKOFF), RETRY, reconnect, IN(RECONNECTING)},
	{IN(BACKOFF), STOP_FAILED, stop_refused, IN(ENDED) | GONE},
	{IN(RECONNECTING), CONN_ENDED, reconnect_ended,
		IN(LOGGED_IN) | IN(BACKOFF) | IN(DESTROYING) | IN(ENDED) | GONE},

	{UP, LOGOUT, on_logout, IN(UNBINDING) | IN(DESTROYING)},
	{IN(RELOGGING) | IN(BACKOFF) | IN(STUCK), LOGOUT, destroy_now, IN(DESTROYING)},
	{IN(CONNECTING) | IN(RECONNECTING), LOGOUT, cancel, IN(CANCELLING)},
	{IN(CANCELLING), CONN_ENDED, cancelled,
		IN(UNBINDING) | IN(DESTROYING) | IN(ENDED) | GONE},
	{IN(CANCELLING), DESTROYED, note_vanished, 0},
	{IN(CANCELLING), CONN_ERROR, tell_conn, 0},
	{IN(CANCELLING) | IN(DESTROYING), TIMEOUT, on_destroy_timeout, 0},
	{IN(CANCELLING) | IN(DESTROYING), LOGOUT, wait_more, 0},
	{IN(UNBINDING), UNBOUND, on_unbound, IN(LOGGING_OUT) | IN(DESTROYING)},
	{IN(UNBINDING), UNBIND_FAILED, take_down, IN(DESTROYING)},
	{IN(LOGGING_OUT), LOGOUT_RESPONSE, take_down, IN(DESTROYING)},
	{IN(LOGGING_OUT), SEND_FAILED, take_down, IN(DESTROYING)},
	{LEAVING, CONN_ERROR, take_down, IN(DESTROYING)},
	{LEAVING, TIMEOUT, on_logout_timeout, IN(DESTROYING)},
	{LEAVING, LOGOUT, stay, 0},
	{IN(DESTROYING), DESTROY_FAILED, destroy_refused, IN(STUCK) | IN(ENDED) | GONE},
	{IN(STUCK), RETRY, take_down, IN(DESTROYING)},
	{IN(RECONNECTING), DESTROYED, destroyed_meanwhile, IN(ENDED) | GONE},
	{IN_KERNEL, DESTROYED, destroyed, IN(ENDED) | GONE},
	{IN(ENDED), CONN_ENDED, ended_late, GONE},
	{IN(ENDED), SETTLED, settle, GONE},
	{IN(ENDED), SCANNED, settle, GONE},

	/* Answers that nobody waits for any more, and news that change nothing. */
	{UP, SCANNED, on_scanned, 0},
	{ALL & ~UP, SCANNED, stay, 0},
	{ALL, SETTLED, stay, 0},
	{ALL, NOP_IN, stay, 0},
	{ALL, UNBOUND, stay, 0},
	{ALL, LOGOUT_RESPONSE, stay, 0},
	{ALL, LOGOUT_ASKED, stay, 0},
	{ALL, SEND_FAILED, stay, 0},
	{ALL, UNBIND_FAILED, stay, 0},
	{ALL, STOP_FAILED, stay, 0},
	{IN(WAITING) | DOWN | IN(ENDED), CONN_ERROR, stay, 0},
	{IN(WAITING) | IN(ENDED), DESTROYED, stay, 0},
	{IN(ENDED), DESTROY_FAILED, stay, 0},
	{IN(ENDED), LOGOUT, forget, GONE},
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
	if (conn_init(&s->conn, s) || machine_init(&s->machine, &i->runner, &session_machine, s, NEW)) {
		session_free(s);
		return NULL;
	}
	s->node = node;
	snprintf(s->label, sizeof(s->label), "%s at %s,%d (iface %s)", node->target, node->address,
		node->port, node->iface.name);
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

struct session *session_take_over(struct initiator *i, struct iscsi_node *node, uint32_t sid, int host,
	enum session_found found, bool pinged)
{
	struct session *s = new_session(i, node);

	if (!s)
		return NULL;
	s->sid = sid;
	s->host = host;
	s->found = found;
	s->pinged = pinged;
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
		on_async(s, bhs, data, len);
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

	if (s->sid && !v)
		session_destroyed(s);
	else if (v && str_eq(v->target_state, "UNBOUND"))
		session_unbound(s);
	else if (v && up && !str_eq(v->state, "LOGGED_IN"))
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
