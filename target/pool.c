/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include <stdlib.h>

/* Classes from 4 KiB on, each twice the last. Larger than the last class is never kept. */
enum { FIRST = 12, CLASSES = 10, KEEP = 8 << 20 /* bytes kept in each class */ };

static struct {
	struct buffer *free;
	size_t count;
} classes[CLASSES];

static int class_of(size_t len)
{
	return len <= 1 << FIRST ? 0 : 64 - __builtin_clzll(len - 1) - FIRST;
}

struct buffer *pool_get(size_t len)
{
	int class = class_of(len);
	struct buffer *b;

	if (class < CLASSES && (b = classes[class].free)) {
		classes[class].free = b->next;
		classes[class].count--;
		return b;
	}
	b = malloc(sizeof(*b));
	if (!b)
		return NULL;
	b->room = (size_t)1 << (class + FIRST);
	b->data = aligned_alloc(1 << FIRST, b->room);
	if (!b->data) {
		free(b);
		return NULL;
	}
	return b;
}

static void buffer_free(struct buffer *b)
{
	free(b->data);
	free(b);
}

void pool_put(struct buffer *b)
{
	int class;

	if (!b)
		return;
	class = class_of(b->room);
	if (class >= CLASSES || (classes[class].count + 1) * b->room > KEEP) {
		buffer_free(b);
		return;
	}
	b->next = classes[class].free;
	classes[class].free = b;
	classes[class].count++;
}

void pool_drain(void)
{
	for (int i = 0; i < CLASSES; i++)
		while (classes[i].free) {
			struct buffer *b = classes[i].free;

			classes[i].free = b->next;
			classes[i].count--;
			buffer_free(b);
		}
}
