/* SPDX-License-Identifier: MIT */
#include "str.h"

#include "node-root.h"

#include <errno.h>

START_TEST(equal)
{
	ck_assert(str_eq("a", "a"));
	ck_assert(!str_eq("a", "b"));
	ck_assert(!str_eq("a", "ab"));
	ck_assert(!str_eq("", NULL));
	ck_assert(!str_eq(NULL, ""));
	ck_assert(str_eq(NULL, NULL));
}
END_TEST

START_TEST(empty)
{
	ck_assert(str_empty(NULL));
	ck_assert(str_empty(""));
	ck_assert(!str_empty(" "));
}
END_TEST

START_TEST(after)
{
	ck_assert_str_eq(str_after("session12", "session"), "12");
	ck_assert_str_eq(str_after("session", "session"), "");
	ck_assert_str_eq(str_after("x", ""), "x");
	ck_assert_ptr_null(str_after("sess", "session"));
	ck_assert_ptr_null(str_after("Session1", "session"));
}
END_TEST

START_TEST(trim)
{
	char both[] = " \t a b\r\n", blank[] = " \n\t ", none[] = "ab", nothing[] = "";

	ck_assert_str_eq(str_trim(both), "a b");
	ck_assert_str_eq(str_trim(blank), "");
	ck_assert_str_eq(str_trim(none), "ab");
	ck_assert_str_eq(str_trim(nothing), "");
}
END_TEST

START_TEST(set)
{
	char *s = NULL;

	ck_assert_int_eq(str_set(&s, "one"), 0);
	ck_assert_str_eq(s, "one");
	/* a part of itself */
	ck_assert_int_eq(str_set(&s, s + 1), 0);
	ck_assert_str_eq(s, "ne");
	ck_assert_int_eq(str_set(&s, ""), 0);
	ck_assert_ptr_null(s);
	ck_assert_int_eq(str_set(&s, NULL), 0);
	ck_assert_ptr_null(s);
}
END_TEST

static const struct {
	const char *text;
	uint64_t min, max;
	int r;
	uint64_t value;
} numbers[] = {
	{"0", 0, 9, 0, 0},
	{"9", 0, 9, 0, 9},
	{"007", 0, 9, 0, 7},
	{"010", 0, 99, 0, 10},
	{"0x1F", 0, 99, 0, 31},
	{"0Xff", 0, 255, 0, 255},
	{"18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX},
	{"0xffffffffffffffff", 0, UINT64_MAX, 0, UINT64_MAX},
	{"10", 0, 9, -ERANGE, 0},
	{"1", 2, 9, -ERANGE, 0},
	{"18446744073709551616", 0, UINT64_MAX, -ERANGE, 0},
	{"", 0, 9, -EINVAL, 0},
	{" 1", 0, 9, -EINVAL, 0},
	{"1 ", 0, 9, -EINVAL, 0},
	{"+1", 0, 9, -EINVAL, 0},
	{"-1", 0, UINT64_MAX, -EINVAL, 0},
	{"1x", 0, 9, -EINVAL, 0},
	{"0x", 0, 9, -EINVAL, 0},
	{"0x-1", 0, UINT64_MAX, -EINVAL, 0},
	{"0x0x1", 0, 9, -EINVAL, 0},
	{"a", 0, 99, -EINVAL, 0},
	{"99999999999999999999x", 0, UINT64_MAX, -EINVAL, 0},
};

START_TEST(to_u64)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		uint64_t v = 4711;

		ck_assert_msg(str_to_u64(numbers[i].text, numbers[i].min, numbers[i].max, &v) ==
				      numbers[i].r,
			"%s", numbers[i].text);
		ck_assert_uint_eq(v, numbers[i].r ? 4711 : numbers[i].value);
	}
}
END_TEST

START_TEST(print)
{
	char *s = str_printf("%s,%d", "a", 7);

	ck_assert_str_eq(s, "a,7");
	free(s);
}
END_TEST

START_TEST(wipe)
{
	char s[] = "secret";

	str_wipe(s, 3);
	ck_assert_mem_eq(s, "\0\0\0ret", sizeof(s));
	str_wipe(NULL, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {equal, empty, after, trim, set, to_u64, print, wipe};

	return RUN_TESTS_IN("str", tests, NULL, NULL);
}
