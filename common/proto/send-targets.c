/* SPDX-License-Identifier: MIT */
/*
 * A negotiation is a sequence of Text Requests with one Initiator Task Tag:
 *
 *     request, TTT none ──► its text, in pieces with C from the initiator, empty answers between
 *                       ──► the answer, in pieces with C from us, empty requests between
 *                       ──► ended by F of both sides
 *
 * Each answer but the last carries our TTT, and the next request has to bring it back. A request
 * without TTT begins anew. Invariants: out[..sent] has been sent; in is empty once it was whole.
 */
#include "send-targets.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "negotiation.h"
#include "str.h"
#include "text.h"

#define REQUEST_MAX 8192 /* bytes of an initiator's text */
#define SEND_TARGETS "SendTargets"

struct send_targets {
	struct send_targets_config config;
	char target_name[ISCSI_NAME_MAX + 1];
	struct pdu response; /* its data is a part of out */
	struct buf in, out;
	size_t sent;
	bool open; /* a negotiation is under way: itt and ttt are its tags */
	uint32_t itt, ttt;
	uint8_t reject;
};

/* ---- the answer's text ---- */

static int add(struct send_targets *s, const char *key, const char *value)
{
	size_t len = s->out.len;

	if (buf_add(&s->out, key, strlen(key)) < 0 || buf_add(&s->out, "=", 1) < 0 ||
		buf_add(&s->out, value, strlen(value) + 1) < 0) {
		s->out.len = len;
		return -ENOMEM;
	}
	return 0;
}

int send_targets_add(struct send_targets *s, const char *name)
{
	return add(s, key_row(KEY_TARGET_NAME)->name, name);
}

int send_targets_add_address(struct send_targets *s, const struct iscsi_portal *p)
{
	bool brackets = iscsi_address_in_brackets(p->address);
	char value[sizeof(p->address) + 32];
	int n = snprintf(value, sizeof(value), "%s%s%s", brackets ? "[" : "", p->address,
		brackets ? "]" : "");

	if (p->port >= 0)
		n += snprintf(value + n, sizeof(value) - (size_t)n, ":%d", p->port);
	if (p->tpgt >= 0)
		snprintf(value + n, sizeof(value) - (size_t)n, ",%d", p->tpgt);
	return add(s, key_row(KEY_TARGET_ADDRESS)->name, value);
}

/* ---- the keys of a request: 0, -ENOMEM, or -EPROTO when it has to be rejected as a whole ---- */

/*
 * RFC 7143 appendix C. All in a normal session is answered with its own target, as initiators
 * expect; empty has a meaning in normal sessions only.
 */
static int take_send_targets(struct send_targets *s, const char *value)
{
	bool all = str_eq(value, "All"), discovery = s->config.discovery;
	size_t len = s->out.len;
	int r;

	if (!*value && discovery)
		return add(s, SEND_TARGETS, "Reject");
	if (!discovery && *value && !all && strcmp(value, s->target_name) != 0)
		return add(s, SEND_TARGETS, "Reject");
	r = s->config.list(s->config.data, !discovery ? s->target_name : all ? NULL : value, s);
	if (r == 0 && s->out.len == len && !all && *value && iscsi_name_fault(value))
		return add(s, SEND_TARGETS, "Reject"); /* it is no name at all */
	return r;
}

static int take_data_max(struct send_targets *s, const char *value)
{
	const struct key *k = key_row(KEY_MAX_RECV_DATA_SEGMENT);

	return key_number(k, value, &s->config.data_max) ? add(s, k->name, "Reject") : 0;
}

/* RFC 7143 chapter 13: most keys belong to the login. */
static int take_pair(struct send_targets *s, const struct text_pair *p, uint64_t *seen)
{
	int id = key_find(p->key);
	uint64_t bit = id >= 0			      ? KEY_BIT(id)
		       : str_eq(p->key, SEND_TARGETS) ? KEY_BIT(KEY_COUNT)
						      : 0;

	if (p->value_len > TEXT_VALUE_MAX || *seen & bit)
		return -EPROTO;
	*seen |= bit;
	if (str_eq(p->key, SEND_TARGETS))
		return take_send_targets(s, p->value);
	if (id == KEY_MAX_RECV_DATA_SEGMENT)
		return take_data_max(s, p->value);
	if (id == KEY_INITIATOR_ALIAS)
		return 0;
	if (id >= 0)
		return add(s, p->key, "Reject");
	return add(s, p->key, "NotUnderstood");
}

static int take_text(struct send_targets *s)
{
	struct text_reader r = text_reader(s->in.data, s->in.len);
	uint64_t seen = 0;
	struct text_pair p;
	int err = 0;

	while (err == 0 && text_next(&r, &p))
		err = take_pair(s, &p, &seen);
	return err == 0 && r.fault ? -EPROTO : err;
}

/* ---- requests ---- */

static void close_negotiation(struct send_targets *s)
{
	buf_free(&s->in);
	buf_free(&s->out);
	s->sent = 0;
	s->open = false;
}

static enum send_targets_verdict reject(struct send_targets *s, enum reject_reason reason)
{
	close_negotiation(s);
	s->reject = (uint8_t)reason;
	return SEND_TARGETS_REJECT;
}

static void next_ttt(struct send_targets *s)
{
	if (++s->ttt == BHS_TAG_NONE)
		s->ttt = 0;
}

static void open_negotiation(struct send_targets *s, uint32_t itt)
{
	close_negotiation(s);
	s->open = true;
	s->itt = itt;
	next_ttt(s);
}

/* The next piece of out; the last one ends the negotiation when the initiator has nothing more. */
static enum send_targets_verdict answer(struct send_targets *s, uint8_t request_flags)
{
	size_t left = s->out.len - s->sent;
	size_t len = left < s->config.data_max ? left : s->config.data_max;
	bool final = len == left && request_flags & BHS_FINAL;
	uint8_t *bhs = s->response.bhs;

	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_TEXT_RESPONSE, false);
	bhs_set_flags(bhs, final ? BHS_FINAL : len < left ? BHS_CONTINUE : 0);
	bhs_set_itt(bhs, s->itt);
	bhs_set_ttt(bhs, final ? BHS_TAG_NONE : s->ttt);
	s->response.data = len ? s->out.data + s->sent : NULL;
	pdu_set_data_len(&s->response, len);
	s->sent += len;
	s->open = !final;
	return SEND_TARGETS_ANSWER;
}

/* A piece of the initiator's text; with the last one it is taken. */
static enum send_targets_verdict collect(struct send_targets *s, const struct pdu *p)
{
	int r;

	if (p->data_len > REQUEST_MAX - s->in.len)
		return reject(s, REJECT_OUT_OF_RESOURCES);
	if (p->data_len && buf_add(&s->in, p->data, p->data_len) < 0)
		return reject(s, REJECT_OUT_OF_RESOURCES);
	s->out.len = s->sent = 0;
	if (bhs_flags(p->bhs) & BHS_CONTINUE)
		return answer(s, 0);
	r = take_text(s);
	s->in.len = 0;
	if (r < 0)
		return reject(s, r == -EPROTO ? REJECT_PROTOCOL_ERROR : REJECT_OUT_OF_RESOURCES);
	return answer(s, bhs_flags(p->bhs));
}

enum send_targets_verdict send_targets_request(struct send_targets *s, const struct pdu *request)
{
	const uint8_t *bhs = request->bhs;
	uint8_t flags = bhs_flags(bhs);

	if (flags & BHS_FINAL && flags & BHS_CONTINUE)
		return reject(s, REJECT_PROTOCOL_ERROR);
	if (bhs_ttt(bhs) == BHS_TAG_NONE)
		open_negotiation(s, bhs_itt(bhs));
	else if (!s->open || bhs_ttt(bhs) != s->ttt || bhs_itt(bhs) != s->itt)
		return reject(s, REJECT_INVALID_FIELD);
	if (s->sent == s->out.len)
		return collect(s, request);
	if (request->data_len)
		return reject(s, REJECT_PROTOCOL_ERROR);
	return answer(s, flags);
}

/* ---- beginning and end ---- */

struct send_targets *send_targets_new(const struct send_targets_config *c)
{
	struct send_targets *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->config = *c;
	snprintf(
		s->target_name, sizeof(s->target_name), "%s", c->target_name ? c->target_name : "");
	return s;
}

void send_targets_free(struct send_targets *s)
{
	if (!s)
		return;
	close_negotiation(s);
	free(s);
}

const struct pdu *send_targets_response(const struct send_targets *s)
{
	return &s->response;
}

uint8_t send_targets_reject(const struct send_targets *s)
{
	return s->reject;
}

uint32_t send_targets_data_max(const struct send_targets *s)
{
	return s->config.data_max;
}
