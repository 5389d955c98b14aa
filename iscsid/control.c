/* SPDX-License-Identifier: MIT */
#include "control.h"

#include <errno.h>
#include <stdlib.h>

#include "iscsi-node.h"
#include "json-get.h"
#include "requests.h"
#include "session.h"
#include "varlink.h"
#include "wanted.h"

struct control {
	struct initiator *initiator;
	struct varlink_server *server;
	void (*stop)(void *data);
	void *data;
};

static void run_login(struct varlink_call *call, struct json_object *params, void *data)
{
	struct control *c = data;
	struct json_object *records = json_get(params, "records");

	if (!json_get_count(records))
		varlink_call_invalid(call, "records");
	else
		request_login(c->initiator, call, records, json_get_flag(params, "extra"),
			json_get_flag(params, "wanted"));
}

/* Whole numbers: 1.5, or true, would be read as the number of another session. */
static bool are_sids(struct json_object *list)
{
	size_t n = json_get_count(list), i = 0;

	while (i < n && json_object_is_type(json_object_array_get_idx(list, i), json_type_int))
		i++;
	return n && i == n;
}

static void run_logout(struct varlink_call *call, struct json_object *params, void *data)
{
	struct control *c = data;
	struct json_object *sids = json_get(params, "sids"), *in_use = json_get(params, "in_use");
	bool too = in_use ? json_object_get_boolean(in_use) : !c->initiator->safe_logout;

	if (!are_sids(sids))
		varlink_call_invalid(call, "sids");
	else
		request_logout(c->initiator, call, sids, too);
}

static void run_update(struct varlink_call *call, struct json_object *params, void *data)
{
	struct control *c = data;
	struct json_object *record = json_get(params, "record");

	if (!json_object_is_type(record, json_type_object))
		varlink_call_invalid(call, "record");
	else if (!json_object_is_type(json_get(params, "sid"), json_type_int))
		varlink_call_invalid(call, "sid");
	else
		request_update(c->initiator, call, json_get_number(params, "sid"), record);
}

static void put_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *session_object(int64_t sid, const char *connection, const char *internal)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "sid", json_object_new_int64(sid));
	put_text(o, "connection", connection);
	put_text(o, "internal", internal);
	return o;
}

/* What the kernel does not know yet. */
static void put_login(struct json_object *o, const struct iscsi_node_id *id)
{
	put_text(o, "target", id->target);
	put_text(o, "address", id->address);
	json_object_object_add(o, "port", json_object_new_int(id->port));
	put_text(o, "iface", id->iface);
}

static void add_session(struct json_object *list, const struct session *s)
{
	struct json_object *o = session_object(s->sid ? (int64_t)s->sid : -(int64_t)s->login,
		session_connection_state(s), session_internal_state(s));
	struct iscsi_node_id id;

	iscsi_node_get_id(s->node, &id);
	if (!s->sid)
		put_login(o, &id);
	json_object_array_add(list, o);
}

static void add_wanted(void *list, uint32_t login, const struct iscsi_node_id *id)
{
	struct json_object *o = session_object(-(int64_t)login, "FREE", "WAITING");

	put_login(o, id);
	json_object_array_add(list, o);
}

static void run_sessions(struct varlink_call *call, struct json_object *params, void *data)
{
	struct control *c = data;
	struct json_object *reply = json_object_new_object(), *list = json_object_new_array();
	struct session *s;

	(void)params;
	json_object_object_add(reply, "sessions", list);
	list_for_each(s, &c->initiator->sessions, link)
		add_session(list, s);
	wanted_each(c->initiator->wanted, add_wanted, list);
	varlink_call_reply(call, reply, false);
}

static void run_stop(struct varlink_call *call, struct json_object *params, void *data)
{
	struct control *c = data;

	(void)params;
	varlink_call_reply(call, NULL, false);
	c->stop(c->data);
}

static const struct varlink_method methods[] = {
	{"io.iscsid.Login", true, run_login},
	{"io.iscsid.Logout", true, run_logout},
	{"io.iscsid.Update", false, run_update},
	{"io.iscsid.Sessions", false, run_sessions},
	{"io.iscsid.Stop", false, run_stop},
};

static const struct varlink_service service = {
	.vendor = "iscsid",
	.product = "iscsid",
	.version = VERSION,
	.url = "",
	.interface = "io.iscsid",
	.description =
#include "interface.h"
	,
	.methods = methods,
	.n_methods = sizeof(methods) / sizeof(methods[0]),
};

int control_open(struct initiator *i, int listen_fd, void (*stop)(void *data), void *data,
	struct control **ret)
{
	struct control *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->initiator = i;
	c->stop = stop;
	c->data = data;
	r = varlink_server_new(i->loop, listen_fd, &service, c, &c->server);
	if (r) {
		free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	varlink_server_free(c->server);
	free(c);
}
