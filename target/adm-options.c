/* SPDX-License-Identifier: MIT */
#include "adm-options.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "str.h"

#define PASSWORD_FILE_MAX 4096

/* Options that have no letter. */
enum { OPT_READ_PASSWORD = 0x100, OPT_EXECUTE, OPT_DUMP, OPT_WITH_SECRETS };

/* Names in the order in which ambiguous ones are listed. */
static const struct option longs[] = {
	{"debug", no_argument, NULL, 'd'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{"lld", required_argument, NULL, 'L'},
	{"op", required_argument, NULL, 'o'},
	{"mode", required_argument, NULL, 'm'},
	{"tid", required_argument, NULL, 't'},
	{"sid", required_argument, NULL, 's'},
	{"cid", required_argument, NULL, 'c'},
	{"lun", required_argument, NULL, 'l'},
	{"name", required_argument, NULL, 'n'},
	{"value", required_argument, NULL, 'v'},
	{"backing-store", required_argument, NULL, 'b'},
	{"bstype", required_argument, NULL, 'E'},
	{"bsopts", required_argument, NULL, 'S'},
	{"bsoflags", required_argument, NULL, 'f'},
	{"blocksize", required_argument, NULL, 'y'},
	{"targetname", required_argument, NULL, 'T'},
	{"initiator-address", required_argument, NULL, 'I'},
	{"initiator-name", required_argument, NULL, 'Q'},
	{"user", required_argument, NULL, 'u'},
	{"password", required_argument, NULL, 'p'},
	{"host", required_argument, NULL, 'H'},
	{"force", no_argument, NULL, 'F'},
	{"params", required_argument, NULL, 'P'},
	{"bus", required_argument, NULL, 'B'},
	{"device-type", required_argument, NULL, 'Y'},
	{"outgoing", no_argument, NULL, 'O'},
	{"control-port", required_argument, NULL, 'C'},
	{"read-password", required_argument, NULL, OPT_READ_PASSWORD},
	{"execute", required_argument, NULL, OPT_EXECUTE},
	{"dump", no_argument, NULL, OPT_DUMP},
	{"with-secrets", no_argument, NULL, OPT_WITH_SECRETS},
	{},
};

static const char shorts[] = "dhVL:o:m:t:s:c:l:n:v:b:E:S:f:y:T:I:Q:u:p:H:FP:B:Y:OC:";

/* ---- words ---- */

static const struct {
	const char *word;
	enum adm_mode mode;
} mode_words[] = {
	{"system", ADM_SYSTEM},
	{"sys", ADM_SYSTEM},
	{"target", ADM_TARGET},
	{"tgt", ADM_TARGET},
	{"logicalunit", ADM_UNIT},
	{"lu", ADM_UNIT},
	{"portal", ADM_PORTAL},
	{"pt", ADM_PORTAL},
	{"session", ADM_SESSION},
	{"sess", ADM_SESSION},
	{"connection", ADM_CONNECTION},
	{"conn", ADM_CONNECTION},
	{"account", ADM_ACCOUNT},
	{"lld", ADM_LLD},
};

static const char *const op_words[ADM_OPS] = {
	NULL, "new", "delete", "show", "bind", "unbind", "update", "stat", "start", "stop"};

const char *adm_mode_name(enum adm_mode m)
{
	for (size_t i = 0; i < sizeof(mode_words) / sizeof(mode_words[0]); i++)
		if (mode_words[i].mode == m)
			return mode_words[i].word;
	return "";
}

/* ---- what each operation takes ---- */

enum needs {
	NEEDS_TID = 1 << 0,
	NEEDS_LUN = 1 << 1,
	NEEDS_TARGET_NAME = 1 << 2,
	NEEDS_INITIATOR = 1 << 3,
	NEEDS_PAIR = 1 << 4,
	NEEDS_USER = 1 << 5,
	NEEDS_PASSWORD = 1 << 6, /* and a user */
	NEEDS_PORTAL = 1 << 7,
	SHORT_TEXT = 1 << 8, /* an option too many is told in other words */
};

static const struct op_row {
	enum adm_mode mode;
	enum adm_op op;
	const char *takes; /* letters; NULL: any */
	unsigned int needs;
} op_rows[] = {
	{ADM_TARGET, ADM_NEW, "LmotTC", NEEDS_TID | NEEDS_TARGET_NAME},
	{ADM_TARGET, ADM_DELETE, "LmotCF", NEEDS_TID},
	{ADM_TARGET, ADM_SHOW, "LmotC", 0},
	{ADM_TARGET, ADM_STAT, "LmotC", NEEDS_TID},
	{ADM_TARGET, ADM_BIND, "LmotIQBHC", NEEDS_TID | NEEDS_INITIATOR},
	{ADM_TARGET, ADM_UNBIND, "LmotIQBHC", NEEDS_TID | NEEDS_INITIATOR},
	{ADM_TARGET, ADM_UPDATE, "LmotnvC", NEEDS_TID | NEEDS_PAIR},
	{ADM_UNIT, ADM_NEW, "LmofytlbEYCS", NEEDS_TID | NEEDS_LUN},
	{ADM_UNIT, ADM_DELETE, "LmotlC", NEEDS_TID | NEEDS_LUN},
	{ADM_UNIT, ADM_UPDATE, "LmofytlPC", NEEDS_TID | NEEDS_LUN | SHORT_TEXT},
	{ADM_UNIT, ADM_STAT, "LmotlC", NEEDS_TID | NEEDS_LUN},
	{ADM_ACCOUNT, ADM_NEW, "LmoupfC", NEEDS_PASSWORD},
	{ADM_ACCOUNT, ADM_DELETE, "LmouC", NEEDS_USER},
	{ADM_ACCOUNT, ADM_SHOW, "LmoC", 0},
	{ADM_ACCOUNT, ADM_BIND, "LmotuOC", NEEDS_USER},
	{ADM_ACCOUNT, ADM_UNBIND, "LmotuOC", NEEDS_USER},
	{ADM_PORTAL, ADM_NEW, "LmoCP", NEEDS_PORTAL},
	{ADM_PORTAL, ADM_DELETE, "LmoCP", NEEDS_PORTAL},
	{ADM_PORTAL, ADM_SHOW, "LmoC", SHORT_TEXT},
	{ADM_SYSTEM, ADM_SHOW, NULL, 0},
	{ADM_SYSTEM, ADM_STAT, NULL, 0},
	{ADM_SYSTEM, ADM_DELETE, NULL, 0},
	{ADM_SYSTEM, ADM_UPDATE, "LmonvC", NEEDS_PAIR},
	{ADM_LLD, ADM_START, "LmoC", 0},
	{ADM_LLD, ADM_STOP, "LmoC", 0},
	{ADM_LLD, ADM_SHOW, "LmoC", 0},
	/* the daemon says what is wrong with others of these two */
	{ADM_SESSION, ADM_NO_OP, NULL, 0},
	{ADM_CONNECTION, ADM_NO_OP, NULL, 0},
};

static const struct op_row *find_row(enum adm_mode mode, enum adm_op op)
{
	for (size_t i = 0; i < sizeof(op_rows) / sizeof(op_rows[0]); i++)
		if (op_rows[i].mode == mode && (op_rows[i].op == op || !op_rows[i].op))
			return &op_rows[i];
	return NULL;
}

__attribute__((format(printf, 1, 2))) static int usage_error(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	return ADM_USAGE_ERROR;
}

static int try_help(void)
{
	fprintf(stderr, "Try `%s --help' for more information.\n", program_invocation_short_name);
	return ADM_USAGE_ERROR;
}

static int check_takes(const struct op_row *r, const char *given)
{
	const char *mode = adm_mode_name(r->mode);

	for (; r->takes && *given; given++)
		if (*given != 'd' && !strchr(r->takes, *given))
			return r->needs & SHORT_TEXT
				       ? usage_error("option '-%c' not supported in %s mode",
						 *given, mode)
				       : usage_error("%s mode: option '-%c' is not "
						     "allowed/supported",
						 mode, *given);
	return ADM_UNSET;
}

/* Modes that say so before they look at the operation. */
static int check_numbers(const struct adm_options *o)
{
	bool any_tid = o->mode == ADM_TARGET && o->op == ADM_SHOW;

	if ((o->mode != ADM_TARGET && o->mode != ADM_UNIT) || any_tid)
		return ADM_UNSET;
	if (o->tid == ADM_UNSET)
		return usage_error("'tid' option is necessary");
	if (!o->tid)
		return usage_error(o->mode == ADM_UNIT ? "'tid' must not be 0"
						       : "'tid' cannot be 0");
	if (o->mode == ADM_UNIT && o->lun == ADM_UNSET)
		return usage_error("'lun' option is necessary");
	return ADM_UNSET;
}

static int check_needs(const struct adm_options *o, unsigned int needs)
{
	if (needs & NEEDS_TARGET_NAME && !o->target_name)
		return usage_error("creating new target requires a name, use --targetname");
	if (needs & NEEDS_INITIATOR && !o->address && !o->initiator && !o->bus)
		return usage_error("%s operation requires initiator-address, initiator-nameor bus",
			op_words[o->op]);
	if (needs & NEEDS_PAIR && (!o->name || !o->value))
		return usage_error("update operation requires 'name' and 'value' options");
	if (needs & NEEDS_USER && !o->user)
		return usage_error("'user' option is necessary");
	if (needs & NEEDS_PASSWORD && (!o->user || !o->password))
		return usage_error("'user' and 'password' options are required");
	if (needs & NEEDS_PORTAL && !o->params)
		return usage_error("you must specify --param portal=<portal>");
	return ADM_UNSET;
}

static int check(const struct adm_options *o, const char *given)
{
	const struct op_row *r = find_row(o->mode, o->op);
	int status;

	if (o->execute || o->dump)
		return ADM_UNSET;
	if (!o->op)
		return usage_error("specify the operation type");
	if (!o->mode)
		return usage_error("specify the mode");
	status = check_numbers(o);
	if (status != ADM_UNSET)
		return status;
	if (!r && o->mode == ADM_LLD)
		return usage_error("option %d not supported in lld mode", o->op - ADM_NEW);
	if (!r)
		return usage_error("operation %s not supported in %s mode", op_words[o->op],
			adm_mode_name(o->mode));
	status = check_takes(r, given);
	return status == ADM_UNSET ? check_needs(o, r->needs) : status;
}

/* ---- values ---- */

static int parse_number(int letter, const char *text, int64_t max, int64_t *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 0);
	if (end == text || *end || strchr(text, '-') || errno == EINVAL)
		fprintf(stderr, "-%c argument value '%s' invalid\n", letter, text);
	else if (errno == ERANGE || v > (unsigned long long)max)
		fprintf(stderr, "-%c argument value '%s' out of range\n", letter, text);
	else
		return *ret = (int64_t)v, ADM_UNSET;
	return try_help();
}

static int parse_mode(struct adm_options *o, const char *word)
{
	for (size_t i = 0; i < sizeof(mode_words) / sizeof(mode_words[0]); i++)
		if (str_eq(mode_words[i].word, word)) {
			o->mode = mode_words[i].mode;
			return ADM_UNSET;
		}
	usage_error("unknown mode: %s", word);
	return 1;
}

static int parse_op(struct adm_options *o, const char *word)
{
	for (enum adm_op op = ADM_NEW; op < ADM_OPS; op++)
		if (str_eq(op_words[op], word)) {
			o->op = op;
			return ADM_UNSET;
		}
	usage_error("unknown operation: %s", word);
	return 1;
}

static int parse_device_type(struct adm_options *o, const char *word)
{
	static const char *const types[] = {"disk", "tape", "ssc", "cd", "changer", "osd", "pt"};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (str_eq(types[i], word)) {
			o->device_type = word;
			return ADM_UNSET;
		}
	return usage_error("unknown target type: %s", word);
}

/* Others see the command line of a process: the password is out of it at once. */
static int take_password(struct adm_options *o, char *text)
{
	free(o->password);
	o->password = strdup(text);
	str_wipe(text, strlen(text));
	return o->password ? ADM_UNSET : usage_error("out of memory");
}

static int read_password(struct adm_options *o, const char *path)
{
	char *text = NULL;
	int r = file_read_stream(str_eq(path, "-") ? "/dev/stdin" : path, PASSWORD_FILE_MAX, &text,
		NULL);
	int status;

	if (r)
		return usage_error("%s: %s", path, strerror(-r));
	text[strcspn(text, "\r\n")] = '\0';
	status = take_password(o, text);
	free(text);
	return status;
}

/* Options that are a text or a number, and where it goes. */
static const struct {
	int letter;
	size_t offset;
	int64_t max; /* of a number; 0: a text */
} value_rows[] = {
	{'L', offsetof(struct adm_options, lld), 0},
	{'n', offsetof(struct adm_options, name), 0},
	{'v', offsetof(struct adm_options, value), 0},
	{'b', offsetof(struct adm_options, path), 0},
	{'E', offsetof(struct adm_options, bstype), 0},
	{'S', offsetof(struct adm_options, bsopts), 0},
	{'f', offsetof(struct adm_options, bsoflags), 0},
	{'T', offsetof(struct adm_options, target_name), 0},
	{'I', offsetof(struct adm_options, address), 0},
	{'Q', offsetof(struct adm_options, initiator), 0},
	{'u', offsetof(struct adm_options, user), 0},
	{'P', offsetof(struct adm_options, params), 0},
	{'B', offsetof(struct adm_options, bus), 0},
	{OPT_EXECUTE, offsetof(struct adm_options, execute), 0},
	{'t', offsetof(struct adm_options, tid), INT_MAX},
	{'s', offsetof(struct adm_options, sid), UINT32_MAX},
	{'c', offsetof(struct adm_options, cid), UINT32_MAX},
	{'l', offsetof(struct adm_options, lun), INT64_MAX},
	{'y', offsetof(struct adm_options, block_size), UINT32_MAX},
	{'C', offsetof(struct adm_options, control_port), 32767},
};

static int set_value(struct adm_options *o, int c)
{
	for (size_t i = 0; i < sizeof(value_rows) / sizeof(value_rows[0]); i++) {
		char *field = (char *)o + value_rows[i].offset;

		if (value_rows[i].letter != c)
			continue;
		if (value_rows[i].max)
			return parse_number(
				c, optarg, value_rows[i].max, (int64_t *)(void *)field);
		*(const char **)(void *)field = optarg;
	}
	return ADM_UNSET;
}

/* What --help says: the operations and the options of each come from the rows. */
static const char *option_name(int letter)
{
	for (const struct option *l = longs; l->name; l++)
		if (l->val == letter)
			return l->name;
	return "";
}

static void print_row(const struct op_row *r)
{
	printf("  --mode %s --op %s", adm_mode_name(r->mode), r->op ? op_words[r->op] : "show|stat");
	for (const char *c = r->takes ? r->takes : ""; *c; c++)
		if (!strchr("LmoC", *c))
			printf(strchr("FO", *c) ? " [--%s]" : " [--%s X]", option_name(*c));
	putchar('\n');
}

static void print_help(void)
{
	printf("Administration of iscsi-targetd, version %s\n\nUsage: %s [OPTION]\n\n", VERSION,
		program_invocation_short_name);
	for (size_t i = 0; i < sizeof(op_rows) / sizeof(op_rows[0]); i++)
		print_row(&op_rows[i]);
	puts("  --execute FILE            read a configuration file, targets.conf(5)\n"
	     "  --dump [--with-secrets]   write one, with passwords\n"
	     "  --read-password FILE      in place of --password; - is standard input\n"
	     "  --control-port N          the daemon of that number (iscsi-targetd -C)\n"
	     "  --help, --version\n\n"
	     "iscsi-targetadm(8) says what they mean.");
}

static int take_option(struct adm_options *o, int c)
{
	switch (c) {
	case '?':
		return try_help();
	case 'h':
		print_help();
		return 0;
	case 'V':
		puts(VERSION);
		return 0;
	case 'm':
		return parse_mode(o, optarg);
	case 'o':
		return parse_op(o, optarg);
	case 'Y':
		return parse_device_type(o, optarg);
	case 'p':
		return take_password(o, optarg);
	case OPT_READ_PASSWORD:
		return read_password(o, optarg);
	case 'O':
		o->outgoing = true;
		return ADM_UNSET;
	case 'F':
		o->force = true;
		return ADM_UNSET;
	case OPT_DUMP:
		o->dump = true;
		return ADM_UNSET;
	case OPT_WITH_SECRETS:
		o->with_secrets = true;
		return ADM_UNSET;
	default:
		return set_value(o, c);
	}
}

#define GIVEN_MAX 256

int adm_options_parse(int argc, char **argv, struct adm_options *ret)
{
	char given[GIVEN_MAX] = "";
	size_t n = 0;
	int c, status;

	*ret = (struct adm_options){
		.tid = ADM_UNSET, .sid = ADM_UNSET, .cid = ADM_UNSET, .lun = ADM_UNSET};
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		status = take_option(ret, c);
		if (status != ADM_UNSET)
			return status;
		if (c == OPT_READ_PASSWORD)
			c = 'p';
		if (c < 0x100 && n < GIVEN_MAX - 1)
			given[n++] = (char)c;
	}
	if (optind < argc) {
		usage_error("unrecognized option '%s'", argv[optind]);
		return try_help();
	}
	return check(ret, given);
}

void adm_options_clear(struct adm_options *o)
{
	if (o->password)
		str_wipe(o->password, strlen(o->password));
	free(o->password);
	o->password = NULL;
}
