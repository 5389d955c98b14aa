/* SPDX-License-Identifier: MIT */
/* request.h - what iscsiadm asks of iscsid; one connection for a run */
#ifndef ISCSIADM_REQUEST_H
#define ISCSIADM_REQUEST_H

#include "iscsiadm.h"

struct request;

/*
 * Connects; where nobody serves the socket, the command iscsid.startup is run first when start is
 * set. enum iscsi_err; what went wrong is printed.
 */
int request_open(struct app *a, bool start, struct request **ret);
void request_close(struct request *q);

/* One answer; they come in any order. False: no more of them are wanted. */
struct request_result {
	int code;	  /* enum iscsi_err */
	const char *text; /* a sentence, "" on success */
	uint32_t sid;	  /* of a login that has worked, 0: none */
};
typedef bool request_answer(void *data, size_t index, const struct request_result *r);

/*
 * Each returns ISCSI_OK when every answer has come, else why not (printed). wait false: the
 * request is sent and nothing waited for.
 */
struct login_flags {
	bool extra;  /* one session more to each, whatever there is */
	bool wanted; /* iscsid goes on trying what cannot be reached now */
	bool wait;
};
int request_login(struct request *q, const struct nodes *nodes, const struct login_flags *flags,
	request_answer *answer, void *data);
/* sids below 0 are those of logins, see request_read_logins. in_use: NULL: as iscsid.conf says. */
int request_logout(struct request *q, const int64_t *sids, size_t n, const bool *in_use,
	request_answer *answer, void *data);
/* The session is to go by what its record says now. */
int request_update(struct request *q, uint32_t sid, struct iscsi_node *record,
	request_answer *answer, void *data);
int request_stop(struct request *q);

/*
 * The logins that are under way, as sessions that have no number yet; sids[k] is iscsid's for the
 * k-th. None when iscsid is not there. enum iscsi_err; sids is to be freed.
 */
int request_read_logins(struct app *a, struct view_sessions *ret, int64_t **ret_sids);

/* What iscsid is doing with session sid; "Unknown" twice when it does not say. */
struct request_state {
	uint32_t sid;
	char connection[32], internal[32];
};
struct request_states {
	struct request_state *items;
	size_t n;
};

/* Those of all sessions; none when iscsid does not answer, which is said. */
void request_read_states(struct app *a, struct request_states *ret);
const struct request_state *request_find_state(const struct request_states *s, uint32_t sid);
void request_states_clear(struct request_states *s);

#endif
