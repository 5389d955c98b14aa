/* SPDX-License-Identifier: MIT */
/* Text Requests to the target, and SendTargets with the initiator's role back to back. */
#include "send-targets.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discovery.h"

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))
#define F BHS_FINAL
#define C BHS_CONTINUE
#define OWN "iqn.2019-01.com.example:own"
#define OTHER "iqn.2019-01.com.example:other"

static struct send_targets *s;
static int targets, portals; /* the world: targets with portals each; 0: OWN and OTHER */

static const char *nth(int i)
{
	static char name[64];

	snprintf(name, sizeof(name), "iqn.2019-01.com.example:disk-%d", i);
	return targets ? name : i ? OTHER : OWN;
}

static int list(void *data, const char *name, struct send_targets *ret)
{
	ck_assert_ptr_eq(data, &targets);
	for (int i = 0; i < (targets ? targets : 2); i++) {
		struct iscsi_portal p = {.address = "fd00::1", .port = 3260, .tpgt = 1};

		if (name && strcmp(name, nth(i)) != 0)
			continue;
		ck_assert_int_eq(send_targets_add(ret, nth(i)), 0);
		for (int j = 0; j < portals; j++) {
			ck_assert_int_eq(send_targets_add_address(ret, &p), 0);
			strcpy(p.address, "10.0.0.1");
		}
	}
	return 0;
}

static void make(bool discovery, uint32_t data_max)
{
	const struct send_targets_config c = {
		discovery, discovery ? NULL : OWN, data_max, list, &targets};

	send_targets_free(s);
	s = send_targets_new(&c);
	ck_assert_ptr_nonnull(s);
}

static void setup(void)
{
	targets = portals = 0;
	make(true, 8192);
}

static void teardown(void)
{
	send_targets_free(s);
	s = NULL;
}

static enum send_targets_verdict ask_tagged(
	uint8_t flags, uint32_t itt, uint32_t ttt, const char *text)
{
	size_t len = strlen(text);
	struct pdu p = {.data = malloc(len ? len : 1), .data_len = len, .data_room = len};
	enum send_targets_verdict v;

	for (size_t i = 0; i < len; i++)
		p.data[i] = (uint8_t)(text[i] == '|' ? 0 : text[i]);
	bhs_set_opcode(p.bhs, OP_TEXT, true);
	bhs_set_flags(p.bhs, flags);
	bhs_set_itt(p.bhs, itt);
	bhs_set_ttt(p.bhs, ttt);
	bhs_set_data_len(p.bhs, (uint32_t)len);
	v = send_targets_request(s, &p);
	free(p.data);
	return v;
}

static enum send_targets_verdict ask(const char *text)
{
	return ask_tagged(F, 7, BHS_TAG_NONE, text);
}

static enum send_targets_verdict go_on(uint8_t flags, const char *text)
{
	return ask_tagged(flags, 7, bhs_ttt(send_targets_response(s)->bhs), text);
}

/* The answer's text with '|' for NUL. */
static const char *answer(void)
{
	static char text[1 << 14];
	const struct pdu *p = send_targets_response(s);

	ck_assert_uint_lt(p->data_len, sizeof(text));
	for (size_t i = 0; i < p->data_len; i++)
		text[i] = p->data[i] ? (char)p->data[i] : '|';
	text[p->data_len] = '\0';
	return text;
}

/* ---- what is asked ---- */

static const struct {
	bool discovery;
	const char *text, *answer;
} questions[] = {
	{true, "SendTargets=All|", "TargetName=" OWN "|TargetName=" OTHER "|"},
	{true, "SendTargets=" OTHER "|", "TargetName=" OTHER "|"},
	{true, "SendTargets=iqn.2019-01.com.example:nobody|", ""},
	{true, "SendTargets=|", "SendTargets=Reject|"},
	{false, "SendTargets=All|", "TargetName=" OWN "|"},
	{false, "SendTargets=|", "TargetName=" OWN "|"},
	{false, "SendTargets=" OWN "|", "TargetName=" OWN "|"},
	{false, "SendTargets=" OTHER "|", "SendTargets=Reject|"},
	{true, "SendTargets=Alle|", "SendTargets=Reject|"},
	{true, "SendTargets=A|", "SendTargets=Reject|"},
	{true, "SendTargets=all|", "SendTargets=Reject|"},
	{false, "SendTargets=Alle|", "SendTargets=Reject|"},
	{false, "SendTargetsPlease=All|", "SendTargetsPlease=NotUnderstood|"},
	{true, "sENDtARGETS=All|", "sENDtARGETS=NotUnderstood|"},
	{true, "X-a=1|SendTargets=" OWN "|InitiatorAlias=host|",
		"X-a=NotUnderstood|TargetName=" OWN "|"},
	{true, "HeaderDigest=CRC32C|InitiatorName=iqn.a:b|",
		"HeaderDigest=Reject|InitiatorName=Reject|"},
	{true, "MaxRecvDataSegmentLength=511|", "MaxRecvDataSegmentLength=Reject|"},
	{true, "", ""},
};

START_TEST(question)
{
	make(questions[_i].discovery, 8192);
	for (int i = 0; i < 2; i++) { /* the second time as the first */
		ck_assert_int_eq(ask(questions[_i].text), SEND_TARGETS_ANSWER);
		ck_assert_str_eq(answer(), questions[_i].answer);
		ck_assert_uint_eq(bhs_opcode(send_targets_response(s)->bhs), OP_TEXT_RESPONSE);
		ck_assert_uint_eq(bhs_flags(send_targets_response(s)->bhs), F);
		ck_assert_uint_eq(bhs_itt(send_targets_response(s)->bhs), 7);
		ck_assert_uint_eq(bhs_ttt(send_targets_response(s)->bhs), BHS_TAG_NONE);
	}
}
END_TEST

#define V256                                                               \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv" \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv" \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv" \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"

static const struct {
	uint8_t flags;
	uint32_t ttt;
	const char *text;
	uint8_t reason;
} rejected[] = {
	{F, BHS_TAG_NONE, "SendTargets", 0x04}, {F, BHS_TAG_NONE, "SendTargets=All", 0x04},
	{F, BHS_TAG_NONE, "SendTargets=All|SendTargets=All|", 0x04},
	{F, BHS_TAG_NONE, "InitiatorAlias=a|InitiatorAlias=b|", 0x04},
	{F, BHS_TAG_NONE, "SendTargets=" V256 "|", 0x04}, {F, BHS_TAG_NONE, "=|", 0x04},
	{F | C, BHS_TAG_NONE, "SendTargets=All|", 0x04},
	{F, 1, "", 0x09}, /* goes on with what never began */
};

START_TEST(rejection)
{
	ck_assert_int_eq(ask_tagged(rejected[_i].flags, 7, rejected[_i].ttt, rejected[_i].text),
		SEND_TARGETS_REJECT);
	ck_assert_uint_eq(send_targets_reject(s), rejected[_i].reason);
	/* and the connection works on */
	ck_assert_int_eq(ask("SendTargets=All|"), SEND_TARGETS_ANSWER);
	ck_assert_str_eq(answer(), "TargetName=" OWN "|TargetName=" OTHER "|");
}
END_TEST

/* ---- several PDUs ---- */

START_TEST(long_question)
{
	ck_assert_int_eq(ask_tagged(C, 7, BHS_TAG_NONE, "Send"), SEND_TARGETS_ANSWER);
	ck_assert_str_eq(answer(), "");
	ck_assert_uint_eq(bhs_flags(send_targets_response(s)->bhs), 0);
	ck_assert_uint_ne(bhs_ttt(send_targets_response(s)->bhs), BHS_TAG_NONE);
	ck_assert_int_eq(go_on(C, "Targets="), SEND_TARGETS_ANSWER);
	ck_assert_int_eq(go_on(0, OWN "|"), SEND_TARGETS_ANSWER);
	ck_assert_str_eq(answer(), "TargetName=" OWN "|");
	/* the initiator has more to say: no F yet */
	ck_assert_uint_eq(bhs_flags(send_targets_response(s)->bhs), 0);
	ck_assert_int_eq(go_on(F, "SendTargets=" OTHER "|"), SEND_TARGETS_ANSWER);
	ck_assert_str_eq(answer(), "TargetName=" OTHER "|");
	ck_assert_uint_eq(bhs_flags(send_targets_response(s)->bhs), F);
	/* it is over */
	ck_assert_int_eq(go_on(F, ""), SEND_TARGETS_ANSWER); /* without TTT: anew */
	ck_assert_int_eq(ask_tagged(F, 7, 1, ""), SEND_TARGETS_REJECT);
}
END_TEST

START_TEST(endless_question)
{
	enum send_targets_verdict v = ask_tagged(C, 7, BHS_TAG_NONE, V256);
	int n = 1;

	while (v == SEND_TARGETS_ANSWER && n++ < 100)
		v = go_on(C, V256);
	ck_assert_int_eq(n, 33);
	ck_assert_uint_eq(send_targets_reject(s), 0x0a);
}
END_TEST

static void begin_long_answer(void)
{
	targets = 100;
	make(true, 512);
	ck_assert_int_eq(ask("SendTargets=All|"), SEND_TARGETS_ANSWER);
	ck_assert_uint_eq(send_targets_response(s)->data_len, 512);
	ck_assert_uint_eq(bhs_flags(send_targets_response(s)->bhs), C);
	ck_assert_uint_ne(bhs_ttt(send_targets_response(s)->bhs), BHS_TAG_NONE);
}

START_TEST(answer_is_called_for_wrongly)
{
	uint32_t ttt;

	begin_long_answer();
	ttt = bhs_ttt(send_targets_response(s)->bhs);
	ck_assert_int_eq(ask_tagged(F, 7, ttt + 1, ""), SEND_TARGETS_REJECT);
	ck_assert_uint_eq(send_targets_reject(s), 0x09);
	ck_assert_int_eq(ask_tagged(F, 7, ttt, ""), SEND_TARGETS_REJECT); /* it is gone */
	begin_long_answer();
	ck_assert_int_eq(
		ask_tagged(F, 8, bhs_ttt(send_targets_response(s)->bhs), ""), SEND_TARGETS_REJECT);
	begin_long_answer();
	ck_assert_int_eq(go_on(F, "SendTargets=All|"), SEND_TARGETS_REJECT);
	ck_assert_uint_eq(send_targets_reject(s), 0x04);
	/* a new question in the middle of an answer */
	begin_long_answer();
	ck_assert_int_eq(ask("SendTargets=" OWN "|"), SEND_TARGETS_ANSWER);
	ck_assert_str_eq(answer(), "");
	ck_assert_uint_eq(bhs_flags(send_targets_response(s)->bhs), F);
}
END_TEST

/* The initiator may ask for larger pieces. */
START_TEST(data_max_changes)
{
	begin_long_answer();
	ck_assert_int_eq(
		ask("MaxRecvDataSegmentLength=4096|SendTargets=All|"), SEND_TARGETS_ANSWER);
	ck_assert_uint_eq(send_targets_response(s)->data_len, 4096);
	ck_assert_uint_eq(send_targets_data_max(s), 4096);
}
END_TEST

/* An initiator that never sets F must not make the answer grow. */
START_TEST(never_final)
{
	ck_assert_int_eq(ask_tagged(0, 7, BHS_TAG_NONE, "SendTargets=All|"), SEND_TARGETS_ANSWER);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(go_on(0, "SendTargets=All|"), SEND_TARGETS_ANSWER);
		ck_assert_str_eq(answer(), "TargetName=" OWN "|TargetName=" OTHER "|");
	}
}
END_TEST

/* ---- back to back ---- */

static int found_names, found_portals;

static void on_found(void *data, const char *target, const struct iscsi_portal *p)
{
	(void)data;
	ck_assert_str_eq(target, nth(portals ? found_portals / portals : found_names));
	found_names++;
	if (!portals) {
		ck_assert_ptr_null(p);
		return;
	}
	ck_assert_str_eq(p->address, found_portals % portals ? "10.0.0.1" : "fd00::1");
	found_portals++;
	ck_assert_int_eq(p->port, 3260);
	ck_assert_int_eq(p->tpgt, 1);
}

static void on_skipped(void *data, const char *text, const char *why)
{
	(void)data;
	ck_abort_msg("%s %s", text, why);
}

static const struct {
	int targets, portals;
	uint32_t data_max;
} worlds[] = {
	{1, 0, 8192},
	{1, 1, 8192},
	{1, 2, 512},
	{5000, 1, 8192},
	{5000, 2, 512},
	{5000, 0, 513},
	{1000, 1, 16777215},
};

START_TEST(both)
{
	const struct discovery_sink sink = {on_found, on_skipped, NULL};
	enum discovery_verdict v = DISCOVERY_CONTINUE;
	struct discovery *d = discovery_new(1, 100, &sink);

	targets = worlds[_i].targets;
	portals = worlds[_i].portals;
	found_names = found_portals = 0;
	make(true, worlds[_i].data_max);
	while (v == DISCOVERY_CONTINUE) {
		ck_assert_int_eq(
			send_targets_request(s, discovery_request(d)), SEND_TARGETS_ANSWER);
		ck_assert_uint_le(send_targets_response(s)->data_len, worlds[_i].data_max);
		v = discovery_response(d, send_targets_response(s));
	}
	ck_assert_msg(v == DISCOVERY_DONE, "%s", discovery_reason(d));
	ck_assert_int_eq(found_names, targets * (portals ? portals : 1));
	discovery_free(d);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("send-targets");
	TCase *t = tcase_create("send-targets");
	SRunner *r = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, question, 0, COUNT(questions));
	tcase_add_loop_test(t, rejection, 0, COUNT(rejected));
	tcase_add_test(t, long_question);
	tcase_add_test(t, endless_question);
	tcase_add_test(t, answer_is_called_for_wrongly);
	tcase_add_test(t, data_max_changes);
	tcase_add_test(t, never_final);
	tcase_add_loop_test(t, both, 0, COUNT(worlds));
	suite_add_tcase(suite, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
