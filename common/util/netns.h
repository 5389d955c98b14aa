/* SPDX-License-Identifier: MIT */
/* netns.h - doing something in another network namespace */
#ifndef UTIL_NETNS_H
#define UTIL_NETNS_H

/*
 * Returns what call(data) returns, called in the network namespace /run/netns/NETNS by a thread of
 * its own, which ends with it; NULL and "": in the caller's. -ENOENT when there is no such
 * namespace, -EPERM without the right to enter it; call is then not called. Waits for call.
 */
int netns_call(const char *netns, int (*call)(void *data), void *data);

#endif
