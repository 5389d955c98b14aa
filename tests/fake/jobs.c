/* SPDX-License-Identifier: MIT */
/*
 * jobs.c - what the fake kernel is asked for: jobs run one after another, each when what was told
 * before has been heard.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fake.h"
#include "fake-session.h"

/* Opcode bytes: requests with the immediate bit. */
#define REQUEST_NOP 0x40
#define REQUEST_LOGIN 0x43
#define REQUEST_LOGOUT 0x46
#define RESPONSE_NOP 0x20
#define RESPONSE_LOGOUT 0x26

static struct list jobs = LIST_INIT(jobs);
static bool held; /* the job that is first takes for ever, and with it those behind it */

static void end_job(struct kernel_job *job, int err)
{
	list_remove(&job->link);
	fake_tell_done(job, err);
}

static bool is_tcp(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return !getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) && type == SOCK_STREAM;
}

/* First the session, and when that has been looked at all the rest. */
static int run_hand_over(struct kernel_job *job)
{
	struct fake_session *s = fake_find(job->ret_sid);

	if (!job->ret_sid) {
		fake_kernel.abuses += !is_tcp(job->hand_over.fd);
		fake_kernel.last_params = *job->hand_over.params;
		job->ret_sid = fake_next_sid();
		job->hand_over.created(job, job->ret_sid);
		s = fake_add(job->ret_sid, job->hand_over.params, false);
		job->ret_host = s->host;
		return 1;
	}
	if (!s)
		return -ENXIO;
	s->up = s->bound = true;
	mirror_state(s);
	fake_take_socket(s, job->hand_over.fd);
	return 0;
}

static void stop(struct fake_session *s)
{
	fake_drop_socket(s);
	/* Of one that was bound, or up, the state is FAILED from now on. */
	s->failed = s->failed || s->up || s->bound;
	s->up = s->bound = s->logged_out = false;
	s->stopped = true;
	mirror_state(s);
}

static int run_stop(struct kernel_job *job, struct fake_session *s)
{
	(void)job;
	stop(s);
	return 0;
}

static int run_bind(struct kernel_job *job, struct fake_session *s)
{
	fake_kernel.abuses += !is_tcp(job->bind.fd);
	stop(s);
	s->bound = true;
	s->failed = false;
	fake_take_socket(s, job->bind.fd);
	return 0;
}

static int run_start(struct kernel_job *job, struct fake_session *s)
{
	if (s->failed)
		return -ENOTCONN;
	fake_kernel.abuses += !s->bound || s->up;
	fake_kernel.last_params = *job->start.params;
	s->up = true;
	mirror_state(s);
	return 0;
}

static int run_set(struct kernel_job *job, struct fake_session *s)
{
	if (!s->up)
		return -ENOTCONN;
	fake_kernel.last_params = *job->set.params;
	mirror_recovery_tmo(s, job->set.params);
	return 0;
}

static int run_unbind(struct kernel_job *job, struct fake_session *s)
{
	(void)job;
	/* The event comes once only; as with the real one it can be there before the reply is. */
	if (!s->unbound && !fake_kernel.mute[FAKE_UNBIND])
		fake_kernel_say_unbound(s->sid);
	s->unbound = true;
	mirror_state(s);
	return 0;
}

static int run_send(struct kernel_job *job, struct fake_session *s)
{
	const uint8_t *bhs = job->send.bhs;

	if (s->failed)
		return s->stopped ? -EPERM : -ENOTCONN;
	if ((bhs[0] & 0x3f) == (REQUEST_LOGIN & 0x3f))
		return fake_send_login(s, bhs, job->send.data, job->send.len);
	if (!s->up || s->logged_out)
		return -EPERM;
	if (job->send.len || (bhs[0] != REQUEST_NOP && bhs[0] != REQUEST_LOGOUT))
		fake_kernel.abuses++;
	else if (!fake_kernel.mute[FAKE_SEND])
		fake_tell_answer(s->sid, bhs[0] == REQUEST_NOP ? RESPONSE_NOP : RESPONSE_LOGOUT);
	s->logged_out = s->logged_out || bhs[0] == REQUEST_LOGOUT;
	return 0;
}

static int run_destroy(struct kernel_job *job, struct fake_session *s)
{
	bool unbound = s->unbound;

	if (fake_kernel.mute[FAKE_DESTROY])
		return 0;
	fake_drop(s);
	if (!unbound)
		fake_kernel_say_unbound(job->sid);
	fake_tell_destroyed(job->sid);
	return 0;
}

static const struct {
	int (*run)(struct kernel_job *job, struct fake_session *s);
	int err; /* with which it fails when a plan says so */
} ops[] = {
	[FAKE_HAND_OVER] = {NULL, -ENOMEM},
	[FAKE_UNBIND] = {run_unbind, -EINVAL},
	[FAKE_SEND] = {run_send, -ENOTCONN},
	[FAKE_DESTROY] = {run_destroy, -EBUSY},
	[FAKE_STOP] = {run_stop, -EINVAL},
	[FAKE_BIND] = {run_bind, -ENOTCONN},
	[FAKE_START] = {run_start, -ENOTCONN},
	[FAKE_SET] = {run_set, -EINVAL},
};

/* A hand-over that fails leaves nothing behind. */
static void fail_job(struct kernel_job *job, int err)
{
	struct fake_session *s = job->op == FAKE_HAND_OVER ? fake_find(job->ret_sid) : NULL;

	if (s) {
		fake_drop(s);
		fake_tell_destroyed(job->ret_sid);
	}
	end_job(job, err);
}

static int scripted(struct kernel_job *job)
{
	int err = fake_kernel.fail[job->op];

	if (err && fake_kernel.fail_only[job->op] && --fake_kernel.fail_only[job->op] == 0)
		fake_kernel.fail[job->op] = 0;
	return err;
}

bool fake_job_waits(void)
{
	return !held && !list_empty(&jobs);
}

void fake_job_run(void)
{
	struct kernel_job *job = list_first(&jobs, struct kernel_job, link);

	enum fake_fault fault = fake_point(FAKE_POINT_CALL);
	struct fake_session *s = fake_find(job->sid);
	int r;

	if (fault == FAKE_HANGS) {
		held = true;
		return;
	}
	r = fault == FAKE_FAILS ? ops[job->op].err : scripted(job);
	if (!r && job->op == FAKE_HAND_OVER)
		r = run_hand_over(job);
	else if (!r) /* it can have gone while the event about that was on its way */
		r = s ? ops[job->op].run(job, s) : -ENXIO;
	if (r < 0)
		fail_job(job, r);
	else if (r == 0)
		end_job(job, 0);
}

static bool is_under_way(const struct kernel_job *job)
{
	const struct kernel_job *other;

	list_for_each(other, &jobs, link)
		if (other == job)
			return true;
	return fake_is_told(job);
}

static void submit(struct kernel_job *job, enum fake_step op, uint32_t sid, kernel_done *done)
{
	/* Numbers begin at 1; one job at a time. */
	if (is_under_way(job) || (!sid && op != FAKE_HAND_OVER)) {
		fake_kernel.abuses++;
		return;
	}
	fake_kernel.calls[op]++;
	job->op = op;
	job->sid = sid;
	job->done = done;
	job->ret_step = "do as the test says";
	list_append(&jobs, &job->link);
	fake_wake();
}

/* ---- kernel.h ---- */

void kernel_hand_over(struct kernel *k, struct kernel_job *job, int fd, uint32_t cmdsn,
	uint16_t cmds_max, uint16_t queue_depth, const struct kernel_params *params,
	kernel_created *created, kernel_done *done)
{
	(void)k;
	fake_kernel.cmdsn = cmdsn;
	(void)cmds_max;
	(void)queue_depth;
	job->ret_sid = 0;
	job->hand_over.created = created;
	job->hand_over.fd = fd;
	job->hand_over.params = params;
	submit(job, FAKE_HAND_OVER, 0, done);
}

void kernel_stop(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	(void)k;
	submit(job, FAKE_STOP, sid, done);
}

void kernel_bind(struct kernel *k, struct kernel_job *job, uint32_t sid, int fd, kernel_done *done)
{
	(void)k;
	job->bind.fd = fd;
	submit(job, FAKE_BIND, sid, done);
}

void kernel_start(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const struct kernel_params *params, kernel_done *done)
{
	(void)k;
	job->start.params = params;
	submit(job, FAKE_START, sid, done);
}

void kernel_set(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const struct kernel_params *params, kernel_done *done)
{
	(void)k;
	job->set.params = params;
	submit(job, FAKE_SET, sid, done);
}

void kernel_unbind(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	(void)k;
	submit(job, FAKE_UNBIND, sid, done);
}

void kernel_send_pdu(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const uint8_t bhs[BHS_LEN], const uint8_t *data, size_t len, kernel_done *done)
{
	(void)k;
	memcpy(fake_kernel.sent, bhs, BHS_LEN);
	memcpy(job->send.bhs, bhs, BHS_LEN);
	job->send.data = data;
	job->send.len = len;
	submit(job, FAKE_SEND, sid, done);
}

void kernel_destroy(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done)
{
	(void)k;
	submit(job, FAKE_DESTROY, sid, done);
}

void fake_jobs_drop(void)
{
	held = false;
	list_init(&jobs);
}

void fake_kernel_release(void)
{
	held = false;
	fake_wake();
}
