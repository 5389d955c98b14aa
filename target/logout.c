/* SPDX-License-Identifier: MIT */
/* logout.c - Logout Request (RFC 7143 section 11.14) */
#include "session.h"

enum logout_response { LOGOUT_DONE = 0, LOGOUT_NO_CID = 1, LOGOUT_NO_RECOVERY = 2 };

static enum logout_response response_to(const struct conn *c, const uint8_t *bhs)
{
	switch (bhs_flags(bhs) & 0x7f) {
	case LOGOUT_SESSION:
		return LOGOUT_DONE;
	case LOGOUT_CONNECTION:
		return bhs_cid(bhs) == c->session->who.cid ? LOGOUT_DONE : LOGOUT_NO_CID;
	default:
		return LOGOUT_NO_RECOVERY;
	}
}

void conn_logout(struct conn *c, const struct pdu_in *in)
{
	enum logout_response response = response_to(c, in->bhs);
	struct pdu_out *pdu;

	if ((bhs_flags(in->bhs) & 0x7f) > LOGOUT_FOR_RECOVERY) {
		conn_reject(c, in, REJECT_INVALID_FIELD);
		return;
	}
	pdu = conn_reply(c, OP_LOGOUT_RESPONSE, bhs_itt(in->bhs));
	if (!pdu)
		return;
	bhs_set_logout_response(pdu->head, (uint8_t)response);
	bhs_set_time2wait(pdu->head, (uint16_t)c->session->who.params.time2wait);
	bhs_set_time2retain(pdu->head, (uint16_t)c->session->who.params.time2retain);
	conn_send(c, pdu, NUMBER_STATUS);
	if (response == LOGOUT_DONE)
		conn_finish(c);
}
