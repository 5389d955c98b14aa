/* SPDX-License-Identifier: MIT */
/*
 * The locks of writers, all of them in ROOT/run/lock/iscsi.
 *
 * Our own writers exclude each other name by name: each locks one byte of the file "writer", which
 * a hash of the target's name chooses, by an OFD lock; the kernel releases that when its holder
 * dies. Who waits for one name holds no other, so nobody waits in a circle. Who changes many takes
 * them in the order of their bytes, and all the bytes between some hundred of them in one go if
 * nobody has any: the kernel looks through all locks for each new one.
 *
 * open-iscsi's tools know nothing of that: they take turns by making a hard link "lock.write",
 * which stays when its holder dies. So that link, to "writer", is there as long as any of ours
 * writes: the first one makes it and the last one removes it. They know by the byte PRESENCE, which
 * each holds shared: who gets it alone is the last. A lock.write that is our file was left by one
 * of ours that was killed, or others are at work: both let us in. Any other link is open-iscsi's.
 * It is waited for until it is as old as open-iscsi's own tools let it become, lock_stale_s: then
 * its holder is taken for dead and the link is taken over.
 */
#include "db.h"

#include "file.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK_DIR "run/lock/iscsi"
#define OURS "writer"
#define LINK "lock.write"
#define LINK_NEW "lock.take"
#define POLL_MIN_US 100
#define POLL_MAX_US 10000
#define NAMES ((uint64_t)1 << 40) /* bytes to choose from */
#define PRESENCE NAMES

int lock_stale_s = 30; /* when open-iscsi's tools give up */

uint64_t db_lock_byte(const char *name)
{
	return str_hash(name) % NAMES;
}

static bool is_in(const struct lock_span *s, uint64_t byte)
{
	return byte - s->first < s->len;
}

/* F_RDLCK, F_WRLCK or F_UNLCK; -EAGAIN when others are in the way. */
static int set(int fd, short type, uint64_t start, uint64_t len)
{
	struct flock range = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)start, .l_len = (off_t)len};

	if (fcntl(fd, F_OFD_SETLK, &range) == 0)
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

/* Waiting, first in short steps and then in longer ones; false when the time is up. */
struct wait {
	int64_t end; /* ms, CLOCK_MONOTONIC */
	long us;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct wait wait_start(unsigned int ms)
{
	return (struct wait){now_ms() + ms, POLL_MIN_US};
}

static bool wait_more(struct wait *w)
{
	struct timespec pause = {0, w->us * 1000};

	if (now_ms() >= w->end)
		return false;
	nanosleep(&pause, NULL);
	w->us = w->us * 2 > POLL_MAX_US ? POLL_MAX_US : w->us * 2;
	return true;
}

static int set_waiting(int fd, short type, uint64_t byte, unsigned int ms)
{
	struct wait w = wait_start(ms);
	int r;

	while ((r = set(fd, type, byte, 1)) == -EAGAIN)
		if (!wait_more(&w))
			return -ETIMEDOUT;
	return r;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the link is there and is our file. */
static bool link_is_ours(const struct db_lock *l)
{
	struct stat ours, theirs;

	return fstat(l->fd, &ours) == 0 &&
	       fstatat(l->dir, LINK, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
	       same_file(&ours, &theirs);
}

/* A file's ctime is that of its last link. */
static bool link_is_stale(const struct db_lock *l)
{
	struct stat st;
	struct timespec now;

	if (fstatat(l->dir, LINK, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - st.st_ctim.tv_sec > lock_stale_s;
}

/* Puts our link in place of another in one step. */
static int replace_link(const struct db_lock *l)
{
	unlinkat(l->dir, LINK_NEW, 0);
	if (linkat(l->dir, OURS, l->dir, LINK_NEW, 0) < 0 && errno != EEXIST)
		return -errno;
	if (renameat(l->dir, LINK_NEW, l->dir, LINK) < 0 && errno != ENOENT)
		return -errno;
	/* Where somebody of ours was faster both are one file, and rename did nothing. */
	unlinkat(l->dir, LINK_NEW, 0);
	return 0;
}

static int take_link(const struct db_lock *l, unsigned int ms)
{
	struct wait w = wait_start(ms);

	for (;;) {
		if (linkat(l->dir, OURS, l->dir, LINK, 0) == 0 || errno == EMLINK)
			return 0;
		if (errno != EEXIST)
			return -errno;
		if (link_is_ours(l))
			return 0;
		if (link_is_stale(l))
			return replace_link(l);
		if (!wait_more(&w))
			return -ETIMEDOUT;
	}
}

static int open_lock_dir(struct iscsi_db *db)
{
	int CLEANUP_CLOSE top = open(*db->root ? db->root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, r;

	if (top < 0)
		return db_fail(db, -EACCES, "cannot open %s: %s", db->root, strerror(errno));
	fd = openat(top, LOCK_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	r = file_make_dirs(top, LOCK_DIR, 1);
	if (r < 0)
		return db_fail(
			db, -EACCES, "cannot make %s/" LOCK_DIR ": %s", db->root, strerror(-r));
	fd = openat(top, LOCK_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return db_fail(
			db, -EACCES, "cannot open %s/" LOCK_DIR ": %s", db->root, strerror(errno));
	return fd;
}

static int lock_failed(struct iscsi_db *db, int err, const char *what, const char *file)
{
	if (err == -ETIMEDOUT)
		return db_fail(db, err, "another program is writing %s (%s/" LOCK_DIR "/%s)", what,
			db->root, file);
	return db_fail(
		db, err, "cannot lock %s/" LOCK_DIR "/%s: %s", db->root, file, strerror(-err));
}

/* One of the writers: presence, and the link that keeps open-iscsi's tools out. */
static int enter(struct iscsi_db *db, struct db_lock *l)
{
	int r = set_waiting(l->fd, F_RDLCK, PRESENCE, db->lock_wait_ms);

	if (r < 0)
		return lock_failed(db, r, db->dir, OURS);
	r = take_link(l, db->lock_wait_ms);
	return r < 0 ? lock_failed(db, r, db->dir, LINK) : 0;
}

static int lock_names(
	struct iscsi_db *db, const char *name, const struct lock_span *span, struct db_lock *l)
{
	uint64_t byte = db_lock_byte(name);

	if (is_in(span, byte) && set(l->fd, F_WRLCK, span->first, span->len) == 0) {
		l->span = *span;
		return 0;
	}
	return set_waiting(l->fd, F_WRLCK, byte, db->lock_wait_ms);
}

int db_lock(struct iscsi_db *db, const char *name, const struct lock_span *span, struct db_lock *l)
{
	int r;

	l->span.len = 0;
	l->dir = open_lock_dir(db);
	if (l->dir < 0)
		return l->dir;
	l->fd = openat(l->dir, OURS, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (l->fd < 0)
		return lock_failed(db, -errno, name, OURS);
	r = lock_names(db, name, span, l);
	return r < 0 ? lock_failed(db, r, name, OURS) : enter(db, l);
}

bool db_lock_more(struct db_lock *l, const char *name)
{
	uint64_t byte = db_lock_byte(name);

	return is_in(&l->span, byte) || set(l->fd, F_WRLCK, byte, 1) == 0;
}

void db_unlock(struct iscsi_db *db, struct db_lock *l)
{
	if (l->fd >= 0) {
		/* First away, then alone: of those who leave at the same time one succeeds. */
		set(l->fd, F_UNLCK, PRESENCE, 1);
		if (set(l->fd, F_WRLCK, PRESENCE, 1) == 0) {
			commit_sweep(db);
			/* open-iscsi's tools remove it when they have waited for long. */
			if (link_is_ours(l))
				unlinkat(l->dir, LINK, 0);
		}
		close(STEAL_FD(l->fd));
	}
	if (l->dir >= 0)
		close(STEAL_FD(l->dir));
}
