/* SPDX-License-Identifier: MIT */
/* lu.h - logical units as an administrator makes, changes and shows them */
#ifndef TARGET_LU_H
#define TARGET_LU_H

#include "scsi.h"

enum lu_type { LU_DISK = 0x00, LU_CONTROLLER = 0x0c }; /* peripheral device types */

enum { LU_MAX_LUN = 16383 }; /* what flat addressing can say */

struct lu_settings {
	uint64_t lun;		 /* 1 to LU_MAX_LUN; 0 is the controller's */
	const char *path;	 /* "ram:SIZE" (K, M, G, T), file or block device; NULL: no medium */
	const char *backing;	 /* tgt's --bstype: rdwr (also NULL), aio, null, ram */
	const char *flags;	 /* tgt's --bsoflags: direct, sync, sync:direct; NULL: none */
	uint32_t block_size;	 /* 512 or 4096; 0 is 512 */
};

/*
 * Adds a logical unit; initiators are told (unit attention 3F/0E). -EEXIST when the number is
 * taken, -EINVAL for a bad setting, else what opening the path gave.
 */
int lu_new(struct scsi_device *dev, const struct lu_settings *settings, struct lu **ret);
/*
 * Takes it away; its waiting tasks end, initiators are told. Tasks in a worker end by themselves.
 * -EPERM for the controller; -EBUSY while an initiator prevents medium removal.
 */
int lu_remove(struct lu *lu);
struct lu *lu_find(const struct scsi_device *dev, uint64_t lun); /* NULL: none */
struct lu *lu_next(const struct scsi_device *dev, const struct lu *lu); /* NULL: first; by number */

/*
 * Changes one of tgtadm's --params: scsi_id scsi_sn vendor_id product_id product_rev sense_format
 * removable online path readonly thin_provisioning lbppbe la_lba optimal_xfer_gran
 * optimal_xfer_len rotation_rate mode_page, and write-cache. -ENOENT: no such name, -EINVAL: bad
 * value, -EBUSY: path of a unit that is online or that is prevented from removal.
 */
int lu_set(struct lu *lu, const char *name, const char *value);

/* Looks at the size of file or device again; initiators are told of a change (2A/09). */
int lu_resize(struct lu *lu);

/* What `show` prints; the strings live as long as the unit or until it is changed. */
struct lu_info {
	uint64_t lun;
	enum lu_type type;
	const char *scsi_id, *scsi_sn;
	uint64_t size; /* bytes */
	uint32_t block_size;
	bool online, removable, prevented, readonly, swp, thin;
	const char *backing, *path, *flags; /* path NULL: none; flags "" */
};
void lu_info(const struct lu *lu, struct lu_info *ret);

struct lu_stats {
	uint64_t rd_bytes, rd_cmds, wr_bytes, wr_cmds, errors;
};
void lu_stats(const struct lu *lu, struct lu_stats *ret);

/*
 * For faults on purpose: the next `count` medium commands of the unit (-1: all until changed) end
 * with this status and, for CHECK CONDITION, this sense. status 0 ends the fault.
 */
struct lu_fault {
	int count;
	uint8_t status;
	uint8_t key;
	uint16_t asc; /* code and qualifier */
};
void lu_fault(struct lu *lu, const struct lu_fault *fault);

#endif
