/* SPDX-License-Identifier: MIT */
#include "netns.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "cleanup.h"
#include "str.h"

#define DIRECTORY "/run/netns" /* where ip-netns(8) keeps them */

struct visit {
	const char *netns;
	int (*call)(void *data);
	void *data;
	int result;
};

static int enter(const char *netns)
{
	CLEANUP_FREE char *path = NULL;
	CLEANUP_CLOSE int fd = -1;

	if (strchr(netns, '/') || *netns == '.')
		return -EINVAL;
	path = str_printf(DIRECTORY "/%s", netns);
	if (!path)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 || setns(fd, CLONE_NEWNET) ? -errno : 0;
}

static void *visit(void *data)
{
	struct visit *v = data;

	v->result = enter(v->netns);
	if (!v->result)
		v->result = v->call(v->data);
	return NULL;
}

int netns_call(const char *netns, int (*call)(void *data), void *data)
{
	struct visit v = {netns, call, data, 0};
	pthread_t thread;
	int r;

	if (str_empty(netns))
		return call(data);
	r = pthread_create(&thread, NULL, visit, &v);
	if (r)
		return -r;
	pthread_join(thread, NULL);
	return v.result;
}
