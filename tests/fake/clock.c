/* SPDX-License-Identifier: MIT */
/* clock.c - the daemon's clock for tests: stands still until fake_clock_step moves it */
#include "clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "fake.h"
#include "list.h"

struct impl {
	struct clock_timer *timer;
	uint64_t at;
	bool set;
	struct list link;
};

static struct list timers = LIST_INIT(timers);
static uint64_t time_now = 1000000;

uint64_t clock_now(uv_loop_t *loop)
{
	(void)loop;
	return time_now;
}

int clock_timer_init(uv_loop_t *loop, struct clock_timer *t, void (*fire)(struct clock_timer *))
{
	struct impl *i = calloc(1, sizeof(*i));

	(void)loop;
	if (!i)
		return -ENOMEM;
	i->timer = t;
	t->fire = fire;
	t->impl = i;
	list_append(&timers, &i->link);
	return 0;
}

void clock_timer_set(struct clock_timer *t, uint64_t at)
{
	struct impl *i = t->impl;

	i->at = at;
	i->set = true;
}

void clock_timer_stop(struct clock_timer *t)
{
	struct impl *i = t->impl;

	i->set = false;
}

void clock_timer_close(struct clock_timer *t)
{
	struct impl *i = t->impl;

	if (!i)
		return;
	list_remove(&i->link);
	free(i);
	t->impl = NULL;
}

static bool step(uint64_t until)
{
	struct impl *i, *next = NULL;

	list_for_each(i, &timers, link)
		if (i->set && (!next || i->at < next->at))
			next = i;
	if (!next && until == UINT64_MAX)
		return false;
	if (!next || next->at > until) {
		time_now = until;
		return true;
	}
	if (next->at > time_now)
		time_now = next->at;
	next->set = false;
	next->timer->fire(next->timer);
	return true;
}

bool fake_clock_step(void)
{
	return step(UINT64_MAX);
}

void fake_clock_step_until(uint64_t until)
{
	step(until);
}
