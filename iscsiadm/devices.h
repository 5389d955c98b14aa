/* SPDX-License-Identifier: MIT */
/* devices.h - --wait-devices: the names that udev gives to the disks of a login */
#ifndef ISCSIADM_DEVICES_H
#define ISCSIADM_DEVICES_H

#include "iscsiadm.h"

/*
 * Waits until udev is done with every disk of the sessions to these records, and prints their links
 * below /dev/disk/by-path, one on each line. ISCSI_ERR_REQ_TIMEDOUT, said, when that takes longer
 * than --wait-devices allows.
 */
int devices_wait(struct app *a, const struct nodes *nodes);

#endif
