/* SPDX-License-Identifier: MIT */
/*
 * replace.c - what the kernel itself costs when every record is replaced by another one in one step
 *
 *   replace NODES   with NODES/TARGET/PORTAL/default; microseconds
 *
 * On all processors, each record with as few system calls as there can be: the old one is opened and
 * read, a new one is made in a directory of the thread's own, written, and renamed to its place.
 * Nothing is checked, nothing is changed in it, nobody is locked out.
 */
#include <err.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 65536
#define SLICE 200
#define THREADS_MAX 64

static glob_t records;
static size_t next;

static void check(long r, const char *what)
{
	if (r < 0)
		err(1, "%s", what);
}

static void replace(const char *path, const char *name)
{
	char text[TEXT_MAX];
	int fd = open(path, O_RDONLY);
	ssize_t len;

	check(fd, path);
	len = read(fd, text, sizeof(text));
	check(len, path);
	close(fd);
	fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
	check(fd, name);
	check(write(fd, text, (size_t)len), name);
	close(fd);
	check(rename(name, path), path);
}

/* With descriptors of its own, and paths from the directory of all: nothing is shared. */
static void *work(void *dir)
{
	char name[32];

	check(unshare(CLONE_FILES), "unshare");
	check(mkdir(dir, 0700), dir);
	for (size_t first; (first = __atomic_fetch_add(&next, SLICE, __ATOMIC_RELAXED)) < records.gl_pathc;)
		for (size_t i = first; i < first + SLICE && i < records.gl_pathc; i++) {
			snprintf(name, sizeof(name), "%s/%zu", (const char *)dir, i);
			replace(records.gl_pathv[i], name);
		}
	check(rmdir(dir), dir);
	return NULL;
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	char dirs[THREADS_MAX][16];
	pthread_t threads[THREADS_MAX];
	double start;

	if (argc != 2 || chdir(argv[1]) < 0 || glob("iqn.*/*/default", GLOB_NOSORT, NULL, &records))
		errx(1, "usage: replace NODES");
	n = n > THREADS_MAX ? THREADS_MAX : n;
	start = now_us();
	for (long i = 0; i < n; i++) {
		snprintf(dirs[i], sizeof(dirs[i]), "new-%ld", i);
		if (pthread_create(&threads[i], NULL, work, dirs[i]))
			errx(1, "cannot make a thread");
	}
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	printf("%.0f\n", now_us() - start);
	return 0;
}
