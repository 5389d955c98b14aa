/* SPDX-License-Identifier: MIT */
#include "sysfs.h"

#include "node-root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

START_TEST(text)
{
	static const struct {
		const char *file, *value;
	} cases[] = {
		{"iqn.x:a\n", "iqn.x:a"},
		{"no newline", "no newline"},
		{" blanks \n", " blanks "},
		{"two\nlines\n", "two\nlines"},
		{"(null)\n", NULL},
		{"<NULL>\n", NULL},
		{"\n", NULL},
		{"", NULL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *v = (char *)1;

		put_text("sys/a", cases[i].file);
		ck_assert_int_eq(sysfs_read(root, "sys/a", &v), 0);
		ck_assert_pstr_eq(v, cases[i].value);
		free(v);
	}
}
END_TEST

START_TEST(numbers)
{
	static const struct {
		const char *file;
		int r, u;
		long value;
	} cases[] = {
		{"3260\n", 0, 0, 3260},
		{"0\n", 0, 0, 0},
		{"-1\n", 0, -EINVAL, -1},
		{"off\n", -EINVAL, -EINVAL, 0},
		{"(null)\n", -EINVAL, -EINVAL, 0},
		{"\n", -EINVAL, -EINVAL, 0},
		{"12x\n", -EINVAL, -EINVAL, 0},
		{"99999999999999999999\n", -EINVAL, -ERANGE, 0},
	};
	uint64_t u = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		long v = 4711;

		u = 4711;
		put_text("sys/a", cases[i].file);
		ck_assert_int_eq(sysfs_read_long(root, "sys/a", &v), cases[i].r);
		ck_assert_int_eq(v, cases[i].r ? 4711 : cases[i].value);
		ck_assert_int_eq(sysfs_read_u64(root, "sys/a", &u), cases[i].u);
		ck_assert_uint_eq(u, cases[i].u ? 4711 : (uint64_t)cases[i].value);
	}
	put_text("sys/a", "18446603340535955456\n");
	ck_assert_int_eq(sysfs_read_u64(root, "sys/a", &u), 0);
	ck_assert_uint_eq(u, 18446603340535955456u);
}
END_TEST

START_TEST(at)
{
	int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char *v = NULL;
	long n;

	put_text("sys/a", "7\n");
	ck_assert_int_eq(sysfs_read_at(dir, "sys/a", &v), 0);
	ck_assert_str_eq(v, "7");
	ck_assert_int_eq(sysfs_read_long_at(dir, "sys/a", &n), 0);
	ck_assert_int_eq(n, 7);
	free(v);
	close(dir);
}
END_TEST

START_TEST(errors)
{
	char longest[PATH_MAX + 1], *v = NULL;
	long n = 4711;

	put_text("sys/dir/a", "");
	memset(longest, 'a', PATH_MAX);
	longest[PATH_MAX] = '\0';
	ck_assert_int_eq(sysfs_read(root, "sys/none", &v), -ENOENT);
	ck_assert_int_eq(sysfs_read(root, "sys/dir", &v), -EISDIR);
	ck_assert_int_eq(sysfs_read(root, longest, &v), -ENAMETOOLONG);
	ck_assert_int_eq(sysfs_read_long(root, "sys/none", &n), -ENOENT);
	ck_assert_int_eq(sysfs_write(root, "sys/none", "x"), -ENOENT);
	ck_assert_int_eq(sysfs_write(root, longest, "x"), -ENAMETOOLONG);
	ck_assert(!there("sys/none"));
	ck_assert_ptr_null(v);
	ck_assert_int_eq(n, 4711);
}
END_TEST

START_TEST(write_value)
{
	put_text("sys/scan", "");
	ck_assert_int_eq(sysfs_write(root, "sys/scan", "- - -"), 0);
	ck_assert_str_eq(text_of("sys/scan"), "- - -");
	/* what the kernel refuses */
	ck_assert_int_eq(sysfs_write("", "dev/full", "x"), -ENOSPC);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {text, numbers, at, errors, write_value};

	return RUN_TESTS("sysfs", tests);
}
