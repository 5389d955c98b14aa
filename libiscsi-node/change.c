/* SPDX-License-Identifier: MIT */
/* The same change to many records. */
#include "buf.h"
#include "record.h"
#include "str.h"
#include "team.h"

#include <errno.h>
#include <string.h>

/* A record: its id, and what became of it. Texts are offsets. */
struct item {
	size_t target, address, iface;
	int port, tpgt;
	bool refused;
	size_t bad;
};

struct changes {
	struct iscsi_db *db;
	const struct iscsi_change *how;
	struct buf items, texts;
};

static int add_text(struct changes *c, const char *text, size_t *ret)
{
	*ret = c->texts.len;
	return buf_add(&c->texts, text, strlen(text) + 1);
}

static struct item *item(const struct changes *c, size_t i)
{
	return (struct item *)(void *)c->items.data + i;
}

static struct iscsi_node_id id_of(const struct changes *c, size_t i)
{
	const struct item *x = item(c, i);
	const char *texts = (const char *)c->texts.data;

	return (struct iscsi_node_id){
		texts + x->target, texts + x->address, x->port, x->tpgt, texts + x->iface};
}

/* The records of a portal follow each other. */
static bool is_at_last_portal(const struct changes *c, const struct iscsi_node_id *id)
{
	struct iscsi_node_id last;

	if (!c->items.len)
		return false;
	last = id_of(c, c->items.len / sizeof(struct item) - 1);
	return str_eq(last.target, id->target) && str_eq(last.address, id->address) &&
	       last.port == id->port;
}

static int collect(void *data, const struct iscsi_node_id *id)
{
	struct changes *c = data;
	struct item x = {.port = id->port, .tpgt = id->tpgt};
	int r;

	if (c->how->like && is_at_last_portal(c, id)) {
		struct item *last = item(c, c->items.len / sizeof(struct item) - 1);

		if (last->tpgt < 0)
			last->tpgt = id->tpgt;
		return 0;
	}
	r = add_text(c, id->target, &x.target);

	if (r == 0)
		r = add_text(c, id->address, &x.address);
	if (r == 0)
		r = add_text(c, c->how->like ? c->how->like->iface.name : id->iface, &x.iface);
	x.refused = c->how->may && !c->how->may(c->how->data, id);
	return r < 0 ? r : buf_add(&c->items, &x, sizeof(x));
}

static const char *target_of(void *data, size_t i)
{
	const struct changes *c = data;

	return (const char *)c->texts.data + item(c, i)->target;
}

static int store_like(
	struct iscsi_db *db, const struct iscsi_node *like, const struct iscsi_node_id *id)
{
	struct iscsi_node *n;
	int r = iscsi_node_copy(like, &n);

	if (r < 0)
		return r;
	r = iscsi_node_set_portal(db, n, id);
	if (r == 0)
		r = iscsi_db_store(db, n);
	iscsi_node_free(n);
	return r;
}

static int change_one(void *data, struct iscsi_db *db, size_t i)
{
	struct changes *c = data;
	const struct iscsi_change *how = c->how;
	const struct iscsi_node_id id = id_of(c, i);

	if (item(c, i)->refused)
		return -ECANCELED;
	if (how->like)
		return store_like(db, how->like, &id);
	return how->settings ? iscsi_db_update(db, &id, how->settings, how->n, &item(c, i)->bad)
			     : iscsi_db_delete(db, &id);
}

static void told_one(void *data, size_t i, int r, const char *text)
{
	struct changes *c = data;
	const struct iscsi_node_id id = id_of(c, i);

	db_begin(c->db);
	c->db->error = text ? strdup(text) : NULL;
	c->how->told(c->how->data, &id, r, item(c, i)->bad);
}

int iscsi_db_change_each(struct iscsi_db *db, const struct iscsi_node_match *match,
	const struct iscsi_change *change)
{
	struct changes c = {.db = db, .how = change};
	const struct team_work work = {
		.target = target_of, .one = change_one, .told = told_one, .data = &c};
	int found = iscsi_db_each(db, match, collect, &c), r;
	char *error = STEAL_PTR(db->error);

	r = team_run(db, c.items.len / sizeof(struct item), &work);
	buf_free(&c.items);
	buf_free(&c.texts);
	if (found == 0) {
		free(error);
		return r;
	}
	db_begin(db);
	db->error = error;
	return found;
}
