/* SPDX-License-Identifier: MIT */
/* kernel.c - a kernel for tests behind kernel.h: sessions in memory, mirrored in a fake sysfs */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake.h"
#include "str.h"

/* Opcode bytes: requests with the immediate bit. */
#define REQUEST_NOP 0x40
#define REQUEST_LOGIN 0x43
#define REQUEST_LOGOUT 0x46
#define RESPONSE_NOP 0x20
#define RESPONSE_LOGOUT 0x26

struct fake_kernel fake_kernel;

/* As the kernel's own flags: what it may be asked depends on them. */
struct fake_session {
	uint32_t sid;
	int host;
	bool up, failed, bound, stopped, logged_out, unbound;
	struct link *socket; /* NULL: none */
	struct list link;
};

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

static char sys_root[128];
static struct list sessions = LIST_INIT(sessions), notes = LIST_INIT(notes);
static uint32_t last_sid;
static struct kernel *the_kernel;
static uv_loop_t *the_loop;

/* ---- sysfs ---- */

static void put(const char *path, const char *value)
{
	char full[1024];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", sys_root, path);
	for (char *p = full + strlen(sys_root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
	f = fopen(full, "w");
	if (!f)
		abort();
	fprintf(f, "%s\n", value);
	fclose(f);
}

/* In place of a file: who opens it to write waits for a reader. */
static void make_fifo(const char *path)
{
	char full[640];

	snprintf(full, sizeof(full), "%s/%s", sys_root, path);
	if (unlink(full) || mkfifo(full, 0600))
		abort();
}

static void link_class(const char *class, const char *entry, const char *to)
{
	char path[512], target[512];

	snprintf(path, sizeof(path), "sys/class/%s/.keep", class);
	put(path, "");
	snprintf(path, sizeof(path), "%s/sys/class/%s/.keep", sys_root, class);
	unlink(path);
	snprintf(path, sizeof(path), "%s/sys/class/%s/%s", sys_root, class, entry);
	snprintf(target, sizeof(target), "../../devices/platform/%s", to);
	if (symlink(target, path) && errno != EEXIST)
		abort();
}

static void set_attribute(const struct fake_session *s, const char *class, const char *name,
	const char *value)
{
	char path[256];

	if (str_eq(class, "iscsi_session"))
		snprintf(path, sizeof(path),
			"sys/devices/platform/host%d/session%u/iscsi_session/session%u/%s", s->host,
			s->sid, s->sid, name);
	else
		snprintf(path, sizeof(path),
			"sys/devices/platform/host%d/session%u/connection%u:0/iscsi_connection/"
			"connection%u:0/%s",
			s->host, s->sid, s->sid, s->sid, name);
	put(path, value);
}

static void put_recovery_tmo(const struct fake_session *s, const struct kernel_params *params)
{
	for (unsigned int i = 0; i < params->n && !fake_kernel.deaf_to_tmo; i++)
		if (params->items[i].number == PARAM_SESS_RECOVERY_TMO)
			set_attribute(s, "iscsi_session", "recovery_tmo",
				str_eq(params->items[i].value, "-1") ? "off"
								     : params->items[i].value);
}

static void sysfs_state(const struct fake_session *s)
{
	set_attribute(s, "iscsi_session", "state", s->failed ? "FAILED" : s->up ? "LOGGED_IN" : "FREE");
	set_attribute(s, "iscsi_session", "target_state", s->unbound ? "UNBOUND" : "SCANNED");
	set_attribute(s, "iscsi_connection", "state", s->failed ? "failed" : s->up ? "up" : "bound");
}

static void sysfs_add(const struct fake_session *s, const struct kernel_params *params)
{
	static const struct {
		int number;
		const char *name;
		bool of_connection;
	} files[] = {
		{PARAM_TARGET_NAME, "targetname", false},
		{PARAM_INITIATOR_NAME, "initiatorname", false},
		{PARAM_IFACE_NAME, "ifacename", false},
		{PARAM_TPGT, "tpgt", false},
		{PARAM_PERSISTENT_ADDRESS, "persistent_address", true},
		{PARAM_PERSISTENT_PORT, "persistent_port", true},
	};
	char base[128], conn[192], dir[192], path[512], entry[32];

	snprintf(base, sizeof(base), "host%d/session%u/iscsi_session/session%u", s->host, s->sid,
		s->sid);
	snprintf(conn, sizeof(conn), "host%d/session%u/connection%u:0/iscsi_connection/connection%u:0",
		s->host, s->sid, s->sid, s->sid);
	for (unsigned int i = 0; i < params->n; i++)
		for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
			if (files[k].number != params->items[i].number)
				continue;
			snprintf(path, sizeof(path), "sys/devices/platform/%s/%s",
				files[k].of_connection ? conn : base, files[k].name);
			put(path, params->items[i].value);
		}
	sysfs_state(s);
	put_recovery_tmo(s, params);
	snprintf(path, sizeof(path), "sys/devices/platform/host%d/scsi_host/host%d/proc_name", s->host,
		s->host);
	put(path, "iscsi_tcp");
	snprintf(path, sizeof(path), "sys/devices/platform/host%d/scsi_host/host%d/scan", s->host,
		s->host);
	put(path, "");
	if (fake_kernel.scan_hangs)
		make_fifo(path);
	snprintf(path, sizeof(path), "%s/sys/devices/platform/%s/device", sys_root, base);
	snprintf(dir, sizeof(dir), "../../../session%u", s->sid);
	if (symlink(dir, path))
		abort();
	snprintf(entry, sizeof(entry), "session%u", s->sid);
	link_class("iscsi_session", entry, base);
	snprintf(entry, sizeof(entry), "connection%u:0", s->sid);
	link_class("iscsi_connection", entry, conn);
	snprintf(entry, sizeof(entry), "host%d", s->host);
	snprintf(dir, sizeof(dir), "host%d/scsi_host/host%d", s->host, s->host);
	link_class("scsi_host", entry, dir);
}

static void sysfs_remove(const struct fake_session *s)
{
	char command[1024];

	snprintf(command, sizeof(command),
		"cd '%s/sys' && rm -rf class/iscsi_session/session%u class/iscsi_connection/"
		"connection%u:0 class/scsi_host/host%d devices/platform/host%d",
		sys_root, s->sid, s->sid, s->host, s->host);
	if (system(command))
		abort();
}

/* ---- sessions ---- */

static struct fake_session *find(uint32_t sid)
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

static void drop_socket(struct fake_session *s)
{
	if (!s->socket)
		return;
	s->socket->session = NULL;
	shutdown(s->socket->fd, SHUT_RDWR);
	uv_close((uv_handle_t *)&s->socket->poll, on_link_closed);
	s->socket = NULL;
}

static struct fake_session *add(uint32_t sid, const struct kernel_params *params, bool up)
{
	struct fake_session *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->sid = sid;
	s->host = (int)sid + 10;
	list_append(&sessions, &s->link);
	fake_kernel.sessions++;
	s->up = s->bound = up;
	sysfs_add(s, params);
	return s;
}

static void drop(struct fake_session *s)
{
	sysfs_remove(s);
	drop_socket(s);
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
	struct note *n = list_first(&notes, struct note, link);

	if (n) {
		list_remove(&n->link);
		deliver(idle->data, n);
		free(n);
	}
	if (list_empty(&notes))
		uv_idle_stop(idle);
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
	if (the_kernel)
		uv_idle_start(&the_kernel->idle, on_idle);
	return n;
}

static void tell_pdu(uint32_t sid, const uint8_t *pdu, size_t data_len)
{
	struct note *n = tell(NOTE_PDU, sid, 0, NULL);

	memcpy(n->pdu, pdu, BHS_LEN + data_len);
	n->data_len = data_len;
}

static void tell_answer(uint32_t sid, uint8_t opcode)
{
	const uint8_t bhs[BHS_LEN] = {opcode, 0x80};

	tell_pdu(sid, bhs, 0);
}

static void fail(struct fake_session *s, int error)
{
	/* Once the session is logging out a close is not reported. */
	if (!s->bound || s->failed || s->logged_out)
		return;
	s->failed = true;
	s->up = false;
	sysfs_state(s);
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

static void take_socket(struct fake_session *s, int fd)
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

/* ---- kernel.h ---- */

static bool step_fails(enum fake_step step, struct kernel_job *job, kernel_done *done)
{
	int err = fake_kernel.fail[step];

	fake_kernel.calls[step]++;
	job->done = done;
	job->ret_step = "do as the test says";
	if (!err)
		return false;
	if (fake_kernel.fail_only[step] && --fake_kernel.fail_only[step] == 0)
		fake_kernel.fail[step] = 0;
	tell(NOTE_DONE, 0, err, job);
	return true;
}

/* As step_fails, of a session that has to be there. */
static struct fake_session *begin(enum fake_step step, uint32_t sid, struct kernel_job *job,
	kernel_done *done)
{
	struct fake_session *s = find(sid);

	if (step_fails(step, job, done))
		return NULL;
	/* It can have gone while the event about that was on its way. */
	if (!s)
		tell(NOTE_DONE, 0, -ENXIO, job);
	return s;
}

static bool is_tcp(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_STREAM;
}

void kernel_hand_over(struct kernel *k, struct kernel_job *job, int fd, uint32_t cmdsn,
	uint16_t cmds_max, uint16_t queue_depth, const struct kernel_params *params,
	kernel_created *created, kernel_done *done)
{
	struct fake_session *s;

	(void)k;
	fake_kernel.cmdsn = cmdsn;
	(void)cmds_max;
	(void)queue_depth;
	job->ret_sid = 0;
	fake_kernel.abuses += !is_tcp(fd);
	if (step_fails(FAKE_HAND_OVER, job, done))
		return;
	fake_kernel.last_params = *params;
	job->ret_sid = ++last_sid;
	created(job, job->ret_sid);
	s = add(job->ret_sid, params, true);
	job->ret_host = s->host;
	take_socket(s, fd);
	tell(NOTE_DONE, 0, 0, job);
}

static void stop(struct fake_session *s)
{
	drop_socket(s);
	/* Of one that was bound, or up, the state is FAILED from now on. */
	s->failed = s->failed || s->up || s->bound;
	s->up = s->bound = s->logged_out = false;
	s->stopped = true;
	sysfs_state(s);
}

void kernel_stop(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	struct fake_session *s = begin(FAKE_STOP, sid, job, done);

	(void)k;
	if (!s)
		return;
	stop(s);
	tell(NOTE_DONE, 0, 0, job);
}

void kernel_bind(struct kernel *k, struct kernel_job *job, uint32_t sid, int fd, kernel_done *done)
{
	struct fake_session *s = begin(FAKE_BIND, sid, job, done);

	(void)k;
	fake_kernel.abuses += !is_tcp(fd);
	if (!s)
		return;
	stop(s);
	s->bound = true;
	s->failed = false;
	take_socket(s, fd);
	tell(NOTE_DONE, 0, 0, job);
}

void kernel_start(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const struct kernel_params *params, kernel_done *done)
{
	struct fake_session *s = begin(FAKE_START, sid, job, done);

	(void)k;
	if (!s)
		return;
	if (s->failed) {
		tell(NOTE_DONE, 0, -ENOTCONN, job);
		return;
	}
	fake_kernel.abuses += !s->bound || s->up;
	fake_kernel.last_params = *params;
	s->up = true;
	sysfs_state(s);
	tell(NOTE_DONE, 0, 0, job);
}

void kernel_set(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const struct kernel_params *params, kernel_done *done)
{
	struct fake_session *s = begin(FAKE_SET, sid, job, done);

	(void)k;
	if (!s)
		return;
	if (!s->up) {
		tell(NOTE_DONE, 0, -ENOTCONN, job);
		return;
	}
	fake_kernel.last_params = *params;
	put_recovery_tmo(s, params);
	tell(NOTE_DONE, 0, 0, job);
}

void kernel_unbind(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	struct fake_session *s = begin(FAKE_UNBIND, sid, job, done);

	(void)k;
	if (!s)
		return;
	s->unbound = true;
	sysfs_state(s);
	/* As the real one: the event can be there before the reply is looked at. */
	if (!fake_kernel.mute[FAKE_UNBIND])
		tell(NOTE_UNBOUND, sid, 0, NULL);
	tell(NOTE_DONE, 0, 0, job);
}

static int send_login(struct fake_session *s, const uint8_t *bhs, const uint8_t *data, size_t len)
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

void kernel_send_pdu(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const uint8_t bhs[BHS_LEN], const uint8_t *data, size_t len, kernel_done *done)
{
	struct fake_session *s = begin(FAKE_SEND, sid, job, done);
	int r = 0;

	(void)k;
	memcpy(fake_kernel.sent, bhs, BHS_LEN);
	if (!s)
		return;
	if (s->failed)
		r = s->stopped ? -EPERM : -ENOTCONN;
	else if (bhs[0] == REQUEST_LOGIN || bhs[0] == (REQUEST_LOGIN & 0x3f))
		r = send_login(s, bhs, data, len);
	else if (!s->up || s->logged_out)
		r = -EPERM;
	else if (len || (bhs[0] != REQUEST_NOP && bhs[0] != REQUEST_LOGOUT))
		fake_kernel.abuses++;
	else if (!fake_kernel.mute[FAKE_SEND])
		tell_answer(sid, bhs[0] == REQUEST_NOP ? RESPONSE_NOP : RESPONSE_LOGOUT);
	s->logged_out = s->logged_out || (!r && bhs[0] == REQUEST_LOGOUT);
	tell(NOTE_DONE, 0, r, job);
}

void kernel_destroy(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	struct fake_session *s = begin(FAKE_DESTROY, sid, job, done);

	(void)k;
	if (!s)
		return;
	if (!fake_kernel.mute[FAKE_DESTROY]) {
		drop(s);
		tell(NOTE_UNBOUND, sid, 0, NULL);
		tell(NOTE_DESTROYED, sid, 0, NULL);
	}
	tell(NOTE_DONE, 0, 0, job);
}

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
	snprintf(sys_root, sizeof(sys_root), "%s", root);
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
		drop(s);
	list_for_each_safe(n, next, &notes, link) {
		list_remove(&n->link);
		free(n);
	}
	the_kernel = NULL;
	last_sid = 0;
	uv_close((uv_handle_t *)&k->idle, on_closed);
}

/* ---- for the test ---- */

void fake_kernel_conn_error(uint32_t sid, int error)
{
	struct fake_session *s = find(sid);

	if (!s)
		abort();
	fail(s, error);
}

void fake_kernel_pdu(uint32_t sid, const uint8_t bhs[BHS_LEN])
{
	tell_pdu(sid, bhs, 0);
}

void fake_kernel_lose(void)
{
	tell(NOTE_LOST, 0, 0, NULL);
}

void fake_kernel_destroy(uint32_t sid)
{
	struct fake_session *s = find(sid);

	if (!s)
		abort();
	drop(s);
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

	snprintf(sys_root, sizeof(sys_root), "%s", root);
	p.n = 0;
	param(&p, PARAM_TARGET_NAME, target);
	param(&p, PARAM_PERSISTENT_ADDRESS, address);
	snprintf(number, sizeof(number), "%d", port);
	param(&p, PARAM_PERSISTENT_PORT, number);
	param(&p, PARAM_IFACE_NAME, "default");
	param(&p, PARAM_TPGT, "1");
	s = add(sid, &p, str_eq(state, "LOGGED_IN"));
	s->failed = str_eq(state, "FAILED");
	s->bound = s->up || str_eq(conn_state, "bound") || s->failed;
	s->unbound = str_eq(target_state, "UNBOUND");
	set_attribute(s, "iscsi_session", "state", state);
	set_attribute(s, "iscsi_session", "target_state", target_state);
	set_attribute(s, "iscsi_connection", "state", conn_state);
	last_sid = sid;
}
