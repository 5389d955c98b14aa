/* SPDX-License-Identifier: MIT */
/*
 * netlink.c - the kernel's iSCSI over NETLINK_ISCSI.
 *
 * Two sockets: events (group 1, watched by the loop) and requests (no group, used by the kernel
 * thread alone). A request is handled inside sendmsg(2) and its reply is queued when that
 * returns, so replies are read without waiting, one for each message, in order. Several messages
 * in one sendmsg are handled one after another; an error in one does not stop the next.
 *
 * Every message is an nlmsghdr and a 56-byte struct iscsi_uevent; offsets below count from the
 * start of the latter.
 */
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel.h"
#include "log.h"
#include "str.h"
#include "sysfs.h"

#define GROUP_ISCSID 1
#define EVENT_BUFFER (8 << 20) /* bytes; a queued event costs about 768 */
#define MESSAGE_MAX 32768      /* bytes; every parameter at its longest fits in one send */
#define PAYLOAD_MAX 8192       /* bytes of data with a PDU that comes up */
#define EVENTS_AT_ONCE 64
#define MODULE "iscsi_tcp"

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

enum event {
	EVENT_RECV_PDU = 101,
	EVENT_CONN_ERROR = 102,
	EVENT_IF_ERROR = 103,
	EVENT_DESTROY_SESSION = 104,
	EVENT_UNBIND_SESSION = 105,
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

struct uevent {
	uint32_t type;
	uint32_t iferror; /* -errno, in a message of type EVENT_IF_ERROR only */
	uint64_t handle __attribute__((aligned(8)));
	uint8_t u[24]; /* at 16: the request, echoed */
	uint8_t r[16]; /* at 40: the result */
};
_Static_assert(sizeof(struct uevent) == 56, "struct iscsi_uevent has 56 bytes");

#define U(offset) ((offset)-16)
#define R(offset) ((offset)-40)

enum job_op { JOB_HAND_OVER, JOB_STOP, JOB_BIND, JOB_START, JOB_UNBIND, JOB_SEND, JOB_DESTROY };

struct kernel {
	const struct kernel_events *events;
	void *data;
	char *root;
	uint64_t handle; /* of the transport tcp; the kernel thread's */
	struct mnl_socket *requests;
	int event_fd; /* -1: none yet */
	uv_poll_t poll;
	uv_async_t async; /* jobs are done */
	unsigned int handles; /* open uv handles */

	pthread_t thread;
	pthread_mutex_t mutex; /* over the three below */
	pthread_cond_t wake;
	struct list todo, done;
	bool stop;
};

/* ---- building and sending, on the kernel thread ---- */

struct batch {
	uint8_t bytes[MESSAGE_MAX];
	size_t len;
	enum request types[KERNEL_PARAMS_MAX + 4];
	unsigned int n;
	struct nlmsghdr *head; /* the message that was begun last */
	struct uevent *event;
};

static void put32(uint8_t *p, uint32_t v)
{
	memcpy(p, &v, sizeof(v));
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Begins a message; of most requests the first word is the session id, connection id 0 follows. */
static void batch_begin(struct batch *b, const struct kernel *k, enum request type, uint32_t first)
{
	b->head = mnl_nlmsg_put_header(b->bytes + b->len);
	b->head->nlmsg_type = type;
	b->event = mnl_nlmsg_put_extra_header(b->head, sizeof(*b->event));
	b->event->type = type;
	b->event->handle = k->handle;
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

/* One reply: its error from either of the kernel's two channels. */
static int read_reply(const struct kernel *k, enum request type, struct uevent *ret)
{
	uint8_t buf[MNL_NLMSG_HDRLEN + sizeof(*ret) + 256];
	const struct nlmsghdr *head = (const void *)buf;
	struct sockaddr_nl from = {};
	socklen_t from_len = sizeof(from);
	ssize_t n;

	/* Another process may send to this address too; only the kernel is believed. */
	do
		n = recvfrom(mnl_socket_get_fd(k->requests), buf, sizeof(buf), MSG_DONTWAIT,
			(struct sockaddr *)&from, &from_len);
	while (n >= 0 && from.nl_pid != 0);
	if (n < 0)
		return errno == EAGAIN ? -EIO : -errno;
	if ((size_t)n < MNL_NLMSG_HDRLEN + sizeof(*ret) || head->nlmsg_type != type)
		return -EIO;
	memcpy(ret, buf + MNL_NLMSG_HDRLEN, sizeof(*ret));
	if (ret->type == EVENT_IF_ERROR)
		return (int)ret->iferror;
	if (type == BIND_CONN || type == START_CONN || type == SEND_PDU)
		return (int)get32(ret->r + R(40));
	return 0;
}

/* Replies that a batch before left unread would be taken for those of this one. */
static void drop_old_replies(const struct kernel *k)
{
	uint8_t byte;

	while (recv(mnl_socket_get_fd(k->requests), &byte, 1, MSG_DONTWAIT | MSG_TRUNC) >= 0)
		;
}

/*
 * Sends the batch and reads a reply for each message. The first error, with *ret_step telling
 * where (may be NULL); *ret_last is the last reply (may be NULL).
 */
static int batch_run(struct kernel *k, struct batch *b, const char **ret_step,
	struct uevent *ret_last)
{
	struct uevent e;
	enum request failed = b->types[0];
	int r = 0;

	drop_old_replies(k);
	if (mnl_socket_sendto(k->requests, b->bytes, b->len) < 0)
		r = -errno;
	for (unsigned int i = 0; i < b->n; i++) {
		int err = read_reply(k, b->types[i], &e);

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

/* ---- the jobs, on the kernel thread ---- */

/* The handle of the transport changes when its module is loaded anew. */
static int find_transport(struct kernel *k)
{
	return sysfs_read_u64(k->root, "sys/class/iscsi_transport/tcp/handle", &k->handle);
}

static int stop(struct kernel *k, struct batch *b, uint32_t sid, enum stop_flag flag,
	const char **ret_step)
{
	int r;

	batch_begin(b, k, STOP_CONN, sid);
	put32(b->event->u + U(32), flag);
	r = batch_run(k, b, ret_step, NULL);
	/* The one thing that it refuses to stop is what is not there. */
	return r == -EINVAL ? -ENXIO : r;
}

static int destroy(struct kernel *k, struct batch *b, uint32_t sid)
{
	int r;

	/* Both fail when there is no connection, as in a session that was never finished. */
	stop(k, b, sid, STOP_TERM, NULL);
	batch_begin(b, k, DESTROY_CONN, sid);
	batch_run(k, b, NULL, NULL);

	batch_begin(b, k, DESTROY_SESSION_ASYNC, sid);
	r = batch_run(k, b, NULL, NULL);
	if (r == -ENOSYS) {
		batch_begin(b, k, DESTROY_SESSION, sid);
		r = batch_run(k, b, NULL, NULL);
	}
	return r == -EINVAL ? -ENXIO : r;
}

static void batch_bind(struct batch *b, const struct kernel *k, uint32_t sid, int fd)
{
	uint64_t handle = (uint64_t)fd;

	batch_begin(b, k, BIND_CONN, sid);
	memcpy(b->event->u + U(24), &handle, sizeof(handle));
	put32(b->event->u + U(32), 1);
}

static void batch_params(struct batch *b, const struct kernel *k, uint32_t sid,
	const struct kernel_params *params)
{
	for (unsigned int i = 0; i < params->n; i++) {
		size_t len = strlen(params->items[i].value) + 1;

		batch_begin(b, k, SET_PARAM, sid);
		put32(b->event->u + U(24), (uint32_t)params->items[i].number);
		put32(b->event->u + U(28), (uint32_t)len);
		batch_tail(b, params->items[i].value, len);
	}
}

/* Apart from what goes before: it would start a connection that could not be set up as well. */
static int start(struct kernel *k, struct batch *b, uint32_t sid, const char **ret_step)
{
	batch_begin(b, k, START_CONN, sid);
	return batch_run(k, b, ret_step, NULL);
}

static int run_hand_over(struct kernel *k, struct batch *b, struct kernel_job *job)
{
	struct uevent e;
	uint32_t sid;
	int r;

	batch_begin(b, k, CREATE_SESSION, job->hand_over.cmdsn);
	memcpy(b->event->u + U(20), &job->hand_over.cmds_max, sizeof(uint16_t));
	memcpy(b->event->u + U(22), &job->hand_over.queue_depth, sizeof(uint16_t));
	r = batch_run(k, b, &job->ret_step, &e);
	if (r)
		return r;
	sid = get32(e.r + R(40));
	job->ret_host = (int)get32(e.r + R(44));
	job->ret_sid = sid;
	job->hand_over.created(job, sid);

	batch_begin(b, k, CREATE_CONN, sid);
	batch_bind(b, k, sid, job->hand_over.fd);
	batch_params(b, k, sid, job->hand_over.params);
	r = batch_run(k, b, &job->ret_step, NULL);
	if (!r)
		r = start(k, b, sid, &job->ret_step);
	if (r)
		destroy(k, b, sid);
	return r;
}

static int run_stop(struct kernel *k, struct batch *b, struct kernel_job *job)
{
	return stop(k, b, job->sid, STOP_RECOVER, &job->ret_step);
}

static int run_bind(struct kernel *k, struct batch *b, struct kernel_job *job)
{
	int r = stop(k, b, job->sid, STOP_RECOVER, &job->ret_step);

	if (r)
		return r;
	batch_bind(b, k, job->sid, job->bind.fd);
	return batch_run(k, b, &job->ret_step, NULL);
}

static int run_start(struct kernel *k, struct batch *b, struct kernel_job *job)
{
	int r;

	batch_params(b, k, job->sid, job->start.params);
	r = batch_run(k, b, &job->ret_step, NULL);
	return r ? r : start(k, b, job->sid, &job->ret_step);
}

static int run_unbind(struct kernel *k, struct batch *b, struct kernel_job *job)
{
	batch_begin(b, k, UNBIND_SESSION, job->sid);
	return batch_run(k, b, &job->ret_step, NULL);
}

static int run_send(struct kernel *k, struct batch *b, struct kernel_job *job)
{
	batch_begin(b, k, SEND_PDU, job->sid);
	put32(b->event->u + U(24), BHS_LEN);
	put32(b->event->u + U(28), (uint32_t)job->send.len);
	batch_tail(b, job->send.bhs, BHS_LEN);
	if (job->send.len)
		batch_tail(b, job->send.data, job->send.len);
	return batch_run(k, b, &job->ret_step, NULL);
}

static int run_destroy(struct kernel *k, struct batch *b, struct kernel_job *job)
{
	job->ret_step = steps[DESTROY_SESSION];
	return destroy(k, b, job->sid);
}

static int (*const runs[])(struct kernel *, struct batch *, struct kernel_job *) = {
	[JOB_HAND_OVER] = run_hand_over,
	[JOB_STOP] = run_stop,
	[JOB_BIND] = run_bind,
	[JOB_START] = run_start,
	[JOB_UNBIND] = run_unbind,
	[JOB_SEND] = run_send,
	[JOB_DESTROY] = run_destroy,
};

static void *kernel_thread(void *arg)
{
	static struct batch batch;
	struct kernel *k = arg;
	struct kernel_job *job;

	pthread_mutex_lock(&k->mutex);
	while (!k->stop) {
		job = list_first(&k->todo, struct kernel_job, link);
		if (!job) {
			pthread_cond_wait(&k->wake, &k->mutex);
			continue;
		}
		list_remove(&job->link);
		pthread_mutex_unlock(&k->mutex);
		job->ret_step = "find transport tcp";
		job->err = find_transport(k);
		if (!job->err)
			job->err = runs[job->op](k, &batch, job);
		pthread_mutex_lock(&k->mutex);
		list_append(&k->done, &job->link);
		uv_async_send(&k->async);
	}
	pthread_mutex_unlock(&k->mutex);
	return NULL;
}

/* ---- on the loop ---- */

static void submit(struct kernel *k, struct kernel_job *job, enum job_op op, uint32_t sid,
	kernel_done *done)
{
	job->op = op;
	job->sid = sid;
	job->done = done;
	pthread_mutex_lock(&k->mutex);
	list_append(&k->todo, &job->link);
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->mutex);
}

void kernel_hand_over(struct kernel *k, struct kernel_job *job, int fd, uint32_t cmdsn,
	uint16_t cmds_max, uint16_t queue_depth, const struct kernel_params *params,
	kernel_created *created, kernel_done *done)
{
	job->ret_sid = 0;
	job->hand_over.created = created;
	job->hand_over.fd = fd;
	job->hand_over.cmdsn = cmdsn;
	job->hand_over.cmds_max = cmds_max;
	job->hand_over.queue_depth = queue_depth;
	job->hand_over.params = params;
	submit(k, job, JOB_HAND_OVER, 0, done);
}

void kernel_unbind(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	submit(k, job, JOB_UNBIND, sid, done);
}

void kernel_stop(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	submit(k, job, JOB_STOP, sid, done);
}

void kernel_bind(struct kernel *k, struct kernel_job *job, uint32_t sid, int fd, kernel_done *done)
{
	job->bind.fd = fd;
	submit(k, job, JOB_BIND, sid, done);
}

void kernel_start(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const struct kernel_params *params, kernel_done *done)
{
	job->start.params = params;
	submit(k, job, JOB_START, sid, done);
}

void kernel_send_pdu(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const uint8_t bhs[BHS_LEN], const uint8_t *data, size_t len, kernel_done *done)
{
	memcpy(job->send.bhs, bhs, BHS_LEN);
	job->send.data = data;
	job->send.len = len;
	submit(k, job, JOB_SEND, sid, done);
}

void kernel_destroy(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	submit(k, job, JOB_DESTROY, sid, done);
}

static void dispatch_pdu(struct kernel *k, uint32_t sid, const uint8_t *tail, size_t len)
{
	size_t data_len;

	if (len < BHS_LEN)
		return;
	/* The message is padded: the header alone knows the length. */
	data_len = bhs_data_len(tail);
	if (data_len > len - BHS_LEN)
		return;
	k->events->pdu(k->data, sid, tail, tail + BHS_LEN, data_len);
}

static void dispatch(struct kernel *k, const uint8_t *msg, size_t len)
{
	struct uevent e;

	if (len < MNL_NLMSG_HDRLEN + sizeof(e))
		return;
	memcpy(&e, msg + MNL_NLMSG_HDRLEN, sizeof(e));
	switch (e.type) {
	case EVENT_RECV_PDU:
		dispatch_pdu(k, get32(e.r + R(40)), msg + MNL_NLMSG_HDRLEN + sizeof(e),
			len - MNL_NLMSG_HDRLEN - sizeof(e));
		break;
	case EVENT_CONN_ERROR:
		k->events->conn_error(k->data, get32(e.r + R(40)), (int)get32(e.r + R(48)));
		break;
	case EVENT_UNBIND_SESSION:
		k->events->unbound(k->data, get32(e.r + R(40)));
		break;
	case EVENT_DESTROY_SESSION: /* here the session id comes second */
		k->events->destroyed(k->data, get32(e.r + R(44)));
		break;
	}
}

/* False: there was none. */
static bool read_event(struct kernel *k)
{
	static uint8_t buf[MNL_NLMSG_HDRLEN + sizeof(struct uevent) + BHS_LEN + PAYLOAD_MAX + 4];
	struct sockaddr_nl from = {};
	socklen_t from_len = sizeof(from);
	ssize_t n = recvfrom(k->event_fd, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from,
		&from_len);

	if (n < 0 && errno == ENOBUFS) {
		k->events->lost(k->data);
		return true;
	}
	if (n < 0)
		return false;
	/* Another process may send to this address too; only the kernel is believed. */
	if (from.nl_pid == 0)
		dispatch(k, buf, (size_t)n);
	return true;
}

static void read_events(struct kernel *k)
{
	for (int i = 0; i < EVENTS_AT_ONCE && read_event(k); i++)
		;
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	read_events(poll->data);
}

/* What the kernel has told before a job's end is heard before it. */
static void on_jobs_done(uv_async_t *async)
{
	struct kernel *k = async->data;
	struct kernel_job *job;

	for (;;) {
		pthread_mutex_lock(&k->mutex);
		job = list_first(&k->done, struct kernel_job, link);
		if (job)
			list_remove(&job->link);
		pthread_mutex_unlock(&k->mutex);
		if (!job)
			return;
		read_events(k);
		job->done(job, job->err);
	}
}

/* ---- opening and closing ---- */

static int load_module(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_list *list = NULL, *l;
	int r = ctx ? kmod_module_new_from_lookup(ctx, MODULE, &list) : -ENOMEM;

	if (!r && !list)
		r = -ENOENT;
	kmod_list_foreach(l, list) {
		struct kmod_module *m = kmod_module_get_module(l);

		if (!r)
			r = kmod_module_probe_insert_module(m, KMOD_PROBE_APPLY_BLACKLIST, NULL,
				NULL, NULL, NULL);
		kmod_module_unref(m);
	}
	kmod_module_unref_list(list);
	kmod_unref(ctx);
	return r > 0 ? -EPERM : r;
}

static int open_socket(struct mnl_socket **ret, unsigned int groups)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ISCSI, SOCK_CLOEXEC);
	int r;

	if (!s)
		return -errno;
	if (mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		r = -errno;
		mnl_socket_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

static int open_event_socket(struct kernel *k)
{
	int fd, size = EVENT_BUFFER, r;
	struct mnl_socket *s;

	r = open_socket(&s, GROUP_ISCSID);
	if (r)
		return r;
	/* A copy: the descriptor may come from an earlier daemon as well, and then it is all. */
	fd = fcntl(mnl_socket_get_fd(s), F_DUPFD_CLOEXEC, 0);
	r = fd < 0 ? -errno : 0;
	mnl_socket_close(s);
	if (r)
		return r;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	k->event_fd = fd;
	return 0;
}

static int open_sockets(struct kernel *k)
{
	int r = k->event_fd >= 0 ? 0 : open_event_socket(k);

	return r ? r : open_socket(&k->requests, 0);
}

int kernel_event_fd(const struct kernel *k)
{
	return k->event_fd;
}

static void kernel_free(struct kernel *k)
{
	if (k->event_fd >= 0)
		close(k->event_fd);
	if (k->requests)
		mnl_socket_close(k->requests);
	pthread_mutex_destroy(&k->mutex);
	pthread_cond_destroy(&k->wake);
	free(k->root);
	free(k);
}

static void on_handle_closed(uv_handle_t *h)
{
	struct kernel *k = h->data;

	if (--k->handles == 0)
		kernel_free(k);
}

static void close_handles(struct kernel *k)
{
	uv_poll_stop(&k->poll);
	uv_close((uv_handle_t *)&k->poll, on_handle_closed);
	uv_close((uv_handle_t *)&k->async, on_handle_closed);
}

static int find_or_load_transport(struct kernel *k)
{
	int r = find_transport(k);

	if (r != -ENOENT)
		return r;
	r = load_module();
	return r ? r : find_transport(k);
}

int kernel_open(uv_loop_t *loop, const char *root, int event_fd, const struct kernel_events *events,
	void *data, struct kernel **ret)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int r;

	if (!k) {
		if (event_fd >= 0)
			close(event_fd);
		return -ENOMEM;
	}
	k->event_fd = event_fd;
	k->events = events;
	k->data = data;
	list_init(&k->todo);
	list_init(&k->done);
	pthread_mutex_init(&k->mutex, NULL);
	pthread_cond_init(&k->wake, NULL);
	k->root = strdup(root);
	r = k->root ? find_or_load_transport(k) : -ENOMEM;
	if (!r)
		r = open_sockets(k);
	if (!r)
		r = uv_async_init(loop, &k->async, on_jobs_done);
	if (r) {
		kernel_free(k);
		return r;
	}
	k->async.data = k;
	uv_poll_init(loop, &k->poll, k->event_fd);
	k->poll.data = k;
	k->handles = 2;
	uv_poll_start(&k->poll, UV_READABLE, on_event);
	r = -pthread_create(&k->thread, NULL, kernel_thread, k);
	if (r)
		close_handles(k);
	else
		*ret = k;
	return r;
}

void kernel_close(struct kernel *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->mutex);
	k->stop = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->mutex);
	pthread_join(k->thread, NULL);
	close_handles(k);
}
