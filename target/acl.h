/* SPDX-License-Identifier: MIT */
/* acl.h - who may see and reach a target: rules by address and by initiator name */
#ifndef TARGET_ACL_H
#define TARGET_ACL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "list.h"

struct acl {
	struct list addresses, names; /* of struct acl_rule, in the order in which they were added */
};

struct acl_rule {
	struct list link;
	char *text; /* as it was given */
	int family; /* AF_INET or AF_INET6; AF_UNSPEC: every address (ALL), or a name */
	uint8_t net[16];
	unsigned int bits;
};

void acl_init(struct acl *a);
void acl_clear(struct acl *a);

/*
 * ALL, an IPv4 or IPv6 address (also in brackets), or a network ADDRESS/BITS; host bits may be
 * set. NULL when good, else why not, as the end of a sentence. *ret gets family, net and bits.
 */
const char *acl_address_parse(const char *text, struct acl_rule *ret);

/* 0, -EINVAL for a bad address or name, -EEXIST, -ENOMEM; remove: -ENOENT. */
int acl_add_address(struct acl *a, const char *text);
int acl_add_name(struct acl *a, const char *name);
int acl_remove_address(struct acl *a, const char *text);
int acl_remove_name(struct acl *a, const char *name);

/* One matching rule of either sort is enough; no rule at all admits nobody. */
bool acl_admits(const struct acl *a, const struct sockaddr *from, const char *initiator);

#endif
