/* SPDX-License-Identifier: MIT */
#include "node-root.h"

#include <errno.h>
#include <sys/utsname.h>

#define CONF "etc/iscsi/iscsid.conf"
#define NAME "etc/iscsi/initiatorname.iscsi"

static const struct iscsi_node_id a1 = {"iqn.2020-01.x:a", "10.0.0.1", 3260, 1, "default"};

static struct iscsi_node *new_node(void)
{
	struct iscsi_node *n;

	ck_assert_int_eq(iscsi_node_new(db, &a1, &n), 0);
	return n;
}

static void initiator_is(const char *text, const char *name, const char *alias)
{
	char *got_name, *got_alias;
	struct utsname host;

	put_text(NAME, text);
	ck_assert_int_eq(iscsi_db_initiator(db, &got_name, &got_alias), 0);
	ck_assert_str_eq(got_name, name);
	/* Where the file has none, it is the host's name. */
	ck_assert_int_eq(uname(&host), 0);
	ck_assert_str_eq(got_alias, alias ? alias : host.nodename);
	free(got_name);
	free(got_alias);
}

START_TEST(initiator_name)
{
	static const char iqn[] = "iqn.1993-08.org.debian:01:abc";

	initiator_is("InitiatorName=iqn.1993-08.org.debian:01:abc\n", iqn, NULL);
	initiator_is("## DO NOT EDIT\n## InitiatorName=iqn.x:no\n\n"
		     "InitiatorName=iqn.1993-08.org.debian:01:abc \n",
		iqn, NULL);
	initiator_is("InitiatorName=iqn.1993-08.org.debian:01:abc", iqn, NULL);
	initiator_is("GenerateName=yes\nInitiatorName = iqn.1993-08.org.debian:01:abc\r\n"
		     "InitiatorAlias=my host # one\n",
		iqn, "my host # one");
	initiator_is("InitiatorAlias=x\nInitiatorName=iqn.1993-08.org.debian:01:abc\n"
		     "InitiatorName=iqn.2000-01.second:x\n",
		iqn, "x");
}
END_TEST

START_TEST(no_initiator_name)
{
	static const char *const bad[] = {"InitiatorName=nonsense\n",
		"InitiatorName=iqn.2000-01.x:a b\n", "InitiatorName=iqn.2000-01.x:a/b\n"};
	static const char *const none[] = {
		"", "GenerateName=yes\n", "#InitiatorName=iqn.x:y\n", "InitiatorName=\n"};
	char *name = NULL, *alias = NULL;

	ck_assert_int_eq(iscsi_db_initiator(db, &name, &alias), -ENOENT);
	for (size_t i = 0; i < 4; i++) {
		put_text(NAME, none[i]);
		ck_assert_int_eq(iscsi_db_initiator(db, &name, &alias), -ENOENT);
		ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), NAME));
	}
	for (size_t i = 0; i < 3; i++) {
		put_text(NAME, bad[i]);
		ck_assert_int_eq(iscsi_db_initiator(db, &name, &alias), -EINVAL);
		ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), NAME));
	}
	ck_assert_ptr_null(name);
}
END_TEST

START_TEST(initiator_name_behind_a_link)
{
	put_text("run/name", "InitiatorName=iqn.2000-01.x:linked\n");
	put_text("etc/iscsi/x", "");
	ck_assert_int_eq(symlink(in_root("run/name"), in_root(NAME)), 0);
	char *name, *alias;

	ck_assert_int_eq(iscsi_db_initiator(db, &name, &alias), 0);
	ck_assert_str_eq(name, "iqn.2000-01.x:linked");
	free(name);
	free(alias);
}
END_TEST

START_TEST(programs_settings)
{
	char *value = NULL;

	ck_assert_int_eq(iscsi_db_config_get(db, "iscsid.startup", &value), -ENOENT);
	put_text(CONF, "# iscsid.startup = no\niscsid.startup = /bin/systemctl start x = y # z\n"
		       "iscsid.startup = second\niscsid.safe_logout=Yes\niscsid.empty =\n");
	ck_assert_int_eq(iscsi_db_config_get(db, "iscsid.startup", &value), 0);
	ck_assert_str_eq(value, "/bin/systemctl start x = y # z");
	free(value);
	ck_assert_int_eq(iscsi_db_config_get(db, "iscsid.safe_logout", &value), 0);
	ck_assert_str_eq(value, "Yes");
	free(value);
	ck_assert_int_eq(iscsi_db_config_get(db, "iscsid.empty", &value), -ENOENT);
	ck_assert_int_eq(iscsi_db_config_get(db, "startup", &value), -ENOENT);
}
END_TEST

START_TEST(new_records_take_the_configuration)
{
	struct iscsi_node *n;

	put_text(CONF, "node.startup = automatic\nnode.session.auth.password = a=b\n"
		       "node.conn[0].timeo.login_timeout = 15\nnode.name = iqn.2020-01.x:other\n"
		       "node.conn[0].address = 9.9.9.9\nnode.discovery_type = fw\n"
		       "node.discovery_address = 9.9.9.9\niface.net_ifacename = v1\n"
		       "discovery.sendtargets.reopen_max = 9\nvendor.key = x\n");
	n = new_node();
	ck_assert_str_eq(iscsi_node_get(n, "node.startup"), "automatic");
	ck_assert_str_eq(iscsi_node_get(n, "node.session.auth.password"), "a=b");
	ck_assert_str_eq(iscsi_node_get(n, "node.conn[0].timeo.login_timeout"), "15");
	ck_assert_str_eq(iscsi_node_get(n, "node.name"), "iqn.2020-01.x:a");
	ck_assert_str_eq(iscsi_node_get(n, "node.conn[0].address"), "10.0.0.1");
	ck_assert_str_eq(iscsi_node_get(n, "node.discovery_type"), "static");
	ck_assert_str_eq(iscsi_node_get(n, "node.discovery_address"), "");
	ck_assert_str_eq(iscsi_node_get(n, "iface.net_ifacename"), "v1");
	iscsi_node_free(n);
	/* as it is now */
	put_text(CONF, "node.startup = onboot");
	n = new_node();
	ck_assert_str_eq(iscsi_node_get(n, "node.startup"), "onboot");
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	iscsi_node_free(n);
	/* and stored records do not */
	put_text(CONF, "node.startup = automatic\nnode.session.cmds_max = 5\n");
	ck_assert_int_eq(iscsi_db_load(db, &a1, &n), 0);
	ck_assert_str_eq(iscsi_node_get(n, "node.startup"), "onboot");
	ck_assert_str_eq(iscsi_node_get(n, "node.session.cmds_max"), "128");
	iscsi_node_free(n);
	ck_assert_ptr_null(
		strstr(text_of("etc/iscsi/nodes/iqn.2020-01.x:a/10.0.0.1,3260,1/default"),
			"vendor"));
}
END_TEST

START_TEST(faults_are_told_once)
{
	put_text(CONF, "node.startup = nonsense\n");
	iscsi_node_free(new_node());
	iscsi_node_free(new_node());
	ck_assert_ptr_nonnull(strstr(warnings, CONF ":1: "));
	ck_assert_ptr_eq(strchr(warnings, '\n') + 1, warnings + strlen(warnings));
}
END_TEST

START_TEST(other_files)
{
	char *conf, *name, *alias;
	struct iscsi_node *n;

	put_text(CONF, "node.startup = automatic\n");
	put_text("other.conf", "node.startup = onboot\n");
	put_text(NAME, "InitiatorName=iqn.2020-01.x:usual\n");
	put_text("other.name", "InitiatorName=iqn.2020-01.x:other\n");
	iscsi_db_close(db);
	conf = strdup(in_root("other.conf"));
	ck_assert_int_eq(iscsi_db_open_files(root, conf, in_root("other.name"), &db), 0);
	free(conf);
	n = new_node();
	ck_assert_str_eq(iscsi_node_get(n, "node.startup"), "onboot");
	iscsi_node_free(n);
	ck_assert_int_eq(iscsi_db_initiator(db, &name, &alias), 0);
	ck_assert_str_eq(name, "iqn.2020-01.x:other");
	free(name);
	free(alias);
}
END_TEST

START_TEST(drop_ins)
{
	struct iscsi_node *n;
	char *value;

	put_text(CONF, "node.startup = automatic\nnode.session.cmds_max = 1\niscsid.startup = a\n");
	put_text(CONF ".d/20-b.conf", "node.session.cmds_max = 3\niscsid.startup = c\n");
	put_text(CONF ".d/10-a.conf", "node.session.cmds_max = 2\nnode.session.queue_depth = 2\n"
				      "iscsid.startup = b\nnode.session.scan\n");
	put_text(CONF ".d/30.conf.bak", "node.session.cmds_max = 4\n");
	put_text(CONF ".d/.40.conf", "node.session.cmds_max = 5\n");
	put_text(CONF ".d/.conf", "node.session.cmds_max = 6\n");
	n = new_node();
	ck_assert_str_eq(iscsi_node_get(n, "node.startup"), "automatic");
	ck_assert_str_eq(iscsi_node_get(n, "node.session.cmds_max"), "3");
	ck_assert_str_eq(iscsi_node_get(n, "node.session.queue_depth"), "2");
	iscsi_node_free(n);
	ck_assert_ptr_nonnull(strstr(warnings, CONF ".d/10-a.conf:4: "));
	ck_assert_int_eq(iscsi_db_config_get(db, "iscsid.startup", &value), 0);
	ck_assert_str_eq(value, "c");
	free(value);
}
END_TEST

START_TEST(drop_ins_without_the_file)
{
	struct iscsi_node *n;

	put_text(CONF ".d/x.conf", "node.startup = onboot\n");
	n = new_node();
	ck_assert_str_eq(iscsi_node_get(n, "node.startup"), "onboot");
	iscsi_node_free(n);
}
END_TEST

static void set_filters(const char *allow, const char *deny)
{
	char text[1024];

	iscsi_db_close(db);
	snprintf(text, sizeof(text), "discovery.portal_allow = %s\ndiscovery.portal_deny = %s\n",
		allow, deny);
	put_text(CONF, text);
	ck_assert_int_eq(iscsi_db_open(root, &db), 0);
}

START_TEST(portals_are_filtered)
{
	static const struct {
		const char *allow, *deny, *address;
		int allowed;
	} cases[] = {
		{"", "", "10.0.0.1", 1},
		{"", "", "host.example.org", 1},
		{"10.0.0.1", "", "10.0.0.1", 1},
		{"10.0.0.1", "", "10.0.0.2", 0},
		{"10.0.0.1", "", "10.0.0.11", 0},
		{"10.0.0.0/8", "", "10.255.0.1", 1},
		{"10.0.0.0/8", "", "11.0.0.1", 0},
		{"10.1.2.3/8", "", "10.255.0.1", 1},
		{"10.0.0.0/9", "", "10.128.0.1", 0},
		{"0.0.0.0/0", "", "1.2.3.4", 1},
		{"0.0.0.0/0", "", "fd00::1", 0},
		{"::/0", "", "fd00::1", 1},
		{"::/0", "", "1.2.3.4", 1}, /* IPv4 is a part of it */
		{"10.0.0.1,10.0.0.2", "", "10.0.0.2", 1},
		{"10.0.0.1 10.0.0.2", "", "10.0.0.2", 1},
		{"fd00::/16", "", "fd00:1::1", 1},
		{"fd00::/16", "", "fd01::1", 0},
		{"fd00::1", "", "fd00:0:0::1", 1},
		{"", "fe80::/10", "fe80::1%eth0", 0},
		{"", "fe80::/10", "febf::1", 0},
		{"", "fe80::/10", "fec0::1", 1},
		{"", "169.254.0.0/16", "169.254.1.1", 0},
		{"", "169.254.0.0/16", "::ffff:169.254.1.1", 0},
		{"", "::ffff:10.0.0.0/104", "10.0.0.1", 0},
		{"10.0.0.0/8", "10.1.0.0/16", "10.1.0.1", 0},
		{"10.0.0.0/8", "10.1.0.0/16", "10.2.0.1", 1},
		{"10.1.0.1", "10.0.0.0/8", "10.1.0.1", 0},
		{"10.0.0.0/8", "", "host.example.org", 0},
		{"Host.example.org", "", "host.example.org", 1},
		{"", "host.example.org", "host.example.org", 0},
		{"", "10.0.0.0/8", "host.example.org", 1},
		{"10.0.0.0/33", "", "10.0.0.1", -EINVAL},
		{"10.0.0/8", "", "10.0.0.1", -EINVAL},
		{"10.0.0", "", "10.0.0.1", -EINVAL},
		{"fd00::/129", "", "10.0.0.1", -EINVAL},
		{"fd00:::1", "", "10.0.0.1", -EINVAL},
		{"10.0.0.1/", "", "10.0.0.1", -EINVAL},
		{"10.0.0.1/-1", "", "10.0.0.1", -EINVAL},
		{"host/8", "", "10.0.0.1", -EINVAL},
		{"", "fe80::1%eth0", "10.0.0.1", -EINVAL},
		{"", "10.0.0.1 # not that", "10.0.0.1", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r;

		set_filters(cases[i].allow, cases[i].deny);
		r = iscsi_db_portal_allowed(db, cases[i].address);
		ck_assert_msg(r == cases[i].allowed, "%zu: %d %s", i, r, iscsi_db_error(db));
		ck_assert_int_eq(r < 0, *iscsi_db_error(db) != '\0');
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {drop_ins, drop_ins_without_the_file, portals_are_filtered, initiator_name, no_initiator_name,
		initiator_name_behind_a_link, programs_settings,
		new_records_take_the_configuration, faults_are_told_once, other_files};

	return RUN_TESTS("config", tests);
}
