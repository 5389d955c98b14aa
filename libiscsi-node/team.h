/* SPDX-License-Identifier: MIT */
/*
 * team.h - the same work on many records, by as many threads as there are processors
 *
 * A thread works through slices, each some hundred records whose targets are neighbours in the
 * order of their locks, with every record of those: so no two threads want the same lock. Each
 * slice has a database of its own for the time, and is a group.
 */
#ifndef NODE_TEAM_H
#define NODE_TEAM_H

#include "db.h"

struct team_work {
	/* The target's name of record i; records of one target need not be next to each other. */
	const char *(*target)(void *data, size_t i);
	/* What is to be done with record i: 0, or an error that is the record's own. */
	int (*one)(void *data, struct iscsi_db *db, size_t i);
	/*
	 * Told of every record that was worked on, in order, by the caller's thread; text: the
	 * error's. May be NULL.
	 */
	void (*told)(void *data, size_t i, int r, const char *text);
	void *data;
	bool stop; /* with the first error; that is what team_run returns then */
};

/*
 * Inside or outside of a group of db. 0 or what went wrong with the group as a whole; db has the
 * sentence. What went wrong with getting a record into its place is that record's error.
 */
int team_run(struct iscsi_db *db, size_t n, const struct team_work *work);

#endif
