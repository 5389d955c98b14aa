/* SPDX-License-Identifier: MIT */
/* mode-fw.c - "-m fw" and "-m discovery -t fw": the targets that the firmware boots from */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "discover.h"
#include "firmware.h"
#include "json.h"
#include "log.h"
#include "show.h"
#include "str.h"

static int read_targets(struct app *a, struct firmware_targets *ret)
{
	int r = firmware_read(a->root, ret);

	if (!r && ret->n)
		return ISCSI_OK;
	r = r ? ISCSI_ERR_SYSFS_LOOKUP : ISCSI_ERR_NO_OBJS_FOUND;
	log_error("Could not get list of targets from firmware. (err %d)", r);
	return r;
}

/* ---- records ---- */

#define FW_TPGT 1 /* the tables have none */

static const struct setting {
	const char *key;
	size_t offset; /* of a string */
} settings[] = {
	{"iface.initiatorname", offsetof(struct firmware_target, initiator)},
	{"node.session.auth.username", offsetof(struct firmware_target, username)},
	{"node.session.auth.password", offsetof(struct firmware_target, password)},
	{"node.session.auth.username_in", offsetof(struct firmware_target, username_in)},
	{"node.session.auth.password_in", offsetof(struct firmware_target, password_in)},
};

static const char *text_at(const struct firmware_target *t, size_t offset)
{
	return *(char *const *)((const char *)t + offset);
}

/* Unless the firmware says otherwise, iscsid.conf counts. */
static int add_node(struct app *a, const struct firmware_target *t, struct nodes *l)
{
	const struct iscsi_node_id id = {t->target, t->address, t->port, FW_TPGT, "default"};
	struct iscsi_node *n;
	int r = iscsi_node_new(a->db, &id, &n);

	if (r)
		return r;
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char *text = text_at(t, settings[i].offset);

		if (text)
			iscsi_node_set(n, settings[i].key, text);
	}
	/* Nothing that is for other sessions is to end the one with the root file system. */
	iscsi_node_set(n, "node.startup", "onboot");
	iscsi_node_set(n, "node.conn[0].startup", "onboot");
	return nodes_add(l, n);
}

static int make_nodes(struct app *a, struct nodes *ret)
{
	struct firmware_targets targets = {};
	int r = read_targets(a, &targets);

	for (size_t i = 0; !r && i < targets.n; i++)
		if (add_node(a, &targets.items[i], ret)) {
			log_error("Could not convert firmware info to node record.");
			r = ISCSI_ERR_NOMEM;
		}
	firmware_clear(&targets);
	return r;
}

int discover_run_fw(struct app *a)
{
	const struct iscsi_source source = {.type = ISCSI_SOURCE_FW};
	struct nodes nodes = {};
	int r = make_nodes(a, &nodes);

	if (!r)
		r = discover_finish(a, &source, &nodes);
	nodes_clear(&nodes);
	return r;
}

/* ---- show ---- */

/* object: with --json, where secrets are null. */
static void put(struct json_object *object, const char *key, const char *value, bool secret)
{
	if (str_empty(value))
		return;
	if (object)
		json_put_text(object, key, secret ? NULL : value);
	else
		printf("%s = %s\n", key, value);
}

static void put_target(struct json_object *o, const struct firmware_target *t)
{
	char port[16];

	snprintf(port, sizeof(port), "%d", t->port);
	put(o, "iface.initiatorname", t->initiator, false);
	put(o, "iface.transport_name", "tcp", false);
	put(o, "iface.hwaddress", t->hwaddress, false);
	put(o, "iface.bootproto", t->dhcp ? "DHCP" : "STATIC", false);
	put(o, "iface.ipaddress", t->ipaddress, false);
	put(o, "iface.prefix_len", t->prefix_len, false);
	put(o, "iface.subnet_mask", t->subnet_mask, false);
	put(o, "iface.gateway", t->gateway, false);
	put(o, "iface.primary_dns", t->primary_dns, false);
	put(o, "iface.secondary_dns", t->secondary_dns, false);
	put(o, "iface.vlan_id", t->vlan_id, false);
	put(o, "iface.net_ifacename", t->netdev, false);
	put(o, "node.name", t->target, false);
	put(o, "node.conn[0].address", t->address, false);
	put(o, "node.conn[0].port", port, false);
	put(o, "node.session.auth.username", t->username, false);
	put(o, "node.session.auth.password", t->password, true);
	put(o, "node.session.auth.username_in", t->username_in, false);
	put(o, "node.session.auth.password_in", t->password_in, true);
	put(o, "node.boot_lun", t->lun, false);
}

/* Secrets too: whoever asks is root and wants to boot with them, as callers know it. */
static void show_target(struct app *a, const struct firmware_target *t)
{
	struct json_object *o, *values;

	if (!a->o.json) {
		show_record_begin();
		put_target(NULL, t);
		show_record_end();
		return;
	}
	o = json_object_new_object();
	values = json_object_new_object();
	put_target(values, t);
	json_object_object_add(o, "settings", values);
	json_add(a, "firmware", o);
}

static int show(struct app *a)
{
	struct firmware_targets targets;
	int r;

	if (a->o.json)
		json_begin(a, "firmware");
	r = read_targets(a, &targets);
	if (r)
		return r;
	for (size_t i = 0; i < targets.n; i++)
		show_target(a, &targets.items[i]);
	firmware_clear(&targets);
	return ISCSI_OK;
}

/* ---- login ---- */

/* While a root file system hangs on it, patience counts more than a quick answer. */
static const struct iscsi_setting for_boot[] = {
	{"node.session.initial_login_retry_max", "30"},
	{"node.conn[0].timeo.noop_out_interval", "0"},
	{"node.conn[0].timeo.noop_out_timeout", "0"},
	{"node.session.scan", "auto"},
};

static bool set(struct iscsi_node *n, const struct iscsi_setting *s)
{
	static const char *const of_the_card[] = {
		"iface.net_ifacename", "iface.hwaddress", "iface.transport_name"};

	for (size_t i = 0; i < sizeof(of_the_card) / sizeof(of_the_card[0]); i++)
		if (str_eq(s->key, of_the_card[i])) {
			log_error("Cannot override interface parameters for firmware logins");
			return false;
		}
	switch (iscsi_node_set(n, s->key, s->value)) {
	case ISCSI_SET_OK:
		return true;
	case ISCSI_SET_BAD_VALUE:
		log_error("unknown value format '%s' for parameter name '%s'", s->value, s->key);
		break;
	default:
		log_error("Unknown parameter %s.", s->key);
	}
	return false;
}

static bool set_all(struct app *a, struct iscsi_node *n)
{
	for (size_t i = 0; i < sizeof(for_boot) / sizeof(for_boot[0]); i++)
		set(n, &for_boot[i]);
	for (size_t i = 0; i < a->o.n_pairs; i++)
		if (!set(n, &a->o.pairs[i]))
			return false;
	return true;
}

/* One after the other; that one cannot be reached is no failure of the command. */
static int login(struct app *a)
{
	struct nodes nodes = {};
	int r = make_nodes(a, &nodes);

	for (size_t i = 0; !r && i < nodes.n; i++)
		if (!set_all(a, nodes.items[i])) {
			log_error("Could not merge user params");
			r = ISCSI_ERR_INVAL;
		}
	for (size_t i = 0; !r && i < nodes.n; i++)
		login_nodes(a, &(struct nodes){.items = &nodes.items[i], .n = 1}, false, true);
	nodes_clear(&nodes);
	return r;
}

int mode_fw(struct app *a)
{
	return a->o.login ? login(a) : show(a);
}
