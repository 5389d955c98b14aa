/* SPDX-License-Identifier: MIT */
/* Finding records by walking directories: TARGET, then PORTAL, then IFACE. */
#include "place.h"
#include "sock.h"
#include "str.h"
#include "tree.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

static bool same_sockaddr(const struct sockaddr *a, const struct sockaddr *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->sa_family != b->sa_family)
		return false;
	if (a->sa_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0 &&
	       a6->sin6_scope_id == b6->sin6_scope_id;
}

bool address_equal(const char *a, const char *b)
{
	struct sock_addr x, y;

	if (str_eq(a, b))
		return true;
	return sock_addr_parse(a, 1, &x) == 0 && sock_addr_parse(b, 1, &y) == 0 &&
	       same_sockaddr(&x.sa, &y.sa);
}

/* A host and what it resolves to, asked for when first needed. */
struct host {
	const char *name;
	struct addrinfo *list;
	bool asked;
};

static const struct addrinfo *host_addresses(struct host *h)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};

	if (!h->asked && getaddrinfo(h->name, NULL, &hints, &h->list) != 0)
		h->list = NULL;
	h->asked = true;
	return h->list;
}

static void host_release(struct host *h)
{
	if (h->list)
		freeaddrinfo(h->list);
}

static bool hosts_meet(struct host *a, struct host *b)
{
	for (const struct addrinfo *x = host_addresses(a); x; x = x->ai_next)
		for (const struct addrinfo *y = host_addresses(b); y; y = y->ai_next)
			if (same_sockaddr(x->ai_addr, y->ai_addr))
				return true;
	return false;
}

static bool is_numeric(const char *address)
{
	struct sock_addr a;

	return sock_addr_parse(address, 1, &a) == 0;
}

struct walk {
	struct iscsi_db *db;
	const struct iscsi_node_match *match;
	struct host wanted; /* match->address */
	int nodes;
	int (*each)(void *data, const struct iscsi_node_id *id);
	void *data;
};

static bool portal_matches(struct walk *w, const struct iscsi_node_id *id)
{
	struct host CLEANUP(host_release) other = {.name = id->address};
	const char *wanted = w->wanted.name;

	if (w->match->port >= 0 && w->match->port != id->port)
		return false;
	if (!wanted || address_equal(wanted, id->address))
		return true;
	if (is_numeric(wanted) && is_numeric(id->address))
		return false;
	return hosts_meet(&w->wanted, &other);
}

static int found(const struct walk *w, const struct iscsi_node_id *id)
{
	if (w->match->iface && !str_eq(w->match->iface, id->iface))
		return 0;
	return w->each(w->data, id);
}

/* What an old style file without an interface in it has: "default". */
static int walk_old_style(struct walk *w, struct iscsi_node_id *id)
{
	char *CLEANUP_FREE iface = NULL;
	struct place place;
	int r;

	id->iface = "default"; /* any, for the path */
	r = place_of(w->db, id, &place);
	if (r < 0)
		return 0;
	r = old_style_iface(w->db, w->nodes, &place, &iface);
	if (r == 0)
		id->iface = iface;
	if (r == -ENOENT || iscsi_ifacename_fault(id->iface))
		return 0;
	return found(w, id);
}

static int walk_portal(struct walk *w, const struct tree_chunk *c, const struct tree_portal *p,
	const uint32_t *ifaces, struct iscsi_node_id *id)
{
	int r = 0;

	id->address = c->strings + p->address;
	id->port = p->port;
	id->tpgt = p->tpgt;
	if (!portal_matches(w, id))
		return 0;
	if (p->tpgt < 0)
		return walk_old_style(w, id);
	for (uint32_t i = 0; r == 0 && i < p->n_ifaces; i++) {
		id->iface = c->strings + ifaces[i];
		r = found(w, id);
	}
	return r;
}

static int walk_chunk(struct walk *w, const struct tree_chunk *c)
{
	const struct tree_portal *p = c->portals;
	const uint32_t *ifaces = c->ifaces;
	int r = 0;

	for (uint32_t t = 0; r == 0 && t < c->n_targets; t++) {
		struct iscsi_node_id id = {.target = c->strings + c->targets[t].name};

		for (uint32_t i = 0; r == 0 && i < c->targets[t].n_portals; i++) {
			r = walk_portal(w, c, p, ifaces, &id);
			ifaces += p++->n_ifaces;
		}
	}
	return r;
}

static int walk_tree(struct walk *w)
{
	struct tree CLEANUP(tree_release) t = {0};
	const char *target = w->match->target;
	int r = target ? tree_read_target(w->nodes, target, &t) : tree_read(w->db, w->nodes, &t);

	for (size_t i = 0; r == 0 && i < t.n; i++)
		r = walk_chunk(w, &t.chunks[i]);
	return r ? r : t.error;
}

int iscsi_db_each(struct iscsi_db *db, const struct iscsi_node_match *match,
	int (*each)(void *data, const struct iscsi_node_id *id), void *data)
{
	static const struct iscsi_node_match any = {.port = -1};
	struct walk w = {.db = db, .match = match ? match : &any, .each = each, .data = data};
	int CLEANUP_CLOSE nodes = -1;
	int r;

	db_begin(db);
	if (w.match->target && iscsi_name_fault(w.match->target))
		return 0;
	nodes = db_open_dir(db, "nodes", false);
	if (nodes < 0)
		return nodes == -ENOENT ? 0 : nodes;
	w.nodes = nodes;
	if (!str_empty(w.match->address))
		w.wanted.name = w.match->address;
	r = walk_tree(&w);
	host_release(&w.wanted);
	return r;
}
