/* SPDX-License-Identifier: MIT */
/* login.c - first logins: what is tried again and how long, what is final, what is left behind */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "sim.h"

static struct sim_waiter w, w2;

static void assert_nothing_left(void)
{
	ck_assert_uint_eq(fake_kernel.sessions, 0);
	ck_assert(list_empty(&sim.initiator.sessions));
}

static uint64_t seconds(void)
{
	return clock_now(&sim.loop) / 1000;
}

START_TEST(accepted)
{
	ck_assert_int_eq(sim_login(sim_node(8), &w), ISCSI_OK);
	ck_assert_uint_eq(w.sid, 1);
	ck_assert_str_eq(w.text, "");
	ck_assert_uint_eq(fake_kernel.sessions, 1);
	ck_assert_uint_eq(sim.target.logins, 1);
	ck_assert_str_eq(session_connection_state(initiator_find_sid(&sim.initiator, 1)),
		"LOGGED IN");
}
END_TEST

static const char *param(int number)
{
	for (unsigned int i = 0; i < fake_kernel.last_params.n; i++)
		if (fake_kernel.last_params.items[i].number == number)
			return fake_kernel.last_params.items[i].value;
	return NULL;
}

START_TEST(kernel_is_told_everything)
{
	struct iscsi_node *n = sim_node(0);

	iscsi_node_set(n, "node.session.auth.username", "me");
	iscsi_node_set(n, "node.session.timeo.replacement_timeout", "-7");
	iscsi_node_set(n, "node.conn[0].timeo.noop_out_interval", "0");
	ck_assert_int_eq(sim_login(n, &w), ISCSI_OK);
	ck_assert_str_eq(param(PARAM_TARGET_NAME), SIM_TARGET);
	ck_assert_str_eq(param(PARAM_INITIATOR_NAME), "iqn.2026-11.example:host");
	ck_assert_str_eq(param(PARAM_PERSISTENT_ADDRESS), "127.0.0.1");
	ck_assert_str_eq(param(PARAM_IFACE_NAME), "default");
	ck_assert_str_eq(param(PARAM_TPGT), "1");
	ck_assert_str_eq(param(PARAM_EXP_STATSN), "1");
	ck_assert_str_eq(param(PARAM_MAX_XMIT_DLENGTH), "8192");
	ck_assert_str_eq(param(PARAM_SESS_RECOVERY_TMO), "-1");
	ck_assert_str_eq(param(PARAM_RECV_TMO), "5");
	ck_assert_str_eq(param(PARAM_USERNAME), "me");
	ck_assert_ptr_null(param(PARAM_PASSWORD));
}
END_TEST

/* Answers of the target: which code they become, and whether one attempt is all. */
static const struct {
	enum fake_answer answer;
	uint8_t status_class, detail;
	int code;
	bool final;
} answers[] = {
	{ANSWER_STATUS, 2, 0x00, ISCSI_ERR_FATAL_LOGIN, true},
	{ANSWER_STATUS, 2, 0x01, ISCSI_ERR_LOGIN_AUTH_FAILED, true},
	{ANSWER_STATUS, 2, 0x02, ISCSI_ERR_LOGIN_AUTH_FAILED, true},
	{ANSWER_STATUS, 2, 0x03, ISCSI_ERR_FATAL_LOGIN, true},
	{ANSWER_STATUS, 2, 0x0b, ISCSI_ERR_FATAL_LOGIN, true},
	{ANSWER_STATUS, 3, 0x00, ISCSI_ERR_TRANS_TIMEOUT, false},
	{ANSWER_STATUS, 3, 0x02, ISCSI_ERR_TRANS_TIMEOUT, false},
	{ANSWER_STATUS, 9, 0x00, ISCSI_ERR_FATAL_LOGIN, true},
	{ANSWER_SILENCE, 0, 0, ISCSI_ERR_PDU_TIMEOUT, false},
	{ANSWER_HALF, 0, 0, ISCSI_ERR_PDU_TIMEOUT, false},
	{ANSWER_CLOSE, 0, 0, ISCSI_ERR_PDU_TIMEOUT, false},
	{ANSWER_GARBAGE, 0, 0, ISCSI_ERR_FATAL_LOGIN, true},
};

static void set_answer(int i)
{
	sim.target.answer = answers[i].answer;
	sim.target.status_class = answers[i].status_class;
	sim.target.detail = answers[i].detail;
}

START_TEST(refused_without_retries)
{
	uint64_t began = seconds();

	set_answer(_i);
	ck_assert_int_eq(sim_login(sim_node(0), &w), answers[_i].code);
	ck_assert_uint_eq(sim.target.logins, 1);
	ck_assert_uint_le(seconds() - began, 15);
	ck_assert_ptr_nonnull(strstr(w.text, "127.0.0.1"));
	assert_nothing_left();
}
END_TEST

START_TEST(refused_with_retries)
{
	uint64_t began = seconds();

	set_answer(_i);
	ck_assert_int_eq(sim_login(sim_node(2), &w), answers[_i].code);
	if (answers[_i].final) {
		ck_assert_uint_eq(sim.target.logins, 1);
		ck_assert_uint_eq(seconds(), began);
	} else {
		/* The window of 2 x 15 s is used up, and one attempt may go beyond it. */
		ck_assert_uint_gt(sim.target.logins, 1);
		ck_assert_uint_ge(seconds() - began, 30);
		ck_assert_uint_le(seconds() - began, 45);
	}
	assert_nothing_left();
}
END_TEST

START_TEST(works_at_the_third_attempt)
{
	sim.target.answer = ANSWER_CLOSE;
	sim.target.fail_first = 2;
	ck_assert_int_eq(sim_login(sim_node(8), &w), ISCSI_OK);
	ck_assert_uint_eq(sim.target.logins, 3);
}
END_TEST

START_TEST(closed_port)
{
	struct iscsi_node *n = sim_node(0);

	iscsi_node_set(n, "node.conn[0].port", "1");
	ck_assert_int_eq(sim_login(n, &w), ISCSI_ERR_TRANS_TIMEOUT);
	assert_nothing_left();
}
END_TEST

START_TEST(redirect_is_followed)
{
	static struct fake_target other;

	fake_target_open(&other, &sim.loop);
	sim.target.answer = ANSWER_REDIRECT;
	snprintf(sim.target.redirect, sizeof(sim.target.redirect), "127.0.0.1:%d,1", other.port);
	ck_assert_int_eq(sim_login(sim_node(0), &w), ISCSI_OK);
	ck_assert_uint_eq(other.logins, 1);
	/* The record's portal is what by-path and every caller goes by. */
	ck_assert_int_eq(atoi(param(PARAM_PERSISTENT_PORT)), sim.target.port);
	fake_target_close(&other);
}
END_TEST

START_TEST(redirect_loop_ends)
{
	sim.target.answer = ANSWER_REDIRECT;
	snprintf(sim.target.redirect, sizeof(sim.target.redirect), "127.0.0.1:%d", sim.target.port);
	ck_assert_int_eq(sim_login(sim_node(0), &w), ISCSI_ERR_TRANS_TIMEOUT);
	ck_assert_uint_le(sim.target.logins, 10);
	assert_nothing_left();
}
END_TEST

START_TEST(kernel_refuses)
{
	fake_kernel.fail[FAKE_HAND_OVER] = -ENOMEM;
	ck_assert_int_eq(sim_login(sim_node(8), &w), ISCSI_ERR_INTERNAL);
	assert_nothing_left();
}
END_TEST

START_TEST(no_name_for_the_host)
{
	struct iscsi_node *n = sim_node(0);

	iscsi_node_set(n, "node.conn[0].address", "no-such-host.invalid");
	ck_assert_int_eq(sim_login(n, &w), ISCSI_ERR_TRANS);
	assert_nothing_left();
}
END_TEST

static unsigned int look_ups;

static enum fake_fault fail_two_look_ups(enum fake_point point)
{
	return point == FAKE_POINT_RESOLVE && look_ups++ < 2 ? FAKE_FAILS : FAKE_WORKS;
}

START_TEST(name_server_comes_back)
{
	struct iscsi_node *n = sim_node(_i ? 8 : 0);

	fake_addresses = 1;
	fake_plan = fail_two_look_ups;
	iscsi_node_set(n, "node.conn[0].address", "disk.example");
	ck_assert_int_eq(sim_login(n, &w), _i ? ISCSI_OK : ISCSI_ERR_TRANS);
	ck_assert_uint_eq(look_ups, _i ? 3 : 1);
}
END_TEST

START_TEST(silent_target_delays_nobody)
{
	static struct fake_target other;
	struct iscsi_node *n = sim_node(8);
	char port[16];
	uint64_t began = seconds();

	fake_target_open(&other, &sim.loop);
	sim.target.answer = ANSWER_SILENCE;
	sim_begin_login(sim_node(8), &w);
	snprintf(port, sizeof(port), "%d", other.port);
	iscsi_node_set(n, "node.conn[0].port", port);
	ck_assert_int_eq(sim_login(n, &w2), ISCSI_OK);
	ck_assert_uint_eq(seconds(), began);
	ck_assert(!w.done);
	sim_run_until(&w.done);
	ck_assert_int_eq(w.code, ISCSI_ERR_PDU_TIMEOUT);
	fake_target_close(&other);
}
END_TEST

START_TEST(isids_differ_and_return)
{
	uint8_t first[6];
	struct session *a, *b;

	ck_assert_int_eq(sim_login(sim_node(0), &w), ISCSI_OK);
	ck_assert_int_eq(sim_login(sim_node(0), &w2), ISCSI_OK);
	a = initiator_find_sid(&sim.initiator, w.sid);
	b = initiator_find_sid(&sim.initiator, w2.sid);
	ck_assert_int_ne(memcmp(a->isid, b->isid, 6), 0);
	memcpy(first, a->isid, 6);
	/* The first goes, the second stays: the next login gets the first one's again. */
	ck_assert_int_eq(sim_logout(w.sid, &w), ISCSI_OK);
	ck_assert_int_eq(sim_login(sim_node(0), &w), ISCSI_OK);
	a = initiator_find_sid(&sim.initiator, w.sid);
	ck_assert_int_eq(memcmp(a->isid, first, 6), 0);
}
END_TEST

/* More scans that hang than the pool has threads: other logins, and names, go on. */
START_TEST(hung_scans_delay_nobody)
{
	enum { HUNG = 80 };
	static struct sim_waiter hung[HUNG];
	struct iscsi_node *n;
	char path[128];
	int fds[HUNG + 1], n_fds = 0;
	struct session *s;

	fake_kernel.scan_hangs = true;
	for (int i = 0; i < HUNG; i++) {
		n = sim_node(0);
		iscsi_node_set(n, "node.session.nr_sessions", "100");
		sim_begin_login(n, &hung[i]);
	}
	while (fake_kernel.sessions < HUNG)
		uv_run(&sim.loop, UV_RUN_ONCE);
	fake_kernel.scan_hangs = false;
	n = sim_node(0);
	iscsi_node_set(n, "node.conn[0].address", "localhost");
	sim_begin_login(n, &w);
	while (!w.done)
		uv_run(&sim.loop, UV_RUN_ONCE);
	ck_assert_int_eq(w.code, ISCSI_OK);
	/* A reader comes: they end. */
	list_for_each(s, &sim.initiator.sessions, link) {
		snprintf(path, sizeof(path), "%s/sys/class/scsi_host/host%d/scan", sim.root, s->host);
		fds[n_fds] = open(path, O_RDONLY | O_NONBLOCK);
		ck_assert_int_ge(fds[n_fds++], 0);
	}
	for (int i = 0; i < HUNG; i++)
		ck_assert(!hung[i].done);
	sim_settle();
	for (int i = 0; i < HUNG; i++) {
		ck_assert(hung[i].done);
		ck_assert_int_eq(hung[i].code, ISCSI_OK);
	}
	while (n_fds)
		close(fds[--n_fds]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login");
	TCase *c = tcase_create("login");
	int n = sizeof(answers) / sizeof(answers[0]);

	tcase_add_checked_fixture(c, sim_setup, sim_teardown);
	tcase_add_test(c, accepted);
	tcase_add_test(c, kernel_is_told_everything);
	tcase_add_loop_test(c, refused_without_retries, 0, n);
	tcase_add_loop_test(c, refused_with_retries, 0, n);
	tcase_add_test(c, works_at_the_third_attempt);
	tcase_add_test(c, closed_port);
	tcase_add_test(c, redirect_is_followed);
	tcase_add_test(c, redirect_loop_ends);
	tcase_add_test(c, kernel_refuses);
	tcase_add_test(c, no_name_for_the_host);
	tcase_add_loop_test(c, name_server_comes_back, 0, 2);
	tcase_add_test(c, silent_target_delays_nobody);
	tcase_add_test(c, isids_differ_and_return);
	tcase_add_test(c, hung_scans_delay_nobody);
	suite_add_tcase(s, c);
	return sim_main(s);
}
