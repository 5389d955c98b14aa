/* SPDX-License-Identifier: MIT */
#include "thread.h"

#include <sys/prctl.h>

#include "list.h"

#define STACK 131072 /* bytes: there may be a thousand of them */

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

unsigned int threads_running;

static void body(void *data)
{
	struct thread *t = data;

	/* What the daemon is for its disks is not for who does I/O to them; see main.c. */
	prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
	t->run(t);
	uv_async_send(&t->ended);
}

static void on_closed(uv_handle_t *h)
{
	struct thread *t = container_of((uv_async_t *)h, struct thread, ended);

	threads_running--;
	t->done(t);
}

static void on_ended(uv_async_t *a)
{
	struct thread *t = container_of(a, struct thread, ended);

	if (!t->err)
		uv_thread_join(&t->id);
	uv_close((uv_handle_t *)a, on_closed);
}

int thread_start(uv_loop_t *loop, struct thread *t, void (*run)(struct thread *t),
	void (*done)(struct thread *t))
{
	const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK};
	int r = uv_async_init(loop, &t->ended, on_ended);

	if (r)
		return r;
	threads_running++;
	t->run = run;
	t->done = done;
	t->err = uv_thread_create_ex(&t->id, &options, body, t);
	if (t->err)
		uv_async_send(&t->ended);
	return 0;
}
