/* SPDX-License-Identifier: MIT */
/* sim.h - iscsid's set of sessions on the fake kernel, clock and target */
#ifndef TESTS_SIM_H
#define TESTS_SIM_H

#include <check.h>

#include "fake.h"
#include "initiator.h"
#include "iscsi-node.h"
#include "session.h"

#define SIM_TARGET "iqn.2026-11.example:disk"

struct sim {
	char root[64];
	uv_loop_t loop;
	struct iscsi_db *db;
	struct initiator initiator;
	struct fake_target target;
};

extern struct sim sim;

/* A fresh root with an InitiatorName, a target that accepts, a daemon core on top. */
void sim_setup(void);
/* As sim_setup without the daemon core; sim_start brings it up. */
void sim_setup_root(void);
/* From now on one root serves all: what a test leaves in it is there in the next. */
void sim_keep_root(bool keep);
void sim_start(void);
/* Everything closed and freed; fails the test when the kernel was abused. */
void sim_teardown(void);

struct sim_waiter {
	struct session_waiter waiter;
	bool done;
	int code;
	uint32_t sid;
	char text[256];
};

/* A record for the target, login_timeout 15 and initial_login_retry_max as given. */
struct iscsi_node *sim_node(int retries);
/* One login to its end; the code. Time passes as needed. */
int sim_login(struct iscsi_node *n, struct sim_waiter *w);
int sim_logout(uint32_t sid, struct sim_waiter *w);
void sim_begin_login(struct iscsi_node *n, struct sim_waiter *w);
void sim_begin_logout(uint32_t sid, struct sim_waiter *w);
void sim_begin_logout_of(struct session *s, struct sim_waiter *w);
/* Runs the loop, and the clock when nothing else moves, until the flag is set. */
void sim_run_until(const bool *done);
/* A file below the root, whose directory is there. */
void sim_put(const char *path, const char *text);
/* Runs the loop until nothing moves, without letting time pass. */
void sim_settle(void);

int sim_main(Suite *suite);

#endif
