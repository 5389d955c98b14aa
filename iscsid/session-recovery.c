/* SPDX-License-Identifier: MIT */
/*
 * session-recovery.c - a connection that is lost comes back: stop, wait, reconnect, and again; and
 * what a target announces of this kind.
 */
#include "session-actions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "async.h"
#include "backoff.h"
#include "err.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"

#define STEADY_MS 10000	  /* a connection that lived shorter does not count as recovered */
#define SUMMARY_MS 600000 /* between two lines about the same failure */
#define ERROR_INVALID_HOST 1018

static bool io_waits(const struct session *s)
{
	int timeout = s->node->replacement_timeout;

	return timeout < 0 || session_now(s) < s->lost_at + (uint64_t)timeout * 1000;
}

static int wait_to_reconnect(struct session *s, uint64_t delay)
{
	s->turn = 0;
	s->retry_at = session_now(s) + delay;
	machine_post_at(&s->machine, RETRY, s->retry_at);
	return BACKOFF;
}

static void log_lost(const struct session *s)
{
	if (s->machine.state == RELOGGING && !s->error)
		log_info("%s: connection%u:0 ends as the target asked for; logging in again", s->label,
			s->sid);
	else
		log_warning("%s: connection%u:0 is lost (%s); reconnecting", s->label, s->sid,
			kernel_error_text(s->error));
}

/* The connection is gone: let go of it, and come back. Disks stay, their I/O waits. */
int act_recover(void *owner)
{
	struct session *s = owner;
	uint64_t delay = 0;

	if (s->error == ERROR_INVALID_HOST) /* the driver is on its way out and waits for us */
		return act_take_down(s);
	if (!s->attempts || session_now(s) >= s->up_at + STEADY_MS) {
		s->attempts = 0;
		s->logged[0] = '\0';
		s->lost_at = session_now(s);
		log_lost(s);
	}
	session_stop_conn(s);
	if (s->attempts)
		delay = backoff_delay(&(struct backoff){s->attempts, io_waits(s), false, s->sid});
	if (delay < s->time2wait * 1000ull)
		delay = s->time2wait * 1000ull;
	return wait_to_reconnect(s, delay);
}

int act_error_while_down(void *owner)
{
	struct session *s = owner;

	return s->error == ERROR_INVALID_HOST ? act_take_down(s) : s->machine.state;
}

int act_stop_refused(void *owner)
{
	struct session *s = owner;

	return s->stop.err == -ENXIO ? act_destroyed(s) : s->machine.state;
}

int act_reconnect(void *owner)
{
	struct session *s = owner;

	if (!s->turn)
		s->turn = initiator_reconnect_turn(s->initiator);
	if (s->turn > session_now(s)) {
		machine_post_at(&s->machine, RETRY, s->turn);
		return BACKOFF;
	}
	session_attempt(s);
	return RECONNECTING;
}

static void reconnect_by(struct session *s, uint64_t at)
{
	if (s->machine.state != BACKOFF || !s->attempts || !s->conn.unreached || s->turn ||
		s->retry_at <= at)
		return;
	s->retry_at = at;
	machine_post_at(&s->machine, RETRY, at);
}

void session_portal_is_back(struct session *s)
{
	reconnect_by(s, session_now(s));
}

void session_network_changed(struct session *s)
{
	reconnect_by(s, session_now(s) + NETWORK_SETTLE_MS);
}

/* ---- how an attempt ended ---- */

/* One line for each new reason, then one for every so many attempts or minutes. */
static void log_failure(struct session *s)
{
	unsigned int every = s->node->sess_reopen_log_freq > 1
		? (unsigned int)s->node->sess_reopen_log_freq : 0;

	if (!strncmp(s->logged, s->conn.text, sizeof(s->logged) - 1) &&
		!(every && s->attempts % every == 0) && session_now(s) < s->logged_at + SUMMARY_MS)
		return;
	snprintf(s->logged, sizeof(s->logged), "%.*s", (int)sizeof(s->logged) - 1, s->conn.text);
	s->logged_at = session_now(s);
	log_warning("%s: attempt %u to reconnect failed, %s; it goes on", s->label, s->attempts,
		s->conn.text);
}

static int give_up(struct session *s, const char *why)
{
	log_error("%s: %s after %u attempts to reconnect, the session is taken down", s->label, why,
		s->attempts);
	session_answer(&s->login_waiters, s->conn.code, s->conn.text, 0);
	s->leave_by = session_now(s);
	return act_take_down(s);
}

static int reconnect_failed(struct session *s)
{
	bool refused = s->conn.code == ISCSI_ERR_LOGIN_AUTH_FAILED;
	struct backoff b = {s->attempts, io_waits(s), refused, s->sid};

	if (s->conn.vanished)
		return act_destroyed(s);
	if (s->error == ERROR_INVALID_HOST)
		return act_take_down(s);
	if (s->node->reopen_max > 0 && s->attempts > (unsigned int)s->node->reopen_max)
		return give_up(s, "node.session.reopen_max is reached");
	/* A first login that never got as far as its answer is not worth more than its time. */
	if (!list_empty(&s->login_waiters) && session_now(s) >= s->give_up_at)
		return give_up(s, "the time for the login is over");
	log_failure(s);
	return wait_to_reconnect(s, backoff_delay(&b));
}

int act_reconnect_ended(void *owner)
{
	struct session *s = owner;

	session_attempt_ended(s);
	if (s->vanished)
		return act_destroyed(s);
	if (s->conn.code != ISCSI_OK)
		return reconnect_failed(s);
	if (!s->conn.lost)
		log_info("connection%u:0 is operational after recovery (%u attempts)", s->sid,
			s->attempts);
	session_note_up(s);
	if (s->conn.lost)
		return act_recover(s);
	initiator_portal_is_back(s->initiator, s->node);
	session_set(s);
	session_revive(s);
	if (s->scan_again && !s->scanning) /* asked for while it was down */
		session_scan(s);
	else
		session_scan_for_waiters(s);
	return LOGGED_IN;
}

/* ---- the target asks ---- */

int act_logout_asked(void *owner)
{
	struct session *s = owner;
	uint64_t timeout = session_logout_ms(s);

	log_info("%s: the target asks for a logout within %u seconds; logging out and in again",
		s->label, s->asked_seconds);
	if (!session_send_logout(s))
		return act_recover(s);
	if (s->asked_seconds && (uint64_t)s->asked_seconds * 1000 < timeout)
		timeout = (uint64_t)s->asked_seconds * 1000;
	machine_post_at(&s->machine, TIMEOUT, session_now(s) + timeout);
	return RELOGGING;
}

void session_async(struct session *s, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	struct async a = async_parse(bhs, data, len);
	bool up = s->machine.state == LOGGED_IN || s->machine.state == PROBING;

	switch (a.kind) {
	case ASYNC_KIND_NEW_LUNS:
		log_info("%s: the target's LUNs have changed", s->label);
		if (up && s->node->scan == SCAN_AUTO)
			session_scan(s);
		break;
	case ASYNC_KIND_NEW_SIZES:
		log_info("%s: a disk's size or name has changed", s->label);
		if (up)
			session_revive(s);
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
