/* SPDX-License-Identifier: MIT */
/* devices.h - a session's SCSI devices after its connection came back; in a thread, as scans are */
#ifndef ISCSID_DEVICES_H
#define ISCSID_DEVICES_H

#include <stdbool.h>
#include <stdint.h>

#include "thread.h"

struct devices {
	struct thread thread;
	const char *root;
	uint32_t sid;
	int host;
	void (*done)(struct devices *d);
};

/*
 * Devices that the kernel's error handling has set offline run again, and every size is read anew:
 * it may have been read as 0 while the connection was away, or have grown. done runs on the loop.
 * root is kept; d is in use until done. -errno.
 */
int devices_revive(uv_loop_t *loop, struct devices *d, const char *root, uint32_t sid,
	int host, void (*done)(struct devices *d));

#endif
