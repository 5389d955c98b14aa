/* SPDX-License-Identifier: MIT */
/*
 * The index: ROOT/run/iscsi/nodes.index, a head, where each chunk ends, and the chunks of a tree as
 * they are in memory. It is written by who has read a large database, and gone after a boot.
 * Readers believe only what they can check: the file is the reader's own and nobody else may write
 * it, it is of this directory in this state, every part has its sum, and every offset leads to
 * somewhere inside. A file that is not so is none.
 */
#include "tree.h"

#include "file.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define DIR_NAME "iscsi"
#define FILE_NAME "nodes.index"
#define NEW_NAME "nodes.index.new"
#define MAGIC "iSCSIix2"
#define FILE_MAX (256U << 20)

struct head {
	char magic[8];
	uint64_t dev, n;
	struct stamp stamp;
	uint64_t sum; /* of the above and the ends */
};

struct chunk_head {
	uint64_t sum; /* of the rest of the head and the body */
	uint32_t n_targets, n_portals, n_ifaces, strings_len, settled, reserved;
};

/* A sum against accidents, not against enemies: those cannot write here. */
static uint64_t sum_of(uint64_t sum, const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t word = 0;

	for (; len >= sizeof(word); p += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, p, sizeof(word));
		sum = (sum ^ word) * 0x9e3779b97f4a7c15;
		sum ^= sum >> 29;
	}
	word = 0;
	memcpy(&word, p, len);
	return (sum ^ word ^ (uint64_t)len << 56) * 0x9e3779b97f4a7c15;
}

static uint64_t sum_of_head(const struct head *h, const uint64_t *ends)
{
	return sum_of(sum_of(0, h, offsetof(struct head, sum)), ends, h->n * sizeof(*ends));
}

static size_t padded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

/* ROOT/run/iscsi; where there is no ROOT/run nothing is made. */
static int open_dir(const struct iscsi_db *db, bool make)
{
	char *CLEANUP_FREE path = str_printf("%s/run", db->root);
	int CLEANUP_CLOSE run = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (run < 0)
		return -1;
	if (make && mkdirat(run, DIR_NAME, 0755) < 0 && errno != EEXIST)
		return -1;
	return openat(run, DIR_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* ---- reading ---- */

static bool offsets_lead_inside(const struct tree_chunk *c)
{
	uint64_t portals = 0, ifaces = 0;

	/* so that every text has an end */
	if (c->strings_len && c->strings[c->strings_len - 1])
		return false;
	for (uint32_t i = 0; i < c->n_targets; i++) {
		if (c->targets[i].name >= c->strings_len)
			return false;
		portals += c->targets[i].n_portals;
	}
	for (uint32_t i = 0; i < c->n_portals; i++) {
		const struct tree_portal *p = &c->portals[i];

		if (p->dir >= c->strings_len || p->address >= c->strings_len)
			return false;
		ifaces += p->n_ifaces;
	}
	for (uint32_t i = 0; i < c->n_ifaces; i++)
		if (c->ifaces[i] >= c->strings_len)
			return false;
	return portals == c->n_portals && ifaces == c->n_ifaces;
}

/* The chunk in text, which it is all of. */
static bool take_chunk(const char *text, size_t len, struct tree_chunk *ret)
{
	const struct chunk_head *h = (const void *)text;
	const char *p = text + sizeof(*h);
	size_t sizes[4], whole = sizeof(*h);

	if (len < whole || h->n_targets > TREE_CHUNK)
		return false;
	sizes[0] = (size_t)h->n_targets * sizeof(*ret->targets);
	sizes[1] = (size_t)h->n_portals * sizeof(*ret->portals);
	sizes[2] = (size_t)h->n_ifaces * sizeof(*ret->ifaces);
	sizes[3] = h->strings_len;
	for (size_t i = 0; i < 4; i++)
		whole += padded(sizes[i]);
	if (len != whole || sum_of(0, &h->n_targets, len - sizeof(h->sum)) != h->sum)
		return false;
	*ret = (struct tree_chunk){.n_targets = h->n_targets,
		.n_portals = h->n_portals,
		.n_ifaces = h->n_ifaces,
		.strings_len = h->strings_len,
		.settled = h->settled,
		.from_index = true};
	ret->targets = (const void *)p;
	ret->portals = (const void *)(p += padded(sizes[0]));
	ret->ifaces = (const void *)(p += padded(sizes[1]));
	ret->strings = p + padded(sizes[2]);
	return offsets_lead_inside(ret);
}

static int open_file(const struct iscsi_db *db)
{
	int CLEANUP_CLOSE dir = open_dir(db, false);

	return dir < 0 ? -1
		       : openat(dir, FILE_NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
}

static bool is_ours(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && !(st->st_mode & 077);
}

/* Where the chunks begin, and where each one ends; NULL unless all is as head says. */
static uint64_t *read_ends(int fd, uint64_t size, const struct head *h)
{
	uint64_t *CLEANUP_FREE ends = NULL, last = sizeof(*h) + h->n * sizeof(*ends);

	if (h->n > size / sizeof(struct chunk_head))
		return NULL;
	ends = calloc(h->n + 1, sizeof(*ends));
	if (!ends || pread(fd, ends + 1, h->n * sizeof(*ends), sizeof(*h)) !=
			     (ssize_t)(h->n * sizeof(*ends)))
		return NULL;
	if (h->sum != sum_of_head(h, ends + 1))
		return NULL;
	ends[0] = last;
	for (size_t i = 1; i <= h->n; last = ends[i++])
		if (ends[i] < last)
			return NULL;
	return last == size ? STEAL_PTR(ends) : NULL;
}

static bool is_of(const struct head *h, const struct tree *t)
{
	return memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0 && h->dev == t->dev &&
	       stamp_equal(&h->stamp, &t->stamp);
}

bool index_open(struct iscsi_db *db, struct tree *t)
{
	int CLEANUP_CLOSE fd = open_file(db);
	struct head h;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !is_ours(&st) || st.st_size > FILE_MAX ||
		pread(fd, &h, sizeof(h), 0) != sizeof(h) || !is_of(&h, t))
		return false;
	t->index.ends = read_ends(fd, (uint64_t)st.st_size, &h);
	if (!t->index.ends)
		return false;
	t->index.fd = STEAL_FD(fd);
	t->index.text = malloc((size_t)st.st_size);
	t->chunks = calloc(h.n + 1, sizeof(*t->chunks));
	if (!t->index.text || !t->chunks) {
		index_close(t);
		free(STEAL_PTR(t->chunks));
		return false;
	}
	t->n = h.n;
	return true;
}

bool index_take(struct tree *t, size_t i)
{
	uint64_t start = t->index.ends[i], len = t->index.ends[i + 1] - start;
	char *text = t->index.text + start;

	if (pread(t->index.fd, text, len, (off_t)start) == (ssize_t)len &&
		take_chunk(text, len, &t->chunks[i]))
		return true;
	t->chunks[i] = (struct tree_chunk){0};
	return false;
}

void index_close(struct tree *t)
{
	if (t->index.ends)
		close(t->index.fd);
	free(STEAL_PTR(t->index.ends));
	free(STEAL_PTR(t->index.text));
}

/* ---- writing ---- */

static int add_padded(struct buf *b, const void *data, size_t len)
{
	static const char zeros[8];
	int r = buf_add(b, data, len);

	return r < 0 ? r : buf_add(b, zeros, padded(len) - len);
}

static int add_chunk(struct buf *b, const struct tree_chunk *c)
{
	struct chunk_head h = {.n_targets = c->n_targets, .n_portals = c->n_portals,
		.n_ifaces = c->n_ifaces, .strings_len = c->strings_len, .settled = c->settled};
	size_t at = b->len;

	if (buf_add(b, &h, sizeof(h)) < 0 ||
		add_padded(b, c->targets, c->n_targets * sizeof(*c->targets)) < 0 ||
		add_padded(b, c->portals, c->n_portals * sizeof(*c->portals)) < 0 ||
		add_padded(b, c->ifaces, c->n_ifaces * sizeof(*c->ifaces)) < 0 ||
		add_padded(b, c->strings, c->strings_len) < 0)
		return -ENOMEM;
	h.sum = sum_of(0, b->data + at + sizeof(h.sum), b->len - at - sizeof(h.sum));
	memcpy(b->data + at, &h.sum, sizeof(h.sum));
	return 0;
}

static int format(const struct tree *t, struct buf *ret)
{
	struct head h = {.magic = MAGIC, .dev = t->dev, .n = t->n, .stamp = t->stamp};
	uint64_t *CLEANUP_FREE ends = calloc(t->n + 1, sizeof(*ends));
	int r = ends ? buf_add(ret, &h, sizeof(h)) : -ENOMEM;

	if (r == 0)
		r = buf_add(ret, ends, t->n * sizeof(*ends));
	for (size_t i = 0; r == 0 && i < t->n; i++) {
		r = add_chunk(ret, &t->chunks[i]);
		ends[i] = ret->len;
	}
	if (r < 0)
		return r;
	h.sum = sum_of_head(&h, ends);
	memcpy(ret->data, &h, sizeof(h));
	memcpy(ret->data + sizeof(h), ends, t->n * sizeof(*ends));
	return 0;
}

/* Gets its name when it is whole: a writer that is killed before leaves nothing. */
static void write_file(int dir, const struct buf *b)
{
	int CLEANUP_CLOSE fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	char path[32];

	if (fd < 0 || file_write_all(fd, (const char *)b->data, b->len) < 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	unlinkat(dir, NEW_NAME, 0);
	/* Of others who do the same each has a whole file. */
	if (linkat(AT_FDCWD, path, dir, NEW_NAME, AT_SYMLINK_FOLLOW) == 0 &&
		renameat(dir, NEW_NAME, dir, FILE_NAME) < 0)
		unlinkat(dir, NEW_NAME, 0);
}

void index_write(struct iscsi_db *db, const struct tree *t)
{
	struct buf CLEANUP(buf_free) b = {0};
	int CLEANUP_CLOSE dir = open_dir(db, true);

	if (dir >= 0 && format(t, &b) == 0)
		write_file(dir, &b);
}
