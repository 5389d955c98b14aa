/* SPDX-License-Identifier: MIT */
/*
 * carrier.h - what a carrier of PDUs tells: carrier-socket.c has a TCP socket of its own,
 * carrier-kernel.c a connection of the kernel. Who logs in does not know which one it has.
 */
#ifndef ISCSID_CARRIER_H
#define ISCSID_CARRIER_H

#include "pdu.h"

struct carrier_events {
	void (*connected)(void *data, int err); /* 0 or -errno of the connect, or of the bind */
	/* pdu stays valid until the next send; nothing is read until then. */
	void (*received)(void *data, const struct pdu *pdu);
	/* err: 0 the peer closed, -EBADMSG it sent what is no PDU, else -errno. */
	void (*broken)(void *data, int err);
	void (*closed)(void *data); /* once after close: it may be opened again */
};

#endif
