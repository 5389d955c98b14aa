/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <arpa/inet.h>
#include <errno.h>
#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "str.h"

static const char *const error_texts[MODEL_ERRORS] = {
	[MODEL_OK] = "",
	[MODEL_UNKNOWN] = "unknown error",
	[MODEL_NO_MEMORY] = "out of memory",
	[MODEL_NO_DRIVER] = "can't find the driver",
	[MODEL_NO_TARGET] = "can't find the target",
	[MODEL_NO_LUN] = "can't find the logical unit",
	[MODEL_NO_SESSION] = "can't find the session",
	[MODEL_NO_CONNECTION] = "can't find the connection",
	[MODEL_TARGET_EXISTS] = "this target already exists",
	[MODEL_LUN_EXISTS] = "this logical unit number already exists",
	[MODEL_ACL_EXISTS] = "this access control rule already exists",
	[MODEL_NO_ACL] = "this access control rule does not exist",
	[MODEL_ACCOUNT_EXISTS] = "this account already exists",
	[MODEL_NO_ACCOUNT] = "can't find the account",
	[MODEL_INVALID] = "invalid request",
	[MODEL_OUTGOING_EXISTS] = "this target already has an outgoing account",
	[MODEL_TARGET_ACTIVE] = "this target is still active",
	[MODEL_LUN_ACTIVE] = "this logical unit is still active",
	[MODEL_DRIVER_BUSY] = "this driver is busy",
	[MODEL_UNSUPPORTED] = "this operation isn't supported",
	[MODEL_REMOVAL_PREVENTED] = "this device has Prevent Removal set",
};

const char *model_error_text(enum model_error e)
{
	return error_texts[e < MODEL_ERRORS ? e : MODEL_UNKNOWN];
}

__attribute__((format(printf, 2, 3))) static enum model_error invalid(
	struct model *m, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(m->why, sizeof(m->why), fmt, args);
	va_end(args);
	return MODEL_INVALID;
}

void model_init(struct model *m, const struct model_hooks *hooks, void *data)
{
	static const struct model_hooks none;

	*m = (struct model){.hooks = hooks ? hooks : &none, .data = data};
	list_init(&m->targets);
	list_init(&m->portals);
	accounts_init(&m->accounts);
	credentials_init(&m->discovery);
	settings_default(&m->defaults);
}

/* ---- targets ---- */

static int compare_tids(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

struct target *model_target(const struct model *m, int tid)
{
	int *const *found = tfind(&tid, (void *const *)&m->by_tid, compare_tids);

	return found ? container_of(*found, struct target, tid) : NULL;
}

struct target *model_target_by_name(const struct model *m, const char *name)
{
	char *const *found = name ? tfind(name, (void *const *)&m->by_name, compare_names) : NULL;

	return found ? container_of(*found, struct target, name) : NULL;
}

static struct target *last_target(const struct model *m)
{
	return container_of(m->targets.prev, struct target, link);
}

/* Targets are in the order of their numbers, and mostly without a gap. */
int model_free_tid(const struct model *m)
{
	const struct target *t;
	int tid = 1;

	if (list_empty(&m->targets) || last_target(m)->tid == m->n_targets)
		return m->n_targets + 1;
	list_for_each(t, &m->targets, link)
		tid += t->tid == tid;
	return tid;
}

bool target_admits(const struct target *t, const struct sockaddr *from, const char *initiator)
{
	return acl_admits(&t->acl, from, initiator);
}

bool target_redirects(const struct target *t, const char *local_address)
{
	return t->redirect.address[0] && !str_eq(t->redirect.address, local_address);
}

static void target_free(struct model *m, struct target *t)
{
	tdelete(&t->tid, &m->by_tid, compare_tids);
	tdelete(t->name, &m->by_name, compare_names);
	m->n_targets--;
	list_remove(&t->link);
	acl_clear(&t->acl);
	credentials_clear(&t->credentials);
	json_object_put(t->set_by_hand);
	free(t);
}

/* Callers give names that are no iqn.; other characters are refused, as they know it. */
static const char *target_name_fault(const char *name)
{
	size_t len = strlen(name);

	if (!len || len > ISCSI_NAME_MAX)
		return "has not 1 to 223 bytes";
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-")])
		return "has a character that is not a letter, digit, '.', ':' or '-'";
	return NULL;
}

/* Into its place by tid, which is mostly the last. False: out of memory. */
static bool insert(struct model *m, struct target *t)
{
	struct list *before = m->targets.prev;

	while (before != &m->targets && container_of(before, struct target, link)->tid > t->tid)
		before = before->prev;
	list_append(before->next, &t->link);
	m->n_targets++;
	return tsearch(&t->tid, &m->by_tid, compare_tids) &&
	       tsearch(t->name, &m->by_name, compare_names);
}

enum model_error model_target_new(struct model *m, int tid, const char *name)
{
	const char *fault = target_name_fault(name);
	struct target *t;
	int r;

	if (tid <= 0)
		return invalid(m, "the tid %d is not from 1", tid);
	if (fault)
		return invalid(m, "the target name %.64s %s", name, fault);
	if (model_target(m, tid) || model_target_by_name(m, name))
		return MODEL_TARGET_EXISTS;
	t = calloc(1, sizeof(*t));
	if (!t)
		return MODEL_NO_MEMORY;
	t->tid = tid;
	snprintf(t->name, sizeof(t->name), "%s", name);
	acl_init(&t->acl);
	credentials_init(&t->credentials);
	list_init(&t->sessions);
	list_init(&t->faults);
	t->settings = m->defaults;
	r = insert(m, t) ? 0 : -ENOMEM;
	if (!r && m->hooks->target_new)
		r = m->hooks->target_new(m->data, t);
	if (!r)
		return MODEL_OK;
	target_free(m, t);
	return r == -ENOMEM ? MODEL_NO_MEMORY : MODEL_UNKNOWN;
}

static void target_leave(struct model *m, struct target *t)
{
	if (m->hooks->target_gone)
		m->hooks->target_gone(m->data, t);
	target_free(m, t);
}

enum model_error model_target_delete(struct model *m, int tid, bool force)
{
	struct target *t = model_target(m, tid);

	if (!t)
		return MODEL_NO_TARGET;
	if (!force && !list_empty(&t->sessions))
		return MODEL_TARGET_ACTIVE;
	target_leave(m, t);
	return MODEL_OK;
}

/* ---- settings of targets ---- */

static const char *set_state(struct target *t, const char *value)
{
	if (!str_eq(value, "ready") && !str_eq(value, "offline"))
		return "is neither ready nor offline";
	t->state = str_eq(value, "ready") ? TARGET_READY : TARGET_OFFLINE;
	return NULL;
}

static const char *set_redirect_address(struct target *t, const char *value)
{
	const char *fault = *value ? iscsi_address_fault(value) : NULL;

	if (!fault)
		snprintf(t->redirect.address, sizeof(t->redirect.address), "%s", value);
	return fault;
}

static const char *set_redirect_port(struct target *t, const char *value)
{
	uint64_t port;

	if (str_to_u64(value, 0, 65535, &port))
		return "is no port";
	t->redirect.port = (unsigned int)port;
	return NULL;
}

static const char *set_redirect_reason(struct target *t, const char *value)
{
	if (!str_eq(value, "Temporary") && !str_eq(value, "Permanent"))
		return "is neither Temporary nor Permanent";
	t->redirect.reason =
		str_eq(value, "Temporary") ? REDIRECT_TEMPORARY : REDIRECT_PERMANENT;
	return NULL;
}

/* What is no number or negotiated key; the rest is in settings.h. */
static const struct {
	const char *name;
	const char *(*set)(struct target *t, const char *value);
} own_settings[] = {
	{"state", set_state},
	{"RedirectAddress", set_redirect_address},
	{"RedirectPort", set_redirect_port},
	{"RedirectReason", set_redirect_reason},
};

enum model_error model_target_set(
	struct model *m, struct target *t, const char *name, const char *value)
{
	const char *fault;

	if (str_eq(name, "fault") && m->hooks->target_fault) {
		fault = m->hooks->target_fault(m->data, t, value);
		return fault ? invalid(m, "the fault %.64s %s", value, fault) : MODEL_OK;
	}
	for (size_t i = 0; i < sizeof(own_settings) / sizeof(own_settings[0]); i++)
		if (str_eq(own_settings[i].name, name)) {
			fault = own_settings[i].set(t, value);
			return fault ? invalid(m, "the %s %.64s %s", name, value, fault) : MODEL_OK;
		}
	fault = settings_set(&t->settings, name, value);
	return fault ? invalid(m, "%.40s=%.64s %s", name, value, fault) : MODEL_OK;
}

/* ---- access ---- */

static enum model_error acl_error(struct model *m, int r, const char *text)
{
	switch (r) {
	case 0:
		return MODEL_OK;
	case -EEXIST:
		return MODEL_ACL_EXISTS;
	case -ENOENT:
		return MODEL_NO_ACL;
	case -ENOMEM:
		return MODEL_NO_MEMORY;
	default:
		return invalid(m, "%.80s is no address, network or iSCSI name", text);
	}
}

enum model_error model_acl_bind(
	struct model *m, struct target *t, const char *address, const char *initiator)
{
	int r = address ? acl_add_address(&t->acl, address) : 0;

	if (r || !initiator)
		return acl_error(m, r, address);
	r = acl_add_name(&t->acl, initiator);
	if (r && address)
		acl_remove_address(&t->acl, address);
	return acl_error(m, r, initiator);
}

enum model_error model_acl_unbind(
	struct model *m, struct target *t, const char *address, const char *initiator)
{
	int r = address ? acl_remove_address(&t->acl, address) : 0;

	if (r || !initiator)
		return acl_error(m, r, address);
	r = acl_remove_name(&t->acl, initiator);
	if (r && address)
		acl_add_address(&t->acl, address);
	return acl_error(m, r, initiator);
}

/* ---- accounts ---- */

enum model_error model_account_new(struct model *m, const char *user, const char *password)
{
	switch (account_new(&m->accounts, user, password)) {
	case 0:
		return MODEL_OK;
	case -EEXIST:
		return MODEL_ACCOUNT_EXISTS;
	case -ENOMEM:
		return MODEL_NO_MEMORY;
	default:
		return invalid(m, "user and password have 1 to %d bytes, none a control character",
			ACCOUNT_TEXT_MAX);
	}
}

static void unbind_everywhere(struct credentials *c, const struct account *a)
{
	credentials_unbind(c, a, false);
	credentials_unbind(c, a, true);
}

enum model_error model_account_delete(struct model *m, const char *user)
{
	struct account *a = account_find(&m->accounts, user);
	struct target *t;

	if (!a)
		return MODEL_NO_ACCOUNT;
	unbind_everywhere(&m->discovery, a);
	list_for_each(t, &m->targets, link)
		unbind_everywhere(&t->credentials, a);
	account_free(a);
	return MODEL_OK;
}

enum model_error model_account_bind(
	struct model *m, struct target *t, const char *user, bool outgoing)
{
	struct account *a = account_find(&m->accounts, user);

	if (!a)
		return MODEL_NO_ACCOUNT;
	switch (credentials_bind(t ? &t->credentials : &m->discovery, a, outgoing)) {
	case 0:
		return MODEL_OK;
	case -EBUSY:
		return MODEL_OUTGOING_EXISTS;
	case -EEXIST:
		return MODEL_ACCOUNT_EXISTS;
	default:
		return MODEL_NO_MEMORY;
	}
}

enum model_error model_account_unbind(
	struct model *m, struct target *t, const char *user, bool outgoing)
{
	struct account *a = account_find(&m->accounts, user);
	struct credentials *c = t ? &t->credentials : &m->discovery;

	return a && !credentials_unbind(c, a, outgoing) ? MODEL_OK : MODEL_NO_ACCOUNT;
}

/* ---- portals ---- */

static bool is_numeric(const char *address)
{
	struct in6_addr any;

	return inet_pton(AF_INET, address, &any) == 1 || strchr(address, ':');
}

/* One name for what an empty address means: ret has room for both. */
static const char *portal_parse(const char *text, struct iscsi_portal ret[2], unsigned int *ret_n)
{
	char any[64];
	const char *fault;

	*ret_n = *text == ':' || !*text ? 2 : 1;
	snprintf(any, sizeof(any), "0.0.0.0%.32s", text);
	fault = iscsi_portal_parse(*ret_n == 2 ? any : text, &ret[0]);
	if (fault)
		return fault;
	if (!is_numeric(ret[0].address))
		return "has an address that is not numeric";
	if (ret[0].port < 0)
		ret[0].port = ISCSI_PORT_DEFAULT;
	if (*ret_n == 2) {
		ret[1] = ret[0];
		snprintf(ret[1].address, sizeof(ret[1].address), "::");
	}
	return NULL;
}

static struct portal *portal_find(const struct model *m, const struct iscsi_portal *at)
{
	struct portal *p;

	list_for_each(p, &m->portals, link)
		if (str_eq(p->address, at->address) && p->port == (unsigned int)at->port)
			return p;
	return NULL;
}

static void portal_leave(struct model *m, struct portal *p)
{
	if (m->hooks->portal_close)
		m->hooks->portal_close(m->data, p);
	list_remove(&p->link);
	free(p);
}

static enum model_error portal_add(
	struct model *m, const struct iscsi_portal *at, unsigned int tpgt)
{
	struct portal *p;
	int r;

	if (portal_find(m, at))
		return invalid(m, "the portal %s port %d is there already", at->address, at->port);
	p = calloc(1, sizeof(*p));
	if (!p)
		return MODEL_NO_MEMORY;
	memcpy(p->address, at->address, sizeof(p->address));
	p->port = (unsigned int)at->port;
	p->tpgt = at->tpgt < 0 ? tpgt : (unsigned int)at->tpgt;
	r = m->hooks->portal_open ? m->hooks->portal_open(m->data, p) : 0;
	if (r) {
		free(p);
		return invalid(m, "%s port %d: %s", at->address, at->port, strerror(-r));
	}
	list_append(m->portals.next, &p->link); /* in front of the first */
	return MODEL_OK;
}

enum model_error model_portal_new(struct model *m, const char *text, unsigned int tpgt)
{
	struct iscsi_portal at[2];
	unsigned int n, done = 0;
	const char *fault = portal_parse(text, at, &n);
	enum model_error e = MODEL_OK;

	if (fault)
		return invalid(m, "the portal %.64s %s", text, fault);
	while (!e && done < n)
		e = portal_add(m, &at[done++], tpgt);
	/* A machine without IPv6 has the IPv4 one alone. */
	if (e && done == 2 && portal_find(m, &at[0]) && !portal_find(m, &at[1]))
		return MODEL_OK;
	return e;
}

enum model_error model_portal_delete(struct model *m, const char *text)
{
	struct iscsi_portal at[2];
	unsigned int n, found = 0;
	const char *fault = portal_parse(text, at, &n);

	if (fault)
		return invalid(m, "the portal %.64s %s", text, fault);
	for (unsigned int i = 0; i < n; i++) {
		struct portal *p = portal_find(m, &at[i]);

		if (p) {
			portal_leave(m, p);
			found++;
		}
	}
	return found ? MODEL_OK : invalid(m, "there is no portal %.64s", text);
}

/* ---- sessions ---- */

struct target_session *target_session(const struct target *t, unsigned int sid)
{
	struct target_session *s;

	list_for_each(s, &t->sessions, link)
		if (s->sid == sid)
			return s;
	return NULL;
}

enum model_error model_connection_close(
	struct model *m, struct target *t, unsigned int sid, unsigned int cid)
{
	struct target_session *s = target_session(t, sid);
	struct target_connection *c;

	if (!s)
		return MODEL_NO_SESSION;
	list_for_each(c, &s->connections, link)
		if (c->cid == cid) {
			if (m->hooks->connection_close)
				m->hooks->connection_close(m->data, s, c);
			return MODEL_OK;
		}
	return MODEL_NO_CONNECTION;
}

void model_clear(struct model *m)
{
	struct portal *p, *next_portal;
	struct target *t, *next;

	list_for_each_safe(p, next_portal, &m->portals, link)
		portal_leave(m, p);
	list_for_each_safe(t, next, &m->targets, link)
		target_leave(m, t);
	credentials_clear(&m->discovery);
	accounts_clear(&m->accounts);
}
