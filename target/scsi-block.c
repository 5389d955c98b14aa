/* SPDX-License-Identifier: MIT */
/* Reading and writing blocks (SBC-3): the commands whose speed counts. */
#include "scsi-impl.h"

#include <errno.h>
#include <string.h>

uint64_t scsi_task_offset(const struct scsi_task *t)
{
	return t->lba << t->lu->block_shift;
}

bool scsi_task_bounded(struct scsi_task *t, uint32_t *ret)
{
	uint64_t bytes = (uint64_t)t->blocks << t->lu->block_shift;

	if (bytes > SCSI_TRANSFER_MAX) {
		task_sense(t, ILLEGAL_REQUEST, ASC_CDB_FIELD);
		return false;
	}
	*ret = (uint32_t)bytes;
	return true;
}

static void read_job(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	size_t len = t->wanted < t->edtl ? t->wanted : t->edtl;

	task_disk_error(t, disk->ops->read(disk, t->buffer->data, len, scsi_task_offset(t), 0), false);
}

void scsi_read(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	uint32_t bytes, len;
	int r;

	if (!scsi_task_bounded(t, &bytes))
		return;
	t->lu->stats.rd_cmds++;
	t->lu->stats.rd_bytes += bytes;
	t->wanted = bytes;
	len = t->data_out ? 0 : bytes < t->edtl ? bytes : t->edtl;
	if (!len) {
		t->in = t->cdb; /* nothing of it is sent, but what was wanted counts */
		return;
	}
	t->in = t->private_data ? NULL : disk->ops->map(disk, scsi_task_offset(t), len);
	if (t->in)
		return;
	t->buffer = pool_get(len);
	if (!t->buffer) {
		t->status = SCSI_BUSY;
		return;
	}
	t->in = t->buffer->data;
	r = disk->ops->read(disk, t->buffer->data, len, scsi_task_offset(t), DISK_NOWAIT);
	if (r == -EAGAIN)
		task_defer(t, read_job, len);
	else
		task_disk_error(t, r, false);
}

int scsi_task_fua(const struct scsi_task *t)
{
	bool fua = scsi_cdb_len(t->cdb[0]) > 6 && t->cdb[1] & 0x08;

	return fua || t->lu->no_write_cache ? DISK_FUA : 0;
}

uint32_t scsi_task_write_len(const struct scsi_task *t)
{
	return t->out_len & ~(t->lu->block_size - 1);
}

static void write_job(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	int r = disk->ops->write(disk, t->out, scsi_task_write_len(t), scsi_task_offset(t), scsi_task_fua(t));

	task_disk_error(t, r, true);
}

void scsi_write(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	uint32_t bytes;
	int r;

	if (!scsi_task_bounded(t, &bytes))
		return;
	t->lu->stats.wr_cmds++;
	t->lu->stats.wr_bytes += bytes;
	if (!scsi_task_write_len(t))
		return;
	r = disk->ops->write(disk, t->out, scsi_task_write_len(t), scsi_task_offset(t), scsi_task_fua(t) | DISK_NOWAIT);
	if (r == -EAGAIN)
		task_defer(t, write_job, bytes);
	else
		task_disk_error(t, r, true);
}

/*
 * It runs alone, so that nobody sees half of it; what a boundary would allow to be cut is written
 * in one piece too.
 */
void scsi_write_atomic(struct scsi_task *t)
{
	uint32_t boundary = be16_get(t->cdb + 10);

	if (t->blocks > SCSI_ATOMIC_MAX || (boundary && boundary > SCSI_ATOMIC_MAX))
		task_bad_cdb(t, boundary ? 10 : 12);
	else
		scsi_write(t);
}

void scsi_read_capacity_10(struct scsi_task *t)
{
	uint64_t last = t->lu->blocks - 1;
	uint8_t *data;

	if (!(t->cdb[8] & 1) && be32_get(t->cdb + 2)) {
		task_bad_cdb(t, 2);
		return;
	}
	data = task_reply(t, 8);
	if (!data)
		return;
	be32_put(data, last > UINT32_MAX ? UINT32_MAX : (uint32_t)last);
	be32_put(data + 4, t->lu->block_size);
	task_reply_len(t, 8, 8);
}

void scsi_read_capacity_16(struct scsi_task *t)
{
	const struct lu *lu = t->lu;
	uint64_t last = lu->blocks - 1;
	uint8_t *data = task_reply(t, 32);

	if (!data)
		return;
	be32_put(data, (uint32_t)(last >> 32));
	be32_put(data + 4, (uint32_t)last);
	be32_put(data + 8, lu->block_size);
	data[13] = (uint8_t)lu->lbppbe;
	be16_put(data + 14, (uint16_t)((lu->thin ? 0xc000 : 0) | lu->lowest_aligned));
	task_reply_len(t, 32, be32_get(t->cdb + 10));
}

/* Both lists of defects are there, and empty. asked: the lists and their format, as in the CDB. */
static void no_defects(struct scsi_task *t, uint8_t asked, size_t head, size_t allowed)
{
	uint8_t *data = task_reply(t, head);

	if (!data)
		return;
	data[1] = asked;
	task_reply_len(t, head, allowed);
}

void scsi_read_defects_10(struct scsi_task *t)
{
	no_defects(t, t->cdb[2], 4, be16_get(t->cdb + 7));
}

void scsi_read_defects_12(struct scsi_task *t)
{
	no_defects(t, t->cdb[1], 8, be32_get(t->cdb + 6));
}
