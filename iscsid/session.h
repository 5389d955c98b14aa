/* SPDX-License-Identifier: MIT */
/*
 * session.h - one session: how often its login is tried, its scan, its logout, its end.
 */
#ifndef ISCSID_SESSION_H
#define ISCSID_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "conn.h"
#include "devices.h"
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

/* A kernel job and whether it is under way. */
struct session_task {
	struct kernel_job job;
	bool busy;
	int failed; /* the event that is posted when the kernel refuses */
	int err;
};

/* How a session was found that the kernel has already. */
enum session_found {
	SESSION_FOUND_HEALTHY,	  /* as far as sysfs knows; a NOP-Out tells */
	SESSION_FOUND_BROKEN,	  /* its connection is lost */
	SESSION_FOUND_LEAVING,	  /* somebody's logout got as far as removing its devices */
	SESSION_FOUND_UNFINISHED, /* a login that never came to its end, or a logout close to its own */
};

extern const struct machine_def session_machine;

struct session {
	struct list link; /* in the initiator */
	struct initiator *initiator;
	struct iscsi_node *node; /* owned */
	char label[600];	 /* target, portal and iface, for the log */
	struct machine machine;
	struct conn conn;
	uint8_t isid[ISID_LEN];
	uint32_t sid; /* of the kernel; 0: none yet */
	uint32_t login; /* its number among the logins of this daemon; 0: taken over */
	int host;     /* SCSI host number; -1: none */
	enum session_found found;
	bool pinged; /* the kernel pings the target by itself */

	unsigned int attempts; /* of this login or recovery */
	uint64_t give_up_at;   /* no new attempt of the first login from then on */
	uint64_t leave_by;     /* the logout is to be over */
	uint64_t up_at, lost_at; /* when the connection came up, and was lost, last */
	uint64_t retry_at;	 /* of the wait before the next attempt to reconnect */
	uint64_t turn;		 /* when the attempt to reconnect may begin; 0: not known yet */
	unsigned int time2wait;	 /* seconds before the first attempt to reconnect */
	unsigned int asked_seconds; /* of the target's request to log out */
	int error;		    /* the kernel's, of the connection */
	bool vanished;		    /* the kernel has destroyed it while an attempt was under way */
	char logged[128];	    /* why reconnecting failed, as it was logged last */
	uint64_t logged_at;

	struct session_task stop, unbind, send, destroy, set;
	struct kernel_params *live; /* of the task set */
	struct iscsi_node *next; /* takes node's place when the attempt has ended, or NULL */
	bool changed; /* since the kernel was told */
	struct scan scan;
	bool scanning, scan_again;
	struct devices devices;
	bool reviving;
	unsigned int pending; /* jobs, scans and attempts that still use this memory */

	struct list login_waiters, logout_waiters, update_waiters;
};

/* A new session that logs in; node becomes its own. NULL: no memory, node is the caller's. */
struct session *session_login(struct initiator *i, struct iscsi_node *node,
	struct session_waiter *w);
/* One more who waits for a login that is under way; false: there is none. */
bool session_join_login(struct session *s, struct session_waiter *w);
/* One that the kernel has already; node as above. See adopt.h. */
struct session *session_take_over(struct initiator *i, struct iscsi_node *node, uint32_t sid,
	int host, enum session_found found, bool pinged);
/* In any state; a second one waits with the first. */
void session_logout(struct session *s, struct session_waiter *w);

/*
 * node (its own from now on, for the same target, portal and interface) is what the session goes by:
 * timers at once, all else from the next login on. The waiter hears when the kernel knows.
 */
void session_update(struct session *s, struct iscsi_node *node, struct session_waiter *w);

/* What the connection and the kernel have to tell. */
void session_conn_ended(struct session *s);
void session_pdu(struct session *s, const uint8_t *bhs, const uint8_t *data, size_t len);
void session_conn_error(struct session *s, int error);
void session_unbound(struct session *s);
void session_destroyed(struct session *s);
/* An address, a route or a link has come: what could not be reached may be there again. */
void session_network_changed(struct session *s);
/* Another session has reached the portal that this one may be waiting for. */
void session_portal_is_back(struct session *s);
/* Events were lost; v: what sysfs says now, NULL: it is not there. */
void session_resync(struct session *s, const struct view_session *v);

/* Also when the number is as new as an attempt that has not ended. */
bool session_has_sid(const struct session *s, uint32_t sid);

bool session_is_for(const struct session *s, const struct iscsi_node *node);
/* What open-iscsi's callers know: "LOGGED IN", ... and "NO CHANGE", ... */
const char *session_connection_state(const struct session *s);
const char *session_internal_state(const struct session *s);

/* At the end of the daemon: memory only. */
void session_free(struct session *s);

#endif
