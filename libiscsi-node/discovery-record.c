/* SPDX-License-Identifier: MIT */
/* Discovery records: send_targets/ADDRESS,PORT/st_config, or (old style) send_targets/ADDRESS,PORT
 */
#include "file.h"
#include "place.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static int check(struct iscsi_db *db, const char *address, int port)
{
	const char *fault = address ? iscsi_address_fault(address) : "is missing";

	if (fault || *address == '.')
		return db_fail(db, -EINVAL, "the address of the discovery record %s",
			fault ? fault : "begins with a dot");
	if (port < 1 || port > 65535)
		return db_fail(db, -EINVAL, "a discovery record cannot have port %d", port);
	return 0;
}

static int new_default(struct iscsi_discovery **ret)
{
	struct iscsi_discovery *d = calloc(1, sizeof(*d));

	if (!d || record_init(&d->record, &discovery_settings) < 0) {
		iscsi_discovery_free(d);
		return -ENOMEM;
	}
	*ret = d;
	return 0;
}

/* Gives d its name and hands it out, or frees it. */
static int finish(struct iscsi_discovery *d, int r, const char *address, int port,
	struct iscsi_discovery **ret)
{
	if (r >= 0)
		r = str_set(&d->address, address);
	if (r < 0) {
		iscsi_discovery_free(d);
		return r;
	}
	d->port = port;
	d->type = DISCOVERY_SEND_TARGETS;
	*ret = d;
	return 0;
}

int iscsi_discovery_new(
	struct iscsi_db *db, const char *address, int port, struct iscsi_discovery **ret)
{
	struct iscsi_discovery *d = NULL;
	int r;

	db_begin(db);
	r = check(db, address, port);
	if (r == 0)
		r = new_default(&d);
	if (r == 0)
		r = config_apply(db, &d->record);
	return finish(d, r, address, port, ret);
}

static int read_record(struct iscsi_db *db, struct iscsi_discovery *d, int dir, const char *name)
{
	char *CLEANUP_FREE file = str_printf("%s/st_config", name);
	char *CLEANUP_FREE path = str_printf("%s/send_targets/%s", db->dir, name);
	const struct parse how = {.record = true};
	int r;

	if (!file || !path)
		return -ENOMEM;
	r = db_parse_file(db, dir, file, path, &d->record, &how);
	if (r == -ENOENT)
		r = db_parse_file(db, dir, name, path, &d->record, &how);
	return r ? r : db_fail(db, -EBADMSG, "%s has no settings", path);
}

int iscsi_discovery_load(
	struct iscsi_db *db, const char *address, int port, struct iscsi_discovery **ret)
{
	char *CLEANUP_FREE name = NULL;
	struct iscsi_discovery *d = NULL;
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	r = check(db, address, port);
	if (r < 0)
		return r;
	name = str_printf("%s,%d", address, port);
	dir = db_open_dir(db, "send_targets", false);
	if (dir < 0)
		return dir;
	r = name ? new_default(&d) : -ENOMEM;
	if (r == 0)
		r = read_record(db, d, dir, name);
	return finish(d, r, address, port, ret);
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

static int write_record(struct iscsi_db *db, struct iscsi_discovery *d, int dir, const char *name)
{
	char *CLEANUP_FREE file = str_printf("%s/st_config", name);
	struct stat st;
	int r;

	if (!file)
		return -ENOMEM;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		unlinkat(dir, name, 0); /* old style: the directory takes its place */
	r = file_make_dirs(dir, name, 1);
	if (r < 0)
		return db_fail(
			db, r, "cannot make %s/send_targets/%s: %s", db->dir, name, strerror(-r));
	return db_write_file(db, dir, file, &d->record);
}

int iscsi_discovery_store(struct iscsi_db *db, struct iscsi_discovery *d)
{
	struct db_lock CLEANUP_LOCK lock = DB_LOCK_NONE;
	char *CLEANUP_FREE name = NULL;
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	r = check(db, d->address, d->port);
	if (r < 0)
		return r;
	name = str_printf("%s,%d", d->address, d->port);
	if (!name)
		return -ENOMEM;
	r = db_lock(db, &lock);
	if (r < 0)
		return r;
	dir = db_open_dir(db, "send_targets", true);
	return dir < 0 ? dir : write_record(db, d, dir, name);
}

/* Records that were found there go with it, used or not. */
static int delete_linked(void *data, const struct iscsi_node_id *id)
{
	int r = iscsi_db_delete(data, id);

	return r == -ENOENT || r == -EINVAL ? 0 : r;
}

static int delete_source(int dir, const char *name)
{
	char *CLEANUP_FREE file = str_printf("%s/st_config", name);

	if (!file)
		return -ENOMEM;
	/* Old style: the name is that of the file itself. */
	if (unlinkat(dir, file, 0) < 0 && unlinkat(dir, name, 0) < 0)
		return -errno;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int iscsi_discovery_delete(struct iscsi_db *db, const char *address, int port)
{
	struct db_lock CLEANUP_LOCK lock = DB_LOCK_NONE;
	char *CLEANUP_FREE name = NULL;
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	r = check(db, address, port);
	if (r == 0)
		r = links_each(db, address, port, delete_linked, db);
	if (r < 0)
		return r;
	name = str_printf("%s,%d", address, port);
	if (!name)
		return -ENOMEM;
	r = db_lock(db, &lock);
	if (r < 0)
		return r;
	dir = db_open_dir(db, "send_targets", false);
	r = dir < 0 ? dir : delete_source(dir, name);
	return r < 0 ? db_fail(db, r, "cannot delete %s/send_targets/%s: %s", db->dir, name,
			       strerror(-r))
		     : 0;
}
