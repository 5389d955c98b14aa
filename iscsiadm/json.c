/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <stdio.h>

#include "hosts.h"
#include "stats.h"
#include "str.h"

#define SCHEMA 1 /* grows when a member changes its meaning or goes; new members may come */

static void begin(struct app *a)
{
	if (a->json)
		return;
	a->json = json_object_new_object();
	json_object_object_add(a->json, "version", json_object_new_int(SCHEMA));
}

void json_begin(struct app *a, const char *list)
{
	if (!a->o.json)
		return;
	begin(a);
	if (!json_object_object_get(a->json, list))
		json_object_object_add(a->json, list, json_object_new_array());
}

void json_add(struct app *a, const char *list, struct json_object *o)
{
	if (!a->o.json) {
		json_object_put(o);
		return;
	}
	json_begin(a, list);
	json_object_array_add(json_object_object_get(a->json, list), o);
}

void json_finish(struct app *a)
{
	if (!a->o.json)
		return;
	begin(a);
	puts(json_object_to_json_string_ext(
		a->json, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(a->json);
	a->json = NULL;
}

void json_put_text(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

static void put_number(struct json_object *o, const char *key, long value)
{
	json_object_object_add(o, key, value == VIEW_UNSET ? NULL : json_object_new_int64(value));
}

void json_put_result(struct json_object *o, int code, const char *text)
{
	put_number(o, "code", code);
	if (code > 0 && !*text)
		text = iscsi_err_text(code);
	json_put_text(o, "text", code > 0 ? text : NULL);
}

struct json_object *json_session_id(const struct view_session *s)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "sid", s->sid ? s->sid : VIEW_UNSET);
	json_put_text(o, "target", s->target);
	json_put_text(o, "address", s->persistent_address);
	put_number(o, "port", s->persistent_port);
	json_put_text(o, "iface", s->iface);
	return o;
}

struct json_object *json_node_id(const struct iscsi_node_id *id)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "target", id->target);
	json_put_text(o, "address", id->address);
	put_number(o, "port", id->port);
	put_number(o, "tpgt", id->tpgt);
	json_put_text(o, "iface", id->iface);
	return o;
}

struct json_object *json_source(const struct iscsi_source *s)
{
	static const char *const types[] = {
		[ISCSI_SOURCE_SENDTARGETS] = "sendtargets",
		[ISCSI_SOURCE_ISNS] = "isns",
		[ISCSI_SOURCE_STATIC] = "static",
		[ISCSI_SOURCE_FW] = "fw",
	};
	struct json_object *o = json_object_new_object();

	json_put_text(o, "type", types[s->type]);
	json_put_text(o, "address", s->address);
	put_number(o, "port", s->address ? s->port : VIEW_UNSET);
	return o;
}

int json_add_setting(void *data, const char *key, const char *value, bool secret)
{
	const struct json_settings *s = data;

	json_put_text(s->object, key, secret && *value && !s->show_secrets ? NULL : value);
	return 0;
}

static struct json_object *portal(const char *address, long port)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "address", address);
	put_number(o, "port", port);
	return o;
}

static struct json_object *devices(struct app *a, const struct view_session *s)
{
	struct json_object *list = json_object_new_array();
	struct view_luns luns;

	if (view_luns_read(a->root, s->sid, &luns))
		return list;
	for (size_t i = 0; i < luns.n; i++) {
		struct json_object *o = json_object_new_object();

		put_number(o, "channel", luns.items[i].channel);
		put_number(o, "id", luns.items[i].id);
		json_object_object_add(o, "lun", json_object_new_uint64(luns.items[i].lun));
		json_put_text(o, "disk", luns.items[i].disk);
		json_put_text(o, "state", luns.items[i].state);
		json_object_array_add(list, o);
	}
	view_luns_clear(&luns);
	return list;
}

static struct json_object *negotiated(const struct view_session *s)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "HeaderDigest", s->header_digest);
	put_number(o, "DataDigest", s->data_digest);
	put_number(o, "MaxRecvDataSegmentLength", s->max_recv_data_segment);
	put_number(o, "MaxXmitDataSegmentLength", s->max_xmit_data_segment);
	put_number(o, "FirstBurstLength", s->first_burst);
	put_number(o, "MaxBurstLength", s->max_burst);
	put_number(o, "ImmediateData", s->immediate_data);
	put_number(o, "InitialR2T", s->initial_r2t);
	put_number(o, "MaxOutstandingR2T", s->max_outstanding_r2t);
	return o;
}

static struct json_object *timeouts(const struct view_session *s)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "recovery", s->recovery_tmo);
	put_number(o, "target_reset", s->tgt_reset_tmo);
	put_number(o, "lu_reset", s->lu_reset_tmo);
	put_number(o, "abort", s->abort_tmo);
	return o;
}

static void put_secret(struct app *a, struct json_object *o, const char *key, const char *value)
{
	json_put_text(o, key, a->o.show_secrets ? value : NULL);
}

static struct json_object *chap(struct app *a, const struct view_session *s)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "username", s->username);
	put_secret(a, o, "password", s->password);
	json_put_text(o, "username_in", s->username_in);
	put_secret(a, o, "password_in", s->password_in);
	return o;
}

struct json_object *json_session(
	struct app *a, const struct view_session *s, const struct request_state *state)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "sid", s->sid);
	json_put_text(o, "transport", s->transport);
	json_put_text(o, "target", s->target);
	put_number(o, "tpgt", s->tpgt);
	json_object_object_add(
		o, "persistent_portal", portal(s->persistent_address, s->persistent_port));
	json_object_object_add(o, "current_portal", portal(s->address, s->port));
	json_put_text(o, "iface", s->iface);
	json_put_text(o, "initiator", s->initiator);
	json_put_text(o, "netdev", s->netdev);
	json_put_text(o, "hwaddress", s->hwaddress);
	json_put_text(o, "ipaddress", s->host_address);
	put_number(o, "host", s->host);
	json_object_object_add(o, "flash", json_object_new_boolean(!s->made_by_user));
	json_put_text(o, "session_state", s->state);
	json_put_text(o, "connection_state", state ? state->connection : NULL);
	json_put_text(o, "internal_state", state ? state->internal : NULL);
	json_object_object_add(o, "timeouts", timeouts(s));
	json_object_object_add(o, "chap", chap(a, s));
	json_object_object_add(o, "negotiated", negotiated(s));
	json_object_object_add(o, "devices", devices(a, s));
	return o;
}

struct json_object *json_stats(const struct view_session *s, const struct stats *stats)
{
	struct json_object *o = json_object_new_object(), *counters = json_object_new_object();

	put_number(o, "sid", s->sid);
	json_put_text(o, "target", s->target);
	for (size_t i = 0; i < STATS_COUNTERS; i++)
		json_object_object_add(
			counters, stats_names[i], json_object_new_uint64(stats->counters[i]));
	for (size_t i = 0; i < stats->n_custom; i++)
		json_object_object_add(counters, stats->custom[i].name,
			json_object_new_uint64(stats->custom[i].value));
	json_object_object_add(o, "counters", counters);
	return o;
}

struct json_object *json_host(const struct view_host *h)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "host", h->number);
	json_put_text(o, "transport", h->transport);
	json_put_text(o, "state", h->state);
	json_put_text(o, "ipaddress", h->address);
	json_put_text(o, "hwaddress", h->hwaddress);
	json_put_text(o, "netdev", h->netdev);
	json_put_text(o, "initiator", h->initiator);
	return o;
}
