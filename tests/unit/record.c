/* SPDX-License-Identifier: MIT */
#include "record.h"

#include "node-root.h"

static struct iscsi_node *n;
static unsigned int lines[16], n_lines;

static void setup(void)
{
	ck_assert_int_eq(iscsi_node_new_default(&n), 0);
	n_lines = 0;
}

static void teardown(void)
{
	iscsi_node_free(n);
}

static void on_line(void *data, unsigned int line, const char *text)
{
	(void)data;
	ck_assert_ptr_null(strstr(text, "hunter2"));
	ck_assert_uint_lt(n_lines, 16);
	lines[n_lines++] = line;
}

static int parse_bytes(const char *text, size_t len, bool record)
{
	const struct parse how = {.record = record, .warn = on_line};
	char *copy = malloc(len + 1);
	int r;

	memcpy(copy, text, len);
	copy[len] = '\0';
	r = record_parse(&n->record, copy, len, &how);
	free(copy);
	return r;
}

static int parse(const char *text)
{
	return parse_bytes(text, strlen(text), true);
}

static const char *format(void)
{
	static char text[16384];
	char *data;
	size_t len;

	ck_assert_int_eq(record_format(&n->record, &data, &len), 0);
	ck_assert_uint_lt(len, sizeof(text));
	memcpy(text, data, len);
	text[len] = '\0';
	free(data);
	return text;
}

START_TEST(blanks_around_the_equals_sign)
{
	static const char *const forms[] = {
		"node.session.cmds_max = 77\n",
		"node.session.cmds_max =77\n",
		"node.session.cmds_max=77\n",
		"node.session.cmds_max= 77\n",
		"node.session.cmds_max\t=\t77\n",
		"node.session.cmds_max==77\n",
		"  \t node.session.cmds_max   =   77 \t\r\n",
		"node.session.cmds_max = 77",
		"\n\n# x\nnode.session.cmds_max = 1\nnode.session.cmds_max = 77",
	};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		n->cmds_max = 5;
		ck_assert_int_ge(parse(forms[i]), 1);
		ck_assert_msg(n->cmds_max == 77, "%s", forms[i]);
	}
	ck_assert_uint_eq(n_lines, 0);
}
END_TEST

START_TEST(values_are_literal)
{
	static const char *const values[] = {"a=b", "=", "a = b", "#not a comment", "x # y",
		"\"quoted\"", "'", "a,b", "in  ner", "<empty>", "\\n", "\xc3\xa4"};
	char text[128];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(text, sizeof(text), "node.session.auth.password = %s\n", values[i]);
		ck_assert_int_eq(parse(text), 1);
		ck_assert_str_eq(n->auth.password, values[i]);
		ck_assert_ptr_nonnull(strstr(format(), text));
	}
	ck_assert_uint_eq(n_lines, 0);
}
END_TEST

START_TEST(bad_lines_are_told_and_skipped)
{
	ck_assert_int_eq(parse("node.session.queue_depth = 8\n"
			       "node.session.auth.password hunter2\n"
			       "node.session.auth.username =  \n"
			       "node.startup = hunter3\n"
			       "# node.startup = onboot\n"
			       "node.session.scan = manual\n"),
		2);
	ck_assert_uint_eq(n_lines, 3);
	ck_assert_uint_eq(lines[0], 2);
	ck_assert_uint_eq(lines[1], 3);
	ck_assert_uint_eq(lines[2], 4);
	ck_assert_int_eq(n->queue_depth, 8);
	ck_assert_int_eq(n->startup, STARTUP_MANUAL);
	ck_assert_int_eq(n->scan, SCAN_MANUAL);
	ck_assert_ptr_null(n->auth.password);
}
END_TEST

START_TEST(binary_lines_are_skipped)
{
	static const char text[] = "node.startup = auto\0matic\nnode.session.cmds_max = 9\n";

	ck_assert_int_eq(parse_bytes(text, sizeof(text) - 1, true), 1);
	ck_assert_uint_eq(n_lines, 1);
	ck_assert_int_eq(n->cmds_max, 9);
	ck_assert_int_eq(parse("node.session.auth.username = a\001b\n"), 0);
	ck_assert_ptr_null(n->auth.username);
}
END_TEST

START_TEST(long_lines)
{
	char *text = malloc(5000);

	memset(text, 'x', 5000);
	memcpy(text, "node.session.auth.username = ", 29);
	strcpy(text + 4000, "\nnode.session.cmds_max = 6");
	ck_assert_int_eq(parse(text), 1);
	ck_assert_ptr_null(n->auth.username);
	ck_assert_int_eq(n->cmds_max, 6);
	free(text);
}
END_TEST

START_TEST(unknown_keys_are_written_back)
{
	const char *text;

	ck_assert_int_eq(parse("node.session.conn_reopen_log_freq = 3\n"
			       "future.key = with = signs # and more\n"
			       "future.key2=tight\n"
			       "future.key = last wins\n"),
		4);
	ck_assert_uint_eq(n->record.n_unknown, 3);
	text = format();
	ck_assert_ptr_nonnull(strstr(text, "\nnode.session.conn_reopen_log_freq = 3\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nfuture.key = last wins\n"));
	ck_assert_ptr_nonnull(strstr(text, "\nfuture.key2 = tight\n# END RECORD\n"));
	ck_assert_ptr_null(iscsi_node_get(n, "future.key"));
	ck_assert_int_eq(iscsi_node_set(n, "future.key", "x"), ISCSI_SET_UNKNOWN);
}
END_TEST

START_TEST(unknown_keys_of_a_configuration_are_not_kept)
{
	const char *text = "iscsid.startup = x\nnode.startup = onboot\n";

	ck_assert_int_eq(parse_bytes(text, strlen(text), false), 1);
	ck_assert_uint_eq(n->record.n_unknown, 0);
	ck_assert_int_eq(n->startup, STARTUP_ONBOOT);
}
END_TEST

START_TEST(unknown_keys_are_limited)
{
	char *text = malloc(600 * 16), *p = text;

	for (int i = 0; i < 514; i++)
		p += sprintf(p, "future.%d = 1\n", i);
	ck_assert_int_eq(parse(text), 512);
	ck_assert_uint_eq(n->record.n_unknown, 512);
	ck_assert_uint_eq(n_lines, 2);
	free(text);
}
END_TEST

START_TEST(late_keys_are_stored_when_stated)
{
	ck_assert_ptr_null(strstr(format(), "sess_reopen_log_freq"));
	ck_assert_int_eq(iscsi_node_set(n, "node.session.sess_reopen_log_freq", "1"), ISCSI_SET_OK);
	ck_assert_ptr_null(strstr(format(), "sess_reopen_log_freq"));
	ck_assert_int_eq(iscsi_node_set(n, "node.session.sess_reopen_log_freq", "2"), ISCSI_SET_OK);
	ck_assert_ptr_nonnull(strstr(format(), "node.session.sess_reopen_log_freq = 2\n"));
	ck_assert_int_eq(parse("node.session.sess_reopen_log_freq = 1\n"), 1);
	ck_assert_ptr_nonnull(strstr(format(), "node.session.sess_reopen_log_freq = 1\n"));
	ck_assert_ptr_null(strstr(format(), "congestion"));
}
END_TEST

/* The file that open-iscsi 2.1.8 writes, but for the version. */
START_TEST(file_is_open_iscsi_s)
{
	static const char head[] =
		"# BEGIN RECORD 3.0.0\n"
		"node.name = iqn.2020-01.x:a\nnode.tpgt = 1\nnode.startup = manual\n"
		"node.leading_login = No\niface.hwaddress = 00:11:22:33:44:55\n"
		"iface.ipaddress = 10.1.1.1\niface.iscsi_ifacename = if1\n"
		"iface.net_ifacename = eth0\niface.gateway = 10.1.1.2\n"
		"iface.subnet_mask = 255.0.0.0\niface.prefix_len = 0\niface.transport_name = tcp\n"
		"iface.initiatorname = iqn.x\niface.vlan_id = 0\niface.vlan_priority = 0\n"
		"iface.iface_num = 0\niface.mtu = 0\niface.port = 0\niface.bootproto = static\n"
		"iface.tos = 0\niface.ttl = 0\niface.tcp_wsf = 0\niface.tcp_timer_scale = 0\n"
		"iface.def_task_mgmt_timeout = 0\niface.erl = 0\niface.max_receive_data_len = 0\n"
		"iface.first_burst_len = 0\niface.max_outstanding_r2t = 0\n"
		"iface.max_burst_len = 0\nnode.discovery_port = 0\nnode.discovery_type = static\n"
		"node.session.initial_cmdsn = 0\nnode.session.initial_login_retry_max = 4\n";
	static const char *const set[][2] = {
		{"node.name", "iqn.2020-01.x:a"},
		{"node.tpgt", "1"},
		{"iface.bootproto", "static"},
		{"iface.iscsi_ifacename", "if1"},
		{"iface.hwaddress", "00:11:22:33:44:55"},
		{"iface.net_ifacename", "eth0"},
		{"iface.ipaddress", "10.1.1.1"},
		{"iface.subnet_mask", "255.0.0.0"},
		{"iface.gateway", "10.1.1.2"},
		{"iface.initiatorname", "iqn.x"},
	};
	const char *text;

	for (size_t i = 0; i < sizeof(set) / sizeof(set[0]); i++)
		ck_assert_int_eq(iscsi_node_set(n, set[i][0], set[i][1]), ISCSI_SET_OK);
	text = format();
	ck_assert_msg(strncmp(text, head, strlen(head)) == 0, "%s", text);
	ck_assert_ptr_null(strstr(text, "password"));
	ck_assert_str_eq(text + strlen(text) - 13, "# END RECORD\n");
}
END_TEST

START_TEST(both_readers_of_open_iscsi_can_read_families)
{
	/* IPv6 by its address, but not by its name */
	iscsi_node_set(n, "iface.iscsi_ifacename", "if6");
	iscsi_node_set(n, "iface.ipaddress", "fd00::1");
	ck_assert_ptr_null(strstr(format(), "iface.hop_limit"));
	ck_assert_ptr_null(strstr(format(), "iface.ttl"));
	iscsi_node_set(n, "iface.hop_limit", "3");
	ck_assert_ptr_nonnull(strstr(format(), "iface.hop_limit = 3\n"));
	iscsi_node_set(n, "iface.iscsi_ifacename", "ipv6if");
	ck_assert_ptr_nonnull(strstr(format(), "iface.flow_label = 0\n"));
}
END_TEST

START_TEST(round_trip)
{
	char first[16384];

	for (size_t i = 0; i < node_settings.n; i++) {
		const struct setting *s = &node_settings.rows[i];

		if (s->type == SETTING_NUMBER)
			iscsi_node_set(n, s->key, "7");
		else if (s->type == SETTING_TEXT && !s->fault && s->offset)
			iscsi_node_set(n, s->key, "1.2 = 3");
		else if (s->type == SETTING_CHOICE)
			iscsi_node_set(n, s->key, s->choices[1]);
	}
	strcpy(first, format());
	iscsi_node_free(n);
	setup();
	ck_assert_int_gt(parse(first), 90);
	ck_assert_str_eq(format(), first);
	ck_assert_uint_eq(n->record.n_unknown, 0);
	ck_assert_uint_eq(n_lines, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {blanks_around_the_equals_sign, values_are_literal,
		bad_lines_are_told_and_skipped, binary_lines_are_skipped, long_lines,
		unknown_keys_are_written_back, unknown_keys_of_a_configuration_are_not_kept,
		unknown_keys_are_limited, late_keys_are_stored_when_stated, file_is_open_iscsi_s,
		both_readers_of_open_iscsi_can_read_families, round_trip};

	return RUN_TESTS_IN("record", tests, setup, teardown);
}
