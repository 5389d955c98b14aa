/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <errno.h>
#include <stdlib.h>

struct impl {
	uv_timer_t uv;
	struct clock_timer *timer;
};

uint64_t clock_now(uv_loop_t *loop)
{
	uv_update_time(loop);
	return uv_now(loop);
}

int clock_timer_init(uv_loop_t *loop, struct clock_timer *t, void (*fire)(struct clock_timer *))
{
	struct impl *i = calloc(1, sizeof(*i));

	if (!i)
		return -ENOMEM;
	uv_timer_init(loop, &i->uv);
	i->uv.data = i;
	i->timer = t;
	t->fire = fire;
	t->impl = i;
	return 0;
}

static void on_timer(uv_timer_t *uv)
{
	struct impl *i = uv->data;

	i->timer->fire(i->timer);
}

void clock_timer_set(struct clock_timer *t, uint64_t at)
{
	struct impl *i = t->impl;
	uint64_t now = clock_now(i->uv.loop);

	uv_timer_start(&i->uv, on_timer, at > now ? at - now : 0, 0);
}

void clock_timer_stop(struct clock_timer *t)
{
	struct impl *i = t->impl;

	uv_timer_stop(&i->uv);
}

static void on_close(uv_handle_t *h)
{
	free(h->data);
}

void clock_timer_close(struct clock_timer *t)
{
	struct impl *i = t->impl;

	if (!i)
		return;
	t->impl = NULL;
	uv_close((uv_handle_t *)&i->uv, on_close);
}
