/* SPDX-License-Identifier: MIT */
/* pool.h - buffers for data in transit, kept for the next use */
#ifndef TARGET_POOL_H
#define TARGET_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Belongs to the loop's thread. Contents are not cleared. */
struct buffer {
	struct buffer *next; /* private */
	size_t room;	     /* at least what was asked for, a power of two */
	uint8_t *data;	     /* aligned to a page */
};

struct buffer *pool_get(size_t len); /* NULL: no memory */
void pool_put(struct buffer *buffer); /* NULL is fine */
void pool_drain(void);		      /* frees what is kept */

#endif
