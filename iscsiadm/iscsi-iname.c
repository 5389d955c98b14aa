/* SPDX-License-Identifier: MIT */
/* iscsi-iname.c - prints an initiator name that no other host has */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "usage.h"

#define PREFIX "iqn.2016-04.com.open-iscsi"
#define PREFIX_MAX 210 /* bytes: with ':' and 12 digits a name of 223 */

static const struct usage_row option_rows[] = {
	{{"prefix", required_argument, NULL, 'p'}, "PREFIX", "begin with PREFIX (default " PREFIX ")"},
	{{"generate-iname-prefix", no_argument, NULL, 'g'}, "", "print a line of initiatorname.iscsi"},
	{{"help", no_argument, NULL, 'h'}, "", "print this and exit"},
};

static void print_usage(void)
{
	usage_print(stderr, "iscsi-iname", "Prints an iSCSI initiator name.", option_rows,
		sizeof(option_rows) / sizeof(option_rows[0]));
}

struct options {
	const char *prefix, *label;
};

static void set_option(void *data, int c)
{
	struct options *o = data;

	if (c == 'p') {
		o->prefix = optarg;
	} else if (c == 'g') {
		o->label = "InitiatorName=";
	} else {
		print_usage();
		exit(c == 'h' ? 0 : 1);
	}
}

int main(int argc, char **argv)
{
	struct options o = {.prefix = PREFIX, .label = ""};
	unsigned char b[6];

	usage_parse(argc, argv, option_rows, sizeof(option_rows) / sizeof(option_rows[0]), set_option,
		&o);
	if (optind < argc) {
		fputs("error: unknown argument(s)\n", stderr);
		print_usage();
		return 1;
	}
	if (strlen(o.prefix) > PREFIX_MAX) {
		fputs("error: prefix too long\n", stderr);
		return 1;
	}
	if (getrandom(b, sizeof(b), 0) != sizeof(b)) {
		perror("iscsi-iname: random source");
		return 1;
	}
	printf("%s%s:%02x%02x%02x%02x%02x%02x\n", o.label, o.prefix, b[0], b[1], b[2], b[3], b[4],
		b[5]);
	return 0;
}
