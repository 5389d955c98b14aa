/* SPDX-License-Identifier: MIT */
/* login.c - logging in to records: -l, -L, "-m session -o new", discovery -l */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices.h"
#include "iscsiadm.h"
#include "json.h"
#include "log.h"
#include "request.h"
#include "str.h"

/* One login that iscsid is asked for. */
struct attempt {
	struct iscsi_node *node; /* borrowed */
	int code;		 /* UNSET: not answered yet */
	uint32_t sid;
	bool settled;		 /* --wait=first: another path to the target works */
	char text[256];
};

/* How a list of records is logged in to. */
struct how {
	struct login_flags flags;
	bool first;	    /* with wait: only for the first path of each target that works */
	const char *failed; /* printed at the end when something failed, or NULL */
	bool present_is_well; /* --idempotent: a session that is there already is no failure */
};

struct logins {
	struct app *app;
	struct attempt *items;
	size_t n, printed;
	const struct how *how;
	int first_error; /* what the tool exits with */
};

static void note_error(struct logins *l, int code)
{
	if (!l->first_error)
		l->first_error = code;
}

static void add_to_json(struct logins *l, const struct attempt *t)
{
	struct iscsi_node_id id;
	struct json_object *o;

	iscsi_node_get_id(t->node, &id);
	o = json_node_id(&id);
	json_put_result(o, t->code, t->text);
	json_object_object_add(o, "sid", t->sid ? json_object_new_int64(t->sid) : NULL);
	json_add(l->app, "logins", o);
}

static void print_result(struct logins *l, const struct attempt *t)
{
	struct iscsi_node_id id;

	iscsi_node_get_id(t->node, &id);
	if (t->code == ISCSI_OK) {
		report(l->app, "Login to [iface: %s, target: %s, portal: %s,%d] successful.\n",
			id.iface, id.target, id.address, id.port);
		return;
	}
	/* Somebody else was faster. */
	if (t->code == ISCSI_ERR_SESS_EXISTS && l->how->present_is_well)
		return;
	log_error("Could not login to [iface: %s, target: %s, portal: %s,%d].", id.iface, id.target,
		id.address, id.port);
	log_error("initiator reported error (%d - %s)", t->code, iscsi_err_text(t->code));
	if (t->text[0])
		log_error("%s", t->text);
	note_error(l, t->code);
}

/* In the order of the requests, as soon as all before are there. */
static void print_results(struct logins *l)
{
	while (l->printed < l->n && l->items[l->printed].code != UNSET)
		print_result(l, &l->items[l->printed++]);
}

/* ---- --wait=first ---- */

static bool same_target(const struct attempt *a, const struct attempt *b)
{
	return str_eq(iscsi_node_get(a->node, "node.name"), iscsi_node_get(b->node, "node.name"));
}

/* A path works: nobody waits for the target's others, nor wants to know why they do not. */
static void settle_target(struct logins *l, const struct attempt *works)
{
	for (size_t i = 0; i < l->n; i++)
		if (same_target(&l->items[i], works))
			l->items[i].settled = true;
}

static bool is_waiting(const struct logins *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!l->items[i].settled && l->items[i].code == UNSET)
			return true;
	return false;
}

/* Targets of which no path works have failed: their errors are printed once that is sure. */
static void print_first_results(struct logins *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->items[i].code == ISCSI_OK ||
			(!l->items[i].settled && l->items[i].code != UNSET))
			print_result(l, &l->items[i]);
	l->printed = l->n;
}

/* ---- */

static bool on_answer(void *data, size_t index, const struct request_result *r)
{
	struct logins *l = data;
	struct attempt *t = &l->items[index];

	t->code = r->code;
	t->sid = r->sid;
	snprintf(t->text, sizeof(t->text), "%s", r->text);
	if (!l->how->first) {
		print_results(l);
		return true;
	}
	if (r->code == ISCSI_OK || r->code == ISCSI_ERR_SESS_EXISTS)
		settle_target(l, t);
	return is_waiting(l);
}

static int nr_sessions(struct iscsi_node *n)
{
	const char *text = iscsi_node_get(n, "node.session.nr_sessions");
	int number = text ? atoi(text) : 0;

	return number > 1 ? number : 1;
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
	report(l->app, "Logging in to [iface: %s, target: %s, portal: %s,%d]%s\n", id.iface,
		id.target, id.address, id.port, multiple ? " (multiple)" : "");
	return ISCSI_OK;
}

/* How many sessions a record has; with --json each is a result, unless one more is asked for. */
static int note_sessions(struct logins *l, const struct view_sessions *v, struct iscsi_node *n)
{
	struct attempt present = {
		.node = n,
		.code = l->how->present_is_well ? ISCSI_OK : ISCSI_ERR_SESS_EXISTS,
		.text = "the session exists already",
	};
	struct iscsi_node_id id;
	int count = 0;

	iscsi_node_get_id(n, &id);
	for (size_t i = 0; i < v->n; i++) {
		if (!session_uses(&v->items[i], &id))
			continue;
		count++;
		present.sid = v->items[i].sid;
		if (!l->how->flags.extra)
			add_to_json(l, &present);
	}
	return count;
}

/* As many logins as the record has sessions too few. */
static int plan_node(struct logins *l, struct iscsi_node *n, const struct view_sessions *v)
{
	int wanted = nr_sessions(n), present = note_sessions(l, v, n), r = ISCSI_OK;
	int missing = l->how->flags.extra ? 1 : wanted - present;
	struct iscsi_node_id id;

	if (missing <= 0 && !l->how->present_is_well) {
		iscsi_node_get_id(n, &id);
		log_error("%s: %d session%s requested, but %d already present.", id.iface, wanted,
			wanted == 1 ? "" : "s", present);
		note_error(l, ISCSI_ERR_SESS_EXISTS);
	}
	while (missing-- > 0 && !r)
		r = add_attempt(l, n, l->how->flags.extra || wanted > 1);
	return r;
}

static int ask(struct request *q, struct logins *l)
{
	struct nodes nodes = {};
	int r;

	nodes.items = calloc(l->n, sizeof(*nodes.items));
	if (!nodes.items)
		return ISCSI_ERR_NOMEM;
	for (; nodes.n < l->n; nodes.n++)
		nodes.items[nodes.n] = l->items[nodes.n].node;
	r = request_login(q, &nodes, &l->how->flags, on_answer, l);
	free(nodes.items);
	return r;
}

static void run(struct app *a, struct logins *l)
{
	struct request *q = NULL;
	int r = request_open(a, true, &q);

	if (!r)
		r = ask(q, l);
	/* What has no answer, has this one. */
	if (!r && l->how->flags.wait)
		r = ISCSI_ERR_ISCSID_COMM;
	for (size_t i = 0; i < l->n && r; i++)
		if (l->items[i].code == UNSET && !l->items[i].settled)
			l->items[i].code = r;
	if (l->how->first)
		print_first_results(l);
	else
		print_results(l);
	for (size_t i = 0; i < l->n; i++)
		add_to_json(l, &l->items[i]);
	request_close(q);
}

static int log_in(struct app *a, const struct nodes *nodes, const struct how *how)
{
	struct logins l = {.app = a, .how = how};
	struct view_sessions sessions;
	int r = ISCSI_OK;

	if (view_sessions_read(a->root, VIEW_LIST, &sessions)) {
		log_error("Could not count current number of sessions");
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	for (size_t i = 0; i < nodes->n && !r; i++)
		r = plan_node(&l, nodes->items[i], &sessions);
	view_sessions_clear(&sessions);
	if (r)
		note_error(&l, r);
	else if (l.n)
		run(a, &l);
	free(l.items);
	if (l.first_error && how->failed)
		log_error("%s", how->failed);
	return l.first_error;
}

static int wait_for_devices(struct app *a, const struct nodes *nodes)
{
	return a->o.wait_devices == UNSET || a->o.no_wait ? ISCSI_OK : devices_wait(a, nodes);
}

int login_nodes(struct app *a, const struct nodes *nodes, bool extra, bool in_discovery)
{
	const struct how how = {
		.flags = {.extra = extra, .wait = !a->o.no_wait},
		.first = a->o.wait_first,
		.present_is_well = a->o.idempotent,
		.failed = in_discovery ? NULL : "Could not log into all portals",
	};
	int r, r2;

	json_begin(a, "logins");
	r = log_in(a, nodes, &how);
	r2 = wait_for_devices(a, nodes);
	return r ? r : r2;
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

/* The leading ones, or the others; the list borrows them. */
static int select_nodes(const struct nodes *from, bool leading, struct nodes *ret)
{
	ret->items = calloc(from->n + 1, sizeof(*ret->items));
	if (!ret->items)
		return ISCSI_ERR_NOMEM;
	for (size_t i = 0; i < from->n; i++)
		if (is_leading(from->items[i]) == leading)
			ret->items[ret->n++] = from->items[i];
	return ISCSI_OK;
}

static void drop_others(struct nodes *nodes, const char *which)
{
	size_t n = 0;

	for (size_t i = 0; i < nodes->n; i++)
		if (startup_is(nodes->items[i], which))
			nodes->items[n++] = nodes->items[i];
		else
			iscsi_node_free(nodes->items[i]);
	nodes->n = n;
}

/* ---- leading logins: one session to a target's portal, through whichever interface ---- */

static bool has_session(const struct view_sessions *v, struct iscsi_node *n)
{
	struct iscsi_node_id id;

	iscsi_node_get_id(n, &id);
	id.iface = NULL;
	for (size_t i = 0; i < v->n; i++)
		if (session_uses(&v->items[i], &id))
			return true;
	return false;
}

/* Those of the records whose portal has no session yet; iface NULL: of every interface. */
static int select_missing(struct app *a, const struct nodes *from, const char *iface,
	struct nodes *ret)
{
	struct view_sessions sessions;
	struct iscsi_node_id id;

	ret->n = 0;
	if (view_sessions_read(a->root, VIEW_LIST, &sessions)) {
		log_error("Could not count current number of sessions");
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	for (size_t i = 0; i < from->n; i++) {
		iscsi_node_get_id(from->items[i], &id);
		if ((!iface || str_eq(id.iface, iface)) && !has_session(&sessions, from->items[i]))
			ret->items[ret->n++] = from->items[i];
	}
	view_sessions_clear(&sessions);
	return ISCSI_OK;
}

struct leading {
	struct app *app;
	const struct nodes *nodes;
	struct nodes missing; /* room for all of them */
};

/* Waits, whatever was asked for: the next interface is for what this one could not reach. */
static int login_leading_through(struct leading *l, const char *iface)
{
	char failed[128];
	const struct how how = {.flags.wait = true, .failed = failed};
	int r = select_missing(l->app, l->nodes, iface, &l->missing);

	snprintf(failed, sizeof(failed), "Could not log into all portals on %s, trying next interface",
		iface);
	if (!r && l->missing.n)
		log_in(l->app, &l->missing, &how);
	return r;
}

static int on_iface(void *data, struct iscsi_iface *f)
{
	return login_leading_through(data, iscsi_iface_get(f, "iface.iscsi_ifacename"));
}

/* The stored interfaces first, then those that need no file. */
static int login_leading(struct app *a, const struct nodes *nodes)
{
	struct leading l = {.app = a, .nodes = nodes};
	int r;

	if (!nodes->n)
		return ISCSI_OK;
	l.missing.items = calloc(nodes->n, sizeof(*l.missing.items));
	if (!l.missing.items)
		return ISCSI_ERR_NOMEM;
	r = iscsi_db_each_iface(a->db, on_iface, &l);
	if (!r)
		r = login_leading_through(&l, "default");
	if (!r)
		r = select_missing(a, nodes, NULL, &l.missing);
	if (!r && l.missing.n) {
		log_error("Could not login all leading-login portals");
		r = ISCSI_ERR_FATAL_LOGIN;
	}
	free(l.missing.items);
	return r < 0 ? ISCSI_ERR_IDBM : r;
}

/* What is automatic stays so: iscsid goes on with what cannot be reached yet. */
static int login_startup(struct app *a, const struct nodes *nodes, const char *which)
{
	const struct how how = {
		.flags = {.wanted = str_eq(which, "automatic"), .wait = !a->o.no_wait},
		.first = a->o.wait_first,
		.present_is_well = a->o.idempotent,
		.failed = "Could not log into all portals",
	};

	return log_in(a, nodes, &how);
}

static int login_to_all(struct app *a, const struct nodes *all, const char *which)
{
	struct nodes normal = {}, leading = {};
	int r = select_nodes(all, false, &normal), r2;

	if (!r)
		r = select_nodes(all, true, &leading);
	if (!r) {
		r = login_startup(a, &normal, which);
		r2 = login_leading(a, &leading);
		r = r ? r : r2;
		r2 = wait_for_devices(a, all);
		r = r ? r : r2;
	}
	free(normal.items);
	free(leading.items);
	return r;
}

int login_all(struct app *a, const char *which)
{
	const struct iscsi_node_match any = {.port = UNSET};
	struct nodes all = {};
	int r;

	json_begin(a, "logins");
	r = nodes_load(a, &any, &all);
	if (!r)
		drop_others(&all, which);
	if (r) {
		r = database_failed(a, r);
	} else if (all.n || all.error) {
		r = login_to_all(a, &all, which);
		r = r ? r : all.error;
	} else {
		log_error("No records found");
		r = ISCSI_ERR_NO_OBJS_FOUND;
	}
	nodes_clear(&all);
	return r;
}
