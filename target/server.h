/* SPDX-License-Identifier: MIT */
/*
 * server.h - what all connections and sessions of one loop share.
 *
 * Everything runs on the loop's thread. What is written is collected while the loop's callbacks
 * run, and goes out in one step before the loop waits again; connections that are over end there
 * too, so that no callback ever sees its connection vanish.
 */
#ifndef TARGET_SERVER_H
#define TARGET_SERVER_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "list.h"
#include "model.h"
#include "reader.h"

#define LOGINS_MAX 4096		  /* connections that have not logged in; one more is closed */
#define LOGIN_SECONDS_DEFAULT 15 /* a login that takes longer is ended */

struct server {
	uv_loop_t *loop;
	struct model model;
	unsigned int login_seconds;
	struct list conns;    /* struct conn, all */
	struct list changed;  /* struct conn, with something to write or at their end */
	struct list sessions; /* struct session, all */
	unsigned int faults;  /* of fault.h, of all targets */
	unsigned int logins;  /* connections that have not logged in */
	uint16_t last_tsih;
	char host[64];
	uv_prepare_t before_wait;
	uint8_t buffer[READER_BUFFER];
};

/* NULL: no memory. host: what tells this machine from others (scsi_device_new). */
struct server *server_new(uv_loop_t *loop, const char *host);
void server_free(struct server *s); /* ends every session and connection */

#endif
