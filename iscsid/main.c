/* SPDX-License-Identifier: MIT */
/* main.c - iscsid: options, becoming a daemon, start and end */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "cleanup.h"
#include "control.h"
#include "daemon.h"
#include "fds.h"
#include "file.h"
#include "initiator.h"
#include "iscsi-node.h"
#include "log.h"
#include "session.h"
#include "sock.h"
#include "stock.h"
#include "usage.h"
#include "wanted.h"

#define LOCK_FILE "/" CONTROL_DIR "/iscsid.lock"
#define PID_FILE "/run/iscsid.pid"
#define POOL_THREADS "64" /* names, and disks that are looked at, side by side */
#define EVENT_FD_NAME "kernel-events"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

struct options {
	const char *config, *initiatorname, *pid_file;
	bool foreground, no_pid_file;
	int debug;
};

struct daemon {
	struct options options;
	uv_loop_t loop;
	uv_signal_t sigterm, sigint;
	struct iscsi_db *db, *wanted_db; /* the pool reads the second one */
	struct initiator initiator;
	struct control *control;
	struct stock *stock;
	int lock_fd, pid_fd;
	int listen_fd, event_fd; /* passed by systemd; -1: it did not */
	int ready_fd; /* to the parent that waits for us; -1: there is none */
};

/* ---- options ---- */

static const struct usage_row option_rows[] = {
	{{"config", required_argument, NULL, 'c'}, "FILE",
		"settings (default /etc/iscsi/iscsid.conf)"},
	{{"initiatorname", required_argument, NULL, 'i'}, "FILE",
		"the initiator's name (default /etc/iscsi/initiatorname.iscsi)"},
	{{"foreground", no_argument, NULL, 'f'}, "", "stay in the foreground, log to stderr"},
	{{"debug", required_argument, NULL, 'd'}, "LEVEL", "log more, 0 to 8"},
	{{"uid", required_argument, NULL, 'u'}, "UID", "0; the kernel serves only root"},
	{{"gid", required_argument, NULL, 'g'}, "GID", "0; the kernel serves only root"},
	{{"no-pid-file", no_argument, NULL, 'n'}, "", "write no pid file"},
	{{"pid", required_argument, NULL, 'p'}, "FILE", "pid file (default " PID_FILE ")"},
	{{"print-states", no_argument, NULL, 'S'}, "", "print the state machines as Graphviz and exit"},
	{{"help", no_argument, NULL, 'h'}, "", "print this and exit"},
	{{"version", no_argument, NULL, 'v'}, "", "print the version and exit"},
};
#define N_OPTIONS (sizeof(option_rows) / sizeof(option_rows[0]))

__attribute__((noreturn)) static void bad_usage(const char *text)
{
	if (text)
		fprintf(stderr, "iscsid: %s\n", text);
	fprintf(stderr, "Try `iscsid --help' for more information.\n");
	exit(1);
}

static int parse_debug(const char *text)
{
	char *end;
	long level = strtol(text, &end, 10);

	if (*end || !*text || level < 0 || level > 8)
		bad_usage("the debug level is a number from 0 to 8");
	return (int)level;
}

/* Each request to the kernel needs CAP_SYS_ADMIN of who sends it. */
static void need_root(const char *id)
{
	if (strspn(id, "0") != strlen(id) || !*id)
		bad_usage("the kernel lets only root drive sessions: --uid and --gid can be 0 alone");
}

static void set_option(void *data, int c)
{
	struct options *o = data;

	switch (c) {
	case 'c':
		o->config = optarg;
		break;
	case 'i':
		o->initiatorname = optarg;
		break;
	case 'f':
		o->foreground = true;
		break;
	case 'd':
		o->debug = parse_debug(optarg);
		break;
	case 'u':
	case 'g':
		need_root(optarg);
		break;
	case 'n':
		o->no_pid_file = true;
		break;
	case 'p':
		o->pid_file = optarg;
		break;
	case 'S':
		machine_print(&session_machine, "session", stdout);
		machine_print(&conn_machine, "connection", stdout);
		exit(0);
	case 'h':
		usage_print(stdout, "iscsid", "The iSCSI initiator daemon.", option_rows, N_OPTIONS);
		exit(0);
	case 'v':
		printf("iscsid version %s\n", VERSION);
		exit(0);
	default:
		bad_usage(NULL);
	}
}

static void parse_options(int argc, char **argv, struct options *ret)
{
	usage_parse(argc, argv, option_rows, N_OPTIONS, set_option, ret);
	if (optind < argc)
		bad_usage("there is an argument too many");
	if (ret->pid_file && ret->no_pid_file)
		bad_usage("error: Conflicting PID-file options requested");
	if (ret->pid_file && ret->foreground)
		bad_usage("error: PID file specified but unused in foreground mode");
}

/* ---- the process ---- */

static void put_proc(const char *path, const char *text)
{
	CLEANUP_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		log_warning("%s: %s", path, strerror(errno));
}

static void pool_is_there(uv_work_t *work)
{
	(void)work;
}

static void pool_was_there(uv_work_t *work, int status)
{
	(void)status;
	free(work);
}

/*
 * The disk that holds the root file system may hang on this process: it is not paged out, not
 * killed when memory is short, and its memory comes without I/O. Work in the pool may read disks,
 * so its threads are made before the last of these is set; scans have threads of their own.
 */
static void protect_process(uv_loop_t *loop)
{
	uv_work_t *work = calloc(1, sizeof(*work));
	struct rlimit files;

	if (work && uv_queue_work(loop, work, pool_is_there, pool_was_there))
		free(work);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	put_proc("/proc/self/oom_score_adj", "-1000");
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT))
		log_warning("memory cannot be locked: %s", strerror(errno));
	/* Not in kernels before 5.6. */
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
}

/* One daemon for each machine: the lock goes with the process that holds it. */
static int take_lock(struct daemon *d)
{
	int fd;

	if (mkdir("/" CONTROL_DIR, 0700) && errno != EEXIST) {
		log_error("/%s: %s", CONTROL_DIR, strerror(errno));
		return -errno;
	}
	fd = file_lock(AT_FDCWD, LOCK_FILE, 0);
	if (fd == -ETIMEDOUT)
		log_error("Can not bind IPC socket: another iscsid is running");
	else if (fd < 0)
		log_error("%s: %s", LOCK_FILE, strerror(-fd));
	d->lock_fd = fd;
	return fd < 0 ? fd : 0;
}

/* Two that drive the kernel's iSCSI would take down each other's sessions. */
static int keep_others_out(struct daemon *d)
{
	CLEANUP_FREE char *holder = NULL;
	int r = stock_open(&d->loop, &d->stock, &holder);

	if (r == -EADDRINUSE)
		log_error("Can not bind IPC socket: another iSCSI initiator, %s, listens on "
			  "@ISCSIADM_ABSTRACT_NAMESPACE; stop it and its socket unit first",
			holder ? holder : "another program");
	else if (r)
		log_error("@ISCSIADM_ABSTRACT_NAMESPACE cannot be served: %s", strerror(-r));
	return r;
}

/*
 * What systemd passes: the listening socket of the path unit, and from its descriptor store the
 * event socket that an earlier daemon has left there. -1: there is none.
 */
static int take_passed_fds(struct daemon *d)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++) {
		bool is_event = !strcmp(names[i], EVENT_FD_NAME);
		int *to = is_event ? &d->event_fd : &d->listen_fd;

		if (*to >= 0)
			log_error("systemd passed more than one socket called %s", names[i]);
		else
			*to = SD_LISTEN_FDS_START + i;
		free(names[i]);
	}
	free(names);
	return n < 0 ? n : 0;
}

static int listen_fd(struct daemon *d)
{
	int fd = d->listen_fd;

	if (fd < 0)
		fd = sock_unix_listen("/" CONTROL_SOCKET, 0600);
	if (fd < 0)
		log_error("Can not bind IPC socket /%s: %s", CONTROL_SOCKET, strerror(-fd));
	return fd;
}

/*
 * While nobody listens to the kernel's events, an Asynchronous Message of a target costs its
 * connection: systemd keeps the socket open until the next daemon takes it.
 */
static void store_event_socket(struct daemon *d)
{
	int fd = kernel_event_fd(d->initiator.kernel);

	if (fd >= 0 && d->event_fd < 0)
		sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=" EVENT_FD_NAME, &fd, 1);
}

static int write_pid(struct daemon *d)
{
	const char *path = d->options.pid_file ? d->options.pid_file : PID_FILE;
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (d->options.foreground || d->options.no_pid_file)
		return 0;
	d->pid_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (d->pid_fd < 0 || lockf(d->pid_fd, F_TLOCK, 0) || ftruncate(d->pid_fd, 0) ||
		write(d->pid_fd, text, (size_t)len) != len) {
		log_error("pid file %s: %s", path, strerror(errno));
		return -errno;
	}
	return 0;
}

static void remove_pid(struct daemon *d)
{
	if (d->pid_fd >= 0)
		unlink(d->options.pid_file ? d->options.pid_file : PID_FILE);
}

/* ---- start and end ---- */

static void stop(void *data)
{
	struct daemon *d = data;

	uv_stop(&d->loop);
}

static void on_signal(uv_signal_t *s, int number)
{
	log_info("ended by signal %d; sessions stay logged in", number);
	stop(s->data);
}

static void on_warning(void *data, const char *text)
{
	(void)data;
	log_warning("%s", text);
}

static int open_initiator(struct daemon *d)
{
	int r = iscsi_db_open_files("", d->options.config, d->options.initiatorname, &d->db);

	if (r) {
		log_error("the database cannot be opened: %s", strerror(-r));
		return r;
	}
	iscsi_db_on_warning(d->db, on_warning, NULL);
	r = initiator_open(&d->initiator, &d->loop, "", d->db, d->event_fd);
	if (r == -ECONNREFUSED)
		log_error("the kernel's iSCSI cannot be used from this network namespace: iscsid has "
			  "to run in that of the host");
	else if (r)
		log_error("the kernel's iSCSI cannot be used: %s; is the module iscsi_tcp there?",
			strerror(-r));
	return r;
}

static int open_wanted(struct daemon *d)
{
	int r = iscsi_db_open_files("", d->options.config, d->options.initiatorname, &d->wanted_db);

	if (!r)
		r = wanted_open(&d->initiator, d->wanted_db, &d->initiator.wanted);
	if (r)
		log_error("automatic records cannot be kept wanted: %s", strerror(-r));
	return r;
}

static int open_control(struct daemon *d)
{
	int fd = listen_fd(d), r;

	if (fd < 0)
		return fd;
	r = control_open(&d->initiator, fd, stop, d, &d->control);
	if (r)
		log_error("the control socket cannot be served: %s", strerror(-r));
	return r;
}

static void say_ready(struct daemon *d)
{
	store_event_socket(d);
	sd_notify(0, "READY=1");
	if (d->ready_fd < 0)
		return;
	log_open("iscsid", LOG_TO_SYSLOG);
	if (daemon_ready(STEAL_FD(d->ready_fd)))
		log_warning("who started the daemon is gone");
}

static int start(struct daemon *d)
{
	int r = take_lock(d);

	if (r)
		return r;
	uv_signal_init(&d->loop, &d->sigterm);
	uv_signal_init(&d->loop, &d->sigint);
	d->sigterm.data = d->sigint.data = d;
	uv_signal_start(&d->sigterm, on_signal, SIGTERM);
	if (d->options.foreground)
		uv_signal_start(&d->sigint, on_signal, SIGINT);
	r = keep_others_out(d);
	if (r)
		return r;
	protect_process(&d->loop);
	r = open_initiator(d);
	if (!r)
		r = open_wanted(d);
	if (!r)
		r = open_control(d);
	if (!r)
		r = write_pid(d);
	return r;
}

static void end(struct daemon *d)
{
	remove_pid(d);
	control_close(d->control);
	stock_close(d->stock);
	wanted_close(d->initiator.wanted);
	initiator_close(&d->initiator);
	iscsi_db_close(d->db);
	iscsi_db_close(d->wanted_db);
}

int main(int argc, char **argv)
{
	struct daemon d = {
		.lock_fd = -1, .pid_fd = -1, .listen_fd = -1, .event_fd = -1, .ready_fd = -1};
	int r;

	fds_open_standard();
	parse_options(argc, argv, &d.options);
	log_open("iscsid", LOG_TO_STDERR);
	log_set_debug(d.options.debug);
	umask(0077);
	signal(SIGPIPE, SIG_IGN);
	/* Nothing is read anew; and who dies of it counts as stopped, systemd starts no other. */
	signal(SIGHUP, SIG_IGN);
	/* A core file would hold secrets. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setenv("UV_THREADPOOL_SIZE", POOL_THREADS, 0);
	if (!d.options.foreground) {
		d.ready_fd = daemon_fork();
		if (d.ready_fd < 0) {
			log_error("cannot become a daemon: %s", strerror(-d.ready_fd));
			return 1;
		}
	}
	if (uv_loop_init(&d.loop)) {
		log_error("out of memory");
		return 1;
	}
	r = take_passed_fds(&d);
	if (!r)
		r = start(&d);
	if (!r) {
		say_ready(&d);
		log_info("iSCSI daemon with pid=%d started!", (int)getpid());
		uv_run(&d.loop, UV_RUN_DEFAULT);
	}
	end(&d);
	return r ? 1 : 0;
}
