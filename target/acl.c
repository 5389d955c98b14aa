/* SPDX-License-Identifier: MIT */
#include "acl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "str.h"

void acl_init(struct acl *a)
{
	list_init(&a->addresses);
	list_init(&a->names);
}

static void rule_free(struct acl_rule *r)
{
	list_remove(&r->link);
	free(r->text);
	free(r);
}

static void rules_clear(struct list *rules)
{
	struct acl_rule *r, *next;

	list_for_each_safe(r, next, rules, link)
		rule_free(r);
}

void acl_clear(struct acl *a)
{
	rules_clear(&a->addresses);
	rules_clear(&a->names);
}

/* ---- addresses ---- */

const char *acl_address_parse(const char *text, struct acl_rule *ret)
{
	const char *slash = strchr(text, '/'), *start = text;
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	char host[INET6_ADDRSTRLEN] = "";
	uint64_t bits;

	ret->family = AF_UNSPEC;
	if (str_eq(text, "ALL"))
		return NULL;
	if (len > 2 && text[0] == '[' && text[len - 1] == ']') {
		start++;
		len -= 2;
	}
	if (len < sizeof(host))
		memcpy(host, start, len);
	if (inet_pton(AF_INET, host, ret->net) == 1)
		ret->family = AF_INET;
	else if (inet_pton(AF_INET6, host, ret->net) == 1)
		ret->family = AF_INET6;
	else
		return "is neither ALL nor an IPv4 or IPv6 address with or without /BITS";
	bits = ret->family == AF_INET ? 32 : 128;
	if (slash && str_to_u64(slash + 1, 0, bits, &bits))
		return "has more bits behind '/' than the address, or no number";
	ret->bits = (unsigned int)bits;
	return NULL;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned int bits)
{
	unsigned int rest = bits % 8;

	if (memcmp(a, b, bits / 8))
		return false;
	return !rest || (a[bits / 8] ^ b[bits / 8]) >> (8 - rest) == 0;
}

/* The address's bytes; an IPv4 peer of an IPv6 socket is an IPv4 peer. */
static const uint8_t *address_bytes(const struct sockaddr *sa, int *ret_family)
{
	const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;

	*ret_family = AF_INET;
	if (sa->sa_family == AF_INET)
		return (const void *)&((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	if (sa->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(in6))
		return in6->s6_addr + 12;
	*ret_family = sa->sa_family;
	return sa->sa_family == AF_INET6 ? in6->s6_addr : NULL;
}

static bool rule_matches(const struct acl_rule *r, const struct sockaddr *from)
{
	int family;
	const uint8_t *bytes = address_bytes(from, &family);

	if (r->family == AF_UNSPEC)
		return true;
	return bytes && family == r->family && same_bits(bytes, r->net, r->bits);
}

/* ---- rules ---- */

static struct acl_rule *find(const struct list *rules, const char *text)
{
	struct acl_rule *r;

	list_for_each(r, rules, link)
		if (str_eq(r->text, text))
			return r;
	return NULL;
}

static int add(struct list *rules, const struct acl_rule *parsed, const char *text)
{
	struct acl_rule *r;

	if (find(rules, text))
		return -EEXIST;
	r = malloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	*r = *parsed;
	list_init(&r->link);
	r->text = strdup(text);
	if (!r->text) {
		free(r);
		return -ENOMEM;
	}
	list_append(rules, &r->link);
	return 0;
}

static int take_out(const struct list *rules, const char *text)
{
	struct acl_rule *r = find(rules, text);

	if (!r)
		return -ENOENT;
	rule_free(r);
	return 0;
}

int acl_add_address(struct acl *a, const char *text)
{
	struct acl_rule parsed = {};

	return acl_address_parse(text, &parsed) ? -EINVAL : add(&a->addresses, &parsed, text);
}

int acl_add_name(struct acl *a, const char *name)
{
	struct acl_rule none = {};

	return iscsi_name_fault(name) ? -EINVAL : add(&a->names, &none, name);
}

int acl_remove_address(struct acl *a, const char *text)
{
	return take_out(&a->addresses, text);
}

int acl_remove_name(struct acl *a, const char *name)
{
	return take_out(&a->names, name);
}

bool acl_admits(const struct acl *a, const struct sockaddr *from, const char *initiator)
{
	struct acl_rule *r;

	list_for_each(r, &a->addresses, link)
		if (rule_matches(r, from))
			return true;
	return find(&a->names, initiator) != NULL;
}
