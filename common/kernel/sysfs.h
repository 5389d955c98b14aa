/* SPDX-License-Identifier: MIT */
/* sysfs.h - typed reads and writes of single attributes below a root directory */
#ifndef KERNEL_SYSFS_H
#define KERNEL_SYSFS_H

#include <stddef.h>
#include <stdint.h>

#define SYSFS_VALUE_MAX 4096 /* bytes: an attribute is one page */

/*
 * path is relative to root ("sys/class/..."). The value without its newline, the caller's to
 * free; "(null)", "<NULL>" and an empty value give *ret = NULL with 0.
 */
int sysfs_read(const char *root, const char *path, char **ret);
int sysfs_read_long(const char *root, const char *path, long *ret); /* -EINVAL: not a number */
int sysfs_read_u64(const char *root, const char *path, uint64_t *ret);
/* Below a directory descriptor: what reads many attributes of one object saves the long way. */
int sysfs_read_at(int dirfd, const char *path, char **ret);
int sysfs_read_long_at(int dirfd, const char *path, long *ret);

/* One write of the whole value; the attribute has to be there. */
int sysfs_write(const char *root, const char *path, const char *value);

#endif
