/* SPDX-License-Identifier: MIT */
/* record-ops.h - show, update and delete of the records that match */
#ifndef ISCSIADM_RECORD_OPS_H
#define ISCSIADM_RECORD_OPS_H

#include "iscsiadm.h"

/* Says why an update was refused. */
void record_update_refused(enum iscsi_update_result why, const struct iscsi_setting *s);
/* Says that a record stays because a session uses it. */
void record_say_in_use(const struct iscsi_node_id *id);

/* What -o says, show when it says nothing. The exit status; everything is printed. */
int record_ops_run(struct app *a, const struct iscsi_node_match *match);

#endif
