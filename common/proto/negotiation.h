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

/* Who this side is. */
enum negotiation_role {
	ROLE_INITIATOR = KEY_BY_INITIATOR,
	ROLE_TARGET = KEY_BY_TARGET,
};

struct negotiation {
	enum negotiation_role role;
	struct login_params ours;	/* what this side offers, clamped */
	struct login_params in_force;	/* complete once negotiation_end says so */
	unsigned int session;		/* KEY_NORMAL or KEY_DISCOVERY */
	uint64_t offered, seen, agreed; /* sets of enum key_id; agreed: both sides gave a value */
	const char *due[KEY_COUNT];	/* the keys of the last text that were due, inside it */
	int tpgt;			/* -1: not declared */
	char alias[TEXT_VALUE_MAX + 1]; /* of the peer, escaped */
	char why[256]; /* of the last failure; bytes of the peer in it are not escaped */
};

/* A new negotiation. False when the values cannot be offered. */
bool negotiation_start(struct negotiation *n, enum negotiation_role role,
	const struct login_params *ours, unsigned int session);

/* Adds one key. -ENOSPC. */
int negotiation_send(struct negotiation *n, struct text *out, enum key_id id, const char *value);

/*
 * Adds the offers of the operational stage: an initiator's are all its keys, a target's those that
 * the initiator left out though the target's values are not what is in force without them.
 * -ENOSPC.
 */
int negotiation_send_offers(struct negotiation *n, struct text *out);

/* Whether the peer has answered all that was offered. */
bool negotiation_is_answered(const struct negotiation *n);

/* Where a text comes in. */
struct negotiation_stage {
	unsigned int stage; /* KEY_SECURITY or KEY_OPERATIONAL */
	const char *name;
	uint64_t due; /* the authentication and leading keys that may come now */
};

/*
 * Takes a whole text of the peer, which has to stay as long as due is looked at; answers to its
 * offers go to out. False when it breaks a rule.
 */
bool negotiation_take(struct negotiation *n, const struct negotiation_stage *stage,
	const char *data, size_t len, struct text *out);

/* After the last text: false when what is in force cannot be used. */
bool negotiation_end(struct negotiation *n);

#endif
