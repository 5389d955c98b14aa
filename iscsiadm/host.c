/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "hosts.h"
#include "log.h"
#include "str.h"
#include "sysfs.h"

bool host_number(struct app *a, uint32_t *ret)
{
	struct view_hosts hosts = {};
	bool found = false;

	*ret = a->o.host;
	if (!a->o.host_mac)
		return true;
	view_hosts_read(a->root, &hosts);
	for (size_t i = 0; i < hosts.n && !found; i++) {
		found = hosts.items[i].hwaddress &&
			!strcasecmp(hosts.items[i].hwaddress, a->o.host_mac);
		if (found)
			*ret = hosts.items[i].number;
	}
	view_hosts_clear(&hosts);
	if (!found)
		log_error("Could not match MAC to host.");
	return found;
}

bool host_has_transport(struct app *a, uint32_t host)
{
	char path[64], *name = NULL;
	bool found;

	snprintf(path, sizeof(path), "sys/class/scsi_host/host%u/proc_name", host);
	found = !sysfs_read(a->root, path, &name) && name;
	free(name);
	if (!found)
		log_error("Could not read proc_name for host%u rc 5.", host);
	return found;
}
