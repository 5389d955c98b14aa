/* SPDX-License-Identifier: MIT */
/* logout.c - logging out of sessions, and what else is done to the sessions that match */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsiadm.h"
#include "json.h"
#include "log.h"
#include "request.h"
#include "rescan.h"
#include "show.h"
#include "stats.h"
#include "str.h"

/* The sessions that were chosen; they stay the view's. Logins that are under way have no number. */
struct chosen {
	struct app *app;
	struct view_sessions view, logins;
	int64_t *login_sids; /* iscsid's, for each of logins */
	const struct view_session **items;
	int64_t *sids; /* of each item, for iscsid */
	int *codes; /* UNSET: not answered yet */
	size_t n, printed;
	int error; /* of the last that failed */
};

static void add(struct chosen *c, const struct view_session *s, int64_t sid)
{
	c->codes[c->n] = UNSET;
	c->sids[c->n] = sid;
	c->items[c->n++] = s;
}

static int choose(struct app *a, bool (*fits)(const struct view_session *, void *), void *data,
	struct chosen *ret)
{
	size_t max;

	ret->app = a;
	if (view_sessions_read(a->root, VIEW_LIST, &ret->view)) {
		log_error("Could not read session info.");
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	max = ret->view.n + ret->logins.n + 1;
	ret->items = calloc(max, sizeof(*ret->items));
	ret->codes = calloc(max, sizeof(*ret->codes));
	ret->sids = calloc(max, sizeof(*ret->sids));
	if (!ret->items || !ret->codes || !ret->sids)
		return ISCSI_ERR_NOMEM;
	for (size_t i = 0; i < ret->view.n; i++)
		if (fits(&ret->view.items[i], data))
			add(ret, &ret->view.items[i], ret->view.items[i].sid);
	for (size_t i = 0; i < ret->logins.n; i++)
		if (fits(&ret->logins.items[i], data))
			add(ret, &ret->logins.items[i], ret->login_sids[i]);
	return ISCSI_OK;
}

static void chosen_clear(struct chosen *c)
{
	free(c->items);
	free(c->codes);
	free(c->sids);
	free(c->login_sids);
	if (c->view.items)
		view_sessions_clear(&c->view);
	if (c->logins.items)
		view_sessions_clear(&c->logins);
}

/* The configured address with the port in use: what callers have always been shown. */
static void print_session(struct app *a, const char *before, const struct view_session *s,
	const char *after)
{
	report(a, "%s [sid: %u, target: %s, portal: %s,%ld]%s\n", before, s->sid, s->target,
		s->persistent_address, s->port == VIEW_UNSET ? s->persistent_port : s->port, after);
}

/* With --json: what became of one session; code UNSET: not known. */
static void add_to_json(struct app *a, const char *list, const struct view_session *s, int code,
	const char *text)
{
	struct json_object *o = json_session_id(s);

	json_put_result(o, code, text);
	json_add(a, list, o);
}

/* ---- logout ---- */

static void print_login(struct app *a, const char *before, const struct view_session *s,
	const char *after)
{
	report(a, "%s [iface: %s, target: %s, portal: %s,%ld]%s\n", before, s->iface, s->target,
		s->persistent_address, s->persistent_port, after);
}

static void print_login_result(struct chosen *c, const struct view_session *s, int code)
{
	if (code == ISCSI_OK) {
		print_login(c->app, "Login to", s, " cancelled.");
		return;
	}
	log_error("Could not cancel the login to [iface: %s, target: %s, portal: %s,%ld].",
		s->iface, s->target, s->persistent_address, s->persistent_port);
	log_error("initiator reported error (%d - %s)", code, iscsi_err_text(code));
	c->error = code;
}

static void print_result(struct chosen *c, const struct view_session *s, int code)
{
	if (code == ISCSI_OK) {
		print_session(c->app, "Logout of", s, " successful.");
		return;
	}
	log_error("Could not logout of [sid: %u, target: %s, portal: %s,%ld].", s->sid, s->target,
		s->persistent_address, s->port == VIEW_UNSET ? s->persistent_port : s->port);
	log_error("initiator reported error (%d - %s)", code, iscsi_err_text(code));
	c->error = code;
}

static void print_results(struct chosen *c)
{
	while (c->printed < c->n && c->codes[c->printed] != UNSET) {
		size_t i = c->printed++;

		(c->sids[i] < 0 ? print_login_result : print_result)(c, c->items[i], c->codes[i]);
	}
}

static bool on_answer(void *data, size_t index, const struct request_result *r)
{
	struct chosen *c = data;
	bool is_login = c->sids[index] < 0;
	int code = r->code;

	/* A login that has failed meanwhile is what was wanted. */
	if (is_login && code == ISCSI_ERR_SESS_NOT_FOUND)
		code = ISCSI_OK;
	/* Who is in the way is what has to be known. */
	if (code && *r->text && is_login)
		log_error("%s", r->text);
	else if (code && *r->text)
		log_error("session %u%s: %s", c->items[index]->sid,
			code == ISCSI_ERR_BUSY ? " is in use" : "", r->text);
	c->codes[index] = code;
	add_to_json(c->app, "logouts", c->items[index], code, r->text);
	print_results(c);
	return true;
}

static int logout_chosen(struct app *a, struct chosen *c)
{
	struct request *q = NULL;
	int r = request_open(a, true, &q);

	for (size_t i = 0; i < c->n; i++)
		if (c->sids[i] < 0)
			print_login(a, "Cancelling the login to", c->items[i], "");
		else
			print_session(a, "Logging out of session", c->items[i], "");
	if (!r)
		r = request_logout(q, c->sids, c->n, a->o.force || a->o.safe ? &a->o.force : NULL,
			on_answer, c);
	for (size_t i = 0; i < c->n; i++) {
		if (c->codes[i] != UNSET)
			continue;
		c->codes[i] = r ? r : ISCSI_ERR_ISCSID_COMM;
		add_to_json(a, "logouts", c->items[i], c->codes[i], "");
	}
	print_results(c);
	request_close(q);
	/* Without the daemon nothing was found to log out of: callers know it so. */
	if (r == ISCSI_ERR_ISCSID_NOTCONN) {
		log_error("No matching sessions found");
		return ISCSI_ERR_NO_OBJS_FOUND;
	}
	if (c->error)
		log_error("Could not logout of all requested sessions");
	return c->error;
}

static int logout_fitting(
	struct app *a, bool (*fits)(const struct view_session *, void *), void *data)
{
	struct chosen c = {};
	int r;

	/* before the kernel is read: who gets there in between is seen twice, not missed */
	r = request_read_logins(a, &c.logins, &c.login_sids);
	if (!r)
		r = choose(a, fits, data, &c);
	json_begin(a, "logouts");
	if (!r && !c.n && a->o.idempotent) {
		/* nobody is logged in */
	} else if (!r && !c.n) {
		log_error("No matching sessions found");
		r = ISCSI_ERR_NO_OBJS_FOUND;
	} else if (!r) {
		r = logout_chosen(a, &c);
	}
	chosen_clear(&c);
	return r;
}

static bool fits_match(const struct view_session *s, void *data)
{
	return session_matches(s, data);
}

int logout_sessions(struct app *a, const struct session_match *m)
{
	return logout_fitting(a, fits_match, (void *)m);
}

/* ---- -U: by the startup setting of the session's record ---- */

struct startup_filter {
	struct nodes nodes;
	const char *which;
};

static bool is_onboot(struct iscsi_node *n)
{
	return str_eq(iscsi_node_get(n, "node.startup"), "onboot") ||
	       str_eq(iscsi_node_get(n, "node.conn[0].startup"), "onboot") ||
	       str_eq(iscsi_node_get(n, "node.discovery_type"), "fw");
}

static bool fits_startup(const struct view_session *s, void *data)
{
	struct startup_filter *f = data;

	for (size_t i = 0; i < f->nodes.n; i++) {
		struct iscsi_node *n = f->nodes.items[i];
		struct iscsi_node_id id;

		iscsi_node_get_id(n, &id);
		if (!session_uses(s, &id))
			continue;
		return !is_onboot(n) &&
		       (str_eq(f->which, "all") ||
			       str_eq(iscsi_node_get(n, "node.startup"), f->which) ||
			       str_eq(iscsi_node_get(n, "node.conn[0].startup"), f->which));
	}
	return false;
}

int logout_all(struct app *a, const char *which)
{
	const struct iscsi_node_match any = {.port = UNSET};
	struct startup_filter f = {.which = which};
	int r;

	r = nodes_load(a, &any, &f.nodes);
	if (r) {
		r = database_failed(a, r);
	} else {
		r = logout_fitting(a, fits_startup, &f);
		r = r ? r : f.nodes.error;
	}
	nodes_clear(&f.nodes);
	return r;
}

/* ---- -R ---- */

/* Each session has a thread: one whose target does not answer keeps no other waiting. */
struct rescan {
	pthread_t thread;
	bool has_thread;
	const char *root;
	const struct view_session *session;
	uint64_t lun;
	int err;
};

static void *run_rescan(void *data)
{
	struct rescan *s = data;

	s->err = rescan(s->root, s->session->sid, s->session->host, s->lun);
	return NULL;
}

static int rescan_failed(const struct rescan *s)
{
	if (s->err == -ENXIO) {
		log_error("the target of session sid %u shows no LUN %" PRIu64, s->session->sid,
			s->lun);
		return ISCSI_ERR_NO_OBJS_FOUND;
	}
	log_error("Could not rescan session sid %u.", s->session->sid);
	return ISCSI_ERR_SYSFS_LOOKUP;
}

static int rescan_chosen(struct app *a, const struct chosen *c)
{
	struct rescan *all = calloc(c->n, sizeof(*all));
	int r = ISCSI_OK, failed;

	if (!all)
		return ISCSI_ERR_NOMEM;
	for (size_t i = 0; i < c->n; i++) {
		all[i] = (struct rescan){.root = a->root, .session = c->items[i], .lun = a->o.lun};
		print_session(a, "Rescanning session", c->items[i], "");
		all[i].has_thread = !pthread_create(&all[i].thread, NULL, run_rescan, &all[i]);
		if (!all[i].has_thread)
			run_rescan(&all[i]);
	}
	for (size_t i = 0; i < c->n; i++) {
		if (all[i].has_thread)
			pthread_join(all[i].thread, NULL);
		failed = all[i].err ? rescan_failed(&all[i]) : ISCSI_OK;
		add_to_json(a, "rescans", c->items[i], failed, failed ? strerror(-all[i].err) : "");
		r = failed ? failed : r;
	}
	free(all);
	return r;
}

/* What is done to all that match; the last failure is what the tool exits with. */
static int for_matching(struct app *a, const struct session_match *m, const char *list,
	int (*run)(struct app *a, const struct chosen *c))
{
	struct chosen c = {};
	int r = choose(a, fits_match, (void *)m, &c);

	json_begin(a, list);
	if (!r && !c.n) {
		log_error("No session found.");
		r = ISCSI_ERR_NO_OBJS_FOUND;
	} else if (!r) {
		r = run(a, &c);
		if (r)
			log_error("Could not execute operation on all sessions: %s", iscsi_err_text(r));
	}
	chosen_clear(&c);
	return r;
}

int rescan_sessions(struct app *a, const struct session_match *m)
{
	return for_matching(a, m, "rescans", rescan_chosen);
}

/* ---- -s ---- */

static int stats_code(int r)
{
	switch (r) {
	case -EPERM:
	case -EACCES:
		return ISCSI_ERR_ACCESS;
	case -ENOENT:
		return ISCSI_ERR_SESS_NOT_FOUND;
	default:
		return ISCSI_ERR_INTERNAL;
	}
}

static int stats_one(struct app *a, const struct view_session *s)
{
	struct stats stats;
	int r = stats_read(a->root, s->transport ? s->transport : "tcp", s->sid, &stats);

	if (r) {
		log_error(
			"Could not get the statistics of session sid %u: %s", s->sid, strerror(-r));
		return stats_code(r);
	}
	if (a->o.json) {
		json_add(a, "statistics", json_stats(s, &stats));
		return ISCSI_OK;
	}
	print_session(a, "Stats for session", s, "");
	show_stats(&stats);
	return ISCSI_OK;
}

static int stats_chosen(struct app *a, const struct chosen *c)
{
	int r = ISCSI_OK;

	for (size_t i = 0; i < c->n; i++) {
		int failed = stats_one(a, c->items[i]);

		r = failed ? failed : r;
	}
	return r;
}

int stats_sessions(struct app *a, const struct session_match *m)
{
	return for_matching(a, m, "statistics", stats_chosen);
}
