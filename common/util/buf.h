/* SPDX-License-Identifier: MIT */
/* buf.h - a byte buffer that grows, and big-endian access to wire bytes */
#ifndef UTIL_BUF_H
#define UTIL_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t len, room;
};

/* Appends; -ENOMEM leaves the buffer as it was. */
int buf_add(struct buf *b, const void *data, size_t len);
/* Makes room for len bytes behind data + len, to be filled in place. -ENOMEM likewise. */
int buf_reserve(struct buf *b, size_t len);
void buf_consume(struct buf *b, size_t len); /* drops and wipes len bytes from the front */
void buf_free(struct buf *b);		     /* wipes, frees, leaves an empty buffer */

static inline uint16_t be16_get(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t be24_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t be32_get(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | be24_get(p + 1);
}

static inline void be16_put(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void be24_put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	be16_put(p + 1, (uint16_t)v);
}

static inline void be32_put(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	be24_put(p + 1, v);
}

#endif
