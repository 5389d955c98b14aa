/* SPDX-License-Identifier: MIT */
#include "netdev.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <strings.h>

#include "cleanup.h"
#include "str.h"
#include "sysfs.h"

static bool has_mac(const char *root, const char *name, const char *mac)
{
	char *CLEANUP_FREE address = NULL;
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "sys/class/net/%s/address", name) >= PATH_MAX)
		return false;
	return !sysfs_read(root, path, &address) && address && !strcasecmp(address, mac);
}

int netdev_by_mac(const char *root, const char *mac, char **ret)
{
	char *CLEANUP_FREE dir = str_printf("%s/sys/class/net", root);
	DIR *d = dir ? opendir(dir) : NULL;
	const struct dirent *e;
	int r = -ENOENT;

	while (r == -ENOENT && d && (e = readdir(d)))
		if (*e->d_name != '.' && has_mac(root, e->d_name, mac))
			r = str_set(ret, e->d_name);
	if (d)
		closedir(d);
	return dir ? r : -ENOMEM;
}
