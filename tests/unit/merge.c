/* SPDX-License-Identifier: MIT */
/* Discovery records, and what a discovery does to the node records. */
#include "node-root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/wait.h>

#define SOURCE "etc/iscsi/send_targets/10.0.0.9,3260"

static const struct iscsi_node_id a = {"iqn.2020-01.x:a", "10.0.0.1", 3260, 1, "default"};
static const struct iscsi_node_id b = {"iqn.2020-01.x:b", "10.0.0.1", 3260, 1, "default"};
static const struct iscsi_node_id c = {"iqn.2020-01.x:c", "fd00::1", 3260, 2, "default"};
static const struct iscsi_node_id a_if1 = {"iqn.2020-01.x:a", "10.0.0.1", 3260, 1, "if1"};

#define PORTAL(a, p)                           \
	&(struct iscsi_source)                 \
	{                                      \
		ISCSI_SOURCE_SENDTARGETS, a, p \
	}

static struct iscsi_discovery *new_source(const char *address)
{
	struct iscsi_discovery *d;

	ck_assert_int_eq(iscsi_discovery_new(db, PORTAL(address, 3260), &d), 0);
	return d;
}

static void store_source(const char *address)
{
	struct iscsi_discovery *d = new_source(address);

	ck_assert_int_eq(iscsi_discovery_store(db, d), 0);
	iscsi_discovery_free(d);
}

/* Which ids the source announces this time. */
static int merge_from(const char *address, unsigned int how,
	bool (*keep)(void *data, const struct iscsi_node_id *id), size_t n,
	const struct iscsi_node_id *const *ids)
{
	struct iscsi_node *nodes[4];
	int r;

	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(iscsi_node_new(db, ids[i], &nodes[i]), 0);
	r = iscsi_db_merge(db, PORTAL(address, 3260), nodes, n, how, keep, NULL);
	for (size_t i = 0; i < n; i++)
		iscsi_node_free(nodes[i]);
	return r;
}

#define MERGE(how, keep, ...)                                                                   \
	ck_assert_int_eq(                                                                       \
		merge_from("10.0.0.9", how, keep,                                               \
			sizeof((const struct iscsi_node_id *[]){__VA_ARGS__}) / sizeof(void *), \
			(const struct iscsi_node_id *[]){__VA_ARGS__}),                         \
		0)
#define ALL (ISCSI_MERGE_NEW | ISCSI_MERGE_UPDATE | ISCSI_MERGE_DELETE)

static void mark(const struct iscsi_node_id *id)
{
	size_t which;

	ck_assert_int_eq(iscsi_db_update(db, id, &(struct iscsi_setting){"node.startup", "onboot"},
				 1, &which),
		0);
}

/* '-': no record, 'n': a new one, 'm': the marked one. */
static char state(const struct iscsi_node_id *id)
{
	struct iscsi_node *n;
	char s;

	if (iscsi_db_load(db, id, &n) < 0)
		return '-';
	s = strcmp(iscsi_node_get(n, "node.startup"), "onboot") == 0 ? 'm' : 'n';
	iscsi_node_free(n);
	return s;
}

static bool keep_all(void *data, const struct iscsi_node_id *id)
{
	(void)data, (void)id;
	return true;
}

START_TEST(operations)
{
	/* a is announced again, b is new, c is no longer announced */
	static const struct {
		unsigned int how;
		char a, b, c;
	} cases[] = {
		{ALL, 'n', 'n', '-'},
		{ISCSI_MERGE_NEW, 'm', 'n', 'm'},
		{ISCSI_MERGE_UPDATE, 'n', 'n', 'm'},
		{ISCSI_MERGE_DELETE, 'm', '-', '-'},
		{ISCSI_MERGE_NEW | ISCSI_MERGE_DELETE, 'm', 'n', '-'},
		{0, 'm', '-', 'm'},
	};

	store_source("10.0.0.9");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		iscsi_db_delete(db, &b);
		MERGE(ALL, NULL, &a, &c);
		mark(&a);
		mark(&c);
		MERGE(cases[i].how, NULL, &a, &b);
		ck_assert_int_eq(state(&a), cases[i].a);
		ck_assert_int_eq(state(&b), cases[i].b);
		ck_assert_int_eq(state(&c), cases[i].c);
	}
}
END_TEST

START_TEST(links_and_source)
{
	struct iscsi_node *n;

	store_source("10.0.0.9");
	MERGE(ALL, NULL, &a, &c);
	ck_assert(there(SOURCE "/iqn.2020-01.x:a,10.0.0.1,3260,1,default"));
	ck_assert(there(SOURCE "/iqn.2020-01.x:c,fd00::1,3260,2,default"));
	ck_assert_int_eq(iscsi_db_load(db, &a, &n), 0);
	ck_assert_str_eq(iscsi_node_get(n, "node.discovery_type"), "send_targets");
	ck_assert_str_eq(iscsi_node_get(n, "node.discovery_address"), "10.0.0.9");
	ck_assert_str_eq(iscsi_node_get(n, "node.discovery_port"), "3260");
	iscsi_node_free(n);
	MERGE(ALL, NULL, &a);
	ck_assert(!there(SOURCE "/iqn.2020-01.x:c,fd00::1,3260,2,default"));
	ck_assert(!there("etc/iscsi/nodes/iqn.2020-01.x:c"));
}
END_TEST

START_TEST(sessions_and_empty_answers_keep_records)
{
	store_source("10.0.0.9");
	MERGE(ALL, NULL, &a, &b);
	MERGE(ALL, keep_all, &a);
	ck_assert_int_eq(state(&b), 'n');
	ck_assert_int_eq(merge_from("10.0.0.9", ALL, NULL, 0, NULL), 0);
	ck_assert_int_eq(state(&a), 'n');
}
END_TEST

START_TEST(only_records_of_the_same_source_are_deleted)
{
	struct iscsi_node *n;

	store_source("10.0.0.9");
	store_source("10.0.0.8");
	MERGE(ALL, NULL, &a, &b);
	ck_assert_int_eq(iscsi_node_new(db, &c, &n), 0);
	ck_assert_int_eq(iscsi_db_store(db, n), 0); /* static */
	iscsi_node_free(n);
	/* b moves to the other source */
	ck_assert_int_eq(
		merge_from("10.0.0.8", ALL, NULL, 1, (const struct iscsi_node_id *[]){&b}), 0);
	ck_assert_int_eq(state(&a), 'n');
	MERGE(ALL, NULL, &a);
	ck_assert_int_eq(state(&b), 'n');
	ck_assert_int_eq(state(&c), 'n');
	/* a link that is left over does not bind it to its old source */
	ck_assert_int_eq(symlink("/etc/iscsi/nodes/iqn.2020-01.x:b/10.0.0.1,3260,1",
				 in_root(SOURCE "/iqn.2020-01.x:b,10.0.0.1,3260,1,default")),
		0);
	MERGE(ALL, NULL, &a);
	ck_assert_int_eq(state(&b), 'n');
}
END_TEST

START_TEST(another_interface_is_another_record)
{
	store_source("10.0.0.9");
	MERGE(ALL, NULL, &a);
	MERGE(ALL, NULL, &a_if1);
	ck_assert_int_eq(state(&a), '-');
	ck_assert_int_eq(state(&a_if1), 'n');
}
END_TEST

START_TEST(unknown_tags)
{
	struct iscsi_node_id old = a;

	old.tpgt = -1;
	store_source("10.0.0.9");
	MERGE(ALL, NULL, &old);
	ck_assert_int_eq(state(&old), 'n');
	mark(&old);
	MERGE(ISCSI_MERGE_NEW, NULL, &a); /* exists, in the old style */
	ck_assert_int_eq(state(&old), 'm');
	MERGE(ALL, NULL, &a);
	ck_assert_int_eq(state(&old), '-');
	ck_assert_int_eq(state(&a), 'n');
	mark(&a);
	MERGE(ISCSI_MERGE_NEW, NULL, &old);
	ck_assert_int_eq(state(&a), 'm');
}
END_TEST

START_TEST(junk_in_the_source_s_directory)
{
	store_source("10.0.0.9");
	ck_assert_int_eq(symlink("../../../../../etc/passwd", in_root(SOURCE "/x")), 0);
	ck_assert_int_eq(symlink("/etc/iscsi/nodes/../10.0.0.1,3260,1",
				 in_root(SOURCE "/..,10.0.0.1,3260,1,x")),
		0);
	put_text(SOURCE "/iqn.2020-01.x:z,10.0.0.1,3260,1,default", "a file");
	MERGE(ALL, NULL, &a);
	ck_assert_int_eq(merge_from("../x", ALL, NULL, 0, NULL), -EINVAL);
	ck_assert_int_eq(state(&a), 'n');
}
END_TEST

/* The file that open-iscsi 2.1.8 writes, but for the version. */
START_TEST(discovery_file_is_open_iscsi_s)
{
	store_source("10.0.0.9");
	ck_assert_str_eq(text_of(SOURCE "/st_config"),
		"# BEGIN RECORD 3.0.0\ndiscovery.startup = manual\n"
		"discovery.type = sendtargets\ndiscovery.sendtargets.address = 10.0.0.9\n"
		"discovery.sendtargets.port = 3260\n"
		"discovery.sendtargets.auth.authmethod = None\n"
		"node.session.auth.chap_algs = MD5\n"
		"discovery.sendtargets.timeo.login_timeout = 15\n"
		"discovery.sendtargets.use_discoveryd = No\n"
		"discovery.sendtargets.discoveryd_poll_inval = 30\n"
		"discovery.sendtargets.reopen_max = 5\n"
		"discovery.sendtargets.timeo.auth_timeout = 45\n"
		"discovery.sendtargets.timeo.active_timeout = 30\n"
		"discovery.sendtargets.iscsi.MaxRecvDataSegmentLength = 32768\n"
		"# END RECORD\n");
}
END_TEST

static int count_secrets(void *data, const char *key, const char *value, bool secret)
{
	(void)key, (void)value;
	*(int *)data += secret ? 100 : 1;
	return 0;
}

START_TEST(discovery_record)
{
	struct iscsi_discovery *d = NULL;
	int keys = 0;

	ck_assert_int_eq(iscsi_discovery_load(db, PORTAL("10.0.0.9", 3260), &d), -ENOENT);
	ck_assert_int_eq(iscsi_discovery_new(db, PORTAL("../x", 3260), &d), -EINVAL);
	ck_assert_int_eq(iscsi_discovery_load(db, PORTAL("..", 3260), &d), -EINVAL);
	ck_assert_int_eq(iscsi_discovery_load(db, PORTAL("10.0.0.9", 0), &d), -EINVAL);
	put_text("etc/iscsi/iscsid.conf", "discovery.sendtargets.auth.username = joe\n"
					  "node.session.auth.chap_algs = SHA1\n"
					  "node.startup = nonsense\n");
	d = new_source("10.0.0.9");
	ck_assert_str_eq(iscsi_discovery_get(d, "discovery.sendtargets.auth.username"), "joe");
	ck_assert_str_eq(iscsi_discovery_get(d, "node.session.auth.chap_algs"), "SHA1");
	ck_assert_ptr_null(iscsi_discovery_get(d, "node.startup"));
	ck_assert_int_eq(
		iscsi_discovery_set(d, "discovery.sendtargets.auth.password", "p=w"), ISCSI_SET_OK);
	ck_assert_int_eq(iscsi_discovery_set(d, "node.startup", "manual"), ISCSI_SET_UNKNOWN);
	ck_assert_int_eq(iscsi_discovery_set(d, "discovery.startup", "x"), ISCSI_SET_BAD_VALUE);
	ck_assert_int_eq(iscsi_discovery_each(d, count_secrets, &keys), 0);
	ck_assert_int_eq(keys, 215);
	ck_assert_int_eq(iscsi_discovery_add(db, d), 0);
	ck_assert_int_eq(iscsi_discovery_add(db, d), -EEXIST);
	ck_assert_int_eq(iscsi_discovery_store(db, d), 0);
	iscsi_discovery_free(d);
	ck_assert_int_eq(iscsi_discovery_load(db, PORTAL("10.0.0.9", 3260), &d), 0);
	ck_assert_str_eq(iscsi_discovery_get(d, "discovery.sendtargets.auth.password"), "p=w");
	iscsi_discovery_free(d);
}
END_TEST

START_TEST(old_style_discovery_record)
{
	struct iscsi_discovery *d;

	put_text(SOURCE, "discovery.sendtargets.reopen_max = 3\nvendor.key = v\n");
	ck_assert_int_eq(iscsi_discovery_load(db, PORTAL("10.0.0.9", 3260), &d), 0);
	ck_assert_str_eq(iscsi_discovery_get(d, "discovery.sendtargets.reopen_max"), "3");
	ck_assert_int_eq(iscsi_discovery_store(db, d), 0);
	iscsi_discovery_free(d);
	ck_assert_ptr_nonnull(strstr(text_of(SOURCE "/st_config"), "reopen_max = 3\n"));
	ck_assert_ptr_nonnull(strstr(text_of(SOURCE "/st_config"), "\nvendor.key = v\n"));
	put_text(SOURCE "/st_config", "");
	ck_assert_int_eq(iscsi_discovery_load(db, PORTAL("10.0.0.9", 3260), &d), -EBADMSG);
}
END_TEST

#define OLD_STYLE "discovery.sendtargets.reopen_max = 3\n"
#define ASIDE "etc/iscsi/aside"

static void load_for_ever(void)
{
	struct iscsi_discovery *d;
	struct iscsi_db *own;

	if (iscsi_db_open(root, &own) < 0)
		_exit(1);
	for (;;) {
		int r = iscsi_discovery_load(own, PORTAL("10.0.0.9", 3260), &d);

		if (r < 0)
			_exit(2);
		iscsi_discovery_free(d);
	}
}

/* In one step, too. */
static void make_old_style(void)
{
	char from[PATH_MAX];

	put_text(ASIDE, OLD_STYLE);
	strcpy(from, in_root(ASIDE));
	ck_assert_int_eq(renameat2(AT_FDCWD, from, AT_FDCWD, in_root(SOURCE), RENAME_EXCHANGE), 0);
	ck_assert_int_eq(unlink(in_root(ASIDE "/st_config")), 0);
	ck_assert_int_eq(rmdir(in_root(ASIDE)), 0);
}

START_TEST(there_is_an_old_or_a_new_discovery_record)
{
	struct iscsi_discovery *d;
	pid_t reader;
	int status;

	put_text(SOURCE, OLD_STYLE);
	reader = fork();
	if (reader == 0)
		load_for_ever();
	for (int i = 0; i < 300; i++) {
		if (i)
			make_old_style();
		usleep(100);
		ck_assert_int_eq(iscsi_discovery_load(db, PORTAL("10.0.0.9", 3260), &d), 0);
		ck_assert_str_eq(iscsi_discovery_get(d, "discovery.sendtargets.reopen_max"), "3");
		ck_assert_int_eq(iscsi_discovery_store(db, d), 0);
		iscsi_discovery_free(d);
	}
	kill(reader, SIGKILL);
	ck_assert_int_eq(waitpid(reader, &status, 0), reader);
	ck_assert_msg(WIFSIGNALED(status), "the reader ended with %x", (unsigned int)status);
	ck_assert_ptr_nonnull(strstr(text_of(SOURCE "/st_config"), "reopen_max = 3\n"));
	ck_assert(!there("etc/iscsi/.new"));
}
END_TEST

static int count_source(void *data, const struct iscsi_source *source)
{
	(void)source;
	++*(int *)data;
	return 0;
}

static int n_sources(void)
{
	int n = 0;

	ck_assert_int_eq(iscsi_db_each_source(db, ISCSI_SOURCE_SENDTARGETS, count_source, &n), 0);
	return n;
}

START_TEST(a_discovery_record_is_deleted_whole)
{
	store_source("10.0.0.9");
	ck_assert_int_eq(symlink("nowhere", in_root(SOURCE "/a link with no name")), 0);
	put_text("etc/iscsi/outside", "stays");
	ck_assert_int_eq(symlink("../../outside", in_root(SOURCE "/other")), 0);
	ck_assert_int_eq(n_sources(), 1);
	ck_assert_int_eq(iscsi_discovery_delete(db, PORTAL("10.0.0.9", 3260)), 0);
	ck_assert(!there(SOURCE));
	ck_assert_str_eq(text_of("etc/iscsi/outside"), "stays");
	/* but for what never was its own */
	store_source("10.0.0.9");
	put_text(SOURCE "/notes", "somebody's");
	ck_assert_int_eq(iscsi_discovery_delete(db, PORTAL("10.0.0.9", 3260)), -ENOTEMPTY);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), "10.0.0.9,3260"));
	ck_assert_str_eq(text_of(SOURCE "/notes"), "somebody's");
	/* which is no source any more */
	ck_assert_int_eq(n_sources(), 0);
}
END_TEST

START_TEST(settings_are_kept_when_asked)
{
	struct iscsi_node_id old = b;

	put_text("etc/iscsi/iscsid.conf", "discovery.keep_node_settings = yes\n");
	store_source("10.0.0.9");
	MERGE(ALL, NULL, &a, &b, &c);
	for (int i = 0; i < 3; i++) {
		mark(&a);
		MERGE(ALL, NULL, &a, &b);
		ck_assert_int_eq(state(&a), 'm');
		ck_assert_int_eq(state(&b), 'n');
		ck_assert_int_eq(state(&c), '-');
	}
	/* an update that was asked for by name is one */
	MERGE(ISCSI_MERGE_UPDATE, NULL, &a);
	ck_assert_int_eq(state(&a), 'n');
	/* old style records are kept, too, and what cannot be read is not */
	ck_assert_int_eq(iscsi_db_delete(db, &b), 0);
	old.tpgt = -1;
	put_text("etc/iscsi/nodes/iqn.2020-01.x:b/10.0.0.1,3260", "node.startup = onboot\n");
	put_text("etc/iscsi/nodes/iqn.2020-01.x:a/10.0.0.1,3260,1/default", "");
	MERGE(ALL, NULL, &a, &b);
	ck_assert_int_eq(state(&old), 'm');
	ck_assert_int_eq(state(&a), 'n');
	put_text("etc/iscsi/iscsid.conf", "discovery.keep_node_settings = no\n");
	mark(&a);
	MERGE(ALL, NULL, &a);
	ck_assert_int_eq(state(&a), 'n');
	put_text("etc/iscsi/iscsid.conf", "discovery.keep_node_settings = perhaps\n");
	ck_assert_int_eq(merge_from("10.0.0.9", ALL, NULL, 0, NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), "perhaps"));
}
END_TEST

/* What is logged in to is then what is stored. */
START_TEST(kept_records_take_the_place_of_found_ones)
{
	struct iscsi_node *n;

	put_text("etc/iscsi/iscsid.conf", "discovery.keep_node_settings = yes\n");
	store_source("10.0.0.9");
	MERGE(ALL, NULL, &a);
	mark(&a);
	ck_assert_int_eq(iscsi_node_new(db, &a, &n), 0);
	ck_assert_int_eq(iscsi_db_merge(db, PORTAL("10.0.0.9", 3260), &n, 1, ALL, NULL, NULL), 0);
	ck_assert_str_eq(iscsi_node_get(n, "node.startup"), "onboot");
	iscsi_node_free(n);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {settings_are_kept_when_asked,
		kept_records_take_the_place_of_found_ones, operations, links_and_source,
		sessions_and_empty_answers_keep_records,
		only_records_of_the_same_source_are_deleted, another_interface_is_another_record,
		unknown_tags, junk_in_the_source_s_directory, discovery_file_is_open_iscsi_s,
		discovery_record, old_style_discovery_record,
		there_is_an_old_or_a_new_discovery_record, a_discovery_record_is_deleted_whole};

	return RUN_TESTS("merge", tests);
}
