/* SPDX-License-Identifier: MIT */
#include "name.h"

#include "node-root.h"

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const char *const good_names[] = {
	"iqn.2001-04.com.example:storage.disk1",
	"iqn.1991-05.com.microsoft:HOST",
	"iqn.2019-01.com.example:with_underscore",
	"iqn.x",
	"IQN.2001-04.com.example",
	"iqn.2001-04.com.example:plattenstück",
	"eui.02004567A425678D",
	"naa.52004567ba64678d",
	"naa.62004567BA64678D0123456789ABCDEF",
};

static const char *const bad_names[] = {
	"",
	"x",
	"iqn",
	"iqn.",
	"iqnx2001",
	"com.example",
	"/etc/passwd",
	"../iqn.x",
	"iqn.x/../../y",
	"iqn.x y",
	"iqn.x\n",
	"iqn.x\ty",
	"iqn.x\x7f",
	"iqn.x,y",
	"iqn.x;y",
	"iqn.x\\y",
	"iqn.x%y",
	"iqn.x'",
	"eui.",
	"eui.02004567A425678",
	"eui.02004567A425678DA",
	"eui.02004567A425678G",
	"naa.52004567ba64678",
	"naa.52004567ba64678d52004567",
};

START_TEST(names)
{
	char longest[ISCSI_NAME_MAX + 2] = "iqn.";

	for (size_t i = 0; i < LEN(good_names); i++)
		ck_assert_msg(!iscsi_name_fault(good_names[i]), "%s", good_names[i]);
	for (size_t i = 0; i < LEN(bad_names); i++)
		ck_assert_msg(iscsi_name_fault(bad_names[i]) != NULL, "%s", bad_names[i]);
	memset(longest + 4, 'a', ISCSI_NAME_MAX - 4);
	ck_assert_ptr_null(iscsi_name_fault(longest));
	longest[ISCSI_NAME_MAX] = 'a';
	ck_assert_str_eq(iscsi_name_fault(longest), "is longer than 223 bytes");
}
END_TEST

static const char *const good_addresses[] = {
	"10.0.0.1",
	"host",
	"my-host_1.example.com",
	"fd00::1",
	"fd00:0:0::1",
	"::ffff:1.2.3.4",
	"fe80::1%eth0",
	"fe80::1%bond0.12",
};

static const char *const bad_addresses[] = {
	"",
	".",
	"..",
	".hidden",
	"a/b",
	"a b",
	"a,b",
	"[fd00::1]",
	"a\n",
	"höst",
	"a:b:c",
	"1.2.3.4:5",
	"fd00:::1",
	"fe80::1%",
	"fe80::1%a%b",
	"host%eth0",
	"1:2:3:4:5:6:7:8:9",
	"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0001",
};

START_TEST(addresses)
{
	char longest[ISCSI_ADDRESS_MAX + 2] = "";

	for (size_t i = 0; i < LEN(good_addresses); i++)
		ck_assert_msg(!iscsi_address_fault(good_addresses[i]), "%s", good_addresses[i]);
	for (size_t i = 0; i < LEN(bad_addresses); i++)
		ck_assert_msg(
			iscsi_address_fault(bad_addresses[i]) != NULL, "%s", bad_addresses[i]);
	memset(longest, 'a', ISCSI_ADDRESS_MAX);
	ck_assert_ptr_null(iscsi_address_fault(longest));
	longest[ISCSI_ADDRESS_MAX] = 'a';
	ck_assert_ptr_nonnull(iscsi_address_fault(longest));
}
END_TEST

START_TEST(ifacenames)
{
	static const char *const good[] = {
		"default", "iser", "tcp.aa:bb:cc:dd:ee:ff.ipv4.0", "10.0.0.1:3260:vol", "é"};
	static const char *const bad[] = {"", ".", "..", ".x", "a/b", "a b", "a\tb", "a\n", "\x7f"};
	char longest[66] = "";

	for (size_t i = 0; i < LEN(good); i++)
		ck_assert_msg(!iscsi_ifacename_fault(good[i]), "%s", good[i]);
	for (size_t i = 0; i < LEN(bad); i++)
		ck_assert_msg(iscsi_ifacename_fault(bad[i]) != NULL, "%s", bad[i]);
	memset(longest, 'a', 64);
	ck_assert_ptr_null(iscsi_ifacename_fault(longest));
	longest[64] = 'a';
	ck_assert_ptr_nonnull(iscsi_ifacename_fault(longest));
}
END_TEST

static const struct {
	const char *text, *address;
	int port, tpgt;
} portals[] = {
	{"1.2.3.4", "1.2.3.4", -1, -1},
	{"1.2.3.4:5", "1.2.3.4", 5, -1},
	{"1.2.3.4,7", "1.2.3.4", -1, 7},
	{"1.2.3.4:65535,65535", "1.2.3.4", 65535, 65535},
	{"1.2.3.4:00003,0", "1.2.3.4", 3, 0},
	{"host", "host", -1, -1},
	{"my.host:5,7", "my.host", 5, 7},
	{"fd00::1", "fd00::1", -1, -1},
	{"fd00::1,7", "fd00::1", -1, 7},
	{"[fd00::1]", "fd00::1", -1, -1},
	{"[fd00::1]:5", "fd00::1", 5, -1},
	{"[fd00::1]:5,7", "fd00::1", 5, 7},
	{"[fd00::1],7", "fd00::1", -1, 7},
	{"[::ffff:1.2.3.4]:5,7", "::ffff:1.2.3.4", 5, 7},
	{"::ffff:1.2.3.4", "::ffff:1.2.3.4", -1, -1},
	{"fe80::1%eth0", "fe80::1%eth0", -1, -1},
	{"[fe80::1%eth0]:5,7", "fe80::1%eth0", 5, 7},
	/* how hosts without a dot are listed */
	{"[host]:3260,1", "host", 3260, 1},
};

static const char *const bad_portals[] = {
	"",
	":5",
	",7",
	":5,7",
	"[fd00::1",
	"[fd00::1:5",
	"[]:5",
	"[fd00::1]5",
	"fd00::1]",
	"1.2.3.4:",
	"1.2.3.4:0",
	"1.2.3.4:65536",
	"1.2.3.4:99999",
	"1.2.3.4:4294967297",
	"1.2.3.4:-1",
	"1.2.3.4:+1",
	"1.2.3.4: 1",
	"1.2.3.4:x",
	"1.2.3.4:5x",
	"1.2.3.4,",
	"1.2.3.4,65536",
	"1.2.3.4,-1",
	"1.2.3.4:5,7,9",
	"1.2.3.4:5,7:9",
	"1.2.3.4,7:5",
	"1.2.3.4:5:6",
	"..:5",
	"a/b:5",
	"a b",
	"host\n:5",
};

START_TEST(portal)
{
	struct iscsi_portal p, before;
	char text[ISCSI_ADDRESS_MAX + 8];

	for (size_t i = 0; i < LEN(portals); i++) {
		ck_assert_msg(!iscsi_portal_parse(portals[i].text, &p), "%s", portals[i].text);
		ck_assert_str_eq(p.address, portals[i].address);
		ck_assert_int_eq(p.port, portals[i].port);
		ck_assert_int_eq(p.tpgt, portals[i].tpgt);
	}
	before = p;
	for (size_t i = 0; i < LEN(bad_portals); i++)
		ck_assert_msg(iscsi_portal_parse(bad_portals[i], &p) != NULL, "%s", bad_portals[i]);
	ck_assert_mem_eq(&p, &before, sizeof(p));
	memset(text, 'a', ISCSI_ADDRESS_MAX);
	strcpy(text + ISCSI_ADDRESS_MAX, ":5,7");
	ck_assert_ptr_null(iscsi_portal_parse(text, &p));
	ck_assert_uint_eq(strlen(p.address), ISCSI_ADDRESS_MAX);
	strcpy(text + ISCSI_ADDRESS_MAX, "a:5");
	ck_assert_ptr_nonnull(iscsi_portal_parse(text, &p));
}
END_TEST

START_TEST(brackets)
{
	ck_assert(!iscsi_address_in_brackets("10.0.0.1"));
	ck_assert(iscsi_address_in_brackets("fd00::1"));
	ck_assert(iscsi_address_in_brackets("host"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {names, addresses, ifacenames, portal, brackets};

	return RUN_TESTS_IN("name", tests, NULL, NULL);
}
