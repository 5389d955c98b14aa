/* SPDX-License-Identifier: MIT */
#include "usage.h"

#include <stdlib.h>

void usage_print(FILE *to, const char *program, const char *what, const struct usage_row *rows,
	size_t n)
{
	fprintf(to, "Usage: %s [OPTION]\n\n%s\n\n", program, what);
	for (size_t i = 0; i < n; i++) {
		const struct usage_row *r = &rows[i];
		char name[40];

		snprintf(name, sizeof(name), "%s%s%s", r->option.name, r->arg[0] ? "=" : "", r->arg);
		fprintf(to, "  -%c, --%-22s %s\n", r->option.val, name, r->text);
	}
}

void usage_parse(int argc, char **argv, const struct usage_row *rows, size_t n,
	void (*set)(void *data, int letter), void *data)
{
	struct option longs[USAGE_ROWS_MAX + 1] = {};
	char shorts[2 * USAGE_ROWS_MAX + 1], *p = shorts;
	int c;

	if (n > USAGE_ROWS_MAX)
		abort();
	for (size_t i = 0; i < n; i++) {
		longs[i] = rows[i].option;
		*p++ = (char)longs[i].val;
		if (longs[i].has_arg)
			*p++ = ':';
	}
	*p = '\0';
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1)
		set(data, c);
}
