/* SPDX-License-Identifier: MIT */
/* The login engine without CHAP, which is in login-chap.c. */
#include "login-script.h"

#include <errno.h>
#include <stdio.h>

/* ---- requests ---- */

START_TEST(first_request)
{
	static const uint8_t isid[BHS_ISID_LEN] = ISID;
	const uint8_t *bhs = login_request(l)->bhs;

	start(&plain);
	ck_assert_str_eq(asked(), NORMAL OFFERS);
	ck_assert_uint_eq(bhs[0], 0x43);
	ck_assert_uint_eq(bhs[1], 0x87);
	ck_assert_uint_eq(bhs_version_max(bhs), 0);
	ck_assert_uint_eq(bhs_version_min(bhs), 0);
	ck_assert_mem_eq(bhs_isid(bhs), isid, BHS_ISID_LEN);
	ck_assert_uint_eq(bhs_tsih(bhs), 0);
	ck_assert_uint_eq(bhs_cid(bhs), 0);
	ck_assert_uint_eq(bhs_cmdsn(bhs), 5);
	ck_assert_uint_eq(bhs_exp_statsn(bhs), 0);
	ck_assert_uint_eq(bhs_data_len(bhs), login_request(l)->data_len);
	ck_assert_str_eq(login_stage(l), "operational negotiation");
	ck_assert_str_eq(login_reason(l), "");
}
END_TEST

START_TEST(first_request_of_a_discovery_session)
{
	struct login_config c = plain;

	c.target_name = NULL;
	c.initiator_alias = "host";
	c.offer.header_digest = DIGEST_CRC32C;
	start(&c);
	ck_assert_str_eq(asked(),
		NAMES "InitiatorAlias=host|SessionType=Discovery|"
		      "HeaderDigest=None|DataDigest=None|DefaultTime2Wait=2|DefaultTime2Retain=0|"
		      "IFMarker=No|OFMarker=No|ErrorRecoveryLevel=0|"
		      "MaxRecvDataSegmentLength=262144|");
	ck_assert_uint_eq(login_request(l)->bhs[1], 0x87);
	ck_assert_int_eq(reply(T, 0, "TargetPortalGroupTag=1|HeaderDigest=None|"), LOGIN_DONE);
	ck_assert_uint_eq(login_result(l)->params.max_recv_data_segment, 262144);
}
END_TEST

static const struct {
	const char *username, *password, *username_in, *password_in, *auth;
} auth_cases[] = {
	{NULL, NULL, NULL, NULL, NULL},
	{"u", "", "v", "q", NULL},
	{"", NULL, "v", "q", NULL},
	{"u", "p", NULL, "", "CHAP,None"},
	{NULL, "p", NULL, NULL, "CHAP,None"},
	{"u", "p", "v", "q", "CHAP"},
	{"u", "p", "v", NULL, "CHAP"},
	{"u", "p", NULL, "q", "CHAP"},
};

START_TEST(auth_method)
{
	struct login_config c = plain;
	char want[512];

	c.username = auth_cases[_i].username;
	c.password = auth_cases[_i].password;
	c.username_in = auth_cases[_i].username_in;
	c.password_in = auth_cases[_i].password_in;
	start(&c);
	if (auth_cases[_i].auth) {
		snprintf(want, sizeof(want), NORMAL "AuthMethod=%s|", auth_cases[_i].auth);
		ck_assert_str_eq(asked(), want);
		ck_assert_uint_eq(login_request(l)->bhs[1], 0x00);
		ck_assert_str_eq(login_stage(l), "security negotiation");
	} else {
		ck_assert_str_eq(asked(), NORMAL OFFERS);
	}
}
END_TEST

START_TEST(first_burst_is_clamped_before_it_is_offered)
{
	struct login_config c = plain;

	c.offer.max_burst = 65536;
	start(&c);
	ck_assert_str_eq(asked_key("FirstBurstLength"), "65536");
}
END_TEST

#define A223                                                                         \
	"iqn.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A256 A223 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

START_TEST(bad_configurations)
{
	struct login_config cs[] = {plain, plain, plain, plain, plain, plain, plain, plain};
	static const char *const reasons[] = {"no initiator name", "initiator name is longer",
		"target name is longer", "alias is longer", "password is longer",
		"MaxBurstLength 1", "none of the CHAP algorithms", "MaxRecvDataSegmentLength 0"};

	ck_assert_uint_eq(strlen(A223), 223);
	ck_assert_uint_eq(strlen(A256), 256);
	cs[0].initiator_name = NULL;
	cs[1].initiator_name = A223 "a";
	cs[2].target_name = A223 "a";
	cs[3].initiator_alias = A256;
	cs[4].password = A256;
	cs[5].offer.max_burst = 1;
	cs[6].password = "p";
	cs[6].chap_algs[0] = (enum chap_alg)9;
	cs[7].offer.max_recv_data_segment = 0;
	for (int i = 0; i < COUNT(cs); i++) {
		ck_assert_int_eq(login_start(l, &cs[i]), -EINVAL);
		assert_reason(reasons[i]);
		ck_assert_int_ne(reply(T, 0, ANSWERS), LOGIN_DONE);
	}
}
END_TEST

/* ---- the operational stage ---- */

START_TEST(tgtd_at_its_defaults)
{
	const struct login_result *r = login_result(l);

	start(&plain);
	ck_assert_int_eq(reply(T, 0, ANSWERS), LOGIN_DONE);
	ck_assert_uint_eq(r->tsih, 0x100);
	ck_assert_int_eq(r->tpgt, 1);
	ck_assert_uint_eq(r->exp_statsn, 1001);
	ck_assert_uint_eq(r->cmdsn, 5);
	ck_assert_int_eq(r->params.header_digest, DIGEST_NONE);
	ck_assert(r->params.initial_r2t && r->params.immediate_data);
	ck_assert_uint_eq(r->params.max_burst, 262144);
	ck_assert_uint_eq(r->params.first_burst, 65536);
	ck_assert_uint_eq(r->params.max_recv_data_segment, 262144);
	ck_assert_uint_eq(r->params.max_xmit_data_segment, 8192);
	ck_assert_uint_eq(r->params.time2wait, 2);
	ck_assert_uint_eq(r->params.time2retain, 0);
	ck_assert_str_eq(r->target_alias, "");
	/* it is over: nothing more is taken */
	ck_assert_int_eq(reply(T, 0x0300, ""), LOGIN_DONE);
}
END_TEST

/* A target that wants one more round gets an empty request that asks again. */
START_TEST(one_more_round)
{
	const uint8_t *bhs = login_request(l)->bhs;
	uint32_t itt;

	start(&plain);
	itt = bhs_itt(bhs);
	ck_assert_int_eq(reply(0, 0, ANSWERS "MaxRecvDataSegmentLength=65536|TargetAlias=a\tb|"),
		LOGIN_CONTINUE);
	ck_assert_str_eq(asked(), "");
	ck_assert_uint_eq(bhs[1], 0x87);
	ck_assert_uint_eq(bhs_itt(bhs), itt);
	ck_assert_uint_eq(bhs_cmdsn(bhs), 5);
	ck_assert_uint_eq(bhs_exp_statsn(bhs), 1001);
	/* what is declared may be declared again */
	ck_assert_int_eq(reply(T, 0, "MaxRecvDataSegmentLength=131072|"), LOGIN_DONE);
	ck_assert_uint_eq(login_result(l)->params.max_xmit_data_segment, 131072);
	ck_assert_uint_eq(login_result(l)->exp_statsn, 1002);
	ck_assert_str_eq(login_result(l)->target_alias, "a\\x09b");
}
END_TEST

START_TEST(offers_of_the_target_are_answered)
{
	start(&plain);
	ck_assert_int_eq(reply(0, 0,
				 "TaskReporting=FastAbort,RFC3720|iSCSIProtocolLevel=2|"
				 "IFMarkInt=2048|X-com.example.x=1|Bogus=|"),
		LOGIN_CONTINUE);
	ck_assert_str_eq(asked(), "TaskReporting=RFC3720|iSCSIProtocolLevel=1|IFMarkInt=Reject|"
				  "X-com.example.x=NotUnderstood|Bogus=NotUnderstood|");
	ck_assert_uint_eq(login_request(l)->bhs[1], 0x87);
	ck_assert_int_eq(reply(T, 0, ANSWERS), LOGIN_DONE);
}
END_TEST

START_TEST(offers_without_meaning_in_a_discovery_session)
{
	struct login_config c = plain;

	c.target_name = "";
	start(&c);
	ck_assert_int_eq(reply(0, 0, "InitialR2T=No|MaxBurstLength=65536|DefaultTime2Wait=2|"),
		LOGIN_CONTINUE);
	ck_assert_str_eq(asked(), "InitialR2T=Irrelevant|MaxBurstLength=Irrelevant|");
	ck_assert_int_eq(reply(T, 0, ""), LOGIN_DONE);
}
END_TEST

/* Answers that leave something to be used, and what is in force then. */
static const struct {
	const char *text;
	uint32_t max_burst, first_burst;
	bool initial_r2t, immediate_data;
} tolerated[] = {
	/* no answer at all: the fallbacks of RFC 7143 */
	{"", 262144, 65536, true, true},
	{"MaxBurstLength=Reject|InitialR2T=No|", 262144, 65536, false, true},
	{"MaxBurstLength=1048576|FirstBurstLength=131072|", 1048576, 131072, true, true},
	{"MaxBurstLength=0x100000|", 1048576, 65536, true, true},
	{"IFMarker=NotUnderstood|OFMarker=Reject|", 262144, 65536, true, true},
	{"MaxBurstLength=32768|", 32768, 32768, true, true},
	{"MaxBurstLength=32768|FirstBurstLength=Irrelevant|", 32768, 32768, true, true},
	/* no unsolicited data: FirstBurstLength has no meaning */
	{"MaxBurstLength=32768|FirstBurstLength=65536|InitialR2T=Yes|ImmediateData=No|", 32768,
		32768, true, false},
	{"MaxRecvDataSegmentLength=Reject|", 262144, 65536, true, true},
	{"||MaxBurstLength=65536|||", 65536, 65536, true, true},
	{"TargetAddress=10.0.0.1:3260,1|TargetAddress=10.0.0.2:3260,1|", 262144, 65536, true, true},
};

START_TEST(tolerated_answer)
{
	const struct login_params *p = &login_result(l)->params;
	enum login_verdict v;

	start(&plain);
	v = reply(T, 0, tolerated[_i].text);
	ck_assert_msg(v == LOGIN_DONE, "%s: %s", tolerated[_i].text, login_reason(l));
	ck_assert_uint_eq(p->max_burst, tolerated[_i].max_burst);
	ck_assert_uint_eq(p->first_burst, tolerated[_i].first_burst);
	ck_assert_int_eq(p->initial_r2t, tolerated[_i].initial_r2t);
	ck_assert_int_eq(p->immediate_data, tolerated[_i].immediate_data);
	ck_assert_uint_eq(p->max_xmit_data_segment, 8192);
}
END_TEST

/* Text that breaks a rule, and a part of the reason. */
static const struct {
	const char *text, *reason;
} refused[] = {
	{"MaxBurstLength=16776193|", "MaxBurstLength=16776193 is more than was offered"},
	{"MaxBurstLength=511|", "is no number within its range"},
	{"MaxBurstLength=x|", "is no number within its range"},
	{"MaxBurstLength=|", "is no number within its range"},
	{"DefaultTime2Wait=1|", "is less than was offered"},
	{"DefaultTime2Retain=20|", "is more than was offered"},
	{"ErrorRecoveryLevel=2|", "is more than was offered"},
	{"MaxConnections=8|", "is more than was offered"},
	{"ImmediateData=maybe|", "is neither Yes nor No"},
	{"DataPDUInOrder=No|", "is not possible after what was offered"},
	{"IFMarker=Yes|", "is not possible after what was offered"},
	{"HeaderDigest=CRC32C|", "HeaderDigest=CRC32C was not offered"},
	{"HeaderDigest=Foo|", "was not offered"},
	{"HeaderDigest=None,None|", "is a list"},
	{"MaxBurstLength=65536|MaxBurstLength=65536|", "MaxBurstLength twice"},
	{"HeaderDigest=None|HeaderDigest=None|", "HeaderDigest twice"},
	{"X-a=1|X-b=1|X-a=2|", "X-a twice"},
	{"FirstBurstLength=262144|MaxBurstLength=65536|", "exceeds its MaxBurstLength 65536"},
	{"MaxRecvDataSegmentLength=511|", "is no number within its range"},
	{"MaxRecvDataSegmentLength=16777216|", "is no number within its range"},
	{"TargetPortalGroupTag=65536|", "is no number within its range"},
	{"TargetPortalGroupTag=Reject|", "is no number within its range"},
	{"InitiatorName=iqn.x:y|", "InitiatorName, which is ours to send"},
	{"InitiatorName=Reject|", "InitiatorName=Reject"},
	{"TargetName=iqn.x:y|", "TargetName, which is ours to send"},
	{"SessionType=NotUnderstood|", "SessionType=NotUnderstood"},
	{"InitiatorAlias=NotUnderstood|", "InitiatorAlias, which was not offered"},
	{"TaskReporting=Reject|", "TaskReporting, which was not offered"},
	{"IFMarkInt=Irrelevant|", "IFMarkInt, which was not offered"},
	{"X-vendor=NotUnderstood|", "X-vendor, which was not offered"},
	{"AuthMethod=None|", "AuthMethod during operational negotiation"},
	{"CHAP_A=5|", "CHAP_A during operational negotiation"},
	{"MaxBurstLength|", "a pair has no '='"},
	{"MaxBurstLength=65536", "does not end with a NUL"},
	{"=1|", "a key is empty"},
	{"Max Burst=1|", "forbidden character"},
	{"X-234567890123456789012345678901234567890123456789012345678901234=1|",
		"longer than 63 bytes"},
	{"TargetAlias=v" V255 "|", "TargetAlias is longer than 255 bytes"},
	{"X-long=v" V255 "|", "X-long is longer than 255 bytes"},
	{"MaxBurstLength=" V255 "v|", "MaxBurstLength is longer than 255 bytes"},
	{"HeaderDigest=\x1b[2J\n\xff|", "HeaderDigest=\\x1b[2J\\x0a\\xff was not offered"},
};

START_TEST(refused_text)
{
	ck_assert_uint_eq(strlen(V255), 255);
	start(&plain);
	ck_assert_int_eq(reply(T, 0, refused[_i].text), LOGIN_PROTOCOL_ERROR);
	assert_reason(refused[_i].reason);
	/* the verdict is final */
	ck_assert_int_eq(reply(T, 0, ANSWERS), LOGIN_PROTOCOL_ERROR);
}
END_TEST

/* What came in an earlier response counts for duplicates too. */
START_TEST(refused_duplicate_in_a_later_response)
{
	start(&plain);
	ck_assert_int_eq(reply(0, 0, "MaxBurstLength=65536|"), LOGIN_CONTINUE);
	ck_assert_int_eq(reply(T, 0, "MaxBurstLength=65536|"), LOGIN_PROTOCOL_ERROR);
	assert_reason("MaxBurstLength twice");
}
END_TEST

static const struct {
	enum login_digest offer;
	const char *text;
	int result; /* enum login_digest; -1: refused */
} digests[] = {
	{DIGEST_CRC32C, "HeaderDigest=CRC32C|", DIGEST_CRC32C},
	{DIGEST_CRC32C, "HeaderDigest=None|", -1},
	{DIGEST_CRC32C, "HeaderDigest=Reject|", -1},
	{DIGEST_CRC32C, "HeaderDigest=NotUnderstood|", -1},
	{DIGEST_CRC32C, "", -1},
	{DIGEST_CRC32C_NONE, "HeaderDigest=CRC32C|", DIGEST_CRC32C},
	{DIGEST_CRC32C_NONE, "HeaderDigest=None|", DIGEST_NONE},
	{DIGEST_CRC32C_NONE, "HeaderDigest=Reject|", DIGEST_NONE},
	{DIGEST_CRC32C_NONE, "", DIGEST_NONE},
	{DIGEST_NONE_CRC32C, "HeaderDigest=CRC32C|", DIGEST_CRC32C},
	{DIGEST_NONE, "HeaderDigest=None|", DIGEST_NONE},
};

START_TEST(header_digest)
{
	struct login_config c = plain;

	c.offer.header_digest = digests[_i].offer;
	start(&c);
	ck_assert_int_eq(reply(T, 0, digests[_i].text),
		digests[_i].result < 0 ? LOGIN_PROTOCOL_ERROR : LOGIN_DONE);
	if (digests[_i].result >= 0)
		ck_assert_int_eq((int)login_result(l)->params.header_digest, digests[_i].result);
	else
		assert_reason("HeaderDigest");
}
END_TEST

/* ---- headers ---- */

static void spoil_opcode(struct pdu *p)
{
	bhs_set_opcode(p->bhs, OP_NOP_IN, false);
}
static void spoil_reject(struct pdu *p)
{
	bhs_set_opcode(p->bhs, OP_REJECT, false);
	p->bhs[2] = 0x04;
}
static void spoil_itt(struct pdu *p)
{
	bhs_set_itt(p->bhs, bhs_itt(p->bhs) + 1);
}
static void spoil_isid(struct pdu *p)
{
	p->bhs[13] ^= 1;
}
static void spoil_version(struct pdu *p)
{
	bhs_set_version_active(p->bhs, 1);
}
static void spoil_csg(struct pdu *p)
{
	bhs_set_login_flags(p->bhs, T, STAGE_SECURITY, STAGE_FULL_FEATURE);
}
static void spoil_nsg(struct pdu *p)
{
	bhs_set_login_flags(p->bhs, T, STAGE_OPERATIONAL, STAGE_OPERATIONAL);
}
static void spoil_nsg_reserved(struct pdu *p)
{
	bhs_set_login_flags(p->bhs, T, STAGE_OPERATIONAL, 2);
}
static void spoil_continue(struct pdu *p)
{
	bhs_set_flags(p->bhs, bhs_flags(p->bhs) | C);
}
static void spoil_tsih(struct pdu *p)
{
	bhs_set_tsih(p->bhs, 0);
}

static const struct {
	void (*spoil)(struct pdu *p);
	const char *reason;
} spoilt[] = {
	{spoil_opcode, "NOP-In"},
	{spoil_reject, "protocol error (0x04)"},
	{spoil_itt, "Initiator Task Tag"},
	{spoil_isid, "ISID"},
	{spoil_version, "version 1"},
	{spoil_csg, "stage 0"},
	{spoil_nsg, "stage 1, not 3"},
	{spoil_nsg_reserved, "stage 2, not 3"},
	{spoil_continue, "middle of a text"},
	{spoil_tsih, "TSIH 0"},
};

START_TEST(refused_header)
{
	struct pdu p;

	start(&plain);
	make(&p, T, 0, ANSWERS, strlen(ANSWERS));
	spoilt[_i].spoil(&p);
	ck_assert_int_eq(login_response(l, &p), LOGIN_PROTOCOL_ERROR);
	assert_reason(spoilt[_i].reason);
	free(p.data);
}
END_TEST

START_TEST(transit_unasked)
{
	struct login_config c = plain;

	c.username = c.password = "x";
	start(&c);
	ck_assert_int_eq(reply(T, 0, "AuthMethod=None|"), LOGIN_PROTOCOL_ERROR);
	assert_reason("left security negotiation unasked");
}
END_TEST

START_TEST(too_much_data)
{
	static char data[LOGIN_DATA_MAX + 1];

	start(&plain);
	ck_assert_int_eq(reply_bytes(T, 0, data, sizeof(data)), LOGIN_PROTOCOL_ERROR);
	assert_reason("more than 8192 bytes");
	start(&plain);
	ck_assert_int_eq(reply_bytes(T, 0, data, LOGIN_DATA_MAX), LOGIN_DONE);
}
END_TEST

START_TEST(endless_login)
{
	enum login_verdict v = LOGIN_CONTINUE;
	int n = 0;

	start(&plain);
	while (v == LOGIN_CONTINUE && n++ < 1000)
		v = reply(0, 0, "");
	ck_assert_int_eq(v, LOGIN_PROTOCOL_ERROR);
	assert_reason("does not come to an end");
	/* and of long text */
	start(&plain);
	for (v = LOGIN_CONTINUE, n = 0; v == LOGIN_CONTINUE && n < 1000; n++)
		v = reply(C, 0, V255 V255 V255 V255);
	ck_assert_int_eq(v, LOGIN_PROTOCOL_ERROR);
	assert_reason("bytes of text");
}
END_TEST

/* ---- the C bit ---- */

START_TEST(answer_in_two_pdus_cut_anywhere)
{
	size_t len = strlen(ANSWERS);

	for (size_t at = 0; at <= len; at++) {
		start(&plain);
		ck_assert_int_eq(reply_bytes(C, 0, ANSWERS, at), LOGIN_CONTINUE);
		ck_assert_str_eq(asked(), "");
		ck_assert_uint_eq(login_request(l)->bhs[1], 0x04); /* neither T nor C */
		ck_assert_int_eq(reply_bytes(0, 0, ANSWERS + at, len - at), LOGIN_CONTINUE);
		ck_assert_str_eq(asked(), "");
		ck_assert_uint_eq(login_request(l)->bhs[1], 0x87);
		ck_assert_int_eq(reply(T, 0, ""), LOGIN_DONE);
		ck_assert_uint_eq(login_result(l)->params.max_burst, 262144);
	}
}
END_TEST

/* More answers than one PDU holds go out in several, with the C bit. */
static void offer_many_keys(char *text, size_t n)
{
	start(&plain);
	for (size_t i = 0; i < n; i++)
		text += sprintf(text, "X-%zu=1|", i);
}

START_TEST(answers_in_several_pdus)
{
	char text[8192], all[16384] = "", want[16384] = "";
	const uint8_t *bhs = login_request(l)->bhs;

	offer_many_keys(text, 500);
	for (int i = 0; i < 500; i++)
		sprintf(want + strlen(want), "X-%d=NotUnderstood|", i);
	ck_assert_int_eq(reply(0, 0, text), LOGIN_CONTINUE);
	ck_assert_uint_eq(login_request(l)->data_len, LOGIN_DATA_MAX);
	ck_assert_uint_eq(bhs[1], 0x44); /* C, no T */
	strcat(all, asked());
	ck_assert_int_eq(reply(0, 0, ""), LOGIN_CONTINUE);
	ck_assert_uint_eq(bhs[1], 0x87);
	strcat(all, asked());
	ck_assert_str_eq(all, want);
	ck_assert_int_eq(reply(T, 0, ""), LOGIN_DONE);
}
END_TEST

START_TEST(the_target_waits_until_our_text_is_whole)
{
	char text[8192];

	offer_many_keys(text, 500);
	ck_assert_int_eq(reply(0, 0, text), LOGIN_CONTINUE);
	ck_assert_int_eq(reply(0, 0, "InitialR2T=No|"), LOGIN_PROTOCOL_ERROR);
	assert_reason("before our text was whole");
}
END_TEST

START_TEST(more_keys_than_can_be_answered)
{
	char text[8192];

	offer_many_keys(text, 1000);
	ck_assert_int_eq(reply(0, 0, text), LOGIN_PROTOCOL_ERROR);
	assert_reason("more keys than one login can hold");
}
END_TEST

/* ---- status ---- */

static const struct {
	uint16_t status;
	const char *reason;
} rejections[] = {
	{0x0200, "initiator error (02/00)"},
	{0x0201, "authentication failure (02/01)"},
	{0x0202, "authorization failure (02/02)"},
	{0x0203, "target not found (02/03)"},
	{0x0205, "unsupported version (02/05)"},
	{0x020b, "invalid request during login (02/0b)"},
	{0x02ff, "initiator error (02/ff)"},
	{0x0300, "target error (03/00)"},
	{0x0301, "service unavailable (03/01)"},
	{0x0302, "out of resources (03/02)"},
	{0x0400, "unknown status class (04/00)"},
	{0xffff, "unknown status class (ff/ff)"},
};

START_TEST(rejection)
{
	struct pdu p;

	start(&plain);
	make(&p, 0, rejections[_i].status, "", 0);
	/* targets fill in little else then */
	bhs_set_login_flags(p.bhs, 0, STAGE_SECURITY, 0);
	bhs_set_statsn(p.bhs, 0);
	ck_assert_int_eq(login_response(l, &p), LOGIN_REJECTED);
	free(p.data);
	assert_reason(rejections[_i].reason);
	ck_assert_uint_eq(login_status_class(l), rejections[_i].status >> 8);
	ck_assert_uint_eq(login_status_detail(l), rejections[_i].status & 0xff);
}
END_TEST

static const struct {
	uint16_t status;
	const char *text, *redirect; /* NULL: refused */
	bool permanent;
} redirects[] = {
	{0x0101, "TargetAddress=10.9.8.7:3260|", "10.9.8.7:3260", false},
	{0x0102, "TargetAddress=10.9.8.7:3260,1|", "10.9.8.7:3260,1", true},
	{0x0101, "TargetPortalGroupTag=1|TargetAddress=[fd00::1]|", "[fd00::1]", false},
	{0x0103, "TargetAddress=disk.example|", "disk.example", false},
	{0x0101, "", NULL, false},
	{0x0101, "TargetAddress=|", NULL, false},
	{0x0101, "TargetAddress=:3260|", NULL, false},
	{0x0101, "TargetAddress=10.9.8.7:0|", NULL, false},
	{0x0101, "TargetAddress=10.9.8.7:3260", NULL, false},
	{0x0101,
		"TargetAddress=a\x1b"
		"b/|",
		NULL, false},
	{0x0101, "TargetAddress=" V255 "v|", NULL, false},
};

START_TEST(redirect)
{
	start(&plain);
	ck_assert_int_eq(reply(0, redirects[_i].status, redirects[_i].text),
		redirects[_i].redirect ? LOGIN_REDIRECT : LOGIN_PROTOCOL_ERROR);
	assert_reason("target");
	if (!redirects[_i].redirect)
		return;
	ck_assert_str_eq(login_redirect(l), redirects[_i].redirect);
	ck_assert_int_eq(login_redirect_is_permanent(l), redirects[_i].permanent);
}
END_TEST

/* One login after another with the same memory. */
START_TEST(again)
{
	struct login_config c = plain;

	c.username = c.password = "x";
	for (int i = 0; i < 3; i++) {
		start(&plain);
		ck_assert_int_eq(reply(T, 0, "InitialR2T=What|"), LOGIN_PROTOCOL_ERROR);
		start(&c);
		ck_assert_int_eq(reply(C, 0, "AuthMethod=CHAP|CHAP"), LOGIN_CONTINUE);
		start(&plain);
		ck_assert_str_eq(asked(), NORMAL OFFERS);
		ck_assert_uint_eq(bhs_exp_statsn(login_request(l)->bhs), 0);
		ck_assert_str_eq(login_reason(l), "");
		ck_assert_int_eq(reply(T, 0, ANSWERS), LOGIN_DONE);
	}
}
END_TEST

/* Any bytes at all: no crash, no login out of nothing, and a reason that can be printed. */
START_TEST(rubbish)
{
	static const char *const words[] = {"|", "=", "AuthMethod=CHAP|", "CHAP_A=5|", "CHAP_I=1|",
		"CHAP_C=0x0011|", "CHAP_N=x|", "CHAP_R=0x00|", "MaxBurstLength=", "65536|", "\xff",
		"Reject|", "X-y=", "TargetAddress=", "HeaderDigest=None|", "TargetAlias=", "\n"};
	static const uint16_t statuses[] = {0, 0, 0, 0, 0, 0, 0x0101, 0x0201};
	unsigned int seed = 1;

	for (int round = 0; round < 3000; round++) {
		struct login_config c = plain;
		enum login_verdict v = LOGIN_CONTINUE;

		c.password = round % 2 ? "p" : NULL;
		c.password_in = round % 3 ? "q" : NULL;
		start(&c);
		for (int i = 0; i < 5 && v == LOGIN_CONTINUE; i++) {
			uint16_t status = statuses[rand_r(&seed) % COUNT(statuses)];
			char text[512] = "";
			struct pdu p;

			for (int n = rand_r(&seed) % 8; n > 0; n--)
				strcat(text, words[rand_r(&seed) % COUNT(words)]);
			make(&p, 0, status, text, strlen(text));
			if (rand_r(&seed) % 2)
				p.bhs[1] = (uint8_t)rand_r(&seed);
			if (rand_r(&seed) % 8 == 0)
				p.bhs[rand_r(&seed) % BHS_LEN] = (uint8_t)rand_r(&seed);
			v = login_response(l, &p);
			free(p.data);
		}
		for (const char *s = login_reason(l); *s; s++)
			ck_assert(*s >= 0x20 && *s < 0x7f);
		ck_assert(v == LOGIN_CONTINUE || v == LOGIN_DONE || *login_reason(l));
		if (v == LOGIN_DONE)
			ck_assert(login_result(l)->tsih != 0);
	}
}
END_TEST

static void add_operational(TCase *t)
{
	tcase_add_test(t, first_request);
	tcase_add_test(t, first_request_of_a_discovery_session);
	tcase_add_loop_test(t, auth_method, 0, COUNT(auth_cases));
	tcase_add_test(t, first_burst_is_clamped_before_it_is_offered);
	tcase_add_test(t, bad_configurations);
	tcase_add_test(t, tgtd_at_its_defaults);
	tcase_add_test(t, one_more_round);
	tcase_add_test(t, offers_of_the_target_are_answered);
	tcase_add_test(t, offers_without_meaning_in_a_discovery_session);
	tcase_add_loop_test(t, tolerated_answer, 0, COUNT(tolerated));
	tcase_add_loop_test(t, refused_text, 0, COUNT(refused));
	tcase_add_test(t, refused_duplicate_in_a_later_response);
	tcase_add_loop_test(t, header_digest, 0, COUNT(digests));
	tcase_add_loop_test(t, refused_header, 0, COUNT(spoilt));
	tcase_add_test(t, transit_unasked);
	tcase_add_test(t, too_much_data);
	tcase_add_test(t, endless_login);
	tcase_add_test(t, answer_in_two_pdus_cut_anywhere);
	tcase_add_test(t, answers_in_several_pdus);
	tcase_add_test(t, the_target_waits_until_our_text_is_whole);
	tcase_add_test(t, more_keys_than_can_be_answered);
}

int main(void)
{
	Suite *s = suite_create("login");
	TCase *t = tcase_create("login");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	add_operational(t);
	tcase_add_loop_test(t, rejection, 0, COUNT(rejections));
	tcase_add_loop_test(t, redirect, 0, COUNT(redirects));
	tcase_add_test(t, again);
	tcase_add_test(t, rubbish);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
