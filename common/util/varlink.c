/* SPDX-License-Identifier: MIT */
/* The client. */
#include "varlink.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "cleanup.h"
#include "sock.h"
#include "str.h"
#include "varlink-message.h"

#define READ_SIZE 65536

int varlink_send_ms = 30000;

struct varlink_client {
	int fd;
	struct varlink_input in;
};

int varlink_client_open(const char *path, struct varlink_client **ret)
{
	struct varlink_client *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	r = c->fd = sock_unix_connect(path);
	if (r < 0) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void varlink_client_close(struct varlink_client *c)
{
	if (!c)
		return;
	close(c->fd);
	buf_free(&c->in.buf);
	free(c);
}

int varlink_client_fd(const struct varlink_client *c)
{
	return c->fd;
}

static int send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
		int r = 0;

		if (n >= 0) {
			data += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN) {
			r = sock_wait(fd, POLLOUT, sock_deadline(varlink_send_ms));
		} else if (errno != EINTR) {
			r = errno == EPIPE ? -ECONNRESET : -errno;
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int varlink_client_call(
	struct varlink_client *c, const char *method, struct json_object *params, unsigned int flags)
{
	struct json_object *call = json_object_new_object();
	const char *text;
	size_t len;
	int r;

	if (!call) {
		json_object_put(params);
		return -ENOMEM;
	}
	json_object_object_add(call, "method", json_object_new_string(method));
	if (params)
		json_object_object_add(call, "parameters", params);
	if (flags & VARLINK_MORE)
		json_object_object_add(call, "more", json_object_new_boolean(true));
	if (flags & VARLINK_ONEWAY)
		json_object_object_add(call, "oneway", json_object_new_boolean(true));
	text = varlink_message_text(call, &len);
	r = text ? send_all(c->fd, text, len) : -ENOMEM;
	if (text)
		str_wipe((char *)(uintptr_t)text, len);
	varlink_message_wipe(params);
	json_object_put(call);
	return r;
}

static int receive(struct varlink_client *c, int64_t deadline)
{
	struct buf *b = &c->in.buf;
	int r = sock_wait(c->fd, POLLIN, deadline);
	ssize_t n;

	if (!r)
		r = buf_reserve(b, READ_SIZE);
	if (r < 0)
		return r;
	n = recv(c->fd, b->data + b->len, b->room - b->len, 0);
	if (n > 0)
		b->len += (size_t)n;
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		return -errno;
	return n ? 0 : -ECONNRESET;
}

static int take_reply(struct json_object *message, struct varlink_reply *ret)
{
	struct json_object *params = varlink_message_get(message, "parameters", json_type_object);
	struct json_object *error = varlink_message_get(message, "error", json_type_string);
	struct varlink_reply reply = {.continues = varlink_message_flag(message, "continues")};

	if (error) {
		reply.error = strdup(json_object_get_string(error));
		if (!reply.error)
			return -ENOMEM;
	}
	if (params && json_object_object_length(params))
		reply.params = json_object_get(params);
	*ret = reply;
	return 0;
}

int varlink_client_read(struct varlink_client *c, int timeout_ms, struct varlink_reply *ret)
{
	int64_t deadline = sock_deadline(timeout_ms);
	struct json_object *message;
	int r;

	while (!(r = varlink_message_take(&c->in, &message)) && !message) {
		r = receive(c, deadline);
		if (r < 0)
			return r;
	}
	if (r < 0)
		return r;
	r = take_reply(message, ret);
	json_object_put(message);
	return r;
}

void varlink_reply_clear(struct varlink_reply *r)
{
	json_object_put(r->params);
	free(r->error);
	*r = (struct varlink_reply){0};
}
