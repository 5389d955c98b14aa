/* SPDX-License-Identifier: MIT */
/* requests.h - logins and logouts that a client of the socket waits for */
#ifndef ISCSID_REQUESTS_H
#define ISCSID_REQUESTS_H

#include <json-c/json.h>

#include "initiator.h"
#include "varlink.h"

/* Each starts one piece of work for every element (at least one) and replies once for each. */
/*
 * extra: one session more, whatever there is already. wanted: what cannot be reached at the first
 * attempt is answered so, and stays wanted (wanted.h).
 */
void request_login(struct initiator *i, struct varlink_call *call, struct json_object *records,
	bool extra, bool wanted);
void request_update(struct initiator *i, struct varlink_call *call, int64_t sid,
	struct json_object *record);
/* in_use: also when the disks are. */
void request_logout(struct initiator *i, struct varlink_call *call, struct json_object *sids,
	bool in_use);

#endif
