/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <check.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chap.h"
#include "text.h"

static struct {
	const struct fake_target *target;
	const struct script_step *step;
	uint32_t first_statsn, statsn;
	unsigned int connection;		     /* the one that the last request came over */
	uint8_t first[BHS_LEN];			     /* its first request */
	char said[TEXT_HEX_LEN(CHAP_CHALLENGE_MAX)]; /* the last answer's CHAP_C */
	enum chap_alg alg;
	uint8_t id;
} script;

/* What the initiator said last, by the letter that stands for it in a script. */
static struct {
	char letter;
	const char *key;
	char value[TEXT_VALUE_MAX + 1];
} heard[] = {
	{'I', "CHAP_I", ""},
	{'C', "CHAP_C", ""},
	{'N', "CHAP_N", ""},
	{'r', "CHAP_R", ""},
};
#define N_HEARD (sizeof(heard) / sizeof(heard[0]))

const char *script_heard(char letter)
{
	for (size_t i = 0; i < N_HEARD; i++)
		if (heard[i].letter == letter)
			return heard[i].value;
	ck_abort_msg("$%c means nothing", letter);
}

static void script_answer(const struct fake_pdu *request, struct fake_pdu *ret);

void script_start(struct fake_target *t, const struct script_step *steps, uint32_t first_statsn)
{
	memset(&script, 0, sizeof(script));
	script.target = t;
	script.step = steps;
	script.first_statsn = first_statsn;
	t->answer = ANSWER_SCRIPT;
	t->script = script_answer;
}

void script_assert_over(const char *test)
{
	ck_assert_msg(!script.step->ask && !script.step->answer, "%s: %s was never asked", test,
		script.step->ask);
}

/* ---- what is asked ---- */

static void check_first(const uint8_t *bhs)
{
	ck_assert_uint_eq(bhs_exp_statsn(bhs), 0);
	script.statsn = script.first_statsn;
	script.connection = script.target->connections;
	memcpy(script.first, bhs, BHS_LEN);
}

/* The same in each request of a connection. */
static void check_next(const uint8_t *bhs)
{
	const uint8_t *first = script.first;

	ck_assert_uint_eq(bhs_exp_statsn(bhs), script.statsn);
	ck_assert_uint_eq(bhs_itt(bhs), bhs_itt(first));
	ck_assert_uint_eq(bhs_cmdsn(bhs), bhs_cmdsn(first));
	ck_assert_mem_eq(bhs_isid(bhs), bhs_isid(first), BHS_ISID_LEN);
}

static void check_header(const uint8_t *bhs)
{
	static const uint8_t zero[BHS_LEN];

	ck_assert_uint_eq(bhs[0], 0x43);
	ck_assert_uint_eq(bhs_version_max(bhs), 0);
	ck_assert_uint_eq(bhs_version_min(bhs), 0);
	ck_assert_uint_eq(bhs[4], 0); /* no additional header */
	ck_assert_uint_eq(bhs_tsih(bhs), 0);
	ck_assert_uint_eq(bhs_cid(bhs), 0);
	ck_assert_mem_eq(bhs + 22, zero, 2);
	ck_assert_mem_eq(bhs + 32, zero, 16);
	if (script.connection != script.target->connections)
		check_first(bhs);
	else
		check_next(bhs);
}

static void check_text(const struct fake_pdu *request)
{
	static char text[sizeof(request->text) + 1];

	for (size_t i = 0; i < request->len; i++)
		text[i] = request->text[i] ? request->text[i] : '|';
	text[request->len] = '\0';
	if (script.step->ask)
		ck_assert_msg(fnmatch(script.step->ask, text, FNM_NOESCAPE) == 0,
			"asked for\n  %s\nnot\n  %s", text, script.step->ask);
}

static void hear(const struct fake_pdu *request)
{
	struct text_reader r = text_reader(request->text, request->len);
	struct text_pair p;

	while (text_next(&r, &p))
		for (size_t i = 0; i < N_HEARD; i++)
			if (strcmp(heard[i].key, p.key) == 0)
				snprintf(heard[i].value, sizeof(heard[i].value), "%s", p.value);
	ck_assert_ptr_null(r.fault);
}

static void digest_of(const char *secret, uint8_t id, const char *challenge, char *ret)
{
	uint8_t bytes[CHAP_CHALLENGE_MAX], digest[CHAP_DIGEST_MAX];
	size_t len;

	ck_assert_int_eq(text_binary_decode(challenge, bytes, sizeof(bytes), &len), 0);
	ck_assert_int_eq(chap_digest(script.alg, id, secret, bytes, len, digest), 0);
	text_binary_encode(digest, chap_digest_len(script.alg), ret);
}

static void check_proof(const struct fake_pdu *request)
{
	char want[TEXT_HEX_LEN(CHAP_DIGEST_MAX)];

	if (!memmem(request->text, request->len, "CHAP_R=", 7))
		return;
	digest_of(SCRIPT_SECRET, script.id, script.said, want);
	ck_assert_str_eq(text_find(request->text, request->len, "CHAP_R"), want);
}

/* ---- what is answered ---- */

static void add_proof(char *to)
{
	digest_of(SCRIPT_SECRET_IN, (uint8_t)atoi(script_heard('I')), script_heard('C'), to);
}

static void add_challenge(size_t len, char *to)
{
	to += sprintf(to, "0x");
	while (len--)
		to += sprintf(to, "%02zx", len & 0xff);
}

/* The step's text with all that it names; its length. */
static size_t expand(const char *from, char *to)
{
	char *start = to;

	for (; *from; from++) {
		if (*from != '$') {
			*to++ = *from == '|' ? '\0' : *from;
			continue;
		}
		switch (*++from) {
		case 'R':
			add_proof(to);
			break;
		case 'L':
			add_challenge(CHAP_CHALLENGE_MAX, to);
			break;
		case 'M':
			add_challenge(CHAP_CHALLENGE_MAX + 1, to);
			break;
		default:
			strcpy(to, script_heard(*from));
		}
		to += strlen(to);
	}
	return (size_t)(to - start);
}

/* The challenge that the initiator will have to answer. */
static void remember(const struct fake_pdu *answer)
{
	struct text_reader r = text_reader(answer->text, answer->len);
	struct text_pair p;

	while (text_next(&r, &p)) {
		if (strcmp(p.key, "CHAP_A") == 0)
			script.alg = (enum chap_alg)atoi(p.value);
		else if (strcmp(p.key, "CHAP_I") == 0)
			script.id = (uint8_t)strtoul(p.value, NULL, 0);
		else if (strcmp(p.key, "CHAP_C") == 0)
			snprintf(script.said, sizeof(script.said), "%s", p.value);
	}
}

void script_say(const struct script_step *step, const struct fake_pdu *to, struct fake_pdu *ret)
{
	const uint8_t *request = to->bhs;
	bool last = step->flags & BHS_TRANSIT && bhs_nsg(request) == STAGE_FULL_FEATURE;
	uint8_t *bhs = ret->bhs;

	hear(to);
	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_LOGIN_RESPONSE, false);
	bhs_set_login_flags(bhs, step->flags, bhs_csg(request),
		step->flags & BHS_TRANSIT ? bhs_nsg(request) : 0);
	bhs_set_isid(bhs, bhs_isid(request));
	bhs_set_tsih(bhs, last ? 0x100 : 0);
	bhs_set_itt(bhs, bhs_itt(request));
	bhs_set_statsn(bhs, script.statsn++);
	bhs_set_exp_cmdsn(bhs, bhs_cmdsn(request));
	bhs_set_max_cmdsn(bhs, bhs_cmdsn(request) + 31);
	bhs_set_status_class(bhs, (uint8_t)(step->status >> 8));
	bhs_set_status_detail(bhs, (uint8_t)step->status);
	ret->len = expand(step->answer, ret->text);
	bhs_set_data_len(bhs, (uint32_t)ret->len);
	if (step->spoil)
		step->spoil(bhs);
	remember(ret);
}

static void script_answer(const struct fake_pdu *request, struct fake_pdu *ret)
{
	const struct script_step *step = script.step;

	check_header(request->bhs);
	check_text(request);
	ck_assert_msg(step->answer, "one more request after the last answer");
	ck_assert_uint_eq(request->bhs[1], step->asked);
	check_proof(request);
	script_say(step, request, ret);
	script.step++;
}
