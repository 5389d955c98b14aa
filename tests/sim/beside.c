/* SPDX-License-Identifier: MIT */
/* beside.c - sessions beside one whose target is silent, or whose scan hangs: they lose no time */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "sim.h"

#define OTHERS 40

static struct sim_waiter odd, others[OTHERS];
static struct fake_target silent;

static struct iscsi_node *node(int number, int port)
{
	struct iscsi_node *n = sim_node(0);
	char text[64];

	snprintf(text, sizeof(text), "iqn.2026-11.example:t%d", number);
	iscsi_node_set(n, "node.name", text);
	snprintf(text, sizeof(text), "%d", port);
	iscsi_node_set(n, "node.conn[0].port", text);
	return n;
}

static void setup(void)
{
	sim_setup();
	silent = (struct fake_target){};
	fake_target_open(&silent, &sim.loop);
}

static void teardown(void)
{
	fake_target_close(&silent);
	sim_teardown();
}

static unsigned int done(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < OTHERS; i++) {
		ck_assert_int_eq(others[i].code, ISCSI_OK);
		n += others[i].done;
	}
	return n;
}

static unsigned int up(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < OTHERS; i++) {
		const struct session *s = initiator_find_sid(&sim.initiator, others[i].sid);

		n += !strcmp(session_internal_state(s), "NO CHANGE");
	}
	return n;
}

/* All of them end without that the clock moves: nobody waits for a timer of another. */
static void end_at_once(void)
{
	uint64_t began = clock_now(&sim.loop);

	while (done() < OTHERS)
		uv_run(&sim.loop, UV_RUN_ONCE);
	ck_assert_uint_eq(clock_now(&sim.loop), began);
}

static void log_in_others(void)
{
	for (int i = 0; i < OTHERS; i++)
		sim_begin_login(node(i, sim.target.port), &others[i]);
	end_at_once();
}

static void log_out_others(void)
{
	for (int i = 0; i < OTHERS; i++)
		sim_begin_logout(others[i].sid, &others[i]);
	end_at_once();
}

/* Time2Wait, and a moment of its own for each. */
static void recover_others(void)
{
	uint64_t began = clock_now(&sim.loop);

	fake_target_drop(&sim.target);
	sim_settle();
	ck_assert_uint_eq(up(), 0);
	while (up() < OTHERS) {
		ck_assert(fake_clock_step());
		sim_settle();
	}
	ck_assert_uint_le(clock_now(&sim.loop) - began, 2000 + OTHERS + 1);
}

START_TEST(login)
{
	silent.answer = ANSWER_SILENCE;
	sim_begin_login(node(OTHERS, silent.port), &odd);
	sim_settle();
	log_in_others();
	ck_assert(!odd.done);
	sim_run_until(&odd.done);
	log_out_others();
}
END_TEST

START_TEST(recovery_and_logout)
{
	ck_assert_int_eq(sim_login(node(OTHERS, silent.port), &odd), ISCSI_OK);
	log_in_others();
	silent.answer = ANSWER_SILENCE;
	fake_target_drop(&silent);
	recover_others();
	sim_begin_logout(odd.sid, &odd);
	log_out_others();
	sim_run_until(&odd.done);
}
END_TEST

START_TEST(scan_hangs)
{
	char path[128];
	int fd;

	fake_kernel.scan_hangs = true;
	sim_begin_login(node(OTHERS, silent.port), &odd);
	while (!fake_kernel.sessions)
		uv_run(&sim.loop, UV_RUN_ONCE);
	fake_kernel.scan_hangs = false;
	log_in_others();
	log_out_others();
	ck_assert(!odd.done);
	/* A reader comes: it ends. */
	snprintf(path, sizeof(path), "%s/sys/class/scsi_host/host%d/scan", sim.root,
		list_first(&sim.initiator.sessions, struct session, link)->host);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_ge(fd, 0);
	while (!odd.done)
		uv_run(&sim.loop, UV_RUN_ONCE);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("beside");
	TCase *c = tcase_create("beside");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, login);
	tcase_add_test(c, recovery_and_logout);
	tcase_add_test(c, scan_hangs);
	suite_add_tcase(suite, c);
	return sim_main(suite);
}
