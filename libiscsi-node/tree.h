/* SPDX-License-Identifier: MIT */
/*
 * tree.h - the names of all records: what directories nodes/TARGET/PORTAL/IFACE there are
 *
 * They are read in chunks of some hundred directories, on all processors. A chunk can also be taken
 * from the index (index.c) when each of its directories is what it was.
 */
#ifndef NODE_TREE_H
#define NODE_TREE_H

#include "buf.h"
#include "db.h"

#include <sys/stat.h>

#define TREE_CHUNK 64 /* targets */

/* Of a directory: changes with every name that is made or removed in it. All 0: never equal. */
struct stamp {
	uint64_t ino;
	int64_t sec; /* ctime */
	uint64_t nsec;
};

/* Texts are offsets into the chunk's strings. */
struct tree_target {
	struct stamp stamp;
	uint32_t name, n_portals;
};

struct tree_portal {
	struct stamp stamp;
	uint32_t dir, address; /* dir: ADDRESS,PORT[,TPGT] */
	int32_t port, tpgt;    /* tpgt -1: a file of the old style, which has no interfaces here */
	uint32_t n_ifaces, reserved;
};

/* Targets, the portals of all of them, the interfaces of all of those. */
struct tree_chunk {
	const struct tree_target *targets;
	const struct tree_portal *portals;
	const uint32_t *ifaces;
	const char *strings;
	uint32_t n_targets, n_portals, n_ifaces, strings_len;
	bool settled;	    /* later changes will be seen in the stamps */
	struct buf body[4]; /* what the pointers lead to when it was read from the directories */
	bool from_index;    /* or they lead there */
};

struct tree_index {
	int fd;
	uint64_t *ends; /* of the head and of each chunk, in bytes; NULL: there is no index */
	char *text;
};

struct tree {
	struct tree_chunk *chunks;
	size_t n;
	struct stamp stamp; /* of nodes/ */
	uint64_t dev;	    /* of all of it */
	struct tree_index index;
	int error;	    /* the first one that is more than a directory that went away */
};

/* nodes: the directory. Sorted; without what is no name of a record. */
int tree_read(struct iscsi_db *db, int nodes, struct tree *ret);
/* Of one target (whose name is a good one). */
int tree_read_target(int nodes, const char *target, struct tree *ret);
void tree_release(struct tree *t);

/* What stat says of a directory, on file system dev; false when it is no directory there. */
bool stamp_take(const struct stat *st, uint64_t dev, struct stamp *ret);
bool stamp_equal(const struct stamp *a, const struct stamp *b);

/* Directories that are worth an index; only a test sets it. */
extern size_t index_min;

/* ---- index.c ---- */

/*
 * Opens the index when it is of this directory as it is now: t has its stamp and dev, and gets n
 * and empty chunks.
 */
bool index_open(struct iscsi_db *db, struct tree *t);
/*
 * Fills in chunk i; several threads may, each another one. False: the index is broken, which makes
 * all of it worthless. Whether the chunk's directories are as they were is not looked at.
 */
bool index_take(struct tree *t, size_t i);
/* What was taken is gone then, too. */
void index_close(struct tree *t);
/* Writes the index anew. That it cannot be is no error. */
void index_write(struct iscsi_db *db, const struct tree *t);

#endif
