/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define K63 "Kxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

/* Text with '|' for NUL, so that cases stay readable; the pairs come back as "key:value;". */
static const struct {
	const char *text, *pairs, *fault;
} reads[] = {
	{"", "", NULL},
	{"A=b|", "A:b;", NULL},
	{"A=b|C=d|", "A:b;C:d;", NULL},
	{"A=|", "A:;", NULL},
	{"A=b=c|", "A:b=c;", NULL},
	{"|||A=b|||C=d||", "A:b;C:d;", NULL},
	{"A=b|C=d", "A:b;", "the last pair does not end with a NUL byte"},
	{"A", "", "the last pair does not end with a NUL byte"},
	{"A|", "", "a pair has no '='"},
	{"A=b|C|D=e|", "A:b;", "a pair has no '='"},
	{"=b|", "", "a key is empty"},
	{"1A=b|", "", "a key does not start with a letter"},
	{"-A=b|", "", "a key does not start with a letter"},
	{"A b=c|", "", "a key holds a forbidden character"},
	{"A\x80=c|", "", "a key holds a forbidden character"},
	{"X-com.example_1+2@3#4=v|", "X-com.example_1+2@3#4:v;", NULL},
	{"iSCSIProtocolLevel=1|", "iSCSIProtocolLevel:1;", NULL},
	{K63 "=v|", K63 ":v;", NULL},
	{K63 "y=v|", "", "a key is longer than 63 bytes"},
};

START_TEST(read)
{
	const char *given = reads[_i].text;
	size_t len = strlen(given);
	/* exactly as long as the text: a read beyond it is seen by the sanitizer */
	char *text = malloc(len ? len : 1), pairs[256] = "";
	struct text_reader r = text_reader(text, len);
	struct text_pair p;

	for (size_t i = 0; i < len; i++)
		text[i] = given[i] == '|' ? '\0' : given[i];
	while (text_next(&r, &p)) {
		ck_assert_uint_eq(p.value_len, strlen(p.value));
		strcat(strcat(strcat(strcat(pairs, p.key), ":"), p.value), ";");
	}
	ck_assert_str_eq(pairs, reads[_i].pairs);
	if (reads[_i].fault)
		ck_assert_str_eq(r.fault, reads[_i].fault);
	else
		ck_assert_ptr_null(r.fault);
	free(text);
}
END_TEST

START_TEST(read_goes_on_behind_a_fault)
{
	struct text_reader r = text_reader("A\0B=c", 6);
	struct text_pair p;

	ck_assert(!text_next(&r, &p));
	ck_assert_ptr_nonnull(r.fault);
	ck_assert(text_next(&r, &p));
	ck_assert_str_eq(p.key, "B");
	ck_assert(!text_next(&r, &p));
	ck_assert_ptr_null(r.fault);
}
END_TEST

START_TEST(add)
{
	char data[13];
	struct text t = {.data = data, .room = sizeof(data)};

	ck_assert_int_eq(text_add(&t, "A", "%d", 12), 0);
	ck_assert_int_eq(text_add(&t, "Key", "%s", "val"), 0);
	ck_assert_mem_eq(data, "A=12\0Key=val", 13);
	ck_assert_uint_eq(t.len, 13);
	ck_assert_int_eq(text_add(&t, "B", "%s", ""), -ENOSPC);
	ck_assert_uint_eq(t.len, 13);
}
END_TEST

/* A text that has room for _i bytes takes the pair exactly when it fits. */
START_TEST(add_at_the_limit)
{
	size_t room = (size_t)_i;
	char *data = malloc(room + 1);
	struct text t = {.data = data, .room = room};
	int r = text_add(&t, "Key", "%s", "val");

	if (room < 8) {
		ck_assert_int_eq(r, -ENOSPC);
		ck_assert_uint_eq(t.len, 0);
	} else {
		ck_assert_int_eq(r, 0);
		ck_assert_uint_eq(t.len, 8);
		ck_assert_mem_eq(data, "Key=val", 8);
	}
	free(data);
}
END_TEST

static const struct {
	const char *value, *bytes; /* NULL: refused */
	size_t len;
	int r;
} binaries[] = {
	{"0x00", "\0", 1, 0},
	{"0xdeadBEEF", "\xde\xad\xbe\xef", 4, 0},
	{"0X0102", "\1\2", 2, 0},
	{"0xabc", "\x0a\xbc", 2, 0},
	{"0x1", "\1", 1, 0},
	{"0bAQIDBA==", "\1\2\3\4", 4, 0},
	{"0BAQIDBAU=", "\1\2\3\4\5", 5, 0},
	{"0bAQIDBAUG", "\1\2\3\4\5\6", 6, 0},
	{"0b+/+/", "\xfb\xff\xbf", 3, 0},
	{"0x0102030405060708", "\1\2\3\4\5\6\7\10", 8, 0},
	{"0x010203040506070809", NULL, 0, -EMSGSIZE},
	{"0bAQIDBAUGBwgJ", NULL, 0, -EMSGSIZE},
	{"", NULL, 0, -EINVAL},
	{"0", NULL, 0, -EINVAL},
	{"0x", NULL, 0, -EINVAL},
	{"0b", NULL, 0, -EINVAL},
	{"12", NULL, 0, -EINVAL},
	{"0xzz", NULL, 0, -EINVAL},
	{"0x0g", NULL, 0, -EINVAL},
	{"0bAQI", NULL, 0, -EINVAL},
	{"0bA===", NULL, 0, -EINVAL},
	{"0b====", NULL, 0, -EINVAL},
	{"0bA=QI", NULL, 0, -EINVAL},
	{"0bAQ I", NULL, 0, -EINVAL},
};

START_TEST(binary_decode)
{
	uint8_t *bytes = malloc(8);
	size_t len = 0;

	ck_assert_int_eq(text_binary_decode(binaries[_i].value, bytes, 8, &len), binaries[_i].r);
	if (binaries[_i].bytes) {
		ck_assert_uint_eq(len, binaries[_i].len);
		ck_assert_mem_eq(bytes, binaries[_i].bytes, len);
	}
	free(bytes);
}
END_TEST

START_TEST(binary_encode)
{
	char value[TEXT_HEX_LEN(4)];

	text_binary_encode((const uint8_t *)"\x00\x9f\xf0\xff", 4, value);
	ck_assert_str_eq(value, "0x009ff0ff");
}
END_TEST

START_TEST(escape)
{
	char out[20];

	text_escape("a b~", out, sizeof(out));
	ck_assert_str_eq(out, "a b~");
	text_escape("a\n\\\x1b\xc3", out, sizeof(out));
	ck_assert_str_eq(out, "a\\x0a\\x5c\\x1b\\xc3");
	text_escape("12345678901234567890", out, 5);
	ck_assert_str_eq(out, "1234");
	text_escape("12\n", out, 6); /* no half escape */
	ck_assert_str_eq(out, "12");
}
END_TEST

#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

int main(void)
{
	Suite *s = suite_create("text");
	TCase *t = tcase_create("text");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, read, 0, COUNT(reads));
	tcase_add_test(t, read_goes_on_behind_a_fault);
	tcase_add_test(t, add);
	tcase_add_loop_test(t, add_at_the_limit, 0, 12);
	tcase_add_loop_test(t, binary_decode, 0, COUNT(binaries));
	tcase_add_test(t, binary_encode);
	tcase_add_test(t, escape);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
