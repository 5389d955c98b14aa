/* SPDX-License-Identifier: MIT */
#include "state.h"

#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "json-get.h"
#include "str.h"
#include "unit.h"

/* Item i of a list of texts, never NULL. */
static const char *text_at(struct json_object *list, size_t i)
{
	struct json_object *s = json_object_array_get_idx(list, i);

	return json_object_is_type(s, json_type_string) ? json_object_get_string(s) : "";
}

/* The place in the file, in front of what is wrong. */
static enum model_error at(struct model *m, struct json_object *o, enum model_error e)
{
	char why[sizeof(m->why)];

	if (!e || !json_get_text(o, "where"))
		return e;
	snprintf(why, sizeof(why), "%s", e == MODEL_INVALID ? m->why : model_error_text(e));
	snprintf(m->why, sizeof(m->why), "%.60s: %.90s", json_get_text(o, "where"), why);
	return e;
}

/* ---- accounts ---- */

static enum model_error add_accounts(struct model *m, struct json_object *state)
{
	struct json_object *list = json_get(state, "accounts");
	enum model_error e = MODEL_OK;

	for (size_t i = 0; !e && i < json_get_count(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!account_find(&m->accounts, json_get_text_or_empty(o, "user")))
			e = at(m, o, model_account_new(m, json_get_text_or_empty(o, "user"),
					     json_get_text_or_empty(o, "password")));
	}
	return e;
}

/* Those that are there get the password of the file. */
static enum model_error change_passwords(struct model *m, struct json_object *state)
{
	struct json_object *list = json_get(state, "accounts");

	for (size_t i = 0; i < json_get_count(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct account *a = account_find(&m->accounts, json_get_text_or_empty(o, "user"));

		if (a && account_set_password(a, json_get_text_or_empty(o, "password")))
			return MODEL_INVALID;
	}
	return MODEL_OK;
}

/* What is bound already is right. t NULL: discovery. */
static enum model_error bind_accounts(struct model *m, struct target *t, struct json_object *o)
{
	struct json_object *list = json_get(o, "incoming");
	enum model_error e = MODEL_OK;

	for (size_t i = 0; !e && i < json_get_count(list); i++) {
		e = model_account_bind(m, t, text_at(list, i), false);
		if (e == MODEL_ACCOUNT_EXISTS)
			e = MODEL_OK;
	}
	if (!e && json_get_text(o, "outgoing"))
		e = model_account_bind(m, t, json_get_text(o, "outgoing"), true);
	return e;
}

/* ---- targets ---- */

static enum model_error set_all(struct model *m, struct target *t, struct json_object *o)
{
	struct json_object *settings = json_get(o, "settings"), *redirect = json_get(o, "redirect");
	CLEANUP_FREE char *port = str_printf("%lld", (long long)json_get_number(redirect, "port"));
	enum model_error e = MODEL_OK;

	if (json_object_is_type(settings, json_type_object)) {
		json_object_object_foreach(settings, name, value)
		{
			const char *s = json_object_get_string(value);

			if (!e)
				e = model_target_set(m, t, name, s ? s : "");
		}
	}
	if (!e && json_get_text(o, "state"))
		e = model_target_set(m, t, "state", json_get_text(o, "state"));
	if (!e && redirect)
		e = model_target_set(m, t, "RedirectAddress", json_get_text_or_empty(redirect, "address"));
	if (!e && redirect && port)
		e = model_target_set(m, t, "RedirectPort", port);
	if (!e && redirect && json_get_text(redirect, "reason") &&
		!str_eq(json_get_text(redirect, "reason"), "Unknown"))
		e = model_target_set(m, t, "RedirectReason", json_get_text(redirect, "reason"));
	return e;
}

static enum model_error add_access(struct model *m, struct target *t, struct json_object *o)
{
	struct json_object *addresses = json_get(o, "addresses"), *names = json_get(o, "initiators");
	enum model_error e = MODEL_OK;

	for (size_t i = 0; !e && i < json_get_count(addresses); i++)
		e = model_acl_bind(m, t, text_at(addresses, i), NULL);
	for (size_t i = 0; !e && i < json_get_count(names); i++)
		e = model_acl_bind(m, t, NULL, text_at(names, i));
	return e;
}

static enum model_error set_params(
	struct model *m, struct target *t, uint64_t lun, struct json_object *params)
{
	enum model_error e = MODEL_OK;

	if (!json_object_is_type(params, json_type_object))
		return MODEL_OK;
	json_object_object_foreach(params, name, value)
	{
		CLEANUP_FREE char *pair = str_printf("%s=%s", name, json_object_get_string(value));

		if (!e)
			e = pair ? unit_set(m, t, lun, pair) : MODEL_NO_MEMORY;
	}
	return e;
}

static enum model_error add_units(struct model *m, struct target *t, struct json_object *o)
{
	struct json_object *list = json_get(o, "units");
	enum model_error e = MODEL_OK;

	for (size_t i = 0; !e && i < json_get_count(list); i++) {
		struct json_object *u = json_object_array_get_idx(list, i);
		struct lu_settings s = {
			.lun = (uint64_t)json_get_number(u, "lun"),
			.path = json_get_text(u, "path"),
			.backing = json_get_text(u, "backing"),
			.flags = json_get_text(u, "flags"),
			.block_size = (uint32_t)json_get_number(u, "block_size"),
		};

		if (!s.lun)
			continue;
		e = unit_new(m, t, &s);
		if (!e)
			e = set_params(m, t, s.lun, json_get(u, "params"));
		e = at(m, u, e);
	}
	return e;
}

static enum model_error add_target(struct model *m, struct json_object *o, bool units)
{
	const char *name = json_get_text_or_empty(o, "name");
	int64_t tid = json_get_number(o, "tid");
	struct target *t;
	enum model_error e;

	e = model_target_new(m, tid > 0 && tid <= INT32_MAX ? (int)tid : model_free_tid(m), name);
	if (e)
		return at(m, o, e);
	t = model_target_by_name(m, name);
	e = set_all(m, t, o);
	if (!e)
		e = add_access(m, t, o);
	if (!e)
		e = bind_accounts(m, t, o);
	e = at(m, o, e);
	if (!e && units)
		e = add_units(m, t, o);
	if (e)
		model_target_delete(m, t->tid, true);
	return e;
}

/* added: by place in the list, which of them are new. */
static enum model_error add_targets(struct model *m, struct json_object *state, bool units,
	bool *added)
{
	struct json_object *list = json_get(state, "targets");
	enum model_error e = MODEL_OK;

	for (int given = 1; given >= 0; given--)
		for (size_t i = 0; !e && i < json_get_count(list); i++) {
			struct json_object *o = json_object_array_get_idx(list, i);

			/* those with a number first: the others take what is left */
			if ((json_get_number(o, "tid") > 0) != (given == 1))
				continue;
			if (!added[i] && model_target_by_name(m, json_get_text_or_empty(o, "name")))
				continue;
			e = add_target(m, o, units);
			added[i] = !e;
		}
	return e;
}

/* The targets' names as keys; NULL: out of memory. */
static struct json_object *names_in(struct json_object *state)
{
	struct json_object *list = json_get(state, "targets"), *names = json_object_new_object();

	for (size_t i = 0; names && i < json_get_count(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (json_object_object_add(names, json_get_text_or_empty(o, "name"), NULL) < 0) {
			json_object_put(names);
			return NULL;
		}
	}
	return names;
}

static void remove_unnamed(struct model *m, struct json_object *state)
{
	struct json_object *names = names_in(state);
	struct target *t, *next;

	list_for_each_safe(t, next, &m->targets, link)
		if (names && !json_object_object_get_ex(names, t->name, NULL))
			model_target_delete(m, t->tid, false);
	json_object_put(names);
}

/* ---- portals ---- */

static char *portal_text(struct json_object *o)
{
	const char *address = json_get_text_or_empty(o, "address");

	return str_printf(strchr(address, ':') ? "[%s]:%lld,%lld" : "%s:%lld,%lld", address,
		(long long)json_get_number(o, "port"), (long long)json_get_number(o, "tag"));
}

static bool has_portal(const struct model *m, struct json_object *o)
{
	struct portal *p;

	list_for_each(p, &m->portals, link)
		if (str_eq(p->address, json_get_text(o, "address")) && p->port == json_get_number(o, "port"))
			return true;
	return false;
}

static enum model_error add_portals(struct model *m, struct json_object *state, bool *added)
{
	struct json_object *list = json_get(state, "portals");
	enum model_error e = MODEL_OK;

	for (size_t i = 0; !e && i < json_get_count(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		CLEANUP_FREE char *portal = portal_text(o);

		if (has_portal(m, o))
			continue;
		e = portal ? at(m, o, model_portal_new(m, portal, 1)) : MODEL_NO_MEMORY;
		added[i] = !e;
	}
	return e;
}

/* ---- all or nothing ---- */

/* What was added, by its place in the lists of the state. */
struct added {
	bool *portals, *targets;
};

static void take_back(struct model *m, struct json_object *state, const struct added *added)
{
	struct json_object *portals = json_get(state, "portals"), *targets = json_get(state, "targets");

	for (size_t i = 0; i < json_get_count(targets); i++) {
		struct json_object *o = json_object_array_get_idx(targets, i);
		struct target *t = model_target_by_name(m, json_get_text_or_empty(o, "name"));

		if (added->targets[i] && t)
			model_target_delete(m, t->tid, true);
	}
	for (size_t i = 0; i < json_get_count(portals); i++) {
		CLEANUP_FREE char *text_of = NULL;

		if (!added->portals[i])
			continue;
		text_of = portal_text(json_object_array_get_idx(portals, i));
		if (text_of)
			model_portal_delete(m, text_of);
	}
}

/* A model of the same accounts, targets' names and numbers, without effects. */
static enum model_error copy(const struct model *m, struct model *ret)
{
	enum model_error e = MODEL_OK;
	struct account *a;
	struct target *t;

	model_init(ret, NULL, NULL);
	list_for_each(a, &m->accounts, link)
		if (!e)
			e = model_account_new(ret, a->user, a->password);
	list_for_each(t, &m->targets, link)
		if (!e)
			e = model_target_new(ret, t->tid, t->name);
	return e;
}

/* Everything but what only the outside can tell: whether files open and ports are free. */
static enum model_error try(struct model *m, struct json_object *state, bool *added)
{
	struct model trial;
	enum model_error e = copy(m, &trial);

	if (!e)
		e = add_accounts(&trial, state);
	if (!e)
		e = add_targets(&trial, state, false, added);
	if (!e)
		e = bind_accounts(&trial, NULL, json_get(state, "discovery"));
	memcpy(m->why, trial.why, sizeof(m->why));
	model_clear(&trial);
	return e;
}

static enum model_error add_all(struct model *m, struct json_object *state, struct added *added)
{
	enum model_error e = add_portals(m, state, added->portals);

	if (!e)
		e = add_accounts(m, state);
	if (!e)
		e = add_targets(m, state, true, added->targets);
	return e;
}

enum model_error state_load(struct model *m, struct json_object *state)
{
	CLEANUP_FREE bool *tried = calloc(json_get_count(json_get(state, "targets")) + 1, sizeof(bool));
	CLEANUP_FREE bool *portals = calloc(json_get_count(json_get(state, "portals")) + 1, sizeof(bool));
	CLEANUP_FREE bool *targets = calloc(json_get_count(json_get(state, "targets")) + 1, sizeof(bool));
	struct added added = {portals, targets};
	struct account *a, *next, *first = list_first(&m->accounts, struct account, link);
	enum model_error e;

	if (!tried || !portals || !targets)
		return MODEL_NO_MEMORY;
	e = try(m, state, tried);
	if (e)
		return e;
	e = add_all(m, state, &added);
	if (e) {
		take_back(m, state, &added);
		/* the new accounts stand in front of those that were there */
		list_for_each_safe(a, next, &m->accounts, link) {
			if (a == first)
				break;
			account_free(a);
		}
		return e;
	}
	m->discovery.outgoing = json_get_text(json_get(state, "discovery"), "outgoing")
					? NULL
					: m->discovery.outgoing;
	e = change_passwords(m, state);
	if (!e)
		e = bind_accounts(m, NULL, json_get(state, "discovery"));
	remove_unnamed(m, state);
	return e;
}
