/* SPDX-License-Identifier: MIT */
/*
 * fake-session.h - private to the fake kernel: its sessions (kernel.c), what it is asked for
 * (jobs.c), and what of it stands below ROOT/sys (mirror.c).
 */
#ifndef TESTS_FAKE_SESSION_H
#define TESTS_FAKE_SESSION_H

#include "kernel.h"

/* As the kernel's own flags: what it may be asked depends on them. */
struct fake_session {
	uint32_t sid;
	int host;
	bool up, failed, bound, stopped, logged_out, unbound;
	struct link *socket; /* NULL: none */
	const char *shown[3]; /* its states in sysfs */
	struct list link;
};

/* ---- kernel.c ---- */

struct fake_session *fake_find(uint32_t sid);
uint32_t fake_next_sid(void);
struct fake_session *fake_add(uint32_t sid, const struct kernel_params *params, bool up);
void fake_drop(struct fake_session *s);
void fake_take_socket(struct fake_session *s, int fd);
/* 0 or -errno. */
int fake_send_login(struct fake_session *s, const uint8_t *bhs, const uint8_t *data, size_t len);
void fake_drop_socket(struct fake_session *s);
/* News, heard from the loop and never inside a call. */
void fake_tell_done(struct kernel_job *job, int err);
void fake_tell_destroyed(uint32_t sid);
void fake_tell_answer(uint32_t sid, uint8_t opcode);
bool fake_is_told(const struct kernel_job *job); /* its end, and not heard yet */
/* There is a job to run. */
void fake_wake(void);

/* ---- jobs.c ---- */

bool fake_job_waits(void);
void fake_job_run(void);
void fake_jobs_drop(void);

/* ---- mirror.c ---- */

extern char mirror_root[128];

void mirror_add(struct fake_session *s, const struct kernel_params *params);
void mirror_state(struct fake_session *s);
void mirror_set(const struct fake_session *s, const char *class, const char *name,
	const char *value);
void mirror_recovery_tmo(const struct fake_session *s, const struct kernel_params *params);
void mirror_remove(const struct fake_session *s);

#endif
