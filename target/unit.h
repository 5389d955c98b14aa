/* SPDX-License-Identifier: MIT */
/*
 * unit.h - a target's logical units as an administrator sees them: lu.h, with the errors of
 * model.h, and what was set by hand remembered so that a configuration can be written back.
 */
#ifndef TARGET_UNIT_H
#define TARGET_UNIT_H

#include <json-c/json.h>

#include "lu.h"
#include "model.h"

enum model_error unit_new(struct model *m, struct target *t, const struct lu_settings *settings);
enum model_error unit_delete(struct model *m, struct target *t, uint64_t lun);
/* params: "name=value,name=value" of lu_set(). Those before a bad one are set. */
enum model_error unit_set(struct model *m, struct target *t, uint64_t lun, const char *params);
/* An object of what was set, by name, or NULL; t->set_by_hand owns it. */
struct json_object *unit_set_by_hand(const struct target *t, uint64_t lun);

#endif
