/* SPDX-License-Identifier: MIT */
/* record-ops.h - show, update and delete of the records that match */
#ifndef ISCSIADM_RECORD_OPS_H
#define ISCSIADM_RECORD_OPS_H

#include "iscsiadm.h"

/* What -o says, show when it says nothing. The exit status; everything is printed. */
int record_ops_run(struct app *a, const struct iscsi_node_match *match);

#endif
