/* SPDX-License-Identifier: MIT */
/*
 * chap-initiator.h - the initiator's part of the CHAP dialogue (RFC 7143 section 12.1.3): offer
 * algorithms, answer the target's challenge, challenge the target and check its proof.
 */
#ifndef PROTO_CHAP_INITIATOR_H
#define PROTO_CHAP_INITIATOR_H

#include "login.h"
#include "text.h"

struct chap_initiator {
	char username[TEXT_VALUE_MAX + 1], password[TEXT_VALUE_MAX + 1];
	char username_in[TEXT_VALUE_MAX + 1], password_in[TEXT_VALUE_MAX + 1];
	bool wanted; /* there is a password */
	bool mutual; /* the target must prove itself */
	enum chap_alg algs[CHAP_ALGS];

	enum chap_alg alg; /* the one chosen */
	uint8_t target_id;
	uint8_t target_challenge[CHAP_CHALLENGE_MAX];
	size_t target_challenge_len;

	uint8_t id, challenge[CHAP_DIGEST_MAX];
	/* The one before: a target may try to have its own riddle solved by us in the next login.
	 */
	uint8_t last_challenge[CHAP_DIGEST_MAX];
	bool has_challenge, has_last;
};

/*
 * A new dialogue, with a fresh challenge. 0, -EINVAL with why filled in, or -EIO when the random
 * source fails.
 */
int chap_initiator_start(
	struct chap_initiator *c, const struct login_config *config, char why[CHAP_WHY_MAX]);
void chap_initiator_wipe(struct chap_initiator *c); /* forgets the secrets */

/* CHAP_A. -ENOSPC. */
int chap_initiator_offer(const struct chap_initiator *c, struct text *t);

/*
 * CHAP_A, CHAP_I and CHAP_C as received, NULL when missing. LOGIN_CONTINUE, or the verdict with why
 * filled in; bytes of the peer in it are not escaped.
 */
enum login_verdict chap_initiator_challenged(struct chap_initiator *c, const char *alg,
	const char *id, const char *challenge, char why[CHAP_WHY_MAX]);

/* CHAP_N and CHAP_R, with our own CHAP_I and CHAP_C when mutual. -ENOSPC, -EIO. */
int chap_initiator_answer(const struct chap_initiator *c, struct text *t);

/* CHAP_N and CHAP_R of the target; as chap_initiator_challenged. */
enum login_verdict chap_initiator_check(const struct chap_initiator *c, const char *name,
	const char *response, char why[CHAP_WHY_MAX]);

#endif
