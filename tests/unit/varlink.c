/* SPDX-License-Identifier: MIT */
#include "varlink-service.h"

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

int main(void)
{
	const TTest *const tests[] = {echo, get_info, get_description, errors, several_replies,
		pipelined, side_by_side, many_waiting_calls, oneway, in_single_bytes, big_messages,
		server_ends, client_open_fails, client_against_bad_servers,
		client_of_server_that_takes_nothing};

	return RUN_TESTS_IN("varlink", tests, setup, teardown);
}
