/* SPDX-License-Identifier: MIT */
/* varlink.c - the client */
#include "varlink.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "cleanup.h"
#include "sock.h"
#include "varlink-message.h"

#define READ_SIZE 65536

struct varlink_client {
	int fd;
	struct buf in;
	size_t scanned; /* bytes of in that have no NUL */
};

int varlink_client_open(const char *path, struct varlink_client **ret)
{
	struct varlink_client *c;
	int fd = sock_unix_connect(path);

	if (fd < 0)
		return fd;
	c = calloc(1, sizeof(*c));
	if (!c) {
		close(fd);
		return -ENOMEM;
	}
	c->fd = fd;
	*ret = c;
	return 0;
}

void varlink_client_close(struct varlink_client *c)
{
	if (!c)
		return;
	close(c->fd);
	buf_free(&c->in);
	free(c);
}

static int wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = events};
	int r = poll(&p, 1, timeout_ms);

	return r > 0 ? 0 : r == 0 ? -ETIMEDOUT : -errno;
}

static int send_all(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			int r = wait_for(fd, POLLOUT, -1);

			if (r && r != -EINTR)
				return r;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EPIPE ? -ECONNRESET : -errno;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

int varlink_client_call(struct varlink_client *c, const char *method, struct json_object *params,
	bool more)
{
	struct json_object *o = json_object_new_object();
	struct buf out = {};
	int r;

	json_object_object_add(o, "method", json_object_new_string(method));
	if (params)
		json_object_object_add(o, "parameters", params);
	if (more)
		json_object_object_add(o, "more", json_object_new_boolean(true));
	r = varlink_message_add(&out, o);
	json_object_put(o);
	if (!r)
		r = send_all(c->fd, out.data, out.len);
	buf_free(&out);
	return r;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

/* More bytes from the peer, at the latest at the end (-1: no limit). */
static int read_more(struct varlink_client *c, long end)
{
	uint8_t bytes[READ_SIZE];
	long left = end < 0 ? -1 : end - now_ms();
	ssize_t n;
	int r;

	if (end >= 0 && left <= 0)
		return -ETIMEDOUT;
	r = wait_for(c->fd, POLLIN, (int)left);
	if (r)
		return r == -EINTR ? 0 : r;
	n = recv(c->fd, bytes, sizeof(bytes), 0);
	if (n == 0)
		return -ECONNRESET;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	r = buf_add(&c->in, bytes, (size_t)n);
	explicit_bzero(bytes, (size_t)n);
	return r;
}

static int fill_reply(struct json_object *o, struct varlink_reply *ret)
{
	struct varlink_reply r = {};
	struct json_object *v;

	if (json_object_object_get_ex(o, "error", &v)) {
		r.error = strdup(json_object_get_string(v) ? json_object_get_string(v) : "");
		if (!r.error)
			return -ENOMEM;
	}
	if (json_object_object_get_ex(o, "parameters", &v) &&
		json_object_is_type(v, json_type_object))
		r.params = json_object_get(v);
	if (json_object_object_get_ex(o, "continues", &v))
		r.continues = json_object_get_boolean(v);
	*ret = r;
	return 0;
}

int varlink_client_read(struct varlink_client *c, int timeout_ms, struct varlink_reply *ret)
{
	long end = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;
	struct json_object *o;
	int r;

	while ((r = varlink_message_take(&c->in, &c->scanned, &o)) == -EAGAIN) {
		r = read_more(c, end);
		if (r)
			return r;
	}
	if (r)
		return r;
	r = fill_reply(o, ret);
	json_object_put(o);
	return r;
}

void varlink_reply_clear(struct varlink_reply *r)
{
	json_object_put(r->params);
	free(r->error);
	*r = (struct varlink_reply){};
}
