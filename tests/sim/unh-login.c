/* SPDX-License-Identifier: MIT */
/*
 * unh-login.c - UNH-IOL's "Login Phase Test Suite for iSCSI Initiators" 3.0, by its numbers. All of
 * it is decided by the daemon. 2.3, a second connection of the session, is never made: what is
 * tested is that none is agreed on. Of each request script.c checks TSIH, CID, ISID, the task tag,
 * CmdSN, ExpStatSN and what is reserved.
 */
#include "unh.h"

#define HOST "InitiatorName=iqn.2026-11.example:host|*"
#define NAMES HOST "TargetName=" SIM_TARGET "|SessionType=Normal|"
#define OFFERS_BEFORE(digest)                                                                    \
	"HeaderDigest=" digest "|DataDigest=" digest "|DefaultTime2Wait=2|DefaultTime2Retain=0|" \
	"IFMarker=No|OFMarker=No|ErrorRecoveryLevel=0|InitialR2T=No|ImmediateData=Yes|"
#define OFFERS_AFTER                                                                       \
	"MaxOutstandingR2T=1|MaxConnections=1|DataPDUInOrder=Yes|DataSequenceInOrder=Yes|" \
	"MaxRecvDataSegmentLength=262144|"
#define OFFERS                \
	OFFERS_BEFORE("None") \
	"MaxBurstLength=16776192|FirstBurstLength=262144|" OFFERS_AFTER
#define FIRST NAMES OFFERS
#define ANSWERS                                                                               \
	"TargetPortalGroupTag=1|HeaderDigest=None|DataDigest=None|DefaultTime2Wait=2|"        \
	"DefaultTime2Retain=0|IFMarker=No|OFMarker=No|ErrorRecoveryLevel=0|InitialR2T=Yes|"   \
	"ImmediateData=Yes|MaxBurstLength=262144|FirstBurstLength=65536|MaxOutstandingR2T=1|" \
	"MaxConnections=1|DataPDUInOrder=Yes|DataSequenceInOrder=Yes|"

/* The first request of a login with one answer, which is all that there is. */
#define ONE(flags, answer)                                \
	{                                                 \
		{                                         \
			OPERATIONAL, FIRST, flags, answer \
		}                                         \
	}
#define REFUSED(name, answer)                                       \
	{                                                           \
		name, {NULL}, ONE(T, answer), ISCSI_ERR_FATAL_LOGIN \
	}
#define SPOILT(name, how)                                                       \
	{                                                                       \
		name, {NULL}, {{OPERATIONAL, FIRST, T, ANSWERS, .spoil = how}}, \
			ISCSI_ERR_FATAL_LOGIN                                   \
	}
#define PASSWORD "node.session.auth.username", "u", "node.session.auth.password", "p"
#define WITH_PASSWORD NAMES "AuthMethod=CHAP,None|"
#define BOTH_DIGESTS                                                                       \
	"node.conn[0].iscsi.HeaderDigest", "CRC32C,None", "node.conn[0].iscsi.DataDigest", \
		"CRC32C,None"
#define DIGEST_OFFER         \
	NAMES OFFERS_BEFORE( \
		"CRC32C,None") "MaxBurstLength=16776192|FirstBurstLength=262144|" OFFERS_AFTER
#define DIGESTS(name, answer, header, data)                                               \
	{                                                                                 \
		name, {BOTH_DIGESTS}, {{OPERATIONAL, DIGEST_OFFER, T, answer}}, ISCSI_OK, \
		{                                                                         \
			{PARAM_HDRDGST_EN, header},                                       \
			{                                                                 \
				PARAM_DATADGST_EN, data                                   \
			}                                                                 \
		}                                                                         \
	}

static void no_tsih(uint8_t bhs[BHS_LEN])
{
	bhs_set_tsih(bhs, 0);
}
static void next_stage_is_the_same(uint8_t bhs[BHS_LEN])
{
	bhs_set_login_flags(bhs, T, STAGE_OPERATIONAL, STAGE_OPERATIONAL);
}
static void next_stage_is_reserved(uint8_t bhs[BHS_LEN])
{
	bhs_set_login_flags(bhs, T, STAGE_OPERATIONAL, 2);
}
static void continued(uint8_t bhs[BHS_LEN])
{
	bhs_set_flags(bhs, bhs_flags(bhs) | C);
}
static void scsi_response(uint8_t bhs[BHS_LEN])
{
	bhs_set_opcode(bhs, OP_SCSI_RESPONSE, false);
}
static void text_response(uint8_t bhs[BHS_LEN])
{
	bhs_set_opcode(bhs, OP_TEXT_RESPONSE, false);
}
static void reject(uint8_t bhs[BHS_LEN])
{
	bhs_set_opcode(bhs, OP_REJECT, false);
	bhs_set_reject_reason(bhs, REJECT_PROTOCOL_ERROR);
}
static void other_itt(uint8_t bhs[BHS_LEN])
{
	bhs_set_itt(bhs, bhs_itt(bhs) ^ 0xffff);
}
static void other_isid(uint8_t bhs[BHS_LEN])
{
	bhs[9] ^= 0xff;
}
static void other_version(uint8_t bhs[BHS_LEN])
{
	bhs_set_version_active(bhs, 1);
}

static const struct unh_test tests[] = {
	{"1.1 Standard Login", {NULL}, ONE(T, ANSWERS), ISCSI_OK,
		{{PARAM_INITIAL_R2T_EN, "1"}, {PARAM_FIRST_BURST, "65536"},
			{PARAM_MAX_BURST, "262144"}, {PARAM_TPGT, "1"}}},
	{"2.1 TSIH", {NULL}, {{OPERATIONAL, FIRST, 0, ANSWERS}, {OPERATIONAL, "", T, ""}},
		ISCSI_OK},
	SPOILT("2.2 TSIH Invalid Value", no_tsih),
	{"2.3 TSIH in Second Connection", {NULL}, ONE(T, "MaxConnections=1|"), ISCSI_OK},
	{"3.1 T-Bit: granted without being asked for", {PASSWORD},
		{{SECURITY, WITH_PASSWORD, T, "AuthMethod=None|"}}, ISCSI_ERR_FATAL_LOGIN},
	SPOILT("3.1 T-Bit: to the same stage", next_stage_is_the_same),
	SPOILT("3.1 T-Bit: to the reserved stage", next_stage_is_reserved),
	SPOILT("3.1 T-Bit: together with C", continued),
	{"3.2 T-Bit Delay", {PASSWORD},
		{{SECURITY, WITH_PASSWORD, 0, "AuthMethod=None|"}, {SECURITY_END, "", 0, ""},
			{SECURITY_END, "", 0, ""}, {SECURITY_END, "", T, ""},
			{OPERATIONAL, OFFERS, 0, ""}, {OPERATIONAL, "", 0, ANSWERS},
			{OPERATIONAL, "", T, ""}},
		ISCSI_OK},
	{"4.1 StatSN Zero", {NULL}, {{OPERATIONAL, FIRST, 0, ANSWERS}, {OPERATIONAL, "", T, ""}},
		ISCSI_OK, {{PARAM_EXP_STATSN, "2"}}, STATSN_ZERO},
	{"4.2 StatSN Non-Zero", {NULL},
		{{OPERATIONAL, FIRST, 0, ANSWERS}, {OPERATIONAL, "", T, ""}}, ISCSI_OK,
		{{PARAM_EXP_STATSN, "305419898"}}, 0x12345678},
	{"4.2 StatSN Non-Zero: it wraps around", {NULL},
		{{OPERATIONAL, FIRST, 0, ANSWERS}, {OPERATIONAL, "", T, ""}}, ISCSI_OK,
		{{PARAM_EXP_STATSN, "0"}}, 0xfffffffe},
	{"5.1 ExpStatSN", {NULL},
		{{OPERATIONAL, FIRST, 0, ""}, {OPERATIONAL, "", 0, ""},
			{OPERATIONAL, "", 0, ANSWERS}, {OPERATIONAL, "", T, ""}},
		ISCSI_OK, {{PARAM_EXP_STATSN, "4100"}}},
	{"6.1 Negotiate Once", {NULL},
		{{OPERATIONAL, FIRST, 0, "MaxBurstLength=65536|"},
			{OPERATIONAL, "", T, "MaxBurstLength=65536|"}},
		ISCSI_ERR_FATAL_LOGIN},
	{"6.2 Negotiate Once ImmediateData Separate PDUs", {NULL},
		{{OPERATIONAL, FIRST, 0, "ImmediateData=Yes|"},
			{OPERATIONAL, "", T, "ImmediateData=No|"}},
		ISCSI_ERR_FATAL_LOGIN},
	REFUSED("6.3 Negotiate Once ImmediateData Same PDU", "ImmediateData=Yes|ImmediateData=No|"),
	{"7.1 Login Request", {PASSWORD},
		{{SECURITY, WITH_PASSWORD, 0, "AuthMethod=None|"}, {SECURITY_END, "", T, ""},
			{OPERATIONAL, OFFERS, T, ANSWERS}},
		ISCSI_OK},
	DIGESTS("7.2 Login Request List Negotiation", "HeaderDigest=None|DataDigest=CRC32C|", "0",
		"1"),
	{"7.2 Login Request List Negotiation: not in the list", {BOTH_DIGESTS},
		{{OPERATIONAL, DIGEST_OFFER, T, "HeaderDigest=CRC64|"}}, ISCSI_ERR_FATAL_LOGIN},
	{"7.2 Login Request List Negotiation: the list", {BOTH_DIGESTS},
		{{OPERATIONAL, DIGEST_OFFER, T, "HeaderDigest=CRC32C,None|"}},
		ISCSI_ERR_FATAL_LOGIN},
	{"7.3 Login Request Invalid AuthMethod", {PASSWORD},
		{{SECURITY, WITH_PASSWORD, 0, "AuthMethod=KRB5|"}}, ISCSI_ERR_FATAL_LOGIN},
	REFUSED("7.4 Login Request FirstBurstLength Value Too High", "FirstBurstLength=16777216|"),
	REFUSED("7.4 Login Request FirstBurstLength Value Too High: than the offer",
		"FirstBurstLength=262145|"),
	REFUSED("7.5 Login Request ImmediateData Invalid Value", "ImmediateData=Maybe|"),
	{"7.6 Login Request Invalid Key", {NULL},
		{{OPERATIONAL, FIRST, 0, ANSWERS "X-com.example.key=1|NoSuchKey=Yes|"},
			{OPERATIONAL, "X-com.example.key=NotUnderstood|NoSuchKey=NotUnderstood|", T,
				""}},
		ISCSI_OK},
	SPOILT("8.1 Invalid PDU: SCSI Response", scsi_response),
	SPOILT("8.1 Invalid PDU: Text Response", text_response),
	SPOILT("8.1 Invalid PDU: Reject", reject),
	SPOILT("8.1 Invalid PDU: task tag", other_itt),
	SPOILT("8.1 Invalid PDU: ISID", other_isid),
	SPOILT("8.1 Invalid PDU: version", other_version),
	DIGESTS("9.1 Header and Data Digests Offer", "HeaderDigest=None|DataDigest=None|", "0",
		"0"),
	DIGESTS("9.2 Header and Data Digest Response", "HeaderDigest=CRC32C|DataDigest=None|", "1",
		"0"),
	DIGESTS("9.3 Header and Data Digests Support CRC32C",
		"HeaderDigest=CRC32C|DataDigest=CRC32C|", "1", "1"),
	REFUSED("10.1 MaxConnections", "MaxConnections=8|"),
	{"11.1 Initiator Name Target Name", {"node.name", "eui.02004567a425678d"},
		{{OPERATIONAL, HOST "TargetName=eui.02004567a425678d|SessionType=Normal|" OFFERS, T,
			ANSWERS}},
		ISCSI_OK, {{PARAM_TARGET_NAME, "eui.02004567a425678d"}}},
	{"12.1 Marker Negotiation", {NULL},
		{{OPERATIONAL, FIRST, 0,
			 "IFMarker=No|OFMarker=Reject|IFMarkInt=2048|OFMarkInt=1~99|"},
			{OPERATIONAL, "IFMarkInt=Reject|OFMarkInt=Reject|", T, ""}},
		ISCSI_OK},
	REFUSED("12.1 Marker Negotiation: wanted after all", "IFMarker=Yes|"),
	{"13.1 Boolean Negotiation", {NULL}, ONE(T, "InitialR2T=Yes|ImmediateData=No|"), ISCSI_OK,
		{{PARAM_INITIAL_R2T_EN, "1"}, {PARAM_IMM_DATA_EN, "0"}}},
	{"13.2 Legal Boolean Negotiation", {NULL},
		ONE(T, "InitialR2T=No|ImmediateData=Yes|DataPDUInOrder=Yes|DataSequenceInOrder="
		       "Yes|"),
		ISCSI_OK,
		{{PARAM_INITIAL_R2T_EN, "0"}, {PARAM_IMM_DATA_EN, "1"}, {PARAM_PDU_INORDER_EN, "1"},
			{PARAM_DATASEQ_INORDER_EN, "1"}}},
	REFUSED("13.3 Illegal Boolean Negotiation", "DataPDUInOrder=No|"),
	REFUSED("13.3 Illegal Boolean Negotiation: no Boolean", "InitialR2T=yes|"),
	{"14.1 MaxRecvDataSegmentLength", {NULL}, ONE(T, "MaxRecvDataSegmentLength=512|"), ISCSI_OK,
		{{PARAM_MAX_XMIT_DLENGTH, "512"}, {PARAM_MAX_RECV_DLENGTH, "262144"}}},
	{"14.1 MaxRecvDataSegmentLength: not declared", {NULL}, ONE(T, ""), ISCSI_OK,
		{{PARAM_MAX_XMIT_DLENGTH, "8192"}}},
	REFUSED("14.1 MaxRecvDataSegmentLength: too low", "MaxRecvDataSegmentLength=511|"),
	REFUSED("14.1 MaxRecvDataSegmentLength: too high", "MaxRecvDataSegmentLength=16777216|"),
	{"15.1 MaxBurstLength", {NULL}, ONE(T, "MaxBurstLength=0x200|"), ISCSI_OK,
		{{PARAM_MAX_BURST, "512"}, {PARAM_FIRST_BURST, "512"}}},
	REFUSED("15.1 MaxBurstLength: more than was offered", "MaxBurstLength=16776193|"),
	{"16.1 FirstBurstLength Less Than MaxBurstLength", {NULL},
		ONE(T, "InitialR2T=No|MaxBurstLength=65536|FirstBurstLength=32768|"), ISCSI_OK,
		{{PARAM_MAX_BURST, "65536"}, {PARAM_FIRST_BURST, "32768"}}},
	REFUSED("16.2 FirstBurstLength Greater Than MaxBurstLength",
		"InitialR2T=No|MaxBurstLength=32768|FirstBurstLength=65536|"),
	{"16.3 FirstBurstLength Offered by DUT",
		{"node.session.iscsi.MaxBurstLength", "65536",
			"node.session.iscsi.FirstBurstLength", "262144"},
		{{OPERATIONAL,
			NAMES OFFERS_BEFORE("None") "MaxBurstLength=65536|"
						    "FirstBurstLength=65536|" OFFERS_AFTER,
			T, "MaxBurstLength=65536|FirstBurstLength=65536|InitialR2T=No|"}},
		ISCSI_OK, {{PARAM_MAX_BURST, "65536"}, {PARAM_FIRST_BURST, "65536"}}},
	REFUSED("17.1 DefaultTime2Retain", "DefaultTime2Retain=20|"),
	{"18.1 DefaultTime2Wait", {NULL}, ONE(T, "DefaultTime2Wait=3600|"), ISCSI_OK},
	REFUSED("18.1 DefaultTime2Wait: less than was offered", "DefaultTime2Wait=1|"),
	{"19.1 MaxOutstandingR2T", {"node.session.iscsi.MaxOutstandingR2T", "16"},
		{{OPERATIONAL, "*|MaxOutstandingR2T=16|*", T, "MaxOutstandingR2T=8|"}}, ISCSI_OK,
		{{PARAM_MAX_R2T, "8"}}},
	REFUSED("19.1 MaxOutstandingR2T: more than was offered", "MaxOutstandingR2T=2|"),
	REFUSED("20.1 ErrorRecoveryLevel", "ErrorRecoveryLevel=1|"),
	REFUSED("21.1 SessionType", "SessionType=Normal|"),
	{"22.1 AuthMethod", {PASSWORD}, {{SECURITY, WITH_PASSWORD, 0, "AuthMethod=Reject|"}},
		ISCSI_ERR_FATAL_LOGIN},
	{"22.1 AuthMethod: none without a password", {NULL}, ONE(0, "AuthMethod=None|"),
		ISCSI_ERR_FATAL_LOGIN},
	{"23.1 Target...: its portal group", {NULL},
		ONE(T, "TargetAlias=a disk|TargetAddress=10.0.0.1:3260,7|TargetPortalGroupTag=7|"),
		ISCSI_OK, {{PARAM_TPGT, "7"}}},
	REFUSED("23.1 Target...: its name", "TargetName=" SIM_TARGET "|"),
};

UNH_BOTH_WAYS(tests)

/* 18.1 DefaultTime2Wait: so long it waits before it comes back. */
START_TEST(time2wait)
{
	static const struct unh_test granted = {
		"18.1 DefaultTime2Wait", {NULL}, ONE(T, "DefaultTime2Wait=17|"), ISCSI_OK};
	uint64_t began;

	unh_first_login(&granted);
	sim.target.answer = ANSWER_ACCEPT;
	began = clock_now(&sim.loop);
	fake_kernel_conn_error(unh_waiter.sid, 1020);
	unh_await_logins(2);
	ck_assert_uint_eq(clock_now(&sim.loop) - began, 17000);
}
END_TEST

static void add_others(Suite *s, TCase *c)
{
	(void)s;
	tcase_add_test(c, time2wait);
}

int main(void)
{
	return unh_main("unh-login", COUNT(tests), first_login, relogin, add_others);
}
