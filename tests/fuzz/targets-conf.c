/* SPDX-License-Identifier: MIT */
/*
 * A targets.conf: whatever it holds, it is read, or refused with one line of text; what was read
 * can be written. Includes are left out: they would read the machine's files.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

static void require(bool ok)
{
	if (!ok)
		abort();
}

static bool includes(const char *text, size_t len)
{
	for (size_t i = 0; i + 7 <= len; i++)
		if (!strncasecmp(text + i, "include", 7))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], why[CONFIG_WHY_MAX] = "";
	struct json_object *state = NULL;
	char *text = NULL;
	size_t len;
	FILE *out;
	int fd;

	if (includes((const char *)data, size))
		return 0;
	fd = memfd_create("targets.conf", MFD_CLOEXEC);
	require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (config_read(path, &state, why)) {
		require(!state && why[0] && strlen(why) < sizeof(why) && !strchr(why, '\n'));
	} else {
		out = open_memstream(&text, &len);
		config_write(state, out);
		fclose(out);
		require(len > 0);
		free(text);
		json_object_put(state);
	}
	close(fd);
	return 0;
}
