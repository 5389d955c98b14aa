/* SPDX-License-Identifier: MIT */
/*
 * clock.h - the only clock and the only timers of the daemon. clock.c runs them on libuv; a test
 * links tests/fake/clock.c, where time goes as fast as the test wants.
 */
#ifndef ISCSID_CLOCK_H
#define ISCSID_CLOCK_H

#include <stdint.h>
#include <uv.h>

struct clock_timer {
	void (*fire)(struct clock_timer *t);
	void *impl; /* of the implementation */
};

/* Milliseconds that only grow. */
uint64_t clock_now(uv_loop_t *loop);

/* -ENOMEM. fire runs on the loop. */
int clock_timer_init(uv_loop_t *loop, struct clock_timer *t, void (*fire)(struct clock_timer *));
/* Fires once when clock_now() >= at; setting it anew replaces what was set. */
void clock_timer_set(struct clock_timer *t, uint64_t at);
void clock_timer_stop(struct clock_timer *t);
/* Takes NULL implementations; the timer's memory is free to go on return. */
void clock_timer_close(struct clock_timer *t);

#endif
