/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <errno.h>
#include <stdio.h>

#include "sysfs.h"

static void run(uv_work_t *work)
{
	struct scan *s = work->data;
	char path[64];

	snprintf(path, sizeof(path), "sys/class/scsi_host/host%d/scan", s->host);
	s->err = sysfs_write(s->root, path, "- - -");
}

static void after(uv_work_t *work, int status)
{
	struct scan *s = work->data;

	s->done(s, status ? status : s->err);
}

int scan_start(uv_loop_t *loop, struct scan *s, const char *root, int host,
	void (*done)(struct scan *s, int err))
{
	s->work.data = s;
	s->root = root;
	s->host = host;
	s->done = done;
	return uv_queue_work(loop, &s->work, run, after);
}
