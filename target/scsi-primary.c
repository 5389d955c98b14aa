/* SPDX-License-Identifier: MIT */
/* Commands of every device type (SPC-4) that need no more than a screen. */
#include "scsi-impl.h"

#include <string.h>

void scsi_test_unit_ready(struct scsi_task *t)
{
	struct lu *lu = t->lu;

	if (lu->type == LU_CONTROLLER)
		return;
	if (!lu->disk || !lu->online)
		task_sense(t, NOT_READY, ASC_NO_MEDIUM);
}

void scsi_request_sense(struct scsi_task *t)
{
	bool descriptors = t->cdb[1] & 1;
	uint8_t *sense = task_reply(t, SCSI_SENSE_MAX), len;

	if (!sense)
		return;
	if (!t->lu)
		len = sense_format(sense, descriptors, ILLEGAL_REQUEST, ASC_NO_LUN);
	else
		len = sense_format(sense, descriptors, NO_SENSE, ASC_NONE);
	task_reply_len(t, len, t->cdb[4]);
}

/* SELECT REPORT: 0 and 2 all logical units, 1 well known ones, of which there are none. */
void scsi_report_luns(struct scsi_task *t)
{
	const struct scsi_device *dev = t->nexus->dev;
	unsigned int count = t->cdb[2] == 1 ? 0 : dev->lu_count;
	uint32_t allowed = be32_get(t->cdb + 6);
	uint8_t *list;

	if (t->cdb[2] > 2) {
		task_bad_cdb(t, 2);
		return;
	}
	if (allowed < 16) {
		task_bad_cdb(t, 6);
		return;
	}
	list = task_reply(t, 8 + 8 * count);
	if (!list)
		return;
	be32_put(list, 8 * count);
	for (unsigned int i = 0; i < count; i++)
		scsi_lun_put(list + 8 + 8 * i, dev->lus[i]->lun);
	if (t->lu)
		nexus_at(t->nexus, t->lu)->attention &= ~(1u << UA_LUNS_CHANGED);
	task_reply_len(t, 8 + 8 * count, allowed);
}

/* The default self-test, which is always passed; others are refused by their bits. */
void scsi_send_diagnostic(struct scsi_task *t)
{
	(void)t;
}
