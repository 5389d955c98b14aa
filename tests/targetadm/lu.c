/* SPDX-License-Identifier: MIT */
/* lu.c - logical units that hold what was set and no blocks, for tests of the administration */
#include "lu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "str.h"

struct scsi_device {
	int tid;
	struct list units;
};

struct lu {
	struct list link;
	struct scsi_device *device;
	struct lu_info info;
	char id[64], sn[64], path[256], backing[16], flags[16];
};

static struct lu *add(struct scsi_device *d, uint64_t lun)
{
	struct lu *lu = calloc(1, sizeof(*lu)), *next;

	list_for_each(next, &d->units, link)
		if (next->info.lun > lun)
			break;
	list_append(&next->link, &lu->link);
	lu->device = d;
	snprintf(lu->id, sizeof(lu->id), "IET     %04x%04x", d->tid, (unsigned int)lun);
	snprintf(lu->sn, sizeof(lu->sn), "beaf%d%u", d->tid, (unsigned int)lun);
	lu->info = (struct lu_info){.lun = lun, .type = LU_CONTROLLER, .scsi_id = lu->id,
		.scsi_sn = lu->sn, .block_size = 1, .online = true, .backing = lu->backing,
		.flags = lu->flags};
	strcpy(lu->backing, "null");
	return lu;
}

struct scsi_device *scsi_device_new(uv_loop_t *loop, const char *name, int tid, const char *host)
{
	struct scsi_device *d = calloc(1, sizeof(*d));

	(void)loop;
	(void)name;
	(void)host;
	d->tid = tid;
	list_init(&d->units);
	add(d, 0);
	return d;
}

static void unit_free(struct lu *lu)
{
	list_remove(&lu->link);
	free(lu);
}

void scsi_device_free(struct scsi_device *d)
{
	struct lu *lu, *next;

	list_for_each_safe(lu, next, &d->units, link)
		unit_free(lu);
	free(d);
}

static bool is_one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (str_eq(*list, s))
			return true;
	return false;
}

static const char *const stores[] = {"rdwr", "aio", "null", NULL};
static const char *const flags[] = {"direct", "sync", "sync:direct", NULL};

int lu_new(struct scsi_device *d, const struct lu_settings *s, struct lu **ret)
{
	const char *backing = s->backing ? s->backing : "rdwr";
	uint64_t size = 1099511627776;
	struct stat st;
	struct lu *lu;

	if (lu_find(d, s->lun))
		return -EEXIST;
	if (!is_one_of(backing, stores) || (s->flags && !is_one_of(s->flags, flags)) ||
		(s->block_size && s->block_size != 512 && s->block_size != 4096))
		return -EINVAL;
	if (s->path && strcmp(backing, "null") != 0) {
		if (stat(s->path, &st))
			return -errno;
		if (!S_ISREG(st.st_mode))
			return -EISDIR;
		size = (uint64_t)st.st_size;
	}
	lu = add(d, s->lun);
	lu->info.type = LU_DISK;
	lu->info.size = s->path ? size : 0;
	lu->info.block_size = s->block_size ? s->block_size : 512;
	lu->info.removable = !s->path;
	snprintf(lu->backing, sizeof(lu->backing), "%s", backing);
	snprintf(lu->flags, sizeof(lu->flags), "%s", s->flags ? s->flags : "");
	snprintf(lu->path, sizeof(lu->path), "%s", s->path ? s->path : "");
	lu->info.path = s->path ? lu->path : NULL;
	*ret = lu;
	return 0;
}

int lu_remove(struct lu *lu)
{
	if (!lu->info.lun)
		return -EPERM;
	unit_free(lu);
	return 0;
}

struct lu *lu_find(const struct scsi_device *d, uint64_t lun)
{
	struct lu *lu;

	list_for_each(lu, &d->units, link)
		if (lu->info.lun == lun)
			return lu;
	return NULL;
}

struct lu *lu_next(const struct scsi_device *d, const struct lu *lu)
{
	const struct list *at = lu ? lu->link.next : d->units.next;

	return at == &d->units ? NULL : container_of(at, struct lu, link);
}

static const char *const kept[] = {"vendor_id", "product_id", "product_rev", "sense_format",
	"lbppbe", "la_lba", "optimal_xfer_gran", "optimal_xfer_len", "rotation_rate", "mode_page",
	"write-cache", NULL};

int lu_set(struct lu *lu, const char *name, const char *value)
{
	const struct {
		const char *name;
		bool *field;
	} switches[] = {{"readonly", &lu->info.readonly}, {"removable", &lu->info.removable},
		{"thin_provisioning", &lu->info.thin}, {"online", &lu->info.online}};
	bool on = str_eq(value, "1") || str_eq(value, "yes");

	for (size_t i = 0; i < 4; i++)
		if (str_eq(switches[i].name, name))
			return *switches[i].field = on, 0;
	if (str_eq(name, "scsi_id"))
		return snprintf(lu->id, sizeof(lu->id), "%s", value) < 0;
	if (str_eq(name, "scsi_sn"))
		return snprintf(lu->sn, sizeof(lu->sn), "%s", value) < 0;
	if (str_eq(name, "path"))
		return lu->info.online ? -EBUSY
				       : snprintf(lu->path, sizeof(lu->path), "%s", value) < 0;
	return is_one_of(name, kept) ? 0 : -ENOENT;
}

void lu_info(const struct lu *lu, struct lu_info *ret)
{
	*ret = lu->info;
}

void lu_stats(const struct lu *lu, struct lu_stats *ret)
{
	(void)lu;
	*ret = (struct lu_stats){};
}
