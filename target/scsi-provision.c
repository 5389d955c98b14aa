/* SPDX-License-Identifier: MIT */
/* Blocks written or taken back by the range (SBC-3): WRITE SAME, UNMAP, GET LBA STATUS. */
#include "scsi-impl.h"

#include <errno.h>
#include <string.h>

enum {
	CHUNK = 1 << 16,
	WRITE_SAME_UNMAP = 0x08, /* in byte 1 */
	WRITE_SAME_NDOB = 0x01,	 /* no data: zeros are written; WRITE SAME(16) only */
};

static bool has_no_data(const struct scsi_task *t)
{
	return scsi_cdb_len(t->cdb[0]) == 16 && t->cdb[1] & WRITE_SAME_NDOB;
}

static bool is_zero(const uint8_t *p, size_t len)
{
	return !p[0] && !memcmp(p, p + 1, len - 1);
}

static uint64_t range_len(const struct scsi_task *t)
{
	return (uint64_t)t->blocks << t->lu->block_shift;
}

static int write_pattern(struct scsi_task *t, const uint8_t *block)
{
	struct disk *disk = t->lu->disk;
	uint64_t off = scsi_task_offset(t), left = range_len(t);
	uint8_t chunk[CHUNK];
	int r = 0;

	for (size_t i = 0; i < CHUNK; i += t->lu->block_size)
		if (block)
			memcpy(chunk + i, block, t->lu->block_size);
		else
			memset(chunk + i, 0, t->lu->block_size);
	while (left && !r) {
		size_t n = left < CHUNK ? (size_t)left : CHUNK;

		r = disk->ops->write(disk, chunk, n, off, 0);
		off += n, left -= n;
	}
	return r;
}

static void write_same_job(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	const uint8_t *block = has_no_data(t) ? NULL : t->out;
	bool zeros = !block || is_zero(block, t->lu->block_size);
	int r;

	if (t->cdb[1] & WRITE_SAME_UNMAP && zeros)
		r = disk->ops->discard(disk, scsi_task_offset(t), range_len(t));
	else
		r = write_pattern(t, block);
	task_disk_error(t, r, true);
}

void scsi_write_same(struct scsi_task *t)
{
	if (t->cdb[1] & WRITE_SAME_UNMAP && !t->lu->thin)
		task_bad_cdb(t, 1);
	else if (!t->blocks) /* VPD B0 says so: WSNZ */
		task_bad_cdb(t, scsi_cdb_len(t->cdb[0]) == 16 ? 10 : 7);
	else if (t->edtl != t->takes || t->out_len < t->takes)
		task_sense(t, ILLEGAL_REQUEST, ASC_CDB_FIELD);
	else
		task_defer(t, write_same_job, range_len(t));
}

/* ---- UNMAP ---- */

enum { LIST_HEAD = 8, DESCRIPTOR = 16 };

/* The descriptors, as far as they came whole. */
static unsigned int descriptors(const struct scsi_task *t)
{
	size_t said = be16_get(t->out + 2), there = t->out_len - LIST_HEAD;

	return (unsigned int)((said < there ? said : there) / DESCRIPTOR);
}

static const uint8_t *descriptor(const struct scsi_task *t, unsigned int i)
{
	return t->out + LIST_HEAD + (size_t)i * DESCRIPTOR;
}

static uint64_t descriptor_lba(const uint8_t *d)
{
	return (uint64_t)be32_get(d) << 32 | be32_get(d + 4);
}

static void unmap_job(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	unsigned int shift = t->lu->block_shift;
	int r = 0;

	for (unsigned int i = 0; i < descriptors(t) && !r; i++) {
		const uint8_t *d = descriptor(t, i);
		uint64_t blocks = be32_get(d + 8);

		if (blocks)
			r = disk->ops->discard(disk, descriptor_lba(d) << shift, blocks << shift);
	}
	task_disk_error(t, r, true);
}

void scsi_unmap(struct scsi_task *t)
{
	uint64_t all = t->lu->blocks, sum = 0;

	if (!t->out_len)
		return;
	if (t->out_len < LIST_HEAD) {
		task_sense(t, ILLEGAL_REQUEST, ASC_LIST_LENGTH);
		return;
	}
	if (descriptors(t) > SCSI_UNMAP_DESCRIPTORS) {
		task_bad_list(t, 2);
		return;
	}
	for (unsigned int i = 0; i < descriptors(t); i++) {
		const uint8_t *d = descriptor(t, i);
		uint64_t lba = descriptor_lba(d), blocks = be32_get(d + 8);

		if (lba > all || blocks > all - lba) {
			task_sense(t, ILLEGAL_REQUEST, ASC_LBA_RANGE);
			return;
		}
		sum += blocks;
	}
	if (sum)
		task_defer(t, unmap_job, sum << t->lu->block_shift);
}

/* ---- GET LBA STATUS ---- */

enum { STATUS_HEAD = 8, STATUS_DESCRIPTORS = 64, DEALLOCATED = 1 };

static void put_status(uint8_t *d, uint64_t lba, uint64_t blocks, bool mapped)
{
	be32_put(d, (uint32_t)(lba >> 32));
	be32_put(d + 4, (uint32_t)lba);
	be32_put(d + 8, blocks > UINT32_MAX ? UINT32_MAX : (uint32_t)blocks);
	d[12] = mapped ? 0 : DEALLOCATED;
}

/* A block counts as deallocated when the whole of it is. */
static uint64_t extent_blocks(const struct lu *lu, uint64_t lba, bool *ret_mapped)
{
	uint64_t off = lba << lu->block_shift, end = 0;
	uint64_t mask = lu->block_size - 1;

	*ret_mapped = true;
	if (!lu->thin || lu->disk->ops->extent(lu->disk, off, &end, ret_mapped))
		return lu->blocks - lba;
	if (*ret_mapped)
		end += mask;
	else if (end >> lu->block_shift == lba) {
		*ret_mapped = true;
		end += lu->block_size;
	}
	end >>= lu->block_shift;
	return (end > lu->blocks ? lu->blocks : end) - lba;
}

static void status_job(struct scsi_task *t)
{
	const struct lu *lu = t->lu;
	uint8_t *data = t->buffer->data;
	size_t len = STATUS_HEAD;
	uint64_t lba = t->lba;

	for (int i = 0; i < STATUS_DESCRIPTORS && lba < lu->blocks; i++) {
		bool mapped;
		uint64_t blocks = extent_blocks(lu, lba, &mapped);

		put_status(data + len, lba, blocks, mapped);
		len += DESCRIPTOR;
		if (blocks > UINT32_MAX)
			break;
		lba += blocks;
	}
	be32_put(data, (uint32_t)(len - 4));
	task_reply_len(t, len, be32_get(t->cdb + 10));
}

void scsi_get_lba_status(struct scsi_task *t)
{
	if (task_reply(t, STATUS_HEAD + STATUS_DESCRIPTORS * DESCRIPTOR))
		task_defer(t, status_job, 0);
}
