/* SPDX-License-Identifier: MIT */
/* access.h - what a login and a discovery ask about the model: who may see and reach what */
#ifndef TARGET_ACCESS_H
#define TARGET_ACCESS_H

#include "conn.h"
#include "send-targets.h"

/* Makes c->login; at its end c->session is there. -ENOMEM. */
int access_start_login(struct conn *c);

/* The targets that this connection's initiator may see; for struct send_targets_config. */
int access_list(void *conn, const char *name, struct send_targets *s);

#endif
