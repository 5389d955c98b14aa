/* SPDX-License-Identifier: MIT */
/* Finding records by walking directories: TARGET, then PORTAL, then IFACE. */
#include "place.h"
#include "sock.h"
#include "str.h"

#include <dirent.h>
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

static bool portal_matches(struct walk *w, const struct iscsi_portal *p)
{
	struct host CLEANUP(host_release) other = {.name = p->address};
	const char *wanted = w->wanted.name;

	if (w->match->port >= 0 && w->match->port != p->port)
		return false;
	if (!wanted || address_equal(wanted, p->address))
		return true;
	if (is_numeric(wanted) && is_numeric(p->address))
		return false;
	return hosts_meet(&w->wanted, &other);
}

static int found(struct walk *w, const struct iscsi_node_id *id)
{
	if (iscsi_ifacename_fault(id->iface))
		return 0;
	if (w->match->iface && !str_eq(w->match->iface, id->iface))
		return 0;
	return w->each(w->data, id);
}

/* What another program removed, or what never was a directory of ours, is no reason to stop. */
static int skip(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EACCES:
		return 0;
	default:
		return err;
	}
}

static int walk_portal(struct walk *w, struct iscsi_node_id *id)
{
	struct names CLEANUP(names_free) ifaces = {0};
	char *CLEANUP_FREE iface = NULL;
	struct place place;
	int r;

	id->iface = "default"; /* any, for the path; what an old style file without one has */
	r = place_of(w->db, id, &place);
	if (r < 0)
		return 0;
	if (id->tpgt < 0) {
		r = old_style_iface(w->db, w->nodes, &place, &iface);
		if (r == 0)
			id->iface = iface;
		return r == -ENOENT ? 0 : found(w, id);
	}
	r = names_read(w->nodes, place.dir, DT_REG, &ifaces);
	if (r < 0)
		return skip(r);
	for (size_t i = 0; r == 0 && i < ifaces.n; i++) {
		id->iface = ifaces.v[i];
		r = found(w, id);
	}
	return r;
}

static int walk_target(struct walk *w, const char *target)
{
	struct names CLEANUP(names_free) portals = {0};
	struct iscsi_portal p;
	int r;

	if (iscsi_name_fault(target))
		return 0;
	r = names_read(w->nodes, target, DT_UNKNOWN, &portals); /* both styles, in one order */
	if (r < 0)
		return skip(r);
	for (size_t i = 0; r == 0 && i < portals.n; i++) {
		struct iscsi_node_id id = {.target = target, .address = p.address};

		if (!place_parse(portals.v[i], &p) || !portal_matches(w, &p))
			continue;
		id.port = p.port;
		id.tpgt = p.tpgt;
		r = walk_portal(w, &id);
	}
	return r;
}

static int walk_all(struct walk *w)
{
	struct names CLEANUP(names_free) targets = {0};
	int r = names_read(w->nodes, ".", DT_DIR, &targets);

	for (size_t i = 0; r == 0 && i < targets.n; i++)
		r = walk_target(w, targets.v[i]);
	return r;
}

int iscsi_db_each(struct iscsi_db *db, const struct iscsi_node_match *match,
	int (*each)(void *data, const struct iscsi_node_id *id), void *data)
{
	static const struct iscsi_node_match any = {.port = -1};
	struct walk w = {.db = db, .match = match ? match : &any, .each = each, .data = data};
	int CLEANUP_CLOSE nodes = -1;
	int r;

	db_begin(db);
	nodes = db_open_dir(db, "nodes", false);
	if (nodes < 0)
		return nodes == -ENOENT ? 0 : nodes;
	w.nodes = nodes;
	if (!str_empty(w.match->address))
		w.wanted.name = w.match->address;
	r = w.match->target ? walk_target(&w, w.match->target) : walk_all(&w);
	host_release(&w.wanted);
	return r;
}
