/* SPDX-License-Identifier: MIT */
/*
 * How a change gets to the disk: the old record or the new one, whatever happens in between.
 *
 * A record is written to a temporary file, made safe there (fsync), and renamed to its place. Such
 * files are in a directory that the writer makes for itself in the database's directory TEMPORARY:
 * to make names in one directory writers would have to take turns. Of a group the files are made
 * safe together, by one syncfs before the renames of some hundred records and one at the end: locks
 * are held for that long, and given up before another one is waited for. A record where there was
 * none needs no name before its own: it is written to a file without one, and linked.
 *
 * A writer that is killed leaves at most its temporary files, where no program looks for records; a
 * later writer that is alone removes them.
 */
#include "db.h"

#include "buf.h"
#include "file.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#define TEMPORARY ".new"
#define NUMBER_TRIES 16
#define FD_MAX 400 /* files without a name are open; a thousand is all that a process may have */
#define NAMES_MAX 256 /* locked at a time, and records that wait for their place */

const struct buf commit_nothing;

static const char *const dir_names[] = {
	[DB_NODES] = "nodes",
	[DB_SEND_TARGETS] = "send_targets",
	[DB_ISNS] = "isns",
	[DB_IFACES] = "ifaces",
};

int sweep_age_s = 60;

static bool is_left_over(int dir, const char *name)
{
	struct timespec now;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - st.st_mtim.tv_sec > sweep_age_s;
}

static int open_dir(int dir, const char *name)
{
	return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* A file, or a directory of files. */
static int remove_left_over(void *data, const char *name)
{
	const int dir = *(const int *)data;
	int CLEANUP_CLOSE fd = -1;

	if (!is_left_over(dir, name) || unlinkat(dir, name, 0) == 0)
		return 0;
	fd = open_dir(dir, name);
	if (fd >= 0)
		file_each_name(fd, DT_UNKNOWN, remove_left_over, &fd);
	unlinkat(dir, name, AT_REMOVEDIR);
	return 0;
}

/*
 * Only who is alone comes here, but alone in its ROOT/run: another container may have the same
 * database and a /run of its own. What is young may be in use there.
 */
void commit_sweep(struct iscsi_db *db)
{
	char *CLEANUP_FREE path = str_printf("%s/" TEMPORARY, db->dir);
	int CLEANUP_CLOSE fd = -1;

	if (!path || rmdir(path) == 0 || errno == ENOENT)
		return;
	fd = open_dir(AT_FDCWD, path);
	if (fd < 0)
		return;
	file_each_name(fd, DT_UNKNOWN, remove_left_over, &fd);
	rmdir(path);
}

static void number_name(uint64_t number, char ret[static 32])
{
	snprintf(ret, 32, "%016llx", (unsigned long long)number);
}

/* One that nobody has, in TEMPORARY. */
static int make_temporary_dir(struct commit *c, int dir)
{
	char name[32];

	for (int i = 0; i < NUMBER_TRIES; i++) {
		if (getrandom(&c->own_temporary, sizeof(c->own_temporary), 0) < 0)
			return -errno;
		number_name(c->own_temporary, name);
		if (mkdirat(dir, name, 0700) == 0) {
			c->temporary = open_dir(dir, name);
			return c->temporary < 0 ? -errno : c->temporary;
		}
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

/* The directory of our temporary files, made when first needed. */
static int temporary_dir(struct iscsi_db *db)
{
	char *CLEANUP_FREE path = NULL;
	int CLEANUP_CLOSE fd = -1;

	if (db->commit.temporary >= 0)
		return db->commit.temporary;
	path = str_printf("%s/" TEMPORARY, db->dir);
	if (!path)
		return -ENOMEM;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open_dir(AT_FDCWD, path);
	return fd < 0 ? -errno : make_temporary_dir(&db->commit, fd);
}

/* Empty now, or somebody else's business: commit_sweep. */
static void leave_temporary_dir(struct iscsi_db *db)
{
	struct commit *c = &db->commit;
	char *CLEANUP_FREE path = NULL;
	char name[32];

	if (c->temporary < 0)
		return;
	close(STEAL_FD(c->temporary));
	number_name(c->own_temporary, name);
	path = str_printf("%s/" TEMPORARY "/%s", db->dir, name);
	if (path)
		rmdir(path);
}

int commit_dir(struct iscsi_db *db, enum db_dir which, bool make)
{
	int *fd = &db->commit.dirs[which];

	if (*fd < 0)
		*fd = db_open_dir(db, dir_names[which], make);
	return *fd;
}

/* ---- files ---- */

static int write_safely(int fd, const char *text, size_t len, bool sync)
{
	int r = file_write_all(fd, text, len);

	return r == 0 && sync && fsync(fd) < 0 ? -errno : r;
}

static int write_temporary(int dir, const char *name, const char *text, size_t len, bool sync)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_safely(fd, text, len, sync);
	/* Some file systems report a failed write only here. */
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, name, 0);
	return r;
}

/* fsync of the directory that holds path. */
static int sync_parent(int dir, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *CLEANUP_FREE parent = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	int CLEANUP_CLOSE fd = -1;

	if (!parent)
		return -ENOMEM;
	fd = file_open_beneath(dir, parent, O_RDONLY | O_DIRECTORY, 0);
	if (fd < 0)
		return fd;
	return fsync(fd) < 0 ? -errno : 0;
}

/*
 * The directory that path is in: beneath dir, through no link. *ret is the rest of path. -1 stands for
 * dir itself; less is an error.
 */
static int open_parent(int dir, const char *path, const char **ret)
{
	const char *slash = strrchr(path, '/');
	char *CLEANUP_FREE parent = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	int fd = -1;

	if (slash && !parent)
		return -ENOMEM;
	if (parent) {
		fd = file_open_beneath(dir, parent, O_PATH | O_DIRECTORY, 0);
		if (fd < 0)
			return fd;
	}
	*ret = slash ? slash + 1 : path;
	return fd;
}

/* Renames the temporary file to its place. walked: through no link, since it was locked. */
static int move_into_place(int temporary, const char *name, int dir, const char *path, bool walked)
{
	const char *rest = walked ? path : NULL;
	int CLEANUP_CLOSE fd = walked ? -1 : open_parent(dir, path, &rest);

	if (!rest)
		return fd;
	return renameat(temporary, name, fd < 0 ? dir : fd, rest) < 0 ? -errno : 0;
}

/* Where the records of one kind are mounted from elsewhere nothing can be renamed into them. */
static int copy_into_place(int temporary, const char *name, int dir, const char *path)
{
	char *text;
	size_t len;
	int r = file_read(temporary, name, RECORD_FILE_MAX, &text, &len);

	if (r < 0)
		return r;
	r = file_replace(dir, path, text, len, 0600);
	str_wipe(text, len);
	free(text);
	unlinkat(temporary, name, 0);
	return r;
}

static void discard(struct iscsi_db *db, const struct staged *s)
{
	char name[32];

	if (s->fd >= 0)
		return;
	number_name(s->number, name);
	unlinkat(db->commit.temporary, name, 0);
}

/* Gives the file without a name its own, if nothing has it. */
static int link_into_place(int file, int dir, const char *path)
{
	const char *rest = NULL;
	int CLEANUP_CLOSE fd = open_parent(dir, path, &rest);
	char self[32];
	int to = fd < 0 ? dir : fd;

	if (!rest)
		return fd;
	if (linkat(file, "", to, rest, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno != ENOENT)
		return -errno;
	/* Who may not do that may do this. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", file);
	return linkat(AT_FDCWD, self, to, rest, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

/* Where there is a record all the same, or links cannot be made. */
static int copy_from(int file, int dir, const char *path)
{
	struct buf CLEANUP(buf_free) text = {0};
	ssize_t len;

	if (buf_reserve(&text, RECORD_FILE_MAX) < 0)
		return -ENOMEM;
	len = pread(file, text.data, text.room, 0);
	if (len < 0)
		return -errno;
	text.len = (size_t)len; /* as much as is wiped */
	return file_replace(dir, path, text.data, text.len, 0600);
}

static int put_in_place(struct iscsi_db *db, const struct staged *s)
{
	const struct commit *c = &db->commit;
	char name[32];
	int r;

	if (s->fd >= 0) {
		r = link_into_place(s->fd, c->dirs[s->dir], s->path);
		return r < 0 ? copy_from(s->fd, c->dirs[s->dir], s->path) : 0;
	}
	number_name(s->number, name);
	r = move_into_place(c->temporary, name, c->dirs[s->dir], s->path, s->walked);
	return r == -EXDEV ? copy_into_place(c->temporary, name, c->dirs[s->dir], s->path) : r;
}

static int cannot_write(struct iscsi_db *db, const struct staged *s, int r)
{
	return db_fail(db, r, "cannot write %s/%s/%s: %s", db->dir, dir_names[s->dir], s->path,
		strerror(-r));
}

static int place(struct iscsi_db *db, struct staged *s)
{
	struct commit *c = &db->commit;
	int r = put_in_place(db, s);

	s->placed = r == 0;
	if (r < 0) {
		discard(db, s);
		return cannot_write(db, s, r);
	}
	if (s->old)
		unlinkat(c->dirs[s->dir], s->old, 0);
	if (!c->depth)
		r = sync_parent(c->dirs[s->dir], s->path);
	return r < 0 ? cannot_write(db, s, r) : links_settle(db, s->path, &s->links);
}

void commit_remove_dirs(struct iscsi_db *db, enum db_dir which, const char *path)
{
	int dir = commit_dir(db, which, false);
	char *CLEANUP_FREE parent = strdup(path);

	if (dir < 0 || !parent)
		return;
	for (char *slash; (slash = strrchr(parent, '/'));) {
		*slash = '\0';
		unlinkat(dir, parent, AT_REMOVEDIR);
	}
	if (!db->commit.depth)
		fsync(dir);
	db->commit.changed = true;
}

void commit_undo(struct iscsi_db *db, enum db_dir which, const char *path,
	const struct link_change *links)
{
	static const struct link_change none = {.set = true};
	char *CLEANUP_FREE kept = STEAL_PTR(db->error);
	int dir = commit_dir(db, which, false);

	if (dir >= 0 && db_is_file(dir, path)) {
		links_take_back(db, path, links);
	} else if (dir >= 0) {
		if (which == DB_NODES)
			links_settle(db, path, &none);
		commit_remove_dirs(db, which, path);
	}
	db_begin(db);
	db->error = STEAL_PTR(kept);
}

/* ---- */

static void release(struct iscsi_db *db)
{
	struct commit *c = &db->commit;

	sources_forget(db);
	leave_temporary_dir(db);
	for (size_t i = 0; i < N_DB_DIRS; i++)
		if (c->dirs[i] >= 0)
			close(STEAL_FD(c->dirs[i]));
	db_unlock(db, &c->lock);
	c->names = 0;
}

/* One of the files' own: what has no name is in the directory of its kind. */
static int sync_file_system(const struct commit *c)
{
	int r = 0;

	for (size_t i = 0; i < N_DB_DIRS && r == 0; i++)
		if (c->nameless & 1U << i)
			r = syncfs(c->dirs[i]);
	return r == 0 && c->temporary >= 0 ? syncfs(c->temporary) : r;
}

/* Makes the group's temporary files safe: those of a single change are so already. */
static int sync_staged(const struct commit *c)
{
	return !c->n || !c->depth || sync_file_system(c) == 0 ? 0 : -errno;
}

/* The error of a change that somebody believes to be made: told at the end. */
static void note_error(struct iscsi_db *db, int r)
{
	struct commit *c = &db->commit;

	if (r < 0 && !c->error) {
		c->error = r;
		c->error_text = STEAL_PTR(db->error);
	}
}

/* To whom it belongs. */
static void note_outcome(struct iscsi_db *db, const struct staged *s, int r)
{
	struct outcome *o = s->outcome;

	if (!o) {
		note_error(db, r);
	} else if (r < 0 && !o->r) {
		o->r = r;
		o->text = STEAL_PTR(db->error);
	}
}

static int not_synced(struct iscsi_db *db, const struct staged *s, int r)
{
	discard(db, s);
	return cannot_write(db, s, r);
}

static void release_staged(struct staged *s)
{
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s->old);
	link_change_release(&s->links);
}

/* Puts what was written in place and gives up the locks; db's own error stays as it is. */
static void flush(struct iscsi_db *db)
{
	struct commit *c = &db->commit;
	char *CLEANUP_FREE kept = STEAL_PTR(db->error);
	int r = sync_staged(c);

	for (size_t i = 0; i < c->n; i++) {
		struct staged *s = &c->staged[i];

		note_outcome(db, s, r < 0 ? not_synced(db, s, r) : place(db, s));
	}
	/* Not before all are in place: what one leaves behind another one may have use for. */
	for (size_t i = 0; i < c->n; i++)
		if (!c->staged[i].placed)
			commit_undo(db, c->staged[i].dir, c->staged[i].path, &c->staged[i].links);
	for (size_t i = 0; i < c->n; i++)
		release_staged(&c->staged[i]);
	c->n = 0;
	c->nameless = 0;
	release(db);
	db_begin(db);
	db->error = STEAL_PTR(kept);
}

/* What note_error noted, unless r is an error already, which goes first. */
static int take_error(struct iscsi_db *db, int r)
{
	struct commit *c = &db->commit;

	if (c->error && r >= 0) {
		r = c->error;
		db_begin(db);
		db->error = STEAL_PTR(c->error_text);
	}
	c->error = 0;
	free(STEAL_PTR(c->error_text));
	return r;
}

static int lock(struct iscsi_db *db, const char *name)
{
	int r = db_lock(db, name, &db->commit.span, &db->commit.lock);

	/* Nothing half locked stays for the next one of a group. */
	if (r < 0)
		release(db);
	return r;
}

int commit_begin(struct iscsi_db *db, const char *name)
{
	struct commit *c = &db->commit;

	c->name = str_hash(name);
	if (c->lock.fd >= 0) {
		if (c->n < NAMES_MAX && c->names < NAMES_MAX && db_lock_more(&c->lock, name)) {
			c->names++;
			return 0;
		}
		flush(db);
	}
	return lock(db, name);
}

static bool is_staged(const struct commit *c, const char *path, const char *name)
{
	uint64_t hash = str_hash(path ? path : name);
	size_t i = 0;

	while (i < c->n && (path ? c->staged[i].path_hash : c->staged[i].name) != hash)
		i++;
	return i < c->n;
}

int commit_settle(struct iscsi_db *db, const char *path, const char *name)
{
	if (!is_staged(&db->commit, path, name))
		return 0;
	flush(db);
	return lock(db, name);
}

static int write_numbered(struct iscsi_db *db, struct staged *s, const char *text, size_t len)
{
	struct commit *c = &db->commit;
	int dir = temporary_dir(db);
	char name[32];

	if (dir < 0)
		return dir;
	s->number = c->number++;
	number_name(s->number, name);
	return write_temporary(dir, name, text, len, !c->depth);
}

/* The directory is made again where somebody's sweep removed it while it was empty. */
static int stage(struct iscsi_db *db, struct staged *s, const char *text, size_t len)
{
	struct commit *c = &db->commit;
	int r = -ENOENT;

	if (!c->staged)
		c->staged = calloc(NAMES_MAX, sizeof(*c->staged));
	if (!c->staged)
		return -ENOMEM;
	for (int i = 0; r == -ENOENT && i < NUMBER_TRIES; i++) {
		if (i)
			leave_temporary_dir(db);
		r = write_numbered(db, s, text, len);
	}
	return r;
}

/* To a file without a name in the directory of its kind. False where that cannot be. */
static bool stage_nameless(struct iscsi_db *db, struct staged *s, const char *text, size_t len)
{
	struct commit *c = &db->commit;
	int CLEANUP_CLOSE fd =
		openat(c->dirs[s->dir], ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || fd > FD_MAX || write_safely(fd, text, len, !c->depth) < 0)
		return false;
	if (!c->staged)
		c->staged = calloc(NAMES_MAX, sizeof(*c->staged));
	if (!c->staged)
		return false;
	s->fd = STEAL_FD(fd);
	c->nameless |= 1U << s->dir;
	return true;
}

/* Writes text to a temporary file, which is to become the file path. stored: as commit_write's. */
static int stage_text(struct iscsi_db *db, enum db_dir dir, const char *path, const char *text,
	size_t len, const struct buf *stored)
{
	struct commit *c = &db->commit;
	struct staged s = {.dir = dir,
		.path_hash = str_hash(path),
		.name = c->name,
		.fd = -1,
		.path = strdup(path),
		.outcome = c->outcome,
		.walked = stored && stored->len};
	bool fresh = stored == &commit_nothing;
	int r = s.path ? 0 : -ENOMEM;

	if (r == 0 && !(fresh && stage_nameless(db, &s, text, len)))
		r = stage(db, &s, text, len);
	if (r < 0) {
		free(s.path);
		return r;
	}
	c->staged[c->n++] = s;
	c->changed = true;
	return 0;
}

static bool is_same(const struct buf *stored, const struct buf *text)
{
	return stored && stored->len == text->len && !memcmp(stored->data, text->data, text->len);
}

int commit_write_text(struct iscsi_db *db, enum db_dir dir, const char *path,
	const struct buf *text, const struct buf *stored)
{
	int r = commit_dir(db, dir, true);

	if (r >= 0 && is_same(stored, text) && !is_staged(&db->commit, path, NULL))
		return 0;
	if (r >= 0)
		r = stage_text(db, dir, path, (const char *)text->data, text->len, stored);
	return r < 0 ? db_fail(db, r, "cannot write %s/%s/%s: %s", db->dir, dir_names[dir], path,
			       strerror(-r))
		     : 0;
}

int commit_write(struct iscsi_db *db, enum db_dir dir, const char *path, struct record *r,
	const struct buf *stored)
{
	struct buf CLEANUP(buf_free) text = {0};
	char *bytes;
	size_t len;

	if (record_format(r, &bytes, &len) < 0)
		return -ENOMEM;
	text = (struct buf){(uint8_t *)bytes, len, len};
	return commit_write_text(db, dir, path, &text, stored);
}

/* The directory that is to take the file's place, complete, and that it does. */
static int swap_in(int temporary, const char *name, int dir, const char *path, const char *file,
	const char *text, size_t len)
{
	char inside[NAME_MAX + 34];
	int r;

	snprintf(inside, sizeof(inside), "%s/%s", name, file);
	if (mkdirat(temporary, name, 0700) < 0)
		return -errno;
	r = write_temporary(temporary, inside, text, len, true);
	if (r == 0)
		r = sync_parent(temporary, inside);
	if (r == 0 && renameat2(temporary, name, dir, path, RENAME_EXCHANGE) < 0)
		r = -errno;
	if (r == 0) {
		unlinkat(temporary, name, 0); /* the old file */
		return sync_parent(dir, path);
	}
	unlinkat(temporary, inside, 0);
	unlinkat(temporary, name, AT_REMOVEDIR);
	return r;
}

int commit_swap(struct iscsi_db *db, enum db_dir which, const char *path, const char *file,
	struct record *r)
{
	int dir = commit_dir(db, which, true), temporary = temporary_dir(db), ret;
	char name[32], *bytes;
	size_t len;

	if (dir < 0 || temporary < 0)
		return dir < 0 ? dir : temporary;
	if (record_format(r, &bytes, &len) < 0)
		return -ENOMEM;
	number_name(db->commit.number++, name);
	ret = swap_in(temporary, name, dir, path, file, bytes, len);
	str_wipe(bytes, len);
	free(bytes);
	return ret < 0 ? db_fail(db, ret, "cannot write %s/%s/%s/%s: %s", db->dir, dir_names[which],
				 path, file, strerror(-ret))
		       : 0;
}

int commit_then_remove(struct iscsi_db *db, const char *old)
{
	struct staged *s = &db->commit.staged[db->commit.n - 1];

	s->old = strdup(old);
	return s->old ? 0 : -ENOMEM;
}

int commit_then_links(struct iscsi_db *db, const char *path, struct link_change *links)
{
	struct staged *s = db->commit.n ? &db->commit.staged[db->commit.n - 1] : NULL;

	if (!s || !str_eq(s->path, path))
		return links_settle(db, path, links);
	s->links = *links;
	links->source = NULL;
	return 0;
}

int commit_end(struct iscsi_db *db, int r)
{
	if (db->commit.depth)
		return r;
	flush(db);
	return take_error(db, r);
}

void iscsi_db_group_begin(struct iscsi_db *db)
{
	db->commit.depth++;
}

/* Renames and deletions; that the disk has them is what the end of a group promises. */
static int sync_all(struct iscsi_db *db)
{
	int CLEANUP_CLOSE dir = open(db->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (!db->commit.changed || dir < 0)
		return 0;
	db->commit.changed = false;
	return syncfs(dir) == 0 ? 0
				: db_fail(db, -errno, "cannot write to %s: %s", db->dir,
					  strerror(errno));
}

int group_end(struct iscsi_db *db, int r)
{
	if (db->commit.depth > 1) {
		db->commit.depth--;
		return r;
	}
	flush(db);
	note_error(db, sync_all(db));
	db->commit.depth = 0;
	return take_error(db, r);
}

void group_settle(struct iscsi_db *db)
{
	flush(db);
}

int group_leave(struct iscsi_db *db)
{
	flush(db);
	db->commit.depth = 0;
	return take_error(db, 0);
}

int iscsi_db_group_end(struct iscsi_db *db)
{
	db_begin(db);
	return group_end(db, 0);
}
