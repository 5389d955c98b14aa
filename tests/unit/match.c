/* SPDX-License-Identifier: MIT */
#include "node-root.h"

#include <errno.h>
#include <time.h>

#define NODES "etc/iscsi/nodes/"

static char found[4096];

static int note(void *data, const struct iscsi_node_id *id)
{
	char line[600];

	(void)data;
	snprintf(line, sizeof(line), "%s %s %d %d %s\n", id->target, id->address, id->port,
		id->tpgt, id->iface);
	strncat(found, line, sizeof(found) - strlen(found) - 1);
	return 0;
}

static const char *each(const struct iscsi_node_match *match)
{
	*found = '\0';
	ck_assert_int_eq(iscsi_db_each(db, match, note, NULL), 0);
	return found;
}

static void record(const char *path)
{
	char text[600];

	snprintf(text, sizeof(text), NODES "%s", path);
	put_text(text, "node.startup = manual\n");
}

static void fill(void)
{
	record("iqn.2020-01.x:b/10.0.0.1,3260,1/default");
	record("iqn.2020-01.x:a/10.0.0.2,3260,1/default");
	record("iqn.2020-01.x:a/10.0.0.10,3260,1/default");
	record("iqn.2020-01.x:a/10.0.0.10,3261,1/default");
	record("iqn.2020-01.x:a/fd00::1,3260,2/if2");
	record("iqn.2020-01.x:a/fd00::1,3260,2/default");
	record("eui.0123456789abcdef/san.example.,3260,0/default");
}

START_TEST(everything_in_order)
{
	const struct iscsi_node_match any = {.port = -1};

	ck_assert_str_eq(each(&any), "");
	ck_assert(!there("etc"));
	fill();
	ck_assert_str_eq(each(&any), "eui.0123456789abcdef san.example. 3260 0 default\n"
				     "iqn.2020-01.x:a 10.0.0.10 3260 1 default\n"
				     "iqn.2020-01.x:a 10.0.0.10 3261 1 default\n"
				     "iqn.2020-01.x:a 10.0.0.2 3260 1 default\n"
				     "iqn.2020-01.x:a fd00::1 3260 2 default\n"
				     "iqn.2020-01.x:a fd00::1 3260 2 if2\n"
				     "iqn.2020-01.x:b 10.0.0.1 3260 1 default\n");
	ck_assert_str_eq(each(NULL), each(&any));
}
END_TEST

START_TEST(selection)
{
	static const struct {
		struct iscsi_node_match match;
		const char *found;
	} cases[] = {
		{{"iqn.2020-01.x:b", NULL, -1, NULL}, "iqn.2020-01.x:b 10.0.0.1 3260 1 default\n"},
		{{"iqn.2020-01.x:nosuch", NULL, -1, NULL}, ""},
		{{"../nodes/iqn.2020-01.x:b", NULL, -1, NULL}, ""},
		{{"", NULL, -1, NULL}, ""},
		{{NULL, "10.0.0.10", 3261, NULL}, "iqn.2020-01.x:a 10.0.0.10 3261 1 default\n"},
		{{NULL, "10.0.0.1", -1, NULL}, "iqn.2020-01.x:b 10.0.0.1 3260 1 default\n"},
		{{"iqn.2020-01.x:a", "fd00:0:0::1", -1, "if2"},
			"iqn.2020-01.x:a fd00::1 3260 2 if2\n"},
		{{NULL, NULL, -1, "if2"}, "iqn.2020-01.x:a fd00::1 3260 2 if2\n"},
		{{NULL, NULL, 3261, NULL}, "iqn.2020-01.x:a 10.0.0.10 3261 1 default\n"},
		{{NULL, "san.example.", -1, NULL},
			"eui.0123456789abcdef san.example. 3260 0 default\n"},
		{{NULL, "10.0.0.10", 3262, NULL}, ""},
	};

	fill();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_msg(strcmp(each(&cases[i].match), cases[i].found) == 0, "case %zu: %s", i,
			found);
}
END_TEST

START_TEST(host_names_are_resolved)
{
	const struct iscsi_node_match numeric = {.address = "127.0.0.1", .port = -1};
	const struct iscsi_node_match name = {.address = "localhost", .port = -1};

	record("iqn.2020-01.x:a/localhost,3260,1/default");
	record("iqn.2020-01.x:b/127.0.0.1,3260,1/default");
	ck_assert_str_eq(each(&numeric), "iqn.2020-01.x:a localhost 3260 1 default\n"
					 "iqn.2020-01.x:b 127.0.0.1 3260 1 default\n");
	ck_assert_str_eq(each(&name), found);
}
END_TEST

START_TEST(what_is_no_record_is_skipped)
{
	fill();
	record(".dracut");
	record("stray");
	record("iqn.2020-01.x:stray");
	record("not-a-name/10.0.0.1,3260,1/default");
	record("iqn.2020-01.x:b/.10.0.0.1,3260.1234abcd");
	record("iqn.2020-01.x:b/10.0.0.1,3260,1/.default.1234abcd");
	record("iqn.2020-01.x:b/10.0.0.1,3260,x/default");
	record("iqn.2020-01.x:b/10.0.0.1,03260,1/default");
	record("iqn.2020-01.x:b/10.0.0.1,3260,70000/default");
	record("iqn.2020-01.x:b/10.0.0.1,0,1/default");
	record("iqn.2020-01.x:b/10.0.0.1,3260,1,1/default");
	record("iqn.2020-01.x:b/10.0.0.1/default");
	record("iqn.2020-01.x:b/10.0.0.3,3260/default");
	record("iqn.2020-01.x:b/10.0.0.4,3260,1");
	record("iqn.2020-01.x:b/10.0.0.1,3260,1/directory/x");
	record("iqn.2020-01.x:b/10.0.0.1,3260,1/in side");
	ck_assert_str_eq(each(&(struct iscsi_node_match){"iqn.2020-01.x:b", NULL, -1, NULL}),
		"iqn.2020-01.x:b 10.0.0.1 3260 1 default\n");
	each(NULL);
	ck_assert_ptr_null(strstr(found, "stray"));
	ck_assert_ptr_null(strstr(found, "not-a-name"));
	ck_assert_str_eq(warnings, "");
}
END_TEST

START_TEST(bad_records_do_not_stop_the_listing)
{
	fill();
	put_text(NODES "iqn.2020-01.x:a/10.0.0.2,3260,1/default", "");
	put_text(NODES "iqn.2020-01.x:b/10.0.0.1,3260,1/default", "unknown.key = 1\ngarbage\n");
	each(NULL);
	ck_assert_ptr_nonnull(strstr(found, "iqn.2020-01.x:a 10.0.0.2 3260 1 default\n"));
	ck_assert_ptr_nonnull(strstr(found, "iqn.2020-01.x:b 10.0.0.1 3260 1 default\n"));
}
END_TEST

START_TEST(old_style_files_state_their_interface)
{
	put_text(NODES "iqn.2020-01.x:a/10.0.0.1,3260", "iface.iscsi_ifacename = if1\n");
	put_text(NODES "iqn.2020-01.x:a/10.0.0.2,3260", "node.startup = manual\n");
	put_text(NODES "iqn.2020-01.x:a/10.0.0.3,3260", "");
	put_text(NODES "iqn.2020-01.x:a/10.0.0.4,3260", "iface.iscsi_ifacename = ../x\n");
	ck_assert_str_eq(each(NULL), "iqn.2020-01.x:a 10.0.0.1 3260 -1 if1\n"
				     "iqn.2020-01.x:a 10.0.0.2 3260 -1 default\n"
				     "iqn.2020-01.x:a 10.0.0.3 3260 -1 default\n"
				     "iqn.2020-01.x:a 10.0.0.4 3260 -1 default\n");
}
END_TEST

static int stop(void *data, const struct iscsi_node_id *id)
{
	(void)id;
	return ++*(int *)data == 2 ? 42 : 0;
}

static int drop(void *data, const struct iscsi_node_id *id)
{
	++*(int *)data;
	return iscsi_db_delete(db, id);
}

START_TEST(callback_may_stop_and_may_delete)
{
	int n = 0;

	fill();
	ck_assert_int_eq(iscsi_db_each(db, NULL, stop, &n), 42);
	ck_assert_int_eq(n, 2);
	n = 0;
	ck_assert_int_eq(iscsi_db_each(db, NULL, drop, &n), 0);
	ck_assert_int_eq(n, 7);
	ck_assert_str_eq(each(NULL), "");
}
END_TEST

static int count(void *data, const struct iscsi_node_id *id)
{
	(void)id;
	++*(int *)data;
	return 0;
}

static long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000L + t.tv_nsec / 1000;
}

/* The time of iscsi_db_each in microseconds, the best of three. */
static long time_of(const struct iscsi_node_match *match, int expected)
{
	long best = 1L << 40;

	for (int i = 0; i < 3; i++) {
		long start = now_us(), took;
		int n = 0;

		ck_assert_int_eq(iscsi_db_each(db, match, count, &n), 0);
		took = now_us() - start;
		ck_assert_int_eq(n, expected);
		best = took < best ? took : best;
	}
	return best;
}

START_TEST(ten_thousand_nodes)
{
	const struct iscsi_node_match one = {"iqn.2020-01.x:n5000", "10.0.0.1", 3260, NULL};
	long all_us, one_us;

	for (int i = 0; i < 10000; i++) {
		char path[100];

		snprintf(path, sizeof(path), "iqn.2020-01.x:n%d/10.0.0.1,3260,1/default", i);
		record(path);
	}
	all_us = time_of(NULL, 10000);
	one_us = time_of(&one, 1);
	printf("10000 nodes: all %ld us, one %ld us\n", all_us, one_us);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {everything_in_order, selection, host_names_are_resolved,
		what_is_no_record_is_skipped, bad_records_do_not_stop_the_listing,
		old_style_files_state_their_interface, callback_may_stop_and_may_delete,
		ten_thousand_nodes};

	return RUN_TESTS("match", tests);
}
