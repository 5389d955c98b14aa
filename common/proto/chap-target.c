/* SPDX-License-Identifier: MIT */
#include "chap-target.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "str.h"

static const enum chap_alg all_algs[CHAP_ALGS] = {
	CHAP_MD5, CHAP_SHA1, CHAP_SHA256, CHAP_SHA3_256, CHAP_ALG_END};

/* ---- beginning and end ---- */

void chap_target_wipe(struct chap_target *c)
{
	str_wipe(c->password_out, sizeof(c->password_out));
}

int chap_target_start(
	struct chap_target *c, const struct login_target_settings *settings, char why[CHAP_WHY_MAX])
{
	const char *name = settings->username_out ? settings->username_out : "";
	const char *secret = settings->password_out ? settings->password_out : "";

	chap_target_wipe(c);
	*c = (struct chap_target){.required = settings->chap};
	if (strlen(name) > TEXT_VALUE_MAX || strlen(secret) > TEXT_VALUE_MAX) {
		snprintf(why, CHAP_WHY_MAX, "the outgoing account is longer than %d bytes",
			TEXT_VALUE_MAX);
		return -EINVAL;
	}
	strcpy(c->username_out, name);
	strcpy(c->password_out, secret);
	if (!chap_algs_available(
		    c->algs, settings->chap_algs[0] ? settings->chap_algs : all_algs) &&
		c->required) {
		snprintf(
			why, CHAP_WHY_MAX, "this system offers none of the CHAP algorithms wanted");
		return -EINVAL;
	}
	return 0;
}

__attribute__((format(printf, 3, 4))) static enum login_status refuse(
	enum login_status status, char why[CHAP_WHY_MAX], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, CHAP_WHY_MAX, fmt, args);
	va_end(args);
	return status;
}

/* ---- the dialogue ---- */

/* The first in the initiator's list that is accepted; what is no number in it is passed over. */
static enum chap_alg choose(const struct chap_target *c, const char *list)
{
	for (const char *p = list; *p;) {
		size_t len = strcspn(p, ",");
		char item[8];
		uint64_t alg;

		if (len < sizeof(item)) {
			snprintf(item, sizeof(item), "%.*s", (int)len, p);
			if (str_to_u64(item, 1, 255, &alg) == 0 && chap_algs_have(c->algs, alg))
				return (enum chap_alg)alg;
		}
		p += len + (p[len] == ',');
	}
	return CHAP_ALG_END;
}

enum login_status chap_target_choose(
	struct chap_target *c, const char *algs, char why[CHAP_WHY_MAX])
{
	if (!algs)
		return refuse(LOGIN_STATUS_MISSING_PARAMETER, why, "the initiator sent no CHAP_A");
	c->alg = choose(c, algs);
	if (c->alg == CHAP_ALG_END)
		return refuse(LOGIN_STATUS_AUTHENTICATION_FAILURE, why,
			"none of the initiator's CHAP algorithms, CHAP_A=%.64s, is accepted", algs);
	if (chap_random(&c->id, 1) < 0 || chap_random(c->challenge, sizeof(c->challenge)) < 0)
		return refuse(LOGIN_STATUS_TARGET_ERROR, why, "the system's random source fails");
	return LOGIN_STATUS_SUCCESS;
}

int chap_target_challenge(const struct chap_target *c, struct text *t)
{
	int r = text_add(t, key_row(KEY_CHAP_A)->name, "%u", c->alg);

	if (r == 0)
		r = text_add(t, key_row(KEY_CHAP_I)->name, "%u", c->id);
	if (r == 0)
		r = text_add_binary(
			t, key_row(KEY_CHAP_C)->name, c->challenge, chap_digest_len(c->alg));
	return r;
}

static int is_proof_of(const struct chap_target *c, const char *secret, const uint8_t *response)
{
	return chap_verify(c->alg, c->id, secret, c->challenge, chap_digest_len(c->alg), response);
}

/* The initiator's own challenge. */
static enum login_status take_challenge(
	struct chap_target *c, const struct chap_claim *claim, char why[CHAP_WHY_MAX])
{
	uint32_t id;
	int r;

	if (!claim->id || !claim->challenge)
		return refuse(LOGIN_STATUS_MISSING_PARAMETER, why,
			"the initiator challenges the target, but sent no %s",
			!claim->id ? "CHAP_I" : "CHAP_C");
	if (key_number(key_row(KEY_CHAP_I), claim->id, &id))
		return refuse(LOGIN_STATUS_INITIATOR_ERROR, why,
			"the initiator sent CHAP_I=%.64s, which is no number from 0 to 255",
			claim->id);
	c->initiator_id = (uint8_t)id;
	r = text_binary_decode(claim->challenge, c->initiator_challenge,
		sizeof(c->initiator_challenge), &c->initiator_challenge_len);
	if (r < 0)
		return refuse(LOGIN_STATUS_INITIATOR_ERROR, why, "the initiator's CHAP_C is %s",
			r == -EMSGSIZE ? "longer than 1024 bytes" : "no binary value");
	if (c->initiator_challenge_len == chap_digest_len(c->alg) &&
		memcmp(c->initiator_challenge, c->challenge, c->initiator_challenge_len) == 0)
		return refuse(LOGIN_STATUS_INITIATOR_ERROR, why,
			"the initiator sent our own CHAP challenge back to us");
	if (!c->password_out[0])
		return refuse(LOGIN_STATUS_AUTHENTICATION_FAILURE, why,
			"the initiator wants the target to prove itself, but no outgoing account "
			"is bound");
	c->mutual = true;
	return LOGIN_STATUS_SUCCESS;
}

/*
 * RFC 7143 section 9.2.1: one secret must not serve both directions. The initiator's credentials
 * are good, so this is no authentication failure in its eyes: initiators report 02/01 as a wrong
 * password.
 */
static enum login_status check_secrets_differ(
	const struct chap_target *c, const uint8_t *response, char why[CHAP_WHY_MAX])
{
	int same = is_proof_of(c, c->password_out, response);

	if (same < 0)
		return refuse(LOGIN_STATUS_TARGET_ERROR, why, "the proof cannot be checked here");
	if (same)
		return refuse(LOGIN_STATUS_INITIATOR_ERROR, why,
			"the incoming and the outgoing account have the same secret, the two must "
			"differ");
	return LOGIN_STATUS_SUCCESS;
}

enum login_status chap_target_check(struct chap_target *c, const struct chap_claim *claim,
	const char *secret, char why[CHAP_WHY_MAX])
{
	uint8_t bytes[CHAP_DIGEST_MAX];
	enum login_status status;
	size_t len;
	int proof;

	if (!claim->name || !claim->response)
		return refuse(LOGIN_STATUS_MISSING_PARAMETER, why, "the initiator sent no %s",
			!claim->name ? "CHAP_N" : "CHAP_R");
	if (text_binary_decode(claim->response, bytes, sizeof(bytes), &len) < 0 ||
		len != chap_digest_len(c->alg))
		return refuse(LOGIN_STATUS_AUTHENTICATION_FAILURE, why,
			"the initiator's CHAP_R is no %s digest", chap_alg_name(c->alg));
	/* as much work for a name that is not there */
	proof = is_proof_of(c, secret ? secret : "", bytes);
	if (proof < 0)
		return refuse(LOGIN_STATUS_TARGET_ERROR, why, "the proof cannot be checked here");
	if (str_empty(secret))
		return refuse(LOGIN_STATUS_AUTHENTICATION_FAILURE, why,
			"there is no incoming account %.64s", claim->name);
	if (!proof)
		return refuse(LOGIN_STATUS_AUTHENTICATION_FAILURE, why,
			"the initiator's proof does not match the secret of account %.64s",
			claim->name);
	if (!claim->id && !claim->challenge)
		return LOGIN_STATUS_SUCCESS;
	status = take_challenge(c, claim, why);
	return status ? status : check_secrets_differ(c, bytes, why);
}

int chap_target_answer(const struct chap_target *c, struct text *t)
{
	uint8_t digest[CHAP_DIGEST_MAX];
	int r = chap_digest(c->alg, c->initiator_id, c->password_out, c->initiator_challenge,
		c->initiator_challenge_len, digest);

	if (r == 0)
		r = text_add(t, key_row(KEY_CHAP_N)->name, "%s", c->username_out);
	if (r == 0)
		r = text_add_binary(t, key_row(KEY_CHAP_R)->name, digest, chap_digest_len(c->alg));
	return r;
}
