/* SPDX-License-Identifier: MIT */
/*
 * digest.h - CRC32C of header and data digests (RFC 7143 sections 11.2.3, 11.2.4 and 13.1).
 *
 * What a digest covers may lie in several buffers, the padding included:
 *	uint32_t d = digest_add(DIGEST_BEGIN, bhs, BHS_LEN);
 *	d = digest_add(d, ahs, ahs_len);
 *	digest_put(d, wire);
 */
#ifndef PROTO_DIGEST_H
#define PROTO_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_LEN 4 /* bytes on the wire */
#define DIGEST_BEGIN 0xffffffffu

uint32_t digest_add(uint32_t digest, const void *data, size_t len); /* len 0 is allowed */

/* The finished digest as it stands on the wire, and whether it is the one that came. */
void digest_put(uint32_t digest, uint8_t wire[DIGEST_LEN]);
bool digest_is(uint32_t digest, const uint8_t wire[DIGEST_LEN]);

#endif
