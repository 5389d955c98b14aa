/* SPDX-License-Identifier: MIT */
/* usage.h - the options of a program as rows: what getopt_long reads is also what --help prints */
#ifndef UTIL_USAGE_H
#define UTIL_USAGE_H

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

struct usage_row {
	struct option option; /* val is its letter */
	const char *arg;      /* what --help calls the argument, "": there is none */
	const char *text;
};

#define USAGE_ROWS_MAX 32

/* "Usage: PROGRAM [OPTION]", what it is, and a line for each option. */
void usage_print(FILE *to, const char *program, const char *what, const struct usage_row *rows,
	size_t n);

/*
 * Calls set for each option of the line, '?' for one that is wrong (getopt has said so); optarg is
 * its argument. What is no option begins at optind afterwards.
 */
void usage_parse(int argc, char **argv, const struct usage_row *rows, size_t n,
	void (*set)(void *data, int letter), void *data);

#endif
