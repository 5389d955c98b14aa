/* SPDX-License-Identifier: MIT */
/* Both roles of the login, back to back. */
#include "login-pair.h"

#include <stdio.h>

static const char *words(void)
{
	static char text[1024];

	snprintf(text, sizeof(text), "initiator %d: %s; target %d: %s", verdict,
		login_reason(initiator), target_verdict, login_target_reason(target));
	return text;
}

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

START_TEST(discovery_session)
{
	const struct login_target_result *t = login_target_result(target);

	config.target_name = NULL;
	world.settings.params.max_recv_data_segment = 65536;
	ck_assert_int_eq(run(), LOGIN_DONE);
	ck_assert(t->discovery);
	ck_assert_str_eq(t->target_name, "");
	ck_assert_int_eq(login_result(initiator)->tpgt, -1);
	ck_assert_uint_eq(login_result(initiator)->params.max_xmit_data_segment, 65536);
}
END_TEST

/* ---- every key ---- */

static uint32_t random_state = 1;

static uint32_t pick(const uint32_t *from, size_t n)
{
	random_state = random_state * 1664525 + 1013904223;
	return from[(random_state >> 16) % n];
}

#define PICK(...) \
	pick((const uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static struct login_params some_params(void)
{
	return (struct login_params){
		.header_digest =
			PICK(DIGEST_NONE, DIGEST_CRC32C, DIGEST_CRC32C_NONE, DIGEST_NONE_CRC32C),
		.data_digest = PICK(DIGEST_NONE, DIGEST_CRC32C_NONE, DIGEST_NONE_CRC32C),
		.initial_r2t = PICK(0, 1),
		.immediate_data = PICK(0, 1),
		.data_pdu_in_order = PICK(0, 1),
		.data_sequence_in_order = PICK(0, 1),
		.max_recv_data_segment = PICK(512, 8192, 262144, 16777215),
		.max_burst = PICK(512, 65536, 262144, 16777215),
		.first_burst = PICK(512, 65536, 262144, 16777215),
		.max_outstanding_r2t = PICK(1, 2, 65535),
		.time2wait = PICK(0, 2, 3600),
		.time2retain = PICK(0, 20, 3600),
		.error_recovery_level = PICK(0, 1, 2),
	};
}

static bool allows(enum login_digest d, bool crc)
{
	return d > DIGEST_CRC32C || (d == DIGEST_CRC32C) == crc;
}

/* Both lists have an item in common. */
static bool is_possible(enum login_digest i, enum login_digest t)
{
	return (allows(i, true) && allows(t, true)) || (allows(i, false) && allows(t, false));
}

/* The first of the initiator's list that the target has too. */
static enum login_digest chosen(enum login_digest i, enum login_digest t)
{
	bool crc = i == DIGEST_CRC32C || i == DIGEST_CRC32C_NONE;

	return allows(t, crc) ? (crc ? DIGEST_CRC32C : DIGEST_NONE)
			      : (crc ? DIGEST_NONE : DIGEST_CRC32C);
}

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

static void check_params(
	const struct login_params *got, const struct login_params *i, const struct login_params *t)
{
	uint32_t i_first = MIN(i->first_burst, i->max_burst);
	uint32_t t_first = MIN(t->first_burst, t->max_burst);

	ck_assert_int_eq((int)got->header_digest, (int)chosen(i->header_digest, t->header_digest));
	ck_assert_int_eq((int)got->data_digest, (int)chosen(i->data_digest, t->data_digest));
	ck_assert_int_eq(got->initial_r2t, i->initial_r2t || t->initial_r2t);
	ck_assert_int_eq(got->immediate_data, i->immediate_data && t->immediate_data);
	ck_assert_int_eq(got->data_pdu_in_order, i->data_pdu_in_order || t->data_pdu_in_order);
	ck_assert_int_eq(got->data_sequence_in_order,
		i->data_sequence_in_order || t->data_sequence_in_order);
	ck_assert_uint_eq(got->max_burst, MIN(i->max_burst, t->max_burst));
	ck_assert_uint_eq(got->first_burst, MIN(i_first, t_first));
	ck_assert_uint_eq(
		got->max_outstanding_r2t, MIN(i->max_outstanding_r2t, t->max_outstanding_r2t));
	ck_assert_uint_eq(got->time2wait, MAX(i->time2wait, t->time2wait));
	ck_assert_uint_eq(got->time2retain, MIN(i->time2retain, t->time2retain));
	ck_assert_uint_eq(
		got->error_recovery_level, MIN(i->error_recovery_level, t->error_recovery_level));
}

START_TEST(every_key)
{
	int done = 0, refused = 0;

	for (int n = 0; n < 3000; n++) {
		struct login_params i = some_params(), t = some_params();
		bool possible = is_possible(i.header_digest, t.header_digest) &&
				is_possible(i.data_digest, t.data_digest);

		config.offer = i;
		world.settings.params = t;
		run();
		ck_assert_msg((verdict == LOGIN_DONE) == possible, "%s", words());
		if (!possible) {
			refused++;
			continue;
		}
		done++;
		ck_assert_int_eq(rounds, 1);
		check_params(&login_result(initiator)->params, &i, &t);
		check_params(&login_target_result(target)->params, &i, &t);
		ck_assert_uint_eq(login_result(initiator)->params.max_xmit_data_segment,
			t.max_recv_data_segment);
		ck_assert_uint_eq(login_target_result(target)->params.max_xmit_data_segment,
			i.max_recv_data_segment);
		ck_assert_uint_eq(login_target_result(target)->params.max_recv_data_segment,
			t.max_recv_data_segment);
	}
	ck_assert_int_gt(done, 100);
	ck_assert_int_gt(refused, 100);
}
END_TEST

START_TEST(settings_that_cannot_be)
{
	world.settings.params.max_burst = 1;
	ck_assert_int_eq(run(), LOGIN_REJECTED);
	ck_assert_uint_eq(login_target_status(target), LOGIN_STATUS_TARGET_ERROR);
	ck_assert_str_eq(
		login_target_reason(target), "MaxBurstLength 1 is not within 512 to 16777215");
}
END_TEST

/* ---- CHAP ---- */

static const enum chap_alg algs[] = {CHAP_MD5, CHAP_SHA1, CHAP_SHA256, CHAP_SHA3_256};

static void with_account(void)
{
	world.settings.chap = true;
	world.user = config.username = "user";
	world.secret = config.password = "incoming-secret";
}

static void with_outgoing(void)
{
	world.settings.username_out = config.username_in = "target";
	world.settings.password_out = config.password_in = "outgoing-secret";
}

START_TEST(chap_algorithm)
{
	with_account();
	if (_i & 1)
		with_outgoing();
	config.chap_algs[0] = algs[_i / 2];
	ck_assert_msg(run() == LOGIN_DONE, "%s", words());
	ck_assert_str_eq(login_target_result(target)->username, "user");
	ck_assert_int_eq(rounds, 4);
	/* a target that accepts another one only */
	world.settings.chap_algs[0] = algs[(_i / 2 + 1) % COUNT(algs)];
	ck_assert_int_eq(run(), LOGIN_REJECTED);
	ck_assert_uint_eq(login_target_status(target), LOGIN_STATUS_AUTHENTICATION_FAILURE);
	ck_assert_ptr_nonnull(strstr(login_target_reason(target), "CHAP_A="));
}
END_TEST

/* The initiator's order decides. */
START_TEST(chap_preference)
{
	memcpy(config.chap_algs, ((enum chap_alg[]){CHAP_SHA3_256, CHAP_SHA256, CHAP_MD5, 0}),
		4 * sizeof(enum chap_alg));
	with_account();
	ck_assert_int_eq(run(), LOGIN_DONE);
	world.settings.chap_algs[0] = CHAP_MD5;
	world.settings.chap_algs[1] = CHAP_SHA256;
	ck_assert_int_eq(run(), LOGIN_DONE);
}
END_TEST

/* Who has configured what, and how it ends. */
static const struct {
	const char *user, *secret, *user_out, *secret_out; /* the target's accounts */
	const char *username, *password, *username_in, *password_in;
	enum login_verdict verdict;
	enum login_status status;
	const char *reason; /* of the one that refuses */
} chap_cases[] = {
	{NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, LOGIN_DONE, 0, ""},
	{NULL, NULL, NULL, NULL, "u", "p", NULL, NULL, LOGIN_DONE, 0, ""}, /* None chosen */
	{NULL, NULL, NULL, NULL, "u", "p", "v", "q", LOGIN_REJECTED, 0x0201,
		"AuthMethod=None is required, the initiator offers CHAP"},
	{"u", "p", NULL, NULL, NULL, NULL, NULL, NULL, LOGIN_REJECTED, 0x0201,
		"skips authentication"},
	{"u", "p", NULL, NULL, "u", "p", NULL, NULL, LOGIN_DONE, 0, ""},
	{"u", "p", NULL, NULL, "x", "p", NULL, NULL, LOGIN_REJECTED, 0x0201,
		"no incoming account x"},
	{"u", "p", NULL, NULL, "u", "x", NULL, NULL, LOGIN_REJECTED, 0x0201,
		"does not match the secret of account u"},
	{"u", "p", NULL, NULL, "u", "p", "v", "q", LOGIN_REJECTED, 0x0201,
		"no outgoing account is bound"},
	{"u", "p", "v", "p", "u", "p", NULL, NULL, LOGIN_DONE, 0, ""}, /* one way: not used */
	{"u", "p", "v", "p", "u", "p", "v", NULL, LOGIN_REJECTED, 0x0200, "have the same secret"},
	{"u", "p", "v", "p", "u", "p", "v", "p", LOGIN_REJECTED, 0x0200, "have the same secret"},
	{"u", "p", "v", "q", "u", "p", "v", "q", LOGIN_DONE, 0, ""},
	{"u", "p", "v", "q", "u", "p", "x", "q", LOGIN_AUTH_FAILED, 0, "calls itself v"},
	{"u", "p", "v", "q", "u", "p", "v", "x", LOGIN_AUTH_FAILED, 0, "does not match"},
	{"u", "p", "v", "q", "u", "p", "v", "p", LOGIN_AUTH_FAILED, 0, "are the same secret"},
	{"u", "p", "v", "q", "u", "p", NULL, "q", LOGIN_AUTH_FAILED, 0, "no username_in"},
	{"u", "", NULL, NULL, "u", "p", NULL, NULL, LOGIN_REJECTED, 0x0201, "no incoming account"},
	/* names are text, whatever they look like */
	{"0x41", "p", "0bAAAA", "q", "0x41", "p", "0bAAAA", "q", LOGIN_DONE, 0, ""},
};

START_TEST(chap_case)
{
	const char *reason;

	world.settings.chap = chap_cases[_i].user;
	world.user = chap_cases[_i].user;
	world.secret = chap_cases[_i].secret;
	world.settings.username_out = chap_cases[_i].user_out;
	world.settings.password_out = chap_cases[_i].secret_out;
	config.username = chap_cases[_i].username;
	config.password = chap_cases[_i].password;
	config.username_in = chap_cases[_i].username_in;
	config.password_in = chap_cases[_i].password_in;
	ck_assert_msg(run() == chap_cases[_i].verdict, "%s", words());
	ck_assert_uint_eq(login_target_status(target), chap_cases[_i].status);
	reason = chap_cases[_i].status ? login_target_reason(target) : login_reason(initiator);
	ck_assert_msg(strstr(reason, chap_cases[_i].reason), "%s", reason);
	ck_assert_int_eq(world.admitted, verdict == LOGIN_DONE);
}
END_TEST

/* ---- refusals ---- */

static const enum login_status statuses[] = {0x0200, 0x0201, 0x0202, 0x0203, 0x0204, 0x0205, 0x0206,
	0x0207, 0x0208, 0x0209, 0x020a, 0x020b, 0x0300, 0x0301, 0x0302};

START_TEST(refused_by_identity)
{
	world.identify = statuses[_i];
	ck_assert_int_eq(run(), LOGIN_REJECTED);
	ck_assert_int_eq(target_verdict, LOGIN_TARGET_FAILED);
	ck_assert_uint_eq(
		login_status_class(initiator) << 8 | login_status_detail(initiator), statuses[_i]);
	ck_assert_uint_eq(login_target_status(target), statuses[_i]);
	ck_assert_uint_eq(login_target_response(target)->data_len, 0);
	ck_assert_uint_eq(bhs_statsn(login_target_response(target)->bhs), 77);
	ck_assert_uint_eq(bhs_exp_cmdsn(login_target_response(target)->bhs), 5);
	ck_assert_int_eq(world.admitted, 0);
	/* that authentication is missing is said first, where the initiator is at fault */
	world.settings.chap = true;
	ck_assert_int_eq(run(), LOGIN_REJECTED);
	ck_assert_uint_eq(login_target_status(target),
		statuses[_i] >> 8 == STATUS_TARGET_ERROR ? statuses[_i] : 0x0201);
}
END_TEST

START_TEST(refused_by_admission)
{
	world.admit = statuses[_i];
	if (_i & 1)
		with_account();
	ck_assert_int_eq(run(), LOGIN_REJECTED);
	ck_assert_uint_eq(
		login_status_class(initiator) << 8 | login_status_detail(initiator), statuses[_i]);
	ck_assert_int_eq(world.admitted, 1);
	ck_assert_uint_eq(bhs_tsih(login_target_response(target)->bhs), 0);
}
END_TEST

START_TEST(redirected)
{
	for (int detail = 1; detail <= 2; detail++) {
		world.identify = (enum login_status)(0x0100 | detail);
		world.settings.redirect = "[fd00::1]:3260";
		ck_assert_int_eq(run(), LOGIN_REDIRECT);
		ck_assert_str_eq(login_redirect(initiator), "[fd00::1]:3260");
		ck_assert_int_eq(login_redirect_is_permanent(initiator), detail == 2);
		world.settings.redirect = NULL; /* to nowhere */
		ck_assert_int_eq(run(), LOGIN_REJECTED);
		ck_assert_uint_eq(login_target_status(target), LOGIN_STATUS_TARGET_ERROR);
	}
}
END_TEST

/* One login after the other on the same two objects leaves nothing behind. */
START_TEST(again_and_again)
{
	for (int i = 0; i < 20; i++) {
		world.identify = i % 3 == 1 ? LOGIN_STATUS_NOT_FOUND : LOGIN_STATUS_SUCCESS;
		world.settings.chap = false;
		config.password = NULL;
		if (i % 2)
			with_account();
		ck_assert_int_eq(run(), i % 3 == 1 ? LOGIN_REJECTED : LOGIN_DONE);
		ck_assert_str_eq(
			login_target_result(target)->username, i % 3 != 1 && i % 2 ? "user" : "");
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login-both");
	TCase *t = tcase_create("login-both");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, plain);
	tcase_add_test(t, discovery_session);
	tcase_add_test(t, every_key);
	tcase_add_test(t, settings_that_cannot_be);
	tcase_add_loop_test(t, chap_algorithm, 0, 2 * COUNT(algs));
	tcase_add_test(t, chap_preference);
	tcase_add_loop_test(t, chap_case, 0, COUNT(chap_cases));
	tcase_add_loop_test(t, refused_by_identity, 0, COUNT(statuses));
	tcase_add_loop_test(t, refused_by_admission, 0, COUNT(statuses));
	tcase_add_test(t, redirected);
	tcase_add_test(t, again_and_again);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
