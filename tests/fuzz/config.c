/* SPDX-License-Identifier: MIT */
/* iscsid.conf: every setting that it makes is one that its key can have; lines end where they end. */
#include "record.h"
#include "str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
	if (!ok)
		abort();
}

static int check_setting(void *data, const char *key, const char *value, bool secret)
{
	(void)data, (void)secret;
	require(*key && strlen(value) <= 255 && !strpbrk(value, "\n\r"));
	return 0;
}

static void count_warning(void *data, unsigned int line, const char *text)
{
	(void)text;
	require(line >= 1);
	++*(unsigned int *)data;
}

static void parse_as_record(const struct settings *settings, struct record *r, char *text, size_t len)
{
	unsigned int warnings = 0;
	const struct parse how = {.warn = count_warning, .data = &warnings};

	require(record_init(r, settings) == 0);
	require(record_parse(r, text, len, &how) >= 0);
	require(r->n_unknown == 0);
	record_each(r, check_setting, NULL);
	record_release(r);
}

static void parse_as_lines(char *text, size_t len)
{
	char *pos = text, *end = text + len, *key, *value;

	while (pos < end) {
		char *before = pos;

		if (line_read(&pos, end, &key, &value) == LINE_SETTING)
			require(*key && *value && key >= before && value < end);
		require(pos > before && pos <= end);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iscsi_node node = {0};
	struct iscsi_discovery discovery = {0};
	char *text[3];

	for (int i = 0; i < 3; i++) {
		text[i] = malloc(size + 1);
		require(text[i] != NULL);
		memcpy(text[i], data, size);
		text[i][size] = '\0';
	}
	parse_as_record(&node_settings, &node.record, text[0], size);
	parse_as_record(&discovery_settings, &discovery.record, text[1], size);
	parse_as_lines(text[2], size);
	for (int i = 0; i < 3; i++)
		free(text[i]);
	return 0;
}
