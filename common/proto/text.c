/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_alnum(char c)
{
	return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/*
 * RFC 7143 section 6.1 wants a capital letter first; iSCSIProtocolLevel is its own exception, so
 * any letter will do.
 */
static const char *key_fault(const char *key, size_t len)
{
	if (len == 0)
		return "a key is empty";
	if (len > TEXT_KEY_MAX)
		return "a key is longer than 63 bytes";
	if (!is_alnum(key[0]) || (key[0] >= '0' && key[0] <= '9'))
		return "a key does not start with a letter";
	for (size_t i = 1; i < len; i++)
		if (!is_alnum(key[i]) && (!key[i] || !strchr(".-+@_#", key[i])))
			return "a key holds a forbidden character";
	return NULL;
}

static const char *pair_fault(const char *text, const char *end, const char **ret_equals)
{
	const char *equals;

	if (!end)
		return "the last pair does not end with a NUL byte";
	equals = memchr(text, '=', (size_t)(end - text));
	if (!equals)
		return "a pair has no '='";
	*ret_equals = equals;
	return key_fault(text, (size_t)(equals - text));
}

bool text_next(struct text_reader *r, struct text_pair *ret)
{
	const char *text, *end, *equals = NULL;

	for (; r->len && !*r->text; r->len--)
		r->text++;
	r->fault = NULL;
	if (!r->len)
		return false;
	text = r->text;
	end = memchr(text, '\0', r->len);
	r->fault = pair_fault(text, end, &equals);
	r->text = end ? end + 1 : text + r->len;
	r->len -= (size_t)(r->text - text);
	if (r->fault)
		return false;
	memcpy(ret->key, text, (size_t)(equals - text));
	ret->key[equals - text] = '\0';
	ret->value = equals + 1;
	ret->value_len = (size_t)(end - ret->value);
	return true;
}

const char *text_find(const void *text, size_t len, const char *key)
{
	struct text_reader r = text_reader(text, len);
	struct text_pair p;

	do {
		while (text_next(&r, &p))
			if (strcmp(p.key, key) == 0)
				return p.value;
	} while (r.fault);
	return NULL;
}

int text_add(struct text *t, const char *key, const char *fmt, ...)
{
	size_t key_len = strlen(key), left = t->room - t->len;
	char *p = t->data + t->len;
	va_list args;
	int n;

	if (left < key_len + 2)
		return -ENOSPC;
	va_start(args, fmt);
	n = vsnprintf(p + key_len + 1, left - key_len - 1, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= left - key_len - 1)
		return -ENOSPC;
	memcpy(p, key, key_len);
	p[key_len] = '=';
	t->len += key_len + 1 + (size_t)n + 1;
	return 0;
}

/* The place of c in a list of digits; -1 when it is none. */
static int digit(const char *digits, char c)
{
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

static int hex_digit(char c)
{
	return digit("0123456789abcdef", is_upper(c) ? (char)(c - 'A' + 'a') : c);
}

static int hex_decode(const char *s, uint8_t *bytes, size_t room, size_t *ret_len)
{
	size_t digits = strlen(s), len = (digits + 1) / 2;

	if (len == 0)
		return -EINVAL;
	if (len > room)
		return -EMSGSIZE;
	memset(bytes, 0, len);
	/* numbered from the right, so that an odd number needs no special case */
	for (size_t i = 0; i < digits; i++) {
		int v = hex_digit(s[digits - 1 - i]);

		if (v < 0)
			return -EINVAL;
		bytes[len - 1 - i / 2] |= (uint8_t)(v << (i % 2 ? 4 : 0));
	}
	*ret_len = len;
	return 0;
}

static int base64_decode(const char *s, uint8_t *bytes, size_t room, size_t *ret_len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t chars = strlen(s), n = 0;
	unsigned int bits = 0, window = 0;

	if (chars == 0 || chars % 4)
		return -EINVAL;
	for (int pads = 0; pads < 2 && s[chars - 1] == '='; pads++)
		chars--;
	if (chars * 3 / 4 > room)
		return -EMSGSIZE;
	for (size_t i = 0; i < chars; i++) {
		int v = digit(digits, s[i]);

		if (v < 0)
			return -EINVAL;
		window = (window << 6 | (unsigned int)v) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[n++] = (uint8_t)(window >> bits);
		}
	}
	*ret_len = n;
	return 0;
}

int text_binary_decode(const char *value, uint8_t *bytes, size_t room, size_t *ret_len)
{
	if (value[0] == '0' && (value[1] == 'x' || value[1] == 'X'))
		return hex_decode(value + 2, bytes, room, ret_len);
	if (value[0] == '0' && (value[1] == 'b' || value[1] == 'B'))
		return base64_decode(value + 2, bytes, room, ret_len);
	return -EINVAL;
}

void text_binary_encode(const uint8_t *bytes, size_t len, char *value)
{
	static const char digits[] = "0123456789abcdef";

	*value++ = '0';
	*value++ = 'x';
	for (size_t i = 0; i < len; i++) {
		*value++ = digits[bytes[i] >> 4];
		*value++ = digits[bytes[i] & 15];
	}
	*value = '\0';
}

int text_add_binary(struct text *t, const char *key, const uint8_t *bytes, size_t len)
{
	char value[TEXT_HEX_LEN(TEXT_BINARY_MAX)];

	if (len > TEXT_BINARY_MAX)
		return -ENOSPC;
	text_binary_encode(bytes, len, value);
	return text_add(t, key, "%s", value);
}

void text_escape(const char *s, char *out, size_t room)
{
	for (; *s; s++) {
		uint8_t c = (uint8_t)*s;
		bool plain = c >= 0x20 && c < 0x7f && c != '\\';
		size_t need = plain ? 1 : 4;

		if (room <= need)
			break;
		if (plain)
			*out = (char)c;
		else
			snprintf(out, room, "\\x%02x", c);
		out += need;
		room -= need;
	}
	if (room)
		*out = '\0';
}
