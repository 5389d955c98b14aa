/* SPDX-License-Identifier: MIT */
/* recovery.c - lost connections, what targets announce, and sessions found at start */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backoff.h"
#include "bhs.h"
#include "err.h"
#include "file.h"
#include "sim.h"

static struct sim_waiter w, w2;
static struct session *s;

static void log_in_with(const char *key, const char *value)
{
	struct iscsi_node *n = sim_node(0);

	iscsi_node_set(n, key, value);
	ck_assert_int_eq(sim_login(n, &w), ISCSI_OK);
	s = initiator_find_sid(&sim.initiator, w.sid);
}

static void log_in(void)
{
	log_in_with("node.session.reopen_max", "0");
}

static bool is_up(void)
{
	return !strcmp(session_internal_state(s), "NO CHANGE") &&
	       !strcmp(session_connection_state(s), "LOGGED IN");
}

/* Lets time pass until it is up; the seconds that took. */
static uint64_t wait_up(void)
{
	uint64_t began = clock_now(&sim.loop);

	for (int i = 0; i < 500; i++) {
		sim_settle();
		if (is_up())
			return (clock_now(&sim.loop) - began) / 1000;
		ck_assert(fake_clock_step());
	}
	ck_abort_msg("it does not come back");
}

static void lose(void)
{
	fake_kernel_conn_error(s->sid, 1020);
	sim_settle();
	ck_assert(!is_up());
}

static void log_out(void)
{
	ck_assert_int_eq(sim_logout(s->sid, &w), ISCSI_OK);
	ck_assert_uint_eq(fake_kernel.sessions, 0);
	ck_assert(list_empty(&sim.initiator.sessions));
}

START_TEST(comes_back)
{
	uint8_t isid[6];

	log_in();
	memcpy(isid, sim.target.isid, 6);
	fake_target_drop(&sim.target);
	sim_settle();
	ck_assert_str_eq(session_internal_state(s), "REOPEN");
	/* Time2Wait of 2 s first. */
	ck_assert_uint_eq(wait_up(), 2);
	ck_assert_uint_eq(sim.target.logins, 2);
	ck_assert_int_eq(memcmp(sim.target.isid, isid, 6), 0);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_HAND_OVER], 1);
	ck_assert_uint_eq(fake_kernel.sessions, 1);
	log_out();
	ck_assert_uint_eq(fake_kernel.calls[FAKE_UNBIND], 1);
}
END_TEST

static const struct {
	enum fake_answer answer;
	uint8_t status_class, detail;
} refusals[] = {
	{ANSWER_CLOSE, 0, 0},
	{ANSWER_SILENCE, 0, 0},
	{ANSWER_GARBAGE, 0, 0},
	{ANSWER_HALF, 0, 0},
	{ANSWER_STATUS, 2, 1},
	{ANSWER_STATUS, 2, 3},
	{ANSWER_STATUS, 3, 1},
};

/* Whatever a target says during recovery, one day it may say something else. */
START_TEST(refused_then_granted)
{
	log_in();
	sim.target.answer = refusals[_i].answer;
	sim.target.status_class = refusals[_i].status_class;
	sim.target.detail = refusals[_i].detail;
	sim.target.fail_first = 4; /* and three of these */
	lose();
	wait_up();
	ck_assert_uint_eq(sim.target.logins, 5);
	log_out();
}
END_TEST

START_TEST(kernel_refuses_a_step)
{
	log_in();
	fake_kernel.fail[_i] = -ENOTCONN;
	fake_kernel.fail_only[_i] = 2;
	lose();
	wait_up();
	log_out();
}
END_TEST

START_TEST(reopen_max)
{
	log_in_with("node.session.reopen_max", "2");
	sim.target.answer = ANSWER_CLOSE;
	lose();
	for (int i = 0; i < 100 && fake_kernel.sessions; i++) {
		sim_settle();
		fake_clock_step();
	}
	sim_settle();
	ck_assert_uint_eq(sim.target.logins, 1 + 3);
	ck_assert_uint_eq(fake_kernel.sessions, 0);
	ck_assert(list_empty(&sim.initiator.sessions));
}
END_TEST

START_TEST(redirects)
{
	static struct fake_target other;

	log_in();
	fake_target_open(&other, &sim.loop);
	sim.target.answer = ANSWER_REDIRECT;
	sim.target.redirect_permanent = _i;
	snprintf(sim.target.redirect, sizeof(sim.target.redirect), "127.0.0.1:%d,1", other.port);
	lose();
	wait_up();
	ck_assert_uint_eq(other.logins, 1);
	lose();
	wait_up();
	ck_assert_uint_eq(other.logins, 2);
	/* After a temporary one the record's portal is asked again. */
	ck_assert_uint_eq(sim.target.logins, _i ? 2 : 3);
	fake_target_close(&other);
	sim_settle();
	sim.target.answer = ANSWER_ACCEPT;
	lose();
	/* Where it was sent for good is gone: the record's portal is good enough. */
	wait_up();
	log_out();
}
END_TEST

static void async(uint8_t event, uint16_t parameter2, uint16_t parameter3)
{
	uint8_t bhs[BHS_LEN] = {OP_ASYNC, 0x80};

	bhs[36] = event;
	be16_put(bhs + 40, parameter2);
	be16_put(bhs + 42, parameter3);
	fake_kernel_pdu(s->sid, bhs);
	sim_settle();
}

START_TEST(target_asks_for_a_logout)
{
	log_in();
	fake_kernel.mute[FAKE_SEND] = _i;
	async(_i ? ASYNC_NEGOTIATION_REQUEST : ASYNC_LOGOUT_REQUEST, 0, 3);
	ck_assert(!is_up());
	wait_up();
	ck_assert_uint_eq(sim.target.logins, 2);
	fake_kernel.mute[FAKE_SEND] = false;
	log_out();
}
END_TEST

START_TEST(time2wait_of_the_target)
{
	log_in();
	async(ASYNC_CONNECTION_DROPPED, 17, 30);
	ck_assert(is_up());
	lose();
	ck_assert_uint_eq(wait_up(), 17);
	log_out();
}
END_TEST

START_TEST(logout_while_it_waits)
{
	log_in();
	sim.target.answer = ANSWER_SILENCE;
	lose();
	if (_i) /* or reconnects */
		ck_assert(fake_clock_step());
	sim_settle();
	log_out();
}
END_TEST

START_TEST(logout_of_a_login)
{
	sim.target.answer = _i ? ANSWER_SILENCE : ANSWER_CLOSE;
	sim_begin_login(sim_node(8), &w);
	sim_settle();
	s = list_first(&sim.initiator.sessions, struct session, link);
	memset(&w2, 0, sizeof(w2));
	sim_begin_logout_of(s, &w2);
	sim_settle();
	ck_assert(w.done);
	ck_assert_int_ne(w.code, ISCSI_OK);
	ck_assert(w2.done);
	ck_assert_int_eq(w2.code, ISCSI_OK);
	ck_assert(list_empty(&sim.initiator.sessions));
}
END_TEST

static bool is_session_up(const struct session *of)
{
	return !strcmp(session_internal_state(of), "NO CHANGE");
}

/* While no I/O waits the pauses are long, and differ: one that gets through calls the others. */
START_TEST(portal_is_back)
{
	struct iscsi_node *n = sim_node(0);
	struct session *other;
	uint64_t began;

	iscsi_node_set(n, "node.name", "iqn.2024-01.org.example:other");
	iscsi_node_set(n, "node.session.timeo.replacement_timeout", "0");
	ck_assert_int_eq(sim_login(n, &w2), ISCSI_OK);
	other = initiator_find_sid(&sim.initiator, w2.sid);
	log_in_with("node.session.timeo.replacement_timeout", "0");
	fake_target_close(&sim.target);
	sim_settle();
	ck_assert(!is_session_up(s) && !is_session_up(other));
	began = clock_now(&sim.loop);
	while (clock_now(&sim.loop) < began + 300000) {
		ck_assert(fake_clock_step());
		sim_settle();
	}
	fake_target_open(&sim.target, &sim.loop);
	while (!is_session_up(s) && !is_session_up(other)) {
		ck_assert(fake_clock_step());
		sim_settle();
	}
	began = clock_now(&sim.loop);
	while (!is_session_up(s) || !is_session_up(other)) {
		ck_assert(fake_clock_step());
		sim_settle();
	}
	ck_assert_uint_le(clock_now(&sim.loop) - began, 100);
	ck_assert_int_eq(sim_logout(w2.sid, &w2), ISCSI_OK);
	log_out();
}
END_TEST

START_TEST(delays)
{
	struct backoff b = {1, true, false, 7};
	uint64_t last = 0;

	for (b.failures = 1; b.failures < 100; b.failures++)
		ck_assert_uint_le(backoff_delay(&b), 2000);
	b.failures = 1;
	ck_assert_uint_le(backoff_delay(&b), 500);
	ck_assert_uint_ge(backoff_delay(&b), 400);
	b.io_waits = false;
	for (b.failures = 1; b.failures < 8; b.failures++) {
		ck_assert_uint_gt(backoff_delay(&b), last);
		last = backoff_delay(&b);
	}
	b.failures = 1;
	b.refused = true;
	ck_assert_uint_ge(backoff_delay(&b), 48000);
	/* the default replacement timeout, 120 s, has room for several */
	b.io_waits = true;
	ck_assert_uint_ge(backoff_delay(&b), 12000);
	ck_assert_uint_le(backoff_delay(&b), 15000);
}
END_TEST

START_TEST(events_lost)
{
	log_in();
	fake_kernel.deaf = true;
	fake_kernel_conn_error(s->sid, 1020);
	sim_settle();
	ck_assert(is_up());
	fake_kernel.deaf = false;
	fake_kernel_lose();
	sim_settle();
	ck_assert(!is_up());
	wait_up();
	log_out();
}
END_TEST

/* What is in sysfs when the daemon starts, and what comes of it. */
static const struct {
	const char *state, *conn_state, *target_state;
	int nop_fails; /* errno of the probe */
	bool stays;
	unsigned int logins;
} found[] = {
	{"LOGGED_IN", "up", "SCANNED", 0, true, 0},
	{"LOGGED_IN", "up", "SCANNED", ENOTCONN, true, 1},
	{"LOGGED_IN", "up", "SCANNED", EPERM, true, 1},
	{"LOGGED_IN", "up", "UNBOUND", 0, false, 0},
	{"LOGGED_IN", "up", "UNBOUND", EPERM, false, 0},
	{"FAILED", "failed", "SCANNED", 0, true, 1},
	{"FREE", "failed", "SCANNED", 0, true, 1},
	{"FAILED", "bound", "SCANNED", 0, true, 1},
	{"FREE", "bound", "ALLOCATED", 0, false, 0},
	{"LOGGED_IN", "down", "SCANNED", 0, false, 0},
	{"FREE", "down", "ALLOCATED", 0, false, 0},
};

static const char open_iscsi_isid[] = {0, 2, 0x3d, 0, 0, 7};

START_TEST(found_at_start)
{
	fake_kernel_preset(sim.root, 7, SIM_TARGET, "127.0.0.1", sim.target.port, found[_i].state,
		found[_i].conn_state, found[_i].target_state);
	fake_kernel.fail[FAKE_SEND] = -found[_i].nop_fails;
	fake_kernel.fail_only[FAKE_SEND] = 1;
	sim_start();
	s = initiator_find_sid(&sim.initiator, 7);
	ck_assert_ptr_nonnull(s);
	sim_settle();
	if (!found[_i].stays) {
		ck_assert_uint_eq(fake_kernel.sessions, 0);
		ck_assert(list_empty(&sim.initiator.sessions));
		return;
	}
	wait_up();
	ck_assert_uint_eq(sim.target.logins, found[_i].logins);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_BIND], found[_i].logins);
	if (found[_i].logins)
		ck_assert_int_eq(memcmp(sim.target.isid, open_iscsi_isid, 6), 0);
	log_out();
}
END_TEST

static void make_dirs(const char *path)
{
	int fd = open(sim.root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	ck_assert_int_eq(file_make_dirs(fd, path, 1), 0);
	close(fd);
}

/* Half a session: its maker may be at work on it, or be gone. */
START_TEST(found_with_its_maker)
{
	static const struct {
		const char *creator, *sockets;
		unsigned int stay;
	} makers[] = {
		{"4711", "8   4711       00000001", 1},
		{"-1432", "8   4294965864 00000001", 1},
		{"4711", "8   4712       00000001", 0}, /* another address */
		{"4711", "0   4711       00000001", 0}, /* of another protocol */
		{"-1", "8   4294967295 00000001", 0},	/* made by the kernel */
	};
	char line[128];

	fake_kernel_preset(sim.root, 7, SIM_TARGET, "127.0.0.1", sim.target.port, "FREE", "bound",
		"ALLOCATED");
	sim_put("sys/class/iscsi_session/session7/creator", makers[_i].creator);
	make_dirs("proc/net");
	snprintf(line, sizeof(line), "sk               Eth Pid        Groups\n0000000000000000 %s\n",
		makers[_i].sockets);
	sim_put("proc/net/netlink", line);
	sim_start();
	sim_settle();
	ck_assert_uint_eq(fake_kernel.sessions, makers[_i].stay);
}
END_TEST

/* ISIDs of sessions that went while no daemon was there. */
START_TEST(old_isids_go)
{
	char path[160];

	fake_kernel_preset(sim.root, 7, SIM_TARGET, "127.0.0.1", sim.target.port, "LOGGED_IN", "up",
		"SCANNED");
	make_dirs("run/iscsi/isid");
	sim_put("run/iscsi/isid/7", "80123456789a");
	sim_put("run/iscsi/isid/6", "80123456789b");
	sim_put("run/iscsi/isid/.new-8", "8012");
	sim_start();
	sim_settle();
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"7", "6", ".new-8"};

		snprintf(path, sizeof(path), "%s/run/iscsi/isid/%s", sim.root, names[i]);
		ck_assert_int_eq(access(path, F_OK), i ? -1 : 0);
	}
	s = initiator_find_sid(&sim.initiator, 7);
	ck_assert_uint_eq(s->isid[5], 0x9a);
	log_out();
}
END_TEST

/* The one answer that never comes: kernel pings decide, and here there are none. */
START_TEST(probe_without_an_answer)
{
	fake_kernel_preset(sim.root, 7, SIM_TARGET, "127.0.0.1", sim.target.port, "LOGGED_IN", "up",
		"SCANNED");
	fake_kernel.mute[FAKE_SEND] = true;
	sim_start();
	s = initiator_find_sid(&sim.initiator, 7);
	sim_settle();
	while (!sim.target.logins) {
		ck_assert(fake_clock_step());
		sim_settle();
	}
	fake_kernel.mute[FAKE_SEND] = false;
	wait_up();
	log_out();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("recovery");
	TCase *c = tcase_create("recovery"), *before = tcase_create("start");

	tcase_add_checked_fixture(c, sim_setup, sim_teardown);
	tcase_add_checked_fixture(before, sim_setup_root, sim_teardown);
	tcase_add_test(c, comes_back);
	tcase_add_loop_test(c, refused_then_granted, 0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_loop_test(c, kernel_refuses_a_step, FAKE_STOP, FAKE_START + 1);
	tcase_add_loop_test(c, kernel_refuses_a_step, FAKE_SEND, FAKE_SEND + 1);
	tcase_add_test(c, reopen_max);
	tcase_add_loop_test(c, redirects, 0, 2);
	tcase_add_loop_test(c, target_asks_for_a_logout, 0, 2);
	tcase_add_test(c, time2wait_of_the_target);
	tcase_add_loop_test(c, logout_while_it_waits, 0, 2);
	tcase_add_loop_test(c, logout_of_a_login, 0, 2);
	tcase_add_test(c, portal_is_back);
	tcase_add_test(c, delays);
	tcase_add_test(c, events_lost);
	tcase_add_loop_test(before, found_at_start, 0, sizeof(found) / sizeof(found[0]));
	tcase_add_loop_test(before, found_with_its_maker, 0, 5);
	tcase_add_test(before, old_isids_go);
	tcase_add_test(before, probe_without_an_answer);
	suite_add_tcase(suite, c);
	suite_add_tcase(suite, before);
	return sim_main(suite);
}
