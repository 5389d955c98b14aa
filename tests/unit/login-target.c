/* SPDX-License-Identifier: MIT */
/* The target's role of the login against initiators that do what they should not. */
#include "login-pair.h"

#include <malloc.h>
#include <stdio.h>

#define NAMES "InitiatorName=" INITIATOR "|TargetName=" TARGET "|SessionType=Normal|"
#define SECURITY 0x00	 /* flags: stage 0, no T */
#define SECURITY_1 0x81	 /* stage 0, to 1 */
#define OPERATIONAL 0x04 /* stage 1, no T */
#define LAST 0x87	 /* stage 1, to 3 */
#define V255                                                                                    \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv" \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv" \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"

/* A request as a correct initiator makes it; '|' stands for NUL. */
static void make(struct pdu *p, uint8_t flags, const char *text, size_t len)
{
	static const uint8_t isid[] = ISID;

	*p = (struct pdu){.data = malloc(len ? len : 1), .data_len = len, .data_room = len};
	for (size_t i = 0; i < len; i++)
		p->data[i] = (uint8_t)(text[i] == '|' ? 0 : text[i]);
	bhs_set_opcode(p->bhs, OP_LOGIN, true);
	bhs_set_flags(p->bhs, flags);
	bhs_set_isid(p->bhs, isid);
	bhs_set_itt(p->bhs, 9);
	bhs_set_cid(p->bhs, 3);
	bhs_set_cmdsn(p->bhs, 40);
	bhs_set_data_len(p->bhs, (uint32_t)len);
}

static enum login_target_verdict ask_bytes(uint8_t flags, const char *text, size_t len)
{
	struct pdu p;

	make(&p, flags, text, len);
	target_verdict = login_target_request(target, &p);
	free(p.data);
	return target_verdict;
}

static enum login_target_verdict ask(uint8_t flags, const char *text)
{
	return ask_bytes(flags, text, strlen(text));
}

/* The response's text with '|' for NUL. */
static const char *answer(void)
{
	static char text[16384];
	const struct pdu *p = login_target_response(target);

	ck_assert_uint_le(p->data_len, LOGIN_DATA_MAX);
	ck_assert_uint_eq(bhs_data_len(p->bhs), p->data_len);
	for (size_t i = 0; i < p->data_len; i++)
		text[i] = p->data[i] ? (char)p->data[i] : '|';
	text[p->data_len] = '\0';
	return text;
}

static uint8_t answer_flags(void)
{
	return bhs_flags(login_target_response(target)->bhs);
}

static void start(void)
{
	login_target_start(target, &calls);
}

static void assert_refused(enum login_status status, const char *reason)
{
	const uint8_t *bhs = login_target_response(target)->bhs;
	const char *said = login_target_reason(target);

	ck_assert_msg(
		target_verdict == LOGIN_TARGET_FAILED, "verdict %d: %s", target_verdict, said);
	ck_assert_msg(login_target_status(target) == status, "%04x: %s",
		login_target_status(target), said);
	ck_assert_uint_eq(bhs_status_class(bhs) << 8 | bhs_status_detail(bhs), status);
	ck_assert_msg(strstr(said, reason), "%s", said);
	for (; *said; said++)
		ck_assert(*said >= 0x20 && *said < 0x7f);
	ck_assert_str_eq(answer(), "");
	ck_assert_uint_eq(bhs[0], OP_LOGIN_RESPONSE);
	ck_assert_uint_eq(answer_flags() & (T | C), 0);
	ck_assert_int_eq(world.admitted, 0);
	/* it is over */
	ck_assert_int_eq(ask(LAST, NAMES), LOGIN_TARGET_FAILED);
}

/* ---- what is answered ---- */

static const struct {
	const char *text, *answer;
} answers[] = {
	{"", ""},
	{"HeaderDigest=CRC32C|", "HeaderDigest=CRC32C|"},
	{"HeaderDigest=None,CRC32C|", "HeaderDigest=None|"},
	{"HeaderDigest=CRC-64,CRC32C|", "HeaderDigest=CRC32C|"},
	{"HeaderDigest=Foo|", "HeaderDigest=Reject|"},
	{"InitialR2T=maybe|", "InitialR2T=Reject|"},
	{"InitialR2T=No|ImmediateData=No|", "InitialR2T=Yes|ImmediateData=No|"},
	{"MaxRecvDataSegmentLength=100|", "MaxRecvDataSegmentLength=Reject|"},
	{"MaxRecvDataSegmentLength=16777216|", "MaxRecvDataSegmentLength=Reject|"},
	{"MaxRecvDataSegmentLength=65536|", ""},
	{"MaxBurstLength=abc|", "MaxBurstLength=Reject|"},
	{"MaxBurstLength=0x40000|", "MaxBurstLength=262144|"},
	{"FirstBurstLength=16777215|", "FirstBurstLength=65536|"},
	{"MaxConnections=8|", "MaxConnections=1|"},
	{"ErrorRecoveryLevel=2|", "ErrorRecoveryLevel=0|"},
	{"ErrorRecoveryLevel=3|", "ErrorRecoveryLevel=Reject|"},
	{"DefaultTime2Wait=60|DefaultTime2Retain=3600|",
		"DefaultTime2Wait=60|DefaultTime2Retain=20|"},
	{"IFMarker=Yes|OFMarker=No|IFMarkInt=2048~65535|OFMarkInt=1|",
		"IFMarker=No|OFMarker=No|IFMarkInt=Reject|OFMarkInt=Reject|"},
	{"TaskReporting=FastAbort,RFC3720|iSCSIProtocolLevel=2|",
		"TaskReporting=RFC3720|iSCSIProtocolLevel=1|"},
	{"X-com.example.x=1|SendTargets=All|maxburstlength=512|",
		"X-com.example.x=NotUnderstood|SendTargets=NotUnderstood|"
		"maxburstlength=NotUnderstood|"},
	{"||MaxBurstLength=512|||", "MaxBurstLength=512|"},
	{"InitiatorAlias=a host|", ""},
	{"TargetPortalGroupTag=NotUnderstood|", ""},
};

START_TEST(answered)
{
	char text[1024], want[1024];
	const uint8_t *bhs = login_target_response(target)->bhs;

	snprintf(text, sizeof(text), NAMES "%s", answers[_i].text);
	snprintf(want, sizeof(want), "TargetPortalGroupTag=1|%s", answers[_i].answer);
	start();
	if (strstr(answers[_i].text,
		    "=NotUnderstood")) { /* an answer comes after what it answers */
		ck_assert_int_eq(ask(OPERATIONAL, NAMES), LOGIN_TARGET_CONTINUE);
		ck_assert_int_eq(ask(LAST, answers[_i].text), LOGIN_TARGET_DONE);
		return;
	}
	ck_assert_msg(ask(LAST, text) == LOGIN_TARGET_DONE, "%s", login_target_reason(target));
	ck_assert_str_eq(answer(), want);
	ck_assert_uint_eq(answer_flags(), LAST);
	ck_assert_uint_eq(bhs[2], 0); /* Version-max and Version-active */
	ck_assert_uint_eq(bhs[3], 0);
	ck_assert_uint_eq(bhs_itt(bhs), 9);
	ck_assert_uint_eq(bhs_tsih(bhs), 0x1234);
	ck_assert_uint_eq(login_target_result(target)->cid, 3);
	ck_assert_uint_eq(login_target_result(target)->cmdsn, 40);
	/* nothing more is taken */
	ck_assert_int_eq(ask(LAST, NAMES), LOGIN_TARGET_DONE);
}
END_TEST

START_TEST(irrelevant_in_discovery)
{
	start();
	ck_assert_int_eq(ask(LAST, "InitiatorName=" INITIATOR "|SessionType=Discovery|"
				   "InitialR2T=No|MaxBurstLength=512|DefaultTime2Wait=2|"
				   "TargetName=iqn.a:b|"),
		LOGIN_TARGET_DONE);
	ck_assert_str_eq(
		answer(), "InitialR2T=Irrelevant|MaxBurstLength=Irrelevant|DefaultTime2Wait=2|");
	ck_assert_str_eq(login_target_result(target)->target_name, "");
}
END_TEST

/* ---- our own offers ---- */

START_TEST(offers)
{
	struct login_params *p = &world.settings.params;

	p->max_burst = 1048576;
	p->first_burst = 262144;
	p->initial_r2t = false;
	p->max_recv_data_segment = 65536;
	p->header_digest = DIGEST_CRC32C;
	start();
	ck_assert_int_eq(
		ask(LAST, NAMES "InitialR2T=Yes|MaxBurstLength=131072|"), LOGIN_TARGET_CONTINUE);
	/* what the initiator spoke of is settled, and bursts do not contradict each other */
	ck_assert_str_eq(answer(), "TargetPortalGroupTag=1|InitialR2T=Yes|MaxBurstLength=131072|"
				   "HeaderDigest=CRC32C|FirstBurstLength=131072|"
				   "MaxRecvDataSegmentLength=65536|");
	ck_assert_uint_eq(answer_flags(), OPERATIONAL);
	ck_assert_int_eq(
		ask(LAST, "HeaderDigest=CRC32C|FirstBurstLength=4096|"), LOGIN_TARGET_DONE);
	ck_assert_str_eq(answer(), "");
	ck_assert_uint_eq(login_target_result(target)->params.first_burst, 4096);
	ck_assert_uint_eq(login_target_result(target)->params.max_burst, 131072);
	ck_assert_int_eq(login_target_result(target)->params.header_digest, DIGEST_CRC32C);
	ck_assert_uint_eq(login_target_result(target)->params.max_recv_data_segment, 65536);
}
END_TEST

/* Answers to our offers of HeaderDigest=CRC32C and MaxBurstLength=65536. */
static const struct {
	const char *text, *reason; /* NULL: taken */
} offer_answers[] = {
	{"HeaderDigest=CRC32C|MaxBurstLength=65536|", NULL},
	{"HeaderDigest=CRC32C|MaxBurstLength=512|", NULL},
	{"HeaderDigest=CRC32C|MaxBurstLength=Reject|", NULL},
	{"HeaderDigest=CRC32C|", NULL}, /* the default stays */
	{"HeaderDigest=None|", "HeaderDigest=None was not offered"},
	{"HeaderDigest=Reject|", "leaves nothing that may be used"},
	{"MaxBurstLength=65536|", "did not answer HeaderDigest"},
	{"", "did not answer HeaderDigest"},
	{"HeaderDigest=CRC32C|MaxBurstLength=65537|", "is more than was offered"},
	{"HeaderDigest=CRC32C|MaxBurstLength=x|", "is no number within its range"},
	{"HeaderDigest=CRC32C|HeaderDigest=CRC32C|", "HeaderDigest twice"},
};

START_TEST(offer_answered)
{
	world.settings.params.header_digest = DIGEST_CRC32C;
	world.settings.params.max_burst = 65536;
	start();
	ck_assert_int_eq(ask(LAST, NAMES), LOGIN_TARGET_CONTINUE);
	ck_assert_str_eq(
		answer(), "TargetPortalGroupTag=1|HeaderDigest=CRC32C|MaxBurstLength=65536|");
	ask(LAST, offer_answers[_i].text);
	if (offer_answers[_i].reason)
		assert_refused(LOGIN_STATUS_INITIATOR_ERROR, offer_answers[_i].reason);
	else
		ck_assert_msg(
			target_verdict == LOGIN_TARGET_DONE, "%s", login_target_reason(target));
}
END_TEST

/* The initiator refuses what we insist on by leaving the operational stage out. */
START_TEST(no_operational_stage)
{
	start();
	ck_assert_int_eq(ask(0x83, NAMES "AuthMethod=None|"), LOGIN_TARGET_DONE);
	ck_assert_str_eq(answer(), "TargetPortalGroupTag=1|AuthMethod=None|");
	ck_assert_uint_eq(login_target_result(target)->params.max_burst, 262144);
	world.settings.params.data_digest = DIGEST_CRC32C;
	world.admitted = 0;
	start();
	ask(0x83, NAMES "AuthMethod=None|");
	assert_refused(LOGIN_STATUS_INITIATOR_ERROR, "DataDigest");
}
END_TEST

/* ---- the first request ---- */

static const struct {
	bool chap;
	uint8_t flags;
	const char *text;
	enum login_status status;
	const char *reason;
} firsts[] = {
	{false, LAST, "", 0x0207, "sent no InitiatorName"},
	{false, LAST, "TargetName=" TARGET "|", 0x0207, "sent no InitiatorName"},
	{false, LAST, "InitiatorName=" INITIATOR "|", 0x0207, "sent no TargetName"},
	{false, LAST, "InitiatorName=|TargetName=" TARGET "|", 0x0207, "sent no InitiatorName"},
	{false, LAST, "InitiatorName=" INITIATOR "|SessionType=Discover|", 0x0209,
		"no session type Discover"},
	{false, LAST, "InitiatorName=a b|TargetName=" TARGET "|", 0x0200, "not allowed"},
	{false, LAST, "InitiatorName=" INITIATOR "|TargetName=../x|", 0x0200, "not allowed"},
	{false, LAST, "InitiatorName=a\nb|TargetName=" TARGET "|", 0x0200, "a\\x0ab"},
	{false, LAST, "InitiatorName=" V255 "|TargetName=" TARGET "|", 0x0200, "longer than 223"},
	{false, LAST, NAMES "InitiatorName=iqn.a:b|", 0x0200, "InitiatorName twice"},
	{false, LAST, NAMES "SessionType=Discovery|", 0x0200, "SessionType twice"},
	{false, LAST, NAMES "MaxBurstLength=512|MaxBurstLength=512|", 0x0200,
		"MaxBurstLength twice"},
	{false, LAST, NAMES "X-a=1|X-b=1|X-a=1|", 0x0200, "X-a twice"},
	{false, LAST, NAMES "MaxBurstLength", 0x0200, "does not end with a NUL"},
	{false, LAST, NAMES "MaxBurstLength|", 0x0200, "a pair has no '='"},
	{false, LAST, NAMES "=|", 0x0200, "a key is empty"},
	{false, LAST, NAMES "X-a=v" V255 "|", 0x0200, "X-a is longer than 255 bytes"},
	{false, LAST, NAMES "InitiatorAlias=v" V255 "|", 0x0200, "is longer than 255 bytes"},
	{false, LAST, NAMES "TargetAlias=x|", 0x0200, "TargetAlias, which is ours"},
	{false, LAST, NAMES "TargetPortalGroupTag=1|", 0x0200,
		"TargetPortalGroupTag, which is ours"},
	{false, LAST, NAMES "TargetAddress=h:1,1|", 0x0200, "TargetAddress, which is ours"},
	{false, LAST, NAMES "MaxBurstLength=Reject|", 0x0200, "which was not offered"},
	{false, LAST, NAMES "X-a=NotUnderstood|", 0x0200, "which was not offered"},
	{false, LAST, NAMES "AuthMethod=None|", 0x0200, "AuthMethod during operational"},
	{false, LAST, NAMES "CHAP_A=5|", 0x0200, "CHAP_A during operational"},
	{false, LAST, NAMES "MaxBurstLength=512|FirstBurstLength=1024|", 0x0200,
		"FirstBurstLength 1024 exceeds its MaxBurstLength 512"},
	{false, SECURITY, NAMES "HeaderDigest=None|", 0x0200, "HeaderDigest during security"},
	{false, SECURITY, NAMES "CHAP_A=5|", 0x0200, "CHAP_A where it is not due"},
	{false, SECURITY, NAMES "AuthMethod=KRB5|", 0x0201, "offers KRB5"},
	{false, SECURITY, NAMES "AuthMethod=CHAP|", 0x0201, "offers CHAP"},
	{false, SECURITY, NAMES "AuthMethod=|", 0x0201, "offers "},
	{false, SECURITY, NAMES "AuthMethod=none|", 0x0201, "offers none"},
	{false, 0x80, NAMES, 0x0200, "from stage 0 to 0"},
	{false, 0x82, NAMES, 0x0200, "from stage 0 to 2"},
	{false, 0x85, NAMES, 0x0200, "from stage 1 to 1"},
	{false, 0x84, NAMES, 0x0200, "from stage 1 to 0"},
	{false, 0x08, NAMES, 0x0200, "stage 2"},
	{false, 0x8f, NAMES, 0x0200, "stage 3"},
	{false, LAST | C, NAMES, 0x0200, "middle of a text"},
	{true, LAST, NAMES, 0x0201, "skips authentication"},
	{true, OPERATIONAL, NAMES, 0x0201, "skips authentication"},
	{true, SECURITY, NAMES "AuthMethod=None|", 0x0201, "AuthMethod=CHAP is required"},
	{true, SECURITY_1, NAMES, 0x0201, "offers nothing"},
	{true, 0x83, NAMES, 0x0201, "offers nothing"},
};

START_TEST(first_refused)
{
	world.settings.chap = firsts[_i].chap;
	start();
	ask(firsts[_i].flags, firsts[_i].text);
	assert_refused(firsts[_i].status, firsts[_i].reason);
}
END_TEST

START_TEST(no_login_at_all)
{
	struct pdu p;

	start();
	make(&p, LAST, NAMES, strlen(NAMES));
	bhs_set_opcode(p.bhs, OP_SCSI_COMMAND, false);
	ck_assert_int_eq(login_target_request(target, &p), LOGIN_TARGET_DROP);
	ck_assert_ptr_nonnull(strstr(login_target_reason(target), "SCSI Command"));
	bhs_set_opcode(p.bhs, OP_LOGIN, true);
	ck_assert_int_eq(login_target_request(target, &p), LOGIN_TARGET_DROP);
	free(p.data);
	ck_assert_int_eq(world.identified, 0);
}
END_TEST

/* ---- headers in mid-login ---- */

static const struct {
	uint8_t at, with;
	enum login_status status;
	const char *reason;
} spoilt[] = {
	{0, OP_LOGIN ^ OP_TEXT, 0x020b, "PDU Text Request during login"},
	{0, OP_LOGIN, 0x020b, "PDU NOP-Out during login"},
	{0, 0x1f, 0x020b, "PDU unknown during login"},
	{3, 1, 0x0205, "no version of the protocol below 1"},
	{8, 1, 0x0200, "ISID, TSIH or CID"},
	{13, 1, 0x0200, "ISID, TSIH or CID"},
	{15, 1, 0x0200, "ISID, TSIH or CID"},
	{19, 1, 0x0200, "Initiator Task Tag"},
	{21, 1, 0x0200, "ISID, TSIH or CID"},
	{1, 0x04, 0x0200, "is in stage 0, the login in 1"},
	{1, 0x08, 0x0200, "is in stage 3, the login in 1"},
};

START_TEST(header_refused)
{
	struct pdu p;

	start();
	ck_assert_int_eq(ask(OPERATIONAL, NAMES), LOGIN_TARGET_CONTINUE);
	make(&p, LAST, "", 0);
	p.bhs[spoilt[_i].at] ^= spoilt[_i].with;
	target_verdict = login_target_request(target, &p);
	free(p.data);
	assert_refused(spoilt[_i].status, spoilt[_i].reason);
}
END_TEST

/* TSIH of an existing session: admission decides, and hears of it. */
START_TEST(tsih_is_handed_on)
{
	struct pdu p;

	start();
	make(&p, LAST, NAMES, strlen(NAMES));
	bhs_set_tsih(p.bhs, 0x1234);
	ck_assert_int_eq(login_target_request(target, &p), LOGIN_TARGET_DONE);
	ck_assert_uint_eq(bhs_tsih(login_target_response(target)->bhs), 0x1234);
	free(p.data);
}
END_TEST

/* What is leading comes first or not at all. */
START_TEST(names_come_late)
{
	start();
	ck_assert_int_eq(ask(OPERATIONAL, "InitiatorName=" INITIATOR "|TargetName=" TARGET "|"),
		LOGIN_TARGET_CONTINUE);
	ask(LAST, "SessionType=Discovery|");
	assert_refused(LOGIN_STATUS_INITIATOR_ERROR, "SessionType where it is not due");
}
END_TEST

START_TEST(duplicate_in_a_later_request)
{
	start();
	ck_assert_int_eq(ask(OPERATIONAL, NAMES "MaxBurstLength=512|"), LOGIN_TARGET_CONTINUE);
	ask(LAST, "MaxBurstLength=512|");
	assert_refused(LOGIN_STATUS_INITIATOR_ERROR, "MaxBurstLength twice");
}
END_TEST

/* ---- CHAP out of order ---- */

#define GOOD_R "CHAP_R=0x00112233445566778899aabbccddeeff|"

static const struct {
	const char *second, *third;
	enum login_status status;
	const char *reason;
} chap_refused[] = {
	{"CHAP_A=4,9|", NULL, 0x0201, "none of the initiator's CHAP algorithms, CHAP_A=4,9"},
	{"CHAP_A=|", NULL, 0x0201, "CHAP_A="},
	{"CHAP_A=261,MD5,55555555555555555555|", NULL, 0x0201, "none of"},
	{"", NULL, 0x0207, "no CHAP_A"},
	{"CHAP_N=user|" GOOD_R, NULL, 0x0200, "CHAP_N where it is not due"},
	{"CHAP_A=5|CHAP_N=user|", NULL, 0x0200, "CHAP_N where it is not due"},
	{"CHAP_A=5|CHAP_A=5|", NULL, 0x0200, "CHAP_A twice"},
	{"AuthMethod=None|", NULL, 0x0200, "AuthMethod twice"},
	{"CHAP_A=5|", "", 0x0207, "no CHAP_N"},
	{"CHAP_A=5|", "CHAP_N=user|", 0x0207, "no CHAP_R"},
	{"CHAP_A=5|", GOOD_R, 0x0207, "no CHAP_N"},
	{"CHAP_A=5|", "CHAP_A=5|", 0x0200, "CHAP_A twice"},
	{"CHAP_A=5|", "CHAP_N=user|" GOOD_R, 0x0201, "does not match"},
	{"CHAP_A=5|", "CHAP_N=nobody|" GOOD_R, 0x0201, "no incoming account nobody"},
	{"CHAP_A=5|", "CHAP_N=|" GOOD_R, 0x0201, "no incoming account"},
	{"CHAP_A=5|", "CHAP_N=a\nb|" GOOD_R, 0x0201, "a\\x0ab"},
	{"CHAP_A=5|", "CHAP_N=user|CHAP_R=0x0011|", 0x0201, "no MD5 digest"},
	{"CHAP_A=5|", "CHAP_N=user|CHAP_R=|", 0x0201, "no MD5 digest"},
	{"CHAP_A=5|", "CHAP_N=user|CHAP_R=xyz|", 0x0201, "no MD5 digest"},
	{"CHAP_A=7|", "CHAP_N=user|" GOOD_R, 0x0201, "no SHA256 digest"},
};

START_TEST(chap_refusal)
{
	world.settings.chap = true;
	world.user = "user";
	world.secret = "incoming-secret";
	start();
	ck_assert_int_eq(ask(SECURITY, NAMES "AuthMethod=None,CHAP|"), LOGIN_TARGET_CONTINUE);
	ck_assert_str_eq(answer(), "TargetPortalGroupTag=1|AuthMethod=CHAP|");
	ask(SECURITY, chap_refused[_i].second);
	if (chap_refused[_i].third) {
		ck_assert_int_eq(target_verdict, LOGIN_TARGET_CONTINUE);
		ask(SECURITY_1, chap_refused[_i].third);
	}
	assert_refused(chap_refused[_i].status, chap_refused[_i].reason);
	ck_assert_ptr_null(strstr(login_target_reason(target), "incoming-secret"));
}
END_TEST

static const char *answered_key(const char *key)
{
	const struct pdu *p = login_target_response(target);

	return text_find(p->data, p->data_len, key);
}

/* CHAP_N and CHAP_R of a good initiator, base64 or hex, into text. */
static void prove(char *text, size_t room)
{
	uint8_t challenge[64], digest[CHAP_DIGEST_MAX];
	char value[TEXT_HEX_LEN(CHAP_DIGEST_MAX)];
	size_t len;

	ck_assert_int_eq(
		text_binary_decode(answered_key("CHAP_C"), challenge, sizeof(challenge), &len), 0);
	ck_assert_uint_eq(len, 16);
	ck_assert_int_eq(chap_digest(CHAP_MD5, (uint8_t)atoi(answered_key("CHAP_I")),
				 "incoming-secret", challenge, len, digest),
		0);
	text_binary_encode(digest, 16, value);
	snprintf(text, room, "CHAP_N=user|CHAP_R=%s|", value);
}

static void until_proof(char *text, size_t room)
{
	world.settings.chap = true;
	world.user = "user";
	world.secret = "incoming-secret";
	world.settings.username_out = "target";
	world.settings.password_out = "outgoing-secret";
	start();
	ck_assert_int_eq(ask(SECURITY, NAMES "AuthMethod=CHAP|"), LOGIN_TARGET_CONTINUE);
	ck_assert_int_eq(ask(SECURITY, "CHAP_A=5|"), LOGIN_TARGET_CONTINUE);
	ck_assert_uint_eq(answer_flags(), SECURITY);
	prove(text, room);
}

/* The initiator's own challenge, behind a good proof. */
static const struct {
	const char *text;
	enum login_status status;
	const char *reason; /* NULL: taken */
} counter_challenges[] = {
	{"CHAP_I=7|CHAP_C=0x01|", 0, NULL},
	{"CHAP_I=0|CHAP_C=0bAAAA|", 0, NULL},
	{"CHAP_I=7|", 0x0207, "sent no CHAP_C"},
	{"CHAP_C=0x01|", 0x0207, "sent no CHAP_I"},
	{"CHAP_I=256|CHAP_C=0x01|", 0x0200, "CHAP_I=256"},
	{"CHAP_I=-1|CHAP_C=0x01|", 0x0200, "CHAP_I=-1"},
	{"CHAP_I=7|CHAP_C=|", 0x0200, "CHAP_C is no binary"},
	{"CHAP_I=7|CHAP_C=0x|", 0x0200, "CHAP_C is no binary"},
	{"CHAP_I=7|CHAP_C=@|", 0x0200, "our own CHAP challenge back"},
};

START_TEST(counter_challenge)
{
	char text[2048], *mark;

	until_proof(text, sizeof(text));
	strcat(text, counter_challenges[_i].text);
	mark = strchr(text, '@');
	if (mark)
		sprintf(mark, "%s|", answered_key("CHAP_C"));
	ask(SECURITY_1, text);
	if (counter_challenges[_i].reason) {
		assert_refused(counter_challenges[_i].status, counter_challenges[_i].reason);
		return;
	}
	ck_assert_int_eq(target_verdict, LOGIN_TARGET_CONTINUE);
	ck_assert_uint_eq(answer_flags(), SECURITY_1);
	ck_assert_str_eq(answered_key("CHAP_N"), "target");
	ck_assert_uint_eq(strlen(answered_key("CHAP_R")), 34);
	ck_assert_int_eq(ask(LAST, ""), LOGIN_TARGET_DONE);
}
END_TEST

/* The proof of one login is of no use in the next. */
START_TEST(replayed_proof)
{
	char text[256], other[256];

	until_proof(text, sizeof(text));
	until_proof(other, sizeof(other));
	ask(SECURITY_1, text);
	assert_refused(LOGIN_STATUS_AUTHENTICATION_FAILURE, "does not match");
}
END_TEST

/* After the proof the stage may go on, but not back. */
START_TEST(after_the_proof)
{
	char text[256];

	until_proof(text, sizeof(text));
	ck_assert_int_eq(ask(SECURITY, text), LOGIN_TARGET_CONTINUE);
	ck_assert_uint_eq(answer_flags(), SECURITY);
	ck_assert_int_eq(ask(SECURITY, ""), LOGIN_TARGET_CONTINUE);
	ck_assert_int_eq(ask(SECURITY_1, "MaxRecvDataSegmentLength=65536|"), LOGIN_TARGET_CONTINUE);
	ck_assert_uint_eq(answer_flags(), SECURITY_1);
	ck_assert_int_eq(ask(LAST, ""), LOGIN_TARGET_DONE);
	ck_assert_uint_eq(login_target_result(target)->params.max_xmit_data_segment, 65536);
	until_proof(text, sizeof(text));
	ck_assert_int_eq(ask(SECURITY, text), LOGIN_TARGET_CONTINUE);
	world.admitted = 0;
	ask(SECURITY, "AuthMethod=None|");
	assert_refused(LOGIN_STATUS_INITIATOR_ERROR, "AuthMethod twice");
}
END_TEST

static bool memory_has(const char *secret)
{
	return memmem(target, malloc_usable_size(target), secret, strlen(secret));
}

START_TEST(secrets_are_wiped)
{
	char text[256];

	until_proof(text, sizeof(text));
	ck_assert(memory_has("outgoing-secret"));
	start(); /* by the next login */
	ck_assert(!memory_has("outgoing-secret"));
	until_proof(text, sizeof(text));
	ask(SECURITY_1, "CHAP_N=user|"); /* by a failure */
	ck_assert(!memory_has("outgoing-secret"));
	until_proof(text, sizeof(text));
	ck_assert_int_eq(ask(0x83, text), LOGIN_TARGET_DONE); /* by the end */
	ck_assert(!memory_has("outgoing-secret") && !memory_has("incoming-secret"));
}
END_TEST

/* ---- long texts ---- */

/* However the text is cut, the answer is the same. */
START_TEST(cut_anywhere)
{
	static const char text[] = NAMES "MaxBurstLength=512|X-a=1|";
	size_t len = strlen(text);

	for (size_t step = 2; step < len; step++) {
		size_t at = 0;

		start();
		world.identified = 0;
		if (len / step > 60)
			continue;
		for (; at + step < len; at += step) {
			ck_assert_int_eq(
				ask_bytes(OPERATIONAL | C, text + at, step), LOGIN_TARGET_CONTINUE);
			ck_assert_str_eq(answer(), "");
			ck_assert_uint_eq(answer_flags(), OPERATIONAL);
			ck_assert_int_eq(world.identified, 0);
		}
		ck_assert_int_eq(ask_bytes(LAST, text + at, len - at), LOGIN_TARGET_DONE);
		ck_assert_str_eq(
			answer(), "TargetPortalGroupTag=1|MaxBurstLength=512|X-a=NotUnderstood|");
	}
}
END_TEST

/* Many keys, each with a long answer. */
static size_t many_keys(char *text, int n)
{
	int len = sprintf(text, NAMES);

	for (int i = 0; i < n; i++)
		len += sprintf(text + len, "X-%03d=|", i);
	return (size_t)len;
}

START_TEST(long_answer)
{
	static char text[LOGIN_DATA_MAX + 1], whole[3 * LOGIN_DATA_MAX];
	size_t len = many_keys(text, 700);

	start();
	ck_assert_int_eq(ask_bytes(LAST, text, len), LOGIN_TARGET_CONTINUE);
	ck_assert_uint_eq(answer_flags(), OPERATIONAL | C); /* not left in the middle of a text */
	ck_assert_uint_eq(login_target_response(target)->data_len, LOGIN_DATA_MAX);
	strcpy(whole, answer());
	ck_assert_int_eq(ask(OPERATIONAL, ""), LOGIN_TARGET_CONTINUE);
	ck_assert_uint_eq(answer_flags(), OPERATIONAL);
	strcat(whole, answer());
	ck_assert_str_eq(whole + strlen(whole) - 20, "X-699=NotUnderstood|");
	ck_assert_int_eq(ask(LAST, ""), LOGIN_TARGET_DONE);
	/* an initiator that asks for the next stage with the call for the last piece gets it */
	start();
	ck_assert_int_eq(ask_bytes(LAST, text, len), LOGIN_TARGET_CONTINUE);
	ck_assert_int_eq(ask(LAST, ""), LOGIN_TARGET_DONE);
	ck_assert_uint_eq(answer_flags(), LAST);
	/* but it must listen to the end */
	start();
	world.admitted = 0;
	ck_assert_int_eq(ask_bytes(LAST, text, len), LOGIN_TARGET_CONTINUE);
	ask(LAST, "X-a=1|");
	assert_refused(LOGIN_STATUS_INITIATOR_ERROR, "before our text is whole");
}
END_TEST

START_TEST(limits)
{
	static char data[LOGIN_DATA_MAX + 1];
	enum login_target_verdict v = LOGIN_TARGET_CONTINUE;

	start();
	ask_bytes(LAST, data, sizeof(data));
	assert_refused(LOGIN_STATUS_INITIATOR_ERROR, "more than 8192 bytes in one");
	/* more than one login's text */
	start();
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(
			ask_bytes(OPERATIONAL | C, data, LOGIN_DATA_MAX), LOGIN_TARGET_CONTINUE);
	ask(LAST, NAMES);
	assert_refused(LOGIN_STATUS_OUT_OF_RESOURCES, "more than 16384 bytes of text");
	/* more than one login's answers */
	start();
	ask_bytes(LAST, data, many_keys(data, 1000));
	assert_refused(LOGIN_STATUS_INITIATOR_ERROR, "more keys than one login can hold");
	/* and no end */
	start();
	for (int i = 0; v == LOGIN_TARGET_CONTINUE; i++) {
		ck_assert_int_lt(i, 1000);
		v = ask(OPERATIONAL, i ? "" : NAMES);
	}
	assert_refused(LOGIN_STATUS_INITIATOR_ERROR, "does not come to an end");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("login-target");
	TCase *t = tcase_create("login-target");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, answered, 0, COUNT(answers));
	tcase_add_test(t, irrelevant_in_discovery);
	tcase_add_test(t, offers);
	tcase_add_loop_test(t, offer_answered, 0, COUNT(offer_answers));
	tcase_add_test(t, no_operational_stage);
	tcase_add_loop_test(t, first_refused, 0, COUNT(firsts));
	tcase_add_test(t, no_login_at_all);
	tcase_add_loop_test(t, header_refused, 0, COUNT(spoilt));
	tcase_add_test(t, tsih_is_handed_on);
	tcase_add_test(t, names_come_late);
	tcase_add_test(t, duplicate_in_a_later_request);
	tcase_add_loop_test(t, chap_refusal, 0, COUNT(chap_refused));
	tcase_add_loop_test(t, counter_challenge, 0, COUNT(counter_challenges));
	tcase_add_test(t, replayed_proof);
	tcase_add_test(t, after_the_proof);
	tcase_add_test(t, secrets_are_wiped);
	tcase_add_test(t, cut_anywhere);
	tcase_add_test(t, long_answer);
	tcase_add_test(t, limits);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
