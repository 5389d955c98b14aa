/* SPDX-License-Identifier: MIT */
#include "hosts.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "str.h"
#include "sysfs.h"

static const struct attribute {
	const char *class, *name;
	size_t offset;
} attributes[] = {
	{"scsi_host", "proc_name", offsetof(struct view_host, transport)},
	{"scsi_host", "state", offsetof(struct view_host, state)},
	{"iscsi_host", "ipaddress", offsetof(struct view_host, address)},
	{"iscsi_host", "hwaddress", offsetof(struct view_host, hwaddress)},
	{"iscsi_host", "netdev", offsetof(struct view_host, netdev)},
	{"iscsi_host", "initiatorname", offsetof(struct view_host, initiator)},
};

#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static char **member(struct view_host *h, const struct attribute *a)
{
	return (char **)((char *)h + a->offset);
}

void view_hosts_clear(struct view_hosts *h)
{
	for (size_t i = 0; i < h->n; i++)
		for (size_t k = 0; k < N_ATTRIBUTES; k++)
			free(*member(&h->items[i], &attributes[k]));
	free(h->items);
	*h = (struct view_hosts){0};
}

/* What cannot be read is no value: a host without a session that is connected has no address. */
static void read_host(const char *root, struct view_host *h)
{
	char path[96];

	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		snprintf(path, sizeof(path), "sys/class/%s/host%u/%s", attributes[i].class,
			h->number, attributes[i].name);
		sysfs_read(root, path, member(h, &attributes[i]));
	}
	/* "iscsi_tcp" is the transport "tcp". */
	if (h->transport && str_after(h->transport, "iscsi_"))
		memmove(h->transport, h->transport + 6, strlen(h->transport + 6) + 1);
}

static int add_host(const char *root, const char *name, struct view_hosts *l)
{
	const char *text = str_after(name, "host");
	struct view_host *items;
	uint64_t number;

	if (!text || str_to_u64(text, 0, UINT32_MAX, &number))
		return 0;
	items = realloc(l->items, (l->n + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	l->items = items;
	l->items[l->n] = (struct view_host){.number = (uint32_t)number};
	read_host(root, &l->items[l->n++]);
	return 0;
}

static int compare_hosts(const void *a, const void *b)
{
	const struct view_host *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

int view_hosts_read(const char *root, struct view_hosts *ret)
{
	char *CLEANUP_FREE path = str_printf("%s/sys/class/iscsi_host", root);
	struct view_hosts l = {0};
	const struct dirent *e;
	DIR *d;
	int r = path ? 0 : -ENOMEM;

	if (r)
		return r;
	d = opendir(path);
	if (!d && errno != ENOENT)
		return -errno;
	while (d && !r && (e = readdir(d)))
		r = add_host(root, e->d_name, &l);
	if (d)
		closedir(d);
	if (r) {
		view_hosts_clear(&l);
		return r;
	}
	if (l.n)
		qsort(l.items, l.n, sizeof(*l.items), compare_hosts);
	*ret = l;
	return 0;
}
