/* SPDX-License-Identifier: MIT */
/* mode-iface.c - "-m iface": interface records, and the node records that are bound to them */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "json.h"
#include "log.h"
#include "record-ops.h"
#include "show.h"
#include "str.h"

static const char *const builtins[] = {"default", "iser"};
#define N_BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

static const char *name_of(const struct app *a)
{
	return a->o.n_ifaces ? a->o.ifaces[0] : NULL;
}

/* ---- list ---- */

/* The records that are bound to interfaces, by interface. */
struct binding {
	char iface[65];
	char target[ISCSI_NAME_MAX + 1];
	char address[ISCSI_ADDRESS_MAX + 1];
	int port, tpgt;
	size_t order; /* in which the database gave them */
};

struct bindings {
	struct binding *items;
	size_t n, room;
};

static int add_binding(void *data, const struct iscsi_node_id *id)
{
	struct bindings *l = data;
	struct binding *b;

	if (l->n == l->room) {
		size_t room = l->room ? 2 * l->room : 64;
		struct binding *items = reallocarray(l->items, room, sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		l->room = room;
	}
	b = &l->items[l->n];
	*b = (struct binding){.port = id->port, .tpgt = id->tpgt, .order = l->n++};
	snprintf(b->iface, sizeof(b->iface), "%s", id->iface);
	snprintf(b->target, sizeof(b->target), "%s", id->target);
	snprintf(b->address, sizeof(b->address), "%s", id->address);
	return 0;
}

static int compare_bindings(const void *a, const void *b)
{
	const struct binding *x = a, *y = b;
	int r = strcmp(x->iface, y->iface);

	return r ? r : (x->order > y->order) - (x->order < y->order);
}

static int compare_to_name(const void *name, const void *item)
{
	return strcmp(name, ((const struct binding *)item)->iface);
}

struct listing {
	struct app *app;
	struct bindings bound; /* level 1 */
};

static void show_line(struct iscsi_iface *f)
{
	static const char *const keys[] = {"iface.transport_name", "iface.hwaddress",
		"iface.ipaddress", "iface.net_ifacename", "iface.initiatorname"};

	printf("%s", iscsi_iface_get(f, "iface.iscsi_ifacename"));
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *value = iscsi_iface_get(f, keys[i]);

		printf("%c%s", i ? ',' : ' ', str_empty(value) ? "<empty>" : value);
	}
	puts("");
}

static void show_bound(const struct bindings *l, const char *name)
{
	const struct binding *b =
		l->n ? bsearch(name, l->items, l->n, sizeof(*b), compare_to_name) : NULL;
	const struct binding *end = l->items + l->n;
	const char *target = NULL;

	printf("Iface: %s\n", name);
	while (b && b > l->items && str_eq(b[-1].iface, name))
		b--;
	for (; b && b < end && str_eq(b->iface, name); b++) {
		if (!str_eq(target, b->target))
			printf("\tTarget: %s\n", b->target);
		target = b->target;
		show_indented_portal("\t\t", b->address, b->port, b->tpgt);
	}
}

static void add_to_json(struct app *a, struct iscsi_iface *f)
{
	struct json_settings settings = {json_object_new_object(), a->o.show_secrets};
	struct json_object *o = json_object_new_object();

	json_put_text(o, "name", iscsi_iface_get(f, "iface.iscsi_ifacename"));
	iscsi_iface_each(f, json_add_setting, &settings);
	json_object_object_add(o, "settings", settings.object);
	json_add(a, "interfaces", o);
}

static int list_one(void *data, struct iscsi_iface *f)
{
	struct listing *l = data;

	if (l->app->o.json)
		add_to_json(l->app, f);
	else if (l->app->o.print == 1)
		show_bound(&l->bound, iscsi_iface_get(f, "iface.iscsi_ifacename"));
	else
		show_line(f);
	return 0;
}

static int list_named(struct listing *l, const char *name)
{
	struct iscsi_iface *f;
	int r = iscsi_iface_load(l->app->db, name, &f);

	if (r)
		return r;
	list_one(l, f);
	iscsi_iface_free(f);
	return 0;
}

static int list_all(struct listing *l)
{
	int r = iscsi_db_each_iface(l->app->db, list_one, l);

	for (size_t i = 0; i < N_BUILTINS && !r; i++)
		r = list_named(l, builtins[i]);
	return r;
}

static int not_there(struct app *a, const char *name, int r)
{
	log_error("Could not read iface info for %s: %s", name,
		*iscsi_db_error(a->db) ? iscsi_db_error(a->db) : strerror(-r));
	return ISCSI_ERR_IDBM;
}

static int list(struct app *a)
{
	const struct iscsi_node_match any = {.port = UNSET};
	struct listing l = {.app = a};
	const char *name = name_of(a);
	int r = 0;

	if (a->o.json)
		json_begin(a, "interfaces");
	if (a->o.print == 1 && !a->o.json) {
		r = iscsi_db_each(a->db, &any, add_binding, &l.bound);
		/* Interfaces alone are no tree, as callers know it. */
		if (!r && !l.bound.n)
			return ISCSI_OK;
		if (l.bound.n)
			qsort(l.bound.items, l.bound.n, sizeof(l.bound.items[0]), compare_bindings);
	}
	if (!r)
		r = name ? list_named(&l, name) : list_all(&l);
	free(l.bound.items);
	if (r && name)
		return not_there(a, name, r);
	return r ? database_failed(a, r) : ISCSI_OK;
}

static int show(struct app *a)
{
	struct iscsi_iface *f;
	int r;

	if (a->o.print > 1 || a->o.print < UNSET) {
		log_error("Invalid info level %d. Try 0 - 1.", a->o.print);
		return ISCSI_ERR_INVAL;
	}
	if (!name_of(a) || a->o.print == 1 || a->o.json)
		return list(a);
	r = iscsi_iface_load(a->db, name_of(a), &f);
	if (r)
		return not_there(a, name_of(a), r);
	show_record_begin();
	iscsi_iface_each(f, show_record_line, &a->o.show_secrets);
	show_record_end();
	iscsi_iface_free(f);
	return ISCSI_OK;
}

/* ---- new, update, delete ---- */

static bool is_special(struct app *a, const char *name, const char *what)
{
	if (!iscsi_iface_is_builtin(name))
		return false;
	log_error("iface %s is a special interface and %s%s%s.", name, what,
		str_after(what, "is not stored") ? iscsi_db_dir(a->db) : "",
		str_after(what, "is not stored") ? "/ifaces" : "");
	return true;
}

static bool in_use(struct app *a, const char *name)
{
	struct view_sessions v;
	bool found = false;

	if (view_sessions_read(a->root, VIEW_LIST, &v))
		return false;
	for (size_t i = 0; i < v.n && !found; i++)
		found = str_eq(v.items[i].iface, name);
	view_sessions_clear(&v);
	return found;
}

/* What fails is said, and is no failure of the command: callers know it so. */
static int change(struct app *a, const char *name)
{
	size_t bad;
	int r = iscsi_iface_update(a->db, name, a->o.pairs, a->o.n_pairs, &bad);
	const char *key = r > 0 ? a->o.pairs[bad].key : NULL;

	if (!r) {
		report(a, "%s updated.\n", name);
		return ISCSI_OK;
	}
	if (r < 0)
		return database_failed(a, r);
	if (r == ISCSI_UPDATE_FIXED_KEY)
		log_error("Can not update %s. Delete it, and then create a new one.", key);
	else
		record_update_refused((enum iscsi_update_result)r, &a->o.pairs[bad]);
	log_error("Could not update iface %s: %s", name, iscsi_err_text(ISCSI_ERR_INVAL));
	return ISCSI_OK;
}

static int create(struct app *a)
{
	const char *name = name_of(a);
	struct iscsi_iface *f;
	int r = ISCSI_OK;

	if (!name) {
		log_error("Could not add interface. No interface passed in.");
		return EINVAL; /* which is not enum iscsi_err, but what callers get */
	}
	if (a->o.idempotent && !iscsi_iface_load(a->db, name, &f)) {
		iscsi_iface_free(f);
		return ISCSI_OK;
	}
	if (is_special(a, name, "is not stored in "))
		r = ISCSI_ERR_INVAL;
	else if (in_use(a, name))
		r = ISCSI_ERR_SESS_EXISTS;
	if (r) {
		log_error("Could not create new interface %s.", name);
		return r;
	}
	r = iscsi_iface_new(name, &f);
	if (!r)
		r = (a->o.idempotent ? iscsi_iface_add : iscsi_iface_store)(a->db, f);
	if (r == -EEXIST && a->o.idempotent) {
		r = ISCSI_OK;
	} else if (r) {
		r = database_failed(a, r);
		log_error("Could not create new interface %s.", name);
	} else {
		r = change(a, name);
		report(a, "New interface %s added\n", name);
	}
	iscsi_iface_free(f);
	return r;
}

static int update(struct app *a)
{
	const char *name = name_of(a);
	struct iscsi_iface *f;
	int r;

	if (!name || !a->o.n_pairs) {
		log_error("Update requires name, value, and iface.");
		return ISCSI_ERR_INVAL;
	}
	if (is_special(a, name, "cannot be modified")) {
		log_error("Could not update iface %s: %s", name, iscsi_err_text(ISCSI_ERR_INVAL));
		return ISCSI_OK;
	}
	r = iscsi_iface_load(a->db, name, &f);
	if (r) {
		iface_not_read(a, name, r);
		return ISCSI_ERR_INVAL;
	}
	iscsi_iface_free(f);
	if (in_use(a, name))
		log_warning(
			"Updating iface while iscsi sessions are using it. You must logout the "
			"running sessions then log back in for the new settings to take affect.");
	return change(a, name);
}

struct unbinding {
	struct app *app;
	struct view_sessions sessions;
	int error; /* enum iscsi_err */
};

static int unbind(void *data, const struct iscsi_node_id *id)
{
	struct unbinding *u = data;
	int r;

	for (size_t i = 0; i < u->sessions.n; i++)
		if (session_uses(&u->sessions.items[i], id)) {
			record_say_in_use(id);
			u->error = ISCSI_ERR_SESS_EXISTS;
			return 0;
		}
	r = iscsi_db_delete(u->app->db, id);
	if (r && r != -ENOENT)
		u->error = database_failed(u->app, r);
	return 0;
}

static int unbind_and_delete(struct app *a, const char *name)
{
	const struct iscsi_node_match bound = {.port = UNSET, .iface = name};
	struct unbinding u = {.app = a};
	int r;

	view_sessions_read(a->root, VIEW_LIST, &u.sessions);
	r = iscsi_db_each(a->db, &bound, unbind, &u);
	view_sessions_clear(&u.sessions);
	if (!r && !u.error)
		r = iscsi_iface_delete(a->db, name);
	return r ? database_failed(a, r) : u.error;
}

static int delete (struct app *a)
{
	const char *name = name_of(a);
	struct iscsi_iface *f;
	int r = ISCSI_ERR_INVAL;

	if (!name) {
		log_error("Could not delete interface. No interface passed in.");
		return ISCSI_ERR_INVAL;
	}
	if (is_special(a, name, "cannot be deleted")) {
		/* said */
	} else if ((r = iscsi_iface_load(a->db, name, &f)) == -ENOENT && a->o.idempotent) {
		return ISCSI_OK;
	} else if (r == -ENOENT) {
		iface_not_read(a, name, r);
		r = ISCSI_ERR_INVAL;
	} else {
		/* One that cannot be read is deleted too. */
		if (!r)
			iscsi_iface_free(f);
		r = unbind_and_delete(a, name);
	}
	if (r)
		log_error("Could not delete iface %s: %s", name, iscsi_err_text(r));
	else
		report(a, "%s unbound and deleted.\n", name);
	return r;
}

/* ---- what only cards have: settings of their own network, and ping ---- */

static int apply(struct app *a)
{
	const char *name = name_of(a);
	struct iscsi_iface *f;

	if (!name) {
		log_error("Apply requires iface.");
		return ISCSI_ERR_INVAL;
	}
	if (iscsi_iface_load(a->db, name, &f)) {
		log_error("Could not read iface %s (%d).", name, ISCSI_ERR_IDBM);
		return ISCSI_ERR_IDBM;
	}
	iscsi_iface_free(f);
	log_warning("Nothing to configure.");
	report(a, "%s applied.\n", name);
	return ISCSI_OK;
}

static int apply_all(struct app *a)
{
	uint32_t host;

	if (!host_number(a, &host))
		return ISCSI_ERR_INVAL;
	host_has_transport(a, host);
	log_warning("Nothing to configure.");
	report(a, "Applied settings to ifaces attached to host%u.\n", host);
	return ISCSI_OK;
}

static const char *ping_fault(const struct options *o)
{
	static char text[64];
	const struct {
		bool wrong;
		const char *what;
		int value;
	} checks[] = {
		{o->packet_size <= 0, "packet size", o->packet_size},
		{o->count <= 0, "number of packets to transmit", o->count},
		{o->interval < 0, "timing interval", o->interval},
	};

	if (!o->n_ifaces)
		return "Ping requires iface.";
	if (!o->ip)
		return "Ping requires destination ipaddress.";
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		if (checks[i].wrong) {
			snprintf(text, sizeof(text), "Invalid %s: %d.", checks[i].what,
				checks[i].value);
			return text;
		}
	return NULL;
}

static bool is_address(const char *text)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *list;
	int r = getaddrinfo(text, NULL, &hints, &list);

	if (!r) {
		freeaddrinfo(list);
		return true;
	}
	log_error("Cannot resolve host %s. getaddrinfo error: [%s]", text, gai_strerror(r));
	log_error("Invalid IP address.");
	return false;
}

/* A software transport has no network stack of its own to send pings with. */
static int ping(struct app *a)
{
	const char *fault = ping_fault(&a->o);
	struct iscsi_iface *f;

	if (fault) {
		log_error("%s", fault);
		return ISCSI_ERR_INVAL;
	}
	if (iscsi_iface_load(a->db, name_of(a), &f)) {
		log_error("Could not read iface %s (%d).", name_of(a), ISCSI_ERR_IDBM);
		return ISCSI_ERR_IDBM;
	}
	iscsi_iface_free(f);
	if (!is_address(a->o.ip))
		return ISCSI_ERR_INVAL;
	for (int i = 1; i <= a->o.count; i++)
		report(a, "Ping %d failed: %s\n", i, iscsi_err_text(ISCSI_ERR_OP_NOT_SUPP));
	return ISCSI_ERR_OP_NOT_SUPP;
}

/* ---- */

static const struct {
	unsigned int ops;
	int (*run)(struct app *a);
} operations[] = {
	{DO_NONE, show},
	{DO_SHOW, show},
	{DO_NEW, create},
	{DO_UPDATE, update},
	{DO_DELETE, delete},
	{DO_APPLY, apply},
	{DO_APPLYALL, apply_all},
};

int mode_iface(struct app *a)
{
	if (a->o.n_ifaces > 1)
		log_warning("iface mode only accepts one interface. Using the first one %s.",
			a->o.ifaces[0]);
	if (a->o.submode == SUBMODE_PING)
		return ping(a);
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (operations[i].ops == a->o.ops)
			return operations[i].run(a);
	log_error("operation is not supported.");
	return ISCSI_ERR_INVAL;
}
