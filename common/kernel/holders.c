/* SPDX-License-Identifier: MIT */
#include "holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmount.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "cleanup.h"
#include "str.h"
#include "sysfs.h"
#include "view.h"

#define DEPTH_MAX 16 /* devices stacked on each other */

struct search {
	const char *root;
	struct libmnt_table *mounts, *swaps;
	char text[512]; /* what was found */
};

__attribute__((format(printf, 2, 3))) static void say(struct search *s, const char *fmt, ...)
{
	size_t at = strlen(s->text);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->text + at, sizeof(s->text) - at, fmt, ap);
	va_end(ap);
	/* Names of mount points may be anything; the text is one line. */
	for (char *p = s->text + at; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = '?';
}

static char *attribute(const struct search *s, const char *dev, const char *name)
{
	char path[PATH_MAX], *value = NULL;

	snprintf(path, sizeof(path), "sys/class/block/%s/%s", dev, name);
	return sysfs_read(s->root, path, &value) ? NULL : value;
}

static dev_t number_of(const struct search *s, const char *dev)
{
	CLEANUP_FREE char *text = attribute(s, dev, "dev");
	unsigned int major, minor;

	return text && sscanf(text, "%u:%u", &major, &minor) == 2 ? makedev(major, minor) : 0;
}

/* ---- mounts, swap, exclusive openers ---- */

/* /dev/sdb1, /dev/dm-3, /dev/mapper/vg0-root */
static bool is_path_of(const char *path, const char *dev, const char *dm)
{
	const char *name = str_after(path ? path : "", "/dev/");
	const char *mapped = name ? str_after(name, "mapper/") : NULL;

	return (name && str_eq(name, dev)) || (mapped && dm && str_eq(mapped, dm));
}

/* File systems on several devices have a number of their own: there the source tells. */
static const char *mount_of(const struct search *s, const char *dev, const char *dm)
{
	struct libmnt_iter *i = mnt_new_iter(MNT_ITER_FORWARD);
	dev_t number = number_of(s, dev);
	const char *found = NULL;
	struct libmnt_fs *fs;

	while (i && !found && mnt_table_next_fs(s->mounts, i, &fs) == 0)
		if ((number && mnt_fs_get_devno(fs) == number) ||
			is_path_of(mnt_fs_get_srcpath(fs), dev, dm))
			found = mnt_fs_get_target(fs);
	mnt_free_iter(i);
	return found;
}

static bool is_swap(const struct search *s, const char *dev, const char *dm)
{
	struct libmnt_iter *i = mnt_new_iter(MNT_ITER_FORWARD);
	bool found = false;
	struct libmnt_fs *fs;

	while (i && !found && mnt_table_next_fs(s->swaps, i, &fs) == 0)
		found = is_path_of(mnt_fs_get_srcpath(fs), dev, dm);
	mnt_free_iter(i);
	return found;
}

/* A program, or a mount in another namespace. */
static bool is_open_exclusively(const struct search *s, const char *dev)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/dev/%s", s->root, dev);
	fd = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EBUSY;
}

/* ---- the tree ---- */

static bool is_used(struct search *s, const char *dev, unsigned int depth);

/* Calls each for every entry of a directory of dev until one returns true. */
static bool any_entry(struct search *s, const char *dev, const char *dir, unsigned int depth,
	bool (*each)(struct search *s, const char *dev, const char *entry, unsigned int depth))
{
	char path[PATH_MAX];
	struct dirent *e;
	bool found = false;
	DIR *d;

	snprintf(path, sizeof(path), "%s/sys/class/block/%s/%s", s->root, dev, dir);
	d = opendir(path);
	while (d && !found && (e = readdir(d)))
		found = *e->d_name != '.' && each(s, dev, e->d_name, depth);
	if (d)
		closedir(d);
	return found;
}

static bool partition_is_used(struct search *s, const char *disk, const char *entry,
	unsigned int depth)
{
	CLEANUP_FREE char *number = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "sys/class/block/%s/%s/partition", disk, entry);
	return !sysfs_read(s->root, path, &number) && is_used(s, entry, depth + 1);
}

/* multipathd makes the map, and kpartx its partitions, of every disk that there is. */
static bool is_multipath(const struct search *s, const char *dev)
{
	CLEANUP_FREE char *uuid = attribute(s, dev, "dm/uuid");
	const char *rest = uuid && str_after(uuid, "part") ? strchr(uuid, '-') + 1 : uuid;

	return rest && str_after(rest, "mpath-");
}

static bool holder_counts(struct search *s, const char *dev, const char *holder, unsigned int depth)
{
	CLEANUP_FREE char *dm = attribute(s, holder, "dm/name");
	size_t begin = strlen(s->text), end;

	say(s, "%s is held by %s", dev, holder);
	if (dm)
		say(s, " (%s)", dm);
	end = strlen(s->text);
	say(s, "; ");
	if (is_used(s, holder, depth + 1))
		return true;
	s->text[is_multipath(s, holder) ? begin : end] = '\0';
	return s->text[begin];
}

static bool is_there(struct search *s, const char *dev, const char *entry, unsigned int depth)
{
	(void)s, (void)dev, (void)entry, (void)depth;
	return true;
}

static bool is_used(struct search *s, const char *dev, unsigned int depth)
{
	CLEANUP_FREE char *dm = attribute(s, dev, "dm/name");
	const char *mount = mount_of(s, dev, dm);

	if (depth > DEPTH_MAX)
		return false;
	if (mount)
		say(s, "%s is mounted on %s", dev, mount);
	else if (is_swap(s, dev, dm))
		say(s, "%s is swap space", dev);
	else if (any_entry(s, dev, "", depth, partition_is_used) ||
		 any_entry(s, dev, "holders", depth, holder_counts))
		return true;
	/* A holder, here one that does not count, has it open exclusively. */
	else if (!any_entry(s, dev, "holders", depth, is_there) && is_open_exclusively(s, dev))
		say(s, "%s is opened exclusively by a program or mounted in another namespace",
			dev);
	else
		return false;
	return true;
}

/* ---- */

static int read_table(const char *root, const char *path,
	int (*parse)(struct libmnt_table *t, const char *file), struct libmnt_table **ret)
{
	CLEANUP_FREE char *full = str_printf("%s/%s", root, path);
	int r;

	*ret = mnt_new_table();
	if (!full || !*ret)
		return -ENOMEM;
	r = parse(*ret, full);
	return r > 0 ? -EINVAL : r;
}

static int read_tables(struct search *s)
{
	int r = read_table(s->root, "proc/self/mountinfo", mnt_table_parse_file, &s->mounts);

	if (r)
		return r == -ENOENT ? -EIO : r;
	r = read_table(s->root, "proc/swaps", mnt_table_parse_swaps, &s->swaps);
	/* A kernel without swap has no such file. */
	return r == -ENOENT ? 0 : r;
}

int holders_find(const char *root, uint32_t sid, char **ret)
{
	struct search s = {.root = root};
	struct view_luns luns;
	int r = view_luns_read(root, sid, &luns);

	if (r)
		return r;
	r = read_tables(&s);
	for (size_t i = 0; !r && !*s.text && i < luns.n; i++)
		if (luns.items[i].disk)
			is_used(&s, luns.items[i].disk, 0);
	mnt_unref_table(s.mounts);
	mnt_unref_table(s.swaps);
	view_luns_clear(&luns);
	if (r)
		return r;
	*ret = *s.text ? strdup(s.text) : NULL;
	return *s.text && !*ret ? -ENOMEM : 0;
}
