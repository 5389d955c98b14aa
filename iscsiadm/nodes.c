/* SPDX-License-Identifier: MIT */
/* nodes.c - lists of records; which session belongs to which record */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iscsiadm.h"
#include "log.h"
#include "sock.h"
#include "str.h"

int database_failed(struct app *a, int r)
{
	const char *text = iscsi_db_error(a->db);

	log_error("%s", *text ? text : strerror(-r));
	return r == -ENOMEM ? ISCSI_ERR_NOMEM : ISCSI_ERR_IDBM;
}

void iface_not_read(struct app *a, const char *name, int r)
{
	const char *text = iscsi_db_error(a->db);

	if (r == -ENOENT)
		log_error("Could not read iface info for %s.", name);
	else
		log_error("Could not read iface info for %s: %s", name, *text ? text : strerror(-r));
}

int nodes_add(struct nodes *l, struct iscsi_node *n)
{
	struct iscsi_node **items = reallocarray(l->items, l->n + 1, sizeof(*items));

	if (!items) {
		iscsi_node_free(n);
		return -ENOMEM;
	}
	l->items = items;
	l->items[l->n++] = n;
	return 0;
}

void nodes_clear(struct nodes *l)
{
	for (size_t i = 0; i < l->n; i++)
		iscsi_node_free(l->items[i]);
	free(l->items);
	*l = (struct nodes){};
}

static void id_release(struct iscsi_node_id *id)
{
	free((char *)id->target);
	free((char *)id->address);
	free((char *)id->iface);
}

int node_ids_add(struct node_ids *l, const struct iscsi_node_id *id)
{
	struct iscsi_node_id *items = reallocarray(l->items, l->n + 1, sizeof(*items)), copy = *id;

	if (!items)
		return -ENOMEM;
	l->items = items;
	copy.target = strdup(id->target);
	copy.address = strdup(id->address);
	copy.iface = strdup(id->iface);
	if (!copy.target || !copy.address || !copy.iface) {
		id_release(&copy);
		return -ENOMEM;
	}
	l->items[l->n++] = copy;
	return 0;
}

void node_ids_clear(struct node_ids *l)
{
	for (size_t i = 0; i < l->n; i++)
		id_release(&l->items[i]);
	free(l->items);
	*l = (struct node_ids){};
}

struct load {
	struct app *app;
	struct nodes *nodes;
};

static int load_one(void *data, const struct iscsi_node_id *id)
{
	struct load *l = data;
	struct iscsi_node *n;
	int r = iscsi_db_load(l->app->db, id, &n);

	if (r == -ENOENT) /* deleted by another meanwhile */
		return 0;
	if (r) {
		log_error("the record of %s at %s,%d cannot be read: %s", id->target, id->address,
			id->port, iscsi_db_error(l->app->db));
		l->nodes->error = ISCSI_ERR_IDBM;
		return 0;
	}
	return nodes_add(l->nodes, n);
}

int nodes_load(struct app *a, const struct iscsi_node_match *match, struct nodes *ret)
{
	struct load l = {a, ret};

	return iscsi_db_each(a->db, match, load_one, &l);
}

static bool same_address(const char *a, const char *b)
{
	struct sock_addr x, y;

	if (str_eq(a, b))
		return true;
	return a && b && !sock_addr_parse(a, 1, &x) && !sock_addr_parse(b, 1, &y) &&
	       x.len == y.len && !memcmp(&x.sa, &y.sa, x.len);
}

bool session_matches(const struct view_session *s, const struct session_match *m)
{
	const struct iscsi_node_match *n = &m->node;

	return (!m->sid || s->sid == m->sid) && (!n->target || str_eq(s->target, n->target)) &&
	       (!n->address || same_address(s->persistent_address, n->address)) &&
	       (n->port < 0 || s->persistent_port == n->port) &&
	       (!n->iface || str_eq(s->iface ? s->iface : "default", n->iface));
}

bool session_uses(const struct view_session *s, const struct iscsi_node_id *id)
{
	const struct session_match m = {
		.node = {.target = id->target, .address = id->address, .port = id->port,
			.iface = id->iface},
	};

	return session_matches(s, &m);
}
