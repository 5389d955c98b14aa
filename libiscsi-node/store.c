/* SPDX-License-Identifier: MIT */
/* Records in their files: load, store, update, delete. */
#include "buf.h"
#include "file.h"
#include "pattern.h"
#include "place.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static void cleanup_node(struct iscsi_node **n)
{
	iscsi_node_free(*n);
}
#define CLEANUP_NODE CLEANUP(cleanup_node)

/* Where the record is in the directories says what it is called, whatever its file says. */
static int name_node(struct iscsi_node *n, const struct iscsi_node_id *id)
{
	if (str_set(&n->target, id->target) < 0 || str_set(&n->address, id->address) < 0)
		return -ENOMEM;
	n->port = id->port;
	n->tpgt = id->tpgt;
	return id->iface ? str_set(&n->iface.name, id->iface) : 0;
}

/* text: where the file's is to be left, or NULL. */
static int load(struct iscsi_db *db, int nodes, const struct iscsi_node_id *id,
	const struct place *place, struct buf *text, struct iscsi_node **ret)
{
	char *CLEANUP_FREE name = str_printf("%s/nodes/%s", db->dir, place->file);
	struct iscsi_node *CLEANUP_NODE n = NULL;
	int r = name ? iscsi_node_new_default(&n) : -ENOMEM;

	if (r == 0)
		r = db_parse_file(db, nodes, place->file, name, &n->record,
			&(struct parse){.record = true, .text = text});
	if (r < 0)
		return r;
	if (r == 0)
		return db_fail(db, -EBADMSG, "%s has no settings", name);
	if (id->tpgt < 0 && !str_eq(n->iface.name, id->iface))
		return -ENOENT;
	r = name_node(n, id);
	if (r < 0)
		return r;
	*ret = STEAL_PTR(n);
	return 0;
}

int iscsi_db_load(struct iscsi_db *db, const struct iscsi_node_id *id, struct iscsi_node **ret)
{
	int CLEANUP_CLOSE nodes = -1;
	struct place place;
	int r;

	db_begin(db);
	r = place_of(db, id, &place);
	if (r < 0)
		return r;
	nodes = db_open_dir(db, "nodes", false);
	return nodes < 0 ? nodes : load(db, nodes, id, &place, NULL, ret);
}

int iscsi_node_new(struct iscsi_db *db, const struct iscsi_node_id *id, struct iscsi_node **ret)
{
	struct iscsi_node *CLEANUP_NODE n = NULL;
	struct place place;
	int r;

	db_begin(db);
	r = id ? place_of(db, id, &place) : 0;
	if (r == 0)
		r = iscsi_node_new_default(&n);
	if (r == 0)
		r = config_apply(db, &n->record);
	if (r == 0)
		r = id ? name_node(n, id) : str_set(&n->iface.name, "default");
	if (r == 0)
		r = str_set(&n->discovery_address, NULL);
	if (r < 0)
		return r;
	n->discovery_port = 0;
	n->discovery_type = DISCOVERY_STATIC;
	*ret = STEAL_PTR(n);
	return 0;
}

int iscsi_node_set_portal(
	struct iscsi_db *db, struct iscsi_node *n, const struct iscsi_node_id *id)
{
	struct iscsi_node_id whole = *id;
	struct place place;
	int r;

	db_begin(db);
	if (!whole.iface)
		whole.iface = n->iface.name;
	r = place_of(db, &whole, &place);
	return r < 0 ? r : name_node(n, id);
}

int old_style_iface(struct iscsi_db *db, int nodes, const struct place *place, char **ret)
{
	struct iscsi_node *CLEANUP_NODE n = NULL;
	int r = iscsi_node_new_default(&n);

	if (r == 0)
		r = db_parse_file(db, nodes, place->file, place->file, &n->record,
			&(struct parse){.only = SETTING_IFACE, .quiet = true});
	if (r < 0)
		return r;
	*ret = STEAL_PTR(n->iface.name);
	return *ret ? 0 : -ENOENT;
}

/*
 * The portal group tag that a record of this portal has where n's is not known: so that a portal
 * does not get two records, with and without.
 */
static int adopt_tpgt(int nodes, struct iscsi_node *n)
{
	struct names CLEANUP(names_free) names = {0};
	struct iscsi_portal p;
	int r = names_read(nodes, n->target, DT_DIR, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (place_parse(names.v[i], &p) && p.tpgt >= 0 && p.port == n->port &&
			str_eq(p.address, n->address)) {
			n->tpgt = p.tpgt;
			break;
		}
	return r == -ENOENT ? 0 : r;
}

/* Where the old style file of the same portal would be. */
static int old_style_place(struct iscsi_db *db, const struct iscsi_node *n, struct place *ret)
{
	struct iscsi_node_id id;

	iscsi_node_get_id(n, &id);
	id.tpgt = -1;
	return place_of(db, &id, ret);
}

int node_exists(struct iscsi_db *db, struct iscsi_node *n, bool *ret)
{
	int nodes = commit_dir(db, DB_NODES, false);
	struct iscsi_node_id id;
	struct place place;
	int r;

	*ret = false;
	if (nodes < 0)
		return nodes == -ENOENT ? 0 : nodes;
	r = old_style_place(db, n, &place);
	if (r < 0)
		return r;
	*ret = db_is_file(nodes, place.file);
	if (*ret)
		return 0;
	if (n->tpgt < 0)
		r = adopt_tpgt(nodes, n);
	iscsi_node_get_id(n, &id);
	if (r == 0)
		r = place_of(db, &id, &place);
	if (r == 0)
		*ret = db_is_file(nodes, place.file);
	return r;
}

/* Whether the old style file is there and of n's interface. */
static bool has_old_style(
	struct iscsi_db *db, int nodes, const struct iscsi_node *n, const struct place *old)
{
	char *CLEANUP_FREE iface = NULL;
	int r = db_is_file(nodes, old->file) ? old_style_iface(db, nodes, old, &iface) : -ENOENT;

	/* One that cannot be read is in the way of any. */
	return r == 0 ? str_eq(iface, n->iface.name) : r != -ENOENT;
}

/* 1 when it was not there. */
static int make_dir(int dir, const char *name)
{
	if (mkdirat(dir, name, 0700) == 0)
		return 1;
	return errno == EEXIST ? 0 : -errno;
}

#define NEW_TARGET 2
#define NEW_PORTAL 1

/* The directories of a record, through no link. NEW_TARGET, NEW_PORTAL: which was not there; 0. */
static int make_dirs(int nodes, const char *target, const struct place *place)
{
	int CLEANUP_CLOSE dir = -1;
	int r = make_dir(nodes, target), fresh = r > 0 ? NEW_TARGET : 0;

	if (r < 0 || str_eq(place->dir, target))
		return r < 0 ? r : fresh;
	dir = file_open_beneath(nodes, target, O_PATH | O_DIRECTORY, 0);
	if (dir < 0)
		return dir;
	r = make_dir(dir, place->portal);
	if (r > 0 && !fresh)
		fresh = NEW_PORTAL;
	return r < 0 ? r : fresh;
}

/* What was made for a record that could not be written. */
static void undo(struct iscsi_db *db, const struct iscsi_node_id *id, const struct place *place,
	const struct link_change *links)
{
	char *error = STEAL_PTR(db->error);

	/* Others of the target may be on their way to directories that are still empty. */
	if (commit_settle(db, NULL, id->target) == 0)
		commit_undo(db, DB_NODES, place->file, links);
	db_begin(db);
	db->error = error;
}

/* The text of the file, when there is one. */
static void read_stored(int nodes, const char *file, struct buf *ret)
{
	char *text;
	size_t len;

	if (file_read(nodes, file, RECORD_FILE_MAX, &text, &len) == 0)
		*ret = (struct buf){(uint8_t *)text, len, len};
}

/*
 * Writes n where its id says. fresh: there is no such file. old: the file of the old style that
 * is to go then, or NULL.
 */
static int write_file(struct iscsi_db *db, int nodes, struct iscsi_node *n,
	const struct place *place, bool fresh, const char *old)
{
	struct buf CLEANUP(buf_free) stored = {0};
	int r;

	if (!fresh && !old)
		read_stored(nodes, place->file, &stored);
	r = commit_write(
		db, DB_NODES, place->file, &n->record, fresh ? &commit_nothing : &stored);
	return r == 0 && old ? commit_then_remove(db, old) : r;
}

/* Makes its directories and its link, and writes n to place. */
static int write_all(struct iscsi_db *db, int nodes, struct iscsi_node *n,
	const struct place *place, struct link_change *links)
{
	struct place old;
	int fresh = make_dirs(nodes, n->target, place), r;
	bool has_old;

	if (fresh < 0)
		return db_fail(db, fresh, "cannot make %s/nodes/%s: %s", db->dir, place->dir,
			strerror(-fresh));
	r = old_style_place(db, n, &old);
	if (r == 0)
		r = links_set(db, n, links);
	if (r < 0)
		return r;
	has_old = fresh != NEW_TARGET && n->tpgt >= 0 && has_old_style(db, nodes, n, &old);
	return write_file(db, nodes, n, place, fresh, has_old ? old.file : NULL);
}

static int write_node(struct iscsi_db *db, struct iscsi_node *n)
{
	struct link_change CLEANUP(link_change_release) links = {0};
	struct iscsi_node_id id;
	struct place place;
	int nodes, r;

	iscsi_node_get_id(n, &id);
	r = place_of(db, &id, &place);
	if (r == 0)
		r = commit_settle(db, place.file, id.target);
	if (r < 0)
		return r;
	nodes = commit_dir(db, DB_NODES, true);
	r = nodes < 0 ? nodes : write_all(db, nodes, n, &place, &links);
	if (r == 0)
		return commit_then_links(db, place.file, &links);
	undo(db, &id, &place, &links);
	return r;
}

int node_store(struct iscsi_db *db, struct iscsi_node *n)
{
	int nodes = commit_dir(db, DB_NODES, true);
	struct place old;
	int r = old_style_place(db, n, &old);

	if (nodes < 0 || r < 0)
		return nodes < 0 ? nodes : r;
	if (n->tpgt < 0 && !has_old_style(db, nodes, n, &old))
		r = adopt_tpgt(nodes, n);
	return r < 0 ? r : write_node(db, n);
}

static int store_locked(struct iscsi_db *db, struct iscsi_node *n,
	int (*store)(struct iscsi_db *db, struct iscsi_node *n))
{
	struct iscsi_node_id id;
	struct place place;
	int r;

	db_begin(db);
	iscsi_node_get_id(n, &id);
	r = place_of(db, &id, &place);
	if (r < 0)
		return r;
	r = commit_begin(db, id.target);
	return commit_end(db, r < 0 ? r : store(db, n));
}

int iscsi_db_store(struct iscsi_db *db, struct iscsi_node *n)
{
	return store_locked(db, n, node_store);
}

/* Asks no name server: the target is locked. */
static int refuse_same_portal(void *data, const struct iscsi_node_id *id)
{
	const struct iscsi_node *n = data;

	return address_equal(n->address, id->address) ? -EEXIST : 0;
}

static int store_first(struct iscsi_db *db, struct iscsi_node *n)
{
	const struct iscsi_node_match same = {
		.target = n->target, .port = n->port, .iface = n->iface.name};
	int r = commit_settle(db, NULL, n->target);

	if (r == 0)
		r = iscsi_db_each(db, &same, refuse_same_portal, n);
	return r < 0 ? r : node_store(db, n);
}

int iscsi_db_add(struct iscsi_db *db, struct iscsi_node *n)
{
	return store_locked(db, n, store_first);
}

static int remove_file(struct iscsi_db *db, int nodes, const char *file)
{
	int r;

	if (unlinkat(nodes, file, 0) == 0)
		return 0;
	r = errno == ENOTDIR || errno == EISDIR ? -ENOENT : -errno;
	return r == -ENOENT ? r
			    : db_fail(db, r, "cannot remove %s/nodes/%s: %s", db->dir, file,
				      strerror(-r));
}

int node_delete(struct iscsi_db *db, const struct iscsi_node_id *id)
{
	char *CLEANUP_FREE iface = NULL;
	struct place place;
	int nodes, links = 0, r = place_of(db, id, &place);

	/* Its directory is to be empty only when there is nothing to come into it. */
	if (r == 0)
		r = commit_settle(db, NULL, id->target);
	if (r < 0)
		return r;
	nodes = commit_dir(db, DB_NODES, false);
	r = nodes < 0 ? nodes : 0;
	if (r == 0 && id->tpgt < 0) {
		r = old_style_iface(db, nodes, &place, &iface);
		if (r == 0 && !str_eq(iface, id->iface))
			return -ENOENT;
	}
	if (r == 0)
		r = links_load(db);
	if (r == 0)
		r = remove_file(db, nodes, place.file);
	/* Also for a record that is not there: what an earlier deletion did not get to. */
	if (r == 0 || r == -ENOENT)
		links = links_remove(db, id);
	if (r == 0)
		commit_remove_dirs(db, DB_NODES, place.file);
	return links < 0 ? links : r;
}

int iscsi_db_delete(struct iscsi_db *db, const struct iscsi_node_id *id)
{
	struct place place;
	int r;

	db_begin(db);
	r = place_of(db, id, &place);
	if (r < 0)
		return r;
	r = commit_begin(db, id->target);
	return commit_end(db, r < 0 ? r : node_delete(db, id));
}

/* Names of keys that are not in the table but in old habits. */
static const char *real_key(const char *key)
{
	return str_eq(key, "node.transport_name") ? "iface.transport_name" : key;
}

static enum iscsi_update_result check_key(const char *key)
{
	const struct setting *s = settings_find(&node_settings, real_key(key));

	if (!s)
		return ISCSI_UPDATE_UNKNOWN_KEY;
	if (s->flags & SETTING_IFACE)
		return str_eq(s->key, "iface.transport_name") ? ISCSI_UPDATE_OK
							      : ISCSI_UPDATE_IFACE_KEY;
	return s->flags & SETTING_FIXED ? ISCSI_UPDATE_FIXED_KEY : ISCSI_UPDATE_OK;
}

static int change(
	struct iscsi_node *n, const struct iscsi_setting *settings, size_t n_settings, size_t *bad)
{
	for (size_t i = 0; i < n_settings; i++)
		switch (iscsi_node_set(n, real_key(settings[i].key), settings[i].value)) {
		case ISCSI_SET_OK:
			break;
		case ISCSI_SET_NO_MEMORY:
			return -ENOMEM;
		case ISCSI_SET_UNKNOWN:
		case ISCSI_SET_BAD_VALUE:
			*bad = i;
			return ISCSI_UPDATE_BAD_VALUE;
		}
	return 0;
}

#define PATTERNS_TRIED 8

/* In a group, which has others of the kind; not where no record is like the one before. */
static void learn(struct iscsi_db *db, const struct iscsi_setting *settings, size_t n_settings,
	const struct buf *text, struct iscsi_node *n)
{
	if (!db->commit.depth || (db->patterns >= PATTERNS_TRIED && db->fits < db->patterns))
		return;
	db->patterns++;
	pattern_learn(&db->pattern, settings, n_settings, text, n);
}

/* 1 when there is no pattern that fits. */
static int update_by_pattern(struct iscsi_db *db, int nodes, const struct iscsi_node_id *id,
	const struct place *place, const struct iscsi_setting *settings, size_t n_settings)
{
	struct buf CLEANUP(buf_free) text = {0}, CLEANUP(buf_free) changed = {0};

	if (!db->pattern || id->tpgt < 0)
		return 1;
	read_stored(nodes, place->file, &text);
	if (!text.len || !pattern_apply(db->pattern, settings, n_settings, id, &text, &changed))
		return 1;
	db->fits++;
	return commit_write_text(db, DB_NODES, place->file, &changed, &text);
}

static int update(struct iscsi_db *db, const struct iscsi_node_id *id, const struct place *place,
	const struct iscsi_setting *settings, size_t n_settings, size_t *bad)
{
	struct iscsi_node *CLEANUP_NODE n = NULL;
	struct buf CLEANUP(buf_free) text = {0};
	int nodes, r = commit_settle(db, place->file, id->target);

	if (r < 0)
		return r;
	nodes = commit_dir(db, DB_NODES, false);
	r = nodes < 0 ? nodes : update_by_pattern(db, nodes, id, place, settings, n_settings);
	if (r <= 0)
		return r;
	r = load(db, nodes, id, place, &text, &n);
	if (r == 0)
		r = change(n, settings, n_settings, bad);
	if (r)
		return r;
	learn(db, settings, n_settings, &text, n);
	return commit_write(db, DB_NODES, place->file, &n->record, &text);
}

int iscsi_db_update(struct iscsi_db *db, const struct iscsi_node_id *id,
	const struct iscsi_setting *settings, size_t n_settings, size_t *ret_bad)
{
	struct place place;
	int r;

	db_begin(db);
	for (size_t i = 0; i < n_settings; i++) {
		r = check_key(settings[i].key);
		if (r) {
			*ret_bad = i;
			return r;
		}
	}
	r = place_of(db, id, &place);
	if (r < 0)
		return r;
	r = commit_begin(db, id->target);
	return commit_end(db, r < 0 ? r : update(db, id, &place, settings, n_settings, ret_bad));
}
