/* SPDX-License-Identifier: MIT */
/* async.h - what an Asynchronous Message asks for (RFC 7143 section 11.9) */
#ifndef ISCSID_ASYNC_H
#define ISCSID_ASYNC_H

#include <stddef.h>
#include <stdint.h>

enum async_kind {
	ASYNC_KIND_NOTHING,	/* vendor events, and those that this initiator does not know */
	ASYNC_KIND_NEW_LUNS,	/* REPORTED LUNS DATA HAS CHANGED */
	ASYNC_KIND_NEW_SIZES,	/* CAPACITY DATA HAS CHANGED, INQUIRY DATA HAS CHANGED */
	ASYNC_KIND_LOG_OUT,	/* within seconds, and come back */
	ASYNC_KIND_WILL_DROP,	/* the target ends the connection; come back after seconds */
};

struct async {
	enum async_kind kind;
	unsigned int seconds;
};

struct async async_parse(const uint8_t *bhs, const uint8_t *data, size_t len);

#endif
