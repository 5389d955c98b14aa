/* SPDX-License-Identifier: MIT */
/*
 * netlink-calls.c - what the kernel is asked for, on the kernel thread.
 *
 * A request is handled inside sendmsg(2) and its reply is queued when that returns, so replies are
 * read without waiting, one for each message, in order. Several messages in one sendmsg are
 * handled one after another; an error in one does not stop the next.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel.h"
#include "netlink.h"
#include "str.h"
#include "sysfs.h"

#define MESSAGE_MAX 32768 /* bytes; every parameter at its longest fits in one send */
#define MESSAGES_MAX (KERNEL_PARAMS_MAX + 4)
#define REPLY_MAX 256 /* bytes; what is longer is cut, and begins the same */

enum request {
	CREATE_SESSION = 11,
	DESTROY_SESSION = 12,
	CREATE_CONN = 13,
	DESTROY_CONN = 14,
	BIND_CONN = 15,
	SET_PARAM = 16,
	START_CONN = 17,
	STOP_CONN = 18,
	SEND_PDU = 19,
	UNBIND_SESSION = 27,
	DESTROY_SESSION_ASYNC = 43,
};

enum stop_flag { STOP_TERM = 1, STOP_RECOVER = 3 };

static const char *const steps[] = {
	[CREATE_SESSION] = "create session",
	[DESTROY_SESSION] = "destroy session",
	[CREATE_CONN] = "create connection",
	[DESTROY_CONN] = "destroy connection",
	[BIND_CONN] = "bind the socket",
	[SET_PARAM] = "set parameter",
	[START_CONN] = "start connection",
	[STOP_CONN] = "stop connection",
	[SEND_PDU] = "send PDU",
	[UNBIND_SESSION] = "unbind session",
	[DESTROY_SESSION_ASYNC] = "destroy session",
};

#define IF_ERROR 103 /* the type of a reply that is an error and no more */

/* ---- building and sending ---- */

/* Too short to be a message, so that the kernel drops it; where it does not listen, that is refused. */
static int reach_kernel(const struct mnl_socket *s)
{
	static const uint8_t nothing[4];

	return mnl_socket_sendto(s, nothing, sizeof(nothing)) < 0 ? -errno : 0;
}

int netlink_open(unsigned int groups, struct mnl_socket **ret)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ISCSI, SOCK_CLOEXEC);
	int r;

	if (!s)
		return -errno;
	r = mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0 ? -errno : reach_kernel(s);
	if (r) {
		mnl_socket_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

/* Replies that have been read from the socket, at the next one. */
struct replies {
	unsigned int n, at;
	struct mmsghdr heads[MESSAGES_MAX];
	struct iovec parts[MESSAGES_MAX];
	struct sockaddr_nl from[MESSAGES_MAX];
	uint8_t bytes[MESSAGES_MAX][REPLY_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
};

struct batch {
	uint8_t bytes[MESSAGE_MAX];
	size_t len;
	enum request types[MESSAGES_MAX];
	unsigned int n;
	struct nlmsghdr *head; /* the message that was begun last */
	struct uevent *event;
	struct replies replies;
};

/* Begins a message; of most requests the first word is the session id, connection id 0 follows. */
static void batch_begin(struct batch *b, const struct netlink_calls *c, enum request type, uint32_t first)
{
	b->head = mnl_nlmsg_put_header(b->bytes + b->len);
	b->head->nlmsg_type = type;
	b->event = mnl_nlmsg_put_extra_header(b->head, sizeof(*b->event));
	b->event->type = type;
	b->event->handle = c->handle;
	put32(b->event->u + U(16), first);
	b->types[b->n++] = type;
	b->len += b->head->nlmsg_len;
}

static void batch_tail(struct batch *b, const void *data, size_t len)
{
	b->len -= b->head->nlmsg_len;
	memcpy(mnl_nlmsg_put_extra_header(b->head, len), data, len);
	b->len += b->head->nlmsg_len;
}

/* All that is there, with one call. */
static int fetch_replies(const struct netlink_calls *c, struct replies *r)
{
	int n;

	for (unsigned int i = 0; i < MESSAGES_MAX; i++) {
		r->parts[i] = (struct iovec){r->bytes[i], REPLY_MAX};
		r->heads[i].msg_hdr = (struct msghdr){
			.msg_name = &r->from[i],
			.msg_namelen = sizeof(r->from[i]),
			.msg_iov = &r->parts[i],
			.msg_iovlen = 1,
		};
	}
	n = recvmmsg(mnl_socket_get_fd(c->socket), r->heads, MESSAGES_MAX, MSG_DONTWAIT, NULL);
	if (n < 0)
		return errno == EAGAIN ? -EIO : -errno;
	r->n = (unsigned int)n;
	r->at = 0;
	return 0;
}

/* Another process may send to this address too; only the kernel is believed. */
static int next_reply(const struct netlink_calls *c, struct replies *r, const uint8_t **ret,
	size_t *ret_len)
{
	unsigned int i;

	do {
		int err = r->at < r->n ? 0 : fetch_replies(c, r);

		if (err)
			return err;
		i = r->at++;
	} while (r->from[i].nl_pid != 0);
	*ret = r->bytes[i];
	*ret_len = r->heads[i].msg_len;
	return 0;
}

/* One reply: its error from either of the kernel's two channels. */
static int read_reply(const struct netlink_calls *c, struct replies *from, enum request type,
	struct uevent *ret)
{
	const struct nlmsghdr *head;
	const uint8_t *bytes;
	size_t n;
	int r = next_reply(c, from, &bytes, &n);

	if (r)
		return r;
	head = (const void *)bytes;
	if (n < MNL_NLMSG_HDRLEN + sizeof(*ret) || head->nlmsg_type != type)
		return -EIO;
	memcpy(ret, bytes + MNL_NLMSG_HDRLEN, sizeof(*ret));
	if (ret->type == IF_ERROR)
		return (int)ret->iferror;
	if (type == BIND_CONN || type == START_CONN || type == SEND_PDU)
		return (int)get32(ret->r + R(40));
	return 0;
}

/* Replies that a batch before left unread would be taken for those of this one. */
static void drop_old_replies(const struct netlink_calls *c)
{
	uint8_t byte;

	while (recv(mnl_socket_get_fd(c->socket), &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0)
		;
}

/*
 * Sends the batch and reads a reply for each message. The first error, with *ret_step telling
 * where (may be NULL); *ret_last is the last reply (may be NULL).
 */
static int batch_run(struct netlink_calls *c, struct batch *b, const char **ret_step,
	struct uevent *ret_last)
{
	struct uevent e;
	enum request failed = b->types[0];
	int r = 0;

	drop_old_replies(c);
	b->replies.n = b->replies.at = 0;
	if (mnl_socket_sendto(c->socket, b->bytes, b->len) < 0)
		r = -errno;
	for (unsigned int i = 0; i < b->n; i++) {
		int err = read_reply(c, &b->replies, b->types[i], &e);

		/* A parameter that this kernel does not know stays at the kernel's default. */
		if (b->types[i] == SET_PARAM && err == -ENOSYS)
			err = 0;
		if (err && !r) {
			r = err;
			failed = b->types[i];
		}
	}
	if (r && ret_step)
		*ret_step = steps[failed];
	if (!r && ret_last)
		*ret_last = e;
	str_wipe(b->bytes, b->len);
	b->len = b->n = 0;
	return r;
}

/* ---- the jobs ---- */

int netlink_find_transport(struct netlink_calls *c, const char *root)
{
	return sysfs_read_u64(root, "sys/class/iscsi_transport/tcp/handle", &c->handle);
}

static int stop(struct netlink_calls *c, struct batch *b, uint32_t sid, enum stop_flag flag,
	const char **ret_step)
{
	int r;

	batch_begin(b, c, STOP_CONN, sid);
	put32(b->event->u + U(32), flag);
	r = batch_run(c, b, ret_step, NULL);
	/* The one thing that it refuses to stop is what is not there. */
	return r == -EINVAL ? -ENXIO : r;
}

static int destroy(struct netlink_calls *c, struct batch *b, uint32_t sid)
{
	int r;

	/* Both fail when there is no connection, as in a session that was never finished. */
	stop(c, b, sid, STOP_TERM, NULL);
	batch_begin(b, c, DESTROY_CONN, sid);
	batch_run(c, b, NULL, NULL);

	batch_begin(b, c, DESTROY_SESSION_ASYNC, sid);
	r = batch_run(c, b, NULL, NULL);
	if (r == -ENOSYS) {
		batch_begin(b, c, DESTROY_SESSION, sid);
		r = batch_run(c, b, NULL, NULL);
	}
	return r == -EINVAL ? -ENXIO : r;
}

static void batch_bind(struct batch *b, const struct netlink_calls *c, uint32_t sid, int fd)
{
	uint64_t handle = (uint64_t)fd;

	batch_begin(b, c, BIND_CONN, sid);
	memcpy(b->event->u + U(24), &handle, sizeof(handle));
	put32(b->event->u + U(32), 1);
}

static void batch_params(struct batch *b, const struct netlink_calls *c, uint32_t sid,
	const struct kernel_params *params)
{
	for (unsigned int i = 0; i < params->n; i++) {
		size_t len = strlen(params->items[i].value) + 1;

		batch_begin(b, c, SET_PARAM, sid);
		put32(b->event->u + U(24), (uint32_t)params->items[i].number);
		put32(b->event->u + U(28), (uint32_t)len);
		batch_tail(b, params->items[i].value, len);
	}
}

/* Apart from what goes before: it would start a connection that could not be set up as well. */
static int start(struct netlink_calls *c, struct batch *b, uint32_t sid, const char **ret_step)
{
	batch_begin(b, c, START_CONN, sid);
	return batch_run(c, b, ret_step, NULL);
}

static int run_hand_over(struct netlink_calls *c, struct batch *b, struct kernel_job *job)
{
	struct uevent e;
	uint32_t sid;
	int r;

	batch_begin(b, c, CREATE_SESSION, job->hand_over.cmdsn);
	memcpy(b->event->u + U(20), &job->hand_over.cmds_max, sizeof(uint16_t));
	memcpy(b->event->u + U(22), &job->hand_over.queue_depth, sizeof(uint16_t));
	r = batch_run(c, b, &job->ret_step, &e);
	if (r)
		return r;
	sid = get32(e.r + R(40));
	job->ret_host = (int)get32(e.r + R(44));
	job->ret_sid = sid;
	job->hand_over.created(job, sid);

	batch_begin(b, c, CREATE_CONN, sid);
	batch_bind(b, c, sid, job->hand_over.fd);
	batch_params(b, c, sid, job->hand_over.params);
	r = batch_run(c, b, &job->ret_step, NULL);
	if (!r)
		r = start(c, b, sid, &job->ret_step);
	if (r)
		destroy(c, b, sid);
	return r;
}

static int run_stop(struct netlink_calls *c, struct batch *b, struct kernel_job *job)
{
	return stop(c, b, job->sid, STOP_RECOVER, &job->ret_step);
}

static int run_bind(struct netlink_calls *c, struct batch *b, struct kernel_job *job)
{
	int r = stop(c, b, job->sid, STOP_RECOVER, &job->ret_step);

	if (r)
		return r;
	batch_bind(b, c, job->sid, job->bind.fd);
	return batch_run(c, b, &job->ret_step, NULL);
}

static int run_start(struct netlink_calls *c, struct batch *b, struct kernel_job *job)
{
	int r;

	batch_params(b, c, job->sid, job->start.params);
	r = batch_run(c, b, &job->ret_step, NULL);
	return r ? r : start(c, b, job->sid, &job->ret_step);
}

static int run_set(struct netlink_calls *c, struct batch *b, struct kernel_job *job)
{
	batch_params(b, c, job->sid, job->set.params);
	return batch_run(c, b, &job->ret_step, NULL);
}

static int run_unbind(struct netlink_calls *c, struct batch *b, struct kernel_job *job)
{
	batch_begin(b, c, UNBIND_SESSION, job->sid);
	return batch_run(c, b, &job->ret_step, NULL);
}

static int run_send(struct netlink_calls *c, struct batch *b, struct kernel_job *job)
{
	batch_begin(b, c, SEND_PDU, job->sid);
	put32(b->event->u + U(24), BHS_LEN);
	put32(b->event->u + U(28), (uint32_t)job->send.len);
	batch_tail(b, job->send.bhs, BHS_LEN);
	if (job->send.len)
		batch_tail(b, job->send.data, job->send.len);
	return batch_run(c, b, &job->ret_step, NULL);
}

static int run_destroy(struct netlink_calls *c, struct batch *b, struct kernel_job *job)
{
	job->ret_step = steps[DESTROY_SESSION];
	return destroy(c, b, job->sid);
}

static int (*const runs[])(struct netlink_calls *, struct batch *, struct kernel_job *) = {
	[NETLINK_HAND_OVER] = run_hand_over,
	[NETLINK_STOP] = run_stop,
	[NETLINK_BIND] = run_bind,
	[NETLINK_START] = run_start,
	[NETLINK_SET] = run_set,
	[NETLINK_UNBIND] = run_unbind,
	[NETLINK_SEND] = run_send,
	[NETLINK_DESTROY] = run_destroy,
};

int netlink_run(struct netlink_calls *c, struct kernel_job *job)
{
	static struct batch batch;

	return runs[job->op](c, &batch, job);
}
