/* SPDX-License-Identifier: MIT */
/* wanted.c - automatic records that are tried again: until they are there, or not wanted any more */
#include "wanted.h"

#include <stdio.h>
#include <unistd.h>

#include "err.h"
#include "record.h"
#include "sim.h"

static struct wanted *wanted;
static struct iscsi_node *node;

/* An automatic record, stored; its target does not take logins. */
static void set_up(void)
{
	sim_setup();
	ck_assert_int_eq(wanted_open(&sim.initiator, sim.db, &wanted), 0);
	node = sim_node(0);
	iscsi_node_set(node, "node.startup", "automatic");
	iscsi_node_set(node, "node.tpgt", "1");
	ck_assert_int_eq(iscsi_db_store(sim.db, node), 0);
	sim.target.answer = ANSWER_CLOSE;
	sim.target.fail_first = UINT32_MAX;
}

static void tear_down(void)
{
	iscsi_node_free(node);
	wanted_close(wanted);
	sim_teardown();
}

/* Timers fire until the target has seen so many logins. */
static void run_to(unsigned int logins)
{
	sim_settle();
	for (int i = 0; i < 100 && sim.target.logins < logins; i++) {
		fake_clock_step();
		sim_settle();
	}
	ck_assert_uint_eq(sim.target.logins, logins);
}

/* Until the kernel has so many sessions. */
static void run_to_sessions(unsigned int n)
{
	sim_settle();
	for (int i = 0; i < 100 && fake_kernel.sessions < n; i++) {
		fake_clock_step();
		sim_settle();
	}
	ck_assert_uint_eq(fake_kernel.sessions, n);
}

static uint64_t seconds(void)
{
	return clock_now(&sim.loop) / 1000;
}

START_TEST(comes_back)
{
	uint64_t started = seconds();

	wanted_add(wanted, node);
	wanted_add(wanted, node);
	run_to(1);
	ck_assert_uint_ge(seconds() - started, 3);
	run_to(3);
	/* 3, 6 and 12 seconds apart, and the attempts */
	ck_assert_uint_ge(seconds() - started, 21);
	/* the network changes: at once, not after the next 24 seconds */
	started = seconds();
	wanted_network_changed(wanted);
	run_to(4);
	ck_assert_uint_lt(seconds() - started, 24);
	sim.target.answer = ANSWER_ACCEPT;
	run_to_sessions(1);
	while (fake_clock_step())
		sim_settle();
	ck_assert_uint_eq(fake_kernel.sessions, 1);
}
END_TEST

START_TEST(refused_for_good)
{
	sim.target.answer = ANSWER_STATUS;
	sim.target.status_class = 2;
	sim.target.detail = 1;
	wanted_add(wanted, node);
	run_to(1);
	ck_assert(!fake_clock_step());
}
END_TEST

START_TEST(not_automatic_any_more)
{
	wanted_add(wanted, node);
	run_to(1);
	iscsi_node_set(node, "node.startup", "manual");
	ck_assert_int_eq(iscsi_db_store(sim.db, node), 0);
	ck_assert(fake_clock_step());
	sim_settle();
	ck_assert_uint_eq(sim.target.logins, 1);
	ck_assert(!fake_clock_step());
}
END_TEST

/* Added while the records of a round are read: the next round has it. */
START_TEST(added_meanwhile)
{
	struct iscsi_node *other = sim_node(0);

	iscsi_node_set(other, "node.startup", "automatic");
	iscsi_node_set(other, "iface.iscsi_ifacename", "other");
	iscsi_node_set(other, "node.tpgt", "1");
	ck_assert_int_eq(iscsi_db_store(sim.db, other), 0);
	wanted_add(wanted, node);
	ck_assert(fake_clock_step());
	wanted_add(wanted, other);
	run_to(1);
	sim.target.answer = ANSWER_ACCEPT;
	run_to_sessions(2);
	iscsi_node_free(other);
}
END_TEST

START_TEST(several_sessions)
{
	iscsi_node_set(node, "node.session.nr_sessions", "3");
	ck_assert_int_eq(iscsi_db_store(sim.db, node), 0);
	sim.target.answer = ANSWER_ACCEPT;
	wanted_add(wanted, node);
	run_to_sessions(3);
	while (fake_clock_step())
		sim_settle();
	ck_assert_uint_eq(fake_kernel.sessions, 3);
}
END_TEST

/* A session that waits long for its target has another try when the network changes. */
START_TEST(recovery_is_tried)
{
	struct iscsi_node *n = sim_node(0);
	static struct sim_waiter w;
	uint64_t changed, at;

	iscsi_node_set(n, "node.session.timeo.replacement_timeout", "0");
	sim.target.answer = ANSWER_ACCEPT;
	ck_assert_int_eq(sim_login(n, &w), ISCSI_OK);
	fake_target_close(&sim.target);
	at = seconds() + 300;
	while (seconds() < at) {
		sim_settle();
		ck_assert(fake_clock_step());
	}
	sim_settle();
	fake_target_open(&sim.target, &sim.loop);
	changed = clock_now(&sim.loop);
	for (int i = 0; i < 3; i++)
		wanted_network_changed(wanted);
	while (sim.target.logins < 2) {
		ck_assert(fake_clock_step());
		sim_settle();
	}
	ck_assert_uint_le(clock_now(&sim.loop) - changed, 500);
	ck_assert_int_eq(sim_logout(w.sid, &w), ISCSI_OK);
}
END_TEST

/* What is logged in to is not wanted any more, and what is not wanted needs no file. */
static void is_reached(const char *path)
{
	sim.target.answer = ANSWER_ACCEPT;
	run_to_sessions(1);
	while (fake_clock_step())
		sim_settle();
	ck_assert_int_eq(access(path, F_OK), -1);
}

/* A daemon ends, and another one has the same records to try. */
START_TEST(outlives_the_daemon)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/run/iscsi/wanted", sim.root);
	wanted_add(wanted, node);
	run_to(1);
	for (int i = 0; i < 2; i++) {
		wanted_close(wanted);
		sim_settle();
		ck_assert_int_eq(access(path, F_OK), 0);
		ck_assert_int_eq(wanted_open(&sim.initiator, sim.db, &wanted), 0);
		run_to(2 + (unsigned int)i);
	}
	is_reached(path);
}
END_TEST

/* A line that a killed daemon did not finish, and one of somebody else's. */
START_TEST(a_damaged_file)
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "%s/run/iscsi/wanted", sim.root);
	wanted_add(wanted, node);
	run_to(1);
	wanted_close(wanted);
	sim_settle();
	f = fopen(path, "a");
	ck_assert_ptr_nonnull(f);
	fputs("iqn.2026-11.example:other ../../etc 3260 1 default\niqn.2026-11.exa", f);
	fclose(f);
	ck_assert_int_eq(wanted_open(&sim.initiator, sim.db, &wanted), 0);
	is_reached(path);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wanted");
	TCase *c = tcase_create("wanted");

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, comes_back);
	tcase_add_test(c, refused_for_good);
	tcase_add_test(c, not_automatic_any_more);
	tcase_add_test(c, added_meanwhile);
	tcase_add_test(c, several_sessions);
	tcase_add_test(c, recovery_is_tried);
	tcase_add_test(c, outlives_the_daemon);
	tcase_add_test(c, a_damaged_file);
	suite_add_tcase(s, c);
	return sim_main(s);
}
