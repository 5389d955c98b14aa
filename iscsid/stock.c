/* SPDX-License-Identifier: MIT */
/*
 * A request's first 32 bits are its command; an answer repeats them, then comes the error, then
 * what the command asked for, here zeroes. Requests have another size in every version, so the
 * answer goes out at the first bytes, and the rest is read and dropped until the client leaves: a
 * socket that is closed with something unread would take the answer with it.
 */
#include "stock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"
#include "err.h"
#include "file.h"
#include "list.h"
#include "log.h"
#include "str.h"

#define NAME "ISCSIADM_ABSTRACT_NAMESPACE"
#define PID_FILE "/run/iscsid.pid" /* of open-iscsi */
#define ANSWER_LEN 2464
#define CLIENT_MS 10000 /* for a client that does not leave */
#define CLIENTS_MAX 256

struct stock {
	uv_pipe_t listener;
	struct list clients;
	unsigned int n_clients;
};

struct client {
	struct list link;
	struct stock *stock; /* NULL: closing */
	uv_pipe_t pipe;
	uv_timer_t timer;
	unsigned int closing; /* handles */
	uv_write_t write;
	bool answered;
	char answer[ANSWER_LEN], room[4096];
	size_t got; /* of the command */
};

static void on_closed(uv_handle_t *h)
{
	struct client *c = h->data;

	if (!--c->closing)
		free(c);
}

static void client_close(struct client *c)
{
	if (!c->stock)
		return;
	c->stock->n_clients--;
	c->stock = NULL;
	list_remove(&c->link);
	c->closing = 2;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void on_timeout(uv_timer_t *t)
{
	client_close(t->data);
}

static void on_written(uv_write_t *w, int status)
{
	if (status < 0)
		client_close(w->handle->data);
}

static void answer(struct client *c)
{
	uv_buf_t buf = uv_buf_init(c->answer, sizeof(c->answer));
	const int32_t error = ISCSI_ERR_OP_NOT_SUPP;

	memcpy(c->answer + sizeof(uint32_t), &error, sizeof(error));
	c->answered = true;
	log_warning("a program of open-iscsi was refused: this daemon is asked by its own iscsiadm");
	if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written))
		client_close(c);
}

static void on_room(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	struct client *c = h->data;

	(void)size;
	*buf = uv_buf_init(c->room, sizeof(c->room));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct client *c = stream->data;

	if (n < 0) {
		client_close(c);
		return;
	}
	for (ssize_t i = 0; i < n && c->got < sizeof(uint32_t); i++)
		c->answer[c->got++] = buf->base[i];
	if (c->got == sizeof(uint32_t) && !c->answered)
		answer(c);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct stock *s = listener->data;
	struct client *c = status < 0 ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return;
	c->stock = s;
	s->n_clients++;
	list_append(&s->clients, &c->link);
	uv_pipe_init(listener->loop, &c->pipe, 0);
	uv_timer_init(listener->loop, &c->timer);
	c->pipe.data = c->timer.data = c;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) || s->n_clients > CLIENTS_MAX ||
		uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read) ||
		uv_timer_start(&c->timer, on_timeout, CLIENT_MS, 0))
		client_close(c);
}

/* ---- who holds the socket ---- */

static socklen_t address(struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	memcpy(ret->sun_path + 1, NAME, strlen(NAME));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(NAME));
}

static char *name_process(int pid)
{
	CLEANUP_FREE char *name = NULL;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	if (file_read(AT_FDCWD, path, sizeof(path), &name, NULL))
		return NULL;
	return str_printf("%s (pid %d)", str_trim(name), pid);
}

/* "iscsid (pid 123)". One that became a daemon after it listened is known by its pid file. */
static char *find_holder(void)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	CLEANUP_FREE char *file = NULL;
	char *holder = NULL;
	struct ucred peer = {};
	struct sockaddr_un a;
	socklen_t a_len = address(&a), len = sizeof(peer);

	if (fd >= 0 && !connect(fd, (struct sockaddr *)&a, a_len) &&
		!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		holder = name_process(peer.pid);
	if (!holder && !file_read(AT_FDCWD, PID_FILE, 64, &file, NULL))
		holder = name_process(atoi(file));
	return holder;
}

/* ---- */

static int listen_socket(void)
{
	CLEANUP_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un a;
	socklen_t len = address(&a);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len))
		return -errno;
	return STEAL_FD(fd);
}

static void on_listener_closed(uv_handle_t *h)
{
	free(h->data);
}

int stock_open(uv_loop_t *loop, struct stock **ret, char **ret_holder)
{
	int fd = listen_socket(), r;
	struct stock *s;

	if (fd == -EADDRINUSE)
		*ret_holder = find_holder();
	if (fd < 0)
		return fd;
	s = calloc(1, sizeof(*s));
	if (!s) {
		close(fd);
		return -ENOMEM;
	}
	list_init(&s->clients);
	uv_pipe_init(loop, &s->listener, 0);
	s->listener.data = s;
	r = uv_pipe_open(&s->listener, fd);
	if (r)
		close(fd);
	else
		r = uv_listen((uv_stream_t *)&s->listener, SOMAXCONN, on_connection);
	if (r)
		uv_close((uv_handle_t *)&s->listener, on_listener_closed);
	else
		*ret = s;
	return r;
}

void stock_close(struct stock *s)
{
	struct client *c, *tmp;

	if (!s)
		return;
	list_for_each_safe(c, tmp, &s->clients, link)
		client_close(c);
	uv_close((uv_handle_t *)&s->listener, on_listener_closed);
}
