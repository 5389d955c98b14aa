/* SPDX-License-Identifier: MIT */
#include "chap.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))
#define SECRET_255                                                              \
	"sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss" \
	"sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss" \
	"sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss" \
	"ssssssssssssssssssssssssssssssssssssssssssssssss"

/*
 * Known answers: computed with an independent implementation of the hashes, and for MD5 also from
 * the wire between two other implementations.
 */
static const struct {
	enum chap_alg alg;
	uint8_t id;
	const char *secret, *challenge, *digest;
} known[] = {
	{CHAP_MD5, 0x27, "123456", "0x000102030405060708090a0b0c0d0e0f",
		"0x82dea36f10789671b23b295772303012"},
	{CHAP_SHA1, 0x27, "123456", "0x000102030405060708090a0b0c0d0e0f",
		"0xb854e51ce22804e368627a61975e483b082b93bb"},
	{CHAP_SHA256, 0x27, "123456", "0x000102030405060708090a0b0c0d0e0f",
		"0xd02e3d377441d773b4a0e7b17894664d0da973d5f47bfa1238da9d3b7ca27b99"},
	{CHAP_SHA3_256, 0x27, "123456", "0x000102030405060708090a0b0c0d0e0f",
		"0xc1b0b7c187b25de59b2e59ce884c4bd45afaa427c957018890cd300a6f3bc50d"},
	{CHAP_MD5, 1, "123456",
		"0x7a4fc4c2f1319bdaaf30b2f791893fd8f74c47d47276ee466888d0efd928648b79648c29f0a8c06"
		"b9d96783541888849fb8d",
		"0xb980411e11d9477b91eaf38501b4fb73"},
	{CHAP_MD5, 3, "123456",
		"0x809cd1880a12eb098334e750ed0670e7058bafa8241be2f1b4f2b93b1a3cc96ec511f67d0ab4502"
		"02d453aa94fae561306b5",
		"0xf85bc2d82c7580fd8ce397da7934612e"},
	{CHAP_MD5, 77, "123456", "0xabababababababababababababababab",
		"0xa24be4f89e3a9d4e806b6b6b03e810c6"},
};

START_TEST(digest)
{
	uint8_t challenge[CHAP_CHALLENGE_MAX], bytes[CHAP_DIGEST_MAX];
	char text[TEXT_HEX_LEN(CHAP_DIGEST_MAX)];
	size_t len;

	ck_assert_int_eq(
		text_binary_decode(known[_i].challenge, challenge, sizeof(challenge), &len), 0);
	ck_assert_int_eq(
		chap_digest(known[_i].alg, known[_i].id, known[_i].secret, challenge, len, bytes),
		0);
	text_binary_encode(bytes, chap_digest_len(known[_i].alg), text);
	ck_assert_str_eq(text, known[_i].digest);
}
END_TEST

/* The longest secret and challenge, and the shortest. */
static const struct {
	enum chap_alg alg;
	const char *empty, *full;
} limits[] = {
	{CHAP_MD5, "0x00594fd4f42ba43fc1ca0427a0576295", "0x952bb31fa0d4bb2c5da77ab43e6229b0"},
	{CHAP_SHA1, "0x85e53271e14006f0265921d02d4d736cdc580b0b",
		"0x5f50806eb703e840c25eecf1fe00c94c996f06f3"},
	{CHAP_SHA256, "0xa8100ae6aa1940d0b663bb31cd466142ebbdbd5187131b92d93818987832eb89",
		"0x5603b13dd614ea09ca198ea7286a16d29fcb3f955f4f78f52649987ccfa780c6"},
	{CHAP_SHA3_256, "0x444b89ecce395aec5dc98f19defd3a23bca0822fc72226f58ca46a17eeeca442",
		"0xac303a73ad09a8abf8224b0d48f6c122f7c1705c77ef8285482dd4e7a32f5ebb"},
};

START_TEST(digest_at_the_limits)
{
	uint8_t challenge[CHAP_CHALLENGE_MAX], bytes[CHAP_DIGEST_MAX];
	char text[TEXT_HEX_LEN(CHAP_DIGEST_MAX)];
	enum chap_alg a = limits[_i].alg;

	ck_assert_uint_eq(strlen(SECRET_255), 255);
	memset(challenge, 'c', sizeof(challenge));
	ck_assert_int_eq(chap_digest(a, 0, SECRET_255, challenge, sizeof(challenge), bytes), 0);
	text_binary_encode(bytes, chap_digest_len(a), text);
	ck_assert_str_eq(text, limits[_i].full);
	ck_assert_int_eq(chap_digest(a, 255, "", challenge, 0, bytes), 0);
	text_binary_encode(bytes, chap_digest_len(a), text);
	ck_assert_str_eq(text, limits[_i].empty);
}
END_TEST

static const struct {
	enum chap_alg alg;
	const char *name;
	size_t len;
} algs[] = {
	{CHAP_MD5, "MD5", 16},
	{CHAP_SHA1, "SHA1", 20},
	{CHAP_SHA256, "SHA256", 32},
	{CHAP_SHA3_256, "SHA3-256", 32},
};

START_TEST(names)
{
	ck_assert_str_eq(chap_alg_name(algs[_i].alg), algs[_i].name);
	ck_assert_int_eq(chap_alg_by_name(algs[_i].name), algs[_i].alg);
	ck_assert_uint_eq(chap_digest_len(algs[_i].alg), algs[_i].len);
	ck_assert(chap_alg_available(algs[_i].alg));
}
END_TEST

START_TEST(unknown_algorithms)
{
	static const int unknown[] = {CHAP_ALG_END, 1, 4, 9, 255};
	uint8_t bytes[CHAP_DIGEST_MAX];

	for (int i = 0; i < COUNT(unknown); i++) {
		enum chap_alg a = (enum chap_alg)unknown[i];

		ck_assert_ptr_null(chap_alg_name(a));
		ck_assert_uint_eq(chap_digest_len(a), 0);
		ck_assert(!chap_alg_available(a));
		ck_assert_int_eq(chap_digest(a, 0, "x", bytes, 1, bytes), -EIO);
	}
	ck_assert_int_eq(chap_alg_by_name("md5"), CHAP_ALG_END);
	ck_assert_int_eq(chap_alg_by_name(""), CHAP_ALG_END);
}
END_TEST

/* Every bit of a response counts, and the secret, the identifier and the challenge. */
START_TEST(verify)
{
	static const uint8_t challenge[] = {1, 2, 3};
	uint8_t response[CHAP_DIGEST_MAX];

	ck_assert_int_eq(chap_digest(CHAP_MD5, 7, "secret", challenge, 3, response), 0);
	ck_assert_int_eq(chap_verify(CHAP_MD5, 7, "secret", challenge, 3, response), 1);
	ck_assert_int_eq(chap_verify(CHAP_MD5, 8, "secret", challenge, 3, response), 0);
	ck_assert_int_eq(chap_verify(CHAP_MD5, 7, "Secret", challenge, 3, response), 0);
	ck_assert_int_eq(chap_verify(CHAP_MD5, 7, "secret", challenge, 2, response), 0);
	ck_assert_int_eq(chap_verify((enum chap_alg)9, 7, "secret", challenge, 3, response), -EIO);
	for (size_t i = 0; i < chap_digest_len(CHAP_MD5); i++) {
		response[i] ^= 0x80;
		ck_assert_int_eq(chap_verify(CHAP_MD5, 7, "secret", challenge, 3, response), 0);
		response[i] ^= 0x80;
	}
}
END_TEST

START_TEST(random_bytes)
{
	uint8_t a[1024] = {0}, b[1024] = {0};

	ck_assert_int_eq(chap_random(a, sizeof(a)), 0);
	ck_assert_int_eq(chap_random(b, sizeof(b)), 0);
	ck_assert(memcmp(a, b, sizeof(a)) != 0);
}
END_TEST

static const struct {
	const char *text;
	enum chap_alg algs[CHAP_ALGS];
} lists[] = {
	{"SHA3-256,SHA256,SHA1,MD5", {CHAP_SHA3_256, CHAP_SHA256, CHAP_SHA1, CHAP_MD5}},
	{"SHA1 MD5", {CHAP_SHA1, CHAP_MD5}},
	{" ,SHA1,,\tSHA1,sha1,SHA512,", {CHAP_SHA1}},
	{"AVeryLongNameThatIsNone,SHA256", {CHAP_SHA256}},
	{"none", {CHAP_MD5}},
	{"", {CHAP_MD5}},
	{NULL, {CHAP_MD5}},
};

START_TEST(parse_list)
{
	enum chap_alg got[CHAP_ALGS];

	chap_algs_parse(lists[_i].text, got);
	for (int i = 0; i < CHAP_ALGS; i++) {
		ck_assert_int_eq(got[i], lists[_i].algs[i]);
		if (got[i] == CHAP_ALG_END)
			break;
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chap");
	TCase *t = tcase_create("chap");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, digest, 0, COUNT(known));
	tcase_add_loop_test(t, digest_at_the_limits, 0, COUNT(limits));
	tcase_add_loop_test(t, names, 0, COUNT(algs));
	tcase_add_test(t, unknown_algorithms);
	tcase_add_loop_test(t, parse_list, 0, COUNT(lists));
	tcase_add_test(t, verify);
	tcase_add_test(t, random_bytes);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
