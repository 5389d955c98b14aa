/* SPDX-License-Identifier: MIT */
#include "state.h"

#include "unit.h"

static void put_text(struct json_object *o, const char *name, const char *text)
{
	if (text)
		json_object_object_add(o, name, json_object_new_string(text));
}

static void put_number(struct json_object *o, const char *name, uint64_t v)
{
	json_object_object_add(o, name, json_object_new_int64((int64_t)v));
}

static void put_flag(struct json_object *o, const char *name, bool v)
{
	json_object_object_add(o, name, json_object_new_boolean(v));
}

static struct json_object *put_list(struct json_object *o, const char *name)
{
	struct json_object *list = json_object_new_array();

	json_object_object_add(o, name, list);
	return list;
}

static struct json_object *append(struct json_object *list)
{
	struct json_object *o = json_object_new_object();

	json_object_array_add(list, o);
	return o;
}

static void show_credentials(struct json_object *o, const struct credentials *c)
{
	struct json_object *list = put_list(o, "incoming");
	struct account_use *u;

	list_for_each(u, &c->incoming, link)
		json_object_array_add(list, json_object_new_string(u->account->user));
	if (c->outgoing)
		put_text(o, "outgoing", c->outgoing->user);
}

static void show_rules(struct json_object *list, const struct list *rules)
{
	struct acl_rule *r;

	list_for_each(r, rules, link)
		json_object_array_add(list, json_object_new_string(r->text));
}

static void show_unit(struct json_object *o, const struct target *t, const struct lu *lu)
{
	struct lu_info i;
	struct lu_stats s;

	lu_info(lu, &i);
	lu_stats(lu, &s);
	put_number(o, "lun", i.lun);
	put_number(o, "type", i.type);
	put_text(o, "scsi_id", i.scsi_id);
	put_text(o, "scsi_sn", i.scsi_sn);
	put_number(o, "size", i.size);
	put_number(o, "block_size", i.block_size);
	put_flag(o, "online", i.online);
	put_flag(o, "removable", i.removable);
	put_flag(o, "prevented", i.prevented);
	put_flag(o, "readonly", i.readonly);
	put_flag(o, "swp", i.swp);
	put_flag(o, "thin", i.thin);
	put_text(o, "backing", i.backing);
	put_text(o, "path", i.path);
	put_text(o, "flags", i.flags);
	if (unit_set_by_hand(t, i.lun))
		json_object_object_add(
			o, "params", json_object_get(unit_set_by_hand(t, i.lun)));
	put_number(o, "rd_bytes", s.rd_bytes);
	put_number(o, "rd_cmds", s.rd_cmds);
	put_number(o, "wr_bytes", s.wr_bytes);
	put_number(o, "wr_cmds", s.wr_cmds);
	put_number(o, "errors", s.errors);
}

static void show_session(struct json_object *o, const struct target_session *s)
{
	struct json_object *list = put_list(o, "connections");
	struct target_connection *c;

	put_number(o, "sid", s->sid);
	put_text(o, "initiator", s->initiator);
	put_text(o, "alias", s->alias);
	list_for_each(c, &s->connections, link) {
		struct json_object *conn = append(list);

		put_number(conn, "cid", c->cid);
		put_text(conn, "address", c->address);
		put_number(conn, "rx_octets", c->rx_octets);
		put_number(conn, "tx_octets", c->tx_octets);
		put_number(conn, "data_out_pdus", c->data_out_pdus);
		put_number(conn, "data_in_pdus", c->data_in_pdus);
		put_number(conn, "command_pdus", c->command_pdus);
		put_number(conn, "response_pdus", c->response_pdus);
	}
}

static void show_settings(struct json_object *o, const struct target *t)
{
	static const char *const reasons[] = {"Unknown", "Temporary", "Permanent"};
	struct json_object *settings = json_object_new_object(), *redirect;
	char text[SETTING_TEXT_MAX];

	for (size_t i = 0; settings_name(i); i++) {
		settings_format(&t->settings, i, text);
		put_text(settings, settings_name(i), text);
	}
	json_object_object_add(o, "settings", settings);
	if (!t->redirect.address[0])
		return;
	redirect = json_object_new_object();
	put_text(redirect, "address", t->redirect.address);
	put_number(redirect, "port", t->redirect.port);
	put_text(redirect, "reason", reasons[t->redirect.reason]);
	json_object_object_add(o, "redirect", redirect);
}

static void show_target(struct json_object *o, const struct target *t)
{
	struct json_object *units, *sessions;
	struct target_session *s;

	put_number(o, "tid", (uint64_t)t->tid);
	put_text(o, "name", t->name);
	put_text(o, "state", t->state == TARGET_READY ? "ready" : "offline");
	show_settings(o, t);
	show_rules(put_list(o, "addresses"), &t->acl.addresses);
	show_rules(put_list(o, "initiators"), &t->acl.names);
	show_credentials(o, &t->credentials);
	units = put_list(o, "units");
	for (struct lu *lu = lu_next(t->device, NULL); lu; lu = lu_next(t->device, lu))
		show_unit(append(units), t, lu);
	sessions = put_list(o, "sessions");
	list_for_each(s, &t->sessions, link)
		show_session(append(sessions), s);
}

struct json_object *state_show(const struct model *m, bool secrets, bool debug)
{
	struct json_object *o = json_object_new_object(), *list, *discovery;
	struct account *a;
	struct portal *p;
	struct target *t;

	put_text(o, "state", m->offline ? "offline" : "ready");
	put_flag(o, "debug", debug);
	list = put_list(o, "portals");
	list_for_each(p, &m->portals, link) {
		struct json_object *portal = append(list);

		put_text(portal, "address", p->address);
		put_number(portal, "port", p->port);
		put_number(portal, "tag", p->tpgt);
	}
	list = put_list(o, "accounts");
	list_for_each(a, &m->accounts, link) {
		struct json_object *account = append(list);

		put_text(account, "user", a->user);
		put_text(account, "password", secrets ? a->password : NULL);
	}
	discovery = json_object_new_object();
	show_credentials(discovery, &m->discovery);
	json_object_object_add(o, "discovery", discovery);
	list = put_list(o, "targets");
	list_for_each(t, &m->targets, link)
		show_target(append(list), t);
	return o;
}
