/* SPDX-License-Identifier: MIT */
#include "negotiation.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "str.h"

_Static_assert(KEY_COUNT < 64, "keys are members of 64-bit sets");

/* Returns false, for tail calls. */
__attribute__((format(printf, 2, 3))) static bool fail(struct negotiation *n, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(n->why, sizeof(n->why), fmt, args);
	va_end(args);
	return false;
}

static const char *peer(const struct negotiation *n)
{
	return n->role == ROLE_INITIATOR ? "the target" : "the initiator";
}

/* ---- our side ---- */

/* Whether this side has a value of its own for the key. */
static bool is_ours(const struct negotiation *n, enum key_id id)
{
	unsigned int flags = key_row(id)->flags;

	return flags & KEY_OFFERED && flags & n->session;
}

bool negotiation_start(struct negotiation *n, enum negotiation_role role,
	const struct login_params *ours, unsigned int session)
{
	*n = (struct negotiation){.role = role, .ours = *ours, .session = session, .tpgt = -1};
	if (role == ROLE_INITIATOR && session == KEY_DISCOVERY)
		n->ours.header_digest = n->ours.data_digest = DIGEST_NONE;
	if (n->ours.first_burst > n->ours.max_burst)
		n->ours.first_burst = n->ours.max_burst;
	keys_fallback(&n->in_force);
	n->in_force.max_recv_data_segment = n->ours.max_recv_data_segment;
	for (int id = 0; id < KEY_COUNT; id++) {
		char why[KEY_FAULT_MAX];

		if (is_ours(n, id) && !key_is_valid(key_row(id), &n->ours, why))
			return fail(n, "%s", why);
	}
	return true;
}

int negotiation_send(struct negotiation *n, struct text *out, enum key_id id, const char *value)
{
	n->offered |= KEY_BIT(id);
	return text_add(out, key_row(id)->name, "%s", value);
}

/* What a target leaves out: the initiator spoke of it, or both mean the same without a word. */
static bool is_settled(const struct negotiation *n, enum key_id id)
{
	const struct key *k = key_row(id);

	if (n->role == ROLE_INITIATOR)
		return false;
	return (k->kind != KEY_IS_NUMBER && n->seen & KEY_BIT(id)) || n->offered & KEY_BIT(id) ||
	       key_is_fallback(k, &n->ours);
}

int negotiation_send_offers(struct negotiation *n, struct text *out)
{
	int r = 0;

	/* an offer of the one must not contradict what was agreed on the other */
	if (n->agreed & KEY_BIT(KEY_MAX_BURST) && n->ours.first_burst > n->in_force.max_burst &&
		!key_is_fallback(key_row(KEY_FIRST_BURST), &n->ours))
		n->ours.first_burst = n->in_force.max_burst;
	for (int id = 0; id < KEY_COUNT && r == 0; id++) {
		char value[KEY_OFFER_MAX];

		if (!is_ours(n, id) || is_settled(n, id))
			continue;
		key_offer(key_row(id), &n->ours, value);
		r = negotiation_send(n, out, id, value);
	}
	return r;
}

bool negotiation_is_answered(const struct negotiation *n)
{
	for (int id = 0; id < KEY_COUNT; id++)
		if (n->offered & ~n->seen & KEY_BIT(id) && key_row(id)->kind >= KEY_IS_LIST)
			return false;
	return true;
}

/* ---- one key of the peer ---- */

struct taking {
	struct negotiation *n;
	const struct negotiation_stage *stage;
	struct text *out;
};

static bool answer(const struct taking *t, const char *key, const char *value)
{
	if (text_add(t->out, key, "%s", value) < 0)
		return fail(t->n, "%s sent more keys than one login can hold", peer(t->n));
	return true;
}

static bool unoffered(const struct taking *t, const char *key)
{
	return fail(t->n, "%s answered %s, which was not offered", peer(t->n), key);
}

static bool take_refusal(const struct taking *t, enum key_id id, const char *value)
{
	const struct key *k = key_row(id);

	if (!(t->n->offered & KEY_BIT(id)))
		return unoffered(t, k->name);
	if (k->flags & KEY_INSISTED)
		return fail(t->n, "%s answered %s=%s", peer(t->n), k->name, value);
	return true;
}

/* Only this side may declare it; nothing but a refusal can come back. */
static bool take_ours(const struct taking *t, enum key_id id, const char *value)
{
	if (key_is_refusal(value))
		return take_refusal(t, id, value);
	return fail(t->n, "%s sent %s, which is ours to send", peer(t->n), key_row(id)->name);
}

static bool is_only_ours(const struct negotiation *n, const struct key *k)
{
	return (k->flags & (KEY_BY_INITIATOR | KEY_BY_TARGET)) == n->role;
}

/* Keys that may come at one point only. */
static bool take_due(const struct taking *t, enum key_id id, const char *value)
{
	if (!(t->stage->due & KEY_BIT(id)))
		return fail(t->n, "%s sent %s where it is not due", peer(t->n), key_row(id)->name);
	t->n->due[id] = value;
	return true;
}

/* Keys that each side declares for itself. */
static bool take_text_key(const struct taking *t, enum key_id id, const char *value)
{
	const struct key *k = key_row(id);

	if (is_only_ours(t->n, k))
		return take_ours(t, id, value);
	if (k->flags & KEY_LEADING)
		return take_due(t, id, value);
	if (id == KEY_TARGET_ALIAS || id == KEY_INITIATOR_ALIAS)
		text_escape(value, t->n->alias, sizeof(t->n->alias));
	return true;
}

/* A target answers Reject to a number that cannot be, and the value before stays in force. */
static bool reject_number(const struct taking *t, enum key_id id)
{
	t->n->offered |= KEY_BIT(id); /* not once more in the same text */
	return answer(t, key_row(id)->name, "Reject");
}

static bool take_number(const struct taking *t, enum key_id id, const char *value)
{
	const struct key *k = key_row(id);
	const char *fault;
	uint32_t number;

	if (is_only_ours(t->n, k))
		return take_ours(t, id, value);
	if (k->flags & t->n->role && key_is_refusal(value))
		return take_refusal(t, id, value);
	fault = key_number(k, value, &number);
	if (fault && t->n->role == ROLE_TARGET)
		return reject_number(t, id);
	if (fault)
		return fail(t->n, "the target's %s=%.64s %s", k->name, value, fault);
	if (id == KEY_TPGT)
		t->n->tpgt = (int)number;
	else
		key_take_answer(k, &t->n->ours, value, &t->n->in_force);
	return true;
}

/* The peer's own offer. */
static bool take_offer(const struct taking *t, enum key_id id, const char *value)
{
	const struct key *k = key_row(id);
	char mine[KEY_OFFER_MAX];

	if (key_is_refusal(value))
		return unoffered(t, k->name);
	if (!(k->flags & t->n->session))
		return answer(t, k->name, "Irrelevant");
	key_take_offer(k, &t->n->ours, value, &t->n->in_force, mine);
	if (!key_is_refusal(mine))
		t->n->agreed |= KEY_BIT(id);
	return answer(t, k->name, mine);
}

static bool take_negotiated(const struct taking *t, enum key_id id, const char *value)
{
	const struct key *k = key_row(id);
	const char *fault;

	if (!(t->n->offered & KEY_BIT(id)))
		return take_offer(t, id, value);
	fault = key_take_answer(k, &t->n->ours, value, &t->n->in_force);
	if (fault)
		return fail(t->n, "%s's answer %s=%.64s %s", peer(t->n), k->name, value, fault);
	if (!key_is_refusal(value))
		t->n->agreed |= KEY_BIT(id);
	return true;
}

static bool (*const takers[])(const struct taking *t, enum key_id id, const char *value) = {
	[KEY_IS_TEXT] = take_text_key,
	[KEY_IS_NUMBER] = take_number,
	[KEY_IS_AUTH] = take_due,
	[KEY_IS_LIST] = take_negotiated,
	[KEY_IS_MIN] = take_negotiated,
	[KEY_IS_MAX] = take_negotiated,
	[KEY_IS_AND] = take_negotiated,
	[KEY_IS_OR] = take_negotiated,
	[KEY_IS_OBSOLETE] = take_negotiated,
};

/* ---- a text of the peer ---- */

/* Whether this text already answers key: a key that is not in the table came twice. */
static bool is_answered(const struct text *out, const char *key)
{
	const char *end = out->data + out->len, *value;

	for (const char *p = out->data; p < end; p += strlen(p) + 1) {
		value = str_after(p, key);
		if (value && *value == '=')
			return true;
	}
	return false;
}

static bool take_unknown(const struct taking *t, const struct text_pair *p)
{
	if (p->value_len > TEXT_VALUE_MAX)
		return fail(t->n, "%s's %s is longer than %d bytes", peer(t->n), p->key,
			TEXT_VALUE_MAX);
	if (key_is_refusal(p->value))
		return unoffered(t, p->key);
	if (is_answered(t->out, p->key))
		return fail(t->n, "%s sent %s twice", peer(t->n), p->key);
	return answer(t, p->key, "NotUnderstood");
}

static bool take_pair(const struct taking *t, const struct text_pair *p)
{
	int id = key_find(p->key);
	const struct key *k;

	if (id < 0)
		return take_unknown(t, p);
	k = key_row(id);
	if (p->value_len > key_value_max(k))
		return fail(t->n, "%s's %s is longer than %zu bytes", peer(t->n), k->name,
			key_value_max(k));
	if (!(k->flags & t->stage->stage))
		return fail(t->n, "%s sent %s during %s", peer(t->n), k->name, t->stage->name);
	if (t->n->seen & KEY_BIT(id) && !(k->flags & KEY_REPEATED))
		return fail(t->n, "%s sent %s twice", peer(t->n), k->name);
	t->n->seen |= KEY_BIT(id);
	return takers[k->kind](t, id, p->value);
}

bool negotiation_take(struct negotiation *n, const struct negotiation_stage *stage,
	const char *data, size_t len, struct text *out)
{
	const struct taking t = {n, stage, out};
	struct text_reader r = text_reader(data, len);
	struct text_pair p;

	memset(n->due, 0, sizeof(n->due));
	while (text_next(&r, &p))
		if (!take_pair(&t, &p))
			return false;
	return !r.fault || fail(n, "%s's text is malformed: %s", peer(n), r.fault);
}

/* ---- the end ---- */

/* FirstBurstLength must not exceed MaxBurstLength where it has a meaning at all. */
static bool end_bursts(struct negotiation *n)
{
	struct login_params *p = &n->in_force;

	if (p->first_burst <= p->max_burst)
		return true;
	if (n->agreed & KEY_BIT(KEY_FIRST_BURST) && (!p->initial_r2t || p->immediate_data))
		return fail(n, "%s's FirstBurstLength %u exceeds its MaxBurstLength %u", peer(n),
			p->first_burst, p->max_burst);
	p->first_burst = p->max_burst;
	return true;
}

bool negotiation_end(struct negotiation *n)
{
	/* without an agreement the fallback is in force, which is already there */
	for (int id = 0; id < KEY_COUNT; id++)
		if (is_ours(n, id) && !(n->agreed & KEY_BIT(id)) &&
			!key_fallback_is_acceptable(key_row(id), &n->ours))
			return fail(n, "%s did not %s %s", peer(n),
				n->seen & KEY_BIT(id) ? "accept our" : "answer", key_row(id)->name);
	return n->session == KEY_DISCOVERY || end_bursts(n);
}
