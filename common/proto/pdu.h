/* SPDX-License-Identifier: MIT */
/*
 * pdu.h - PDU framing (RFC 7143 section 11.2): bytes to PDUs and back, without I/O.
 *
 * The reader says how many bytes it wants next and never asks for one beyond the PDU's end: the
 * socket can be handed to the kernel right after the last login response.
 */
#ifndef PROTO_PDU_H
#define PROTO_PDU_H

#include <stddef.h>
#include <stdint.h>

#include "bhs.h"

#define PDU_DATA_MAX (1u << 24) /* DataSegmentLength is a 24-bit field */

struct pdu {
	uint8_t bhs[BHS_LEN];
	uint8_t *data;	 /* data segment without padding; owner: whoever made the pdu */
	size_t data_len; /* always the BHS's DataSegmentLength */
	size_t data_room;
};

enum pdu_status {
	PDU_MORE,     /* read on */
	PDU_READY,    /* *pdu is whole */
	PDU_TOO_LONG, /* DataSegmentLength beyond the limit: the connection is lost */
	PDU_HAS_AHS,  /* an additional header where none may be: lost */
};

struct pdu_reader {
	struct pdu pdu; /* its data is a buffer of the reader, valid until the next PDU begins */
	size_t data_max;
	size_t have;
};

/* data_max: what this side declared as MaxRecvDataSegmentLength; the buffer is allocated here. */
int pdu_reader_init(struct pdu_reader *r, size_t data_max);
void pdu_reader_reset(struct pdu_reader *r); /* drop a partial PDU (new connection) */
void pdu_reader_free(struct pdu_reader *r);

/* Where the next bytes belong and how many of them are still missing (>= 1). */
uint8_t *pdu_reader_want(struct pdu_reader *r, size_t *ret_len);
/* After len (1..missing) bytes were stored there. PDU_READY: look at r->pdu, then go on. */
enum pdu_status pdu_reader_got(struct pdu_reader *r, size_t len);

/* A pdu with its own buffer for building. */
int pdu_init(struct pdu *p, size_t data_room);
void pdu_free(struct pdu *p);

/* Sets data_len and the BHS's length field. len <= data_room. */
void pdu_set_data_len(struct pdu *p, size_t len);

/* Bytes of padding that follow the data segment on the wire: 0..3, zeroes. */
static inline size_t pdu_padding(size_t data_len)
{
	return -data_len & 3;
}

#endif
