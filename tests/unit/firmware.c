/* SPDX-License-Identifier: MIT */
/* What the firmware says, with tables that are wrong in every way. */
#include "firmware.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node-root.h"

static struct firmware_targets t;

#define DIR "sys/firmware/ibft/"

static void target(const char *name, const char *address)
{
	put_text(DIR "target0/flags", "3\n");
	put_text(DIR "target0/target-name", name);
	put_text(DIR "target0/ip-addr", address);
}

START_TEST(nothing)
{
	ck_assert_int_eq(firmware_read(root, &t), 0);
	ck_assert_uint_eq(t.n, 0);
}
END_TEST

START_TEST(whole)
{
	target("iqn.2020-01.x:boot\n", "10.0.0.1\n");
	put_text(DIR "target0/port", "3261\n");
	put_text(DIR "target0/nic-assoc", "0\n");
	put_text(DIR "target0/chap-secret", " with blanks inside \n");
	put_text(DIR "ethernet0/flags", "1\n");
	put_text(DIR "ethernet0/mac", "00:11:22:AA:bb:cc\n");
	put_text(DIR "ethernet0/origin", "3\n");
	put_text(DIR "ethernet0/vlan", "7\n");
	put_text(DIR "ethernet0/ip-addr", "0.0.0.0\n");
	put_text(DIR "initiator/initiator-name", "iqn.2020-01.x:me\n");
	put_text("sys/class/net/eth5/address", "00:11:22:aa:bb:cc\n");
	ck_assert_int_eq(firmware_read(root, &t), 0);
	ck_assert_uint_eq(t.n, 1);
	ck_assert_str_eq(t.items[0].target, "iqn.2020-01.x:boot");
	ck_assert_str_eq(t.items[0].address, "10.0.0.1");
	ck_assert_int_eq(t.items[0].port, 3261);
	ck_assert_str_eq(t.items[0].password, "with blanks inside");
	ck_assert_str_eq(t.items[0].initiator, "iqn.2020-01.x:me");
	ck_assert_str_eq(t.items[0].netdev, "eth5");
	ck_assert_str_eq(t.items[0].vlan_id, "7");
	ck_assert(t.items[0].dhcp);
	ck_assert_ptr_null(t.items[0].ipaddress);
	ck_assert_ptr_null(t.items[0].username);
	firmware_clear(&t);
	ck_assert_uint_eq(t.n, 0);
}
END_TEST

START_TEST(targets_that_are_none)
{
	static const struct {
		const char *name, *address;
	} bad[] = {
		{"", "10.0.0.1"},
		{"../../etc/passwd", "10.0.0.1"},
		{"iqn.2020-01.x:a\nb", "10.0.0.1"},
		{"iqn.2020-01.x:a", ""},
		{"iqn.2020-01.x:a", "0.0.0.0"},
		{"iqn.2020-01.x:a", "$(reboot)"},
		{"iqn.2020-01.x:a", "10.0.0.1\n10.0.0.2"},
		{"\xff\x00", "10.0.0.1"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		target(bad[i].name, bad[i].address);
		ck_assert_int_eq(firmware_read(root, &t), 0);
		ck_assert_msg(t.n == 0, "%zu", i);
	}
	target("iqn.2020-01.x:a", "10.0.0.1");
	put_text(DIR "target0/flags", "2\n"); /* not valid */
	ck_assert_int_eq(firmware_read(root, &t), 0);
	ck_assert_uint_eq(t.n, 0);
}
END_TEST

START_TEST(values_that_are_none)
{
	char *huge = malloc(5001);

	memset(huge, 'x', 5000);
	huge[5000] = '\0';
	target("iqn.2020-01.x:a", "10.0.0.1");
	put_text(DIR "target0/port", "99999\n");
	put_text(DIR "target0/nic-assoc", "-1\n");
	put_text(DIR "target0/chap-name", "a\033[2Jb\n");
	put_text(DIR "target0/chap-secret", huge);
	put_text(DIR "initiator/initiator-name", "nobody\n");
	ck_assert_int_eq(firmware_read(root, &t), 0);
	ck_assert_uint_eq(t.n, 1);
	ck_assert_int_eq(t.items[0].port, 3260);
	ck_assert_ptr_null(t.items[0].username);
	ck_assert_ptr_null(t.items[0].password);
	ck_assert_ptr_null(t.items[0].initiator);
	firmware_clear(&t);
	free(huge);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {nothing, whole, targets_that_are_none, values_that_are_none};

	return RUN_TESTS("firmware", tests);
}
