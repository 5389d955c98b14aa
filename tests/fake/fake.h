/* SPDX-License-Identifier: MIT */
/*
 * fake.h - what a test scripts: the clock, the kernel, and a target on a Unix
 * socket that stands for a port of 127.0.0.1.
 *
 * The fake kernel keeps sessions in memory and mirrors them below ROOT/sys, so that all that reads
 * sysfs sees them. Login PDUs go over the socket that it was given, and when that closes it says
 * so; NOP-Out and Logout it answers itself. It counts the calls that would crash a host.
 */
#ifndef TESTS_FAKE_H
#define TESTS_FAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "kernel.h"

/* ---- clock ---- */

/* Goes on to the next timer and fires it; false when none is set. */
bool fake_clock_step(void);
/* The same, but at most to that moment. */
void fake_clock_step_until(uint64_t until);

/* ---- steps ---- */

/* Where something can happen: a plan is asked, before it does, what becomes of it. */
enum fake_point {
	FAKE_POINT_CALL,    /* the kernel begins a job (a hand-over in two) */
	FAKE_POINT_NOTE,    /* the kernel tells something */
	FAKE_POINT_CONNECT,
	FAKE_POINT_RESOLVE,
	FAKE_POINT_REQUEST, /* a login request comes to the target */
	FAKE_POINT_THREAD,  /* a scan, or the like */
	FAKE_POINT_TIME,    /* the clock moves */
	FAKE_POINT_EVENT,   /* a machine handles an event */
};

enum fake_fault {
	FAKE_WORKS,
	FAKE_FAILS,   /* an errno; of a login request: Target Error */
	FAKE_HANGS,   /* no end until fake_release; a login request stays without an answer */
	FAKE_REFUSES, /* of a connect: later; of a login request: Authentication Failure */
	FAKE_FAULTS
};

extern enum fake_fault (*fake_plan)(enum fake_point point);
static inline enum fake_fault fake_point(enum fake_point point)
{
	return fake_plan ? fake_plan(point) : FAKE_WORKS;
}

/* What hangs goes on. */
void fake_release(void);

/* Removes a directory and all below it. */
void fake_remove_tree(const char *path);

/* ---- names and threads ---- */

/*
 * How many addresses every host name has, 127.0.0.1 all of them; 0: the system is asked. With a
 * plan threads run on the loop.
 */
extern int fake_addresses;

/* ---- kernel ---- */

enum fake_step {
	FAKE_HAND_OVER,
	FAKE_UNBIND,
	FAKE_SEND,
	FAKE_DESTROY,
	FAKE_STOP,
	FAKE_BIND,
	FAKE_START,
	FAKE_SET,
	FAKE_STEPS
};

struct fake_kernel {
	int fail[FAKE_STEPS];	/* -errno that the step ends with; 0: it works */
	unsigned int fail_only[FAKE_STEPS]; /* so many times, then it works; 0: for ever */
	bool mute[FAKE_STEPS];	/* the step works but the event that follows never comes */
	bool bursts; /* all there is to tell is told at once */
	bool deaf; /* conn_error events are lost */
	unsigned int calls[FAKE_STEPS];
	bool deaf_to_tmo; /* recovery_tmo was written in sysfs: parameters do not change it */
	uint8_t sent[BHS_LEN]; /* the last PDU of FAKE_SEND, as it was handed in */
	uint32_t cmdsn; /* of the last hand-over */
	bool scan_hangs;	/* of hosts made from now on, until somebody opens the file to read */
	unsigned int sessions;	/* that exist now */
	unsigned int abuses;	/* a call on a session that is not there, an unknown descriptor, ... */
	struct kernel_params last_params;
};

extern struct fake_kernel fake_kernel;

bool fake_kernel_has(uint32_t sid);
/* Its connection is up, as far as it knows. */
bool fake_kernel_is_up(uint32_t sid);
/* The connection of session sid fails, when it has one; that is reported. */
void fake_kernel_conn_error(uint32_t sid, int error);
/* News that are old. */
void fake_kernel_say_error(uint32_t sid, int error);
void fake_kernel_say_unbound(uint32_t sid);
/* A PDU of the target arrives, without data. */
void fake_kernel_pdu(uint32_t sid, const uint8_t bhs[BHS_LEN]);
void fake_kernel_pdu_with(uint32_t sid, const uint8_t bhs[BHS_LEN], const uint8_t *data,
	size_t len);
/* Events are lost, also those that are on their way. */
void fake_kernel_lose(void);
/* Somebody else destroys it. */
void fake_kernel_destroy(uint32_t sid);
/* The job that hangs goes on. */
void fake_kernel_release(void);
/* Writes the session into ROOT/sys as one that is there before the daemon starts. */
void fake_kernel_preset(const char *root, uint32_t sid, const char *target, const char *address,
	int port, const char *state, const char *conn_state, const char *target_state);

/* ---- target ---- */

#define FAKE_TEXT_MAX 16384

struct fake_pdu {
	uint8_t bhs[BHS_LEN];
	char text[FAKE_TEXT_MAX];
	size_t len; /* of the text, without padding */
};

enum fake_answer {
	ANSWER_ACCEPT,	 /* full feature phase at once */
	ANSWER_STATUS,	 /* refuse with status_class and detail */
	ANSWER_REDIRECT, /* temporarily, to the address in redirect */
	ANSWER_SILENCE,
	ANSWER_CLOSE,
	ANSWER_GARBAGE,
	ANSWER_HALF, /* half a header, then silence */
	ANSWER_SCRIPT, /* what script makes of the request */
};

struct fake_target {
	enum fake_answer answer;
	uint8_t status_class, detail;
	char redirect[64];
	bool redirect_permanent;
	uint8_t isid[6]; /* of the last login */
	unsigned int fail_first; /* so many logins get answer, the ones after are accepted */
	void (*script)(const struct fake_pdu *request, struct fake_pdu *ret);
	unsigned int connections, logins; /* seen */
	unsigned int closed; /* connections that the initiator has closed */
	unsigned int after_login; /* bytes that came over after the last login response */
	unsigned int logged_in; /* connections in full feature phase now */
	int port;
	struct fake_target_impl *impl;
};

/* Listens, as it were, on a port of 127.0.0.1: any, unless one is set. */
void fake_target_open(struct fake_target *t, uv_loop_t *loop);
void fake_target_close(struct fake_target *t);
/* Its connections close; it goes on listening. */
void fake_target_drop(struct fake_target *t);

#endif
