/* SPDX-License-Identifier: MIT */
/* daemon.h - becoming a daemon whose start succeeds or fails before the eyes of who started it */
#ifndef UTIL_DAEMON_H
#define UTIL_DAEMON_H

/*
 * Forks. The child goes on, in a session of its own and with / as directory: a descriptor for
 * daemon_ready. What it has inherited is closed, but for 0, 1 and 2: it would hold the locks of who
 * started it. The parent exits with 0 once the child is ready, with 1 when it has ended before.
 * -errno.
 */
int daemon_fork(void);

/* Lets go of the terminal, and of the parent that waits. fd is closed. -errno: it is gone. */
int daemon_ready(int fd);

#endif
