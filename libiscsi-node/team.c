/* SPDX-License-Identifier: MIT */
#include "team.h"

#include "buf.h"
#include "crew.h"
#include "str.h"

#include <errno.h>
#include <string.h>

#define WARNINGS_MAX 100 /* of one record */
#define SLICE 200	 /* records, and those of the last one's target */

struct result {
	struct outcome outcome;
	bool tried;	     /* false: another one's error came before */
	struct buf warnings; /* a line each */
	unsigned int warned;
};

struct slice {
	size_t first, n; /* in order */
	bool changed;
};

/* A record, and the byte that its target is locked by. */
struct entry {
	uint64_t byte;
	size_t record;
};

struct team {
	struct iscsi_db *db;
	const struct team_work *work;
	size_t n;
	struct entry *order; /* of the records */
	struct result *results;
	struct slice *slices;
	size_t n_slices;
	bool stop;
};

/* Where no thread can tell the caller: for later. */
static void keep_warning(void *data, const char *text)
{
	struct result *r = data;
	size_t len = strlen(text);

	if (r->warned++ >= WARNINGS_MAX || buf_reserve(&r->warnings, len + 1) < 0)
		return;
	buf_add(&r->warnings, text, len);
	buf_add(&r->warnings, "\n", 1);
}

static void repeat_warnings(struct iscsi_db *db, const struct result *r)
{
	const char *line = (const char *)r->warnings.data, *end = line + r->warnings.len;

	for (const char *next; line < end; line = next + 1) {
		next = memchr(line, '\n', (size_t)(end - line));
		db_warn(db, "%.*s", (int)(next - line), line);
	}
	if (r->warned > WARNINGS_MAX)
		db_warn(db, "and %u more of the same record", r->warned - WARNINGS_MAX);
}

static char *copy_error(const struct iscsi_db *db)
{
	return *iscsi_db_error(db) ? strdup(iscsi_db_error(db)) : NULL;
}

/* What it is told first stays: a change may have failed before the work on its record ended. */
static void note(struct result *result, int r, const struct iscsi_db *db)
{
	struct outcome *o = &result->outcome;

	result->tried = true;
	if (!r || o->r)
		return;
	o->r = r;
	o->text = db ? copy_error(db) : NULL;
}

static void fail_slice(struct team *t, const struct slice *s, int r)
{
	for (size_t i = s->first; i < s->first + s->n; i++)
		note(&t->results[t->order[i].record], r, NULL);
}

static void work_on(struct team *t, struct iscsi_db *db, struct slice *s)
{
	bool stop = false;

	for (size_t i = s->first; i < s->first + s->n && !stop; i++) {
		size_t record = t->order[i].record;
		struct result *result = &t->results[record];

		iscsi_db_on_warning(db, keep_warning, result);
		db->commit.outcome = &result->outcome;
		note(result, t->work->one(t->work->data, db, record), db);
		stop = t->work->stop && result->outcome.r;
	}
	if (stop)
		__atomic_store_n(&t->stop, true, __ATOMIC_RELAXED);
}

/* All that it needs, and nothing of another one's. */
static struct lock_span span_of(const struct team *t, const struct slice *s)
{
	uint64_t first = t->order[s->first].byte, last = t->order[s->first + s->n - 1].byte;

	return (struct lock_span){first, last - first + 1};
}

static void work_on_slice(void *data, size_t i)
{
	struct team *t = data;
	struct slice *s = &t->slices[i];
	struct iscsi_db *db;
	int r;

	if (__atomic_load_n(&t->stop, __ATOMIC_RELAXED))
		return;
	r = db_clone(t->db, &db);
	if (r < 0) {
		fail_slice(t, s, r);
		return;
	}
	db->commit.span = span_of(t, s);
	iscsi_db_group_begin(db);
	work_on(t, db, s);
	group_leave(db);
	s->changed = db->commit.changed;
	iscsi_db_close(db);
}

/* ---- slices ---- */

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->byte != y->byte)
		return x->byte < y->byte ? -1 : 1;
	return (x->record > y->record) - (x->record < y->record);
}

static void cut_slices(struct team *t)
{
	size_t i = 0;

	while (i < t->n) {
		struct slice *s = &t->slices[t->n_slices++];

		s->first = i;
		i += t->n - i < SLICE ? t->n - i : SLICE;
		while (i < t->n && t->order[i].byte == t->order[i - 1].byte)
			i++;
		s->n = i - s->first;
	}
}

static int prepare(struct team *t)
{
	t->order = calloc(t->n + 1, sizeof(*t->order));
	t->results = calloc(t->n + 1, sizeof(*t->results));
	t->slices = calloc(t->n / SLICE + 1, sizeof(*t->slices));
	if (!t->order || !t->results || !t->slices)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++)
		t->order[i] = (struct entry){db_lock_byte(t->work->target(t->work->data, i)), i};
	qsort(t->order, t->n, sizeof(*t->order), compare_entries);
	cut_slices(t);
	return 0;
}

/* ---- what became of it ---- */

static int take(struct iscsi_db *db, int r, char **text)
{
	db_begin(db);
	db->error = STEAL_PTR(*text);
	return r;
}

static int tell(struct team *t)
{
	int r = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct outcome *o = &t->results[i].outcome;

		if (!t->results[i].tried)
			continue;
		repeat_warnings(t->db, &t->results[i]);
		if (t->work->told)
			t->work->told(t->work->data, i, o->r, o->text);
		if (t->work->stop && o->r && !r)
			r = take(t->db, o->r, &o->text);
	}
	for (size_t i = 0; i < t->n_slices; i++)
		t->db->commit.changed |= t->slices[i].changed;
	return r;
}

static void release(struct team *t)
{
	for (size_t i = 0; t->results && i < t->n; i++) {
		free(t->results[i].outcome.text);
		buf_free(&t->results[i].warnings);
	}
	free(t->order);
	free(t->results);
	free(t->slices);
}

int team_run(struct iscsi_db *db, size_t n, const struct team_work *work)
{
	struct team t = {.db = db, .work = work, .n = n};
	int r = prepare(&t);

	if (r == 0) {
		/* What this thread has locked another one could wait for. */
		iscsi_db_group_begin(db);
		group_settle(db);
		crew_run(crew_size(t.n_slices, 1), t.n_slices, work_on_slice, &t);
		r = group_end(db, tell(&t));
	}
	release(&t);
	return r;
}
