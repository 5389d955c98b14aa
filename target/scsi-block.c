/* SPDX-License-Identifier: MIT */
/* Reading and writing blocks (SBC-3): the commands whose speed counts. */
#include "scsi-impl.h"

#include <errno.h>
#include <string.h>

static uint64_t offset(const struct scsi_task *t)
{
	return t->lba << t->lu->block_shift;
}

/* Bytes that the command names, or false after a refusal: a transfer is bounded. */
static bool bounded(struct scsi_task *t, uint32_t *ret)
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

	task_disk_error(t, disk->ops->read(disk, t->buffer->data, len, offset(t), 0), false);
}

void scsi_read(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	uint32_t bytes, len;
	int r;

	if (!bounded(t, &bytes))
		return;
	t->lu->stats.rd_cmds++;
	t->lu->stats.rd_bytes += bytes;
	t->wanted = bytes;
	len = t->data_out ? 0 : bytes < t->edtl ? bytes : t->edtl;
	if (!len) {
		t->in = t->cdb; /* nothing of it is sent, but what was wanted counts */
		return;
	}
	t->in = t->private_data ? NULL : disk->ops->map(disk, offset(t), len);
	if (t->in)
		return;
	t->buffer = pool_get(len);
	if (!t->buffer) {
		t->status = SCSI_BUSY;
		return;
	}
	t->in = t->buffer->data;
	r = disk->ops->read(disk, t->buffer->data, len, offset(t), DISK_NOWAIT);
	if (r == -EAGAIN)
		task_defer(t, read_job, len);
	else
		task_disk_error(t, r, false);
}

static int write_flags(const struct scsi_task *t)
{
	bool fua = scsi_cdb_len(t->cdb[0]) > 6 && t->cdb[1] & 0x08;

	return fua || t->lu->no_write_cache ? DISK_FUA : 0;
}

/* Whole blocks only. */
static uint32_t write_len(const struct scsi_task *t)
{
	return t->out_len & ~(t->lu->block_size - 1);
}

static void write_job(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	int r = disk->ops->write(disk, t->out, write_len(t), offset(t), write_flags(t));

	task_disk_error(t, r, true);
}

void scsi_write(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	uint32_t bytes;
	int r;

	if (!bounded(t, &bytes))
		return;
	t->lu->stats.wr_cmds++;
	t->lu->stats.wr_bytes += bytes;
	if (!write_len(t))
		return;
	r = disk->ops->write(disk, t->out, write_len(t), offset(t), write_flags(t) | DISK_NOWAIT);
	if (r == -EAGAIN)
		task_defer(t, write_job, bytes);
	else
		task_disk_error(t, r, true);
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
