/* SPDX-License-Identifier: MIT */
/*
 * The text of records and of iscsid.conf.
 *
 * One setting a line: key, '=', value, blanks between them as you like; the value goes to the end
 * of the line, with every quote, '#' and '=' in it. A line that begins with '#' is a comment, and
 * so are the first and the last line of a record. Of two lines with one key the last one counts.
 */
#include "record.h"

#include "buf.h"
#include "str.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_SIZE 4096 /* enough for most */

/* open-iscsi skips one character behind the key, and so "key==value" is no value with a '='. */
static char *skip_equals(char *p)
{
	bool more = *p != '=';

	if (*p)
		p++;
	while (isspace((unsigned char)*p))
		p++;
	if (*p == '=')
		return p + 1;
	return more ? NULL : p;
}

static enum line line_cut(char *line, char **ret_key, char **ret_value)
{
	char *key_end, *value;

	line = str_trim(line);
	if (!*line || *line == '#')
		return LINE_NONE;
	key_end = line + strcspn(line, "= \t\r\v\f");
	if (key_end == line)
		return LINE_NO_KEY;
	*ret_key = line;
	value = skip_equals(key_end);
	*key_end = '\0';
	if (!value)
		return LINE_NO_EQUALS;
	while (isspace((unsigned char)*value))
		value++;
	if (!*value)
		return LINE_NO_VALUE;
	*ret_value = value;
	return LINE_SETTING;
}

enum line line_read(char **pos, char *end, char **ret_key, char **ret_value)
{
	char *line = *pos, *newline = memchr(line, '\n', (size_t)(end - line));
	char *line_end = newline ? newline : end;

	*pos = newline ? newline + 1 : end;
	*line_end = '\0';
	if (strlen(line) != (size_t)(line_end - line))
		return LINE_BINARY;
	return line_cut(line, ret_key, ret_value);
}

__attribute__((format(printf, 3, 4))) static void warn(
	const struct parse *p, unsigned int line, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!p->warn)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	p->warn(p->data, line, text);
}

/* Whether there is nothing but choices of s in a list. */
static bool list_is_whole(const struct setting *s, const char *value)
{
	while (*(value += strspn(value, ", \t"))) {
		size_t len = strcspn(value, ", \t");
		size_t i = 0;

		while (s->choices[i] &&
			(strlen(s->choices[i]) != len || memcmp(s->choices[i], value, len) != 0))
			i++;
		if (!s->choices[i])
			return false;
		value += len;
	}
	return true;
}

/* Of a record's own file: 1 when it is kept, 0, -ENOMEM. */
static int keep(struct record *r, const char *key, const char *value, unsigned int line,
	const struct parse *p)
{
	int ret = p->record ? record_keep(r, key, value) : -EINVAL;

	if (ret == -E2BIG)
		warn(p, line, "there are too many unknown keys, %s is dropped", key);
	return ret == -ENOMEM ? ret : ret == 0;
}

/*
 * One good line: 1 when it was of use, 0 when not, -ENOMEM. What another release may mean by a value
 * that we do not know is not ours to throw away.
 */
static int take(struct record *r, char *key, char *value, unsigned int line, const struct parse *p,
	size_t *at)
{
	const struct setting *s = settings_find_next(r->settings, key, at);
	int ret;

	if (!s)
		return keep(r, key, value, line, p);
	if (p->only && !(s->flags & p->only))
		return 0;
	switch (record_set_row(r, s, value)) {
	case ISCSI_SET_NO_MEMORY:
		return -ENOMEM;
	case ISCSI_SET_BAD_VALUE:
	case ISCSI_SET_UNKNOWN:
		if (s->flags & SETTING_SECRET)
			warn(p, line, "the value of %s cannot be used", key);
		else
			warn(p, line, "%s cannot be '%.200s'", key, value);
		/* A good line for the same key counts for more. */
		if (s->flags & SETTING_FIXED || !record_is_default(r, s))
			return 0;
		ret = keep(r, key, value, line, p);
		return ret < 0 ? ret : 0;
	case ISCSI_SET_OK:
		break;
	}
	if (s->type == SETTING_LIST && !list_is_whole(s, value)) {
		ret = keep(r, key, value, line, p);
		if (ret < 0)
			return ret;
	}
	if (p->record)
		r->stated |= s->late;
	return 1;
}

int record_parse(struct record *r, char *text, size_t len, const struct parse *p)
{
	char *pos = text, *end = text + len, *key, *value;
	size_t at = 0;
	int used = 0, ret;

	for (unsigned int line = 1; pos < end; line++) {
		switch (line_read(&pos, end, &key, &value)) {
		case LINE_NONE:
			break;
		case LINE_BINARY:
			warn(p, line, "the line is no text");
			break;
		case LINE_NO_KEY:
			warn(p, line, "there is no key in front of '='");
			break;
		case LINE_NO_EQUALS:
			warn(p, line, "%.100s has no '=' behind it", key);
			break;
		case LINE_NO_VALUE:
			warn(p, line, "%.100s has no value", key);
			break;
		case LINE_SETTING:
			ret = take(r, key, value, line, p, &at);
			if (ret < 0)
				return ret;
			used += ret;
		}
	}
	return used;
}

static int add_text(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

static int add_line(void *data, const char *key, const char *value)
{
	struct buf *b = data;
	size_t key_len = strlen(key), value_len = strlen(value);
	uint8_t *p;

	if (buf_reserve(b, key_len + value_len + 4) < 0)
		return -ENOMEM;
	p = mempcpy(b->data + b->len, key, key_len);
	p = mempcpy(p, " = ", 3);
	p = mempcpy(p, value, value_len);
	*p++ = '\n';
	b->len = (size_t)(p - b->data);
	return 0;
}

int record_format(struct record *r, char **ret, size_t *ret_len)
{
	struct buf b = {0};

	if (buf_reserve(&b, RECORD_SIZE) < 0 || add_text(&b, "# BEGIN RECORD " VERSION "\n") < 0 ||
		record_each_stored(r, add_line, &b) < 0 || add_text(&b, "# END RECORD\n") < 0) {
		buf_free(&b);
		return -ENOMEM;
	}
	*ret = (char *)b.data;
	*ret_len = b.len;
	return 0;
}
