/* SPDX-License-Identifier: MIT */
#include "chap.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cleanup.h"
#include "str.h"

struct chap {
	enum chap_alg alg;
	const char *name; /* in records */
	const char *hash; /* OpenSSL's name */
	size_t len;
};

static const struct chap algs[] = {
	{CHAP_MD5, "MD5", "MD5", 16},
	{CHAP_SHA1, "SHA1", "SHA1", 20},
	{CHAP_SHA256, "SHA256", "SHA2-256", 32},
	{CHAP_SHA3_256, "SHA3-256", "SHA3-256", 32},
};

static const struct chap *find(enum chap_alg a)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(*algs); i++)
		if (algs[i].alg == a)
			return &algs[i];
	return NULL;
}

const char *chap_alg_name(enum chap_alg a)
{
	const struct chap *c = find(a);

	return c ? c->name : NULL;
}

enum chap_alg chap_alg_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(*algs); i++)
		if (strcmp(algs[i].name, name) == 0)
			return algs[i].alg;
	return CHAP_ALG_END;
}

size_t chap_digest_len(enum chap_alg a)
{
	const struct chap *c = find(a);

	return c ? c->len : 0;
}

static void md_freep(EVP_MD **md)
{
	EVP_MD_free(*md);
}

static void md_ctx_freep(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

bool chap_alg_available(enum chap_alg a)
{
	const struct chap *c = find(a);
	CLEANUP(md_freep) EVP_MD *md = c ? EVP_MD_fetch(NULL, c->hash, NULL) : NULL;

	return md;
}

int chap_digest(enum chap_alg a, uint8_t id, const char *secret, const uint8_t *challenge,
	size_t len, uint8_t digest[CHAP_DIGEST_MAX])
{
	const struct chap *c = find(a);
	CLEANUP(md_freep) EVP_MD *md = c ? EVP_MD_fetch(NULL, c->hash, NULL) : NULL;
	/* freeing it wipes what it has seen of the secret */
	CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	if (!md || !ctx || !EVP_DigestInit_ex2(ctx, md, NULL) || !EVP_DigestUpdate(ctx, &id, 1) ||
		!EVP_DigestUpdate(ctx, secret, strlen(secret)) ||
		!EVP_DigestUpdate(ctx, challenge, len) || !EVP_DigestFinal_ex(ctx, digest, NULL))
		return -EIO;
	return 0;
}

int chap_verify(enum chap_alg a, uint8_t id, const char *secret, const uint8_t *challenge,
	size_t len, const uint8_t *response)
{
	uint8_t digest[CHAP_DIGEST_MAX];
	int r = chap_digest(a, id, secret, challenge, len, digest);

	if (r == 0)
		r = CRYPTO_memcmp(digest, response, chap_digest_len(a)) == 0;
	str_wipe(digest, sizeof(digest));
	return r;
}

int chap_random(uint8_t *p, size_t len)
{
	while (len) {
		ssize_t n = getrandom(p, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

unsigned int chap_algs_available(enum chap_alg to[CHAP_ALGS], const enum chap_alg from[CHAP_ALGS])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < CHAP_ALGS - 1 && from[i] != CHAP_ALG_END; i++)
		if (chap_alg_available(from[i]))
			to[n++] = from[i];
	to[n] = CHAP_ALG_END;
	return n;
}

bool chap_algs_have(const enum chap_alg list[CHAP_ALGS], uint64_t alg)
{
	for (; *list != CHAP_ALG_END; list++)
		if (*list == alg)
			return true;
	return false;
}

void chap_algs_parse(const char *names, enum chap_alg ret[CHAP_ALGS])
{
	unsigned int n = 0;

	ret[0] = CHAP_ALG_END;
	for (const char *p = names ? names : ""; *p;) {
		size_t len = strcspn(p, ", \t");
		char name[16];
		enum chap_alg a = CHAP_ALG_END;

		if (len && len < sizeof(name)) {
			snprintf(name, sizeof(name), "%.*s", (int)len, p);
			a = chap_alg_by_name(name);
		}
		if (a != CHAP_ALG_END && chap_alg_available(a) && !chap_algs_have(ret, a)) {
			ret[n++] = a;
			ret[n] = CHAP_ALG_END;
		}
		p += len;
		p += strspn(p, ", \t");
	}
	if (n == 0)
		ret[n++] = CHAP_MD5;
	ret[n] = CHAP_ALG_END;
}
