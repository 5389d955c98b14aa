/* SPDX-License-Identifier: MIT */
/* scan.h - SCSI scans of a session's host: they block on the target, so each has a thread */
#ifndef ISCSID_SCAN_H
#define ISCSID_SCAN_H

#include "thread.h"

struct scan {
	struct thread thread;
	const char *root;
	int host, err;
	void (*done)(struct scan *s, int err);
};

/*
 * Scans every channel, target and LUN of SCSI host number host; done runs on the loop when the
 * kernel has looked at all of them. root is kept. s is in use until done.
 */
int scan_start(uv_loop_t *loop, struct scan *s, const char *root, int host,
	void (*done)(struct scan *s, int err));

#endif
