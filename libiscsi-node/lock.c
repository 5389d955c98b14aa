/* SPDX-License-Identifier: MIT */
/*
 * The lock of writers: two in one, both in ROOT/run/lock/iscsi.
 *
 * Our own writers exclude each other by an OFD lock on the file "writer", which the kernel
 * releases when its holder dies. open-iscsi's tools know nothing of that: they take turns by making
 * a hard link "lock.write", which stays when its holder dies. So the holder of the OFD lock makes
 * that link too, to "writer". A lock.write that is our file was left by one of ours that is
 * dead, for the living one would hold the OFD lock, and is simply taken over; any other is
 * somebody else's, and is waited for, never removed.
 */
#include "db.h"

#include "file.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define LOCK_DIR "run/lock/iscsi"
#define OURS "writer"
#define LINK "lock.write"
#define POLL_MS 10

/* Whether the link is there and is our file. */
static bool link_is_ours(const struct db_lock *l)
{
	struct stat ours, theirs;

	return fstat(l->fd, &ours) == 0 &&
	       fstatat(l->dir, LINK, &theirs, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

static int take_link(const struct db_lock *l, unsigned int wait_ms)
{
	const struct timespec pause = {0, POLL_MS * 1000000L};

	for (unsigned int waited = 0;; waited += POLL_MS) {
		if (linkat(l->dir, OURS, l->dir, LINK, 0) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
		if (link_is_ours(l))
			return 0;
		if (waited >= wait_ms)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
	}
}

static int open_lock_dir(struct iscsi_db *db)
{
	int CLEANUP_CLOSE top = open(*db->root ? db->root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, r = top < 0 ? -errno : file_make_dirs(top, LOCK_DIR, 1);

	if (r < 0)
		return db_fail(
			db, -EACCES, "cannot make %s/" LOCK_DIR ": %s", db->root, strerror(-r));
	fd = openat(top, LOCK_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return db_fail(
			db, -EACCES, "cannot open %s/" LOCK_DIR ": %s", db->root, strerror(errno));
	return fd;
}

static int lock_failed(struct iscsi_db *db, int err, const char *file)
{
	if (err == -ETIMEDOUT)
		return db_fail(
			db, err, "%s/" LOCK_DIR "/%s is held by another program", db->root, file);
	return db_fail(
		db, err, "cannot lock %s/" LOCK_DIR "/%s: %s", db->root, file, strerror(-err));
}

int db_lock(struct iscsi_db *db, struct db_lock *ret)
{
	struct db_lock CLEANUP_LOCK l = DB_LOCK_NONE;
	int r;

	l.dir = open_lock_dir(db);
	if (l.dir < 0)
		return l.dir;
	l.fd = file_lock(l.dir, OURS, (int)db->lock_wait_ms);
	if (l.fd < 0)
		return lock_failed(db, l.fd, OURS);
	r = take_link(&l, db->lock_wait_ms);
	if (r < 0)
		return lock_failed(db, r, LINK);
	ret->dir = STEAL_FD(l.dir);
	ret->fd = STEAL_FD(l.fd);
	return 0;
}

void db_unlock(struct db_lock *l)
{
	if (l->fd >= 0) {
		/* open-iscsi's tools remove it when they have waited for long. */
		if (link_is_ours(l))
			unlinkat(l->dir, LINK, 0);
		close(STEAL_FD(l->fd));
	}
	if (l->dir >= 0)
		close(STEAL_FD(l->dir));
}
