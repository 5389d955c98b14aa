/* SPDX-License-Identifier: MIT */
/* holders.h - who uses the disks of a session: whether they can go without harm */
#ifndef KERNEL_HOLDERS_H
#define KERNEL_HOLDERS_H

#include <stdint.h>

/*
 * Looks at the disks of session sid, their partitions, and what is stacked on them (device mapper,
 * LVM, md): mounts and swap of this process's mount namespace, then whoever has them open
 * exclusively. A multipath map counts only when it is in use itself.
 *
 * *ret is NULL when nobody uses them, else what the first one found does, the caller's to free:
 * "sdb1 is mounted on /data", "sdc is held by dm-3 (vg0-root)". It reads files and opens disks, so
 * it may wait for a target. -ENOENT when there is no such session;
 * -EIO when the mounts cannot be read; -errno.
 */
int holders_find(const char *root, uint32_t sid, char **ret);

#endif
