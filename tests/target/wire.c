/* SPDX-License-Identifier: MIT */
/* The full feature phase of the target, PDU by PDU (RFC 7143 chapters 4, 11). */
#include <check.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rig.h"

#define READ 0x40
#define WRITE 0x20
#define STATUS 0x01
#define KEYS_WRITE "InitialR2T=No\nImmediateData=Yes\nFirstBurstLength=4096\n" \
		   "MaxBurstLength=8192\nMaxOutstandingR2T=2\n"

static struct rig rig;
static struct peer peer, other;
static uint8_t bhs[BHS_LEN], out[1 << 20], back[1 << 20];

static void set_up(void)
{
	rig_open(&rig);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (uint8_t)(i * 13 + (i >> 9));
}

static void tear_down(void)
{
	rig_close(&rig);
}

static void data_out(struct peer *p, uint32_t itt, uint32_t ttt, uint32_t datasn, uint32_t offset,
	uint32_t len, bool final)
{
	uint8_t pdu[BHS_LEN] = {0};

	bhs_set_opcode(pdu, OP_DATA_OUT, false);
	bhs_set_flags(pdu, final ? BHS_FINAL : 0);
	pdu[9] = 1;
	bhs_set_itt(pdu, itt);
	bhs_set_ttt(pdu, ttt);
	bhs_set_datasn(pdu, datasn);
	bhs_set_offset(pdu, offset);
	peer_send(p, pdu, out + offset, len);
}

static void expect_status(struct peer *p, uint8_t status, uint16_t asc)
{
	peer_expect(p, OP_SCSI_RESPONSE);
	ck_assert_uint_eq(bhs_scsi_status(p->in.bhs), status);
	if (asc)
		ck_assert_uint_eq(be16_get(p->in.data + 2 + 12), asc);
}

static void expect_r2t(struct peer *p, uint32_t r2tsn, uint32_t offset, uint32_t len)
{
	peer_expect(p, OP_R2T);
	ck_assert_uint_eq(bhs_datasn(p->in.bhs), r2tsn);
	ck_assert_uint_eq(bhs_offset(p->in.bhs), offset);
	ck_assert_uint_eq(bhs_desired_len(p->in.bhs), len);
}

static void still_works(struct peer *p)
{
	peer_read_blocks(p, 0, 1, back);
}

/* ---- data ---- */

/* Immediate, unsolicited and solicited data, two R2Ts at a time; digests in turn. */
START_TEST(every_way_to_write)
{
	uint32_t itt, first, second, third;

	peer_begin(&peer, &rig,
		_i ? KEYS_WRITE "HeaderDigest=CRC32C\nDataDigest=CRC32C\n" : KEYS_WRITE);
	peer_command(&peer, bhs, WRITE, 20480, CDB_RW10(0x2a, 8, 40));
	itt = bhs_itt(bhs);
	peer_send(&peer, bhs, out, 1024);
	data_out(&peer, itt, BHS_TAG_NONE, 0, 1024, 1024, false);
	data_out(&peer, itt, BHS_TAG_NONE, 1, 2048, 2048, true);
	expect_r2t(&peer, 0, 4096, 8192);
	first = bhs_ttt(peer.in.bhs);
	expect_r2t(&peer, 1, 12288, 8192);
	second = bhs_ttt(peer.in.bhs);
	ck_assert_uint_ne(first, second);
	data_out(&peer, itt, first, 0, 4096, 8192, true);
	data_out(&peer, itt, second, 0, 12288, 8192, true);
	expect_status(&peer, 0, 0);
	ck_assert_uint_eq(bhs_flags(peer.in.bhs), BHS_FINAL);
	peer_read_blocks(&peer, 8, 40, back);
	ck_assert(!memcmp(out, back, 20480));
	/* no data with the command, F at once: all of it is asked for */
	peer_command(&peer, bhs, BHS_FINAL | WRITE, 512, CDB_RW10(0x2a, 0, 1));
	itt = bhs_itt(bhs);
	peer_send(&peer, bhs, NULL, 0);
	expect_r2t(&peer, 0, 0, 512);
	third = bhs_ttt(peer.in.bhs);
	data_out(&peer, itt, third, 0, 0, 512, true);
	expect_status(&peer, 0, 0);
	peer_close(&peer);
}
END_TEST

START_TEST(long_reads_come_in_bursts)
{
	uint32_t datasn = 0, in_burst = 0;

	peer_begin(&peer, &rig, "MaxBurstLength=8192\nMaxRecvDataSegmentLength=3072\n");
	peer_command(&peer, bhs, BHS_FINAL | READ, 20480, CDB_RW10(0x28, 0, 40));
	peer_send(&peer, bhs, NULL, 0);
	for (size_t have = 0; have < 20480; have += peer.in.len) {
		bool last, end;

		peer_expect(&peer, OP_DATA_IN);
		ck_assert_uint_eq(bhs_datasn(peer.in.bhs), datasn++);
		ck_assert_uint_eq(bhs_offset(peer.in.bhs), have);
		ck_assert_uint_le(peer.in.len, 3072);
		in_burst += (uint32_t)peer.in.len;
		ck_assert_uint_le(in_burst, 8192);
		last = have + peer.in.len == 20480;
		end = in_burst == 8192 || last;
		ck_assert_uint_eq(bhs_flags(peer.in.bhs), (end ? BHS_FINAL : 0) | (last ? STATUS : 0));
		if (end)
			in_burst = 0;
	}
	peer_close(&peer);
}
END_TEST

/* Each breaks one rule of a solicited sequence that begins at 0; the write then fails. */
static const struct {
	uint32_t ttt_wrong, datasn, offset, len;
	bool final;
	uint16_t asc;
} wrong[] = {
	{1, 0, 0, 8192, true, 0x0c0c},
	{0, 1, 0, 8192, true, 0x4705},
	{0, 0xffffffff, 0, 8192, true, 0x4705},
	{0, 0, 512, 512, true, 0x4705},
	{0, 0, 0, 512, true, 0x0c0d},
	{0, 0, 0, 9216, true, 0x0c0d},
};

START_TEST(data_that_breaks_a_rule_fails_the_write)
{
	uint32_t itt;

	peer_begin(&peer, &rig, KEYS_WRITE "MaxRecvDataSegmentLength=65536\n");
	peer_command(&peer, bhs, BHS_FINAL | WRITE, 8192, CDB_RW10(0x2a, 0, 16));
	itt = bhs_itt(bhs);
	peer_send(&peer, bhs, NULL, 0);
	expect_r2t(&peer, 0, 0, 8192);
	if (wrong[_i].len > 8192) {
		/* more than the target takes in one PDU: the connection ends */
		data_out(&peer, itt, bhs_ttt(peer.in.bhs), 0, 0, wrong[_i].len, true);
		ck_assert(peer_is_closed(&peer));
		return;
	}
	data_out(&peer, itt, bhs_ttt(peer.in.bhs) + wrong[_i].ttt_wrong, wrong[_i].datasn,
		wrong[_i].offset, wrong[_i].len, wrong[_i].final);
	if (!wrong[_i].final || wrong[_i].ttt_wrong)
		data_out(&peer, itt, bhs_ttt(peer.in.bhs), 0, 0, 0, true);
	expect_status(&peer, 2, wrong[_i].asc);
	ck_assert_uint_eq(peer.in.data[2 + 2], 0x0b);
	still_works(&peer);
	peer_close(&peer);
}
END_TEST

START_TEST(data_that_was_not_agreed_on)
{
	peer_begin(&peer, &rig, "ImmediateData=No\nInitialR2T=Yes\n");
	ck_assert_int_eq(peer_write_blocks(&peer, 0, 1, out), 2);
	ck_assert_uint_eq(be16_get(peer.in.data + 2 + 12), 0x0c0c);
	/* a read with data */
	peer_command(&peer, bhs, BHS_FINAL | READ, 512, CDB_RW10(0x28, 0, 1));
	peer_send(&peer, bhs, out, 512);
	expect_status(&peer, 2, 0x0c0c);
	still_works(&peer);
	peer_close(&peer);
}
END_TEST

/* Expected length against what the command moves: row by row, flags U or O and the count. */
static const struct {
	uint8_t direction, flags;
	uint32_t edtl, blocks, residual;
} residuals[] = {
	{READ, 0, 1024, 2, 0},
	{READ, 0x02, 1024, 1, 512},
	{READ, 0x04, 512, 2, 512},
	{WRITE, 0x02, 1024, 1, 512},
	{WRITE, 0x04, 512, 2, 512},
	{WRITE, 0, 512, 1, 0},
};

START_TEST(residuals_are_told)
{
	bool writes = residuals[_i].direction == WRITE;

	peer_begin(&peer, &rig, "");
	peer_command(&peer, bhs, BHS_FINAL | residuals[_i].direction, residuals[_i].edtl,
		CDB_RW10(writes ? 0x2a : 0x28, 0, residuals[_i].blocks));
	peer_send(&peer, bhs, out, writes ? residuals[_i].edtl : 0);
	peer_expect(&peer, writes ? OP_SCSI_RESPONSE : OP_DATA_IN);
	ck_assert_uint_eq(bhs_flags(peer.in.bhs) & 0x06, residuals[_i].flags);
	ck_assert_uint_eq(bhs_residual(peer.in.bhs), residuals[_i].residual);
	peer_close(&peer);
}
END_TEST

/* ---- numbers ---- */

START_TEST(commands_run_in_the_order_of_cmdsn)
{
	uint8_t first[BHS_LEN], second[BHS_LEN], third[BHS_LEN];

	peer_begin(&peer, &rig, "");
	peer_command(&peer, first, BHS_FINAL, 0, (uint8_t[16]){0});
	peer_command(&peer, second, BHS_FINAL | WRITE, 512, CDB_RW10(0x2a, 0, 1));
	peer_command(&peer, third, BHS_FINAL, 0, (uint8_t[16]){0});
	peer_send(&peer, third, NULL, 0);
	peer_send(&peer, second, out, 512);
	ck_assert(!peer_read(&peer, 20));
	peer_send(&peer, first, NULL, 0);
	for (int i = 0; i < 3; i++) {
		expect_status(&peer, 0, 0);
		ck_assert_uint_eq(bhs_itt(peer.in.bhs), bhs_itt(i == 0 ? first : i == 1 ? second : third));
	}
	ck_assert_uint_eq(bhs_exp_cmdsn(peer.in.bhs), peer.cmdsn);
	peer_close(&peer);
}
END_TEST

START_TEST(outside_the_window_is_ignored)
{
	peer_begin(&peer, &rig, "");
	peer_command(&peer, bhs, BHS_FINAL, 0, (uint8_t[16]){0});
	for (int i = 0; i < 2; i++) {
		uint8_t bad[BHS_LEN];

		memcpy(bad, bhs, BHS_LEN);
		bhs_set_cmdsn(bad, bhs_cmdsn(bhs) + (i ? (uint32_t)-1 : 128));
		peer_send(&peer, bad, NULL, 0);
		ck_assert(!peer_read(&peer, 20));
	}
	peer_send(&peer, bhs, NULL, 0);
	expect_status(&peer, 0, 0);
	ck_assert_uint_eq(bhs_max_cmdsn(peer.in.bhs) - bhs_exp_cmdsn(peer.in.bhs) + 1, 128);
	peer_close(&peer);
}
END_TEST

START_TEST(the_window_shrinks_while_commands_wait)
{
	uint32_t max;

	peer_begin(&peer, &rig, KEYS_WRITE);
	peer_command(&peer, bhs, BHS_FINAL | WRITE, 512, CDB_RW10(0x2a, 0, 1));
	peer_send(&peer, bhs, NULL, 0);
	expect_r2t(&peer, 0, 0, 512);
	max = bhs_max_cmdsn(peer.in.bhs);
	ck_assert_uint_eq(max - bhs_exp_cmdsn(peer.in.bhs) + 1, 127);
	data_out(&peer, bhs_itt(bhs), bhs_ttt(peer.in.bhs), 0, 0, 512, true);
	expect_status(&peer, 0, 0);
	ck_assert_uint_eq(bhs_max_cmdsn(peer.in.bhs), max + 1);
	peer_close(&peer);
}
END_TEST

/* ---- task management ---- */

static uint8_t manage(struct peer *p, uint8_t function, uint32_t ref_itt, uint32_t ref_cmdsn)
{
	uint8_t pdu[BHS_LEN] = {0};

	bhs_set_opcode(pdu, OP_TASK_MANAGEMENT, true);
	bhs_set_flags(pdu, BHS_FINAL | function);
	pdu[9] = 1;
	bhs_set_itt(pdu, p->itt++);
	bhs_set_ref_itt(pdu, ref_itt);
	bhs_set_cmdsn(pdu, p->cmdsn);
	bhs_set_ref_cmdsn(pdu, ref_cmdsn);
	peer_send(p, pdu, NULL, 0);
	peer_expect(p, OP_TASK_MANAGEMENT_RESPONSE);
	return p->in.bhs[2];
}

START_TEST(aborts)
{
	uint32_t itt, cmdsn;

	peer_begin(&peer, &rig, KEYS_WRITE);
	for (uint8_t function = 1; function <= 5; function++) {
		if (function == 3)
			continue;
		/* a write that waits for its data */
		peer_command(&peer, bhs, BHS_FINAL | WRITE, 512, CDB_RW10(0x2a, 0, 1));
		itt = bhs_itt(bhs);
		peer_send(&peer, bhs, NULL, 0);
		expect_r2t(&peer, 0, 0, 512);
		ck_assert_uint_eq(manage(&peer, function, itt, bhs_cmdsn(bhs)), 0);
		/* data on its way is no fault, and no answer comes */
		data_out(&peer, itt, bhs_ttt(peer.in.bhs), 0, 0, 512, true);
		ck_assert(!peer_read(&peer, 20));
		peer_ready(&peer);
	}
	/* a task that is not there */
	ck_assert_uint_eq(manage(&peer, 1, 0x7777, peer.cmdsn - 1), 1);
	/* one that may still come: it will not run */
	cmdsn = peer.cmdsn;
	peer_command(&peer, bhs, BHS_FINAL, 0, (uint8_t[16]){0});
	ck_assert_uint_eq(manage(&peer, 1, bhs_itt(bhs), cmdsn), 0);
	peer_send(&peer, bhs, NULL, 0);
	ck_assert(!peer_read(&peer, 20));
	still_works(&peer);
	ck_assert_uint_eq(manage(&peer, 8, 1, 1), 4);
	ck_assert_uint_eq(manage(&peer, 60, 1, 1), 255);
	ck_assert_uint_eq(manage(&peer, 6, 1, 1), 0);
	ck_assert_uint_eq(manage(&peer, 7, 1, 1), 0);
	ck_assert(peer_is_closed(&peer));
}
END_TEST

/* An abort while the data segment is half here: the rest goes nowhere. */
START_TEST(abort_by_another_in_the_middle_of_data)
{
	uint8_t pdu[BHS_LEN] = {0};

	peer_begin(&peer, &rig, KEYS_WRITE);
	peer_open(&other, &rig, 2);
	ck_assert_int_eq(peer_login(&other, RIG_TARGET, ""), 0);
	peer_ready(&other);
	peer_command(&peer, bhs, BHS_FINAL | WRITE, 8192, CDB_RW10(0x2a, 0, 16));
	peer_send(&peer, bhs, NULL, 0);
	expect_r2t(&peer, 0, 0, 8192);
	bhs_set_opcode(pdu, OP_DATA_OUT, false);
	bhs_set_flags(pdu, BHS_FINAL);
	bhs_set_itt(pdu, bhs_itt(bhs));
	bhs_set_ttt(pdu, bhs_ttt(peer.in.bhs));
	bhs_set_data_len(pdu, 8192);
	peer_send_raw(&peer, pdu, BHS_LEN);
	peer_send_raw(&peer, out, 4000);
	rig_run(&rig, 5);
	ck_assert_uint_eq(manage(&other, 5, BHS_TAG_NONE, 0), 0);
	peer_send_raw(&peer, out + 4000, 4192);
	ck_assert(!peer_read(&peer, 20));
	peer_ready(&peer);
	/* and once more, with a connection that ends there */
	peer_command(&peer, bhs, BHS_FINAL | WRITE, 8192, CDB_RW10(0x2a, 0, 16));
	peer_send(&peer, bhs, NULL, 0);
	expect_r2t(&peer, 0, 0, 8192);
	bhs_set_itt(pdu, bhs_itt(bhs));
	bhs_set_ttt(pdu, bhs_ttt(peer.in.bhs));
	peer_send_raw(&peer, pdu, BHS_LEN);
	peer_send_raw(&peer, out, 4000);
	rig_run(&rig, 5);
	peer_ready(&other);
	ck_assert_uint_eq(manage(&other, 5, BHS_TAG_NONE, 0), 0);
	peer_close(&peer);
	peer_ready(&other);
	peer_close(&other);
}
END_TEST

/* ---- the rest ---- */

static void nop(struct peer *p, uint32_t itt, uint32_t ttt, size_t len)
{
	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_NOP_OUT, true);
	bhs_set_flags(bhs, BHS_FINAL);
	bhs_set_itt(bhs, itt);
	bhs_set_ttt(bhs, ttt);
	bhs_set_cmdsn(bhs, p->cmdsn);
	peer_send(p, bhs, out, len);
}

START_TEST(nop_is_answered_with_its_data)
{
	uint32_t statsn;

	peer_begin(&peer, &rig, "MaxRecvDataSegmentLength=512\n");
	statsn = bhs_statsn(peer.in.bhs);
	nop(&peer, 77, BHS_TAG_NONE, 100);
	peer_expect(&peer, OP_NOP_IN);
	ck_assert_uint_eq(bhs_itt(peer.in.bhs), 77);
	ck_assert_uint_eq(bhs_ttt(peer.in.bhs), BHS_TAG_NONE);
	ck_assert_uint_eq(bhs_statsn(peer.in.bhs), statsn + 1);
	ck_assert_uint_eq(peer.in.len, 100);
	ck_assert(!memcmp(peer.in.data, out, 100));
	nop(&peer, 78, BHS_TAG_NONE, 1000); /* no more than the initiator takes */
	peer_expect(&peer, OP_NOP_IN);
	ck_assert_uint_eq(peer.in.len, 512);
	nop(&peer, BHS_TAG_NONE, BHS_TAG_NONE, 0);
	ck_assert(!peer_read(&peer, 20));
	peer_close(&peer);
}
END_TEST

START_TEST(a_silent_initiator_is_asked_and_dropped)
{
	uint32_t ttt;

	rig.target->settings.nop_interval = 1;
	rig.target->settings.nop_count = 1;
	peer_begin(&peer, &rig, "");
	peer_expect(&peer, OP_NOP_IN);
	ck_assert_uint_eq(bhs_itt(peer.in.bhs), BHS_TAG_NONE);
	ttt = bhs_ttt(peer.in.bhs);
	ck_assert_uint_ne(ttt, BHS_TAG_NONE);
	nop(&peer, BHS_TAG_NONE, ttt, 0);
	peer_expect(&peer, OP_NOP_IN); /* the next; not answered */
	ck_assert(peer_is_closed(&peer));
	rig_empties(&rig);
}
END_TEST

START_TEST(what_is_not_known_is_rejected)
{
	peer_begin(&peer, &rig, "");
	memset(bhs, 0, BHS_LEN);
	bhs[0] = 0x1c | BHS_IMMEDIATE;
	bhs_set_itt(bhs, 5);
	peer_send(&peer, bhs, NULL, 0);
	peer_expect(&peer, OP_REJECT);
	ck_assert_uint_eq(bhs_reject_reason(peer.in.bhs), REJECT_NOT_SUPPORTED);
	ck_assert_uint_eq(bhs_itt(peer.in.bhs), BHS_TAG_NONE);
	ck_assert_uint_eq(peer.in.len, BHS_LEN);
	ck_assert(!memcmp(peer.in.data, bhs, BHS_LEN));
	/* SNACK, at ErrorRecoveryLevel 0, and a second login */
	bhs[0] = OP_SNACK | BHS_IMMEDIATE;
	peer_send(&peer, bhs, NULL, 0);
	peer_expect(&peer, OP_REJECT);
	bhs[0] = OP_LOGIN | BHS_IMMEDIATE;
	peer_send(&peer, bhs, NULL, 0);
	peer_expect(&peer, OP_REJECT);
	ck_assert_uint_eq(bhs_reject_reason(peer.in.bhs), REJECT_PROTOCOL_ERROR);
	/* an ITT that is in use */
	peer_command(&peer, bhs, BHS_FINAL | WRITE, 512, CDB_RW10(0x2a, 0, 1));
	peer_send(&peer, bhs, NULL, 0);
	expect_r2t(&peer, 0, 0, 512);
	bhs_set_cmdsn(bhs, peer.cmdsn++);
	peer_send(&peer, bhs, NULL, 0);
	peer_expect(&peer, OP_REJECT);
	ck_assert_uint_eq(bhs_reject_reason(peer.in.bhs), REJECT_TASK_IN_PROGRESS);
	peer_ready(&peer);
	peer_close(&peer);
}
END_TEST

static uint8_t logout(struct peer *p, uint8_t reason, uint16_t cid)
{
	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_LOGOUT, true);
	bhs_set_logout_reason(bhs, reason);
	bhs_set_itt(bhs, p->itt++);
	bhs_set_cid(bhs, cid);
	bhs_set_cmdsn(bhs, p->cmdsn);
	peer_send(p, bhs, NULL, 0);
	peer_expect(p, OP_LOGOUT_RESPONSE);
	return bhs_logout_response(p->in.bhs);
}

START_TEST(logouts)
{
	peer_begin(&peer, &rig, "");
	ck_assert_uint_eq(logout(&peer, LOGOUT_CONNECTION, 9), 1);
	ck_assert_uint_eq(logout(&peer, LOGOUT_FOR_RECOVERY, 0), 2);
	peer_ready(&peer);
	ck_assert_uint_eq(logout(&peer, LOGOUT_CONNECTION, 0), 0);
	ck_assert(peer_is_closed(&peer));
	peer_begin(&peer, &rig, "");
	/* with a write that waits for data */
	peer_command(&peer, bhs, BHS_FINAL | WRITE, 512, CDB_RW10(0x2a, 0, 1));
	peer_send(&peer, bhs, NULL, 0);
	expect_r2t(&peer, 0, 0, 512);
	ck_assert_uint_eq(logout(&peer, LOGOUT_SESSION, 0), 0);
	ck_assert(peer_is_closed(&peer));
	rig_empties(&rig);
}
END_TEST

static void text_request(struct peer *p, const char *text, size_t len)
{
	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_TEXT, true);
	bhs_set_flags(bhs, BHS_FINAL);
	bhs_set_itt(bhs, p->itt++);
	bhs_set_ttt(bhs, BHS_TAG_NONE);
	bhs_set_cmdsn(bhs, p->cmdsn);
	peer_send(p, bhs, text, len);
}

START_TEST(discovery_sees_what_it_may_see)
{
	struct model *m = &rig.server->model;

	ck_assert_int_eq(model_target_new(m, 2, RIG_TARGET "-hidden"), MODEL_OK);
	peer_open(&peer, &rig, 1);
	ck_assert_int_eq(peer_login(&peer, NULL, ""), 0);
	text_request(&peer, "SendTargets=All", 16);
	peer_expect(&peer, OP_TEXT_RESPONSE);
	ck_assert_uint_ge(peer.in.len, sizeof("TargetName=" RIG_TARGET));
	ck_assert_str_eq((char *)peer.in.data, "TargetName=" RIG_TARGET);
	ck_assert_ptr_null(memmem(peer.in.data, peer.in.len, "hidden", 6));
	/* a discovery session has no commands */
	peer_command(&peer, bhs, BHS_FINAL, 0, (uint8_t[16]){0});
	peer_send(&peer, bhs, NULL, 0);
	peer_expect(&peer, OP_REJECT);
	ck_assert_uint_eq(logout(&peer, LOGOUT_SESSION, 0), 0);
	ck_assert(peer_is_closed(&peer));
}
END_TEST

/* ---- sessions ---- */

START_TEST(reinstatement_ends_the_old_session)
{
	peer_begin(&peer, &rig, KEYS_WRITE);
	peer_command(&peer, bhs, BHS_FINAL | WRITE, 512, CDB_RW10(0x2a, 0, 1));
	peer_send(&peer, bhs, NULL, 0);
	expect_r2t(&peer, 0, 0, 512);
	peer_open(&other, &rig, 1);
	ck_assert_int_eq(peer_login(&other, RIG_TARGET, ""), 0);
	ck_assert_uint_ne(bhs_tsih(other.in.bhs), 0);
	ck_assert(peer_is_closed(&peer));
	peer_ready(&other);
	ck_assert_ptr_eq(rig.target->sessions.next->next, &rig.target->sessions);
	/* another ISID is another session */
	peer_open(&peer, &rig, 2);
	ck_assert_int_eq(peer_login(&peer, RIG_TARGET, ""), 0);
	peer_ready(&other);
	peer_ready(&peer);
	peer_close(&peer);
	peer_close(&other);
	rig_empties(&rig);
}
END_TEST

START_TEST(logins_that_are_refused)
{
	peer_open(&peer, &rig, 1);
	ck_assert_int_eq(peer_login(&peer, RIG_TARGET "x", ""), 0x0203);
	ck_assert(peer_is_closed(&peer));
	peer_open(&peer, &rig, 1);
	peer_command(&peer, bhs, BHS_FINAL, 0, (uint8_t[16]){0});
	peer_send(&peer, bhs, NULL, 0);
	ck_assert(peer_is_closed(&peer));
	rig.target->state = TARGET_OFFLINE;
	peer_open(&peer, &rig, 1);
	ck_assert_int_eq(peer_login(&peer, RIG_TARGET, "") >> 8, 3);
	ck_assert(peer_is_closed(&peer));
}
END_TEST

static void fill(uint32_t lba)
{
	for (size_t i = 0; i < 512; i++)
		out[i] = (uint8_t)(lba * 31 + i * (lba >> 4 | 1));
}

static void check_blocks(uint32_t end)
{
	for (uint32_t lba = 0; lba < end; lba++) {
		fill(lba);
		peer_read_blocks(&peer, lba, 1, back);
		ck_assert_msg(!memcmp(out, back, 512), "block %u is lost", lba);
	}
}

/* Connections break in the middle of a write, by turns at either end. */
#define DROPS 100
START_TEST(drops_lose_no_acknowledged_write)
{
	uint32_t acknowledged = 0;

	for (uint32_t i = 0; i < DROPS; i++) {
		peer_begin(&peer, &rig, KEYS_WRITE);
		if (i % 10 == 0)
			check_blocks(acknowledged);
		for (int n = 0; n < 4; n++) {
			fill(acknowledged);
			ck_assert_int_eq(peer_write_blocks(&peer, acknowledged, 1, out), 0);
			acknowledged++;
		}
		memset(out, 0xee, 1024);
		peer_command(&peer, bhs, BHS_FINAL | WRITE, 1024, CDB_RW10(0x2a, acknowledged, 2));
		bhs_set_data_len(bhs, 1024);
		peer_send_raw(&peer, bhs, BHS_LEN);
		peer_send_raw(&peer, out, 10 * i);
		rig_run(&rig, 1);
		if (i % 2)
			rig_fault(&rig, "close");
		peer_close(&peer);
		rig_empties(&rig);
	}
	peer_begin(&peer, &rig, "");
	check_blocks(acknowledged);
	peer_close(&peer);
}
END_TEST

static size_t memory_in_use(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static void leave(int n, const int *fds)
{
	for (int i = 0; i < n; i++)
		close(fds[i]);
}

/* Half-open logins cost little, and end. */
#define HALF_OPEN 1000
START_TEST(half_open_logins_end)
{
	static const uint8_t part[BHS_LEN] = {OP_LOGIN | BHS_IMMEDIATE, 0x87, [6] = 0x10};
	static int fds[HALF_OPEN];
	size_t before = memory_in_use();

	rig.server->login_seconds = 1;
	for (int i = 0; i < HALF_OPEN; i++) {
		peer_open(&peer, &rig, 1);
		fds[i] = peer.fd;
		peer_send_raw(&peer, part, i % 2 ? BHS_LEN : 20);
	}
	rig_run(&rig, 10);
	ck_assert_uint_eq(rig.server->logins, HALF_OPEN);
	ck_assert_uint_lt(memory_in_use() - before, HALF_OPEN * 16384);
	for (int i = 0; i < 30 && rig.server->logins; i++)
		rig_run(&rig, 100);
	ck_assert_uint_eq(rig.server->logins, 0);
	ck_assert(list_empty(&rig.server->conns));
	leave(HALF_OPEN, fds);
	peer_begin(&peer, &rig, "");
	peer_close(&peer);
}
END_TEST

/* A peer that asks and never reads is not read any more, and costs bounded memory. */
START_TEST(back_pressure)
{
	size_t sent = 0;

	peer_begin(&peer, &rig, "MaxRecvDataSegmentLength=262144\n");
	for (int i = 0; i < 20000; i++) {
		uint8_t ping[BHS_LEN + 8192] = {OP_NOP_OUT | BHS_IMMEDIATE, BHS_FINAL, [6] = 0x20, [19] = 1,
			[20] = 0xff, 0xff, 0xff, 0xff};
		ssize_t n = write(peer.fd, ping, sizeof(ping));

		if (n < (ssize_t)sizeof(ping))
			break;
		sent += (size_t)n;
		uv_run(&rig.loop, UV_RUN_NOWAIT);
	}
	ck_assert_uint_lt(sent, 16u << 20);
	peer_close(&peer);
	rig_empties(&rig);
}
END_TEST

int main(void)
{
	TCase *c = tcase_create("wire");
	Suite *s = suite_create("wire");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(c, set_up, tear_down);
	tcase_add_loop_test(c, every_way_to_write, 0, 2);
	tcase_add_test(c, long_reads_come_in_bursts);
	tcase_add_loop_test(c, data_that_breaks_a_rule_fails_the_write, 0,
		sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(c, data_that_was_not_agreed_on);
	tcase_add_loop_test(c, residuals_are_told, 0, sizeof(residuals) / sizeof(residuals[0]));
	tcase_add_test(c, commands_run_in_the_order_of_cmdsn);
	tcase_add_test(c, outside_the_window_is_ignored);
	tcase_add_test(c, the_window_shrinks_while_commands_wait);
	tcase_add_test(c, aborts);
	tcase_add_test(c, abort_by_another_in_the_middle_of_data);
	tcase_add_test(c, nop_is_answered_with_its_data);
	tcase_add_test(c, a_silent_initiator_is_asked_and_dropped);
	tcase_add_test(c, what_is_not_known_is_rejected);
	tcase_add_test(c, logouts);
	tcase_add_test(c, discovery_sees_what_it_may_see);
	tcase_add_test(c, reinstatement_ends_the_old_session);
	tcase_add_test(c, logins_that_are_refused);
	tcase_add_test(c, drops_lose_no_acknowledged_write);
	tcase_add_test(c, half_open_logins_end);
	tcase_add_test(c, back_pressure);
	suite_add_tcase(s, c);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? 1 : 0;
}
