/* SPDX-License-Identifier: MIT */
/* account.h - CHAP accounts, and which of them a target (or discovery) uses */
#ifndef TARGET_ACCOUNT_H
#define TARGET_ACCOUNT_H

#include <stdbool.h>

#include "list.h"

#define ACCOUNT_TEXT_MAX 255 /* bytes of a user name or password: a key's value in RFC 7143 */

struct account {
	struct list link; /* newest first */
	char *user, *password;
};

/* One account in a struct credentials. */
struct account_use {
	struct list link;
	struct account *account;
};

/* Whom to let in, and how to answer to the initiator that asks for proof. */
struct credentials {
	struct list incoming;	  /* of struct account_use, oldest first; empty: CHAP not needed */
	struct account *outgoing; /* or NULL */
};

void accounts_init(struct list *accounts);
void accounts_clear(struct list *accounts); /* nobody may use them any more */

/* 0, -EINVAL (empty, too long, control characters), -EEXIST, -ENOMEM. */
int account_new(struct list *accounts, const char *user, const char *password);
int account_set_password(struct account *a, const char *password); /* -EINVAL, -ENOMEM */
void account_free(struct account *a); /* wipes the password */
struct account *account_find(const struct list *accounts, const char *user); /* NULL: none */

void credentials_init(struct credentials *c);
void credentials_clear(struct credentials *c);
struct account *credentials_find(const struct credentials *c, const char *user); /* incoming */

/* -EEXIST when it is there; outgoing: -EBUSY when there is one already. -ENOMEM. */
int credentials_bind(struct credentials *c, struct account *a, bool outgoing);
int credentials_unbind(struct credentials *c, const struct account *a, bool outgoing); /* -ENOENT */

#endif
