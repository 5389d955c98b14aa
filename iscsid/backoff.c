/* SPDX-License-Identifier: MIT */
#include "backoff.h"

#define FIRST_MS 500u
#define IO_WAITS_MAX_MS 2000u
#define IO_WAITS_REFUSED_MS 15000u
#define MAX_MS 60000u

uint64_t backoff_delay(const struct backoff *b)
{
	uint32_t max = !b->io_waits ? MAX_MS : b->refused ? IO_WAITS_REFUSED_MS : IO_WAITS_MAX_MS;
	uint32_t delay = b->refused ? max : FIRST_MS;

	for (unsigned int i = 1; i < b->failures && delay < max; i++)
		delay += delay / 2;
	if (delay > max)
		delay = max;
	/* Knuth's multiplier: neighbouring seeds and failures give distant results. */
	return delay - (b->seed + b->failures) * 2654435761u % (delay / 5);
}
