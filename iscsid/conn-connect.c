/* SPDX-License-Identifier: MIT */
/*
 * conn-connect.c - from a portal to a connected TCP socket: names, interface bindings, and every
 * address of a name in turn.
 */
#include "conn-actions.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "err.h"
#include "initiator.h"
#include "iscsi-node.h"
#include "netdev.h"
#include "record.h"
#include "str.h"

struct conn_resolve {
	uv_getaddrinfo_t uv;
	struct conn *conn; /* NULL: nobody wants the answer any more */
};

void conn_abandon_resolve(struct conn *c)
{
	if (c->resolve)
		c->resolve->conn = NULL;
	c->resolve = NULL;
}

/* What open-iscsi writes for "not bound". */
static bool is_set(const char *value)
{
	return !str_empty(value) && !str_eq(value, "default");
}

/* The device that the interface is bound to; *ret stays NULL when there is none. 0 or -errno. */
static int bound_device(struct conn *c, char **ret)
{
	const struct iface_settings *f = &c->session->node->iface;

	if (is_set(f->hwaddress))
		return netdev_by_mac(initiator_of(c)->root, f->hwaddress, ret);
	return is_set(f->net_ifacename) ? str_set(ret, f->net_ifacename) : 0;
}

/* Bindings that cannot be; NULL: it can. */
static const char *binding_fault(const struct iface_settings *f)
{
	if (is_set(f->hwaddress) && is_set(f->net_netns))
		return "iface.hwaddress is not looked for in another network namespace; set "
		       "iface.net_ifacename";
	if (is_set(f->ipaddress) && !is_set(f->hwaddress) && !is_set(f->net_ifacename))
		return "iscsi_tcp cannot be bound to iface.ipaddress alone; set iface.net_ifacename "
		       "or iface.hwaddress";
	return NULL;
}

/* Of a name that has several addresses each has its turn. */
int conn_no_connect(struct conn *c, int r)
{
	const struct iface_settings *f = &c->session->node->iface;

	if (c->address + 1 < c->addresses) {
		c->address++;
		c->again = true;
		return conn_close(c);
	}
	if (r == -ENOENT && is_set(f->hwaddress))
		return conn_end(c, ISCSI_ERR_TRANS_TIMEOUT, false,
			"no network device has the address %s", f->hwaddress);
	if (r == -ENOENT)
		return conn_end(c, ISCSI_ERR_TRANS_TIMEOUT, false, "there is no network namespace %s",
			f->net_netns);
	return conn_end(c, ISCSI_ERR_TRANS_TIMEOUT, false, "cannot connect: %s", strerror(-r));
}

static int connect_to(struct conn *c)
{
	const struct iscsi_node *n = c->session->node;
	CLEANUP_FREE char *netdev = NULL;
	struct sock_options o = {
		.netns = n->iface.net_netns,
		.buffer_size = n->window_size,
		.tos = n->type_of_service,
	};
	int r;

	if (binding_fault(&n->iface))
		return conn_end(c, ISCSI_ERR_TRANS_TIMEOUT, true, "%s", binding_fault(&n->iface));
	r = bound_device(c, &netdev);
	o.netdev = netdev;
	if (!r)
		r = carrier_socket_open(&c->carrier, &c->addr, &o);
	if (r)
		return conn_no_connect(c, r);
	machine_post_at(&c->machine, TIMEOUT, c->deadline);
	return CONNECTING;
}

/* Takes the address whose turn it is; the last one when there are fewer by now. */
static void take_address(struct conn *c, const struct addrinfo *list)
{
	c->addr.len = 0;
	c->addresses = 0;
	for (const struct addrinfo *a = list; a; a = a->ai_next)
		if (a->ai_addrlen <= sizeof(c->addr.storage) && c->addresses++ <= c->address) {
			c->addr.len = a->ai_addrlen;
			memcpy(&c->addr.sa, a->ai_addr, a->ai_addrlen);
		}
}

static void on_resolved(uv_getaddrinfo_t *uv, int status, struct addrinfo *res)
{
	struct conn_resolve *q = uv->data;
	struct conn *c = q->conn;

	if (c) {
		c->resolve = NULL;
		c->err = status;
		take_address(c, status == 0 ? res : NULL);
		machine_post(&c->machine, RESOLVED);
	}
	uv_freeaddrinfo(res);
	free(q);
}

int conn_connect(struct conn *c)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct conn_resolve *q;
	char port[8];
	int r = sock_addr_parse_in(c->session->node->iface.net_netns, c->portal.address,
		(unsigned int)c->portal.port, &c->addr);

	if (!r)
		return connect_to(c);
	/* Of a name nothing but that is known, of a zone that it may come. */
	if (r != -EINVAL)
		return conn_no_connect(c, r);
	q = calloc(1, sizeof(*q));
	if (!q)
		return conn_end(c, ISCSI_ERR_NOMEM, true, "out of memory");
	q->conn = c;
	q->uv.data = q;
	snprintf(port, sizeof(port), "%d", c->portal.port);
	if (uv_getaddrinfo(initiator_of(c)->loop, &q->uv, on_resolved, c->portal.address, port,
		    &hints)) {
		free(q);
		return conn_end(c, ISCSI_ERR_TRANS, false, "the host name cannot be resolved");
	}
	c->resolve = q;
	machine_post_at(&c->machine, TIMEOUT, c->deadline);
	return RESOLVING;
}

int conn_resolved(void *owner)
{
	struct conn *c = owner;

	/* Who says that there is no such name is believed; a name server that is away may return. */
	if (!c->addr.len)
		return conn_end(c, ISCSI_ERR_TRANS, c->err == UV_EAI_NONAME || c->err == UV_EAI_NODATA,
			"the host name cannot be resolved: %s",
			c->err ? uv_strerror(c->err) : "it has no address");
	return connect_to(c);
}
