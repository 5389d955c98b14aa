/* SPDX-License-Identifier: MIT */
#include "sock.h"

#include "node-root.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/un.h>

static const struct {
	const char *host;
	unsigned int port;
	int r;
	const char *text; /* as it is printed again */
} addresses[] = {
	{"10.1.2.3", 3260, 0, "10.1.2.3"},
	{"0.0.0.0", 1, 0, "0.0.0.0"},
	{"fd00:0:0::1", 65535, 0, "fd00::1"},
	{"0000:0000:0000:0000:0000:0000:0000:0001", 3260, 0, "::1"},
	{"::ffff:1.2.3.4", 5, 0, "::ffff:1.2.3.4"},
	{"fe80::1%lo", 3260, 0, "fe80::1%lo"},
	{"fe80::1%1", 3260, 0, "fe80::1%lo"},
	{"fe80::1%999999", 3260, 0, "fe80::1%999999"},
	{"fe80::1%nosuch0", 3260, -ENODEV, NULL},
	{"fe80::1%", 3260, -EINVAL, NULL},
	{"10.1.2.3%lo", 3260, -EINVAL, NULL},
	{"localhost", 3260, -EINVAL, NULL},
	{"", 3260, -EINVAL, NULL},
	{"10.1", 3260, -EINVAL, NULL},
	{"[::1]", 3260, -EINVAL, NULL},
	{"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001", 3260, -EINVAL, NULL},
	{"10.1.2.3", 0, -EINVAL, NULL},
	{"10.1.2.3", 65536, -EINVAL, NULL},
};

START_TEST(parse_and_format)
{
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		char host[INET6_ADDRSTRLEN + IF_NAMESIZE];
		struct sock_addr a = {0};
		unsigned int port;
		int r = sock_addr_parse(addresses[i].host, addresses[i].port, &a);

		ck_assert_msg(r == addresses[i].r, "%s: %d", addresses[i].host, r);
		if (r) {
			ck_assert_uint_eq(a.len, 0);
			continue;
		}
		sock_addr_format(&a, host, sizeof(host), &port);
		ck_assert_str_eq(host, addresses[i].text);
		ck_assert_uint_eq(port, addresses[i].port);
	}
}
END_TEST

/* Listens on the loopback address; where, in *ret. */
static int listener(struct sock_addr *ret)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret = (struct sock_addr){.len = sizeof(ret->in)};
	ret->in.sin_family = AF_INET;
	ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(fd, &ret->sa, ret->len), 0);
	ck_assert_int_eq(listen(fd, 4), 0);
	ck_assert_int_eq(getsockname(fd, &ret->sa, &ret->len), 0);
	return fd;
}

static int option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

START_TEST(connects)
{
	struct sock_options o = {.buffer_size = 20000, .tos = 0x10};
	struct sock_addr to;
	int l = listener(&to), fd = sock_connect(&to, &o, 5000);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(option(fd, IPPROTO_TCP, TCP_NODELAY), 0);
	ck_assert_int_eq(option(fd, IPPROTO_IP, IP_TOS), 0x10);
	/* the kernel counts its own overhead in */
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_SNDBUF), 40000);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_RCVBUF), 40000);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	fd = sock_connect_start(&to, NULL);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(sock_wait(fd, POLLOUT, sock_deadline(5000)), 0);
	ck_assert_int_eq(sock_connect_result(fd), 0);
	close(fd);
	close(l);
}
END_TEST

START_TEST(refused)
{
	struct sock_addr to;

	close(listener(&to));
	ck_assert_int_eq(sock_connect(&to, NULL, 5000), -ECONNREFUSED);
}
END_TEST

START_TEST(device)
{
	struct sock_options lo = {.netdev = "lo"}, none = {.netdev = "nosuch0"};
	struct sock_addr to;
	int l = listener(&to), fd;

	ck_assert_int_eq(sock_connect(&to, &none, 5000), -ENODEV);
	fd = sock_connect(&to, &lo, 5000);
	ck_assert_int_ge(fd, 0);
	close(fd);
	close(l);
}
END_TEST

START_TEST(wait)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(sock_wait(pair[0], POLLIN, sock_deadline(0)), -ETIMEDOUT);
	ck_assert_int_eq(sock_wait(pair[0], POLLIN, sock_deadline(30)), -ETIMEDOUT);
	ck_assert_int_eq(send(pair[1], "x", 1, 0), 1);
	ck_assert_int_eq(sock_wait(pair[0], POLLIN, sock_deadline(-1)), 0);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(unix_socket)
{
	int l = sock_unix_listen(in_root("s"), 0600), fd;
	struct stat st;

	ck_assert_int_ge(l, 0);
	ck_assert_int_eq(stat(in_root("s"), &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFSOCK | 0600);
	fd = sock_unix_connect(in_root("s"));
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(sock_unix_listen(in_root("s"), 0600), -EADDRINUSE);
	close(l);
	ck_assert_int_eq(sock_unix_connect(in_root("s")), -ECONNREFUSED);
	ck_assert_int_eq(sock_unix_connect(in_root("none")), -ENOENT);
	/* the one above is stale now; another mode shows that it is new, whatever the umask */
	umask(0777);
	l = sock_unix_listen(in_root("s"), 0666);
	umask(022);
	ck_assert_int_ge(l, 0);
	ck_assert_int_eq(stat(in_root("s"), &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFSOCK | 0666);
	close(l);
}
END_TEST

START_TEST(unix_listen_removes_sockets_only)
{
	char longest[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];

	put_text("f", "precious");
	ck_assert_int_eq(sock_unix_listen(in_root("f"), 0600), -EADDRINUSE);
	ck_assert_str_eq(text_of("f"), "precious");
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	ck_assert_int_eq(sock_unix_listen(longest, 0600), -ENAMETOOLONG);
	ck_assert_int_eq(sock_unix_connect(longest), -ENAMETOOLONG);
}
END_TEST

START_TEST(unix_backlog_full)
{
	int l = sock_unix_listen(in_root("s"), 0600), fds[4];
	int64_t start = sock_deadline(0);

	ck_assert_int_eq(listen(l, 1), 0);
	for (int i = 0; i < 2; i++) {
		fds[i] = sock_unix_connect(in_root("s"));
		ck_assert_int_ge(fds[i], 0);
	}
	ck_assert_int_eq(sock_unix_connect(in_root("s")), -EAGAIN);
	ck_assert_int_lt(sock_deadline(0) - start, 10000);
	fds[2] = accept(l, NULL, NULL);
	fds[3] = sock_unix_connect(in_root("s"));
	ck_assert_int_ge(fds[3], 0);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close(l);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {parse_and_format, connects, refused, device, wait,
		unix_socket, unix_listen_removes_sockets_only, unix_backlog_full};

	return RUN_TESTS("sock", tests);
}
