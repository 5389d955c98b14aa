/* SPDX-License-Identifier: MIT */
#include "admin.h"

#include <errno.h>
#include <stdlib.h>

#include "json-get.h"
#include "log.h"
#include "state.h"
#include "str.h"
#include "unit.h"
#include "varlink.h"

struct admin {
	struct model *model;
	struct varlink_server *server;
	void (*stop)(void *data);
	void *data;
	bool debug;
};

/* What is missing is "" or 0, which the model refuses. */
static struct target *target(struct admin *a, struct json_object *p)
{
	int64_t tid = json_get_number(p, "tid");

	return tid > 0 && tid <= INT32_MAX ? model_target(a->model, (int)tid) : NULL;
}

/* ---- targets ---- */

static enum model_error target_new(struct admin *a, struct json_object *p)
{
	int64_t tid = json_get_number(p, "tid");

	return model_target_new(
		a->model, tid > 0 && tid <= INT32_MAX ? (int)tid : 0, json_get_text_or_empty(p, "name"));
}

static enum model_error target_delete(struct admin *a, struct json_object *p)
{
	struct target *t = target(a, p);

	return t ? model_target_delete(a->model, t->tid, json_get_flag(p, "force")) : MODEL_NO_TARGET;
}

static enum model_error target_set(struct admin *a, struct json_object *p)
{
	struct target *t = target(a, p);

	return t ? model_target_set(a->model, t, json_get_text_or_empty(p, "name"),
			   json_get_text_or_empty(p, "value"))
		 : MODEL_NO_TARGET;
}

static enum model_error access_new(struct admin *a, struct json_object *p)
{
	struct target *t = target(a, p);

	return t ? model_acl_bind(a->model, t, json_get_text(p, "address"),
			   json_get_text(p, "initiator"))
		 : MODEL_NO_TARGET;
}

static enum model_error access_delete(struct admin *a, struct json_object *p)
{
	struct target *t = target(a, p);

	return t ? model_acl_unbind(a->model, t, json_get_text(p, "address"),
			   json_get_text(p, "initiator"))
		 : MODEL_NO_TARGET;
}

/* ---- logical units ---- */

static enum model_error unit_create(struct admin *a, struct json_object *p)
{
	struct target *t = target(a, p);
	struct lu_settings s = {
		.lun = (uint64_t)json_get_number(p, "lun"),
		.path = json_get_text(p, "path"),
		.backing = json_get_text(p, "backing"),
		.flags = json_get_text(p, "flags"),
		.block_size = (uint32_t)json_get_number(p, "block_size"),
	};

	return t ? unit_new(a->model, t, &s) : MODEL_NO_TARGET;
}

static enum model_error unit_remove(struct admin *a, struct json_object *p)
{
	struct target *t = target(a, p);

	return t ? unit_delete(a->model, t, (uint64_t)json_get_number(p, "lun")) : MODEL_NO_LUN;
}

static enum model_error unit_change(struct admin *a, struct json_object *p)
{
	struct target *t = target(a, p);

	return t ? unit_set(a->model, t, (uint64_t)json_get_number(p, "lun"),
			   json_get_text_or_empty(p, "params"))
		 : MODEL_NO_LUN;
}

/* ---- accounts ---- */

static enum model_error account_create(struct admin *a, struct json_object *p)
{
	return model_account_new(
		a->model, json_get_text_or_empty(p, "user"), json_get_text_or_empty(p, "password"));
}

static enum model_error account_delete(struct admin *a, struct json_object *p)
{
	return model_account_delete(a->model, json_get_text_or_empty(p, "user"));
}

static enum model_error account_use(struct admin *a, struct json_object *p,
	enum model_error (*change)(struct model *, struct target *, const char *, bool))
{
	bool discovery = !json_object_object_get(p, "tid");
	struct target *t = target(a, p);

	if (!discovery && !t)
		return MODEL_NO_TARGET;
	return change(a->model, t, json_get_text_or_empty(p, "user"), json_get_flag(p, "outgoing"));
}

static enum model_error account_bind(struct admin *a, struct json_object *p)
{
	return account_use(a, p, model_account_bind);
}

static enum model_error account_unbind(struct admin *a, struct json_object *p)
{
	return account_use(a, p, model_account_unbind);
}

/* ---- portals, connections ---- */

static enum model_error portal_new(struct admin *a, struct json_object *p)
{
	static const char *const nop[] = {"nop_interval", "nop_count"};
	struct target_settings s = a->model->defaults;
	enum model_error e;

	for (size_t i = 0; i < 2; i++)
		if (json_get_text(p, nop[i]) && settings_set(&s, nop[i], json_get_text_or_empty(p, nop[i])))
			return MODEL_INVALID;
	e = model_portal_new(a->model, json_get_text_or_empty(p, "portal"), 1);
	if (!e)
		a->model->defaults = s;
	return e;
}

static enum model_error portal_delete(struct admin *a, struct json_object *p)
{
	return model_portal_delete(a->model, json_get_text_or_empty(p, "portal"));
}

static enum model_error connection_close(struct admin *a, struct json_object *p)
{
	struct target *t = target(a, p);

	return t ? model_connection_close(a->model, t, (unsigned int)json_get_number(p, "sid"),
			   (unsigned int)json_get_number(p, "cid"))
		 : MODEL_NO_TARGET;
}

/* ---- the daemon ---- */

static enum model_error system_set(struct admin *a, struct json_object *p)
{
	const char *name = json_get_text_or_empty(p, "name"), *value = json_get_text_or_empty(p, "value");

	if (str_eq(name, "debug") && (str_eq(value, "on") || str_eq(value, "off"))) {
		a->debug = str_eq(value, "on");
		log_set_debug(a->debug ? 1 : 0);
		return MODEL_OK;
	}
	if (str_eq(name, "State") && (str_eq(value, "ready") || str_eq(value, "offline"))) {
		a->model->offline = str_eq(value, "offline");
		return MODEL_OK;
	}
	return MODEL_INVALID;
}

static enum model_error load(struct admin *a, struct json_object *p)
{
	return state_load(a->model, json_object_object_get(p, "state"));
}

/* ---- methods ---- */

static void answer(struct varlink_call *call, const struct model *m, enum model_error e)
{
	struct json_object *o;

	if (!e) {
		varlink_call_reply(call, NULL, false);
		return;
	}
	o = json_object_new_object();
	json_object_object_add(o, "text", json_object_new_string(model_error_text(e)));
	json_object_object_add(o, "why", json_object_new_string(m->why));
	varlink_call_error(call, "io.iscsi.target.Failed", o);
}

#define CHANGES(X)                                                                                 \
	X(TargetNew, target_new)                                                                   \
	X(TargetDelete, target_delete)                                                             \
	X(TargetSet, target_set)                                                                   \
	X(AccessNew, access_new)                                                                   \
	X(AccessDelete, access_delete)                                                             \
	X(UnitNew, unit_create)                                                                    \
	X(UnitDelete, unit_remove)                                                                 \
	X(UnitSet, unit_change)                                                                    \
	X(AccountNew, account_create)                                                              \
	X(AccountDelete, account_delete)                                                           \
	X(AccountBind, account_bind)                                                               \
	X(AccountUnbind, account_unbind)                                                           \
	X(PortalNew, portal_new)                                                                   \
	X(PortalDelete, portal_delete)                                                             \
	X(ConnectionClose, connection_close)                                                       \
	X(SystemSet, system_set)                                                                   \
	X(Load, load)

#define RUN(name, change)                                                                          \
	static void run_##change(struct varlink_call *call, struct json_object *p, void *data)     \
	{                                                                                          \
		struct admin *a = data;                                                            \
                                                                                                   \
		a->model->why[0] = '\0';                                                           \
		answer(call, a->model, change(a, p));                                              \
	}
CHANGES(RUN)

static void run_show(struct varlink_call *call, struct json_object *p, void *data)
{
	struct admin *a = data;
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "state", state_show(a->model, json_get_flag(p, "secrets"), a->debug));
	varlink_call_reply(call, o, false);
}

static void run_stop(struct varlink_call *call, struct json_object *p, void *data)
{
	struct admin *a = data;

	(void)p;
	if (!list_empty(&a->model->targets)) {
		answer(call, a->model, MODEL_INVALID);
		return;
	}
	varlink_call_reply(call, NULL, false);
	a->stop(a->data);
}

#define ROW(name, change) {"io.iscsi.target." #name, false, run_##change},

static const struct varlink_method methods[] = {
	CHANGES(ROW)
	{"io.iscsi.target.Show", false, run_show},
	{"io.iscsi.target.Stop", false, run_stop},
};

static const struct varlink_service service = {
	.vendor = "iscsid",
	.product = "iscsi-targetd",
	.version = VERSION,
	.url = "",
	.interface = "io.iscsi.target",
	.description =
#include "interface.h"
	,
	.methods = methods,
	.n_methods = sizeof(methods) / sizeof(methods[0]),
};

int admin_open(struct model *m, uv_loop_t *loop, int listen_fd, void (*stop)(void *data),
	void *data, struct admin **ret)
{
	struct admin *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return -ENOMEM;
	a->model = m;
	a->stop = stop;
	a->data = data;
	r = varlink_server_new(loop, listen_fd, &service, a, &a->server);
	if (r) {
		free(a);
		return r;
	}
	*ret = a;
	return 0;
}

void admin_close(struct admin *a)
{
	if (!a)
		return;
	varlink_server_free(a->server);
	free(a);
}
