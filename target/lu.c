/* SPDX-License-Identifier: MIT */
/* Logical units: how they come, go and change, and what initiators hear of it. */
#include "lu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scsi-impl.h"
#include "str.h"

enum { FLAT = 0x40, ADDRESSING = 0xc0 }; /* of a LUN's first byte */

/* ---- the device ---- */

static uint64_t hash(uint64_t h, const char *text)
{
	for (; *text; text++)
		h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
	return (h ^ 0xff) * UINT64_C(0x100000001b3);
}

/* The same unit on another machine, or of another target, is another one. */
static void identify(struct lu *lu, const struct scsi_device *dev)
{
	char lun[24];
	uint64_t h;

	snprintf(lun, sizeof(lun), "%llu", (unsigned long long)lu->lun);
	h = hash(hash(hash(UINT64_C(0xcbf29ce484222325), dev->host), dev->name), lun);
	h = (h & ~(UINT64_C(0xf) << 60)) | UINT64_C(3) << 60; /* NAA: locally assigned */
	for (int i = 0; i < 8; i++)
		lu->naa[i] = (uint8_t)(h >> (56 - 8 * i));
	snprintf(lu->unique, sizeof(lu->unique), "%016llx", (unsigned long long)h);
	snprintf(lu->shown_id, sizeof(lu->shown_id), "IET     %04x%04x", (unsigned int)dev->tid,
		(unsigned int)lu->lun);
	snprintf(lu->shown_sn, sizeof(lu->shown_sn), "beaf%d%u", dev->tid, (unsigned int)lu->lun);
	snprintf(lu->vendor, sizeof(lu->vendor), "IET");
	snprintf(lu->product, sizeof(lu->product), "%s",
		lu->type == LU_DISK ? "VIRTUAL-DISK" : "Controller");
	snprintf(lu->revision, sizeof(lu->revision), "0001");
}

static bool slot_is_free(const struct scsi_device *dev, unsigned int slot)
{
	for (unsigned int i = 0; i < dev->lu_count; i++)
		if (dev->lus[i]->slot == slot)
			return false;
	return true;
}

/* Room for one unit more: in the device, and in each nexus. */
static int make_room(struct scsi_device *dev, unsigned int *ret_slot)
{
	struct lu **lus = realloc(dev->lus, (dev->lu_count + 1) * sizeof(struct lu *));
	unsigned int slot = 0;
	struct nexus *n;

	if (!lus)
		return -ENOMEM;
	dev->lus = lus;
	while (!slot_is_free(dev, slot))
		slot++;
	list_for_each(n, &dev->nexuses, entry) {
		struct nexus_lu *at;

		if (slot < n->slots)
			continue;
		at = realloc(n->at, (slot + 1) * sizeof(*at));
		if (!at)
			return -ENOMEM;
		memset(at + n->slots, 0, (slot + 1 - n->slots) * sizeof(*at));
		n->at = at;
		n->slots = slot + 1;
	}
	if (dev->slots < slot + 1)
		dev->slots = slot + 1;
	*ret_slot = slot;
	return 0;
}

/* Initiators learn that the list of units is another. */
static void luns_changed(struct scsi_device *dev)
{
	for (unsigned int i = 0; i < dev->lu_count; i++)
		lu_attention(dev->lus[i], UA_LUNS_CHANGED, NULL);
}

static struct lu *add(struct scsi_device *dev, uint64_t lun, enum lu_type type)
{
	struct lu *lu = calloc(1, sizeof(*lu));
	unsigned int slot, at = dev->lu_count;
	struct nexus *n;

	if (!lu || make_room(dev, &slot)) {
		free(lu);
		return NULL;
	}
	lu->dev = dev;
	lu->refs = 1;
	lu->slot = slot;
	lu->lun = lun;
	lu->type = type;
	lu->online = true;
	lu->block_size = 1;
	list_init(&lu->tasks);
	list_init(&lu->waiting);
	list_init(&lu->mode_pages);
	identify(lu, dev);
	list_for_each(n, &dev->nexuses, entry)
		n->at[slot] = (struct nexus_lu){.attention = 1u << UA_POWER_ON};
	for (; at && dev->lus[at - 1]->lun > lun; at--)
		dev->lus[at] = dev->lus[at - 1];
	dev->lus[at] = lu;
	dev->lu_count++;
	return lu;
}

struct scsi_device *scsi_device_new(uv_loop_t *loop, const char *name, int tid, const char *host)
{
	struct scsi_device *dev = calloc(1, sizeof(*dev));

	if (!dev)
		return NULL;
	dev->loop = loop;
	dev->tid = tid;
	dev->name = strdup(name);
	dev->host = strdup(host);
	list_init(&dev->nexuses);
	list_init(&dev->tmfs);
	list_init(&dev->strays);
	if (dev->name && dev->host && add(dev, 0, LU_CONTROLLER))
		return dev;
	scsi_device_free(dev);
	return NULL;
}

static void forget(struct lu *lu)
{
	lu_abort_all(lu);
	lu->dev = NULL;
	lu_unref(lu);
}

void scsi_device_free(struct scsi_device *dev)
{
	if (!dev)
		return;
	for (unsigned int i = 0; i < dev->lu_count; i++)
		forget(dev->lus[i]);
	free(dev->lus);
	free(dev->name);
	free(dev->host);
	free(dev);
}

void lu_unref(struct lu *lu)
{
	struct mode_page *page, *tmp;

	if (--lu->refs)
		return;
	list_for_each_safe(page, tmp, &lu->mode_pages, entry)
		free(page);
	reservations_free(lu->reservations);
	disk_close(lu->disk);
	free(lu->path);
	free(lu->backing);
	free(lu->scsi_id);
	free(lu->scsi_sn);
	free(lu);
}

/* ---- units ---- */

static int open_disk(struct lu *lu)
{
	struct disk_options options = {.direct = lu->direct, .sync = lu->sync};
	struct disk *disk;
	int r = disk_open(lu->path, &options, &disk);

	if (r)
		return r;
	disk_close(lu->disk);
	lu->disk = disk;
	lu->blocks = disk->size >> lu->block_shift;
	lu->lbppbe = 0;
	while (lu->block_size << lu->lbppbe < disk->physical_block)
		lu->lbppbe++;
	return 0;
}

static bool take_flags(struct lu *lu, const char *flags)
{
	lu->direct = flags && strstr(flags, "direct");
	lu->sync = flags && strstr(flags, "sync");
	return !flags || str_eq(flags, "direct") || str_eq(flags, "sync") ||
	       str_eq(flags, "sync:direct") || str_eq(flags, "direct:sync");
}

static int set_up(struct lu *lu, const struct lu_settings *s)
{
	const char *backing = s->backing ? s->backing : "rdwr";

	lu->block_size = s->block_size ? s->block_size : 512;
	lu->block_shift = (unsigned int)__builtin_ctz(lu->block_size);
	lu->removable = !s->path;
	if ((lu->block_size != 512 && lu->block_size != 4096) || !take_flags(lu, s->flags) ||
		(!str_eq(backing, "rdwr") && !str_eq(backing, "aio") && !str_eq(backing, "ram")))
		return -EINVAL;
	if (str_set(&lu->backing, backing) || str_set(&lu->path, s->path))
		return -ENOMEM;
	return lu->path ? open_disk(lu) : 0;
}

static void take_out(struct lu *lu)
{
	struct scsi_device *dev = lu->dev;
	unsigned int i = 0;

	while (dev->lus[i] != lu)
		i++;
	dev->lu_count--;
	for (; i < dev->lu_count; i++)
		dev->lus[i] = dev->lus[i + 1];
}

int lu_new(struct scsi_device *dev, const struct lu_settings *s, struct lu **ret)
{
	struct lu *lu;
	int r;

	if (lu_find(dev, s->lun))
		return -EEXIST;
	if (s->lun < 1 || s->lun > LU_MAX_LUN)
		return -EINVAL;
	lu = add(dev, s->lun, LU_DISK);
	if (!lu)
		return -ENOMEM;
	r = set_up(lu, s);
	if (r) {
		take_out(lu);
		forget(lu);
		return r;
	}
	luns_changed(dev);
	*ret = lu;
	return 0;
}

bool lu_removal_prevented(const struct lu *lu)
{
	struct nexus *n;

	list_for_each(n, &lu->dev->nexuses, entry)
		if (n->at[lu->slot].prevents_removal)
			return true;
	return false;
}

int lu_remove(struct lu *lu)
{
	struct scsi_device *dev = lu->dev;

	if (lu->type == LU_CONTROLLER)
		return -EPERM;
	if (lu_removal_prevented(lu))
		return -EBUSY;
	take_out(lu);
	forget(lu);
	luns_changed(dev);
	return 0;
}

struct lu *lu_find(const struct scsi_device *dev, uint64_t lun)
{
	for (unsigned int i = 0; i < dev->lu_count; i++)
		if (dev->lus[i]->lun == lun)
			return dev->lus[i];
	return NULL;
}

struct lu *lu_next(const struct scsi_device *dev, const struct lu *lu)
{
	for (unsigned int i = 0; i < dev->lu_count; i++)
		if (!lu || dev->lus[i]->lun > lu->lun)
			return dev->lus[i];
	return NULL;
}

/* ---- as commands see them ---- */

struct lu *scsi_device_lu(const struct scsi_device *dev, const uint8_t lun[8])
{
	static const uint8_t zeros[6];

	if (memcmp(lun + 2, zeros, sizeof(zeros)))
		return NULL;
	if ((lun[0] & ADDRESSING) == FLAT)
		return lu_find(dev, (uint64_t)(lun[0] & ~ADDRESSING) << 8 | lun[1]);
	return lun[0] ? NULL : lu_find(dev, lun[1]);
}

void scsi_lun_put(uint8_t out[8], uint64_t lun)
{
	memset(out, 0, 8);
	out[0] = lun < 256 ? 0 : (uint8_t)(FLAT | lun >> 8);
	out[1] = (uint8_t)lun;
}

struct nexus_lu *nexus_at(struct nexus *nexus, const struct lu *lu)
{
	return &nexus->at[lu->slot];
}

void lu_attention(struct lu *lu, enum attention attention, const struct nexus *but)
{
	struct nexus *n;

	list_for_each(n, &lu->dev->nexuses, entry)
		if (n != but)
			nexus_at(n, lu)->attention |= 1u << attention;
}

bool lu_write_protected(const struct lu *lu)
{
	return lu->readonly || lu->swp || (lu->disk && lu->disk->readonly);
}

void lu_reset(struct lu *lu)
{
	struct nexus *n;

	lu->reserved_by = NULL;
	lu->swp = lu->d_sense = false;
	lu->no_write_cache = lu->write_through;
	list_for_each(n, &lu->dev->nexuses, entry)
		nexus_at(n, lu)->prevents_removal = false;
}

/* ---- as an administrator sees and changes them ---- */

static int set_switch(struct lu *lu, bool *field, const char *value)
{
	bool on = str_eq(value, "1") || str_eq(value, "yes") || str_eq(value, "on");

	if (!on && !str_eq(value, "0") && !str_eq(value, "no") && !str_eq(value, "off"))
		return -EINVAL;
	if (*field != on)
		lu_attention(lu, UA_INQUIRY_CHANGED, NULL);
	*field = on;
	return 0;
}

static int set_write_cache(struct lu *lu, const char *value)
{
	bool on = !lu->write_through;
	int r = set_switch(lu, &on, value);

	if (!r)
		lu->no_write_cache = lu->write_through = !on;
	return r;
}

static int set_path(struct lu *lu, const char *value)
{
	char *old = lu->path;
	int r;

	if (lu->online || lu_removal_prevented(lu))
		return -EBUSY;
	lu->path = strdup(value);
	r = lu->path ? open_disk(lu) : -ENOMEM;
	if (r) {
		free(lu->path);
		lu->path = old;
		return r;
	}
	free(old);
	lu_attention(lu, UA_MEDIUM_CHANGED, NULL);
	return 0;
}

/* len: characters that INQUIRY has room for */
static int set_text(struct lu *lu, char *field, size_t len, const char *value)
{
	if (strlen(value) > len)
		return -EINVAL;
	strcpy(field, value);
	lu_attention(lu, UA_INQUIRY_CHANGED, NULL);
	return 0;
}

int lu_set(struct lu *lu, const char *name, const char *value)
{
	const struct {
		const char *name;
		bool *field;
	} switches[] = {{"removable", &lu->removable}, {"online", &lu->online},
		{"readonly", &lu->readonly}, {"thin_provisioning", &lu->thin},
		{"sense_format", &lu->d_sense}};
	const struct {
		const char *name;
		char *field;
		size_t len;
	} texts[] = {{"vendor_id", lu->vendor, 8}, {"product_id", lu->product, 16},
		{"product_rev", lu->revision, 4}};
	const struct {
		const char *name;
		uint16_t *field;
	} numbers[] = {{"lbppbe", &lu->lbppbe}, {"la_lba", &lu->lowest_aligned},
		{"optimal_xfer_gran", &lu->optimal_granularity},
		{"rotation_rate", &lu->rotation_rate}};
	uint64_t n;

	if (str_eq(name, "write-cache"))
		return set_write_cache(lu, value);
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (str_eq(switches[i].name, name))
			return set_switch(lu, switches[i].field, value);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (str_eq(texts[i].name, name))
			return set_text(lu, texts[i].field, texts[i].len, value);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (str_eq(numbers[i].name, name)) {
			if (str_to_u64(value, 0, UINT16_MAX, &n))
				return -EINVAL;
			*numbers[i].field = (uint16_t)n;
			return 0;
		}
	if (str_eq(name, "optimal_xfer_len")) {
		if (str_to_u64(value, 0, UINT32_MAX, &n))
			return -EINVAL;
		lu->optimal_transfer = (uint32_t)n;
		return 0;
	}
	if (str_eq(name, "mode_page"))
		return lu_set_mode_page(lu, value);
	if (str_eq(name, "path"))
		return set_path(lu, value);
	if (str_eq(name, "scsi_id") && strlen(value) < sizeof(lu->shown_id))
		return str_set(&lu->scsi_id, value);
	if (str_eq(name, "scsi_sn") && strlen(value) < sizeof(lu->shown_sn))
		return str_set(&lu->scsi_sn, value);
	return -ENOENT;
}

int lu_resize(struct lu *lu)
{
	uint64_t old = lu->blocks;
	int r = lu->disk ? lu->disk->ops->resize(lu->disk) : 0;

	if (r || !lu->disk)
		return r;
	lu->blocks = lu->disk->size >> lu->block_shift;
	if (lu->blocks != old)
		lu_attention(lu, UA_CAPACITY_CHANGED, NULL);
	return 0;
}

void lu_info(const struct lu *lu, struct lu_info *ret)
{
	*ret = (struct lu_info){
		.lun = lu->lun,
		.type = lu->type,
		.scsi_id = lu->scsi_id ? lu->scsi_id : lu->shown_id,
		.scsi_sn = lu->scsi_sn ? lu->scsi_sn : lu->shown_sn,
		.size = lu->blocks << lu->block_shift,
		.block_size = lu->block_size,
		.online = lu->online,
		.removable = lu->removable,
		.prevented = lu_removal_prevented(lu),
		.readonly = lu_write_protected(lu),
		.swp = lu->swp,
		.thin = lu->thin,
		.backing = lu->backing ? lu->backing : "null",
		.path = lu->path,
		.flags = lu->sync && lu->direct ? "sync:direct"
			 : lu->sync		? "sync"
			 : lu->direct		? "direct"
						: "",
	};
}

void lu_stats(const struct lu *lu, struct lu_stats *ret)
{
	*ret = lu->stats;
}

void lu_fault(struct lu *lu, const struct lu_fault *fault)
{
	lu->fault = *fault;
}
