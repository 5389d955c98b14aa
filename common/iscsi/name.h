/* SPDX-License-Identifier: MIT */
/*
 * name.h - what an iSCSI name and a portal may look like; the one check for every input.
 *
 * Pure and without allocation. A name or an address that passes is safe as a path component and
 * as one line of text.
 */
#ifndef ISCSI_NAME_H
#define ISCSI_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define ISCSI_NAME_MAX 223	/* bytes, RFC 7143 section 4.2.7.1 */
#define ISCSI_ADDRESS_MAX 255	/* bytes of a host name or address */
#define ISCSI_PORT_DEFAULT 3260 /* RFC 7143 section 13.8 */
#define ISCSI_PORT_ISNS 3205	/* RFC 4171 section 2.2 */

/*
 * iqn., eui. or naa. form, 1..223 bytes, no control character, blank, '/' or other byte that RFC
 * 3722 forbids, save '_', which many targets use; upper case and bytes from 0x80 on (UTF-8) are
 * let through. NULL when good, else why not, as the
 * end of a sentence: "is longer than 223 bytes".
 */
const char *iscsi_name_fault(const char *name);

/* Whether it has only characters that iscsi_name_fault lets through, whatever its form. */
bool iscsi_name_is_clean(const char *name);

/*
 * An address as records and paths carry it: no brackets, letters, digits, '.', ':', '-', '_' and
 * one "%zone" only; no leading '.'; with a ':' or a zone it is an IPv6 address. NULL when good,
 * else why not.
 */
const char *iscsi_address_fault(const char *address);

/* Interface names: 1..64 bytes, no '/', no control character or blank, no leading '.'. */
const char *iscsi_ifacename_fault(const char *name);

struct iscsi_portal {
	char address[ISCSI_ADDRESS_MAX + 1]; /* without brackets; "" when the text had none */
	int port;			     /* 1..65535, or -1: the text had none */
	int tpgt;			     /* 0..65535, or -1: the text had none */
};

/*
 * The forms of -p and of TargetAddress: HOST, HOST:PORT, HOST:PORT,TPGT, HOST,TPGT, with IPv6
 * addresses bare (then without a port) or in brackets. An empty text, ":5", an unclosed bracket,
 * a number out of range or an address that iscsi_address_fault refuses is a fault.
 * NULL when good (*ret is set), else why not.
 */
const char *iscsi_portal_parse(const char *text, struct iscsi_portal *ret);

/* "10.0.0.1:3260,1" and "[fd00::1]:3260,1": brackets when the address has no '.'. */
bool iscsi_address_in_brackets(const char *address);

#endif
