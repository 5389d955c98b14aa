/* SPDX-License-Identifier: MIT */
/*
 * fake.h - what a test scripts: the clock, the kernel, and a target on a real loopback socket.
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

/* The kernel reports a connection error of session sid. */
void fake_kernel_conn_error(uint32_t sid, int error);
/* A PDU of the target arrives, without data. */
void fake_kernel_pdu(uint32_t sid, const uint8_t bhs[BHS_LEN]);
/* Events are lost. */
void fake_kernel_lose(void);
/* Somebody else destroys it. */
void fake_kernel_destroy(uint32_t sid);
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
	int port;
	struct fake_target_impl *impl;
};

/* Listens on 127.0.0.1, any port unless one is set. */
void fake_target_open(struct fake_target *t, uv_loop_t *loop);
void fake_target_close(struct fake_target *t);
/* Its connections close; it goes on listening. */
void fake_target_drop(struct fake_target *t);

#endif
