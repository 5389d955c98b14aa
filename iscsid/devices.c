/* SPDX-License-Identifier: MIT */
#include "devices.h"

#include <inttypes.h>
#include <stdio.h>

#include "cleanup.h"
#include "list.h"
#include "str.h"
#include "sysfs.h"
#include "view.h"

static void revive(const struct devices *d, const struct view_lun *l)
{
	char base[96], path[128];

	snprintf(base, sizeof(base), "sys/bus/scsi/devices/%d:%u:%u:%" PRIu64, d->host, l->channel,
		l->id, l->lun);
	if (str_eq(l->state, "offline")) {
		snprintf(path, sizeof(path), "%s/state", base);
		sysfs_write(d->root, path, "running");
	}
	snprintf(path, sizeof(path), "%s/rescan", base);
	sysfs_write(d->root, path, "1");
}

static void run(struct thread *t)
{
	const struct devices *d = container_of(t, struct devices, thread);
	struct view_luns CLEANUP(view_luns_clear) luns = {0};

	/* A device that goes away meanwhile needs nothing more. */
	if (!view_luns_read(d->root, d->sid, &luns))
		for (size_t i = 0; i < luns.n; i++)
			revive(d, &luns.items[i]);
}

static void after(struct thread *t)
{
	struct devices *d = container_of(t, struct devices, thread);

	d->done(d);
}

int devices_revive(uv_loop_t *loop, struct devices *d, const char *root, uint32_t sid,
	int host, void (*done)(struct devices *d))
{
	d->root = root;
	d->sid = sid;
	d->host = host;
	d->done = done;
	return thread_start(loop, &d->thread, run, after);
}
