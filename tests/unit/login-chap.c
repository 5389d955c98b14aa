/* SPDX-License-Identifier: MIT */
/* CHAP in the login engine, against a target with accounts. */
#include "login-script.h"

#include <malloc.h>
#include <stdio.h>

/* A target with accounts, and ways to be wrong. */
struct chap_target {
	const char *user, *secret;	   /* of the initiator; NULL: no authentication wanted */
	const char *out_user, *out_secret; /* its own */
	enum chap_alg alg;
	bool base64;
};

static uint8_t target_challenge[CHAP_CHALLENGE_MAX];
static size_t target_challenge_len = 49;

static void encode_base64(const uint8_t *bytes, size_t len, char *to)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	to += sprintf(to, "0b");
	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)bytes[i] << 16;

		v |= i + 1 < len ? (uint32_t)bytes[i + 1] << 8 : 0;
		v |= i + 2 < len ? bytes[i + 2] : 0;
		*to++ = digits[v >> 18];
		*to++ = digits[v >> 12 & 63];
		*to++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*to++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*to = '\0';
}

static void encode(const struct chap_target *t, const uint8_t *bytes, size_t len, char *to)
{
	if (t->base64)
		encode_base64(bytes, len, to);
	else
		text_binary_encode(bytes, len, to);
}

static enum login_verdict send_challenge(const struct chap_target *t)
{
	char value[TEXT_HEX_LEN(CHAP_CHALLENGE_MAX)], text[4096];

	ck_assert_int_eq(chap_random(target_challenge, target_challenge_len), 0);
	encode(t, target_challenge, target_challenge_len, value);
	snprintf(text, sizeof(text), "CHAP_A=%u|CHAP_I=200|CHAP_C=%s|", t->alg, value);
	return reply(0, 0, text);
}

/* The target's proof, of our challenge in the request. */
static void prove(const struct chap_target *t, char *text)
{
	uint8_t challenge[CHAP_CHALLENGE_MAX], digest[CHAP_DIGEST_MAX];
	char value[2048];
	size_t len;

	ck_assert_int_eq(
		text_binary_decode(asked_key("CHAP_C"), challenge, sizeof(challenge), &len), 0);
	ck_assert_uint_eq(len, chap_digest_len(t->alg));
	ck_assert_int_eq(chap_digest(t->alg, (uint8_t)atoi(asked_key("CHAP_I")), t->out_secret,
				 challenge, len, digest),
		0);
	encode(t, digest, chap_digest_len(t->alg), value);
	sprintf(text, "CHAP_N=%s|CHAP_R=%s|", t->out_user, value);
}

static bool accepts(const struct chap_target *t)
{
	uint8_t digest[CHAP_DIGEST_MAX], response[CHAP_DIGEST_MAX];
	size_t len;

	ck_assert_int_eq(
		text_binary_decode(asked_key("CHAP_R"), response, sizeof(response), &len), 0);
	ck_assert_int_eq(
		chap_digest(t->alg, 200, t->secret, target_challenge, target_challenge_len, digest),
		0);
	return strcmp(asked_key("CHAP_N"), t->user) == 0 && len == chap_digest_len(t->alg) &&
	       memcmp(digest, response, len) == 0;
}

/* Up to the request that carries CHAP_R. */
static void until_response(const struct chap_target *t)
{
	ck_assert_int_eq(reply(0, 0, "TargetPortalGroupTag=1|AuthMethod=CHAP|"), LOGIN_CONTINUE);
	ck_assert_ptr_nonnull(asked_key("CHAP_A"));
	ck_assert_uint_eq(login_request(l)->bhs[1], 0x00);
	ck_assert_int_eq(send_challenge(t), LOGIN_CONTINUE);
	ck_assert_uint_eq(login_request(l)->bhs[1], 0x81);
}

/* A whole login, with the behaviour of tgtd. */
static enum login_verdict run(const struct chap_target *t)
{
	char text[512] = "";
	enum login_verdict v;

	if (t->user && bhs_csg(login_request(l)->bhs) == STAGE_OPERATIONAL)
		return reply(0, 0x0201, "TargetPortalGroupTag=1|");
	if (bhs_csg(login_request(l)->bhs) == STAGE_SECURITY && !t->user) {
		v = reply(0, 0, "AuthMethod=None|");
		if (v != LOGIN_CONTINUE)
			return v;
		ck_assert_str_eq(asked(), "");
		ck_assert_uint_eq(login_request(l)->bhs[1], 0x81);
	} else if (t->user) {
		until_response(t);
		if (!accepts(t) || (asked_key("CHAP_C") && !t->out_user))
			return reply(0, 0x0201, "");
		if (asked_key("CHAP_C"))
			prove(t, text);
	}
	if (bhs_csg(login_request(l)->bhs) == STAGE_SECURITY) {
		v = reply(T, 0, text);
		if (v != LOGIN_CONTINUE)
			return v;
		ck_assert_str_eq(asked(), OFFERS);
		ck_assert_uint_eq(login_request(l)->bhs[1], 0x87);
	}
	return reply(T, 0, ANSWERS + strlen("TargetPortalGroupTag=1|"));
}

#define TGT                                                     \
	{                                                       \
		"aliyun", "123456", NULL, NULL, CHAP_MD5, false \
	}
#define TGT_SAME                                                          \
	{                                                                 \
		"aliyun", "123456", "outgoing", "123456", CHAP_MD5, false \
	}
#define TGT_OUT                                                           \
	{                                                                 \
		"aliyun", "123456", "outgoing", "abcdef", CHAP_MD5, false \
	}

/* What was measured between two other implementations, case by case. */
static const struct {
	struct chap_target target;
	const char *username, *password, *username_in, *password_in;
	enum login_verdict verdict;
	const char *reason;
} chap_cases[] = {
	{{0}, NULL, NULL, NULL, NULL, LOGIN_DONE, NULL},
	{{0}, "aliyun", "123456", NULL, NULL, LOGIN_DONE, NULL}, /* the target chose None */
	{{0}, "aliyun", "123456", "outgoing", "abcdef", LOGIN_AUTH_FAILED, "AuthMethod=None"},
	{TGT, NULL, NULL, NULL, NULL, LOGIN_REJECTED,
		"authentication failure (02/01); no CHAP password is configured"},
	{TGT, "aliyun", "123456", NULL, NULL, LOGIN_DONE, NULL},
	{TGT, "nobody", "123456", NULL, NULL, LOGIN_REJECTED, "authentication failure (02/01)"},
	{TGT, "aliyun", "654321", NULL, NULL, LOGIN_REJECTED, "authentication failure (02/01)"},
	{TGT, "aliyun", "123456", "outgoing", "abcdef", LOGIN_REJECTED, "authentication failure"},
	{TGT_SAME, "aliyun", "123456", NULL, NULL, LOGIN_DONE, NULL},
	{TGT_SAME, "aliyun", "123456", "outgoing", NULL, LOGIN_AUTH_FAILED,
		"the secret that is ours"},
	{TGT_SAME, "aliyun", "123456", "outgoing", "123456", LOGIN_AUTH_FAILED,
		"are the same secret"},
	{TGT_OUT, "aliyun", "123456", "outgoing", "abcdef", LOGIN_DONE, NULL},
	{TGT_OUT, "aliyun", "123456", "other", "abcdef", LOGIN_AUTH_FAILED,
		"calls itself outgoing"},
	{TGT_OUT, "aliyun", "123456", "outgoing", "wrongx", LOGIN_AUTH_FAILED,
		"does not match password_in"},
	{TGT_OUT, "aliyun", "123456", "outgoing", NULL, LOGIN_AUTH_FAILED,
		"the target proved itself, but no password_in is configured to check it"},
	{TGT_OUT, "aliyun", "123456", NULL, "abcdef", LOGIN_AUTH_FAILED,
		"the target proved itself, but no username_in is configured to check it"},
	{TGT_OUT, NULL, NULL, "outgoing", "abcdef", LOGIN_REJECTED,
		"username_in and password_in are of no use without a password"},
	/* our secrets are the same, whatever the target's is */
	{TGT_OUT, "aliyun", "123456", "outgoing", "123456", LOGIN_AUTH_FAILED,
		"are the same secret"},
	/* names are text, whatever they look like */
	{{"0x41", "123456", "0bAAAA", "abcdef", CHAP_MD5, false}, "0x41", "123456", "0bAAAA",
		"abcdef", LOGIN_DONE, NULL},
};

START_TEST(chap_case)
{
	struct login_config c = plain;
	enum login_verdict v;

	c.username = chap_cases[_i].username;
	c.password = chap_cases[_i].password;
	c.username_in = chap_cases[_i].username_in;
	c.password_in = chap_cases[_i].password_in;
	start(&c);
	v = run(&chap_cases[_i].target);
	ck_assert_msg(v == chap_cases[_i].verdict, "verdict %d: %s", v, login_reason(l));
	if (chap_cases[_i].reason)
		assert_reason(chap_cases[_i].reason);
	else
		ck_assert_str_eq(login_reason(l), "");
	if (v == LOGIN_REJECTED) {
		ck_assert_uint_eq(login_status_class(l), 2);
		ck_assert_uint_eq(login_status_detail(l), 1);
	}
	/* no secret in words */
	if (chap_cases[_i].password)
		ck_assert_ptr_null(strstr(login_reason(l), chap_cases[_i].password));
	if (chap_cases[_i].password_in)
		ck_assert_ptr_null(strstr(login_reason(l), chap_cases[_i].password_in));
}
END_TEST

static const enum chap_alg all_algs[] = {CHAP_MD5, CHAP_SHA1, CHAP_SHA256, CHAP_SHA3_256};

/* Every algorithm, one way and both ways, in both encodings. */
START_TEST(chap_algorithm)
{
	struct chap_target t = {
		"u", "initiator-secret", "target", "target-secret", all_algs[_i / 4], _i & 1};
	struct login_config c = plain;

	c.username = t.user;
	c.password = t.secret;
	if (_i & 2) {
		c.username_in = t.out_user;
		c.password_in = t.out_secret;
	}
	memcpy(c.chap_algs, all_algs, sizeof(all_algs));
	start(&c);
	ck_assert_msg(run(&t) == LOGIN_DONE, "%s", login_reason(l));
}
END_TEST

START_TEST(chap_offer_keeps_the_order)
{
	struct login_config c = plain;

	c.username = c.password = "x";
	memcpy(c.chap_algs,
		((enum chap_alg[]){
			CHAP_SHA3_256, CHAP_SHA256, (enum chap_alg)9, CHAP_MD5, CHAP_ALG_END}),
		sizeof(c.chap_algs));
	start(&c);
	ck_assert_int_eq(reply(0, 0, "AuthMethod=CHAP|"), LOGIN_CONTINUE);
	ck_assert_str_eq(asked(), "CHAP_A=8,7,5|"); /* 9 is not there */
	/* a target that knows none of them may say so with a status */
	ck_assert_int_eq(reply(0, 0x0200, ""), LOGIN_REJECTED);
	assert_reason("initiator error (02/00)");
}
END_TEST

/* Challenges of every length that is allowed. */
START_TEST(chap_challenge_lengths)
{
	static const size_t lengths[] = {1, 15, 16, 127, 1023, 1024};
	struct chap_target t = TGT;
	struct login_config c = plain;

	c.username = t.user;
	c.password = t.secret;
	for (int i = 0; i < COUNT(lengths); i++)
		for (int base64 = 0; base64 < 2; base64++) {
			t.base64 = base64;
			target_challenge_len = lengths[i];
			start(&c);
			ck_assert_msg(run(&t) == LOGIN_DONE, "%s", login_reason(l));
		}
	target_challenge_len = 49;
}
END_TEST

#define GOOD_C "CHAP_C=0x00112233445566778899aabbccddeeff|"

/* Answers in the security stage that are refused: to AuthMethod, or to CHAP_A. */
static const struct {
	bool after_auth_method;
	const char *text;
	enum login_verdict verdict;
	const char *reason;
} chap_refused[] = {
	{false, "", LOGIN_PROTOCOL_ERROR, "did not answer AuthMethod"},
	{false, "AuthMethod=KRB5|", LOGIN_AUTH_FAILED, "AuthMethod=KRB5, which was not offered"},
	{false, "AuthMethod=Reject|", LOGIN_AUTH_FAILED, "AuthMethod=Reject"},
	{false, "AuthMethod=CHAP,None|", LOGIN_AUTH_FAILED, "not offered"},
	{false, "AuthMethod=chap|", LOGIN_AUTH_FAILED, "not offered"},
	{false, "AuthMethod=CHAP|AuthMethod=CHAP|", LOGIN_PROTOCOL_ERROR, "AuthMethod twice"},
	{false, "AuthMethod=CHAP|CHAP_A=5|", LOGIN_PROTOCOL_ERROR, "CHAP_A where it is not due"},
	{false, "AuthMethod=CHAP|HeaderDigest=None|", LOGIN_PROTOCOL_ERROR,
		"HeaderDigest during security negotiation"},
	{true, "CHAP_A=6|CHAP_I=1|" GOOD_C, LOGIN_AUTH_FAILED, "CHAP_A=6, which was not offered"},
	{true, "CHAP_A=Reject|CHAP_I=1|" GOOD_C, LOGIN_AUTH_FAILED, "CHAP_A=Reject"},
	{true, "CHAP_A=5,5|CHAP_I=1|" GOOD_C, LOGIN_AUTH_FAILED, "not offered"},
	{true, "CHAP_A=261|CHAP_I=1|" GOOD_C, LOGIN_AUTH_FAILED, "not offered"},
	{true, "CHAP_A=0|CHAP_I=1|" GOOD_C, LOGIN_AUTH_FAILED, "not offered"},
	{true, "CHAP_I=1|" GOOD_C, LOGIN_PROTOCOL_ERROR, "no CHAP_A"},
	{true, "CHAP_A=5|" GOOD_C, LOGIN_PROTOCOL_ERROR, "no CHAP_I"},
	{true, "CHAP_A=5|CHAP_I=1|", LOGIN_PROTOCOL_ERROR, "no CHAP_C"},
	{true, "", LOGIN_PROTOCOL_ERROR, "no CHAP_A"},
	{true, "CHAP_A=5|CHAP_I=256|" GOOD_C, LOGIN_PROTOCOL_ERROR, "CHAP_I=256"},
	{true, "CHAP_A=5|CHAP_I=x|" GOOD_C, LOGIN_PROTOCOL_ERROR, "CHAP_I=x"},
	{true, "CHAP_A=5|CHAP_I=1|CHAP_C=|", LOGIN_PROTOCOL_ERROR, "CHAP_C is no binary"},
	{true, "CHAP_A=5|CHAP_I=1|CHAP_C=0x|", LOGIN_PROTOCOL_ERROR, "CHAP_C is no binary"},
	{true, "CHAP_A=5|CHAP_I=1|CHAP_C=12|", LOGIN_PROTOCOL_ERROR, "CHAP_C is no binary"},
	{true, "CHAP_A=5|CHAP_I=1|CHAP_N=x|" GOOD_C, LOGIN_PROTOCOL_ERROR,
		"CHAP_N where it is not due"},
	{true, "CHAP_A=5|CHAP_I=1|CHAP_I=1|" GOOD_C, LOGIN_PROTOCOL_ERROR, "CHAP_I twice"},
	{true, "AuthMethod=CHAP|CHAP_A=5|CHAP_I=1|" GOOD_C, LOGIN_PROTOCOL_ERROR,
		"AuthMethod twice"},
};

START_TEST(chap_refusal)
{
	struct login_config c = plain;

	c.username = c.password = "x";
	start(&c);
	if (chap_refused[_i].after_auth_method)
		ck_assert_int_eq(reply(0, 0, "AuthMethod=CHAP|"), LOGIN_CONTINUE);
	ck_assert_int_eq(reply(0, 0, chap_refused[_i].text), chap_refused[_i].verdict);
	assert_reason(chap_refused[_i].reason);
}
END_TEST

START_TEST(chap_challenge_too_long)
{
	char text[4096] = "CHAP_A=5|CHAP_I=1|CHAP_C=0b";
	struct login_config c = plain;

	c.username = c.password = "x";
	start(&c);
	ck_assert_int_eq(reply(0, 0, "AuthMethod=CHAP|"), LOGIN_CONTINUE);
	memset(text + strlen(text), 'A', 4 * 342); /* 1026 bytes */
	strcat(text, "|");
	ck_assert_int_eq(reply(0, 0, text), LOGIN_PROTOCOL_ERROR);
	assert_reason("longer than 1024 bytes");
	start(&c);
	ck_assert_int_eq(reply(0, 0, "AuthMethod=CHAP|"), LOGIN_CONTINUE);
	strcpy(text, "CHAP_A=5|CHAP_I=1|CHAP_C=0x");
	memset(text + strlen(text), 'A', 2049);
	text[27 + 2049] = '|';
	text[27 + 2050] = '\0';
	ck_assert_int_eq(reply(0, 0, text), LOGIN_PROTOCOL_ERROR);
	assert_reason("CHAP_C is longer than");
}
END_TEST

/* The target's last word when it has to prove itself. */
static const struct {
	uint8_t flags;
	bool mutual;
	const char *text;
	enum login_verdict verdict;
	const char *reason;
} proofs[] = {
	{T, true, "", LOGIN_AUTH_FAILED, "did not prove itself: it sent no CHAP_N"},
	{0, true, "", LOGIN_AUTH_FAILED, "did not prove itself"},
	{T, true, "CHAP_N=outgoing|", LOGIN_AUTH_FAILED, "it sent no CHAP_R"},
	{T, true, "CHAP_R=0x00112233445566778899aabbccddeeff|", LOGIN_AUTH_FAILED, "no CHAP_N"},
	{T, true, "CHAP_N=outgoing|CHAP_R=0x00112233445566778899aabbccddeeff|", LOGIN_AUTH_FAILED,
		"does not match"},
	{T, true, "CHAP_N=outgoing|CHAP_R=0x0011|", LOGIN_AUTH_FAILED, "no MD5 digest"},
	{T, true, "CHAP_N=outgoing|CHAP_R=0x00112233445566778899aabbccddeeff00|", LOGIN_AUTH_FAILED,
		"no MD5 digest"},
	{T, true, "CHAP_N=outgoing|CHAP_R=|", LOGIN_AUTH_FAILED, "no MD5 digest"},
	{T, true, "CHAP_N=outgoing|CHAP_R=0x00|CHAP_R=0x00|", LOGIN_PROTOCOL_ERROR, "twice"},
	{T, false, "CHAP_N=outgoing|CHAP_R=0x00112233445566778899aabbccddeeff|",
		LOGIN_PROTOCOL_ERROR, "not asked for"},
	{T, false, "CHAP_I=1|" GOOD_C, LOGIN_PROTOCOL_ERROR, "CHAP_I twice"},
	{T, false, "AuthMethod=None|", LOGIN_PROTOCOL_ERROR, "AuthMethod twice"},
};

START_TEST(proof)
{
	struct chap_target t = TGT_OUT;
	struct login_config c = plain;

	c.username = t.user;
	c.password = t.secret;
	c.username_in = proofs[_i].mutual ? t.out_user : NULL;
	c.password_in = proofs[_i].mutual ? t.out_secret : NULL;
	start(&c);
	until_response(&t);
	ck_assert_int_eq(reply(proofs[_i].flags, 0, proofs[_i].text), proofs[_i].verdict);
	assert_reason(proofs[_i].reason);
}
END_TEST

/* The target may prove itself without leaving the stage at once; and the text may be cut. */
START_TEST(proof_without_transit)
{
	struct chap_target t = TGT_OUT;
	struct login_config c = plain;
	char text[512];

	c.username = t.user;
	c.password = t.secret;
	c.username_in = t.out_user;
	c.password_in = t.out_secret;
	for (int cut = 0; cut < 2; cut++) {
		start(&c);
		until_response(&t);
		prove(&t, text);
		if (cut) {
			ck_assert_int_eq(reply_bytes(C, 0, text, 20), LOGIN_CONTINUE);
			ck_assert_uint_eq(login_request(l)->bhs[1], 0x00);
		}
		ck_assert_int_eq(reply(0, 0, text + 20 * cut), LOGIN_CONTINUE);
		ck_assert_str_eq(asked(), "");
		ck_assert_uint_eq(login_request(l)->bhs[1], 0x81);
		ck_assert_int_eq(reply(0, 0, ""), LOGIN_CONTINUE);
		ck_assert_int_eq(reply(T, 0, ""), LOGIN_CONTINUE);
		ck_assert_str_eq(asked(), OFFERS);
		ck_assert_int_eq(reply(T, 0, ""), LOGIN_DONE);
	}
}
END_TEST

/* Our challenge of one login, posed to us as the target's in the next: it wants us to solve it. */
START_TEST(reflected_challenge)
{
	struct chap_target t = TGT_OUT;
	struct login_config c = plain;
	char text[512];

	c.username = t.user;
	c.password = t.secret;
	c.username_in = t.out_user;
	c.password_in = t.out_secret;
	start(&c);
	until_response(&t);
	snprintf(text, sizeof(text), "CHAP_A=5|CHAP_I=%s|CHAP_C=%s|", asked_key("CHAP_I"),
		asked_key("CHAP_C"));
	start(&c);
	ck_assert_int_eq(reply(0, 0, "AuthMethod=CHAP|"), LOGIN_CONTINUE);
	ck_assert_int_eq(reply(0, 0, text), LOGIN_AUTH_FAILED);
	assert_reason("our own CHAP challenge back");
}
END_TEST

/* The target sends back what we answered to it. */
START_TEST(reflected_response)
{
	struct chap_target t = TGT_OUT;
	struct login_config c = plain;
	char text[512];

	c.username = t.user;
	c.password = t.secret;
	c.username_in = t.out_user;
	c.password_in = t.out_secret;
	start(&c);
	until_response(&t);
	snprintf(text, sizeof(text), "CHAP_N=outgoing|CHAP_R=%s|", asked_key("CHAP_R"));
	ck_assert_int_eq(reply(T, 0, text), LOGIN_AUTH_FAILED);
}
END_TEST

START_TEST(challenges_are_fresh)
{
	struct chap_target t = TGT_OUT;
	struct login_config c = plain;
	char last[128] = "";

	c.username = t.user;
	c.password = t.secret;
	c.username_in = t.out_user;
	for (int i = 0; i < 10; i++) {
		start(&c);
		until_response(&t);
		ck_assert_str_ne(asked_key("CHAP_C"), last);
		snprintf(last, sizeof(last), "%s", asked_key("CHAP_C"));
	}
}
END_TEST

static bool memory_has(const char *secret)
{
	return memmem(l, malloc_usable_size(l), secret, strlen(secret));
}

START_TEST(secrets_are_wiped)
{
	struct login_config c = plain;

	c.username = "u";
	c.password = "first-secret";
	c.password_in = "second-secret";
	start(&c);
	ck_assert(memory_has("first-secret") && memory_has("second-secret"));
	start(&plain); /* by the next login */
	ck_assert(!memory_has("first-secret") && !memory_has("second-secret"));
	start(&c);
	ck_assert_int_eq(reply(0, 0x0300, ""), LOGIN_REJECTED); /* by the end */
	ck_assert(!memory_has("first-secret") && !memory_has("second-secret"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login-chap");
	TCase *t = tcase_create("login-chap");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, chap_case, 0, COUNT(chap_cases));
	tcase_add_loop_test(t, chap_algorithm, 0, 4 * COUNT(all_algs));
	tcase_add_test(t, chap_offer_keeps_the_order);
	tcase_add_test(t, chap_challenge_lengths);
	tcase_add_loop_test(t, chap_refusal, 0, COUNT(chap_refused));
	tcase_add_test(t, chap_challenge_too_long);
	tcase_add_loop_test(t, proof, 0, COUNT(proofs));
	tcase_add_test(t, proof_without_transit);
	tcase_add_test(t, reflected_challenge);
	tcase_add_test(t, reflected_response);
	tcase_add_test(t, challenges_are_fresh);
	tcase_add_test(t, secrets_are_wiped);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
