/* SPDX-License-Identifier: MIT */
#include "db.h"
#include "place.h"

#include "node-root.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define TARGET "iqn.2020-01.x:a"
#define NODES "etc/iscsi/nodes/" TARGET
#define LOCKS "run/lock/iscsi"

static const struct iscsi_node_id a1 = {TARGET, "10.0.0.1", 3260, 1, "default"};

static struct iscsi_node *new_node(const struct iscsi_node_id *id)
{
	struct iscsi_node *n;

	ck_assert_int_eq(iscsi_node_new(db, id, &n), 0);
	return n;
}

static void store(const struct iscsi_node_id *id)
{
	struct iscsi_node *n = new_node(id);
	int r = iscsi_db_store(db, n);

	ck_assert_msg(r == 0, "%d %s", r, iscsi_db_error(db));
	iscsi_node_free(n);
}

/* One setting of a stored record; "" when there is none. */
static const char *stored(const struct iscsi_node_id *id, const char *key)
{
	static char value[256];
	struct iscsi_node *n;

	if (iscsi_db_load(db, id, &n) < 0)
		return "";
	strcpy(value, iscsi_node_get(n, key));
	iscsi_node_free(n);
	return value;
}

static const char *link_of(const char *path)
{
	static char target[1024];
	ssize_t n = readlink(in_root(path), target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	return target;
}

START_TEST(layout)
{
	struct stat st;

	store(&a1);
	ck_assert(there(NODES "/10.0.0.1,3260,1/default"));
	ck_assert_int_eq(stat(in_root(NODES "/10.0.0.1,3260,1/default"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(in_root(NODES), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_str_eq(link_of("etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,default"),
		"/etc/iscsi/nodes/" TARGET "/10.0.0.1,3260,1");
	ck_assert(!there(LOCKS "/lock.write"));
	ck_assert_str_eq(stored(&a1, "node.tpgt"), "1");
}
END_TEST

START_TEST(nothing_is_made_before_a_write)
{
	struct iscsi_node *n;

	ck_assert_int_eq(iscsi_db_load(db, &a1, &n), -ENOENT);
	ck_assert_int_eq(iscsi_node_new(db, &a1, &n), 0);
	iscsi_node_free(n);
	ck_assert(!there("etc"));
	ck_assert(!there("run"));
}
END_TEST

START_TEST(var_lib_is_used_where_it_is_in_use)
{
	iscsi_db_close(db);
	put_text("var/lib/iscsi/nodes/x", "");
	ck_assert_int_eq(iscsi_db_open(root, &db), 0);
	store(&a1);
	ck_assert(there("var/lib/iscsi/nodes/" TARGET "/10.0.0.1,3260,1/default"));
	ck_assert_str_eq(link_of("var/lib/iscsi/static/" TARGET ",10.0.0.1,3260,1,default"),
		"/var/lib/iscsi/nodes/" TARGET "/10.0.0.1,3260,1");
	ck_assert(!there("etc"));
}
END_TEST

START_TEST(directory_names_the_record)
{
	put_text(NODES "/10.0.0.1,3260,1/default",
		"node.name = iqn.2020-01.x:other\nnode.tpgt = 9\nnode.conn[0].port = 1\n"
		"iface.iscsi_ifacename = if9\nnode.startup = automatic\n");
	ck_assert_str_eq(stored(&a1, "node.name"), TARGET);
	ck_assert_str_eq(stored(&a1, "node.tpgt"), "1");
	ck_assert_str_eq(stored(&a1, "node.conn[0].port"), "3260");
	ck_assert_str_eq(stored(&a1, "iface.iscsi_ifacename"), "default");
	ck_assert_str_eq(stored(&a1, "node.startup"), "automatic");
}
END_TEST

START_TEST(empty_records_are_reported)
{
	struct iscsi_node *n = NULL;

	put_text(NODES "/10.0.0.1,3260,1/default", "");
	ck_assert_int_eq(iscsi_db_load(db, &a1, &n), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), NODES "/10.0.0.1,3260,1/default"));
	put_text(NODES "/10.0.0.1,3260,1/default", "# BEGIN RECORD 2.1.8\n# END RECORD\n");
	ck_assert_int_eq(iscsi_db_load(db, &a1, &n), -EBADMSG);
	put_bytes(NODES "/10.0.0.1,3260,1/default", "\0\0\0\0", 4);
	ck_assert_int_eq(iscsi_db_load(db, &a1, &n), -EBADMSG);
	ck_assert_ptr_null(n);
	/* a new one takes its place */
	store(&a1);
	ck_assert_str_eq(stored(&a1, "node.startup"), "manual");
}
END_TEST

START_TEST(warnings_name_file_and_line)
{
	put_text(NODES "/10.0.0.1,3260,1/default", "node.startup = nonsense\nbad\n");
	ck_assert_str_eq(stored(&a1, "node.startup"), "");
	put_text(NODES "/10.0.0.1,3260,1/default",
		"node.session.scan = manual\nnode.startup = nonsense\n");
	ck_assert_str_eq(stored(&a1, "node.startup"), "manual");
	ck_assert_ptr_nonnull(strstr(warnings, NODES "/10.0.0.1,3260,1/default:2: "));
}
END_TEST

START_TEST(old_style)
{
	struct iscsi_node_id old = a1, other = a1;

	old.tpgt = -1;
	store(&old);
	ck_assert_str_eq(stored(&old, "node.tpgt"), "-1");
	ck_assert(there(NODES "/10.0.0.1,3260"));
	ck_assert(!there("etc/iscsi/static"));
	other.tpgt = -1;
	other.iface = "if1";
	ck_assert_str_eq(stored(&other, "node.tpgt"), "");
	ck_assert_int_eq(iscsi_db_delete(db, &other), -ENOENT);
	/* a known tag takes its place */
	store(&a1);
	ck_assert(!there(NODES "/10.0.0.1,3260"));
	/* and is adopted by who does not know it */
	store(&old);
	ck_assert(!there(NODES "/10.0.0.1,3260"));
	ck_assert_int_eq(iscsi_db_delete(db, &a1), 0);
	store(&old);
	ck_assert_int_eq(iscsi_db_delete(db, &old), 0);
	ck_assert(!there(NODES));
}
END_TEST

START_TEST(delete_leaves_nothing_behind)
{
	struct iscsi_node_id other = a1;

	other.iface = "if1";
	store(&a1);
	store(&other);
	ck_assert_int_eq(iscsi_db_delete(db, &a1), 0);
	ck_assert(there(NODES "/10.0.0.1,3260,1/if1"));
	ck_assert(!there("etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,default"));
	ck_assert(there("etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,if1"));
	ck_assert_int_eq(iscsi_db_delete(db, &other), 0);
	ck_assert(!there(NODES));
	ck_assert(!there("etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,if1"));
	ck_assert_int_eq(iscsi_db_delete(db, &other), -ENOENT);
}
END_TEST

START_TEST(moving_to_another_source_moves_the_link)
{
	struct iscsi_node *n = new_node(&a1);

	put_text("etc/iscsi/send_targets/10.0.0.9,3260/st_config", "x = y\n");
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	ck_assert(there("etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,default"));
	iscsi_node_set(n, "node.discovery_type", "send_targets");
	iscsi_node_set(n, "node.discovery_address", "10.0.0.9");
	iscsi_node_set(n, "node.discovery_port", "3260");
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	ck_assert(!there("etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,default"));
	ck_assert_str_eq(
		link_of("etc/iscsi/send_targets/10.0.0.9,3260/" TARGET ",10.0.0.1,3260,1,default"),
		"/etc/iscsi/nodes/" TARGET "/10.0.0.1,3260,1");
	iscsi_node_set(n, "node.discovery_type", "fw");
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	ck_assert(!there(
		"etc/iscsi/send_targets/10.0.0.9,3260/" TARGET ",10.0.0.1,3260,1,default"));
	ck_assert(there("etc/iscsi/fw/" TARGET ",10.0.0.1,3260,1,default"));
	iscsi_node_set(n, "node.discovery_type", "isns");
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	ck_assert(there("etc/iscsi/isns/" TARGET ",10.0.0.1,3260,1,default"));
	iscsi_node_free(n);
}
END_TEST

#define STATIC_LINK "etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,default"
#define FW_LINK "etc/iscsi/fw/" TARGET ",10.0.0.1,3260,1,default"

static void store_from(const struct iscsi_node_id *id, const char *type)
{
	struct iscsi_node *n = new_node(id);

	ck_assert_int_eq(iscsi_node_set(n, "node.discovery_type", type), ISCSI_SET_OK);
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	iscsi_node_free(n);
}

START_TEST(the_old_link_stays_until_the_record_is_in_its_place)
{
	store(&a1);
	iscsi_db_group_begin(db);
	store_from(&a1, "fw");
	ck_assert(there(STATIC_LINK));
	ck_assert(there(FW_LINK));
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
	ck_assert(!there(STATIC_LINK));
	ck_assert(there(FW_LINK));
	/* twice in one group */
	iscsi_db_group_begin(db);
	store_from(&a1, "static");
	store_from(&a1, "fw");
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
	ck_assert(!there(STATIC_LINK));
	ck_assert(there(FW_LINK));
	/* where the record is as it was, and only the links are not */
	ck_assert_int_eq(symlink("nowhere", in_root(STATIC_LINK)), 0);
	store_from(&a1, "fw");
	ck_assert(!there(STATIC_LINK));
	ck_assert(there(FW_LINK));
}
END_TEST

static void remove_temporary_files(void)
{
	char command[256];

	snprintf(command, sizeof(command), "rm %s/*/*", in_root("etc/iscsi/.new"));
	ck_assert_int_eq(system(command), 0);
}

START_TEST(a_record_that_cannot_be_replaced_keeps_its_link)
{
	store(&a1);
	iscsi_db_group_begin(db);
	store_from(&a1, "fw");
	remove_temporary_files();
	ck_assert_int_eq(iscsi_db_group_end(db), -ENOENT);
	ck_assert_str_eq(stored(&a1, "node.discovery_type"), "static");
	ck_assert(there(STATIC_LINK));
	ck_assert(!there(FW_LINK));
}
END_TEST

START_TEST(a_record_without_a_place_leaves_nothing)
{
	struct iscsi_node_id other = a1, second = a1;
	struct iscsi_node *n = new_node(&a1);

	other.address = "10.0.0.2";
	second.iface = "second";
	put_text(NODES "/10.0.0.1,3260,1/default/x", "");
	ck_assert_int_eq(iscsi_db_store(db, n), -EISDIR);
	iscsi_node_free(n);
	ck_assert(!there(STATIC_LINK));
	ck_assert_int_eq(unlink(in_root(NODES "/10.0.0.1,3260,1/default/x")), 0);
	ck_assert_int_eq(rmdir(in_root(NODES "/10.0.0.1,3260,1/default")), 0);
	ck_assert_int_eq(rmdir(in_root(NODES "/10.0.0.1,3260,1")), 0);
	/* a temporary file that goes away: one in the same portal does not */
	iscsi_db_group_begin(db);
	store(&a1);
	store(&second);
	remove_temporary_files();
	ck_assert_int_eq(iscsi_db_group_end(db), -ENOENT);
	ck_assert_str_eq(stored(&a1, "node.startup"), "manual");
	ck_assert(there(STATIC_LINK));
	ck_assert(!there("etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,second"));
	ck_assert_int_eq(iscsi_db_delete(db, &a1), 0);
	/* a directory that goes away under it */
	iscsi_db_group_begin(db);
	store(&other);
	ck_assert_int_eq(rmdir(in_root(NODES "/10.0.0.2,3260,1")), 0);
	ck_assert_int_eq(iscsi_db_group_end(db), -ENOENT);
	ck_assert(!there("etc/iscsi/static/" TARGET ",10.0.0.2,3260,1,default"));
	ck_assert(!there(NODES));
}
END_TEST

/* Its portal's directory is empty while the first one waits for its place. */
START_TEST(a_record_that_cannot_be_written_takes_nothing_from_the_next)
{
	struct iscsi_node_id second = a1;
	struct iscsi_node *n;

	second.iface = "second";
	n = new_node(&second);
	ck_assert_int_eq(iscsi_node_set(n, "node.discovery_type", "fw"), ISCSI_SET_OK);
	iscsi_db_group_begin(db);
	store(&a1);
	put_text("etc/iscsi/fw", "a file");
	ck_assert_int_lt(iscsi_db_store(db, n), 0);
	ck_assert_int_eq(unlink(in_root("etc/iscsi/fw")), 0);
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
	ck_assert_str_eq(stored(&a1, "node.startup"), "manual");
	iscsi_node_free(n);
}
END_TEST

START_TEST(names_that_leave_the_directory_are_refused)
{
	static const struct iscsi_node_id bad[] = {
		{"..", "10.0.0.1", 3260, 1, "default"},
		{"iqn.2020-01.x:a/../../../b", "10.0.0.1", 3260, 1, "default"},
		{"iqn.2020-01.x:a\nb", "10.0.0.1", 3260, 1, "default"},
		{"", "10.0.0.1", 3260, 1, "default"},
		{NULL, "10.0.0.1", 3260, 1, "default"},
		{TARGET, "../../x", 3260, 1, "default"},
		{TARGET, "..", 3260, -1, "default"},
		{TARGET, "10.0.0.1\n", 3260, 1, "default"},
		{TARGET, "", 3260, 1, "default"},
		{TARGET, NULL, 3260, 1, "default"},
		{TARGET, "10.0.0.1", 0, 1, "default"},
		{TARGET, "10.0.0.1", 65536, 1, "default"},
		{TARGET, "10.0.0.1", 3260, 65536, "default"},
		{TARGET, "10.0.0.1", 3260, -2, "default"},
		{TARGET, "10.0.0.1", 3260, 1, ".."},
		{TARGET, "10.0.0.1", 3260, 1, "../x"},
		{TARGET, "10.0.0.1", 3260, 1, "a/b"},
		{TARGET, "10.0.0.1", 3260, 1, ".hidden"},
		{TARGET, "10.0.0.1", 3260, 1, "a\nb"},
		{TARGET, "10.0.0.1", 3260, 1, ""},
	};
	const struct iscsi_setting s = {"node.startup", "manual"};
	struct iscsi_node *n = NULL;
	size_t which;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_int_eq(iscsi_node_new(db, &bad[i], &n), -EINVAL);
		ck_assert_str_ne(iscsi_db_error(db), "");
		ck_assert_int_eq(iscsi_db_load(db, &bad[i], &n), -EINVAL);
		ck_assert_int_eq(iscsi_db_delete(db, &bad[i]), -EINVAL);
		ck_assert_int_eq(iscsi_db_update(db, &bad[i], &s, 1, &which), -EINVAL);
		/* and those that get into a record past the checks of setting */
		n = new_node(&a1);
		free(n->target);
		free(n->address);
		free(n->iface.name);
		n->target = bad[i].target ? strdup(bad[i].target) : NULL;
		n->address = bad[i].address ? strdup(bad[i].address) : NULL;
		n->port = bad[i].port;
		n->tpgt = bad[i].tpgt;
		n->iface.name = strdup(bad[i].iface);
		ck_assert_int_eq(iscsi_db_store(db, n), -EINVAL);
		iscsi_node_free(n);
		n = NULL;
	}
	ck_assert(!there("etc"));
}
END_TEST

START_TEST(long_names_do_without_a_link)
{
	char target[224] = "iqn.2020-01.x:", path[600];
	struct iscsi_node_id id = a1;

	memset(target + 14, 'a', 209);
	id.target = target;
	id.address = "fd00:1111:2222:3333:4444:5555:6666:7777";
	store(&id);
	ck_assert_str_eq(stored(&id, "node.name"), target);
	snprintf(path, sizeof(path), "etc/iscsi/nodes/%s/%s,3260,1/default", target, id.address);
	ck_assert(there(path));
	ck_assert_int_eq(iscsi_db_delete(db, &id), 0);
}
END_TEST

START_TEST(update_takes_all_or_nothing)
{
	const struct iscsi_setting good[] = {{"node.startup", "automatic"},
		{"node.session.auth.password", "a=b#c d"}, {"node.transport_name", "iser"},
		{"node.session.auth.password_length", "1"}};
	const struct {
		struct iscsi_setting last;
		enum iscsi_update_result result;
	} bad[] = {
		{{"node.nosuch", "1"}, ISCSI_UPDATE_UNKNOWN_KEY},
		{{"node.name", "iqn.2020-01.x:b"}, ISCSI_UPDATE_FIXED_KEY},
		{{"node.discovery_type", "fw"}, ISCSI_UPDATE_FIXED_KEY},
		{{"iface.mtu", "9000"}, ISCSI_UPDATE_IFACE_KEY},
		{{"node.session.scan", "Auto"}, ISCSI_UPDATE_BAD_VALUE},
	};
	size_t which = 99;

	ck_assert_int_eq(iscsi_db_update(db, &a1, good, 4, &which), -ENOENT);
	store(&a1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct iscsi_setting s[] = {{"node.startup", "onboot"}, bad[i].last};

		which = 99;
		ck_assert_int_eq(iscsi_db_update(db, &a1, s, 2, &which), bad[i].result);
		ck_assert_uint_eq(which, 1);
		ck_assert_str_eq(stored(&a1, "node.startup"), "manual");
	}
	ck_assert_int_eq(iscsi_db_update(db, &a1, good, 4, &which), 0);
	ck_assert_str_eq(stored(&a1, "node.startup"), "automatic");
	ck_assert_str_eq(stored(&a1, "node.session.auth.password"), "a=b#c d");
	ck_assert_str_eq(stored(&a1, "iface.transport_name"), "iser");
	ck_assert_int_eq(iscsi_db_update(
				 db, &a1, &(struct iscsi_setting){good[1].key, ""}, 1, &which),
		0);
	ck_assert_str_eq(stored(&a1, "node.session.auth.password"), "");
}
END_TEST

START_TEST(update_keeps_what_it_does_not_know)
{
	const struct iscsi_setting s = {"node.startup", "onboot"};
	size_t which;

	put_text(NODES "/10.0.0.1,3260,1/default",
		"node.startup=manual\nvendor.key = x = y\nnode.session.sess_reopen_log_freq = 1");
	ck_assert_int_eq(iscsi_db_update(db, &a1, &s, 1, &which), 0);
	ck_assert_ptr_nonnull(
		strstr(text_of(NODES "/10.0.0.1,3260,1/default"), "\nvendor.key = x = y\n"));
	ck_assert_ptr_nonnull(strstr(text_of(NODES "/10.0.0.1,3260,1/default"),
		"\nnode.session.sess_reopen_log_freq = 1\n"));
}
END_TEST

/* Of other releases: 2.0-873's slp, a digest and an algorithm of days to come. */
START_TEST(update_keeps_values_that_it_does_not_know)
{
	static const char *const lines[] = {"\nnode.discovery_type = slp\n",
		"\nnode.conn[0].iscsi.HeaderDigest = CRC64\n",
		"\nnode.session.auth.chap_algs = SHA512,MD5\n",
		"\nnode.session.conn_reopen_log_freq = 3\n"};
	const char *file = NODES "/10.0.0.1,3260,1/default";
	struct iscsi_setting s = {"node.startup", "onboot"};
	char text[512] = "node.startup = manual";
	size_t which;

	for (size_t i = 0; i < 4; i++)
		strcat(text, lines[i]);
	put_text(file, text);
	ck_assert_str_eq(stored(&a1, "node.conn[0].iscsi.HeaderDigest"), "None");
	ck_assert_str_eq(stored(&a1, "node.session.auth.chap_algs"), "MD5");
	ck_assert_int_eq(iscsi_db_update(db, &a1, &s, 1, &which), 0);
	for (size_t i = 0; i < 4; i++)
		ck_assert_msg(strstr(text_of(file), lines[i]) != NULL, "lost:%s", lines[i]);
	ck_assert_ptr_null(strstr(text_of(file), "HeaderDigest = None"));
	/* until they are set anew */
	s = (struct iscsi_setting){"node.conn[0].iscsi.HeaderDigest", "CRC32C"};
	ck_assert_int_eq(iscsi_db_update(db, &a1, &s, 1, &which), 0);
	ck_assert_ptr_nonnull(strstr(text_of(file), "HeaderDigest = CRC32C\n"));
	ck_assert_ptr_null(strstr(text_of(file), "CRC64"));
	ck_assert_ptr_nonnull(strstr(text_of(file), lines[2]));
}
END_TEST

static const char *const writer_keys[] = {"node.session.cmds_max", "node.session.queue_depth",
	"node.session.nr_sessions", "node.session.reopen_max", "node.session.iscsi.ERL",
	"node.conn[0].tcp.window_size", "node.conn[0].timeo.login_timeout",
	"node.session.initial_cmdsn"};

static void write_many(const char *key)
{
	struct iscsi_db *own;
	char value[16];
	size_t which;

	if (iscsi_db_open(root, &own) < 0)
		_exit(1);
	for (int i = 1; i <= 50; i++) {
		snprintf(value, sizeof(value), "%d", 1000 + i);
		if (iscsi_db_update(own, &a1, &(struct iscsi_setting){key, value}, 1, &which))
			_exit(1);
	}
	iscsi_db_close(own);
	_exit(0);
}

START_TEST(parallel_updates_are_all_kept)
{
	int status;

	store(&a1);
	for (size_t i = 0; i < 8; i++)
		if (fork() == 0)
			write_many(writer_keys[i]);
	for (size_t i = 0; i < 8; i++) {
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	for (size_t i = 0; i < 8; i++)
		ck_assert_str_eq(stored(&a1, writer_keys[i]), "1050");
	ck_assert(!there(LOCKS "/lock.write"));
}
END_TEST

static void write_for_ever(void)
{
	const char *const values[] = {"manual", "automatic"};
	size_t which;

	for (unsigned int i = 0;; i++) {
		struct iscsi_setting s[] = {{"node.startup", values[i % 2]},
			{"node.conn[0].startup", values[i % 2]}};

		if (iscsi_db_update(db, &a1, s, 2, &which))
			_exit(1);
	}
}

START_TEST(killed_writers_leave_whole_records_and_no_lock)
{
	int status;

	store(&a1);
	for (int i = 0; i < 40; i++) {
		pid_t pid = fork();
		char startup[16];

		if (pid == 0)
			write_for_ever();
		usleep(3000 + (useconds_t)i * 311);
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		strcpy(startup, stored(&a1, "node.startup"));
		ck_assert_str_ne(startup, "");
		ck_assert_str_eq(stored(&a1, "node.conn[0].startup"), startup);
	}
	/* at once, although some of them died with the lock */
	db->lock_wait_ms = 100;
	store(&a1);
	ck_assert(!there(LOCKS "/lock.write"));
	ck_assert_int_eq(iscsi_db_delete(db, &a1), 0);
	ck_assert(!there(NODES));
}
END_TEST

START_TEST(lock_of_open_iscsi_is_respected)
{
	struct iscsi_node *n = new_node(&a1);

	put_text(LOCKS "/lock", "");
	ck_assert_int_eq(link(in_root(LOCKS "/lock"), in_root(LOCKS "/lock.write")), 0);
	db->lock_wait_ms = 50;
	ck_assert_int_eq(iscsi_db_store(db, n), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), LOCKS "/lock.write"));
	ck_assert(there(LOCKS "/lock.write"));
	ck_assert(!there("etc/iscsi/nodes"));
	/* readers do not care */
	put_text(NODES "/10.0.0.1,3260,1/default", "node.startup = automatic\n");
	ck_assert_str_eq(stored(&a1, "node.startup"), "automatic");
	ck_assert_int_eq(unlink(in_root(LOCKS "/lock.write")), 0);
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	ck_assert(!there(LOCKS "/lock.write"));
	iscsi_node_free(n);
}
END_TEST

START_TEST(dead_writers_lock_is_taken_over)
{
	put_text(LOCKS "/writer", "");
	ck_assert_int_eq(link(in_root(LOCKS "/writer"), in_root(LOCKS "/lock.write")), 0);
	db->lock_wait_ms = 0;
	store(&a1);
	ck_assert(!there(LOCKS "/lock.write"));
}
END_TEST

START_TEST(old_lock_of_open_iscsi_is_taken_over)
{
	put_text(LOCKS "/lock", "");
	ck_assert_int_eq(link(in_root(LOCKS "/lock"), in_root(LOCKS "/lock.write")), 0);
	db->lock_wait_ms = 0;
	lock_stale_s = -1;
	store(&a1);
	ck_assert(!there(LOCKS "/lock.write"));
	ck_assert(!there(LOCKS "/lock.take"));
	ck_assert(there(LOCKS "/lock"));
}
END_TEST

static void few_descriptors(rlim_t n)
{
	struct rlimit some;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &some), 0);
	some.rlim_cur = n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &some), 0);
}

/* Its record says that it is from the last of them. */
START_TEST(more_sources_than_descriptors)
{
	const char *source = "etc/iscsi/send_targets/10.0.1.99,3260";
	char path[256];
	struct iscsi_node *n;

	for (int i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "etc/iscsi/send_targets/10.0.1.%d,3260/st_config", i);
		put_text(path, "discovery.startup = manual\n");
	}
	few_descriptors(30);
	store(&a1);
	n = new_node(&a1);
	ck_assert_int_eq(iscsi_node_set(n, "node.discovery_type", "send_targets"), ISCSI_SET_OK);
	ck_assert_int_eq(iscsi_node_set(n, "node.discovery_address", "10.0.1.99"), ISCSI_SET_OK);
	ck_assert_int_eq(iscsi_node_set(n, "node.discovery_port", "3260"), ISCSI_SET_OK);
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	iscsi_node_free(n);
	snprintf(path, sizeof(path), "%s/" TARGET ",10.0.0.1,3260,1,default", source);
	ck_assert(there(path));
	ck_assert(!there("etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,default"));
	ck_assert_int_eq(iscsi_db_delete(db, &a1), 0);
	ck_assert(!there(path));
}
END_TEST

START_TEST(sources_that_cannot_be_read_keep_the_record)
{
	store(&a1);
	put_text("etc/iscsi/isns", "");
	ck_assert_int_eq(iscsi_db_delete(db, &a1), -ENOTDIR);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), "etc/iscsi/isns"));
	ck_assert(there(NODES "/10.0.0.1,3260,1/default"));
	ck_assert(there("etc/iscsi/static/" TARGET ",10.0.0.1,3260,1,default"));
	ck_assert_int_eq(unlink(in_root("etc/iscsi/isns")), 0);
	ck_assert_int_eq(iscsi_db_delete(db, &a1), 0);
}
END_TEST

/* What is young may be in use by who has the same database and another /run. */
START_TEST(old_temporary_files_are_swept)
{
	const struct timespec long_ago[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	put_text("etc/iscsi/.new/1", "old");
	put_text("etc/iscsi/.new/2/3", "in an old directory");
	put_text("etc/iscsi/.new/4/5", "young");
	ck_assert_int_eq(utimensat(AT_FDCWD, in_root("etc/iscsi/.new/1"), long_ago, 0), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, in_root("etc/iscsi/.new/2/3"), long_ago, 0), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, in_root("etc/iscsi/.new/2"), long_ago, 0), 0);
	store(&a1);
	ck_assert(!there("etc/iscsi/.new/1"));
	ck_assert(!there("etc/iscsi/.new/2"));
	ck_assert_str_eq(text_of("etc/iscsi/.new/4/5"), "young");
	ck_assert_int_eq(utimensat(AT_FDCWD, in_root("etc/iscsi/.new/4/5"), long_ago, 0), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, in_root("etc/iscsi/.new/4"), long_ago, 0), 0);
	store(&a1);
	ck_assert(!there("etc/iscsi/.new"));
}
END_TEST

/* Of a program that heeds no lock: between the directories of a new record and its file. */
START_TEST(a_record_that_came_meanwhile_is_replaced)
{
	struct iscsi_node_id other = a1;

	other.address = "10.0.0.2";
	iscsi_db_group_begin(db);
	store(&a1);
	store(&other);
	put_text(NODES "/10.0.0.1,3260,1/default", "node.startup = automatic\n");
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
	ck_assert_str_eq(stored(&a1, "node.startup"), "manual");
	ck_assert_str_eq(stored(&other, "node.startup"), "manual");
	ck_assert(!there("etc/iscsi/.new"));
}
END_TEST

START_TEST(no_lock_directory)
{
	struct iscsi_node *n = new_node(&a1);

	put_text("run/lock", "a file");
	ck_assert_int_eq(iscsi_db_store(db, n), -EACCES);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), LOCKS));
	iscsi_node_free(n);
}
END_TEST

START_TEST(failed_store_leaves_the_old_record)
{
	struct iscsi_node_id old = a1;
	struct iscsi_node *n;

	old.tpgt = -1;
	put_text(NODES "/10.0.0.1,3260/default", "node.startup = automatic\n");
	n = new_node(&old);
	ck_assert_int_lt(iscsi_db_store(db, n), 0);
	ck_assert_str_ne(iscsi_db_error(db), "");
	ck_assert_str_eq(
		text_of(NODES "/10.0.0.1,3260/default"), "node.startup = automatic\n");
	ck_assert(!there(LOCKS "/lock.write"));
	iscsi_node_free(n);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {layout, nothing_is_made_before_a_write,
		var_lib_is_used_where_it_is_in_use, directory_names_the_record,
		empty_records_are_reported, warnings_name_file_and_line, old_style,
		the_old_link_stays_until_the_record_is_in_its_place,
		a_record_that_cannot_be_replaced_keeps_its_link,
		a_record_without_a_place_leaves_nothing,
		a_record_that_cannot_be_written_takes_nothing_from_the_next,
		delete_leaves_nothing_behind, moving_to_another_source_moves_the_link,
		names_that_leave_the_directory_are_refused, long_names_do_without_a_link,
		update_takes_all_or_nothing, update_keeps_what_it_does_not_know,
		update_keeps_values_that_it_does_not_know, parallel_updates_are_all_kept,
		killed_writers_leave_whole_records_and_no_lock, lock_of_open_iscsi_is_respected,
		dead_writers_lock_is_taken_over, old_lock_of_open_iscsi_is_taken_over,
		old_temporary_files_are_swept, more_sources_than_descriptors,
		sources_that_cannot_be_read_keep_the_record,
		a_record_that_came_meanwhile_is_replaced, no_lock_directory,
		failed_store_leaves_the_old_record};

	return RUN_TESTS("store", tests);
}
