/* SPDX-License-Identifier: MIT */
/* admin.h - the daemon's side of io.iscsi.target, on a Unix socket */
#ifndef TARGET_ADMIN_H
#define TARGET_ADMIN_H

#include <uv.h>

#include "model.h"

struct admin;

/* Serves listen_fd, which becomes its own; stop is called for the method Stop. -errno. */
int admin_open(struct model *m, uv_loop_t *loop, int listen_fd, void (*stop)(void *data),
	void *data, struct admin **ret);
void admin_close(struct admin *a);

#endif
