/* SPDX-License-Identifier: MIT */
#include "wanted-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "file.h"
#include "str.h"

#define PATH "run/iscsi/wanted"
#define FILE_MAX (64 << 20) /* bytes */

int wanted_file_line(struct buf *text, const struct iscsi_node_id *id)
{
	/* No blank can be in a name: name.h. */
	CLEANUP_FREE char *line = str_printf(
		"%s %s %d %d %s\n", id->target, id->address, id->port, id->tpgt, id->iface);

	return line ? buf_add(text, line, strlen(line)) : -ENOMEM;
}

static int open_to_add(int root)
{
	return file_open_beneath(root, PATH, O_WRONLY | O_CREAT | O_APPEND, 0600);
}

int wanted_file_add(const char *root, const struct buf *lines)
{
	CLEANUP_CLOSE int dir = file_open_root(root);
	CLEANUP_CLOSE int fd = dir < 0 ? dir : open_to_add(dir);

	if (fd == -ENOENT) {
		int r = file_make_dirs(dir, PATH, 0);

		if (r)
			return r;
		fd = open_to_add(dir);
	}
	return fd < 0 ? fd : file_write_all(fd, (const char *)lines->data, lines->len);
}

int wanted_file_replace(const char *root, const struct buf *lines)
{
	CLEANUP_CLOSE int dir = file_open_root(root);

	if (dir < 0)
		return dir;
	if (lines->len)
		return file_replace(dir, PATH, lines->data, lines->len, 0600);
	return unlinkat(dir, PATH, 0) && errno != ENOENT ? -errno : 0;
}

void wanted_file_read(const char *root, void (*each)(void *data, const struct iscsi_node_id *id),
	void *data)
{
	CLEANUP_CLOSE int dir = file_open_root(root);
	CLEANUP_FREE char *text = NULL;
	char *save = NULL;

	if (dir < 0 || file_read(dir, PATH, FILE_MAX, &text, NULL))
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char target[256], address[256], iface[256];
		struct iscsi_node_id id = {.target = target, .address = address, .iface = iface};

		if (sscanf(line, "%255s %255s %d %d %255s", target, address, &id.port, &id.tpgt,
			    iface) == 5)
			each(data, &id);
	}
}
