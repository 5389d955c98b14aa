/* SPDX-License-Identifier: MIT */
/*
 * lazy.h - libraries that few commands need are loaded when the first of their functions is called:
 * to map libcrypto alone takes longer than to list a thousand records.
 *
 * The functions have the names and the headers of the libraries; who calls them need not know.
 */
#ifndef ISCSIADM_LAZY_H
#define ISCSIADM_LAZY_H

/* What is no function: libisns's settings. */
struct isns_config *lazy_isns_config(void);

#endif
