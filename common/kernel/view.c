/* SPDX-License-Identifier: MIT */
#include "view.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "str.h"
#include "sysfs.h"

static void cleanup_closedirp(DIR *const *d)
{
	if (*d)
		closedir(*d);
}

#define CLEANUP_CLOSEDIR CLEANUP(cleanup_closedirp)

static DIR *open_dir_at(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d && fd >= 0)
		close(fd);
	return d;
}

/* ---- attributes ---- */

enum object { SESSION, CONNECTION, ISCSI_HOST, SCSI_HOST, OBJECTS };

enum kind { TEXT, NUMBER };

struct attribute {
	const char *name;
	enum object of;
	enum kind kind;
	enum view_depth depth; /* from which on it is read */
	size_t offset;
};

#define A(of, name, kind, depth, member)                                     \
	{                                                                    \
		name, of, kind, depth, offsetof(struct view_session, member) \
	}

/* By object. */
static const struct attribute attributes[] = {
	A(SESSION, "targetname", TEXT, VIEW_LIST, target),
	A(SESSION, "tpgt", NUMBER, VIEW_LIST, tpgt),
	A(SESSION, "ifacename", TEXT, VIEW_LIST, iface),
	A(SESSION, "initiatorname", TEXT, VIEW_DETAIL, initiator),
	A(SESSION, "state", TEXT, VIEW_DETAIL, state),
	A(SESSION, "target_state", TEXT, VIEW_DETAIL, target_state),
	A(SESSION, "username", TEXT, VIEW_DETAIL, username),
	A(SESSION, "password", TEXT, VIEW_DETAIL, password),
	A(SESSION, "username_in", TEXT, VIEW_DETAIL, username_in),
	A(SESSION, "password_in", TEXT, VIEW_DETAIL, password_in),
	A(SESSION, "recovery_tmo", NUMBER, VIEW_DETAIL, recovery_tmo),
	A(SESSION, "abort_tmo", NUMBER, VIEW_DETAIL, abort_tmo),
	A(SESSION, "lu_reset_tmo", NUMBER, VIEW_DETAIL, lu_reset_tmo),
	A(SESSION, "tgt_reset_tmo", NUMBER, VIEW_DETAIL, tgt_reset_tmo),
	A(SESSION, "initial_r2t", NUMBER, VIEW_DETAIL, initial_r2t),
	A(SESSION, "immediate_data", NUMBER, VIEW_DETAIL, immediate_data),
	A(SESSION, "first_burst_len", NUMBER, VIEW_DETAIL, first_burst),
	A(SESSION, "max_burst_len", NUMBER, VIEW_DETAIL, max_burst),
	A(SESSION, "max_outstanding_r2t", NUMBER, VIEW_DETAIL, max_outstanding_r2t),
	A(CONNECTION, "persistent_address", TEXT, VIEW_LIST, persistent_address),
	A(CONNECTION, "persistent_port", NUMBER, VIEW_LIST, persistent_port),
	A(CONNECTION, "port", NUMBER, VIEW_LIST, port),
	A(CONNECTION, "address", TEXT, VIEW_DETAIL, address),
	A(CONNECTION, "state", TEXT, VIEW_DETAIL, conn_state),
	A(CONNECTION, "max_recv_dlength", NUMBER, VIEW_DETAIL, max_recv_data_segment),
	A(CONNECTION, "max_xmit_dlength", NUMBER, VIEW_DETAIL, max_xmit_data_segment),
	A(CONNECTION, "header_digest", NUMBER, VIEW_DETAIL, header_digest),
	A(CONNECTION, "data_digest", NUMBER, VIEW_DETAIL, data_digest),
	A(ISCSI_HOST, "ipaddress", TEXT, VIEW_DETAIL, host_address),
	A(ISCSI_HOST, "netdev", TEXT, VIEW_DETAIL, netdev),
	A(ISCSI_HOST, "hwaddress", TEXT, VIEW_DETAIL, hwaddress),
	A(SCSI_HOST, "proc_name", TEXT, VIEW_LIST, transport),
	A(SCSI_HOST, "state", TEXT, VIEW_DETAIL, host_state),
};

#define N_ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

static char **text_of(struct view_session *s, const struct attribute *a)
{
	return (char **)((char *)s + a->offset);
}

static long *number_of(struct view_session *s, const struct attribute *a)
{
	return (long *)((char *)s + a->offset);
}

void view_session_clear(struct view_session *s)
{
	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		char **text = text_of(s, &attributes[i]);

		if (attributes[i].kind == NUMBER || !*text)
			continue;
		str_wipe(*text, strlen(*text));
		free(*text);
		*text = NULL;
	}
}

static void init(struct view_session *s, uint32_t sid)
{
	*s = (struct view_session){.sid = sid, .host = -1, .made_by_user = true};
	for (size_t i = 0; i < N_ATTRIBUTES; i++)
		if (attributes[i].kind == NUMBER)
			*number_of(s, &attributes[i]) = VIEW_UNSET;
}

/* ---- one session ---- */

/* The directories of the classes, open while sessions are read: shorter ways to many files. */
struct classes {
	int dirs[OBJECTS];
};

static void classes_close(const struct classes *c)
{
	for (size_t i = 0; i < OBJECTS; i++)
		cleanup_closep(&c->dirs[i]);
}

/* -ENOENT when there is no class of sessions; any other that is missing has no objects. */
static int classes_open(const char *root, struct classes *ret)
{
	static const char *const names[] = {
		[SESSION] = "iscsi_session",
		[CONNECTION] = "iscsi_connection",
		[ISCSI_HOST] = "iscsi_host",
		[SCSI_HOST] = "scsi_host",
	};
	char path[PATH_MAX];
	int r = 0;

	for (enum object of = SESSION; of < OBJECTS; of++) {
		if (snprintf(path, sizeof(path), "%s/sys/class/%s", root, names[of]) >= PATH_MAX)
			r = -ENAMETOOLONG;
		ret->dirs[of] = r ? -1 : open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (!r && of == SESSION && ret->dirs[of] < 0)
			r = -errno;
	}
	return r;
}

static void object_name(const struct view_session *s, enum object of, char ret[static 32])
{
	if (of == SESSION)
		snprintf(ret, 32, "session%u", s->sid);
	else if (of == CONNECTION)
		snprintf(ret, 32, "connection%u:0", s->sid);
	else
		snprintf(ret, 32, "host%d", s->host);
}

/* A value that cannot be read is no value: root only, no socket now, unknown to this kernel. */
static int read_attribute(
	const struct classes *c, const struct attribute *a, struct view_session *s)
{
	char object[32], path[96];

	object_name(s, a->of, object);
	snprintf(path, sizeof(path), "%s/%s", object, a->name);
	return a->kind == TEXT ? sysfs_read_at(c->dirs[a->of], path, text_of(s, a))
			       : sysfs_read_long_at(c->dirs[a->of], path, number_of(s, a));
}

/* The class entry is a link to .../hostH/sessionS/iscsi_session/sessionS. */
static int read_host_number(const struct classes *c, uint32_t sid)
{
	char name[32], link[PATH_MAX], below[40];
	char *part, *end;
	uint64_t host;
	ssize_t n;

	snprintf(name, sizeof(name), "session%u", sid);
	n = readlinkat(c->dirs[SESSION], name, link, sizeof(link) - 1);
	if (n < 0)
		return -1;
	link[n] = '\0';
	snprintf(below, sizeof(below), "/%s/", name);
	end = strstr(link, below);
	if (!end)
		return -1;
	*end = '\0';
	part = strrchr(link, '/');
	if (!part || strncmp(part, "/host", 5) || str_to_u64(part + 5, 0, INT_MAX, &host))
		return -1;
	return (int)host;
}

/* "iscsi_tcp" is the transport "tcp", "bnx2i" is itself. */
static void name_transport(struct view_session *s)
{
	const char *rest = s->transport ? str_after(s->transport, "iscsi_") : NULL;

	if (rest)
		memmove(s->transport, rest, strlen(rest) + 1);
}

static bool is_there(const struct classes *c, uint32_t sid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "session%u/targetname", sid);
	return !fstatat(c->dirs[SESSION], path, &st, 0);
}

static bool by_user(const struct classes *c, uint32_t sid)
{
	char path[64];
	long creator;

	snprintf(path, sizeof(path), "session%u/creator", sid);
	return sysfs_read_long_at(c->dirs[SESSION], path, &creator) || creator != -1;
}

/* -ENOENT when it is not there, or no more. */
static int read_session(
	const struct classes *c, uint32_t sid, enum view_depth depth, struct view_session *s)
{
	bool whole = true;
	int r = 0;

	init(s, sid);
	s->host = read_host_number(c, sid);
	s->made_by_user = by_user(c, sid);
	for (size_t i = 0; i < N_ATTRIBUTES && r != -ENOMEM; i++) {
		if (attributes[i].depth > depth)
			continue;
		r = read_attribute(c, &attributes[i], s);
		whole = whole && !r;
	}
	name_transport(s);
	if (r != -ENOMEM)
		r = whole || is_there(c, sid) ? 0 : -ENOENT;
	if (r < 0)
		view_session_clear(s);
	return r;
}

int view_session_read(
	const char *root, uint32_t sid, enum view_depth depth, struct view_session *ret)
{
	struct classes CLEANUP(classes_close) c;
	struct view_session s;
	int r = classes_open(root, &c);

	if (!r)
		r = read_session(&c, sid, depth, &s);
	if (!r)
		*ret = s;
	return r;
}

/* ---- all sessions ---- */

void view_sessions_clear(struct view_sessions *s)
{
	for (size_t i = 0; i < s->n; i++)
		view_session_clear(&s->items[i]);
	free(s->items);
	*s = (struct view_sessions){0};
}

static bool parse_sid(const char *text, uint32_t *ret)
{
	uint64_t sid;

	if (text[strspn(text, "0123456789")] || str_to_u64(text, 1, UINT32_MAX, &sid))
		return false;
	*ret = (uint32_t)sid;
	return true;
}

static int compare_sids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static int list_sids(const struct classes *c, uint32_t **ret, size_t *ret_n)
{
	DIR *CLEANUP_CLOSEDIR d = open_dir_at(c->dirs[SESSION], ".");
	uint32_t *CLEANUP_FREE sids = NULL;
	size_t n = 0, room = 0;
	const struct dirent *e;

	if (!d)
		return -errno;
	while ((e = readdir(d))) {
		const char *number = str_after(e->d_name, "session");

		if (n == room) {
			uint32_t *more =
				realloc(sids, (room = room ? 2 * room : 64) * sizeof(*sids));

			if (!more)
				return -ENOMEM;
			sids = more;
		}
		if (number && parse_sid(number, &sids[n]))
			n++;
	}
	if (n)
		qsort(sids, n, sizeof(*sids), compare_sids);
	*ret = STEAL_PTR(sids);
	*ret_n = n;
	return 0;
}

int view_sessions_read(const char *root, enum view_depth depth, struct view_sessions *ret)
{
	struct view_sessions CLEANUP(view_sessions_clear) all = {0};
	struct classes CLEANUP(classes_close) c;
	uint32_t *CLEANUP_FREE sids = NULL;
	size_t n = 0;
	int r = classes_open(root, &c);

	if (!r)
		r = list_sids(&c, &sids, &n);
	if (r < 0 && r != -ENOENT)
		return r;
	all.items = calloc(n ? n : 1, sizeof(*all.items));
	if (!all.items)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		r = read_session(&c, sids[i], depth, &all.items[all.n]);
		if (!r)
			all.n++;
		else if (r != -ENOENT)
			return r;
	}
	*ret = all;
	all = (struct view_sessions){0};
	return 0;
}

int view_sid_parse(const char *root, const char *text, uint32_t *ret)
{
	char *CLEANUP_FREE path = NULL, *CLEANUP_FREE real = NULL;
	struct stat st;
	char *part;

	if (parse_sid(text, ret))
		return 0;
	path = str_printf("%s%s%s", root, *root && *text != '/' ? "/" : "", text);
	if (!path)
		return -ENOMEM;
	real = *text ? realpath(path, NULL) : NULL;
	if (!real || stat(real, &st))
		return -EINVAL;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	for (char *rest = real + strlen(root); (part = strsep(&rest, "/"));) {
		const char *number = str_after(part, "session");

		if (number && parse_sid(number, ret))
			return 0;
	}
	return -ENODATA;
}

char *view_transport_version(const char *root)
{
	char *version = NULL;

	sysfs_read(root, "sys/module/scsi_transport_iscsi/version", &version);
	return version;
}

/* ---- logical units ---- */

void view_luns_clear(struct view_luns *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->items[i].disk);
		free(l->items[i].state);
	}
	free(l->items);
	*l = (struct view_luns){0};
}

/* "0:0:0:1": host, channel, id, LUN */
static bool parse_lun(const char *name, struct view_lun *ret)
{
	unsigned int host;
	unsigned long long lun;
	int end = 0;

	if (sscanf(name, "%u:%u:%u:%llu%n", &host, &ret->channel, &ret->id, &lun, &end) != 4 ||
		name[end])
		return false;
	ret->lun = lun;
	return true;
}

static int read_disk(int unit, char **ret)
{
	DIR *CLEANUP_CLOSEDIR d = open_dir_at(unit, "block");
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (*e->d_name != '.')
			return str_set(ret, e->d_name);
	return 0;
}

static int add_lun(struct view_luns *l, int dir, const char *name)
{
	int CLEANUP_CLOSE unit = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct view_lun lun = {0}, *items;
	int r;

	if (!parse_lun(name, &lun) || unit < 0)
		return 0;
	items = realloc(l->items, (l->n + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	l->items = items;
	r = sysfs_read_at(unit, "state", &lun.state);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = read_disk(unit, &lun.disk);
	l->items[l->n++] = lun;
	return r;
}

static int add_target(struct view_luns *l, int dir, const char *name)
{
	DIR *CLEANUP_CLOSEDIR d = open_dir_at(dir, name);
	const struct dirent *e;
	int r = 0;

	while (d && !r && (e = readdir(d)))
		r = add_lun(l, dirfd(d), e->d_name);
	return r;
}

static int compare_luns(const void *a, const void *b)
{
	const struct view_lun *x = a, *y = b;

	if (x->channel != y->channel)
		return x->channel < y->channel ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return (x->lun > y->lun) - (x->lun < y->lun);
}

int view_luns_read(const char *root, uint32_t sid, struct view_luns *ret)
{
	struct view_luns CLEANUP(view_luns_clear) luns = {0};
	struct classes CLEANUP(classes_close) c;
	DIR *CLEANUP_CLOSEDIR d = NULL;
	const struct dirent *e;
	char path[64];
	int r = classes_open(root, &c);

	if (!r && !is_there(&c, sid))
		r = -ENOENT;
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "session%u/device", sid);
	d = open_dir_at(c.dirs[SESSION], path);
	while (d && !r && (e = readdir(d)))
		if (str_after(e->d_name, "target"))
			r = add_target(&luns, dirfd(d), e->d_name);
	if (r < 0)
		return r;
	if (luns.n)
		qsort(luns.items, luns.n, sizeof(*luns.items), compare_luns);
	*ret = luns;
	luns = (struct view_luns){0};
	return 0;
}
