/* SPDX-License-Identifier: MIT */
#include "view.h"

#include "node-root.h"

#include <errno.h>
#include <time.h>

/* A value in a file below the devices of session SID on host HOST. */
static void put(int host, uint32_t sid, const char *object, const char *name, const char *value)
{
	char path[512], text[512];

	snprintf(path, sizeof(path), "sys/devices/platform/host%d/session%u/%s/%s", host, sid,
		object, name);
	snprintf(text, sizeof(text), "%s\n", value);
	put_text(path, text);
}

static void link_class(const char *class, const char *entry, const char *to)
{
	char path[512], target[512];

	snprintf(path, sizeof(path), "sys/class/%s/x", class);
	put_text(path, "");
	unlink(in_root(path));
	snprintf(path, sizeof(path), "sys/class/%s/%s", class, entry);
	snprintf(target, sizeof(target), "../../devices/platform/%s/%s/%s", to, class, entry);
	ck_assert_int_eq(symlink(target, in_root(path)), 0);
}

static void add_host(int host, const char *proc_name)
{
	static const char *const files[][3] = {{"scsi_host", "state", "running\n"},
		{"iscsi_host", "ipaddress", "10.0.0.9\n"}, {"iscsi_host", "netdev", "(null)\n"},
		{"iscsi_host", "hwaddress", "<NULL>\n"}, {"scsi_host", "proc_name", NULL}};
	char path[128], entry[32];

	snprintf(entry, sizeof(entry), "host%d", host);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "sys/devices/platform/%s/%s/%s/%s", entry, files[i][0],
			entry, files[i][1]);
		put_text(path, files[i][2] ? files[i][2] : proc_name);
	}
	link_class("scsi_host", entry, entry);
	link_class("iscsi_host", entry, entry);
}

/* What a session of iscsi_tcp shows when it is logged in. */
static void add_session(int host, uint32_t sid)
{
	static const char *const of_session[][2] = {{"targetname", "iqn.2020-01.x:a"},
		{"tpgt", "1"}, {"ifacename", "default"}, {"initiatorname", "iqn.2020-01.x:me"},
		{"state", "LOGGED_IN"}, {"target_state", "SCANNED"}, {"creator", "-4711"},
		{"username", "(null)"}, {"password", "secret"}, {"username_in", "(null)"},
		{"password_in", "(null)"}, {"recovery_tmo", "120"}, {"abort_tmo", "15"},
		{"lu_reset_tmo", "30"}, {"tgt_reset_tmo", "31"}, {"initial_r2t", "0"},
		{"immediate_data", "1"}, {"first_burst_len", "65536"}, {"max_burst_len", "262144"},
		{"max_outstanding_r2t", "2"}};
	static const char *const of_connection[][2] = {{"persistent_address", "fd00::1"},
		{"persistent_port", "3260"}, {"address", "10.0.0.1"}, {"port", "3261"},
		{"state", "up"}, {"max_recv_dlength", "262145"}, {"max_xmit_dlength", "8192"},
		{"header_digest", "1"}, {"data_digest", "0"}};
	char object[128], to[128], name[32];

	snprintf(name, sizeof(name), "session%u", sid);
	snprintf(object, sizeof(object), "iscsi_session/%s", name);
	for (size_t i = 0; i < sizeof(of_session) / sizeof(of_session[0]); i++)
		put(host, sid, object, of_session[i][0], of_session[i][1]);
	snprintf(to, sizeof(to), "host%d/session%u", host, sid);
	link_class("iscsi_session", name, to);
	snprintf(object, sizeof(object), "sys/class/iscsi_session/%s/device", name);
	snprintf(to, sizeof(to), "../../../%s", name);
	ck_assert_int_eq(symlink(to, in_root(object)), 0);

	snprintf(name, sizeof(name), "connection%u:0", sid);
	snprintf(object, sizeof(object), "%s/iscsi_connection/%s", name, name);
	for (size_t i = 0; i < sizeof(of_connection) / sizeof(of_connection[0]); i++)
		put(host, sid, object, of_connection[i][0], of_connection[i][1]);
	snprintf(to, sizeof(to), "host%d/session%u/%s", host, sid, name);
	link_class("iscsi_connection", name, to);
	add_host(host, "iscsi_tcp\n");
}

/* ---- sessions ---- */

START_TEST(no_class_is_an_empty_list)
{
	struct view_sessions all = {.n = 7};
	struct view_session s;
	struct view_luns l;

	ck_assert_int_eq(view_sessions_read(root, VIEW_LIST, &all), 0);
	ck_assert_uint_eq(all.n, 0);
	view_sessions_clear(&all);
	ck_assert_int_eq(view_session_read(root, 1, VIEW_LIST, &s), -ENOENT);
	ck_assert_int_eq(view_luns_read(root, 1, &l), -ENOENT);
}
END_TEST

START_TEST(detail)
{
	struct view_session s;

	add_session(5, 12);
	ck_assert_int_eq(view_session_read(root, 12, VIEW_DETAIL, &s), 0);
	ck_assert_uint_eq(s.sid, 12);
	ck_assert_int_eq(s.host, 5);
	ck_assert_str_eq(s.transport, "tcp");
	ck_assert_str_eq(s.target, "iqn.2020-01.x:a");
	ck_assert_str_eq(s.initiator, "iqn.2020-01.x:me");
	ck_assert_str_eq(s.iface, "default");
	ck_assert_int_eq(s.tpgt, 1);
	ck_assert(s.made_by_user);
	ck_assert_str_eq(s.state, "LOGGED_IN");
	ck_assert_str_eq(s.target_state, "SCANNED");
	ck_assert_ptr_null(s.username);
	ck_assert_str_eq(s.password, "secret");
	ck_assert_ptr_null(s.username_in);
	ck_assert_ptr_null(s.password_in);
	ck_assert_int_eq(s.recovery_tmo, 120);
	ck_assert_int_eq(s.abort_tmo, 15);
	ck_assert_int_eq(s.lu_reset_tmo, 30);
	ck_assert_int_eq(s.tgt_reset_tmo, 31);
	ck_assert_int_eq(s.initial_r2t, 0);
	ck_assert_int_eq(s.immediate_data, 1);
	ck_assert_int_eq(s.first_burst, 65536);
	ck_assert_int_eq(s.max_burst, 262144);
	ck_assert_int_eq(s.max_outstanding_r2t, 2);
	ck_assert_str_eq(s.persistent_address, "fd00::1");
	ck_assert_str_eq(s.address, "10.0.0.1");
	ck_assert_int_eq(s.persistent_port, 3260);
	ck_assert_int_eq(s.port, 3261);
	ck_assert_str_eq(s.conn_state, "up");
	ck_assert_int_eq(s.max_recv_data_segment, 262145);
	ck_assert_int_eq(s.max_xmit_data_segment, 8192);
	ck_assert_int_eq(s.header_digest, 1);
	ck_assert_int_eq(s.data_digest, 0);
	ck_assert_str_eq(s.host_state, "running");
	ck_assert_str_eq(s.host_address, "10.0.0.9");
	ck_assert_ptr_null(s.netdev);
	ck_assert_ptr_null(s.hwaddress);
	view_session_clear(&s);
	ck_assert_ptr_null(s.password);
	view_session_clear(&s);
}
END_TEST

START_TEST(list_depth)
{
	struct view_session s;

	add_session(5, 12);
	ck_assert_int_eq(view_session_read(root, 12, VIEW_LIST, &s), 0);
	ck_assert_int_eq(s.host, 5);
	ck_assert_str_eq(s.transport, "tcp");
	ck_assert_str_eq(s.target, "iqn.2020-01.x:a");
	ck_assert_str_eq(s.iface, "default");
	ck_assert_int_eq(s.tpgt, 1);
	ck_assert_str_eq(s.persistent_address, "fd00::1");
	ck_assert_int_eq(s.persistent_port, 3260);
	ck_assert_int_eq(s.port, 3261);
	ck_assert_ptr_null(s.state);
	ck_assert_ptr_null(s.password);
	ck_assert_int_eq(s.recovery_tmo, VIEW_UNSET);
	ck_assert_int_eq(s.max_burst, VIEW_UNSET);
	view_session_clear(&s);
}
END_TEST

START_TEST(unset_values)
{
	struct view_session s;

	add_session(0, 1);
	put(0, 1, "iscsi_session/session1", "recovery_tmo", "off");
	put(0, 1, "iscsi_session/session1", "creator", "-1");
	put(0, 1, "iscsi_session/session1", "tpgt", "");
	ck_assert_int_eq(unlink(in_root("sys/class/iscsi_connection/connection1:0/port")), 0);
	ck_assert_int_eq(unlink(in_root("sys/class/iscsi_session/session1/state")), 0);
	ck_assert_int_eq(view_session_read(root, 1, VIEW_DETAIL, &s), 0);
	ck_assert_int_eq(s.recovery_tmo, VIEW_UNSET);
	ck_assert_int_eq(s.tpgt, VIEW_UNSET);
	ck_assert_int_eq(s.port, VIEW_UNSET);
	ck_assert_ptr_null(s.state);
	ck_assert(!s.made_by_user);
	view_session_clear(&s);
}
END_TEST

START_TEST(transports)
{
	static const char *const cases[][2] = {{"iscsi_tcp\n", "tcp"}, {"iscsi_iser\n", "iser"},
		{"bnx2i\n", "bnx2i"}, {"iscsi_\n", ""}, {"(null)\n", NULL}};

	add_session(0, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct view_session s;

		put_text("sys/devices/platform/host0/scsi_host/host0/proc_name", cases[i][0]);
		ck_assert_int_eq(view_session_read(root, 1, VIEW_LIST, &s), 0);
		ck_assert_pstr_eq(s.transport, cases[i][1]);
		view_session_clear(&s);
	}
}
END_TEST

/* By number, not by name; what is no session is no session. */
START_TEST(order)
{
	static const uint32_t sids[] = {10, 2, 4294967295, 1, 33};
	static const uint32_t sorted[] = {1, 2, 10, 33, 4294967295};
	struct view_sessions all;

	for (int i = 0; i < 5; i++)
		add_session(i, sids[i]);
	put_text("sys/class/iscsi_session/sessionx/targetname", "x\n");
	put_text("sys/class/iscsi_session/session/targetname", "x\n");
	put_text("sys/class/iscsi_session/session5x/targetname", "x\n");
	put_text("sys/class/iscsi_session/session4294967296/targetname", "x\n");
	ck_assert_int_eq(view_sessions_read(root, VIEW_LIST, &all), 0);
	ck_assert_uint_eq(all.n, 5);
	for (int i = 0; i < 5; i++)
		ck_assert_uint_eq(all.items[i].sid, sorted[i]);
	view_sessions_clear(&all);
	ck_assert_uint_eq(all.n, 0);
}
END_TEST

/* Its directory is there, or its link, but what it needs is not. */
START_TEST(vanishing_sessions_are_left_out)
{
	struct view_sessions all;
	struct view_session s;

	add_session(0, 1);
	add_session(1, 2);
	link_class("iscsi_session", "session3", "host7/session3");
	ck_assert_int_eq(unlink(in_root("sys/class/iscsi_session/session1/targetname")), 0);
	ck_assert_int_eq(view_sessions_read(root, VIEW_DETAIL, &all), 0);
	ck_assert_uint_eq(all.n, 1);
	ck_assert_uint_eq(all.items[0].sid, 2);
	view_sessions_clear(&all);
	ck_assert_int_eq(view_session_read(root, 1, VIEW_LIST, &s), -ENOENT);
	ck_assert_int_eq(view_session_read(root, 3, VIEW_LIST, &s), -ENOENT);
	ck_assert_int_eq(view_session_read(root, 4, VIEW_LIST, &s), -ENOENT);
}
END_TEST

START_TEST(session_without_connection)
{
	struct view_session s;

	add_session(0, 1);
	ck_assert_int_eq(unlink(in_root("sys/class/iscsi_connection/connection1:0")), 0);
	ck_assert_int_eq(view_session_read(root, 1, VIEW_DETAIL, &s), 0);
	ck_assert_ptr_null(s.persistent_address);
	ck_assert_ptr_null(s.conn_state);
	ck_assert_int_eq(s.persistent_port, VIEW_UNSET);
	ck_assert_str_eq(s.target, "iqn.2020-01.x:a");
	view_session_clear(&s);
}
END_TEST

/* ---- session ids ---- */

START_TEST(sids)
{
	static const struct {
		const char *text;
		int r;
		uint32_t sid;
	} cases[] = {
		{"1", 0, 1},
		{"4294967295", 0, 4294967295},
		{"/sys/class/iscsi_session/session12", 0, 12},
		{"/sys/class/iscsi_session/session12/", 0, 12},
		{"/sys/devices/platform/host5/session12", 0, 12},
		{"/sys/devices/platform/host5/session12/target5:0:0", 0, 12},
		{"/sys/devices/platform/host5/session12/target5:0:0/5:0:0:1", 0, 12},
		{"/sys/block/sda", 0, 12},
		{"/sys/class/iscsi_session/session12/state", -ENOTDIR, 0},
		{"/sys/class/iscsi_session", -ENODATA, 0},
		{"/sys/devices/platform/host5", -ENODATA, 0},
		{"/sys/class/iscsi_session/session13", -EINVAL, 0},
		{"0", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"0x1", -EINVAL, 0},
		{"4294967296", -EINVAL, 0},
		{"1x", -EINVAL, 0},
		{"session12", -EINVAL, 0},
		{"", -EINVAL, 0},
	};

	add_session(5, 12);
	put(5, 12, "target5:0:0/5:0:0:1/block/sda", "size", "8");
	put_text("sys/block/x", "");
	ck_assert_int_eq(
		symlink("../devices/platform/host5/session12/target5:0:0/5:0:0:1/block/sda",
			in_root("sys/block/sda")),
		0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t sid = 0;
		int r = view_sid_parse(root, cases[i].text, &sid);

		ck_assert_msg(r == cases[i].r, "%s: %d", cases[i].text, r);
		ck_assert_uint_eq(sid, cases[i].sid);
	}
}
END_TEST

START_TEST(version)
{
	char *v = view_transport_version(root);

	ck_assert_ptr_null(v);
	put_text("sys/module/scsi_transport_iscsi/version", "2.0-870\n");
	v = view_transport_version(root);
	ck_assert_str_eq(v, "2.0-870");
	free(v);
}
END_TEST

/* ---- logical units ---- */

START_TEST(luns)
{
	static const struct view_lun wanted[] = {
		{0, 0, 0, NULL, (char *)"running"},
		{0, 0, 2, (char *)"sdb", (char *)"offline"},
		{0, 0, 10, (char *)"sdaa", (char *)"running"},
		{0, 1, 1, NULL, (char *)"blocked"},
		{1, 0, 4611686018427387904, NULL, (char *)"running"},
	};
	struct view_luns l;

	add_session(5, 12);
	ck_assert_int_eq(view_luns_read(root, 12, &l), 0);
	ck_assert_uint_eq(l.n, 0);
	view_luns_clear(&l);
	put(5, 12, "target5:1:0/5:1:0:4611686018427387904", "state", "running");
	put(5, 12, "target5:0:1/5:0:1:1", "state", "blocked");
	put(5, 12, "target5:0:0/5:0:0:10", "state", "running");
	put(5, 12, "target5:0:0/5:0:0:10/block/sdaa", "size", "8");
	put(5, 12, "target5:0:0/5:0:0:2", "state", "offline");
	put(5, 12, "target5:0:0/5:0:0:2/block/sdb", "size", "8");
	put(5, 12, "target5:0:0/5:0:0:0", "state", "running");
	/* going, or no unit */
	put(5, 12, "target5:0:0/5:0:0:3", "vendor", "x");
	put(5, 12, "target5:0:0/5:0:0:1x", "state", "running");
	put(5, 12, "target5:0:0/power", "state", "running");
	ck_assert_int_eq(view_luns_read(root, 12, &l), 0);
	ck_assert_uint_eq(l.n, sizeof(wanted) / sizeof(wanted[0]));
	for (size_t i = 0; i < l.n; i++) {
		ck_assert_uint_eq(l.items[i].channel, wanted[i].channel);
		ck_assert_uint_eq(l.items[i].id, wanted[i].id);
		ck_assert_uint_eq(l.items[i].lun, wanted[i].lun);
		ck_assert_pstr_eq(l.items[i].disk, wanted[i].disk);
		ck_assert_pstr_eq(l.items[i].state, wanted[i].state);
	}
	view_luns_clear(&l);
	ck_assert_uint_eq(l.n, 0);
}
END_TEST

/* ---- size ---- */

static double seconds_of(size_t n_sessions)
{
	struct view_sessions all;
	struct timespec a, b;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
	ck_assert_int_eq(view_sessions_read(root, VIEW_LIST, &all), 0);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
	ck_assert_uint_eq(all.n, n_sessions);
	view_sessions_clear(&all);
	return (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
}

/* Four times as many must not take sixteen times as long. */
START_TEST(many)
{
	double few, lots;

	for (int i = 0; i < 250; i++)
		add_session(i, (uint32_t)i + 1);
	few = seconds_of(250);
	for (int i = 250; i < 1000; i++)
		add_session(i, (uint32_t)i + 1);
	lots = seconds_of(1000);
	ck_assert_msg(lots < 10 * few + 0.02, "%f s for 250 sessions, %f s for 1000", few, lots);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {no_class_is_an_empty_list, detail, list_depth, unset_values,
		transports, order, vanishing_sessions_are_left_out, session_without_connection,
		sids, version, luns, many};

	return RUN_TESTS("view", tests);
}
