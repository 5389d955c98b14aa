/* SPDX-License-Identifier: MIT */
/*
 * daemon.c - a model with its administration and nothing else: no listening, no disks.
 *
 *	daemon SOCKET	serves until it is told to stop
 */
#include <signal.h>
#include <stdio.h>

#include "admin.h"
#include "lu.h"
#include "sock.h"

static uv_loop_t loop;

static int on_target(void *data, struct target *t)
{
	(void)data;
	t->device = scsi_device_new(&loop, t->name, t->tid, "test");
	return 0;
}

static void on_gone(void *data, struct target *t)
{
	(void)data;
	scsi_device_free(t->device);
}

static const struct model_hooks hooks = {.target_new = on_target, .target_gone = on_gone};

static void stop(void *data)
{
	(void)data;
	uv_stop(&loop);
}

int main(int argc, char **argv)
{
	struct model m;
	struct admin *a;
	int fd = argc == 2 ? sock_unix_listen(argv[1], 0600) : -1;

	signal(SIGPIPE, SIG_IGN);
	uv_loop_init(&loop);
	model_init(&m, &hooks, NULL);
	if (fd < 0 || model_portal_new(&m, "127.0.0.1:13260", 1) ||
		admin_open(&m, &loop, fd, stop, NULL, &a)) {
		fprintf(stderr, "daemon: cannot serve %s\n", argc == 2 ? argv[1] : "");
		return 1;
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	admin_close(a);
	model_clear(&m);
	/* what the last answers still need */
	while (uv_run(&loop, UV_RUN_NOWAIT))
		;
	uv_loop_close(&loop);
	return 0;
}
