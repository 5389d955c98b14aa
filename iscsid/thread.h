/* SPDX-License-Identifier: MIT */
/*
 * thread.h - work that may wait for ever, each piece in a thread of its own. The pool of libuv is
 * for what ends by itself: a few pieces of this kind would leave nothing of it for the others.
 */
#ifndef ISCSID_THREAD_H
#define ISCSID_THREAD_H

#include <uv.h>

/* The caller's memory, from thread_start until done. */
struct thread {
	uv_thread_t id;
	uv_async_t ended;
	int err; /* for done: -errno when there was no thread to run it */
	void (*run)(struct thread *t);	/* in the thread; it may do I/O to our own disks */
	void (*done)(struct thread *t); /* on the loop, afterwards; t is the caller's again */
};

/* -errno, done is then not called. */
int thread_start(uv_loop_t *loop, struct thread *t, void (*run)(struct thread *t),
	void (*done)(struct thread *t));

/* Those that have not come to their done, for tests. */
extern unsigned int threads_running;

#endif
