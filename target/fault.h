/* SPDX-License-Identifier: MIT */
/*
 * fault.h - misbehaviour on demand, for tests of initiators: one row of fault.c for each kind.
 *
 * A fault belongs to a target and is given as text: NAME[=ARGUMENT][,after=N][,times=N]: it lets
 * its first N occasions pass (0), and strikes at most N times (without end). What happens before
 * the initiator has named a target, and in discovery sessions, any target's fault strikes.
 */
#ifndef TARGET_FAULT_H
#define TARGET_FAULT_H

#include "conn.h"
#include "login-target.h"
#include "send-targets.h"

/*
 * Adds a fault to the target, or does at once what it says; "none" takes all of them away. NULL
 * when good, else why not, as the end of a sentence.
 */
const char *fault_set(struct server *s, struct target *t, const char *text);
void fault_clear(struct server *s, struct target *t);

/* ---- the occasions ---- */

void fault_on_accept(struct conn *c);
/* A login asks for t (NULL: a discovery): the status to refuse it with, or what is given. */
enum login_status fault_on_login(struct conn *c, const struct target *t, enum login_status status,
	struct login_target_settings *settings);
/* A PDU has come; true: it is not to be handled. */
bool fault_on_request(struct conn *c, const struct pdu_in *pdu);
/* A PDU was added to what will be written; responses of the login count too. */
void fault_on_response(struct conn *c, struct pdu_out *pdu);
/* SendTargets lists a target: 0 or -ENOMEM. */
int fault_on_list(const struct conn *c, const struct target *t, struct send_targets *s);

#endif
