/* SPDX-License-Identifier: MIT */
#include "view.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "str.h"
#include "sysfs.h"

/* ---- which attribute is where ---- */

enum place { SESSION, CONNECTION, ISCSI_HOST, SCSI_HOST };

static const struct attribute {
	enum place place;
	const char *file;
	bool number;
	size_t offset;
	enum view_depth depth;
} attributes[] = {
#define TEXT(place, file, member, depth)                                                           \
	{                                                                                          \
		place, file, false, offsetof(struct view_session, member), depth                   \
	}
#define NUMBER(place, file, member, depth)                                                         \
	{                                                                                          \
		place, file, true, offsetof(struct view_session, member), depth                    \
	}
	TEXT(SESSION, "targetname", target, VIEW_LIST),
	TEXT(SESSION, "ifacename", iface, VIEW_LIST),
	NUMBER(SESSION, "tpgt", tpgt, VIEW_LIST),
	TEXT(CONNECTION, "persistent_address", persistent_address, VIEW_LIST),
	NUMBER(CONNECTION, "persistent_port", persistent_port, VIEW_LIST),
	TEXT(SCSI_HOST, "proc_name", transport, VIEW_LIST),
	TEXT(SESSION, "initiatorname", initiator, VIEW_DETAIL),
	TEXT(SESSION, "state", state, VIEW_DETAIL),
	TEXT(SESSION, "target_state", target_state, VIEW_DETAIL),
	TEXT(SESSION, "username", username, VIEW_DETAIL),
	TEXT(SESSION, "password", password, VIEW_DETAIL),
	TEXT(SESSION, "username_in", username_in, VIEW_DETAIL),
	TEXT(SESSION, "password_in", password_in, VIEW_DETAIL),
	NUMBER(SESSION, "recovery_tmo", recovery_tmo, VIEW_DETAIL),
	NUMBER(SESSION, "abort_tmo", abort_tmo, VIEW_DETAIL),
	NUMBER(SESSION, "lu_reset_tmo", lu_reset_tmo, VIEW_DETAIL),
	NUMBER(SESSION, "tgt_reset_tmo", tgt_reset_tmo, VIEW_DETAIL),
	NUMBER(SESSION, "initial_r2t", initial_r2t, VIEW_DETAIL),
	NUMBER(SESSION, "immediate_data", immediate_data, VIEW_DETAIL),
	NUMBER(SESSION, "first_burst_len", first_burst, VIEW_DETAIL),
	NUMBER(SESSION, "max_burst_len", max_burst, VIEW_DETAIL),
	NUMBER(SESSION, "max_outstanding_r2t", max_outstanding_r2t, VIEW_DETAIL),
	TEXT(CONNECTION, "address", address, VIEW_DETAIL),
	NUMBER(CONNECTION, "port", port, VIEW_LIST),
	TEXT(CONNECTION, "state", conn_state, VIEW_DETAIL),
	NUMBER(CONNECTION, "max_recv_dlength", max_recv_data_segment, VIEW_DETAIL),
	NUMBER(CONNECTION, "max_xmit_dlength", max_xmit_data_segment, VIEW_DETAIL),
	NUMBER(CONNECTION, "header_digest", header_digest, VIEW_DETAIL),
	NUMBER(CONNECTION, "data_digest", data_digest, VIEW_DETAIL),
	TEXT(SCSI_HOST, "state", host_state, VIEW_DETAIL),
	TEXT(ISCSI_HOST, "ipaddress", host_address, VIEW_DETAIL),
	TEXT(ISCSI_HOST, "netdev", netdev, VIEW_DETAIL),
	TEXT(ISCSI_HOST, "hwaddress", hwaddress, VIEW_DETAIL),
};
#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static void attribute_path(const struct attribute *a, const struct view_session *s, char *ret,
	size_t len)
{
	static const struct {
		const char *dir, *tail;
		bool of_host;
	} places[] = {
		[SESSION] = {"iscsi_session/session", "", false},
		[CONNECTION] = {"iscsi_connection/connection", ":0", false},
		[ISCSI_HOST] = {"iscsi_host/host", "", true},
		[SCSI_HOST] = {"scsi_host/host", "", true},
	};
	unsigned int number = places[a->place].of_host ? (unsigned int)s->host : s->sid;

	snprintf(ret, len, "sys/class/%s%u%s/%s", places[a->place].dir, number, places[a->place].tail,
		a->file);
}

static char **text_member(struct view_session *s, const struct attribute *a)
{
	return (char **)((char *)s + a->offset);
}

static long *number_member(struct view_session *s, const struct attribute *a)
{
	return (long *)((char *)s + a->offset);
}

/* What cannot be read stays unset: not every kernel and not every user has every attribute. */
static int read_attribute(const char *root, const struct attribute *a, struct view_session *s)
{
	char path[160];
	int r;

	attribute_path(a, s, path, sizeof(path));
	if (a->number)
		r = sysfs_read_long(root, path, number_member(s, a));
	else
		r = sysfs_read(root, path, text_member(s, a));
	return r == -ENOMEM ? r : 0;
}

/* ---- sessions ---- */

/* Session directories lie below that of their host: ".../host3/session1/iscsi_session/session1". */
static int find_host(const char *root, uint32_t sid, int *ret)
{
	char path[PATH_MAX], to[PATH_MAX], below[32];
	const char *host = NULL, *p;
	ssize_t n;

	if (snprintf(path, sizeof(path), "%s/sys/class/iscsi_session/session%u", root, sid) >=
		(int)sizeof(path))
		return -ENAMETOOLONG;
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return -errno;
	to[n] = '\0';
	snprintf(below, sizeof(below), "/session%u/", sid);
	p = strstr(to, below);
	for (const char *h = to; p && (h = strstr(h, "/host")) && h < p; h++)
		host = h;
	return host && sscanf(host, "/host%d/", ret) == 1 ? 0 : -ENOENT;
}

/* Sessions that firmware made have no creator. */
static bool has_creator(const char *root, uint32_t sid)
{
	char path[96];
	long creator;

	snprintf(path, sizeof(path), "sys/class/iscsi_session/session%u/creator", sid);
	return !sysfs_read_long(root, path, &creator) && creator != -1 && creator != 0;
}

int view_session_read(const char *root, uint32_t sid, enum view_depth depth,
	struct view_session *ret)
{
	struct view_session s = {.sid = sid};
	int r = find_host(root, sid, &s.host);
	const char *name;

	if (r)
		return r;
	for (size_t i = 0; i < N_ATTRIBUTES; i++)
		if (attributes[i].number)
			*number_member(&s, &attributes[i]) = VIEW_UNSET;
	for (size_t i = 0; i < N_ATTRIBUTES && !r; i++)
		if (attributes[i].depth <= depth)
			r = read_attribute(root, &attributes[i], &s);
	/* It went while it was read. */
	if (!r && !s.target)
		r = -ENOENT;
	if (r) {
		view_session_clear(&s);
		return r;
	}
	s.made_by_user = has_creator(root, sid);
	name = s.transport ? str_after(s.transport, "iscsi_") : NULL;
	if (name)
		memmove(s.transport, name, strlen(name) + 1);
	*ret = s;
	return 0;
}

void view_session_clear(struct view_session *s)
{
	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		char **text = text_member(s, &attributes[i]);

		if (attributes[i].number || !*text)
			continue;
		str_wipe(*text, strlen(*text));
		free(*text);
		*text = NULL;
	}
}

static int compare_sids(const void *a, const void *b)
{
	uint32_t x = ((const struct view_session *)a)->sid, y = ((const struct view_session *)b)->sid;

	return x < y ? -1 : x > y;
}

static int add_session(struct view_sessions *v, size_t *room, const struct view_session *s)
{
	if (v->n == *room) {
		size_t more = *room ? *room * 2 : 64;
		struct view_session *items = reallocarray(v->items, more, sizeof(*items));

		if (!items)
			return -ENOMEM;
		v->items = items;
		*room = more;
	}
	v->items[v->n++] = *s;
	return 0;
}

static void cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

int view_sessions_read(const char *root, enum view_depth depth, struct view_sessions *ret)
{
	CLEANUP_FREE char *path = str_printf("%s/sys/class/iscsi_session", root);
	CLEANUP(cleanup_dir) DIR *d = path ? opendir(path) : NULL;
	struct view_sessions v = {};
	struct dirent *e;
	size_t room = 0;
	int r = 0;

	if (!path)
		return -ENOMEM;
	if (!d && errno != ENOENT)
		return -errno;
	while (d && !r && (e = readdir(d))) {
		struct view_session s;
		unsigned int sid;
		char rest;

		if (sscanf(e->d_name, "session%u%c", &sid, &rest) != 1)
			continue;
		r = view_session_read(root, sid, depth, &s);
		if (r == -ENOENT || r == -EINVAL) {
			r = 0;
			continue;
		}
		if (!r)
			r = add_session(&v, &room, &s);
	}
	if (r) {
		view_sessions_clear(&v);
		return r;
	}
	if (v.n)
		qsort(v.items, v.n, sizeof(v.items[0]), compare_sids);
	*ret = v;
	return 0;
}

void view_sessions_clear(struct view_sessions *s)
{
	for (size_t i = 0; i < s->n; i++)
		view_session_clear(&s->items[i]);
	free(s->items);
	*s = (struct view_sessions){};
}

/* ---- LUNs ---- */

static char *first_entry(const char *path)
{
	CLEANUP(cleanup_dir) DIR *d = opendir(path);
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			return strdup(e->d_name);
	return NULL;
}

static int add_lun(struct view_luns *v, const struct view_lun *lun)
{
	struct view_lun *items = reallocarray(v->items, v->n + 1, sizeof(*items));

	if (!items)
		return -ENOMEM;
	v->items = items;
	v->items[v->n++] = *lun;
	return 0;
}

static int read_luns_of(const char *root, const char *dir, struct view_luns *v)
{
	CLEANUP_FREE char *path = str_printf("%s/%s", root, dir);
	CLEANUP(cleanup_dir) DIR *d = path ? opendir(path) : NULL;
	struct dirent *e;
	int r = path ? 0 : -ENOMEM;

	while (d && !r && (e = readdir(d))) {
		CLEANUP_FREE char *block = NULL, *state = NULL;
		struct view_lun lun = {};
		unsigned int host;

		if (sscanf(e->d_name, "%u:%u:%u:%lu", &host, &lun.channel, &lun.id, &lun.lun) != 4)
			continue;
		block = str_printf("%s/%s/block", path, e->d_name);
		state = str_printf("%s/%s/state", dir, e->d_name);
		if (!block || !state)
			return -ENOMEM;
		sysfs_read(root, state, &lun.state);
		lun.disk = first_entry(block);
		r = add_lun(v, &lun);
	}
	return r;
}

static int compare_luns(const void *a, const void *b)
{
	const struct view_lun *x = a, *y = b;

	if (x->channel != y->channel)
		return x->channel < y->channel ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->lun < y->lun ? -1 : x->lun > y->lun;
}

int view_luns_read(const char *root, uint32_t sid, struct view_luns *ret)
{
	CLEANUP_FREE char *dir = str_printf("sys/class/iscsi_session/session%u/device", sid);
	CLEANUP_FREE char *path = str_printf("%s/%s", root, dir ? dir : "");
	CLEANUP(cleanup_dir) DIR *d = dir && path ? opendir(path) : NULL;
	struct view_luns v = {};
	struct dirent *e;
	int r = 0;

	if (!d)
		return dir && path ? -errno : -ENOMEM;
	while (!r && (e = readdir(d))) {
		CLEANUP_FREE char *target = NULL;

		if (strncmp(e->d_name, "target", 6))
			continue;
		target = str_printf("%s/%s", dir, e->d_name);
		r = target ? read_luns_of(root, target, &v) : -ENOMEM;
	}
	if (r) {
		view_luns_clear(&v);
		return r;
	}
	if (v.n)
		qsort(v.items, v.n, sizeof(v.items[0]), compare_luns);
	*ret = v;
	return 0;
}

void view_luns_clear(struct view_luns *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->items[i].disk);
		free(l->items[i].state);
	}
	free(l->items);
	*l = (struct view_luns){};
}

/* ---- one-offs ---- */

/* The last path component "sessionN". */
static int sid_of_path(const char *path, uint32_t *ret)
{
	const char *found = NULL;
	unsigned int sid;

	for (const char *p = path; (p = strstr(p, "/session")); p++) {
		char after = '/';

		if (sscanf(p, "/session%u%c", &sid, &after) >= 1 && after == '/')
			found = p;
	}
	if (!found || sscanf(found, "/session%u", &sid) != 1)
		return -EINVAL;
	*ret = sid;
	return 0;
}

int view_sid_parse(const char *root, const char *text, uint32_t *ret)
{
	CLEANUP_FREE char *path = NULL, *real = NULL;
	uint64_t number;

	if (!str_to_u64(text, 1, UINT32_MAX, &number) && !str_after(text, "0x")) {
		*ret = (uint32_t)number;
		return 0;
	}
	path = str_printf("%s%s", text[0] == '/' ? root : "", text);
	real = path ? realpath(path, NULL) : NULL;
	return real ? sid_of_path(real, ret) : -EINVAL;
}

char *view_transport_version(const char *root)
{
	char *version = NULL;

	sysfs_read(root, "sys/module/scsi_transport_iscsi/version", &version);
	return version;
}
