/* SPDX-License-Identifier: MIT */
/*
 * GET_STATS of NETLINK_ISCSI. The kernel answers to everybody in group 1, so the socket joins it; a
 * refusal comes to the socket alone. Offsets of the answer count from the start of struct
 * iscsi_stats, which follows the 56 bytes of struct iscsi_uevent.
 */
#include "stats.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "cleanup.h"
#include "sysfs.h"

#define GROUP 1
#define GET_STATS 20
#define IF_ERROR 103
#define WAIT_S 5
#define STATS_LEN 96
#define CUSTOM_LEN 72

const char *const stats_names[STATS_COUNTERS] = {
	"txdata_octets",
	"rxdata_octets",
	"noptx_pdus",
	"scsicmd_pdus",
	"tmfcmd_pdus",
	"login_pdus",
	"text_pdus",
	"dataout_pdus",
	"logout_pdus",
	"snack_pdus",
	"noprx_pdus",
	"scsirsp_pdus",
	"tmfrsp_pdus",
	"textrsp_pdus",
	"datain_pdus",
	"logoutrsp_pdus",
	"r2t_pdus",
	"async_pdus",
	"rjt_pdus",
	"digest_err",
	"timeout_err",
};

struct message {
	struct nlmsghdr header;
	struct event {
		uint32_t type, iferror;
		uint64_t handle;
		uint32_t sid, cid;
		uint8_t rest[32];
	} event;
};
_Static_assert(sizeof(struct message) == 16 + 56, "struct iscsi_uevent has 56 bytes");

static int open_socket(void)
{
	const struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_groups = GROUP};
	const struct timeval wait = {.tv_sec = WAIT_S};
	int CLEANUP_CLOSE fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ISCSI);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&own, sizeof(own)) ||
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)))
		return -errno;
	return STEAL_FD(fd);
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* p has len bytes. */
static int parse(const uint8_t *p, size_t len, struct stats *ret)
{
	uint32_t n;

	if (len < STATS_LEN)
		return -EPROTO;
	n = get32(p + 92);
	*ret = (struct stats){.counters = {get64(p), get64(p + 8)}};
	for (size_t i = 2; i < STATS_COUNTERS; i++)
		ret->counters[i] = get32(p + 16 + 4 * (i - 2));
	if (n > (len - STATS_LEN) / CUSTOM_LEN)
		return -EPROTO;
	for (p += STATS_LEN; n-- && ret->n_custom < STATS_CUSTOM_MAX; p += CUSTOM_LEN) {
		struct stats_custom *c = &ret->custom[ret->n_custom++];

		memcpy(c->name, p, 64);
		c->value = get64(p + 64);
	}
	return 0;
}

/* True when the message is the answer. */
static bool is_answer(const struct message *m, size_t len, uint32_t sid)
{
	return len >= sizeof(*m) && m->event.sid == sid &&
	       (m->event.type == GET_STATS ||
		       (m->event.type == IF_ERROR && m->header.nlmsg_type == GET_STATS));
}

static int read_answer(int fd, uint32_t sid, struct stats *ret)
{
	static union {
		struct message message;
		uint8_t bytes[8192];
	} buf;

	for (;;) {
		struct sockaddr_nl from = {};
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(fd, &buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_len);

		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		/* What others send here is not believed. */
		if (from.nl_pid || !is_answer(&buf.message, (size_t)n, sid))
			continue;
		if (buf.message.event.type == IF_ERROR)
			return buf.message.event.iferror == (uint32_t)-EEXIST
				       ? -ENOENT
				       : (int)buf.message.event.iferror;
		return parse(buf.bytes + sizeof(buf.message), (size_t)n - sizeof(buf.message), ret);
	}
}

int stats_read(const char *root, const char *transport, uint32_t sid, struct stats *ret)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct message m = {
		.header = {.nlmsg_len = sizeof(m), .nlmsg_type = GET_STATS},
		.event = {.type = GET_STATS, .sid = sid},
	};
	char path[64];
	int CLEANUP_CLOSE fd = -1;
	int r;

	snprintf(path, sizeof(path), "sys/class/iscsi_transport/%.15s/handle", transport);
	r = sysfs_read_u64(root, path, &m.event.handle);
	if (r)
		return r;
	fd = open_socket();
	if (fd < 0)
		return fd;
	if (sendto(fd, &m, sizeof(m), 0, (const struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return read_answer(fd, sid, ret);
}
