/* SPDX-License-Identifier: MIT */
/*
 * config.h - targets.conf: tgt-admin's file to io.iscsi.target.State and back.
 *
 * <target NAME> and in it <backing-store PATH> are blocks, the rest are lines "name value"; include
 * takes shell patterns; # begins a comment. Without initiator-address and initiator-name a target
 * lets in everybody; "initiator-address NONE" is no rule at all.
 */
#ifndef TARGET_CONFIG_H
#define TARGET_CONFIG_H

#include <json-c/json.h>
#include <stdio.h>

#define CONFIG_WHY_MAX 512
#define CONFIG_HIDDEN "********" /* stands for a password that was not written */

/*
 * Reads path and what it includes. 0 and *ret, the caller's to json_object_put, with secrets in
 * it; else -errno and why: "FILE:LINE: what is wrong".
 */
int config_read(const char *path, struct json_object **ret, char why[CONFIG_WHY_MAX]);

/* Writes what config_read would make into that state again, if the passwords are in it. */
void config_write(struct json_object *state, FILE *out);

#endif
