/* SPDX-License-Identifier: MIT */
/*
 * writer.h - PDUs onto a socket, as many as one sendmsg(2) takes: header, data where it lies,
 * padding and digests.
 */
#ifndef TARGET_WRITER_H
#define TARGET_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bhs.h"
#include "digest.h"
#include "list.h"

/* One PDU on its way out. */
struct pdu_out {
	uint8_t head[BHS_LEN + DIGEST_LEN]; /* with the digest when there is one */
	uint8_t tail[3 + DIGEST_LEN];	   /* padding and digest */
	uint8_t head_len, tail_len;
	const uint8_t *data; /* stays until sent is called */
	size_t data_len;
	/* When the last byte has been written or never will be; may be NULL. */
	void (*sent)(void *owner);
	void *owner;
	struct list link;
};

struct writer {
	int fd;
	bool header_digest, data_digest; /* of the PDUs added from now on */
	struct list queue;		 /* struct pdu_out */
	size_t done;			 /* bytes of the first one that are written */
	size_t bytes;			 /* waiting */
	int64_t left; /* bytes that may still go out before the end; -1: any number */
	struct list spare; /* struct pdu_out, to be used again */
	unsigned int n_spare;
};

void writer_init(struct writer *w, int fd);
void writer_free(struct writer *w); /* calls sent for what waits */

/*
 * A PDU, its header zeroed, to be filled in and given to writer_add, which computes length, padding
 * and digests. NULL: no memory.
 */
struct pdu_out *writer_new(struct writer *w);
void writer_cancel(struct writer *w, struct pdu_out *pdu); /* it will not be added */
void writer_sign(struct writer *w, struct pdu_out *pdu); /* its header digest, once more */
void writer_add(struct writer *w, struct pdu_out *pdu);

/* Data of its own for a PDU: a copy that goes when it is sent. -ENOMEM. */
int pdu_out_copy(struct pdu_out *pdu, const void *data, size_t len);

/* 0 all is written, -EAGAIN not all, -errno the connection is broken; -EPIPE also when left is 0. */
int writer_flush(struct writer *w);

#endif
