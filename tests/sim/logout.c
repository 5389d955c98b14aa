/* SPDX-License-Identifier: MIT */
/* logout.c - logout when nothing, or something, goes wrong */
#include <string.h>

#include "err.h"
#include "sim.h"

static struct sim_waiter w, w2;

static void log_in(void)
{
	ck_assert_int_eq(sim_login(sim_node(0), &w), ISCSI_OK);
}

static void assert_nothing_left(void)
{
	ck_assert_uint_eq(fake_kernel.sessions, 0);
	ck_assert(list_empty(&sim.initiator.sessions));
}

START_TEST(in_order)
{
	log_in();
	ck_assert_int_eq(sim_logout(w.sid, &w), ISCSI_OK);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_UNBIND], 1);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SEND], 1);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_DESTROY], 1);
	assert_nothing_left();
}
END_TEST

START_TEST(twice_at_once)
{
	log_in();
	sim_begin_logout(w.sid, &w2);
	ck_assert_int_eq(sim_logout(w.sid, &w), ISCSI_OK);
	ck_assert(w2.done);
	ck_assert_int_eq(w2.code, ISCSI_OK);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_DESTROY], 1);
	assert_nothing_left();
}
END_TEST

START_TEST(connection_lost_before)
{
	log_in();
	sim.target.answer = ANSWER_CLOSE;
	fake_kernel_conn_error(w.sid, 1020);
	sim_settle();
	ck_assert_str_eq(session_internal_state(initiator_find_sid(&sim.initiator, w.sid)), "REOPEN");
	ck_assert_int_eq(sim_logout(w.sid, &w), ISCSI_OK);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SEND], 0);
	assert_nothing_left();
}
END_TEST

/* A step that fails, or whose event never comes, holds nothing up for ever. */
START_TEST(step_fails)
{
	log_in();
	fake_kernel.fail[_i] = -ENOTCONN;
	ck_assert_int_eq(sim_logout(w.sid, &w), ISCSI_OK);
	assert_nothing_left();
}
END_TEST

START_TEST(step_is_mute)
{
	log_in();
	fake_kernel.mute[_i] = true;
	ck_assert_int_eq(sim_logout(w.sid, &w), ISCSI_OK);
	assert_nothing_left();
}
END_TEST

START_TEST(destroy_fails)
{
	uint32_t sid;

	log_in();
	sid = w.sid;
	fake_kernel.fail[FAKE_DESTROY] = -EBUSY;
	ck_assert_int_eq(sim_logout(sid, &w), ISCSI_ERR_INTERNAL);
	ck_assert_uint_eq(fake_kernel.sessions, 1);
	/* It can be tried again. */
	fake_kernel.fail[FAKE_DESTROY] = 0;
	ck_assert_int_eq(sim_logout(sid, &w), ISCSI_OK);
	assert_nothing_left();
}
END_TEST

START_TEST(destroy_is_mute)
{
	log_in();
	fake_kernel.mute[FAKE_DESTROY] = true;
	ck_assert_int_eq(sim_logout(w.sid, &w), ISCSI_ERR_LOGOUT);
	fake_kernel_destroy(1);
	sim_settle();
	assert_nothing_left();
}
END_TEST

START_TEST(destroyed_by_another)
{
	log_in();
	fake_kernel_destroy(w.sid);
	sim_settle();
	assert_nothing_left();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("logout");
	TCase *c = tcase_create("logout");

	tcase_add_checked_fixture(c, sim_setup, sim_teardown);
	tcase_add_test(c, in_order);
	tcase_add_test(c, twice_at_once);
	tcase_add_test(c, connection_lost_before);
	tcase_add_loop_test(c, step_fails, FAKE_UNBIND, FAKE_DESTROY);
	tcase_add_loop_test(c, step_is_mute, FAKE_UNBIND, FAKE_DESTROY);
	tcase_add_test(c, destroy_fails);
	tcase_add_test(c, destroy_is_mute);
	tcase_add_test(c, destroyed_by_another);
	suite_add_tcase(s, c);
	return sim_main(s);
}
