/* SPDX-License-Identifier: MIT */
/*
 * chap.h - CHAP (RFC 1994; RFC 7143 section 12.1.3): algorithms, challenges, responses.
 */
#ifndef PROTO_CHAP_H
#define PROTO_CHAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Numbers of the IANA registry "PPP Authentication Algorithms". */
enum chap_alg {
	CHAP_ALG_END = 0,
	CHAP_MD5 = 5,
	CHAP_SHA1 = 6,
	CHAP_SHA256 = 7,
	CHAP_SHA3_256 = 8,
};

#define CHAP_ALGS 5		/* four algorithms and CHAP_ALG_END */
#define CHAP_DIGEST_MAX 32	/* bytes */
#define CHAP_CHALLENGE_MAX 1024 /* bytes a peer may send */
#define CHAP_WHY_MAX 256	/* bytes of a reason */

const char *chap_alg_name(enum chap_alg a); /* "SHA3-256"; NULL when unknown */
enum chap_alg chap_alg_by_name(const char *name);
size_t chap_digest_len(enum chap_alg a);  /* 0 when unknown */
bool chap_alg_available(enum chap_alg a); /* false for MD5 in FIPS mode */

/*
 * "SHA256,MD5" to algorithms in that order (commas or blanks between them); names that are unknown,
 * not available or there twice are left out, and nothing left means MD5. NULL is "".
 */
void chap_algs_parse(const char *names, enum chap_alg ret[CHAP_ALGS]);

/* The algorithms of `from` that work here, in the same order. Their number. */
unsigned int chap_algs_available(enum chap_alg to[CHAP_ALGS], const enum chap_alg from[CHAP_ALGS]);
bool chap_algs_have(const enum chap_alg list[CHAP_ALGS], uint64_t alg);

/* H(id, secret, challenge) into digest (chap_digest_len bytes). 0 or -EIO. */
int chap_digest(enum chap_alg a, uint8_t id, const char *secret, const uint8_t *challenge,
	size_t len, uint8_t digest[CHAP_DIGEST_MAX]);

/*
 * Whether response (chap_digest_len bytes) is what a holder of secret answers to the challenge;
 * compared in constant time. 1, 0 or -EIO.
 */
int chap_verify(enum chap_alg a, uint8_t id, const char *secret, const uint8_t *challenge,
	size_t len, const uint8_t *response);

/* len bytes from the operating system's random source. 0 or -EIO. */
int chap_random(uint8_t *p, size_t len);

#endif
