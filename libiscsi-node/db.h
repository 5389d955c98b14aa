/* SPDX-License-Identifier: MIT */
/* db.h - the open database: where its directories are, its lock, its messages */
#ifndef NODE_DB_H
#define NODE_DB_H

#include "cleanup.h"
#include "record.h"

#include <sys/types.h>

#define RECORD_FILE_MAX (1U << 20) /* bytes; a full record has some 4000 */

struct iscsi_db {
	char *root;	  /* stands for "/": "" or an absolute path without a slash at the end */
	char *config_dir; /* ROOT/etc/iscsi */
	char *config;	  /* iscsid.conf */
	char *initiatorname; /* initiatorname.iscsi */
	char *dir;	  /* of the records */
	char *error;	  /* NULL: nothing to say */
	void (*warn)(void *data, const char *text);
	void *warn_data;
	unsigned int warned;	   /* kinds of record that have told of iscsid.conf's faults */
	unsigned int lock_wait_ms; /* for each of the two locks */
};

/* Forgets the last error: first thing in every public function. */
void db_begin(struct iscsi_db *db);
/* Notes the sentence and returns err. */
__attribute__((format(printf, 3, 4))) int db_fail(
	struct iscsi_db *db, int err, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void db_warn(struct iscsi_db *db, const char *fmt, ...);

/*
 * Opens directory name ("nodes") of the database, made first when make is set. The descriptor or
 * -errno; -ENOENT notes no error.
 */
int db_open_dir(struct iscsi_db *db, const char *name, bool make);

/*
 * Parses file path below dirfd into r; name is what messages call it. The number of settings that
 * were of use or -errno: -ENOENT when there is no such file, -EBADMSG when it is too long.
 */
int db_parse_file(struct iscsi_db *db, int dirfd, const char *path, const char *name,
	struct record *r, const struct parse *how);

/*
 * Removes the temporary files of writers that were killed from the directory of path, where
 * open-iscsi's tools would take them for records. The lock is held: nobody is writing.
 */
void db_sweep(int dirfd, const char *path);

/* Writes r to path below dirfd in one step; sweeps first. */
int db_write_file(struct iscsi_db *db, int dirfd, const char *path, struct record *r);

/* The names in a directory, sorted as bytes; those that begin with a dot are left out. */
struct names {
	char **v;
	size_t n, room;
};

/* type: DT_DIR, DT_REG, DT_LNK, or DT_UNKNOWN for any. */
int names_read(int dirfd, const char *path, unsigned char type, struct names *ret);
void names_free(struct names *n);

/* What writers hold while they write: see lock.c. */
struct db_lock {
	int dir, fd;
};
#define DB_LOCK_NONE   \
	{              \
		-1, -1 \
	}

int db_lock(struct iscsi_db *db, struct db_lock *ret);
void db_unlock(struct db_lock *l);
#define CLEANUP_LOCK CLEANUP(db_unlock)

/* iscsid.conf as it is now over what r has; that there is none is no error. */
int config_apply(struct iscsi_db *db, struct record *r);

#endif
