/* SPDX-License-Identifier: MIT */
/* mode-node.c - "-m node" */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "iscsiadm.h"
#include "json.h"
#include "log.h"
#include "record-ops.h"
#include "show.h"
#include "str.h"

/* ---- list ---- */

struct listing {
	struct app *app;
	size_t n;
	int level;
	struct show_tree tree;
};

static int list_one(void *data, const struct iscsi_node_id *id)
{
	struct listing *l = data;

	l->n++;
	if (l->app->o.json) {
		json_add(l->app, "records", json_node_id(id));
		return 0;
	}
	if (l->level > 0) {
		show_tree_node(&l->tree, id);
		return 0;
	}
	/* An unknown tag is printed as open-iscsi's unsigned -1. */
	show_portal_line(id->address, id->port, (unsigned int)id->tpgt, id->target);
	return 0;
}

static int list_records(struct app *a)
{
	const struct iscsi_node_match any = {.port = UNSET};
	struct listing l = {.app = a, .level = a->o.print};
	int r;

	if (a->o.print > 1 || a->o.print < UNSET) {
		log_error("Invalid info level %d. Try 0 or 1.", a->o.print);
		return ISCSI_ERR_INVAL;
	}
	show_many();
	if (a->o.json)
		json_begin(a, "records");
	r = iscsi_db_each(a->db, &any, list_one, &l);
	if (r)
		return database_failed(a, r);
	if (l.n)
		return ISCSI_OK;
	log_error("No records found");
	return ISCSI_ERR_NO_OBJS_FOUND;
}

/* ---- new ---- */

/* asked: the portal as it was asked for; its tag may be known better by now. n: of that interface. */
static void say_added(struct app *a, const struct iscsi_node_id *asked,
	const struct iscsi_node_id *id, struct iscsi_node *n)
{
	report(a, "New iSCSI node [tcp:[hw=%s,ip=%s,net_if=%s,iscsi_if=%s] %s,%d,%d %s] added\n",
		iscsi_node_get(n, "iface.hwaddress"), iscsi_node_get(n, "iface.ipaddress"),
		iscsi_node_get(n, "iface.net_ifacename"), asked->iface, asked->address,
		asked->port, asked->tpgt, asked->target);
	json_add(a, "records", json_node_id(id));
}

/* In memory, of no portal yet: with the settings of iscsid.conf, then those of the interface. */
static int new_node(struct app *a, const char *iface, struct iscsi_node **ret)
{
	struct iscsi_node *n;
	int r = iscsi_node_new(a->db, NULL, &n);

	if (!r && !str_eq(iface, "default")) {
		r = iscsi_db_apply_iface(a->db, n, iface);
		if (r)
			iscsi_node_free(n);
	}
	if (!r)
		*ret = n;
	return r;
}

static int not_added(struct app *a, int r)
{
	const char *text = iscsi_db_error(a->db);

	log_error("Error while adding record: %s", *text ? text : strerror(-r));
	return ISCSI_ERR_IDBM;
}

static int add_record(struct app *a, const struct iscsi_node_id *asked, struct iscsi_node *n)
{
	struct iscsi_node_id id;
	int r = iscsi_node_set_portal(a->db, n, asked);

	if (!r)
		r = (a->o.idempotent ? iscsi_db_add : iscsi_db_store)(a->db, n);
	if (r == -EEXIST && a->o.idempotent)
		return ISCSI_OK;
	if (r)
		return not_added(a, r);
	iscsi_node_get_id(n, &id);
	say_added(a, asked, &id, n);
	return ISCSI_OK;
}

/* Its interface at each portal that there is. */
struct additions {
	struct app *app;
	struct iscsi_node *node;
	size_t n;
	int error; /* enum iscsi_err */
};

static void told_added(void *data, const struct iscsi_node_id *id, int r, size_t bad)
{
	struct additions *x = data;

	(void)bad;
	if (!x->n++)
		show_many();
	if (r)
		x->error = not_added(x->app, r);
	else
		say_added(x->app, id, id, x->node);
}

static int add_to_existing(
	struct app *a, const struct iscsi_node_match *match, struct iscsi_node *n)
{
	struct additions x = {.app = a, .node = n};
	int r = iscsi_db_change_each(a->db, match,
		&(struct iscsi_change){.like = n, .told = told_added, .data = &x});

	if (r)
		return not_added(a, r);
	/* Nothing to add to is no failure, as callers know it. */
	if (!x.n)
		log_error("Error while adding record: ");
	return x.error;
}

static int new_records(struct app *a, const struct iscsi_node_match *match)
{
	const char *iface = a->o.n_ifaces ? a->o.ifaces[0] : "default";
	struct iscsi_node_match place = *match;
	struct iscsi_node_id id = {
		.target = a->o.target,
		.address = a->o.portal.address,
		.port = options_port(&a->o),
		.tpgt = a->o.portal.tpgt,
		.iface = iface,
	};
	bool one = id.target && id.address[0];
	struct iscsi_node *n;
	int r;

	place.iface = one ? iface : NULL;
	r = new_node(a, iface, &n);
	if (r)
		return not_added(a, r);
	r = one ? add_record(a, &id, n) : add_to_existing(a, &place, n);
	iscsi_node_free(n);
	return r;
}

/* ---- */

static int login_matching(struct app *a, const struct iscsi_node_match *match)
{
	struct nodes nodes = {};
	int r = nodes_load(a, match, &nodes);

	json_begin(a, "logins");
	if (r) {
		r = database_failed(a, r);
	} else if (!nodes.n && !nodes.error) {
		log_error("No records found");
		r = ISCSI_ERR_NO_OBJS_FOUND;
	} else {
		r = login_nodes(a, &nodes, false, false);
		r = r ? r : nodes.error;
	}
	nodes_clear(&nodes);
	return r;
}

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (str_eq(word, *words))
			return true;
	return false;
}

static int bad_word(const char *option, const char *word)
{
	log_error("Invalid %s option %s.", option, word);
	fputs("Try `iscsiadm --help' for more information.\n", stderr);
	return ISCSI_ERR_INVAL;
}

/* The interface has to be there before anything is done in its name. */
static bool iface_is_there(struct app *a, const char *name)
{
	struct iscsi_iface *f;
	int r = iscsi_iface_load(a->db, name, &f);

	if (r) {
		iface_not_read(a, name, r);
		return false;
	}
	iscsi_iface_free(f);
	return true;
}

static int check_together(const struct options *o)
{
	const char *fault = NULL;

	if (o->login && o->logout)
		fault = "Both login and logout passed in";
	else if ((o->login || o->logout) && o->ops)
		fault = "Login/logout and op passed in";
	if (fault)
		log_error("Invalid parameters. %s", fault);
	return fault ? ISCSI_ERR_INVAL : ISCSI_OK;
}

int mode_node(struct app *a)
{
	static const char *const all[] = {"all", "manual", "automatic", "onboot", NULL};
	static const char *const all_but_onboot[] = {"all", "manual", "automatic", NULL};
	struct options *o = &a->o;
	const struct session_match match = {
		.node = {
			.target = o->target,
			.address = o->portal.address[0] ? o->portal.address : NULL,
			.port = options_port(o),
			.iface = o->n_ifaces ? o->ifaces[0] : NULL,
		},
	};
	bool selected = o->target || o->portal.address[0] || o->n_ifaces;

	if (o->loginall)
		return is_one_of(o->loginall, all) ? login_all(a, o->loginall)
						     : bad_word("loginall", o->loginall);
	if (o->logoutall)
		return is_one_of(o->logoutall, all_but_onboot)
			       ? logout_all(a, o->logoutall)
			       : bad_word("logoutall", o->logoutall);
	if (o->n_ifaces && !iface_is_there(a, o->ifaces[0]))
		return ISCSI_ERR_NOMEM;
	if (o->ops == DO_NEW)
		return new_records(a, &match.node);
	if (o->ops == DO_GC)
		return collect_garbage(a);
	if (o->rescan)
		return rescan_sessions(a, &match);
	if (o->stats)
		return stats_sessions(a, &match);
	if (check_together(o))
		return ISCSI_ERR_INVAL;
	if (o->login)
		return login_matching(a, &match.node);
	if (o->logout)
		return logout_sessions(a, &match);
	if (!selected && !o->ops)
		return list_records(a);
	return record_ops_run(a, &match.node);
}
