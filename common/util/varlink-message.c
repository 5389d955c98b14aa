/* SPDX-License-Identifier: MIT */
#include "varlink-message.h"

#include <errno.h>
#include <string.h>

#include "varlink.h"

#define DEPTH_MAX 32 /* of nested JSON */

int varlink_message_add(struct buf *b, struct json_object *o)
{
	size_t len;
	const char *text = json_object_to_json_string_length(o,
		JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	return text ? buf_add(b, text, len + 1) : -ENOMEM;
}

static struct json_object *parse(const uint8_t *text, size_t len)
{
	struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
	struct json_object *o = NULL;

	if (t && len <= VARLINK_MESSAGE_MAX)
		o = json_tokener_parse_ex(t, (const char *)text, (int)len);
	json_tokener_free(t);
	if (json_object_is_type(o, json_type_object))
		return o;
	json_object_put(o);
	return NULL;
}

int varlink_message_take(struct buf *b, size_t *scanned, struct json_object **ret)
{
	uint8_t *end = b->len > *scanned ? memchr(b->data + *scanned, 0, b->len - *scanned) : NULL;
	struct json_object *o;
	size_t len;

	if (!end) {
		*scanned = b->len;
		return b->len > VARLINK_MESSAGE_MAX ? -EPROTO : -EAGAIN;
	}
	len = (size_t)(end - b->data);
	o = parse(b->data, len);
	explicit_bzero(b->data, len);
	buf_consume(b, len + 1);
	*scanned = 0;
	if (!o)
		return -EPROTO;
	*ret = o;
	return 0;
}
