/* SPDX-License-Identifier: MIT */
/*
 * conn-actions.h - private to conn*.c: the states and events of the table in conn.c, and what its
 * actions share.
 */
#ifndef ISCSID_CONN_ACTIONS_H
#define ISCSID_CONN_ACTIONS_H

#include "conn.h"
#include "session.h"

enum state { IDLE, RESOLVING, CONNECTING, BINDING, LOGIN, HAND_OVER, STARTING, CLOSING };

enum event {
	OPEN,
	RESOLVED,
	CONNECTED,
	BOUND,
	RESPONSE,
	BROKEN,
	LOST,
	HANDED_OVER,
	STARTED,
	CLOSED,
	TIMEOUT,
	CANCEL,
};

static inline struct initiator *initiator_of(const struct conn *c)
{
	return c->session->initiator;
}

/* ---- conn.c: ways into CLOSING ---- */

/* Nothing is decided by it: c->again, or what was noted before, says how it goes on. */
int conn_close(struct conn *c);
/* The attempt is over: code, whether trying again is of no use, and a sentence. */
__attribute__((format(printf, 4, 5))) int conn_end(struct conn *c, int code, bool final,
	const char *fmt, ...);

/* ---- conn-connect.c: from c->portal to a connected socket ---- */

/* RESOLVING, CONNECTING, or CLOSING when that cannot even begin. */
int conn_connect(struct conn *c);
/* It did not work, -errno says why: on to the next address of the name, or the end. */
int conn_no_connect(struct conn *c, int r);
void conn_abandon_resolve(struct conn *c);
int conn_resolved(void *owner); /* action on RESOLVED */

#endif
