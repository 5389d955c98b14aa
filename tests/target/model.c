/* SPDX-License-Identifier: MIT */
#include "model.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

static struct model m;
static int targets, portals, closed, fail;

static int on_target(void *data, struct target *t)
{
	(void)data;
	(void)t;
	targets += !fail;
	return fail;
}

static void on_gone(void *data, struct target *t)
{
	(void)data;
	(void)t;
	targets--;
}

static int on_open(void *data, struct portal *p)
{
	(void)data;
	if (fail == -EAFNOSUPPORT && !strchr(p->address, ':'))
		return portals++, 0;
	portals += !fail;
	return fail;
}

static void on_close(void *data, struct portal *p)
{
	(void)data;
	(void)p;
	portals--;
}

static void on_connection(void *data, struct target_session *s, struct target_connection *c)
{
	(void)data;
	closed = (int)(s->sid * 10 + c->cid);
}

static const struct model_hooks hooks = {.target_new = on_target,
	.target_gone = on_gone, .portal_open = on_open, .portal_close = on_close,
	.connection_close = on_connection};

static void setup(void)
{
	targets = portals = closed = fail = 0;
	model_init(&m, &hooks, NULL);
}

static void teardown(void)
{
	model_clear(&m);
	ck_assert_int_eq(targets, 0);
	ck_assert_int_eq(portals, 0);
}

static bool admits(const struct target *t, const char *address, const char *name)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1)
		return target_admits(t, (struct sockaddr *)&in, name);
	ck_assert_int_eq(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
	return target_admits(t, (struct sockaddr *)&in6, name);
}

START_TEST(test_targets)
{
	char longest[ISCSI_NAME_MAX + 2];
	const struct target *t;
	int expect[] = {1, 2, 16}, n = 0;

	memset(longest, 'a', sizeof(longest));
	longest[ISCSI_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(model_target_new(&m, 2, "iqn.x:b"), MODEL_OK);
	ck_assert_int_eq(model_target_new(&m, 16, "notaniqn"), MODEL_OK);
	ck_assert_int_eq(model_target_new(&m, 1, longest + 1), MODEL_OK);
	ck_assert_int_eq(model_target_new(&m, 2, "iqn.x:c"), MODEL_TARGET_EXISTS);
	ck_assert_int_eq(model_target_new(&m, 3, "iqn.x:b"), MODEL_TARGET_EXISTS);
	ck_assert_int_eq(model_target_new(&m, 0, "iqn.x:c"), MODEL_INVALID);
	ck_assert_int_eq(model_target_new(&m, 3, "iqn.x:bad_name"), MODEL_INVALID);
	ck_assert_int_eq(model_target_new(&m, 3, "bad name"), MODEL_INVALID);
	ck_assert_int_eq(model_target_new(&m, 3, "a/../b"), MODEL_INVALID);
	ck_assert_int_eq(model_target_new(&m, 3, ""), MODEL_INVALID);
	ck_assert_int_eq(model_target_new(&m, 3, longest), MODEL_INVALID);
	list_for_each(t, &m.targets, link)
		ck_assert_int_eq(t->tid, expect[n++]);
	ck_assert_int_eq(n, 3);
	fail = -ENOMEM;
	ck_assert_int_eq(model_target_new(&m, 3, "iqn.x:c"), MODEL_NO_MEMORY);
	ck_assert_ptr_null(model_target(&m, 3));
	ck_assert_int_eq(model_target_delete(&m, 99, false), MODEL_NO_TARGET);
	ck_assert_int_eq(model_target_delete(&m, 16, false), MODEL_OK);
	ck_assert_int_eq(targets, 2);
	ck_assert_ptr_eq(model_target_by_name(&m, "iqn.x:b"), model_target(&m, 2));
	ck_assert_ptr_null(model_target_by_name(&m, "IQN.x:b"));
}
END_TEST

START_TEST(test_many_targets)
{
	enum { MANY = 20000 };
	char name[32];

	for (int i = 1; i <= MANY; i++) {
		snprintf(name, sizeof(name), "iqn.x:%d", i * 7919 % MANY);
		ck_assert_int_eq(model_free_tid(&m), i);
		ck_assert_int_eq(model_target_new(&m, i, name), MODEL_OK);
	}
	for (int i = 1; i <= MANY; i++) {
		snprintf(name, sizeof(name), "iqn.x:%d", i * 7919 % MANY);
		ck_assert_ptr_eq(model_target_by_name(&m, name), model_target(&m, i));
	}
	/* a gap is filled first, and what has left is not found */
	ck_assert_int_eq(model_target_delete(&m, 77, false), MODEL_OK);
	ck_assert_int_eq(model_target_delete(&m, MANY, false), MODEL_OK);
	ck_assert_int_eq(model_free_tid(&m), 77);
	ck_assert_ptr_null(model_target(&m, 77));
	snprintf(name, sizeof(name), "iqn.x:%d", 77 * 7919 % MANY);
	ck_assert_ptr_null(model_target_by_name(&m, name));
	ck_assert_int_eq(model_target_new(&m, 77, name), MODEL_OK);
	ck_assert_int_eq(model_free_tid(&m), MANY);
}
END_TEST

START_TEST(test_sessions)
{
	struct target_session s = {.sid = 7};
	struct target_connection c = {.cid = 1};
	struct target *t;

	model_target_new(&m, 1, "iqn.x:a");
	t = model_target(&m, 1);
	list_init(&s.connections);
	list_append(&t->sessions, &s.link);
	list_append(&s.connections, &c.link);
	ck_assert_int_eq(model_target_delete(&m, 1, false), MODEL_TARGET_ACTIVE);
	ck_assert_int_eq(model_connection_close(&m, t, 8, 1), MODEL_NO_SESSION);
	ck_assert_int_eq(model_connection_close(&m, t, 7, 0), MODEL_NO_CONNECTION);
	ck_assert_int_eq(model_connection_close(&m, t, 7, 1), MODEL_OK);
	ck_assert_int_eq(closed, 71);
	ck_assert_int_eq(model_target_delete(&m, 1, true), MODEL_OK);
}
END_TEST

static const struct acl_case {
	const char *rule, *address;
	bool match;
} acl_cases[] = {
	{"ALL", "10.0.0.1", true},
	{"ALL", "fd00::1", true},
	{"10.0.0.1", "10.0.0.1", true},
	{"10.0.0.1", "10.0.0.2", false},
	{"10.0.0.1/32", "10.0.0.1", true},
	{"10.0.0.1/32", "10.0.0.0", false},
	{"10.0.0.0/24", "10.0.0.255", true},
	{"10.0.0.0/24", "10.0.1.0", false},
	{"127.0.0.1/8", "127.9.9.9", true},
	{"10.0.0.8/29", "10.0.0.15", true},
	{"10.0.0.8/29", "10.0.0.16", false},
	{"0.0.0.0/0", "1.2.3.4", true},
	{"0.0.0.0/0", "fd00::1", false},
	{"10.0.0.1", "::ffff:10.0.0.1", true},
	{"fd00::1", "fd00::1", true},
	{"[fd00::1]", "fd00::1", true},
	{"fd00::1/128", "fd00::1", true},
	{"fd00::1/128", "fd00::2", false},
	{"[fd00::]/16", "fd00:1::2", true},
	{"fd00::/9", "fd7f::", true},
	{"fd00::/9", "fd80::", false},
	{"::/0", "fd00::1", true},
	{"::/0", "10.0.0.1", false},
};

START_TEST(test_acl)
{
	const struct acl_case *c = &acl_cases[_i];
	struct target *t;

	model_target_new(&m, 1, "iqn.x:a");
	t = model_target(&m, 1);
	ck_assert(!admits(t, c->address, "iqn.x:i"));
	ck_assert_int_eq(model_acl_bind(&m, t, c->rule, NULL), MODEL_OK);
	ck_assert_int_eq(model_acl_bind(&m, t, c->rule, NULL), MODEL_ACL_EXISTS);
	ck_assert_msg(admits(t, c->address, "iqn.x:i") == c->match, "%s %s", c->rule, c->address);
	ck_assert_int_eq(model_acl_unbind(&m, t, c->rule, NULL), MODEL_OK);
	ck_assert_int_eq(model_acl_unbind(&m, t, c->rule, NULL), MODEL_NO_ACL);
	ck_assert(!admits(t, c->address, "iqn.x:i"));
}
END_TEST

START_TEST(test_acl_names)
{
	static const char *const bad[] = {"notanaddress", "10.0.0.0/33", "fd00::/129", "10.0.0.1/",
		"10.0.0.1/x", "", "/8", "[10.0.0.1", "10.0.0.0/-1", "all", "1.2.3.4.5",
		"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000"};
	struct target *t;

	model_target_new(&m, 1, "iqn.x:a");
	t = model_target(&m, 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(model_acl_bind(&m, t, bad[i], NULL) == MODEL_INVALID, "%s", bad[i]);
	ck_assert_int_eq(model_acl_bind(&m, t, NULL, "no name"), MODEL_INVALID);
	ck_assert_int_eq(model_acl_bind(&m, t, NULL, "iqn.x:i"), MODEL_OK);
	ck_assert_int_eq(model_acl_bind(&m, t, NULL, "iqn.x:i"), MODEL_ACL_EXISTS);
	ck_assert(admits(t, "10.0.0.1", "iqn.x:i"));
	ck_assert(!admits(t, "10.0.0.1", "iqn.x:j"));
	/* both or neither */
	ck_assert_int_eq(model_acl_bind(&m, t, "10.0.0.2", "iqn.x:i"), MODEL_ACL_EXISTS);
	ck_assert(!admits(t, "10.0.0.2", "iqn.x:j"));
	ck_assert_int_eq(model_acl_bind(&m, t, "10.0.0.2", "iqn.x:k"), MODEL_OK);
	ck_assert_int_eq(model_acl_unbind(&m, t, "10.0.0.2", "iqn.x:none"), MODEL_NO_ACL);
	ck_assert(admits(t, "10.0.0.2", "iqn.x:j"));
	ck_assert_int_eq(model_acl_unbind(&m, t, "10.0.0.2", "iqn.x:k"), MODEL_OK);
	ck_assert(!admits(t, "10.0.0.2", "iqn.x:k"));
}
END_TEST

START_TEST(test_accounts)
{
	struct target *t;
	const struct account_use *u;
	char huge[ACCOUNT_TEXT_MAX + 2];

	memset(huge, 'x', sizeof(huge));
	huge[sizeof(huge) - 1] = '\0';
	model_target_new(&m, 1, "iqn.x:a");
	t = model_target(&m, 1);
	ck_assert_int_eq(model_account_new(&m, "a", "pa"), MODEL_OK);
	ck_assert_int_eq(model_account_new(&m, "b", "p,b"), MODEL_OK);
	ck_assert_int_eq(model_account_new(&m, "a", "other"), MODEL_ACCOUNT_EXISTS);
	ck_assert_int_eq(model_account_new(&m, huge, "x"), MODEL_INVALID);
	ck_assert_int_eq(model_account_new(&m, "c", huge), MODEL_INVALID);
	ck_assert_int_eq(model_account_new(&m, "", "x"), MODEL_INVALID);
	ck_assert_int_eq(model_account_new(&m, "c\n", "x"), MODEL_INVALID);
	ck_assert_str_eq(list_first(&m.accounts, struct account, link)->user, "b");
	ck_assert_int_eq(model_account_bind(&m, t, "none", false), MODEL_NO_ACCOUNT);
	ck_assert_int_eq(model_account_bind(&m, t, "a", false), MODEL_OK);
	ck_assert_int_eq(model_account_bind(&m, t, "a", false), MODEL_ACCOUNT_EXISTS);
	ck_assert_int_eq(model_account_bind(&m, t, "b", false), MODEL_OK);
	ck_assert_int_eq(model_account_bind(&m, t, "a", true), MODEL_OK);
	ck_assert_int_eq(model_account_bind(&m, t, "b", true), MODEL_OUTGOING_EXISTS);
	ck_assert_int_eq(model_account_unbind(&m, t, "b", true), MODEL_NO_ACCOUNT);
	ck_assert_int_eq(model_account_bind(&m, NULL, "b", false), MODEL_OK);
	u = list_first(&t->credentials.incoming, struct account_use, link);
	ck_assert_str_eq(u->account->user, "a");
	/* the first one goes: the second is still found (tgtd loses it) */
	ck_assert_int_eq(model_account_unbind(&m, t, "a", false), MODEL_OK);
	ck_assert_int_eq(model_account_unbind(&m, t, "a", false), MODEL_NO_ACCOUNT);
	ck_assert_str_eq(credentials_find(&t->credentials, "b")->password, "p,b");
	ck_assert_ptr_null(credentials_find(&t->credentials, "a"));
	ck_assert_int_eq(model_account_delete(&m, "b"), MODEL_OK);
	ck_assert_int_eq(model_account_delete(&m, "b"), MODEL_NO_ACCOUNT);
	ck_assert(list_empty(&t->credentials.incoming));
	ck_assert(list_empty(&m.discovery.incoming));
	ck_assert_str_eq(t->credentials.outgoing->user, "a");
	ck_assert_int_eq(model_account_delete(&m, "a"), MODEL_OK);
	ck_assert_ptr_null(t->credentials.outgoing);
}
END_TEST

START_TEST(test_portals)
{
	static const char *const bad[] = {"bogus.invalid:1", "127.0.0.1:0", "127.0.0.1:65536",
		"[::1", "1.2.3.4:5:6", ":x", "127.0.0.1:3260,70000"};
	const struct portal *p;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(model_portal_new(&m, bad[i], 1) == MODEL_INVALID, "%s", bad[i]);
	ck_assert_int_eq(model_portal_new(&m, "127.0.0.1", 1), MODEL_OK);
	ck_assert_int_eq(model_portal_new(&m, "127.0.0.1:3260", 1), MODEL_INVALID);
	ck_assert_int_eq(model_portal_new(&m, "[::1]:3261,5", 1), MODEL_OK);
	p = list_first(&m.portals, struct portal, link);
	ck_assert_str_eq(p->address, "::1");
	ck_assert_uint_eq(p->port, 3261);
	ck_assert_uint_eq(p->tpgt, 5);
	ck_assert_int_eq(model_portal_new(&m, ":3262", 1), MODEL_OK);
	ck_assert_int_eq(portals, 4);
	ck_assert_int_eq(model_portal_delete(&m, ":3262"), MODEL_OK);
	ck_assert_int_eq(portals, 2);
	ck_assert_int_eq(model_portal_delete(&m, "127.0.0.1:9"), MODEL_INVALID);
	fail = -EADDRINUSE;
	ck_assert_int_eq(model_portal_new(&m, "127.0.0.1:9", 1), MODEL_INVALID);
	ck_assert_ptr_nonnull(strstr(m.why, "in use"));
	ck_assert_int_eq(model_portal_new(&m, ":9", 1), MODEL_INVALID);
	fail = -EAFNOSUPPORT;
	ck_assert_int_eq(model_portal_new(&m, ":9", 1), MODEL_OK);
	ck_assert_int_eq(portals, 3);
}
END_TEST

static const struct setting_case {
	const char *name, *value;
	bool good;
} setting_cases[] = {
	{"state", "offline", true},
	{"state", "bogus", false},
	{"MaxRecvDataSegmentLength", "262144", true},
	{"MaxRecvDataSegmentLength", "100", false},
	{"MaxRecvDataSegmentLength", "10k", false},
	{"HeaderDigest", "CRC32C,None", true},
	{"HeaderDigest", "CRC32C", true},
	{"HeaderDigest", "Foo", false},
	{"ImmediateData", "yes", false},
	{"ImmediateData", "No", true},
	{"immediatedata", "Yes", true},
	{"Bogus", "1", false},
	{"MaxQueueCmd", "512", true},
	{"MaxQueueCmd", "513", false},
	{"MaxQueueCmd", "0", false},
	{"nop_interval", "5", true},
	{"nop_interval", "-1", false},
	{"nop_count", "abc", false},
	{"FirstBurstLength", "0x10000", true},
	{"DefaultTime2Retain", "3601", false},
	{"ErrorRecoveryLevel", "0", true},
	{"ErrorRecoveryLevel", "1", false},
	{"RedirectAddress", "10.0.0.1", true},
	{"RedirectAddress", "a b", false},
	{"RedirectPort", "99999", false},
	{"RedirectReason", "bogus", false},
	{"RedirectReason", "Permanent", true},
};

START_TEST(test_settings)
{
	const struct setting_case *c = &setting_cases[_i];
	struct target *t;
	char text[SETTING_TEXT_MAX];

	model_target_new(&m, 1, "iqn.x:a");
	t = model_target(&m, 1);
	ck_assert_msg((model_target_set(&m, t, c->name, c->value) == MODEL_OK) == c->good,
		"%s=%s", c->name, c->value);
	for (size_t i = 0; c->good && settings_name(i); i++)
		if (!strcmp(settings_name(i), c->name) && strncmp(c->value, "0x", 2)) {
			settings_format(&t->settings, i, text);
			ck_assert_str_eq(text, c->value);
		}
}
END_TEST

START_TEST(test_redirect)
{
	struct target *t;

	model_target_new(&m, 1, "iqn.x:a");
	t = model_target(&m, 1);
	ck_assert(!target_redirects(t, "10.0.0.1"));
	model_target_set(&m, t, "RedirectAddress", "10.0.0.1");
	ck_assert(!target_redirects(t, "10.0.0.1"));
	ck_assert(target_redirects(t, "10.0.0.2"));
	model_target_set(&m, t, "RedirectAddress", "");
	ck_assert(!target_redirects(t, "10.0.0.2"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model");
	TCase *tc = tcase_create("model");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_targets);
	tcase_add_test(tc, test_many_targets);
	tcase_add_test(tc, test_sessions);
	tcase_add_loop_test(tc, test_acl, 0, sizeof(acl_cases) / sizeof(acl_cases[0]));
	tcase_add_test(tc, test_acl_names);
	tcase_add_test(tc, test_accounts);
	tcase_add_test(tc, test_portals);
	tcase_add_loop_test(
		tc, test_settings, 0, sizeof(setting_cases) / sizeof(setting_cases[0]));
	tcase_add_test(tc, test_redirect);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
