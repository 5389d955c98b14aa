/* SPDX-License-Identifier: MIT */
/* discover.h - what the modes discovery and discoverydb share */
#ifndef ISCSIADM_DISCOVER_H
#define ISCSIADM_DISCOVER_H

#include "iscsiadm.h"

/* Where -t and -p point to: -t st unless it says isns. */
struct iscsi_source discover_source(const struct options *o);

/*
 * Asks the record's source, through every interface that was chosen, brings the node records in
 * line as -o says, prints what was found, and logs in to it with -l. The exit status.
 */
int discover_run(struct app *a, struct iscsi_discovery *record);
/*
 * Asks alone: what it announces, with the settings of iscsid.conf. Nothing at all is a failure; that one
 * of several interfaces had no answer is none: *ret_all is false then.
 */
int discover_ask(
	struct app *a, struct iscsi_discovery *record, struct nodes *ret, bool *ret_all);
/* The part that begins when it is known what was found. */
int discover_finish(struct app *a, const struct iscsi_source *source, const struct nodes *nodes);

/* The same with the targets of the firmware. */
int discover_run_fw(struct app *a);

/* Prints the record. */
void discover_show(struct app *a, struct iscsi_discovery *record);

/* Lists every source, from level 1 on with what was found there. */
int discover_list(struct app *a);

#endif
