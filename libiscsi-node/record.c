/* SPDX-License-Identifier: MIT */
/* A record in memory: every access goes through its rows. */
#include "record.h"

#include "cleanup.h"
#include "str.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What open-iscsi can hold in any text setting. */
#define VALUE_MAX 255

/* The rows' offsets count from the record that these begin. */
static_assert(offsetof(struct iscsi_node, record) == 0, "record comes first");
static_assert(offsetof(struct iscsi_discovery, record) == 0, "record comes first");

static char **text_at(const struct record *r, const struct setting *s)
{
	return (char **)((char *)r + s->offset);
}

static int *number_at(const struct record *r, const struct setting *s)
{
	return (int *)((char *)r + s->offset);
}

static bool is_text(const struct setting *s)
{
	return s->type == SETTING_TEXT || s->type == SETTING_LIST;
}

#define UNKNOWN_MAX 512 /* lines that are kept in one record */

static void wipe_text(char **text)
{
	if (*text)
		str_wipe(*text, strlen(*text));
	free(STEAL_PTR(*text));
}

/* As str_set, but what was there may be a secret. */
static int set_text(char **dst, const char *value)
{
	char *copy = NULL;
	int r = str_set(&copy, value);

	if (r < 0)
		return r;
	wipe_text(dst);
	*dst = copy;
	return 0;
}

int record_reset(struct record *r, unsigned int only)
{
	for (size_t i = 0; i < r->settings->n; i++) {
		const struct setting *s = &r->settings->rows[i];

		if (only && !(s->flags & only))
			continue;
		if (is_text(s) && set_text(text_at(r, s), s->text) < 0)
			return -ENOMEM;
		if (s->type == SETTING_NUMBER || s->type == SETTING_CHOICE)
			*number_at(r, s) = s->number;
	}
	return 0;
}

int record_init(struct record *r, const struct settings *settings)
{
	r->settings = settings;
	return record_reset(r, 0);
}

void record_release(struct record *r)
{
	for (size_t i = 0; i < r->settings->n; i++)
		if (is_text(&r->settings->rows[i]))
			wipe_text(text_at(r, &r->settings->rows[i]));
	for (size_t i = 0; i < r->n_unknown; i++) {
		free(r->unknown[i].key);
		wipe_text(&r->unknown[i].value);
	}
	free(STEAL_PTR(r->unknown));
	r->n_unknown = 0;
}

static struct unknown_setting *find_kept(const struct record *r, const char *key)
{
	for (size_t i = 0; i < r->n_unknown; i++)
		if (str_eq(r->unknown[i].key, key))
			return &r->unknown[i];
	return NULL;
}

int record_keep(struct record *r, const char *key, const char *value)
{
	struct unknown_setting *u = find_kept(r, key);

	if (u)
		return set_text(&u->value, value);
	if (r->n_unknown == UNKNOWN_MAX)
		return -E2BIG;
	u = reallocarray(r->unknown, r->n_unknown + 1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	r->unknown = u;
	u = &r->unknown[r->n_unknown];
	*u = (struct unknown_setting){0};
	if (str_set(&u->key, key) < 0 || str_set(&u->value, value) < 0) {
		free(u->key);
		return -ENOMEM;
	}
	r->n_unknown++;
	return 0;
}

/* A value that is known now takes the place of one that was not. */
static void forget_kept(struct record *r, const char *key)
{
	struct unknown_setting *u = find_kept(r, key);

	if (!u)
		return;
	free(u->key);
	wipe_text(&u->value);
	*u = r->unknown[--r->n_unknown];
}

bool iface_is_ipv6(const struct iface_settings *iface)
{
	const char *address = iface->ipaddress;

	if (str_empty(address) || str_eq(address, "<empty>") || str_eq(address, "default"))
		return iface->name && strstr(iface->name, "ipv6");
	return !strchr(address, '.') && !str_eq(iface->bootproto, "dhcp");
}

bool record_is_default(const struct record *r, const struct setting *s)
{
	if (is_text(s))
		return str_eq(*text_at(r, s), s->text);
	return *number_at(r, s) == s->number;
}

#define FAMILIES (SETTING_IPV4 | SETTING_IPV6)

/* The family of r's interface, if it has one. */
static unsigned int family_of(const struct record *r)
{
	const struct iscsi_node *n = (const struct iscsi_node *)r;

	if (r->settings != &node_settings && r->settings != &iface_settings)
		return 0;
	return iface_is_ipv6(&n->iface) ? SETTING_IPV6 : SETTING_IPV4;
}

/* Whether the key exists for records of this family; late keys exist always, see shown. */
static bool applies(unsigned int family, const struct setting *s)
{
	return !(s->flags & FAMILIES) || s->flags & family;
}

static bool shown(const struct record *r, unsigned int family, const struct setting *s)
{
	if (s->flags & SETTING_HIDDEN || !applies(family, s))
		return false;
	return !s->late || r->stated & s->late || !record_is_default(r, s);
}

/*
 * open-iscsi's two readers tell the family by different rules, and one of them stops at a key of
 * the other family: where they disagree such a key is stored only when it says something.
 */
static bool is_doubtful(const struct record *r, unsigned int family)
{
	const struct iscsi_node *n = (const struct iscsi_node *)r;

	return family && (family == SETTING_IPV6) != (n->iface.name && strstr(n->iface.name, "ipv6"));
}

/* The value as text: the record's own, or formatted into r->text. Never NULL. */
static const char *value_of(struct record *r, const struct setting *s)
{
	const char *text;
	int n;

	switch (s->type) {
	case SETTING_TEXT:
	case SETTING_LIST:
		text = *text_at(r, s);
		return text ? text : "";
	case SETTING_CHOICE:
		return s->choices[*number_at(r, s)];
	case SETTING_NUMBER:
		n = *number_at(r, s);
		return str_of_number(s->bits ? (int64_t)(unsigned int)n : n, r->text);
	case SETTING_LENGTH:
		text = *text_at(r, s);
		return str_of_number(text ? (int64_t)strlen(text) : 0, r->text);
	}
	return "";
}

const char *record_get(struct record *r, const char *key)
{
	const struct setting *s = settings_find(r->settings, key);

	return s && applies(family_of(r), s) ? value_of(r, s) : NULL;
}

int record_each(struct record *r,
	int (*each)(void *data, const char *key, const char *value, bool secret), void *data)
{
	unsigned int family = family_of(r);

	for (size_t i = 0; i < r->settings->n; i++) {
		const struct setting *s = &r->settings->rows[i];
		int ret;

		if (!shown(r, family, s))
			continue;
		ret = each(data, s->key, value_of(r, s), s->flags & SETTING_SECRET);
		if (ret)
			return ret;
	}
	return 0;
}

struct writer {
	struct record *record;
	int (*each)(void *data, const char *key, const char *value);
	void *data;
	unsigned int family;
	bool doubtful; /* the family */
};

static int write_row(const struct writer *w, const struct setting *s)
{
	const char *value;

	if (!shown(w->record, w->family, s) || find_kept(w->record, s->key))
		return 0;
	if (w->doubtful && s->flags & FAMILIES && record_is_default(w->record, s))
		return 0;
	value = value_of(w->record, s);
	return *value ? w->each(w->data, s->key, value) : 0;
}

#define FILE_RANKS 7

/* The rows of the interface that come first in a node's file. */
static int write_ranked(const struct writer *w)
{
	const struct settings *all = w->record->settings;
	const struct setting *ranked[FILE_RANKS + 1];
	int ret = 0;

	for (size_t i = 0; i < all->n; i++)
		ranked[all->rows[i].file_rank] = &all->rows[i];
	for (unsigned int rank = 1; rank <= FILE_RANKS && !ret; rank++)
		ret = write_row(w, ranked[rank]);
	return ret;
}

int record_each_stored(
	struct record *r, int (*each)(void *data, const char *key, const char *value), void *data)
{
	unsigned int family = family_of(r);
	struct writer w = {r, each, data, family, is_doubtful(r, family)};
	bool in_iface = false;
	int ret = 0;

	for (size_t i = 0; i < r->settings->n && !ret; i++) {
		const struct setting *s = &r->settings->rows[i];

		if (w.record->settings->ranked && s->flags & SETTING_IFACE && !in_iface) {
			in_iface = true;
			ret = write_ranked(&w);
		}
		if (!ret && !(in_iface && s->file_rank))
			ret = write_row(&w, s);
	}
	for (size_t i = 0; i < r->n_unknown && !ret; i++)
		ret = each(data, r->unknown[i].key, r->unknown[i].value);
	return ret;
}

static int choice_of(const struct setting *s, const char *value)
{
	for (int i = 0; s->choices[i]; i++)
		if (str_eq(s->choices[i], value))
			return i;
	return -1;
}

/* Keeps the known words in their order, once each; one at least must be left. */
static enum iscsi_set_result set_list(char **dst, const struct setting *s, const char *value)
{
	char words[VALUE_MAX + 1], list[VALUE_MAX + 1] = "", *save = NULL;
	unsigned int seen = 0;
	size_t len = 0;

	strcpy(words, value);
	for (char *w = strtok_r(words, ", \t", &save); w; w = strtok_r(NULL, ", \t", &save)) {
		int i = choice_of(s, w);

		if (i < 0 || seen & 1U << i)
			continue;
		seen |= 1U << i;
		len += (size_t)snprintf(
			list + len, sizeof(list) - len, "%s%s", len ? "," : "", s->choices[i]);
	}
	if (!seen)
		return ISCSI_SET_BAD_VALUE;
	return set_text(dst, list) < 0 ? ISCSI_SET_NO_MEMORY : ISCSI_SET_OK;
}

/* What follows the digits does not matter: people write comments there. Without any it is a mistake. */
static bool is_number(const char *value)
{
	const char *end;

	strtoul(value, (char **)&end, 10);
	return end > value || !*value;
}

static int number_of(const struct setting *s, const char *value)
{
	unsigned long n = strtoul(value, NULL, 10);

	return s->bits ? (int)(n & (0xffffffffUL >> (32 - s->bits))) : (int)n;
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < ' ' && *s != '\t') || *s == 0x7f)
			return true;
	return false;
}

static enum iscsi_set_result set_value(struct record *r, const struct setting *s, const char *value)
{
	int i;

	if (strlen(value) > VALUE_MAX || has_control(value))
		return ISCSI_SET_BAD_VALUE;
	if (s->fault && *value && s->fault(value))
		return ISCSI_SET_BAD_VALUE;
	switch (s->type) {
	case SETTING_TEXT:
		return set_text(text_at(r, s), value) < 0 ? ISCSI_SET_NO_MEMORY : ISCSI_SET_OK;
	case SETTING_LIST:
		return set_list(text_at(r, s), s, value);
	case SETTING_NUMBER:
		if (!is_number(value))
			return ISCSI_SET_BAD_VALUE;
		*number_at(r, s) = number_of(s, value);
		return ISCSI_SET_OK;
	case SETTING_CHOICE:
		i = choice_of(s, value);
		if (i < 0)
			return ISCSI_SET_BAD_VALUE;
		*number_at(r, s) = i;
		return ISCSI_SET_OK;
	case SETTING_LENGTH:
		break;
	}
	return ISCSI_SET_OK;
}

enum iscsi_set_result record_set_row(struct record *r, const struct setting *s, const char *value)
{
	enum iscsi_set_result result = set_value(r, s, value);

	if (result == ISCSI_SET_OK && r->n_unknown)
		forget_kept(r, s->key);
	return result;
}

enum iscsi_set_result record_set(struct record *r, const char *key, const char *value)
{
	const struct setting *s = settings_find(r->settings, key);
	enum iscsi_set_result result;
	char *copy;

	if (!s)
		return ISCSI_SET_UNKNOWN;
	copy = strdup(value ? value : "");
	if (!copy)
		return ISCSI_SET_NO_MEMORY;
	result = record_set_row(r, s, str_trim(copy));
	str_wipe(copy, value ? strlen(value) : 0);
	free(copy);
	return result;
}

int iscsi_node_new_default(struct iscsi_node **ret)
{
	struct iscsi_node *n = calloc(1, sizeof(*n));

	if (!n || record_init(&n->record, &node_settings) < 0) {
		iscsi_node_free(n);
		return -ENOMEM;
	}
	*ret = n;
	return 0;
}

static int copy_kept(struct record *to, const struct record *from)
{
	for (size_t i = 0; i < from->n_unknown; i++)
		if (record_keep(to, from->unknown[i].key, from->unknown[i].value) < 0)
			return -ENOMEM;
	return 0;
}

int iscsi_node_copy(const struct iscsi_node *n, struct iscsi_node **ret)
{
	struct iscsi_node *copy = malloc(sizeof(*copy));
	struct record *r = &copy->record;
	int error = 0;

	if (!copy)
		return -ENOMEM;
	*copy = *n;
	r->unknown = NULL;
	r->n_unknown = 0;
	for (size_t i = 0; i < r->settings->n; i++) {
		const struct setting *s = &r->settings->rows[i];

		if (s->type != SETTING_TEXT && s->type != SETTING_LIST)
			continue;
		*text_at(r, s) = NULL;
		if (error == 0)
			error = str_set(text_at(r, s), *text_at(&n->record, s));
	}
	if (error == 0)
		error = copy_kept(r, &n->record);
	if (error < 0) {
		iscsi_node_free(copy);
		return error;
	}
	*ret = copy;
	return 0;
}

void iscsi_node_free(struct iscsi_node *n)
{
	if (n)
		record_release(&n->record);
	free(n);
}

void iscsi_node_get_id(const struct iscsi_node *n, struct iscsi_node_id *ret)
{
	*ret = (struct iscsi_node_id){n->target, n->address, n->port, n->tpgt, n->iface.name};
}

const char *iscsi_node_get(struct iscsi_node *n, const char *key)
{
	return record_get(&n->record, key);
}

enum iscsi_set_result iscsi_node_set(struct iscsi_node *n, const char *key, const char *value)
{
	return record_set(&n->record, key, value);
}

int iscsi_node_each(struct iscsi_node *n,
	int (*each)(void *data, const char *key, const char *value, bool secret), void *data)
{
	return record_each(&n->record, each, data);
}
