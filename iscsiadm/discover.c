/* SPDX-License-Identifier: MIT */
#include "discover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "netdev.h"
#include "query.h"
#include "record-ops.h"
#include "show.h"
#include "str.h"

/* By type of source. */
static const struct asker {
	const char *name;
	int (*ask)(const struct query *q);
} askers[] = {
	[ISCSI_SOURCE_SENDTARGETS] = {"SendTargets", query_sendtargets},
	[ISCSI_SOURCE_ISNS] = {"iSNS", query_isns},
};

/* What one run finds, through every interface. */
struct findings {
	struct app *app;
	struct nodes nodes;
	const char *iface; /* that the discovery goes through now */
	struct iscsi_node *first; /* what was found through it first: the settings of all */
	int error;
};

/* By discovery.portal_allow and discovery.portal_deny. */
static bool is_wanted(struct findings *f, const char *target, const struct iscsi_portal *portal)
{
	int r = iscsi_db_portal_allowed(f->app->db, portal->address);

	if (r < 0) {
		log_error("%s",
			*iscsi_db_error(f->app->db) ? iscsi_db_error(f->app->db) : strerror(-r));
		f->error = r;
	}
	if (!r)
		log_debug(1, "left out %s at %s: not in discovery.portal_allow, or in portal_deny",
			target, portal->address);
	return r > 0;
}

/* iscsid.conf is read once for all that is found; f->first stays NULL where the interface went away. */
static int make_first(struct findings *f, const struct iscsi_node_id *portal)
{
	struct iscsi_node_id id = *portal;
	struct iscsi_node *n;
	int r;

	id.iface = "default";
	r = iscsi_node_new(f->app->db, &id, &n);
	if (r)
		return r;
	if (!str_eq(f->iface, "default") && iscsi_db_apply_iface(f->app->db, n, f->iface))
		iscsi_node_free(n);
	else
		f->first = n;
	return 0;
}

static void on_found(void *data, const char *target, const struct iscsi_portal *portal)
{
	struct findings *f = data;
	const struct iscsi_node_id id = {
		target, portal->address, portal->port, portal->tpgt, NULL};
	struct iscsi_node *n = NULL;
	int r = 0;

	if (f->error || !is_wanted(f, target, portal))
		return;
	if (!f->first)
		r = make_first(f, &id);
	if (r || !f->first) {
		f->error = r;
		return;
	}
	r = iscsi_node_copy(f->first, &n);
	if (!r)
		r = iscsi_node_set_portal(f->app->db, n, &id);
	if (r)
		iscsi_node_free(n);
	f->error = r ? r : nodes_add(&f->nodes, n);
}

/* ---- through which interfaces ---- */

struct iface_list {
	char **names;
	size_t n;
};

static int add_iface(void *data, const char *name)
{
	struct iface_list *l = data;
	char **names = reallocarray(l->names, l->n + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	l->names = names;
	l->names[l->n] = strdup(name);
	return l->names[l->n++] ? 0 : -ENOMEM;
}

static void iface_list_clear(struct iface_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
	free(l->names);
}

static int add_tcp_iface(void *data, struct iscsi_iface *f)
{
	return str_eq(iscsi_iface_get(f, "iface.transport_name"), "tcp")
		       ? add_iface(data, iscsi_iface_get(f, "iface.iscsi_ifacename"))
		       : 0;
}

/* Those of -I; without, every stored one for tcp; without those, the default. */
static int choose_ifaces(struct app *a, struct iface_list *ret)
{
	int r = 0;

	for (size_t i = 0; i < a->o.n_ifaces && !r; i++)
		r = add_iface(ret, a->o.ifaces[i]);
	if (!r && !ret->n)
		r = iscsi_db_each_iface(a->db, add_tcp_iface, ret);
	if (!r && !ret->n)
		r = add_iface(ret, "default");
	return r ? ISCSI_ERR_NOMEM : ISCSI_OK;
}

/* What of an interface a discovery goes by. */
struct route {
	char *netdev, *netns, *initiator; /* NULL: any; this one; the host's */
};

static void route_clear(struct route *r)
{
	free(r->netdev);
	free(r->netns);
	free(r->initiator);
}

/* The device with the interface's hardware address, or the one that it names. */
static int find_netdev(struct app *a, struct iscsi_iface *f, char **ret)
{
	const char *mac = iscsi_iface_get(f, "iface.hwaddress");
	int r;

	if (str_empty(mac))
		return str_set(ret, iscsi_iface_get(f, "iface.net_ifacename"));
	if (!str_empty(iscsi_iface_get(f, "iface.net_netns"))) {
		log_error("iface.hwaddress is not looked for in another network namespace; set "
			  "iface.net_ifacename");
		return -EINVAL;
	}
	r = netdev_by_mac(a->root, mac, ret);
	if (r == -ENOENT)
		log_error("Cannot match %s to net/scsi interface.", mac);
	return r;
}

/* False when the interface cannot be used. */
static bool find_route(struct app *a, const char *name, struct route *ret)
{
	struct iscsi_iface *f;
	int r = iscsi_iface_load(a->db, name, &f);

	if (r && r != -ENOENT) {
		iface_not_read(a, name, r);
		return false;
	}
	if (r) {
		log_error(
			"Could not read iface info for %s. Make sure an iface config with the file "
			"name and iface.iscsi_ifacename %s is in %s/ifaces.",
			name, name, iscsi_db_dir(a->db));
		return false;
	}
	r = find_netdev(a, f, &ret->netdev);
	if (!r)
		r = str_set(&ret->netns, iscsi_iface_get(f, "iface.net_netns"));
	if (!r)
		r = str_set(&ret->initiator, iscsi_iface_get(f, "iface.initiatorname"));
	iscsi_iface_free(f);
	return r == 0;
}

/* ---- discovery ---- */

struct iscsi_source discover_source(const struct options *o)
{
	return (struct iscsi_source){
		.type = o->type == TYPE_ISNS ? ISCSI_SOURCE_ISNS : ISCSI_SOURCE_SENDTARGETS,
		.address = o->portal.address[0] ? o->portal.address : NULL,
		.port = options_port(o),
	};
}

static int ask_through(struct findings *f, struct iscsi_discovery *record, const char *initiator,
	const char *alias, const char *iface)
{
	struct route CLEANUP(route_clear) route = {};
	struct iscsi_source source;
	struct query q = {
		.record = record,
		.alias = alias,
		.found = on_found,
		.data = f,
	};
	int r;

	if (!find_route(f->app, iface, &route))
		return ISCSI_ERR_NO_OBJS_FOUND;
	q.netdev = route.netdev;
	q.netns = route.netns;
	q.initiator = route.initiator ? route.initiator : initiator;
	f->iface = iface;
	iscsi_discovery_get_source(record, &source);
	r = askers[source.type].ask(&q);
	iscsi_node_free(STEAL_PTR(f->first));
	return r;
}

/* An interface that cannot reach the portal leaves it to the others. */
static bool is_skipped(int code)
{
	return code == ISCSI_ERR_TRANS || code == ISCSI_ERR_TRANS_TIMEOUT ||
	       code == ISCSI_ERR_NO_OBJS_FOUND;
}

/* ret_all: every interface had its answer. */
static int ask_all(struct findings *f, struct iscsi_discovery *record, bool *ret_all)
{
	CLEANUP_FREE char *initiator = NULL, *alias = NULL;
	struct iface_list ifaces = {};
	bool only_default;
	int r, result = ISCSI_OK;

	if (iscsi_db_initiator(f->app->db, &initiator, &alias)) {
		log_error("%s", iscsi_db_error(f->app->db));
		log_error("Cannot perform discovery. Initiatorname required.");
		return ISCSI_ERR_ISCSID_NOTCONN;
	}
	r = choose_ifaces(f->app, &ifaces);
	only_default = !f->app->o.n_ifaces && ifaces.n == 1 && str_eq(ifaces.names[0], "default");
	*ret_all = true;
	for (size_t i = 0; i < ifaces.n && !r; i++) {
		r = ask_through(f, record, initiator, alias, ifaces.names[i]);
		*ret_all = *ret_all && !r;
		if (is_skipped(r) && !only_default) {
			result = ISCSI_ERR_NO_OBJS_FOUND;
			r = ISCSI_OK;
		}
	}
	iface_list_clear(&ifaces);
	if (r)
		return r;
	if (f->nodes.n)
		return ISCSI_OK;
	log_error("No portals found");
	return result ? result : ISCSI_ERR_NO_OBJS_FOUND;
}

static void print_findings(struct app *a, const struct nodes *nodes)
{
	struct show_tree tree = {.merge_portals = true};
	struct iscsi_node_id id;

	if (!a->o.login) /* which tells how it goes on */
		show_many();
	if (a->o.json)
		json_begin(a, "records");
	for (size_t i = 0; i < nodes->n; i++) {
		iscsi_node_get_id(nodes->items[i], &id);
		if (a->o.json) {
			json_add(a, "records", json_node_id(&id));
			continue;
		}
		if (a->o.print <= 0)
			show_portal_line(id.address, id.port, id.tpgt, id.target);
		else if (a->o.print == 1)
			show_tree_node(&tree, &id);
	}
}

/* What sessions there are, and which records stay because of them. */
struct use {
	struct view_sessions sessions;
	struct node_ids kept;
};

/* Others wait for the database meanwhile: nothing is printed here. */
static bool in_use(void *data, const struct iscsi_node_id *id)
{
	struct use *u = data;

	for (size_t i = 0; i < u->sessions.n; i++)
		if (session_uses(&u->sessions.items[i], id)) {
			node_ids_add(&u->kept, id);
			return true;
		}
	return false;
}

static unsigned int merge_of(unsigned int ops)
{
	static const struct {
		unsigned int op, merge;
	} pairs[] = {
		{DO_NEW, ISCSI_MERGE_NEW},
		{DO_UPDATE, ISCSI_MERGE_UPDATE},
		{DO_DELETE, ISCSI_MERGE_DELETE},
	};
	unsigned int merge = 0;

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (!ops || ops & pairs[i].op)
			merge |= pairs[i].merge;
	return merge;
}

static int store_findings(
	struct app *a, const struct iscsi_source *source, const struct nodes *nodes)
{
	struct use use = {};
	int r;

	if (a->o.ops & DO_NONPERSISTENT)
		return ISCSI_OK;
	view_sessions_read(a->root, VIEW_LIST, &use.sessions);
	r = iscsi_db_merge(a->db, source, nodes->items, nodes->n, merge_of(a->o.ops), in_use, &use);
	for (size_t i = 0; i < use.kept.n; i++)
		record_say_in_use(&use.kept.items[i]);
	node_ids_clear(&use.kept);
	view_sessions_clear(&use.sessions);
	return r ? database_failed(a, r) : ISCSI_OK;
}

int discover_finish(struct app *a, const struct iscsi_source *source, const struct nodes *nodes)
{
	int r = store_findings(a, source, nodes);

	if (!r)
		print_findings(a, nodes);
	if (!r && a->o.login)
		r = login_nodes(a, nodes, false, true);
	return r;
}

int discover_ask(
	struct app *a, struct iscsi_discovery *record, struct nodes *ret, bool *ret_all)
{
	struct findings f = {.app = a};
	struct iscsi_source source;
	int r = ask_all(&f, record, ret_all);

	if (!r && f.error)
		r = f.error == -ENOMEM ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM;
	*ret = f.nodes;
	iscsi_discovery_get_source(record, &source);
	/* Without an InitiatorName nobody was asked: for callers the status means another thing. */
	if (r && r != ISCSI_ERR_NO_OBJS_FOUND && r != ISCSI_ERR_ISCSID_NOTCONN)
		log_error("Could not perform %s discovery: %s", askers[source.type].name,
			iscsi_err_text(r));
	return r;
}

int discover_run(struct app *a, struct iscsi_discovery *record)
{
	struct nodes nodes = {};
	struct iscsi_source source;
	bool all;
	int r = discover_ask(a, record, &nodes, &all);

	iscsi_discovery_get_source(record, &source);
	if (!r)
		r = discover_finish(a, &source, &nodes);
	nodes_clear(&nodes);
	return r;
}

static void add_to_json(struct app *a, struct iscsi_discovery *record)
{
	struct json_settings settings = {json_object_new_object(), a->o.show_secrets};
	struct iscsi_source source;
	struct json_object *o;

	iscsi_discovery_get_source(record, &source);
	o = json_source(&source);
	iscsi_discovery_each(record, json_add_setting, &settings);
	json_object_object_add(o, "settings", settings.object);
	json_add(a, "sources", o);
}

void discover_show(struct app *a, struct iscsi_discovery *record)
{
	if (a->o.json) {
		add_to_json(a, record);
		return;
	}
	show_record_begin();
	iscsi_discovery_each(record, show_record_line, &a->o.show_secrets);
	show_record_end();
}
