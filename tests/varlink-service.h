/* SPDX-License-Identifier: MIT */
/* varlink-service.h - a Varlink server in a thread of its own, and clients of both kinds */
#ifndef TESTS_VARLINK_SERVICE_H
#define TESTS_VARLINK_SERVICE_H

#include "varlink.h"

#include "node-root.h"
#include "sock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#define WAIT_MS 10000

/* ---- a server in a thread of its own ---- */

static uv_loop_t loop;
static uv_async_t stop;
static pthread_t thread;
static struct varlink_server *server;
static atomic_int running, most_running; /* calls of t.Later, on all connections */
static atomic_int blocking, marked;
static atomic_int gone;			 /* calls of t.Hold whose client left */

struct later {
	uv_timer_t timer;
	struct varlink_call *call;
	struct json_object *params;
	int left; /* replies */
};

static inline void free_later(uv_handle_t *h)
{
	free(h->data);
}

static inline void on_time(uv_timer_t *t)
{
	struct later *l = t->data;

	if (--l->left > 0) {
		varlink_call_reply(l->call, json_object_get(l->params), true);
		return;
	}
	running--;
	varlink_call_reply(l->call, l->params, false);
	uv_close((uv_handle_t *)t, free_later);
}

/* Answers n times, 1 ms apart. */
static inline void later(struct varlink_call *call, struct json_object *params, int n)
{
	struct later *l = calloc(1, sizeof(*l));

	if (++running > most_running)
		most_running = running;
	l->call = call;
	l->left = n;
	json_object_deep_copy(params, &l->params, NULL);
	uv_timer_init(&loop, &l->timer);
	l->timer.data = l;
	uv_timer_start(&l->timer, on_time, 1, 1);
}

static inline void run_later(struct varlink_call *call, struct json_object *params, void *data)
{
	(void)data;
	later(call, params, 1);
}

static inline void run_count(struct varlink_call *call, struct json_object *params, void *data)
{
	(void)data;
	later(call, params, json_object_get_int(json_object_object_get(params, "n")));
}

static inline void run_echo(struct varlink_call *call, struct json_object *params, void *data)
{
	struct json_object *copy = NULL;

	if (data != &loop)
		abort();
	json_object_deep_copy(params, &copy, NULL);
	varlink_call_reply(call, copy, false);
}

/* A reply that no socket buffer takes in one piece. */
static inline void run_big(struct varlink_call *call, struct json_object *params, void *data)
{
	int len = json_object_get_int(json_object_object_get(params, "len"));
	struct json_object *o = json_object_new_object();
	char *text = malloc((size_t)len);

	(void)data;
	memset(text, 'x', (size_t)len);
	json_object_object_add(o, "text", json_object_new_string_len(text, len));
	free(text);
	varlink_call_reply(call, o, false);
}

static inline void run_fail(struct varlink_call *call, struct json_object *params, void *data)
{
	struct json_object *o = json_object_new_object();

	(void)params, (void)data;
	json_object_object_add(o, "why", json_object_new_string("so"));
	varlink_call_error(call, "t.Failed", o);
}

static inline void run_invalid(struct varlink_call *call, struct json_object *params, void *data)
{
	(void)params, (void)data;
	varlink_call_invalid(call, "that");
}

static inline void on_hold(uv_timer_t *t)
{
	struct later *l = t->data;

	if (!varlink_call_gone(l->call))
		return;
	gone++;
	/* swallowed */
	varlink_call_reply(l->call, NULL, true);
	varlink_call_reply(l->call, NULL, false);
	uv_close((uv_handle_t *)t, free_later);
}

/* Never answers; looks whether somebody still waits. */
static inline void run_hold(struct varlink_call *call, struct json_object *params, void *data)
{
	struct later *l = calloc(1, sizeof(*l));

	(void)params, (void)data;
	l->call = call;
	uv_timer_init(&loop, &l->timer);
	l->timer.data = l;
	uv_timer_start(&l->timer, on_hold, 1, 1);
}

/* The server does nothing else meanwhile. */
static inline void run_block(struct varlink_call *call, struct json_object *params, void *data)
{
	(void)params;
	(void)data;
	blocking = 1;
	while (blocking)
		usleep(1000);
	varlink_call_reply(call, NULL, false);
}

static inline void run_mark(struct varlink_call *call, struct json_object *params, void *data)
{
	(void)params;
	(void)data;
	marked++;
	varlink_call_reply(call, NULL, false);
}

static const struct varlink_method methods[] = {
	{"t.Block", false, run_block},
	{"t.Mark", false, run_mark},
	{"t.Later", false, run_later},
	{"t.Count", true, run_count},
	{"t.Echo", false, run_echo},
	{"t.Big", false, run_big},
	{"t.Fail", false, run_fail},
	{"t.Invalid", false, run_invalid},
	{"t.Hold", false, run_hold},
};

static const struct varlink_service service = {
	.vendor = "v",
	.product = "p",
	.version = "1",
	.url = "u",
	.interface = "t",
	.description = "interface t\n",
	.methods = methods,
	.n_methods = sizeof(methods) / sizeof(methods[0]),
};

static inline void on_stop(uv_async_t *a)
{
	varlink_server_free(server);
	uv_close((uv_handle_t *)a, NULL);
}

static inline void stop_server(void)
{
	static bool stopped; /* in this test's own process */

	if (!stopped)
		uv_async_send(&stop);
	stopped = true;
}

static inline void *serve(void *unused)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	return unused;
}

static inline void setup(void)
{
	int fd;

	root_open();
	signal(SIGPIPE, SIG_IGN);
	fd = sock_unix_listen(in_root("s"), 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	ck_assert_int_eq(uv_async_init(&loop, &stop, on_stop), 0);
	ck_assert_int_eq(varlink_server_new(&loop, fd, &service, &loop, &server), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, NULL), 0);
}

/* Stops whatever runs; the loop ends only when nothing of the server is left in it. */
static inline void teardown(void)
{
	stop_server();
	pthread_join(thread, NULL);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	root_close();
}

/* ---- clients ---- */

static inline struct varlink_client *client(void)
{
	struct varlink_client *c;

	ck_assert_int_eq(varlink_client_open(in_root("s"), &c), 0);
	return c;
}

static inline struct json_object *number(const char *key, int n)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, key, json_object_new_int(n));
	return o;
}

static inline int int_of(const struct varlink_reply *r, const char *key)
{
	return json_object_get_int(json_object_object_get(r->params, key));
}

static inline const char *text_in(const struct varlink_reply *r, const char *key)
{
	return json_object_get_string(json_object_object_get(r->params, key));
}

static inline void call(
	struct varlink_client *c, const char *method, struct json_object *params, unsigned int flags)
{
	ck_assert_int_eq(varlink_client_call(c, method, params, flags), 0);
}

static inline struct varlink_reply next(struct varlink_client *c)
{
	struct varlink_reply r;

	ck_assert_int_eq(varlink_client_read(c, WAIT_MS, &r), 0);
	return r;
}

/* One call whose answer is an error; its parameter KEY. */
static inline void expect_error(const char *method, struct json_object *params, const char *error,
	const char *key, const char *value)
{
	struct varlink_client *c = client();
	struct varlink_reply r;

	call(c, method, params, 0);
	r = next(c);
	ck_assert_str_eq(r.error, error);
	ck_assert(!r.continues);
	if (key)
		ck_assert_str_eq(text_in(&r, key), value);
	else
		ck_assert_ptr_null(r.params);
	varlink_reply_clear(&r);
	varlink_client_close(c);
}

/* ---- a client without the library ---- */

static inline int raw(void)
{
	int fd = sock_unix_connect(in_root("s"));

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	return fd;
}

static inline void put_raw(int fd, const char *text, size_t len)
{
	ck_assert_int_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* The next message, as text; "" when the server has closed. */
static inline const char *get_raw(int fd)
{
	static char text[4096];
	size_t n = 0;

	while (recv(fd, text + n, 1, 0) == 1)
		if (!text[n++])
			return text;
	text[n] = '\0';
	return text;
}

#endif
