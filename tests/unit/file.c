/* SPDX-License-Identifier: MIT */
#include "file.h"

#include "node-root.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>

static int dir;

static void setup(void)
{
	root_open();
	dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
}

static void teardown(void)
{
	close(dir);
	root_close();
}

/* How many names there are in a directory. */
static int count(const char *path)
{
	DIR *d = opendir(in_root(path));
	int n = -2;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* As on a kernel before 5.6. */
static void forbid_openat2(void)
{
	struct sock_filter steps[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(steps) / sizeof(steps[0]), steps};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
	ck_assert_int_eq(syscall(SYS_openat2, 0, NULL, NULL, 0), -1);
	ck_assert_int_eq(errno, ENOSYS);
}

static void check_open_beneath(void)
{
	int fd;

	put_text("a/b/c", "inside");
	fd = file_open_beneath(dir, "a/b/c", O_RDONLY, 0);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	fd = file_open_beneath(dir, "a/new", O_WRONLY | O_CREAT | O_EXCL, 0600);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(file_open_beneath(dir, "a/none", O_RDONLY, 0), -ENOENT);
	ck_assert_int_eq(file_open_beneath(dir, "a/b/c/d", O_RDONLY, 0), -ENOTDIR);
	fd = file_open_beneath(dir, "a/b/", O_RDONLY | O_DIRECTORY, 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
	fd = file_open_beneath(dir, ".", O_RDONLY | O_DIRECTORY, 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(file_open_beneath(dir, "", O_RDONLY, 0), -ENOENT);
}

static void check_nothing_leads_out(void)
{
	put_text("in/file", "x");
	put_text("secret", "x");
	ck_assert_int_eq(symlink("..", in_root("in/up")), 0);
	ck_assert_int_eq(symlink("file", in_root("in/link")), 0);
	ck_assert_int_eq(symlink("/", in_root("in/top")), 0);
	close(dir);
	dir = open(in_root("in"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(file_open_beneath(dir, "../secret", O_RDONLY, 0), -EXDEV);
	ck_assert_int_eq(file_open_beneath(dir, "up/../file", O_RDONLY, 0), -EXDEV);
	ck_assert_int_eq(file_open_beneath(dir, "..", O_RDONLY, 0), -EXDEV);
	ck_assert_int_eq(file_open_beneath(dir, in_root("secret"), O_RDONLY, 0), -EXDEV);
	ck_assert_int_lt(file_open_beneath(dir, "up/secret", O_RDONLY, 0), 0);
	ck_assert_int_lt(file_open_beneath(dir, "top/etc", O_RDONLY, 0), 0);
	ck_assert_int_eq(file_open_beneath(dir, "link", O_RDONLY, 0), -ELOOP);
	ck_assert_int_lt(file_replace(dir, "up/secret", "y", 1, 0600), 0);
	ck_assert_int_lt(file_replace(dir, "../secret", "y", 1, 0600), 0);
	ck_assert_int_eq(file_make_dirs(dir, "../more", 1), -EXDEV);
	ck_assert_int_eq(file_make_dirs(dir, "/tmp/more", 1), -EXDEV);
	ck_assert_str_eq(text_of("secret"), "x");
}

START_TEST(open_beneath)
{
	check_open_beneath();
}
END_TEST

START_TEST(open_beneath_by_hand)
{
	forbid_openat2();
	check_open_beneath();
}
END_TEST

START_TEST(nothing_leads_out)
{
	check_nothing_leads_out();
}
END_TEST

START_TEST(nothing_leads_out_by_hand)
{
	forbid_openat2();
	check_nothing_leads_out();
}
END_TEST

/* Two dots in a name are no way up. */
START_TEST(dots_in_names)
{
	ck_assert_int_eq(file_replace(dir, "a..b", "x", 1, 0600), 0);
	ck_assert_int_eq(file_replace(dir, "...", "y", 1, 0600), 0);
	ck_assert_str_eq(text_of("a..b"), "x");
	ck_assert_str_eq(text_of("..."), "y");
}
END_TEST

START_TEST(make_dirs)
{
	struct stat st;

	ck_assert_int_eq(file_make_dirs(dir, "a/b/c", 0), 0);
	ck_assert(there("a/b"));
	ck_assert(!there("a/b/c"));
	ck_assert_int_eq(file_make_dirs(dir, "a/b/c/", 1), 0);
	ck_assert_int_eq(file_make_dirs(dir, "a/b/c", 1), 0);
	ck_assert_int_eq(stat(in_root("a/b/c"), &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFDIR | 0700);
	put_text("f", "");
	ck_assert_int_eq(file_make_dirs(dir, "f", 1), -ENOTDIR);
	ck_assert_int_eq(file_make_dirs(dir, "f/g", 1), -ENOTDIR);
	ck_assert_int_eq(file_make_dirs(dir, "single", 0), 0);
	ck_assert(!there("single"));
}
END_TEST

START_TEST(read_whole)
{
	static char big[300000];
	char *text = NULL;
	size_t len;

	memset(big, 'b', sizeof(big));
	put_bytes("big", big, sizeof(big));
	put_bytes("nul", "a\0b", 3);
	put_text("empty", "");
	ck_assert_int_eq(file_read(dir, "big", sizeof(big), &text, &len), 0);
	ck_assert_uint_eq(len, sizeof(big));
	ck_assert_mem_eq(text, big, len);
	ck_assert_int_eq(text[len], '\0');
	free(text);
	ck_assert_int_eq(file_read(dir, "nul", 3, &text, &len), 0);
	ck_assert_uint_eq(len, 3);
	ck_assert_mem_eq(text, "a\0b", 4);
	free(text);
	ck_assert_int_eq(file_read(dir, "empty", 0, &text, NULL), 0);
	ck_assert_str_eq(text, "");
	free(text);
	text = NULL;
	ck_assert_int_eq(file_read(dir, "big", sizeof(big) - 1, &text, &len), -EFBIG);
	ck_assert_int_eq(file_read(dir, "none", 9, &text, &len), -ENOENT);
	ck_assert_int_eq(file_read(dir, ".", 9, &text, &len), -EISDIR);
	ck_assert_ptr_null(text);
	ck_assert_int_eq(file_read(AT_FDCWD, in_root("nul"), 3, &text, NULL), 0);
	free(text);
}
END_TEST

/* Whatever stands there must not stop who reads: only a regular file is read. */
START_TEST(only_regular_files)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	char *text = NULL;

	ck_assert_int_eq(mkfifo(in_root("fifo"), 0600), 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", in_root("socket"));
	ck_assert_int_eq(bind(s, (struct sockaddr *)&sun, sizeof(sun)), 0);
	ck_assert_int_eq(file_read(dir, "fifo", 9, &text, NULL), -FILE_NOT_REGULAR);
	ck_assert_int_eq(file_read(AT_FDCWD, in_root("fifo"), 9, &text, NULL), -FILE_NOT_REGULAR);
	ck_assert_int_eq(file_read(dir, "socket", 9, &text, NULL), -FILE_NOT_REGULAR);
	ck_assert_int_eq(file_read(AT_FDCWD, "/dev/zero", 9, &text, NULL), -FILE_NOT_REGULAR);
	ck_assert_int_eq(file_read(AT_FDCWD, "/dev", 9, &text, NULL), -EISDIR);
	ck_assert_ptr_null(text);
	ck_assert_str_eq(file_error(-FILE_NOT_REGULAR), "it is no regular file");
	ck_assert_str_eq(file_error(-ENOENT), strerror(ENOENT));
	close(s);
}
END_TEST

/* A pipe is read to its end, however late that comes. */
START_TEST(stream)
{
	char *text = NULL;
	pid_t pid;

	ck_assert_int_eq(mkfifo(in_root("fifo"), 0600), 0);
	pid = fork();
	if (pid == 0) {
		int fd = open(in_root("fifo"), O_WRONLY);

		usleep(20000);
		_exit(write(fd, "secret", 6) != 6);
	}
	ck_assert_int_eq(file_read_stream(in_root("fifo"), 9, &text, NULL), 0);
	ck_assert_str_eq(text, "secret");
	free(text);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

START_TEST(replace)
{
	struct stat st, old;

	put_text("d/f", "old text");
	ck_assert_int_eq(chmod(in_root("d/f"), 0644), 0);
	ck_assert_int_eq(stat(in_root("d/f"), &old), 0);
	ck_assert_int_eq(file_replace(dir, "d/f", "new", 3, 0600), 0);
	ck_assert_str_eq(text_of("d/f"), "new");
	ck_assert_int_eq(stat(in_root("d/f"), &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_uint_ne(st.st_ino, old.st_ino);
	ck_assert_int_eq(file_replace(dir, "made", "", 0, 0600), 0);
	ck_assert_str_eq(text_of("made"), "");
	ck_assert_int_eq(file_replace(AT_FDCWD, in_root("absolute"), "x", 1, 0600), 0);
	ck_assert_str_eq(text_of("absolute"), "x");
	ck_assert_int_eq(count("d"), 1);
}
END_TEST

START_TEST(failed_replace_leaves_the_old)
{
	struct rlimit small = {.rlim_cur = 4096, .rlim_max = RLIM_INFINITY};
	static char big[8192];

	put_text("d/f", "old");
	put_text("d/sub/f", "old");
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(file_replace(dir, "d/f", big, sizeof(big), 0600), -EFBIG);
	small.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_str_eq(text_of("d/f"), "old");
	/* a directory stands where the file should go */
	ck_assert_int_eq(file_replace(dir, "d/sub", "x", 1, 0600), -EISDIR);
	ck_assert_int_eq(file_replace(dir, "none/f", "x", 1, 0600), -ENOENT);
	ck_assert_int_eq(count("d"), 2);
}
END_TEST

/* Whoever reads while another replaces sees the one text or the other, whole. */
START_TEST(readers_see_whole_texts)
{
	static char texts[2][20000];
	pid_t child;

	memset(texts[0], 'a', sizeof(texts[0]));
	memset(texts[1], 'b', sizeof(texts[1]));
	ck_assert_int_eq(file_replace(dir, "f", texts[0], sizeof(texts[0]), 0600), 0);
	child = fork();
	if (!child) {
		for (int i = 0;; i++)
			file_replace(dir, "f", texts[i % 2], sizeof(texts[0]), 0600);
	}
	for (int i = 0; i < 500; i++) {
		char *text;
		size_t len;

		ck_assert_int_eq(file_read(dir, "f", sizeof(texts[0]), &text, &len), 0);
		ck_assert_uint_eq(len, sizeof(texts[0]));
		ck_assert_mem_eq(text, texts[*text == 'b'], len);
		free(text);
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
END_TEST

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

START_TEST(lock)
{
	int fd = file_lock(dir, "lock", 0);
	int64_t start = now_ms();
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_int_eq(file_lock(dir, "lock", 0), -ETIMEDOUT);
	ck_assert_int_eq(file_lock(dir, "lock", 100), -ETIMEDOUT);
	ck_assert_int_ge(now_ms() - start, 90);
	close(fd);
	fd = file_lock(dir, "lock", 0);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(file_lock(dir, "none/lock", 0), -ENOENT);
}
END_TEST

/* The lock of a process that is killed is free at once, for one who waits with and without end. */
START_TEST(lock_dies_with_its_holder)
{
	for (int timeout_ms = -1; timeout_ms < 10000; timeout_ms += 10000) {
		int ready[2], fd;
		pid_t child;
		char byte;

		ck_assert_int_eq(pipe(ready), 0);
		child = fork();
		if (!child) {
			fd = file_lock(dir, "lock", 0);
			if (fd >= 0 && write(ready[1], "x", 1) == 1)
				usleep(100000);
			raise(SIGKILL);
		}
		ck_assert_int_eq(read(ready[0], &byte, 1), 1);
		fd = file_lock(dir, "lock", timeout_ms);
		ck_assert_int_ge(fd, 0);
		close(fd);
		close(ready[0]);
		close(ready[1]);
		waitpid(child, NULL, 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {open_beneath, open_beneath_by_hand, nothing_leads_out,
		nothing_leads_out_by_hand, dots_in_names, make_dirs, read_whole,
		only_regular_files, stream, replace, failed_replace_leaves_the_old,
		readers_see_whole_texts, lock, lock_dies_with_its_holder};

	return RUN_TESTS_IN("file", tests, setup, teardown);
}
