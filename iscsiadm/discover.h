/* SPDX-License-Identifier: MIT */
/* discover.h - SendTargets over a TCP connection of our own; needs no daemon */
#ifndef ISCSIADM_DISCOVER_H
#define ISCSIADM_DISCOVER_H

#include "iscsiadm.h"

struct discover {
	struct app *app;
	struct iscsi_discovery *record; /* where, with which timeouts and secrets */
	const char *initiator, *alias;	/* alias may be NULL */
	const char *netdev;		/* to go through; NULL: any */
	/* portal is never NULL, with port and tag filled in (tag -1: the target gave none). */
	void (*found)(void *data, const char *target, const struct iscsi_portal *portal);
	void *data;
};

/* enum iscsi_err; what went wrong is printed. */
int discover_run(const struct discover *d);

#endif
