/* SPDX-License-Identifier: MIT */
/*
 * carrier-socket.h - PDUs over a TCP socket of our own, for the first login of a session.
 *
 * Reads never go beyond the end of a PDU, so the socket can become the kernel's after any of them.
 */
#ifndef ISCSID_CARRIER_SOCKET_H
#define ISCSID_CARRIER_SOCKET_H

#include <stdbool.h>
#include <uv.h>

#include "carrier.h"
#include "sock.h"

struct carrier_socket {
	uv_loop_t *loop;
	const struct carrier_events *events;
	void *data;
	int fd; /* -1: not open */
	bool connecting;
	bool active;	  /* the handle below is open, or closing */
	bool tell_closed; /* carrier_socket_close was called */
	uv_poll_t poll;
	struct pdu_reader reader;
	uint8_t out[BHS_LEN + 8192 + 3]; /* one login request on its way out */
	size_t out_len, out_sent;
};

/* -ENOMEM; buffers for PDUs with up to data_max bytes of data are allocated here. */
int carrier_socket_init(struct carrier_socket *c, uv_loop_t *loop, size_t data_max,
	const struct carrier_events *events, void *data);
/* Not while it is open or closing. */
void carrier_socket_free(struct carrier_socket *c);

/* Connects; the event connected follows. -errno when there cannot even be a start. */
int carrier_socket_open(struct carrier_socket *c, const struct sock_addr *addr,
	const struct sock_options *options);
/* One PDU at a time: the one before was answered. At most 8192 bytes of data. */
void carrier_socket_send(struct carrier_socket *c, const struct pdu *pdu);
/* Closes the socket; the event closed follows, also when it was not open. */
void carrier_socket_close(struct carrier_socket *c);
/* Stops watching and gives the socket away; carrier_socket_close is still due. */
int carrier_socket_detach(struct carrier_socket *c);

#endif
