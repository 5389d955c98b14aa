/* SPDX-License-Identifier: MIT */
/* hosts.h - the SCSI hosts of iSCSI, read from sysfs below a root directory */
#ifndef KERNEL_HOSTS_H
#define KERNEL_HOSTS_H

#include <stddef.h>
#include <stdint.h>

/* Strings are NULL where the kernel gives no value. */
struct view_host {
	uint32_t number;
	char *transport; /* "tcp" */
	char *state;	 /* "running" */
	char *address, *hwaddress, *netdev, *initiator;
};

struct view_hosts {
	struct view_host *items; /* by number */
	size_t n;
};

/* No class of hosts gives an empty list. 0 or -errno. */
int view_hosts_read(const char *root, struct view_hosts *ret);
void view_hosts_clear(struct view_hosts *h);

#endif
