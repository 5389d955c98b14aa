/* SPDX-License-Identifier: MIT */
#include "scan.h"

#include <stdio.h>

#include "list.h"
#include "sysfs.h"

static void run(struct thread *t)
{
	struct scan *s = container_of(t, struct scan, thread);
	char path[64];

	snprintf(path, sizeof(path), "sys/class/scsi_host/host%d/scan", s->host);
	s->err = sysfs_write(s->root, path, "- - -");
}

static void after(struct thread *t)
{
	struct scan *s = container_of(t, struct scan, thread);

	s->done(s, t->err ? t->err : s->err);
}

int scan_start(uv_loop_t *loop, struct scan *s, const char *root, int host,
	void (*done)(struct scan *s, int err))
{
	s->root = root;
	s->host = host;
	s->done = done;
	return thread_start(loop, &s->thread, run, after);
}
