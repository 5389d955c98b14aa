/* SPDX-License-Identifier: MIT */
#include "discovery.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))
#define TTT 0x11223344u
#define T1 "TargetName=iqn.2019-01.com.example:one|"
#define T2 "TargetName=iqn.2019-01.com.example:two|"

static char log_text[4096];
static unsigned int found_count;

static void on_found(void *data, const char *target, const struct iscsi_portal *p)
{
	size_t len = strlen(log_text);

	ck_assert_ptr_eq(data, &found_count);
	found_count++;
	if (sizeof(log_text) - len < 512)
		return;
	target += strcspn(target, ":");
	target += *target == ':';
	if (p)
		sprintf(log_text + len, "%s %s:%d,%d;", target, p->address, p->port, p->tpgt);
	else
		sprintf(log_text + len, "%s -;", target);
}

static void on_skipped(void *data, const char *text, const char *why)
{
	size_t len = strlen(log_text);

	ck_assert_ptr_eq(data, &found_count);
	ck_assert_ptr_nonnull(why);
	for (const char *p = text; *p; p++)
		ck_assert(*p >= 0x20 && *p < 0x7f);
	if (sizeof(log_text) - len > 512)
		sprintf(log_text + len, "skip %.40s;", text);
}

static struct discovery *start(void)
{
	static const struct discovery_sink sink = {on_found, on_skipped, &found_count};
	struct discovery *d = discovery_new(7, 100, &sink);

	ck_assert_ptr_nonnull(d);
	log_text[0] = '\0';
	found_count = 0;
	return d;
}

/* A response of exactly len bytes, in memory that ends where they end. */
static enum discovery_verdict respond(
	struct discovery *d, uint8_t flags, uint32_t ttt, const void *data, size_t len)
{
	struct pdu p = {.data = malloc(len ? len : 1), .data_len = len, .data_room = len};
	enum discovery_verdict v;

	if (len)
		memcpy(p.data, data, len);
	bhs_set_opcode(p.bhs, OP_TEXT_RESPONSE, false);
	bhs_set_flags(p.bhs, flags);
	bhs_set_itt(p.bhs, bhs_itt(discovery_request(d)->bhs));
	bhs_set_ttt(p.bhs, ttt);
	bhs_set_statsn(p.bhs, bhs_exp_statsn(discovery_request(d)->bhs));
	bhs_set_data_len(p.bhs, (uint32_t)len);
	v = discovery_response(d, &p);
	free(p.data);
	return v;
}

/* text with '|' for NUL; returns its length. */
static size_t wire(const char *text, char *ret)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		ret[i] = text[i] == '|' ? '\0' : text[i];
	return len;
}

static const struct {
	const char *text, *log;
	enum discovery_verdict verdict;
} answers[] = {
	{"", "", DISCOVERY_DONE},
	{T1 "TargetAddress=10.0.0.1:3260,1|", "one 10.0.0.1:3260,1;", DISCOVERY_DONE},
	{T1 "TargetAddress=10.0.0.1:3260,1|TargetAddress=[fd00::1]:860,65535|" T2
	    "TargetAddress=10.0.0.2,2|",
		"one 10.0.0.1:3260,1;one fd00::1:860,65535;two 10.0.0.2:3260,2;", DISCOVERY_DONE},
	{T1, "one -;", DISCOVERY_DONE},
	{T1 T2 "TargetAddress=h:1,2|", "one -;two h:1,2;", DISCOVERY_DONE},
	{T1 "TargetAddress=h:1,2|" T2, "one h:1,2;two -;", DISCOVERY_DONE},
	{T1 "TargetAlias=a disk|TargetAddress=h:1,2|", "one h:1,2;", DISCOVERY_DONE},
	{T1 "TargetAddress=h:1,2|||", "one h:1,2;", DISCOVERY_DONE},
	/* one bad record leaves the others alone */
	{"TargetAddress=h:1,2|" T1 "TargetAddress=h:1,2|", "skip h:1,2;one h:1,2;", DISCOVERY_DONE},
	{T1 "TargetAddress=h:1,2|TargetName=../../etc|TargetAddress=h:2,2|" T2
	    "TargetAddress=h:3,3|",
		"one h:1,2;skip ../../etc;two h:3,3;", DISCOVERY_DONE},
	{T1 "TargetAddress=h:99999,1|TargetAddress=h:2,1|", "skip h:99999,1;one h:2,1;",
		DISCOVERY_DONE},
	{T1 "TargetAddress=a/b:1,1|", "skip a/b:1,1;", DISCOVERY_DONE},
	{T1 "TargetAddress=|", "skip ;", DISCOVERY_DONE},
	{T1 "TargetAddress=:3260,1|", "skip :3260,1;", DISCOVERY_DONE},
	{"TargetName=|TargetAddress=h:1,1|", "skip ;", DISCOVERY_DONE},
	{"TargetName=iqn.a:\x1b[2J|" T2, "skip iqn.a:\\x1b[2J;two -;", DISCOVERY_DONE},
	{"rubbish|" T1 "TargetAddress=h:1,2|", "skip text;one h:1,2;", DISCOVERY_DONE},
	{"X-vendor=1|" T1, "skip X-vendor;one -;", DISCOVERY_DONE},
	{"SendTargets=Reject|", "", DISCOVERY_PROTOCOL_ERROR},
	{"SendTargets=NotUnderstood|", "", DISCOVERY_PROTOCOL_ERROR},
	{T1 "TargetAddress=h:1,2|TargetAddr", "one h:1,2;", DISCOVERY_PROTOCOL_ERROR},
	{"TargetName=iqn.2019-01.com.example:one", "", DISCOVERY_PROTOCOL_ERROR},
};

START_TEST(answer)
{
	struct discovery *d = start();
	char data[512];
	size_t len = wire(answers[_i].text, data);

	ck_assert_int_eq(respond(d, BHS_FINAL, BHS_TAG_NONE, data, len), answers[_i].verdict);
	ck_assert_str_eq(log_text, answers[_i].log);
	if (answers[_i].verdict == DISCOVERY_PROTOCOL_ERROR)
		ck_assert_str_ne(discovery_reason(d), "");
	discovery_free(d);
}
END_TEST

/* The same answers cut in two at every byte, with and without the C bit: the same outcome. */
START_TEST(cut_anywhere)
{
	char data[512];
	size_t len = wire(answers[_i].text, data);

	for (size_t at = 0; at <= len; at++)
		for (int c = 0; c < 2; c++) {
			struct discovery *d = start();
			enum discovery_verdict v = respond(d, c ? BHS_CONTINUE : 0, TTT, data, at);

			if (v == DISCOVERY_CONTINUE)
				v = respond(d, BHS_FINAL, BHS_TAG_NONE, data + at, len - at);
			ck_assert_int_eq(v, answers[_i].verdict);
			ck_assert_str_eq(log_text, answers[_i].log);
			discovery_free(d);
		}
}
END_TEST

START_TEST(byte_by_byte)
{
	char data[512];
	size_t len = wire(answers[_i].text, data);
	struct discovery *d = start();
	enum discovery_verdict v = DISCOVERY_CONTINUE;

	for (size_t at = 0; at < len && v == DISCOVERY_CONTINUE; at++)
		v = respond(d, 0, TTT, data + at, 1);
	if (v == DISCOVERY_CONTINUE)
		v = respond(d, BHS_FINAL, BHS_TAG_NONE, NULL, 0);
	ck_assert_int_eq(v, answers[_i].verdict);
	ck_assert_str_eq(log_text, answers[_i].log);
	discovery_free(d);
}
END_TEST

/* A record comes out when its text is complete, not before and not only at the end. */
START_TEST(record_by_record)
{
	struct discovery *d = start();
	char data[512];
	size_t len = wire(T1 "TargetAddress=h:1,2|TargetAddress=h:2,2", data);

	ck_assert_int_eq(respond(d, 0, TTT, data, len), DISCOVERY_CONTINUE);
	ck_assert_str_eq(log_text, "one h:1,2;");
	ck_assert_int_eq(respond(d, BHS_FINAL, BHS_TAG_NONE, "1", 2), DISCOVERY_DONE);
	ck_assert_str_eq(log_text, "one h:1,2;one h:2,21;");
	discovery_free(d);
}
END_TEST

START_TEST(requests)
{
	static const uint8_t lun[BHS_LUN_LEN] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct discovery *d = start();
	const struct pdu *r = discovery_request(d);
	uint32_t itt = bhs_itt(r->bhs);
	struct pdu p = {0};

	ck_assert_int_eq(bhs_opcode(r->bhs), OP_TEXT);
	ck_assert(bhs_is_immediate(r->bhs));
	ck_assert_uint_eq(bhs_flags(r->bhs), BHS_FINAL);
	ck_assert_uint_ne(itt, BHS_TAG_NONE);
	ck_assert_uint_eq(bhs_ttt(r->bhs), BHS_TAG_NONE);
	ck_assert_uint_eq(bhs_cmdsn(r->bhs), 7);
	ck_assert_uint_eq(bhs_exp_statsn(r->bhs), 100);
	ck_assert_uint_eq(r->data_len, 16);
	ck_assert_mem_eq(r->data, "SendTargets=All", 16);

	bhs_set_opcode(p.bhs, OP_TEXT_RESPONSE, false);
	bhs_set_lun(p.bhs, lun);
	bhs_set_itt(p.bhs, itt);
	bhs_set_ttt(p.bhs, TTT);
	bhs_set_statsn(p.bhs, 100);
	ck_assert_int_eq(discovery_response(d, &p), DISCOVERY_CONTINUE);
	ck_assert_int_eq(bhs_opcode(r->bhs), OP_TEXT);
	ck_assert_uint_eq(bhs_itt(r->bhs), itt);
	ck_assert_uint_eq(bhs_ttt(r->bhs), TTT);
	ck_assert_mem_eq(bhs_lun(r->bhs), lun, BHS_LUN_LEN);
	ck_assert_uint_eq(bhs_cmdsn(r->bhs), 7);
	ck_assert_uint_eq(bhs_exp_statsn(r->bhs), 101);
	ck_assert_uint_eq(r->data_len, 0);
	discovery_free(d);
}
END_TEST

/* The target may ask whether we live while it gathers its answer. */
START_TEST(ping)
{
	struct discovery *d = start();
	const struct pdu *r = discovery_request(d);
	uint32_t itt = bhs_itt(r->bhs);
	struct pdu p = {0};
	char data[128];
	size_t len = wire(T1, data);

	bhs_set_opcode(p.bhs, OP_NOP_IN, false);
	bhs_set_flags(p.bhs, BHS_FINAL);
	bhs_set_itt(p.bhs, BHS_TAG_NONE);
	bhs_set_ttt(p.bhs, TTT);
	bhs_set_statsn(p.bhs, 100);
	ck_assert_int_eq(discovery_response(d, &p), DISCOVERY_CONTINUE);
	ck_assert_int_eq(bhs_opcode(r->bhs), OP_NOP_OUT);
	ck_assert(bhs_is_immediate(r->bhs));
	ck_assert_uint_eq(bhs_itt(r->bhs), BHS_TAG_NONE);
	ck_assert_uint_eq(bhs_ttt(r->bhs), TTT);
	ck_assert_uint_eq(bhs_exp_statsn(r->bhs), 100);
	ck_assert_uint_eq(r->data_len, 0);

	p = (struct pdu){.data = (uint8_t *)data, .data_len = len};
	bhs_set_opcode(p.bhs, OP_TEXT_RESPONSE, false);
	bhs_set_flags(p.bhs, BHS_FINAL);
	bhs_set_itt(p.bhs, itt);
	bhs_set_ttt(p.bhs, BHS_TAG_NONE);
	ck_assert_int_eq(discovery_response(d, &p), DISCOVERY_DONE);
	ck_assert_str_eq(log_text, "one -;");
	discovery_free(d);
}
END_TEST

static const struct {
	uint8_t opcode, flags;
	uint32_t itt_flip, ttt;
	const char *reason;
} bad_headers[] = {
	{OP_TEXT_RESPONSE, BHS_FINAL, 1, BHS_TAG_NONE, "Initiator Task Tag"},
	{OP_TEXT_RESPONSE, BHS_FINAL, 0, TTT, "F bit"},
	{OP_TEXT_RESPONSE, 0, 0, BHS_TAG_NONE, "F bit"},
	{OP_TEXT_RESPONSE, BHS_FINAL | BHS_CONTINUE, 0, BHS_TAG_NONE, "middle of a text"},
	{OP_LOGIN_RESPONSE, BHS_FINAL, 0, BHS_TAG_NONE, "Login Response"},
	{OP_ASYNC, BHS_FINAL, 0, BHS_TAG_NONE, "Asynchronous Message"},
	{OP_NOP_IN, BHS_FINAL, 0, BHS_TAG_NONE, "NOP-In"},
	{OP_REJECT, BHS_FINAL, 0, BHS_TAG_NONE, "command not supported (0x05)"},
};

START_TEST(bad_header)
{
	struct discovery *d = start();
	struct pdu p = {0};

	bhs_set_opcode(p.bhs, (enum bhs_opcode)bad_headers[_i].opcode, false);
	bhs_set_flags(p.bhs, bad_headers[_i].flags);
	bhs_set_itt(p.bhs, bhs_itt(discovery_request(d)->bhs) ^ bad_headers[_i].itt_flip);
	bhs_set_ttt(p.bhs, bad_headers[_i].ttt);
	p.bhs[2] = 0x05;
	ck_assert_int_eq(discovery_response(d, &p), DISCOVERY_PROTOCOL_ERROR);
	ck_assert_msg(
		strstr(discovery_reason(d), bad_headers[_i].reason), "%s", discovery_reason(d));
	ck_assert_uint_eq(found_count, 0);
	discovery_free(d);
}
END_TEST

START_TEST(reason_is_escaped)
{
	struct discovery *d = start();
	char data[64];
	size_t len = wire("SendTargets=\x1b[2J\n|", data);

	ck_assert_int_eq(respond(d, BHS_FINAL, BHS_TAG_NONE, data, len), DISCOVERY_PROTOCOL_ERROR);
	ck_assert_ptr_null(strchr(discovery_reason(d), 0x1b));
	ck_assert_ptr_nonnull(strstr(discovery_reason(d), "\\x1b"));
	discovery_free(d);
}
END_TEST

/* No answer goes on for ever: neither an empty one, nor one long value, nor one of many records. */
START_TEST(endless)
{
	static char piece[65536];
	struct discovery *d = start();
	unsigned int n = 0;

	while (respond(d, 0, TTT, NULL, 0) == DISCOVERY_CONTINUE)
		ck_assert_uint_le(++n, DISCOVERY_TEXT_MAX / 512);
	discovery_free(d);

	d = start();
	memset(piece, 'a', sizeof(piece));
	for (n = 0; respond(d, 0, TTT, piece, sizeof(piece)) == DISCOVERY_CONTINUE; n++)
		ck_assert_uint_le(n, DISCOVERY_TEXT_MAX / sizeof(piece));
	discovery_free(d);
}
END_TEST

/* One value that is too long, however it is cut into responses, is left out, and nothing else. */
START_TEST(long_pair)
{
	static const size_t lens[] = {256, 8191, 8192, 8193, 65536, 300000};
	static char text[400000];
	static const char before[] = T1 "TargetAlias=";
	size_t piece = (size_t)_i;
	size_t keep = sizeof(before) - 1;

	for (size_t k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
		struct discovery *d = start();
		enum discovery_verdict v = DISCOVERY_CONTINUE;
		size_t len = wire(before, text), at = 0;

		memset(text + keep, 'a', lens[k]);
		len += lens[k];
		len += wire("|TargetAddress=h:1,2|" T2 "TargetAddress=h:3,3|", text + len);
		for (; v == DISCOVERY_CONTINUE && len - at > piece; at += piece)
			v = respond(d, 0, TTT, text + at, piece);
		ck_assert_int_eq(v, DISCOVERY_CONTINUE);
		v = respond(d, BHS_FINAL, BHS_TAG_NONE, text + at, len - at);
		ck_assert_int_eq(v, DISCOVERY_DONE);
		ck_assert_str_eq(log_text, "skip TargetAlias;one h:1,2;two h:3,3;");
		discovery_free(d);
	}
}
END_TEST

START_TEST(too_many_portals)
{
	struct discovery *d = start();
	enum discovery_verdict v;
	char data[8192];
	size_t len = wire(T1, data), one = wire("TargetAddress=h:1,1|", data + len);
	size_t end = len + one;

	for (; end + one <= sizeof(data); end += one)
		memcpy(data + end, data + len, one);
	while ((v = respond(d, 0, TTT, data, end)) == DISCOVERY_CONTINUE)
		ck_assert_uint_le(found_count, DISCOVERY_TARGETS_MAX);
	ck_assert_int_eq(v, DISCOVERY_PROTOCOL_ERROR);
	ck_assert_ptr_nonnull(strstr(discovery_reason(d), "100000 portals"));
	discovery_free(d);
}
END_TEST

/* Any bytes at all: no crash, and what comes out is valid. */
START_TEST(rubbish)
{
	static const char alphabet[] = "|||==TargetNameAddress=iqn.:1,2[]\x80\xff\n";
	unsigned int seed = 1;

	for (int round = 0; round < 2000; round++) {
		struct discovery *d = start();
		enum discovery_verdict v = DISCOVERY_CONTINUE;

		for (int i = 0; i < 4 && v == DISCOVERY_CONTINUE; i++) {
			char text[64] = "", data[64];
			size_t len = (size_t)rand_r(&seed) % 60;

			for (size_t c = 0; c < len; c++)
				text[c] = alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)];
			wire(text, data);
			v = respond(d, 0, TTT, data, len);
		}
		discovery_free(d);
	}
	discovery_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("discovery");
	TCase *t = tcase_create("discovery");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, answer, 0, COUNT(answers));
	tcase_add_loop_test(t, cut_anywhere, 0, COUNT(answers));
	tcase_add_loop_test(t, byte_by_byte, 0, COUNT(answers));
	tcase_add_test(t, record_by_record);
	tcase_add_test(t, requests);
	tcase_add_test(t, ping);
	tcase_add_loop_test(t, bad_header, 0, COUNT(bad_headers));
	tcase_add_test(t, reason_is_escaped);
	tcase_add_test(t, endless);
	tcase_add_loop_test(t, long_pair, 8191, 8194);
	tcase_add_loop_test(t, long_pair, 100, 101);
	tcase_add_loop_test(t, long_pair, 262144, 262145);
	tcase_add_test(t, too_many_portals);
	tcase_add_test(t, rubbish);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
