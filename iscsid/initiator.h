/* SPDX-License-Identifier: MIT */
/*
 * initiator.h - the set of sessions of this host and what they share.
 */
#ifndef ISCSID_INITIATOR_H
#define ISCSID_INITIATOR_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "isid.h"
#include "kernel.h"
#include "list.h"
#include "machine.h"

struct iscsi_db;
struct iscsi_node;
struct session;
struct session_waiter;
struct wanted;

struct initiator {
	uv_loop_t *loop;
	const char *root; /* the directory that stands for "/" */
	struct iscsi_db *db;
	struct kernel *kernel;
	struct machine_runner runner;
	char *name, *alias; /* InitiatorName (NULL: not read yet) and InitiatorAlias (or NULL) */
	struct wanted *wanted; /* NULL: nothing stays wanted */
	bool safe_logout;   /* iscsid.safe_logout: no logout from under who uses the disks */
	struct list sessions;
	uint32_t logins; /* begun so far */
	struct list ended;  /* sessions that are gone, but a job or a thread uses their memory */
	uint64_t reconnect_next; /* ms: no attempt to reconnect begins before */
};

/*
 * Opens the kernel and takes over its sessions as they are. db and root are kept; event_fd as in
 * kernel_open. -errno.
 */
int initiator_open(struct initiator *i, uv_loop_t *loop, const char *root, struct iscsi_db *db,
	int event_fd);
/*
 * Sessions stay in the kernel. The loop must run once more for handles to close, and may only when
 * no login is under way.
 */
void initiator_close(struct initiator *i);

/* Reads InitiatorName when that is not done yet: 0, or -errno as iscsi_db_initiator. */
int initiator_need_name(struct initiator *i);

/* The name to log in with: that of the record's interface, where it has one. */
const char *initiator_name_for(const struct initiator *i, const struct iscsi_node *node);

/* An ISID for one more session to node's target and portal, see isid.h. 0 or -EIO. */
int initiator_choose_isid(struct initiator *i, const struct iscsi_node *node, uint8_t ret[ISID_LEN]);

/*
 * The moment (ms) for an attempt to reconnect that is due now: each has one of its own, so that
 * many sessions that are lost at once do not come back as one flood.
 */
uint64_t initiator_reconnect_turn(struct initiator *i);
/* From the first news of a change: addresses and routes follow each other. */
#define NETWORK_SETTLE_MS 300
void initiator_network_changed(struct initiator *i);
/* A session has reached node's portal: those that could not have no reason to wait any longer. */
void initiator_portal_is_back(struct initiator *i, const struct iscsi_node *node);

struct session *initiator_find_sid(struct initiator *i, uint32_t sid);
/* By session.login. */
struct session *initiator_find_login(struct initiator *i, uint32_t login);
/* Are there, or are on their way, as many sessions to a record's portal as it wants? */
bool initiator_has_all(struct initiator *i, const struct iscsi_node *node);
/* One more who waits for a login of that record that is under way; false: there is none. */
bool initiator_join_login(struct initiator *i, const struct iscsi_node *node,
	struct session_waiter *w);

#endif
