/* SPDX-License-Identifier: MIT */
/* mode-discovery.c - "-m discovery" */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "discover.h"
#include "iscsiadm.h"
#include "log.h"
#include "show.h"
#include "str.h"

/* What one run finds, through every interface. */
struct findings {
	struct app *app;
	struct nodes nodes;
	const char *iface; /* that the discovery goes through now */
	int error;
};

static void on_found(void *data, const char *target, const struct iscsi_portal *portal)
{
	struct findings *f = data;
	const struct iscsi_node_id id = {target, portal->address, portal->port, portal->tpgt, "default"};
	struct iscsi_node *n;
	int r = f->error ? f->error : iscsi_node_new(f->app->db, &id, &n);

	if (!r && !str_eq(f->iface, "default") && iscsi_db_apply_iface(f->app->db, n, f->iface)) {
		iscsi_node_free(n);
		return;
	}
	f->error = r ? r : nodes_add(&f->nodes, n);
}

/* ---- through which interfaces ---- */

struct iface_list {
	char *names[IFACES_MAX];
	size_t n;
};

static int add_iface(void *data, const char *name)
{
	struct iface_list *l = data;

	if (l->n == IFACES_MAX)
		return 0;
	l->names[l->n] = strdup(name);
	return l->names[l->n++] ? 0 : -ENOMEM;
}

static void iface_list_clear(struct iface_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->names[i]);
}

/* Those of -I; without, every stored one for tcp; without those, the default. */
static int choose_ifaces(struct app *a, struct iface_list *ret)
{
	int r = 0;

	for (size_t i = 0; i < a->o.n_ifaces && !r; i++)
		r = add_iface(ret, a->o.ifaces[i]);
	if (!r && !ret->n)
		r = iscsi_db_each_iface(a->db, add_iface, ret);
	if (!r && !ret->n)
		r = add_iface(ret, "default");
	return r ? ISCSI_ERR_NOMEM : ISCSI_OK;
}

/* The network device of an interface; false when it cannot be used. */
static bool iface_device(struct app *a, const char *name, char **ret)
{
	struct iscsi_node *n;
	int r;

	if (iscsi_node_new_default(&n))
		return false;
	r = iscsi_db_apply_iface(a->db, n, name);
	if (r)
		log_error("Could not read iface info for %s. Make sure an iface config with the file "
			  "name and iface.iscsi_ifacename %s is in %s.",
			name, name, "/etc/iscsi/ifaces");
	else
		r = str_set(ret, iscsi_node_get(n, "iface.net_ifacename"));
	iscsi_node_free(n);
	return r == 0;
}

/* ---- discovery ---- */

static int discover_through(struct findings *f, struct iscsi_discovery *record,
	const char *initiator, const char *alias, const char *iface)
{
	CLEANUP_FREE char *netdev = NULL;
	struct discover d = {
		.app = f->app,
		.record = record,
		.initiator = initiator,
		.alias = alias,
		.found = on_found,
		.data = f,
	};

	if (!iface_device(f->app, iface, &netdev))
		return ISCSI_ERR_NO_OBJS_FOUND;
	d.netdev = netdev;
	f->iface = iface;
	return discover_run(&d);
}

/* An interface that cannot reach the portal leaves it to the others. */
static bool is_skipped(int code)
{
	return code == ISCSI_ERR_TRANS || code == ISCSI_ERR_TRANS_TIMEOUT ||
	       code == ISCSI_ERR_NO_OBJS_FOUND;
}

static int discover_all(struct findings *f, struct iscsi_discovery *record)
{
	CLEANUP_FREE char *initiator = NULL, *alias = NULL;
	struct iface_list ifaces = {};
	bool only_default;
	int r, result = ISCSI_OK;

	if (iscsi_db_initiator(f->app->db, &initiator, &alias)) {
		log_error("Cannot perform discovery. Initiatorname required.");
		return ISCSI_ERR_ISCSID_NOTCONN;
	}
	r = choose_ifaces(f->app, &ifaces);
	only_default = !f->app->o.n_ifaces && ifaces.n == 1 && str_eq(ifaces.names[0], "default");
	for (size_t i = 0; i < ifaces.n && !r; i++) {
		r = discover_through(f, record, initiator, alias, ifaces.names[i]);
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
	char tag[16];

	for (size_t i = 0; i < nodes->n; i++) {
		iscsi_node_get_id(nodes->items[i], &id);
		snprintf(tag, sizeof(tag), "%d", id.tpgt);
		if (a->o.print <= 0)
			show_portal_line(id.address, id.port, tag, id.target);
		else if (a->o.print == 1)
			show_tree_node(&tree, &id);
	}
}

static bool in_use(void *data, const struct iscsi_node_id *id)
{
	struct view_sessions *v = data;

	for (size_t i = 0; i < v->n; i++)
		if (session_uses(&v->items[i], id))
			return true;
	return false;
}

static int store_findings(struct app *a, struct iscsi_discovery *record, const struct nodes *nodes)
{
	static const struct {
		unsigned int op, merge;
	} pairs[] = {
		{OP_NEW, ISCSI_MERGE_NEW},
		{OP_UPDATE, ISCSI_MERGE_UPDATE},
		{OP_DELETE, ISCSI_MERGE_DELETE},
	};
	struct view_sessions sessions = {};
	unsigned int merge = 0;
	int r;

	if (a->o.ops & OP_NONPERSISTENT)
		return ISCSI_OK;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (!a->o.ops || a->o.ops & pairs[i].op)
			merge |= pairs[i].merge;
	view_sessions_read(a->root, VIEW_LIST, &sessions);
	r = iscsi_db_merge(a->db, iscsi_discovery_get(record, "discovery.sendtargets.address"),
		atoi(iscsi_discovery_get(record, "discovery.sendtargets.port")), nodes->items, nodes->n,
		merge, in_use, &sessions);
	view_sessions_clear(&sessions);
	if (!r)
		return ISCSI_OK;
	log_error("%s", *iscsi_db_error(a->db) ? iscsi_db_error(a->db) : strerror(-r));
	return ISCSI_ERR_IDBM;
}

static int discover(struct app *a, struct iscsi_discovery *record)
{
	struct findings f = {.app = a};
	int r = discover_all(&f, record);

	if (!r && f.error)
		r = f.error == -ENOMEM ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM;
	if (r && r != ISCSI_ERR_NO_OBJS_FOUND)
		log_error("Could not perform SendTargets discovery: %s", iscsi_err_text(r));
	if (!r)
		r = store_findings(a, record, &f.nodes);
	if (!r)
		print_findings(a, &f.nodes);
	if (!r && a->o.login)
		r = login_nodes(a, &f.nodes, false, true);
	nodes_clear(&f.nodes);
	return r;
}

/* ---- the forms of the command ---- */

/* -t st: a record with the settings of iscsid.conf as they are now. */
static int discover_anew(struct app *a)
{
	struct iscsi_discovery *record;
	int r;

	if (!a->o.portal.address[0]) {
		log_error("Please specify portal as <ipaddr>[:<ipport>]");
		return ISCSI_ERR_INVAL;
	}
	r = iscsi_discovery_new(a->db, a->o.portal.address, options_port(&a->o), &record);
	if (!r && !(a->o.ops & OP_NONPERSISTENT))
		r = iscsi_discovery_store(a->db, record);
	if (r) {
		log_error("%s", *iscsi_db_error(a->db) ? iscsi_db_error(a->db) : strerror(-r));
		log_error("Could not add new discovery record.");
		return ISCSI_ERR_IDBM;
	}
	r = discover(a, record);
	iscsi_discovery_free(record);
	return r;
}

static int delete_stored(struct app *a)
{
	int r = iscsi_discovery_delete(a->db, a->o.portal.address, options_port(&a->o));

	if (!r)
		return ISCSI_OK;
	log_error("%s", *iscsi_db_error(a->db) ? iscsi_db_error(a->db) : strerror(-r));
	return ISCSI_ERR_IDBM;
}

static int work_on_stored(struct app *a)
{
	struct iscsi_discovery *record;
	int r;

	if (iscsi_discovery_load(a->db, a->o.portal.address, options_port(&a->o), &record)) {
		log_error("Discovery record [%s,%d] not found!", a->o.portal.address,
			options_port(&a->o));
		return ISCSI_ERR_INVAL;
	}
	if (a->o.discover || a->o.login) {
		r = discover(a, record);
	} else if (a->o.ops == OP_DELETE) {
		r = delete_stored(a);
	} else if (a->o.ops & ~(unsigned int)OP_SHOW) {
		log_error("Operations new and update for discovery mode is not supported. Use "
			  "discoverydb mode.");
		r = ISCSI_ERR_INVAL;
	} else {
		show_record_begin();
		iscsi_discovery_each(record, show_record_line, &a->o.show_secrets);
		show_record_end();
		r = ISCSI_OK;
	}
	iscsi_discovery_free(record);
	return r;
}

int mode_discovery(struct app *a)
{
	if (a->o.sendtargets)
		return discover_anew(a);
	if (a->o.portal.address[0])
		return work_on_stored(a);
	log_error("Please specify portal as <ipaddr>[:<ipport>]");
	return ISCSI_ERR_INVAL;
}
