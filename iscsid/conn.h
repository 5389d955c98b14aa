/* SPDX-License-Identifier: MIT */
/*
 * conn.h - one attempt to bring a session's connection up: resolve, connect, log in over the
 * socket, hand the socket to the kernel.
 */
#ifndef ISCSID_CONN_H
#define ISCSID_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "carrier-socket.h"
#include "kernel.h"
#include "login.h"
#include "machine.h"
#include "name.h"
#include "sock.h"

struct session;
struct conn_resolve;

struct conn {
	struct machine machine;
	struct session *session;
	struct carrier_socket carrier;
	struct login *login;
	struct iscsi_portal portal; /* where it connects to: after a redirect not the record's */
	struct conn_resolve *resolve;
	struct sock_addr addr;
	uint64_t deadline; /* of the attempt */
	unsigned int redirects;
	bool again; /* after closing: a redirect is to be followed */
	int fd;	    /* on its way to the kernel; -1: none */
	struct kernel_params params;
	struct kernel_job job;
	int err; /* of what happened last: connect, read, hand-over */

	/* How the attempt ended, for the session. */
	int code;	  /* enum iscsi_err */
	bool final;	  /* trying again is of no use */
	char text[512]; /* one sentence, "" on success */
};

/* -ENOMEM. */
int conn_init(struct conn *c, struct session *s);
/* Starts an attempt that ends, at the latest, at the deadline; session_conn_ended follows. */
void conn_open(struct conn *c, uint64_t deadline);
const char *conn_state_name(const struct conn *c);
/* Memory, once no attempt is under way; during one at the end of the daemon only. */
void conn_free(struct conn *c);

#endif
