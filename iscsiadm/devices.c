/* SPDX-License-Identifier: MIT */
#include "devices.h"

#include <libudev.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "json.h"
#include "log.h"
#include "str.h"
#include "sysfs.h"

#define POLL_MS 50

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static void add_to_json(struct app *a, uint32_t sid, const char *disk, const char *link)
{
	struct json_object *o = json_object_new_object();

	json_object_object_add(o, "sid", json_object_new_int64(sid));
	json_put_text(o, "disk", disk);
	json_put_text(o, "link", link);
	json_add(a, "devices", o);
}

/* False: udev has not seen it yet, or is at work on it. */
static bool print_links(struct app *a, struct udev *udev, uint32_t sid, const char *disk)
{
	struct udev_device *d = udev_device_new_from_subsystem_sysname(udev, "block", disk);
	struct udev_list_entry *links, *link;
	bool done = d && udev_device_get_is_initialized(d) > 0;

	links = done ? udev_device_get_devlinks_list_entry(d) : NULL;
	udev_list_entry_foreach(link, links)
	{
		const char *name = udev_list_entry_get_name(link);

		if (!str_after(name, "/dev/disk/by-path/"))
			continue;
		report(a, "%s\n", name);
		add_to_json(a, sid, disk, name);
	}
	udev_device_unref(d);
	return done;
}

static bool wait_for_disk(struct app *a, struct udev *udev, uint32_t sid, const char *disk,
	int64_t deadline)
{
	while (!print_links(a, udev, sid, disk)) {
		if (now_ms() >= deadline) {
			log_error("udev did not name %s in time", disk);
			return false;
		}
		poll(NULL, 0, POLL_MS);
	}
	return true;
}

/* A disk (SCSI peripheral device type 0) that its driver has not taken yet: it probes meanwhile. */
static bool is_probed(struct app *a, int host, const struct view_lun *l)
{
	char path[96];
	long type;

	snprintf(path, sizeof(path), "sys/bus/scsi/devices/%d:%u:%u:%lu/type", host, l->channel,
		l->id, l->lun);
	return l->disk || sysfs_read_long(a->root, path, &type) || type != 0;
}

/* False: there is no such session any more. */
static bool read_probed(
	struct app *a, const struct view_session *s, int64_t deadline, struct view_luns *ret)
{
	while (!view_luns_read(a->root, s->sid, ret)) {
		size_t i = 0;

		while (i < ret->n && is_probed(a, s->host, &ret->items[i]))
			i++;
		if (i == ret->n || now_ms() >= deadline)
			return true;
		view_luns_clear(ret);
		poll(NULL, 0, POLL_MS);
	}
	return false;
}

static bool wait_for_session(
	struct app *a, struct udev *udev, const struct view_session *s, int64_t deadline)
{
	struct view_luns luns;
	bool ok = true;

	if (!read_probed(a, s, deadline, &luns))
		return true;
	for (size_t i = 0; i < luns.n && ok; i++)
		ok = !luns.items[i].disk ||
		     wait_for_disk(a, udev, s->sid, luns.items[i].disk, deadline);
	view_luns_clear(&luns);
	return ok;
}

static bool is_of(const struct view_session *s, const struct nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++) {
		struct iscsi_node_id id;

		iscsi_node_get_id(nodes->items[i], &id);
		if (session_uses(s, &id))
			return true;
	}
	return false;
}

int devices_wait(struct app *a, const struct nodes *nodes)
{
	int64_t deadline = now_ms() + a->o.wait_devices * 1000L;
	struct udev *udev = udev_new();
	struct view_sessions v;
	bool ok = udev;

	json_begin(a, "devices");
	if (!udev || view_sessions_read(a->root, VIEW_LIST, &v)) {
		udev_unref(udev);
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	for (size_t i = 0; i < v.n && ok; i++)
		ok = !is_of(&v.items[i], nodes) || wait_for_session(a, udev, &v.items[i], deadline);
	view_sessions_clear(&v);
	udev_unref(udev);
	return ok ? ISCSI_OK : ISCSI_ERR_REQ_TIMEDOUT;
}
