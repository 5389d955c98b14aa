/* SPDX-License-Identifier: MIT */
/*
 * SendTargets (RFC 7143 section 11.10, 11.11 and appendix C), initiator role.
 *
 * The answer is one text, cut anywhere: some targets cut inside a key and do not set the C bit. So
 * the pieces are glued as bytes, and a pair counts from its NUL on. What is left of `text` after a
 * response is the beginning of one pair.
 */
#include "discovery.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "str.h"
#include "text.h"

#define TEXT_ITT 2
#define PAIR_MAX 8192	      /* bytes of a pair whose end has not come yet */
#define RESPONSE_COST_MIN 512 /* an empty response counts too: no answer goes on for ever */
#define REQUEST_ROOM 64

enum target_state {
	TARGET_NONE,  /* none yet, or one without a usable name */
	TARGET_ALONE, /* no TargetAddress so far */
	TARGET_ADDRESSED,
};

struct discovery {
	struct discovery_sink sink;
	struct pdu request;
	uint32_t exp_statsn;
	struct buf text; /* of the answer, from the first pair on that is not whole */
	bool cut;	 /* that pair has more bytes than are kept */
	size_t received;
	unsigned int portals;
	enum target_state state;
	bool named; /* a TargetName came, good or bad */
	char target[ISCSI_NAME_MAX + 1];
	char reason[256];
};

__attribute__((format(printf, 2, 3))) static enum discovery_verdict fail(
	struct discovery *d, const char *fmt, ...)
{
	char text[sizeof(d->reason)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	text_escape(text, d->reason, sizeof(d->reason));
	return DISCOVERY_PROTOCOL_ERROR;
}

/* ---- requests: immediate, so that CmdSN stays ---- */

static void build_text(struct discovery *d, uint32_t ttt, const uint8_t lun[BHS_LUN_LEN])
{
	uint8_t *bhs = d->request.bhs;

	bhs_set_opcode(bhs, OP_TEXT, true);
	bhs_set_flags(bhs, BHS_FINAL);
	bhs_set_lun(bhs, lun);
	bhs_set_itt(bhs, TEXT_ITT);
	bhs_set_ttt(bhs, ttt);
	bhs_set_exp_statsn(bhs, d->exp_statsn);
	pdu_set_data_len(&d->request, 0);
}

/* The answer to the target's ping; the text response is still to come. */
static enum discovery_verdict build_pong(struct discovery *d, const uint8_t *ping)
{
	build_text(d, bhs_ttt(ping), bhs_lun(ping));
	bhs_set_opcode(d->request.bhs, OP_NOP_OUT, true);
	bhs_set_itt(d->request.bhs, BHS_TAG_NONE);
	return DISCOVERY_CONTINUE;
}

static void build_first(struct discovery *d, uint32_t cmdsn)
{
	static const uint8_t no_lun[BHS_LUN_LEN];
	struct text t = {.data = (char *)d->request.data, .room = REQUEST_ROOM};

	text_add(&t, "SendTargets", "All");
	build_text(d, BHS_TAG_NONE, no_lun);
	bhs_set_cmdsn(d->request.bhs, cmdsn);
	pdu_set_data_len(&d->request, t.len);
}

/* ---- the pairs of an answer ---- */

static void skip(const struct discovery *d, const char *text, const char *why)
{
	char escaped[TEXT_VALUE_MAX + 1];

	text_escape(text, escaped, sizeof(escaped));
	d->sink.skipped(d->sink.data, escaped, why);
}

static void end_target(struct discovery *d)
{
	if (d->state == TARGET_ALONE) {
		d->sink.found(d->sink.data, d->target, NULL);
		d->portals++;
	}
	d->state = TARGET_NONE;
}

static void take_name(struct discovery *d, const char *name)
{
	const char *fault = iscsi_name_fault(name);

	end_target(d);
	d->named = true;
	if (fault) {
		skip(d, name, fault);
		return;
	}
	snprintf(d->target, sizeof(d->target), "%s", name);
	d->state = TARGET_ALONE;
}

static void take_address(struct discovery *d, const char *address)
{
	struct iscsi_portal portal;
	const char *fault;

	if (d->state == TARGET_NONE) {
		/* with a bad name before it, the name has been reported */
		if (!d->named)
			skip(d, address, "comes before any TargetName");
		return;
	}
	d->state = TARGET_ADDRESSED;
	fault = iscsi_portal_parse(address, &portal);
	if (!fault && !portal.address[0])
		fault = "holds no address";
	if (fault) {
		skip(d, address, fault);
		return;
	}
	if (portal.port < 0)
		portal.port = ISCSI_PORT_DEFAULT;
	d->sink.found(d->sink.data, d->target, &portal);
	d->portals++;
}

static enum discovery_verdict take_pair(struct discovery *d, const struct text_pair *p)
{
	if (str_eq(p->key, "SendTargets"))
		return fail(d, "the target answered SendTargets=%.64s", p->value);
	if (str_eq(p->key, key_row(KEY_TARGET_NAME)->name))
		take_name(d, p->value);
	else if (p->value_len > TEXT_VALUE_MAX)
		skip(d, p->key, "has a value longer than 255 bytes");
	else if (str_eq(p->key, key_row(KEY_TARGET_ADDRESS)->name))
		take_address(d, p->value);
	else if (!str_eq(p->key, key_row(KEY_TARGET_ALIAS)->name))
		skip(d, p->key, "is no key of an answer to SendTargets");
	if (d->portals > DISCOVERY_TARGETS_MAX)
		return fail(d, "the target reports more than %u portals", DISCOVERY_TARGETS_MAX);
	return DISCOVERY_CONTINUE;
}

static enum discovery_verdict take_pairs(struct discovery *d, size_t len)
{
	struct text_reader r = text_reader(d->text.data, len);
	enum discovery_verdict v = DISCOVERY_CONTINUE;
	struct text_pair p;

	while (v == DISCOVERY_CONTINUE) {
		if (text_next(&r, &p))
			v = take_pair(d, &p);
		else if (r.fault)
			skip(d, "text", r.fault);
		else
			break;
	}
	return v;
}

/*
 * Of a pair that is longer than any can be the beginning is kept, which is then said to be left
 * out: one bad pair does not cost the others.
 */
static int keep(struct discovery *d, const uint8_t *data, size_t len)
{
	if (d->cut) {
		const uint8_t *end = len ? memchr(data, '\0', len) : NULL;

		if (!end)
			return 0;
		d->cut = false;
		len -= (size_t)(end - data);
		data = end;
	}
	return len ? buf_add(&d->text, data, len) : 0;
}

static void cut_long_pair(struct discovery *d)
{
	if (d->text.len <= PAIR_MAX)
		return;
	d->text.len = PAIR_MAX;
	d->cut = true;
}

/* Takes the pairs that are whole, keeps the rest. */
static enum discovery_verdict take_text(struct discovery *d, const struct pdu *response)
{
	size_t len = response->data_len, whole;
	enum discovery_verdict v;
	const uint8_t *last;

	d->received += len > RESPONSE_COST_MIN ? len : RESPONSE_COST_MIN;
	if (d->received > DISCOVERY_TEXT_MAX)
		return fail(d, "the target's answer does not come to an end");
	if (keep(d, response->data, len) < 0)
		return DISCOVERY_NO_MEMORY;
	last = d->text.len ? memrchr(d->text.data, '\0', d->text.len) : NULL;
	whole = last ? (size_t)(last - d->text.data) + 1 : 0;
	v = take_pairs(d, whole);
	if (whole)
		buf_consume(&d->text, whole);
	cut_long_pair(d);
	return v;
}

/* ---- responses ---- */

static enum discovery_verdict check(struct discovery *d, const uint8_t *bhs)
{
	uint8_t flags = bhs_flags(bhs);

	switch (bhs_opcode(bhs)) {
	case OP_TEXT_RESPONSE:
		break;
	case OP_REJECT:
		return fail(d, "the target rejected SendTargets: %s (0x%02x)",
			bhs_reject_name(bhs_reject_reason(bhs)), bhs_reject_reason(bhs));
	default:
		return fail(d, "the target sent a PDU %s (0x%02x) during discovery",
			bhs_opcode_name(bhs_opcode(bhs)), bhs_opcode(bhs));
	}
	if (bhs_itt(bhs) != TEXT_ITT)
		return fail(d, "the target answered with a wrong Initiator Task Tag");
	if (flags & BHS_FINAL && flags & BHS_CONTINUE)
		return fail(d, "the target ended its answer in the middle of a text");
	if (!(flags & BHS_FINAL) != (bhs_ttt(bhs) != BHS_TAG_NONE))
		return fail(d, "the target's F bit contradicts its Target Transfer Tag");
	return DISCOVERY_CONTINUE;
}

static enum discovery_verdict finish(struct discovery *d)
{
	if (d->text.len)
		return fail(d, "the target's answer ends in the middle of a pair");
	end_target(d);
	return DISCOVERY_DONE;
}

enum discovery_verdict discovery_response(struct discovery *d, const struct pdu *response)
{
	const uint8_t *bhs = response->bhs;
	enum discovery_verdict v;

	if (bhs_opcode(bhs) == OP_NOP_IN && bhs_ttt(bhs) != BHS_TAG_NONE)
		return build_pong(d, bhs);
	v = check(d, bhs);
	if (v == DISCOVERY_CONTINUE)
		v = take_text(d, response);
	if (v != DISCOVERY_CONTINUE)
		return v;
	d->exp_statsn = bhs_statsn(bhs) + 1;
	if (bhs_flags(bhs) & BHS_FINAL)
		return finish(d);
	build_text(d, bhs_ttt(bhs), bhs_lun(bhs));
	return DISCOVERY_CONTINUE;
}

/* ---- beginning and end ---- */

struct discovery *discovery_new(
	uint32_t cmdsn, uint32_t exp_statsn, const struct discovery_sink *sink)
{
	struct discovery *d = calloc(1, sizeof(*d));

	if (!d || pdu_init(&d->request, REQUEST_ROOM) < 0) {
		free(d);
		return NULL;
	}
	d->sink = *sink;
	d->exp_statsn = exp_statsn;
	build_first(d, cmdsn);
	return d;
}

void discovery_free(struct discovery *d)
{
	if (!d)
		return;
	pdu_free(&d->request);
	buf_free(&d->text);
	free(d);
}

const struct pdu *discovery_request(const struct discovery *d)
{
	return &d->request;
}

const char *discovery_reason(const struct discovery *d)
{
	return d->reason;
}
