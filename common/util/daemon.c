/* SPDX-License-Identifier: MIT */
#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fds.h"

__attribute__((noreturn)) static void wait_for_child(int fd)
{
	char c;

	_exit(read(fd, &c, 1) == 1 ? 0 : 1);
}

int daemon_fork(void)
{
	int fds[2];
	pid_t pid;

	fds_close_others();
	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		close(fds[1]);
		wait_for_child(fds[0]);
	}
	close(fds[0]);
	setsid();
	if (chdir("/"))
		return -errno;
	return fds[1];
}

static void leave_terminal(void)
{
	int fd = open("/dev/null", O_RDWR);

	if (fd < 0)
		return;
	for (int i = 0; i < 3; i++)
		dup2(fd, i);
	if (fd > 2)
		close(fd);
}

int daemon_ready(int fd)
{
	int r;

	leave_terminal();
	r = write(fd, "", 1) == 1 ? 0 : -errno;
	close(fd);
	return r;
}
