/* SPDX-License-Identifier: MIT */
/* json-get.h - members of an object that somebody else made: what is missing is NULL, "", 0, none */
#ifndef UTIL_JSON_GET_H
#define UTIL_JSON_GET_H

#include <json-c/json.h>

static inline struct json_object *get(struct json_object *o, const char *name)
{
	return json_object_object_get(o, name);
}

/* NULL for what is no text. */
static inline const char *get_text(struct json_object *o, const char *name)
{
	struct json_object *s = get(o, name);

	return json_object_is_type(s, json_type_string) ? json_object_get_string(s) : NULL;
}

static inline const char *get_text_or_empty(struct json_object *o, const char *name)
{
	const char *s = get_text(o, name);

	return s ? s : "";
}

static inline int64_t get_number(struct json_object *o, const char *name)
{
	return json_object_get_int64(get(o, name));
}

static inline bool get_flag(struct json_object *o, const char *name)
{
	return json_object_get_boolean(get(o, name));
}

/* How many items a list has. */
static inline size_t get_count(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

#endif
