/* SPDX-License-Identifier: MIT */
/*
 * Every listing is compared with what opendir says: whatever was changed, however soon, and whatever
 * the index is, is not, or has become.
 */
#include "tree.h"

#include "node-root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#define NODES "etc/iscsi/nodes"
#define INDEX "run/iscsi/nodes.index"
#define TARGETS 600
#define SETTLED_US 150000 /* longer than what tree.c takes for young */
#define TEXT_MAX (1 << 20)

struct text {
	size_t len;
	char text[TEXT_MAX];
};

static struct text listed, expected;

static void append(struct text *t, const char *target, const char *portal, const char *iface)
{
	t->len += (size_t)snprintf(
		t->text + t->len, TEXT_MAX - t->len, "%s/%s/%s\n", target, portal, iface);
	ck_assert_uint_lt(t->len, TEXT_MAX);
}

static int note(void *data, const struct iscsi_node_id *id)
{
	char portal[300];

	(void)data;
	snprintf(portal, sizeof(portal), id->tpgt < 0 ? "%s,%d" : "%s,%d,%d", id->address, id->port,
		id->tpgt);
	append(&listed, id->target, portal, id->iface);
	return 0;
}

static int list(void)
{
	listed.len = 0;
	return iscsi_db_each(db, NULL, note, NULL);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int not_hidden(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

/* Calls each for the entries of PATH in their order. */
static void each_entry(const char *path, void (*each)(const char *path, const struct dirent *e))
{
	struct dirent **entries;
	int n = scandir(in_root(path), &entries, not_hidden, by_name);
	char sub[1024];

	for (int i = 0; i < n; i++) {
		snprintf(sub, sizeof(sub), "%s/%s", path, entries[i]->d_name);
		each(sub, entries[i]);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static void expect_iface(const char *path, const struct dirent *e)
{
	char target[256], portal[300];

	if (e->d_type != DT_REG)
		return;
	ck_assert_int_eq(sscanf(path, NODES "/%255[^/]/%299[^/]/", target, portal), 2);
	append(&expected, target, portal, e->d_name);
}

static void expect_portal(const char *path, const struct dirent *e)
{
	char target[256], iface[64];

	if (e->d_type == DT_DIR)
		each_entry(path, expect_iface);
	if (e->d_type != DT_REG)
		return;
	ck_assert_int_eq(sscanf(path, NODES "/%255[^/]/", target), 1);
	ck_assert_int_eq(sscanf(text_of(path), "iface.iscsi_ifacename = %63s", iface), 1);
	append(&expected, target, e->d_name, iface);
}

static void expect_target(const char *path, const struct dirent *e)
{
	if (e->d_type == DT_DIR)
		each_entry(path, expect_portal);
}

static void check_listing(const char *what)
{
	int r = list();

	expected.len = 0;
	each_entry(NODES, expect_target);
	ck_assert_msg(r == 0, "%s: %d", what, r);
	ck_assert_msg(listed.len == expected.len && !memcmp(listed.text, expected.text, listed.len),
		"%s: the listing is not what is there", what);
}

/* Whether a listing takes all of it from the index. */
static bool all_from_index(void)
{
	int CLEANUP_CLOSE nodes = open(in_root(NODES), O_RDONLY | O_DIRECTORY);
	struct tree t;
	bool all;

	ck_assert_int_eq(tree_read(db, nodes, &t), 0);
	all = t.n;
	for (size_t i = 0; i < t.n; i++)
		all = all && t.chunks[i].from_index;
	tree_release(&t);
	return all;
}

static void put_record(int target, const char *portal, const char *iface)
{
	char path[512];

	snprintf(path, sizeof(path), NODES "/iqn.2020-01.x:t%04d/%s/%s", target, portal, iface);
	put_text(path, "x = y\n");
}

static void settle(void)
{
	usleep(SETTLED_US);
	check_listing("settled");
	ck_assert(all_from_index());
}

static void open_on_tmpfs(void)
{
	root_open();
	ck_assert_int_eq(unshare(CLONE_NEWNS | (geteuid() ? CLONE_NEWUSER : 0)), 0);
	mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	ck_assert_int_eq(mount("tmpfs", root, "tmpfs", 0, NULL), 0);
	ck_assert_int_eq(mkdir(in_root("run"), 0755), 0);
	index_min = 1;
}

static void open_filled(void)
{
	open_on_tmpfs();
	for (int i = 0; i < TARGETS; i++) {
		put_record(i, "10.0.0.1,3260,1", "default");
		if (i % 10 == 0)
			put_record(i, "10.0.0.2,3260,1", "if1");
	}
}

static void close_tmpfs(void)
{
	umount2(root, MNT_DETACH);
	root_close();
}

/* ---- */

START_TEST(a_large_database_gets_an_index)
{
	struct stat st;

	index_min = 10 * TARGETS;
	usleep(SETTLED_US);
	check_listing("small");
	ck_assert(!there(INDEX));
	index_min = TARGETS;
	settle();
	ck_assert_int_eq(stat(in_root(INDEX), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert(!there(INDEX ".new"));
	check_listing("from the index");
}
END_TEST

START_TEST(what_is_young_is_not_believed)
{
	put_record(5, "10.0.0.9,3260,1", "default");
	check_listing("young");
	ck_assert(!all_from_index());
	settle();
	/* as a clock that was set back makes it look */
	put_record(5, "10.0.0.9,3260,1", "if9");
	check_listing("changed");
	ck_assert(!all_from_index());
}
END_TEST

static const char *path_of(int target, const char *rest)
{
	static char text[4][512];
	static int i;

	i = (i + 1) % 4;
	snprintf(text[i], sizeof(text[i]), NODES "/iqn.2020-01.x:t%04d%s", target, rest);
	return text[i];
}

static void move(const char *from, const char *to)
{
	ck_assert_msg(rename(in_root(from), in_root(to)) == 0, "%s to %s: %s", from, to,
		strerror(errno));
}

static void add_iface(int i)
{
	put_record(i, "10.0.0.1,3260,1", "if7");
}

static void remove_iface(int i)
{
	unlink(in_root(path_of(i, "/10.0.0.1,3260,1/default")));
}

static void rename_iface(int i)
{
	move(path_of(i, "/10.0.0.1,3260,1/default"), path_of(i, "/10.0.0.1,3260,1/other"));
}

static void iface_becomes_directory(int i)
{
	remove_iface(i);
	mkdir(in_root(path_of(i, "/10.0.0.1,3260,1/default")), 0700);
}

static void add_portal(int i)
{
	put_record(i, "10.0.0.1,3261,1", "default");
}

static void rename_portal(int i)
{
	move(path_of(i, "/10.0.0.1,3260,1"), path_of(i, "/10.0.0.1,3260,2"));
}

static void remove_portal(int i)
{
	remove_iface(i);
	rmdir(in_root(path_of(i, "/10.0.0.1,3260,1")));
}

/* An editor's or a restore's way: the same names, and other directories. */
static void replace_portal(int i)
{
	move(path_of(i, "/10.0.0.1,3260,1"), "aside");
	put_record(i, "10.0.0.1,3260,1", "if5");
}

static void swap_portals(int i)
{
	move(path_of(i, "/10.0.0.1,3260,1"), "aside");
	put_record(i + 1, "10.0.0.1,3260,1", "if4");
	move(path_of(i + 1, "/10.0.0.1,3260,1"), path_of(i, "/10.0.0.1,3260,1"));
}

static void replace_target(int i)
{
	move(path_of(i, ""), "aside");
	put_record(i, "10.0.0.1,3260,3", "default");
}

static void add_target(int i)
{
	put_record(TARGETS + i, "10.0.0.1,3260,1", "default");
}

static void remove_target(int i)
{
	remove_portal(i);
	rmdir(in_root(path_of(i, "")));
}

static void rename_target(int i)
{
	move(path_of(i, ""), path_of(TARGETS + i, ""));
}

static void add_old_style(int i)
{
	put_text(path_of(i, "/10.0.0.8,3260"), "iface.iscsi_ifacename = if1\n");
}

static void target_becomes_link(int i)
{
	move(path_of(i, ""), "aside");
	ck_assert_int_eq(symlink(in_root("aside"), in_root(path_of(i, ""))), 0);
}

/* Directories keep their times: only what ctime says is believed. */
static void add_iface_and_set_times(int i)
{
	const char *dir = path_of(i, "/10.0.0.1,3260,1");
	struct timespec times[2];
	struct stat st;

	ck_assert_int_eq(stat(in_root(dir), &st), 0);
	add_iface(i);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	ck_assert_int_eq(utimensat(AT_FDCWD, in_root(dir), times, 0), 0);
}

static const struct change {
	const char *what;
	void (*make)(int target);
} changes[] = {
	{"an interface more", add_iface},
	{"an interface less", remove_iface},
	{"an interface renamed", rename_iface},
	{"an interface that is a directory now", iface_becomes_directory},
	{"a portal more", add_portal},
	{"a portal renamed", rename_portal},
	{"a portal less", remove_portal},
	{"another portal of that name", replace_portal},
	{"portals moved", swap_portals},
	{"another target of that name", replace_target},
	{"a target more", add_target},
	{"a target less", remove_target},
	{"a target renamed", rename_target},
	{"a record of the old style", add_old_style},
	{"a target that is a link now", target_becomes_link},
	{"an interface more, times set back", add_iface_and_set_times},
};
#define N_CHANGES (int)(sizeof(changes) / sizeof(changes[0]))

START_TEST(every_change_is_seen_at_once)
{
	const struct change *c = &changes[_i];

	settle();
	c->make(101);
	check_listing(c->what);
	check_listing(c->what);
	usleep(SETTLED_US);
	check_listing(c->what);
	check_listing(c->what);
}
END_TEST

/* Of two changes in one step of the clock the second must not hide behind the first. */
START_TEST(changes_in_one_step_of_the_clock)
{
	struct timespec end, now;

	settle();
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 1;
	for (int i = 0, on = 1;; i++) {
		const char *path = path_of(i % 7 * 80, "/10.0.0.1,3260,1/if7");

		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec)
			break;
		if (i % 7 == 0)
			on = !on;
		if (on)
			put_text(path, "x = y\n");
		else
			unlink(in_root(path));
		check_listing("one of many changes");
		if (i % 50 == 49)
			usleep(SETTLED_US);
	}
}
END_TEST

/* Its content is not in the directories. */
START_TEST(a_record_of_the_old_style_is_read_each_time)
{
	add_old_style(3);
	settle();
	put_text(path_of(3, "/10.0.0.8,3260"), "iface.iscsi_ifacename = if2\n");
	check_listing("written in place");
	ck_assert_ptr_nonnull(memmem(listed.text, listed.len, "10.0.0.8,3260/if2\n", 18));
}
END_TEST

START_TEST(what_is_mounted_over_is_seen)
{
	settle();
	ck_assert_int_eq(mount("tmpfs", in_root(path_of(4, "/10.0.0.1,3260,1")), "tmpfs", 0, NULL), 0);
	check_listing("mounted over a portal");
	put_record(4, "10.0.0.1,3260,1", "if3");
	check_listing("in a mount");
	ck_assert_int_eq(mount("tmpfs", in_root(NODES), "tmpfs", 0, NULL), 0);
	put_record(1, "10.0.0.1,3260,1", "default");
	check_listing("mounted over all");
	ck_assert_int_eq(umount(in_root(NODES)), 0);
	check_listing("uncovered");
}
END_TEST

/* ---- what is in the file ---- */

static char *read_index(size_t *ret_len)
{
	static char bytes[1 << 20];
	FILE *f = fopen(in_root(INDEX), "r");

	ck_assert_ptr_nonnull(f);
	*ret_len = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	ck_assert_uint_lt(*ret_len, sizeof(bytes));
	return bytes;
}

static void put_index(const char *bytes, size_t len)
{
	unlink(in_root(INDEX));
	put_bytes(INDEX, bytes, len);
	chmod(in_root(INDEX), 0600);
}

/* Reads as no index at all, and is replaced by a good one. */
static void check_not_believed(const char *what)
{
	ck_assert_msg(!all_from_index(), "%s is believed", what);
	check_listing(what);
	ck_assert_msg(all_from_index(), "%s is not replaced", what);
}

START_TEST(a_broken_file_is_none)
{
	size_t len;
	char *good;

	settle();
	good = read_index(&len);
	for (size_t i = 0; i < len; i += i < 128 ? 1 : 9973) {
		good[i] ^= 0x10;
		put_index(good, len);
		good[i] ^= 0x10;
		check_not_believed("a changed byte");
	}
	for (size_t i = 0; i < len; i += i < 128 ? 7 : 19997) {
		put_index(good, i);
		check_not_believed("a short file");
	}
	memcpy(good + len, good, 100);
	put_index(good, len + 100);
	check_not_believed("a long file");
}
END_TEST

START_TEST(a_file_that_others_could_have_written_is_none)
{
	size_t len;
	char *good;

	settle();
	good = read_index(&len);
	chmod(in_root(INDEX), 0620);
	check_not_believed("a file that others may write");
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(in_root(INDEX), 1, 1), 0);
		check_not_believed("a file of somebody else");
	}
	put_index(good, len);
	move(INDEX, "run/elsewhere");
	ck_assert_int_eq(symlink(in_root("run/elsewhere"), in_root(INDEX)), 0);
	check_not_believed("a link");
	unlink(in_root(INDEX));
	ck_assert_int_eq(mkfifo(in_root(INDEX), 0600), 0);
	check_not_believed("a pipe");
}
END_TEST

START_TEST(where_no_file_can_be_nothing_is_missed)
{
	put_text("run/iscsi", "in the way");
	usleep(SETTLED_US);
	check_listing("no directory");
	unlink(in_root("run/iscsi"));
	ck_assert_int_eq(mkdir(in_root("run/iscsi"), 0700), 0);
	ck_assert_int_eq(mkdir(in_root(INDEX), 0700), 0);
	check_listing("a directory in the way");
	ck_assert_int_eq(rmdir(in_root(INDEX)), 0);
	ck_assert_int_eq(rmdir(in_root("run/iscsi")), 0);
	ck_assert_int_eq(rmdir(in_root("run")), 0);
	check_listing("no ROOT/run");
	ck_assert(!there("run"));
	ck_assert_int_eq(mkdir(in_root("run"), 0700), 0);
	ck_assert_int_eq(mount("none", root, NULL, MS_REMOUNT | MS_RDONLY, NULL), 0);
	check_listing("read only");
	ck_assert(!there("run/iscsi"));
	ck_assert_int_eq(mount("none", root, NULL, MS_REMOUNT, NULL), 0);
	settle();
}
END_TEST

START_TEST(the_index_of_another_database_is_none)
{
	settle();
	move(NODES, "etc/iscsi/other");
	ck_assert_int_eq(mkdir(in_root(NODES), 0700), 0);
	for (int i = 0; i < TARGETS; i++)
		put_record(i, "10.0.0.7,3260,1", "default");
	check_listing("another database");
	settle();
	move(NODES, "etc/iscsi/third");
	move("etc/iscsi/other", NODES);
	check_listing("and back");
}
END_TEST

/* ---- others at work ---- */

/* What nobody touches is in every listing, once. */
static void list_often(int times)
{
	for (int i = 0; i < times; i++) {
		int n = 0;

		if (list())
			_exit(1);
		for (const char *p = listed.text; (p = memmem(p,
			     (size_t)(listed.text + listed.len - p), "10.0.0.1,3260,1/default\n", 24));
			p++)
			n++;
		if (n != TARGETS)
			_exit(2);
	}
	_exit(0);
}

START_TEST(many_read_and_write_it_at_once)
{
	pid_t changer;
	int status;

	settle();
	changer = fork();
	for (int i = 0; changer == 0; i++) {
		const char *path = path_of(i % TARGETS, "/10.0.0.1,3260,1/if7");

		put_text(path, "x = y\n");
		unlink(in_root(path));
		usleep(i % 40 ? 100 : SETTLED_US / 2);
	}
	for (int i = 0; i < 6; i++)
		if (fork() == 0)
			list_often(40);
	for (int i = 0; i < 6; i++) {
		pid_t pid = waitpid(0, &status, 0);

		ck_assert_int_gt(pid, 0);
		ck_assert_msg(status == 0, "a reader: status %x", (unsigned int)status);
	}
	kill(changer, SIGKILL);
	ck_assert_int_eq(waitpid(changer, &status, 0), changer);
	check_listing("at the end");
}
END_TEST

START_TEST(killed_while_it_writes)
{
	int status, written = 0;

	settle();
	for (int i = 0; i < 60; i++) {
		pid_t pid = fork();

		while (pid == 0) {
			unlink(in_root(INDEX));
			list();
		}
		usleep((useconds_t)(i * 131 % 8000));
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert(WIFSIGNALED(status));
		written += there(INDEX);
		check_listing("after a kill");
	}
	ck_assert_int_gt(written, 0);
	ck_assert(!there(INDEX ".new"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("index");
	TCase *c = tcase_create("index");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(c, open_filled, close_tmpfs);
	tcase_add_loop_test(c, every_change_is_seen_at_once, 0, N_CHANGES);
	tcase_add_test(c, a_large_database_gets_an_index);
	tcase_add_test(c, what_is_young_is_not_believed);
	tcase_add_test(c, changes_in_one_step_of_the_clock);
	tcase_add_test(c, a_record_of_the_old_style_is_read_each_time);
	tcase_add_test(c, what_is_mounted_over_is_seen);
	tcase_add_test(c, a_broken_file_is_none);
	tcase_add_test(c, a_file_that_others_could_have_written_is_none);
	tcase_add_test(c, where_no_file_can_be_nothing_is_missed);
	tcase_add_test(c, the_index_of_another_database_is_none);
	tcase_add_test(c, many_read_and_write_it_at_once);
	tcase_add_test(c, killed_while_it_writes);
	suite_add_tcase(suite, c);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
