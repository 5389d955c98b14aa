/* SPDX-License-Identifier: MIT */
/* command.c - SCSI Command PDUs become tasks (RFC 7143 section 11.3) */
#include <string.h>

#include "pool.h"
#include "session.h"

#define FLAG_READ 0x40
#define FLAG_WRITE 0x20
#define ATTR_MASK 0x07
#define AHS_EXTENDED_CDB 1

static bool has_long_cdb(const struct pdu_in *pdu)
{
	return bhs_ahs_len(pdu->bhs) && (pdu->ahs[2] & 0x3f) == AHS_EXTENDED_CDB;
}

/* 0, or the reason for a Reject. */
static uint8_t refuse(const struct session *s, const struct pdu_in *pdu)
{
	if (bhs_itt(pdu->bhs) == BHS_TAG_NONE)
		return REJECT_INVALID_FIELD;
	if (task_find(s, bhs_itt(pdu->bhs)))
		return REJECT_TASK_IN_PROGRESS;
	if (bhs_is_immediate(pdu->bhs) && s->immediate >= IMMEDIATE_MAX)
		return REJECT_TOO_MANY_IMMEDIATE;
	return 0;
}

static void fill_in(struct task *t, const struct pdu_in *pdu)
{
	const uint8_t *bhs = pdu->bhs;
	uint8_t flags = bhs_flags(bhs);

	t->immediate = bhs_is_immediate(bhs);
	t->edtl = flags & (FLAG_READ | FLAG_WRITE) ? bhs_edtl(bhs) : 0;
	memcpy(t->scsi.lun, bhs_lun(bhs), sizeof(t->scsi.lun));
	memcpy(t->scsi.cdb, bhs_cdb(bhs), sizeof(t->scsi.cdb));
	t->scsi.cdb_too_long = has_long_cdb(pdu);
	t->scsi.attr = flags & ATTR_MASK;
	t->scsi.edtl = t->edtl;
	t->scsi.data_out = flags & FLAG_WRITE;
	t->scsi.private_data = t->session->who.params.data_digest == DIGEST_CRC32C;
}

/* Why data that comes unasked may not come; 0 when it may. */
static uint16_t unsolicited_fault(const struct task *t, const struct pdu_in *pdu)
{
	const struct login_params *p = &t->session->who.params;
	bool more = !(bhs_flags(pdu->bhs) & BHS_FINAL);

	if (!t->scsi.data_out)
		return pdu->data_len || more ? ASC_UNEXPECTED_DATA : 0;
	if ((pdu->data_len && !p->immediate_data) || (more && p->initial_r2t))
		return ASC_UNEXPECTED_DATA;
	if (pdu->data_len > smaller(t->edtl, p->first_burst))
		return ASC_AMOUNT_OF_DATA;
	return 0;
}

/* A buffer for what the command takes and for what comes unasked. */
static bool make_room(struct task *t, const struct pdu_in *pdu)
{
	uint32_t unasked = (uint32_t)pdu->data_len;

	if (t->unsolicited)
		unasked = smaller(t->edtl, t->session->who.params.first_burst);
	t->want = smaller(t->scsi.takes, t->edtl);
	t->room = t->want > unasked ? t->want : unasked;
	t->buffer = t->room ? pool_get(t->room) : NULL;
	return t->buffer || !t->room;
}

void conn_command(struct conn *c, const struct pdu_in *pdu)
{
	uint8_t reason = refuse(c->session, pdu);
	struct task *t;
	uint16_t fault;

	if (reason) {
		conn_reject(c, pdu, reason);
		return;
	}
	t = task_new(c->session, bhs_itt(pdu->bhs));
	if (!t) {
		conn_drop(c, "out of memory");
		return;
	}
	fill_in(t, pdu);
	if (t->immediate)
		c->session->immediate++;
	else
		c->session->queued++;
	c->session->stats.command_pdus++;
	scsi_task_begin(&t->scsi);
	fault = unsolicited_fault(t, pdu);
	t->unsolicited = t->scsi.data_out && !(bhs_flags(pdu->bhs) & BHS_FINAL);
	if (fault) {
		task_fail(t, fault);
		return;
	}
	if (!make_room(t, pdu)) {
		conn_drop(c, "out of memory");
		return;
	}
	if (pdu->data_len)
		memcpy(t->buffer->data, pdu->data, pdu->data_len);
	t->received = t->solicited = (uint32_t)pdu->data_len;
	task_advance(t);
}
