/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - the data of a task: R2T and Data-Out, Data-In and status (RFC 7143 sections 11.7
 * and 11.8). Data-Out comes in order: DataPDUInOrder and DataSequenceInOrder are always Yes.
 */
#include <string.h>

#include "cleanup.h"
#include "pool.h"
#include "session.h"

#define FLAG_STATUS 0x01
#define FLAG_UNDERFLOW 0x02
#define FLAG_OVERFLOW 0x04
#define ABORTED_COMMAND 0x0b

/* ---- Data-Out ---- */

static void ask(struct task *t)
{
	struct session *s = t->session;
	unsigned int slot = (t->first_r2t + t->n_r2ts) % R2T_MAX;
	struct pdu_out *pdu = conn_reply(s->conn, OP_R2T, t->itt);
	uint32_t len = smaller(t->want - t->solicited, s->who.params.max_burst);

	if (!pdu)
		return;
	if (++s->next_ttt == BHS_TAG_NONE)
		s->next_ttt = 0;
	t->r2ts[slot].ttt = s->next_ttt;
	t->r2ts[slot].end = t->solicited + len;
	t->n_r2ts++;
	bhs_set_lun(pdu->head, t->scsi.lun);
	bhs_set_ttt(pdu->head, s->next_ttt);
	bhs_set_datasn(pdu->head, t->r2tsn++);
	bhs_set_offset(pdu->head, t->solicited);
	bhs_set_desired_len(pdu->head, len);
	t->solicited += len;
	conn_send(s->conn, pdu, NUMBER_NEXT);
}

void task_advance(struct task *t)
{
	uint32_t most = smaller(R2T_MAX, t->session->who.params.max_outstanding_r2t);

	if (t->unsolicited)
		return;
	while (t->solicited < t->want && t->n_r2ts < most && t->session->conn->state == CONN_NORMAL)
		ask(t);
	if (t->received < t->want || t->n_r2ts)
		return;
	t->state = TASK_RUNNING;
	t->scsi.out = t->buffer ? t->buffer->data : NULL;
	t->scsi.out_len = t->want;
	scsi_task_submit(&t->scsi);
}

/* The end of the sequence that goes on. */
static uint32_t sequence_end(const struct task *t)
{
	return t->unsolicited ? smaller(t->edtl, t->session->who.params.first_burst)
			      : t->r2ts[t->first_r2t].end;
}

/* 0, or what is wrong with a Data-Out. */
static uint16_t data_fault(const struct task *t, const struct pdu_in *pdu)
{
	uint32_t ttt = bhs_ttt(pdu->bhs), end;

	if (t->unsolicited ? ttt != BHS_TAG_NONE
			   : !t->n_r2ts || ttt != t->r2ts[t->first_r2t].ttt)
		return ASC_UNEXPECTED_DATA;
	if (bhs_datasn(pdu->bhs) != t->datasn || bhs_offset(pdu->bhs) != t->received)
		return ASC_PROTOCOL_SERVICE_CRC;
	end = sequence_end(t);
	if (pdu->data_len > end - t->received)
		return ASC_AMOUNT_OF_DATA;
	if (bhs_flags(pdu->bhs) & BHS_FINAL && !t->unsolicited && t->received + pdu->data_len != end)
		return ASC_AMOUNT_OF_DATA;
	return 0;
}

uint8_t *conn_place(struct conn *c, const struct pdu_in *pdu)
{
	struct task *t;

	if (bhs_opcode(pdu->bhs) != OP_DATA_OUT)
		return NULL;
	t = task_find(c->session, bhs_itt(pdu->bhs));
	if (!t || t->state != TASK_COLLECTING || data_fault(t, pdu))
		return NULL;
	c->receiving = t;
	return t->buffer->data + t->received;
}

static void end_sequence(struct task *t)
{
	t->datasn = 0;
	if (t->unsolicited) {
		t->unsolicited = false;
		t->solicited = t->received;
		return;
	}
	t->first_r2t = (t->first_r2t + 1) % R2T_MAX;
	t->n_r2ts--;
}

static void respond_to_failed(struct task *t);

static void discard(struct task *t, const struct pdu_in *pdu)
{
	if (!(bhs_flags(pdu->bhs) & BHS_FINAL) || (!t->unsolicited && !t->n_r2ts))
		return;
	end_sequence(t);
	respond_to_failed(t);
}

static void take_data(struct task *t, const struct pdu_in *pdu)
{
	uint16_t fault = data_fault(t, pdu);
	uint8_t *place;

	if (fault) {
		task_fail(t, fault);
		discard(t, pdu);
		return;
	}
	if (pdu->data_len) {
		place = t->buffer->data + t->received;
		if (pdu->data != place)
			memcpy(place, pdu->data, pdu->data_len);
	}
	t->received += (uint32_t)pdu->data_len;
	t->datasn++;
	if (bhs_flags(pdu->bhs) & BHS_FINAL) {
		end_sequence(t);
		task_advance(t);
	}
}

void conn_data_out(struct conn *c, const struct pdu_in *pdu)
{
	struct task *t = STEAL_PTR(c->receiving);

	c->session->stats.data_out_pdus++;
	c->session->stats.rx_octets += pdu->data_len;
	if (t && t->state == TASK_ABORTED) {
		task_free(t);
		return;
	}
	t = task_find(c->session, bhs_itt(pdu->bhs));
	if (!t) {
		/* What is still on its way for a task that has ended is no fault. */
		session_keeps_data(c->session, pdu);
	} else if (t->state == TASK_COLLECTING) {
		take_data(t, pdu);
	} else if (t->state == TASK_DISCARDING) {
		discard(t, pdu);
	}
}

/* ---- the answer ---- */

static void on_sent(void *owner)
{
	task_free(owner);
}

/* Residuals: what the command wanted to move against what the initiator expected. */
static uint8_t put_residual(uint8_t *bhs, const struct task *t)
{
	uint32_t wanted = t->scsi.wanted;

	if (wanted == t->edtl)
		return 0;
	bhs_set_residual(bhs, wanted < t->edtl ? t->edtl - wanted : wanted - t->edtl);
	return wanted < t->edtl ? FLAG_UNDERFLOW : FLAG_OVERFLOW;
}

static bool send_data_in(struct task *t, bool with_status)
{
	struct session *s = t->session;
	const struct login_params *p = &s->who.params;
	uint32_t len = t->scsi.in_len, sent = 0, in_burst = 0;

	while (sent < len) {
		struct pdu_out *pdu = conn_reply(s->conn, OP_DATA_IN, t->itt);
		uint32_t n = smaller(len - sent, p->max_xmit_data_segment);
		uint8_t flags = 0;

		if (!pdu)
			return false;
		n = smaller(n, p->max_burst - in_burst);
		in_burst += n;
		pdu->data = t->scsi.in + sent;
		pdu->data_len = n;
		bhs_set_ttt(pdu->head, BHS_TAG_NONE);
		bhs_set_datasn(pdu->head, t->r2tsn++);
		bhs_set_offset(pdu->head, sent);
		sent += n;
		if (sent == len || in_burst == p->max_burst) {
			flags = BHS_FINAL;
			in_burst = 0;
		}
		if (sent == len && with_status) {
			flags |= FLAG_STATUS | put_residual(pdu->head, t);
			bhs_set_scsi_status(pdu->head, t->scsi.status);
			pdu->sent = on_sent;
			pdu->owner = t;
		}
		bhs_set_flags(pdu->head, flags);
		s->stats.data_in_pdus++;
		conn_send(s->conn, pdu, flags & FLAG_STATUS ? NUMBER_STATUS : NUMBER_NONE);
	}
	return true;
}

static void send_response(struct task *t)
{
	struct pdu_out *pdu = conn_reply(t->session->conn, OP_SCSI_RESPONSE, t->itt);

	if (!pdu)
		return;
	bhs_set_flags(pdu->head, (uint8_t)(BHS_FINAL | put_residual(pdu->head, t)));
	bhs_set_scsi_status(pdu->head, t->scsi.status);
	bhs_set_datasn(pdu->head, t->r2tsn);
	if (t->scsi.sense_len) {
		be16_put(t->sense, t->scsi.sense_len);
		memcpy(t->sense + 2, t->scsi.sense, t->scsi.sense_len);
		pdu->data = t->sense;
		pdu->data_len = t->scsi.sense_len + 2u;
	}
	pdu->sent = on_sent;
	pdu->owner = t;
	t->session->stats.response_pdus++;
	conn_send(t->session->conn, pdu, NUMBER_STATUS);
}

void task_respond(struct task *t)
{
	bool collapsed = t->scsi.status == SCSI_GOOD && !t->scsi.sense_len && t->scsi.in_len;

	t->state = TASK_SENDING;
	task_close(t);
	if (send_data_in(t, collapsed) && !collapsed)
		send_response(t);
}

/* ---- a task whose data breaks the rules ---- */

static void respond_to_failed(struct task *t)
{
	if (t->unsolicited || t->n_r2ts)
		return;
	t->scsi.status = SCSI_CHECK_CONDITION;
	memset(t->scsi.sense, 0, 18);
	t->scsi.sense[0] = 0x70;
	t->scsi.sense[2] = ABORTED_COMMAND;
	t->scsi.sense[7] = 10;
	be16_put(t->scsi.sense + 12, t->failure);
	t->scsi.sense_len = 18;
	t->scsi.in_len = t->scsi.wanted = 0;
	task_respond(t);
}

static void on_aborted(struct scsi_tmf *tmf)
{
	(void)tmf;
}

void task_fail(struct task *t, uint16_t asc)
{
	struct scsi_tmf abort = {.nexus = t->scsi.nexus, .function = SCSI_ABORT_TASK,
		.task = &t->scsi, .done = on_aborted};

	memcpy(abort.lun, t->scsi.lun, sizeof(abort.lun));
	t->state = TASK_DISCARDING;
	t->failure = asc;
	/* It was not submitted: it ends at once. */
	scsi_tmf_submit(&abort);
	respond_to_failed(t);
}
