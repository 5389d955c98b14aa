/* SPDX-License-Identifier: MIT */
/* varlink-message.h - what client and server of Varlink share: the framing of messages */
#ifndef UTIL_VARLINK_MESSAGE_H
#define UTIL_VARLINK_MESSAGE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

/* Bytes that arrived. */
struct varlink_input {
	struct buf buf;
	size_t start;	/* of the first message that was not taken yet */
	size_t scanned; /* to here it has no end */
};

/*
 * Takes the first message, a JSON object, out of in. *ret is the caller's to json_object_put, NULL
 * when there is no whole message yet. -EPROTO when there is something else or too much.
 */
int varlink_message_take(struct varlink_input *in, struct json_object **ret);

/* The text to send, with the NUL that ends it: *ret_len counts it. Lives as long as o. */
const char *varlink_message_text(struct json_object *o, size_t *ret_len);

/* The member of that name when it is of that type, else NULL. */
struct json_object *varlink_message_get(
	const struct json_object *o, const char *name, enum json_type type);
bool varlink_message_flag(const struct json_object *o, const char *name);

/* Overwrites the strings in o: they may be secrets. */
void varlink_message_wipe(struct json_object *o);

#endif
