/* SPDX-License-Identifier: MIT */
#include "sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "cleanup.h"
#include "netns.h"
#include "str.h"

#define BACKLOG_FULL_TRIES 100
#define BACKLOG_FULL_PAUSE_MS 10

static int parse_zone(const char *zone, uint32_t *ret)
{
	uint64_t number;

	if (!*zone)
		return -EINVAL;
	*ret = if_nametoindex(zone);
	if (*ret)
		return 0;
	if (str_to_u64(zone, 1, INT32_MAX, &number))
		return -ENODEV;
	*ret = (uint32_t)number;
	return 0;
}

int sock_addr_parse(const char *host, unsigned int port, struct sock_addr *ret)
{
	const char *zone = strchr(host, '%');
	struct sock_addr a = {0};
	char bare[INET6_ADDRSTRLEN];
	int r;

	if (port < 1 || port > 65535)
		return -EINVAL;
	if (inet_pton(AF_INET, host, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons((uint16_t)port);
		a.len = sizeof(a.in);
		*ret = a;
		return 0;
	}
	r = snprintf(
		bare, sizeof(bare), "%.*s", zone ? (int)(zone - host) : (int)strlen(host), host);
	if (r >= (int)sizeof(bare) || inet_pton(AF_INET6, bare, &a.in6.sin6_addr) != 1)
		return -EINVAL;
	r = zone ? parse_zone(zone + 1, &a.in6.sin6_scope_id) : 0;
	if (r < 0)
		return r;
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons((uint16_t)port);
	a.len = sizeof(a.in6);
	*ret = a;
	return 0;
}

struct parse_in {
	const char *host;
	unsigned int port;
	struct sock_addr *ret;
};

static int parse_here(void *data)
{
	const struct parse_in *p = data;

	return sock_addr_parse(p->host, p->port, p->ret);
}

int sock_addr_parse_in(const char *netns, const char *host, unsigned int port,
	struct sock_addr *ret)
{
	struct parse_in p = {host, port, ret};

	return netns_call(strchr(host, '%') ? netns : NULL, parse_here, &p);
}

void sock_addr_format(const struct sock_addr *a, char *host, size_t len, unsigned int *ret_port)
{
	char text[INET6_ADDRSTRLEN] = "", zone[IF_NAMESIZE] = "";

	if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->in.sin_addr, text, sizeof(text));
		*ret_port = ntohs(a->in.sin_port);
	} else {
		inet_ntop(AF_INET6, &a->in6.sin6_addr, text, sizeof(text));
		*ret_port = ntohs(a->in6.sin6_port);
		if (a->in6.sin6_scope_id && !if_indextoname(a->in6.sin6_scope_id, zone))
			snprintf(zone, sizeof(zone), "%u", (unsigned int)a->in6.sin6_scope_id);
	}
	snprintf(host, len, "%s%s%s", text, *zone ? "%" : "", zone);
}

static void set_int(int fd, int level, int option, int value)
{
	/* Only a wish: a connection without it works too. */
	(void)setsockopt(fd, level, option, &value, sizeof(value));
}

static int set_options(int fd, int family, const struct sock_options *o)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (o->buffer_size > 0) {
		set_int(fd, SOL_SOCKET, SO_RCVBUF, o->buffer_size);
		set_int(fd, SOL_SOCKET, SO_SNDBUF, o->buffer_size);
	}
	if (o->tos && family == AF_INET)
		set_int(fd, IPPROTO_IP, IP_TOS, o->tos);
	if (o->tos && family == AF_INET6)
		set_int(fd, IPPROTO_IPV6, IPV6_TCLASS, o->tos);
	if (!str_empty(o->netdev) && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, o->netdev,
					     (socklen_t)strlen(o->netdev)))
		return -errno;
	return 0;
}

struct connect_in {
	const struct sock_addr *a;
	const struct sock_options *o;
};

static int connect_here(void *data)
{
	const struct connect_in *c = data;
	const struct sock_addr *a = c->a;
	int CLEANUP_CLOSE fd =
		socket(a->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	int r;

	if (fd < 0)
		return -errno;
	r = set_options(fd, a->sa.sa_family, c->o);
	if (r < 0)
		return r;
	if (connect(fd, &a->sa, a->len) && errno != EINPROGRESS && errno != EINTR)
		return -errno;
	return STEAL_FD(fd);
}

int sock_connect_start(const struct sock_addr *a, const struct sock_options *o)
{
	struct connect_in c = {a, o ? o : &(struct sock_options){0}};

	return netns_call(c.o->netns, connect_here, &c);
}

int sock_connect_result(int fd)
{
	int err = 0;
	socklen_t len = sizeof(err);

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len))
		return -errno;
	return -err;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t sock_deadline(int timeout_ms)
{
	return timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
}

int sock_wait(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left;
	int n;

	do {
		left = deadline == INT64_MAX ? -1 : deadline - now_ms();
		if (left < 0 && deadline != INT64_MAX)
			left = 0;
		n = poll(&p, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n ? 0 : -ETIMEDOUT;
}

int sock_connect(const struct sock_addr *a, const struct sock_options *o, int timeout_ms)
{
	int CLEANUP_CLOSE fd = sock_connect_start(a, o);
	int r;

	if (fd < 0)
		return fd;
	r = sock_wait(fd, POLLOUT, sock_deadline(timeout_ms));
	if (!r)
		r = sock_connect_result(fd);
	return r < 0 ? r : STEAL_FD(fd);
}

static int unix_socket(const char *path, struct sockaddr_un *ret)
{
	int fd;

	if (strlen(path) >= sizeof(ret->sun_path))
		return -ENAMETOOLONG;
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	strcpy(ret->sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

int sock_unix_connect(const char *path)
{
	const struct timespec pause = {.tv_nsec = BACKLOG_FULL_PAUSE_MS * 1000000};
	struct sockaddr_un a;
	int CLEANUP_CLOSE fd = unix_socket(path, &a);

	if (fd < 0)
		return fd;
	for (int i = 0; connect(fd, (struct sockaddr *)&a, sizeof(a)); i++) {
		if ((errno != EAGAIN && errno != EINTR) || i == BACKLOG_FULL_TRIES)
			return -errno;
		nanosleep(&pause, NULL);
	}
	return STEAL_FD(fd);
}

/* A socket that nobody listens on; anything else there is not ours to remove. */
static bool is_stale(const struct sockaddr_un *a)
{
	struct sockaddr_un unused;
	int CLEANUP_CLOSE fd = unix_socket(a->sun_path, &unused);
	struct stat st;

	return fd >= 0 && !lstat(a->sun_path, &st) && S_ISSOCK(st.st_mode) &&
	       connect(fd, (const struct sockaddr *)a, sizeof(*a)) && errno == ECONNREFUSED;
}

int sock_unix_listen(const char *path, mode_t mode)
{
	struct sockaddr_un a;
	int CLEANUP_CLOSE fd = unix_socket(path, &a);

	if (fd < 0)
		return fd;
	/* bind makes the file with the socket's mode, less the umask: never wider than asked for.
	 */
	if (fchmod(fd, mode))
		return -errno;
	if (bind(fd, (struct sockaddr *)&a, sizeof(a))) {
		if (errno != EADDRINUSE)
			return -errno;
		if (!is_stale(&a))
			return -EADDRINUSE;
		if (unlink(path) || bind(fd, (struct sockaddr *)&a, sizeof(a)))
			return -errno;
	}
	if (chmod(path, mode) || listen(fd, SOMAXCONN))
		return -errno;
	return STEAL_FD(fd);
}
