/* SPDX-License-Identifier: MIT */
/*
 * wanted.h - automatic records that could not be reached when they were to be logged in to: they
 * are tried again when the network changes, and now and then without; by the next daemon as well.
 */
#ifndef ISCSID_WANTED_H
#define ISCSID_WANTED_H

#include "initiator.h"

struct wanted;

/* -ENOMEM. Where the network cannot be watched, time alone counts, and a warning is logged. */
int wanted_open(struct initiator *i, struct iscsi_db *db, struct wanted **ret);
void wanted_close(struct wanted *w); /* takes NULL */

/*
 * The record's node.startup says automatic as long as it is wanted: it is read again before each
 * attempt. Twice is once.
 */
void wanted_add(struct wanted *w, const struct iscsi_node *n);
/* Is this how an attempt ends that can be of use again when the network has changed? */
bool wanted_is_for(int code);

/*
 * Those that no login is under way for, each with a number of its own that is none of a session's
 * login. w may be NULL.
 */
void wanted_each(const struct wanted *w,
	void (*each)(void *data, uint32_t login, const struct iscsi_node_id *id), void *data);
/* It is not tried any more, by no later daemon either. False: none of them has this number. */
bool wanted_cancel(struct wanted *w, uint32_t login);

/* What the watch calls. */
void wanted_network_changed(struct wanted *w);

#endif
