/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "str.h"

#define SECONDS_MAX 86400

/* Of three sorts: a negotiated key, a number of our own, and what is as it is. */
struct row {
	const char *name;
	int key;	   /* enum key_id, -1: none */
	const char *fixed; /* NULL: can be set */
	size_t offset;	   /* of the number in struct target_settings */
	uint32_t min, max, fallback;
};

#define NUMBER(name, member, min, max, fallback)                                                   \
	{name, -1, NULL, offsetof(struct target_settings, member), min, max, fallback}
#define KEY(name, id) {name, id, NULL, 0, 0, 0, 0}
#define FIXED(name, text) {name, -1, text, 0, 0, 0, 0}

/* Callers read them in this order. The last few belong to transports that are not here. */
static const struct row rows[] = {
	NUMBER("nop_interval", nop_interval, 0, SECONDS_MAX, 0),
	NUMBER("nop_count", nop_count, 0, SECONDS_MAX, 0),
	KEY("MaxRecvDataSegmentLength", KEY_MAX_RECV_DATA_SEGMENT),
	KEY("HeaderDigest", KEY_HEADER_DIGEST),
	KEY("DataDigest", KEY_DATA_DIGEST),
	KEY("InitialR2T", KEY_INITIAL_R2T),
	KEY("MaxOutstandingR2T", KEY_MAX_OUTSTANDING_R2T),
	KEY("ImmediateData", KEY_IMMEDIATE_DATA),
	KEY("FirstBurstLength", KEY_FIRST_BURST),
	KEY("MaxBurstLength", KEY_MAX_BURST),
	FIXED("DataPDUInOrder", "Yes"),
	FIXED("DataSequenceInOrder", "Yes"),
	FIXED("ErrorRecoveryLevel", "0"),
	FIXED("IFMarker", "No"),
	FIXED("OFMarker", "No"),
	KEY("DefaultTime2Wait", KEY_TIME2WAIT),
	KEY("DefaultTime2Retain", KEY_TIME2RETAIN),
	FIXED("OFMarkInt", "Reject"),
	FIXED("IFMarkInt", "Reject"),
	FIXED("MaxConnections", "1"),
	FIXED("RDMAExtensions", "Yes"),
	FIXED("TargetRecvDataSegmentLength", "262144"),
	FIXED("InitiatorRecvDataSegmentLength", "262144"),
	FIXED("MaxOutstandingUnexpectedPDUs", "0"),
	FIXED("MaxXmitDataSegmentLength", "8192"),
	NUMBER("MaxQueueCmd", max_queue_cmd, 1, 512, 128),
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static uint32_t *number(struct target_settings *s, const struct row *r)
{
	return (uint32_t *)(void *)((char *)s + r->offset);
}

static bool is_number(const struct row *r)
{
	return r->key < 0 && !r->fixed;
}

void settings_default(struct target_settings *ret)
{
	*ret = (struct target_settings){};
	keys_fallback(&ret->params);
	for (size_t i = 0; i < N_ROWS; i++)
		if (is_number(&rows[i]))
			*number(ret, &rows[i]) = rows[i].fallback;
}

static const struct row *find(const char *name)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (!strcasecmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

static const char *set_number(struct target_settings *s, const struct row *r, const char *value)
{
	uint64_t v;

	if (str_to_u64(value, r->min, r->max, &v))
		return "is no number within its range";
	*number(s, r) = (uint32_t)v;
	return NULL;
}

const char *settings_set(struct target_settings *s, const char *name, const char *value)
{
	const struct row *r = find(name);

	if (!r)
		return "is not a setting of targets";
	if (r->fixed)
		return str_eq(value, r->fixed) ? NULL : "cannot be changed in this target";
	return r->key < 0 ? set_number(s, r, value)
			  : key_set(key_row((enum key_id)r->key), value, &s->params);
}

const char *settings_name(size_t at)
{
	return at < N_ROWS ? rows[at].name : NULL;
}

void settings_format(const struct target_settings *s, size_t at, char ret[SETTING_TEXT_MAX])
{
	const struct row *r = &rows[at];

	if (r->fixed)
		snprintf(ret, SETTING_TEXT_MAX, "%s", r->fixed);
	else if (r->key >= 0)
		key_offer(key_row((enum key_id)r->key), &s->params, ret);
	else
		snprintf(ret, SETTING_TEXT_MAX, "%u",
			*number((struct target_settings *)(uintptr_t)s, r));
}
