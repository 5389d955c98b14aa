/* SPDX-License-Identifier: MIT */
/* completion.c - completion in bash, made from the rows of the options */
#include <stdio.h>
#include <string.h>

#include "options-table.h"

static void print_words(const char *option, const struct word *words)
{
	printf("\t%s) COMPREPLY=($(compgen -W \"", option);
	for (; words->word; words++)
		printf("%s ", words->word);
	puts("\" -- \"$cur\")); return ;;");
}

static bool row_is_in(const struct option_row *row, enum mode m)
{
	return row->letter < OPTION_LONG_ONLY ? strchr(option_modes[m].letters, row->letter) != NULL
				       : row->modes & 1u << m;
}

static void print_options(enum mode m)
{
	printf("\t%s) options=\"", option_modes[m].name);
	for (size_t i = 0; i < n_option_rows; i++) {
		if (!row_is_in(&option_rows[i], m))
			continue;
		if (option_rows[i].letter < OPTION_LONG_ONLY)
			printf("-%c ", option_rows[i].letter);
		printf("--%s ", option_rows[i].name);
	}
	puts("\" ;;");
}

void options_print_completion(void)
{
	puts("# bash completion for iscsiadm, printed by iscsiadm --bash-completion\n"
	     "_iscsiadm() {\n"
	     "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} mode= i options\n"
	     "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	     "\t\tcase ${COMP_WORDS[i]} in\n"
	     "\t\t-m | --mode) mode=${COMP_WORDS[i+1]} ;;\n"
	     "\t\tesac\n"
	     "\tdone\n"
	     "\tcase $prev in");
	printf("\t-m | --mode) COMPREPLY=($(compgen -W \"");
	for (enum mode m = MODE_NONE + 1; m < MODES; m++)
		printf("%s ", option_modes[m].name);
	puts("\" -- \"$cur\")); return ;;");
	print_words("-o | --op", option_op_words);
	print_words("-t | --type", option_type_words);
	print_words("-C | --submode", option_submode_words);
	puts("\t-T | --targetname) COMPREPLY=($(compgen -W \"$(iscsiadm -m node 2> /dev/null | cut -d"
	     "' ' -f2 | sort -u)\" -- \"$cur\")); return ;;\n"
	     "\t-I | --interface) COMPREPLY=($(compgen -W \"$(iscsiadm -m iface 2> /dev/null | cut -d"
	     "' ' -f1)\" -- \"$cur\")); return ;;\n"
	     "\t--secret-from) COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
	     "\tesac\n"
	     "\tcase $mode in");
	for (enum mode m = MODE_NONE + 1; m < MODES; m++)
		print_options(m);
	puts("\t*) options=\"-m --mode -k --killiscsid -h --help -V --version --bash-completion\" ;;\n"
	     "\tesac\n"
	     "\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	     "}\n"
	     "complete -F _iscsiadm iscsiadm");
}
