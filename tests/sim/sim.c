/* SPDX-License-Identifier: MIT */
#include "sim.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "str.h"
#include "thread.h"

#define STEPS_MAX 10000 /* timers fired before a test counts as hanging */

struct sim sim;

void sim_put(const char *path, const char *text)
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

static char kept_root[sizeof(sim.root)];

static void make_root(void)
{
	/* In memory, where that can be: what is written is synced. */
	snprintf(sim.root, sizeof(sim.root), "%s/sim.XXXXXX",
		access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	ck_assert_ptr_nonnull(mkdtemp(sim.root));
	make_dir("etc");
	make_dir("etc/iscsi");
	make_dir("run");
	make_dir("sys");
	sim_put("etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.2026-11.example:host\n");
}

void sim_keep_root(bool keep)
{
	if (!keep) {
		fake_remove_tree(kept_root);
		kept_root[0] = '\0';
		return;
	}
	make_root();
	memcpy(kept_root, sim.root, sizeof(kept_root));
}

void sim_setup_root(void)
{
	signal(SIGPIPE, SIG_IGN);
	memset(&sim, 0, sizeof(sim));
	memset(&fake_kernel, 0, sizeof(fake_kernel));
	log_open("sim", LOG_TO_STDERR);
	log_set_debug(getenv("SIM_DEBUG") ? 8 : 0);
	if (kept_root[0])
		memcpy(sim.root, kept_root, sizeof(sim.root));
	else
		make_root();
	uv_loop_init(&sim.loop);
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
	ck_assert_uint_eq(fake_kernel.abuses, 0);
	ck_assert_uint_eq(machine_faults, 0);
	initiator_close(&sim.initiator);
	iscsi_db_close(sim.db);
	fake_target_close(&sim.target);
	uv_run(&sim.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&sim.loop), 0);
	if (!kept_root[0])
		fake_remove_tree(sim.root);
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

static bool is_moving(void)
{
	struct pollfd p = {.fd = uv_backend_fd(&sim.loop), .events = POLLIN};

	return (uv_loop_alive(&sim.loop) && !uv_backend_timeout(&sim.loop)) || poll(&p, 1, 0) > 0;
}

void sim_settle(void)
{
	/* What the last round has started to watch is looked at in the next one. */
	for (int quiet = 0; quiet < 2; quiet = is_moving() ? 0 : quiet + 1) {
		/* Work in the pool and in threads is under way while the loop sleeps. */
		bool sleep = !is_moving() && (sim.loop.active_reqs.count || threads_running);

		uv_run(&sim.loop, sleep ? UV_RUN_ONCE : UV_RUN_NOWAIT);
	}
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
