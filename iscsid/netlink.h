/* SPDX-License-Identifier: MIT */
/*
 * netlink.h - the form of what netlink.c hears and netlink-calls.c says, and the calls.
 *
 * Every message is an nlmsghdr and a 56-byte struct iscsi_uevent; the kernel's offsets count from
 * the start of the latter.
 */
#ifndef ISCSID_NETLINK_H
#define ISCSID_NETLINK_H

#include <libmnl/libmnl.h>
#include <stdint.h>
#include <string.h>

struct kernel_job;

struct uevent {
	uint32_t type;
	uint32_t iferror; /* -errno, in a reply that is an error and no more */
	uint64_t handle __attribute__((aligned(8)));
	uint8_t u[24]; /* at 16: the request, echoed */
	uint8_t r[16]; /* at 40: the result */
};
_Static_assert(sizeof(struct uevent) == 56, "struct iscsi_uevent has 56 bytes");

#define U(offset) ((offset)-16)
#define R(offset) ((offset)-40)

static inline void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/*
 * A socket of ours; groups: a bit for each multicast group. -ECONNREFUSED: the kernel listens in another
 * network namespace, the first one. -errno.
 */
int netlink_open(unsigned int groups, struct mnl_socket **ret);

enum netlink_op {
	NETLINK_HAND_OVER,
	NETLINK_STOP,
	NETLINK_BIND,
	NETLINK_START,
	NETLINK_SET,
	NETLINK_UNBIND,
	NETLINK_SEND,
	NETLINK_DESTROY,
};

/* What requests are sent with; of one thread. */
struct netlink_calls {
	struct mnl_socket *socket;
	uint64_t handle; /* of the transport tcp */
};

/* -ENOENT: the kernel has no iscsi_tcp. */
int netlink_find_transport(struct netlink_calls *c, const char *root);
/* The calls of a job, as its op says: 0 or -errno with the job's ret_step. Not reentrant. */
int netlink_run(struct netlink_calls *c, struct kernel_job *job);

#endif
