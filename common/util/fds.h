/* SPDX-License-Identifier: MIT */
/* fds.h - the descriptors that a process begins with */
#ifndef UTIL_FDS_H
#define UTIL_FDS_H

/*
 * Opens /dev/null in place of those of 0, 1 and 2 that the caller has closed: a file of ours that got
 * such a number would be written to by whatever prints.
 */
void fds_open_standard(void);

/* Closes all from 3 on. */
void fds_close_others(void);

#endif
