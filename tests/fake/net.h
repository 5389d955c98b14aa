/* SPDX-License-Identifier: MIT */
/* net.h - private to the fakes: the Unix socket that stands for a port of 127.0.0.1 */
#ifndef TESTS_NET_H
#define TESTS_NET_H

#include <sys/socket.h>
#include <sys/un.h>

/* Its length. */
socklen_t fake_net_address(int port, struct sockaddr_un *ret);

#endif
