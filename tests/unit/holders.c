/* SPDX-License-Identifier: MIT */
#include "holders.h"

#include "node-root.h"

#include <errno.h>

#define MOUNTS "proc/self/mountinfo"
#define TARGET "sys/class/iscsi_session/session1/device/target3:0:0"
#define ROOT_MOUNT "21 1 253:1 / / rw - ext4 /dev/vda1 rw\n"

static void make(const char *path)
{
	char file[512];

	snprintf(file, sizeof(file), "%s/x", path);
	put_text(file, "");
	unlink(in_root(file));
}

/* A block device as /sys/class/block shows it; the kernel has links there, to the same effect. */
static void add_block(const char *dev, const char *number)
{
	char path[256];

	snprintf(path, sizeof(path), "sys/class/block/%s/dev", dev);
	put_text(path, number);
	snprintf(path, sizeof(path), "sys/class/block/%s/holders", dev);
	make(path);
}

static void add_partition(const char *disk, const char *dev, const char *number)
{
	char path[256];

	add_block(dev, number);
	snprintf(path, sizeof(path), "sys/class/block/%s/%s/partition", disk, dev);
	put_text(path, "1\n");
}

static void add_holder(const char *dev, const char *holder)
{
	char path[256];

	snprintf(path, sizeof(path), "sys/class/block/%s/holders/%s", dev, holder);
	make(path);
}

static void add_dm(const char *dev, const char *number, const char *name, const char *uuid)
{
	char path[256], text[256];

	add_block(dev, number);
	snprintf(path, sizeof(path), "sys/class/block/%s/dm/name", dev);
	snprintf(text, sizeof(text), "%s\n", name);
	put_text(path, text);
	snprintf(path, sizeof(path), "sys/class/block/%s/dm/uuid", dev);
	snprintf(text, sizeof(text), "%s\n", uuid);
	put_text(path, text);
}

/* Session 1 with the disks sdb (whose LUN is 1) and sdc. */
static void set_up(void)
{
	root_open();
	put_text("sys/class/iscsi_session/session1/targetname", "iqn.2020-01.x:a\n");
	make(TARGET "/3:0:0:1/block/sdb");
	make(TARGET "/3:0:0:2/block/sdc");
	put_text(TARGET "/3:0:0:1/state", "running\n");
	put_text(TARGET "/3:0:0:2/state", "running\n");
	put_text(MOUNTS, ROOT_MOUNT);
	add_block("sdb", "8:16\n");
	add_block("sdc", "8:32\n");
}

static void expect(const char *text)
{
	char *found = (char *)1;

	ck_assert_int_eq(holders_find(root, 1, &found), 0);
	ck_assert_pstr_eq(found, text);
	free(found);
}

START_TEST(nobody)
{
	char *found;

	expect(NULL);
	put_text("proc/swaps", "Filename Type Size Used Priority\n/dev/vda2 partition 1 0 -2\n");
	expect(NULL);
	ck_assert_int_eq(holders_find(root, 2, &found), -ENOENT);
}
END_TEST

START_TEST(mounts)
{
	put_text(MOUNTS, ROOT_MOUNT "30 21 8:32 / /a\\040b rw - xfs /dev/disk/by-path/ip-x rw\n");
	expect("sdc is mounted on /a b");
	put_text(MOUNTS, ROOT_MOUNT "30 21 8:32 / /a\\012b rw - xfs /dev/sdc rw\n");
	expect("sdc is mounted on /a?b");
	/* a file system on several devices: its number is no device's */
	put_text(MOUNTS, ROOT_MOUNT "30 21 0:42 / /data rw - btrfs /dev/sdb rw\n");
	expect("sdb is mounted on /data");
	/* another disk whose name begins the same */
	put_text(MOUNTS, ROOT_MOUNT "30 21 65:0 / /data rw - xfs /dev/sdba rw\n");
	expect(NULL);
}
END_TEST

START_TEST(partitions)
{
	add_partition("sdb", "sdb1", "8:17\n");
	expect(NULL);
	put_text(MOUNTS, ROOT_MOUNT "30 21 8:17 / /data rw - xfs /dev/sdb1 rw\n");
	expect("sdb1 is mounted on /data");
}
END_TEST

START_TEST(swap)
{
	add_partition("sdc", "sdc1", "8:33\n");
	put_text("proc/swaps", "Filename Type Size Used Priority\n/dev/sdc1 partition 1 0 -2\n");
	expect("sdc1 is swap space");
}
END_TEST

START_TEST(volumes)
{
	add_holder("sdc", "dm-3");
	add_dm("dm-3", "254:3\n", "vg0-root", "LVM-abc");
	expect("sdc is held by dm-3 (vg0-root)");
	put_text("proc/swaps", "Filename Type Size Used Priority\n/dev/dm-3 partition 1 0 -2\n");
	expect("sdc is held by dm-3 (vg0-root); dm-3 is swap space");
	put_text(MOUNTS, ROOT_MOUNT "30 21 0:50 / /x rw - btrfs /dev/mapper/vg0-root rw\n");
	expect("sdc is held by dm-3 (vg0-root); dm-3 is mounted on /x");
}
END_TEST

START_TEST(md)
{
	add_partition("sdb", "sdb1", "8:17\n");
	add_holder("sdb1", "md127");
	add_block("md127", "9:127\n");
	expect("sdb1 is held by md127");
	add_holder("md127", "dm-0");
	add_dm("dm-0", "254:0\n", "crypt", "CRYPT-LUKS2-x");
	put_text(MOUNTS, ROOT_MOUNT "30 21 254:0 / /secret rw - ext4 /dev/mapper/crypt rw\n");
	expect("sdb1 is held by md127; md127 is held by dm-0 (crypt); dm-0 is mounted on /secret");
}
END_TEST

START_TEST(multipath)
{
	add_holder("sdb", "dm-0");
	add_dm("dm-0", "254:0\n", "mpatha", "mpath-36001");
	expect(NULL);
	/* a partition of the map, by kpartx */
	add_holder("dm-0", "dm-1");
	add_dm("dm-1", "254:1\n", "mpatha1", "part1-mpath-36001");
	expect(NULL);
	put_text(MOUNTS, ROOT_MOUNT "30 21 254:1 / /data rw - xfs /dev/mapper/mpatha1 rw\n");
	expect("sdb is held by dm-0 (mpatha); dm-0 is held by dm-1 (mpatha1); dm-1 is mounted on "
	       "/data");
}
END_TEST

/* What is stacked on itself cannot be, but sysfs is read while it changes. */
START_TEST(circle)
{
	add_holder("sdb", "dm-0");
	add_dm("dm-0", "254:0\n", "mpatha", "mpath-36001");
	add_holder("dm-0", "dm-0");
	expect(NULL);
}
END_TEST

START_TEST(no_mount_table)
{
	char *found;

	unlink(in_root(MOUNTS));
	ck_assert_int_eq(holders_find(root, 1, &found), -EIO);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {nobody, mounts, partitions, swap, volumes, md, multipath, circle,
		no_mount_table};

	return RUN_TESTS_IN("holders", tests, set_up, root_close);
}
