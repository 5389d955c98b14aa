/* SPDX-License-Identifier: MIT */
/*
 * timed.c - what a command takes, without a shell between it and the clock
 *
 *   timed OUTPUT COMMAND [ARGUMENT...]   OUTPUT gets what it prints; microseconds on our own
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	posix_spawn_file_actions_t files;
	double start, took;
	int status;
	pid_t pid;

	if (argc < 3)
		errx(2, "usage: timed OUTPUT COMMAND [ARGUMENT...]");
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(
		&files, STDOUT_FILENO, argv[1], O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
	start = now_us();
	errno = posix_spawnp(&pid, argv[2], &files, NULL, argv + 2, environ);
	if (errno)
		err(2, "cannot run %s", argv[2]);
	waitpid(pid, &status, 0);
	took = now_us() - start;
	printf("%.0f\n", took);
	return status ? EXIT_FAILURE : EXIT_SUCCESS;
}
