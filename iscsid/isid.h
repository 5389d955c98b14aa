/* SPDX-License-Identifier: MIT */
/*
 * isid.h - the initiator session ids (RFC 7143 section 10.1.1, conservative reuse).
 *
 * The same initiator, target, portal, interface and session number always give the same ISID, so
 * that persistent reservations survive. The kernel does not keep it: it stands in
 * ROOT/run/iscsi/isid/SID for a later daemon.
 */
#ifndef ISCSID_ISID_H
#define ISCSID_ISID_H

#include <stdint.h>

#include "record.h"

#define ISID_LEN 6

/* number: 0 for the first session to that portal, 1 for the second, ... 0 or -EIO. */
int isid_derive(const char *initiator, const struct iscsi_node *node, unsigned int number,
	uint8_t ret[ISID_LEN]);

int isid_store(const char *root, uint32_t sid, const uint8_t isid[ISID_LEN]);
/* Without a file: the one that open-iscsi gives to session sid. */
void isid_load(const char *root, uint32_t sid, uint8_t ret[ISID_LEN]);
/* Forgets those of sessions that are not there: they went while nobody looked. */
void isid_purge(const char *root, bool (*is_there)(const void *data, uint32_t sid),
	const void *data);
void isid_forget(const char *root, uint32_t sid);

#endif
