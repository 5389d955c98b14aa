/* SPDX-License-Identifier: MIT */
/*
 * Runs a fuzz program without libFuzzer: NAME [-t SECONDS] [-s SEED] DIRECTORY...
 *
 * Each file below the directories once; then, for that many seconds, mutations of them. An input
 * that ends the program is left in NAME.crash; NAME FILE runs it again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sanitizer/common_interface_defs.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX 16384
#define INPUTS_MAX 4096

struct input {
	size_t len;
	uint8_t *data;
};

static struct input inputs[INPUTS_MAX], current;
static size_t count;
static char crash[4096];
static uint64_t state;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- an input that ends the program is kept ---- */

static void keep(void)
{
	int fd = open(crash, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, current.data, current.len) < 0)
		return;
	fprintf(stderr, "the input is in %s\n", crash);
}

static void on_signal(int signal)
{
	(void)signal;
	keep();
	_exit(1);
}

/* The input in memory that ends where it ends. */
static void run(const uint8_t *data, size_t len)
{
	current.data = malloc(len ? len : 1);
	current.len = len;
	memcpy(current.data, data, len);
	LLVMFuzzerTestOneInput(current.data, len);
	free(current.data);
}

/* ---- the corpus ---- */

static int load(const char *path)
{
	uint8_t data[INPUT_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, data, sizeof(data));

	if (fd >= 0)
		close(fd);
	if (n < 0 || count == INPUTS_MAX) {
		fprintf(stderr, "%s: %s\n", path, n < 0 ? strerror(errno) : "too many inputs");
		return -1;
	}
	inputs[count].data = malloc((size_t)n + 1);
	memcpy(inputs[count].data, data, (size_t)n);
	inputs[count++].len = (size_t)n;
	return 0;
}

static int load_directory(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return load(path);
	while (r == 0 && (e = readdir(dir))) {
		char file[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, e->d_name);
		r = load(file);
	}
	closedir(dir);
	return r;
}

/* ---- mutations ---- */

/* xorshift64*; the same seed makes the same inputs. */
static size_t pick(size_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return below ? (size_t)(state * UINT64_C(2685821657736338717) >> 33) % below : 0;
}

static void remove_range(struct input *i, size_t at, size_t len)
{
	memmove(i->data + at, i->data + at + len, i->len - at - len);
	i->len -= len;
}

static void insert_range(struct input *i, size_t at, const uint8_t *from, size_t len)
{
	if (i->len + len > INPUT_MAX)
		return;
	memmove(i->data + at + len, i->data + at, i->len - at);
	memcpy(i->data + at, from, len);
	i->len += len;
}

/* A piece of some input, of any length or a short one. */
static void insert_piece(struct input *i)
{
	const struct input *from = &inputs[pick(count)];
	size_t at = pick(from->len), len = pick((pick(2) ? from->len - at : 16) + 1);

	if (len > from->len - at)
		len = from->len - at;
	insert_range(i, pick(i->len + 1), from->data + at, len);
}

static void repeat_piece(struct input *i)
{
	uint8_t piece[64];
	size_t at = pick(i->len), len = pick(sizeof(piece));

	if (len > i->len - at)
		len = i->len - at;
	memcpy(piece, i->data + at, len);
	for (size_t n = pick(64); n; n--)
		insert_range(i, at, piece, len);
}

static void mutate(struct input *i)
{
	static const uint8_t odd[] = {
		0, 1, 0x7f, 0x80, 0xff, '=', ',', '0', '9', 'x', '@', ':', '['};
	size_t at = pick(i->len);

	switch (i->len ? pick(7) : 0) {
	case 0:
		insert_piece(i);
		break;
	case 1:
		remove_range(i, at, pick(i->len - at < 16 ? i->len - at + 1 : 16));
		break;
	case 2:
		i->data[at] ^= (uint8_t)(1 << pick(8));
		break;
	case 3:
		i->data[at] = (uint8_t)pick(256);
		break;
	case 4:
		i->data[at] = odd[pick(sizeof(odd))];
		break;
	case 5:
		insert_range(i, at, &odd[pick(sizeof(odd))], 1);
		break;
	default:
		repeat_piece(i);
	}
}

static uint64_t fuzz(time_t seconds)
{
	static uint8_t data[INPUT_MAX];
	struct timespec now, end;
	uint64_t runs = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += seconds;
	do {
		const struct input *from = &inputs[pick(count)];
		struct input i = {from->len, data};

		memcpy(data, from->data, from->len);
		for (size_t n = 1 + pick(6); n; n--)
			mutate(&i);
		run(data, i.len);
		runs++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (
		now.tv_sec < end.tv_sec || (now.tv_sec == end.tv_sec && now.tv_nsec < end.tv_nsec));
	return runs;
}

int main(int argc, char **argv)
{
	time_t seconds = 0;
	uint64_t seed = 1, runs = 0;
	int option;

	while ((option = getopt(argc, argv, "t:s:")) != -1) {
		if (option == 't')
			seconds = atol(optarg);
		else if (option == 's')
			seed = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	snprintf(crash, sizeof(crash), "%s.crash", argv[0]);
	__sanitizer_set_death_callback(keep);
	signal(SIGABRT, on_signal);
	for (int i = optind; i < argc; i++)
		if (load_directory(argv[i]) < 0)
			return 2;
	if (count == 0) {
		fprintf(stderr, "%s: no inputs\n", argv[0]);
		return 2;
	}
	state = seed ? seed : 1;
	for (size_t i = 0; i < count; i++)
		run(inputs[i].data, inputs[i].len);
	if (seconds > 0)
		runs = fuzz(seconds);
	printf("%zu inputs, %" PRIu64 " mutations\n", count, runs);
	for (size_t i = 0; i < count; i++)
		free(inputs[i].data);
	return 0;
}
