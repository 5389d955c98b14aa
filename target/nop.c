/* SPDX-License-Identifier: MIT */
/* nop.c - NOP-Out is answered; a connection that is silent is asked whether it still lives */
#include "session.h"

static void on_quiet(uv_timer_t *timer)
{
	struct conn *c = timer->data;
	const struct session *s = c->session;
	uint64_t quiet = uv_now(timer->loop) - c->heard;
	struct pdu_out *pdu;

	if (c->state >= CONN_FINISHING)
		return;
	if (quiet < s->nop_interval * UINT64_C(1000))
		return;
	if (c->pings >= s->nop_count) {
		conn_drop(c, "did not answer %u pings", c->pings);
		return;
	}
	pdu = conn_reply(c, OP_NOP_IN, BHS_TAG_NONE);
	if (!pdu)
		return;
	bhs_set_ttt(pdu->head, c->pings++);
	conn_send(c, pdu, NUMBER_NEXT);
}

void conn_nop_start(struct conn *c)
{
	const struct session *s = c->session;
	uint64_t ms = s->nop_interval * UINT64_C(1000);

	c->heard = uv_now(c->server->loop);
	if (ms && s->nop_count && !s->who.discovery)
		uv_timer_start(&c->timer, on_quiet, ms, ms);
}

void conn_nop_out(struct conn *c, const struct pdu_in *in)
{
	struct pdu_out *pdu;
	size_t len = in->data_len;

	if (bhs_itt(in->bhs) == BHS_TAG_NONE) {
		if (!bhs_is_immediate(in->bhs))
			conn_reject(c, in, REJECT_PROTOCOL_ERROR);
		return;
	}
	if (len > c->session->who.params.max_xmit_data_segment)
		len = c->session->who.params.max_xmit_data_segment;
	pdu = conn_reply(c, OP_NOP_IN, bhs_itt(in->bhs));
	if (!pdu)
		return;
	if (pdu_out_copy(pdu, in->data, len)) {
		writer_cancel(&c->writer, pdu);
		conn_drop(c, "out of memory");
		return;
	}
	bhs_set_lun(pdu->head, bhs_lun(in->bhs));
	bhs_set_ttt(pdu->head, BHS_TAG_NONE);
	conn_send(c, pdu, NUMBER_STATUS);
}
