/* SPDX-License-Identifier: MIT */
/* adm-show.h - io.iscsi.target.State as tgtadm prints it */
#ifndef TARGET_ADM_SHOW_H
#define TARGET_ADM_SHOW_H

#include <json-c/json.h>

#include "adm-options.h"

/* The target of that tid in a State, or NULL; the session of that number in any target. */
struct json_object *adm_find_target(struct json_object *state, int64_t tid);
struct json_object *adm_find_session(struct json_object *state, int64_t sid);
bool adm_has_unit(struct json_object *target, int64_t lun);

void adm_show_targets(struct json_object *state);
void adm_show_settings(struct json_object *target);
void adm_show_accounts(struct json_object *state);
void adm_show_portals(struct json_object *state);
void adm_show_drivers(struct json_object *state);
void adm_show_system(struct json_object *state);
void adm_show_connections(struct json_object *target);
/* target NULL: all; lun ADM_UNSET: all */
void adm_stat(struct json_object *state, struct json_object *target, int64_t lun);
void adm_stat_session(struct json_object *state, struct json_object *session);

#endif
