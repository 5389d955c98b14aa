/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "digest.h"
#include "fault.h"
#include "log.h"
#include "pdu.h"

#define WAIT_MS 10000 /* for what has to come; a loaded machine takes its time */

/* ---- the target ---- */

void rig_open(struct rig *r)
{
	struct lu_settings disk = {.lun = 1, .path = RIG_DISK};

	signal(SIGPIPE, SIG_IGN);
	log_open("rig", LOG_TO_STDERR);
	ck_assert(!uv_loop_init(&r->loop));
	r->server = server_new(&r->loop, "rig");
	ck_assert_ptr_nonnull(r->server);
	ck_assert_int_eq(model_target_new(&r->server->model, 1, RIG_TARGET), MODEL_OK);
	r->target = model_target(&r->server->model, 1);
	ck_assert_int_eq(model_acl_bind(&r->server->model, r->target, "ALL", NULL), MODEL_OK);
	r->target->settings.params.initial_r2t = false;
	r->target->settings.params.max_outstanding_r2t = 8;
	r->target->settings.params.header_digest = DIGEST_NONE_CRC32C;
	r->target->settings.params.data_digest = DIGEST_NONE_CRC32C;
	ck_assert_int_eq(lu_new(r->target->device, &disk, &r->lu), 0);
}

void rig_close(struct rig *r)
{
	server_free(r->server);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&r->loop), 0);
}

static uint64_t now_ms(void)
{
	return uv_hrtime() / 1000000;
}

void rig_run(struct rig *r, unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	do {
		uv_run(&r->loop, UV_RUN_NOWAIT);
		poll(NULL, 0, 1);
	} while (now_ms() < end);
}

void rig_empties(struct rig *r)
{
	uint64_t end = now_ms() + WAIT_MS;

	while (!list_empty(&r->server->conns)) {
		ck_assert_msg(now_ms() < end, "a connection stays");
		rig_run(r, 1);
	}
	ck_assert(list_empty(&r->target->sessions));
}

void rig_fault(struct rig *r, const char *text)
{
	const char *why = fault_set(r->server, r->target, text);

	ck_assert_msg(!why, "%s %s", text, why);
}

/* ---- the initiator's connection ---- */

void peer_open(struct peer *p, struct rig *r, uint8_t isid)
{
	int fds[2];

	ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds));
	*p = (struct peer){.rig = r, .fd = fds[0], .isid = isid, .cmdsn = 100, .itt = 1};
	conn_new(r->server, fds[1], 1);
}

void peer_close(struct peer *p)
{
	close(p->fd);
	p->fd = -1;
	rig_run(p->rig, 5);
}

void peer_send_raw(struct peer *p, const void *bytes, size_t len)
{
	uint64_t end = now_ms() + WAIT_MS;
	const uint8_t *at = bytes;

	while (len) {
		ssize_t n = write(p->fd, at, len);

		if (n < 0 && errno == EPIPE)
			return;
		ck_assert(n > 0 || errno == EAGAIN);
		if (n < 0) {
			uv_run(&p->rig->loop, UV_RUN_NOWAIT);
			ck_assert_msg(now_ms() < end, "the target does not read");
			continue;
		}
		at += n;
		len -= (size_t)n;
	}
}

void peer_send(struct peer *p, uint8_t bhs[BHS_LEN], const void *data, size_t len)
{
	uint8_t zeros[3] = {0}, wire[DIGEST_LEN];
	uint32_t digest = digest_add(DIGEST_BEGIN, data, len);

	bhs_set_data_len(bhs, (uint32_t)len);
	peer_send_raw(p, bhs, BHS_LEN);
	if (p->digests) {
		digest_put(digest_add(DIGEST_BEGIN, bhs, BHS_LEN), wire);
		peer_send_raw(p, wire, DIGEST_LEN);
	}
	if (!len)
		return;
	peer_send_raw(p, data, len);
	peer_send_raw(p, zeros, pdu_padding(len));
	if (p->digests) {
		digest_put(digest_add(digest, zeros, pdu_padding(len)), wire);
		peer_send_raw(p, wire, DIGEST_LEN);
	}
}

/* len bytes, unless the end or the time limit comes before. */
static bool get(struct peer *p, void *to, size_t len, uint64_t end)
{
	uint8_t *at = to;

	while (len) {
		ssize_t n = read(p->fd, at, len);

		if (n == 0 || (n < 0 && errno != EAGAIN))
			return false;
		if (n < 0) {
			if (now_ms() >= end)
				return false;
			uv_run(&p->rig->loop, UV_RUN_NOWAIT);
			continue;
		}
		at += n;
		len -= (size_t)n;
	}
	return true;
}

bool peer_read(struct peer *p, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	uint8_t wire[DIGEST_LEN], padding[3];

	if (!get(p, p->in.bhs, BHS_LEN, end))
		return false;
	end = now_ms() + WAIT_MS;
	if (p->digests) {
		ck_assert(get(p, wire, DIGEST_LEN, end));
		if (!digest_is(digest_add(DIGEST_BEGIN, p->in.bhs, BHS_LEN), wire))
			return false;
	}
	p->in.len = bhs_data_len(p->in.bhs);
	if (p->in.len > sizeof(p->in.data) || !get(p, p->in.data, p->in.len, end) ||
		!get(p, padding, pdu_padding(p->in.len), end))
		return false;
	if (p->digests && p->in.len) {
		uint32_t digest = digest_add(DIGEST_BEGIN, p->in.data, p->in.len);

		ck_assert(get(p, wire, DIGEST_LEN, end));
		return digest_is(digest_add(digest, padding, pdu_padding(p->in.len)), wire);
	}
	return true;
}

void peer_expect(struct peer *p, enum bhs_opcode opcode)
{
	ck_assert_msg(peer_read(p, WAIT_MS), "no %s came", bhs_opcode_name(opcode));
	ck_assert_msg(bhs_opcode(p->in.bhs) == opcode, "%s came, not %s",
		bhs_opcode_name(bhs_opcode(p->in.bhs)), bhs_opcode_name(opcode));
}

bool peer_is_closed(struct peer *p)
{
	uint64_t end = now_ms() + WAIT_MS;
	uint8_t byte;

	while (now_ms() < end) {
		ssize_t n = read(p->fd, &byte, 1);

		if (n == 0 || (n < 0 && errno == ECONNRESET))
			return true;
		if (n < 0)
			uv_run(&p->rig->loop, UV_RUN_NOWAIT);
	}
	return false;
}

/* ---- login ---- */

static int login_round(struct peer *p, const char *text, size_t len)
{
	uint8_t bhs[BHS_LEN] = {0}, isid[BHS_ISID_LEN] = {0x80, [5] = p->isid};

	bhs_set_opcode(bhs, OP_LOGIN, true);
	bhs_set_login_flags(bhs, BHS_TRANSIT, STAGE_OPERATIONAL, STAGE_FULL_FEATURE);
	bhs_set_isid(bhs, isid);
	bhs_set_itt(bhs, p->itt);
	bhs_set_cmdsn(bhs, p->cmdsn);
	peer_send(p, bhs, text, len);
	if (!peer_read(p, WAIT_MS))
		return -1;
	if (bhs_opcode(p->in.bhs) != OP_LOGIN_RESPONSE)
		return -1;
	return bhs_status_class(p->in.bhs) << 8 | bhs_status_detail(p->in.bhs);
}

int peer_login(struct peer *p, const char *target, const char *keys)
{
	char text[4096];
	int n = snprintf(text, sizeof(text), "InitiatorName=" RIG_INITIATOR "\n%s%s\n%s",
		target ? "TargetName=" : "SessionType=Discovery", target ? target : "", keys);
	int status;

	for (int i = 0; i < n; i++)
		if (text[i] == '\n')
			text[i] = '\0';
	status = login_round(p, text, (size_t)n);
	while (!status && !(bhs_flags(p->in.bhs) & BHS_TRANSIT))
		status = login_round(p, "", 0);
	p->itt++;
	p->digests = !status && strstr(keys, "HeaderDigest=CRC32C");
	return status;
}

/* ---- commands ---- */

void peer_command(struct peer *p, uint8_t bhs[BHS_LEN], uint8_t flags, uint32_t edtl,
	const uint8_t cdb[16])
{
	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_SCSI_COMMAND, false);
	bhs_set_flags(bhs, flags | 1);
	bhs[9] = 1;
	bhs_set_itt(bhs, p->itt++);
	bhs_set_edtl(bhs, edtl);
	bhs_set_cmdsn(bhs, p->cmdsn++);
	memcpy(bhs + 32, cdb, 16);
}

void peer_ready(struct peer *p)
{
	uint8_t bhs[BHS_LEN], cdb[16] = {0};

	do {
		peer_command(p, bhs, BHS_FINAL, 0, cdb);
		peer_send(p, bhs, NULL, 0);
		peer_expect(p, OP_SCSI_RESPONSE);
	} while (bhs_scsi_status(p->in.bhs));
}

void peer_read_blocks(struct peer *p, uint32_t lba, uint32_t blocks, uint8_t *data)
{
	uint8_t bhs[BHS_LEN];
	size_t have = 0;

	peer_command(p, bhs, BHS_FINAL | 0x40, blocks * 512, CDB_RW10(0x28, lba, blocks));
	peer_send(p, bhs, NULL, 0);
	do {
		peer_expect(p, OP_DATA_IN);
		ck_assert_uint_eq(be32_get(p->in.bhs + 40), have);
		memcpy(data + have, p->in.data, p->in.len);
		have += p->in.len;
	} while (!(bhs_flags(p->in.bhs) & 1));
	ck_assert_uint_eq(bhs_scsi_status(p->in.bhs), 0);
	ck_assert_uint_eq(have, blocks * 512);
}

int peer_write_blocks(struct peer *p, uint32_t lba, uint32_t blocks, const uint8_t *data)
{
	uint8_t bhs[BHS_LEN];

	peer_command(p, bhs, BHS_FINAL | 0x20, blocks * 512, CDB_RW10(0x2a, lba, blocks));
	peer_send(p, bhs, data, blocks * 512);
	peer_expect(p, OP_SCSI_RESPONSE);
	return bhs_scsi_status(p->in.bhs);
}

void peer_begin(struct peer *p, struct rig *r, const char *keys)
{
	peer_open(p, r, 1);
	ck_assert_int_eq(peer_login(p, RIG_TARGET, keys), 0);
	peer_ready(p);
}
