/* SPDX-License-Identifier: MIT */
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

static void free_later(uv_handle_t *h)
{
	free(h->data);
}

static void on_time(uv_timer_t *t)
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
static void later(struct varlink_call *call, struct json_object *params, int n)
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

static void run_later(struct varlink_call *call, struct json_object *params, void *data)
{
	(void)data;
	later(call, params, 1);
}

static void run_count(struct varlink_call *call, struct json_object *params, void *data)
{
	(void)data;
	later(call, params, json_object_get_int(json_object_object_get(params, "n")));
}

static void run_echo(struct varlink_call *call, struct json_object *params, void *data)
{
	struct json_object *copy = NULL;

	if (data != &loop)
		abort();
	json_object_deep_copy(params, &copy, NULL);
	varlink_call_reply(call, copy, false);
}

/* A reply that no socket buffer takes in one piece. */
static void run_big(struct varlink_call *call, struct json_object *params, void *data)
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

static void run_fail(struct varlink_call *call, struct json_object *params, void *data)
{
	struct json_object *o = json_object_new_object();

	(void)params, (void)data;
	json_object_object_add(o, "why", json_object_new_string("so"));
	varlink_call_error(call, "t.Failed", o);
}

static void run_invalid(struct varlink_call *call, struct json_object *params, void *data)
{
	(void)params, (void)data;
	varlink_call_invalid(call, "that");
}

static void on_hold(uv_timer_t *t)
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
static void run_hold(struct varlink_call *call, struct json_object *params, void *data)
{
	struct later *l = calloc(1, sizeof(*l));

	(void)params, (void)data;
	l->call = call;
	uv_timer_init(&loop, &l->timer);
	l->timer.data = l;
	uv_timer_start(&l->timer, on_hold, 1, 1);
}

/* The server does nothing else meanwhile. */
static void run_block(struct varlink_call *call, struct json_object *params, void *data)
{
	(void)params;
	(void)data;
	blocking = 1;
	while (blocking)
		usleep(1000);
	varlink_call_reply(call, NULL, false);
}

static void run_mark(struct varlink_call *call, struct json_object *params, void *data)
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

static void on_stop(uv_async_t *a)
{
	varlink_server_free(server);
	uv_close((uv_handle_t *)a, NULL);
}

static void stop_server(void)
{
	static bool stopped; /* in this test's own process */

	if (!stopped)
		uv_async_send(&stop);
	stopped = true;
}

static void *serve(void *unused)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	return unused;
}

static void setup(void)
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
static void teardown(void)
{
	stop_server();
	pthread_join(thread, NULL);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	root_close();
}

/* ---- clients ---- */

static struct varlink_client *client(void)
{
	struct varlink_client *c;

	ck_assert_int_eq(varlink_client_open(in_root("s"), &c), 0);
	return c;
}

static struct json_object *number(const char *key, int n)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, key, json_object_new_int(n));
	return o;
}

static int int_of(const struct varlink_reply *r, const char *key)
{
	return json_object_get_int(json_object_object_get(r->params, key));
}

static const char *text_in(const struct varlink_reply *r, const char *key)
{
	return json_object_get_string(json_object_object_get(r->params, key));
}

static void call(
	struct varlink_client *c, const char *method, struct json_object *params, unsigned int flags)
{
	ck_assert_int_eq(varlink_client_call(c, method, params, flags), 0);
}

static struct varlink_reply next(struct varlink_client *c)
{
	struct varlink_reply r;

	ck_assert_int_eq(varlink_client_read(c, WAIT_MS, &r), 0);
	return r;
}

/* One call whose answer is an error; its parameter KEY. */
static void expect_error(const char *method, struct json_object *params, const char *error,
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

static int raw(void)
{
	int fd = sock_unix_connect(in_root("s"));

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
	return fd;
}

static void put_raw(int fd, const char *text, size_t len)
{
	ck_assert_int_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* The next message, as text; "" when the server has closed. */
static const char *get_raw(int fd)
{
	static char text[4096];
	size_t n = 0;

	while (recv(fd, text + n, 1, 0) == 1)
		if (!text[n++])
			return text;
	text[n] = '\0';
	return text;
}

/* ---- tests ---- */

START_TEST(echo)
{
	struct varlink_client *c = client();
	struct varlink_reply r;

	call(c, "t.Echo", number("n", 7), 0);
	r = next(c);
	ck_assert_ptr_null(r.error);
	ck_assert(!r.continues);
	ck_assert_int_eq(int_of(&r, "n"), 7);
	varlink_reply_clear(&r);
	call(c, "t.Echo", NULL, 0);
	r = next(c);
	ck_assert_ptr_null(r.params);
	ck_assert_int_eq(varlink_client_read(c, 20, &r), -ETIMEDOUT);
	varlink_client_close(c);
}
END_TEST

START_TEST(get_info)
{
	struct varlink_client *c = client();
	struct varlink_reply r;
	struct json_object *list;

	call(c, "org.varlink.service.GetInfo", NULL, 0);
	r = next(c);
	ck_assert_str_eq(text_in(&r, "vendor"), "v");
	ck_assert_str_eq(text_in(&r, "product"), "p");
	ck_assert_str_eq(text_in(&r, "version"), "1");
	ck_assert_str_eq(text_in(&r, "url"), "u");
	list = json_object_object_get(r.params, "interfaces");
	ck_assert_uint_eq(json_object_array_length(list), 2);
	ck_assert_str_eq(
		json_object_get_string(json_object_array_get_idx(list, 0)), "org.varlink.service");
	ck_assert_str_eq(json_object_get_string(json_object_array_get_idx(list, 1)), "t");
	varlink_reply_clear(&r);
	varlink_client_close(c);
}
END_TEST

START_TEST(get_description)
{
	static const char *const texts[][2] = {
		{"t", "interface t\n"}, {"org.varlink.service", "interface org.varlink.service\n"}};
	struct varlink_client *c = client();

	for (int i = 0; i < 2; i++) {
		struct json_object *params = json_object_new_object();
		struct varlink_reply r;

		json_object_object_add(params, "interface", json_object_new_string(texts[i][0]));
		call(c, "org.varlink.service.GetInterfaceDescription", params, 0);
		r = next(c);
		ck_assert_ptr_nonnull(strstr(text_in(&r, "description"), texts[i][1]));
		varlink_reply_clear(&r);
	}
	varlink_client_close(c);
}
END_TEST

START_TEST(errors)
{
	struct json_object *unknown = json_object_new_object();

	json_object_object_add(unknown, "interface", json_object_new_string("x.y"));
	expect_error("t.None", NULL, "org.varlink.service.MethodNotFound", "method", "t.None");
	expect_error("org.varlink.service.No", NULL, "org.varlink.service.MethodNotFound", "method",
		"org.varlink.service.No");
	expect_error("x.y.Echo", NULL, "org.varlink.service.InterfaceNotFound", "interface", "x.y");
	expect_error("Echo", NULL, "org.varlink.service.InterfaceNotFound", "interface", "");
	expect_error("org.varlink.service.GetInterfaceDescription", unknown,
		"org.varlink.service.InterfaceNotFound", "interface", "x.y");
	expect_error("org.varlink.service.GetInterfaceDescription", number("interface", 1),
		"org.varlink.service.InvalidParameter", "parameter", "interface");
	expect_error("t.Count", number("n", 2), "org.varlink.service.ExpectedMore", NULL, NULL);
	expect_error("t.Fail", NULL, "t.Failed", "why", "so");
	expect_error(
		"t.Invalid", NULL, "org.varlink.service.InvalidParameter", "parameter", "that");
	expect_error("t.Echo", json_object_new_array(), "org.varlink.service.InvalidParameter",
		"parameter", "parameters");
}
END_TEST

START_TEST(several_replies)
{
	struct varlink_client *c = client();

	call(c, "t.Count", number("n", 20), VARLINK_MORE);
	for (int i = 0; i < 20; i++) {
		struct varlink_reply r = next(c);

		ck_assert_int_eq(int_of(&r, "n"), 20);
		ck_assert_int_eq(r.continues, i < 19);
		varlink_reply_clear(&r);
	}
	varlink_client_close(c);
}
END_TEST

/* Those that take time and those that do not: answered in the order of the calls, one by one. */
START_TEST(pipelined)
{
	struct varlink_client *c = client();

	for (int i = 0; i < 60; i++)
		call(c, i % 3 ? "t.Later" : "t.Echo", number("i", i), false);
	for (int i = 0; i < 60; i++) {
		struct varlink_reply r = next(c);

		ck_assert_int_eq(int_of(&r, "i"), i);
		varlink_reply_clear(&r);
	}
	ck_assert_int_eq(most_running, 1);
	varlink_client_close(c);
}
END_TEST

/* One connection that waits does not stop another. */
START_TEST(side_by_side)
{
	struct varlink_client *held = client(), *c = client();
	struct varlink_reply r;

	call(held, "t.Hold", NULL, 0);
	call(c, "t.Echo", number("n", 1), 0);
	r = next(c);
	ck_assert_int_eq(int_of(&r, "n"), 1);
	varlink_reply_clear(&r);
	varlink_client_close(c);
	varlink_client_close(held);
}
END_TEST

/* They wait in the buffer, all of them: to recurse would end the process. */
START_TEST(many_waiting_calls)
{
	static const char first[] =
		"{\"method\":\"t.Count\",\"more\":true,\"oneway\":true,\"parameters\":{\"n\":300}}";
	static const char one[] = "{\"method\":\"t.Invalid\",\"oneway\":true}";
	enum { N = 200000 };
	char *all = malloc(N * sizeof(one));
	int fd = raw();

	for (size_t i = 0; i < N; i++)
		memcpy(all + i * sizeof(one), one, sizeof(one));
	put_raw(fd, first, sizeof(first));
	put_raw(fd, all, N * sizeof(one));
	free(all);
	put_raw(fd, "{\"method\":\"t.Echo\"}", 20);
	ck_assert_str_eq(get_raw(fd), "{\"parameters\":{}}");
	close(fd);
}
END_TEST

START_TEST(oneway)
{
	static const char calls[] = "{\"method\":\"t.Later\",\"oneway\":true}\0"
				    "{\"method\":\"t.None\",\"oneway\":true}\0"
				    "{\"method\":\"t.Echo\",\"parameters\":{\"n\":1}}";
	int fd = raw();

	put_raw(fd, calls, sizeof(calls));
	ck_assert_str_eq(get_raw(fd), "{\"parameters\":{\"n\":1}}");
	close(fd);
}
END_TEST

START_TEST(in_single_bytes)
{
	static const char text[] = "{\"method\":\"t.Fail\",\"parameters\":null}";
	int fd = raw();

	for (size_t i = 0; i < sizeof(text); i++)
		put_raw(fd, text + i, 1);
	ck_assert_str_eq(get_raw(fd), "{\"error\":\"t.Failed\",\"parameters\":{\"why\":\"so\"}}");
	close(fd);
}
END_TEST

START_TEST(big_messages)
{
	struct varlink_client *c = client();
	struct json_object *params = json_object_new_object();
	int len = 8 << 20;
	char *text = malloc((size_t)len);
	struct varlink_reply r;

	memset(text, 'y', (size_t)len);
	json_object_object_add(params, "text", json_object_new_string_len(text, len));
	free(text);
	call(c, "t.Echo", params, 0);
	r = next(c);
	ck_assert_int_eq(json_object_get_string_len(json_object_object_get(r.params, "text")), len);
	varlink_reply_clear(&r);
	call(c, "t.Big", number("len", len), 0);
	r = next(c);
	ck_assert_uint_eq(strspn(text_in(&r, "text"), "x"), (size_t)len);
	varlink_reply_clear(&r);
	varlink_client_close(c);
}
END_TEST

/* Whatever is not a call ends that connection, and no other. */
START_TEST(garbage)
{
	static const struct {
		const char *text;
		size_t len;
	} cases[] = {
		{"GET / HTTP/1.0\r\n\r\n\0", 19},
		{"\0", 1},
		{"{\0", 2},
		{"[]\0", 3},
		{"1\0", 2},
		{"null\0", 5},
		{"{}\0", 3},
		{"{\"method\":1}\0", 13},
		{"{\"method\":\"t.Echo\"}x\0", 21},
		{"{\"method\":\"t.\xff\"}\0", 17},
	};
	struct varlink_client *c = client();
	struct varlink_reply r;
	char deep[2000];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = raw();

		put_raw(fd, cases[i].text, cases[i].len);
		ck_assert_str_eq(get_raw(fd), "");
		close(fd);
	}
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	deep[sizeof(deep) - 1] = '\0';
	int fd = raw();
	put_raw(fd, deep, sizeof(deep));
	ck_assert_str_eq(get_raw(fd), "");
	close(fd);
	call(c, "t.Echo", number("n", 3), 0);
	r = next(c);
	ck_assert_int_eq(int_of(&r, "n"), 3);
	varlink_reply_clear(&r);
	varlink_client_close(c);
}
END_TEST

START_TEST(endless_message)
{
	static char bytes[1 << 20];
	int fd = raw();
	size_t sent = 0;
	ssize_t n;

	memset(bytes, ' ', sizeof(bytes));
	while ((n = send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL)) > 0 && sent < 64u << 20)
		sent += (size_t)n;
	ck_assert_uint_ge(sent, VARLINK_MESSAGE_MAX);
	ck_assert_uint_lt(sent, 32u << 20);
	close(fd);
}
END_TEST

/* A client that only sends is not read from without end. */
START_TEST(flood_while_a_call_runs)
{
	static const char one[] = "{\"method\":\"t.Hold\"}";
	static char many[sizeof(one) * 10000];
	int fd = raw();
	size_t sent = 0;
	ssize_t n;

	for (size_t i = 0; i < 10000; i++)
		memcpy(many + i * sizeof(one), one, sizeof(one));
	ck_assert_int_eq(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	while (sent < 64u << 20) {
		if (sock_wait(fd, POLLOUT, sock_deadline(500)))
			break;
		n = send(fd, many, sizeof(many), MSG_NOSIGNAL);
		ck_assert_int_gt(n, 0);
		sent += (size_t)n;
	}
	ck_assert_uint_lt(sent, 32u << 20);
	close(fd);
}
END_TEST

START_TEST(client_leaves)
{
	struct varlink_client *c = client();
	int fd = raw();

	call(c, "t.Hold", NULL, 0);
	put_raw(fd, "{\"method\":\"t.Count\",\"more\":true,\"parameters\":{\"n\":50}}", 55);
	ck_assert_int_ne(*get_raw(fd), '\0');
	close(fd);
	varlink_client_close(c);
	for (int i = 0; i < WAIT_MS && (!gone || running); i++)
		usleep(1000);
	ck_assert_int_eq(gone, 1);
	ck_assert_int_eq(running, 0);
}
END_TEST

/* What a client asked for that left before its turn is not done, unless it said that it would leave. */
START_TEST(client_left_before_its_turn)
{
	struct varlink_client *first = client(), *c;

	call(first, "t.Block", NULL, 0);
	for (int i = 0; i < WAIT_MS && !blocking; i++)
		usleep(1000);
	for (unsigned int i = 0; i < 6; i++) {
		c = client();
		call(c, "t.Mark", NULL, i % 3 ? 0 : VARLINK_ONEWAY);
		varlink_client_close(c);
	}
	blocking = 0;
	next(first);
	call(first, "t.Echo", NULL, 0);
	next(first);
	c = client();
	call(c, "t.Mark", NULL, 0);
	next(c);
	ck_assert_int_eq(marked, 3);
	varlink_client_close(c);
	varlink_client_close(first);
}
END_TEST

/* Clients that together send more than the server wants to hold: those that send most are left. */
START_TEST(endless_messages_side_by_side)
{
	enum { N = 6, SIZE = 15 << 20 };
	char *bytes = malloc(SIZE);
	struct varlink_client *c;
	struct varlink_reply r;
	int fds[N], left = 0;
	size_t sent;
	ssize_t n;

	memset(bytes, ' ', SIZE);
	for (int i = 0; i < N; i++) {
		fds[i] = raw();
		for (sent = 0; sent < SIZE; sent += (size_t)n) {
			n = send(fds[i], bytes, SIZE - sent, MSG_NOSIGNAL);
			if (n < 0)
				break;
		}
	}
	c = client();
	call(c, "t.Echo", number("n", 5), 0);
	r = next(c);
	ck_assert_int_eq(int_of(&r, "n"), 5);
	varlink_reply_clear(&r);
	for (int i = 0; i < N; i++) {
		left += send(fds[i], " ", 1, MSG_NOSIGNAL) == 1;
		close(fds[i]);
	}
	ck_assert_int_ge(left, 3);
	ck_assert_int_lt(left, N);
	varlink_client_close(c);
	free(bytes);
}
END_TEST

/* The server ends while calls wait; the client learns it at once. */
START_TEST(server_ends)
{
	struct varlink_client *c = client();
	struct varlink_reply r;

	call(c, "t.Hold", NULL, 0);
	call(c, "t.Echo", NULL, 0);
	ck_assert_int_eq(varlink_client_read(c, 30, &r), -ETIMEDOUT);
	stop_server();
	ck_assert_int_eq(varlink_client_read(c, WAIT_MS, &r), -ECONNRESET);
	varlink_client_close(c);
}
END_TEST

/* ---- the client alone, against a server that a test plays ---- */

START_TEST(client_open_fails)
{
	struct varlink_client *c = NULL;

	ck_assert_int_eq(varlink_client_open(in_root("none"), &c), -ENOENT);
	ck_assert_ptr_null(c);
	varlink_client_close(c);
}
END_TEST

START_TEST(client_against_bad_servers)
{
	static const struct {
		const char *text;
		size_t len;
		int r;
	} cases[] = {
		{"", 0, -ECONNRESET},
		{"{\"parameters\":{", 15, -ECONNRESET},
		{"HTTP/1.0 400\0", 13, -EPROTO},
		{"[]\0", 3, -EPROTO},
		{"{\"error\":1,\"continues\":\"yes\"}\0", 30, 0},
	};
	int l = sock_unix_listen(in_root("bad"), 0600);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct varlink_reply r = {.continues = true};
		struct varlink_client *c;
		int fd;

		ck_assert_int_eq(varlink_client_open(in_root("bad"), &c), 0);
		fd = accept(l, NULL, NULL);
		put_raw(fd, cases[i].text, cases[i].len);
		shutdown(fd, SHUT_WR);
		ck_assert_int_eq(varlink_client_read(c, WAIT_MS, &r), cases[i].r);
		ck_assert_int_eq(r.continues, cases[i].r != 0);
		close(fd);
		ck_assert_int_eq(varlink_client_call(c, "t.Echo", NULL, 0), -ECONNRESET);
		varlink_client_close(c);
	}
	close(l);
}
END_TEST

/* A server that is stopped, or never reads, is not waited for without an end. */
START_TEST(client_of_server_that_takes_nothing)
{
	int l = sock_unix_listen(in_root("deaf"), 0600), before = varlink_send_ms;
	struct json_object *params = json_object_new_object();
	struct varlink_client *c;
	char text[4096];

	varlink_send_ms = 50;
	memset(text, 'x', sizeof(text));
	for (int i = 0; i < 1024; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		json_object_object_add(params, key, json_object_new_string_len(text, sizeof(text)));
	}
	ck_assert_int_eq(varlink_client_open(in_root("deaf"), &c), 0);
	ck_assert_int_eq(varlink_client_call(c, "t.Echo", params, 0), -ETIMEDOUT);
	varlink_client_close(c);
	varlink_send_ms = before;
	close(l);
}
END_TEST

/* A server that does not let it in closes; one of another user is never asked for a reply. */
START_TEST(other_users_are_kept_out)
{
	struct varlink_reply r;
	struct varlink_client *c;

	if (geteuid())
		return;
	ck_assert_int_eq(chmod(root, 0755), 0);
	ck_assert_int_eq(chmod(in_root("s"), 0666), 0);
	ck_assert_int_eq(syscall(SYS_setresuid, -1, 12345, -1), 0);
	c = client();
	ck_assert_int_eq(syscall(SYS_setresuid, -1, 0, -1), 0);
	/* the peer's credentials are those of its connect */
	if (!varlink_client_call(c, "t.Echo", NULL, 0))
		ck_assert_int_eq(varlink_client_read(c, WAIT_MS, &r), -ECONNRESET);
	varlink_client_close(c);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {echo, get_info, get_description, errors, several_replies,
		pipelined, side_by_side, many_waiting_calls, oneway, in_single_bytes, big_messages,
		garbage, endless_message,
		endless_messages_side_by_side, client_left_before_its_turn, flood_while_a_call_runs, client_leaves, server_ends,
		client_open_fails, client_against_bad_servers,
		client_of_server_that_takes_nothing, other_users_are_kept_out};

	return RUN_TESTS_IN("varlink", tests, setup, teardown);
}
