/* SPDX-License-Identifier: MIT */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "log.h"
#include "str.h"

/* ---- options ---- */

static const struct option longs[] = {
	{"mode", required_argument, NULL, 'm'},
	{"portal", required_argument, NULL, 'p'},
	{"targetname", required_argument, NULL, 'T'},
	{"interface", required_argument, NULL, 'I'},
	{"op", required_argument, NULL, 'o'},
	{"type", required_argument, NULL, 't'},
	{"name", required_argument, NULL, 'n'},
	{"value", required_argument, NULL, 'v'},
	{"host", required_argument, NULL, 'H'},
	{"sid", required_argument, NULL, 'r'},
	{"rescan", no_argument, NULL, 'R'},
	{"print", required_argument, NULL, 'P'},
	{"discover", no_argument, NULL, 'D'},
	{"login", no_argument, NULL, 'l'},
	{"loginall", required_argument, NULL, 'L'},
	{"logout", no_argument, NULL, 'u'},
	{"logoutall", required_argument, NULL, 'U'},
	{"stats", no_argument, NULL, 's'},
	{"killiscsid", required_argument, NULL, 'k'},
	{"debug", required_argument, NULL, 'd'},
	{"show", no_argument, NULL, 'S'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{"submode", required_argument, NULL, 'C'},
	{"ip", required_argument, NULL, 'a'},
	{"packetsize", required_argument, NULL, 'b'},
	{"count", required_argument, NULL, 'c'},
	{"interval", required_argument, NULL, 'i'},
	{"index", required_argument, NULL, 'x'},
	{"portal_type", optional_argument, NULL, 'A'},
	{"no_wait", no_argument, NULL, 'W'},
	{},
};

static const char shorts[] = "RlDVhm:a:b:c:C:p:P:T:H:i:I:U:k:L:d:r:n:v:o:sSt:ux:A:W";

/* ---- modes ---- */

static const struct mode_row {
	const char *name;
	const char *letters; /* of the options that it takes */
	const char *usage;
} modes[MODES] = {
	[MODE_DISCOVERY] = {"discovery", "DSIPdmntplov",
		"iscsiadm -m discovery [-hV] [-d debug_level] [-P printlevel] [-t type -p ip:port -I "
		"ifaceN ... [-l]] | [[-p ip:port] [-l | -D]] [-W]"},
	[MODE_NODE] = {"node", "RIPdmlSonvupTULW",
		"iscsiadm -m node [-hV] [-d debug_level] [-P printlevel] [-L all,manual,automatic,"
		"onboot] [-W] [-U all,manual,automatic,onboot] [-S] [[-T targetname -p ip:port -I "
		"ifaceN] [-l | -u | -R | -s]] [[-o operation ] [-n name] [-v value]]"},
	[MODE_SESSION] = {"session", "PiRdrmuonSv",
		"iscsiadm -m session [-hV] [-d debug_level] [-P printlevel] [-r sessionid | sysfsdir "
		"[-R | -u | -s] [-o operation] [-n name] [-v value]]"},
};

void options_print_usage(void)
{
	for (enum mode m = MODE_NONE; m < MODES; m++)
		if (modes[m].usage)
			puts(modes[m].usage);
	puts("iscsiadm -k priority");
}

static void print_hint(void)
{
	fputs("Try `iscsiadm --help' for more information.\n", stderr);
}

static enum mode find_mode(const char *name)
{
	for (enum mode m = MODE_NONE; m < MODES; m++)
		if (modes[m].name && str_eq(modes[m].name, name))
			return m;
	return MODE_NONE;
}

/* Every option of the line must be one of the mode's; the first that is not is named. */
static bool mode_takes_all(enum mode m, int argc, char **argv)
{
	int at = optind, c;
	bool ok = true;

	optind = 0;
	while (ok && (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		ok = c != '?' && strchr(modes[m].letters, c);
		if (!ok)
			log_error("%s mode: option '-%c' is not allowed/supported", modes[m].name, c);
	}
	optind = at;
	return ok;
}

/* ---- values ---- */

static const struct {
	const char *word;
	enum op op;
} op_words[] = {
	{"new", OP_NEW},
	{"delete", OP_DELETE},
	{"update", OP_UPDATE},
	{"show", OP_SHOW},
	{"nonpersistent", OP_NONPERSISTENT},
	{"apply", OP_OTHER},
	{"applyall", OP_OTHER},
	{"login", OP_OTHER},
	{"logout", OP_OTHER},
};

static bool parse_op(struct options *o, const char *word)
{
	for (size_t i = 0; i < sizeof(op_words) / sizeof(op_words[0]); i++)
		if (str_eq(op_words[i].word, word)) {
			o->ops |= op_words[i].op;
			return true;
		}
	log_error("can not recognize operation: '%s'", word);
	return false;
}

static bool add_half(struct options *o, const char **half)
{
	*half = optarg;
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

/* False: something is wrong with the value, and was said. */
static bool set_option(struct options *o, int c)
{
	switch (c) {
	case 'p':
		return parse_portal(o, optarg);
	case 'T':
		return parse_target(o, optarg);
	case 'I':
		return parse_iface(o, optarg);
	case 'o':
		return parse_op(o, optarg);
	case 'n':
		return add_half(o, &o->half.key);
	case 'v':
		return add_half(o, &o->half.value);
	case 't':
		o->sendtargets = str_eq(optarg, "st") || str_eq(optarg, "sendtargets");
		break;
	case 'r':
		o->sid = optarg;
		break;
	case 'L':
		o->loginall = optarg;
		break;
	case 'U':
		o->logoutall = optarg;
		break;
	case 'P':
		o->print = atoi(optarg);
		break;
	case 'd':
		o->debug = atoi(optarg);
		break;
	case 'k':
		o->kill = atoi(optarg);
		if (o->kill < 0) {
			log_error("Invalid killiscsid priority %d Priority must be greater than or "
				  "equal to zero.",
				o->kill);
			return false;
		}
		break;
	}
	return true;
}

static const struct {
	char letter;
	size_t offset;
} switches[] = {
	{'l', offsetof(struct options, login)},
	{'u', offsetof(struct options, logout)},
	{'R', offsetof(struct options, rescan)},
	{'D', offsetof(struct options, discover)},
	{'S', offsetof(struct options, show_secrets)},
	{'W', offsetof(struct options, no_wait)},
	{'h', offsetof(struct options, help)},
};

static bool set_switch(struct options *o, int c)
{
	for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++)
		if (switches[i].letter == c) {
			*(bool *)((char *)o + switches[i].offset) = true;
			return true;
		}
	return false;
}

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

int options_parse(int argc, char **argv, struct options *ret)
{
	int c, r;

	*ret = (struct options){.print = UNSET, .kill = UNSET, .debug = UNSET};
	ret->portal.port = ret->portal.tpgt = UNSET;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == 'V') {
			printf("iscsiadm version %s\n", VERSION);
			return ISCSI_OK;
		}
		if (c == '?')
			return unknown_option();
		if (c == 'm') {
			r = mode_option(ret, argc, argv);
			if (r != UNSET)
				return r;
		} else if (!set_switch(ret, c) && !set_option(ret, c)) {
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
	return UNSET;
}

int options_port(const struct options *o)
{
	if (!o->portal.address[0])
		return UNSET;
	return o->portal.port < 0 ? ISCSI_PORT_DEFAULT : o->portal.port;
}
