/* SPDX-License-Identifier: MIT */
/*
 * rig.h - the whole target in the test's own process, and an initiator that sends what it is told:
 * both on one loop, which runs while the initiator waits.
 */
#ifndef TESTS_RIG_H
#define TESTS_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bhs.h"
#include "lu.h"
#include "server.h"

#define RIG_TARGET "iqn.2026-11.com.example:rig"
#define RIG_INITIATOR "iqn.2026-11.com.example:initiator"
#define RIG_DISK "ram:16M"

struct rig_pdu {
	uint8_t bhs[BHS_LEN];
	uint8_t data[1 << 20];
	size_t len;
};

struct rig {
	uv_loop_t loop;
	struct server *server;
	struct target *target;
	struct lu *lu; /* LUN 1 */
};

/* One connection of the initiator. */
struct peer {
	struct rig *rig;
	int fd;
	bool digests;
	uint32_t cmdsn, itt;
	uint8_t isid; /* its last byte */
	struct rig_pdu in; /* the last one that came */
};

void rig_open(struct rig *r);
void rig_close(struct rig *r);
void rig_run(struct rig *r, unsigned int ms); /* lets the loop run for so long */
void rig_empties(struct rig *r); /* waits until no connection is left */
void rig_fault(struct rig *r, const char *text); /* fault_set, which has to take it */

void peer_open(struct peer *p, struct rig *r, uint8_t isid);
void peer_close(struct peer *p);

/* Sends the header with its length and, when they are on, its digests filled in. */
void peer_send(struct peer *p, uint8_t bhs[BHS_LEN], const void *data, size_t len);
void peer_send_raw(struct peer *p, const void *bytes, size_t len);
/* The next PDU into p->in, of that opcode; fails the test when something else or nothing comes. */
void peer_expect(struct peer *p, enum bhs_opcode opcode);
bool peer_read(struct peer *p, unsigned int ms); /* false: nothing came, or the end */
bool peer_is_closed(struct peer *p);		 /* waits for the end, which has to come */

/*
 * Logs in to the target (target NULL: to discover) with one request: keys are further pairs "a=b\n"
 * and so on. The status, class and detail; -1: the connection was closed instead.
 */
int peer_login(struct peer *p, const char *target, const char *keys);

/* The header of a SCSI command for LUN 1: flags F, R, W as given; CmdSN and ITT are dealt out. */
void peer_command(struct peer *p, uint8_t bhs[BHS_LEN], uint8_t flags, uint32_t edtl,
	const uint8_t cdb[16]);
#define CDB_RW10(op, lba, blocks)                                                               \
	((const uint8_t[16]){op, 0, 0, 0, (uint8_t)((lba) >> 8), (uint8_t)(lba), 0,               \
		(uint8_t)((blocks) >> 8), (uint8_t)(blocks)})
/* TEST UNIT READY until the unit attention of the login is gone. */
void peer_ready(struct peer *p);
/* One READ(10), which has to succeed: blocks of 512 bytes into data. */
void peer_read_blocks(struct peer *p, uint32_t lba, uint32_t blocks, uint8_t *data);
/* One WRITE(10) of immediate data; the status. */
int peer_write_blocks(struct peer *p, uint32_t lba, uint32_t blocks, const uint8_t *data);

/* Session that is logged in with those keys and ready. */
void peer_begin(struct peer *p, struct rig *r, const char *keys);

#endif
