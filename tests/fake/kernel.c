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

#define OP_LOGOUT_REQUEST_IMMEDIATE 0x46
#define OP_LOGOUT_RESPONSE_BYTE 0x26

struct fake_kernel fake_kernel;

struct fake_session {
	uint32_t sid;
	int host;
	struct list link;
};

enum note_kind { NOTE_DONE, NOTE_UNBOUND, NOTE_LOGOUT_RESPONSE, NOTE_DESTROYED, NOTE_ERROR };

/* What the daemon is to be told, in order, from the loop and never inside a call. */
struct note {
	enum note_kind kind;
	uint32_t sid;
	int error;
	struct kernel_job *job;
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

static void sysfs_add(const struct fake_session *s, const struct kernel_params *params,
	const char *state)
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
	snprintf(path, sizeof(path), "sys/devices/platform/%s/state", base);
	put(path, state);
	snprintf(path, sizeof(path), "sys/devices/platform/%s/state", conn);
	put(path, str_eq(state, "LOGGED_IN") ? "up" : "failed");
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

static void sysfs_set_failed(const struct fake_session *s)
{
	char path[256];

	snprintf(path, sizeof(path),
		"sys/devices/platform/host%d/session%u/iscsi_session/session%u/state", s->host, s->sid,
		s->sid);
	put(path, "FAILED");
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

static struct fake_session *add(uint32_t sid, const struct kernel_params *params,
	const char *state)
{
	struct fake_session *s = calloc(1, sizeof(*s));

	if (!s)
		abort();
	s->sid = sid;
	s->host = (int)sid + 10;
	list_append(&sessions, &s->link);
	fake_kernel.sessions++;
	sysfs_add(s, params, state);
	return s;
}

static void drop(struct fake_session *s)
{
	sysfs_remove(s);
	list_remove(&s->link);
	free(s);
	fake_kernel.sessions--;
}

/* ---- notes ---- */

static void deliver(struct kernel *k, const struct note *n)
{
	uint8_t bhs[BHS_LEN] = {OP_LOGOUT_RESPONSE_BYTE, 0x80};

	switch (n->kind) {
	case NOTE_DONE:
		n->job->done(n->job, n->error);
		break;
	case NOTE_UNBOUND:
		k->events->unbound(k->data, n->sid);
		break;
	case NOTE_LOGOUT_RESPONSE:
		k->events->pdu(k->data, n->sid, bhs, NULL, 0);
		break;
	case NOTE_DESTROYED:
		k->events->destroyed(k->data, n->sid);
		break;
	case NOTE_ERROR:
		k->events->conn_error(k->data, n->sid, n->error);
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

static void tell(enum note_kind kind, uint32_t sid, int error, struct kernel_job *job)
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
}

/* ---- kernel.h ---- */

static bool step_fails(enum fake_step step, struct kernel_job *job, kernel_done *done)
{
	fake_kernel.calls[step]++;
	job->done = done;
	job->ret_step = "do as the test says";
	if (fake_kernel.fail[step])
		tell(NOTE_DONE, 0, fake_kernel.fail[step], job);
	return fake_kernel.fail[step] != 0;
}

void kernel_hand_over(struct kernel *k, struct kernel_job *job, int fd, uint32_t cmdsn,
	uint16_t cmds_max, uint16_t queue_depth, const struct kernel_params *params,
	kernel_done *done)
{
	int type = 0;
	socklen_t len = sizeof(type);

	(void)k;
	(void)cmdsn;
	(void)cmds_max;
	(void)queue_depth;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM)
		fake_kernel.abuses++;
	if (step_fails(FAKE_HAND_OVER, job, done))
		return;
	fake_kernel.last_params = *params;
	job->ret_sid = ++last_sid;
	job->ret_host = add(job->ret_sid, params, "LOGGED_IN")->host;
	tell(NOTE_DONE, 0, 0, job);
}

void kernel_unbind(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	(void)k;
	fake_kernel.abuses += !find(sid);
	if (step_fails(FAKE_UNBIND, job, done))
		return;
	/* As the real one: the event can be there before the reply is looked at. */
	if (!fake_kernel.mute[FAKE_UNBIND])
		tell(NOTE_UNBOUND, sid, 0, NULL);
	tell(NOTE_DONE, 0, 0, job);
}

void kernel_send_pdu(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const uint8_t bhs[BHS_LEN], kernel_done *done)
{
	(void)k;
	fake_kernel.abuses += !find(sid) || bhs[0] != OP_LOGOUT_REQUEST_IMMEDIATE;
	if (step_fails(FAKE_SEND, job, done))
		return;
	tell(NOTE_DONE, 0, 0, job);
	if (!fake_kernel.mute[FAKE_SEND])
		tell(NOTE_LOGOUT_RESPONSE, sid, 0, NULL);
}

void kernel_destroy(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	struct fake_session *s = find(sid);

	(void)k;
	fake_kernel.abuses += !s;
	if (step_fails(FAKE_DESTROY, job, done))
		return;
	if (s && !fake_kernel.mute[FAKE_DESTROY]) {
		drop(s);
		tell(NOTE_UNBOUND, sid, 0, NULL);
		tell(NOTE_DESTROYED, sid, 0, NULL);
	}
	tell(NOTE_DONE, 0, 0, job);
}

int kernel_open(uv_loop_t *loop, const char *root, const struct kernel_events *events, void *data,
	struct kernel **ret)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	snprintf(sys_root, sizeof(sys_root), "%s", root);
	k->events = events;
	k->data = data;
	uv_idle_init(loop, &k->idle);
	k->idle.data = k;
	the_kernel = k;
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
	sysfs_set_failed(s);
	tell(NOTE_ERROR, sid, error, NULL);
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
	int port, const char *state)
{
	static struct kernel_params p;
	char number[16];

	snprintf(sys_root, sizeof(sys_root), "%s", root);
	p.n = 0;
	param(&p, PARAM_TARGET_NAME, target);
	param(&p, PARAM_PERSISTENT_ADDRESS, address);
	snprintf(number, sizeof(number), "%d", port);
	param(&p, PARAM_PERSISTENT_PORT, number);
	param(&p, PARAM_IFACE_NAME, "default");
	param(&p, PARAM_TPGT, "1");
	add(sid, &p, state);
	last_sid = sid;
}
