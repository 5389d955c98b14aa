/* SPDX-License-Identifier: MIT */
#include "rescan.h"

#include "node-root.h"

#include <errno.h>

#define TARGET "sys/class/iscsi_session/session1/device/target3:0:0"
#define DEVICES "sys/bus/scsi/devices"
#define SCAN "sys/class/scsi_host/host3/scan"

/* Session 1 on host 3 with the LUNs 1 and 2. */
static void set_up(void)
{
	root_open();
	put_text("sys/class/iscsi_session/session1/targetname", "iqn.2020-01.x:a\n");
	put_text(TARGET "/3:0:0:1/state", "running\n");
	put_text(TARGET "/3:0:0:2/state", "running\n");
	put_text(DEVICES "/3:0:0:1/rescan", "");
	put_text(DEVICES "/3:0:0:2/rescan", "");
	put_text(SCAN, "");
}

static void expect(const char *one, const char *two, const char *scan)
{
	ck_assert_str_eq(text_of(DEVICES "/3:0:0:1/rescan"), one);
	ck_assert_str_eq(text_of(DEVICES "/3:0:0:2/rescan"), two);
	ck_assert_str_eq(text_of(SCAN), scan);
}

START_TEST(all)
{
	ck_assert_int_eq(rescan(root, 1, 3, RESCAN_ALL), 0);
	expect("1", "1", "- - -");
}
END_TEST

START_TEST(one_that_is_there)
{
	ck_assert_int_eq(rescan(root, 1, 3, 2), 0);
	expect("", "1", "");
}
END_TEST

START_TEST(one_that_is_not)
{
	ck_assert_int_eq(rescan(root, 1, 3, 7), -ENXIO);
	expect("", "", "- - 7");
}
END_TEST

/* A device that goes meanwhile leaves the rest of the scan alone. */
START_TEST(vanishing_device)
{
	unlink(in_root(DEVICES "/3:0:0:1/rescan"));
	ck_assert_int_eq(rescan(root, 1, 3, RESCAN_ALL), 0);
	ck_assert_str_eq(text_of(SCAN), "- - -");
}
END_TEST

START_TEST(no_session)
{
	ck_assert_int_eq(rescan(root, 2, 3, RESCAN_ALL), -ENOENT);
	expect("", "", "");
	unlink(in_root(SCAN));
	ck_assert_int_eq(rescan(root, 1, 3, RESCAN_ALL), -ENOENT);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {all, one_that_is_there, one_that_is_not, vanishing_device,
		no_session};

	return RUN_TESTS_IN("rescan", tests, set_up, root_close);
}
