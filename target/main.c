/* SPDX-License-Identifier: MIT */
/* main.c - iscsi-targetd: options, start and end */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include <uv.h>

#include "admin.h"
#include "cleanup.h"
#include "config.h"
#include "control-port.h"
#include "daemon.h"
#include "file.h"
#include "log.h"
#include "server.h"
#include "state.h"
#include "sock.h"
#include "str.h"
#include "usage.h"
#include "varlink-message.h"

#define PORTAL_GROUP 1 /* of the portals that are given on the command line */
#define MACHINE_ID "/etc/machine-id"
#define THREADS_MAX 1024

struct options {
	bool foreground, no_detach;
	unsigned int control_port;
	const char *pid_file, *threads, *config;
	char *iscsi; /* portal=...,nop_interval=...,nop_count=...; NULL: the default portal */
	int debug;
};

struct daemon {
	struct options options;
	uv_loop_t loop;
	uv_signal_t sigterm, sigint;
	struct server *server;
	struct admin *admin;
	int ready_fd; /* to the parent that waits for us; -1: there is none */
	bool pid_written;
};

/* ---- options ---- */

static const struct usage_row option_rows[] = {
	{{"foreground", no_argument, NULL, 'f'}, "", "stay in the foreground, log to stderr"},
	{{"nodaemonize", no_argument, NULL, 'D'}, "", "stay in the foreground, log to syslog"},
	{{"control-port", required_argument, NULL, 'C'}, "N",
		"number of the control socket (0)"},
	{{"nr_iothreads", required_argument, NULL, 't'}, "N", "threads that wait for disks (16)"},
	{{"pid-file", required_argument, NULL, 'p'}, "FILE", "write the process number to FILE"},
	{{"config", required_argument, NULL, 'c'}, "FILE", "targets, accounts, portals to begin with"},
	{{"debug", required_argument, NULL, 'd'}, "LEVEL", "log more, 0 to 8"},
	{{"iscsi", required_argument, NULL, 'i'}, "PARAM",
		"portal=ADDRESS:PORT,... nop_interval=SECONDS nop_count=N"},
	{{"version", no_argument, NULL, 'V'}, "", "print the version and exit"},
	{{"help", no_argument, NULL, 'h'}, "", "print this and exit"},
};
#define N_OPTIONS (sizeof(option_rows) / sizeof(option_rows[0]))

__attribute__((noreturn)) static void bad_usage(int code, const char *what, const char *why)
{
	if (what)
		fprintf(stderr, "iscsi-targetd: '%s' %s\n", what, why);
	fprintf(stderr, "Try `iscsi-targetd --help' for more information.\n");
	exit(code);
}

static int number(const char *text, uint64_t max)
{
	uint64_t n = 0;
	int r = str_to_u64(text, 0, max, &n);

	if (r)
		bad_usage(-r, text, r == -ERANGE ? "is out of range" : "is no number");
	return (int)n;
}

static void add_iscsi(struct options *o, const char *text)
{
	char *all = o->iscsi ? str_printf("%s,%s", o->iscsi, text) : strdup(text);

	if (!all)
		bad_usage(1, text, "does not fit in memory");
	free(o->iscsi);
	o->iscsi = all;
}

static void set_option(void *data, int c)
{
	struct options *o = data;

	switch (c) {
	case 'f':
		o->foreground = true;
		break;
	case 'D':
		o->no_detach = true;
		break;
	case 'C':
		o->control_port = (unsigned int)number(optarg, CONTROL_PORT_MAX);
		break;
	case 't':
		number(optarg, THREADS_MAX);
		o->threads = optarg;
		break;
	case 'c':
		o->config = optarg;
		break;
	case 'p':
		o->pid_file = optarg;
		break;
	case 'd':
		o->debug = number(optarg, 8);
		break;
	case 'i':
		add_iscsi(o, optarg);
		break;
	case 'V':
		printf("%s\n", VERSION);
		exit(0);
	case 'h':
		usage_print(stdout, "iscsi-targetd", "The iSCSI target daemon.", option_rows, N_OPTIONS);
		exit(0);
	default:
		bad_usage(1, NULL, NULL);
	}
}

static void parse_options(int argc, char **argv, struct options *ret)
{
	usage_parse(argc, argv, option_rows, N_OPTIONS, set_option, ret);
	if (optind < argc)
		bad_usage(1, argv[optind], "is an argument too many");
}

/* ---- portals ---- */

static int set_iscsi(struct model *m, const char *pair)
{
	const char *portal = str_after(pair, "portal="), *value = strchr(pair, '=');
	char name[32];
	const char *why;

	if (portal) {
		if (model_portal_new(m, portal, PORTAL_GROUP) == MODEL_OK)
			return 0;
		log_error("portal %s: %s", portal, m->why);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", value ? (int)(value - pair) : 0, pair);
	why = value ? settings_set(&m->defaults, name, value + 1) : "has no value";
	if (why)
		log_error("--iscsi %s %s", pair, why);
	return why ? -EINVAL : 0;
}

static int open_portals(struct daemon *d)
{
	struct model *m = &d->server->model;
	char *rest = d->options.iscsi, *pair;
	int r = 0;

	while (!r && (pair = strsep(&rest, ",")))
		r = set_iscsi(m, pair);
	if (!r && list_empty(&m->portals))
		r = set_iscsi(m, "portal=:3260");
	return r;
}

static int load_config(struct daemon *d)
{
	struct model *m = &d->server->model;
	struct json_object *state = NULL;
	char why[CONFIG_WHY_MAX];
	enum model_error e;

	if (!d->options.config)
		return 0;
	if (config_read(d->options.config, &state, why)) {
		log_error("%s", why);
		return -EINVAL;
	}
	e = state_load(m, state);
	varlink_message_wipe(state);
	json_object_put(state);
	if (!e)
		return 0;
	log_error("%s", m->why[0] ? m->why : model_error_text(e));
	return -EINVAL;
}

/* ---- the process ---- */

static void stop(void *data)
{
	struct daemon *d = data;

	uv_stop(&d->loop);
}

static int write_pid(struct daemon *d)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", (int)getpid()), r;

	if (!d->options.pid_file)
		return 0;
	r = file_replace(AT_FDCWD, d->options.pid_file, text, (size_t)len, 0644);
	if (r)
		log_error("pid file %s: %s", d->options.pid_file, strerror(-r));
	d->pid_written = !r;
	return r;
}

/* What tells this machine's disks from another's. */
static int make_server(struct daemon *d)
{
	CLEANUP_FREE char *id = NULL;
	char host[HOST_NAME_MAX + 1] = "";

	if (file_read(AT_FDCWD, MACHINE_ID, 256, &id, NULL) || str_empty(str_trim(id)))
		gethostname(host, sizeof(host) - 1);
	d->server = server_new(&d->loop, host[0] ? host : str_trim(id));
	if (!d->server)
		log_error("out of memory");
	return d->server ? 0 : -ENOMEM;
}

static int open_admin(struct daemon *d)
{
	CLEANUP_FREE char *path = control_port_socket(d->options.control_port);
	CLEANUP_CLOSE int root = open("/", O_PATH | O_CLOEXEC);
	int fd = -ENOMEM, r;

	/* What is wrong with the directory, listening tells. */
	if (path && path[0] == '/')
		(void)file_make_dirs(root, path + 1, false);
	if (path)
		fd = sock_unix_listen(path, 0600);
	r = fd < 0 ? fd
		   : admin_open(&d->server->model, &d->loop, fd, stop, d, &d->admin);
	if (r == -EADDRINUSE)
		log_error("%s: another iscsi-targetd is running", path);
	else if (r)
		log_error("control socket %s: %s", path ? path : "", strerror(-r));
	return r;
}

static void more_files(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* ---- start and end ---- */

static void on_signal(uv_signal_t *s, int number_)
{
	log_info("ended by signal %d", number_);
	stop(s->data);
}

static void say_ready(struct daemon *d)
{
	sd_notify(0, "READY=1");
	if (!d->options.foreground)
		log_open("iscsi-targetd", LOG_TO_SYSLOG);
	if (d->ready_fd >= 0 && daemon_ready(STEAL_FD(d->ready_fd)))
		log_warning("who started the daemon is gone");
}

static int start(struct daemon *d)
{
	int r = make_server(d);

	if (r)
		return r;
	uv_signal_init(&d->loop, &d->sigterm);
	uv_signal_init(&d->loop, &d->sigint);
	d->sigterm.data = d->sigint.data = d;
	uv_signal_start(&d->sigterm, on_signal, SIGTERM);
	uv_signal_start(&d->sigint, on_signal, SIGINT);
	more_files();
	r = open_admin(d);
	if (!r)
		r = load_config(d);
	if (!r)
		r = open_portals(d);
	if (!r)
		r = write_pid(d);
	return r;
}

static void end(struct daemon *d)
{
	if (d->pid_written)
		unlink(d->options.pid_file);
	admin_close(d->admin);
	server_free(d->server);
	uv_close((uv_handle_t *)&d->sigterm, NULL);
	uv_close((uv_handle_t *)&d->sigint, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	free(d->options.iscsi);
}

int main(int argc, char **argv)
{
	struct daemon d = {.ready_fd = -1};
	int r;

	parse_options(argc, argv, &d.options);
	log_open("iscsi-targetd", LOG_TO_STDERR);
	log_set_debug(d.options.debug);
	signal(SIGPIPE, SIG_IGN);
	/* A core file would hold secrets. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	setenv("UV_THREADPOOL_SIZE", d.options.threads ? d.options.threads : "16", 1);
	if (!d.options.foreground && !d.options.no_detach) {
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
	r = start(&d);
	if (!r) {
		say_ready(&d);
		uv_run(&d.loop, UV_RUN_DEFAULT);
	}
	if (d.server)
		end(&d);
	return r ? 1 : 0;
}
