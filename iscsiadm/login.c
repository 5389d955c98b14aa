/* SPDX-License-Identifier: MIT */
/* login.c - logging in to records: -l, -L, "-m session -o new", discovery -l */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsiadm.h"
#include "log.h"
#include "request.h"
#include "str.h"

/* One login that iscsid is asked for. */
struct attempt {
	struct iscsi_node *node; /* borrowed */
	int code;		 /* UNSET: not answered yet */
	char text[256];
};

struct logins {
	struct attempt *items;
	size_t n, printed;
	int first_error; /* what the tool exits with */
};

static void note_error(struct logins *l, int code)
{
	if (!l->first_error)
		l->first_error = code;
}

static void print_result(struct logins *l, const struct attempt *t)
{
	struct iscsi_node_id id;

	iscsi_node_get_id(t->node, &id);
	if (t->code == ISCSI_OK) {
		printf("Login to [iface: %s, target: %s, portal: %s,%d] successful.\n", id.iface,
			id.target, id.address, id.port);
		return;
	}
	log_error("Could not login to [iface: %s, target: %s, portal: %s,%d].", id.iface, id.target,
		id.address, id.port);
	log_error("initiator reported error (%d - %s)", t->code, iscsi_err_text(t->code));
	if (t->text[0])
		log_debug(1, "%s", t->text);
	note_error(l, t->code);
}

/* In the order of the requests, as soon as all before are there. */
static void print_results(struct logins *l)
{
	while (l->printed < l->n && l->items[l->printed].code != UNSET)
		print_result(l, &l->items[l->printed++]);
}

static void on_answer(void *data, size_t index, int code, const char *text)
{
	struct logins *l = data;

	l->items[index].code = code;
	snprintf(l->items[index].text, sizeof(l->items[index].text), "%s", text);
	print_results(l);
}

static int setting(struct iscsi_node *n, const char *key)
{
	const char *text = iscsi_node_get(n, key);

	return text ? atoi(text) : 0;
}

static int add_attempt(struct logins *l, struct iscsi_node *n, bool multiple)
{
	struct attempt *items = reallocarray(l->items, l->n + 1, sizeof(*items));
	struct iscsi_node_id id;

	if (!items)
		return ISCSI_ERR_NOMEM;
	l->items = items;
	l->items[l->n++] = (struct attempt){.node = n, .code = UNSET};
	iscsi_node_get_id(n, &id);
	printf("Logging in to [iface: %s, target: %s, portal: %s,%d]%s\n", id.iface, id.target,
		id.address, id.port, multiple ? " (multiple)" : "");
	return ISCSI_OK;
}

static int count_sessions(const struct view_sessions *v, struct iscsi_node *n)
{
	struct iscsi_node_id id;
	int count = 0;

	iscsi_node_get_id(n, &id);
	for (size_t i = 0; i < v->n; i++)
		count += session_uses(&v->items[i], &id);
	return count;
}

/* As many logins as the record has sessions too few. */
static int plan_node(struct logins *l, struct iscsi_node *n, const struct view_sessions *v,
	bool extra)
{
	int wanted = setting(n, "node.session.nr_sessions");
	int present = count_sessions(v, n), missing = extra ? 1 : wanted - present, r = ISCSI_OK;
	struct iscsi_node_id id;

	if (missing <= 0) {
		iscsi_node_get_id(n, &id);
		log_error("%s: %d session%s requested, but %d already present.", id.iface, wanted,
			wanted == 1 ? "" : "s", present);
		note_error(l, ISCSI_ERR_SESS_EXISTS);
	}
	while (missing-- > 0 && !r)
		r = add_attempt(l, n, extra || wanted > 1);
	return r;
}

/* Several sessions to one portal are allowed, or one: iscsid is told for each request. */
static int ask(struct app *a, struct request *q, struct logins *l, bool multiple)
{
	struct nodes nodes = {};
	int r;

	nodes.items = calloc(l->n, sizeof(*nodes.items));
	if (!nodes.items)
		return ISCSI_ERR_NOMEM;
	for (; nodes.n < l->n; nodes.n++)
		nodes.items[nodes.n] = l->items[nodes.n].node;
	r = request_login(q, &nodes, multiple, !a->o.no_wait, on_answer, l);
	free(nodes.items);
	return r;
}

static void run(struct app *a, struct logins *l, bool multiple)
{
	struct request *q = NULL;
	int r = request_open(a, true, &q);

	if (!r)
		r = ask(a, q, l, multiple);
	/* What has no answer, has this one. */
	if (!r && !a->o.no_wait)
		r = ISCSI_ERR_ISCSID_COMM;
	for (size_t i = 0; i < l->n && r; i++)
		if (l->items[i].code == UNSET)
			l->items[i].code = r;
	print_results(l);
	request_close(q);
}

static bool is_multiple(struct iscsi_node *n, bool extra)
{
	return extra || setting(n, "node.session.nr_sessions") > 1;
}

/* Logs in to those records for which one or several sessions are wanted. */
static int login_kind(struct app *a, const struct nodes *nodes, const struct view_sessions *v,
	bool extra, bool multiple)
{
	struct logins l = {};
	int r = ISCSI_OK;

	for (size_t i = 0; i < nodes->n && !r; i++)
		if (is_multiple(nodes->items[i], extra) == multiple)
			r = plan_node(&l, nodes->items[i], v, extra);
	if (r)
		note_error(&l, r);
	else if (l.n)
		run(a, &l, multiple);
	free(l.items);
	return l.first_error;
}

int login_nodes(struct app *a, const struct nodes *nodes, bool extra, bool in_discovery)
{
	struct view_sessions sessions;
	int single, several;

	if (view_sessions_read(a->root, VIEW_LIST, &sessions)) {
		log_error("Could not count current number of sessions");
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	single = login_kind(a, nodes, &sessions, extra, false);
	several = login_kind(a, nodes, &sessions, extra, true);
	view_sessions_clear(&sessions);
	if (!single)
		single = several;
	if (single && !in_discovery)
		log_error("Could not log into all portals");
	return single;
}

/* ---- -L ---- */

static bool startup_is(struct iscsi_node *n, const char *which)
{
	return str_eq(which, "all") || str_eq(iscsi_node_get(n, "node.startup"), which) ||
	       str_eq(iscsi_node_get(n, "node.conn[0].startup"), which);
}

static bool is_leading(struct iscsi_node *n)
{
	return str_eq(iscsi_node_get(n, "node.leading_login"), "Yes");
}

/* Records in from that are wanted, and leading or not; the list borrows them. */
static int select_nodes(const struct nodes *from, const char *which, bool leading,
	struct nodes *ret)
{
	ret->items = calloc(from->n + 1, sizeof(*ret->items));
	if (!ret->items)
		return ISCSI_ERR_NOMEM;
	for (size_t i = 0; i < from->n; i++)
		if (startup_is(from->items[i], which) && is_leading(from->items[i]) == leading)
			ret->items[ret->n++] = from->items[i];
	return ISCSI_OK;
}

static bool portal_has_session(struct app *a, struct iscsi_node *n)
{
	struct view_sessions sessions;
	struct iscsi_node_id id;
	bool found = false;

	iscsi_node_get_id(n, &id);
	id.iface = NULL;
	if (view_sessions_read(a->root, VIEW_LIST, &sessions))
		return false;
	for (size_t i = 0; i < sessions.n && !found; i++)
		found = session_uses(&sessions.items[i], &id);
	view_sessions_clear(&sessions);
	return found;
}

/* A leading record needs one session to its target and portal, through whichever interface. */
static int login_leading(struct app *a, const struct nodes *leading)
{
	int missed = 0;

	for (size_t i = 0; i < leading->n; i++) {
		struct nodes one = {&leading->items[i], 1};

		if (!portal_has_session(a, leading->items[i]))
			login_nodes(a, &one, false, true);
	}
	for (size_t i = 0; i < leading->n && !a->o.no_wait; i++)
		missed += !portal_has_session(a, leading->items[i]);
	if (missed)
		log_error("Could not login all leading-login portals");
	return missed ? ISCSI_ERR_FATAL_LOGIN : ISCSI_OK;
}

int login_all(struct app *a, const char *which)
{
	const struct iscsi_node_match any = {.port = UNSET};
	struct nodes all = {}, normal = {}, leading = {};
	int r = ISCSI_OK, r2;

	if (nodes_load(a, &any, &all)) {
		log_error("Could not read all records: %s", iscsi_db_error(a->db));
		r = ISCSI_ERR_IDBM;
	}
	if (!r)
		r = select_nodes(&all, which, false, &normal);
	if (!r)
		r = select_nodes(&all, which, true, &leading);
	if (!r && !normal.n && !leading.n) {
		log_error("No records found");
		r = ISCSI_ERR_NO_OBJS_FOUND;
	} else if (!r) {
		r = login_nodes(a, &normal, false, false);
		r2 = login_leading(a, &leading);
		r = r ? r : r2;
	}
	free(normal.items);
	free(leading.items);
	nodes_clear(&all);
	return r;
}
