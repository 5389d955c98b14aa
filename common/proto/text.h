/* SPDX-License-Identifier: MIT */
/*
 * text.h - key=value pairs (RFC 7143 section 6.1): read from and appended to text that Login and
 * Text PDUs carry. Each pair ends with a NUL.
 */
#ifndef PROTO_TEXT_H
#define PROTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_KEY_MAX 63	   /* bytes of a key name */
#define TEXT_VALUE_MAX 255 /* bytes of a value, unless the key says otherwise */

struct text_pair {
	char key[TEXT_KEY_MAX + 1];
	const char *value; /* inside the text, ends with a NUL */
	size_t value_len;
};

struct text_reader {
	const char *text;
	size_t len; /* still unread */
	const char *fault;
};

static inline struct text_reader text_reader(const void *text, size_t len)
{
	return (struct text_reader){.text = (const char *)text, .len = len};
}

/*
 * The next pair. False at the end, and at something that is no pair: then fault tells what is
 * wrong with it ("a key is longer than 63 bytes"), and the next call goes on behind it. Stray NUL
 * bytes between pairs are skipped.
 */
bool text_next(struct text_reader *r, struct text_pair *ret);

/* The value of the first pair of that key, which ends with a NUL; NULL when there is none. */
const char *text_find(const void *text, size_t len, const char *key);

/* Text under construction, in somebody's buffer. */
struct text {
	char *data;
	size_t len, room;
};

/* Appends key=value and its NUL. -ENOSPC leaves the text as it was. */
__attribute__((format(printf, 3, 4))) int text_add(
	struct text *t, const char *key, const char *fmt, ...);

/*
 * A binary value, 0x... (an odd number of digits: a leading zero is implied) or 0b... (base64), of
 * at most room bytes. -EINVAL when it is neither or empty, -EMSGSIZE when it is longer.
 */
int text_binary_decode(const char *value, uint8_t *bytes, size_t room, size_t *ret_len);

/* "0x..." and a NUL: TEXT_HEX_LEN(len) bytes. */
#define TEXT_HEX_LEN(len) (2 * (len) + 3)
void text_binary_encode(const uint8_t *bytes, size_t len, char *value);
/* Appends key=0x..., at most TEXT_BINARY_MAX bytes. -ENOSPC. */
#define TEXT_BINARY_MAX 64
int text_add_binary(struct text *t, const char *key, const uint8_t *bytes, size_t len);

/*
 * Printable ASCII for messages: every other byte, and the backslash, becomes \xNN. Cut when out
 * is full; out always ends with a NUL.
 */
void text_escape(const char *s, char *out, size_t room);

#endif
