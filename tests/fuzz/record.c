/* SPDX-License-Identifier: MIT */
/*
 * A record's file: whatever it holds, what is written back is a record of whole lines, which reads
 * and writes the same again. The first byte says which kind of record it is.
 */
#include "record.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

union any { /* the kinds of record; each begins with its struct record */
	struct record record;
	struct iscsi_node node;
	struct iscsi_discovery discovery;
};

static void require(bool ok)
{
	if (!ok)
		abort();
}

/* Reads text into a new record and writes that. */
static void rewrite(const struct settings *settings, const char *text, size_t len, char **ret,
	size_t *ret_len)
{
	union any r = {0};
	char *copy = malloc(len + 1);

	require(copy != NULL);
	memcpy(copy, text, len);
	copy[len] = '\0';
	require(record_init(&r.record, settings) == 0);
	require(record_parse(&r.record, copy, len, &(struct parse){.record = true}) >= 0);
	require(record_format(&r.record, ret, ret_len) == 0);
	record_release(&r.record);
	free(copy);
}

static void check_lines(const char *text, size_t len)
{
	require(len && text[len - 1] == '\n' && !memchr(text, '\0', len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct settings *const kinds[] = {
		&node_settings, &discovery_settings, &isns_settings};
	char *once, *twice;
	size_t once_len, twice_len;
	const struct settings *settings;

	if (!size)
		return 0;
	settings = kinds[data[0] % 3];
	rewrite(settings, (const char *)data + 1, size - 1, &once, &once_len);
	check_lines(once, once_len);
	rewrite(settings, once, once_len, &twice, &twice_len);
	require(once_len == twice_len && memcmp(once, twice, once_len) == 0);
	free(once);
	free(twice);
	return 0;
}
