/* SPDX-License-Identifier: MIT */
/* Status, sense data (SPC-4 4.5) and Data-In of a command. */
#include "scsi-impl.h"

#include <errno.h>
#include <string.h>

uint8_t sense_format(uint8_t *sense, bool descriptors, enum sense_key key, enum asc asc)
{
	memset(sense, 0, SCSI_SENSE_MAX);
	if (descriptors) {
		sense[0] = 0x72;
		sense[1] = (uint8_t)key;
		be16_put(sense + 2, (uint16_t)asc);
		return 8;
	}
	sense[0] = 0x70;
	sense[2] = (uint8_t)key;
	sense[7] = 10;
	be16_put(sense + 12, (uint16_t)asc);
	return 18;
}

static bool wants_descriptors(const struct scsi_task *t)
{
	return t->lu && t->lu->d_sense;
}

void task_sense(struct scsi_task *t, enum sense_key key, enum asc asc)
{
	t->status = SCSI_CHECK_CONDITION;
	t->sense_len = sense_format(t->sense, wants_descriptors(t), key, asc);
}

/* Adds a descriptor's head and returns its place. */
static uint8_t *descriptor(struct scsi_task *t, uint8_t type, uint8_t len)
{
	uint8_t *d = t->sense + t->sense_len;

	d[0] = type;
	d[1] = len - 2;
	t->sense[7] += len;
	t->sense_len += len;
	return d;
}

void task_sense_info(struct scsi_task *t, enum sense_key key, enum asc asc, uint64_t info)
{
	task_sense(t, key, asc);
	if (wants_descriptors(t)) {
		uint8_t *d = descriptor(t, 0, 12);

		d[2] = 0x80;
		be32_put(d + 4, (uint32_t)(info >> 32));
		be32_put(d + 8, (uint32_t)info);
	} else if (info <= UINT32_MAX) {
		t->sense[0] |= 0x80;
		be32_put(t->sense + 3, (uint32_t)info);
	}
}

/* Sense key specific: where the error is. */
static void bad_field(struct scsi_task *t, enum asc asc, unsigned int byte, uint8_t in_cdb)
{
	uint8_t *s;

	task_sense(t, ILLEGAL_REQUEST, asc);
	s = wants_descriptors(t) ? descriptor(t, 2, 8) + 4 : t->sense + 15;
	s[0] = 0x80 | in_cdb;
	be16_put(s + 1, (uint16_t)byte);
}

void task_bad_cdb(struct scsi_task *t, unsigned int byte)
{
	bad_field(t, ASC_CDB_FIELD, byte, 0x40);
}

void task_bad_list(struct scsi_task *t, unsigned int byte)
{
	bad_field(t, ASC_LIST_FIELD, byte, 0);
}

void task_disk_error(struct scsi_task *t, int r, bool writing)
{
	switch (-r) {
	case 0:
		break;
	case ENOSPC:
	case EDQUOT:
		task_sense(t, DATA_PROTECT, ASC_NO_SPACE);
		break;
	case EROFS:
	case EPERM:
	case EBADF:
		task_sense(t, DATA_PROTECT, ASC_WRITE_PROTECTED);
		break;
	case ENOMEM:
	case EAGAIN:
		t->status = SCSI_BUSY;
		break;
	default:
		task_sense(t, MEDIUM_ERROR, writing ? ASC_WRITE_ERROR : ASC_READ_ERROR);
	}
}

uint8_t *task_reply(struct scsi_task *t, size_t len)
{
	t->buffer = pool_get(len);
	if (!t->buffer) {
		t->status = SCSI_BUSY;
		return NULL;
	}
	memset(t->buffer->data, 0, len);
	return t->buffer->data;
}

void task_reply_len(struct scsi_task *t, size_t len, size_t allowed)
{
	t->in = t->buffer->data;
	t->wanted = (uint32_t)(len < allowed ? len : allowed);
}
