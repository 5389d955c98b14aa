/* SPDX-License-Identifier: MIT */
/* stats.h - what the kernel has counted on a session's connection */
#ifndef KERNEL_STATS_H
#define KERNEL_STATS_H

#include <stddef.h>
#include <stdint.h>

#define STATS_COUNTERS 21 /* of RFC 4544, which every transport has */
#define STATS_CUSTOM_MAX 32

struct stats {
	uint64_t counters[STATS_COUNTERS]; /* named by stats_names */
	struct stats_custom {
		char name[65];
		uint64_t value;
	} custom[STATS_CUSTOM_MAX]; /* the transport's own */
	size_t n_custom;
};

extern const char *const stats_names[STATS_COUNTERS];

/*
 * Asks the kernel over netlink; needs CAP_SYS_ADMIN and no daemon. transport is the session's
 * ("tcp"). -ENOENT: no such connection; -ETIMEDOUT.
 */
int stats_read(const char *root, const char *transport, uint32_t sid, struct stats *ret);

#endif
