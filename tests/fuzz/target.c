/* SPDX-License-Identifier: MIT */
/*
 * The whole target, from a connection's first byte to its end. Records carry whole PDUs: 48 bytes
 * of header and the data segment. Length and CmdSN are filled in, and the Target Transfer Tag of
 * the last R2T or Text Response where the header says fffffffe; then the record's fault strikes.
 *
 * Configuration: bit 0 logs in first, bit 1 writes what follows as it is.
 */
#include <errno.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "conn.h"
#include "fuzz.h"
#include "log.h"
#include "lu.h"
#include "server.h"

#define NAME "iqn.2026-11.com.example:fuzz"
#define TTT_LAST 0xfffffffeu
#define TURNS 4 /* of the loop after each PDU */

static uv_loop_t loop;
static struct server *server;
static int fd;
static uint32_t cmdsn, ttt;

static void set_up(void)
{
	struct lu_settings disk = {.lun = 1, .path = "ram:1M"};
	struct lu *lu;

	/* One target for all inputs: what one leaves behind the next must bear. */
	uv_loop_init(&loop);
	/* to nowhere */
	log_open("fuzz", LOG_TO_SYSLOG);
	setlogmask(LOG_MASK(LOG_EMERG));
	server = server_new(&loop, "fuzz");
	INVARIANT(server);
	INVARIANT(model_target_new(&server->model, 1, NAME) == MODEL_OK);
	INVARIANT(model_acl_bind(&server->model, model_target(&server->model, 1), "ALL", NULL) ==
		  MODEL_OK);
	model_target(&server->model, 1)->settings.params.initial_r2t = false;
	INVARIANT(lu_new(model_target(&server->model, 1)->device, &disk, &lu) == 0);
}

static void turn(void)
{
	for (int i = 0; i < TURNS; i++)
		uv_run(&loop, UV_RUN_NOWAIT);
}

/* What the target has sent: its headers are looked at. */
static void read_all(void)
{
	static uint8_t in[1 << 20];
	ssize_t n, at = 0;

	turn();
	n = read(fd, in, sizeof(in));
	while (at + BHS_LEN <= n) {
		const uint8_t *bhs = in + at;
		size_t len = bhs_data_len(bhs);

		INVARIANT(bhs[0] >= 0x20 && bhs[0] <= 0x3f);
		if (bhs_opcode(bhs) == OP_R2T || bhs_opcode(bhs) == OP_TEXT_RESPONSE)
			ttt = bhs_ttt(bhs);
		at += (ssize_t)(BHS_LEN + len + pdu_padding(len));
	}
}

static void send_bytes(const void *p, size_t len)
{
	/* Small next to the socket's buffer, which read_all keeps empty. */
	if (len && send(fd, p, len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		INVARIANT(errno == EPIPE || errno == EAGAIN || errno == ECONNRESET);
	read_all();
}

static void send_pdu(const uint8_t bhs[BHS_LEN], const void *data, size_t len)
{
	static uint8_t out[BHS_LEN + (1 << 16) + 4];

	memcpy(out, bhs, BHS_LEN);
	memcpy(out + BHS_LEN, data, len);
	memset(out + BHS_LEN + len, 0, 3);
	send_bytes(out, BHS_LEN + len + pdu_padding(len));
}

static void log_in(void)
{
	static const char keys[] = "InitiatorName=" NAME "\0TargetName=" NAME "\0InitialR2T=No\0"
				   "MaxBurstLength=4096\0FirstBurstLength=2048";
	uint8_t bhs[BHS_LEN] = {0};

	bhs_set_opcode(bhs, OP_LOGIN, true);
	bhs_set_login_flags(bhs, BHS_TRANSIT, STAGE_OPERATIONAL, STAGE_FULL_FEATURE);
	bhs_set_itt(bhs, 1);
	bhs_set_cmdsn(bhs, cmdsn);
	bhs_set_data_len(bhs, sizeof(keys));
	send_pdu(bhs, keys, sizeof(keys));
}

static void send_record(const struct pdu *p, const uint8_t *fault)
{
	uint8_t bhs[BHS_LEN] = {0};
	size_t head = p->data_len < BHS_LEN ? p->data_len : BHS_LEN;

	memcpy(bhs, p->data, head);
	bhs[4] = 0;
	bhs_set_data_len(bhs, (uint32_t)(p->data_len - head));
	bhs_set_cmdsn(bhs, cmdsn);
	if (bhs_ttt(bhs) == TTT_LAST)
		bhs_set_ttt(bhs, ttt);
	if (!bhs_is_immediate(bhs) && bhs_opcode(bhs) != OP_DATA_OUT)
		cmdsn++;
	bhs[fault[1] % BHS_LEN] ^= fault[2];
	send_pdu(bhs, p->data + head, p->data_len - head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records records = {data + 1, size - 1};
	const uint8_t *header;
	struct pdu p;
	int fds[2];

	if (!size)
		return 0;
	if (!server)
		set_up();
	INVARIANT(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	fd = fds[0];
	cmdsn = 1;
	conn_new(server, fds[1], 1);
	turn();
	if (data[0] & 1)
		log_in();
	if (data[0] & 2)
		send_bytes(data + 1, size - 1);
	else
		while (record_next(&records, &p, &header)) {
			send_record(&p, header);
			free(p.data);
		}
	close(fd);
	for (int i = 0; i < 1000 && !list_empty(&server->conns); i++)
		uv_run(&loop, UV_RUN_NOWAIT);
	INVARIANT(list_empty(&server->conns));
	INVARIANT(list_empty(&server->sessions));
	INVARIANT(server->logins == 0);
	return 0;
}
