/* SPDX-License-Identifier: MIT */
/* params.h - a record's settings as what login offers, and what was agreed as kernel parameters */
#ifndef ISCSID_PARAMS_H
#define ISCSID_PARAMS_H

#include "kernel.h"
#include "login.h"
#include "record.h"

/* Values that cannot be offered become the default (records.md: "invalid"). */
void params_offer(const struct iscsi_node *node, struct login_params *ret);

struct params_source {
	const struct iscsi_node *node;
	const struct login_result *login;
	const char *initiator_name;
};

/* Everything the kernel is told at a hand-over. -ENAMETOOLONG: a value has no room. */
int params_kernel(const struct params_source *from, struct kernel_params *ret);
/* What of it can be changed while the connection is up: timers, how tasks are aborted. */
void params_live(const struct iscsi_node *node, struct kernel_params *ret);
void params_wipe(struct kernel_params *p);

#endif
