/* SPDX-License-Identifier: MIT */
/* varlink-message.h - JSON objects to and from bytes, for both sides of varlink.h */
#ifndef UTIL_VARLINK_MESSAGE_H
#define UTIL_VARLINK_MESSAGE_H

#include <json-c/json.h>
#include <stddef.h>

#include "buf.h"

/* Appends o and the NUL that ends it. */
int varlink_message_add(struct buf *b, struct json_object *o);

/*
 * Takes the first message off b; *ret is the caller's. scanned remembers between calls how far
 * there is no NUL. -EAGAIN: it is not all there; -EPROTO: no JSON object, or too long.
 */
int varlink_message_take(struct buf *b, size_t *scanned, struct json_object **ret);

#endif
