/* SPDX-License-Identifier: MIT */
/* netdev.h - the host's network devices */
#ifndef KERNEL_NETDEV_H
#define KERNEL_NETDEV_H

/*
 * The device with that hardware address ("00:11:22:aa:bb:cc", in either case), below root; the
 * caller's to free. -ENOENT.
 */
int netdev_by_mac(const char *root, const char *mac, char **ret);

#endif
