/* SPDX-License-Identifier: MIT */
/* disk.h - what holds a logical unit's blocks: memory, a file, a block device */
#ifndef TARGET_DISK_H
#define TARGET_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk {
	const struct disk_ops *ops;
	uint64_t size; /* bytes */
	bool readonly;
	bool memory;		  /* no operation waits for a device */
	bool can_discard;	  /* discard gives space back */
	uint32_t physical_block; /* bytes, a power of two: the unit that is written best */
};

enum disk_flags {
	DISK_NOWAIT = 1, /* -EAGAIN rather than wait */
	DISK_FUA = 2,	 /* on stable storage when it returns */
};

/*
 * All offsets and lengths are bytes within the size. 0 or -errno; -EAGAIN only with DISK_NOWAIT.
 * All but resize and close may run in any thread, several at a time.
 */
struct disk_ops {
	/* The bytes where they lie, or NULL when they cannot be seen so. */
	const uint8_t *(*map)(struct disk *disk, uint64_t off, size_t len);
	int (*read)(struct disk *disk, void *data, size_t len, uint64_t off, int flags);
	int (*write)(struct disk *disk, const void *data, size_t len, uint64_t off, int flags);
	int (*flush)(struct disk *disk);
	int (*discard)(struct disk *disk, uint64_t off, uint64_t len); /* reads as zeros after */
	int (*prefetch)(struct disk *disk, uint64_t off, uint64_t len);
	/* How far from off on the blocks are alike: *ret_end > off, *ret_mapped. */
	int (*extent)(struct disk *disk, uint64_t off, uint64_t *ret_end, bool *ret_mapped);
	int (*resize)(struct disk *disk); /* looks at the size again */
	void (*close)(struct disk *disk);
};

struct disk_options {
	bool direct, sync;
	bool readonly;
};

/* "ram:SIZE" or a path. A file that cannot be written is opened read-only. 0 or -errno. */
int disk_open(const char *path, const struct disk_options *options, struct disk **ret);
void disk_close(struct disk *disk); /* NULL is fine */

int disk_ram_open(uint64_t size, struct disk **ret);
int disk_file_open(const char *path, const struct disk_options *options, struct disk **ret);

#endif
