/* SPDX-License-Identifier: MIT */
/* sock.h - stream sockets: addresses as text, connecting */
#ifndef UTIL_SOCK_H
#define UTIL_SOCK_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

struct sock_addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_storage storage;
	};
};

/* How a TCP socket is to be made. Zeroed: the system's defaults. */
struct sock_options {
	const char *netns;  /* network namespace to make it in, as netns.h; NULL: this one */
	const char *netdev; /* SO_BINDTODEVICE when not NULL */
	int buffer_size;    /* SO_RCVBUF and SO_SNDBUF in bytes, 0: leave */
	int tos;	    /* IP_TOS / IPV6_TCLASS, 0: leave */
};

/*
 * Numeric address (IPv4, IPv6, IPv6%zone) and port 1..65535 to *ret; -EINVAL when host is not
 * numeric, -ENODEV when there is no such zone. Never asks a name server.
 */
int sock_addr_parse(const char *host, unsigned int port, struct sock_addr *ret);
/* The same for a zone of another network namespace; errors of netns_call as well. */
int sock_addr_parse_in(const char *netns, const char *host, unsigned int port,
	struct sock_addr *ret);

/* "1.2.3.4" or "fd00::1%eth0" and the port; host needs INET6_ADDRSTRLEN + IF_NAMESIZE bytes. */
void sock_addr_format(const struct sock_addr *a, char *host, size_t len, unsigned int *ret_port);

/*
 * Starts a non-blocking connect with TCP_NODELAY. Returns the descriptor (close-on-exec); it is
 * writable when the outcome is known, which sock_connect_result tells (0 or -errno).
 */
int sock_connect_start(const struct sock_addr *a, const struct sock_options *o);
int sock_connect_result(int fd);

/* Both of the above with a wait of at most timeout_ms; the descriptor stays non-blocking. */
int sock_connect(const struct sock_addr *a, const struct sock_options *o, int timeout_ms);

/*
 * Waits for events of poll(2) until the moment that sock_deadline gave for a timeout in ms (-1:
 * for ever). 0, -ETIMEDOUT or -errno.
 */
int64_t sock_deadline(int timeout_ms);
int sock_wait(int fd, short events, int64_t deadline);

/*
 * Unix stream sockets; path sockets only; the descriptors are non-blocking. connect gives a server
 * whose backlog is full one second, then -EAGAIN. listen replaces a stale socket and sets mode.
 */
int sock_unix_connect(const char *path);
int sock_unix_listen(const char *path, mode_t mode);

#endif
