/* SPDX-License-Identifier: MIT */
#include "varlink-message.h"

#include <errno.h>
#include <string.h>

#include "str.h"
#include "varlink.h"

static int parse(const char *text, size_t len, struct json_object **ret)
{
	struct json_tokener *t = json_tokener_new();
	struct json_object *o;

	if (!t)
		return -ENOMEM;
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	/* With its NUL, which tells the parser that there is no more. */
	o = json_tokener_parse_ex(t, text, (int)len + 1);
	json_tokener_free(t);
	if (!json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		return -EPROTO;
	}
	*ret = o;
	return 0;
}

/* Not for every message: with many in the buffer each would move all that follow. */
static void drop_taken(struct varlink_input *in)
{
	if (in->start < in->buf.len - in->start)
		return;
	buf_consume(&in->buf, in->start);
	in->scanned -= in->start;
	in->start = 0;
}

int varlink_message_take(struct varlink_input *in, struct json_object **ret)
{
	const struct buf *b = &in->buf;
	uint8_t *text, *end = NULL;
	size_t len;
	int r;

	if (b->len > in->scanned)
		end = memchr(b->data + in->scanned, '\0', b->len - in->scanned);
	in->scanned = end ? (size_t)(end - b->data) : b->len;
	len = in->scanned - in->start;
	if (len > VARLINK_MESSAGE_MAX)
		return -EPROTO;
	if (!end) {
		drop_taken(in);
		*ret = NULL;
		return 0;
	}
	text = b->data + in->start;
	r = parse((const char *)text, len, ret);
	/* It may hold a secret. */
	str_wipe(text, len);
	in->start = ++in->scanned;
	drop_taken(in);
	return r;
}

const char *varlink_message_text(struct json_object *o, size_t *ret_len)
{
	const char *text = json_object_to_json_string_length(
		o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, ret_len);

	*ret_len += 1;
	return text;
}

struct json_object *varlink_message_get(
	const struct json_object *o, const char *name, enum json_type type)
{
	struct json_object *v = json_object_object_get(o, name);

	return json_object_is_type(v, type) ? v : NULL;
}

bool varlink_message_flag(const struct json_object *o, const char *name)
{
	return json_object_get_boolean(varlink_message_get(o, name, json_type_boolean));
}

void varlink_message_wipe(struct json_object *o)
{
	if (json_object_is_type(o, json_type_string)) {
		str_wipe((char *)(uintptr_t)json_object_get_string(o),
			(size_t)json_object_get_string_len(o));
	} else if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			varlink_message_wipe(json_object_array_get_idx(o, i));
	} else if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, key, value)
		{
			(void)key;
			varlink_message_wipe(value);
		}
	}
}
