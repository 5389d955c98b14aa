/* SPDX-License-Identifier: MIT */
/*
 * session-work.c - what a session has under way: kernel jobs, SCSI scans, attempts to connect. Each
 * counts in pending, for it uses the session's memory, and is not begun again before it has ended.
 */
#include "session-actions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iscsi-node.h"
#include "log.h"
#include "params.h"
#include "record.h"

/* ---- kernel jobs ---- */

static void task_end(struct session *s, struct session_task *t, int err)
{
	t->busy = false;
	t->err = err;
	s->pending--;
	if (err) {
		log_warning("%s: the kernel refused to %s: %s", s->label, t->job.ret_step,
			strerror(-err));
		machine_post(&s->machine, t->failed);
	}
	machine_post(&s->machine, SETTLED);
}

#define TASK_DONE(member)                                                          \
	static void on_##member##_done(struct kernel_job *job, int err)            \
	{                                                                          \
		struct session *s = container_of(job, struct session, member.job); \
		task_end(s, &s->member, err);                                      \
	}
TASK_DONE(stop)
TASK_DONE(unbind)
TASK_DONE(send)
TASK_DONE(destroy)

static void on_set_done(struct kernel_job *job, int err)
{
	struct session *s = container_of(job, struct session, set.job);

	/* Connections fail; the next start tells the kernel all of it. */
	task_end(s, &s->set, err == -ENOTCONN ? 0 : err);
	session_was_set(s, err);
}

/* False: the one before has not ended yet. */
static bool task_start(struct session *s, struct session_task *t, enum event failed)
{
	if (t->busy)
		return false;
	t->busy = true;
	t->failed = failed;
	t->err = 0;
	s->pending++;
	return true;
}

bool session_stop_conn(struct session *s)
{
	if (!task_start(s, &s->stop, STOP_FAILED))
		return false;
	kernel_stop(s->initiator->kernel, &s->stop.job, s->sid, on_stop_done);
	return true;
}

bool session_set(struct session *s)
{
	if (!s->changed || s->set.busy)
		return false;
	free(s->live);
	s->live = malloc(sizeof(*s->live));
	if (!s->live || !task_start(s, &s->set, SETTLED))
		return false;
	params_live(s->node, s->live);
	s->changed = false;
	kernel_set(s->initiator->kernel, &s->set.job, s->sid, s->live, on_set_done);
	return true;
}

bool session_unbind(struct session *s)
{
	if (!task_start(s, &s->unbind, UNBIND_FAILED))
		return false;
	kernel_unbind(s->initiator->kernel, &s->unbind.job, s->sid, on_unbind_done);
	return true;
}

bool session_destroy(struct session *s)
{
	if (!task_start(s, &s->destroy, DESTROY_FAILED))
		return false;
	kernel_destroy(s->initiator->kernel, &s->destroy.job, s->sid, on_destroy_done);
	return true;
}

/* The kernel fills in the task tag and the sequence numbers. False: one is under way. */
static bool send_pdu(struct session *s, const uint8_t bhs[BHS_LEN])
{
	if (!task_start(s, &s->send, SEND_FAILED))
		return false;
	kernel_send_pdu(s->initiator->kernel, &s->send.job, s->sid, bhs, NULL, 0, on_send_done);
	return true;
}

bool session_send_logout(struct session *s)
{
	uint8_t bhs[BHS_LEN] = {};

	bhs_set_opcode(bhs, OP_LOGOUT, true);
	bhs_set_logout_reason(bhs, LOGOUT_SESSION);
	return send_pdu(s, bhs);
}

bool session_send_nop(struct session *s)
{
	uint8_t bhs[BHS_LEN] = {};

	bhs_set_opcode(bhs, OP_NOP_OUT, true);
	bhs[1] = BHS_FINAL;
	bhs_set_ttt(bhs, BHS_TAG_NONE);
	return send_pdu(s, bhs);
}

/* ---- scans ---- */

static void on_scan_end(struct scan *scan, int err)
{
	struct session *s = container_of(scan, struct session, scan);

	if (err)
		log_error("%s: scan of host %d: %s", s->label, s->host, strerror(-err));
	s->scanning = false;
	s->pending--;
	machine_post(&s->machine, SCANNED);
}

void session_scan(struct session *s)
{
	s->scan_again = s->scanning;
	if (s->scanning)
		return;
	if (scan_start(s->initiator->loop, &s->scan, s->initiator->root, s->host, on_scan_end)) {
		machine_post(&s->machine, SCANNED);
		return;
	}
	s->scanning = true;
	s->pending++;
}

static void on_revived(struct devices *d)
{
	struct session *s = container_of(d, struct session, devices);

	s->reviving = false;
	s->pending--;
	machine_post(&s->machine, SETTLED);
}

void session_revive(struct session *s)
{
	if (s->reviving || devices_revive(s->initiator->loop, &s->devices, s->initiator->root, s->sid,
				   s->host, on_revived))
		return;
	s->reviving = true;
	s->pending++;
}

/* ---- attempts ---- */

void session_attempt(struct session *s)
{
	s->attempts++;
	s->vanished = false;
	s->error = 0;
	s->pending++;
	conn_open(&s->conn, session_now(s) + session_login_ms(s));
}

void session_attempt_ended(struct session *s)
{
	s->pending--;
	session_take_next(s);
}

/*
 * What happens to a connection while an attempt is under way is the attempt's. When that has ended
 * already and only the news of it are on their way, it is the session's, after them.
 */
int act_tell_conn(void *owner)
{
	struct session *s = owner;

	if (machine_is_posted(&s->machine, CONN_ENDED))
		machine_post(&s->machine, CONN_ERROR);
	else
		conn_lost(&s->conn);
	return s->machine.state;
}

int act_note_vanished(void *owner)
{
	struct session *s = owner;

	s->vanished = true;
	return s->machine.state;
}
