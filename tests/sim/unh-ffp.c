/* SPDX-License-Identifier: MIT */
/*
 * unh-ffp.c - UNH-IOL's "Full Feature Phase Test Suite for iSCSI Initiators" 3.1, by its numbers:
 * what the daemon decides. The PDUs of this phase are the kernel's, which gets the values that they
 * are made by from the login: those are tested where there are any.
 *
 * The kernel's alone, as no value of the login is in them (libiscsi and iscsi_tcp):
 *   2.1 Immediate Delivery, 2.2 Immediate Task Management Delivery: only its own PDUs are immediate
 *   3.1-3.3 MaxCmdSN-ExpCmdSN, closed, large, single: it keeps the window
 *   4.1 Command Retry: it never sends a command twice on a connection
 *   6.1 DataSN, 9.1 and 12.1 Target Transfer Tag, 11.2.1 and 11.2.2 F bit, 11.3 Data-out DataSN,
 *   11.4 Data-out Buffer Offset, 12.2 and 12.3 Buffer Offset and Length for R2T: it makes Data-Out
 *   10.1 Data-in Status: it takes Data-In
 *   15.1 NOP-Out Ping Response, 15.3 NOP-Out Confirm ExpStatSN: it answers a NOP-In itself
 * That there is nothing of it at ErrorRecoveryLevel 0, the only one that is offered ("recovery
 * level" below): 7.1 Connection Reassignment, 10.2 Data-in A bit, 13.1 and 13.2 SNACK. Nor with one
 * connection (10.1 in unh-login.c): 14.2 Multi Connection Async Logout Request.
 * With a real kernel: tests/e2e/full-feature.
 */
#include "bhs.h"
#include "buf.h"
#include "unh.h"

#define HANDED(name, answer, ...)                                        \
	{                                                                \
		name, {NULL}, {{OPERATIONAL, "*", T, answer}}, ISCSI_OK, \
		{                                                        \
			__VA_ARGS__                                      \
		}                                                        \
	}

static const struct unh_test tests[] = {
	{"5.1 ExpStatSN", {NULL}, {{OPERATIONAL, "*", 0, ""}, {OPERATIONAL, "", T, ""}}, ISCSI_OK,
		{{PARAM_EXP_STATSN, "66"}}, 64},
	HANDED("7.1, 10.2, 13.1, 13.2: the recovery level", "ErrorRecoveryLevel=0|",
		{PARAM_ERL, "0"}),
	HANDED("8.1 Unsolicited and Solicited Data Transmission",
		"InitialR2T=No|ImmediateData=Yes|FirstBurstLength=4096|MaxBurstLength=8192|",
		{PARAM_INITIAL_R2T_EN, "0"}, {PARAM_IMM_DATA_EN, "1"}, {PARAM_FIRST_BURST, "4096"},
		{PARAM_MAX_BURST, "8192"}),
	HANDED("8.2 Solicited Data Transmission", "InitialR2T=Yes|ImmediateData=No|",
		{PARAM_INITIAL_R2T_EN, "1"}, {PARAM_IMM_DATA_EN, "0"}),
	HANDED("8.3 Unsolicited Data Transmission", "InitialR2T=No|ImmediateData=No|",
		{PARAM_INITIAL_R2T_EN, "0"}, {PARAM_IMM_DATA_EN, "0"}),
	HANDED("11.1.1 Data-out DataSegmentLength", "MaxRecvDataSegmentLength=1536|",
		{PARAM_MAX_XMIT_DLENGTH, "1536"}),
	{"11.1.2 Data-In DataSegmentLength",
		{"node.conn[0].iscsi.MaxRecvDataSegmentLength", "4096"},
		{{OPERATIONAL, "*|MaxRecvDataSegmentLength=4096|*", T, ""}}, ISCSI_OK,
		{{PARAM_MAX_RECV_DLENGTH, "4096"}}},
	{"12.4 Parallel Commands", {"node.session.iscsi.MaxOutstandingR2T", "4"},
		{{OPERATIONAL, "*|MaxOutstandingR2T=4|*", T, "MaxOutstandingR2T=3|"}}, ISCSI_OK,
		{{PARAM_MAX_R2T, "3"}, {PARAM_DATASEQ_INORDER_EN, "1"},
			{PARAM_PDU_INORDER_EN, "1"}}},
	HANDED("16.1.1 SCSI Command PDU Fields validity check with Immediate Data",
		"ImmediateData=Yes|FirstBurstLength=512|", {PARAM_IMM_DATA_EN, "1"},
		{PARAM_FIRST_BURST, "512"}),
	HANDED("16.1.2 SCSI Command PDU Fields validity check without Immediate Data",
		"ImmediateData=No|", {PARAM_IMM_DATA_EN, "0"}),
};

UNH_BOTH_WAYS(tests)

/* ---- 1.1 Command Numbering: the first command has the CmdSN of the login, which used none up ----
 */

static uint32_t cmdsn_of_login;

static void note_cmdsn(const struct fake_pdu *request, struct fake_pdu *ret)
{
	static const struct script_step accept = {.flags = T, .answer = ""};

	cmdsn_of_login = bhs_cmdsn(request->bhs);
	script_say(&accept, request, ret);
}

START_TEST(command_numbering)
{
	struct iscsi_node *n = sim_node(0);

	iscsi_node_set(n, "node.session.initial_cmdsn", _i ? "4711" : "0");
	sim.target.answer = ANSWER_SCRIPT;
	sim.target.script = note_cmdsn;
	ck_assert_int_eq(sim_login(n, &unh_waiter), ISCSI_OK);
	ck_assert_uint_eq(fake_kernel.cmdsn, cmdsn_of_login);
	ck_assert(!_i || cmdsn_of_login == 4711);
}
END_TEST

/* ---- 14.1 Async Logout Request, 14.2 ---- */

static const struct {
	const char *name;
	enum async_event event;
	uint8_t response;
	bool silent; /* the target does not answer the logout */
} asks[] = {
	{"it answers", ASYNC_LOGOUT_REQUEST, 0, false},
	{"it does not answer", ASYNC_LOGOUT_REQUEST, 0, true},
	{"parameters", ASYNC_NEGOTIATION_REQUEST, 0, false},
};

START_TEST(async_logout_request)
{
	uint8_t async[BHS_LEN] = {OP_ASYNC, BHS_FINAL}, want[BHS_LEN] = {0x46, 0x80};
	unsigned int sent;
	struct session *s;

	ck_assert_int_eq(sim_login(sim_node(0), &unh_waiter), ISCSI_OK);
	s = initiator_find_sid(&sim.initiator, unh_waiter.sid);
	sent = fake_kernel.calls[FAKE_SEND];
	fake_kernel.mute[FAKE_SEND] = asks[_i].silent;
	bhs_set_itt(async, BHS_TAG_NONE);
	bhs_set_async_event(async, asks[_i].event);
	bhs_set_parameter3(async, 5);
	fake_kernel_pdu(s->sid, async);
	sim_settle();
	/* no time has passed: a Logout of the session, which is that of its one connection */
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SEND], sent + 1);
	ck_assert_mem_eq(fake_kernel.sent, want, BHS_LEN);
	ck_assert_uint_eq(sim.target.logins, 1);
	/* and it comes back, to the same session */
	unh_await_logins(2);
	ck_assert_msg(!strcmp(session_connection_state(s), "LOGGED IN"), "%s", asks[_i].name);
	ck_assert_uint_eq(fake_kernel.sessions, 1);
	ck_assert_uint_eq(sim.target.connections - sim.target.closed, 1);
}
END_TEST

/* ---- 15.2 NOP-Out Ping Request ---- */

/* Of the kernel, as often as the record says. */
START_TEST(nop_out_ping_request)
{
	struct iscsi_node *n = sim_node(0);

	iscsi_node_set(n, "node.conn[0].timeo.noop_out_interval", "7");
	iscsi_node_set(n, "node.conn[0].timeo.noop_out_timeout", "3");
	ck_assert_int_eq(sim_login(n, &unh_waiter), ISCSI_OK);
	ck_assert_str_eq(unh_param(PARAM_RECV_TMO), "7");
	ck_assert_str_eq(unh_param(PARAM_PING_TMO), "3");
}
END_TEST

/* Of the daemon, when it finds a session; the task tag is the kernel's to fill in. */
START_TEST(nop_out_ping_request_at_start)
{
	uint8_t want[BHS_LEN] = {0x40, 0x80, [20] = 0xff, 0xff, 0xff, 0xff};

	fake_kernel_preset(sim.root, 7, SIM_TARGET, "127.0.0.1", sim.target.port, "LOGGED_IN", "up",
		"SCANNED");
	sim_start();
	sim_settle();
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SEND], 1);
	ck_assert_mem_eq(fake_kernel.sent, want, BHS_LEN);
}
END_TEST

static void add_others(Suite *s, TCase *c)
{
	TCase *start = tcase_create("start");

	tcase_add_loop_test(c, command_numbering, 0, 2);
	tcase_add_loop_test(c, async_logout_request, 0, COUNT(asks));
	tcase_add_test(c, nop_out_ping_request);
	tcase_add_checked_fixture(start, sim_setup_root, sim_teardown);
	tcase_add_test(start, nop_out_ping_request_at_start);
	suite_add_tcase(s, start);
}

int main(void)
{
	return unh_main("unh-ffp", COUNT(tests), first_login, relogin, add_others);
}
