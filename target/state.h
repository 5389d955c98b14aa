/* SPDX-License-Identifier: MIT */
/*
 * state.h - a model as JSON (io.iscsi.target.State) and back: what `show` and `--dump` are made
 * from, and what a configuration file becomes.
 */
#ifndef TARGET_STATE_H
#define TARGET_STATE_H

#include <json-c/json.h>

#include "model.h"

/* The caller's to json_object_put. secrets: with passwords. */
struct json_object *state_show(const struct model *m, bool secrets, bool debug);

/*
 * Brings in what is new in state, all or nothing; targets whose names are there already are left
 * as they are, targets that state does not name leave when they have no session. m->why says what
 * is wrong.
 */
enum model_error state_load(struct model *m, struct json_object *state);

#endif
