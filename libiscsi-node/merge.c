/* SPDX-License-Identifier: MIT */
/* A discovery's result into the database. */
#include "place.h"
#include "str.h"
#include "team.h"

#include <errno.h>
#include <string.h>

static void cleanup_node(struct iscsi_node **n)
{
	iscsi_node_free(*n);
}

struct merge {
	struct iscsi_db *db;
	const struct iscsi_source *source;
	struct iscsi_node **nodes, **by_target; /* what was announced, and sorted */
	size_t n;
	unsigned int merge; /* enum iscsi_merge */
	bool keep_settings; /* of what is there */
	bool (*keep)(void *data, const struct iscsi_node_id *id);
	void *data;
};

static int compare_targets(const void *a, const void *b)
{
	return strcmp(
		(*(struct iscsi_node *const *)a)->target, (*(struct iscsi_node *const *)b)->target);
}

static int set_source(struct iscsi_db *db, struct iscsi_node *n, const struct iscsi_source *source)
{
	struct iscsi_node_id id;
	struct place place;
	int r;

	iscsi_node_get_id(n, &id);
	r = place_of(db, &id, &place);
	if (r < 0)
		return r;
	n->discovery_type = source_discovery_type(source->type);
	n->discovery_port = source->port;
	return str_set(&n->discovery_address, source->address);
}

static int put(struct iscsi_db *db, struct iscsi_node *n, unsigned int merge)
{
	bool exists = false;
	int r = merge & ISCSI_MERGE_UPDATE ? 0 : node_exists(db, n, &exists);

	return r < 0 || exists ? r : node_store(db, n);
}

static int put_locked(struct iscsi_db *db, struct iscsi_node *n, unsigned int merge)
{
	int r = commit_begin(db, n->target);

	return commit_end(db, r < 0 ? r : put(db, n, merge));
}

/* Puts the stored record, of either style, in place of *n. -ENOENT; -EBADMSG: it is worth nothing. */
static int take_stored(struct iscsi_db *db, struct iscsi_node **n)
{
	struct iscsi_node *stored;
	struct iscsi_node_id id;
	int r;

	iscsi_node_get_id(*n, &id);
	r = iscsi_db_load(db, &id, &stored);
	if (r == -ENOENT && id.tpgt >= 0) {
		id.tpgt = -1;
		r = iscsi_db_load(db, &id, &stored);
	}
	if (r < 0)
		return r;
	iscsi_node_free(*n);
	*n = stored;
	return 0;
}

/* The first of those announced that has this target or a later one. */
static size_t first_of(const struct merge *m, const char *target)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(m->by_target[mid]->target, target) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_announced(const struct merge *m, const struct iscsi_node_id *id)
{
	for (size_t i = first_of(m, id->target); i < m->n; i++) {
		const struct iscsi_node *n = m->by_target[i];

		if (!str_eq(n->target, id->target))
			break;
		if (n->port == id->port && str_eq(n->iface.name, id->iface) &&
			address_equal(n->address, id->address))
			return true;
	}
	return false;
}

/* A link alone does not make it ours: the record may have got another source since. */
static bool is_from_source(const struct merge *m, const struct iscsi_node_id *id)
{
	struct iscsi_node *CLEANUP(cleanup_node) n = NULL;

	if (iscsi_db_load(m->db, id, &n) < 0)
		return true;
	return n->discovery_type == source_discovery_type(m->source->type) &&
	       n->discovery_port == m->source->port &&
	       str_eq(n->discovery_address, m->source->address);
}

static int drop(void *data, const struct iscsi_node_id *id)
{
	const struct merge *m = data;
	int r;

	if (is_announced(m, id) || !is_from_source(m, id))
		return 0;
	if (m->keep && m->keep(m->data, id))
		return 0;
	r = iscsi_db_delete(m->db, id);
	return r == -ENOENT || r == -EINVAL ? 0 : r;
}

static const char *target_of(void *data, size_t i)
{
	const struct merge *m = data;

	return m->nodes[i]->target;
}

static int put_one(void *data, struct iscsi_db *db, size_t i)
{
	const unsigned int store = ISCSI_MERGE_NEW | ISCSI_MERGE_UPDATE;
	const struct merge *m = data;
	int r = set_source(db, m->nodes[i], m->source);

	if (r < 0 || !(m->merge & store) ||
		(m->keep_settings && take_stored(db, &m->nodes[i]) == 0))
		return r;
	return put_locked(db, m->nodes[i], m->merge);
}

static int put_all(struct merge *m)
{
	const unsigned int store = ISCSI_MERGE_NEW | ISCSI_MERGE_UPDATE;
	const struct team_work work = {
		.target = target_of, .one = put_one, .data = m, .stop = true};
	/* Who asks for an update alone means it. */
	int r = (m->merge & store) == store
			? config_is_yes(m->db, "discovery.keep_node_settings")
			: 0;

	m->keep_settings = r > 0;
	return r < 0 ? r : team_run(m->db, m->n, &work);
}

int iscsi_db_merge(struct iscsi_db *db, const struct iscsi_source *source,
	struct iscsi_node **nodes, size_t n, unsigned int merge,
	bool (*keep)(void *data, const struct iscsi_node_id *id), void *data)
{
	struct iscsi_node **CLEANUP_FREE by_target = calloc(n + 1, sizeof(*by_target));
	struct merge m = {
		.db = db, .source = source, .nodes = nodes, .by_target = by_target, .n = n,
		.merge = merge, .keep = keep, .data = data};
	const char *fault = source->address ? iscsi_address_fault(source->address) : NULL;
	int r;

	db_begin(db);
	if (!by_target)
		return -ENOMEM;
	if (fault)
		return db_fail(db, -EINVAL, "the address of the discovery source %s", fault);
	iscsi_db_group_begin(db);
	r = put_all(&m);
	/* A source that announces nothing at all is rather broken than empty. */
	if (r == 0 && n && merge & ISCSI_MERGE_DELETE) {
		memcpy(by_target, nodes, n * sizeof(*nodes));
		qsort(by_target, n, sizeof(*by_target), compare_targets);
		r = iscsi_db_each_found(db, source, drop, &m);
	}
	return group_end(db, r);
}
