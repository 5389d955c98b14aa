/* SPDX-License-Identifier: MIT */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define TEXT_MAX 4096 /* bytes of one message, the rest is cut off */

static const char *name = "";
static enum log_where where;
static int debug_level;

void log_open(const char *ident, enum log_where to)
{
	name = ident;
	where = to;
	if (to == LOG_TO_SYSLOG)
		openlog(ident, LOG_PID, LOG_DAEMON);
}

void log_set_debug(int debug)
{
	debug_level = debug;
}

bool log_shows(int debug)
{
	return debug <= 0 || debug <= debug_level;
}

/* What a peer sent must neither forge a line of the log nor drive the terminal. */
static size_t escape(char *to, const char *text)
{
	char *p = to;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < ' ' || c == 0x7f)
			p += sprintf(p, "\\x%02x", c);
		else
			*p++ = (char)c;
	}
	*p = '\0';
	return (size_t)(p - to);
}

__attribute__((format(printf, 2, 0))) static void put(int priority, const char *fmt, va_list ap)
{
	char text[TEXT_MAX], line[64 + 4 * TEXT_MAX];
	size_t n;

	vsnprintf(text, sizeof(text), fmt, ap);
	if (where == LOG_TO_SYSLOG) {
		escape(line, text);
		syslog(priority, "%s", line);
		return;
	}
	n = (size_t)snprintf(line, 64, "%.60s: ", name);
	n += escape(line + n, text);
	line[n++] = '\n';
	/* One write, so that the lines of several processes do not mix; nobody to tell on failure.
	 */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

#define PUT(priority)                   \
	do {                            \
		va_list ap;             \
		va_start(ap, fmt);      \
		put(priority, fmt, ap); \
		va_end(ap);             \
	} while (0)

void log_error(const char *fmt, ...)
{
	PUT(LOG_ERR);
}

void log_warning(const char *fmt, ...)
{
	PUT(LOG_WARNING);
}

void log_info(const char *fmt, ...)
{
	PUT(LOG_INFO);
}

void log_debug(int level, const char *fmt, ...)
{
	if (log_shows(level))
		PUT(LOG_DEBUG);
}
