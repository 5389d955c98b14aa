/* SPDX-License-Identifier: MIT */
/*
 * json.h - what --json prints in place of text: one object, with "version" and the lists that were
 * asked for, as iscsiadm-json(7) says. Objects are collected while a mode runs and printed at its
 * end, so that what is printed is always whole. Without --json nothing is collected.
 */
#ifndef ISCSIADM_JSON_H
#define ISCSIADM_JSON_H

#include <json-c/json.h>

#include "iscsiadm.h"
#include "request.h"

/* The list exists from now on, empty or not. */
void json_begin(struct app *a, const char *list);
/* Adds o (consumed) to the list. */
void json_add(struct app *a, const char *list, struct json_object *o);
/* Prints it and a newline. */
void json_finish(struct app *a);

/* NULL becomes null. */
void json_put_text(struct json_object *o, const char *key, const char *value);

/* "code" and "text" of what was done: 0 and null when it worked, UNSET becomes null. */
void json_put_result(struct json_object *o, int code, const char *text);
struct json_object *json_session_id(const struct view_session *s);
struct json_object *json_node_id(const struct iscsi_node_id *id);
struct json_object *json_source(const struct iscsi_source *s);

/* For the each functions of records: data is this. A secret that is not to be shown is null. */
struct json_settings {
	struct json_object *object;
	bool show_secrets;
};
int json_add_setting(void *data, const char *key, const char *value, bool secret);

/* state may be NULL. Secrets only with -S. */
struct json_object *json_session(
	struct app *a, const struct view_session *s, const struct request_state *state);

struct stats;
struct json_object *json_stats(const struct view_session *s, const struct stats *stats);
struct view_host;
struct json_object *json_host(const struct view_host *h);

#endif
