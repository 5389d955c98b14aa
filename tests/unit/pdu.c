/* SPDX-License-Identifier: MIT */
#include "pdu.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DATA_MAX 64

/* Stores up to len bytes where the reader wants them; returns how many it took. */
static size_t give(struct pdu_reader *r, const uint8_t *bytes, size_t len, enum pdu_status *ret)
{
	size_t want;
	uint8_t *to = pdu_reader_want(r, &want);

	ck_assert_uint_ge(want, 1);
	if (want > len)
		want = len;
	memcpy(to, bytes, want);
	*ret = pdu_reader_got(r, want);
	return want;
}

/* A PDU on the wire: header, data of 'a', 'b', ..., padding. Returns its length. */
static size_t make(uint8_t *wire, uint8_t tag, size_t data_len)
{
	size_t len = BHS_LEN + data_len + pdu_padding(data_len);

	memset(wire, 0, len);
	bhs_set_opcode(wire, OP_TEXT_RESPONSE, false);
	bhs_set_itt(wire, tag);
	bhs_set_data_len(wire, (uint32_t)data_len);
	for (size_t i = 0; i < data_len; i++)
		wire[BHS_LEN + i] = (uint8_t)('a' + i % 26);
	return len;
}

/* Two PDUs in a row, in pieces of _i bytes: none is lost, none is read beyond its end. */
START_TEST(pieces)
{
	for (size_t data_len = 0; data_len <= DATA_MAX; data_len++) {
		uint8_t wire[2 * (BHS_LEN + DATA_MAX)];
		size_t first = make(wire, 1, data_len), end = first + make(wire + first, 2, 5);
		struct pdu_reader r;
		uint32_t tag = 0;

		ck_assert_int_eq(pdu_reader_init(&r, DATA_MAX), 0);
		for (size_t at = 0; at < end;) {
			size_t piece = end - at < (size_t)_i ? end - at : (size_t)_i;
			enum pdu_status status;

			at += give(&r, wire + at, piece, &status);
			if (status == PDU_MORE)
				continue;
			ck_assert_int_eq(status, PDU_READY);
			ck_assert_uint_eq(bhs_itt(r.pdu.bhs), ++tag);
			ck_assert_uint_eq(at, tag == 1 ? first : end);
			ck_assert_uint_eq(r.pdu.data_len, tag == 1 ? data_len : 5);
			ck_assert_mem_eq(r.pdu.data, "abcdefghijklmnopqrstuvwxyz",
				r.pdu.data_len < 26 ? r.pdu.data_len : 26);
		}
		ck_assert_uint_eq(tag, 2);
		pdu_reader_free(&r);
	}
}
END_TEST

static enum pdu_status read_header(struct pdu_reader *r, const uint8_t *wire)
{
	enum pdu_status status;

	ck_assert_uint_eq(give(r, wire, BHS_LEN, &status), BHS_LEN);
	return status;
}

START_TEST(too_long)
{
	uint8_t wire[BHS_LEN] = {0};
	struct pdu_reader r;

	ck_assert_int_eq(pdu_reader_init(&r, DATA_MAX), 0);
	bhs_set_data_len(wire, DATA_MAX + 1);
	ck_assert_int_eq(read_header(&r, wire), PDU_TOO_LONG);
	bhs_set_data_len(wire, 0xffffff);
	ck_assert_int_eq(read_header(&r, wire), PDU_TOO_LONG);
	bhs_set_data_len(wire, DATA_MAX);
	ck_assert_int_eq(read_header(&r, wire), PDU_MORE);
	pdu_reader_free(&r);
}
END_TEST

START_TEST(ahs)
{
	uint8_t wire[BHS_LEN] = {0};
	struct pdu_reader r;

	ck_assert_int_eq(pdu_reader_init(&r, DATA_MAX), 0);
	bhs_set_ahs_len(wire, 1);
	ck_assert_int_eq(read_header(&r, wire), PDU_HAS_AHS);
	pdu_reader_free(&r);
}
END_TEST

START_TEST(reset_drops_a_partial_pdu)
{
	uint8_t wire[BHS_LEN + DATA_MAX];
	size_t len = make(wire, 7, 3);
	enum pdu_status status;
	struct pdu_reader r;

	ck_assert_int_eq(pdu_reader_init(&r, DATA_MAX), 0);
	give(&r, wire, 20, &status);
	pdu_reader_reset(&r);
	ck_assert_int_eq(read_header(&r, wire), PDU_MORE);
	ck_assert_uint_eq(give(&r, wire + BHS_LEN, len - BHS_LEN, &status), 4);
	ck_assert_int_eq(status, PDU_READY);
	ck_assert_mem_eq(r.pdu.data, "abc", 3);
	pdu_reader_free(&r);
	pdu_reader_free(&r); /* twice is fine */
	pdu_reader_free(NULL);
}
END_TEST

START_TEST(sizes)
{
	struct pdu_reader r;
	struct pdu p;

	ck_assert_int_eq(pdu_reader_init(&r, PDU_DATA_MAX), -EINVAL);
	ck_assert_int_eq(pdu_init(&p, PDU_DATA_MAX + 1), -EINVAL);
	ck_assert_int_eq(pdu_reader_init(&r, PDU_DATA_MAX - 1), 0);
	pdu_reader_free(&r);
	ck_assert_int_eq(pdu_init(&p, 10), 0);
	pdu_set_data_len(&p, 9);
	ck_assert_uint_eq(p.data_len, 9);
	ck_assert_uint_eq(bhs_data_len(p.bhs), 9);
	pdu_free(&p);
	pdu_free(NULL);
}
END_TEST

START_TEST(padding)
{
	static const size_t want[] = {0, 3, 2, 1, 0, 3, 2, 1, 0};

	for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
		ck_assert_uint_eq(pdu_padding(i), want[i]);
}
END_TEST

/* Where the fields are on the wire. */
START_TEST(fields)
{
	static const uint8_t isid[BHS_ISID_LEN] = {0x00, 0x02, 0x3d, 0x01, 0x02, 0x03};
	static const uint8_t login[BHS_LEN] = {0x43, 0x87, 0, 0, 0, 0x01, 0x02, 0x03, 0x00, 0x02,
		0x3d, 0x01, 0x02, 0x03, 0x12, 0x34, 0x0a, 0x0b, 0x0c, 0x0d, 0x00, 0x05, 0, 0, 0x11,
		0x12, 0x13, 0x14, 0x21, 0x22, 0x23, 0x24};
	uint8_t bhs[BHS_LEN] = {0};

	bhs_set_opcode(bhs, OP_LOGIN, true);
	bhs_set_login_flags(bhs, BHS_TRANSIT, STAGE_OPERATIONAL, STAGE_FULL_FEATURE);
	bhs_set_data_len(bhs, 0x010203);
	bhs_set_isid(bhs, isid);
	bhs_set_tsih(bhs, 0x1234);
	bhs_set_itt(bhs, 0x0a0b0c0d);
	bhs_set_cid(bhs, 5);
	bhs_set_cmdsn(bhs, 0x11121314);
	bhs_set_exp_statsn(bhs, 0x21222324);
	ck_assert_mem_eq(bhs, login, BHS_LEN);
	ck_assert_int_eq(bhs_opcode(bhs), OP_LOGIN);
	ck_assert(bhs_is_immediate(bhs));
	ck_assert_uint_eq(bhs_csg(bhs), 1);
	ck_assert_uint_eq(bhs_nsg(bhs), 3);
}
END_TEST

START_TEST(async_fields)
{
	uint8_t bhs[BHS_LEN] = {0};

	bhs[36] = 3;
	bhs[38] = 0x01;
	bhs[40] = 0x02;
	bhs[43] = 0x03;
	ck_assert_uint_eq(bhs_async_event(bhs), ASYNC_SESSION_DROPPED);
	ck_assert_uint_eq(bhs_parameter1(bhs), 0x100);
	ck_assert_uint_eq(bhs_parameter2(bhs), 0x200);
	ck_assert_uint_eq(bhs_parameter3(bhs), 3);
	bhs_set_logout_reason(bhs, LOGOUT_FOR_RECOVERY);
	ck_assert_uint_eq(bhs[1], 0x82);
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(bhs_opcode_name(0x23), "Login Response");
	ck_assert_str_eq(bhs_opcode_name(0x3f), "Reject");
	ck_assert_str_eq(bhs_opcode_name(0x1c), "unknown");
	ck_assert_str_eq(bhs_opcode_name(0xff), "unknown");
	ck_assert_str_eq(bhs_reject_name(0x04), "protocol error");
	ck_assert_str_eq(bhs_reject_name(0x0d), "unknown");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pdu");
	TCase *t = tcase_create("pdu");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, pieces, 1, 60);
	tcase_add_test(t, too_long);
	tcase_add_test(t, ahs);
	tcase_add_test(t, reset_drops_a_partial_pdu);
	tcase_add_test(t, sizes);
	tcase_add_test(t, padding);
	tcase_add_test(t, fields);
	tcase_add_test(t, async_fields);
	tcase_add_test(t, names);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
