/* SPDX-License-Identifier: MIT */
/* listener.h - the socket behind a portal: accepts connections into its portal group */
#ifndef TARGET_LISTENER_H
#define TARGET_LISTENER_H

#include "server.h"

struct listener;

/* Listens at the portal, which stays. 0 or -errno. */
int listener_new(struct server *s, const struct portal *p, struct listener **ret);
void listener_free(struct listener *l); /* NULL is fine */

#endif
