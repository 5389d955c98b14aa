/* SPDX-License-Identifier: MIT */
/*
 * session-update.c - settings that change while the session is there. Timers go to the kernel at
 * once when the connection is up; what is negotiated, secrets and the rest count from the next
 * login on.
 */
#include "session-actions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "err.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"
#include "str.h"
#include "sysfs.h"

static bool is_in(const struct session *s, unsigned int states)
{
	return IN(s->machine.state) & states;
}

void session_take_next(struct session *s)
{
	if (!s->next)
		return;
	iscsi_node_free(s->node);
	s->node = STEAL_PTR(s->next);
	s->changed = true;
}

/*
 * Since somebody wrote recovery_tmo in sysfs (multipathd does), the kernel takes it from nowhere
 * else. Who asks for a value by name is to get it.
 */
static void insist_on_recovery_tmo(struct session *s)
{
	CLEANUP_FREE char *path =
		str_printf("sys/class/iscsi_session/session%u/recovery_tmo", s->sid);
	CLEANUP_FREE char *is = NULL;
	int timeout = s->node->replacement_timeout, r = 0;
	char wanted[16] = "off";

	if (timeout >= 0)
		snprintf(wanted, sizeof(wanted), "%d", timeout);
	if (path && !sysfs_read(s->initiator->root, path, &is) && !str_eq(is, wanted))
		r = sysfs_write(s->initiator->root, path, wanted);
	if (r)
		log_warning("%s: recovery_tmo of session %u stays %s: %s", s->label, s->sid,
			is ? is : "as it is", strerror(-r));
}

static void answer(struct session *s, int code)
{
	session_answer(&s->update_waiters, code,
		code ? "the kernel refused the session's new timers" : "", s->sid);
}

void session_was_set(struct session *s, int err)
{
	if (s->changed && is_in(s, IN(LOGGED_IN) | IN(PROBING)) && session_set(s))
		return;
	if (!err && !list_empty(&s->update_waiters))
		insist_on_recovery_tmo(s);
	answer(s, err && err != -ENOTCONN ? ISCSI_ERR_INTERNAL : ISCSI_OK);
}

void session_update(struct session *s, struct iscsi_node *node, struct session_waiter *w)
{
	iscsi_node_free(s->next);
	s->next = node;
	list_append(&s->update_waiters, &w->link);
	/* What an attempt has been given stays until its end. */
	if (!is_in(s, IN(CONNECTING) | IN(RECONNECTING) | IN(CANCELLING)))
		session_take_next(s);
	if (!is_in(s, IN(LOGGED_IN) | IN(PROBING)))
		answer(s, ISCSI_OK);
	else if (!session_set(s) && !s->set.busy)
		answer(s, ISCSI_ERR_NOMEM);
}
