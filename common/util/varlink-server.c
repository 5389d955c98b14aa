/* SPDX-License-Identifier: MIT */
/*
 * varlink-server.c - the server.
 *
 * A connection has at most one call that runs; the next message is looked at when that has ended,
 * and nothing is read meanwhile but the news that the client has left. A connection lives as long
 * as its handle is open or a call of it runs, whichever is longer.
 */
#include "varlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "list.h"
#include "str.h"
#include "varlink-message.h"

#define SERVICE "org.varlink.service"
#define BACKLOG 128
#define READ_SIZE 65536

struct varlink_server {
	uv_pipe_t pipe;
	const struct varlink_service *service;
	void *data;
	struct list connections;
};

struct connection;

struct varlink_call {
	struct connection *connection;
	bool more;
};

struct connection {
	uv_pipe_t pipe;
	struct varlink_server *server; /* NULL: it is gone */
	struct buf in;
	size_t scanned;
	struct varlink_call call;
	bool running, open;
	char read_buffer[READ_SIZE];
	struct list link;
};

struct sending {
	uv_write_t req;
	struct buf bytes;
};

static void take_calls(struct connection *c);

static void free_if_done(struct connection *c)
{
	if (c->open || c->running)
		return;
	buf_free(&c->in);
	free(c);
}

static void on_closed(uv_handle_t *h)
{
	struct connection *c = h->data;

	c->open = false;
	free_if_done(c);
}

static void close_connection(struct connection *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	list_remove(&c->link);
	c->server = NULL;
	uv_close((uv_handle_t *)&c->pipe, on_closed);
}

/* ---- replies ---- */

static void on_sent(uv_write_t *req, int status)
{
	struct sending *s = req->data;

	(void)status; /* a client that has left shows when it is read from */
	buf_free(&s->bytes);
	free(s);
}

static void send_message(struct connection *c, struct json_object *o)
{
	struct sending *s = calloc(1, sizeof(*s));
	uv_buf_t buf;

	if (!s || varlink_message_add(&s->bytes, o)) {
		free(s);
		close_connection(c);
		return;
	}
	s->req.data = s;
	buf = uv_buf_init((char *)s->bytes.data, (unsigned int)s->bytes.len);
	if (uv_write(&s->req, (uv_stream_t *)&c->pipe, &buf, 1, on_sent))
		on_sent(&s->req, 0);
}

static void end_call(struct connection *c)
{
	c->running = false;
	if (c->server)
		take_calls(c);
	else
		free_if_done(c);
}

static void finish(struct varlink_call *call, struct json_object *message, bool continues)
{
	struct connection *c = call->connection;

	if (!varlink_call_gone(call))
		send_message(c, message);
	json_object_put(message);
	if (!continues)
		end_call(c);
}

void varlink_call_reply(struct varlink_call *call, struct json_object *params, bool continues)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "parameters", params ? params : json_object_new_object());
	if (continues)
		json_object_object_add(o, "continues", json_object_new_boolean(true));
	finish(call, o, continues);
}

void varlink_call_error(struct varlink_call *call, const char *error, struct json_object *params)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "error", json_object_new_string(error));
	json_object_object_add(o, "parameters", params ? params : json_object_new_object());
	finish(call, o, false);
}

static void error_about(struct varlink_call *call, const char *error, const char *key,
	const char *value)
{
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, key, json_object_new_string(value));
	varlink_call_error(call, error, params);
}

void varlink_call_invalid(struct varlink_call *call, const char *parameter)
{
	error_about(call, SERVICE ".InvalidParameter", "parameter", parameter);
}

bool varlink_call_gone(const struct varlink_call *call)
{
	return !call->connection->server;
}

/* ---- org.varlink.service ---- */

static void run_get_info(struct varlink_call *call, struct json_object *params, void *data)
{
	const struct varlink_service *s = ((struct varlink_server *)data)->service;
	struct json_object *o = json_object_new_object(), *interfaces = json_object_new_array();

	(void)params;
	json_object_array_add(interfaces, json_object_new_string(SERVICE));
	json_object_array_add(interfaces, json_object_new_string(s->interface));
	json_object_object_add(o, "vendor", json_object_new_string(s->vendor));
	json_object_object_add(o, "product", json_object_new_string(s->product));
	json_object_object_add(o, "version", json_object_new_string(s->version));
	json_object_object_add(o, "url", json_object_new_string(s->url));
	json_object_object_add(o, "interfaces", interfaces);
	varlink_call_reply(call, o, false);
}

static const char service_description[] =
	"interface " SERVICE "\n"
	"method GetInfo() -> (vendor: string, product: string, version: string, url: string, "
	"interfaces: []string)\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

static void run_get_description(struct varlink_call *call, struct json_object *params, void *data)
{
	const struct varlink_service *s = ((struct varlink_server *)data)->service;
	const char *name = json_object_get_string(json_object_object_get(params, "interface"));
	const char *text = NULL;
	struct json_object *o;

	if (!name) {
		varlink_call_invalid(call, "interface");
		return;
	}
	if (str_eq(name, s->interface))
		text = s->description;
	else if (str_eq(name, SERVICE))
		text = service_description;
	if (!text) {
		error_about(call, SERVICE ".InterfaceNotFound", "interface", name);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "description", json_object_new_string(text));
	varlink_call_reply(call, o, false);
}

static const struct varlink_method own_methods[] = {
	{SERVICE ".GetInfo", false, run_get_info},
	{SERVICE ".GetInterfaceDescription", false, run_get_description},
};

/* ---- calls ---- */

static const struct varlink_method *find(const struct varlink_method *m, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(m[i].name, name))
			return &m[i];
	return NULL;
}

static bool knows_interface(const struct varlink_server *s, const char *method)
{
	const char *dot = strrchr(method, '.');
	size_t len = dot ? (size_t)(dot - method) : strlen(method);
	const char *own = s->service->interface;

	return (strlen(own) == len && !strncmp(own, method, len)) ||
	       (strlen(SERVICE) == len && !strncmp(SERVICE, method, len));
}

static void run_method(struct connection *c, const char *name, struct json_object *params)
{
	struct varlink_server *s = c->server;
	const struct varlink_method *m =
		find(own_methods, sizeof(own_methods) / sizeof(own_methods[0]), name);
	void *data = s;

	if (!m) {
		m = find(s->service->methods, s->service->n_methods, name);
		data = s->data;
	}
	if (!m && !knows_interface(s, name))
		error_about(&c->call, SERVICE ".InterfaceNotFound", "interface", name);
	else if (!m)
		error_about(&c->call, SERVICE ".MethodNotFound", "method", name);
	else if (m->more && !c->call.more)
		varlink_call_error(&c->call, SERVICE ".ExpectedMore", NULL);
	else
		m->run(&c->call, params, data);
}

static void run_call(struct connection *c, struct json_object *message)
{
	const char *name = json_object_get_string(json_object_object_get(message, "method"));
	struct json_object *params = json_object_object_get(message, "parameters");
	struct json_object *empty = NULL;

	if (!name) {
		close_connection(c);
		return;
	}
	if (!json_object_is_type(params, json_type_object))
		params = empty = json_object_new_object();
	c->call.connection = c;
	c->call.more = json_object_get_boolean(json_object_object_get(message, "more"));
	c->running = true;
	run_method(c, name, params);
	json_object_put(empty);
}

/*
 * Runs what has come in until a call takes its time. A call that ends at once comes back here
 * through end_call: the loop that is at work already goes on then.
 */
static void take_calls(struct connection *c)
{
	static struct connection *at_work;
	struct json_object *message;
	int r = 0;

	if (at_work == c)
		return;
	while (c->server && !c->running &&
		!(r = varlink_message_take(&c->in, &c->scanned, &message))) {
		struct connection *before = at_work;

		at_work = c;
		run_call(c, message);
		at_work = before;
		json_object_put(message);
	}
	if (r && r != -EAGAIN)
		close_connection(c);
}

/* ---- connections ---- */

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	struct connection *c = h->data;

	(void)size;
	*buf = uv_buf_init(c->read_buffer, sizeof(c->read_buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct connection *c = stream->data;
	int r = n < 0 ? (int)n : buf_add(&c->in, buf->base, (size_t)n);

	if (n > 0)
		explicit_bzero(buf->base, (size_t)n);
	/* Calls that wait while one runs are limited as one message is. */
	if (r || c->in.len > 2 * (size_t)VARLINK_MESSAGE_MAX)
		close_connection(c);
	else if (!c->running)
		take_calls(c);
}

static bool peer_may_call(const uv_pipe_t *pipe)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;

	if (uv_fileno((const uv_handle_t *)pipe, &fd) ||
		getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	return peer.uid == 0 || peer.uid == getuid();
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct varlink_server *s = stream->data;
	struct connection *c = status ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return;
	uv_pipe_init(stream->loop, &c->pipe, 0);
	c->pipe.data = c;
	c->open = true;
	c->server = s;
	list_append(&s->connections, &c->link);
	if (uv_accept(stream, (uv_stream_t *)&c->pipe) ||
		!peer_may_call(&c->pipe) ||
		uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read))
		close_connection(c);
}

static void on_server_closed(uv_handle_t *h)
{
	free(h->data);
}

int varlink_server_new(uv_loop_t *loop, int listen_fd, const struct varlink_service *service,
	void *data, struct varlink_server **ret)
{
	struct varlink_server *s = calloc(1, sizeof(*s));
	int r;

	if (!s) {
		close(listen_fd);
		return -ENOMEM;
	}
	s->service = service;
	s->data = data;
	list_init(&s->connections);
	uv_pipe_init(loop, &s->pipe, 0);
	s->pipe.data = s;
	r = uv_pipe_open(&s->pipe, listen_fd);
	if (r)
		close(listen_fd);
	else
		r = uv_listen((uv_stream_t *)&s->pipe, BACKLOG, on_connection);
	if (r) {
		uv_close((uv_handle_t *)&s->pipe, on_server_closed);
		return r;
	}
	*ret = s;
	return 0;
}

void varlink_server_free(struct varlink_server *s)
{
	struct connection *c, *tmp;

	if (!s)
		return;
	list_for_each_safe(c, tmp, &s->connections, link)
		close_connection(c);
	uv_close((uv_handle_t *)&s->pipe, on_server_closed);
}
