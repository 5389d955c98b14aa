/* SPDX-License-Identifier: MIT */
/*
 * Commands that compare what is on the medium with what came (SBC-3): VERIFY, WRITE AND VERIFY,
 * COMPARE AND WRITE, ORWRITE; and those that only touch it: PRE-FETCH, SYNCHRONIZE CACHE.
 */
#include "scsi-impl.h"

#include <errno.h>
#include <string.h>

enum { CHUNK = 1 << 16 }; /* a multiple of every block size */

enum bytchk { CHECK_MEDIUM = 0, COMPARE_ALL = 1, COMPARE_ONE_BLOCK = 3 };

static enum bytchk bytchk(const struct scsi_task *t)
{
	return t->cdb[1] >> 1 & 3;
}

static uint64_t first_difference(const uint8_t *a, const uint8_t *b, size_t len)
{
	size_t i = 0;

	while (i < len && a[i] == b[i])
		i++;
	return i;
}

/*
 * Reads len bytes of the medium and compares them with data: all of it, data repeated every
 * `period` bytes, or (NULL) nothing. False after an error or a difference, which is told.
 */
static bool same(struct scsi_task *t, const uint8_t *data, uint64_t len, size_t period)
{
	struct disk *disk = t->lu->disk;
	uint64_t off = scsi_task_offset(t), done = 0;
	uint8_t chunk[CHUNK];

	while (done < len) {
		size_t n = len - done < CHUNK ? (size_t)(len - done) : CHUNK;
		int r = disk->ops->read(disk, chunk, n, off + done, 0);

		if (r) {
			task_disk_error(t, r, false);
			return false;
		}
		for (size_t at = 0; data && at < n;) {
			size_t in = (size_t)((done + at) % period);
			size_t part = period - in < n - at ? period - in : n - at;
			uint64_t differs = first_difference(chunk + at, data + in, part);

			if (differs < part) {
				task_sense_info(t, MISCOMPARE, ASC_MISCOMPARE, done + at + differs);
				return false;
			}
			at += part;
		}
		done += n;
	}
	return true;
}

static void verify_job(struct scsi_task *t)
{
	uint64_t bytes = (uint64_t)t->blocks << t->lu->block_shift;

	switch (bytchk(t)) {
	case COMPARE_ALL:
		same(t, t->out, scsi_task_write_len(t), bytes);
		break;
	case COMPARE_ONE_BLOCK:
		same(t, t->out, bytes, t->lu->block_size);
		break;
	default:
		same(t, NULL, bytes, 1);
	}
}

void scsi_verify(struct scsi_task *t)
{
	uint32_t bytes;

	if (bytchk(t) == 2) {
		task_bad_cdb(t, 1);
		return;
	}
	if (bytchk(t) == COMPARE_ALL && !scsi_task_bounded(t, &bytes))
		return;
	if (bytchk(t) == COMPARE_ONE_BLOCK && t->out_len < t->lu->block_size)
		return;
	if (t->blocks)
		task_defer(t, verify_job, (uint64_t)t->blocks << t->lu->block_shift);
}

static void write_verify_job(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	uint32_t len = scsi_task_write_len(t);
	int r = disk->ops->write(disk, t->out, len, scsi_task_offset(t), DISK_FUA);

	task_disk_error(t, r, true);
	if (!r)
		same(t, t->out, len, len);
}

void scsi_write_verify(struct scsi_task *t)
{
	uint32_t bytes;

	if (bytchk(t) >= 2)
		task_bad_cdb(t, 1);
	else if (scsi_task_bounded(t, &bytes) && scsi_task_write_len(t))
		task_defer(t, write_verify_job, bytes);
}

static void compare_write_job(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	uint32_t half = t->takes / 2;
	int r;

	if (!same(t, t->out, half, half))
		return;
	r = disk->ops->write(disk, t->out + half, half, scsi_task_offset(t), scsi_task_fua(t));
	task_disk_error(t, r, true);
}

/* Runs alone, and so is atomic. */
void scsi_compare_write(struct scsi_task *t)
{
	if (t->blocks > SCSI_COMPARE_WRITE_MAX)
		task_bad_cdb(t, 13);
	else if (t->edtl != t->takes || t->out_len < t->takes)
		task_bad_cdb(t, 13);
	else if (t->blocks)
		task_defer(t, compare_write_job, t->takes);
}

static void orwrite_job(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	uint64_t off = scsi_task_offset(t);
	uint32_t len = scsi_task_write_len(t);
	uint8_t chunk[CHUNK];
	int r = 0;

	for (uint32_t at = 0; at < len && !r; at += CHUNK) {
		size_t n = len - at < CHUNK ? len - at : CHUNK;

		r = disk->ops->read(disk, chunk, n, off + at, 0);
		for (size_t i = 0; i < n; i++)
			chunk[i] |= t->out[at + i];
		if (!r)
			r = disk->ops->write(disk, chunk, n, off + at, scsi_task_fua(t));
	}
	task_disk_error(t, r, true);
}

void scsi_orwrite(struct scsi_task *t)
{
	uint32_t bytes;

	if (scsi_task_bounded(t, &bytes) && scsi_task_write_len(t))
		task_defer(t, orwrite_job, bytes);
}

static void prefetch_job(struct scsi_task *t)
{
	struct disk *disk = t->lu->disk;
	uint64_t off = scsi_task_offset(t);
	uint64_t len = t->blocks ? (uint64_t)t->blocks << t->lu->block_shift : disk->size - off;

	/* Only a hint: a disk that cannot has done what it could. */
	disk->ops->prefetch(disk, off, len);
}

void scsi_prefetch(struct scsi_task *t)
{
	task_defer(t, prefetch_job, 0);
}

static void flush_job(struct scsi_task *t)
{
	task_disk_error(t, t->lu->disk->ops->flush(t->lu->disk), true);
}

/* The whole cache, whatever blocks it names; with IMMED too the answer comes when that is done. */
void scsi_synchronize_cache(struct scsi_task *t)
{
	task_defer(t, flush_job, 0);
}
