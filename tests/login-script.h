/* SPDX-License-Identifier: MIT */
/* login-script.h - a login engine of the initiator and a scripted target, for the login tests */
#ifndef TESTS_LOGIN_SCRIPT_H
#define TESTS_LOGIN_SCRIPT_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "login.h"
#include "text.h"

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))
#define T BHS_TRANSIT
#define C BHS_CONTINUE
#define ISID                                       \
	{                                          \
		0x00, 0x02, 0x3d, 0x01, 0x02, 0x03 \
	}

static const struct login_config plain = {
	.initiator_name = "iqn.2012-01.com.example:host",
	.target_name = "iqn.2019-01.com.example:disk",
	.isid = ISID,
	.cmdsn = 5,
	.chap_algs = {CHAP_MD5},
	.offer =
		{
			.immediate_data = true,
			.data_pdu_in_order = true,
			.data_sequence_in_order = true,
			.max_recv_data_segment = 262144,
			.max_burst = 16776192,
			.first_burst = 262144,
			.max_outstanding_r2t = 1,
			.time2wait = 2,
		},
};

static struct login *l; /* the one under test */
static uint32_t statsn;

static inline void setup(void)
{
	l = login_new();
	ck_assert_ptr_nonnull(l);
	statsn = 1000;
}

static inline void teardown(void)
{
	login_free(l);
}

static inline void start(const struct login_config *c)
{
	ck_assert_int_eq(login_start(l, c), 0);
}

/* The request's text with '|' for NUL. */
static inline const char *asked(void)
{
	static char text[16384];
	const struct pdu *p = login_request(l);

	ck_assert_uint_lt(p->data_len, sizeof(text));
	for (size_t i = 0; i < p->data_len; i++)
		text[i] = p->data[i] ? (char)p->data[i] : '|';
	text[p->data_len] = '\0';
	return text;
}

static inline const char *asked_key(const char *key)
{
	const struct pdu *p = login_request(l);
	struct text_reader r = text_reader(p->data, p->data_len);
	static struct text_pair pair;

	while (text_next(&r, &pair))
		if (strcmp(pair.key, key) == 0)
			return pair.value;
	return NULL;
}

/* A response as a correct target makes it; data in memory that ends where it ends. */
static inline void make(struct pdu *p, uint8_t flags, uint16_t status, const char *data, size_t len)
{
	const uint8_t *request = login_request(l)->bhs;

	*p = (struct pdu){.data = malloc(len ? len : 1), .data_len = len, .data_room = len};
	for (size_t i = 0; i < len; i++)
		p->data[i] = (uint8_t)(data[i] == '|' ? 0 : data[i]);
	bhs_set_opcode(p->bhs, OP_LOGIN_RESPONSE, false);
	bhs_set_login_flags(p->bhs, flags, bhs_csg(request), flags & T ? bhs_nsg(request) : 0);
	bhs_set_isid(p->bhs, bhs_isid(request));
	bhs_set_tsih(p->bhs, flags & T && bhs_nsg(request) == 3 ? 0x100 : 0);
	bhs_set_itt(p->bhs, bhs_itt(request));
	bhs_set_statsn(p->bhs, statsn++);
	bhs_set_status_class(p->bhs, (uint8_t)(status >> 8));
	bhs_set_status_detail(p->bhs, (uint8_t)status);
	bhs_set_data_len(p->bhs, (uint32_t)len);
}

static inline enum login_verdict reply_bytes(
	uint8_t flags, uint16_t status, const char *data, size_t len)
{
	enum login_verdict v;
	struct pdu p;

	make(&p, flags, status, data, len);
	v = login_response(l, &p);
	free(p.data);
	return v;
}

static inline enum login_verdict reply(uint8_t flags, uint16_t status, const char *text)
{
	return reply_bytes(flags, status, text, strlen(text));
}

static inline void assert_reason(const char *part)
{
	const char *reason = login_reason(l);

	ck_assert_msg(strstr(reason, part), "the reason is: %s", reason);
	ck_assert_uint_gt(strlen(reason), 10);
	ck_assert_int_ne(reason[strlen(reason) - 1], '.');
	for (; *reason; reason++)
		ck_assert(*reason >= 0x20 && *reason < 0x7f);
}

#define OFFERS                                                                                  \
	"HeaderDigest=None|DataDigest=None|DefaultTime2Wait=2|DefaultTime2Retain=0|"            \
	"IFMarker=No|OFMarker=No|ErrorRecoveryLevel=0|InitialR2T=No|ImmediateData=Yes|"         \
	"MaxBurstLength=16776192|FirstBurstLength=262144|MaxOutstandingR2T=1|MaxConnections=1|" \
	"DataPDUInOrder=Yes|DataSequenceInOrder=Yes|MaxRecvDataSegmentLength=262144|"
/* what tgtd answers at its defaults */
#define ANSWERS                                                                              \
	"TargetPortalGroupTag=1|"                                                            \
	"HeaderDigest=None|DataDigest=None|DefaultTime2Wait=2|DefaultTime2Retain=0|"         \
	"IFMarker=No|OFMarker=No|ErrorRecoveryLevel=0|InitialR2T=Yes|ImmediateData=Yes|"     \
	"MaxBurstLength=262144|FirstBurstLength=65536|MaxOutstandingR2T=1|MaxConnections=1|" \
	"DataPDUInOrder=Yes|DataSequenceInOrder=Yes|"
#define NAMES "InitiatorName=iqn.2012-01.com.example:host|"
#define NORMAL NAMES "TargetName=iqn.2019-01.com.example:disk|SessionType=Normal|"

#define V255                                                                                    \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv" \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv" \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"

#endif
