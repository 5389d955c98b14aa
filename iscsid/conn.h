/* SPDX-License-Identifier: MIT */
/*
 * conn.h - one attempt to bring a session's connection up: resolve, connect, log in and hand the
 * socket to the kernel, or (a session that the kernel has) bind it, log in through the kernel, start.
 */
#ifndef ISCSID_CONN_H
#define ISCSID_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "carrier-kernel.h"
#include "carrier-socket.h"
#include "kernel.h"
#include "login.h"
#include "machine.h"
#include "name.h"
#include "sock.h"

struct session;
struct conn_resolve;

extern const struct machine_def conn_machine;

struct conn {
	struct machine machine;
	struct session *session;
	struct carrier_socket carrier;
	struct carrier_kernel through;
	struct login *login;
	struct iscsi_portal portal; /* where it connects to: after a redirect not the record's */
	struct iscsi_portal moved_to; /* a permanent redirect, in memory only; port 0: there was none */
	struct conn_resolve *resolve;
	struct sock_addr addr;
	uint64_t deadline; /* of the attempt */
	unsigned int redirects;
	char told[256]; /* the redirect that was logged last */
	unsigned int address, addresses; /* of a host name: which of how many it connects to */
	bool again; /* after closing: a redirect is to be followed, or the next address tried */
	int fd;	    /* on its way to the kernel; -1: none */
	struct kernel_params params;
	struct kernel_job job;
	int err; /* of what happened last: connect, read, hand-over */
	int isid_err; /* of storing the ISID */

	/* How the attempt ended, for the session. */
	int code;	  /* enum iscsi_err */
	bool final;	  /* trying again is of no use */
	bool unreached;	  /* there was no connection */
	char text[512]; /* one sentence, "" on success */
	bool lost;	/* on success: the connection has failed meanwhile */
	bool vanished;	/* the kernel has no such session */
	uint32_t time2wait; /* on success: seconds before the next attempt, when this one is lost */
};

/* -ENOMEM. */
int conn_init(struct conn *c, struct session *s);
/* Starts an attempt that ends, at the latest, at the deadline; session_conn_ended follows. */
void conn_open(struct conn *c, uint64_t deadline);
/* The attempt under way ends as soon as it can; session_conn_ended follows as ever. */
void conn_cancel(struct conn *c);
/* The kernel reports a connection error, or a PDU, while an attempt is under way. */
void conn_lost(struct conn *c);
void conn_pdu(struct conn *c, const uint8_t *bhs, const uint8_t *payload, size_t len);
const char *conn_state_name(const struct conn *c);
/* Memory, once no attempt is under way; during one at the end of the daemon only. */
void conn_free(struct conn *c);

#endif
