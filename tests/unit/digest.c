/* SPDX-License-Identifier: MIT */
#include "digest.h"

#include <check.h>
#include <stdlib.h>

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

static uint8_t zeroes[32], ones[32], up[32], down[32];

/* A SCSI Read (10) Command PDU, of RFC 3720 appendix B.4 like the others. */
static const uint8_t read_command[48] = {[0] = 0x01,
	[1] = 0xc0,
	[16] = 0x14,
	[22] = 0x04,
	[27] = 0x14,
	[31] = 0x18,
	[32] = 0x28,
	[40] = 0x02};

static const struct {
	const uint8_t *data;
	size_t len;
	uint8_t wire[DIGEST_LEN];
} vectors[] = {
	{zeroes, 32, {0xaa, 0x36, 0x91, 0x8a}},
	{ones, 32, {0x43, 0xab, 0xa8, 0x62}},
	{up, 32, {0x4e, 0x79, 0xdd, 0x46}},
	{down, 32, {0x5c, 0xdb, 0x3f, 0x11}},
	{read_command, 48, {0x56, 0x3a, 0x96, 0xd9}},
	{(const uint8_t *)"123456789", 9, {0x83, 0x92, 0x06, 0xe3}},
	{NULL, 0, {0, 0, 0, 0}},
};

static void setup(void)
{
	for (int i = 0; i < 32; i++) {
		ones[i] = 0xff;
		up[i] = (uint8_t)i;
		down[i] = (uint8_t)(31 - i);
	}
}

START_TEST(vector)
{
	uint32_t d = digest_add(DIGEST_BEGIN, vectors[_i].data, vectors[_i].len);
	uint8_t wire[DIGEST_LEN];

	digest_put(d, wire);
	ck_assert_mem_eq(wire, vectors[_i].wire, DIGEST_LEN);
	ck_assert(digest_is(d, wire));
	for (int bit = 0; bit < 8 * DIGEST_LEN; bit++) {
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert(!digest_is(d, wire));
		wire[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}
END_TEST

/* However the bytes are cut, and wherever they lie in memory. */
START_TEST(pieces)
{
	static uint8_t data[4099];
	uint32_t whole;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 255);
	whole = digest_add(DIGEST_BEGIN, data, sizeof(data));
	for (size_t step = 1; step < 600; step += 13) {
		uint32_t d = DIGEST_BEGIN;

		for (size_t at = 0; at < sizeof(data); at += step)
			d = digest_add(
				d, data + at, sizeof(data) - at < step ? sizeof(data) - at : step);
		ck_assert_uint_eq(d, whole);
	}
	data[2000] ^= 1;
	ck_assert_uint_ne(digest_add(DIGEST_BEGIN, data, sizeof(data)), whole);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("digest");
	TCase *t = tcase_create("digest");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_loop_test(t, vector, 0, COUNT(vectors));
	tcase_add_test(t, pieces);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
