/* SPDX-License-Identifier: MIT */
#include "status.h"

#include <check.h>
#include <stdlib.h>

static const struct {
	uint8_t status_class, detail;
	const char *text;
} cases[] = {
	{0, 0, "success"},
	{1, 1, "target moved temporarily"},
	{1, 2, "target moved permanently"},
	{2, 0, "initiator error"},
	{2, 1, "authentication failure"},
	{2, 2, "authorization failure"},
	{2, 3, "target not found"},
	{2, 4, "target removed"},
	{2, 5, "unsupported version"},
	{2, 6, "too many connections"},
	{2, 7, "missing parameter"},
	{2, 8, "cannot include the connection in the session"},
	{2, 9, "session type not supported"},
	{2, 10, "session does not exist"},
	{2, 11, "invalid request during login"},
	{3, 0, "target error"},
	{3, 1, "service unavailable"},
	{3, 2, "out of resources"},
	/* an unknown detail means what its class means */
	{1, 3, "target moved"},
	{2, 12, "initiator error"},
	{3, 255, "target error"},
	{4, 0, "unknown status class"},
	{255, 255, "unknown status class"},
};

START_TEST(text)
{
	ck_assert_str_eq(status_text(cases[_i].status_class, cases[_i].detail), cases[_i].text);
}
END_TEST

START_TEST(never_null)
{
	for (unsigned int i = 0; i < 0x10000; i++)
		ck_assert_ptr_nonnull(status_text((uint8_t)(i >> 8), (uint8_t)i));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("status");
	TCase *t = tcase_create("status");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, text, 0, sizeof(cases) / sizeof(*cases));
	tcase_add_test(t, never_null);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
