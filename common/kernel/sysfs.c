/* SPDX-License-Identifier: MIT */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "str.h"

static int open_attribute(const char *root, const char *path, int flags)
{
	char full[PATH_MAX];
	int fd;

	if (snprintf(full, sizeof(full), "%s/%s", root, path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysfs_read(const char *root, const char *path, char **ret)
{
	CLEANUP_CLOSE int fd = open_attribute(root, path, O_RDONLY);
	char value[SYSFS_VALUE_MAX + 1];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, value, SYSFS_VALUE_MAX);
	if (n < 0)
		return -errno;
	while (n > 0 && value[n - 1] == '\n')
		n--;
	value[n] = '\0';
	if (!n || str_eq(value, "(null)") || str_eq(value, "<NULL>")) {
		*ret = NULL;
		return 0;
	}
	*ret = strdup(value);
	/* Some values are secrets. */
	str_wipe(value, sizeof(value));
	return *ret ? 0 : -ENOMEM;
}

int sysfs_read_long(const char *root, const char *path, long *ret)
{
	CLEANUP_FREE char *value = NULL;
	int r = sysfs_read(root, path, &value);
	char *end;
	long v;

	if (r || !value)
		return r ? r : -EINVAL;
	errno = 0;
	v = strtol(value, &end, 0);
	if (*end || end == value || errno)
		return -EINVAL;
	*ret = v;
	return 0;
}

int sysfs_read_u64(const char *root, const char *path, uint64_t *ret)
{
	CLEANUP_FREE char *value = NULL;
	int r = sysfs_read(root, path, &value);

	if (r || !value)
		return r ? r : -EINVAL;
	return str_to_u64(value, 0, UINT64_MAX, ret) ? -EINVAL : 0;
}

int sysfs_write(const char *root, const char *path, const char *value)
{
	CLEANUP_CLOSE int fd = open_attribute(root, path, O_WRONLY);
	size_t len = strlen(value);

	if (fd < 0)
		return fd;
	return write(fd, value, len) == (ssize_t)len ? 0 : -errno;
}
