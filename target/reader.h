/* SPDX-License-Identifier: MIT */
/*
 * reader.h - PDUs off a socket, as many as one read(2) brings.
 *
 * All connections of a loop read into the same large buffer, one after another: a connection keeps
 * only the PDU that is not whole yet, so that an idle one costs next to nothing. A data segment
 * that did not come whole is read on straight into the place its owner names for it.
 */
#ifndef TARGET_READER_H
#define TARGET_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bhs.h"
#include "digest.h"

#define READER_BUFFER (128u << 10) /* bytes that all connections of a loop share */
#define AHS_MAX (255 * 4)

/* What arrived; valid only while the callback runs. */
struct pdu_in {
	const uint8_t *bhs;
	const uint8_t *ahs; /* bhs_ahs_len() words */
	const uint8_t *data;
	size_t data_len;
};

enum reader_verdict {
	READER_GOOD,	     /* nothing more to do for now */
	READER_END,	     /* the peer has closed, or the connection is broken */
	READER_STOPPED,	     /* a callback said so */
	READER_TOO_LONG,     /* DataSegmentLength beyond data_max */
	READER_HEADER_DIGEST, /* wrong */
	READER_DATA_DIGEST,  /* wrong */
	READER_NO_MEMORY,
};

struct reader_ops {
	/*
	 * Where the data segment of this PDU, pdu->data_len bytes that are not all there yet, is to
	 * go; NULL: to a buffer of the reader. The place has to stay until the PDU is whole or
	 * reader_free.
	 */
	uint8_t *(*place)(void *data, const struct pdu_in *pdu);
	/* A whole PDU. False ends the reading at once: the connection is over. */
	bool (*take)(void *data, const struct pdu_in *pdu);
};

struct reader {
	const struct reader_ops *ops;
	void *data;
	/* May change whenever take runs; they count from the next PDU on. */
	bool header_digest, data_digest;
	size_t data_max; /* MaxRecvDataSegmentLength that was declared */

	/* The PDU that is not whole yet. */
	uint8_t head[BHS_LEN + AHS_MAX + DIGEST_LEN];
	size_t head_have;
	uint8_t *segment; /* NULL: the head is not whole */
	size_t segment_len, segment_have;
	uint8_t tail[3 + DIGEST_LEN]; /* padding and digest */
	size_t tail_have;
	uint8_t *own; /* for segments that have no other place */
	size_t own_room;
};

void reader_init(struct reader *r, const struct reader_ops *ops, void *data, size_t data_max);
void reader_free(struct reader *r);

/* The data segment that is under way to this PDU's place, NULL when none is. */
const uint8_t *reader_segment(const struct reader *r);

/* Reads once from fd, which does not block, with the help of buffer, and takes what is whole. */
enum reader_verdict reader_read(struct reader *r, int fd, uint8_t buffer[READER_BUFFER]);

#endif
