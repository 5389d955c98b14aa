/* SPDX-License-Identifier: MIT */
/* options-table.h - the modes and options as rows: what the command line is parsed by, and completed */
#ifndef ISCSIADM_OPTIONS_TABLE_H
#define ISCSIADM_OPTIONS_TABLE_H

#include "options.h"

struct mode_row {
	const char *name;
	const char *called;  /* in messages, where that is another name */
	const char *letters; /* of the options that it takes */
	const char *usage;
};
extern const struct mode_row option_modes[MODES];

/* Of an option's argument; the last has none. */
struct word {
	const char *word;
	int value;
};
extern const struct word option_op_words[], option_type_words[], option_submode_words[];

#define OPTION_LONG_ONLY 256 /* letters from here on are none */

struct option_row {
	int letter; /* one that is no character: the option is long only, and modes says where */
	const char *name;
	int has_argument;
	/* what becomes of it, one of: */
	bool flag, number, text; /* set at offset */
	size_t offset;
	bool (*parse)(struct options *o, const char *text);
	unsigned int modes; /* bits of enum mode */
};
extern const struct option_row option_rows[];
extern const size_t n_option_rows;

void options_print_completion(void);

#endif
