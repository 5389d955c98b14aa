/* SPDX-License-Identifier: MIT */
/*
 * log.h - the program's messages for people: to stderr as "IDENT: text", or to syslog.
 *
 * Only programs log; libraries return errors. Never pass a secret, at any level.
 */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdbool.h>

enum log_where { LOG_TO_STDERR, LOG_TO_SYSLOG };

/* Before the first message. ident is kept, not copied. */
void log_open(const char *ident, enum log_where where);

/* debug: -1 or 0 shows errors, warnings and information; 1..8 debug messages up to that level. */
void log_set_debug(int debug);
bool log_shows(int debug);

__attribute__((format(printf, 1, 2))) void log_error(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_warning(const char *fmt, ...);
__attribute__((format(printf, 1, 2))) void log_info(const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void log_debug(int level, const char *fmt, ...);

#endif
