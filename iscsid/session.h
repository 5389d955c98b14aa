/* SPDX-License-Identifier: MIT */
/*
 * session.h - one session: how often its login is tried, its scan, its logout, its end.
 */
#ifndef ISCSID_SESSION_H
#define ISCSID_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "conn.h"
#include "initiator.h"
#include "kernel.h"
#include "machine.h"
#include "scan.h"

struct view_session;

/* Who waits for a login or a logout to end; one call, after which the waiter is the caller's. */
struct session_waiter {
	struct list link;
	/* code: enum iscsi_err; text: one sentence, "" on success; sid 0: there is none. */
	void (*done)(struct session_waiter *w, int code, const char *text, uint32_t sid);
};

struct session {
	struct list link; /* in the initiator */
	struct initiator *initiator;
	struct iscsi_node *node; /* owned */
	char label[600];	 /* target, portal and iface, for the log */
	struct machine machine;
	struct conn conn;
	uint8_t isid[ISID_LEN];
	uint32_t sid; /* of the kernel; 0: none yet */
	int host;     /* SCSI host number; -1: none */
	uint64_t give_up_at; /* no new attempt of the first login from then on */
	unsigned int attempts;

	struct kernel_job unbind, send, destroy;
	struct scan scan;
	unsigned int pending; /* jobs and scans that still use this memory */
	int destroy_err;

	struct list login_waiters, logout_waiters;
};

/* A new session that logs in; node becomes its own. NULL: no memory, node is the caller's. */
struct session *session_login(struct initiator *i, struct iscsi_node *node,
	struct session_waiter *w);
/* One more who waits for a login that is under way; false: there is none. */
bool session_join_login(struct session *s, struct session_waiter *w);
/* One that the kernel has already. */
struct session *session_adopt(struct initiator *i, const struct view_session *v);
/* In any state; a second one waits with the first. */
void session_logout(struct session *s, struct session_waiter *w);

/* What the connection and the kernel have to tell. */
void session_conn_ended(struct session *s);
void session_pdu(struct session *s, const uint8_t *bhs);
void session_conn_error(struct session *s, int error);
void session_unbound(struct session *s);
void session_destroyed(struct session *s);

bool session_is_for(const struct session *s, const struct iscsi_node *node);
/* What open-iscsi's callers know: "LOGGED IN", ... and "NO CHANGE", ... */
const char *session_connection_state(const struct session *s);
const char *session_internal_state(const struct session *s);

/* At the end of the daemon: memory only. */
void session_free(struct session *s);

#endif
