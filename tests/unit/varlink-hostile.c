/* SPDX-License-Identifier: MIT */
/* varlink-hostile.c - what clients do to a server that they should not: others go on */
#include "varlink-service.h"

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
	const TTest *const tests[] = {garbage, endless_message, endless_messages_side_by_side,
		flood_while_a_call_runs, client_left_before_its_turn, client_leaves,
		other_users_are_kept_out};

	return RUN_TESTS_IN("varlink-hostile", tests, setup, teardown);
}
