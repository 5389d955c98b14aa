/* SPDX-License-Identifier: MIT */
#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "management.h"
#include "pool.h"

/* A PDU that came before its turn; the bytes of a copy follow. */
struct held {
	uint32_t cmdsn, itt;
	bool counts; /* as one CmdSN; not so Data-Out, which comes behind its command */
	bool is_nothing; /* a command that was aborted before it came */
	size_t len, data_len;
	struct list link;
	uint8_t bytes[];
};

/* ---- who is logged in ---- */

uint16_t session_free_tsih(struct server *server)
{
	for (unsigned int i = 0; i < UINT16_MAX; i++) {
		struct session *s;
		bool taken = false;

		if (++server->last_tsih == 0)
			server->last_tsih = 1;
		list_for_each(s, &server->sessions, link)
			taken = taken || s->tsih == server->last_tsih;
		if (!taken)
			return server->last_tsih;
	}
	return 0;
}

struct session *session_find(
	const struct server *server, const struct login_target_result *who, uint16_t portal_group)
{
	struct session *s;

	list_for_each(s, &server->sessions, link)
		if (!s->who.discovery && s->portal_group == portal_group &&
			!memcmp(s->who.isid, who->isid, sizeof(who->isid)) &&
			!strcmp(s->who.initiator_name, who->initiator_name) &&
			!strcmp(s->who.target_name, who->target_name))
			return s;
	return NULL;
}

static void show(struct session *s, const struct conn *c)
{
	unsigned int port = 0;

	list_init(&s->shown.connections);
	s->shown.sid = s->tsih;
	s->shown.initiator = s->who.initiator_name;
	s->shown.alias = s->who.initiator_alias[0] ? s->who.initiator_alias : NULL;
	sock_addr_format(&c->peer, s->address, sizeof(s->address), &port);
	s->stats.cid = s->who.cid;
	s->stats.address = s->address;
	list_append(&s->shown.connections, &s->stats.link);
	list_append(&s->target->sessions, &s->shown.link);
}

struct session *session_new(struct conn *c, const struct login_target_result *who,
	struct target *target, uint16_t tsih)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct session){.server = c->server, .conn = c, .target = target, .who = *who,
		.tsih = tsih, .portal_group = c->portal_group, .exp_cmdsn = who->cmdsn, .window = 1};
	list_init(&s->held);
	list_init(&s->functions);
	list_init(&s->spare);
	for (int i = 0; i < TASK_BUCKETS; i++)
		list_init(&s->tasks[i]);
	if (target) {
		s->nexus = nexus_new(
			target->device, who->initiator_name, who->isid, c->portal_group);
		if (!s->nexus) {
			free(s);
			return NULL;
		}
		s->window = target->settings.max_queue_cmd;
		s->nop_interval = target->settings.nop_interval;
		s->nop_count = target->settings.nop_count;
		show(s, c);
	}
	list_append(&c->server->sessions, &s->link);
	return s;
}

void session_free(struct session *s)
{
	struct task *t, *next_task;
	struct held *h, *next_held;

	if (!s)
		return;
	list_remove(&s->link);
	if (s->target)
		list_remove(&s->shown.link);
	s->conn->session = NULL;
	s->conn = NULL;
	nexus_free(s->nexus);
	functions_free(s);
	list_for_each_safe(h, next_held, &s->held, link)
		free(h);
	for (int i = 0; i < TASK_BUCKETS; i++)
		list_for_each_safe(t, next_task, &s->tasks[i], link) {
			/* A worker has it: it frees itself when that is done. */
			list_remove(&t->link);
			t->session = NULL;
			if (t->state != TASK_RUNNING)
				task_free(t);
		}
	list_for_each_safe(t, next_task, &s->spare, link)
		free(t);
	free(s);
}

/* ---- the order of commands ---- */

uint32_t session_max_cmdsn(const struct session *s)
{
	return s->exp_cmdsn + s->window - s->queued - 1;
}

static bool hold(struct session *s, uint32_t cmdsn, const struct pdu_in *pdu, bool counts)
{
	size_t head = pdu ? BHS_LEN + bhs_ahs_len(pdu->bhs) * 4u : 0;
	size_t data = pdu ? pdu->data_len : 0;
	struct held *h, *pos;

	if (s->held_bytes + head + data > HELD_MAX || !(h = malloc(sizeof(*h) + head + data))) {
		conn_drop(s->conn, "sent too much that is not due yet");
		return false;
	}
	*h = (struct held){.cmdsn = cmdsn, .itt = pdu ? bhs_itt(pdu->bhs) : BHS_TAG_NONE,
		.counts = counts, .is_nothing = !pdu, .len = head + data, .data_len = data};
	if (pdu) {
		memcpy(h->bytes, pdu->bhs, BHS_LEN);
		memcpy(h->bytes + BHS_LEN, pdu->ahs, head - BHS_LEN);
		if (data)
			memcpy(h->bytes + head, pdu->data, data);
	}
	s->held_bytes += h->len;
	list_for_each(pos, &s->held, link)
		if ((int32_t)(pos->cmdsn - cmdsn) > 0)
			break;
	list_append(&pos->link, &h->link);
	return true;
}

static bool is_held(const struct session *s, uint32_t cmdsn)
{
	struct held *h;

	list_for_each(h, &s->held, link)
		if (h->counts && h->cmdsn == cmdsn)
			return true;
	return false;
}

static bool in_window(const struct session *s, uint32_t cmdsn)
{
	return (int32_t)(cmdsn - s->exp_cmdsn) >= 0 &&
	       (int32_t)(session_max_cmdsn(s) - cmdsn) >= 0;
}

bool session_is_due(struct session *s, const struct pdu_in *pdu)
{
	uint32_t cmdsn = bhs_cmdsn(pdu->bhs);

	if (bhs_is_immediate(pdu->bhs))
		return true;
	if (!in_window(s, cmdsn) || is_held(s, cmdsn))
		return false;
	if (cmdsn != s->exp_cmdsn) {
		hold(s, cmdsn, pdu, true);
		return false;
	}
	s->exp_cmdsn++;
	return true;
}

bool session_swallow(struct session *s, uint32_t cmdsn)
{
	if (!in_window(s, cmdsn) || is_held(s, cmdsn))
		return false;
	return hold(s, cmdsn, NULL, true);
}

bool session_keeps_data(struct session *s, const struct pdu_in *pdu)
{
	struct held *h;

	list_for_each(h, &s->held, link)
		if (h->counts && h->itt == bhs_itt(pdu->bhs))
			return hold(s, h->cmdsn, pdu, false);
	return false;
}

struct held *session_next(struct session *s, struct pdu_in *ret)
{
	struct held *h = list_first(&s->held, struct held, link);

	if (!h || (int32_t)(h->cmdsn - s->exp_cmdsn) > (h->counts ? 0 : -1))
		return NULL;
	list_remove(&h->link);
	s->held_bytes -= h->len;
	if (h->counts)
		s->exp_cmdsn++;
	*ret = h->is_nothing ? (struct pdu_in){0}
			     : (struct pdu_in){h->bytes, h->bytes + BHS_LEN,
				       h->bytes + h->len - h->data_len, h->data_len};
	return h;
}

/* ---- tasks ---- */

static void on_done(struct scsi_task *scsi)
{
	struct task *t = container_of(scsi, struct task, scsi);
	struct conn *c = t->session ? t->session->conn : NULL;

	if (!scsi->aborted && c) {
		task_respond(t);
		return;
	}
	if (t->state == TASK_DISCARDING)
		return;
	if (c && c->receiving == t) {
		/* The reader still fills its buffer. */
		task_close(t);
		list_remove(&t->link);
		t->state = TASK_ABORTED;
		return;
	}
	task_free(t);
}

static struct list *bucket(const struct session *s, uint32_t itt)
{
	return (struct list *)(uintptr_t)&s->tasks[(itt ^ itt >> 8 ^ itt >> 16) % TASK_BUCKETS];
}

struct task *task_new(struct session *s, uint32_t itt)
{
	struct task *t = list_first(&s->spare, struct task, link);

	if (t)
		list_remove(&t->link);
	else
		t = malloc(sizeof(*t));
	if (!t)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->session = s;
	t->itt = itt;
	t->scsi.nexus = s->nexus;
	t->scsi.done = on_done;
	list_append(bucket(s, itt), &t->link);
	return t;
}

struct task *task_find(const struct session *s, uint32_t itt)
{
	struct task *t;

	list_for_each(t, bucket(s, itt), link)
		if (t->itt == itt && t->state != TASK_SENDING)
			return t;
	return NULL;
}

void task_close(struct task *t)
{
	if (!t->session || t->closed)
		return;
	t->closed = true;
	if (t->immediate)
		t->session->immediate--;
	else
		t->session->queued--;
}

void task_free(struct task *t)
{
	struct session *s = t->session;

	task_close(t);
	list_remove(&t->link);
	scsi_task_release(&t->scsi);
	pool_put(t->buffer);
	if (s && s->conn)
		list_append(&s->spare, &t->link);
	else
		free(t);
}
