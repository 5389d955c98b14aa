/* SPDX-License-Identifier: MIT */
#include "keys.h"

#include <stdio.h>
#include <string.h>

#include "str.h"
#include "text.h"

static const char *const digest_lists[] = {
	[DIGEST_NONE] = "None",
	[DIGEST_CRC32C] = "CRC32C",
	[DIGEST_CRC32C_NONE] = "CRC32C,None",
	[DIGEST_NONE_CRC32C] = "None,CRC32C",
	NULL,
};

static const char *const task_reporting_lists[] = {"RFC3720", NULL};

#define SEGMENT_MIN 512
#define SEGMENT_MAX 16777215

#define BOTH_STAGES (KEY_SECURITY | KEY_OPERATIONAL)
#define BOTH_TYPES (KEY_NORMAL | KEY_DISCOVERY)
#define BOTH_ROLES (KEY_BY_INITIATOR | KEY_BY_TARGET)
#define NAMES (BOTH_STAGES | KEY_BY_INITIATOR)
#define LEADING (NAMES | KEY_INSISTED | KEY_LEADING)
#define AUTH (KEY_SECURITY | BOTH_TYPES | BOTH_ROLES)
#define UNOFFERED (KEY_OPERATIONAL | BOTH_ROLES)
#define OFFER (UNOFFERED | KEY_OFFERED)
#define BY_TARGET (BOTH_STAGES | BOTH_TYPES | KEY_BY_TARGET | KEY_REPEATED)

#define FIELD(member) .field = (int)offsetof(struct login_params, member)
#define NO_FIELD .field = -1

static const struct key rows[KEY_COUNT] = {
	[KEY_INITIATOR_NAME] = {"InitiatorName", KEY_IS_TEXT, LEADING | BOTH_TYPES, NO_FIELD},
	[KEY_INITIATOR_ALIAS] = {"InitiatorAlias", KEY_IS_TEXT, NAMES | BOTH_TYPES, NO_FIELD},
	[KEY_TARGET_NAME] = {"TargetName", KEY_IS_TEXT, LEADING | KEY_NORMAL, NO_FIELD},
	[KEY_SESSION_TYPE] = {"SessionType", KEY_IS_TEXT, LEADING | BOTH_TYPES, NO_FIELD},
	[KEY_AUTH_METHOD] = {"AuthMethod", KEY_IS_AUTH, AUTH, NO_FIELD},
	[KEY_CHAP_A] = {"CHAP_A", KEY_IS_AUTH, AUTH, NO_FIELD},
	[KEY_CHAP_I] = {"CHAP_I", KEY_IS_AUTH, AUTH, 0, 255, NO_FIELD},
	[KEY_CHAP_C] = {"CHAP_C", KEY_IS_AUTH, AUTH, NO_FIELD,
		.value_max = 2 + 2 * CHAP_CHALLENGE_MAX},
	[KEY_CHAP_N] = {"CHAP_N", KEY_IS_AUTH, AUTH, NO_FIELD},
	[KEY_CHAP_R] = {"CHAP_R", KEY_IS_AUTH, AUTH, NO_FIELD},
	[KEY_HEADER_DIGEST] = {"HeaderDigest", KEY_IS_LIST, OFFER | BOTH_TYPES,
		FIELD(header_digest), .lists = digest_lists},
	[KEY_DATA_DIGEST] = {"DataDigest", KEY_IS_LIST, OFFER | BOTH_TYPES, FIELD(data_digest),
		.lists = digest_lists},
	[KEY_TIME2WAIT] = {"DefaultTime2Wait", KEY_IS_MAX, OFFER | BOTH_TYPES, 0, 3600, 2,
		FIELD(time2wait)},
	[KEY_TIME2RETAIN] = {"DefaultTime2Retain", KEY_IS_MIN, OFFER | BOTH_TYPES, 0, 3600, 20,
		FIELD(time2retain)},
	[KEY_IF_MARKER] = {"IFMarker", KEY_IS_AND, OFFER | BOTH_TYPES, NO_FIELD},
	[KEY_OF_MARKER] = {"OFMarker", KEY_IS_AND, OFFER | BOTH_TYPES, NO_FIELD},
	[KEY_ERROR_RECOVERY_LEVEL] = {"ErrorRecoveryLevel", KEY_IS_MIN, OFFER | BOTH_TYPES, 0, 2, 0,
		FIELD(error_recovery_level)},
	[KEY_INITIAL_R2T] = {"InitialR2T", KEY_IS_OR, OFFER | KEY_NORMAL, 0, 1, 1,
		FIELD(initial_r2t)},
	[KEY_IMMEDIATE_DATA] = {"ImmediateData", KEY_IS_AND, OFFER | KEY_NORMAL, 0, 1, 1,
		FIELD(immediate_data)},
	[KEY_MAX_BURST] = {"MaxBurstLength", KEY_IS_MIN, OFFER | KEY_NORMAL, SEGMENT_MIN,
		SEGMENT_MAX, 262144, FIELD(max_burst)},
	[KEY_FIRST_BURST] = {"FirstBurstLength", KEY_IS_MIN, OFFER | KEY_NORMAL, SEGMENT_MIN,
		SEGMENT_MAX, 65536, FIELD(first_burst)},
	[KEY_MAX_OUTSTANDING_R2T] = {"MaxOutstandingR2T", KEY_IS_MIN, OFFER | KEY_NORMAL, 1, 65535,
		1, FIELD(max_outstanding_r2t)},
	[KEY_MAX_CONNECTIONS] = {"MaxConnections", KEY_IS_MIN, OFFER | KEY_NORMAL, 1, 65535, 1,
		NO_FIELD},
	[KEY_DATA_PDU_IN_ORDER] = {"DataPDUInOrder", KEY_IS_OR, OFFER | KEY_NORMAL, 0, 1, 1,
		FIELD(data_pdu_in_order)},
	[KEY_DATA_SEQUENCE_IN_ORDER] = {"DataSequenceInOrder", KEY_IS_OR, OFFER | KEY_NORMAL, 0, 1,
		1, FIELD(data_sequence_in_order)},
	/* targets in the field declare it in any stage, and again */
	[KEY_MAX_RECV_DATA_SEGMENT] = {"MaxRecvDataSegmentLength", KEY_IS_NUMBER,
		OFFER | KEY_SECURITY | BOTH_TYPES | KEY_REPEATED, SEGMENT_MIN, SEGMENT_MAX, 8192,
		FIELD(max_recv_data_segment),
		.peer_field = (int)offsetof(struct login_params, max_xmit_data_segment)},
	[KEY_TASK_REPORTING] = {"TaskReporting", KEY_IS_LIST, UNOFFERED | KEY_NORMAL, NO_FIELD,
		.lists = task_reporting_lists},
	[KEY_PROTOCOL_LEVEL] = {"iSCSIProtocolLevel", KEY_IS_MIN, UNOFFERED | KEY_NORMAL, 0, 31, 1,
		NO_FIELD},
	[KEY_IF_MARK_INT] = {"IFMarkInt", KEY_IS_OBSOLETE, UNOFFERED | BOTH_TYPES, NO_FIELD},
	[KEY_OF_MARK_INT] = {"OFMarkInt", KEY_IS_OBSOLETE, UNOFFERED | BOTH_TYPES, NO_FIELD},
	[KEY_TARGET_ALIAS] = {"TargetAlias", KEY_IS_TEXT, BY_TARGET, NO_FIELD},
	[KEY_TARGET_ADDRESS] = {"TargetAddress", KEY_IS_TEXT, BY_TARGET, NO_FIELD},
	[KEY_TPGT] = {"TargetPortalGroupTag", KEY_IS_NUMBER, BY_TARGET, 0, 65535, NO_FIELD,
		.peer_field = -1},
};

const struct key *key_row(enum key_id id)
{
	return &rows[id];
}

int key_find(const char *name)
{
	for (int i = 0; i < KEY_COUNT; i++)
		if (strcmp(rows[i].name, name) == 0)
			return i;
	return -1;
}

size_t key_value_max(const struct key *k)
{
	return k->value_max ? k->value_max : TEXT_VALUE_MAX;
}

bool key_is_refusal(const char *value)
{
	return strcmp(value, "Reject") == 0 || strcmp(value, "Irrelevant") == 0 ||
	       strcmp(value, "NotUnderstood") == 0;
}

/* ---- the values in struct login_params, by kind ---- */

static uint32_t get(const struct key *k, const struct login_params *p)
{
	const char *field = (const char *)p + k->field;

	if (k->field < 0)
		return k->fallback;
	switch (k->kind) {
	case KEY_IS_AND:
	case KEY_IS_OR:
		return *(const bool *)field;
	case KEY_IS_LIST:
		return *(const enum login_digest *)field;
	default:
		return *(const uint32_t *)field;
	}
}

static void set(const struct key *k, int at, struct login_params *p, uint32_t v)
{
	char *field = (char *)p + at;

	if (at < 0)
		return;
	switch (k->kind) {
	case KEY_IS_AND:
	case KEY_IS_OR:
		*(bool *)field = v;
		break;
	case KEY_IS_LIST:
		*(enum login_digest *)field = v;
		break;
	default:
		*(uint32_t *)field = v;
	}
}

void keys_fallback(struct login_params *ret)
{
	for (int i = 0; i < KEY_COUNT; i++) {
		const struct key *k = &rows[i];

		set(k, k->field, ret, k->fallback);
		if (k->kind == KEY_IS_NUMBER)
			set(k, k->peer_field, ret, k->fallback);
	}
}

/* ---- values as text ---- */

static bool is_list(const struct key *k)
{
	return k->kind == KEY_IS_LIST;
}

static bool is_boolean(const struct key *k)
{
	return k->kind == KEY_IS_AND || k->kind == KEY_IS_OR;
}

static uint32_t list_count(const struct key *k)
{
	uint32_t n = 0;

	while (k->lists[n])
		n++;
	return n;
}

bool key_list_has(const char *list, const char *item, size_t len)
{
	for (const char *p = list;; p++) {
		size_t n = strcspn(p, ",");

		if (n == len && memcmp(p, item, len) == 0)
			return true;
		p += n;
		if (!*p)
			return false;
	}
}

const char *key_number(const struct key *k, const char *value, uint32_t *ret)
{
	uint64_t v;

	if (str_to_u64(value, k->min, k->max, &v) < 0)
		return "is no number within its range";
	*ret = (uint32_t)v;
	return NULL;
}

static const char *boolean(const char *value, uint32_t *ret)
{
	bool yes = strcmp(value, "Yes") == 0;

	if (!yes && strcmp(value, "No") != 0)
		return "is neither Yes nor No";
	*ret = yes;
	return NULL;
}

static void format(const struct key *k, uint32_t v, char value[KEY_OFFER_MAX])
{
	if (is_boolean(k))
		snprintf(value, KEY_OFFER_MAX, "%s", v ? "Yes" : "No");
	else if (is_list(k))
		snprintf(value, KEY_OFFER_MAX, "%s", k->lists[v]);
	else
		snprintf(value, KEY_OFFER_MAX, "%u", v);
}

bool key_is_valid(const struct key *k, const struct login_params *ours, char why[KEY_FAULT_MAX])
{
	uint32_t v = get(k, ours), min = is_list(k) ? 0 : k->min;
	uint32_t max = is_list(k) ? list_count(k) - 1 : is_boolean(k) ? 1 : k->max;

	if (v >= min && v <= max)
		return true;
	snprintf(why, KEY_FAULT_MAX, "%s %u is not within %u to %u", k->name, v, min, max);
	return false;
}

bool key_is_fallback(const struct key *k, const struct login_params *ours)
{
	const char *fallback, *list;

	if (!is_list(k))
		return get(k, ours) == k->fallback;
	fallback = k->lists[k->fallback];
	list = k->lists[get(k, ours)];
	return strncmp(list, fallback, strlen(fallback)) == 0;
}

void key_offer(const struct key *k, const struct login_params *ours, char value[KEY_OFFER_MAX])
{
	format(k, get(k, ours), value);
}

/* ---- negotiation ---- */

/* The one value in force when the sides say a and b; by it an answer is made, and checked. */
static uint32_t combine(const struct key *k, uint32_t a, uint32_t b)
{
	switch (k->kind) {
	case KEY_IS_MIN:
		return a < b ? a : b;
	case KEY_IS_MAX:
		return a > b ? a : b;
	case KEY_IS_AND:
		return a && b;
	case KEY_IS_OR:
		return a || b;
	default:
		return b;
	}
}

static const char *parse(const struct key *k, const char *value, uint32_t *ret)
{
	return is_boolean(k) ? boolean(value, ret) : key_number(k, value, ret);
}

const char *key_set(const struct key *k, const char *value, struct login_params *ours)
{
	uint32_t v = 0;
	const char *fault = NULL;

	if (!is_list(k))
		fault = parse(k, value, &v);
	else
		while (!fault && strcmp(k->lists[v], value) != 0)
			fault = k->lists[++v] ? NULL
					      : "is not one of the lists that can be offered";
	if (!fault)
		set(k, k->field, ours, v);
	return fault;
}

/* The first item of offer that ours has too: the place among the texts of the one that is it. */
static const char *choose(const struct key *k, const char *ours, const char *offer, uint32_t *ret)
{
	for (const char *p = offer;; p++) {
		size_t len = strcspn(p, ",");

		for (uint32_t i = 0; key_list_has(ours, p, len) && k->lists[i]; i++)
			if (strlen(k->lists[i]) == len && memcmp(k->lists[i], p, len) == 0) {
				*ret = i;
				return NULL;
			}
		p += len;
		if (!*p)
			return "was not offered";
	}
}

static const char *answer_fault(const struct key *k, uint32_t ours, uint32_t answer)
{
	if (combine(k, ours, answer) == answer)
		return NULL;
	switch (k->kind) {
	case KEY_IS_MIN:
		return "is more than was offered";
	case KEY_IS_MAX:
		return "is less than was offered";
	default:
		return "is not possible after what was offered";
	}
}

bool key_fallback_is_acceptable(const struct key *k, const struct login_params *ours)
{
	const char *fallback;

	if (!is_list(k))
		return true;
	fallback = k->lists[k->fallback];
	return key_list_has(k->lists[get(k, ours)], fallback, strlen(fallback));
}

const char *key_take_answer(const struct key *k, const struct login_params *ours,
	const char *answer, struct login_params *result)
{
	const char *fault = NULL;
	uint32_t v;

	if (key_is_refusal(answer))
		return key_fallback_is_acceptable(k, ours) ? NULL
							   : "leaves nothing that may be used";
	if (is_list(k))
		fault = strchr(answer, ',') ? "is a list where one value is due"
					    : choose(k, k->lists[get(k, ours)], answer, &v);
	else
		fault = parse(k, answer, &v);
	if (!fault && k->kind != KEY_IS_NUMBER && !is_list(k))
		fault = answer_fault(k, get(k, ours), v);
	if (!fault)
		set(k, k->kind == KEY_IS_NUMBER ? k->peer_field : k->field, result, v);
	return fault;
}

void key_take_offer(const struct key *k, const struct login_params *ours, const char *offer,
	struct login_params *result, char answer[KEY_OFFER_MAX])
{
	const char *fault = "is obsolete";
	uint32_t v;

	if (is_list(k))
		fault = choose(k, k->lists[get(k, ours)], offer, &v);
	else if (k->kind != KEY_IS_OBSOLETE)
		fault = parse(k, offer, &v);
	if (fault) {
		snprintf(answer, KEY_OFFER_MAX, "Reject");
		return;
	}
	v = combine(k, get(k, ours), v);
	set(k, k->field, result, v);
	format(k, v, answer);
}
