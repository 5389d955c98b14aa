/* SPDX-License-Identifier: MIT */
/*
 * netlink.c - kernel.h on the kernel's iSCSI over NETLINK_ISCSI: jobs that wait for the kernel
 * thread, and events.
 *
 * Two sockets: events (group 1, watched by the loop) and requests (no group, used by the kernel
 * thread alone, in netlink-calls.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel.h"
#include "module.h"
#include "netlink.h"

#define GROUP_ISCSID 1
#define EVENT_BUFFER (8 << 20) /* bytes; a queued event costs about 768 */
#define PAYLOAD_MAX 8192       /* bytes of data with a PDU that comes up */
#define EVENTS_AT_ONCE 64

enum event {
	EVENT_RECV_PDU = 101,
	EVENT_CONN_ERROR = 102,
	EVENT_DESTROY_SESSION = 104,
	EVENT_UNBIND_SESSION = 105,
};

struct kernel {
	const struct kernel_events *events;
	void *data;
	char *root;
	struct netlink_calls calls; /* the kernel thread's */
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

static volatile sig_atomic_t heard;

static void hear(int number)
{
	(void)number;
	heard = 1;
}

/* Who started the daemon may have left the signal blocked. */
static void listen_to_signal(void)
{
	sigset_t set;

	sigaction(SIGURG, &(struct sigaction){.sa_handler = hear, .sa_flags = SA_RESTART}, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGURG);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/*
 * A thread whose process is killed while it waits for the kernel would outlive it, hold its sockets
 * and be out of reach of any further signal: a session that could not be made, or is destroyed,
 * makes the kernel forget the signals of who asked for it (iscsi_host_remove). A process that has
 * been killed gets no signals any more.
 */
static void end_with_process(void)
{
	heard = 0;
	if (raise(SIGURG) == 0 && !heard)
		_exit(EXIT_FAILURE);
}

static void *kernel_thread(void *arg)
{
	struct kernel *k = arg;
	struct kernel_job *job;

	listen_to_signal();
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
		/* its handle changes when its module is loaded anew */
		job->err = netlink_find_transport(&k->calls, k->root);
		if (!job->err)
			job->err = netlink_run(&k->calls, job);
		end_with_process();
		pthread_mutex_lock(&k->mutex);
		list_append(&k->done, &job->link);
		uv_async_send(&k->async);
	}
	pthread_mutex_unlock(&k->mutex);
	return NULL;
}

/* ---- on the loop ---- */

static void submit(struct kernel *k, struct kernel_job *job, enum netlink_op op, uint32_t sid,
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
	submit(k, job, NETLINK_HAND_OVER, 0, done);
}

void kernel_unbind(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	submit(k, job, NETLINK_UNBIND, sid, done);
}

void kernel_stop(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	submit(k, job, NETLINK_STOP, sid, done);
}

void kernel_bind(struct kernel *k, struct kernel_job *job, uint32_t sid, int fd, kernel_done *done)
{
	job->bind.fd = fd;
	submit(k, job, NETLINK_BIND, sid, done);
}

void kernel_start(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const struct kernel_params *params, kernel_done *done)
{
	job->start.params = params;
	submit(k, job, NETLINK_START, sid, done);
}

void kernel_set(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const struct kernel_params *params, kernel_done *done)
{
	job->set.params = params;
	submit(k, job, NETLINK_SET, sid, done);
}

void kernel_send_pdu(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const uint8_t bhs[BHS_LEN], const uint8_t *data, size_t len, kernel_done *done)
{
	memcpy(job->send.bhs, bhs, BHS_LEN);
	job->send.data = data;
	job->send.len = len;
	submit(k, job, NETLINK_SEND, sid, done);
}

void kernel_destroy(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	submit(k, job, NETLINK_DESTROY, sid, done);
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

static int open_event_socket(struct kernel *k)
{
	int fd, size = EVENT_BUFFER, r;
	struct mnl_socket *s;

	r = netlink_open(GROUP_ISCSID, &s);
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

	return r ? r : netlink_open(0, &k->calls.socket);
}

int kernel_event_fd(const struct kernel *k)
{
	return k->event_fd;
}

static void kernel_free(struct kernel *k)
{
	if (k->event_fd >= 0)
		close(k->event_fd);
	if (k->calls.socket)
		mnl_socket_close(k->calls.socket);
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
	int r = netlink_find_transport(&k->calls, k->root);

	if (r != -ENOENT)
		return r;
	r = module_load("iscsi_tcp");
	return r ? r : netlink_find_transport(&k->calls, k->root);
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
