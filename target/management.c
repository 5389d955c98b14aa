/* SPDX-License-Identifier: MIT */
/* management.c - Task Management Function Request (RFC 7143 section 11.5, RFC 7144) */
#include "management.h"

#include <stdlib.h>
#include <string.h>

#include "session.h"

#define REASSIGN 8
#define REASSIGN_UNSUPPORTED 4
#define FUNCTION_REJECTED 255

struct function {
	struct scsi_tmf scsi;
	struct session *session;
	uint32_t itt;
	struct list link;
};

static void respond(struct session *s, uint32_t itt, uint8_t response)
{
	struct pdu_out *pdu = conn_reply(s->conn, OP_TASK_MANAGEMENT_RESPONSE, itt);

	if (!pdu)
		return;
	pdu->head[2] = response;
	conn_send(s->conn, pdu, NUMBER_STATUS);
}

/* The connections of a target that was reset cold end (RFC 7143 section 11.5.1). */
static void end_connections(struct session *of)
{
	struct session *s;

	list_for_each(s, &of->server->sessions, link)
		if (s->target == of->target)
			conn_finish(s->conn);
}

static void on_done(struct scsi_tmf *scsi)
{
	struct function *f = container_of(scsi, struct function, scsi);
	struct session *s = f->session;

	s->immediate--;
	respond(s, f->itt, (uint8_t)scsi->response);
	if (scsi->function == SCSI_TARGET_COLD_RESET && scsi->response == SCSI_TMF_COMPLETE)
		end_connections(s);
	list_remove(&f->link);
	free(f);
}

void functions_free(struct session *s)
{
	struct function *f, *tmp;

	list_for_each_safe(f, tmp, &s->functions, link)
		free(f);
}

/* ABORT TASK of a task that is not here: it may not have come yet. */
static bool swallows(struct session *s, const struct pdu_in *pdu)
{
	return (bhs_flags(pdu->bhs) & 0x7f) == SCSI_ABORT_TASK &&
	       session_swallow(s, bhs_ref_cmdsn(pdu->bhs));
}

static struct task *task_named(const struct session *s, const struct pdu_in *pdu)
{
	uint8_t function = bhs_flags(pdu->bhs) & 0x7f;

	return function == SCSI_ABORT_TASK || function == SCSI_QUERY_TASK
		       ? task_find(s, bhs_ref_itt(pdu->bhs))
		       : NULL;
}

static void end_discarded(struct session *s, struct task *t, uint32_t itt)
{
	task_free(t);
	respond(s, itt, SCSI_TMF_COMPLETE);
}

void conn_manage(struct conn *c, const struct pdu_in *pdu)
{
	uint8_t function = bhs_flags(pdu->bhs) & 0x7f;
	struct session *s = c->session;
	struct task *t = task_named(s, pdu);
	struct function *f;

	if (function == REASSIGN) {
		respond(s, bhs_itt(pdu->bhs), REASSIGN_UNSUPPORTED);
		return;
	}
	if (function < SCSI_ABORT_TASK || function > SCSI_QUERY_ASYNC_EVENT) {
		respond(s, bhs_itt(pdu->bhs), FUNCTION_REJECTED);
		return;
	}
	if (s->immediate >= IMMEDIATE_MAX) {
		conn_reject(c, pdu, REJECT_TOO_MANY_IMMEDIATE);
		return;
	}
	if (!t && swallows(s, pdu)) {
		respond(s, bhs_itt(pdu->bhs), SCSI_TMF_COMPLETE);
		return;
	}
	if (t && t->state == TASK_DISCARDING) {
		end_discarded(s, t, bhs_itt(pdu->bhs));
		return;
	}
	f = calloc(1, sizeof(*f));
	if (!f) {
		conn_drop(c, "out of memory");
		return;
	}
	f->session = s;
	f->itt = bhs_itt(pdu->bhs);
	f->scsi.nexus = s->nexus;
	f->scsi.function = function;
	memcpy(f->scsi.lun, bhs_lun(pdu->bhs), sizeof(f->scsi.lun));
	f->scsi.task = t ? &t->scsi : NULL;
	f->scsi.done = on_done;
	s->immediate++;
	list_append(&s->functions, &f->link);
	scsi_tmf_submit(&f->scsi);
}
