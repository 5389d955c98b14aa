/* SPDX-License-Identifier: MIT */
/* inject.h - what can happen at a step of a scenario of model.c */
#ifndef TESTS_INJECT_H
#define TESTS_INJECT_H

#include "fake.h"

struct session;

struct injection {
	const char *name;
	enum fake_fault fault; /* of the step itself, or */
	void (*event)(void);   /* beside it */
};

/* The faults come first; the last one has no name. */
extern const struct injection injections[];

/* False: that fault is none of such a step. */
bool injection_applies(enum fake_point point, const struct injection *i);

/* The one that it happens to, or NULL; and as the kernel calls it, 0: it has no number. */
struct session *the_session(void);
uint32_t the_sid(void);

#endif
