/* SPDX-License-Identifier: MIT */
/*
 * session-login.c - the first login: attempts until one works, one fails for good or the time is
 * over; then the scan, and the answer to who waits for the disks.
 */
#include "session-actions.h"

#include <string.h>

#include "err.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"

#define RETRY_MS 3000 /* between two attempts */

int act_retry(void *owner)
{
	session_attempt(owner);
	return CONNECTING;
}

int act_login(void *owner)
{
	struct session *s = owner;
	int retries = s->node->initial_login_retry_max;

	s->give_up_at = session_now(s) +
		session_login_ms(s) * (retries > 0 ? (uint64_t)retries : 0);
	return act_retry(s);
}

static int login_failed(struct session *s)
{
	uint64_t left = s->give_up_at > session_now(s) ? s->give_up_at - session_now(s) : 0;

	if (s->conn.final || !left) {
		log_error("%s: login failed after %u attempt%s, %s", s->label, s->attempts,
			s->attempts == 1 ? "" : "s", s->conn.text);
		session_answer(&s->login_waiters, s->conn.code, s->conn.text, 0);
		return session_end(s);
	}
	if (left > RETRY_MS)
		left = RETRY_MS;
	log_warning("%s: login failed, %s; trying again in %u ms", s->label, s->conn.text,
		(unsigned int)left);
	machine_post_at(&s->machine, RETRY, session_now(s) + left);
	return WAITING;
}

void session_note_up(struct session *s)
{
	s->up_at = session_now(s);
	s->time2wait = s->conn.time2wait;
}

void session_name_in_kernel(struct session *s)
{
	s->sid = s->conn.job.ret_sid;
	s->host = s->conn.job.ret_host;
	if (s->conn.isid_err)
		log_warning("%s: cannot keep the ISID for a restart: %s", s->label,
			strerror(-s->conn.isid_err));
	session_note_up(s);
}

int act_login_ended(void *owner)
{
	struct session *s = owner;

	session_attempt_ended(s);
	if (s->conn.code != ISCSI_OK)
		return login_failed(s);
	session_name_in_kernel(s);
	if (s->vanished)
		return act_destroyed(s);
	log_info("Connection%u:0 to [target: %s, portal: %s,%d] through [iface: %s] is operational "
		 "now",
		s->sid, s->node->target, s->node->address, s->node->port, s->node->iface.name);
	s->attempts = 0;
	if (s->conn.lost) {
		s->lost_at = session_now(s);
		return act_recover(s);
	}
	session_set(s);
	session_scan_for_waiters(s);
	return LOGGED_IN;
}

/* ---- the scan ---- */

/* Somebody waits for the disks: those of a first login, or of one that was lost before its scan. */
void session_scan_for_waiters(struct session *s)
{
	if (list_empty(&s->login_waiters))
		return;
	if (s->node->scan == SCAN_AUTO)
		session_scan(s);
	else
		session_answer(&s->login_waiters, ISCSI_OK, "", s->sid);
}

int act_scanned(void *owner)
{
	struct session *s = owner;

	if (s->scan_again)
		session_scan(s);
	else
		session_answer(&s->login_waiters, ISCSI_OK, "", s->sid);
	return s->machine.state;
}
