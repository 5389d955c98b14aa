/* SPDX-License-Identifier: MIT */
/*
 * Discovery records: send_targets/ADDRESS,PORT/st_config, isns/ADDRESS,PORT/isns_config, or (old
 * style) send_targets/ADDRESS,PORT
 */
#include "file.h"
#include "place.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

/* By type of source. */
static const struct kind {
	const struct settings *settings; /* NULL: there are no records of such sources */
	const char *file;
} kinds[] = {
	[ISCSI_SOURCE_SENDTARGETS] = {&discovery_settings, "st_config"},
	[ISCSI_SOURCE_ISNS] = {&isns_settings, "isns_config"},
	[ISCSI_SOURCE_STATIC] = {NULL, NULL},
	[ISCSI_SOURCE_FW] = {NULL, NULL},
};

static int check(struct iscsi_db *db, const struct iscsi_source *s)
{
	const char *fault = s->address ? iscsi_address_fault(s->address) : "is missing";

	if (!kinds[s->type].settings)
		return db_fail(db, -EINVAL, "sources of this type have no record");
	if (fault || *s->address == '.')
		return db_fail(db, -EINVAL, "the address of the discovery record %s",
			fault ? fault : "begins with a dot");
	if (s->port < 1 || s->port > 65535)
		return db_fail(db, -EINVAL, "a discovery record cannot have port %d", s->port);
	return 0;
}

static char *dir_name(const struct iscsi_source *s)
{
	return str_printf("%s,%d", s->address, s->port);
}

static int new_default(enum iscsi_source_type type, struct iscsi_discovery **ret)
{
	struct iscsi_discovery *d = calloc(1, sizeof(*d));

	if (!d || record_init(&d->record, kinds[type].settings) < 0) {
		iscsi_discovery_free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

/* Gives d its name and hands it out, or frees it. */
static int finish(struct iscsi_discovery *d, int r, const struct iscsi_source *source,
	struct iscsi_discovery **ret)
{
	if (r >= 0)
		r = str_set(&d->address, source->address);
	if (r < 0) {
		iscsi_discovery_free(d);
		return r;
	}
	d->port = source->port;
	d->type = source_discovery_type(source->type);
	*ret = d;
	return 0;
}

int iscsi_discovery_new(
	struct iscsi_db *db, const struct iscsi_source *source, struct iscsi_discovery **ret)
{
	struct iscsi_discovery *d = NULL;
	int r;

	db_begin(db);
	r = check(db, source);
	if (r == 0)
		r = new_default(source->type, &d);
	if (r == 0)
		r = config_apply(db, &d->record);
	return finish(d, r, source, ret);
}

static int read_record(
	struct iscsi_db *db, const struct iscsi_source *s, int dir, struct iscsi_discovery *d)
{
	char *CLEANUP_FREE name = dir_name(s);
	char *CLEANUP_FREE file = name ? str_printf("%s/%s", name, kinds[s->type].file) : NULL;
	char *CLEANUP_FREE path =
		name ? str_printf("%s/%s/%s", db->dir, source_dir_name(s->type), name) : NULL;
	const struct parse how = {.record = true};
	int r;

	if (!file || !path)
		return -ENOMEM;
	r = db_parse_file(db, dir, file, path, &d->record, &how);
	if (r == -ENOENT)
		r = db_parse_file(db, dir, name, path, &d->record, &how);
	if (r == 0)
		return db_fail(db, -EBADMSG, "%s has no settings", path);
	return r < 0 ? r : 0;
}

int iscsi_discovery_load(
	struct iscsi_db *db, const struct iscsi_source *source, struct iscsi_discovery **ret)
{
	struct iscsi_discovery *d = NULL;
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	r = check(db, source);
	if (r < 0)
		return r;
	dir = db_open_dir(db, source_dir_name(source->type), false);
	if (dir < 0)
		return dir;
	r = new_default(source->type, &d);
	if (r == 0)
		r = read_record(db, source, dir, d);
	return finish(d, r, source, ret);
}

void iscsi_discovery_get_source(const struct iscsi_discovery *d, struct iscsi_source *ret)
{
	*ret = (struct iscsi_source){
		.type = d->type == DISCOVERY_ISNS ? ISCSI_SOURCE_ISNS : ISCSI_SOURCE_SENDTARGETS,
		.address = d->address,
		.port = d->port,
	};
}

void iscsi_discovery_free(struct iscsi_discovery *d)
{
	if (d)
		record_release(&d->record);
	free(d);
}

const char *iscsi_discovery_get(struct iscsi_discovery *d, const char *key)
{
	return record_get(&d->record, key);
}

enum iscsi_set_result iscsi_discovery_set(
	struct iscsi_discovery *d, const char *key, const char *value)
{
	return record_set(&d->record, key, value);
}

int iscsi_discovery_each(struct iscsi_discovery *d,
	int (*each)(void *data, const char *key, const char *value, bool secret), void *data)
{
	return record_each(&d->record, each, data);
}

static int write_record(
	struct iscsi_db *db, const struct iscsi_source *s, int dir, struct iscsi_discovery *d)
{
	char *CLEANUP_FREE name = dir_name(s);
	char *CLEANUP_FREE file = name ? str_printf("%s/%s", name, kinds[s->type].file) : NULL;
	struct stat st;
	int r;

	if (!file)
		return -ENOMEM;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		unlinkat(dir, name, 0); /* old style: the directory takes its place */
	r = file_make_dirs(dir, name, 1);
	if (r < 0)
		return db_fail(db, r, "cannot make %s/%s/%s: %s", db->dir, source_dir_name(s->type),
			name, strerror(-r));
	return db_write_file(db, dir, file, &d->record);
}

int iscsi_discovery_store(struct iscsi_db *db, struct iscsi_discovery *d)
{
	struct db_lock CLEANUP_LOCK lock = DB_LOCK_NONE;
	struct iscsi_source source;
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	iscsi_discovery_get_source(d, &source);
	r = check(db, &source);
	if (r == 0)
		r = db_lock(db, &lock);
	if (r < 0)
		return r;
	dir = db_open_dir(db, source_dir_name(source.type), true);
	return dir < 0 ? dir : write_record(db, &source, dir, d);
}

static enum iscsi_update_result change(
	struct iscsi_discovery *d, const struct iscsi_setting *settings, size_t n, size_t *bad)
{
	for (*bad = 0; *bad < n; ++*bad) {
		const struct setting *s = settings_find(d->record.settings, settings[*bad].key);

		if (!s)
			return ISCSI_UPDATE_UNKNOWN_KEY;
		if (s->flags & SETTING_FIXED)
			return ISCSI_UPDATE_FIXED_KEY;
		if (record_set(&d->record, s->key, settings[*bad].value) != ISCSI_SET_OK)
			return ISCSI_UPDATE_BAD_VALUE;
	}
	return ISCSI_UPDATE_OK;
}

int iscsi_discovery_update(struct iscsi_db *db, const struct iscsi_source *source,
	const struct iscsi_setting *settings, size_t n, size_t *ret_bad)
{
	struct db_lock CLEANUP_LOCK lock = DB_LOCK_NONE;
	struct iscsi_discovery *d = NULL;
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	r = check(db, source);
	if (r == 0)
		r = db_lock(db, &lock);
	if (r == 0)
		r = iscsi_discovery_load(db, source, &d);
	if (r < 0)
		return r;
	r = (int)change(d, settings, n, ret_bad);
	if (!r) {
		dir = db_open_dir(db, source_dir_name(source->type), false);
		r = dir < 0 ? dir : write_record(db, source, dir, d);
	}
	iscsi_discovery_free(d);
	return r;
}

/* Records that were found there go with it, used or not. */
static int delete_linked(void *data, const struct iscsi_node_id *id)
{
	int r = iscsi_db_delete(data, id);

	return r == -ENOENT || r == -EINVAL ? 0 : r;
}

static int delete_source(int dir, const char *name, const char *file)
{
	char *CLEANUP_FREE path = str_printf("%s/%s", name, file);

	if (!path)
		return -ENOMEM;
	/* Old style: the name is that of the file itself. */
	if (unlinkat(dir, path, 0) < 0 && unlinkat(dir, name, 0) < 0)
		return -errno;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int iscsi_discovery_delete(struct iscsi_db *db, const struct iscsi_source *source)
{
	const char *kind = source_dir_name(source->type);
	struct db_lock CLEANUP_LOCK lock = DB_LOCK_NONE;
	char *CLEANUP_FREE name = NULL;
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	r = check(db, source);
	if (r == 0)
		r = iscsi_db_each_found(db, source, delete_linked, db);
	if (r < 0)
		return r;
	name = dir_name(source);
	if (!name)
		return -ENOMEM;
	r = db_lock(db, &lock);
	if (r < 0)
		return r;
	dir = db_open_dir(db, kind, false);
	r = dir < 0 ? dir : delete_source(dir, name, kinds[source->type].file);
	return r < 0 ? db_fail(db, r, "cannot delete %s/%s/%s: %s", db->dir, kind, name,
			       strerror(-r))
		     : 0;
}
