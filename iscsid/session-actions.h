/* SPDX-License-Identifier: MIT */
/*
 * session-actions.h - private to session*.c: the states and events of the table in session.c, its
 * actions, and what they share. An act_… is an action: it returns the next state.
 */
#ifndef ISCSID_SESSION_ACTIONS_H
#define ISCSID_SESSION_ACTIONS_H

#include "session.h"

enum state {
	NEW,
	CONNECTING,
	WAITING,
	LOGGED_IN,
	PROBING,
	RELOGGING,
	BACKOFF,
	RECONNECTING,
	CANCELLING,
	UNBINDING,
	LOGGING_OUT,
	DESTROYING,
	STUCK,
	ENDED,
};

enum event {
	LOGIN,
	TAKE_OVER,
	CONN_ENDED,
	RETRY,
	SCANNED,
	CONN_ERROR,
	NOP_IN,
	LOGOUT_ASKED,
	LOGOUT,
	UNBOUND,
	LOGOUT_RESPONSE,
	TIMEOUT,
	STOP_FAILED,
	UNBIND_FAILED,
	SEND_FAILED,
	DESTROY_FAILED,
	DESTROYED,
	SETTLED,
};

/* ---- session.c ---- */

uint64_t session_now(const struct session *s);
/* In milliseconds, what the record says or its default. */
uint64_t session_login_ms(const struct session *s);
uint64_t session_logout_ms(const struct session *s);
void session_answer(struct list *waiters, int code, const char *text, uint32_t sid);
int act_stay(void *owner);

/* ---- session-work.c ---- */

/* Each begins a kernel job; false: the one before it has not ended yet. */
bool session_stop_conn(struct session *s);
bool session_unbind(struct session *s);
bool session_send_logout(struct session *s);
bool session_send_nop(struct session *s);
bool session_destroy(struct session *s);
bool session_set(struct session *s); /* what is live of the settings, when they have changed */
void session_scan(struct session *s); /* SCANNED follows, and once more when one was under way */
void session_revive(struct session *s);
void session_attempt(struct session *s); /* CONN_ENDED follows */
void session_attempt_ended(struct session *s);
int act_tell_conn(void *owner);
int act_note_vanished(void *owner);

/* ---- session-login.c ---- */

int act_login(void *owner);
int act_retry(void *owner);
int act_login_ended(void *owner);
int act_scanned(void *owner);
/* The attempt's result: the connection is up; and, the first time, what the kernel calls it. */
void session_note_up(struct session *s);
void session_name_in_kernel(struct session *s);
/* Somebody waits for the disks: those of a first login, or of one that was lost before its scan. */
void session_scan_for_waiters(struct session *s);

/* ---- session-recovery.c ---- */

int act_recover(void *owner);
int act_error_while_down(void *owner);
int act_stop_refused(void *owner);
int act_reconnect(void *owner);
int act_reconnect_ended(void *owner);
int act_logout_asked(void *owner);
/* An Asynchronous Message. */
void session_async(struct session *s, const uint8_t *bhs, const uint8_t *data, size_t len);

/* ---- session-logout.c ---- */

int act_logout(void *owner);
int act_unbound(void *owner);
int act_logout_timeout(void *owner);
int act_cancel(void *owner);
int act_cancelled(void *owner);
int act_destroy_now(void *owner);
int act_take_down(void *owner);
int act_destroy_refused(void *owner);
int act_destroy_timeout(void *owner);
int act_wait_more(void *owner);
int act_forget(void *owner);
int act_destroyed(void *owner);
int act_destroyed_meanwhile(void *owner);
int act_ended_late(void *owner);
int act_settle(void *owner);
int session_end(struct session *s);

/* ---- session-update.c ---- */

/* The attempt is over and nobody reads the settings. */
void session_take_next(struct session *s);
/* The end of session_set. */
void session_was_set(struct session *s, int err);

/* ---- session-take-over.c ---- */

int act_take_over(void *owner);
int act_probed(void *owner);
int act_probe_timeout(void *owner);

#endif
