/* SPDX-License-Identifier: MIT */
/* node-root.h - for tests of the node database: a root directory of their own */
#ifndef TESTS_NODE_ROOT_H
#define TESTS_NODE_ROOT_H

#include "iscsi-node.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static struct iscsi_db *db;
static char warnings[4096]; /* each with a newline */

static inline void note_warning(void *data, const char *text)
{
	size_t len = strlen(warnings);
	(void)data;

	snprintf(warnings + len, sizeof(warnings) - len, "%s\n", text);
}

static inline void root_open(void)
{
	strcpy(root, "/tmp/iscsi-node-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	ck_assert_int_eq(iscsi_db_open(root, &db), 0);
	iscsi_db_on_warning(db, note_warning, NULL);
	*warnings = '\0';
}

static inline int root_remove_one(
	const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static inline void root_close(void)
{
	iscsi_db_close(db);
	nftw(root, root_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* PATH below the root, in a buffer that the next call but three reuses. */
static inline const char *in_root(const char *path)
{
	static char text[4][1024];
	static int i;

	i = (i + 1) % 4;
	snprintf(text[i], sizeof(text[i]), "%s/%s", root, path);
	return text[i];
}

static inline bool there(const char *path)
{
	struct stat st;

	return lstat(in_root(path), &st) == 0;
}

static inline void put_bytes(const char *path, const char *data, size_t len)
{
	char dir[1024];
	FILE *f;

	snprintf(dir, sizeof(dir), "%s", in_root(path));
	for (char *p = dir + strlen(root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(dir, 0700);
		*p = '/';
	}
	f = fopen(dir, "w");
	ck_assert_msg(f != NULL, "cannot write %s", dir);
	ck_assert_uint_eq(fwrite(data, 1, len, f), len);
	fclose(f);
}

static inline void put_text(const char *path, const char *text)
{
	put_bytes(path, text, strlen(text));
}

/* The file's text in a buffer that the next call reuses. */
static inline const char *text_of(const char *path)
{
	static char text[16384];
	FILE *f = fopen(in_root(path), "r");
	size_t n;

	ck_assert_msg(f != NULL, "cannot read %s", path);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static inline int run_tests(const char *name, const TTest *const *tests, size_t n,
	void (*setup)(void), void (*teardown)(void))
{
	Suite *suite = suite_create(name);
	TCase *c = tcase_create(name);
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(c, tests[i]);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define RUN_TESTS_IN(name, tests, setup, teardown)                                                 \
	run_tests(name, tests, sizeof(tests) / sizeof((tests)[0]), setup, teardown)
#define RUN_TESTS(name, tests) RUN_TESTS_IN(name, tests, root_open, root_close)

#endif
