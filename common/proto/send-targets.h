/* SPDX-License-Identifier: MIT */
/*
 * send-targets.h - Text Requests in the full feature phase, target role, without I/O: SendTargets
 * (RFC 7143 sections 11.10, 11.11 and appendix C), in pieces that the initiator can take.
 *
 * Who owns the connection hands in each Text Request, and sends what send_targets_response holds
 * after it has filled in StatSN, ExpCmdSN and MaxCmdSN.
 */
#ifndef PROTO_SEND_TARGETS_H
#define PROTO_SEND_TARGETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "pdu.h"

struct send_targets;

struct send_targets_config {
	bool discovery;		 /* the type of the session */
	const char *target_name; /* of a normal session, which hears of no other target; copied */
	uint32_t data_max;	 /* the initiator's MaxRecvDataSegmentLength, >= 512 */
	/*
	 * Adds the targets that this initiator may see, with send_targets_add and
	 * send_targets_add_address: the one called name, or all when name is NULL. 0 or -ENOMEM.
	 */
	int (*list)(void *data, const char *name, struct send_targets *s);
	void *data;
};

enum send_targets_verdict {
	SEND_TARGETS_ANSWER, /* send send_targets_response */
	SEND_TARGETS_REJECT, /* send a Reject with send_targets_reject and the request's header */
};

/* One for a connection, from full feature phase on. NULL: no memory. */
struct send_targets *send_targets_new(const struct send_targets_config *c);
void send_targets_free(struct send_targets *s);

enum send_targets_verdict send_targets_request(struct send_targets *s, const struct pdu *request);
/* Valid until the next request; its data belong to s. */
const struct pdu *send_targets_response(const struct send_targets *s);
uint8_t send_targets_reject(const struct send_targets *s); /* the reason code */
/* What the initiator declared last: it may change in the full feature phase. */
uint32_t send_targets_data_max(const struct send_targets *s);

/* For list: a target, and behind it its addresses (none: the one this connection came in by). */
int send_targets_add(struct send_targets *s, const char *name);
int send_targets_add_address(struct send_targets *s, const struct iscsi_portal *p);

#endif
