/* SPDX-License-Identifier: MIT */
/*
 * unh-chap.c - UNH-IOL's "CHAP Test Suite for iSCSI Initiators" 3.1, by its numbers. All of it is
 * decided by the daemon. That a response is right is checked by script.c, in every test.
 *
 * 2.4, 3.6.1 and 3.6.2 are informative there: an initiator may refuse a value that comes again.
 * This one answers it; what RFC 7143 section 12.1.3 has it refuse is its own challenge (3.8).
 */
#include "text.h"
#include "unh.h"

#define ONE_WAY \
	"node.session.auth.username", SCRIPT_USER, "node.session.auth.password", SCRIPT_SECRET
#define MUTUAL_WITH(user_in)                                                                \
	ONE_WAY, "node.session.auth.username_in", user_in, "node.session.auth.password_in", \
		SCRIPT_SECRET_IN
#define MUTUAL MUTUAL_WITH(SCRIPT_USER_IN)
#define AGAIN "node.session.initial_login_retry_max", "8"

#define CHALLENGE "CHAP_C=0x5b1d00fe3c8849aa77105c3ee2b49f06|"
#define OTHER_CHALLENGE "CHAP_C=0x00112233445566778899aabbccddeeff|"
#define PROOF "CHAP_N=" SCRIPT_USER_IN "|CHAP_R=$R|"
#define HEX32 "00112233445566778899aabbccddeeff"

/* The steps of a login, up to the one that a test is about. */
#define METHOD(offer, answer)                                  \
	{                                                      \
		SECURITY, "*|AuthMethod=" offer "|", 0, answer \
	}
#define METHOD_1 METHOD("CHAP,None", "TargetPortalGroupTag=1|AuthMethod=CHAP|")
#define METHOD_2 METHOD("CHAP", "AuthMethod=CHAP|")
#define CHALLENGED(answer)                       \
	{                                        \
		SECURITY, "CHAP_A=5|", 0, answer \
	}
#define CHALLENGED_WELL CHALLENGED("CHAP_A=5|CHAP_I=7|" CHALLENGE)
#define ANSWERS_1(user) "CHAP_N=" user "|CHAP_R=0x*|"
#define ANSWERS_2(user) ANSWERS_1(user) "CHAP_I=*|CHAP_C=0x*|"
#define ANSWERED_1(answer)                                      \
	{                                                       \
		SECURITY_END, ANSWERS_1(SCRIPT_USER), T, answer \
	}
#define ANSWERED_2(answer)                                      \
	{                                                       \
		SECURITY_END, ANSWERS_2(SCRIPT_USER), T, answer \
	}
#define LATER(ask)                               \
	{                                        \
		SECURITY_END, ask, 0, "", 0x0301 \
	} /* service unavailable: come again */
#define OPERATIONAL_STAGE                            \
	{                                            \
		OPERATIONAL, "HeaderDigest=*", T, "" \
	}

#define GOOD_CHALLENGE(name, challenge)                                                       \
	{                                                                                     \
		name, {ONE_WAY},                                                              \
			{METHOD_1, CHALLENGED(challenge), ANSWERED_1(""), OPERATIONAL_STAGE}, \
			ISCSI_OK                                                              \
	}
#define BAD_METHOD(name, answer)                                                      \
	{                                                                             \
		name, {ONE_WAY}, {METHOD("CHAP,None", answer)}, ISCSI_ERR_FATAL_LOGIN \
	}
#define BAD_CHALLENGE(name, challenge)                                                    \
	{                                                                                 \
		name, {ONE_WAY}, {METHOD_1, CHALLENGED(challenge)}, ISCSI_ERR_FATAL_LOGIN \
	}
#define GOOD_PROOF(name, proof)                                                                    \
	{                                                                                          \
		name, {MUTUAL}, {METHOD_2, CHALLENGED_WELL, ANSWERED_2(proof), OPERATIONAL_STAGE}, \
			ISCSI_OK                                                                   \
	}
#define BAD_PROOF(name, proof)                                                  \
	{                                                                       \
		name, {MUTUAL}, {METHOD_2, CHALLENGED_WELL, ANSWERED_2(proof)}, \
			ISCSI_ERR_FATAL_LOGIN                                   \
	}

#define N51 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"
#define N255 N51 N51 N51 N51 N51

static const struct unh_test tests[] = {
	GOOD_CHALLENGE("1.1 CHAP_A Valid Value", "CHAP_A=5|CHAP_I=7|" CHALLENGE),
	{"1.1 CHAP_A Valid Value: of a list",
		{ONE_WAY, "node.session.auth.chap_algs", "SHA256,MD5"},
		{METHOD_1, {SECURITY, "CHAP_A=7,5|", 0, "CHAP_A=7|CHAP_I=7|" CHALLENGE},
			ANSWERED_1(""), OPERATIONAL_STAGE},
		ISCSI_OK},
	BAD_CHALLENGE("1.2.1 CHAP_A Invalid Numeric Value", "CHAP_A=6|CHAP_I=7|" CHALLENGE),
	BAD_CHALLENGE("1.2.1 CHAP_A Invalid Numeric Value: 261", "CHAP_A=261|CHAP_I=7|" CHALLENGE),
	BAD_CHALLENGE("1.2.2 CHAP_A Invalid Non-Numeric Value", "CHAP_A=MD5|CHAP_I=7|" CHALLENGE),
	BAD_METHOD("1.3 CHAP_A Out of Order", "AuthMethod=CHAP|CHAP_A=5|"),
	BAD_PROOF("1.3 CHAP_A Out of Order: at the end", PROOF "CHAP_A=5|"),

	GOOD_CHALLENGE("2.1 CHAP_I Valid Value", "CHAP_A=5|CHAP_I=255|" CHALLENGE),
	GOOD_CHALLENGE("2.1 CHAP_I Valid Value: hexadecimal", "CHAP_A=5|CHAP_I=0x9c|" CHALLENGE),
	BAD_CHALLENGE("2.2 CHAP_I Invalid Value", "CHAP_A=5|CHAP_I=256|" CHALLENGE),
	BAD_CHALLENGE("2.2 CHAP_I Invalid Value: no number", "CHAP_A=5|CHAP_I=x|" CHALLENGE),
	BAD_METHOD("2.3 CHAP_I Out of Order", "AuthMethod=CHAP|CHAP_I=7|"),
	BAD_PROOF("2.3 CHAP_I Out of Order: at the end", PROOF "CHAP_I=7|"),
	{"2.4 CHAP_I Same Value", {ONE_WAY, AGAIN},
		{METHOD_1, CHALLENGED_WELL, LATER(ANSWERS_1(SCRIPT_USER)), METHOD_1,
			CHALLENGED("CHAP_A=5|CHAP_I=7|" OTHER_CHALLENGE), ANSWERED_1(""),
			OPERATIONAL_STAGE},
		ISCSI_OK},
	{"2.5 CHAP_I Reflected", {MUTUAL, AGAIN},
		{METHOD_2, CHALLENGED_WELL, LATER(ANSWERS_2(SCRIPT_USER)), METHOD_2,
			CHALLENGED("CHAP_A=5|CHAP_I=$I|" OTHER_CHALLENGE), ANSWERED_2(PROOF),
			OPERATIONAL_STAGE},
		ISCSI_OK},
	{"2.6 CHAP_I Different", {ONE_WAY, AGAIN},
		{METHOD_1, CHALLENGED_WELL, LATER(ANSWERS_1(SCRIPT_USER)), METHOD_1,
			CHALLENGED("CHAP_A=5|CHAP_I=8|" OTHER_CHALLENGE), ANSWERED_1(""),
			OPERATIONAL_STAGE},
		ISCSI_OK},

	GOOD_CHALLENGE("3.1 CHAP_C Big Value", "CHAP_A=5|CHAP_I=7|CHAP_C=$L|"),
	GOOD_CHALLENGE("3.2 CHAP_C Small Value", "CHAP_A=5|CHAP_I=7|CHAP_C=0x1|"),
	BAD_CHALLENGE("3.3 CHAP_C Too Big Value", "CHAP_A=5|CHAP_I=7|CHAP_C=$M|"),
	BAD_CHALLENGE("3.4 CHAP_C Too Small Value", "CHAP_A=5|CHAP_I=7|CHAP_C=0x|"),
	BAD_CHALLENGE("3.4 CHAP_C Too Small Value: none", "CHAP_A=5|CHAP_I=7|"),
	BAD_METHOD("3.5 CHAP_C Out of Order", "AuthMethod=CHAP|" CHALLENGE),
	BAD_PROOF("3.5 CHAP_C Out of Order: at the end", PROOF OTHER_CHALLENGE),
	{"3.6.2 CHAP_C Same Value Serial Detection", {ONE_WAY, AGAIN},
		{METHOD_1, CHALLENGED_WELL, LATER(ANSWERS_1(SCRIPT_USER)), METHOD_1,
			CHALLENGED_WELL, ANSWERED_1(""), OPERATIONAL_STAGE},
		ISCSI_OK},
	{"3.8 CHAP_C Reflected", {MUTUAL, AGAIN},
		{METHOD_2, CHALLENGED_WELL, LATER(ANSWERS_2(SCRIPT_USER)), METHOD_2,
			CHALLENGED("CHAP_A=5|CHAP_I=7|CHAP_C=$C|")},
		ISCSI_ERR_FATAL_LOGIN},

	GOOD_PROOF("4.1 CHAP_N Valid Value", PROOF),
	{"4.2 CHAP_N Big Value",
		{"node.session.auth.username", N255, "node.session.auth.password", SCRIPT_SECRET,
			"node.session.auth.username_in", N255, "node.session.auth.password_in",
			SCRIPT_SECRET_IN},
		{METHOD_2, CHALLENGED_WELL,
			{SECURITY_END, ANSWERS_2(N255), T, "CHAP_N=" N255 "|CHAP_R=$R|"},
			OPERATIONAL_STAGE},
		ISCSI_OK},
	{"4.3 CHAP_N Small Value",
		{"node.session.auth.username", "u", "node.session.auth.password", SCRIPT_SECRET,
			"node.session.auth.username_in", "v", "node.session.auth.password_in",
			SCRIPT_SECRET_IN},
		{METHOD_2, CHALLENGED_WELL,
			{SECURITY_END, ANSWERS_2("u"), T, "CHAP_N=v|CHAP_R=$R|"},
			OPERATIONAL_STAGE},
		ISCSI_OK},
	BAD_PROOF("4.4 CHAP_N Too Big Value", "CHAP_N=n" N255 "|CHAP_R=$R|"),
	BAD_PROOF("4.4 CHAP_N Too Big Value: empty", "CHAP_N=|CHAP_R=$R|"),
	BAD_CHALLENGE("4.5 CHAP_N Out of Order",
		"CHAP_A=5|CHAP_I=7|" CHALLENGE "CHAP_N=" SCRIPT_USER_IN "|"),
	{"4.5 CHAP_N Out of Order: nobody asked", {ONE_WAY},
		{METHOD_1, CHALLENGED_WELL, ANSWERED_1("CHAP_N=" SCRIPT_USER_IN "|")},
		ISCSI_ERR_FATAL_LOGIN},
	BAD_PROOF("4.6 CHAP_N Reflected", "CHAP_N=$N|CHAP_R=$R|"),
	{"4.7 CHAP_N Same", {MUTUAL_WITH(SCRIPT_USER)},
		{METHOD_2, CHALLENGED_WELL, ANSWERED_2("CHAP_N=$N|CHAP_R=$R|"), OPERATIONAL_STAGE},
		ISCSI_OK},
	BAD_PROOF("4.8 CHAP_N Different", "CHAP_N=another|CHAP_R=$R|"),

	BAD_PROOF("5.1 CHAP_R Invalid Value", "CHAP_N=" SCRIPT_USER_IN "|CHAP_R=0x" HEX32 "|"),
	BAD_PROOF("5.1 CHAP_R Invalid Value: no binary", "CHAP_N=" SCRIPT_USER_IN "|CHAP_R=xyz|"),
	BAD_PROOF("5.2 CHAP_R Too Big Value", "CHAP_N=" SCRIPT_USER_IN "|CHAP_R=$R00|"),
	BAD_PROOF("5.3 CHAP_R Too Small Value", "CHAP_N=" SCRIPT_USER_IN "|CHAP_R=0x0011|"),
	BAD_PROOF("5.3 CHAP_R Too Small Value: none", "CHAP_N=" SCRIPT_USER_IN "|"),
	BAD_CHALLENGE(
		"5.x CHAP_R Out of Order", "CHAP_A=5|CHAP_I=7|" CHALLENGE "CHAP_R=0x" HEX32 "|"),
	BAD_PROOF("5.x CHAP_R Reflected", "CHAP_N=" SCRIPT_USER_IN "|CHAP_R=$r|"),
};

UNH_BOTH_WAYS(tests)

/* ---- what the initiator offers, in several sessions ---- */

static const struct unh_test mutual = GOOD_PROOF("3.6.4, 3.7", PROOF);

START_TEST(chap_c_same_value_serial_offer) /* 3.6.4 */
{
	char first[TEXT_VALUE_MAX + 1];

	unh_first_login(&mutual);
	snprintf(first, sizeof(first), "%s", script_heard('C'));
	ck_assert_int_eq(sim_logout(unh_waiter.sid, &unh_waiter), ISCSI_OK);
	sim.target.connections = sim.target.closed = 0;
	unh_first_login(&mutual);
	ck_assert_str_ne(script_heard('C'), first);
}
END_TEST

START_TEST(chap_c_reflect) /* 3.7 */
{
	unh_first_login(&mutual);
	ck_assert_str_ne(script_heard('C'), strchr(CHALLENGE, '=') + 1);
	ck_assert_uint_eq(strlen(script_heard('C')), strlen("0x" HEX32));
}
END_TEST

/* Logins at the same time; all of them get the same challenge. */
#define SESSIONS 4
static char offers[SESSIONS][TEXT_VALUE_MAX + 1];
static int n_offers;

static void challenge_all_alike(const struct fake_pdu *request, struct fake_pdu *ret)
{
	static const struct script_step method = METHOD_2, challenged = CHALLENGED_WELL,
					answered = ANSWERED_2(PROOF),
					operational = OPERATIONAL_STAGE;
	bool security = bhs_csg(request->bhs) == STAGE_SECURITY;
	bool last = bhs_flags(request->bhs) & T;
	const char *offer;

	script_say(!security						  ? &operational
		   : last						  ? &answered
		   : text_find(request->text, request->len, "AuthMethod") ? &method
									  : &challenged,
		request, ret);
	offer = text_find(request->text, request->len, "CHAP_C");
	if (offer)
		snprintf(offers[n_offers++], sizeof(offers[0]), "%s", offer);
}

START_TEST(chap_c_same_value_parallel) /* 3.6.1, 3.6.3 */
{
	static struct sim_waiter w[SESSIONS];
	struct iscsi_node *n;

	sim.target.answer = ANSWER_SCRIPT;
	sim.target.script = challenge_all_alike;
	for (int i = 0; i < SESSIONS; i++) {
		n = sim_node(0);
		unh_set(n, &mutual);
		iscsi_node_set(n, "node.session.nr_sessions", "4");
		sim_begin_login(n, &w[i]);
	}
	sim_settle();
	for (int i = 0; i < SESSIONS; i++)
		ck_assert_int_eq(w[i].code, ISCSI_OK);
	ck_assert_int_eq(n_offers, SESSIONS);
	for (int i = 0; i < SESSIONS; i++)
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(offers[i], offers[k]);
}
END_TEST

static void add_others(Suite *s, TCase *c)
{
	(void)s;
	tcase_add_test(c, chap_c_same_value_serial_offer);
	tcase_add_test(c, chap_c_reflect);
	tcase_add_test(c, chap_c_same_value_parallel);
}

int main(void)
{
	return unh_main("unh-chap", COUNT(tests), first_login, relogin, add_others);
}
