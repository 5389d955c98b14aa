/* SPDX-License-Identifier: MIT */
/* text-requests.c - Text Request (RFC 7143 section 11.10): what is in it, send-targets.h knows */
#include <string.h>

#include "access.h"
#include "session.h"

static bool start(struct conn *c)
{
	const struct login_target_result *who = &c->session->who;
	struct send_targets_config config = {
		.discovery = who->discovery,
		.target_name = who->target_name,
		.data_max = who->params.max_xmit_data_segment,
		.list = access_list,
		.data = c,
	};

	if (!c->send_targets)
		c->send_targets = send_targets_new(&config);
	return c->send_targets;
}

static void respond(struct conn *c)
{
	const struct pdu *response = send_targets_response(c->send_targets);
	struct pdu_out *pdu = conn_reply(c, OP_TEXT_RESPONSE, BHS_TAG_NONE);

	if (!pdu)
		return;
	memcpy(pdu->head, response->bhs, BHS_LEN);
	if (pdu_out_copy(pdu, response->data, response->data_len)) {
		writer_cancel(&c->writer, pdu);
		conn_drop(c, "out of memory");
		return;
	}
	conn_send(c, pdu, NUMBER_STATUS);
}

void conn_text(struct conn *c, const struct pdu_in *in)
{
	struct pdu request = {.data = (uint8_t *)(uintptr_t)in->data, .data_len = in->data_len};

	memcpy(request.bhs, in->bhs, BHS_LEN);
	if (!start(c)) {
		conn_drop(c, "out of memory");
		return;
	}
	switch (send_targets_request(c->send_targets, &request)) {
	case SEND_TARGETS_ANSWER:
		c->session->who.params.max_xmit_data_segment =
			send_targets_data_max(c->send_targets);
		respond(c);
		break;
	case SEND_TARGETS_REJECT:
		conn_reject(c, in, send_targets_reject(c->send_targets));
		break;
	}
}
