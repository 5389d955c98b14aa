/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include "cleanup.h"
#include "name.h"
#include "str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BLANKS ", \t"
#define V4_IN_V6 96 /* bits in front of the IPv4 address */

/* Every address is one of IPv6, those of IPv4 as ::ffff:a.b.c.d. */
struct filter_rule {
	const char *name; /* NULL: a network */
	uint8_t address[16];
	unsigned int bits; /* of address that have to be equal */
};

static bool parse_address(const char *text, uint8_t ret[static 16])
{
	static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
	size_t len = strcspn(text, "%");
	char bare[INET6_ADDRSTRLEN];

	if (len >= sizeof(bare))
		return false;
	memcpy(bare, text, len);
	bare[len] = '\0';
	if (inet_pton(AF_INET6, bare, ret) == 1)
		return true;
	if (text[len] || inet_pton(AF_INET, bare, ret + sizeof(v4)) != 1)
		return false;
	memcpy(ret, v4, sizeof(v4));
	return true;
}

/* word is cut up. */
static bool parse_rule(char *word, struct filter_rule *ret)
{
	char *slash = strchr(word, '/');
	unsigned int max = strchr(word, ':') ? 128 : 32;
	uint64_t bits = max;

	if (slash) {
		*slash = '\0';
		if (str_to_u64(slash + 1, 0, max, &bits) < 0)
			return false;
	}
	*ret = (struct filter_rule){.bits = (unsigned int)bits + (max == 32 ? V4_IN_V6 : 0)};
	if (!strchr(word, '%') && parse_address(word, ret->address))
		return true;
	ret->name = word;
	/* What looks like an address and is none would never match. */
	return !slash && !iscsi_address_fault(word) && !strchr(word, ':') &&
	       word[strspn(word, "0123456789.")];
}

int filter_parse(const char *text, struct filter *ret, char **ret_bad)
{
	struct filter f = {.text = strdup(text)};
	char *save = NULL;
	int r = f.text ? 0 : -ENOMEM;

	for (char *w = r ? NULL : strtok_r(f.text, BLANKS, &save); w && r == 0;
		w = strtok_r(NULL, BLANKS, &save)) {
		struct filter_rule *more = reallocarray(f.rules, f.n + 1, sizeof(*more));
		char *CLEANUP_FREE word = strdup(w);

		if (more)
			f.rules = more;
		if (!more || !word) {
			r = -ENOMEM;
		} else if (!parse_rule(w, &f.rules[f.n++])) {
			*ret_bad = STEAL_PTR(word);
			r = -EINVAL;
		}
	}
	if (r < 0)
		filter_release(&f);
	else
		*ret = f;
	return r;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int rest = bits % 8;

	return memcmp(a, b, bits / 8) == 0 &&
	       (!rest || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0);
}

bool filter_matches(const struct filter *f, const char *address)
{
	uint8_t bytes[16];
	bool numeric = parse_address(address, bytes);

	for (size_t i = 0; i < f->n; i++) {
		const struct filter_rule *rule = &f->rules[i];

		if (rule->name ? !numeric && !strcasecmp(rule->name, address)
			       : numeric && same_bits(rule->address, bytes, rule->bits))
			return true;
	}
	return false;
}

void filter_release(struct filter *f)
{
	free(f->rules);
	free(f->text);
	*f = (struct filter){0};
}
