/* SPDX-License-Identifier: MIT */
/*
 * Links say from which discovery source a record came, for open-iscsi's listing by source and for
 * a later discovery that is to delete what its source no longer announces.
 */
#include "file.h"
#include "place.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#define LINK_TEMP ".link" /* one at a time: the lock is held */

/* The directory of each kind of source; in some every source has one of its own. */
static const struct source_dir {
	const char *name;
	bool per_source, flat;
} source_dirs[] = {
	[DISCOVERY_SEND_TARGETS] = {"send_targets", true, false},
	[DISCOVERY_ISNS] = {"isns", true, true},
	[DISCOVERY_OFFLOAD_SEND_TARGETS] = {"send_targets", true, false},
	[DISCOVERY_SLP] = {NULL, false, false},
	[DISCOVERY_STATIC] = {"static", false, true},
	[DISCOVERY_FW] = {"fw", false, true},
};

static const int discovery_types[] = {
	[ISCSI_SOURCE_SENDTARGETS] = DISCOVERY_SEND_TARGETS,
	[ISCSI_SOURCE_ISNS] = DISCOVERY_ISNS,
	[ISCSI_SOURCE_STATIC] = DISCOVERY_STATIC,
	[ISCSI_SOURCE_FW] = DISCOVERY_FW,
};

int source_discovery_type(enum iscsi_source_type type)
{
	return discovery_types[type];
}

const char *source_dir_name(enum iscsi_source_type type)
{
	return source_dirs[discovery_types[type]].name;
}
#define N_SOURCE_DIRS (sizeof(source_dirs) / sizeof(source_dirs[0]))

/* NULL: out of memory. */
static char *link_name(const struct iscsi_node_id *id, const struct place *p)
{
	return str_printf("%s,%s,%s", id->target, p->portal, id->iface);
}

/*
 * The directory that n's link belongs into, as its name below the database's; NULL when it gets
 * none: a SendTargets source without a record has no directory.
 */
static int find_source(struct iscsi_db *db, const struct iscsi_node *n, char **ret)
{
	const struct source_dir *dir = &source_dirs[n->discovery_type];
	char *CLEANUP_FREE path = NULL;
	int CLEANUP_CLOSE fd = -1;

	*ret = NULL;
	if (!dir->name)
		return 0;
	if (dir->per_source && n->discovery_address && !iscsi_address_fault(n->discovery_address)) {
		path = str_printf("%s/%s,%d", dir->name, n->discovery_address, n->discovery_port);
		if (!path)
			return -ENOMEM;
		fd = db_open_dir(db, path, false);
		if (fd >= 0)
			*ret = STEAL_PTR(path);
		if (fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR))
			return fd < 0 ? fd : 0;
		db_begin(db);
	}
	if (!dir->flat)
		return 0;
	*ret = strdup(dir->name);
	return *ret ? 0 : -ENOMEM;
}

/* Makes the link, or makes sure of it. Only the record's path as seen from ROOT goes into it. */
static int add(struct iscsi_db *db, const char *source, const char *name, const struct place *p)
{
	char *CLEANUP_FREE target = str_printf("%s/nodes/%s", db->dir + strlen(db->root), p->dir);
	int CLEANUP_CLOSE fd = db_open_dir(db, source, true);
	char now[PATH_MAX];
	ssize_t len;

	if (!target)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	len = readlinkat(fd, name, now, sizeof(now) - 1);
	if (len >= 0) {
		now[len] = '\0';
		if (str_eq(now, target))
			return 0;
	}
	if (strlen(name) > NAME_MAX) /* such a record goes without */
		return 0;
	unlinkat(fd, LINK_TEMP, 0);
	if (symlinkat(target, fd, LINK_TEMP) < 0 || renameat(fd, LINK_TEMP, fd, name) < 0) {
		int r = -errno;

		unlinkat(fd, LINK_TEMP, 0);
		return db_fail(
			db, r, "cannot link %s in %s/%s: %s", name, db->dir, source, strerror(-r));
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* Takes the link away from directory dir and those in it, but not from that one named except. */
static void remove_from(struct iscsi_db *db, const char *dir, const char *name, const char *except)
{
	struct names CLEANUP(names_free) subs = {0};
	int CLEANUP_CLOSE fd = db_open_dir(db, dir, false);

	if (fd < 0)
		return;
	if (!str_eq(dir, except))
		unlinkat(fd, name, 0);
	if (names_read(fd, ".", DT_DIR, &subs) < 0)
		return;
	for (size_t i = 0; i < subs.n; i++) {
		char *CLEANUP_FREE source = str_printf("%s/%s", dir, subs.v[i]);
		int CLEANUP_CLOSE sub = file_open_beneath(fd, subs.v[i], O_RDONLY | O_DIRECTORY, 0);

		if (sub >= 0 && source && !str_eq(source, except))
			unlinkat(sub, name, 0);
	}
}

static void remove_all(struct iscsi_db *db, const char *name, const char *except)
{
	for (size_t i = 0; i < N_SOURCE_DIRS; i++)
		if (source_dirs[i].name && i != DISCOVERY_OFFLOAD_SEND_TARGETS)
			remove_from(db, source_dirs[i].name, name, except);
}

int links_set(struct iscsi_db *db, const struct iscsi_node *n)
{
	char *CLEANUP_FREE name = NULL, *CLEANUP_FREE source = NULL;
	struct iscsi_node_id id;
	struct place place;
	int r;

	iscsi_node_get_id(n, &id);
	if (id.tpgt < 0)
		return 0;
	r = place_of(db, &id, &place);
	if (r == 0)
		r = find_source(db, n, &source);
	if (r < 0)
		return r;
	name = link_name(&id, &place);
	if (!name)
		return -ENOMEM;
	r = source ? add(db, source, name, &place) : 0;
	remove_all(db, name, source);
	return r;
}

void links_remove(struct iscsi_db *db, const struct iscsi_node_id *id)
{
	char *CLEANUP_FREE name = NULL;
	struct place place;

	if (id->tpgt < 0 || place_of(db, id, &place) < 0)
		return;
	name = link_name(id, &place);
	if (name)
		remove_all(db, name, NULL);
}

/*
 * The id that a link names; the strings are parts of target (which is cut up), *portal and name.
 * The link's name alone could be cut in more than one way where names have commas.
 */
static bool parse_link(
	const char *name, char *target, struct iscsi_portal *portal, struct iscsi_node_id *ret)
{
	char *slash = strrchr(target, '/');
	const char *rest = NULL;
	char *iqn;

	if (!slash)
		return false;
	*slash = '\0';
	iqn = strrchr(target, '/');
	if (!iqn || !place_parse(slash + 1, portal))
		return false;
	rest = str_after(name, iqn + 1);
	rest = rest && *rest == ',' ? str_after(rest + 1, slash + 1) : NULL;
	if (!rest || *rest != ',')
		return false;
	*ret = (struct iscsi_node_id){
		iqn + 1, portal->address, portal->port, portal->tpgt, rest + 1};
	return true;
}

int iscsi_db_each_found(struct iscsi_db *db, const struct iscsi_source *source,
	int (*each)(void *data, const struct iscsi_node_id *id), void *data)
{
	const char *kind = source_dir_name(source->type);
	char *CLEANUP_FREE dir =
		source->address ? str_printf("%s/%s,%d", kind, source->address, source->port)
				: strdup(kind);
	struct names CLEANUP(names_free) names = {0};
	int CLEANUP_CLOSE fd = -1;
	int r;

	db_begin(db);
	if (source->address && iscsi_address_fault(source->address))
		return db_fail(db, -EINVAL, "the address of the discovery source %s",
			iscsi_address_fault(source->address));
	fd = dir ? db_open_dir(db, dir, false) : -ENOMEM;
	r = fd < 0 ? fd : names_read(fd, ".", DT_LNK, &names);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		char target[PATH_MAX];
		struct iscsi_portal portal;
		struct iscsi_node_id id;
		ssize_t len = readlinkat(fd, names.v[i], target, sizeof(target) - 1);

		if (len < 0)
			continue;
		target[len] = '\0';
		if (parse_link(names.v[i], target, &portal, &id))
			r = each(data, &id);
	}
	return r == -ENOENT ? 0 : r;
}

int iscsi_db_each_source(struct iscsi_db *db, enum iscsi_source_type type,
	int (*each)(void *data, const struct iscsi_source *source), void *data)
{
	struct names CLEANUP(names_free) names = {0};
	int CLEANUP_CLOSE fd = -1;
	int r;

	db_begin(db);
	fd = db_open_dir(db, source_dir_name(type), false);
	r = fd < 0 ? fd : names_read(fd, ".", DT_UNKNOWN, &names);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct iscsi_portal p;

		if (place_parse(names.v[i], &p) && p.tpgt < 0)
			r = each(data, &(struct iscsi_source){type, p.address, p.port});
	}
	return r == -ENOENT ? 0 : r;
}
