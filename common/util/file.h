/* SPDX-License-Identifier: MIT */
/* file.h - files below a directory descriptor: read whole, replace at once, lock */
#ifndef UTIL_FILE_H
#define UTIL_FILE_H

#include <errno.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Opens path below dirfd with openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS): no "..", no
 * absolute path and no symbolic link leads out. flags and mode as openat(2), O_CLOEXEC is added.
 * Returns the descriptor or -errno. Falls back to a check by hand where the kernel has no openat2.
 */
int file_open_beneath(int dirfd, const char *path, int flags, mode_t mode);

/* The directory that stands for "/"; "" is "/" itself. For paths only (O_PATH). -errno. */
int file_open_root(const char *root);

/*
 * Makes the missing directories of path (not its last part when leaf is false), mode 0700. Goes
 * through links to directories that are there. A path with ".." or from "/" is -EXDEV.
 */
int file_make_dirs(int dirfd, const char *path, int leaf);

/*
 * The functions below open path as file_open_beneath does, unless dirfd is AT_FDCWD: then path is
 * what open(2) takes, absolute or through links.
 */

/*
 * Reads the whole file; *ret is the caller's to free and ends with a NUL that ret_len does not
 * count (ret_len may be NULL). -EFBIG beyond max bytes. Never waits: -EISDIR for a directory,
 * -FILE_NOT_REGULAR for a FIFO, a socket or a device.
 */
int file_read(int dirfd, const char *path, size_t max, char **ret, size_t *ret_len);
#define FILE_NOT_REGULAR EMEDIUMTYPE
/* As strerror, of what these functions return. */
const char *file_error(int r);

/* The same of what somebody else may still write: a pipe, standard input. Waits for its end. */
int file_read_stream(const char *path, size_t max, char **ret, size_t *ret_len);

/*
 * Calls each for every name in the directory that fd is at the beginning of, but for those that begin
 * with a dot. type: DT_DIR, DT_REG, DT_LNK, or DT_UNKNOWN for any; what the file system does not tell
 * the type of is taken for the right one. Ends with what each returns when that is not 0.
 */
int file_each_name(int fd, unsigned char type, int (*each)(void *data, const char *name), void *data);

/* Writes all of data, in as many calls as it takes. */
int file_write_all(int fd, const char *data, size_t len);

/* How the temporary files of file_replace begin; one may stay when a writer is killed. */
#define FILE_TEMPORARY ".new-"

/*
 * Puts data in place of path in one step: temporary file beside it, fsync, rename, fsync of the
 * directory. On failure the old file is untouched and nothing is left behind. After a crash a
 * temporary file may stay; its name begins with '.', so readers of directories skip such names.
 */
int file_replace(int dirfd, const char *path, const void *data, size_t len, mode_t mode);

/*
 * Takes an exclusive OFD lock on path (made when missing), waiting at most timeout_ms (-1: for
 * ever). Returns the descriptor: closing it, or dying, releases the lock. -ETIMEDOUT.
 */
int file_lock(int dirfd, const char *path, int timeout_ms);

#endif
