/* SPDX-License-Identifier: MIT */
/*
 * The server: a connection reads ahead but runs one call at a time, and takes the next when every
 * reply to the last one is written, so that a client cannot make it hold more than one message and
 * the replies to one call.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "list.h"
#include "varlink-message.h"
#include "varlink.h"

#define CONNECTIONS_MAX 4096
#define HELD_MAX (4 * VARLINK_MESSAGE_MAX) /* bytes that are read and not taken, on all of them */
#define READ_SIZE 65536

struct varlink_server {
	uv_pipe_t listener;
	const struct varlink_service *service;
	void *data;
	struct list conns;
	unsigned int n_conns;
	size_t held;
};

struct conn {
	struct list link;
	struct varlink_server *server; /* NULL once it closes */
	uv_pipe_t pipe;
	struct varlink_input in;
	struct varlink_call *call; /* that runs now, or NULL */
	unsigned int writes;	   /* under way */
	size_t held;		   /* bytes of in that the server counts */
	bool taking;		   /* in take_calls */
	bool paused;		   /* does not read: enough is there */
};

struct varlink_call {
	struct conn *conn; /* NULL: gone */
	bool more, oneway;
};

struct write {
	uv_write_t request;
	struct json_object *message; /* owns the text */
};

/* ---- connections ---- */

static void on_conn_closed(uv_handle_t *h)
{
	struct conn *c = h->data;

	buf_free(&c->in.buf);
	free(c);
}

static void conn_close(struct conn *c)
{
	if (uv_is_closing((uv_handle_t *)&c->pipe))
		return;
	if (c->call)
		c->call->conn = NULL;
	c->call = NULL;
	if (c->server) {
		c->server->n_conns--;
		c->server->held -= c->held;
	}
	c->server = NULL;
	list_remove(&c->link);
	uv_close((uv_handle_t *)&c->pipe, on_conn_closed);
}

static void take_calls(struct conn *c);

static void on_written(uv_write_t *request, int status)
{
	struct write *w = container_of(request, struct write, request);
	struct conn *c = request->handle->data;

	json_object_put(w->message);
	free(w);
	c->writes--;
	if (status < 0)
		conn_close(c);
	else
		take_calls(c);
}

static void conn_send(struct conn *c, struct json_object *message)
{
	struct write *w = calloc(1, sizeof(*w));
	size_t len = 0;
	const char *text = w && message ? varlink_message_text(message, &len) : NULL;
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned int)len);

	if (!text) {
		json_object_put(message);
		free(w);
		conn_close(c);
		return;
	}
	w->message = message;
	c->writes++;
	if (!uv_write(&w->request, (uv_stream_t *)&c->pipe, &buf, 1, on_written))
		return;
	c->writes--;
	json_object_put(message);
	free(w);
	conn_close(c);
}

/* ---- calls ---- */

static void call_send(
	struct varlink_call *call, const char *error, struct json_object *params, bool continues)
{
	struct conn *c = call->conn;
	struct json_object *m;

	if (!c || call->oneway) {
		json_object_put(params);
		return;
	}
	m = json_object_new_object();
	if (!m) {
		json_object_put(params);
		conn_close(c);
		return;
	}
	if (error)
		json_object_object_add(m, "error", json_object_new_string(error));
	if (continues)
		json_object_object_add(m, "continues", json_object_new_boolean(true));
	json_object_object_add(m, "parameters", params ? params : json_object_new_object());
	conn_send(c, m);
}

static void call_end(struct varlink_call *call)
{
	struct conn *c = call->conn;

	free(call);
	if (!c)
		return;
	c->call = NULL;
	take_calls(c);
}

void varlink_call_reply(struct varlink_call *call, struct json_object *params, bool continues)
{
	call_send(call, NULL, params, continues);
	if (!continues)
		call_end(call);
}

void varlink_call_error(struct varlink_call *call, const char *error, struct json_object *params)
{
	call_send(call, error, params, false);
	call_end(call);
}

/* An error of org.varlink.service with one parameter. */
static void service_error(
	struct varlink_call *call, const char *error, const char *key, const char *value)
{
	struct json_object *params = json_object_new_object();

	json_object_object_add(params, key, json_object_new_string(value));
	varlink_call_error(call, error, params);
}

void varlink_call_invalid(struct varlink_call *call, const char *parameter)
{
	service_error(call, "org.varlink.service.InvalidParameter", "parameter", parameter);
}

bool varlink_call_gone(const struct varlink_call *call)
{
	return !call->conn;
}

/* ---- org.varlink.service ---- */

#define SERVICE "org.varlink.service"

static const char service_description[] =
	"# Every Varlink service has this interface.\n"
	"interface " SERVICE "\n"
	"\n"
	"method GetInfo() -> (vendor: string, product: string, version: string, url: string,\n"
	"  interfaces: []string)\n"
	"method GetInterfaceDescription(interface: string) -> (description: string)\n"
	"\n"
	"error InterfaceNotFound (interface: string)\n"
	"error MethodNotFound (method: string)\n"
	"error MethodNotImplemented (method: string)\n"
	"error InvalidParameter (parameter: string)\n"
	"error PermissionDenied ()\n"
	"error ExpectedMore ()\n";

static void run_get_info(struct varlink_call *call, struct json_object *params, void *data)
{
	const struct varlink_service *s = data;
	struct json_object *reply = json_object_new_object(), *list = json_object_new_array();

	(void)params;
	json_object_array_add(list, json_object_new_string(SERVICE));
	json_object_array_add(list, json_object_new_string(s->interface));
	json_object_object_add(reply, "vendor", json_object_new_string(s->vendor));
	json_object_object_add(reply, "product", json_object_new_string(s->product));
	json_object_object_add(reply, "version", json_object_new_string(s->version));
	json_object_object_add(reply, "url", json_object_new_string(s->url));
	json_object_object_add(reply, "interfaces", list);
	varlink_call_reply(call, reply, false);
}

static void run_get_description(struct varlink_call *call, struct json_object *params, void *data)
{
	const struct varlink_service *s = data;
	const char *name =
		json_object_get_string(varlink_message_get(params, "interface", json_type_string));
	const char *text = NULL;
	struct json_object *reply;

	if (!name) {
		varlink_call_invalid(call, "interface");
		return;
	}
	if (!strcmp(name, SERVICE))
		text = service_description;
	else if (!strcmp(name, s->interface))
		text = s->description;
	if (!text) {
		service_error(call, SERVICE ".InterfaceNotFound", "interface", name);
		return;
	}
	reply = json_object_new_object();
	json_object_object_add(reply, "description", json_object_new_string(text));
	varlink_call_reply(call, reply, false);
}

static const struct varlink_method service_methods[] = {
	{SERVICE ".GetInfo", false, run_get_info},
	{SERVICE ".GetInterfaceDescription", false, run_get_description},
};

/* ---- dispatch ---- */

static const struct varlink_method *find_method(
	const struct varlink_method *methods, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(methods[i].name, name))
			return &methods[i];
	return NULL;
}

static void not_found(
	struct varlink_call *call, const struct varlink_service *s, const char *method)
{
	const char *dot = strrchr(method, '.');
	char *CLEANUP_FREE interface = strndup(method, dot ? (size_t)(dot - method) : 0);

	if (interface && (!strcmp(interface, SERVICE) || !strcmp(interface, s->interface)))
		service_error(call, SERVICE ".MethodNotFound", "method", method);
	else
		service_error(call, SERVICE ".InterfaceNotFound", "interface",
			interface ? interface : "");
}

static void run(struct varlink_call *call, const struct varlink_server *s, const char *method,
	struct json_object *params)
{
	size_t n_own = sizeof(service_methods) / sizeof(service_methods[0]);
	const struct varlink_service *service = s->service;
	const struct varlink_method *own = find_method(service_methods, n_own, method);
	const struct varlink_method *m =
		own ? own : find_method(service->methods, service->n_methods, method);

	if (!m)
		not_found(call, service, method);
	else if (!json_object_is_type(params, json_type_object))
		varlink_call_invalid(call, "parameters");
	else if (m->more && !call->more)
		varlink_call_error(call, SERVICE ".ExpectedMore", NULL);
	else
		m->run(call, params, own ? (void *)(uintptr_t)service : s->data);
}

/* What it has asked for would be done for nobody, perhaps long after it has given up. */
static bool client_left(const struct conn *c)
{
	struct pollfd p = {0};

	return !uv_fileno((const uv_handle_t *)&c->pipe, &p.fd) && poll(&p, 1, 0) > 0 &&
	       p.revents & POLLHUP;
}

static void conn_run(struct conn *c, struct json_object *message)
{
	struct json_object *method = varlink_message_get(message, "method", json_type_string);
	struct json_object *params = json_object_object_get(message, "parameters");
	bool oneway = varlink_message_flag(message, "oneway");
	struct varlink_call *call = NULL;

	if (method && (oneway || !client_left(c)))
		call = calloc(1, sizeof(*call));
	if (!call) {
		conn_close(c);
		return;
	}
	call->conn = c;
	call->more = varlink_message_flag(message, "more");
	call->oneway = oneway;
	c->call = call;
	params = params ? json_object_get(params) : json_object_new_object();
	run(call, c->server, json_object_get_string(method), params);
	varlink_message_wipe(params);
	json_object_put(params);
}

/* ---- reading ---- */

static void on_room(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	struct conn *c = h->data;
	struct buf *b = &c->in.buf;

	(void)size;
	*buf = uv_buf_init(NULL, 0);
	if (!buf_reserve(b, READ_SIZE))
		*buf = uv_buf_init((char *)b->data + b->len, (unsigned int)(b->room - b->len));
}

static void count_held(struct conn *c)
{
	c->server->held += c->in.buf.len - c->held;
	c->held = c->in.buf.len;
}

/* Who makes the daemon grow leaves, not who comes next. */
static void close_fullest(struct varlink_server *s)
{
	struct conn *c, *fullest = NULL;

	list_for_each(c, &s->conns, link)
		if (!fullest || c->held > fullest->held)
			fullest = c;
	if (fullest)
		conn_close(fullest);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct conn *c = stream->data;

	(void)buf;
	if (n < 0) {
		conn_close(c);
		return;
	}
	c->in.buf.len += (size_t)n;
	count_held(c);
	if (c->server->held > HELD_MAX)
		close_fullest(c->server);
	take_calls(c);
}

/* Reading goes on while a call runs: that is how a client that leaves is seen. */
static void pause_or_read(struct conn *c)
{
	bool full = c->in.buf.len - c->in.start > VARLINK_MESSAGE_MAX;

	if (full && !c->paused)
		uv_read_stop((uv_stream_t *)&c->pipe);
	if (!full && c->paused && uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read)) {
		conn_close(c);
		return;
	}
	c->paused = full;
}

/* A loop, not a recursion: a method may answer before it returns. */
static void take_calls(struct conn *c)
{
	if (c->taking)
		return;
	c->taking = true;
	while (c->server && !c->call && !c->writes) {
		struct json_object *message;

		if (varlink_message_take(&c->in, &message)) {
			conn_close(c);
			break;
		}
		if (!message)
			break;
		conn_run(c, message);
		json_object_put(message);
	}
	c->taking = false;
	if (!c->server)
		return;
	count_held(c);
	if (!c->in.buf.len) /* a long message's room is not kept */
		buf_free(&c->in.buf);
	pause_or_read(c);
}

/* ---- server ---- */

static bool may_call(const uv_pipe_t *pipe)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	uv_os_fd_t fd;

	return !uv_fileno((const uv_handle_t *)pipe, &fd) &&
	       !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct varlink_server *s = listener->data;
	struct conn *c = status < 0 ? NULL : calloc(1, sizeof(*c));

	if (!c)
		return;
	list_init(&c->link);
	uv_pipe_init(listener->loop, &c->pipe, 0);
	c->pipe.data = c;
	if (uv_accept(listener, (uv_stream_t *)&c->pipe) || !may_call(&c->pipe) ||
		s->n_conns >= CONNECTIONS_MAX ||
		uv_read_start((uv_stream_t *)&c->pipe, on_room, on_read)) {
		conn_close(c);
		return;
	}
	c->server = s;
	s->n_conns++;
	list_append(&s->conns, &c->link);
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
	list_init(&s->conns);
	uv_pipe_init(loop, &s->listener, 0);
	s->listener.data = s;
	r = uv_pipe_open(&s->listener, listen_fd);
	if (r)
		close(listen_fd);
	else
		r = uv_listen((uv_stream_t *)&s->listener, SOMAXCONN, on_connection);
	if (r) {
		varlink_server_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void varlink_server_free(struct varlink_server *s)
{
	struct conn *c, *next;

	if (!s)
		return;
	list_for_each_safe (c, next, &s->conns, link)
		conn_close(c);
	uv_close((uv_handle_t *)&s->listener, on_server_closed);
}
