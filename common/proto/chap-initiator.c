/* SPDX-License-Identifier: MIT */
#include "chap-initiator.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "str.h"

/* ---- beginning and end ---- */

void chap_initiator_wipe(struct chap_initiator *c)
{
	str_wipe(c->password, sizeof(c->password));
	str_wipe(c->password_in, sizeof(c->password_in));
}

static int copy(const struct login_config *config, struct chap_initiator *c, char *why)
{
	const struct {
		const char *name, *from;
		char *to;
	} fields[] = {
		{"user name", config->username, c->username},
		{"password", config->password, c->password},
		{"incoming user name", config->username_in, c->username_in},
		{"incoming password", config->password_in, c->password_in},
	};

	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		const char *from = fields[i].from ? fields[i].from : "";

		if (strlen(from) > TEXT_VALUE_MAX) {
			snprintf(why, CHAP_WHY_MAX, "the CHAP %s is longer than %d bytes",
				fields[i].name, TEXT_VALUE_MAX);
			return -EINVAL;
		}
		strcpy(fields[i].to, from);
	}
	return 0;
}

int chap_initiator_start(
	struct chap_initiator *c, const struct login_config *config, char why[CHAP_WHY_MAX])
{
	int r;

	chap_initiator_wipe(c);
	r = copy(config, c, why);
	if (r < 0)
		return r;
	c->wanted = c->password[0];
	c->mutual = c->wanted && (c->username_in[0] || c->password_in[0]);
	if (!c->wanted)
		return 0;
	if (!chap_algs_available(c->algs, config->chap_algs)) {
		snprintf(
			why, CHAP_WHY_MAX, "this system offers none of the CHAP algorithms wanted");
		return -EINVAL;
	}
	memcpy(c->last_challenge, c->challenge, sizeof(c->challenge));
	c->has_last = c->has_challenge;
	c->has_challenge = true;
	r = chap_random(&c->id, 1);
	return r < 0 ? r : chap_random(c->challenge, sizeof(c->challenge));
}

__attribute__((format(printf, 3, 4))) static enum login_verdict refuse(
	enum login_verdict verdict, char why[CHAP_WHY_MAX], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, CHAP_WHY_MAX, fmt, args);
	va_end(args);
	return verdict;
}

/* ---- the dialogue ---- */

int chap_initiator_offer(const struct chap_initiator *c, struct text *t)
{
	char list[4 * CHAP_ALGS] = "";
	int len = 0;

	for (unsigned int i = 0; c->algs[i] != CHAP_ALG_END; i++)
		len += snprintf(
			list + len, sizeof(list) - (size_t)len, "%s%u", i ? "," : "", c->algs[i]);
	return text_add(t, key_row(KEY_CHAP_A)->name, "%s", list);
}

static bool is_ours(const struct chap_initiator *c, const uint8_t *challenge, size_t len)
{
	return len == chap_digest_len(c->alg) &&
	       (memcmp(challenge, c->challenge, len) == 0 ||
		       (c->has_last && memcmp(challenge, c->last_challenge, len) == 0));
}

enum login_verdict chap_initiator_challenged(struct chap_initiator *c, const char *alg,
	const char *id, const char *challenge, char why[CHAP_WHY_MAX])
{
	uint64_t number;
	uint32_t id_number;
	int r;

	if (!alg || !id || !challenge)
		return refuse(LOGIN_PROTOCOL_ERROR, why, "the target sent no %s",
			!alg  ? "CHAP_A"
			: !id ? "CHAP_I"
			      : "CHAP_C");
	if (str_to_u64(alg, 1, 255, &number) < 0 || !chap_algs_have(c->algs, number))
		return refuse(LOGIN_AUTH_FAILED, why,
			"the target answered CHAP_A=%.64s, which was not offered", alg);
	c->alg = (enum chap_alg)number;
	if (key_number(key_row(KEY_CHAP_I), id, &id_number))
		return refuse(LOGIN_PROTOCOL_ERROR, why,
			"the target sent CHAP_I=%.64s, which is no number from 0 to 255", id);
	c->target_id = (uint8_t)id_number;
	r = text_binary_decode(challenge, c->target_challenge, sizeof(c->target_challenge),
		&c->target_challenge_len);
	if (r < 0)
		return refuse(LOGIN_PROTOCOL_ERROR, why, "the target's CHAP_C is %s",
			r == -EMSGSIZE ? "longer than 1024 bytes" : "no binary value");
	if (is_ours(c, c->target_challenge, c->target_challenge_len))
		return refuse(LOGIN_AUTH_FAILED, why,
			"the target sent our own CHAP challenge back to us");
	return LOGIN_CONTINUE;
}

int chap_initiator_answer(const struct chap_initiator *c, struct text *t)
{
	uint8_t digest[CHAP_DIGEST_MAX];
	size_t len = chap_digest_len(c->alg);
	int r = chap_digest(c->alg, c->target_id, c->password, c->target_challenge,
		c->target_challenge_len, digest);

	if (r == 0)
		r = text_add(t, key_row(KEY_CHAP_N)->name, "%s", c->username);
	if (r == 0)
		r = text_add_binary(t, key_row(KEY_CHAP_R)->name, digest, len);
	if (r == 0 && c->mutual)
		r = text_add(t, key_row(KEY_CHAP_I)->name, "%u", c->id);
	if (r == 0 && c->mutual)
		r = text_add_binary(t, key_row(KEY_CHAP_C)->name, c->challenge, len);
	return r;
}

static int is_proof_of(const struct chap_initiator *c, const char *secret, const uint8_t *response)
{
	return chap_verify(c->alg, c->id, secret, c->challenge, chap_digest_len(c->alg), response);
}

enum login_verdict chap_initiator_check(const struct chap_initiator *c, const char *name,
	const char *response, char why[CHAP_WHY_MAX])
{
	uint8_t bytes[CHAP_DIGEST_MAX];
	size_t len;
	int same, proof;

	if (!name || !response)
		return refuse(LOGIN_AUTH_FAILED, why,
			"the target did not prove itself: it sent no %s",
			!name ? "CHAP_N" : "CHAP_R");
	if (text_binary_decode(response, bytes, sizeof(bytes), &len) < 0 ||
		len != chap_digest_len(c->alg))
		return refuse(LOGIN_AUTH_FAILED, why, "the target's CHAP_R is no %s digest",
			chap_alg_name(c->alg));
	/* RFC 7143 section 9.2.1: one secret must not serve both directions */
	if (str_eq(c->password, c->password_in))
		return refuse(LOGIN_AUTH_FAILED, why,
			"we refuse the target: password and password_in are the same secret, the "
			"two must differ");
	same = is_proof_of(c, c->password, bytes);
	proof = is_proof_of(c, c->password_in, bytes);
	if (same < 0 || proof < 0)
		return refuse(LOGIN_AUTH_FAILED, why, "the target's proof cannot be checked here");
	if (same)
		return refuse(LOGIN_AUTH_FAILED, why,
			"we refuse the target: it proves itself with the secret that is ours, the "
			"two must differ");
	if (!c->password_in[0] || !c->username_in[0])
		return refuse(LOGIN_AUTH_FAILED, why,
			"the target proved itself, but no %s is configured to check it",
			!c->password_in[0] ? "password_in" : "username_in");
	if (strcmp(name, c->username_in) != 0)
		return refuse(LOGIN_AUTH_FAILED, why,
			"we refuse the target: it calls itself %.64s, not what username_in says",
			name);
	if (!proof)
		return refuse(LOGIN_AUTH_FAILED, why,
			"we refuse the target: its proof does not match password_in");
	return LOGIN_CONTINUE;
}
