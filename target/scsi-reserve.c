/* SPDX-License-Identifier: MIT */
/*
 * Who may use a logical unit: RESERVE and RELEASE (SPC-2), persistent reservations (SPC-4 5.13).
 *
 * A registrant is an I_T nexus by name: it stays when the nexus goes and is found again when that
 * initiator port comes back. Reservations do not survive the process (PTPL_C is 0).
 */
#include "scsi-impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REGISTRANTS_MAX = 1024,
	LIST_LEN = 24, /* of the parameter list */
	FULL_STATUS_HEAD = 24,
	PROTOCOL_ISCSI = 0x05,
};

enum reservation_type {
	NO_RESERVATION = 0,
	WRITE_EXCLUSIVE = 1,
	EXCLUSIVE_ACCESS = 3,
	WRITE_EXCLUSIVE_REGISTRANTS = 5,
	EXCLUSIVE_ACCESS_REGISTRANTS = 6,
	WRITE_EXCLUSIVE_ALL = 7, /* all registrants hold it */
	EXCLUSIVE_ACCESS_ALL = 8,
};

struct registrant {
	struct list entry;
	char *initiator;
	uint8_t isid[6];
	uint16_t tpgt;
	uint64_t key;
};

struct reservations {
	struct list registrants; /* in the order of their coming */
	unsigned int count;
	uint32_t generation;
	enum reservation_type type;
	struct registrant *holder; /* NULL where all hold it, or nobody */
};

static uint64_t be64_of(const uint8_t *p)
{
	return (uint64_t)be32_get(p) << 32 | be32_get(p + 4);
}

static void be64_to(uint8_t *p, uint64_t v)
{
	be32_put(p, (uint32_t)(v >> 32));
	be32_put(p + 4, (uint32_t)v);
}

/* ---- registrants ---- */

static bool registrant_is(const struct registrant *g, const struct nexus *n)
{
	return g->tpgt == n->tpgt && !memcmp(g->isid, n->isid, sizeof(g->isid)) &&
	       !strcmp(g->initiator, n->initiator);
}

static struct registrant *find(const struct lu *lu, const struct nexus *n)
{
	struct registrant *g;

	if (lu->reservations)
		list_for_each(g, &lu->reservations->registrants, entry)
			if (registrant_is(g, n))
				return g;
	return NULL;
}

static struct reservations *reservations_of(struct lu *lu)
{
	if (!lu->reservations) {
		lu->reservations = calloc(1, sizeof(*lu->reservations));
		if (lu->reservations)
			list_init(&lu->reservations->registrants);
	}
	return lu->reservations;
}

static bool all_hold(enum reservation_type type)
{
	return type == WRITE_EXCLUSIVE_ALL || type == EXCLUSIVE_ACCESS_ALL;
}

static bool registrants_share(enum reservation_type type)
{
	return type >= WRITE_EXCLUSIVE_REGISTRANTS;
}

static bool holds(const struct reservations *r, const struct registrant *g)
{
	return r->type && g && (all_hold(r->type) || r->holder == g);
}

/* Tells the nexuses of the registrants, but for one. */
static void tell_registrants(struct lu *lu, enum attention attention, const struct nexus *but)
{
	struct nexus *n;

	list_for_each(n, &lu->dev->nexuses, entry)
		if (n != but && find(lu, n))
			nexus_at(n, lu)->attention |= 1u << attention;
}

static struct registrant *add(struct lu *lu, const struct nexus *n, uint64_t key)
{
	struct reservations *r = reservations_of(lu);
	struct registrant *g;

	if (!r || r->count == REGISTRANTS_MAX)
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	g->initiator = strdup(n->initiator);
	if (!g->initiator) {
		free(g);
		return NULL;
	}
	memcpy(g->isid, n->isid, sizeof(g->isid));
	g->tpgt = n->tpgt;
	g->key = key;
	list_append(&r->registrants, &g->entry);
	r->count++;
	return g;
}

static void forget(struct reservations *r, struct registrant *g)
{
	if (r->holder == g)
		r->holder = NULL;
	list_remove(&g->entry);
	r->count--;
	free(g->initiator);
	free(g);
}

void reservations_free(struct reservations *r)
{
	struct registrant *g;

	if (!r)
		return;
	while ((g = list_first(&r->registrants, struct registrant, entry)))
		forget(r, g);
	free(r);
}

static void end_reservation(struct lu *lu, const struct nexus *by)
{
	struct reservations *r = lu->reservations;

	if (registrants_share(r->type))
		tell_registrants(lu, UA_RESERVATIONS_RELEASED, by);
	r->type = NO_RESERVATION;
	r->holder = NULL;
}

static void unregister(struct lu *lu, struct registrant *g, const struct nexus *by)
{
	struct reservations *r = lu->reservations;
	bool was_last_holder = holds(r, g) && (!all_hold(r->type) || r->count == 1);

	forget(r, g);
	if (was_last_holder)
		end_reservation(lu, by);
}

/* ---- what others may do meanwhile ---- */

bool scsi_reserved_for_others(const struct scsi_task *t)
{
	const struct lu *lu = t->lu;
	const struct reservations *r = lu->reservations;
	unsigned int flags = t->command->flags;
	const struct registrant *g;

	if (lu->reserved_by && lu->reserved_by != t->nexus && !(flags & UNRESERVED))
		return true;
	if (!r || !r->type || !(flags & (READS | WRITES)))
		return false;
	g = find(lu, t->nexus);
	if (holds(r, g) || (g && registrants_share(r->type)))
		return false;
	if (r->type == EXCLUSIVE_ACCESS || r->type == EXCLUSIVE_ACCESS_REGISTRANTS ||
		r->type == EXCLUSIVE_ACCESS_ALL)
		return true;
	return flags & WRITES;
}

void scsi_reserve(struct scsi_task *t)
{
	const struct reservations *r = t->lu->reservations;

	if (r && r->count)
		t->status = SCSI_RESERVATION_CONFLICT;
	else
		t->lu->reserved_by = t->nexus;
}

void scsi_release(struct scsi_task *t)
{
	const struct reservations *r = t->lu->reservations;

	if (r && r->count)
		t->status = SCSI_RESERVATION_CONFLICT;
	else if (t->lu->reserved_by == t->nexus)
		t->lu->reserved_by = NULL;
}

/* ---- PERSISTENT RESERVE IN ---- */

/* A reply with the generation and room for len bytes more. */
static uint8_t *reply_head(struct scsi_task *t, size_t len)
{
	uint8_t *d = task_reply(t, 8 + len);

	if (d)
		be32_put(d, t->lu->reservations ? t->lu->reservations->generation : 0);
	return d;
}

static void reply_end(struct scsi_task *t, uint8_t *d, size_t len)
{
	be32_put(d + 4, (uint32_t)len);
	task_reply_len(t, 8 + len, be16_get(t->cdb + 7));
}

void scsi_read_keys(struct scsi_task *t)
{
	const struct reservations *r = t->lu->reservations;
	uint8_t *d = reply_head(t, r ? r->count * 8 : 0), *p;
	struct registrant *g;

	if (!d)
		return;
	p = d + 8;
	if (r)
		list_for_each(g, &r->registrants, entry) {
			be64_to(p, g->key);
			p += 8;
		}
	reply_end(t, d, (size_t)(p - d) - 8);
}

void scsi_read_reservation(struct scsi_task *t)
{
	const struct reservations *r = t->lu->reservations;
	uint8_t *d = reply_head(t, 16);

	if (!d)
		return;
	if (!r || !r->type) {
		reply_end(t, d, 0);
		return;
	}
	if (r->holder)
		be64_to(d + 8, r->holder->key);
	d[8 + 13] = (uint8_t)r->type;
	reply_end(t, d, 16);
}

void scsi_report_capabilities(struct scsi_task *t)
{
	uint8_t *d = task_reply(t, 8);

	if (!d)
		return;
	be16_put(d, 8);
	d[3] = 0x80; /* the mask of types is valid */
	d[4] = 0x80 | 0x40 | 0x20 | 0x08 | 0x02;
	d[5] = 0x01;
	task_reply_len(t, 8, be16_get(t->cdb + 7));
}

/* The TransportID of an initiator port (SPC-4 7.6.4.5); returns its length. */
static size_t put_transport_id(uint8_t *d, const struct registrant *g)
{
	const uint8_t *i = g->isid;
	char name[300];
	size_t len = (size_t)snprintf(name, sizeof(name), "%s,i,0x%02x%02x%02x%02x%02x%02x",
			     g->initiator, i[0], i[1], i[2], i[3], i[4], i[5]) +
		     1;
	size_t padded = (len + 3) & ~(size_t)3;

	d[0] = 0x40 | PROTOCOL_ISCSI;
	be16_put(d + 2, (uint16_t)padded);
	memcpy(d + 4, name, len);
	return 4 + padded;
}

void scsi_read_full_status(struct scsi_task *t)
{
	enum { LONGEST = FULL_STATUS_HEAD + 4 + 300 };
	const struct reservations *r = t->lu->reservations;
	uint8_t *d = reply_head(t, r ? (size_t)r->count * LONGEST : 0), *p;
	struct registrant *g;

	if (!d)
		return;
	p = d + 8;
	if (r)
		list_for_each(g, &r->registrants, entry) {
			size_t id = put_transport_id(p + FULL_STATUS_HEAD, g);

			be64_to(p, g->key);
			p[12] = holds(r, g);
			p[13] = holds(r, g) ? (uint8_t)r->type : 0;
			be16_put(p + 18, g->tpgt);
			be32_put(p + 20, (uint32_t)id);
			p += FULL_STATUS_HEAD + id;
		}
	reply_end(t, d, (size_t)(p - d) - 8);
}

/* ---- PERSISTENT RESERVE OUT ---- */

static uint64_t given_key(const struct scsi_task *t)
{
	return be64_of(t->out);
}

static uint64_t action_key(const struct scsi_task *t)
{
	return be64_of(t->out + 8);
}

static enum reservation_type given_type(const struct scsi_task *t)
{
	return t->cdb[2] & 0x0f;
}

static bool list_is_good(struct scsi_task *t)
{
	if (be32_get(t->cdb + 5) != LIST_LEN || t->out_len < LIST_LEN)
		task_sense(t, ILLEGAL_REQUEST, ASC_LIST_LENGTH);
	else if (t->out[20] & ~0x04) /* SPEC_I_PT, APTPL; all target ports are one */
		task_bad_list(t, 20);
	else
		return true;
	return false;
}

static bool type_is_good(struct scsi_task *t)
{
	const unsigned int types = 1 << WRITE_EXCLUSIVE | 1 << EXCLUSIVE_ACCESS |
				   1 << WRITE_EXCLUSIVE_REGISTRANTS |
				   1 << EXCLUSIVE_ACCESS_REGISTRANTS | 1 << WRITE_EXCLUSIVE_ALL |
				   1 << EXCLUSIVE_ACCESS_ALL;

	if (!(t->cdb[2] >> 4) && types >> given_type(t) & 1)
		return true;
	task_bad_cdb(t, 2); /* the scope is the logical unit */
	return false;
}

/* The asker's registration, after all that every action but the registering ones asks for. */
static struct registrant *registered(struct scsi_task *t)
{
	struct registrant *g;

	if (!list_is_good(t))
		return NULL;
	g = find(t->lu, t->nexus);
	if (g && g->key == given_key(t))
		return g;
	t->status = SCSI_RESERVATION_CONFLICT;
	return NULL;
}

static void register_key(struct scsi_task *t, bool ignore_key)
{
	struct registrant *g;
	uint64_t key;

	if (!list_is_good(t))
		return;
	key = action_key(t);
	g = find(t->lu, t->nexus);
	if (!ignore_key && given_key(t) != (g ? g->key : 0)) {
		t->status = SCSI_RESERVATION_CONFLICT;
		return;
	}
	if (!g && !key)
		return;
	if (!g)
		g = add(t->lu, t->nexus, key);
	else if (key)
		g->key = key;
	else
		unregister(t->lu, g, t->nexus);
	if (!g) {
		task_sense(t, ILLEGAL_REQUEST, ASC_REGISTRATION_RESOURCES);
		return;
	}
	t->lu->reservations->generation++;
}

void scsi_register(struct scsi_task *t)
{
	register_key(t, false);
}

void scsi_register_ignore(struct scsi_task *t)
{
	register_key(t, true);
}

static void hold(struct reservations *r, struct registrant *g, enum reservation_type type)
{
	r->type = type;
	r->holder = all_hold(type) ? NULL : g;
}

void scsi_persistent_reserve(struct scsi_task *t)
{
	struct registrant *g = registered(t);
	struct reservations *r = t->lu->reservations;

	if (!g || !type_is_good(t))
		return;
	if (!r->type)
		hold(r, g, given_type(t));
	else if (!holds(r, g) || r->type != given_type(t))
		t->status = SCSI_RESERVATION_CONFLICT;
}

void scsi_persistent_release(struct scsi_task *t)
{
	struct registrant *g = registered(t);
	struct reservations *r = t->lu->reservations;

	if (!g || !holds(r, g))
		return;
	if (t->cdb[2] != r->type)
		task_sense(t, ILLEGAL_REQUEST, ASC_RELEASE);
	else
		end_reservation(t->lu, t->nexus);
}

void scsi_persistent_clear(struct scsi_task *t)
{
	struct registrant *g = registered(t);
	struct reservations *r = t->lu->reservations;

	if (!g)
		return;
	tell_registrants(t->lu, UA_RESERVATIONS_PREEMPTED, t->nexus);
	r->type = NO_RESERVATION;
	while ((g = list_first(&r->registrants, struct registrant, entry)))
		forget(r, g);
	r->generation++;
}

/* Takes away the registrations with a key (all: with any) but the asker's own. */
static unsigned int remove_others(struct scsi_task *t, uint64_t key, bool all, bool abort)
{
	struct lu *lu = t->lu;
	struct registrant *g, *tmp;
	unsigned int removed = 0;
	struct nexus *n;

	list_for_each_safe(g, tmp, &lu->reservations->registrants, entry) {
		if ((!all && g->key != key) || registrant_is(g, t->nexus))
			continue;
		list_for_each(n, &lu->dev->nexuses, entry)
			if (registrant_is(g, n)) {
				nexus_at(n, lu)->attention |= 1u << UA_REGISTRATIONS_PREEMPTED;
				if (abort)
					lu_abort_nexus(lu, n);
			}
		forget(lu->reservations, g);
		removed++;
	}
	return removed;
}

static void preempt(struct scsi_task *t, bool abort)
{
	struct registrant *g = registered(t);
	struct reservations *r = t->lu->reservations;
	uint64_t key;
	bool takes_over;

	if (!g)
		return;
	key = action_key(t);
	takes_over = r->type && (all_hold(r->type) ? !key : r->holder->key == key);
	if (!key && !takes_over) {
		task_bad_list(t, 8);
		return;
	}
	if (takes_over && !type_is_good(t))
		return;
	if (!remove_others(t, key, all_hold(r->type) && !key, abort) && !takes_over &&
		g->key != key) {
		t->status = SCSI_RESERVATION_CONFLICT;
		return;
	}
	if (takes_over) {
		if (r->type != given_type(t) && registrants_share(r->type))
			tell_registrants(t->lu, UA_RESERVATIONS_RELEASED, t->nexus);
		hold(r, g, given_type(t));
	}
	r->generation++;
}

void scsi_preempt(struct scsi_task *t)
{
	preempt(t, false);
}

void scsi_preempt_abort(struct scsi_task *t)
{
	preempt(t, true);
}
