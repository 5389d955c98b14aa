/* SPDX-License-Identifier: MIT */
/* backoff.h - how long a lost session waits before its next attempt */
#ifndef ISCSID_BACKOFF_H
#define ISCSID_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

struct backoff {
	unsigned int failures; /* in a row, 1: the first */
	bool io_waits;	       /* the replacement timeout is not over: somebody waits for the disk */
	bool refused;	       /* the target does not accept who we are, which rarely ends by itself */
	uint32_t seed;	       /* of the session: sessions of one target do not come all at once */
};

/*
 * Milliseconds: from 0.5 s on, half as much again each time, up to 2 s while I/O waits and 60 s when
 * none does; after a refusal 15 s, or 60 s when no I/O waits. Up to a fifth less, by the seed.
 */
uint64_t backoff_delay(const struct backoff *b);

#endif
