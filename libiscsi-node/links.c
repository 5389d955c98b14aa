/* SPDX-License-Identifier: MIT */
/*
 * Links say from which discovery source a record came, for open-iscsi's listing by source and for
 * a later discovery that is to delete what its source no longer announces. A link is made before
 * its record gets into its place, and removed after it is gone or has another source: one that leads
 * nowhere, or to a record of another source, does no harm, but a record without one would never be
 * missed.
 */
#include "file.h"
#include "place.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* ---- the sources that there are; looked for once while the lock is held ---- */

static void close_used(struct sources *s)
{
	if (s->used)
		close(STEAL_FD(s->fd));
	free(STEAL_PTR(s->used));
}

void sources_forget(struct iscsi_db *db)
{
	struct sources *s = &db->sources;

	if (!s->loaded)
		return;
	close_used(s);
	for (size_t i = 0; i < s->n; i++)
		free(s->names[i]);
	free(s->names);
	close(s->dir);
	*s = (struct sources){0};
}

/* Takes over name; NULL: there was no memory for it. */
static int sources_add(struct iscsi_db *db, char *name)
{
	struct sources *s = &db->sources;
	char **more = name ? reallocarray(s->names, s->n + 1, sizeof(*more)) : NULL;

	if (!more) {
		free(name);
		return -ENOMEM;
	}
	s->names = more;
	s->names[s->n++] = name;
	return 0;
}

/* The directories in source directory dir, which each server has one of. */
static int sources_add_servers(struct iscsi_db *db, const char *dir, int fd)
{
	struct names CLEANUP(names_free) subs = {0};
	int r = names_read(fd, ".", DT_DIR, &subs);

	if (r < 0)
		return db_fail(db, r, "cannot read %s/%s: %s", db->dir, dir, strerror(-r));
	for (size_t i = 0; r == 0 && i < subs.n; i++)
		r = sources_add(db, str_printf("%s/%s", dir, subs.v[i]));
	return r;
}

static int sources_add_kind(struct iscsi_db *db, const struct source_dir *dir)
{
	int CLEANUP_CLOSE fd = db_open_dir(db, dir->name, false);
	int r = fd < 0 ? fd : 0;

	if (fd < 0)
		return r == -ENOENT ? 0 : r;
	if (dir->per_source)
		r = sources_add_servers(db, dir->name, fd);
	return r == 0 && dir->flat ? sources_add(db, strdup(dir->name)) : r;
}

int links_load(struct iscsi_db *db)
{
	struct sources *s = &db->sources;
	int r = 0;

	if (s->loaded)
		return 0;
	s->dir = open(db->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return db_fail(db, -errno, "cannot open %s: %s", db->dir, strerror(errno));
	s->loaded = true;
	for (size_t i = 0; r == 0 && i < N_SOURCE_DIRS; i++)
		if (source_dirs[i].name && i != DISCOVERY_OFFLOAD_SEND_TARGETS)
			r = sources_add_kind(db, &source_dirs[i]);
	if (r < 0)
		sources_forget(db);
	return r;
}

static bool is_source(const struct iscsi_db *db, const char *name)
{
	size_t i = 0;

	while (i < db->sources.n && !str_eq(db->sources.names[i], name))
		i++;
	return i < db->sources.n;
}

/*
 * The directory that n's link belongs into, as its name below the database's; NULL when it gets
 * none: a SendTargets source without a record has no directory.
 */
static int source_of(struct iscsi_db *db, const struct iscsi_node *n, char **ret)
{
	const struct source_dir *dir = &source_dirs[n->discovery_type];
	char *CLEANUP_FREE path = NULL;

	*ret = NULL;
	if (!dir->name)
		return 0;
	if (dir->per_source && n->discovery_address && !iscsi_address_fault(n->discovery_address)) {
		path = str_printf("%s/%s,%d", dir->name, n->discovery_address, n->discovery_port);
		if (!path)
			return -ENOMEM;
		if (is_source(db, path))
			*ret = STEAL_PTR(path);
	}
	if (*ret || !dir->flat)
		return 0;
	*ret = strdup(dir->name);
	return *ret ? 0 : -ENOMEM;
}

/* Open until the next one is used. */
static int open_source(struct iscsi_db *db, const char *name)
{
	struct sources *s = &db->sources;
	int CLEANUP_CLOSE fd = -1;
	int r = 0;

	if (s->used && str_eq(s->used, name))
		return s->fd;
	close_used(s);
	fd = db_open_dir(db, name, true);
	if (fd < 0)
		return fd;
	if (!is_source(db, name))
		r = sources_add(db, strdup(name));
	if (r == 0)
		s->used = strdup(name);
	if (!s->used)
		return -ENOMEM;
	s->fd = STEAL_FD(fd);
	return s->fd;
}

static bool leads_to(int fd, const char *name, const char *target)
{
	char now[PATH_MAX];
	ssize_t len = readlinkat(fd, name, now, sizeof(now));

	return len >= 0 && (size_t)len == strlen(target) && !memcmp(now, target, (size_t)len);
}

/*
 * Makes the link, or makes sure of it. Only the record's path as seen from ROOT goes into it.
 * ret_made: there was none.
 */
static int add(struct iscsi_db *db, const char *source, const char *name, const struct place *p,
	bool *ret_made)
{
	char *CLEANUP_FREE target = str_printf("%s/nodes/%s", db->dir + strlen(db->root), p->dir);
	int fd, r;

	if (!target)
		return -ENOMEM;
	if (strlen(name) > NAME_MAX) /* such a record goes without */
		return 0;
	fd = open_source(db, source);
	if (fd < 0)
		return fd;
	r = symlinkat(target, fd, name) < 0 ? -errno : 0;
	*ret_made = r == 0;
	if (r == -EEXIST) {
		if (leads_to(fd, name, target))
			return 0;
		r = unlinkat(fd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
		if (r == 0 && symlinkat(target, fd, name) < 0)
			r = -errno;
	}
	if (r == 0 && !db->commit.depth && fsync(fd) < 0)
		r = -errno;
	return r < 0 ? db_fail(db, r, "cannot link %s in %s/%s: %s", name, db->dir, source,
			       strerror(-r))
		     : 0;
}

/* Nothing that could have a link in it. */
static bool is_none(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ELOOP || r == -EISDIR;
}

/* It takes no descriptor: of thousands of sources few have the link. */
static int remove_from(struct iscsi_db *db, const char *source, const char *name)
{
	char path[3 * NAME_MAX];
	int r;

	if (strlen(source) + strlen(name) + 2 > sizeof(path))
		return 0;
	stpcpy(stpcpy(stpcpy(path, source), "/"), name);
	r = unlinkat(db->sources.dir, path, 0) < 0 ? -errno : 0;
	return r == 0 || is_none(r) ? 0
				    : db_fail(db, r, "cannot remove link %s from %s/%s: %s", name,
					      db->dir, source, strerror(-r));
}

/* Takes the link away from every source but the one named except. */
static int remove_all(struct iscsi_db *db, const char *name, const char *except)
{
	int r = 0;

	if (strlen(name) > NAME_MAX)
		return 0;
	for (size_t i = 0; i < db->sources.n; i++) {
		const char *source = db->sources.names[i];
		int one = str_eq(source, except) ? 0 : remove_from(db, source, name);

		r = r ? r : one;
	}
	return r;
}

int links_set(struct iscsi_db *db, const struct iscsi_node *n, struct link_change *ret)
{
	char *CLEANUP_FREE name = NULL;
	struct iscsi_node_id id;
	struct place place;
	int r;

	iscsi_node_get_id(n, &id);
	if (id.tpgt < 0)
		return 0;
	r = place_of(db, &id, &place);
	if (r == 0)
		r = links_load(db);
	if (r == 0)
		r = source_of(db, n, &ret->source);
	if (r < 0)
		return r;
	name = link_name(&id, &place);
	if (!name)
		return -ENOMEM;
	ret->set = true;
	return ret->source ? add(db, ret->source, name, &place, &ret->made) : 0;
}

void link_change_release(struct link_change *links)
{
	free(STEAL_PTR(links->source));
}

/* Of the record at TARGET/PORTAL/IFACE; NULL: out of memory. */
static char *link_name_of(const char *path)
{
	char *name = strdup(path);

	for (char *p = name; p && (p = strchr(p, '/'));)
		*p = ',';
	return name;
}

int links_settle(struct iscsi_db *db, const char *path, const struct link_change *links)
{
	char *CLEANUP_FREE name = NULL;
	int r = 0;

	if (!links->set)
		return 0;
	name = link_name_of(path);
	r = name ? links_load(db) : -ENOMEM;
	return r < 0 ? r : remove_all(db, name, links->source);
}

void links_take_back(struct iscsi_db *db, const char *path, const struct link_change *links)
{
	char *CLEANUP_FREE name = links->made ? link_name_of(path) : NULL;

	if (name && strlen(name) <= NAME_MAX && links_load(db) == 0)
		remove_from(db, links->source, name);
}

int links_remove(struct iscsi_db *db, const struct iscsi_node_id *id)
{
	char *CLEANUP_FREE name = NULL;
	struct place place;
	int r;

	if (id->tpgt < 0)
		return 0;
	r = place_of(db, id, &place);
	if (r == 0)
		r = links_load(db);
	if (r < 0)
		return r;
	name = link_name(id, &place);
	return name ? remove_all(db, name, NULL) : -ENOMEM;
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
