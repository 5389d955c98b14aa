/* SPDX-License-Identifier: MIT */
#include "account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

/* ---- accounts ---- */

void accounts_init(struct list *accounts)
{
	list_init(accounts);
}

static void forget_password(struct account *a)
{
	if (a->password)
		str_wipe(a->password, strlen(a->password));
	free(a->password);
	a->password = NULL;
}

void account_free(struct account *a)
{
	list_remove(&a->link);
	forget_password(a);
	free(a->user);
	free(a);
}

void accounts_clear(struct list *accounts)
{
	struct account *a, *next;

	list_for_each_safe(a, next, accounts, link)
		account_free(a);
}

static bool is_usable(const char *text)
{
	size_t len = strlen(text);

	if (!len || len > ACCOUNT_TEXT_MAX)
		return false;
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

struct account *account_find(const struct list *accounts, const char *user)
{
	struct account *a;

	list_for_each(a, accounts, link)
		if (str_eq(a->user, user))
			return a;
	return NULL;
}

int account_new(struct list *accounts, const char *user, const char *password)
{
	struct account *a;

	if (!is_usable(user) || !is_usable(password))
		return -EINVAL;
	if (account_find(accounts, user))
		return -EEXIST;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	list_init(&a->link);
	a->user = strdup(user);
	a->password = strdup(password);
	if (!a->user || !a->password) {
		account_free(a);
		return -ENOMEM;
	}
	list_append(accounts->next, &a->link); /* in front of the first */
	return 0;
}

int account_set_password(struct account *a, const char *password)
{
	char *copy;

	if (!is_usable(password))
		return -EINVAL;
	copy = strdup(password);
	if (!copy)
		return -ENOMEM;
	forget_password(a);
	a->password = copy;
	return 0;
}

/* ---- credentials ---- */

void credentials_init(struct credentials *c)
{
	list_init(&c->incoming);
	c->outgoing = NULL;
}

static void use_free(struct account_use *u)
{
	list_remove(&u->link);
	free(u);
}

void credentials_clear(struct credentials *c)
{
	struct account_use *u, *next;

	list_for_each_safe(u, next, &c->incoming, link)
		use_free(u);
	c->outgoing = NULL;
}

static struct account_use *find_use(const struct credentials *c, const struct account *a)
{
	struct account_use *u;

	list_for_each(u, &c->incoming, link)
		if (u->account == a)
			return u;
	return NULL;
}

struct account *credentials_find(const struct credentials *c, const char *user)
{
	struct account_use *u;

	list_for_each(u, &c->incoming, link)
		if (str_eq(u->account->user, user))
			return u->account;
	return NULL;
}

int credentials_bind(struct credentials *c, struct account *a, bool outgoing)
{
	struct account_use *u;

	if (outgoing) {
		if (c->outgoing)
			return -EBUSY;
		c->outgoing = a;
		return 0;
	}
	if (find_use(c, a))
		return -EEXIST;
	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->account = a;
	list_append(&c->incoming, &u->link);
	return 0;
}

int credentials_unbind(struct credentials *c, const struct account *a, bool outgoing)
{
	struct account_use *u = find_use(c, a);

	if (outgoing) {
		if (c->outgoing != a)
			return -ENOENT;
		c->outgoing = NULL;
		return 0;
	}
	if (!u)
		return -ENOENT;
	use_free(u);
	return 0;
}
