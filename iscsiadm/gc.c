/* SPDX-License-Identifier: MIT */
/*
 * gc.c - "-m node -o gc": records of targets that are gone. Every discovery source that has a
 * record is asked again; what came from it and is no longer announced is deleted, unless a session
 * uses it. A source that does not answer through each interface, or announces nothing at all, proves
 * nothing: its records stay.
 */
#include "discover.h"
#include "json.h"
#include "log.h"
#include "str.h"

struct collection {
	struct app *app;
	struct view_sessions sessions;
	struct nodes announced; /* by the source that is asked now */
	struct node_ids gone;	/* its records that go */
	int error;		/* enum iscsi_err, of the last source that failed */
	size_t n_sources;
};

/* Whichever interface the record goes through: it was not asked through all of them. */
static bool is_announced(const struct nodes *l, const struct iscsi_node_id *id)
{
	for (size_t i = 0; i < l->n; i++) {
		struct iscsi_node_id other;

		iscsi_node_get_id(l->items[i], &other);
		if (str_eq(other.target, id->target) && str_eq(other.address, id->address) &&
			other.port == id->port)
			return true;
	}
	return false;
}

static void tell_gone(struct collection *c)
{
	for (size_t i = 0; i < c->gone.n; i++) {
		const struct iscsi_node_id *id = &c->gone.items[i];

		report(c->app, "Deleted [iface: %s, target: %s, portal: %s,%d]\n", id->iface,
			id->target, id->address, id->port);
		json_add(c->app, "deleted", json_node_id(id));
	}
}

/* Others wait for the database meanwhile: nothing is printed here. */
static bool keep(void *data, const struct iscsi_node_id *id)
{
	struct collection *c = data;

	if (is_announced(&c->announced, id))
		return true;
	for (size_t i = 0; i < c->sessions.n; i++)
		if (session_uses(&c->sessions.items[i], id))
			return true;
	return node_ids_add(&c->gone, id) < 0;
}

static int collect(struct collection *c, const struct iscsi_source *source)
{
	struct iscsi_discovery *record;
	bool all;
	int r = iscsi_discovery_load(c->app->db, source, &record);

	if (r)
		return database_failed(c->app, r);
	r = discover_ask(c->app, record, &c->announced, &all);
	if (!r && !all)
		r = ISCSI_ERR_NO_OBJS_FOUND;
	if (!r) {
		r = iscsi_db_merge(c->app->db, source, c->announced.items, c->announced.n,
			ISCSI_MERGE_DELETE, keep, c);
		r = r ? database_failed(c->app, r) : ISCSI_OK;
	}
	if (!r)
		tell_gone(c);
	node_ids_clear(&c->gone);
	nodes_clear(&c->announced);
	iscsi_discovery_free(record);
	return r;
}

static bool is_wanted(const struct options *o, const struct iscsi_source *source)
{
	return !o->portal.address[0] ||
	       (str_eq(o->portal.address, source->address) &&
		       (o->portal.port < 0 || o->portal.port == source->port));
}

static int collect_one(void *data, const struct iscsi_source *source)
{
	struct collection *c = data;
	int r;

	if (!is_wanted(&c->app->o, source))
		return 0;
	c->n_sources++;
	r = collect(c, source);
	if (r)
		log_error("The records that were found at %s,%d are left as they are",
			source->address, source->port);
	c->error = r ? r : c->error;
	return 0;
}

int collect_garbage(struct app *a)
{
	static const enum iscsi_source_type types[] = {ISCSI_SOURCE_SENDTARGETS, ISCSI_SOURCE_ISNS};
	struct collection c = {.app = a};
	int r = 0;

	json_begin(a, "deleted");
	if (view_sessions_read(a->root, VIEW_LIST, &c.sessions)) {
		log_error("Could not read session info.");
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && !r; i++)
		r = iscsi_db_each_source(a->db, types[i], collect_one, &c);
	view_sessions_clear(&c.sessions);
	if (r)
		return database_failed(a, r);
	if (c.n_sources)
		return c.error;
	log_error("No records found");
	return ISCSI_ERR_NO_OBJS_FOUND;
}
