/* SPDX-License-Identifier: MIT */
/* kernel.c - a kernel for tests behind kernel.h: sessions in memory, their sockets, its news */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake.h"
#include "fake-session.h"
#include "str.h"

struct fake_kernel fake_kernel;

/* A socket that a session was given. */
struct link {
	uv_poll_t poll;
	int fd;
	struct fake_session *session;
	uint8_t in[BHS_LEN + 8192];
	size_t have;
};

#define LOGIN_ITT 0x10000ab /* the kernel has its own */

enum note_kind { NOTE_DONE, NOTE_UNBOUND, NOTE_PDU, NOTE_DESTROYED, NOTE_ERROR, NOTE_LOST };

/* What the daemon is to be told, in order, from the loop and never inside a call. */
struct note {
	enum note_kind kind;
	uint32_t sid;
	int error;
	struct kernel_job *job;
	uint8_t pdu[BHS_LEN + 8192];
	size_t data_len;
	struct list link;
};

struct kernel {
	uv_idle_t idle;
	const struct kernel_events *events;
	void *data;
};

static struct list sessions = LIST_INIT(sessions), notes = LIST_INIT(notes);
static uint32_t last_sid;
static struct kernel *the_kernel;
static uv_loop_t *the_loop;

/* ---- sessions ---- */

struct fake_session *fake_find(uint32_t sid)
{
	struct fake_session *s;

	list_for_each(s, &sessions, link)
		if (s->sid == sid)
			return s;
	return NULL;
}

static void on_link_closed(uv_handle_t *h)
{
	struct link *l = h->data;

	close(l->fd);
	free(l);
}

void fake_drop_socket(struct fake_session *s)
{
	if (!s->socket)
		return;
	s->socket->session = NULL;
	shutdown(s->socket->fd, SHUT_RDWR);
	uv_close((uv_handle_t *)&s->socket->poll, on_link_closed);
	s->socket = NULL;
}

struct fake_session *fake_add(uint32_t sid, const struct kernel_params *params, bool up)
{
	struct fake_session *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->sid = sid;
	s->host = (int)sid + 10;
	list_append(&sessions, &s->link);
	fake_kernel.sessions++;
	s->up = s->bound = up;
	mirror_add(s, params);
	return s;
}

void fake_drop(struct fake_session *s)
{
	mirror_remove(s);
	fake_drop_socket(s);
	list_remove(&s->link);
	free(s);
	fake_kernel.sessions--;
}

/* ---- notes ---- */

static void deliver(struct kernel *k, const struct note *n)
{
	switch (n->kind) {
	case NOTE_DONE:
		n->job->done(n->job, n->error);
		break;
	case NOTE_UNBOUND:
		k->events->unbound(k->data, n->sid);
		break;
	case NOTE_PDU:
		k->events->pdu(k->data, n->sid, n->pdu, n->pdu + BHS_LEN, n->data_len);
		break;
	case NOTE_DESTROYED:
		k->events->destroyed(k->data, n->sid);
		break;
	case NOTE_ERROR:
		k->events->conn_error(k->data, n->sid, n->error);
		break;
	case NOTE_LOST:
		k->events->lost(k->data);
		break;
	}
}

static void on_idle(uv_idle_t *idle)
{
	struct kernel *k = idle->data;
	struct note *n = list_first(&notes, struct note, link);

	if (n) {
		/* It may be lost at the very last moment. */
		fake_point(FAKE_POINT_NOTE);
		do {
			n = list_first(&notes, struct note, link);
			list_remove(&n->link);
			deliver(k, n);
			free(n);
		} while (fake_kernel.bursts && !list_empty(&notes));
	} else if (fake_job_waits()) {
		fake_job_run();
	}
	if (list_empty(&notes) && !fake_job_waits())
		uv_idle_stop(idle);
}

void fake_wake(void)
{
	if (the_kernel)
		uv_idle_start(&the_kernel->idle, on_idle);
}

static struct note *tell(enum note_kind kind, uint32_t sid, int error, struct kernel_job *job)
{
	struct note *n = calloc(1, sizeof(*n));

	if (!n)
		abort();
	n->kind = kind;
	n->sid = sid;
	n->error = error;
	n->job = job;
	list_append(&notes, &n->link);
	fake_wake();
	return n;
}

void fake_tell_done(struct kernel_job *job, int err)
{
	tell(NOTE_DONE, 0, err, job);
}

void fake_tell_destroyed(uint32_t sid)
{
	tell(NOTE_DESTROYED, sid, 0, NULL);
}

bool fake_is_told(const struct kernel_job *job)
{
	const struct note *n;

	list_for_each(n, &notes, link)
		if (n->job == job)
			return true;
	return false;
}

static void tell_pdu(uint32_t sid, const uint8_t *pdu, size_t data_len)
{
	struct note *n = tell(NOTE_PDU, sid, 0, NULL);

	memcpy(n->pdu, pdu, BHS_LEN + data_len);
	n->data_len = data_len;
}

void fake_tell_answer(uint32_t sid, uint8_t opcode)
{
	const uint8_t bhs[BHS_LEN] = {opcode, 0x80};

	tell_pdu(sid, bhs, 0);
}

uint32_t fake_next_sid(void)
{
	return ++last_sid;
}

static void fail(struct fake_session *s, int error)
{
	/* Once the session is logging out a close is not reported. */
	if (!s->bound || s->failed || s->logged_out)
		return;
	s->failed = true;
	s->up = false;
	mirror_state(s);
	if (!fake_kernel.deaf)
		tell(NOTE_ERROR, s->sid, error, NULL);
}

/* ---- the socket of a session ---- */

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct link *l = poll->data;
	ssize_t n = recv(l->fd, l->in + l->have, sizeof(l->in) - l->have, MSG_DONTWAIT);
	size_t len;

	(void)status;
	(void)events;
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		uv_poll_stop(poll);
		if (l->session)
			fail(l->session, 1020);
		return;
	}
	l->have += (size_t)n;
	if (l->have < BHS_LEN)
		return;
	len = bhs_data_len(l->in);
	if (len > sizeof(l->in) - BHS_LEN || bhs_opcode(l->in) != OP_LOGIN_RESPONSE) {
		fail(l->session, 1005);
	} else if (bhs_itt(l->in) != LOGIN_ITT) {
		fail(l->session, 1010);
	} else if (l->have >= BHS_LEN + ((len + 3) & ~(size_t)3)) {
		l->have = 0;
		tell_pdu(l->session->sid, l->in, len);
	}
}

void fake_take_socket(struct fake_session *s, int fd)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	l->fd = dup(fd);
	l->session = s;
	uv_poll_init(the_loop, &l->poll, l->fd);
	l->poll.data = l;
	s->socket = l;
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

int fake_send_login(struct fake_session *s, const uint8_t *bhs, const uint8_t *data, size_t len)
{
	const uint8_t pad[4] = {};
	uint8_t own[BHS_LEN];

	if (!s->bound || s->up)
		return -EPERM;
	/* Task tag and CmdSN are the kernel's own. */
	memcpy(own, bhs, BHS_LEN);
	bhs_set_itt(own, LOGIN_ITT);
	bhs_set_cmdsn(own, 777);
	/* A socket that the peer has closed is found out when it is read. */
	(void)!send(s->socket->fd, own, BHS_LEN, MSG_NOSIGNAL);
	(void)!send(s->socket->fd, data, len, MSG_NOSIGNAL);
	(void)!send(s->socket->fd, pad, -len & 3, MSG_NOSIGNAL);
	return 0;
}

/* ---- kernel.h ---- */

int kernel_event_fd(const struct kernel *k)
{
	(void)k;
	return -1;
}

int kernel_open(uv_loop_t *loop, const char *root, int event_fd, const struct kernel_events *events,
	void *data, struct kernel **ret)
{
	struct kernel *k = calloc(1, sizeof(*k));

	(void)event_fd;
	if (!k)
		return -ENOMEM;
	snprintf(mirror_root, sizeof(mirror_root), "%s", root);
	k->events = events;
	k->data = data;
	uv_idle_init(loop, &k->idle);
	k->idle.data = k;
	the_kernel = k;
	the_loop = loop;
	*ret = k;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

void kernel_close(struct kernel *k)
{
	struct fake_session *s, *tmp;
	struct note *n, *next;

	list_for_each_safe(s, tmp, &sessions, link)
		fake_drop(s);
	list_for_each_safe(n, next, &notes, link) {
		list_remove(&n->link);
		free(n);
	}
	fake_jobs_drop();
	the_kernel = NULL;
	last_sid = 0;
	uv_close((uv_handle_t *)&k->idle, on_closed);
}

/* ---- for the test ---- */

bool fake_kernel_has(uint32_t sid)
{
	return fake_find(sid);
}

bool fake_kernel_is_up(uint32_t sid)
{
	const struct fake_session *s = fake_find(sid);

	return s && s->up && s->bound && !s->failed && !s->logged_out;
}

void fake_kernel_conn_error(uint32_t sid, int error)
{
	struct fake_session *s = fake_find(sid);

	if (s)
		fail(s, error);
}

void fake_kernel_say_error(uint32_t sid, int error)
{
	tell(NOTE_ERROR, sid, error, NULL);
}

void fake_kernel_say_unbound(uint32_t sid)
{
	tell(NOTE_UNBOUND, sid, 0, NULL);
}

void fake_kernel_pdu_with(uint32_t sid, const uint8_t bhs[BHS_LEN], const uint8_t *data, size_t len)
{
	uint8_t pdu_bytes[BHS_LEN + 64];

	memcpy(pdu_bytes, bhs, BHS_LEN);
	memcpy(pdu_bytes + BHS_LEN, data, len);
	tell_pdu(sid, pdu_bytes, len);
}

void fake_kernel_pdu(uint32_t sid, const uint8_t bhs[BHS_LEN])
{
	tell_pdu(sid, bhs, 0);
}

void fake_kernel_lose(void)
{
	struct note *n, *tmp;
	struct fake_session *s;
	bool deaf = fake_kernel.deaf;

	fake_kernel.deaf = true;
	list_for_each_safe(n, tmp, &notes, link) {
		if (n->kind == NOTE_DONE)
			continue;
		/* A PDU that nobody got costs the connection. */
		s = n->kind == NOTE_PDU ? fake_find(n->sid) : NULL;
		if (s)
			fail(s, 1011);
		list_remove(&n->link);
		free(n);
	}
	fake_kernel.deaf = deaf;
	tell(NOTE_LOST, 0, 0, NULL);
}

void fake_kernel_destroy(uint32_t sid)
{
	struct fake_session *s = fake_find(sid);

	if (!s)
		return;
	fake_drop(s);
	tell(NOTE_DESTROYED, sid, 0, NULL);
}

static void param(struct kernel_params *p, int number, const char *value)
{
	p->items[p->n].number = number;
	snprintf(p->items[p->n++].value, KERNEL_VALUE_MAX, "%s", value);
}

void fake_kernel_preset(const char *root, uint32_t sid, const char *target, const char *address,
	int port, const char *state, const char *conn_state, const char *target_state)
{
	static struct kernel_params p;
	struct fake_session *s;
	char number[16];

	snprintf(mirror_root, sizeof(mirror_root), "%s", root);
	p.n = 0;
	param(&p, PARAM_TARGET_NAME, target);
	param(&p, PARAM_PERSISTENT_ADDRESS, address);
	snprintf(number, sizeof(number), "%d", port);
	param(&p, PARAM_PERSISTENT_PORT, number);
	param(&p, PARAM_IFACE_NAME, "default");
	param(&p, PARAM_TPGT, "1");
	s = fake_add(sid, &p, str_eq(state, "LOGGED_IN"));
	s->failed = str_eq(state, "FAILED");
	s->bound = s->up || str_eq(conn_state, "bound") || s->failed;
	s->unbound = str_eq(target_state, "UNBOUND");
	mirror_set(s, "iscsi_session", "state", state);
	mirror_set(s, "iscsi_session", "target_state", target_state);
	mirror_set(s, "iscsi_connection", "state", conn_state);
	last_sid = sid;
}
