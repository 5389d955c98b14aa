/* SPDX-License-Identifier: MIT */
/* Interface records: through which device, as which initiator, over which transport. */
#include "db.h"
#include "file.h"
#include "name.h"
#include "place.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Those without a file, by name and transport. */
static const struct builtin {
	const char *name, *transport;
} builtins[] = {
	{"default", "tcp"},
	{"iser", "iser"},
};

static const struct builtin *find_builtin(const char *name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (str_eq(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

/* Over the built-in settings. keep: unknown lines too, to be written back. */
static int read_iface(
	struct iscsi_db *db, int dir, const char *name, bool keep, struct iscsi_node *n)
{
	char *CLEANUP_FREE path = str_printf("%s/ifaces/%s", db->dir, name);
	int r = path ? record_reset(&n->record, SETTING_IFACE) : -ENOMEM;

	if (r == 0)
		r = db_parse_file(db, dir, name, path, &n->record,
			&(struct parse){.record = keep, .only = SETTING_IFACE});
	if (r == 0)
		return db_fail(db, -EBADMSG, "%s has no settings", path);
	return r < 0 ? r : str_set(&n->iface.name, name);
}

/* The built-in ones add to what iscsid.conf says of every interface, a stored one replaces it. */
int iscsi_db_apply_iface(struct iscsi_db *db, struct iscsi_node *n, const char *name)
{
	const struct builtin *builtin = find_builtin(name);
	const char *fault = iscsi_ifacename_fault(name);
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	if (fault || *name == '.')
		return db_fail(
			db, -EINVAL, "the interface name %s", fault ? fault : "begins with a dot");
	if (builtin) {
		r = str_set(&n->iface.name, builtin->name);
		return r < 0 ? r : str_set(&n->iface.transport_name, builtin->transport);
	}
	dir = db_open_dir(db, "ifaces", false);
	return dir < 0 ? dir : read_iface(db, dir, name, false, n);
}

/* What open-iscsi installs there for reading only. */
static bool is_example(const char *name)
{
	return str_eq(name, "iface.example");
}

static bool is_listed(const char *name)
{
	return !find_builtin(name) && !is_example(name) && !iscsi_ifacename_fault(name);
}

/* ---- interface records ---- */

struct iscsi_iface {
	struct iscsi_node node; /* of which the settings of the interface count */
};

bool iscsi_iface_is_builtin(const char *name)
{
	return find_builtin(name);
}

int iscsi_iface_new(const char *name, struct iscsi_iface **ret)
{
	struct iscsi_iface *f = calloc(1, sizeof(*f));
	int r = f ? record_init(&f->node.record, &iface_settings) : -ENOMEM;

	if (r == 0)
		r = str_set(&f->node.iface.name, name);
	if (r < 0) {
		iscsi_iface_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

static int check_stored(struct iscsi_db *db, const char *name)
{
	const char *fault = iscsi_ifacename_fault(name);

	if (fault || *name == '.')
		return db_fail(
			db, -EINVAL, "the interface name %s", fault ? fault : "begins with a dot");
	return is_listed(name) ? 0 : db_fail(db, -EINVAL, "interface %s is not stored", name);
}

int iscsi_iface_load(struct iscsi_db *db, const char *name, struct iscsi_iface **ret)
{
	int CLEANUP_CLOSE dir = -1;
	struct iscsi_iface *f;
	int r = iscsi_iface_new(name, &f);

	if (r < 0)
		return r;
	if (find_builtin(name))
		r = iscsi_db_apply_iface(db, &f->node, name);
	else if (is_example(name))
		r = -ENOENT;
	else
		r = check_stored(db, name);
	if (r == 0 && !find_builtin(name)) {
		dir = db_open_dir(db, "ifaces", false);
		r = dir < 0 ? dir : read_iface(db, dir, name, true, &f->node);
	}
	if (r < 0) {
		iscsi_iface_free(f);
		return r;
	}
	*ret = f;
	return 0;
}

void iscsi_iface_free(struct iscsi_iface *f)
{
	if (f)
		record_release(&f->node.record);
	free(f);
}

const char *iscsi_iface_get(struct iscsi_iface *f, const char *key)
{
	return record_get(&f->node.record, key);
}

int iscsi_iface_each(struct iscsi_iface *f,
	int (*each)(void *data, const char *key, const char *value, bool secret), void *data)
{
	return record_each(&f->node.record, each, data);
}

/* Interface records are locked as what no target or discovery source is called. */
static int lock_iface(struct iscsi_db *db, const char *name)
{
	char *CLEANUP_FREE lock = str_printf("iface/%s", name);

	return lock ? commit_begin(db, lock) : -ENOMEM;
}

static int write_iface(struct iscsi_db *db, struct iscsi_iface *f)
{
	int dir = commit_dir(db, DB_IFACES, true);

	return dir < 0 ? dir : commit_write(db, DB_IFACES, f->node.iface.name, &f->node.record, NULL);
}

static int add_iface(struct iscsi_db *db, struct iscsi_iface *f)
{
	struct iscsi_iface *there;

	if (iscsi_iface_load(db, f->node.iface.name, &there) < 0)
		return write_iface(db, f);
	iscsi_iface_free(there);
	return -EEXIST;
}

static int write_locked(struct iscsi_db *db, struct iscsi_iface *f,
	int (*write)(struct iscsi_db *db, struct iscsi_iface *f))
{
	const char *name = f->node.iface.name;
	int r;

	db_begin(db);
	r = check_stored(db, name);
	if (r < 0)
		return r;
	r = lock_iface(db, name);
	return commit_end(db, r < 0 ? r : write(db, f));
}

int iscsi_iface_store(struct iscsi_db *db, struct iscsi_iface *f)
{
	return write_locked(db, f, write_iface);
}

int iscsi_iface_add(struct iscsi_db *db, struct iscsi_iface *f)
{
	return write_locked(db, f, add_iface);
}

/* What a file has of both stays; nobody sets one beside the other. */
static bool binds_twice(const struct iface_settings *i, const struct setting *s, const char *value)
{
	return i->hwaddress && i->net_ifacename && *value &&
	       (str_eq(s->key, "iface.hwaddress") || str_eq(s->key, "iface.net_ifacename"));
}

static enum iscsi_update_result change(
	struct iscsi_iface *f, const struct iscsi_setting *settings, size_t n, size_t *bad)
{
	for (*bad = 0; *bad < n; ++*bad) {
		const struct setting *s = settings_find(&iface_settings, settings[*bad].key);

		if (!s || !record_get(&f->node.record, s->key))
			return ISCSI_UPDATE_UNKNOWN_KEY;
		if (s->flags & SETTING_FIXED)
			return ISCSI_UPDATE_FIXED_KEY;
		if (record_set(&f->node.record, s->key, settings[*bad].value) != ISCSI_SET_OK)
			return ISCSI_UPDATE_BAD_VALUE;
		if (binds_twice(&f->node.iface, s, settings[*bad].value))
			return ISCSI_UPDATE_BINDING;
	}
	return ISCSI_UPDATE_OK;
}

static int update(struct iscsi_db *db, const char *name, const struct iscsi_setting *settings,
	size_t n, size_t *ret_bad)
{
	struct iscsi_iface *f = NULL;
	int r = iscsi_iface_load(db, name, &f);

	if (r == 0)
		r = (int)change(f, settings, n, ret_bad);
	if (r == 0)
		r = write_iface(db, f);
	iscsi_iface_free(f);
	return r;
}

/* The records of an interface; the first that could not be changed keeps no other from it. */
struct rebinding {
	struct iscsi_db *db;
	int r;
	char *error;
};

static void note_error(struct rebinding *b, int r)
{
	if (r == 0 || r == -ENOENT || b->r)
		return;
	b->r = r;
	b->error = STEAL_PTR(b->db->error);
}

/* A node record takes over what its interface says now. */
static int rebind(void *data, const struct iscsi_node_id *id)
{
	struct rebinding *b = data;
	struct iscsi_db *db = b->db;
	struct iscsi_node *n = NULL;
	int r = commit_begin(db, id->target);

	if (r == 0)
		r = commit_settle(db, NULL, id->target);
	if (r == 0)
		r = iscsi_db_load(db, id, &n);
	if (r == 0)
		r = iscsi_db_apply_iface(db, n, id->iface);
	if (r == 0)
		r = node_store(db, n);
	note_error(b, commit_end(db, r));
	iscsi_node_free(n);
	return 0;
}

static int rebind_all(struct iscsi_db *db, const char *name)
{
	const struct iscsi_node_match bound = {.port = -1, .iface = name};
	struct rebinding b = {.db = db};

	iscsi_db_group_begin(db);
	note_error(&b, iscsi_db_each(db, &bound, rebind, &b));
	db_begin(db);
	db->error = b.error;
	return group_end(db, b.r);
}

int iscsi_iface_update(struct iscsi_db *db, const char *name, const struct iscsi_setting *settings,
	size_t n, size_t *ret_bad)
{
	int r;

	db_begin(db);
	r = check_stored(db, name);
	if (r < 0)
		return r;
	r = lock_iface(db, name);
	r = commit_end(db, r < 0 ? r : update(db, name, settings, n, ret_bad));
	return r ? r : rebind_all(db, name);
}

static int delete(struct iscsi_db *db, const char *name)
{
	int dir = commit_dir(db, DB_IFACES, false);

	if (dir < 0)
		return dir;
	if (unlinkat(dir, name, 0) == 0)
		return 0;
	if (errno == ENOENT)
		return -ENOENT;
	return db_fail(db, -errno, "cannot remove %s/ifaces/%s: %s", db->dir, name, strerror(errno));
}

int iscsi_iface_delete(struct iscsi_db *db, const char *name)
{
	int r;

	db_begin(db);
	r = check_stored(db, name);
	if (r < 0)
		return r;
	r = lock_iface(db, name);
	return commit_end(db, r < 0 ? r : delete(db, name));
}

int iscsi_db_each_iface(
	struct iscsi_db *db, int (*each)(void *data, struct iscsi_iface *f), void *data)
{
	struct names CLEANUP(names_free) names = {0};
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	dir = db_open_dir(db, "ifaces", false);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = names_read(dir, ".", DT_REG, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct iscsi_iface *f = NULL;
		int bad = is_listed(names.v[i]) ? iscsi_iface_load(db, names.v[i], &f) : -ENOENT;

		if (bad == -ENOMEM)
			r = bad;
		else if (bad && bad != -ENOENT)
			db_warn(db, "interface %s is left out: %s", names.v[i], iscsi_db_error(db));
		else if (!bad)
			r = each(data, f);
		iscsi_iface_free(f);
	}
	return r;
}
