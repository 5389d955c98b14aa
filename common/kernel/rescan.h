/* SPDX-License-Identifier: MIT */
/* rescan.h - looking at the LUNs of a session again: new ones, and sizes of those that are there */
#ifndef KERNEL_RESCAN_H
#define KERNEL_RESCAN_H

#include <stdint.h>

#define RESCAN_ALL UINT64_MAX

/*
 * One LUN, numbered as the kernel does, or RESCAN_ALL, of session sid, whose SCSI host has number
 * host. A LUN that is there is asked for its size, one that is not is looked for. Returns when the
 * target has answered, which may take as long as it likes. -ENXIO when the target has no such LUN;
 * -ENOENT without such a session; -errno. Disks that are gone stay.
 */
int rescan(const char *root, uint32_t sid, int host, uint64_t lun);

#endif
