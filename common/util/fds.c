/* SPDX-License-Identifier: MIT */
#include "fds.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_OTHER 3

void fds_open_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd < FIRST_OTHER);
	if (fd >= FIRST_OTHER)
		close(fd);
}

void fds_close_others(void)
{
	long end = sysconf(_SC_OPEN_MAX);

	/* Not in kernels before 5.9. */
	if (!syscall(SYS_close_range, FIRST_OTHER, ~0u, 0))
		return;
	for (int fd = FIRST_OTHER; fd < end; fd++)
		close(fd);
}
