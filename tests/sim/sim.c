/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "str.h"
#include "thread.h"

#define QUIET_MS 1	/* of real time without anything to do: nothing moves any more */
#define STEPS_MAX 10000 /* timers fired before a test counts as hanging */

struct sim sim;

static void put(const char *path, const char *text)
{
	char full[160];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", sim.root, path);
	f = fopen(full, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static void make_dir(const char *path)
{
	char full[160];

	snprintf(full, sizeof(full), "%s/%s", sim.root, path);
	ck_assert_int_eq(mkdir(full, 0755), 0);
}

void sim_setup_root(void)
{
	memset(&sim, 0, sizeof(sim));
	memset(&fake_kernel, 0, sizeof(fake_kernel));
	log_open("sim", LOG_TO_STDERR);
	log_set_debug(getenv("SIM_DEBUG") ? 8 : 0);
	snprintf(sim.root, sizeof(sim.root), "/tmp/sim.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(sim.root));
	make_dir("etc");
	make_dir("etc/iscsi");
	make_dir("run");
	make_dir("sys");
	put("etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.2026-11.example:host\n");
	uv_loop_init(&sim.loop);
	uv_loop_configure(&sim.loop, UV_METRICS_IDLE_TIME);
	fake_target_open(&sim.target, &sim.loop);
}

void sim_start(void)
{
	ck_assert_int_eq(iscsi_db_open(sim.root, &sim.db), 0);
	ck_assert_int_eq(initiator_open(&sim.initiator, &sim.loop, sim.root, sim.db, -1), 0);
}

void sim_setup(void)
{
	sim_setup_root();
	sim_start();
}

void sim_teardown(void)
{
	char command[96];

	ck_assert_uint_eq(fake_kernel.abuses, 0);
	ck_assert_uint_eq(machine_faults, 0);
	initiator_close(&sim.initiator);
	iscsi_db_close(sim.db);
	fake_target_close(&sim.target);
	uv_run(&sim.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&sim.loop), 0);
	snprintf(command, sizeof(command), "rm -rf '%s'", sim.root);
	ck_assert_int_eq(system(command), 0);
}

struct iscsi_node *sim_node(int retries)
{
	struct iscsi_node *n;
	char number[16];

	ck_assert_int_eq(iscsi_node_new_default(&n), 0);
	iscsi_node_set(n, "node.name", SIM_TARGET);
	iscsi_node_set(n, "node.conn[0].address", "127.0.0.1");
	snprintf(number, sizeof(number), "%d", sim.target.port);
	iscsi_node_set(n, "node.conn[0].port", number);
	iscsi_node_set(n, "iface.iscsi_ifacename", "default");
	iscsi_node_set(n, "node.conn[0].timeo.login_timeout", "15");
	snprintf(number, sizeof(number), "%d", retries);
	iscsi_node_set(n, "node.session.initial_login_retry_max", number);
	return n;
}

static void on_done(struct session_waiter *waiter, int code, const char *text, uint32_t sid)
{
	struct sim_waiter *w = container_of(waiter, struct sim_waiter, waiter);

	w->done = true;
	w->code = code;
	w->sid = sid;
	snprintf(w->text, sizeof(w->text), "%s", text);
}

static void waiter_init(struct sim_waiter *w)
{
	memset(w, 0, sizeof(*w));
	list_init(&w->waiter.link);
	w->waiter.done = on_done;
}

static void nothing(uv_timer_t *t)
{
	(void)t;
}

void sim_settle(void)
{
	uv_timer_t quiet;
	uint64_t slept;

	/* The loop sleeps at most QUIET_MS at a time: a round in which it did is a quiet one. */
	uv_timer_init(&sim.loop, &quiet);
	do {
		slept = uv_metrics_idle_time(&sim.loop);
		/* Again and again: the first may be over before the loop gets to sleep. */
		uv_timer_start(&quiet, nothing, QUIET_MS, QUIET_MS);
		uv_run(&sim.loop, UV_RUN_ONCE);
		slept = uv_metrics_idle_time(&sim.loop) - slept;
		/* Work in the pool and in threads is under way while the loop sleeps. */
	} while (slept < QUIET_MS * 900000ull || sim.loop.active_reqs.count || threads_running);
	uv_close((uv_handle_t *)&quiet, NULL);
	uv_run(&sim.loop, UV_RUN_NOWAIT);
}

void sim_run_until(const bool *done)
{
	for (int i = 0; i < STEPS_MAX; i++) {
		sim_settle();
		if (*done)
			return;
		ck_assert_msg(fake_clock_step(), "it waits for nothing");
	}
	ck_abort_msg("it never ends");
}

void sim_begin_login(struct iscsi_node *n, struct sim_waiter *w)
{
	waiter_init(w);
	ck_assert_ptr_nonnull(session_login(&sim.initiator, n, &w->waiter));
}

int sim_login(struct iscsi_node *n, struct sim_waiter *w)
{
	sim_begin_login(n, w);
	sim_run_until(&w->done);
	sim_settle();
	return w->code;
}

void sim_begin_logout_of(struct session *s, struct sim_waiter *w)
{
	waiter_init(w);
	ck_assert_ptr_nonnull(s);
	session_logout(s, &w->waiter);
}

void sim_begin_logout(uint32_t sid, struct sim_waiter *w)
{
	sim_begin_logout_of(initiator_find_sid(&sim.initiator, sid), w);
}

int sim_logout(uint32_t sid, struct sim_waiter *w)
{
	sim_begin_logout(sid, w);
	sim_run_until(&w->done);
	sim_settle();
	return w->code;
}

int sim_main(Suite *suite)
{
	SRunner *r = srunner_create(suite);
	int failed;

	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
