/* SPDX-License-Identifier: MIT */
#include "record-ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json.h"
#include "log.h"
#include "show.h"
#include "str.h"

/* A walk over the records: what failed last is what the tool exits with. */
struct walk {
	struct app *app;
	struct view_sessions sessions; /* for update and delete */
	size_t found;
	int error; /* enum iscsi_err */
};

static const struct view_session *user_of(const struct walk *w, const struct iscsi_node_id *id)
{
	for (size_t i = 0; i < w->sessions.n; i++)
		if (session_uses(&w->sessions.items[i], id))
			return &w->sessions.items[i];
	return NULL;
}

static void walk_failed(struct walk *w, int r)
{
	const char *text = iscsi_db_error(w->app->db);

	if ((r == -EACCES || r == -EPERM) && geteuid())
		log_error("Maybe you are not root?");
	log_error("%s", *text ? text : strerror(-r));
	w->error = ISCSI_ERR_IDBM;
}

/* ---- show ---- */

static void show_node(struct app *a, const struct iscsi_node_id *id, struct iscsi_node *n)
{
	struct json_settings settings = {.show_secrets = a->o.show_secrets};
	struct json_object *o;

	if (!a->o.json) {
		show_record_begin();
		iscsi_node_each(n, show_record_line, &a->o.show_secrets);
		show_record_end();
		return;
	}
	o = json_node_id(id);
	settings.object = json_object_new_object();
	iscsi_node_each(n, json_add_setting, &settings);
	json_object_object_add(o, "settings", settings.object);
	json_add(a, "records", o);
}

static int show_one(void *data, const struct iscsi_node_id *id)
{
	struct walk *w = data;
	struct iscsi_node *n;
	int r = iscsi_db_load(w->app->db, id, &n);

	if (r == -ENOENT)
		return 0;
	if (!w->found++)
		show_many();
	if (r) {
		walk_failed(w, r);
		return 0;
	}
	show_node(w->app, id, n);
	iscsi_node_free(n);
	return 0;
}

/* ---- update ---- */

void record_update_refused(enum iscsi_update_result why, const struct iscsi_setting *s)
{
	switch (why) {
	case ISCSI_UPDATE_OK:
		break;
	case ISCSI_UPDATE_UNKNOWN_KEY:
		log_error("Cannot modify %s. Invalid param name.", s->key);
		break;
	case ISCSI_UPDATE_FIXED_KEY:
		log_error(
			"Cannot modify %s. It is used to look up the record and cannot be changed.",
			s->key);
		break;
	case ISCSI_UPDATE_IFACE_KEY:
		log_error("Cannot modify %s. Use iface mode to update this value.", s->key);
		break;
	case ISCSI_UPDATE_BINDING: {
		bool mac = str_eq(s->key, "iface.hwaddress");

		log_error("Can not update interface binding from %s to %s. You must delete the "
			  "interface and create a new one",
			mac ? "net_ifacename" : "hwaddress", mac ? "hwaddress" : "net_ifacename");
		break;
	}
	case ISCSI_UPDATE_BAD_VALUE:
		if (iscsi_key_is_secret(s->key))
			log_error("the value for parameter name '%s' cannot be used", s->key);
		else
			log_error("unknown value format '%s' for parameter name '%s'", s->value,
				s->key);
		break;
	}
}

static bool changes_transport(const struct options *o)
{
	for (size_t i = 0; i < o->n_pairs; i++)
		if (str_eq(o->pairs[i].key, "iface.transport_name") ||
			str_eq(o->pairs[i].key, "node.transport_name"))
			return true;
	return false;
}

/* A session goes on with the transport that it has. */
static bool may_update(void *data, const struct iscsi_node_id *id)
{
	const struct walk *w = data;

	return !changes_transport(&w->app->o) || !user_of(w, id);
}

static void told_update(void *data, const struct iscsi_node_id *id, int r, size_t bad)
{
	struct walk *w = data;
	const struct iscsi_setting *pairs = w->app->o.pairs;

	(void)id;
	w->found++;
	if (r == -ECANCELED) {
		log_error(
			"Cannot modify node/iface transport name while a session is using it. Log "
			"out the session then update record.");
		w->error = ISCSI_ERR_SESS_EXISTS;
	} else if (r < 0) {
		walk_failed(w, r);
	} else if (r > 0) {
		record_update_refused((enum iscsi_update_result)r, &pairs[bad]);
		if (r == ISCSI_UPDATE_BAD_VALUE)
			log_error("Unknown parameter %s.", pairs[bad].key);
		w->error = ISCSI_ERR_INVAL;
	}
}

/* ---- delete ---- */

void record_say_in_use(const struct iscsi_node_id *id)
{
	log_error(
		"This command will remove the record [iface: %s, target: %s, portal: %s,%d], but a "
		"session is using it. Logout session then rerun command to remove record.",
		id->iface, id->target, id->address, id->port);
}

static bool may_delete(void *data, const struct iscsi_node_id *id)
{
	return !user_of(data, id);
}

static void told_delete(void *data, const struct iscsi_node_id *id, int r, size_t bad)
{
	struct walk *w = data;

	(void)bad;
	w->found++;
	if (r == -ECANCELED) {
		record_say_in_use(id);
		w->error = ISCSI_ERR_SESS_EXISTS;
	} else if (r && r != -ENOENT) {
		walk_failed(w, r);
	}
}

/* ---- */

static int check_keys(const struct options *o)
{
	for (size_t i = 0; i < o->n_pairs; i++) {
		const char *key = o->pairs[i].key;

		if (!str_after(key, "iface.") || str_eq(key, "iface.transport_name"))
			continue;
		log_error("Cannot modify %s. Use iface mode to update this value.", key);
		return ISCSI_ERR_INVAL;
	}
	return ISCSI_OK;
}

static int check_update(const struct options *o)
{
	if (!o->n_pairs || o->half.key || o->half.value) {
		log_error("update requires name and value");
		return ISCSI_ERR_INVAL;
	}
	return check_keys(o);
}

static int show_all(struct walk *w, const struct iscsi_node_match *match)
{
	if (w->app->o.json)
		json_begin(w->app, "records");
	return iscsi_db_each(w->app->db, match, show_one, w);
}

static int update_all(struct walk *w, const struct iscsi_node_match *match)
{
	const struct options *o = &w->app->o;

	return iscsi_db_change_each(w->app->db, match,
		&(struct iscsi_change){.settings = o->pairs, .n = o->n_pairs, .may = may_update,
			.told = told_update, .data = w});
}

static int delete_all(struct walk *w, const struct iscsi_node_match *match)
{
	return iscsi_db_change_each(w->app->db, match,
		&(struct iscsi_change){.may = may_delete, .told = told_delete, .data = w});
}

static const struct {
	unsigned int ops;
	int (*run)(struct walk *w, const struct iscsi_node_match *match);
	int (*check)(const struct options *o); /* NULL: always well */
	bool changes;
} ops[] = {
	{DO_NONE, show_all, NULL, false},
	{DO_SHOW, show_all, NULL, false},
	{DO_UPDATE, update_all, check_update, true},
	{DO_DELETE, delete_all, NULL, true},
};

int record_ops_run(struct app *a, const struct iscsi_node_match *match)
{
	struct walk w = {.app = a};
	size_t i = 0;
	int r;

	while (i < sizeof(ops) / sizeof(ops[0]) && ops[i].ops != a->o.ops)
		i++;
	if (i == sizeof(ops) / sizeof(ops[0])) {
		log_error("operation is not supported.");
		return ISCSI_ERR_INVAL;
	}
	r = ops[i].check ? ops[i].check(&a->o) : ISCSI_OK;
	if (r)
		return r;
	if (ops[i].changes)
		view_sessions_read(a->root, VIEW_LIST, &w.sessions);
	r = ops[i].run(&w, match);
	if (r)
		walk_failed(&w, r);
	view_sessions_clear(&w.sessions);
	if (!w.found && !w.error && a->o.idempotent && a->o.ops == DO_DELETE)
		return ISCSI_OK;
	if (!w.found && !w.error) {
		log_error("No records found");
		return ISCSI_ERR_NO_OBJS_FOUND;
	}
	if (w.error && ops[i].changes)
		log_error(
			"Could not execute operation on all records: %s", iscsi_err_text(w.error));
	return w.error;
}
