/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "node-root.h"
#include "record.h"
#include "str.h"

static struct iscsi_node *new_node(void)
{
	struct iscsi_node *n;

	ck_assert_int_eq(iscsi_node_new_default(&n), 0);
	return n;
}

START_TEST(keys_are_unique)
{
	const struct settings *all[] = {&node_settings, &discovery_settings};

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < all[k]->n; i++)
			ck_assert_ptr_eq(settings_find(all[k], all[k]->rows[i].key),
				&all[k]->rows[i]);
	ck_assert_ptr_null(settings_find(&node_settings, "node.nosuch"));
}
END_TEST

START_TEST(members_do_not_overlap)
{
	for (size_t i = 0; i < node_settings.n; i++)
		for (size_t j = 0; j < i; j++) {
			const struct setting *a = &node_settings.rows[i];
			const struct setting *b = &node_settings.rows[j];

			if (a->type != SETTING_LENGTH && b->type != SETTING_LENGTH)
				ck_assert_msg(a->offset != b->offset, "%s %s", a->key, b->key);
		}
}
END_TEST

START_TEST(defaults_are_open_iscsi_s)
{
	static const char *const expected[][2] = {
		{"node.name", ""},
		{"node.tpgt", "-1"},
		{"node.startup", "manual"},
		{"node.discovery_type", "static"},
		{"node.session.initial_login_retry_max", "4"},
		{"node.session.xmit_thread_priority", "-20"},
		{"node.session.auth.chap_algs", "MD5"},
		{"node.session.timeo.replacement_timeout", "120"},
		{"node.session.iscsi.MaxBurstLength", "16776192"},
		{"node.session.scan", "auto"},
		{"node.session.sess_reopen_log_freq", "1"},
		{"node.conn[0].port", "3260"},
		{"node.conn[0].timeo.login_timeout", "30"},
		{"node.conn[0].iscsi.HeaderDigest", "None"},
		{"iface.iscsi_ifacename", "default"},
		{"iface.transport_name", "tcp"},
		{"iface.ttl", "0"},
	};
	struct iscsi_node *n = new_node();

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		ck_assert_str_eq(iscsi_node_get(n, expected[i][0]), expected[i][1]);
	iscsi_node_free(n);
}
END_TEST

START_TEST(every_choice_can_be_set)
{
	struct iscsi_node *n = new_node();

	for (size_t i = 0; i < node_settings.n; i++) {
		const struct setting *s = &node_settings.rows[i];

		if (s->type != SETTING_CHOICE)
			continue;
		for (size_t c = 0; s->choices[c]; c++) {
			ck_assert_int_eq(iscsi_node_set(n, s->key, s->choices[c]), ISCSI_SET_OK);
			ck_assert_str_eq(iscsi_node_get(n, s->key), s->choices[c]);
		}
		ck_assert_int_eq(iscsi_node_set(n, s->key, "nonsense"), ISCSI_SET_BAD_VALUE);
		ck_assert_int_eq(iscsi_node_set(n, s->key, ""), ISCSI_SET_BAD_VALUE);
	}
	ck_assert_int_eq(iscsi_node_set(n, "node.startup", "Automatic"), ISCSI_SET_BAD_VALUE);
	iscsi_node_free(n);
}
END_TEST

START_TEST(numbers_are_read_as_strtoul_does)
{
	static const char *const cases[][3] = {
		{"node.session.cmds_max", "120xyz", "120"},
		{"node.session.cmds_max", "-1", "-1"},
		{"node.session.cmds_max", "  7", "7"},
		{"node.session.cmds_max", "", "0"},
		{"node.session.cmds_max", "64 # more", "64"},
		{"iface.prefix_len", "300", "44"},
		{"iface.mtu", "65537", "1"},
		{"iface.vlan_id", "-1", "65535"},
		{"iface.max_burst_len", "4294967295", "4294967295"},
	};
	static const char *const none[] = {"abc", "-", "# 64", "x64"};
	struct iscsi_node *n = new_node();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(iscsi_node_set(n, cases[i][0], cases[i][1]), ISCSI_SET_OK);
		ck_assert_str_eq(iscsi_node_get(n, cases[i][0]), cases[i][2]);
	}
	/* open-iscsi takes these for 0, which for a timeout may be the worst that there is */
	ck_assert_int_eq(iscsi_node_set(n, "node.session.cmds_max", "32"), ISCSI_SET_OK);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		ck_assert_int_eq(
			iscsi_node_set(n, "node.session.cmds_max", none[i]), ISCSI_SET_BAD_VALUE);
		ck_assert_str_eq(iscsi_node_get(n, "node.session.cmds_max"), "32");
	}
	iscsi_node_free(n);
}
END_TEST

START_TEST(names_are_checked)
{
	static const char *const bad[][2] = {
		{"node.name", "iqn.2020-01.x:a/../b"},
		{"node.name", ".."},
		{"node.name", "iqn.2020-01.x:a\nb"},
		{"node.conn[0].address", "../../x"},
		{"node.conn[0].address", "10.0.0.1\n"
					 "x"},
		{"node.discovery_address", "a/b"},
		{"iface.iscsi_ifacename", ".."},
		{"iface.iscsi_ifacename", "a/b"},
		{"iface.iscsi_ifacename", "a\nb"},
		{"node.session.auth.password", "one\ntwo"},
		{"node.session.auth.username", "esc\033[0m"},
	};
	struct iscsi_node *n = new_node();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(iscsi_node_set(n, bad[i][0], bad[i][1]) == ISCSI_SET_BAD_VALUE,
			"%s %s", bad[i][0], bad[i][1]);
	iscsi_node_free(n);
}
END_TEST

START_TEST(text_length_is_limited)
{
	char text[300];
	struct iscsi_node *n = new_node();

	memset(text, 'p', sizeof(text));
	text[256] = '\0';
	ck_assert_int_eq(
		iscsi_node_set(n, "node.session.auth.password", text), ISCSI_SET_BAD_VALUE);
	text[255] = '\0';
	ck_assert_int_eq(iscsi_node_set(n, "node.session.auth.password", text), ISCSI_SET_OK);
	ck_assert_str_eq(iscsi_node_get(n, "node.session.auth.password"), text);
	ck_assert_str_eq(iscsi_node_get(n, "node.session.auth.password_length"), "255");
	ck_assert_int_eq(
		iscsi_node_set(n, "node.session.auth.password_length", "3"), ISCSI_SET_OK);
	ck_assert_str_eq(iscsi_node_get(n, "node.session.auth.password_length"), "255");
	iscsi_node_free(n);
}
END_TEST

START_TEST(algorithms_are_a_list)
{
	static const char *const cases[][2] = {
		{"SHA256,MD5", "SHA256,MD5"},
		{"SHA3-256 , SHA1  MD5", "SHA3-256,SHA1,MD5"},
		{"MD5,MD5,SHA9,SHA1", "MD5,SHA1"},
	};
	const char *key = "node.session.auth.chap_algs";
	struct iscsi_node *n = new_node();

	for (size_t i = 0; i < 3; i++) {
		ck_assert_int_eq(iscsi_node_set(n, key, cases[i][0]), ISCSI_SET_OK);
		ck_assert_str_eq(iscsi_node_get(n, key), cases[i][1]);
	}
	ck_assert_int_eq(iscsi_node_set(n, key, "SHA9"), ISCSI_SET_BAD_VALUE);
	ck_assert_str_eq(iscsi_node_get(n, key), "MD5,SHA1");
	iscsi_node_free(n);
}
END_TEST

static int count(void *data, const char *key, const char *value, bool secret)
{
	ck_assert_ptr_nonnull(value);
	ck_assert_int_eq(secret, strstr(key, ".password") != NULL);
	return ++*(int *)data == 1000;
}

START_TEST(shown_keys)
{
	struct iscsi_node *n = new_node();
	int keys = 0;

	ck_assert_int_eq(iscsi_node_each(n, count, &keys), 0);
	ck_assert_int_eq(keys, 107);
	iscsi_node_set(n, "node.session.sess_reopen_log_freq", "5");
	iscsi_node_set(n, "node.conn[0].tcp.congestion_control", "bbr");
	keys = 0;
	ck_assert_int_eq(iscsi_node_each(n, count, &keys), 0);
	ck_assert_int_eq(keys, 109);
	keys = 995;
	ck_assert_int_eq(iscsi_node_each(n, count, &keys), 1);
	ck_assert_int_eq(keys, 1000);
	iscsi_node_free(n);
}
END_TEST

START_TEST(family_decides_on_iface_keys)
{
	struct iscsi_node *n = new_node();

	ck_assert_ptr_nonnull(iscsi_node_get(n, "iface.subnet_mask"));
	ck_assert_ptr_null(iscsi_node_get(n, "iface.hop_limit"));
	iscsi_node_set(n, "iface.iscsi_ifacename", "be2iscsi.00:11.ipv6.0");
	ck_assert_ptr_null(iscsi_node_get(n, "iface.subnet_mask"));
	ck_assert_ptr_nonnull(iscsi_node_get(n, "iface.hop_limit"));
	iscsi_node_set(n, "iface.ipaddress", "10.0.0.1");
	ck_assert_ptr_nonnull(iscsi_node_get(n, "iface.subnet_mask"));
	iscsi_node_set(n, "iface.ipaddress", "fd00::1");
	ck_assert_ptr_null(iscsi_node_get(n, "iface.subnet_mask"));
	iscsi_node_set(n, "iface.bootproto", "dhcp");
	ck_assert_ptr_nonnull(iscsi_node_get(n, "iface.subnet_mask"));
	iscsi_node_free(n);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {keys_are_unique, members_do_not_overlap,
		defaults_are_open_iscsi_s, every_choice_can_be_set,
		numbers_are_read_as_strtoul_does, names_are_checked, text_length_is_limited,
		algorithms_are_a_list, shown_keys, family_decides_on_iface_keys};

	return RUN_TESTS("settings", tests);
}
