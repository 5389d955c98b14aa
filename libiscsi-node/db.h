/* SPDX-License-Identifier: MIT */
/* db.h - the open database: where its directories are, its lock, its messages */
#ifndef NODE_DB_H
#define NODE_DB_H

#include "cleanup.h"
#include "filter.h"
#include "record.h"

#include <stdint.h>
#include <sys/types.h>

#define RECORD_FILE_MAX (1U << 20) /* bytes; a full record has some 4000 */

/* The kinds of record, each with its directory. */
enum db_dir { DB_NODES, DB_SEND_TARGETS, DB_ISNS, DB_IFACES, N_DB_DIRS };

/* Bytes that names are locked by; len 0: none. */
struct lock_span {
	uint64_t first, len;
};

/* What a writer holds while it writes: lock.c. */
struct db_lock {
	int dir, fd; /* ROOT/run/lock/iscsi, and the file with the locks in it; -1: not locked */
	struct lock_span span; /* locked in one go */
};

/* What became of a record's links: links.c. */
struct link_change {
	bool set;     /* the others' are to go when the record is in its place */
	char *source; /* whose link stays; NULL: nobody's */
	bool made;    /* it was not there */
};

/* What went wrong with a change, also after it was made: on its way to its place. */
struct outcome {
	int r;
	char *text;
};

/* A record's new file, not in its place yet. */
struct staged {
	enum db_dir dir;
	char *path;		  /* below dir */
	char *old;		  /* file to be removed then, NULL: none */
	uint64_t path_hash, name; /* name: what it is locked as, its hash */
	uint64_t number;	  /* the temporary file's name */
	int fd;			  /* of one without a name; -1: it has one */
	struct link_change links;
	struct outcome *outcome; /* NULL: the group's */
	bool walked;		 /* its directory has been reached through no link */
	bool placed;
};

/* Changes on their way to the disk: commit.c. */
struct commit {
	unsigned int depth; /* of iscsi_db_group_begin */
	struct db_lock lock;
	struct lock_span span; /* to be locked in one go, if that can be */
	unsigned int names; /* locked besides the first */
	int temporary, dirs[N_DB_DIRS]; /* open directories, -1: not yet; temporary: our own */
	struct staged *staged;
	size_t n;
	unsigned int nameless; /* bit of each kind that has staged a file without a name */
	uint64_t name;	 /* locked last, its hash */
	uint64_t own_temporary;	 /* the temporary directory's name */
	uint64_t number;	 /* of the next file in it */
	struct outcome *outcome; /* of the change under way; NULL: what goes wrong later is the group's */
	bool changed;	 /* there is something to sync at the group's end */
	int error;	 /* the first one of the group */
	char *error_text;
};

/* links.c: the directories of discovery sources. There may be more than a process may open. */
struct sources {
	bool loaded;
	int dir;      /* the database's */
	char **names; /* below it: "static", "send_targets/10.0.0.1,3260" */
	size_t n;
	char *used; /* the one that a link was made in last; NULL: none */
	int fd;	    /* its directory's */
};

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
	unsigned int lock_wait_ms; /* for each of the locks */
	bool filters_loaded;
	struct filter allow, deny; /* of portals */
	struct commit commit;
	struct sources sources; /* known while the lock is held */
	struct pattern *pattern; /* of the last update in a group */
	unsigned int patterns, fits; /* learnt, and how often one of them was of use */
};

/* Another one on the same files, for another thread. */
int db_clone(const struct iscsi_db *db, struct iscsi_db **ret);

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
 * were of use or -errno: -ENOENT when there is no such file, -EBADMSG when it is too long or torn.
 */
int db_parse_file(struct iscsi_db *db, int dirfd, const char *path, const char *name,
	struct record *r, const struct parse *how);

/* ---- changing: commit.c ---- */

/*
 * Locks what has this name (a target's, a discovery record's), to change it; commit_end puts the
 * changes in place and gives the lock up, or leaves that to the end of the group.
 */
int commit_begin(struct iscsi_db *db, const char *name);
/*
 * Before a record is read again or removed: puts in place what the group has written to path, or
 * with NULL to any of this name (which is locked, before and after).
 */
int commit_settle(struct iscsi_db *db, const char *path, const char *name);
/* The directory of a kind of record, open until the lock is given up; -errno. */
int commit_dir(struct iscsi_db *db, enum db_dir dir, bool make);
/*
 * Writes r, to become the file path below dir, in one step. stored: the text that is there, NULL when
 * it is not known, commit_nothing when there is none; nothing is written when that is it already.
 */
struct buf;
extern const struct buf commit_nothing;
int commit_write(struct iscsi_db *db, enum db_dir dir, const char *path, struct record *r,
	const struct buf *stored);
/* The same for a text. */
int commit_write_text(struct iscsi_db *db, enum db_dir dir, const char *path,
	const struct buf *text, const struct buf *stored);
/*
 * Puts a directory with r in its file in place of the file at path below dir, in one step and at
 * once.
 */
int commit_swap(
	struct iscsi_db *db, enum db_dir dir, const char *path, const char *file, struct record *r);
/* Removes old, below the same directory, once what was written last is in place. */
int commit_then_remove(struct iscsi_db *db, const char *old);
/* links_settle once the record at path is in place, or now where nothing had to be written. */
int commit_then_links(struct iscsi_db *db, const char *path, struct link_change *links);
/* Takes back what was made for a record that did not get into its place; keeps db's error. */
void commit_undo(struct iscsi_db *db, enum db_dir dir, const char *path,
	const struct link_change *links);
/* Removes those directories of file path below dir that are empty now. */
void commit_remove_dirs(struct iscsi_db *db, enum db_dir dir, const char *path);
/* r is how the change went: returned, or else what went wrong here. */
int commit_end(struct iscsi_db *db, int r);
/* iscsi_db_group_end for a group that failed with r already: its error goes first. */
int group_end(struct iscsi_db *db, int r);
/* iscsi_db_group_end but for the last sync, which group_end of whoever has done so is to make. */
int group_leave(struct iscsi_db *db);
/* Puts in place what the group has changed, and gives up its locks. */
void group_settle(struct iscsi_db *db);
/* Removes the temporary files of writers that were killed. Only for who is alone: lock.c. */
void commit_sweep(struct iscsi_db *db);
/* Seconds that such a file is left alone; only a test sets it. */
extern int sweep_age_s;

/* ---- links.c, for commit.c; path: of a record, below nodes/ ---- */

void sources_forget(struct iscsi_db *db);
/* The record is in its place: only the link that it has now stays. */
int links_settle(struct iscsi_db *db, const char *path, const struct link_change *links);
/* It is not, and there is an older one (else another one: no link at all stays). */
void links_take_back(struct iscsi_db *db, const char *path, const struct link_change *links);
void link_change_release(struct link_change *links);

bool db_is_file(int dirfd, const char *path);

/* The names in a directory, sorted as bytes; those that begin with a dot are left out. */
struct names {
	char **v;
	size_t n, room;
};

/* type: DT_DIR, DT_REG, DT_LNK, or DT_UNKNOWN for any. */
int names_read(int dirfd, const char *path, unsigned char type, struct names *ret);
void names_free(struct names *n);

/* The byte that a name is locked by. */
uint64_t db_lock_byte(const char *name);
/*
 * Waits until nobody else writes what has this name; locks all of span with it if nobody has any of
 * that. *l is to be unlocked also on failure.
 */
int db_lock(struct iscsi_db *db, const char *name, const struct lock_span *span, struct db_lock *l);
/* Seconds after which open-iscsi's lock is taken for a dead one's; only a test sets it. */
extern int lock_stale_s;
/* Locks another name as well, without waiting; false when somebody else has it. */
bool db_lock_more(struct db_lock *l, const char *name);
void db_unlock(struct iscsi_db *db, struct db_lock *l);

/* iscsid.conf as it is now over what r has; that there is none is no error. */
int config_apply(struct iscsi_db *db, struct record *r);
/* iscsi_db_config_get that keeps db's error. */
int config_find(struct iscsi_db *db, const char *key, char **ret);
/* 1 yes, 0 no or not set, -errno. */
int config_is_yes(struct iscsi_db *db, const char *key);

#endif
