/* SPDX-License-Identifier: MIT */
/* options.h - the command line as data: which options there are, and which mode takes which */
#ifndef ISCSIADM_OPTIONS_H
#define ISCSIADM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "iscsi-node.h"
#include "name.h"

enum mode { MODE_NONE, MODE_DISCOVERY, MODE_NODE, MODE_SESSION, MODES };

/* The words of -o; given more than once they add up. */
enum op {
	OP_NONE = 0,
	OP_NEW = 1,
	OP_DELETE = 2,
	OP_UPDATE = 4,
	OP_SHOW = 8,
	OP_NONPERSISTENT = 0x10,
	OP_OTHER = 0x20, /* apply, applyall, login, logout: not for any mode that is here */
};

#define IFACES_MAX 64
#define PAIRS_MAX 128
#define UNSET (-1)

struct options {
	enum mode mode;
	unsigned int ops; /* enum op */
	const char *target;
	struct iscsi_portal portal; /* address "": not given */
	const char *ifaces[IFACES_MAX];
	size_t n_ifaces;
	bool sendtargets; /* -t st; other types are no type */
	struct iscsi_setting pairs[PAIRS_MAX]; /* -n with -v, complete ones */
	size_t n_pairs;
	struct iscsi_setting half; /* a pair of which one part is there */
	int print, kill, debug;	   /* UNSET: not given */
	const char *sid, *loginall, *logoutall;
	bool login, logout, rescan, discover, show_secrets, no_wait, help;
};

/*
 * Reads the command line. Returns UNSET to go on, else the exit status: the text is printed, for
 * -V and for everything that is wrong.
 */
int options_parse(int argc, char **argv, struct options *ret);
void options_print_usage(void);

/* -p of modes that look for records: the default port where there is none, UNSET without -p. */
int options_port(const struct options *o);

#endif
