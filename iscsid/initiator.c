/* SPDX-License-Identifier: MIT */
#include "initiator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "cleanup.h"
#include "iscsi-node.h"
#include "log.h"
#include "record.h"
#include "session.h"
#include "str.h"
#include "view.h"

#define RECONNECT_GAP_MS 1

struct session *initiator_find_sid(struct initiator *i, uint32_t sid)
{
	struct session *s;

	list_for_each(s, &i->sessions, link)
		if (session_has_sid(s, sid))
			return s;
	return NULL;
}

struct session *initiator_find_login(struct initiator *i, uint32_t login)
{
	struct session *s;

	list_for_each(s, &i->sessions, link)
		if (s->login == login)
			return s;
	return NULL;
}

bool initiator_has_all(struct initiator *i, const struct iscsi_node *n)
{
	struct session *s;
	int count = 0;

	list_for_each(s, &i->sessions, link)
		count += session_is_for(s, n);
	return count >= (n->nr_sessions > 1 ? n->nr_sessions : 1);
}

bool initiator_join_login(struct initiator *i, const struct iscsi_node *n, struct session_waiter *w)
{
	struct session *s;

	list_for_each(s, &i->sessions, link)
		if (session_is_for(s, n) && session_join_login(s, w))
			return true;
	return false;
}

int initiator_need_name(struct initiator *i)
{
	return i->name ? 0 : iscsi_db_initiator(i->db, &i->name, &i->alias);
}

const char *initiator_name_for(const struct initiator *i, const struct iscsi_node *n)
{
	return str_empty(n->iface.initiatorname) ? i->name : n->iface.initiatorname;
}

static bool isid_in_use(struct initiator *i, const uint8_t isid[ISID_LEN])
{
	struct session *s;

	list_for_each(s, &i->sessions, link)
		if (!memcmp(s->isid, isid, ISID_LEN))
			return true;
	return false;
}

/* The first free number: one in use would take the place of that session at the target. */
int initiator_choose_isid(struct initiator *i, const struct iscsi_node *n, uint8_t ret[ISID_LEN])
{
	unsigned int number = 0;
	int r;

	do
		r = isid_derive(initiator_name_for(i, n), n, number++, ret);
	while (!r && isid_in_use(i, ret));
	return r;
}

/* ---- what the kernel tells ---- */

static void on_pdu(void *data, uint32_t sid, const uint8_t *bhs, const uint8_t *payload, size_t len)
{
	struct session *s = initiator_find_sid(data, sid);

	if (s)
		session_pdu(s, bhs, payload, len);
}

static void on_conn_error(void *data, uint32_t sid, int error)
{
	struct session *s = initiator_find_sid(data, sid);

	if (s)
		session_conn_error(s, error);
}

static void on_unbound(void *data, uint32_t sid)
{
	struct session *s = initiator_find_sid(data, sid);

	if (s)
		session_unbound(s);
}

static void on_destroyed(void *data, uint32_t sid)
{
	struct session *s = initiator_find_sid(data, sid);

	if (s)
		session_destroyed(s);
}

static const struct view_session *find_view(const struct view_sessions *v, uint32_t sid)
{
	for (size_t k = 0; k < v->n; k++)
		if (v->items[k].sid == sid)
			return &v->items[k];
	return NULL;
}

/* Events that were lost are made up for from what stands in sysfs. */
static void on_lost(void *data)
{
	struct initiator *i = data;
	struct view_sessions CLEANUP(view_sessions_clear) views = {0};
	struct session *s;
	int r;

	log_warning("the kernel had more events than there was room for; reading sysfs anew");
	r = view_sessions_read(i->root, VIEW_DETAIL, &views);
	if (r) {
		log_error("sysfs cannot be read: %s", strerror(-r));
		return;
	}
	list_for_each(s, &i->sessions, link)
		session_resync(s, s->sid ? find_view(&views, s->sid) : NULL);
}

static const struct kernel_events kernel_events = {
	.pdu = on_pdu,
	.conn_error = on_conn_error,
	.unbound = on_unbound,
	.destroyed = on_destroyed,
	.lost = on_lost,
};

/* ---- opening and closing ---- */

static bool wants_safe_logout(struct iscsi_db *db)
{
	CLEANUP_FREE char *value = NULL;
	int r = iscsi_db_config_get(db, "iscsid.safe_logout", &value);

	if (r && r != -ENOENT)
		log_error("%s; iscsid.safe_logout is No then", iscsi_db_error(db));
	return !r && str_eq(value, "Yes");
}

uint64_t initiator_reconnect_turn(struct initiator *i)
{
	uint64_t turn = clock_now(i->loop);

	if (turn < i->reconnect_next)
		turn = i->reconnect_next;
	i->reconnect_next = turn + RECONNECT_GAP_MS;
	return turn;
}

void initiator_network_changed(struct initiator *i)
{
	struct session *s;

	list_for_each(s, &i->sessions, link)
		session_network_changed(s);
}

void initiator_portal_is_back(struct initiator *i, const struct iscsi_node *n)
{
	struct session *s;

	list_for_each(s, &i->sessions, link)
		if (s->node->port == n->port && str_eq(s->node->address, n->address))
			session_portal_is_back(s);
}

int initiator_open(struct initiator *i, uv_loop_t *loop, const char *root, struct iscsi_db *db,
	int event_fd)
{
	int r;

	*i = (struct initiator){.loop = loop, .root = root, .db = db};
	list_init(&i->sessions);
	list_init(&i->ended);
	i->safe_logout = wants_safe_logout(db);
	/* Events first: what happens while sysfs is read is not missed. */
	r = kernel_open(loop, root, event_fd, &kernel_events, i, &i->kernel);
	if (r)
		return r;
	machine_runner_init(&i->runner, loop);
	if (initiator_need_name(i))
		log_warning("there is no InitiatorName yet: %s", iscsi_db_error(db));
	r = adopt_all(i);
	if (r)
		log_error("cannot read the sessions that are there: %s", strerror(-r));
	return 0;
}

void initiator_close(struct initiator *i)
{
	struct session *s, *tmp;

	if (!i->kernel)
		return;
	kernel_close(i->kernel);
	list_for_each_safe(s, tmp, &i->sessions, link)
		session_free(s);
	list_for_each_safe(s, tmp, &i->ended, link)
		session_free(s);
	machine_runner_close(&i->runner);
	free(i->name);
	free(i->alias);
}
