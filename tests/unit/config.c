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

int main(void)
{
	const TTest *const tests[] = {initiator_name, no_initiator_name,
		initiator_name_behind_a_link, programs_settings,
		new_records_take_the_configuration, faults_are_told_once, other_files};

	return RUN_TESTS("config", tests);
}
