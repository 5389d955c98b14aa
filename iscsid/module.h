/* SPDX-License-Identifier: MIT */
/*
 * module.h - loading modules of the kernel.
 */
#ifndef ISCSID_MODULE_H
#define ISCSID_MODULE_H

/* With what it needs; one that is there already is fine. -ENOENT: there is none; -EPERM: it is
 * blacklisted; -errno. */
int module_load(const char *name);

#endif
