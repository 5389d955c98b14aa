/* SPDX-License-Identifier: MIT */
/* host.h - the SCSI hosts of iSCSI sessions, by number or hardware address */
#ifndef ISCSIADM_HOST_H
#define ISCSIADM_HOST_H

#include "iscsiadm.h"

/* Of -H; false when no host has that hardware address, which is said. */
bool host_number(struct app *a, uint32_t *ret);

/* False when there is no such host, or the kernel does not name its transport, which is said. */
bool host_has_transport(struct app *a, uint32_t host);

#endif
