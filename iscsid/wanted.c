/* SPDX-License-Identifier: MIT */
/*
 * wanted.c - rounds: read every wanted record, log in to all at once, wait for the last answer,
 * pause. The pause doubles from round to round; a change of the network ends it, and a change
 * during a round begins another one right after it.
 *
 * Invariant: the list of items does not change while the pool reads their records; what is added
 * meanwhile waits in another one. The file has every item, and at times more: what is no longer
 * wanted leaves it at the end of a round.
 */
#include "wanted.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "err.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"
#include "session.h"
#include "str.h"
#include "wanted-file.h"

#define PAUSE_MIN_MS 3000
#define PAUSE_MAX_MS 300000

struct item {
	struct list link;
	struct wanted *wanted;
	char *target, *address, *iface;
	int port, tpgt;
	uint32_t login;		 /* its number among the logins, while none is under way */
	bool trying;		 /* one is under way */
	bool cancelled;		 /* while the pool read */
	bool several;		 /* the record wants more than one session */
	struct iscsi_node *node; /* as read for this round; NULL: not wanted any more */
	struct session_waiter waiter;
};

struct wanted {
	struct initiator *initiator;
	struct iscsi_db *db; /* its own: the pool reads it */
	struct list items, fresh;
	struct clock_timer timer;
	unsigned int pause_ms;
	unsigned int logins; /* of this round that are not answered */
	bool reading;	     /* in the pool */
	bool changed;	     /* during this round */
	bool fewer;	     /* than the file says */
	uv_work_t work;
	struct mnl_socket *watch;
	uv_poll_t poll;
};

bool wanted_is_for(int code)
{
	return code == ISCSI_ERR_TRANS || code == ISCSI_ERR_TRANS_TIMEOUT ||
	       code == ISCSI_ERR_PDU_TIMEOUT;
}

static void item_free(struct item *t)
{
	t->wanted->fewer = true;
	list_remove(&t->link);
	iscsi_node_free(t->node);
	free(t->target);
	free(t->address);
	free(t->iface);
	free(t);
}

static bool is_round(const struct wanted *w)
{
	return w->reading || w->logins;
}

static void pause_for(struct wanted *w, unsigned int ms)
{
	clock_timer_set(&w->timer, clock_now(w->initiator->loop) + ms);
}

static struct iscsi_node_id id_of(const struct item *t)
{
	return (struct iscsi_node_id){t->target, t->address, t->port, t->tpgt, t->iface};
}

/* Without the file nothing is lost but what is wanted when the daemon ends. */
static void note(int r)
{
	if (r)
		log_warning("what is wanted cannot be kept for a restart: %s", strerror(-r));
}

static void save(struct wanted *w)
{
	struct buf CLEANUP(buf_free) lines = {0};
	const struct item *t;
	int r = 0;

	list_for_each(t, &w->items, link) {
		const struct iscsi_node_id id = id_of(t);

		r = r ? r : wanted_file_line(&lines, &id);
	}
	note(r ? r : wanted_file_replace(w->initiator->root, &lines));
	w->fewer = false;
}

static void end_round(struct wanted *w)
{
	if (is_round(w))
		return;
	if (w->fewer)
		save(w);
	if (list_empty(&w->items))
		return;
	if (w->changed) {
		w->changed = false;
		pause_for(w, NETWORK_SETTLE_MS);
		return;
	}
	pause_for(w, w->pause_ms);
	w->pause_ms = w->pause_ms * 2 < PAUSE_MAX_MS ? w->pause_ms * 2 : PAUSE_MAX_MS;
}

/* ---- a round ---- */

static void on_login_end(struct session_waiter *waiter, int code, const char *text, uint32_t sid)
{
	struct item *t = container_of(waiter, struct item, waiter);
	struct wanted *w = t->wanted;

	(void)sid;
	w->logins--;
	t->trying = false;
	if (code == ISCSI_OK && t->several) {
		w->changed = true; /* the next round sees whether that was the last */
	} else if (!wanted_is_for(code)) {
		if (code)
			log_error("%s at %s,%d is not tried any more: %s", t->target, t->address,
				t->port, text);
		item_free(t);
	}
	end_round(w);
}

static void note_trying(struct wanted *w, struct item *t)
{
	w->logins++;
	t->trying = true;
}

static void log_in(struct wanted *w, struct item *t)
{
	struct initiator *i = w->initiator;
	struct iscsi_node *n = STEAL_PTR(t->node);

	if (!n || t->cancelled || !initiator_name_for(i, n)) {
		item_free(t);
	} else if (initiator_has_all(i, n)) {
		if (initiator_join_login(i, n, &t->waiter))
			note_trying(w, t);
		else
			item_free(t);
	} else {
		t->several = n->nr_sessions > 1;
		/* One attempt: the rounds are what is tried again. */
		n->initial_login_retry_max = 0;
		if (session_login(i, n, &t->waiter)) {
			note_trying(w, t);
			return;
		}
	}
	iscsi_node_free(n);
}

static void read_records(uv_work_t *work)
{
	struct wanted *w = work->data;
	struct item *t;

	list_for_each(t, &w->items, link) {
		const struct iscsi_node_id id = id_of(t);

		if (iscsi_db_load(w->db, &id, &t->node))
			continue;
		if (t->node->startup == STARTUP_AUTOMATIC || t->node->conn_startup == STARTUP_AUTOMATIC)
			continue;
		iscsi_node_free(t->node);
		t->node = NULL;
	}
}

static void after_read(uv_work_t *work, int status)
{
	struct wanted *w = work->data;
	struct item *t, *tmp;

	(void)status;
	w->reading = false;
	list_for_each_safe(t, tmp, &w->items, link)
		log_in(w, t);
	list_for_each_safe(t, tmp, &w->fresh, link) {
		list_remove(&t->link);
		list_append(&w->items, &t->link);
		if (t->cancelled)
			item_free(t);
	}
	end_round(w);
}

static void on_timer(struct clock_timer *timer)
{
	struct wanted *w = container_of(timer, struct wanted, timer);

	if (is_round(w) || list_empty(&w->items))
		return;
	w->work.data = w;
	w->reading = !uv_queue_work(w->initiator->loop, &w->work, read_records, after_read);
	end_round(w);
}

void wanted_network_changed(struct wanted *w)
{
	initiator_network_changed(w->initiator);
	if (list_empty(&w->items))
		return;
	w->pause_ms = PAUSE_MIN_MS;
	if (is_round(w))
		w->changed = true;
	else
		pause_for(w, NETWORK_SETTLE_MS);
}

/* ---- the list ---- */

static bool is_for(const struct item *t, const struct iscsi_node_id *id)
{
	return str_eq(t->target, id->target) && str_eq(t->address, id->address) &&
	       t->port == id->port && str_eq(t->iface, id->iface);
}

static bool is_listed(const struct list *items, const struct iscsi_node_id *id)
{
	const struct item *t;

	list_for_each(t, items, link)
		if (is_for(t, id))
			return true;
	return false;
}

/* False: it is there already, or there is no memory. */
static bool add(struct wanted *w, const struct iscsi_node_id *id)
{
	struct item *t;

	if (is_listed(&w->items, id) || is_listed(&w->fresh, id))
		return false;
	t = calloc(1, sizeof(*t));
	if (!t)
		return false;
	list_init(&t->link);
	t->wanted = w;
	t->login = ++w->initiator->logins;
	t->waiter.done = on_login_end;
	list_init(&t->waiter.link);
	t->port = id->port;
	t->tpgt = id->tpgt;
	if (str_set(&t->target, id->target) || str_set(&t->address, id->address) ||
		str_set(&t->iface, id->iface)) {
		item_free(t);
		return false;
	}
	list_append(w->reading ? &w->fresh : &w->items, &t->link);
	return true;
}

void wanted_add(struct wanted *w, const struct iscsi_node *n)
{
	struct buf CLEANUP(buf_free) line = {0};
	struct iscsi_node_id id;
	int r;

	iscsi_node_get_id(n, &id);
	if (!add(w, &id))
		return;
	log_info("%s at %s,%d stays wanted: it is tried again when the network changes", id.target,
		id.address, id.port);
	r = wanted_file_line(&line, &id);
	note(r ? r : wanted_file_add(w->initiator->root, &line));
	w->pause_ms = PAUSE_MIN_MS;
	end_round(w);
}

/* ---- for who lists logins and cancels them ---- */

static void each_waiting(const struct list *items,
	void (*each)(void *data, uint32_t login, const struct iscsi_node_id *id), void *data)
{
	const struct item *t;

	list_for_each(t, items, link) {
		const struct iscsi_node_id id = id_of(t);

		if (!t->trying && !t->cancelled)
			each(data, t->login, &id);
	}
}

void wanted_each(const struct wanted *w,
	void (*each)(void *data, uint32_t login, const struct iscsi_node_id *id), void *data)
{
	if (!w)
		return;
	each_waiting(&w->items, each, data);
	each_waiting(&w->fresh, each, data);
}

static struct item *find_waiting(const struct list *items, uint32_t login)
{
	struct item *t;

	list_for_each(t, items, link)
		if (t->login == login && !t->trying && !t->cancelled)
			return t;
	return NULL;
}

bool wanted_cancel(struct wanted *w, uint32_t login)
{
	struct item *t = w ? find_waiting(&w->items, login) : NULL;

	if (w && !t)
		t = find_waiting(&w->fresh, login);
	if (!t)
		return false;
	log_info("%s at %s,%d is not wanted any more", t->target, t->address, t->port);
	if (w->reading) {
		t->cancelled = true;
		return true;
	}
	item_free(t);
	save(w);
	return true;
}

/* ---- */

static void add_again(void *data, const struct iscsi_node_id *id)
{
	add(data, id);
}

/* What an earlier daemon could not reach; the network may have changed since. */
static void take_over(struct wanted *w)
{
	wanted_file_read(w->initiator->root, add_again, w);
	w->fewer = true; /* the file may be damaged */
	if (!list_empty(&w->items))
		pause_for(w, NETWORK_SETTLE_MS);
}

/* ---- the watch ---- */

static int is_news(const struct nlmsghdr *h, void *data)
{
	bool *news = data;

	*news |= h->nlmsg_type == RTM_NEWADDR || h->nlmsg_type == RTM_NEWROUTE ||
		 h->nlmsg_type == RTM_NEWLINK;
	return MNL_CB_OK;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct wanted *w = poll->data;
	char buf[16384];
	bool news = false;
	ssize_t n;

	(void)status;
	(void)events;
	n = mnl_socket_recvfrom(w->watch, buf, sizeof(buf));
	if (n > 0)
		mnl_cb_run(buf, (size_t)n, 0, 0, is_news, &news);
	/* So much has changed that there was no room to tell. */
	if (news || (n < 0 && errno == ENOBUFS))
		wanted_network_changed(w);
}

static int open_watch(struct wanted *w)
{
	w->watch = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!w->watch ||
		mnl_socket_bind(w->watch,
			RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE |
				RTMGRP_IPV6_ROUTE,
			MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	w->poll.data = w;
	uv_poll_init(w->initiator->loop, &w->poll, mnl_socket_get_fd(w->watch));
	return uv_poll_start(&w->poll, UV_READABLE, on_readable);
}

int wanted_open(struct initiator *i, struct iscsi_db *db, struct wanted **ret)
{
	struct wanted *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->initiator = i;
	w->db = db;
	w->pause_ms = PAUSE_MIN_MS;
	list_init(&w->items);
	list_init(&w->fresh);
	r = clock_timer_init(i->loop, &w->timer, on_timer);
	if (r) {
		free(w);
		return r;
	}
	r = open_watch(w);
	if (r)
		log_warning("changes of the network cannot be watched: %s", strerror(-r));
	take_over(w);
	*ret = w;
	return 0;
}

static void on_closed(uv_handle_t *h)
{
	struct wanted *w = h->data;

	mnl_socket_close(w->watch);
	free(w);
}

void wanted_close(struct wanted *w)
{
	struct item *t, *tmp;

	if (!w)
		return;
	clock_timer_close(&w->timer);
	list_for_each_safe(t, tmp, &w->items, link)
		item_free(t);
	list_for_each_safe(t, tmp, &w->fresh, link)
		item_free(t);
	if (w->poll.data) {
		uv_close((uv_handle_t *)&w->poll, on_closed);
		return;
	}
	if (w->watch)
		mnl_socket_close(w->watch);
	free(w);
}
