/* SPDX-License-Identifier: MIT */
/* mode-session.c - "-m session" */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsiadm.h"
#include "json.h"
#include "log.h"
#include "record-ops.h"
#include "request.h"
#include "show.h"
#include "str.h"

/* ---- listing ---- */

/* Sessions of one target stand together, in the order of the targets' names. */
static int compare_targets(const void *a, const void *b)
{
	const struct view_session *x = a, *y = b;
	/* One that is just being made has no target yet. */
	int r = strcmp(x->target ? x->target : "", y->target ? y->target : "");

	return r ? r : x->sid < y->sid ? -1 : x->sid > y->sid;
}

static void show_tree(struct app *a, const struct view_session *items, size_t n)
{
	const struct show_form form = {
		.indent = "",
		.settings = a->o.print >= 2,
		.negotiated = a->o.print >= 2,
		.devices = a->o.print >= 3,
		.scsi_host = true,
	};
	struct request_states states;

	request_read_states(a, &states);
	if (a->o.print >= 3)
		show_versions(a);
	for (size_t i = 0; i < n; i++)
		show_session_tree(a, &form, i ? &items[i - 1] : NULL, &items[i],
			request_find_state(&states, items[i].sid));
	request_states_clear(&states);
}

static void add_to_json(struct app *a, const struct view_session *items, size_t n)
{
	struct request_states states = {};

	if (n)
		request_read_states(a, &states);
	json_begin(a, "sessions");
	for (size_t i = 0; i < n; i++)
		json_add(a, "sessions",
			json_session(a, &items[i], request_find_state(&states, items[i].sid)));
	request_states_clear(&states);
}

static int list_sessions(struct app *a)
{
	struct view_sessions v;
	int level = a->o.print == UNSET ? 0 : a->o.print, r;

	r = view_sessions_read(a->root, level || a->o.json ? VIEW_DETAIL : VIEW_LIST, &v);
	if (r) {
		log_error("Failed to query iSCSI sessions, error %d: %s", -r, strerror(-r));
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	r = ISCSI_OK;
	if (a->o.json && level >= 0 && level <= 3)
		add_to_json(a, v.items, v.n);
	if (!v.n) {
		log_error("No active sessions.");
		r = ISCSI_ERR_NO_OBJS_FOUND;
	} else if (level < 0 || level > 3) {
		log_error("Invalid info level %d. Try 0 - 3.", level);
		r = ISCSI_ERR_INVAL;
	} else if (a->o.json) {
		/* done */
	} else if (level == 0) {
		for (size_t i = 0; i < v.n; i++)
			show_session_line(&v.items[i]);
	} else {
		qsort(v.items, v.n, sizeof(v.items[0]), compare_targets);
		show_tree(a, v.items, v.n);
	}
	view_sessions_clear(&v);
	return r;
}

/* ---- one session ---- */

static int show_one(struct app *a, const struct view_session *s)
{
	if (a->o.print > 3) {
		log_error("Invalid info level %d. Try 0 - 3.", a->o.print);
		return ISCSI_ERR_INVAL;
	}
	if (a->o.json)
		add_to_json(a, s, 1);
	else
		show_tree(a, s, 1);
	return ISCSI_OK;
}

/* ---- update: the record, and the session that runs ---- */

/* Settings that a session goes by while it is there; the others say when it is made. */
static bool changes_session(const struct options *o)
{
	static const char *const prefixes[] = {
		"node.session.", "node.conn[0].timeo.", "node.conn[0].iscsi."};

	for (size_t i = 0; i < o->n_pairs; i++)
		for (size_t k = 0; k < sizeof(prefixes) / sizeof(prefixes[0]); k++)
			if (str_after(o->pairs[i].key, prefixes[k]))
				return true;
	return false;
}

static bool on_updated(void *data, size_t index, const struct request_result *r)
{
	(void)index;
	if (r->code)
		log_error("iscsid: %s", r->text);
	*(int *)data = r->code;
	return true;
}

static int tell_daemon(struct app *a, uint32_t sid, struct iscsi_node *record)
{
	struct request *q = NULL;
	int code = ISCSI_ERR_ISCSID_COMM, r = request_open(a, false, &q);

	if (!r)
		r = request_update(q, sid, record, on_updated, &code);
	request_close(q);
	return r ? r : code;
}

/* The record is written: what fails now is only that the session does not know it yet. */
static int update_session(struct app *a, uint32_t sid, const struct iscsi_node_match *match)
{
	struct nodes nodes = {};
	int r = ISCSI_OK;

	if (!changes_session(&a->o))
		return ISCSI_OK;
	nodes_load(a, match, &nodes);
	if (nodes.n)
		r = tell_daemon(a, sid, nodes.items[0]);
	if (r)
		log_error("The record is updated, but session %u goes on with the settings that it "
			  "has, until iscsid is started again: %s",
			sid, iscsi_err_text(r));
	nodes_clear(&nodes);
	return r;
}

/* Everything that is done to the session's record. */
static int work_on_record(struct app *a, const struct view_session *s)
{
	const struct iscsi_node_match match = {
		.target = s->target,
		.address = s->persistent_address,
		.port = (int)s->persistent_port,
		.iface = s->iface ? s->iface : "default",
	};
	struct nodes nodes = {};
	int r;

	/* What the kernel does not say must not match every record. */
	if (!match.target || !match.address || match.port < 0) {
		log_error("No records found");
		return ISCSI_ERR_NO_OBJS_FOUND;
	}
	if (!(a->o.ops & DO_NEW)) {
		r = record_ops_run(a, &match);
		return r || a->o.ops != DO_UPDATE ? r : update_session(a, s->sid, &match);
	}
	json_begin(a, "logins");
	nodes_load(a, &match, &nodes);
	if (nodes.n) {
		r = login_nodes(a, &nodes, true, false);
	} else {
		log_error("No records found");
		r = ISCSI_ERR_NO_OBJS_FOUND;
	}
	nodes_clear(&nodes);
	return r;
}

static int one_session(struct app *a)
{
	struct session_match match = {.node.port = UNSET};
	struct view_session s;
	int r;

	r = view_sid_parse(a->root, a->o.sid, &match.sid);
	if (r == -ENOTDIR)
		log_error("%s is not a directory", a->o.sid);
	else if (r == -ENODATA)
		log_error("Unable to find sid in path %s", a->o.sid);
	else if (r)
		log_error("%s is an invalid session ID or path", a->o.sid);
	if (r)
		return ISCSI_ERR;
	if (view_session_read(a->root, match.sid, VIEW_DETAIL, &s)) {
		if (a->o.logout && a->o.idempotent)
			return ISCSI_OK;
		log_error("could not read session targetname: 5");
		log_error("Could not get session info for sid %u", match.sid);
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	if (a->o.rescan)
		r = rescan_sessions(a, &match);
	else if (a->o.stats)
		r = stats_sessions(a, &match);
	else if (a->o.logout)
		r = logout_sessions(a, &match);
	else if (a->o.print > 0 && !a->o.ops)
		r = show_one(a, &s);
	else
		r = work_on_record(a, &s);
	view_session_clear(&s);
	return r;
}

int mode_session(struct app *a)
{
	const struct session_match all = {.node.port = UNSET};

	if (a->o.sid)
		return one_session(a);
	if (a->o.ops & DO_NEW) {
		log_error("session mode: Operation 'new' only allowed with specific session IDs");
		return ISCSI_ERR_INVAL;
	}
	if (a->o.rescan)
		return rescan_sessions(a, &all);
	if (a->o.stats)
		return stats_sessions(a, &all);
	if (a->o.logout)
		return logout_sessions(a, &all);
	return list_sessions(a);
}
