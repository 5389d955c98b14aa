/* SPDX-License-Identifier: MIT */
/*
 * Discovery records: send_targets/ADDRESS,PORT/st_config, isns/ADDRESS,PORT/isns_config, or (old
 * style) send_targets/ADDRESS,PORT
 */
#include "file.h"
#include "place.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_TRIES 4 /* as a directory, as a file */

/* By type of source. */
static const struct kind {
	const struct settings *settings; /* NULL: there are no records of such sources */
	const char *file;
	enum db_dir dir;
} kinds[] = {
	[ISCSI_SOURCE_SENDTARGETS] = {&discovery_settings, "st_config", DB_SEND_TARGETS},
	[ISCSI_SOURCE_ISNS] = {&isns_settings, "isns_config", DB_ISNS},
	[ISCSI_SOURCE_STATIC] = {NULL, NULL, N_DB_DIRS},
	[ISCSI_SOURCE_FW] = {NULL, NULL, N_DB_DIRS},
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
	int r = -ENOENT;

	if (!file || !path)
		return -ENOMEM;
	/* A directory may take the file's place meanwhile; what is moved away is then no longer
	 * beneath. */
	for (int i = 0; (r == -ENOENT || r == -EXDEV) && i < READ_TRIES; i++)
		r = db_parse_file(db, dir, i % 2 ? name : file, path, &d->record, &how);
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

/* Some file systems cannot, and none can with a directory that another one is mounted on. */
static bool cannot_swap(int r)
{
	return r == -EINVAL || r == -ENOSYS || r == -EXDEV;
}

/*
 * name: of the record's directory, and what it is locked as. The text is written first: where it cannot
 * be, what was there stays and no directory is left that has no record.
 */
static int write_record(
	struct iscsi_db *db, const struct kind *kind, const char *name, struct iscsi_discovery *d)
{
	char *CLEANUP_FREE file = str_printf("%s/%s", name, kind->file);
	int dir = commit_dir(db, kind->dir, true);
	int r;

	if (!file)
		return -ENOMEM;
	if (dir < 0)
		return dir;
	if (db_is_file(dir, name)) { /* old style */
		r = commit_swap(db, kind->dir, name, kind->file, &d->record);
		if (!cannot_swap(r))
			return r;
		db_begin(db);
		unlinkat(dir, name, 0);
	}
	r = commit_write(db, kind->dir, file, &d->record, NULL);
	if (r < 0)
		return r;
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return db_fail(db, -errno, "cannot make the directory of discovery record %s: %s",
			name, strerror(errno));
	return 0;
}

static int write_first(
	struct iscsi_db *db, const struct kind *kind, const char *name, struct iscsi_discovery *d)
{
	struct iscsi_discovery *there;
	struct iscsi_source source;

	iscsi_discovery_get_source(d, &source);
	if (iscsi_discovery_load(db, &source, &there) < 0)
		return write_record(db, kind, name, d);
	iscsi_discovery_free(there);
	return -EEXIST;
}

static int write_locked(struct iscsi_db *db, struct iscsi_discovery *d,
	int (*write)(struct iscsi_db *db, const struct kind *kind, const char *name,
		struct iscsi_discovery *d))
{
	char *CLEANUP_FREE name = NULL;
	struct iscsi_source source;
	int r;

	db_begin(db);
	iscsi_discovery_get_source(d, &source);
	r = check(db, &source);
	if (r < 0)
		return r;
	name = dir_name(&source);
	if (!name)
		return -ENOMEM;
	r = commit_begin(db, name);
	return commit_end(db, r < 0 ? r : write(db, &kinds[source.type], name, d));
}

int iscsi_discovery_store(struct iscsi_db *db, struct iscsi_discovery *d)
{
	return write_locked(db, d, write_record);
}

int iscsi_discovery_add(struct iscsi_db *db, struct iscsi_discovery *d)
{
	return write_locked(db, d, write_first);
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

static int update(struct iscsi_db *db, const struct iscsi_source *source, const char *name,
	const struct iscsi_setting *settings, size_t n, size_t *ret_bad)
{
	const struct kind *kind = &kinds[source->type];
	struct iscsi_discovery *d = NULL;
	int r = commit_settle(db, NULL, name);

	if (r == 0)
		r = iscsi_discovery_load(db, source, &d);
	if (r == 0)
		r = (int)change(d, settings, n, ret_bad);
	if (r == 0)
		r = write_record(db, kind, name, d);
	iscsi_discovery_free(d);
	return r;
}

int iscsi_discovery_update(struct iscsi_db *db, const struct iscsi_source *source,
	const struct iscsi_setting *settings, size_t n, size_t *ret_bad)
{
	char *CLEANUP_FREE name = NULL;
	int r;

	db_begin(db);
	r = check(db, source);
	if (r < 0)
		return r;
	name = dir_name(source);
	if (!name)
		return -ENOMEM;
	r = commit_begin(db, name);
	return commit_end(db, r < 0 ? r : update(db, source, name, settings, n, ret_bad));
}

/* Records that were found there go with it, used or not. */
static int delete_linked(void *data, const struct iscsi_node_id *id)
{
	int r = iscsi_db_delete(data, id);

	return r == -ENOENT || r == -EINVAL ? 0 : r;
}

static int unlink_link(void *data, const char *name)
{
	int dir = *(const int *)data;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		unlinkat(dir, name, 0);
	return 0;
}

/* Of names that are no record's: nobody else would. */
static void unlink_all_links(int dir, const char *name)
{
	int CLEANUP_CLOSE fd = file_open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0);

	if (fd >= 0)
		file_each_name(fd, DT_LNK, unlink_link, &fd);
}

static int delete_record(struct iscsi_db *db, const struct kind *kind, const char *name)
{
	char *CLEANUP_FREE path = str_printf("%s/%s", name, kind->file);
	int dir = commit_dir(db, kind->dir, false);

	if (!path)
		return -ENOMEM;
	if (dir < 0)
		return dir;
	/* Old style: the name is that of the file itself. */
	if (unlinkat(dir, path, 0) < 0 && unlinkat(dir, name, 0) < 0)
		return -errno;
	unlink_all_links(dir, name);
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

/* What is linked from it goes first: killed in between, it can be done again. */
static int delete_all_found(struct iscsi_db *db, const struct iscsi_source *source)
{
	iscsi_db_group_begin(db);
	return group_end(db, iscsi_db_each_found(db, source, delete_linked, db));
}

int iscsi_discovery_delete(struct iscsi_db *db, const struct iscsi_source *source)
{
	char *CLEANUP_FREE name = NULL;
	int r;

	db_begin(db);
	r = check(db, source);
	if (r == 0)
		r = delete_all_found(db, source);
	if (r < 0)
		return r;
	name = dir_name(source);
	if (!name)
		return -ENOMEM;
	r = commit_begin(db, name);
	if (r == 0) {
		r = delete_record(db, &kinds[source->type], name);
		if (r < 0)
			db_fail(db, r, "cannot delete %s/%s/%s: %s", db->dir,
				source_dir_name(source->type), name, strerror(-r));
	}
	return commit_end(db, r);
}

/* Of either style, in the directory that fd is of. */
static bool has_record(enum iscsi_source_type type, int fd, const char *name)
{
	char path[NAME_MAX + 16];

	if (db_is_file(fd, name))
		return true;
	snprintf(path, sizeof(path), "%s/%s", name, kinds[type].file);
	return db_is_file(fd, path);
}

int iscsi_db_each_source(struct iscsi_db *db, enum iscsi_source_type type,
	int (*each)(void *data, const struct iscsi_source *source), void *data)
{
	struct names CLEANUP(names_free) names = {0};
	int CLEANUP_CLOSE fd = -1;
	int r;

	db_begin(db);
	if (!kinds[type].settings)
		return 0;
	fd = db_open_dir(db, source_dir_name(type), false);
	r = fd < 0 ? fd : names_read(fd, ".", DT_UNKNOWN, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct iscsi_portal p;

		if (!place_parse(names.v[i], &p) || p.tpgt >= 0)
			continue;
		if (has_record(type, fd, names.v[i]))
			r = each(data, &(struct iscsi_source){type, p.address, p.port});
		else
			db_warn(db, "Could not read discovery record for %s:%d.", p.address,
				p.port);
	}
	return r == -ENOENT ? 0 : r;
}
