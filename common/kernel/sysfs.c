/* SPDX-License-Identifier: MIT */
#include "sysfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "str.h"

/* What kernels print for a string that was never set. */
static const char *const unset[] = {"", "(null)", "<NULL>"};

static int full_path(const char *root, const char *path, char ret[static PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", root, path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

/* The value without its newline in buf, "" when it is unset. */
static int read_value(int dirfd, const char *path, char buf[static SYSFS_VALUE_MAX + 1])
{
	int CLEANUP_CLOSE fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, SYSFS_VALUE_MAX);
	if (n < 0)
		return -errno;
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = '\0';
	for (size_t i = 0; i < sizeof(unset) / sizeof(unset[0]); i++)
		if (str_eq(buf, unset[i]))
			*buf = '\0';
	return 0;
}

int sysfs_read_at(int dirfd, const char *path, char **ret)
{
	char buf[SYSFS_VALUE_MAX + 1], *value = NULL;
	int r = read_value(dirfd, path, buf);

	if (r < 0)
		return r;
	r = str_set(&value, buf);
	/* It may be a password. */
	str_wipe(buf, strlen(buf));
	if (!r)
		*ret = value;
	return r;
}

int sysfs_read_long_at(int dirfd, const char *path, long *ret)
{
	char buf[SYSFS_VALUE_MAX + 1], *end;
	int r = read_value(dirfd, path, buf);
	long v;

	if (r < 0)
		return r;
	errno = 0;
	v = strtol(buf, &end, 10);
	if (errno || end == buf || *end)
		return -EINVAL;
	*ret = v;
	return 0;
}

int sysfs_read(const char *root, const char *path, char **ret)
{
	char full[PATH_MAX];
	int r = full_path(root, path, full);

	return r < 0 ? r : sysfs_read_at(AT_FDCWD, full, ret);
}

int sysfs_read_long(const char *root, const char *path, long *ret)
{
	char full[PATH_MAX];
	int r = full_path(root, path, full);

	return r < 0 ? r : sysfs_read_long_at(AT_FDCWD, full, ret);
}

int sysfs_read_u64(const char *root, const char *path, uint64_t *ret)
{
	char *CLEANUP_FREE value = NULL;
	int r = sysfs_read(root, path, &value);

	if (r < 0)
		return r;
	return value ? str_to_u64(value, 0, UINT64_MAX, ret) : -EINVAL;
}

int sysfs_write(const char *root, const char *path, const char *value)
{
	char full[PATH_MAX];
	int r = full_path(root, path, full);
	int CLEANUP_CLOSE fd = r < 0 ? -1 : open(full, O_WRONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return r < 0 ? r : -errno;
	n = write(fd, value, strlen(value));
	if (n < 0)
		return -errno;
	return (size_t)n == strlen(value) ? 0 : -EIO;
}
