/* SPDX-License-Identifier: MIT */
#include "isid.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "buf.h"
#include "cleanup.h"
#include "file.h"
#include "str.h"

#define ISID_DIR "run/iscsi/isid"
#define TYPE_RANDOM 0x80 /* T = 10b: the 40 bits that follow are free */

int isid_derive(const char *initiator, const struct iscsi_node *node, unsigned int number,
	uint8_t ret[ISID_LEN])
{
	CLEANUP_FREE char *text = str_printf("%s\n%s\n%s\n%d\n%s\n%u", initiator, node->target,
		node->address, node->port, node->iface.name ? node->iface.name : "default", number);
	uint8_t hash[EVP_MAX_MD_SIZE];

	if (!text || !EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL))
		return -EIO;
	ret[0] = TYPE_RANDOM;
	memcpy(ret + 1, hash, ISID_LEN - 1);
	return 0;
}

static void path_of(uint32_t sid, char *ret, size_t len)
{
	snprintf(ret, len, ISID_DIR "/%u", sid);
}

int isid_store(const char *root, uint32_t sid, const uint8_t isid[ISID_LEN])
{
	CLEANUP_CLOSE int fd = file_open_root(root);
	char path[48], text[2 * ISID_LEN + 2];
	int r;

	if (fd < 0)
		return fd;
	path_of(sid, path, sizeof(path));
	for (unsigned int i = 0; i < ISID_LEN; i++)
		snprintf(text + 2 * i, 3, "%02x", isid[i]);
	r = file_replace(fd, path, text, strlen(text), 0600);
	if (r != -ENOENT)
		return r;
	r = file_make_dirs(fd, path, 0);
	return r ? r : file_replace(fd, path, text, strlen(text), 0600);
}

static int parse(const char *text, uint8_t ret[ISID_LEN])
{
	unsigned int v[ISID_LEN];

	if (sscanf(text, "%2x%2x%2x%2x%2x%2x", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) != ISID_LEN)
		return -EINVAL;
	for (unsigned int i = 0; i < ISID_LEN; i++)
		ret[i] = (uint8_t)v[i];
	return 0;
}

void isid_load(const char *root, uint32_t sid, uint8_t ret[ISID_LEN])
{
	CLEANUP_CLOSE int fd = file_open_root(root);
	CLEANUP_FREE char *text = NULL;
	char path[48];

	path_of(sid, path, sizeof(path));
	if (fd >= 0 && !file_read(fd, path, 64, &text, NULL) && !parse(text, ret))
		return;
	be24_put(ret, 0x00023d);
	be24_put(ret + 3, sid & 0xffffff);
}

void isid_forget(const char *root, uint32_t sid)
{
	CLEANUP_CLOSE int fd = file_open_root(root);
	char path[48];

	path_of(sid, path, sizeof(path));
	if (fd >= 0)
		unlinkat(fd, path, 0);
}

void isid_purge(const char *root, bool (*is_there)(const void *data, uint32_t sid),
	const void *data)
{
	CLEANUP_CLOSE int fd = file_open_root(root);
	int dir_fd = fd < 0 ? fd : openat(fd, ISID_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = dir_fd < 0 ? NULL : fdopendir(dir_fd);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		char *end;
		unsigned long sid = strtoul(e->d_name, &end, 10);

		/* Also what a writer that was killed has left. */
		if (e->d_name[0] != '.' ? *end || !is_there(data, (uint32_t)sid)
					: !strncmp(e->d_name, FILE_TEMPORARY, strlen(FILE_TEMPORARY)))
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
	else if (dir_fd >= 0)
		close(dir_fd);
}
