/* SPDX-License-Identifier: MIT */
#include "pattern.h"

#include "cleanup.h"
#include "str.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINES_MAX 256
#define VALUE_MAX 255
#define DIGITS_MAX 9

/* The parts of a record's name, which its directories say, whatever stands in its file. */
enum name_part { NOT_A_NAME, TARGET, TPGT, ADDRESS, PORT, IFACE };

static const struct {
	const char *key;
	enum name_part part;
} name_keys[] = {
	{"node.name", TARGET},
	{"node.tpgt", TPGT},
	{"node.conn[0].address", ADDRESS},
	{"node.conn[0].port", PORT},
	{"iface.iscsi_ifacename", IFACE},
};

struct in_line {
	const char *text; /* with its newline */
	size_t len, key_len;
	const struct setting *row; /* NULL: a comment, or a key without one */
	enum name_part part;
	bool same; /* comes out as it is */
};

struct out_line {
	const char *text;
	size_t len;
	int from; /* the line that it is, or -1 */
};

struct pattern {
	struct buf in, out; /* that lines lead to */
	struct in_line lines[LINES_MAX];
	struct out_line out_lines[LINES_MAX];
	size_t n, n_out;
	char **settings; /* key, value, key, value */
	size_t n_settings;
};

/* ---- lines ---- */

/* The line at *pos, which is moved behind it; false for one without a newline. */
static bool next_line(const char **pos, const char *end, const char **ret, size_t *ret_len)
{
	const char *newline = memchr(*pos, '\n', (size_t)(end - *pos));

	if (!newline)
		return false;
	*ret = *pos;
	*ret_len = (size_t)(newline - *pos) + 1;
	*pos = newline + 1;
	return true;
}

static enum name_part part_of(const char *key, size_t len)
{
	for (size_t i = 0; i < sizeof(name_keys) / sizeof(name_keys[0]); i++)
		if (strlen(name_keys[i].key) == len && !memcmp(name_keys[i].key, key, len))
			return name_keys[i].part;
	return NOT_A_NAME;
}

/* "key = value\n", as we write it; false for what else there may be but comments. */
static bool cut_line(struct in_line *l)
{
	const char *blank = memchr(l->text, ' ', l->len);
	char key[128];

	l->row = NULL;
	l->key_len = 0;
	l->part = NOT_A_NAME;
	l->same = *l->text == '#';
	if (*l->text == '#')
		return true;
	if (!blank || blank == l->text || (size_t)(blank - l->text) >= sizeof(key) ||
		(size_t)(l->text + l->len - blank) < 5 || memcmp(blank, " = ", 3))
		return false;
	l->key_len = (size_t)(blank - l->text);
	memcpy(key, l->text, l->key_len);
	key[l->key_len] = '\0';
	l->row = settings_find(&node_settings, key);
	l->part = part_of(key, l->key_len);
	return true;
}

static bool has_key(const struct in_line *l, const char *text, size_t len)
{
	return l->key_len && len > l->key_len + 3 && !memcmp(l->text, text, l->key_len + 3);
}

static bool cut_lines(struct pattern *p)
{
	const char *pos = (const char *)p->in.data, *end = pos + p->in.len;

	while (pos < end) {
		struct in_line *l = &p->lines[p->n];

		if (p->n == LINES_MAX || !next_line(&pos, end, &l->text, &l->len) || !cut_line(l))
			return false;
		/* Of two with one key only the last one counts. */
		for (size_t i = 0; i < p->n; i++)
			if (has_key(&p->lines[i], l->text, l->len))
				return false;
		p->n++;
	}
	return true;
}

/* What is set comes out as it is only where it was so before. */
static bool is_set(const struct pattern *p, const struct in_line *l)
{
	for (size_t i = 0; i < p->n_settings; i++) {
		const char *key = p->settings[2 * i];

		if (strlen(key) == l->key_len && !memcmp(key, l->text, l->key_len))
			return true;
	}
	return false;
}

static bool is_of_name(const struct out_line *o)
{
	const char *blank = memchr(o->text, ' ', o->len);

	return blank && part_of(o->text, (size_t)(blank - o->text)) != NOT_A_NAME;
}

/* Which of the lines each line of the result comes from; the name has to come as it is. */
static bool cut_out_lines(struct pattern *p)
{
	const char *pos = (const char *)p->out.data, *end = pos + p->out.len;

	while (pos < end) {
		struct out_line *o = &p->out_lines[p->n_out];

		if (p->n_out == LINES_MAX || !next_line(&pos, end, &o->text, &o->len))
			return false;
		o->from = -1;
		for (size_t i = 0; i < p->n && o->from < 0; i++)
			if (has_key(&p->lines[i], o->text, o->len))
				o->from = (int)i;
		if (o->from >= 0) {
			struct in_line *l = &p->lines[o->from];

			l->same = l->len == o->len && !memcmp(l->text, o->text, o->len) &&
				  !is_set(p, l);
		}
		if (is_of_name(o) && (o->from < 0 || !p->lines[o->from].same))
			return false;
		p->n_out++;
	}
	return true;
}

/* ---- learning ---- */

static void count_warning(void *data, unsigned int line, const char *text)
{
	(void)line, (void)text;
	++*(int *)data;
}

/* What somebody would be warned of has to be parsed each time. */
static bool parses_silently(const struct buf *text)
{
	struct iscsi_node *n;
	int warnings = 0, r = iscsi_node_new_default(&n);
	char *copy;

	if (r < 0)
		return false;
	copy = malloc(text->len + 1);
	if (copy) {
		memcpy(copy, text->data, text->len);
		r = record_parse(&n->record, copy, text->len,
			&(struct parse){.record = true, .warn = count_warning, .data = &warnings});
		str_wipe(copy, text->len);
		free(copy);
	}
	iscsi_node_free(n);
	return copy && r > 0 && !warnings;
}

static bool keep_settings(struct pattern *p, const struct iscsi_setting *settings, size_t n)
{
	p->settings = calloc(2 * n + 1, sizeof(*p->settings));
	if (!p->settings)
		return false;
	for (p->n_settings = 0; p->n_settings < n; p->n_settings++) {
		char **at = &p->settings[2 * p->n_settings];

		at[0] = strdup(settings[p->n_settings].key);
		at[1] = strdup(settings[p->n_settings].value ? settings[p->n_settings].value : "");
		if (!at[0] || !at[1]) {
			p->n_settings++;
			return false;
		}
	}
	return true;
}

static bool learn(struct pattern *p, const struct iscsi_setting *settings, size_t n_settings,
	const struct buf *text, struct iscsi_node *n)
{
	char *out;
	size_t len;

	if (!parses_silently(text) || !keep_settings(p, settings, n_settings) ||
		buf_add(&p->in, text->data, text->len) < 0 ||
		record_format(&n->record, &out, &len) < 0)
		return false;
	p->out = (struct buf){(uint8_t *)out, len, len};
	return cut_lines(p) && cut_out_lines(p);
}

void pattern_learn(struct pattern **p, const struct iscsi_setting *settings, size_t n_settings,
	const struct buf *text, struct iscsi_node *n)
{
	pattern_free(STEAL_PTR(*p));
	*p = calloc(1, sizeof(**p));
	if (*p && !learn(*p, settings, n_settings, text, n))
		pattern_free(STEAL_PTR(*p));
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	buf_free(&p->in);
	buf_free(&p->out);
	for (size_t i = 0; p->settings && i < 2 * p->n_settings; i++) {
		if (p->settings[i])
			str_wipe(p->settings[i], strlen(p->settings[i]));
		free(p->settings[i]);
	}
	free(p->settings);
	free(p);
}

/* ---- applying ---- */

static bool same_settings(const struct pattern *p, const struct iscsi_setting *settings, size_t n)
{
	if (p->n_settings != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!str_eq(p->settings[2 * i], settings[i].key) ||
			!str_eq(p->settings[2 * i + 1], settings[i].value ? settings[i].value : ""))
			return false;
	return true;
}

/* Whether value is what the name says. */
static bool is_named(enum name_part part, const struct iscsi_node_id *id, const char *value, size_t len)
{
	const char *name = part == TARGET ? id->target : part == ADDRESS ? id->address : id->iface;
	char number[16];

	if (part == TPGT || part == PORT) {
		snprintf(number, sizeof(number), "%d", part == TPGT ? id->tpgt : id->port);
		name = number;
	}
	return strlen(name) == len && !memcmp(name, value, len);
}

/* Whether another value of this row comes out as it is, too. */
static bool is_plain(const struct setting *row, const char *value, size_t len)
{
	char copy[VALUE_MAX + 1];
	bool plain = true;

	if (len > VALUE_MAX)
		return false;
	if (row->type == SETTING_NUMBER)
		return !row->bits && len <= DIGITS_MAX && strspn(value, "0123456789") == len &&
		       (len == 1 || *value != '0');
	if (row->type != SETTING_TEXT || isspace((unsigned char)*value) ||
		isspace((unsigned char)value[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++)
		plain = plain && (unsigned char)value[i] >= ' ' && value[i] != 0x7f;
	memcpy(copy, value, len);
	copy[len] = '\0';
	plain = plain && (!row->fault || !row->fault(copy));
	str_wipe(copy, len);
	return plain;
}

/* text: a line with its newline. */
static bool line_fits(const struct in_line *l, const struct iscsi_node_id *id, const char *text, size_t len)
{
	const char *value = text + l->key_len + 3;
	size_t value_len = len - l->key_len - 4;
	bool equal = len == l->len && !memcmp(text, l->text, len);

	if (l->part != NOT_A_NAME && (!has_key(l, text, len) || !is_named(l->part, id, value, value_len)))
		return false;
	if (equal)
		return true;
	return l->same && l->row && !(l->row->flags & SETTING_IFACE) && has_key(l, text, len) &&
	       len > l->key_len + 4 && is_plain(l->row, value, value_len);
}

static int add_lines(const struct pattern *p, const struct out_line *lines, struct buf *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_out; i++) {
		const struct out_line *o = &p->out_lines[i];

		if (o->from >= 0 && p->lines[o->from].same)
			o = &lines[o->from];
		r = buf_add(ret, o->text, o->len);
	}
	return r;
}

bool pattern_apply(const struct pattern *p, const struct iscsi_setting *settings, size_t n_settings,
	const struct iscsi_node_id *id, const struct buf *text, struct buf *ret)
{
	const char *pos = (const char *)text->data, *end = pos + text->len;
	struct out_line lines[LINES_MAX];
	struct buf out = {0};

	if (!p || !same_settings(p, settings, n_settings))
		return false;
	for (size_t i = 0; i < p->n; i++) {
		struct out_line *l = &lines[i];

		if (!next_line(&pos, end, &l->text, &l->len) ||
			!line_fits(&p->lines[i], id, l->text, l->len))
			return false;
	}
	if (pos != end || buf_reserve(&out, p->out.len + text->len) < 0 ||
		add_lines(p, lines, &out) < 0) {
		buf_free(&out);
		return false;
	}
	*ret = out;
	return true;
}
