/* SPDX-License-Identifier: MIT */
/*
 * Blocks in a file or on a block device. What lies in the page cache is read without waiting
 * (RWF_NOWAIT); writes without waiting work where the file system can do it. A file on tmpfs knows
 * no RWF_NOWAIT and needs none.
 */
#include "disk.h"

#include "cleanup.h"
#include "list.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/vfs.h>

struct disk_file {
	struct disk disk;
	int fd;
	bool device;		  /* a block device */
	bool direct;		  /* buffers must be aligned */
	bool no_nowait_read, no_nowait_write; /* the file system cannot; set by any thread */
};

enum { ALIGN = 4096 };

static struct disk_file *file_of(struct disk *disk)
{
	return container_of(disk, struct disk_file, disk);
}

static const uint8_t *file_map(struct disk *disk, uint64_t off, size_t len)
{
	(void)disk, (void)off, (void)len;
	return NULL;
}

static int unaligned(const void *data)
{
	return ((uintptr_t)data & (ALIGN - 1)) != 0;
}

/* Beyond the end of the file, which may have become shorter, there are zeros. */
static int read_all(int fd, uint8_t *data, size_t len, uint64_t off, int flags)
{
	while (len) {
		struct iovec iov = {data, len};
		ssize_t n = preadv2(fd, &iov, 1, (off_t)off, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			memset(data, 0, len);
			return 0;
		}
		data += n, len -= (size_t)n, off += (size_t)n;
	}
	return 0;
}

static int write_all(int fd, const uint8_t *data, size_t len, uint64_t off, int flags)
{
	while (len) {
		struct iovec iov = {(void *)data, len};
		ssize_t n = pwritev2(fd, &iov, 1, (off_t)off, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n, len -= (size_t)n, off += (size_t)n;
	}
	return 0;
}

static int file_read(struct disk *disk, void *data, size_t len, uint64_t off, int flags)
{
	struct disk_file *file = file_of(disk);
	int r;

	if (!(flags & DISK_NOWAIT) || disk->memory)
		return read_all(file->fd, data, len, off, 0);
	if (file->no_nowait_read)
		return -EAGAIN;
	r = read_all(file->fd, data, len, off, RWF_NOWAIT);
	if (r != -EOPNOTSUPP)
		return r;
	file->no_nowait_read = true;
	return -EAGAIN;
}

/* O_DIRECT wants an aligned buffer; the caller's is not always one. */
static int write_through_copy(
	struct disk_file *file, const uint8_t *data, size_t len, uint64_t off, int flags)
{
	uint8_t *copy = aligned_alloc(ALIGN, (len + ALIGN - 1) & ~(size_t)(ALIGN - 1));
	int r;

	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	r = write_all(file->fd, copy, len, off, flags);
	free(copy);
	return r;
}

static int file_write(struct disk *disk, const void *data, size_t len, uint64_t off, int flags)
{
	struct disk_file *file = file_of(disk);
	int dsync = flags & DISK_FUA ? RWF_DSYNC : 0, r;

	if (flags & DISK_NOWAIT && !disk->memory) {
		if (dsync || file->direct || file->no_nowait_write)
			return -EAGAIN;
		r = write_all(file->fd, data, len, off, RWF_NOWAIT);
		if (r != -EOPNOTSUPP)
			return r;
		file->no_nowait_write = true;
		return -EAGAIN;
	}
	if (file->direct && unaligned(data))
		return write_through_copy(file, data, len, off, dsync);
	return write_all(file->fd, data, len, off, dsync);
}

static int file_flush(struct disk *disk)
{
	return fdatasync(file_of(disk)->fd) < 0 ? -errno : 0;
}

static int write_zeros(struct disk_file *file, uint64_t off, uint64_t len)
{
	static const uint8_t zeros[1 << 16] __attribute__((aligned(ALIGN)));

	while (len) {
		size_t n = len < sizeof(zeros) ? len : sizeof(zeros);
		int r = write_all(file->fd, zeros, n, off, 0);

		if (r < 0)
			return r;
		off += n, len -= n;
	}
	return 0;
}

/* On a device only zeroing promises zeros: it gives space back where the device can do both. */
static int file_discard(struct disk *disk, uint64_t off, uint64_t len)
{
	struct disk_file *file = file_of(disk);

	if (fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
		    (off_t)len) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != EINVAL && errno != ENODEV)
		return -errno;
	return write_zeros(file, off, len);
}

static int file_prefetch(struct disk *disk, uint64_t off, uint64_t len)
{
	return -posix_fadvise(file_of(disk)->fd, (off_t)off, (off_t)len, POSIX_FADV_WILLNEED);
}

static int file_extent(struct disk *disk, uint64_t off, uint64_t *ret_end, bool *ret_mapped)
{
	struct disk_file *file = file_of(disk);
	off_t data = lseek(file->fd, (off_t)off, SEEK_DATA), hole;

	if (data < 0 && errno != ENXIO) {
		*ret_mapped = true; /* the file system does not tell */
		*ret_end = disk->size;
		return 0;
	}
	if (data < 0 || (uint64_t)data > off) {
		*ret_mapped = false;
		*ret_end = data < 0 || (uint64_t)data > disk->size ? disk->size : (uint64_t)data;
		return 0;
	}
	hole = lseek(file->fd, (off_t)off, SEEK_HOLE);
	*ret_mapped = true;
	*ret_end = hole < 0 || (uint64_t)hole > disk->size ? disk->size : (uint64_t)hole;
	return 0;
}

static int file_resize(struct disk *disk)
{
	struct disk_file *file = file_of(disk);
	struct stat st;
	uint64_t size;

	if (file->device) {
		if (ioctl(file->fd, BLKGETSIZE64, &size) < 0)
			return -errno;
	} else {
		if (fstat(file->fd, &st) < 0)
			return -errno;
		size = (uint64_t)st.st_size;
	}
	disk->size = size;
	return 0;
}

static void file_close(struct disk *disk)
{
	struct disk_file *file = file_of(disk);

	if (file->fd >= 0)
		close(file->fd);
	free(file);
}

static const struct disk_ops file_ops = {
	.map = file_map,
	.read = file_read,
	.write = file_write,
	.flush = file_flush,
	.discard = file_discard,
	.prefetch = file_prefetch,
	.extent = file_extent,
	.resize = file_resize,
	.close = file_close,
};

/* What kind of file it is, and what its file system says of it. */
static int examine(struct disk_file *file)
{
	struct disk *disk = &file->disk;
	struct statfs fs;
	struct stat st;
	unsigned int physical = 512;

	if (fstat(file->fd, &st) < 0 || fstatfs(file->fd, &fs) < 0)
		return -errno;
	file->device = S_ISBLK(st.st_mode);
	if (!file->device && !S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	if (file->device)
		ioctl(file->fd, BLKPBSZGET, &physical);
	else
		physical = (unsigned int)st.st_blksize;
	if (physical < 512 || physical > 65536 || physical & (physical - 1))
		physical = 512;
	disk->physical_block = physical;
	disk->memory = !file->device && fs.f_type == TMPFS_MAGIC;
	disk->can_discard = true;
	return file_resize(disk);
}

int disk_file_open(const char *path, const struct disk_options *options, struct disk **ret)
{
	int flags = O_CLOEXEC | O_LARGEFILE | O_NOCTTY | O_NONBLOCK;
	struct disk_file *file = calloc(1, sizeof(*file));
	int r;

	if (!file)
		return -ENOMEM;
	file->direct = options->direct;
	flags |= (options->direct ? O_DIRECT : 0) | (options->sync ? O_DSYNC : 0);
	file->disk = (struct disk){.ops = &file_ops, .readonly = options->readonly};
	file->fd = open(path, flags | (options->readonly ? O_RDONLY : O_RDWR));
	if (file->fd < 0 && !options->readonly && (errno == EROFS || errno == EACCES)) {
		file->disk.readonly = true;
		file->fd = open(path, flags | O_RDONLY);
	}
	r = file->fd < 0 ? -errno : examine(file);
	if (r < 0) {
		file_close(&file->disk);
		return r;
	}
	*ret = &file->disk;
	return 0;
}
