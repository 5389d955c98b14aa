/* SPDX-License-Identifier: MIT */
/* scenarios.h - what model.c plays, who waits in it, and which rows of the tables that has taken */
#ifndef TESTS_SCENARIOS_H
#define TESTS_SCENARIOS_H

#include "session.h"

struct scenario {
	const char *name;
	void (*before)(void); /* the daemon is not up yet: its target, what it finds */
	struct {
		const char *key, *value;
	} record[4];	       /* what is special about it */
	bool logged_in;	       /* when it begins */
	void (*act)(void);     /* and then */
};

/* The last one has no name. */
extern const struct scenario scenarios[];

/* Something is wrong with this run. */
__attribute__((format(printf, 1, 2))) void model_fault(const char *fmt, ...);

/* bursts: the kernel tells all it has to at once. */
void model_begin(const struct scenario *s, bool bursts);
/* The target accepts whatever comes. */
void model_heal(void);
void model_end(void);

/* ---- who waits ---- */

void model_log_out(struct session *s);
void model_join_login(struct session *s);
void model_update(struct session *s);
bool model_all_answered(void);
/* Nobody has waited for longer than is right. */
void model_check_patience(void);

/* Asynchronous Messages with sense data. */
void model_new_luns(uint32_t sid);
void model_new_sizes(uint32_t sid);

/* ---- rows ---- */

/* From now on rows that are taken are counted. */
void model_watch(void);
/* Prints how many were, and names the others; how many of them have no excuse. */
unsigned int model_report(void);

#endif
