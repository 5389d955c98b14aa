/* SPDX-License-Identifier: MIT */
#include "node-root.h"

#include <errno.h>

#define IFACES "etc/iscsi/ifaces/"

static const struct iscsi_node_id a1 = {"iqn.2020-01.x:a", "10.0.0.1", 3260, 1, "default"};

static struct iscsi_node *n;

static void setup(void)
{
	root_open();
	put_text(IFACES "if1", "# BEGIN RECORD 2.1.8\niface.iscsi_ifacename = if1\n"
			       "iface.net_ifacename = eth1\niface.transport_name = tcp\n"
			       "iface.initiatorname = iqn.2020-01.me:1\nvendor.key = 1\n"
			       "node.startup = automatic\n# END RECORD\n");
	put_text(IFACES "hw", "iface.transport_name = be2iscsi\niface.mtu = 9000\n");
	put_text(IFACES "a:b", "iface.hwaddress = 00:11:22:33:44:55\n");
	put_text(IFACES "default", "iface.transport_name = tcp\n");
	put_text(IFACES "iface.example", "iface.transport_name = tcp\n");
	put_text(IFACES ".if1.1234abcd", "iface.transport_name = tcp\n");
	ck_assert_int_eq(iscsi_node_new(db, &a1, &n), 0);
}

static void teardown(void)
{
	iscsi_node_free(n);
	root_close();
}

START_TEST(stored_interface_replaces_the_block)
{
	struct iscsi_node_id id;

	iscsi_node_set(n, "iface.hwaddress", "00:00:00:00:00:01");
	ck_assert_int_eq(iscsi_db_apply_iface(db, n, "if1"), 0);
	ck_assert_str_eq(iscsi_node_get(n, "iface.net_ifacename"), "eth1");
	ck_assert_str_eq(iscsi_node_get(n, "iface.initiatorname"), "iqn.2020-01.me:1");
	ck_assert_str_eq(iscsi_node_get(n, "iface.hwaddress"), "");
	ck_assert_str_eq(iscsi_node_get(n, "node.startup"), "manual");
	iscsi_node_get_id(n, &id);
	ck_assert_str_eq(id.iface, "if1");
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	ck_assert_ptr_null(strstr(
		text_of("etc/iscsi/nodes/iqn.2020-01.x:a/10.0.0.1,3260,1/if1"), "vendor"));
}
END_TEST

START_TEST(file_name_is_the_name)
{
	ck_assert_int_eq(iscsi_db_apply_iface(db, n, "a:b"), 0);
	ck_assert_str_eq(iscsi_node_get(n, "iface.iscsi_ifacename"), "a:b");
	ck_assert_str_eq(iscsi_node_get(n, "iface.transport_name"), "tcp");
	ck_assert_str_eq(iscsi_node_get(n, "iface.hwaddress"), "00:11:22:33:44:55");
}
END_TEST

START_TEST(built_in_interfaces)
{
	ck_assert_int_eq(iscsi_db_apply_iface(db, n, "iser"), 0);
	ck_assert_str_eq(iscsi_node_get(n, "iface.iscsi_ifacename"), "iser");
	ck_assert_str_eq(iscsi_node_get(n, "iface.transport_name"), "iser");
	ck_assert_int_eq(iscsi_db_apply_iface(db, n, "default"), 0);
	ck_assert_str_eq(iscsi_node_get(n, "iface.iscsi_ifacename"), "default");
	ck_assert_str_eq(iscsi_node_get(n, "iface.transport_name"), "tcp");
}
END_TEST

START_TEST(interfaces_that_are_none)
{
	static const char *const bad[] = {"", ".", "..", "../iscsid.conf", "a/b", "a\nb", ".hid"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(iscsi_db_apply_iface(db, n, bad[i]), -EINVAL);
	ck_assert_int_eq(iscsi_db_apply_iface(db, n, "nosuch"), -ENOENT);
	put_text(IFACES "empty", "");
	ck_assert_int_eq(iscsi_db_apply_iface(db, n, "empty"), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), IFACES "empty"));
}
END_TEST

static char found[200];

static int note(void *data, struct iscsi_iface *f)
{
	strcat(strcat(found, iscsi_iface_get(f, "iface.iscsi_ifacename")), " ");
	return data ? 7 : 0;
}

START_TEST(all_that_are_stored)
{
	ck_assert_int_eq(iscsi_db_each_iface(db, note, NULL), 0);
	ck_assert_str_eq(found, "a:b hw if1 ");
	ck_assert_int_eq(iscsi_db_each_iface(db, note, found), 7);
	ck_assert_str_eq(found, "a:b hw if1 a:b ");
	/* a bad one hurts itself only */
	put_text(IFACES "empty", "");
	*found = '\0';
	ck_assert_int_eq(iscsi_db_each_iface(db, note, NULL), 0);
	ck_assert_str_eq(found, "a:b hw if1 ");
	ck_assert_ptr_nonnull(strstr(warnings, "empty"));
}
END_TEST

static int count_lines(void *data, const char *key, const char *value, bool secret)
{
	(void)value;
	(void)secret;
	ck_assert_ptr_nonnull(strstr(key, "iface."));
	return ++*(int *)data < 0;
}

START_TEST(interface_record)
{
	static const struct iscsi_setting good[] = {
		{"iface.net_ifacename", "eth7"}, {"iface.mtu", "9000"}};
	static const struct iscsi_setting bad[] = {
		{"iface.mtu", "1"}, {"iface.hwaddress", "00:11:22:33:44:55"}};
	struct iscsi_iface *f;
	size_t at = 9;
	int lines = 0;

	ck_assert_int_eq(iscsi_iface_new("new", &f), 0);
	ck_assert_int_eq(iscsi_iface_add(db, f), 0);
	ck_assert_int_eq(iscsi_iface_add(db, f), -EEXIST);
	ck_assert_int_eq(iscsi_iface_store(db, f), 0);
	/* an IPv4 interface has 55 keys; 18 of them are not empty, and stored */
	ck_assert_int_eq(iscsi_iface_each(f, count_lines, &lines), 0);
	ck_assert_int_eq(lines, 55);
	ck_assert_str_eq(iscsi_iface_get(f, "iface.discovery_logout"), "");
	ck_assert_ptr_null(iscsi_iface_get(f, "node.name"));
	iscsi_iface_free(f);

	ck_assert_int_eq(iscsi_iface_update(db, "new", good, 2, &at), 0);
	ck_assert_int_eq(iscsi_iface_update(db, "new", bad, 2, &at), ISCSI_UPDATE_BINDING);
	ck_assert_uint_eq(at, 1);
	ck_assert_int_eq(iscsi_iface_load(db, "new", &f), 0);
	ck_assert_str_eq(iscsi_iface_get(f, "iface.net_ifacename"), "eth7");
	ck_assert_str_eq(iscsi_iface_get(f, "iface.mtu"), "9000");
	iscsi_iface_free(f);

	ck_assert_int_eq(iscsi_iface_update(db, "default", good, 2, &at), -EINVAL);
	ck_assert_int_eq(iscsi_iface_delete(db, "default"), -EINVAL);
	ck_assert_int_eq(iscsi_iface_delete(db, "../iscsid.conf"), -EINVAL);
	ck_assert_int_eq(iscsi_iface_delete(db, "new"), 0);
	ck_assert_int_eq(iscsi_iface_delete(db, "new"), -ENOENT);
	ck_assert_int_eq(iscsi_iface_load(db, "new", &f), -ENOENT);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {stored_interface_replaces_the_block, file_name_is_the_name,
		built_in_interfaces, interfaces_that_are_none, all_that_are_stored,
		interface_record};

	return RUN_TESTS_IN("iface", tests, setup, teardown);
}
