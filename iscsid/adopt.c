/* SPDX-License-Identifier: MIT */
#include "adopt.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>

#include "cleanup.h"
#include "isid.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"
#include "str.h"
#include "sysfs.h"
#include "view.h"

static bool has_devices(struct initiator *i, uint32_t sid)
{
	struct view_luns CLEANUP(view_luns_clear) luns = {0};

	return !view_luns_read(i->root, sid, &luns) && luns.n;
}

/* The states of contract: a kernel before 5.7 has no conn_state, and none before 5.10 target_state. */
static enum session_found how_found(struct initiator *i, const struct view_session *v)
{
	bool never_bound = str_eq(v->conn_state, "down") || str_eq(v->conn_state, "bound");

	if (!v->persistent_address || !v->target || str_eq(v->conn_state, "down"))
		return SESSION_FOUND_UNFINISHED;
	if (str_eq(v->state, "FREE") && never_bound && !str_eq(v->target_state, "SCANNED") &&
		!has_devices(i, v->sid))
		return SESSION_FOUND_UNFINISHED;
	if (str_eq(v->target_state, "UNBOUND") || str_eq(v->target_state, "UNBINDING"))
		return SESSION_FOUND_LEAVING;
	if (!str_eq(v->state, "LOGGED_IN") || (v->conn_state && !str_eq(v->conn_state, "up")))
		return SESSION_FOUND_BROKEN;
	return SESSION_FOUND_HEALTHY;
}

static long read_attribute(struct initiator *i, const char *class, uint32_t sid, const char *suffix,
	const char *name, long otherwise)
{
	char path[96];
	long value;

	snprintf(path, sizeof(path), "sys/class/iscsi_%s/%s%u%s/%s", class, class, sid, suffix, name);
	return sysfs_read_long(i->root, path, &value) ? otherwise : value;
}

/* The kernel's other timers; what it does not say stays at the default. */
static void read_timers(struct initiator *i, uint32_t sid, struct iscsi_node *n)
{
	const struct {
		const char *class, *suffix, *name;
		int *to;
	} timers[] = {
		{"session", "", "abort_tmo", &n->abort_timeout},
		{"session", "", "lu_reset_tmo", &n->lu_reset_timeout},
		{"session", "", "tgt_reset_tmo", &n->tgt_reset_timeout},
		{"session", "", "fast_abort", &n->fast_abort},
		{"connection", ":0", "ping_tmo", &n->noop_out_timeout},
		{"connection", ":0", "recv_tmo", &n->noop_out_interval},
	};

	for (size_t k = 0; k < sizeof(timers) / sizeof(timers[0]); k++)
		*timers[k].to = (int)read_attribute(i, timers[k].class, sid, timers[k].suffix,
			timers[k].name, *timers[k].to);
}

/* Without a record: what the kernel was told. */
static int node_of_view(struct initiator *i, const struct view_session *v, struct iscsi_node **ret)
{
	struct iscsi_node *n;
	int r = iscsi_node_new_default(&n);

	if (r)
		return r;
	r = str_set(&n->target, v->target ? v->target : "");
	if (!r)
		r = str_set(&n->address, v->persistent_address ? v->persistent_address : "");
	if (!r)
		r = str_set(&n->iface.name, v->iface ? v->iface : "default");
	if (r) {
		iscsi_node_free(n);
		return r;
	}
	n->port = (int)v->persistent_port;
	n->tpgt = (int)v->tpgt;
	n->replacement_timeout = (int)v->recovery_tmo; /* VIEW_UNSET is -1: never */
	read_timers(i, v->sid, n);
	*ret = n;
	return 0;
}

struct search {
	struct iscsi_db *db;
	struct iscsi_node **ret;
};

static int load(void *data, const struct iscsi_node_id *id)
{
	const struct search *q = data;

	return iscsi_db_load(q->db, id, q->ret) ? 0 : 1;
}

/* The record that it was made from, as it is now; a target may have another tpgt there by now. */
static int node_of_record(struct initiator *i, const struct view_session *v, struct iscsi_node **ret)
{
	struct search q = {i->db, ret};
	const struct iscsi_node_match match = {
		.target = v->target,
		.address = v->persistent_address,
		.port = (int)v->persistent_port,
		.iface = v->iface ? v->iface : "default",
	};

	if (!v->target || !v->persistent_address)
		return -ENOENT;
	return iscsi_db_each(i->db, &match, load, &q) == 1 ? 0 : -ENOENT;
}

/* Secrets that the record does not have are those that the kernel was given. */
static int fill_secrets(const struct view_session *v, struct iscsi_node *n)
{
	const struct {
		char **to;
		const char *from;
	} secrets[] = {
		{&n->auth.username, v->username},
		{&n->auth.password, v->password},
		{&n->auth.username_in, v->username_in},
		{&n->auth.password_in, v->password_in},
	};
	int r = 0;

	if (!str_empty(n->auth.password))
		return 0;
	for (size_t k = 0; k < sizeof(secrets) / sizeof(secrets[0]) && !r; k++)
		if (secrets[k].from)
			r = str_set(secrets[k].to, secrets[k].from);
	return r;
}

static bool is_pinged(struct initiator *i, uint32_t sid)
{
	return read_attribute(i, "connection", sid, ":0", "ping_tmo", 0) > 0 &&
	       read_attribute(i, "connection", sid, ":0", "recv_tmo", 0) > 0;
}

static struct session *adopt(struct initiator *i, const struct view_session *v,
	enum session_found found)
{
	static const char *const words[] = {
		[SESSION_FOUND_HEALTHY] = "looks healthy",
		[SESSION_FOUND_BROKEN] = "has lost its connection",
		[SESSION_FOUND_LEAVING] = "is half logged out",
		[SESSION_FOUND_UNFINISHED] = "was never finished",
	};
	struct iscsi_node *n = NULL;
	struct session *s;

	if (node_of_record(i, v, &n) && node_of_view(i, v, &n))
		return NULL;
	if (fill_secrets(v, n)) {
		iscsi_node_free(n);
		return NULL;
	}
	s = session_take_over(i, n, v->sid, v->host, found, is_pinged(i, v->sid));
	if (!s) {
		iscsi_node_free(n);
		return NULL;
	}
	log_info("%s: session %u is there already and %s", s->label, v->sid, words[found]);
	return s;
}

/*
 * A session that is not finished may be one that another program is making right now: the socket
 * that it was asked for by is still open then, with its address as the kernel keeps it.
 */
static bool maker_is_there(struct initiator *i, uint32_t sid)
{
	uint32_t creator = (uint32_t)read_attribute(i, "session", sid, "", "creator", -1);
	CLEANUP_FREE char *path = str_printf("%s/proc/net/netlink", i->root);
	FILE *f = creator != UINT32_MAX && path ? fopen(path, "re") : NULL;
	unsigned int protocol, address;
	bool found = false;
	char line[256];

	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%*s %u %u", &protocol, &address) == 2 &&
			protocol == NETLINK_ISCSI && address == creator;
	if (f)
		fclose(f);
	return found;
}

static void find_and_adopt(struct initiator *i, const struct view_session *v)
{
	enum session_found found = how_found(i, v);

	if (found == SESSION_FOUND_UNFINISHED && maker_is_there(i, v->sid))
		log_info("session %u is not finished, and left to the program that makes it", v->sid);
	else if (!adopt(i, v, found))
		log_error("session %u cannot be taken over: out of memory", v->sid);
}

static bool is_there(const void *data, uint32_t sid)
{
	const struct view_sessions *views = data;

	for (size_t k = 0; k < views->n; k++)
		if (views->items[k].sid == sid)
			return true;
	return false;
}

int adopt_all(struct initiator *i)
{
	struct view_sessions CLEANUP(view_sessions_clear) views = {0};
	int r = view_sessions_read(i->root, VIEW_DETAIL, &views);

	if (r)
		return r;
	isid_purge(i->root, is_there, &views);
	for (size_t k = 0; k < views.n; k++)
		if (!initiator_find_sid(i, views.items[k].sid))
			find_and_adopt(i, &views.items[k]);
	return 0;
}

struct session *adopt_one(struct initiator *i, uint32_t sid)
{
	struct view_session CLEANUP(view_session_clear) v = {0};
	enum session_found found;

	if (view_session_read(i->root, sid, VIEW_DETAIL, &v))
		return NULL;
	found = how_found(i, &v);
	/* Its maker may be at work on it. */
	return found == SESSION_FOUND_UNFINISHED ? NULL : adopt(i, &v, found);
}
