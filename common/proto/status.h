/* SPDX-License-Identifier: MIT */
/* status.h - login status class and detail (RFC 7143 section 11.13.5) in words */
#ifndef PROTO_STATUS_H
#define PROTO_STATUS_H

#include <stdint.h>

enum status_class {
	STATUS_SUCCESS = 0,
	STATUS_REDIRECT = 1,
	STATUS_INITIATOR_ERROR = 2,
	STATUS_TARGET_ERROR = 3,
};

/* "authentication failure", "target not found", ...; never NULL. */
const char *status_text(uint8_t status_class, uint8_t detail);

#endif
