/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

static const struct login_params ours = {
	.header_digest = DIGEST_CRC32C_NONE,
	.data_digest = DIGEST_CRC32C,
	.initial_r2t = false,
	.immediate_data = true,
	.data_pdu_in_order = true,
	.data_sequence_in_order = true,
	.max_recv_data_segment = 131072,
	.max_burst = 16776192,
	.first_burst = 262144,
	.max_outstanding_r2t = 4,
	.time2wait = 5,
	.time2retain = 10,
	.error_recovery_level = 0,
};

START_TEST(every_row_is_found_by_its_name)
{
	for (int id = 0; id < KEY_COUNT; id++) {
		ck_assert_ptr_nonnull(key_row(id)->name);
		ck_assert_int_eq(key_find(key_row(id)->name), id);
		ck_assert_uint_ge(key_value_max(key_row(id)), 255);
	}
	ck_assert_int_eq(key_find("maxburstlength"), -1); /* names are case-sensitive */
	ck_assert_int_eq(key_find(""), -1);
	ck_assert_int_eq(key_find("MaxBurstLengthX"), -1);
}
END_TEST

/* RFC 7143 chapter 13 */
START_TEST(fallbacks)
{
	struct login_params p;

	memset(&p, 0, sizeof(p));
	keys_fallback(&p);
	ck_assert_int_eq(p.header_digest, DIGEST_NONE);
	ck_assert_int_eq(p.data_digest, DIGEST_NONE);
	ck_assert(p.initial_r2t && p.immediate_data);
	ck_assert(p.data_pdu_in_order && p.data_sequence_in_order);
	ck_assert_uint_eq(p.max_recv_data_segment, 8192);
	ck_assert_uint_eq(p.max_xmit_data_segment, 8192);
	ck_assert_uint_eq(p.max_burst, 262144);
	ck_assert_uint_eq(p.first_burst, 65536);
	ck_assert_uint_eq(p.max_outstanding_r2t, 1);
	ck_assert_uint_eq(p.time2wait, 2);
	ck_assert_uint_eq(p.time2retain, 20);
	ck_assert_uint_eq(p.error_recovery_level, 0);
}
END_TEST

static const struct {
	enum key_id id;
	const char *value;
} offers[] = {
	{KEY_HEADER_DIGEST, "CRC32C,None"},
	{KEY_DATA_DIGEST, "CRC32C"},
	{KEY_TIME2WAIT, "5"},
	{KEY_TIME2RETAIN, "10"},
	{KEY_IF_MARKER, "No"},
	{KEY_OF_MARKER, "No"},
	{KEY_ERROR_RECOVERY_LEVEL, "0"},
	{KEY_INITIAL_R2T, "No"},
	{KEY_IMMEDIATE_DATA, "Yes"},
	{KEY_MAX_BURST, "16776192"},
	{KEY_FIRST_BURST, "262144"},
	{KEY_MAX_OUTSTANDING_R2T, "4"},
	{KEY_MAX_CONNECTIONS, "1"},
	{KEY_DATA_PDU_IN_ORDER, "Yes"},
	{KEY_DATA_SEQUENCE_IN_ORDER, "Yes"},
	{KEY_MAX_RECV_DATA_SEGMENT, "131072"},
};

/* All that is offered, and in this order. */
START_TEST(offer)
{
	char value[KEY_OFFER_MAX], why[KEY_FAULT_MAX];
	int n = 0;

	for (int id = 0; id < KEY_COUNT; id++) {
		if (!(key_row(id)->flags & KEY_OFFERED))
			continue;
		ck_assert_int_lt(n, COUNT(offers));
		ck_assert_int_eq(id, offers[n].id);
		ck_assert(key_is_valid(key_row(id), &ours, why));
		key_offer(key_row(id), &ours, value);
		ck_assert_str_eq(value, offers[n++].value);
	}
	ck_assert_int_eq(n, COUNT(offers));
}
END_TEST

/* The answer to our offer; `in_force` is the text of the value afterwards, NULL: refused. */
static const struct {
	enum key_id id;
	const char *answer, *in_force;
} answers[] = {
	{KEY_HEADER_DIGEST, "CRC32C", "CRC32C"},
	{KEY_HEADER_DIGEST, "None", "None"},
	{KEY_HEADER_DIGEST, "Reject", "None"},
	{KEY_HEADER_DIGEST, "NotUnderstood", "None"},
	{KEY_HEADER_DIGEST, "CRC32C,None", NULL},
	{KEY_HEADER_DIGEST, "CRC-64", NULL},
	{KEY_HEADER_DIGEST, "none", NULL},
	{KEY_HEADER_DIGEST, "", NULL},
	{KEY_DATA_DIGEST, "CRC32C", "CRC32C"},
	{KEY_DATA_DIGEST, "None", NULL}, /* CRC32C alone was offered */
	{KEY_DATA_DIGEST, "Reject", NULL},
	{KEY_DATA_DIGEST, "Irrelevant", NULL},
	{KEY_MAX_BURST, "16776192", "16776192"},
	{KEY_MAX_BURST, "512", "512"},
	{KEY_MAX_BURST, "0x10000", "65536"},
	{KEY_MAX_BURST, "16776193", NULL},
	{KEY_MAX_BURST, "511", NULL},
	{KEY_MAX_BURST, "Reject", "262144"},
	{KEY_MAX_BURST, "", NULL},
	{KEY_MAX_BURST, "-1", NULL},
	{KEY_MAX_BURST, " 1024", NULL},
	{KEY_MAX_BURST, "1024 ", NULL},
	{KEY_MAX_BURST, "Yes", NULL},
	{KEY_MAX_BURST, "99999999999999999999999999", NULL},
	{KEY_TIME2WAIT, "5", "5"},
	{KEY_TIME2WAIT, "3600", "3600"},
	{KEY_TIME2WAIT, "4", NULL},
	{KEY_TIME2WAIT, "3601", NULL},
	{KEY_TIME2RETAIN, "0", "0"},
	{KEY_TIME2RETAIN, "11", NULL},
	{KEY_ERROR_RECOVERY_LEVEL, "1", NULL},
	{KEY_MAX_CONNECTIONS, "2", NULL},
	{KEY_MAX_CONNECTIONS, "1", "1"},
	{KEY_INITIAL_R2T, "No", "No"},
	{KEY_INITIAL_R2T, "Yes", "Yes"},
	{KEY_INITIAL_R2T, "yes", NULL},
	{KEY_INITIAL_R2T, "Reject", "Yes"},
	{KEY_IMMEDIATE_DATA, "No", "No"},
	{KEY_IMMEDIATE_DATA, "Yes", "Yes"},
	{KEY_IF_MARKER, "Yes", NULL},
	{KEY_IF_MARKER, "No", "No"},
	{KEY_IF_MARKER, "NotUnderstood", "No"},
	{KEY_DATA_PDU_IN_ORDER, "No", NULL},
	{KEY_FIRST_BURST, "Irrelevant", "65536"},
	{KEY_MAX_OUTSTANDING_R2T, "0", NULL},
	{KEY_MAX_OUTSTANDING_R2T, "5", NULL},
};

START_TEST(take_answer)
{
	const struct key *k = key_row(answers[_i].id);
	struct login_params p;
	char value[KEY_OFFER_MAX];
	const char *fault;

	memset(&p, 0, sizeof(p));
	keys_fallback(&p);
	fault = key_take_answer(k, &ours, answers[_i].answer, &p);
	if (!answers[_i].in_force) {
		ck_assert_msg(fault, "%s=%s was taken", k->name, answers[_i].answer);
		return;
	}
	ck_assert_msg(!fault, "%s=%s %s", k->name, answers[_i].answer, fault);
	key_offer(k, &p, value);
	ck_assert_str_eq(value, answers[_i].in_force);
}
END_TEST

/* The other way round: the peer offers, we answer. */
static const struct {
	enum key_id id;
	const char *offer, *answer;
} peer_offers[] = {
	{KEY_TASK_REPORTING, "RFC3720,ResponseFence", "RFC3720"},
	{KEY_TASK_REPORTING, "FastAbort,RFC3720", "RFC3720"},
	{KEY_TASK_REPORTING, "FastAbort", "Reject"},
	{KEY_TASK_REPORTING, "", "Reject"},
	{KEY_PROTOCOL_LEVEL, "2", "1"},
	{KEY_PROTOCOL_LEVEL, "0", "0"},
	{KEY_PROTOCOL_LEVEL, "32", "Reject"},
	{KEY_PROTOCOL_LEVEL, "x", "Reject"},
	{KEY_IF_MARK_INT, "2048~65535", "Reject"},
	{KEY_OF_MARK_INT, "2048", "Reject"},
	{KEY_HEADER_DIGEST, "None,CRC32C", "None"},
	{KEY_HEADER_DIGEST, "CRC-64,CRC32C", "CRC32C"},
	{KEY_HEADER_DIGEST, "CRC-64", "Reject"},
	{KEY_DATA_DIGEST, "None", "Reject"},
	{KEY_MAX_BURST, "1048576", "1048576"},
	{KEY_MAX_BURST, "16777215", "16776192"},
	{KEY_MAX_BURST, "100", "Reject"},
	{KEY_TIME2WAIT, "0", "5"},
	{KEY_TIME2WAIT, "60", "60"},
	{KEY_INITIAL_R2T, "Yes", "Yes"},
	{KEY_INITIAL_R2T, "No", "No"},
	{KEY_INITIAL_R2T, "maybe", "Reject"},
	{KEY_IMMEDIATE_DATA, "No", "No"},
};

START_TEST(take_offer)
{
	const struct key *k = key_row(peer_offers[_i].id);
	char answer[KEY_OFFER_MAX], value[KEY_OFFER_MAX];
	struct login_params p;

	memset(&p, 0, sizeof(p));
	keys_fallback(&p);
	key_take_offer(k, &ours, peer_offers[_i].offer, &p, answer);
	ck_assert_str_eq(answer, peer_offers[_i].answer);
	if (k->field >= 0 && strcmp(answer, "Reject") != 0) {
		key_offer(k, &p, value);
		ck_assert_str_eq(value, answer);
	}
}
END_TEST

/* Makes the value of k in p what text says. */
static void put(const struct key *k, struct login_params *p, const char *text)
{
	char *field = (char *)p + k->field;

	if (k->kind == KEY_IS_LIST) {
		for (int i = 0; k->lists[i]; i++)
			if (strcmp(k->lists[i], text) == 0)
				*(enum login_digest *)field = (enum login_digest)i;
	} else if (k->kind == KEY_IS_AND || k->kind == KEY_IS_OR) {
		*(bool *)field = strcmp(text, "Yes") == 0;
	} else {
		*(uint32_t *)field = (uint32_t)strtoul(text, NULL, 10);
	}
}

/* What one side answers, the side that offered takes: both directions follow the same rules. */
START_TEST(answers_are_taken_by_the_other_side)
{
	static const char *const values[] = {"Yes", "No", "0", "1", "2", "5", "20", "512", "65536",
		"16777215", "None", "CRC32C", "CRC32C,None", "None,CRC32C"};
	int taken = 0;

	for (int id = 0; id < KEY_COUNT; id++) {
		const struct key *k = key_row(id);

		if (k->kind < KEY_IS_LIST || k->kind > KEY_IS_OR || k->field < 0)
			continue;
		for (int i = 0; i < COUNT(values); i++) {
			struct login_params theirs = ours, p = ours;
			char answer[KEY_OFFER_MAX];

			key_take_offer(k, &ours, values[i], &p, answer);
			if (strcmp(answer, "Reject") == 0)
				continue;
			put(k, &theirs, values[i]);
			ck_assert_msg(!key_take_answer(k, &theirs, answer, &p), "%s: %s to %s",
				k->name, answer, values[i]);
			taken++;
		}
	}
	ck_assert_int_gt(taken, 20);
}
END_TEST

START_TEST(declared_number)
{
	const struct key *k = key_row(KEY_MAX_RECV_DATA_SEGMENT);
	struct login_params p;

	memset(&p, 0, sizeof(p));
	keys_fallback(&p);
	p.max_recv_data_segment = 131072;
	ck_assert_ptr_null(key_take_answer(k, &ours, "262144", &p));
	ck_assert_uint_eq(p.max_xmit_data_segment, 262144);
	ck_assert_uint_eq(p.max_recv_data_segment, 131072);
	ck_assert_ptr_nonnull(key_take_answer(k, &ours, "511", &p));
	ck_assert_ptr_nonnull(key_take_answer(k, &ours, "16777216", &p));
	ck_assert_uint_eq(p.max_xmit_data_segment, 262144);
}
END_TEST

START_TEST(invalid_values_of_ours)
{
	char why[KEY_FAULT_MAX];
	struct login_params p = ours;

	p.max_burst = 100;
	ck_assert(!key_is_valid(key_row(KEY_MAX_BURST), &p, why));
	ck_assert_str_eq(why, "MaxBurstLength 100 is not within 512 to 16777215");
	p.max_recv_data_segment = 1 << 24;
	ck_assert(!key_is_valid(key_row(KEY_MAX_RECV_DATA_SEGMENT), &p, why));
	p.header_digest = (enum login_digest)4;
	ck_assert(!key_is_valid(key_row(KEY_HEADER_DIGEST), &p, why));
	p.max_outstanding_r2t = 0;
	ck_assert(!key_is_valid(key_row(KEY_MAX_OUTSTANDING_R2T), &p, why));
	p.error_recovery_level = 3;
	ck_assert(!key_is_valid(key_row(KEY_ERROR_RECOVERY_LEVEL), &p, why));
	p.time2wait = 3601;
	ck_assert(!key_is_valid(key_row(KEY_TIME2WAIT), &p, why));
}
END_TEST

START_TEST(acceptable_fallbacks)
{
	ck_assert(key_fallback_is_acceptable(key_row(KEY_HEADER_DIGEST), &ours));
	ck_assert(!key_fallback_is_acceptable(key_row(KEY_DATA_DIGEST), &ours));
	ck_assert(key_fallback_is_acceptable(key_row(KEY_MAX_BURST), &ours));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keys");
	TCase *t = tcase_create("keys");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, every_row_is_found_by_its_name);
	tcase_add_test(t, fallbacks);
	tcase_add_test(t, offer);
	tcase_add_loop_test(t, take_answer, 0, COUNT(answers));
	tcase_add_loop_test(t, take_offer, 0, COUNT(peer_offers));
	tcase_add_test(t, answers_are_taken_by_the_other_side);
	tcase_add_test(t, declared_number);
	tcase_add_test(t, invalid_values_of_ours);
	tcase_add_test(t, acceptable_fallbacks);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
