/* SPDX-License-Identifier: MIT */
/* What the logical unit can do (SPC-4): supported commands and task management functions. */
#include "scsi-impl.h"

#include <string.h>

enum {
	ALL_COMMANDS = 0,
	ONE_OPCODE = 1,
	ONE_ACTION = 2,
	ONE_OF_EITHER = 3,

	TIMEOUTS_LEN = 12,
	COMMAND_LEN = 8,
};

/* No time limits are promised: a descriptor of zeros. */
static size_t put_timeouts(uint8_t *d)
{
	d[1] = TIMEOUTS_LEN - 2;
	return TIMEOUTS_LEN;
}

static size_t put_command(uint8_t *d, const struct scsi_command *c, bool timeouts)
{
	d[0] = c->opcode;
	if (scsi_command_has_action(c)) {
		be16_put(d + 2, (uint16_t)c->action);
		d[5] |= 0x01; /* SERVACTV */
	}
	be16_put(d + 6, (uint16_t)scsi_cdb_len(c->opcode));
	if (!timeouts)
		return COMMAND_LEN;
	d[5] |= 0x02; /* CTDP */
	return COMMAND_LEN + put_timeouts(d + COMMAND_LEN);
}

static void report_all(struct scsi_task *t, bool timeouts, uint32_t allowed)
{
	uint8_t *d = task_reply(t, 4 + scsi_command_count * (COMMAND_LEN + TIMEOUTS_LEN));
	size_t len = 4;

	if (!d)
		return;
	for (unsigned int i = 0; i < scsi_command_count; i++)
		if (scsi_command_there(&scsi_commands[i], t->lu))
			len += put_command(d + len, &scsi_commands[i], timeouts);
	be32_put(d, (uint32_t)(len - 4));
	task_reply_len(t, len, allowed);
}

static void report_one(
	struct scsi_task *t, const struct scsi_command *c, bool timeouts, uint32_t allowed)
{
	uint8_t *d = task_reply(t, 4 + SCSI_CDB_MAX + TIMEOUTS_LEN);
	size_t len = 4;

	if (!d)
		return;
	d[1] = 0x01; /* not supported */
	if (c) {
		d[1] = 0x03; /* as the standard says */
		be16_put(d + 2, (uint16_t)scsi_cdb_len(c->opcode));
		memcpy(d + 4, c->usage, scsi_cdb_len(c->opcode));
		len += scsi_cdb_len(c->opcode);
		if (timeouts) {
			d[1] |= 0x80; /* CTDP */
			len += put_timeouts(d + len);
		}
	}
	task_reply_len(t, len, allowed);
}

void scsi_report_opcodes(struct scsi_task *t)
{
	const uint8_t asked[SCSI_CDB_MAX] = {t->cdb[3], t->cdb[5] & 0x1f};
	unsigned int options = t->cdb[2] & 7;
	uint32_t allowed = be32_get(t->cdb + 6);
	bool timeouts = t->cdb[2] & 0x80, known, has_actions;
	const struct scsi_command *c;

	if (options == ALL_COMMANDS) {
		report_all(t, timeouts, allowed);
		return;
	}
	c = scsi_command_find(asked, &known);
	has_actions = known && (!c || scsi_command_has_action(c));
	if (options > ONE_OF_EITHER || (options == ONE_OPCODE && has_actions) ||
		(options == ONE_ACTION && known && !has_actions)) {
		task_bad_cdb(t, 2);
		return;
	}
	if (c && (!scsi_command_there(c, t->lu) || (!has_actions && be16_get(t->cdb + 4))))
		c = NULL;
	report_one(t, c, timeouts, allowed);
}

void scsi_report_tmf(struct scsi_task *t)
{
	uint8_t *d;

	if (be32_get(t->cdb + 6) < 4) {
		task_bad_cdb(t, 6);
		return;
	}
	d = task_reply(t, 4);
	if (!d)
		return;
	/* abort task, abort task set, clear task set, LUN reset, query task, target reset */
	d[0] = 0x80 | 0x40 | 0x10 | 0x08 | 0x04 | 0x02;
	/* query asynchronous event, query task set, I_T nexus reset */
	d[1] = 0x04 | 0x02 | 0x01;
	task_reply_len(t, 4, be32_get(t->cdb + 6));
}
