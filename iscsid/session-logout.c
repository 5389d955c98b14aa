/* SPDX-License-Identifier: MIT */
/*
 * session-logout.c - logout and every other way to the end: politely (remove the devices, Logout,
 * destroy), at once (destroy), or by somebody else.
 */
#include "session-actions.h"

#include <errno.h>

#include "err.h"
#include "isid.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"

#define DESTROY_MS 5000 /* after logout_timeout, until the caller hears that it takes longer */
#define STUCK_MS 60000	/* until a session that the kernel did not destroy is tried again */

/* ---- politely ---- */

static int leave(struct session *s)
{
	if (!session_unbind(s))
		return act_take_down(s);
	machine_post_at(&s->machine, TIMEOUT, s->leave_by);
	return UNBINDING;
}

int act_logout(void *owner)
{
	struct session *s = owner;

	s->leave_by = session_now(s) + session_logout_ms(s);
	return leave(s);
}

int act_unbound(void *owner)
{
	struct session *s = owner;

	if (!session_send_logout(s))
		return act_take_down(s);
	machine_post_at(&s->machine, TIMEOUT, s->leave_by);
	return LOGGING_OUT;
}

int act_logout_timeout(void *owner)
{
	struct session *s = owner;

	log_warning("%s: the logout takes too long, the session is taken down", s->label);
	return act_take_down(s);
}

/* ---- out of an attempt ---- */

int act_cancel(void *owner)
{
	struct session *s = owner;

	s->leave_by = session_now(s) + session_logout_ms(s);
	conn_cancel(&s->conn);
	machine_post_at(&s->machine, TIMEOUT, s->leave_by + DESTROY_MS);
	return CANCELLING;
}

int act_cancelled(void *owner)
{
	struct session *s = owner;

	session_attempt_ended(s);
	if (!s->sid && s->conn.code != ISCSI_OK)
		return session_end(s);
	if (!s->sid)
		session_name_in_kernel(s);
	if (s->vanished || s->conn.vanished)
		return act_destroyed(s);
	return s->conn.code == ISCSI_OK && !s->conn.lost ? leave(s) : act_take_down(s);
}

/* ---- at once ---- */

int act_take_down(void *owner)
{
	struct session *s = owner;

	session_destroy(s);
	if (s->leave_by < session_now(s))
		s->leave_by = session_now(s);
	machine_post_at(&s->machine, TIMEOUT, s->leave_by + DESTROY_MS);
	return DESTROYING;
}

int act_destroy_now(void *owner)
{
	struct session *s = owner;

	s->leave_by = session_now(s) + session_logout_ms(s);
	return act_take_down(s);
}

int act_destroy_refused(void *owner)
{
	struct session *s = owner;

	if (s->destroy.err == -ENXIO)
		return act_destroyed(s);
	session_answer(&s->login_waiters, ISCSI_ERR_LOGOUT, "the session is being destroyed", s->sid);
	session_answer(&s->logout_waiters, ISCSI_ERR_INTERNAL,
		"the kernel refused to destroy the session", s->sid);
	machine_post_at(&s->machine, RETRY, session_now(s) + STUCK_MS);
	return STUCK;
}

int act_destroy_timeout(void *owner)
{
	struct session *s = owner;

	if (!list_empty(&s->logout_waiters))
		log_error("%s: the kernel has not destroyed the session yet", s->label);
	session_answer(&s->login_waiters, ISCSI_ERR_LOGOUT, "the session is being destroyed", s->sid);
	session_answer(&s->logout_waiters, ISCSI_ERR_LOGOUT,
		"the kernel has not destroyed the session yet", s->sid);
	return s->machine.state;
}

/* Who comes late waits for as long again; nobody waits for less than before. */
int act_wait_more(void *owner)
{
	struct session *s = owner;

	if (s->leave_by < session_now(s))
		s->leave_by = session_now(s);
	machine_post_at(&s->machine, TIMEOUT, s->leave_by + DESTROY_MS);
	return s->machine.state;
}

/* ---- the end ---- */

/* Its memory goes when nothing uses it any more. */
int act_settle(void *owner)
{
	struct session *s = owner;

	if (s->pending)
		return ENDED;
	session_free(s);
	return MACHINE_GONE;
}

/* Nobody finds it from now on: nobody waits for it, and its place is free. */
int session_end(struct session *s)
{
	list_remove(&s->link);
	list_append(&s->initiator->ended, &s->link);
	session_answer(&s->login_waiters, ISCSI_ERR_SESS_NOT_FOUND,
		"the session was logged out meanwhile", 0);
	session_answer(&s->logout_waiters, ISCSI_OK, "", s->sid);
	return act_settle(s);
}

/* Before there is anything in the kernel. */
int act_forget(void *owner)
{
	return session_end(owner);
}

int act_destroyed(void *owner)
{
	struct session *s = owner;

	isid_forget(s->initiator->root, s->sid);
	log_info("Connection%u:0 to [target: %s, portal: %s,%d] through [iface: %s] is shutdown.",
		s->sid, s->node->target, s->node->address, s->node->port, s->node->iface.name);
	return session_end(s);
}

/* The attempt still uses this memory. */
int act_destroyed_meanwhile(void *owner)
{
	struct session *s = owner;

	conn_cancel(&s->conn);
	return act_destroyed(s);
}

int act_ended_late(void *owner)
{
	struct session *s = owner;

	session_attempt_ended(s);
	return act_settle(s);
}
