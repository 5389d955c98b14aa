/* SPDX-License-Identifier: MIT */
/* options.h - the command line as data: which options there are, and which mode takes which */
#ifndef ISCSIADM_OPTIONS_H
#define ISCSIADM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsi-node.h"
#include "name.h"

enum mode {
	MODE_NONE,
	MODE_DISCOVERYDB,
	MODE_DISCOVERY,
	MODE_NODE,
	MODE_SESSION,
	MODE_IFACE,
	MODE_FW,
	MODE_HOST,
	MODES
};

/* The words of -o; given more than once they add up. */
enum op {
	DO_NONE = 0,
	DO_NEW = 1,
	DO_DELETE = 2,
	DO_UPDATE = 4,
	DO_SHOW = 8,
	DO_NONPERSISTENT = 0x10,
	DO_APPLY = 0x20,
	DO_APPLYALL = 0x40,
	DO_LOGIN = 0x80,
	DO_LOGOUT = 0x100,
	DO_GC = 0x200,
};

enum source_type { TYPE_NONE, TYPE_SENDTARGETS, TYPE_ISNS, TYPE_FW };

enum submode { SUBMODE_NONE, SUBMODE_PING, SUBMODE_CHAP, SUBMODE_FLASHNODE, SUBMODE_STATS };

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
	enum source_type type; /* words that are none are no type */
	enum submode submode;
	struct iscsi_setting pairs[PAIRS_MAX]; /* -n with -v, complete ones */
	size_t n_pairs;
	char *secrets[PAIRS_MAX]; /* what --secret-from read; its own */
	size_t n_secrets;
	struct iscsi_setting half; /* a pair of which one part is there */
	int print, kill, debug;	   /* UNSET: not given */
	const char *sid, *loginall, *logoutall;
	const char *host_mac; /* -H with a ':' */
	uint32_t host;	      /* -H else; 0 also without it, as callers know it */
	const char *ip;	      /* to ping */
	int packet_size, count, interval;
	uint64_t lun;	 /* of -R: RESCAN_ALL without --lun */
	bool wait_first; /* --wait=first */
	bool force, safe, login, logout, rescan, stats, discover, show_secrets, no_wait, help;
	bool json;
	bool idempotent; /* what holds already is no failure */
	int timeout;	 /* seconds, UNSET: none for the whole command */
	int wait_devices; /* seconds, UNSET: not at all */
};

/*
 * Reads the command line. Returns UNSET to go on, else the exit status: the text is printed, for
 * -V and for everything that is wrong.
 */
int options_parse(int argc, char **argv, struct options *ret);
/* After options_parse, whatever it returned. */
void options_clear(struct options *o);
void options_print_usage(void);

/* -p of modes that look for records: the default port where there is none, UNSET without -p. */
int options_port(const struct options *o);

#endif
