/* SPDX-License-Identifier: MIT */
#include "buf.h"

#include "node-root.h"

#include <errno.h>

START_TEST(add_and_consume)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_add(&b, NULL, 0), 0);
	ck_assert_uint_eq(b.len, 0);
	ck_assert_int_eq(buf_add(&b, "hello ", 6), 0);
	ck_assert_int_eq(buf_add(&b, "world", 5), 0);
	ck_assert_uint_eq(b.len, 11);
	ck_assert_mem_eq(b.data, "hello world", 11);
	buf_consume(&b, 6);
	ck_assert_uint_eq(b.len, 5);
	ck_assert_mem_eq(b.data, "world", 5);
	buf_consume(&b, 6);
	ck_assert_uint_eq(b.len, 0);
	buf_free(&b);
	ck_assert_ptr_null(b.data);
	ck_assert_uint_eq(b.len + b.room, 0);
	buf_free(&b);
}
END_TEST

/* What was added stays, over every growth. */
START_TEST(grow)
{
	struct buf b = {0};

	for (unsigned int i = 0; i < 100000; i++) {
		uint8_t byte = (uint8_t)(i * 7);

		ck_assert_int_eq(buf_add(&b, &byte, 1), 0);
		ck_assert_uint_ge(b.room, b.len);
	}
	for (unsigned int i = 0; i < 100000; i++)
		ck_assert_uint_eq(b.data[i], (uint8_t)(i * 7));
	buf_free(&b);
}
END_TEST

START_TEST(reserve)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_add(&b, "abc", 3), 0);
	ck_assert_int_eq(buf_reserve(&b, 5000), 0);
	ck_assert_uint_ge(b.room - b.len, 5000);
	ck_assert_uint_eq(b.len, 3);
	ck_assert_mem_eq(b.data, "abc", 3);
	memset(b.data + b.len, 'x', 5000);
	buf_free(&b);
}
END_TEST

START_TEST(no_memory_leaves_it)
{
	struct buf b = {0};

	ck_assert_int_eq(buf_add(&b, "abc", 3), 0);
	ck_assert_int_eq(buf_reserve(&b, SIZE_MAX - 2), -ENOMEM);
	ck_assert_int_eq(buf_reserve(&b, SIZE_MAX / 2), -ENOMEM);
	ck_assert_uint_eq(b.len, 3);
	ck_assert_mem_eq(b.data, "abc", 3);
	buf_free(&b);
}
END_TEST

START_TEST(big_endian)
{
	uint8_t p[6] = {0, 0x81, 0x92, 0xa3, 0xb4, 0};

	ck_assert_uint_eq(be16_get(p + 1), 0x8192);
	ck_assert_uint_eq(be24_get(p + 1), 0x8192a3);
	ck_assert_uint_eq(be32_get(p + 1), 0x8192a3b4);
	be16_put(p + 1, 0xfedc);
	ck_assert_mem_eq(p, "\0\xfe\xdc\xa3\xb4\0", 6);
	be24_put(p + 1, 0x01fedc);
	ck_assert_mem_eq(p, "\0\x01\xfe\xdc\xb4\0", 6);
	be32_put(p + 1, 0xf0e1d2c3);
	ck_assert_mem_eq(p, "\0\xf0\xe1\xd2\xc3\0", 6);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		add_and_consume, grow, reserve, no_memory_leaves_it, big_endian};

	return RUN_TESTS_IN("buf", tests, NULL, NULL);
}
