/* SPDX-License-Identifier: MIT */
/*
 * machine.h - state machines as const tables.
 *
 * A row says: in any of these states, on this event, do this. The action returns the next state;
 * only machine.c writes the state. Machines post events to each other, which are handled one
 * after another from the loop, never inside the post. An event carries nothing but its kind: one
 * that is posted again before it is handled is handled once, so no number of them is too many.
 */
#ifndef ISCSID_MACHINE_H
#define ISCSID_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "clock.h"
#include "list.h"

#define MACHINE_EVENTS_MAX 32 /* kinds of event of one machine */
#define IN(state) (1u << (state))
#define MACHINE_GONE (-1) /* the action has freed the owner and with it the machine */
#define GONE (1u << 31)	  /* that, among the states that a row leads to */

struct machine;

struct machine_row {
	uint32_t states; /* IN(a) | IN(b) */
	int event;
	int (*action)(void *owner); /* returns the next state, or MACHINE_GONE */
	uint32_t to; /* where that may lead besides the present state: IN(a) | GONE */
};

struct machine_def {
	const char *const *states, *const *events; /* names, for the log */
	unsigned int n_states, n_events;
	const struct machine_row *rows;
	unsigned int n_rows;
	/* What the machine is about, for the log. */
	const char *(*name)(const void *owner);
	/* No row fits: fails this owner only; returns the next state. */
	int (*unexpected)(void *owner, int event);
};

/* Runs the machines of one loop. */
struct machine_runner {
	uv_loop_t *loop;
	uv_idle_t idle;
	struct list ready; /* machines with posted events */
};

struct machine {
	const struct machine_def *def;
	struct machine_runner *runner;
	void *owner;
	int state;
	int later; /* the event that the timer posts */
	bool timer_is_new; /* set by the action that runs */
	bool fired;	   /* what the timer has posted is not handled yet */
	struct clock_timer timer;
	uint8_t queue[MACHINE_EVENTS_MAX];
	unsigned int head, n;
	struct list link;
};

void machine_runner_init(struct machine_runner *r, uv_loop_t *loop);
void machine_runner_close(struct machine_runner *r);

/* -ENOMEM. */
int machine_init(struct machine *m, struct machine_runner *r, const struct machine_def *def,
	void *owner, int state);
void machine_close(struct machine *m); /* events still posted are dropped */

void machine_post(struct machine *m, int event);
/* Whether event is posted and not handled yet. */
bool machine_is_posted(const struct machine *m, int event);
/*
 * Posts event when the clock reaches at. One at a time: it belongs to the state that the running
 * action leads to (or the present one) and is dropped with the next change of state.
 */
void machine_post_at(struct machine *m, int event, uint64_t at);

/* The table as a Graphviz digraph. */
void machine_print(const struct machine_def *def, const char *title, FILE *f);

/* Events that no row is for, and ways that no row names: 0 in a daemon without mistakes. */
extern unsigned int machine_faults;
/* Events handled before the loop polls again; for tests to change. */
extern unsigned int machine_round;
/* Hears of every event before it is handled; NULL in the daemon. */
extern void (*machine_watch)(const struct machine *m, int event);

#endif
