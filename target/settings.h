/* SPDX-License-Identifier: MIT */
/*
 * settings.h - what `target update --name --value` can set and `target show --tid` lists: one row
 * for each. Keys that are negotiated take names, ranges and defaults from keys.h.
 */
#ifndef TARGET_SETTINGS_H
#define TARGET_SETTINGS_H

#include <stddef.h>

#include "keys.h"
#include "login.h"

struct target_settings {
	struct login_params params; /* what the target offers, and the most that it agrees to */
	uint32_t max_queue_cmd;	    /* 1..512: how far MaxCmdSN is ahead of ExpCmdSN */
	uint32_t nop_interval;	    /* seconds between the target's pings, 0: it sends none */
	uint32_t nop_count;	    /* pings that may stay without an answer */
};

#define SETTING_TEXT_MAX KEY_OFFER_MAX

void settings_default(struct target_settings *ret);

/* Names in any case. NULL when good, else why not, as the end of a sentence. */
const char *settings_set(struct target_settings *s, const char *name, const char *value);

/* The row of that place, in the order in which they are listed; NULL behind the last. */
const char *settings_name(size_t at);
void settings_format(const struct target_settings *s, size_t at, char ret[SETTING_TEXT_MAX]);

#endif
