/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "file.h"
#include "log.h"
#include "options-table.h"
#include "rescan.h"
#include "str.h"

#define WAIT_DEVICES_S 30
#define SECRET_FILE_MAX 1024 /* bytes */

/* ---- modes ---- */

const struct mode_row option_modes[MODES] = {
	[MODE_DISCOVERYDB] = {"discoverydb", "discovery", "DSIPdmntplov",
		"[-hV] [-d debug_level] [-P printlevel] [-t type -p ip:port -I ifaceN ... [-Dl]] | "
		"[[-p ip:port -t type] [-o operation] [-n name] [-v value] [-lD]] "},
	[MODE_DISCOVERY] = {"discovery", NULL, "DSIPdmntplov",
		"[-hV] [-d debug_level] [-P printlevel] [-t type -p ip:port -I ifaceN ... [-l]] | "
		"[[-p ip:port] [-l | -D]] [-W]"},
	[MODE_NODE] = {"node", NULL, "RsPIdmlSonvupTULW",
		"[-hV] [-d debug_level] [-P printlevel] [-L all,manual,automatic,onboot] [-W] "
		"[-U all,manual,automatic,onboot] [-S] [[-T targetname -p ip:port -I ifaceN] "
		"[-l | -u | -R | -s]] [[-o operation ] [-n name] [-v value]]"},
	[MODE_SESSION] = {"session", NULL, "PiRdrmusonSv",
		"[-hV] [-d debug_level] [-P printlevel] [-r sessionid | sysfsdir [-R | -u | -s] "
		"[-o operation] [-n name] [-v value]]"},
	[MODE_IFACE] = {"iface", NULL, "HIdnvmPoCabci",
		"[-hV] [-d debug_level] [-P printlevel] [-I ifacename | -H hostno|MAC] "
		"[[-o operation ] [-n name] [-v value]] "
		"[-C ping [-a ip] [-b packetsize] [-c count] [-i interval]]"},
	[MODE_FW] = {"fw", NULL, "dmlWnv", "[-d debug_level] [-l] [-W] [[-n name] [-v value]]"},
	[MODE_HOST] = {"host", NULL, "CHdmPotnvxA",
		"[-P printlevel] [-H hostno|MAC] [[-C chap [-x chap_tbl_idx]] | "
		"[-C flashnode [-A portal_type] [-x flashnode_idx]] | [-C stats]] "
		"[[-o operation] [-n name] [-v value]] "},
};

void options_print_usage(void)
{
	for (enum mode m = MODE_NONE + 1; m < MODES; m++)
		printf("iscsiadm -m %s %s\n", option_modes[m].name, option_modes[m].usage);
	puts("iscsiadm -k priority");
}

static void print_hint(void)
{
	fputs("Try `iscsiadm --help' for more information.\n", stderr);
}

static enum mode find_mode(const char *name)
{
	for (enum mode m = MODE_NONE + 1; m < MODES; m++)
		if (str_eq(option_modes[m].name, name))
			return m;
	return MODE_NONE;
}

/* ---- values: each is false when something is wrong with it, and says so ---- */

const struct word option_op_words[] = {
	{"new", DO_NEW},
	{"delete", DO_DELETE},
	{"update", DO_UPDATE},
	{"show", DO_SHOW},
	{"nonpersistent", DO_NONPERSISTENT},
	{"apply", DO_APPLY},
	{"applyall", DO_APPLYALL},
	{"login", DO_LOGIN},
	{"logout", DO_LOGOUT},
	{"gc", DO_GC},
	{},
}, option_type_words[] = {
	{"sendtargets", TYPE_SENDTARGETS},
	{"st", TYPE_SENDTARGETS},
	{"isns", TYPE_ISNS},
	{"fw", TYPE_FW},
	{},
}, option_submode_words[] = {
	{"ping", SUBMODE_PING},
	{"chap", SUBMODE_CHAP},
	{"flashnode", SUBMODE_FLASHNODE},
	{"stats", SUBMODE_STATS},
	{},
};

/* 0: no such word. */
static int word_value(const struct word *words, const char *word)
{
	for (; words->word; words++)
		if (str_eq(words->word, word))
			return words->value;
	return 0;
}

static bool parse_op(struct options *o, const char *word)
{
	int op = word_value(option_op_words, word);

	o->ops |= (unsigned int)op;
	if (!op)
		log_error("can not recognize operation: '%s'", word);
	return op;
}

static bool parse_type(struct options *o, const char *word)
{
	o->type = (enum source_type)word_value(option_type_words, word);
	return true;
}

static bool parse_submode(struct options *o, const char *word)
{
	o->submode = (enum submode)word_value(option_submode_words, word);
	return true;
}

static bool end_of_pair(struct options *o)
{
	if (!o->half.key || !o->half.value)
		return true;
	if (o->n_pairs == PAIRS_MAX) {
		log_error("there are more than %d pairs of -n and -v", PAIRS_MAX);
		return false;
	}
	o->pairs[o->n_pairs++] = o->half;
	o->half = (struct iscsi_setting){};
	return true;
}

static bool parse_name(struct options *o, const char *text)
{
	o->half.key = text;
	return end_of_pair(o);
}

static bool parse_value(struct options *o, const char *text)
{
	o->half.value = text;
	return end_of_pair(o);
}

static bool parse_portal(struct options *o, const char *text)
{
	const char *fault;

	if (!*text)
		return true;
	fault = iscsi_portal_parse(text, &o->portal);
	if (fault)
		log_error("the portal %s %s; it is given as ADDRESS[:PORT][,TAG]", text, fault);
	return !fault;
}

static bool parse_iface(struct options *o, const char *name)
{
	if (!*name || strlen(name) > 64) {
		printf("Invalid iface name %s. Must be from 1 to 64 characters.\n", name);
		return false;
	}
	if (iscsi_ifacename_fault(name)) {
		log_error("the interface name %s %s", name, iscsi_ifacename_fault(name));
		return false;
	}
	if (o->n_ifaces == IFACES_MAX) {
		log_error("there are more than %d interfaces", IFACES_MAX);
		return false;
	}
	o->ifaces[o->n_ifaces++] = name;
	return true;
}

static bool parse_target(struct options *o, const char *name)
{
	const char *fault = iscsi_name_fault(name);

	if (fault)
		log_error("the target name %s %s", name, fault);
	o->target = name;
	return !fault;
}

static bool parse_kill(struct options *o, const char *text)
{
	o->kill = atoi(text);
	if (o->kill >= 0)
		return true;
	log_error("Invalid killiscsid priority %d Priority must be greater than or equal to zero.",
		o->kill);
	return false;
}

/* What is no number is 0. */
static bool parse_u32(const char *what, const char *text, uint32_t *ret)
{
	unsigned long long n;

	errno = 0;
	n = strtoull(text, NULL, 10);
	if (!errno && n > UINT32_MAX)
		errno = ERANGE;
	if (errno) {
		log_error("Invalid %s %s. %s.", what, text, strerror(errno));
		return false;
	}
	*ret = (uint32_t)n;
	return true;
}

static bool parse_host(struct options *o, const char *text)
{
	o->host_mac = strchr(text, ':') ? text : NULL;
	return o->host_mac || parse_u32("host no", text, &o->host);
}

/* Of tables in offload cards: nothing here has one. */
static bool parse_index(struct options *o, const char *text)
{
	uint32_t index;

	(void)o;
	return parse_u32("index", text, &index);
}

static bool parse_wait(struct options *o, const char *text)
{
	o->wait_first = str_eq(text, "first");
	if (o->wait_first || str_eq(text, "all"))
		return true;
	log_error("--wait=%s is neither first nor all", text);
	return false;
}

static bool parse_lun(struct options *o, const char *text)
{
	if (!str_to_u64(text, 0, RESCAN_ALL - 1, &o->lun))
		return true;
	log_error("--lun=%s is no number of a LUN", text);
	return false;
}

static bool parse_seconds(const char *option, const char *text, int *ret)
{
	uint64_t n;

	if (str_to_u64(text, 1, 1000000, &n)) {
		log_error("--%s: %s is no number of seconds from 1 on", option, text);
		return false;
	}
	*ret = (int)n;
	return true;
}

static bool parse_timeout(struct options *o, const char *text)
{
	return parse_seconds("timeout", text, &o->timeout);
}

static bool parse_wait_devices(struct options *o, const char *text)
{
	o->wait_devices = WAIT_DEVICES_S;
	return !text || parse_seconds("wait-devices", text, &o->wait_devices);
}

/*
 * A value that does not stand on the command line, for all to see. An option of its own: "-v @FILE"
 * would give values that begin with '@' another meaning.
 */
static bool parse_secret_from(struct options *o, const char *path)
{
	size_t len;
	char *text;
	int r;

	if (o->n_secrets == PAIRS_MAX) {
		log_error("there are more than %d options --secret-from", PAIRS_MAX);
		return false;
	}
	r = file_read_stream(str_eq(path, "-") ? "/dev/stdin" : path, SECRET_FILE_MAX, &text, &len);
	if (r) {
		log_error("--secret-from: cannot read %s: %s", path, strerror(-r));
		return false;
	}
	o->secrets[o->n_secrets++] = text;
	if (len && text[len - 1] == '\n')
		text[--len] = '\0';
	if (strlen(text) != len || strpbrk(text, "\r\n")) {
		log_error("--secret-from: %s is not one line of text", path);
		return false;
	}
	return parse_value(o, text);
}

void options_clear(struct options *o)
{
	while (o->n_secrets) {
		char *text = o->secrets[--o->n_secrets];

		str_wipe(text, strlen(text));
		free(text);
	}
}

static bool ignore(struct options *o, const char *text)
{
	(void)o;
	(void)text;
	return true;
}

/* ---- options ---- */

#define ROW(l, n, arg, ...)                                           \
	{                                                             \
		.letter = l, .name = n, .has_argument = arg, __VA_ARGS__ \
	}
#define AT(member) .offset = offsetof(struct options, member)
#define FLAG(l, n, member) ROW(l, n, no_argument, .flag = true, AT(member))
#define NUMBER(l, n, member) ROW(l, n, required_argument, .number = true, AT(member))
#define TEXT(l, n, member) ROW(l, n, required_argument, .text = true, AT(member))
#define PARSED(l, n, function) ROW(l, n, required_argument, .parse = function)

/* Options without a letter. */
enum long_only {
	LONG_ONLY = OPTION_LONG_ONLY,
	WAIT,
	LUN,
	FORCE,
	SAFE,
	JSON,
	IDEMPOTENT,
	TIMEOUT,
	WAIT_DEVICES,
	SECRET_FROM,
	COMPLETION,
};
#define ALL_MODES (~0u)
#define SESSION_MODES (1u << MODE_NODE | 1u << MODE_SESSION)
#define LOGIN_MODES (SESSION_MODES | 1u << MODE_DISCOVERY | 1u << MODE_DISCOVERYDB)

/* In the order in which getopt names those that an abbreviation may mean. */
const struct option_row option_rows[] = {
	ROW('m', "mode", required_argument, .parse = NULL),
	PARSED('p', "portal", parse_portal),
	PARSED('T', "targetname", parse_target),
	PARSED('I', "interface", parse_iface),
	PARSED('o', "op", parse_op),
	PARSED('t', "type", parse_type),
	PARSED('n', "name", parse_name),
	PARSED('v', "value", parse_value),
	PARSED('H', "host", parse_host),
	TEXT('r', "sid", sid),
	FLAG('R', "rescan", rescan),
	NUMBER('P', "print", print),
	FLAG('D', "discover", discover),
	FLAG('l', "login", login),
	TEXT('L', "loginall", loginall),
	FLAG('u', "logout", logout),
	TEXT('U', "logoutall", logoutall),
	FLAG('s', "stats", stats),
	PARSED('k', "killiscsid", parse_kill),
	NUMBER('d', "debug", debug),
	FLAG('S', "show", show_secrets),
	ROW('V', "version", no_argument, .parse = NULL),
	FLAG('h', "help", help),
	PARSED('C', "submode", parse_submode),
	TEXT('a', "ip", ip),
	NUMBER('b', "packetsize", packet_size),
	NUMBER('c', "count", count),
	NUMBER('i', "interval", interval),
	PARSED('x', "index", parse_index),
	PARSED('A', "portal_type", ignore),
	FLAG('W', "no_wait", no_wait),
	ROW(WAIT, "wait", required_argument, .parse = parse_wait, .modes = LOGIN_MODES),
	ROW(LUN, "lun", required_argument, .parse = parse_lun, .modes = SESSION_MODES),
	ROW(FORCE, "force", no_argument, .flag = true, AT(force), .modes = SESSION_MODES),
	ROW(SAFE, "safe", no_argument, .flag = true, AT(safe), .modes = SESSION_MODES),
	ROW(JSON, "json", no_argument, .flag = true, AT(json), .modes = ALL_MODES),
	ROW(IDEMPOTENT, "idempotent", no_argument, .flag = true, AT(idempotent), .modes = ALL_MODES),
	ROW(TIMEOUT, "timeout", required_argument, .parse = parse_timeout, .modes = ALL_MODES),
	ROW(WAIT_DEVICES, "wait-devices", optional_argument, .parse = parse_wait_devices,
		.modes = LOGIN_MODES | 1u << MODE_FW),
	ROW(SECRET_FROM, "secret-from", required_argument, .parse = parse_secret_from,
		.modes = ALL_MODES),
	ROW(COMPLETION, "bash-completion", no_argument, .parse = NULL),
};

#define N_ROWS (sizeof(option_rows) / sizeof(option_rows[0]))
const size_t n_option_rows = N_ROWS;

static const struct option_row *find_row(int letter)
{
	for (size_t i = 0; i < N_ROWS; i++)
		if (option_rows[i].letter == letter)
			return &option_rows[i];
	return NULL;
}

/* The table as getopt wants it. */
static struct getopt_table {
	struct option longs[N_ROWS + 1];
	char shorts[2 * N_ROWS + 1];
} table;

static void make_table(void)
{
	char *s = table.shorts;

	for (size_t i = 0; i < N_ROWS; i++) {
		const struct option_row *row = &option_rows[i];

		table.longs[i] = (struct option){row->name, row->has_argument, NULL, row->letter};
		if (row->letter > UCHAR_MAX)
			continue;
		*s++ = (char)row->letter;
		if (row->has_argument)
			*s++ = ':';
	}
}

static int next_option(int argc, char **argv)
{
	return getopt_long(argc, argv, table.shorts, table.longs, NULL);
}

/* False: something is wrong with the value, and was said. */
static bool set_option(struct options *o, int letter)
{
	const struct option_row *row = find_row(letter);
	void *member = (char *)o + row->offset;

	if (row->flag)
		*(bool *)member = true;
	else if (row->number)
		*(int *)member = atoi(optarg);
	else if (row->text)
		*(const char **)member = optarg;
	else if (row->parse)
		return row->parse(o, optarg);
	return true;
}

static bool mode_takes(enum mode m, int letter)
{
	const struct option_row *row = find_row(letter);

	if (row && row->modes)
		return row->modes & 1u << m;
	return row && strchr(option_modes[m].letters, letter);
}

/* Every option of the line must be one of the mode's; the first that is not is named. */
static bool mode_takes_all(enum mode m, int argc, char **argv)
{
	const char *name = option_modes[m].called ? option_modes[m].called : option_modes[m].name;
	int at = optind, c;
	bool ok = true;

	optind = 0;
	while (ok && (c = next_option(argc, argv)) != -1) {
		ok = mode_takes(m, c);
		if (!ok && c >= LONG_ONLY)
			log_error("%s mode: option '--%s' is not allowed/supported", name,
				find_row(c)->name);
		else if (!ok)
			log_error("%s mode: option '-%c' is not allowed/supported", name, c);
	}
	optind = at;
	return ok;
}

/* ---- the command line ---- */

static int unknown_option(void)
{
	/* getopt has named it; a long one it calls unknown without a letter. */
	if (optopt)
		log_error("unrecognized character '%c'", optopt);
	else
		print_hint();
	return ISCSI_ERR_INVAL;
}

static int mode_option(struct options *o, int argc, char **argv)
{
	o->mode = find_mode(optarg);
	if (o->mode == MODE_NONE) {
		log_error("mode -1 is not yet supported");
		return ISCSI_ERR_INVAL;
	}
	return mode_takes_all(o->mode, argc, argv) ? UNSET : ISCSI_ERR_INVAL;
}

/* What goes only with something else. */
static const char *lonely_option(const struct options *o)
{
	if ((o->force || o->safe) && !o->logout && !o->logoutall)
		return "--force and --safe go with -u or -U";
	if (o->force && o->safe)
		return "--force and --safe exclude each other";
	if (o->wait_first && !o->login && !o->loginall && !(o->ops & DO_NEW))
		return "--wait goes with -l or -L";
	if (o->lun != RESCAN_ALL && !o->rescan)
		return "--lun goes with -R";
	return NULL;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	int c, r;

	make_table();
	*ret = (struct options){
		.timeout = UNSET,
		.wait_devices = UNSET,
		.print = UNSET,
		.kill = UNSET,
		.debug = UNSET,
		.lun = RESCAN_ALL,
		.packet_size = 32,
		.count = 1,
	};
	ret->portal.port = ret->portal.tpgt = UNSET;
	while ((c = next_option(argc, argv)) != -1) {
		if (c == 'V') {
			printf("iscsiadm version %s\n", VERSION);
			return ISCSI_OK;
		}
		if (c == COMPLETION) {
			options_print_completion();
			return ISCSI_OK;
		}
		if (c == '?')
			return unknown_option();
		if (c == 'm') {
			r = mode_option(ret, argc, argv);
			if (r != UNSET)
				return r;
		} else if (!set_option(ret, c)) {
			return ISCSI_ERR_INVAL;
		}
	}
	if (ret->help) {
		options_print_usage();
		return ISCSI_OK;
	}
	if (ret->mode == MODE_NONE && ret->kill == UNSET) {
		print_hint();
		return ISCSI_ERR_INVAL;
	}
	if (lonely_option(ret)) {
		log_error("%s", lonely_option(ret));
		return ISCSI_ERR_INVAL;
	}
	return UNSET;
}

int options_port(const struct options *o)
{
	if (!o->portal.address[0])
		return UNSET;
	if (o->portal.port >= 0)
		return o->portal.port;
	return o->type == TYPE_ISNS ? ISCSI_PORT_ISNS : ISCSI_PORT_DEFAULT;
}
