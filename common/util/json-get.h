/* SPDX-License-Identifier: MIT */
/* json-get.h - members of an object that somebody else made; what is missing is NULL, "" or 0 */
#ifndef UTIL_JSON_GET_H
#define UTIL_JSON_GET_H

#include <json-c/json.h>
#include <stdbool.h>

static inline struct json_object *json_get(struct json_object *o, const char *name)
{
	return json_object_object_get(o, name);
}

/* NULL for what is no text. */
static inline const char *json_get_text(struct json_object *o, const char *name)
{
	struct json_object *s = json_get(o, name);

	return json_object_is_type(s, json_type_string) ? json_object_get_string(s) : NULL;
}

static inline const char *json_get_text_or_empty(struct json_object *o, const char *name)
{
	const char *s = json_get_text(o, name);

	return s ? s : "";
}

static inline int64_t json_get_number(struct json_object *o, const char *name)
{
	return json_object_get_int64(json_get(o, name));
}

static inline bool json_get_flag(struct json_object *o, const char *name)
{
	return json_object_get_boolean(json_get(o, name));
}

/* How many items a list has. */
static inline size_t json_get_count(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

#endif
