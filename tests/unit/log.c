/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "node-root.h"

#include <fcntl.h>

static int saved = -1;

/* What goes to stderr goes to the file "err" below the root. */
static void catch_stderr(void)
{
	int fd;

	root_open();
	fd = open(in_root("err"), O_WRONLY | O_CREAT | O_APPEND, 0600);
	saved = dup(2);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dup2(fd, 2), 2);
	close(fd);
	log_open("prog", LOG_TO_STDERR);
}

static void release_stderr(void)
{
	dup2(saved, 2);
	close(saved);
	root_close();
}

START_TEST(lines)
{
	log_error("one %d", 1);
	log_warning("two");
	log_info("three");
	ck_assert_str_eq(text_of("err"), "prog: one 1\nprog: two\nprog: three\n");
}
END_TEST

START_TEST(debug_levels)
{
	ck_assert(log_shows(0));
	ck_assert(!log_shows(1));
	log_debug(1, "no");
	log_set_debug(2);
	ck_assert(log_shows(2));
	ck_assert(!log_shows(3));
	log_debug(2, "yes");
	log_debug(3, "no");
	log_set_debug(-1);
	log_debug(1, "no");
	log_error("always");
	ck_assert_str_eq(text_of("err"), "prog: yes\nprog: always\n");
}
END_TEST

START_TEST(control_characters)
{
	log_error("%s", "a\nforged: b\x1b[2J\x7f\té");
	ck_assert_str_eq(text_of("err"), "prog: a\\x0aforged: b\\x1b[2J\\x7f\\x09é\n");
}
END_TEST

START_TEST(long_text)
{
	static char text[100000];
	const char *line;

	memset(text, 'a', sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(text) - 1; i += 10)
		text[i] = '\n';
	log_error("%s", text);
	line = text_of("err");
	ck_assert_uint_gt(strlen(line), 1000);
	ck_assert_uint_eq(strcspn(line, "\n"), strlen(line) - 1);
	memset(text, 'n', sizeof(text) - 1);
	log_open(text, LOG_TO_STDERR);
	log_error("end");
	line = strchr(text_of("err"), '\n') + 1;
	ck_assert_ptr_nonnull(strstr(line, "n: end\n"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {lines, debug_levels, control_characters, long_text};

	return RUN_TESTS_IN("log", tests, catch_stderr, release_stderr);
}
