/* SPDX-License-Identifier: MIT */
/*
 * What a hostile target announces, all the way from its answer into the database, and what stands
 * in the database's directories without being a record: no file outside, no line more in a record,
 * nothing that hangs or ends the program. The names in front are those of open-iscsi's faults.
 */
#include "discovery.h"
#include "place.h"

#include "node-root.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>

#define GOOD "TargetName=iqn.2020-01.x:good|TargetAddress=10.0.0.1:3260,1|"
#define SOURCE                                             \
	&(struct iscsi_source)                             \
	{                                                  \
		ISCSI_SOURCE_SENDTARGETS, "10.0.0.9", 3260 \
	}

struct found {
	struct iscsi_node *nodes[64];
	size_t n, skipped;
};

static void on_found(void *data, const char *target, const struct iscsi_portal *portal)
{
	struct found *f = data;
	struct iscsi_node_id id = {target, "10.0.0.9", 3260, 1, "default"};

	if (portal)
		id = (struct iscsi_node_id){target, portal->address,
			portal->port < 0 ? 3260 : portal->port, portal->tpgt, "default"};
	ck_assert_uint_lt(f->n, 64);
	ck_assert_int_eq(iscsi_node_new(db, &id, &f->nodes[f->n++]), 0);
}

static void on_skipped(void *data, const char *text, const char *why)
{
	(void)text, (void)why;
	((struct found *)data)->skipped++;
}

static int merged; /* what iscsi_db_merge returned */

/* text with '|' for NUL, as a target's whole answer; then into the database. */
static size_t discover(const char *text)
{
	struct found f = {0};
	const struct discovery_sink sink = {on_found, on_skipped, &f};
	struct discovery *d = discovery_new(1, 1, &sink);
	struct pdu p = {.data = (uint8_t *)strdup(text), .data_len = strlen(text)};

	for (size_t i = 0; i < p.data_len; i++)
		if (p.data[i] == '|')
			p.data[i] = '\0';
	bhs_set_opcode(p.bhs, OP_TEXT_RESPONSE, false);
	bhs_set_flags(p.bhs, 0x80);
	bhs_set_itt(p.bhs, bhs_itt(discovery_request(d)->bhs));
	bhs_set_ttt(p.bhs, 0xffffffff);
	bhs_set_statsn(p.bhs, bhs_exp_statsn(discovery_request(d)->bhs));
	bhs_set_data_len(p.bhs, (uint32_t)p.data_len);
	discovery_response(d, &p);
	discovery_free(d);
	free(p.data);
	merged = iscsi_db_merge(db, SOURCE, f.nodes, f.n,
		ISCSI_MERGE_NEW | ISCSI_MERGE_UPDATE | ISCSI_MERGE_DELETE, NULL, NULL);
	for (size_t i = 0; i < f.n; i++)
		iscsi_node_free(f.nodes[i]);
	return f.n;
}

static size_t record_lines; /* that a record has */

static int check_path(const char *path, const struct stat *st, int type, struct FTW *where)
{
	const char *below = path + strlen(root);
	size_t lines = 0;

	(void)st, (void)where;
	if (type == FTW_D || str_eq(below, "/canary"))
		return 0;
	if (str_after(below, "/run/lock/iscsi/") || str_after(below, "/etc/iscsi/send_targets/10.0.0.9,3260/"))
		return 0;
	ck_assert_msg(str_after(below, "/etc/iscsi/nodes/") && type == FTW_F, "there is %s", path);
	for (const char *p = text_of(below + 1); (p = strchr(p, '\n')); p++)
		lines++;
	if (!record_lines)
		record_lines = lines;
	ck_assert_msg(lines == record_lines, "%s has %zu lines", path, lines);
	return 0;
}

static void check_tree(void)
{
	ck_assert_int_eq(nftw(root, check_path, 16, FTW_PHYS), 0);
	ck_assert_str_eq(text_of("canary"), "untouched");
}

static const struct {
	const char *name, *text;
	size_t found; /* besides the good one */
} answers[] = {
	{"CVE-2026-44943 path", "TargetName=../../../../canary|TargetAddress=10.0.0.1:3260,1|", 0},
	{"CVE-2026-44943 path", "TargetName=/etc/cron.d/x|TargetAddress=10.0.0.1:3260,1|", 0},
	{"CVE-2026-44943 path", "TargetName=iqn.2020-01.x:a/../../../../canary|"
				"TargetAddress=10.0.0.1:3260,1|", 0},
	{"CVE-2026-44943 path", "TargetName=iqn.2020-01.x:a|TargetAddress=../../canary:3260,1|", 0},
	{"CVE-2026-44943 path", "TargetName=iqn.2020-01.x:a|TargetAddress=..:3260,1|", 0},
	{"CVE-2026-44943 line", "TargetName=iqn.2020-01.x:a\nnode.startup = automatic|"
				"TargetAddress=10.0.0.1:3260,1|", 0},
	{"CVE-2026-44943 line", "TargetName=iqn.2020-01.x:a\r\nnode.startup = automatic|"
				"TargetAddress=10.0.0.1:3260,1|", 0},
	{"CVE-2026-44943 line", "TargetName=iqn.2020-01.x:a|"
				"TargetAddress=10.0.0.1\nnode.startup = automatic:3260,1|", 0},
	{"CVE-2026-18724 control", "TargetName=iqn.2020-01.x:\x01\x1b[2J\x7f|"
				   "TargetAddress=10.0.0.1:3260,1|", 0},
	{"CVE-2026-18724 blank", "TargetName=iqn.2020-01.x:a = b|TargetAddress=10.0.0.1:3260,1|", 0},
	{"format", "TargetName=iqn.2020-01.x:%n%s%n|TargetAddress=%n%s:3260,1|", 0},
	{"number", "TargetName=iqn.2020-01.x:a|TargetAddress=10.0.0.1:99999999999999999999,1|", 0},
	{"number", "TargetName=iqn.2020-01.x:a|TargetAddress=10.0.0.1:3260,-1|", 0},
	{"comma", "TargetName=iqn.2020-01.x:a,10.0.0.1,3260,1,default|TargetAddress=10.0.0.1:3260,1|",
		0},
	{"option", "TargetName=-oProxyCommand=x|TargetAddress=-x:3260,1|", 0},
	{"same twice", "TargetName=iqn.2020-01.x:a|TargetAddress=10.0.0.1:3260,1|"
		       "TargetAddress=10.0.0.1:3260,1|", 2},
};

START_TEST(announced)
{
	put_text("canary", "untouched");
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		char *text = str_printf(GOOD "%s" GOOD, answers[i].text);
		size_t found = discover(text);

		ck_assert_int_eq(merged, 0);
		ck_assert_msg(found == 2 + answers[i].found, "%s (%zu): %zu found",
			answers[i].name, i, found);
		check_tree();
		free(text);
	}
	ck_assert_uint_gt(record_lines, 50);
}
END_TEST

/* The faults without a number of 2020: buffers that grew with each target and each byte. */
START_TEST(long_names_and_many)
{
	char *text = malloc(200000), *end = text;

	put_text("canary", "untouched");
	for (int len = 200; len < 60000; len = len * 3 / 2) {
		end += sprintf(end, "TargetName=iqn.2020-01.x:");
		memset(end, 'a', (size_t)len);
		end += len;
		end += sprintf(end, "|TargetAddress=10.0.0.1:3260,1|TargetAddress=");
		memset(end, '1', 300);
		end += 300;
		end += sprintf(end, ":3260,1|");
	}
	strcpy(end, GOOD);
	ck_assert_uint_eq(discover(text), 2);
	ck_assert_int_eq(merged, 0);
	check_tree();
	free(text);
}
END_TEST

/* ---- what is no record ---- */

#define RECORD "etc/iscsi/nodes/iqn.2020-01.x:a/10.0.0.1,3260,1/default"

static const struct iscsi_node_id a = {"iqn.2020-01.x:a", "10.0.0.1", 3260, 1, "default"};
static const struct iscsi_node_id good = {"iqn.2020-01.x:good", "10.0.0.1", 3260, 1, "default"};

static int store(const struct iscsi_node_id *id)
{
	struct iscsi_node *n;
	int r = iscsi_node_new(db, id, &n);

	if (r == 0)
		r = iscsi_db_store(db, n);
	iscsi_node_free(n);
	return r;
}

/* Neither hangs nor ends the program, and the others are as ever. */
static void others_are_well(void)
{
	struct iscsi_node *n = NULL;
	size_t bad;

	ck_assert_int_lt(iscsi_db_load(db, &a, &n), 0);
	ck_assert_int_lt(iscsi_db_update(db, &a, &(struct iscsi_setting){"node.startup", "onboot"}, 1,
				 &bad),
		0);
	ck_assert_int_eq(store(&good), 0);
	ck_assert_int_eq(iscsi_db_load(db, &good, &n), 0);
	iscsi_node_free(n);
}

static void make_portal_dir(void)
{
	put_text(RECORD, "");
	ck_assert_int_eq(unlink(in_root(RECORD)), 0);
}

START_TEST(fifo_in_place_of_a_record)
{
	int fd;

	make_portal_dir();
	ck_assert_int_eq(mkfifo(in_root(RECORD), 0600), 0);
	others_are_well();
	fd = open(in_root(RECORD), O_RDWR); /* somebody who writes, and never does */
	others_are_well();
	close(fd);
}
END_TEST

START_TEST(directory_in_place_of_a_record)
{
	put_text(RECORD "/x", "");
	others_are_well();
	ck_assert_int_lt(store(&a), 0);
	ck_assert(there(RECORD "/x"));
}
END_TEST

START_TEST(link_in_place_of_a_record)
{
	make_portal_dir();
	put_text("outside", "node.startup = automatic\n");
	ck_assert_int_eq(symlink(in_root("outside"), in_root(RECORD)), 0);
	others_are_well();
	/* a new record takes the link's place and leaves what it led to */
	ck_assert_int_eq(store(&a), 0);
	ck_assert_str_eq(text_of("outside"), "node.startup = automatic\n");
}
END_TEST

START_TEST(links_in_place_of_directories)
{
	ck_assert_int_eq(store(&good), 0);
	put_text("outside/x", "");
	ck_assert_int_eq(symlink(in_root("outside"), in_root("etc/iscsi/nodes/iqn.2020-01.x:a")), 0);
	others_are_well();
	ck_assert_int_lt(store(&a), 0);
	ck_assert_int_lt(iscsi_db_delete(db, &a), 0);
	ck_assert_int_eq(unlink(in_root("etc/iscsi/nodes/iqn.2020-01.x:a")), 0);
	make_portal_dir();
	ck_assert_int_eq(rmdir(in_root("etc/iscsi/nodes/iqn.2020-01.x:a/10.0.0.1,3260,1")), 0);
	ck_assert_int_eq(symlink(in_root("outside"),
				 in_root("etc/iscsi/nodes/iqn.2020-01.x:a/10.0.0.1,3260,1")),
		0);
	others_are_well();
	ck_assert_int_lt(store(&a), 0);
	/* of a source: no link is made where that one leads */
	put_text("etc/iscsi/send_targets/x", "");
	ck_assert_int_eq(
		symlink(in_root("outside"), in_root("etc/iscsi/send_targets/10.0.0.9,3260")), 0);
	discover(GOOD);
	ck_assert_int_eq(merged, -ELOOP);
	ck_assert_ptr_nonnull(strstr(iscsi_db_error(db), "send_targets/10.0.0.9,3260"));
	/* nor a temporary file */
	ck_assert_int_eq(symlink(in_root("outside"), in_root("etc/iscsi/.new")), 0);
	ck_assert_int_lt(store(&good), 0);
	ck_assert_int_eq(rmdir(in_root("outside")), -1);
	ck_assert_int_eq(unlink(in_root("outside/x")), 0);
	ck_assert_msg(rmdir(in_root("outside")) == 0, "there is something outside");
}
END_TEST

START_TEST(huge_record)
{
	static char line[65536];
	FILE *f;

	put_text(RECORD, "node.startup = automatic\n");
	memset(line, 'x', sizeof(line) - 1);
	f = fopen(in_root(RECORD), "a");
	for (int i = 0; i < 1600; i++) /* 100 MB */
		fputs(line, f);
	fclose(f);
	others_are_well();
	/* what is too long to be a record is replaced like any other */
	ck_assert_int_eq(store(&a), 0);
}
END_TEST

START_TEST(long_lines_are_kept_or_named)
{
	char *text = malloc(70000);
	struct iscsi_node *n;
	int len = sprintf(text, "node.startup = onboot\nnode.session.auth.username = ");

	memset(text + len, 'u', 60000);
	strcpy(text + len + 60000, "\n\x01\x02 = \x03\n");
	put_text(RECORD, text);
	ck_assert_int_eq(iscsi_db_load(db, &a, &n), 0);
	ck_assert_str_eq(iscsi_node_get(n, "node.startup"), "onboot");
	ck_assert_str_eq(iscsi_node_get(n, "node.session.auth.username"), "");
	ck_assert_ptr_nonnull(strstr(warnings, "default:2: "));
	iscsi_node_free(n);
	free(text);
}
END_TEST

static int count(void *data, const struct iscsi_node_id *id)
{
	(void)id;
	++*(int *)data;
	return 0;
}

START_TEST(hostile_file_names)
{
	static const char *const names[] = {"iqn.2020-01.x:\x1b[2J/10.0.0.1,3260,1/default",
		"iqn.2020-01.x:a\nb/10.0.0.1,3260,1/default", "..x/10.0.0.1,3260,1/default",
		"iqn.2020-01.x:b/10.0.0.1,3260,1/a\nb", "iqn.2020-01.x:b/10.0.0.1\n,3260,1/default",
		"iqn.2020-01.x:b/10.0.0.1,03260,1/default", "iqn.2020-01.x:b/,,/default",
		"iqn.2020-01.x:b/10.0.0.1,3260,1,1/default", "iqn.2020-01.x:b/-x,1,1/default",
		"iqn.2020-01.x:b/$(id),1,1/default", "\xff\xfe/10.0.0.1,3260,1/default"};
	char path[512];
	int found = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "etc/iscsi/nodes/%s", names[i]);
		put_text(path, "node.startup = automatic\n");
	}
	ck_assert_int_eq(store(&good), 0);
	ck_assert_int_eq(iscsi_db_each(db, NULL, count, &found), 0);
	/* "-x" is a name that a host may have */
	ck_assert_int_eq(found, 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {announced, long_names_and_many, fifo_in_place_of_a_record,
		directory_in_place_of_a_record, link_in_place_of_a_record,
		links_in_place_of_directories, huge_record, long_lines_are_kept_or_named,
		hostile_file_names};

	return RUN_TESTS("hostile", tests);
}
