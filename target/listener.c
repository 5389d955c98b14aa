/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "cleanup.h"
#include "conn.h"
#include "log.h"
#include "sock.h"

#define ACCEPT_AT_ONCE 64
#define PAUSE_MS 100 /* when descriptors have run out */

struct listener {
	struct server *server;
	int fd;
	uint16_t portal_group;
	uv_poll_t poll;
	uv_timer_t pause;
	unsigned int handles;
};

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
	struct listener *l = timer->data;

	uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

static void take(struct listener *l, int fd)
{
	int one = 1;

	if (l->server->model.offline) {
		close(fd);
		return;
	}
	/* A wish only: answers would be late without it. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conn_new(l->server, fd, l->portal_group);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;

	(void)status;
	(void)events;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			take(l, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
			log_warning("no connection can be accepted: %m");
			uv_poll_stop(&l->poll);
			uv_timer_start(&l->pause, on_pause_over, PAUSE_MS, 0);
			return;
		}
	}
}

static int listen_at(const struct portal *p)
{
	struct sock_addr a;
	int CLEANUP_CLOSE fd = -1;
	int one = 1, r = sock_addr_parse(p->address, p->port, &a);

	if (r)
		return r;
	fd = socket(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
		(a.sa.sa_family == AF_INET6 &&
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
		bind(fd, &a.sa, a.len) || listen(fd, SOMAXCONN))
		return -errno;
	return STEAL_FD(fd);
}

int listener_new(struct server *s, const struct portal *p, struct listener **ret)
{
	struct listener *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->server = s;
	l->portal_group = (uint16_t)p->tpgt;
	l->fd = r = listen_at(p);
	if (r >= 0)
		r = uv_poll_init(s->loop, &l->poll, l->fd);
	if (r) {
		if (l->fd >= 0)
			close(l->fd);
		free(l);
		return r;
	}
	uv_timer_init(s->loop, &l->pause);
	l->poll.data = l->pause.data = l;
	l->handles = 2;
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
	*ret = l;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct listener *l = h->data;

	if (--l->handles == 0)
		free(l);
}

void listener_free(struct listener *l)
{
	if (!l)
		return;
	uv_close((uv_handle_t *)&l->poll, on_closed);
	uv_close((uv_handle_t *)&l->pause, on_closed);
	close(l->fd);
}
