/* SPDX-License-Identifier: MIT */
/* main.c - iscsiadm: options in, one mode run, its exit status out */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fds.h"
#include "iscsiadm.h"
#include "json.h"
#include "log.h"
#include "request.h"

static void on_interrupt(int sig)
{
	static const char text[] = "iscsiadm: caught SIGINT, exiting...\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(1);
	_exit(1);
}

/* Whatever it waits for: records are written in one step, and locks die with their holder. */
static void on_timeout(int sig)
{
	static const char text[] = "iscsiadm: gave up: the command took longer than --timeout\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
		_exit(ISCSI_ERR_REQ_TIMEDOUT);
	_exit(ISCSI_ERR_REQ_TIMEDOUT);
}

static void on_warning(void *data, const char *text)
{
	(void)data;
	log_warning("%s", text);
}

/* Failures are printed and end with 0, as callers know it. */
static int stop_daemon(struct app *a)
{
	struct request *q;
	int r;

	if (a->o.kill > 0) {
		log_error("Invalid iscsid priority %d. Priority must be 0.", a->o.kill);
		return ISCSI_OK;
	}
	r = request_open(a, false, &q);
	if (r) {
		log_error("Could not stop iscsid. Trying sending iscsid SIGTERM or SIGKILL signals "
			  "manually");
		return ISCSI_OK;
	}
	request_stop(q);
	request_close(q);
	return ISCSI_OK;
}

static int (*const modes[])(struct app *) = {
	[MODE_DISCOVERYDB] = mode_discoverydb,
	[MODE_DISCOVERY] = mode_discovery,
	[MODE_NODE] = mode_node,
	[MODE_SESSION] = mode_session,
	[MODE_IFACE] = mode_iface,
	[MODE_FW] = mode_fw,
	[MODE_HOST] = mode_host,
};

static bool reader_left(void)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP);
}

/* Half of an answer is none; a reader that has seen enough, such as head, needs no word about it. */
static bool printed(void)
{
	bool failed = ferror(stdout);

	failed |= fflush(stdout) != 0;
	if (failed && !reader_left())
		log_error("cannot write to standard output");
	return !failed;
}

int main(int argc, char **argv)
{
	const char *root = secure_getenv("ISCSI_ROOT"); /* for tests */
	struct app a = {.root = root ? root : ""};
	int r;

	fds_open_standard();
	log_open("iscsiadm", LOG_TO_STDERR);
	umask(0077);
	signal(SIGINT, on_interrupt);
	signal(SIGPIPE, SIG_IGN);
	/* A core file would hold secrets. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	r = options_parse(argc, argv, &a.o);
	if (r != UNSET) {
		options_clear(&a.o);
		return r;
	}
	log_set_debug(a.o.debug);
	if (a.o.timeout != UNSET) {
		signal(SIGALRM, on_timeout);
		alarm((unsigned int)a.o.timeout);
	}
	if (iscsi_db_open(a.root, &a.db)) {
		log_error("exiting due to idbm configuration error");
		return ISCSI_ERR_IDBM;
	}
	iscsi_db_on_warning(a.db, on_warning, NULL);
	r = a.o.kill != UNSET ? stop_daemon(&a) : modes[a.o.mode](&a);
	json_finish(&a);
	iscsi_db_close(a.db);
	options_clear(&a.o);
	if (!printed() && !r)
		r = ISCSI_ERR;
	return r;
}
