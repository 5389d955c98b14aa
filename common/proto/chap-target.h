/* SPDX-License-Identifier: MIT */
/*
 * chap-target.h - the target's part of the CHAP dialogue (RFC 7143 section 12.1.3): choose an
 * algorithm, challenge the initiator and check its proof, answer its challenge.
 */
#ifndef PROTO_CHAP_TARGET_H
#define PROTO_CHAP_TARGET_H

#include "login-target.h"
#include "text.h"

struct chap_target {
	bool required;
	bool mutual; /* the initiator wants a proof, and has proved itself */
	enum chap_alg algs[CHAP_ALGS];
	char username_out[TEXT_VALUE_MAX + 1], password_out[TEXT_VALUE_MAX + 1];

	enum chap_alg alg; /* the one chosen */
	uint8_t id, challenge[CHAP_DIGEST_MAX];
	uint8_t initiator_id;
	uint8_t initiator_challenge[CHAP_CHALLENGE_MAX];
	size_t initiator_challenge_len;
};

/* What an initiator says of itself, as received; NULL when missing. */
struct chap_claim {
	const char *name, *response;
	const char *id, *challenge; /* both or none: it wants a proof */
};

/* A new dialogue. -EINVAL with why filled in. */
int chap_target_start(struct chap_target *c, const struct login_target_settings *settings,
	char why[CHAP_WHY_MAX]);
void chap_target_wipe(struct chap_target *c); /* forgets the secret */

/*
 * The next two return LOGIN_STATUS_SUCCESS, or the status to refuse with and why filled in; bytes
 * of the peer in it are not escaped.
 *
 * CHAP_A as received (NULL: missing): chooses, and makes a fresh challenge.
 */
enum login_status chap_target_choose(
	struct chap_target *c, const char *algs, char why[CHAP_WHY_MAX]);
/* The proof; secret is that of the account claim->name, NULL when there is none. */
enum login_status chap_target_check(struct chap_target *c, const struct chap_claim *claim,
	const char *secret, char why[CHAP_WHY_MAX]);

/* CHAP_A, CHAP_I and CHAP_C. -ENOSPC. */
int chap_target_challenge(const struct chap_target *c, struct text *t);
/* CHAP_N and CHAP_R. -ENOSPC, -EIO. */
int chap_target_answer(const struct chap_target *c, struct text *t);

#endif
