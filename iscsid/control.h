/* SPDX-License-Identifier: MIT */
/* control.h - the daemon's side of io.iscsid, on a Unix socket */
#ifndef ISCSID_CONTROL_H
#define ISCSID_CONTROL_H

#include "initiator.h"

#define CONTROL_DIR "run/iscsi"
#define CONTROL_SOCKET CONTROL_DIR "/iscsid.socket"

struct control;

/* Serves listen_fd, which becomes its own; stop is called for the method Stop. -errno. */
int control_open(struct initiator *i, int listen_fd, void (*stop)(void *data), void *data,
	struct control **ret);
void control_close(struct control *c);

#endif
