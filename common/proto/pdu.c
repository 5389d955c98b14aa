/* SPDX-License-Identifier: MIT */
#include "pdu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const opcodes[] = {
	[OP_NOP_OUT] = "NOP-Out",
	[OP_SCSI_COMMAND] = "SCSI Command",
	[OP_TASK_MANAGEMENT] = "Task Management Function Request",
	[OP_LOGIN] = "Login Request",
	[OP_TEXT] = "Text Request",
	[OP_DATA_OUT] = "SCSI Data-Out",
	[OP_LOGOUT] = "Logout Request",
	[OP_SNACK] = "SNACK Request",
	[OP_NOP_IN] = "NOP-In",
	[OP_SCSI_RESPONSE] = "SCSI Response",
	[OP_TASK_MANAGEMENT_RESPONSE] = "Task Management Function Response",
	[OP_LOGIN_RESPONSE] = "Login Response",
	[OP_TEXT_RESPONSE] = "Text Response",
	[OP_DATA_IN] = "SCSI Data-In",
	[OP_LOGOUT_RESPONSE] = "Logout Response",
	[OP_R2T] = "R2T",
	[OP_ASYNC] = "Asynchronous Message",
	[OP_REJECT] = "Reject",
};

/* RFC 7143 section 11.17.1 */
static const char *const rejects[] = {
	[0x02] = "data digest error",
	[0x03] = "SNACK reject",
	[0x04] = "protocol error",
	[0x05] = "command not supported",
	[0x06] = "too many immediate commands",
	[0x07] = "task in progress",
	[0x08] = "invalid data acknowledgement",
	[0x09] = "invalid PDU field",
	[0x0a] = "long operation",
	[0x0b] = "negotiation reset",
	[0x0c] = "waiting for logout",
};

#define NAME_OF(table, i) \
	((i) < sizeof(table) / sizeof(*(table)) && (table)[i] ? (table)[i] : "unknown")

const char *bhs_opcode_name(uint8_t opcode)
{
	return NAME_OF(opcodes, opcode);
}

const char *bhs_reject_name(uint8_t reason)
{
	return NAME_OF(rejects, reason);
}

int pdu_init(struct pdu *p, size_t data_room)
{
	uint8_t *data;

	if (data_room > PDU_DATA_MAX)
		return -EINVAL;
	data = malloc(data_room ? data_room : 1);
	if (!data)
		return -ENOMEM;
	*p = (struct pdu){.data = data, .data_room = data_room};
	return 0;
}

void pdu_free(struct pdu *p)
{
	if (!p)
		return;
	free(p->data);
	*p = (struct pdu){0};
}

void pdu_set_data_len(struct pdu *p, size_t len)
{
	p->data_len = len;
	bhs_set_data_len(p->bhs, (uint32_t)len);
}

int pdu_reader_init(struct pdu_reader *r, size_t data_max)
{
	struct pdu pdu;
	int err;

	if (data_max >= PDU_DATA_MAX)
		return -EINVAL;
	err = pdu_init(&pdu, data_max + pdu_padding(data_max));
	if (err)
		return err;
	*r = (struct pdu_reader){.pdu = pdu, .data_max = data_max};
	return 0;
}

void pdu_reader_reset(struct pdu_reader *r)
{
	r->have = 0;
}

void pdu_reader_free(struct pdu_reader *r)
{
	if (!r)
		return;
	pdu_free(&r->pdu);
	*r = (struct pdu_reader){0};
}

uint8_t *pdu_reader_want(struct pdu_reader *r, size_t *ret_len)
{
	if (r->have < BHS_LEN) {
		*ret_len = BHS_LEN - r->have;
		return r->pdu.bhs + r->have;
	}
	*ret_len = BHS_LEN + r->pdu.data_len + pdu_padding(r->pdu.data_len) - r->have;
	return r->pdu.data + (r->have - BHS_LEN);
}

static enum pdu_status begin_data(struct pdu_reader *r)
{
	size_t len = bhs_data_len(r->pdu.bhs);

	if (bhs_ahs_len(r->pdu.bhs))
		return PDU_HAS_AHS;
	if (len > r->data_max)
		return PDU_TOO_LONG;
	r->pdu.data_len = len;
	return len ? PDU_MORE : PDU_READY;
}

enum pdu_status pdu_reader_got(struct pdu_reader *r, size_t len)
{
	enum pdu_status status = PDU_MORE;

	r->have += len;
	if (r->have == BHS_LEN)
		status = begin_data(r);
	else if (r->have > BHS_LEN &&
		 r->have == BHS_LEN + r->pdu.data_len + pdu_padding(r->pdu.data_len))
		status = PDU_READY;
	if (status != PDU_MORE)
		r->have = 0;
	return status;
}
