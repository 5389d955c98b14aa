/* SPDX-License-Identifier: MIT */
#include "disk.h"

#include "str.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "64M" in bytes; K, M, G, T are powers of 1024. */
static int parse_size(const char *text, uint64_t *ret)
{
	static const char units[] = "KMGT";
	char number[24];
	size_t len = strlen(text);
	const char *unit = len ? strchr(units, text[len - 1] & ~0x20) : NULL;
	int shift = unit && *unit ? 10 * (int)(unit - units + 1) : 0;
	uint64_t n;

	len -= shift != 0;
	if (!len || len >= sizeof(number))
		return -EINVAL;
	memcpy(number, text, len);
	number[len] = '\0';
	if (str_to_u64(number, 1, (UINT64_C(1) << 50) >> shift, &n) < 0)
		return -EINVAL;
	*ret = n << shift;
	return 0;
}

int disk_open(const char *path, const struct disk_options *options, struct disk **ret)
{
	const char *ram = str_after(path, "ram:");
	uint64_t size;
	int r;

	if (!ram)
		return disk_file_open(path, options, ret);
	r = parse_size(ram, &size);
	return r < 0 ? r : disk_ram_open(size, ret);
}

void disk_close(struct disk *disk)
{
	if (disk)
		disk->ops->close(disk);
}
