/* SPDX-License-Identifier: MIT */
/*
 * adm-options.h - tgtadm's command line as data: the options, the operations of each mode, and
 * which options each of them takes and needs.
 */
#ifndef TARGET_ADM_OPTIONS_H
#define TARGET_ADM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum adm_mode {
	ADM_NO_MODE,
	ADM_SYSTEM,
	ADM_TARGET,
	ADM_UNIT,
	ADM_PORTAL,
	ADM_SESSION,
	ADM_CONNECTION,
	ADM_ACCOUNT,
	ADM_LLD,
	ADM_MODES,
};

enum adm_op {
	ADM_NO_OP,
	ADM_NEW,
	ADM_DELETE,
	ADM_SHOW,
	ADM_BIND,
	ADM_UNBIND,
	ADM_UPDATE,
	ADM_STAT,
	ADM_START,
	ADM_STOP,
	ADM_OPS,
};

#define ADM_UNSET (-1)

struct adm_options {
	enum adm_mode mode;
	enum adm_op op;
	const char *lld;
	int64_t tid, sid, cid, lun; /* ADM_UNSET: not given */
	int64_t block_size, control_port; /* 0: not given */
	const char *name, *value, *path, *bstype, *bsopts, *bsoflags, *target_name, *address,
		*initiator, *user, *params, *bus, *device_type;
	char *password; /* a copy: that of argv is overwritten */
	bool outgoing, force, with_secrets, dump;
	const char *execute; /* a configuration file to read */
};

#define ADM_USAGE_ERROR 22 /* exit status */

/*
 * Reads the command line; ADM_UNSET to go on, else the exit status: all is said. Overwrites
 * passwords in argv.
 */
int adm_options_parse(int argc, char **argv, struct adm_options *ret);
void adm_options_clear(struct adm_options *o);

const char *adm_mode_name(enum adm_mode m);

#endif
