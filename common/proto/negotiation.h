/* SPDX-License-Identifier: MIT */
/*
 * negotiation.h - the keys of one login, from the first PDU to the last: what this side offered,
 * what the peer sent, and what is in force. How one key is negotiated is in keys.h.
 */
#ifndef PROTO_NEGOTIATION_H
#define PROTO_NEGOTIATION_H

#include "keys.h"
#include "text.h"

#define KEY_BIT(id) (UINT64_C(1) << (id))

struct negotiation {
	struct login_params ours;	/* what this side offers, clamped */
	struct login_params in_force;	/* complete once negotiation_end says so */
	unsigned int session;		/* KEY_NORMAL or KEY_DISCOVERY */
	uint64_t offered, seen, agreed; /* sets of enum key_id; agreed: the peer gave a value */
	const char *auth[KEY_COUNT];	/* the authentication keys of the last text, inside it */
	int tpgt;			/* -1: not declared */
	char target_alias[TEXT_VALUE_MAX + 1]; /* escaped */
	char why[256]; /* of the last failure; bytes of the peer in it are not escaped */
};

/* A new negotiation. False when the values cannot be offered. */
bool negotiation_start(
	struct negotiation *n, const struct login_params *ours, unsigned int session);

/* Adds one key, or all the offers of the operational stage. -ENOSPC. */
int negotiation_send(struct negotiation *n, struct text *out, enum key_id id, const char *value);
int negotiation_send_offers(struct negotiation *n, struct text *out);

/* Where a text comes in. */
struct negotiation_stage {
	unsigned int stage; /* KEY_SECURITY or KEY_OPERATIONAL */
	const char *name;
	uint64_t auth_keys; /* the set of authentication keys that are due */
};

/*
 * Takes a whole text of the target, which has to stay as long as auth is looked at; answers to its
 * own offers go to out. False when it breaks a rule.
 */
bool negotiation_take(struct negotiation *n, const struct negotiation_stage *stage,
	const char *data, size_t len, struct text *out);

/* After the last text: false when what is in force cannot be used. */
bool negotiation_end(struct negotiation *n);

#endif
