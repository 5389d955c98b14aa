/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

#define ROOM_MIN 256

int buf_reserve(struct buf *b, size_t len)
{
	size_t room = b->room > ROOM_MIN ? b->room : ROOM_MIN;
	uint8_t *data;

	if (len <= b->room - b->len)
		return 0;
	if (len > SIZE_MAX / 2 - b->len)
		return -ENOMEM;
	while (room < b->len + len)
		room *= 2;
	/* Not realloc: what it leaves behind may be a secret. */
	data = malloc(room);
	if (!data)
		return -ENOMEM;
	if (b->len)
		memcpy(data, b->data, b->len);
	str_wipe(b->data, b->len);
	free(b->data);
	b->data = data;
	b->room = room;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	int r = buf_reserve(b, len);

	if (r < 0 || !len)
		return r;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

/* Only what is in use may hold a secret: room that was never used is not touched, nor paged in. */
void buf_consume(struct buf *b, size_t len)
{
	size_t left = len < b->len ? b->len - len : 0;

	if (left)
		memmove(b->data, b->data + len, left);
	str_wipe(b->data + left, b->len - left);
	b->len = left;
}

void buf_free(struct buf *b)
{
	str_wipe(b->data, b->len);
	free(b->data);
	*b = (struct buf){0};
}
