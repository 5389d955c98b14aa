/* SPDX-License-Identifier: MIT */
/*
 * An index is worth as much as its doubts. A directory's ctime tells of every change, if it was
 * older than the clock's step when the directory was read: later changes then have another one.
 * That is so on the file systems below; on others nothing is taken from an index.
 */
#include "tree.h"

#include "crew.h"
#include "file.h"
#include "place.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>

#define CHUNKS_EACH 4	   /* that are worth a thread */
#define STEP_NS 100000000  /* more than any clock's step */
#define STEP_S 2	   /* for file systems that keep whole seconds */
#define XFS_MAGIC 0x58465342

size_t index_min = 1024;

enum part { TARGETS, PORTALS, IFACES, STRINGS };

/* One reading of the whole. */
struct reading {
	int nodes;
	struct tree *tree;
	const char **names; /* of the targets */
	size_t n;
	bool broken; /* the index is */
	bool stamps; /* are wanted */
	struct timespec start;
};

bool stamp_take(const struct stat *st, uint64_t dev, struct stamp *ret)
{
	*ret = (struct stamp){st->st_ino, st->st_ctim.tv_sec, (uint64_t)st->st_ctim.tv_nsec};
	return S_ISDIR(st->st_mode) && st->st_dev == dev;
}

bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return a->ino && a->ino == b->ino && a->sec == b->sec && a->nsec == b->nsec;
}

static bool is_settled(const struct stamp *s, const struct timespec *start)
{
	int64_t age = start->tv_sec - s->sec;

	/* Whole seconds may be all that there is. */
	if (!s->nsec)
		return age > STEP_S;
	return age > 1 || (age >= 0 && age * 1000000000 + start->tv_nsec - (int64_t)s->nsec > STEP_NS);
}

/* ---- names in a directory ---- */

static int add_string(struct buf *strings, const char *text, uint32_t *ret)
{
	if (strings->len > UINT32_MAX / 2)
		return -E2BIG;
	*ret = (uint32_t)strings->len;
	return buf_add(strings, text, strlen(text) + 1);
}

struct collection {
	struct buf *strings, *offsets;
	const char *(*fault)(const char *name);
};

static int add_name(void *data, const char *name)
{
	const struct collection *c = data;
	uint32_t at;
	int r;

	if (c->fault && c->fault(name))
		return 0;
	r = add_string(c->strings, name, &at);
	return r < 0 ? r : buf_add(c->offsets, &at, sizeof(at));
}

/* Appends the names that have no fault to strings, and where they begin to offsets. */
static int read_names(int fd, unsigned char type, const char *(*fault)(const char *),
	struct buf *strings, struct buf *offsets)
{
	struct collection c = {strings, offsets, fault};

	return file_each_name(fd, type, add_name, &c);
}

static int compare_offsets(const void *a, const void *b, void *strings)
{
	const char *s = strings;

	return strcmp(s + *(const uint32_t *)a, s + *(const uint32_t *)b);
}

/* Many file systems list in the order of making, or against it. */
static void sort_offsets(uint32_t *v, size_t n, char *strings)
{
	size_t up = 1, down = 1;

	while (up < n && compare_offsets(&v[up - 1], &v[up], strings) < 0)
		up++;
	while (down < n && compare_offsets(&v[down - 1], &v[down], strings) > 0)
		down++;
	if (up >= n)
		return;
	if (down < n) {
		qsort_r(v, n, sizeof(*v), compare_offsets, strings);
		return;
	}
	for (size_t i = 0; i < n / 2; i++) {
		uint32_t other = v[n - 1 - i];

		v[n - 1 - i] = v[i];
		v[i] = other;
	}
}

/* ---- a chunk from its directories ---- */

/* What another program removed, or what never was a directory of ours, is no reason to stop. */
static int skip(int err)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
	case -ELOOP:
	case -EACCES:
		return 0;
	default:
		return err;
	}
}

/*
 * A name of one part, so O_NOFOLLOW is all that it takes to stay below. The descriptor or -errno;
 * what cannot be stamped leaves the chunk unsettled.
 */
static int open_dir(
	const struct reading *r, int dir, const char *name, struct tree_chunk *c, struct stamp *ret)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	*ret = (struct stamp){0};
	if (fd < 0)
		c->settled = false;
	if (fd < 0 || !r->stamps)
		return fd < 0 ? -errno : fd;
	if (fstat(fd, &st) < 0 || !stamp_take(&st, r->tree->dev, ret) ||
		!is_settled(ret, &r->start))
		c->settled = false;
	return fd;
}

static int read_portal(
	const struct reading *r, int target, const char *name, struct tree_chunk *c, uint32_t dir)
{
	struct buf *b = c->body;
	struct tree_portal p = {.dir = dir};
	struct iscsi_portal portal;
	size_t before = b[IFACES].len;
	int fd, ret;

	if (!place_parse(name, &portal))
		return 0;
	p.port = portal.port;
	p.tpgt = portal.tpgt;
	if (p.tpgt >= 0) {
		fd = open_dir(r, target, name, c, &p.stamp);
		if (fd < 0)
			return skip(fd);
		ret = read_names(fd, DT_REG, iscsi_ifacename_fault, &b[STRINGS], &b[IFACES]);
		close(fd);
		if (ret < 0)
			return ret;
		p.n_ifaces = (uint32_t)((b[IFACES].len - before) / sizeof(uint32_t));
		sort_offsets((uint32_t *)(void *)(b[IFACES].data + before), p.n_ifaces,
			(char *)b[STRINGS].data);
	}
	ret = add_string(&b[STRINGS], portal.address, &p.address);
	return ret < 0 ? ret : buf_add(&b[PORTALS], &p, sizeof(p));
}

static int read_portals(const struct reading *r, int target, struct tree_chunk *c)
{
	struct buf CLEANUP(buf_free) dirs = {0};
	struct buf *strings = &c->body[STRINGS];
	/* both styles, in one order */
	int ret = read_names(target, DT_UNKNOWN, NULL, strings, &dirs);
	size_t n = dirs.len / sizeof(uint32_t);
	uint32_t *v = (void *)dirs.data;

	sort_offsets(v, n, (char *)strings->data);
	for (size_t i = 0; ret == 0 && i < n; i++) {
		char portal[NAME_MAX + 1]; /* for what strings has may move */

		strcpy(portal, (const char *)strings->data + v[i]);
		ret = read_portal(r, target, portal, c, v[i]);
	}
	return ret;
}

/* The target is there then, also when its directory could not be read. */
static int read_target(const struct reading *r, const char *name, struct tree_chunk *c)
{
	struct buf *portals = &c->body[PORTALS];
	struct tree_target t = {0};
	size_t before = portals->len;
	int CLEANUP_CLOSE fd = open_dir(r, r->nodes, name, c, &t.stamp);
	int ret = add_string(&c->body[STRINGS], name, &t.name), error = 0;

	if (ret < 0)
		return ret;
	error = fd < 0 ? skip(fd) : read_portals(r, fd, c);
	t.n_portals = (uint32_t)((portals->len - before) / sizeof(struct tree_portal));
	ret = buf_add(&c->body[TARGETS], &t, sizeof(t));
	return ret < 0 ? ret : error;
}

static void chunk_release(struct tree_chunk *c)
{
	for (size_t i = 0; i < sizeof(c->body) / sizeof(c->body[0]); i++)
		buf_free(&c->body[i]);
}

/* 0 or the first error, without what could not be read. */
static int read_chunk(const struct reading *r, const char *const *names, size_t n,
	struct tree_chunk *ret)
{
	struct tree_chunk c = {.settled = r->stamps};
	int error = 0;

	for (size_t i = 0; i < n; i++) {
		int e = read_target(r, names[i], &c);

		if (e < 0) {
			error = error ? error : e;
			c.settled = false;
		}
	}
	c.targets = (const void *)c.body[TARGETS].data;
	c.portals = (const void *)c.body[PORTALS].data;
	c.ifaces = (const void *)c.body[IFACES].data;
	c.strings = (const void *)c.body[STRINGS].data;
	c.n_targets = (uint32_t)(c.body[TARGETS].len / sizeof(struct tree_target));
	c.n_portals = (uint32_t)(c.body[PORTALS].len / sizeof(struct tree_portal));
	c.n_ifaces = (uint32_t)(c.body[IFACES].len / sizeof(uint32_t));
	c.strings_len = (uint32_t)c.body[STRINGS].len;
	*ret = c;
	return error;
}

/* ---- all of them ---- */

static void note_error(struct tree *t, int r)
{
	int none = 0;

	if (r < 0)
		__atomic_compare_exchange_n(
			&t->error, &none, r, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static void read_part(void *data, size_t i)
{
	const struct reading *r = data;
	size_t first = i * TREE_CHUNK, n = r->n - first < TREE_CHUNK ? r->n - first : TREE_CHUNK;

	note_error(r->tree, read_chunk(r, r->names + first, n, &r->tree->chunks[i]));
}

static bool is_as_it_was(
	const struct reading *r, int nodes, const char *path, const struct stamp *s)
{
	struct stamp now;
	struct stat st;

	return fstatat(nodes, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       stamp_take(&st, r->tree->dev, &now) && stamp_equal(&now, s);
}

/*
 * nodes: a descriptor of this thread's own, for the processors pass one that is shared to and fro.
 * The portals first: the kernel finds their targets on the way to them.
 */
static bool chunk_is_as_it_was(const struct reading *r, int nodes, const struct tree_chunk *c)
{
	const struct tree_portal *p = c->portals;
	char path[2 * NAME_MAX + 2];

	for (uint32_t t = 0; t < c->n_targets; t++) {
		const char *name = c->strings + c->targets[t].name;
		size_t len = strlen(name);

		if (len > NAME_MAX)
			return false;
		memcpy(path, name, len + 1);
		for (uint32_t i = 0; i < c->targets[t].n_portals; i++, p++) {
			if (p->tpgt < 0)
				continue;
			if (strlen(c->strings + p->dir) > NAME_MAX)
				return false;
			path[len] = '/';
			strcpy(path + len + 1, c->strings + p->dir);
			if (!is_as_it_was(r, nodes, path, &p->stamp))
				return false;
		}
		path[len] = '\0';
		if (!is_as_it_was(r, nodes, path, &c->targets[t].stamp))
			return false;
	}
	return true;
}

/* From the index, or from the directories where those are not as they were. */
static void check_part(void *data, size_t i)
{
	struct reading *r = data;
	struct tree_chunk *c = &r->tree->chunks[i];
	const char *names[TREE_CHUNK];
	uint32_t n;
	int CLEANUP_CLOSE nodes = -1;

	if (__atomic_load_n(&r->broken, __ATOMIC_RELAXED))
		return;
	if (!index_take(r->tree, i)) {
		__atomic_store_n(&r->broken, true, __ATOMIC_RELAXED);
		return;
	}
	nodes = openat(r->nodes, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (nodes >= 0 && c->settled && chunk_is_as_it_was(r, nodes, c))
		return;
	n = c->n_targets;
	for (uint32_t t = 0; t < n; t++)
		names[t] = c->strings + c->targets[t].name;
	note_error(r->tree, read_chunk(r, names, n, c));
}

static void run_crew(struct reading *r, void (*work)(void *data, size_t i))
{
	crew_run(crew_size(r->tree->n, CHUNKS_EACH), r->tree->n, work, r);
}

/* True when all came from the index, or what did not is worth no new one. */
static bool index_is_good(const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->chunks[i].settled && !t->chunks[i].from_index)
			return false;
	return true;
}

static int read_all(struct reading *r)
{
	struct buf CLEANUP(buf_free) strings = {0}, CLEANUP(buf_free) offsets = {0};
	const uint32_t *v;
	int ret = read_names(r->nodes, DT_DIR, iscsi_name_fault, &strings, &offsets);

	if (ret < 0)
		return ret;
	r->n = offsets.len / sizeof(uint32_t);
	v = (const void *)offsets.data;
	sort_offsets((uint32_t *)(void *)offsets.data, r->n, (char *)strings.data);
	r->names = calloc(r->n + 1, sizeof(*r->names));
	r->tree->n = (r->n + TREE_CHUNK - 1) / TREE_CHUNK;
	r->tree->chunks = calloc(r->tree->n + 1, sizeof(*r->tree->chunks));
	if (!r->names || !r->tree->chunks) {
		free(STEAL_PTR(r->tree->chunks));
		r->tree->n = 0;
		free(STEAL_PTR(r->names));
		return -ENOMEM;
	}
	for (size_t i = 0; i < r->n; i++)
		r->names[i] = (const char *)strings.data + v[i];
	run_crew(r, read_part);
	free(STEAL_PTR(r->names));
	return 0;
}

/* False when there is no index of this directory, or a broken one. */
static bool read_from_index(struct iscsi_db *db, struct reading *r)
{
	struct tree *t = r->tree;

	if (!r->stamps || !index_open(db, t))
		return false;
	run_crew(r, check_part);
	if (r->broken)
		tree_release(t);
	return !r->broken;
}

static bool can_be_trusted(int nodes)
{
	static const long types[] = {
		EXT4_SUPER_MAGIC, XFS_MAGIC, BTRFS_SUPER_MAGIC, F2FS_SUPER_MAGIC, TMPFS_MAGIC};
	struct statfs fs;
	size_t i = 0;

	if (fstatfs(nodes, &fs) < 0)
		return false;
	while (i < sizeof(types) / sizeof(types[0]) && (long)fs.f_type != types[i])
		i++;
	return i < sizeof(types) / sizeof(types[0]);
}

static size_t count_directories(const struct tree *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		n += t->chunks[i].n_targets + t->chunks[i].n_portals;
	return n;
}

int tree_read(struct iscsi_db *db, int nodes, struct tree *ret)
{
	struct tree t = {0};
	struct reading r = {.nodes = nodes, .tree = &t};
	struct stat st;
	int error = 0;

	/* What the kernel stamps files with, where it is not more exact. */
	clock_gettime(CLOCK_REALTIME_COARSE, &r.start);
	if (fstat(nodes, &st) < 0)
		return -errno;
	t.dev = st.st_dev;
	r.stamps = can_be_trusted(nodes) && stamp_take(&st, t.dev, &t.stamp) &&
		   is_settled(&t.stamp, &r.start);
	if (!read_from_index(db, &r))
		error = read_all(&r);
	if (error < 0) {
		tree_release(&t);
		return error;
	}
	if (r.stamps && !index_is_good(&t) && count_directories(&t) >= index_min)
		index_write(db, &t);
	*ret = t;
	return 0;
}

int tree_read_target(int nodes, const char *target, struct tree *ret)
{
	struct tree t = {.chunks = calloc(1, sizeof(*t.chunks)), .n = 1};
	struct reading r = {.nodes = nodes, .tree = &t};

	if (!t.chunks)
		return -ENOMEM;
	t.error = read_chunk(&r, &target, 1, t.chunks);
	*ret = t;
	return 0;
}

void tree_release(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		chunk_release(&t->chunks[i]);
	free(t->chunks);
	index_close(t);
	*t = (struct tree){.dev = t->dev, .stamp = t->stamp};
}
