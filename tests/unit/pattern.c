/* SPDX-License-Identifier: MIT */
/*
 * Updates that go by a pattern where one fits, and those that are all parsed and formatted: the files
 * have to be the same, whatever was in them.
 */
#include "db.h"
#include "pattern.h"

#include "node-root.h"

#include <limits.h>

#define NODES "etc/iscsi/nodes/"
#define RECORDS 40
#define ROUNDS 150

static const char *const usual[] = {
	"node.session.queue_depth = 32",
	"node.session.cmds_max = 128",
	"node.startup = manual",
	"node.session.auth.chap_algs = MD5",
	"iface.transport_name = tcp",
	"node.discovery_address = 10.0.0.250",
	"node.discovery_port = 3260",
	"node.discovery_type = send_targets",
	"node.conn[0].iscsi.HeaderDigest = None",
	"node.session.auth.username = somebody",
	"node.session.auth.username_in = someone",
	"iface.ipaddress = 10.0.0.98",
	"node.session.timeo.replacement_timeout = 120",
	"vendor.key = something",
};

/* What may stand in place of a line, or beside it. */
static const char *const odd[] = {
	"node.session.queue_depth = 64",
	"node.session.queue_depth = 16",
	"node.session.queue_depth = 064",
	"node.session.queue_depth=64",
	" node.session.queue_depth = 64",
	"node.session.queue_depth = 64 ",
	"node.session.queue_depth =  64",
	"node.session.queue_depth\t=\t64",
	"node.session.queue_depth = abc",
	"node.session.queue_depth = -1",
	"node.session.queue_depth = 99999999999",
	"node.session.queue_depth =",
	"node.session.queue_depth",
	"node.startup = automatic",
	"node.startup = never",
	"node.session.auth.chap_algs = SHA1,MD5",
	"node.session.auth.chap_algs = MD5 SHA1",
	"node.session.auth.chap_algs = SHA512",
	"iface.ipaddress = 10.0.0.99",
	"iface.ipaddress = fd00::99",
	"iface.iscsi_ifacename = other",
	"iface.bootproto = dhcp",
	"iface.subnet_mask = 255.255.255.0",
	"iface.mtu = 9000",
	"node.name = iqn.2020-01.x:t1",
	"node.tpgt = 1",
	"node.tpgt = 7",
	"node.conn[0].address = 10.0.0.1",
	"node.conn[0].port = 3261",
	"node.discovery_address = 10.0.0.251",
	"node.discovery_address = not/good",
	"node.session.auth.username = some body",
	"node.session.auth.username = <empty>",
	"node.session.auth.password = a secret = with # all",
	"node.session.auth.password_length = 7",
	"node.session.sess_reopen_log_freq = 1",
	"node.conn[0].tcp.congestion_control = cubic",
	"vendor.key = something else",
	"vendor.other = 1",
	"node.session.timeo.replacement_timeout = 007",
	"node.session.timeo.replacement_timeout = 7 seconds",
	"node.session.timeo.replacement_timeout = 99999999999",
	"node.session.timeo.replacement_timeout = -0",
	"node.session.timeo.replacement_timeout = 30",
	"node.session.auth.username_in = some\tone",
	"node.session.auth.username_in = some\001one",
	"node.session.auth.username_in =  someone",
	"node.session.auth.username_in = someone ",
	"node.session.auth.username_in = another",
	"# a comment",
	"",
	"node.session.auth.username = one\rtwo",
};
#define N(a) (sizeof(a) / sizeof((a)[0]))

static char texts[RECORDS][4096];
static const char *extra; /* line at the end, in many records of a round */
static int fits;

static struct iscsi_node_id id_of(int i)
{
	static char targets[RECORDS][32];

	snprintf(targets[i], sizeof(targets[i]), "iqn.2020-01.x:t%d", i);
	return (struct iscsi_node_id){targets[i], "10.0.0.1", 3260, 1, "default"};
}

static const char *path_of(int i)
{
	static char path[128];

	snprintf(path, sizeof(path), NODES "iqn.2020-01.x:t%d/10.0.0.1,3260,1/default", i);
	return path;
}

static void add_line(char *text, const char *line)
{
	strcat(text, line);
	strcat(text, "\n");
}

/* In place of a usual line; half of the time one for the same key. */
static const char *odd_line(const char *usual_line)
{
	size_t key = strcspn(usual_line, " ");
	const char *line;
	bool same = random() % 2;

	for (int i = 0; i < 1000; i++) {
		line = odd[random() % (long)N(odd)];
		if (!same || !strncmp(line, usual_line, key))
			break;
	}
	return line;
}

/* Like the others, but for what chance has it. */
static void make_text(char *text, int i)
{
	int change = random() % 8 ? -1 : (int)(random() % (long)N(usual));

	sprintf(text, "# BEGIN RECORD 2.1.8\nnode.name = %s\nnode.tpgt = 1\n",
		random() % 40 ? id_of(i).target : "iqn.2020-01.x:t1");
	if (random() % 40)
		add_line(text, "iface.iscsi_ifacename = default");
	for (int line = 0; line < (int)N(usual); line++) {
		if (line != change || random() % 3)
			add_line(text, usual[line]);
		if (line == change)
			add_line(text, odd_line(usual[line]));
	}
	if (random() % 40)
		add_line(text, "node.conn[0].address = 10.0.0.1");
	add_line(text, "node.conn[0].port = 3260");
	if (random() % 40)
		add_line(text, "# END RECORD");
	if (extra && random() % 4)
		add_line(text, extra);
	if (random() % 30 == 0)
		text[strlen(text) - 1] = '\0';
}

static const struct iscsi_setting choices[][2] = {
	{{"node.session.queue_depth", "64"}, {"node.startup", "automatic"}},
	{{"node.session.auth.username", ""}, {"node.session.cmds_max", "256"}},
	{{"node.session.auth.password", "new"}, {"node.session.scan", "manual"}},
	{{"node.transport_name", "iser"}, {"node.session.auth.chap_algs", "SHA256"}},
	{{"node.session.sess_reopen_log_freq", "3"}, {"node.session.queue_depth", "32"}},
};

static void put_all(void)
{
	for (int i = 0; i < RECORDS; i++)
		put_text(path_of(i), texts[i]);
	*warnings = '\0';
}

/* What the records are then, and what was said. */
static void update_all(const struct iscsi_setting *settings, size_t n, bool by_pattern,
	int results[static RECORDS], char said[static sizeof(warnings)])
{
	size_t bad;

	put_all();
	pattern_free(db->pattern);
	db->pattern = NULL;
	db->patterns = by_pattern ? 0 : UINT_MAX;
	db->fits = 0;
	iscsi_db_group_begin(db);
	for (int i = 0; i < RECORDS; i++) {
		const struct iscsi_node_id id = id_of(i);

		results[i] = iscsi_db_update(db, &id, settings, n, &bad);
	}
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
	strcpy(said, warnings);
}

START_TEST(the_same_as_without)
{
	static char after[RECORDS][16384], said[2][sizeof(warnings)];
	int results[2][RECORDS];

	srandom(1);
	for (int round = 0; round < ROUNDS; round++) {
		const struct iscsi_setting *settings = choices[random() % (long)N(choices)];
		size_t n = 1 + (size_t)(random() % 2);

		extra = random() % 2 ? NULL
				     : odd_line(usual[random() % (long)N(usual)]);
		if (extra && random() % 2)
			extra = usual[random() % (long)N(usual)];
		for (int i = 0; i < RECORDS; i++)
			make_text(texts[i], i);
		update_all(settings, n, false, results[0], said[0]);
		for (int i = 0; i < RECORDS; i++)
			strcpy(after[i], text_of(path_of(i)));
		ck_assert_uint_eq(db->fits, 0);
		update_all(settings, n, true, results[1], said[1]);
		for (int i = 0; i < RECORDS; i++) {
			ck_assert_int_eq(results[1][i], results[0][i]);
			ck_assert_msg(!strcmp(text_of(path_of(i)), after[i]),
				"round %d, record %d: not the same", round, i);
		}
		ck_assert_str_eq(said[1], said[0]);
		fits += (int)db->fits;
	}
	/* and it was of use */
	ck_assert_int_gt(fits, ROUNDS * RECORDS / 4);
}
END_TEST

#define NAMED                                                                   \
	"node.name = %s\nnode.tpgt = 1\niface.iscsi_ifacename = default\n"      \
	"node.conn[0].address = 10.0.0.1\nnode.conn[0].port = 3260\n"

/* Records with one line (or two) beside their names, updated in a group. */
static void update_in_turn(const char *const *lines, int n)
{
	const struct iscsi_setting s = {"node.session.queue_depth", "64"};
	size_t bad;

	for (int i = 0; i < n; i++) {
		char text[2048];

		sprintf(text, NAMED "%s\n", id_of(i).target, lines[i]);
		put_text(path_of(i), text);
	}
	iscsi_db_group_begin(db);
	for (int i = 0; i < n; i++) {
		const struct iscsi_node_id id = id_of(i);

		ck_assert_int_eq(iscsi_db_update(db, &id, &s, 1, &bad), 0);
	}
	ck_assert_int_eq(iscsi_db_group_end(db), 0);
}

/* The pattern's own record was so already: that says nothing about others. */
START_TEST(what_was_set_before_is_set_in_others)
{
	static const char *const lines[] = {"node.session.queue_depth = 64",
		"node.session.queue_depth = 64", "node.session.queue_depth = 32"};

	update_in_turn(lines, 3);
	ck_assert_uint_gt(db->fits, 0);
	ck_assert_ptr_nonnull(strstr(text_of(path_of(2)), "\nnode.session.queue_depth = 64\n"));
}
END_TEST

START_TEST(the_last_of_two_lines_counts)
{
	static const char *const lines[] = {
		"node.session.cmds_max = 7\nnode.session.cmds_max = 7",
		"node.session.cmds_max = 8\nnode.session.cmds_max = 7"};

	update_in_turn(lines, 2);
	ck_assert_ptr_nonnull(strstr(text_of(path_of(1)), "\nnode.session.cmds_max = 7\n"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {the_same_as_without, what_was_set_before_is_set_in_others,
		the_last_of_two_lines_counts};

	return RUN_TESTS("pattern", tests);
}
