/* SPDX-License-Identifier: MIT */
/* query.h - asking a source which targets there are; needs no daemon */
#ifndef ISCSIADM_QUERY_H
#define ISCSIADM_QUERY_H

#include "iscsiadm.h"

struct query {
	struct iscsi_discovery *record; /* where, with which timeouts and secrets */
	const char *initiator, *alias;	/* alias may be NULL */
	const char *netdev;		/* to go through; NULL: any */
	const char *netns;		/* network namespace to go through; NULL: this one */
	/* portal is never NULL, with port and tag filled in (tag -1: the target gave none). */
	void (*found)(void *data, const char *target, const struct iscsi_portal *portal);
	void *data;
};

/* enum iscsi_err; what went wrong is printed. */
int query_sendtargets(const struct query *q);
int query_isns(const struct query *q);

#endif
