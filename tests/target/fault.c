/* SPDX-License-Identifier: MIT */
/* Each row of fault.c does what its name says, and is gone with "none". */
#include "fault.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "rig.h"
#include "session.h"

static struct rig rig;
static struct peer peer;
static uint8_t bhs[BHS_LEN], block[512];

static void set_up(void)
{
	rig_open(&rig);
}

static void tear_down(void)
{
	rig_close(&rig);
}

static void ping(void)
{
	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_NOP_OUT, true);
	bhs_set_flags(bhs, BHS_FINAL);
	bhs_set_itt(bhs, peer.itt++);
	bhs_set_ttt(bhs, BHS_TAG_NONE);
	bhs_set_cmdsn(bhs, peer.cmdsn);
	peer_send(&peer, bhs, "12345678", 8);
}

/* With the fault taken away a login works as ever. */
static void works_again(void)
{
	rig_fault(&rig, "none");
	peer_begin(&peer, &rig, "");
	peer_read_blocks(&peer, 0, 1, block);
	peer_close(&peer);
}

static void expect_login(const char *fault, int status, const char *text)
{
	rig_fault(&rig, fault);
	peer_open(&peer, &rig, 1);
	ck_assert_int_eq(peer_login(&peer, RIG_TARGET, ""), status);
	if (text)
		ck_assert_str_eq((char *)peer.in.data, text);
	ck_assert(peer_is_closed(&peer));
	works_again();
}

START_TEST(logins_are_refused_as_asked)
{
	expect_login("login-status=0202", 0x0202, NULL);
	expect_login("login-status=0301", 0x0301, NULL);
	expect_login("login-status=02ff", 0x02ff, NULL);
	expect_login("login-status=0700", 0x0700, NULL);
	expect_login("redirect=192.0.2.1:3261", 0x0101, "TargetAddress=192.0.2.1:3261");
	expect_login("redirect-permanent=[fd00::1]:3260", 0x0102,
		"TargetAddress=[fd00::1]:3260");
	expect_login("login-drop", -1, NULL);
	expect_login("accept-drop", -1, NULL);
	expect_login("drop-after-bytes=20", -1, NULL);
}
END_TEST

START_TEST(a_loop_leads_back_to_where_it_came_from)
{
	struct model *m = &rig.server->model;
	struct sock_addr at;
	int fd;

	ck_assert_int_eq(model_portal_new(m, "127.0.0.1:13299", 1), MODEL_OK);
	rig_fault(&rig, "redirect-loop");
	ck_assert_int_eq(sock_addr_parse("127.0.0.1", 13299, &at), 0);
	fd = sock_connect_start(&at, NULL);
	ck_assert_int_ge(fd, 0);
	peer = (struct peer){.rig = &rig, .fd = fd, .isid = 1, .cmdsn = 1, .itt = 1};
	rig_run(&rig, 20);
	ck_assert_int_eq(peer_login(&peer, RIG_TARGET, ""), 0x0101);
	ck_assert_str_eq((char *)peer.in.data, "TargetAddress=127.0.0.1:13299");
	peer_close(&peer);
}
END_TEST

static void expect_silence(const char *fault, bool before_login)
{
	if (before_login)
		rig_fault(&rig, fault);
	peer_open(&peer, &rig, 1);
	if (before_login) {
		peer_send_raw(&peer, (uint8_t[BHS_LEN]){OP_LOGIN | BHS_IMMEDIATE, 0x87}, BHS_LEN);
	} else {
		ck_assert_int_eq(peer_login(&peer, RIG_TARGET, ""), 0);
		peer_ready(&peer);
		rig_fault(&rig, fault);
		ping();
	}
	ck_assert(!peer_read(&peer, 50));
	peer_close(&peer);
	rig_empties(&rig);
	works_again();
}

START_TEST(silence)
{
	rig.server->login_seconds = 1;
	expect_silence("login-silent", true);
	expect_silence("silent", false);
	expect_silence("nop-silent", false);
	/* after the accept: only the end of the time for a login ends it */
	rig_fault(&rig, "accept-silent");
	peer_open(&peer, &rig, 1);
	peer_send_raw(&peer, "x", 1);
	ck_assert(peer_is_closed(&peer));
	works_again();
}
END_TEST

START_TEST(some_pass_and_some_strike)
{
	peer_begin(&peer, &rig, "");
	rig_fault(&rig, "nop-silent,after=1,times=1");
	ping();
	peer_expect(&peer, OP_NOP_IN);
	ping();
	ck_assert(!peer_read(&peer, 50));
	ping();
	peer_expect(&peer, OP_NOP_IN);
	/* the connection is dropped at the third PDU */
	rig_fault(&rig, "drop,after=2");
	ping();
	peer_expect(&peer, OP_NOP_IN);
	ping();
	peer_expect(&peer, OP_NOP_IN);
	ping();
	ck_assert(peer_is_closed(&peer));
	works_again();
	peer_begin(&peer, &rig, "");
	rig_fault(&rig, "drop-after-bytes=50");
	ping();
	ck_assert(!peer_read(&peer, 50));
	works_again();
}
END_TEST

START_TEST(late)
{
	uint64_t start;

	peer_begin(&peer, &rig, "");
	rig_fault(&rig, "late=100,times=1");
	start = uv_hrtime();
	ping();
	peer_expect(&peer, OP_NOP_IN);
	ck_assert_uint_ge((uv_hrtime() - start) / 1000000, 90);
	peer_close(&peer);
	works_again();
}
END_TEST

static const struct {
	const char *fault;
	bool digests;
} corrupt[] = {
	{"header-digest", true},
	{"data-digest", true},
	{"length", false},
	{"opcode", false},
	{"itt", false},
	{"statsn", false},
	/* the header digest fits what was changed */
	{"opcode", true},
	{"statsn", true},
};

START_TEST(corruption)
{
	uint32_t statsn, itt;
	bool read;

	peer_begin(&peer, &rig,
		corrupt[_i].digests ? "HeaderDigest=CRC32C\nDataDigest=CRC32C\n" : "");
	statsn = bhs_statsn(peer.in.bhs);
	rig_fault(&rig, corrupt[_i].fault);
	itt = peer.itt;
	ping();
	read = peer_read(&peer, 50);
	if (strstr(corrupt[_i].fault, "digest") || !strcmp(corrupt[_i].fault, "length"))
		ck_assert(!read);
	else
		ck_assert(read);
	ck_assert_int_eq(bhs_opcode(peer.in.bhs) == 0x2a, !strcmp(corrupt[_i].fault, "opcode"));
	ck_assert_int_eq(bhs_itt(peer.in.bhs) != itt, !strcmp(corrupt[_i].fault, "itt"));
	ck_assert_int_eq(
		bhs_statsn(peer.in.bhs) != statsn + 1, !strcmp(corrupt[_i].fault, "statsn"));
	peer_close(&peer);
	works_again();
}
END_TEST

static const struct {
	const char *fault;
	enum async_event event;
	bool closes;
} events[] = {
	{"async-logout=7", ASYNC_LOGOUT_REQUEST, false},
	{"async-drop-connection", ASYNC_CONNECTION_DROPPED, true},
	{"async-drop-session", ASYNC_SESSION_DROPPED, true},
	{"async-scsi=3f0e", ASYNC_SCSI, false},
};

START_TEST(asynchronous_messages)
{
	peer_begin(&peer, &rig, "");
	rig_fault(&rig, events[_i].fault);
	peer_expect(&peer, OP_ASYNC);
	ck_assert_uint_eq(bhs_async_event(peer.in.bhs), events[_i].event);
	ck_assert_uint_eq(bhs_itt(peer.in.bhs), BHS_TAG_NONE);
	if (events[_i].event == ASYNC_LOGOUT_REQUEST)
		ck_assert_uint_eq(bhs_parameter3(peer.in.bhs), 7);
	if (events[_i].event == ASYNC_SCSI)
		ck_assert_uint_eq(be16_get(peer.in.data + 14), 0x3f0e);
	if (events[_i].closes)
		ck_assert(peer_is_closed(&peer));
	else
		peer_read_blocks(&peer, 0, 1, block);
	peer_close(&peer);
	works_again();
	peer_begin(&peer, &rig, "");
	rig_fault(&rig, "close");
	ck_assert(peer_is_closed(&peer));
}
END_TEST

START_TEST(status_and_sense)
{
	peer_begin(&peer, &rig, "");
	rig_fault(&rig, "scsi-status=08,times=1");
	ck_assert_int_eq(peer_write_blocks(&peer, 0, 1, block), SCSI_BUSY);
	ck_assert_int_eq(peer_write_blocks(&peer, 0, 1, block), 0);
	rig_fault(&rig, "sense=3/1100,times=1");
	ck_assert_int_eq(peer_write_blocks(&peer, 0, 1, block), SCSI_CHECK_CONDITION);
	ck_assert_uint_eq(peer.in.data[2 + 2] & 0xf, 3);
	ck_assert_uint_eq(be16_get(peer.in.data + 2 + 12), 0x1100);
	ck_assert_int_eq(peer_write_blocks(&peer, 0, 1, block), 0);
	peer_close(&peer);
	works_again();
}
END_TEST

/* All of the answer to SendTargets=All, piece by piece; its length. */
static size_t discover(char *text, size_t room)
{
	size_t len = 0;

	peer_open(&peer, &rig, 1);
	ck_assert_int_eq(peer_login(&peer, NULL, "MaxRecvDataSegmentLength=262144\n"), 0);
	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_TEXT, true);
	bhs_set_flags(bhs, BHS_FINAL);
	bhs_set_itt(bhs, 9);
	bhs_set_ttt(bhs, BHS_TAG_NONE);
	peer_send(&peer, bhs, "SendTargets=All", 16);
	for (;;) {
		peer_expect(&peer, OP_TEXT_RESPONSE);
		ck_assert_uint_le(len + peer.in.len, room);
		memcpy(text + len, peer.in.data, peer.in.len);
		len += peer.in.len;
		if (bhs_flags(peer.in.bhs) & BHS_FINAL)
			break;
		bhs_set_ttt(bhs, bhs_ttt(peer.in.bhs));
		peer_send(&peer, bhs, NULL, 0);
	}
	peer_close(&peer);
	return len;
}

static const struct {
	const char *fault, *has;
	size_t longer;
} lists[] = {
	{"list-slash", "hostile/../../", 0},
	{"list-dots", "TargetName=..", 0},
	{"list-newline", "\nnode.startup", 0},
	{"list-long", "xxxxxxxx", 64u << 10},
	{"list-many", "hostile-49999", 2u << 20},
	{"list-portals", "TargetAddress=127.0.0.1/../../x:3260,1", 0},
};

START_TEST(hostile_lists)
{
	const size_t room = 16u << 20;
	char *text = malloc(room);
	size_t plain = discover(text, room), len;

	ck_assert_ptr_nonnull(text);
	rig_fault(&rig, lists[_i].fault);
	len = discover(text, room);
	ck_assert_uint_gt(len, plain + lists[_i].longer);
	ck_assert_ptr_nonnull(memmem(text, len, lists[_i].has, strlen(lists[_i].has)));
	rig_fault(&rig, "none");
	ck_assert_uint_eq(discover(text, room), plain);
	free(text);
}
END_TEST

START_TEST(what_is_no_fault_is_refused)
{
	static const char *const bad[] = {"", "bogus", "none,times=1", "login-status",
		"login-status=2", "login-status=zzzz", "redirect=", "redirect=host:0", "late=x",
		"silent=1", "drop,after=x", "drop,bogus=1", "sense=1100", "scsi-status=8"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(fault_set(rig.server, rig.target, bad[i]), "%s is taken", bad[i]);
	ck_assert_uint_eq(rig.server->faults, 0);
	ck_assert_int_eq(model_target_set(&rig.server->model, rig.target, "fault", "bogus"),
		MODEL_INVALID);
	ck_assert_int_eq(model_target_set(&rig.server->model, rig.target, "fault", "silent"),
		MODEL_OK);
	works_again();
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("fault");
	Suite *s = suite_create("fault");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_test(c, logins_are_refused_as_asked);
	tcase_add_test(c, a_loop_leads_back_to_where_it_came_from);
	tcase_add_test(c, silence);
	tcase_add_test(c, some_pass_and_some_strike);
	tcase_add_test(c, late);
	tcase_add_loop_test(c, corruption, 0, sizeof(corrupt) / sizeof(corrupt[0]));
	tcase_add_loop_test(c, asynchronous_messages, 0, sizeof(events) / sizeof(events[0]));
	tcase_add_test(c, status_and_sense);
	tcase_add_loop_test(c, hostile_lists, 0, sizeof(lists) / sizeof(lists[0]));
	tcase_add_test(c, what_is_no_fault_is_refused);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
