/* SPDX-License-Identifier: MIT */
/* filter.h - lists of addresses and networks: discovery.portal_allow, discovery.portal_deny */
#ifndef NODE_FILTER_H
#define NODE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

struct filter_rule;
struct filter {
	struct filter_rule *rules;
	size_t n;
	char *text; /* that the rules point into */
};

/*
 * Words between blanks and commas: an address, a network (10.0.0.0/8, fe80::/10), or a host name,
 * which matches itself only. 0, -ENOMEM, or -EINVAL: *ret_bad is then the word, the caller's to
 * free. Bits behind a network's prefix do not count.
 */
int filter_parse(const char *text, struct filter *ret, char **ret_bad);
/* address as records have it. A zone does not count; IPv4 in IPv6 is IPv4. */
bool filter_matches(const struct filter *f, const char *address);
void filter_release(struct filter *f);

#endif
