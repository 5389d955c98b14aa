/* SPDX-License-Identifier: MIT */
/*
 * net.c - connects, names and threads for tests, in place of (the linker's --wrap) those that the
 * daemon calls. Unix sockets: what one end sends the other has at once, so that a test knows when
 * nothing moves any more.
 */
#include "net.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake.h"
#include "list.h"
#include "sock.h"
#include "thread.h"

int __wrap_sock_connect_start(const struct sock_addr *a, const struct sock_options *o);
int __wrap_sock_connect_result(int fd);
int __real_sock_connect_result(int fd);
int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
	const char *node, const char *service, const struct addrinfo *hints);
int __real_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
	const char *node, const char *service, const struct addrinfo *hints);
int __wrap_thread_start(uv_loop_t *loop, struct thread *t, void (*run)(struct thread *t),
	void (*done)(struct thread *t));
int __real_thread_start(uv_loop_t *loop, struct thread *t, void (*run)(struct thread *t),
	void (*done)(struct thread *t));

enum fake_fault (*fake_plan)(enum fake_point point);
int fake_addresses;

/* ---- what ends later ---- */

struct later {
	uv_idle_t idle;
	void (*end)(struct later *l, int err);
	enum fake_point point;
	bool hangs;
	/* a name look-up */
	uv_getaddrinfo_t *req;
	uv_getaddrinfo_cb cb;
	int port;
	/* a thread */
	struct thread *thread;
	struct list link;
};

static struct list laters = LIST_INIT(laters);

static void on_later_closed(uv_handle_t *h)
{
	free(h->data);
}

static void on_idle(uv_idle_t *idle)
{
	struct later *l = idle->data;
	enum fake_fault fault = l->hangs ? FAKE_WORKS : fake_point(l->point);

	if (fault == FAKE_HANGS) {
		l->hangs = true;
		uv_idle_stop(idle);
		return;
	}
	list_remove(&l->link);
	uv_close((uv_handle_t *)idle, on_later_closed);
	l->end(l, fault == FAKE_WORKS ? 0 : -EAGAIN);
}

static struct later *later(uv_loop_t *loop, enum fake_point point,
	void (*end)(struct later *l, int err))
{
	struct later *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	l->end = end;
	l->point = point;
	uv_idle_init(loop, &l->idle);
	l->idle.data = l;
	uv_idle_start(&l->idle, on_idle);
	list_append(&laters, &l->link);
	return l;
}

/* ---- connects ---- */

socklen_t fake_net_address(int port, struct sockaddr_un *ret)
{
	int n;

	memset(ret, 0, sizeof(*ret));
	ret->sun_family = AF_UNIX;
	n = snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1, "fake-target/%d/%d", getpid(), port);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

#define FDS_MAX 1024
static int errors[FDS_MAX]; /* what became of a connect */
static int far_ends[FDS_MAX], n_far_ends; /* of connects that do not end */

static void fill(int fd)
{
	char junk[4096] = {};

	while (send(fd, junk, sizeof(junk), MSG_NOSIGNAL) > 0)
		;
}

/* It cannot be written to until the far end is gone. */
static int connect_never(void)
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) ||
		n_far_ends == FDS_MAX)
		abort();
	fill(fds[0]);
	far_ends[n_far_ends++] = fds[1];
	errors[fds[0]] = -ETIMEDOUT;
	return fds[0];
}

int __wrap_sock_connect_start(const struct sock_addr *a, const struct sock_options *o)
{
	enum fake_fault fault = fake_point(FAKE_POINT_CONNECT);
	struct sockaddr_un addr;
	int fd;

	(void)o;
	if (fault == FAKE_FAILS)
		return -ENETUNREACH;
	if (fault == FAKE_HANGS)
		return connect_never();
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || fd >= FDS_MAX)
		abort();
	errors[fd] = 0;
	if (fault == FAKE_REFUSES || connect(fd, (struct sockaddr *)&addr,
		fake_net_address(ntohs(a->in.sin_port), &addr)))
		errors[fd] = -ECONNREFUSED;
	return fd;
}

int __wrap_sock_connect_result(int fd)
{
	return errors[fd];
}

/* ---- names ---- */

static struct addrinfo *new_addresses(int port)
{
	struct addrinfo *list = NULL;

	for (int i = 0; i < fake_addresses; i++) {
		struct addrinfo *a = calloc(1, sizeof(*a) + sizeof(struct sockaddr_in));
		struct sockaddr_in *in = (struct sockaddr_in *)(a + 1);

		if (!a)
			abort();
		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		a->ai_family = AF_INET;
		a->ai_addr = (struct sockaddr *)in;
		a->ai_addrlen = sizeof(*in);
		a->ai_next = list;
		list = a;
	}
	return list;
}

static void end_resolve(struct later *l, int err)
{
	l->cb(l->req, err ? UV_EAI_AGAIN : 0, err ? NULL : new_addresses(l->port));
}

int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
	const char *node, const char *service, const struct addrinfo *hints)
{
	struct later *l;

	if (!fake_addresses)
		return __real_uv_getaddrinfo(loop, req, cb, node, service, hints);
	l = later(loop, FAKE_POINT_RESOLVE, end_resolve);
	l->req = req;
	l->cb = cb;
	l->port = atoi(service);
	return 0;
}

/* ---- threads ---- */

static void end_thread(struct later *l, int err)
{
	l->thread->err = err;
	if (!err)
		l->thread->run(l->thread);
	l->thread->done(l->thread);
}

int __wrap_thread_start(uv_loop_t *loop, struct thread *t, void (*run)(struct thread *t),
	void (*done)(struct thread *t))
{
	if (!fake_plan)
		return __real_thread_start(loop, t, run, done);
	t->run = run;
	t->done = done;
	later(loop, FAKE_POINT_THREAD, end_thread)->thread = t;
	return 0;
}

void fake_release(void)
{
	struct later *l;

	while (n_far_ends)
		close(far_ends[--n_far_ends]);
	list_for_each(l, &laters, link)
		if (l->hangs)
			uv_idle_start(&l->idle, on_idle);
	fake_kernel_release();
}
