/* SPDX-License-Identifier: MIT */
/* Both roles of the login, back to back. */
#include "login-pair.h"

START_TEST(plain)
{
	const struct login_target_result *t = login_target_result(target);
	const struct login_result *i = login_result(initiator);

	config.initiator_alias = "a\thost";
	world.settings.alias = "a disk";
	ck_assert_int_eq(run(), LOGIN_DONE);
	ck_assert_int_eq(target_verdict, LOGIN_TARGET_DONE);
	ck_assert_int_eq(rounds, 1);
	ck_assert_str_eq(t->initiator_name, INITIATOR);
	ck_assert_str_eq(t->target_name, TARGET);
	ck_assert_str_eq(t->initiator_alias, "a\\x09host");
	ck_assert_str_eq(t->username, "");
	ck_assert(!t->discovery);
	ck_assert_mem_eq(t->isid, config.isid, BHS_ISID_LEN);
	ck_assert_uint_eq(t->tsih, 0x1234);
	ck_assert_uint_eq(t->cmdsn, 5);
	ck_assert_uint_eq(t->statsn, 78);
	ck_assert_str_eq(login_target_reason(target), "");
	ck_assert_uint_eq(i->tsih, 0x1234);
	ck_assert_uint_eq(i->exp_statsn, 78);
	ck_assert_int_eq(i->tpgt, 1);
	ck_assert_str_eq(i->target_alias, "a disk");
	ck_assert_uint_eq(bhs_exp_cmdsn(login_target_response(target)->bhs), 5);
	ck_assert_uint_eq(bhs_max_cmdsn(login_target_response(target)->bhs), 5 + 127);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login-both");
	TCase *t = tcase_create("login-both");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, plain);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
