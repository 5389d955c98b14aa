/* SPDX-License-Identifier: MIT */
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "buf.h"
#include "cleanup.h"
#include "str.h"

#define LOCK_POLL_MS 10
#define TEMPORARY_TRIES 16
#define ENTRIES_SIZE 32768

static bool has_dot_dot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

/* The next component of *path, cut off in place; NULL at the end. */
static char *next_part(char **path)
{
	char *part = *path + strspn(*path, "/");

	if (!*part)
		return NULL;
	*path = part + strcspn(part, "/");
	if (**path)
		*(*path)++ = '\0';
	return part;
}

/* openat2 by hand, one component at a time, for kernels before 5.6 and sandboxes that refuse it. */
static int open_by_hand(int dirfd, const char *path, int flags, mode_t mode)
{
	char *CLEANUP_FREE copy = strdup(path);
	int CLEANUP_CLOSE dir = -1;
	char *part, *rest = copy;
	int fd;

	if (!copy)
		return -ENOMEM;
	part = next_part(&rest);
	if (!part)
		return -ENOENT;
	while (rest[strspn(rest, "/")]) {
		fd = openat(
			dir < 0 ? dirfd : dir, part, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		cleanup_closep(&dir);
		dir = fd;
		part = next_part(&rest);
	}
	fd = openat(dir < 0 ? dirfd : dir, part, flags | O_NOFOLLOW, mode);
	return fd < 0 ? -errno : fd;
}

int file_open_beneath(int dirfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	long fd;

	if (*path == '/' || has_dot_dot(path))
		return -EXDEV;
	fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
	if (fd >= 0)
		return (int)fd;
	if (errno == ENOSYS || errno == EPERM)
		return open_by_hand(dirfd, path, flags | O_CLOEXEC, mode);
	return -errno;
}

/* Without a directory to stay below, the path is the caller's own choice: links and all. */
static int open_path(int dirfd, const char *path, int flags, mode_t mode)
{
	int fd;

	if (dirfd != AT_FDCWD)
		return file_open_beneath(dirfd, path, flags | O_NOCTTY, mode);
	fd = openat(AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY, mode);
	return fd < 0 ? -errno : fd;
}

int file_open_root(const char *root)
{
	int fd = open(root[0] ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int file_make_dirs(int dirfd, const char *path, int leaf)
{
	char *CLEANUP_FREE copy = strdup(path);
	int CLEANUP_CLOSE dir = -1;
	char *rest = copy;
	const char *part;

	if (!copy)
		return -ENOMEM;
	if (*path == '/' || has_dot_dot(path))
		return -EXDEV;
	while ((part = next_part(&rest)) && (leaf || rest[strspn(rest, "/")])) {
		int at = dir < 0 ? dirfd : dir, fd;

		if (mkdirat(at, part, 0700) && errno != EEXIST)
			return -errno;
		fd = openat(at, part, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		cleanup_closep(&dir);
		dir = fd;
	}
	return 0;
}

/* size: where fd's file is known to end, or 0. */
static int read_whole(int fd, size_t size, size_t max, char **ret, size_t *ret_len)
{
	struct buf CLEANUP(buf_free) b = {0};
	ssize_t n;

	do {
		int r = buf_reserve(&b, 4096);

		if (r < 0)
			return r;
		n = read(fd, b.data + b.len, b.room - b.len - 1);
		if (n < 0 && errno != EINTR)
			return -errno;
		b.len += n > 0 ? (size_t)n : 0;
		if (b.len > max)
			return -EFBIG;
	} while (n && b.len != size);
	b.data[b.len] = '\0';
	if (ret_len)
		*ret_len = b.len;
	*ret = (char *)STEAL_PTR(b.data);
	return 0;
}

/* What opens at once, whatever it is; a socket does not open at all. */
static int open_regular(int dirfd, const char *path, size_t *ret_size)
{
	int CLEANUP_CLOSE fd = open_path(dirfd, path, O_RDONLY | O_NONBLOCK, 0);
	struct stat st;

	if (fd < 0)
		return fd == -ENXIO ? -FILE_NOT_REGULAR : fd;
	if (fstat(fd, &st))
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	*ret_size = (size_t)st.st_size;
	return S_ISREG(st.st_mode) ? STEAL_FD(fd) : -FILE_NOT_REGULAR;
}

int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len)
{
	size_t size = 0;
	int CLEANUP_CLOSE fd = open_regular(dirfd, path, &size);

	return fd < 0 ? fd : read_whole(fd, size, max, ret, ret_len);
}

int file_read_stream(const char *path, size_t max, char **ret, size_t *ret_len)
{
	int CLEANUP_CLOSE fd = open_path(AT_FDCWD, path, O_RDONLY, 0);

	return fd < 0 ? fd : read_whole(fd, 0, max, ret, ret_len);
}

const char *file_error(int r)
{
	return r == -FILE_NOT_REGULAR ? "it is no regular file" : strerror(-r);
}

static bool may_be(unsigned char type, unsigned char wanted)
{
	return type == wanted || type == DT_UNKNOWN || wanted == DT_UNKNOWN;
}

/* The kernel's own form: readdir needs twice the system calls, and memory. */
int file_each_name(int fd, unsigned char type, int (*each)(void *data, const char *name), void *data)
{
	_Alignas(struct dirent64) char entries[ENTRIES_SIZE];
	ssize_t len, pos;
	int r = 0;

	while (r == 0 && (len = getdents64(fd, entries, sizeof(entries))) != 0) {
		if (len < 0)
			return -errno;
		for (pos = 0; r == 0 && pos < len;) {
			const struct dirent64 *e = (const void *)(entries + pos);

			pos += e->d_reclen;
			if (e->d_name[0] != '.' && may_be(e->d_type, type))
				r = each(data, e->d_name);
		}
	}
	return r;
}

int file_write_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* The leading dot keeps it out of every listing, also after a crash in the middle. */
static int open_temporary(int dir, mode_t mode, char name[static 32])
{
	uint64_t number;
	int fd = -1;

	for (int i = 0; fd < 0 && i < TEMPORARY_TRIES; i++) {
		if (getrandom(&number, sizeof(number), 0) < 0)
			return -errno;
		snprintf(name, 32, FILE_TEMPORARY "%016llx", (unsigned long long)number);
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd < 0 ? -errno : fd;
}

static int replace_in(int dir, const char *name, const void *data, size_t len, mode_t mode)
{
	char temporary[32];
	int fd = open_temporary(dir, mode, temporary), r;

	if (fd < 0)
		return fd;
	r = file_write_all(fd, data, len);
	if (!r && fsync(fd))
		r = -errno;
	/* Some file systems report a failed write only here. */
	if (close(fd) && !r)
		r = -errno;
	if (!r && renameat(dir, temporary, dir, name))
		r = -errno;
	if (r) {
		unlinkat(dir, temporary, 0);
		return r;
	}
	return fsync(dir) ? -errno : 0;
}

int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode)
{
	const char *slash = strrchr(path, '/');
	char *CLEANUP_FREE parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int CLEANUP_CLOSE dir = -1;

	if (!parent)
		return -ENOMEM;
	dir = open_path(dirfd, parent, O_RDONLY | O_DIRECTORY, 0);
	if (dir < 0)
		return dir;
	return replace_in(dir, slash ? slash + 1 : path, data, len, mode);
}

/* fcntl has no wait with an end. */
static int wait_lock(int fd, int timeout_ms)
{
	const struct timespec pause = {.tv_nsec = LOCK_POLL_MS * 1000000};
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	while (fcntl(fd, timeout_ms < 0 ? F_OFD_SETLKW : F_OFD_SETLK, &whole)) {
		if (errno != EINTR && errno != EAGAIN && errno != EACCES)
			return -errno;
		if (timeout_ms < 0)
			continue;
		if (!timeout_ms)
			return -ETIMEDOUT;
		nanosleep(&pause, NULL);
		timeout_ms = timeout_ms > LOCK_POLL_MS ? timeout_ms - LOCK_POLL_MS : 0;
	}
	return 0;
}

int file_lock(int dirfd, const char *path, int timeout_ms)
{
	int CLEANUP_CLOSE fd = open_path(dirfd, path, O_RDWR | O_CREAT, 0600);
	int r;

	if (fd < 0)
		return fd;
	r = wait_lock(fd, timeout_ms);
	return r < 0 ? r : STEAL_FD(fd);
}
