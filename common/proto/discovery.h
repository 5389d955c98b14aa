/* SPDX-License-Identifier: MIT */
/*
 * discovery.h - SendTargets (RFC 7143 appendix C), initiator role, without I/O: after the login of
 * a discovery session, send discovery_request, give each response to discovery_response until it
 * says DISCOVERY_DONE; targets come out through the callback in the order received.
 */
#ifndef PROTO_DISCOVERY_H
#define PROTO_DISCOVERY_H

#include <stddef.h>
#include <stdint.h>

#include "name.h"
#include "pdu.h"

#define DISCOVERY_TARGETS_MAX 100000u	 /* portals in one answer */
#define DISCOVERY_TEXT_MAX (64u << 20) /* bytes in one answer */

enum discovery_verdict {
	DISCOVERY_CONTINUE,
	DISCOVERY_DONE,
	DISCOVERY_PROTOCOL_ERROR,
	DISCOVERY_NO_MEMORY,
};

struct discovery_sink {
	/*
	 * One portal of one target. portal is NULL when the target came without any address: it is
	 * reached at the address the discovery itself used.
	 */
	void (*found)(void *data, const char *target, const struct iscsi_portal *portal);
	/* A name or address that was left out, and why; text is safe to print (escaped). */
	void (*skipped)(void *data, const char *text, const char *why);
	void *data;
};

struct discovery;

struct discovery *discovery_new(uint32_t cmdsn, uint32_t exp_statsn,
	const struct discovery_sink *sink);
void discovery_free(struct discovery *d);
const struct pdu *discovery_request(const struct discovery *d);
enum discovery_verdict discovery_response(struct discovery *d, const struct pdu *response);
const char *discovery_reason(const struct discovery *d); /* of a DISCOVERY_PROTOCOL_ERROR */

#endif
