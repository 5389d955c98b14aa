/* SPDX-License-Identifier: MIT */
/*
 * keys.h - the keys of the login phase (RFC 7143 chapters 12 and 13), one row each, and how they
 * are negotiated. The same for both roles.
 */
#ifndef PROTO_KEYS_H
#define PROTO_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "login.h"

/* The order of the rows: the order in which an initiator sends them. */
enum key_id {
	KEY_INITIATOR_NAME,
	KEY_INITIATOR_ALIAS,
	KEY_TARGET_NAME,
	KEY_SESSION_TYPE,
	KEY_AUTH_METHOD,
	KEY_CHAP_A,
	KEY_CHAP_I,
	KEY_CHAP_C,
	KEY_CHAP_N,
	KEY_CHAP_R,
	KEY_HEADER_DIGEST,
	KEY_DATA_DIGEST,
	KEY_TIME2WAIT,
	KEY_TIME2RETAIN,
	KEY_IF_MARKER,
	KEY_OF_MARKER,
	KEY_ERROR_RECOVERY_LEVEL,
	KEY_INITIAL_R2T,
	KEY_IMMEDIATE_DATA,
	KEY_MAX_BURST,
	KEY_FIRST_BURST,
	KEY_MAX_OUTSTANDING_R2T,
	KEY_MAX_CONNECTIONS,
	KEY_DATA_PDU_IN_ORDER,
	KEY_DATA_SEQUENCE_IN_ORDER,
	KEY_MAX_RECV_DATA_SEGMENT,
	KEY_TASK_REPORTING,
	KEY_PROTOCOL_LEVEL,
	KEY_IF_MARK_INT,
	KEY_OF_MARK_INT,
	KEY_TARGET_ALIAS,
	KEY_TARGET_ADDRESS,
	KEY_TPGT,
	KEY_COUNT,
};

/* How the two sides come to one value. */
enum key_kind {
	KEY_IS_TEXT,	 /* declared: a string */
	KEY_IS_NUMBER,	 /* declared: each side's own number */
	KEY_IS_AUTH,	 /* belongs to authentication, which is a dialogue of its own */
	KEY_IS_LIST,	 /* the first in the offered list that the other side accepts */
	KEY_IS_MIN,	 /* number: the smaller */
	KEY_IS_MAX,	 /* number: the larger */
	KEY_IS_AND,	 /* Yes when both say Yes */
	KEY_IS_OR,	 /* Yes when one says Yes */
	KEY_IS_OBSOLETE, /* always answered with Reject */
};

enum key_flags {
	KEY_SECURITY = 1 << 0,	  /* may come in the security stage */
	KEY_OPERATIONAL = 1 << 1, /* may come in the operational stage */
	KEY_NORMAL = 1 << 2,	  /* has a meaning in normal sessions */
	KEY_DISCOVERY = 1 << 3,	  /* has a meaning in discovery sessions */
	KEY_BY_INITIATOR = 1 << 4,
	KEY_BY_TARGET = 1 << 5,
	KEY_OFFERED = 1 << 6,  /* both roles have a value of their own for it */
	KEY_REPEATED = 1 << 7, /* may come more than once */
	KEY_INSISTED = 1 << 8, /* nothing works when the other side does not take it */
	KEY_LEADING = 1 << 9,  /* comes in the first text of a login only */
};

struct key {
	const char *name;
	enum key_kind kind;
	unsigned int flags;
	uint32_t min, max; /* of numbers */
	uint32_t fallback; /* the value in force when nothing is negotiated */
	int field;	   /* offset of the value in struct login_params; -1: always the fallback */
	int peer_field;	   /* the same for the peer's value of a declared number */
	const char *const *lists; /* the texts of the field's values */
	unsigned int value_max;	  /* bytes; 0: TEXT_VALUE_MAX */
};

const struct key *key_row(enum key_id id);
int key_find(const char *name); /* enum key_id, -1 when unknown */
size_t key_value_max(const struct key *k);

/* Reject, Irrelevant, NotUnderstood: an answer that carries no value. */
bool key_is_refusal(const char *value);

/* Whether the len bytes of item are one of a list's items. */
bool key_list_has(const char *list, const char *item, size_t len);

/* A number of this key. NULL when good, else why not: "is not a number from 1 to 65535". */
const char *key_number(const struct key *k, const char *value, uint32_t *ret);

/*
 * Our own value of a negotiated key, as an administrator writes it, into the field. NULL when good,
 * else why not, as the end of a sentence.
 */
const char *key_set(const struct key *k, const char *value, struct login_params *ours);

/* The values in force when nothing is negotiated. */
void keys_fallback(struct login_params *ret);

#define KEY_FAULT_MAX 96

/* Our value, where it can be offered at all: false, and why is filled in, when out of range. */
bool key_is_valid(const struct key *k, const struct login_params *ours, char why[KEY_FAULT_MAX]);

/* Whether we like best what is in force when nothing is negotiated. */
bool key_is_fallback(const struct key *k, const struct login_params *ours);

/* Our value as text, for an offer or a declaration of a negotiated key. */
#define KEY_OFFER_MAX 64
void key_offer(const struct key *k, const struct login_params *ours, char value[KEY_OFFER_MAX]);

/*
 * The peer's answer to our offer of a negotiated key, or its declaration of a number: into result.
 * NULL when good, else why not, as the end of a sentence: "is more than was offered". A refusal
 * leaves the fallback in force.
 */
const char *key_take_answer(const struct key *k, const struct login_params *ours,
	const char *answer, struct login_params *result);

/* Whether we can live with the fallback: not so when only something else was offered. */
bool key_fallback_is_acceptable(const struct key *k, const struct login_params *ours);

/*
 * The peer's offer of a negotiated key that we did not offer: the value in force into result, and
 * the answer to send, "Reject" when the offer is not acceptable.
 */
void key_take_offer(const struct key *k, const struct login_params *ours, const char *offer,
	struct login_params *result, char answer[KEY_OFFER_MAX]);

#endif
