/* SPDX-License-Identifier: MIT */
/*
 * firmware.h - the targets that the firmware would boot from (iBFT and its like), as the kernel
 * shows them below /sys/firmware. The tables are as trustworthy as the firmware: values that are no
 * iSCSI name, no address or no number are left out, a target without name or address altogether.
 */
#ifndef KERNEL_FIRMWARE_H
#define KERNEL_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>

/* Strings are NULL, numbers 0 where the firmware gives none. */
struct firmware_target {
	char *initiator; /* initiator name */
	char *target, *address;
	int port; /* 1..65535 */
	char *lun;
	char *username, *password, *username_in, *password_in;
	/* the network card that it is to be reached through */
	char *hwaddress, *ipaddress, *subnet_mask, *gateway, *primary_dns, *secondary_dns, *netdev;
	char *prefix_len, *vlan_id; /* decimal numbers */
	bool dhcp;
};

struct firmware_targets {
	struct firmware_target *items; /* by number */
	size_t n;
};

/* Below root. Nothing there gives an empty list. 0 or -errno. */
int firmware_read(const char *root, struct firmware_targets *ret);
void firmware_clear(struct firmware_targets *t); /* wipes the secrets */

#endif
