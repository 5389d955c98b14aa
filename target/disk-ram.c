/* SPDX-License-Identifier: MIT */
/*
 * Blocks in anonymous memory. A page that was never written costs nothing: reading it shows the
 * kernel's page of zeros. One bit for each block says whether it was written.
 */
#include "disk.h"

#include "list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, BLOCK = 512 /* the smallest */, WORD = 64 };

struct disk_ram {
	struct disk disk;
	uint8_t *data;
	uint64_t *mapped; /* bits; changed by any thread */
	size_t mapped_len;
};

static struct disk_ram *ram_of(struct disk *disk)
{
	return container_of(disk, struct disk_ram, disk);
}

static bool is_mapped(const struct disk_ram *ram, uint64_t block)
{
	return __atomic_load_n(&ram->mapped[block / WORD], __ATOMIC_RELAXED) >> block % WORD & 1;
}

/* A range of whole blocks. */
static void set_mapped(struct disk_ram *ram, uint64_t off, uint64_t len, bool yes)
{
	uint64_t block = off / BLOCK, end = (off + len) / BLOCK;

	while (block < end) {
		unsigned int at = block % WORD, n = WORD - at;
		uint64_t *word = &ram->mapped[block / WORD], bits;

		if (n > end - block)
			n = (unsigned int)(end - block);
		bits = (n == WORD ? UINT64_MAX : (UINT64_C(1) << n) - 1) << at;
		if (yes && (__atomic_load_n(word, __ATOMIC_RELAXED) & bits) != bits)
			__atomic_fetch_or(word, bits, __ATOMIC_RELAXED);
		else if (!yes)
			__atomic_fetch_and(word, ~bits, __ATOMIC_RELAXED);
		block += n;
	}
}

static const uint8_t *ram_map(struct disk *disk, uint64_t off, size_t len)
{
	(void)len;
	return ram_of(disk)->data + off;
}

static int ram_read(struct disk *disk, void *data, size_t len, uint64_t off, int flags)
{
	(void)flags;
	memcpy(data, ram_of(disk)->data + off, len);
	return 0;
}

static int ram_write(struct disk *disk, const void *data, size_t len, uint64_t off, int flags)
{
	struct disk_ram *ram = ram_of(disk);

	(void)flags;
	if (!len)
		return 0;
	memcpy(ram->data + off, data, len);
	set_mapped(ram, off, len, true);
	return 0;
}

static int ram_flush(struct disk *disk)
{
	(void)disk;
	return 0;
}

static int ram_discard(struct disk *disk, uint64_t off, uint64_t len)
{
	struct disk_ram *ram = ram_of(disk);
	uint64_t end = off + len, first = (off + PAGE - 1) / PAGE, last = end / PAGE;

	set_mapped(ram, off, len, false);
	if (first >= last) {
		memset(ram->data + off, 0, len);
		return 0;
	}
	memset(ram->data + off, 0, first * PAGE - off);
	memset(ram->data + last * PAGE, 0, end - last * PAGE);
	return madvise(ram->data + first * PAGE, (last - first) * PAGE, MADV_DONTNEED) < 0 ? -errno
											   : 0;
}

static int ram_prefetch(struct disk *disk, uint64_t off, uint64_t len)
{
	(void)disk, (void)off, (void)len;
	return 0;
}

/* Whether the word that begins with this block has all bits as in alike. */
static bool is_whole_word(const struct disk_ram *ram, uint64_t block, uint64_t alike)
{
	return block % WORD == 0 &&
	       __atomic_load_n(&ram->mapped[block / WORD], __ATOMIC_RELAXED) == alike;
}

static int ram_extent(struct disk *disk, uint64_t off, uint64_t *ret_end, bool *ret_mapped)
{
	const struct disk_ram *ram = ram_of(disk);
	uint64_t block = off / BLOCK, blocks = (disk->size + BLOCK - 1) / BLOCK;
	bool mapped = is_mapped(ram, block);
	uint64_t alike = mapped ? UINT64_MAX : 0;

	while (block < blocks && is_mapped(ram, block) == mapped)
		block += is_whole_word(ram, block, alike) ? WORD : 1;
	*ret_end = block >= blocks ? disk->size : block * BLOCK;
	*ret_mapped = mapped;
	return 0;
}

static int ram_resize(struct disk *disk)
{
	(void)disk;
	return 0;
}

static void ram_close(struct disk *disk)
{
	struct disk_ram *ram = ram_of(disk);

	if (ram->data)
		munmap(ram->data, disk->size);
	if (ram->mapped)
		munmap(ram->mapped, ram->mapped_len);
	free(ram);
}

static const struct disk_ops ram_ops = {
	.map = ram_map,
	.read = ram_read,
	.write = ram_write,
	.flush = ram_flush,
	.discard = ram_discard,
	.prefetch = ram_prefetch,
	.extent = ram_extent,
	.resize = ram_resize,
	.close = ram_close,
};

static void *memory(size_t len)
{
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

int disk_ram_open(uint64_t size, struct disk **ret)
{
	struct disk_ram *ram;

	if (!size || size > (UINT64_C(1) << 46))
		return -EINVAL;
	ram = calloc(1, sizeof(*ram));
	if (!ram)
		return -ENOMEM;
	ram->disk = (struct disk){.ops = &ram_ops,
		.size = size,
		.memory = true,
		.can_discard = true,
		.physical_block = BLOCK};
	ram->mapped_len = (size / BLOCK / WORD + 1) * sizeof(*ram->mapped);
	ram->data = memory(size);
	ram->mapped = memory(ram->mapped_len);
	if (!ram->data || !ram->mapped) {
		ram_close(&ram->disk);
		return -ENOMEM;
	}
	*ret = &ram->disk;
	return 0;
}
