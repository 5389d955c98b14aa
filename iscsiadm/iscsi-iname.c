/* SPDX-License-Identifier: MIT */
/* iscsi-iname.c - prints an initiator name that no other host has */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define PREFIX "iqn.2016-04.com.open-iscsi"
#define PREFIX_MAX 210 /* bytes: with ':' and 12 digits a name of 223 */

static const char usage[] =
	"Usage: iscsi-iname [OPTIONS]\n\n"
	"Prints an iSCSI initiator name.\n\n"
	"  -h, --help                    print this and exit\n"
	"  -p, --prefix=PREFIX           begin with PREFIX (default " PREFIX ")\n"
	"  -g, --generate-iname-prefix   print a line of initiatorname.iscsi\n";

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{"help", no_argument, NULL, 'h'},
		{"prefix", required_argument, NULL, 'p'},
		{"generate-iname-prefix", no_argument, NULL, 'g'},
		{},
	};
	const char *prefix = PREFIX, *label = "";
	unsigned char b[6];
	int c;

	while ((c = getopt_long(argc, argv, "hp:g", longs, NULL)) != -1) {
		if (c == 'p')
			prefix = optarg;
		else if (c == 'g')
			label = "InitiatorName=";
		else {
			fputs(usage, stderr);
			return c == 'h' ? 0 : 1;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "error: unknown argument(s)\n%s", usage);
		return 1;
	}
	if (strlen(prefix) > PREFIX_MAX) {
		fputs("error: prefix too long\n", stderr);
		return 1;
	}
	if (getrandom(b, sizeof(b), 0) != sizeof(b)) {
		perror("iscsi-iname: random source");
		return 1;
	}
	printf("%s%s:%02x%02x%02x%02x%02x%02x\n", label, prefix, b[0], b[1], b[2], b[3], b[4], b[5]);
	return 0;
}
