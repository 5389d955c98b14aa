/* SPDX-License-Identifier: MIT */
/*
 * carrier-kernel.h - Login PDUs by SEND_PDU and RECV_PDU: the kernel owns CmdSN, so a session that
 * it has already can log in again this way only.
 */
#ifndef ISCSID_CARRIER_KERNEL_H
#define ISCSID_CARRIER_KERNEL_H

#include <stdbool.h>

#include "carrier.h"
#include "kernel.h"

#define CARRIER_DATA_MAX 8192 /* bytes of data of a PDU: the kernel takes no more */

struct carrier_kernel {
	struct kernel *kernel;
	const struct carrier_events *events;
	void *data;
	uint32_t sid;
	bool open;    /* from open until closed or kept */
	bool working; /* the job is under way */
	bool closing;
	bool arrived; /* the answer was quicker than the end of the job that sent the request */
	struct kernel_job job;
	uint32_t itt;	/* of the request on its way */
	struct pdu pdu; /* received last; its data is in */
	uint8_t out[CARRIER_DATA_MAX], in[CARRIER_DATA_MAX];
};

void carrier_kernel_init(struct carrier_kernel *c, struct kernel *kernel,
	const struct carrier_events *events, void *data);

/* Gives a connected socket to session sid; the event connected follows. fd stays the caller's. */
void carrier_kernel_open(struct carrier_kernel *c, uint32_t sid, int fd);
/* One PDU at a time: the one before was answered. At most CARRIER_DATA_MAX bytes of data. */
void carrier_kernel_send(struct carrier_kernel *c, const struct pdu *pdu);
/* Stops the connection, when it is open; the event closed follows in any case. */
void carrier_kernel_close(struct carrier_kernel *c);
/* The login is done: the connection stays; carrier_kernel_close is still due. */
void carrier_kernel_keep(struct carrier_kernel *c);

/* What the kernel has told about the session. */
void carrier_kernel_receive(struct carrier_kernel *c, const uint8_t *bhs, const uint8_t *payload,
	size_t len);

#endif
