/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include <isa-l/crc.h>
#include <limits.h>
#include <string.h>

uint32_t digest_add(uint32_t digest, const void *data, size_t len)
{
	/* the library reads only, though its type does not say so */
	unsigned char *p = (unsigned char *)(uintptr_t)data;

	while (len) {
		int n = len < INT_MAX ? (int)len : INT_MAX;

		digest = crc32_iscsi(p, n, digest);
		p += n;
		len -= (size_t)n;
	}
	return digest;
}

/* The CRC's low byte goes first, unlike every other number of the protocol. */
void digest_put(uint32_t digest, uint8_t wire[DIGEST_LEN])
{
	for (int i = 0; i < DIGEST_LEN; i++)
		wire[i] = (uint8_t)(~digest >> 8 * i);
}

bool digest_is(uint32_t digest, const uint8_t wire[DIGEST_LEN])
{
	uint8_t ours[DIGEST_LEN];

	digest_put(digest, ours);
	return memcmp(ours, wire, DIGEST_LEN) == 0;
}
