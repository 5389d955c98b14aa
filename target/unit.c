/* SPDX-License-Identifier: MIT */
#include "unit.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "str.h"

#define LUN_TEXT_MAX 24

static const char *lun_text(uint64_t lun, char text[LUN_TEXT_MAX])
{
	snprintf(text, LUN_TEXT_MAX, "%" PRIu64, lun);
	return text;
}

struct json_object *unit_set_by_hand(const struct target *t, uint64_t lun)
{
	char text[LUN_TEXT_MAX];

	return json_object_object_get(t->set_by_hand, lun_text(lun, text));
}

static void remember(struct target *t, uint64_t lun, const char *name, const char *value)
{
	struct json_object *o = unit_set_by_hand(t, lun);
	char text[LUN_TEXT_MAX];

	if (!t->set_by_hand)
		t->set_by_hand = json_object_new_object();
	if (!o) {
		o = json_object_new_object();
		json_object_object_add(t->set_by_hand, lun_text(lun, text), o);
	}
	json_object_object_add(o, name, json_object_new_string(value));
}

static enum model_error unit_error(struct model *m, int r, const char *what)
{
	switch (r) {
	case 0:
		return MODEL_OK;
	case -ENOMEM:
		return MODEL_NO_MEMORY;
	case -EEXIST:
		return MODEL_LUN_EXISTS;
	case -ENOENT:
		snprintf(m->why, sizeof(m->why), "%.100s: there is no such thing", what);
		return MODEL_INVALID;
	default:
		snprintf(m->why, sizeof(m->why), "%.100s: %s", what, strerror(-r));
		return MODEL_INVALID;
	}
}

enum model_error unit_new(struct model *m, struct target *t, const struct lu_settings *settings)
{
	struct lu *lu;

	if (!settings->lun)
		return MODEL_LUN_EXISTS;
	return unit_error(m, lu_new(t->device, settings, &lu),
		settings->path ? settings->path : "a logical unit without medium");
}

enum model_error unit_delete(struct model *m, struct target *t, uint64_t lun)
{
	struct lu *lu = lu_find(t->device, lun);
	char text[LUN_TEXT_MAX];
	int r;

	if (!lu)
		return MODEL_NO_LUN;
	r = lu_remove(lu);
	if (r == -EBUSY)
		return MODEL_REMOVAL_PREVENTED;
	if (!r && t->set_by_hand)
		json_object_object_del(t->set_by_hand, lun_text(lun, text));
	return unit_error(m, r, "the controller, LUN 0, stays");
}

enum model_error unit_set(struct model *m, struct target *t, uint64_t lun, const char *params)
{
	struct lu *lu = lu_find(t->device, lun);
	CLEANUP_FREE char *copy = strdup(params);
	char *rest = copy, *name, *value;
	int r = 0;

	if (!copy)
		return MODEL_NO_MEMORY;
	if (!lu)
		return MODEL_NO_LUN;
	while (!r && (name = strsep(&rest, ","))) {
		if (!*name)
			continue;
		value = strchr(name, '=');
		if (!value)
			return unit_error(m, -EINVAL, name);
		*value++ = '\0';
		r = lu_set(lu, name, value);
		if (r)
			return unit_error(m, r, name);
		remember(t, lun, name, value);
	}
	return MODEL_OK;
}
