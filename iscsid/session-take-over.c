/* SPDX-License-Identifier: MIT */
/* session-take-over.c - a session that the kernel has already: goes on, recovers, or goes */
#include "session-actions.h"

#include "log.h"

#define PROBE_MS 30000 /* no answer: the kernel's own pings would have told by now */

int act_take_over(void *owner)
{
	struct session *s = owner;

	switch (s->found) {
	case SESSION_FOUND_HEALTHY:
		if (!session_send_nop(s))
			return act_recover(s);
		machine_post_at(&s->machine, TIMEOUT, session_now(s) + PROBE_MS);
		return PROBING;
	case SESSION_FOUND_BROKEN:
		return act_recover(s);
	case SESSION_FOUND_LEAVING:
		s->leave_by = session_now(s) + session_logout_ms(s);
		return act_unbound(s);
	case SESSION_FOUND_UNFINISHED:
		break;
	}
	return act_destroy_now(s);
}

int act_probed(void *owner)
{
	struct session *s = owner;

	s->up_at = session_now(s);
	log_info("%s: session %u goes on as it is", s->label, s->sid);
	session_set(s);
	return LOGGED_IN;
}

/* No answer: the kernel's pings, where they are on, would have told of a dead path by now. */
int act_probe_timeout(void *owner)
{
	struct session *s = owner;

	return s->pinged ? act_probed(s) : act_recover(s);
}
