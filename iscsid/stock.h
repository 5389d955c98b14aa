/* SPDX-License-Identifier: MIT */
/*
 * stock.h - the abstract socket on which open-iscsi's iscsid listens.
 *
 * Its iscsiadm and iscsistart send a C structure there and wait for another, without a limit: they
 * get an error that they can print. Who holds the socket drives the kernel's iSCSI: a second
 * daemon, open-iscsi's or this one, cannot have it and ends.
 */
#ifndef ISCSID_STOCK_H
#define ISCSID_STOCK_H

#include <uv.h>

struct stock;

/* -EADDRINUSE: another daemon is there, *ret_holder (the caller's to free, NULL: it is not
 * known) says which, as "iscsid (pid 123)"; -errno. */
int stock_open(uv_loop_t *loop, struct stock **ret, char **ret_holder);
void stock_close(struct stock *s); /* takes NULL */

#endif
