/* SPDX-License-Identifier: MIT */
#include "rescan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>

#include "sysfs.h"
#include "view.h"

/* Reads the sizes of those that are meant; *ret_found: how many there are. */
static int rescan_present(const char *root, uint32_t sid, int host, uint64_t lun, bool read_size,
	unsigned int *ret_found)
{
	struct view_luns luns;
	char path[96];
	int r = view_luns_read(root, sid, &luns);

	if (r)
		return r;
	*ret_found = 0;
	for (size_t i = 0; i < luns.n; i++) {
		const struct view_lun *l = &luns.items[i];

		if (lun != RESCAN_ALL && l->lun != lun)
			continue;
		++*ret_found;
		if (!read_size)
			continue;
		snprintf(path, sizeof(path), "sys/bus/scsi/devices/%d:%u:%u:%" PRIu64 "/rescan", host,
			l->channel, l->id, l->lun);
		/* One that has just gone, or is no disk, is not in the way of the others. */
		sysfs_write(root, path, "1");
	}
	view_luns_clear(&luns);
	return 0;
}

int rescan(const char *root, uint32_t sid, int host, uint64_t lun)
{
	char path[64], which[40] = "- - -";
	unsigned int found;
	int r = rescan_present(root, sid, host, lun, true, &found);

	if (r || (found && lun != RESCAN_ALL))
		return r;
	if (lun != RESCAN_ALL)
		snprintf(which, sizeof(which), "- - %" PRIu64, lun);
	snprintf(path, sizeof(path), "sys/class/scsi_host/host%d/scan", host);
	r = sysfs_write(root, path, which);
	if (r || lun == RESCAN_ALL)
		return r;
	r = rescan_present(root, sid, host, lun, false, &found);
	return r ? r : found ? 0 : -ENXIO;
}
