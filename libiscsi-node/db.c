/* SPDX-License-Identifier: MIT */
#include "db.h"

#include "buf.h"
#include "file.h"
#include "pattern.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* More than open-iscsi's tools wait, and long enough to see that its lock is stale: lock.c. */
#define LOCK_WAIT_MS 33000

static bool has_nodes(const char *dir)
{
	char *CLEANUP_FREE path = str_printf("%s/nodes", dir);
	struct stat st;

	return path && stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The records' directory: the one that distributions of either kind have in use. */
static char *find_dir(const struct iscsi_db *db)
{
	char *CLEANUP_FREE var = str_printf("%s/var/lib/iscsi", db->root);

	if (var && has_nodes(var) && !has_nodes(db->config_dir))
		return STEAL_PTR(var);
	return var ? strdup(db->config_dir) : NULL;
}

/* The file given, or the usual one in the directory of configuration. */
static char *file_or_usual(const struct iscsi_db *db, const char *file, const char *usual)
{
	return file ? strdup(file) : str_printf("%s/%s", db->config_dir, usual);
}

int iscsi_db_open_files(const char *root, const char *config, const char *initiatorname,
	struct iscsi_db **ret)
{
	struct iscsi_db *db = calloc(1, sizeof(*db));

	if (!db)
		return -ENOMEM;
	db->lock_wait_ms = LOCK_WAIT_MS;
	db->commit.lock = (struct db_lock){.dir = -1, .fd = -1};
	db->commit.temporary = -1;
	for (size_t i = 0; i < N_DB_DIRS; i++)
		db->commit.dirs[i] = -1;
	db->root = strdup(root ? root : "");
	for (size_t n = db->root ? strlen(db->root) : 0; n && db->root[n - 1] == '/'; n--)
		db->root[n - 1] = '\0';
	if (db->root)
		db->config_dir = str_printf("%s/etc/iscsi", db->root);
	if (db->config_dir) {
		db->config = file_or_usual(db, config, "iscsid.conf");
		db->initiatorname = file_or_usual(db, initiatorname, "initiatorname.iscsi");
		db->dir = find_dir(db);
	}
	if (!db->config || !db->initiatorname || !db->dir) {
		iscsi_db_close(db);
		return -ENOMEM;
	}
	*ret = db;
	return 0;
}

int db_clone(const struct iscsi_db *db, struct iscsi_db **ret)
{
	int r = iscsi_db_open_files(db->root, db->config, db->initiatorname, ret);

	if (r == 0)
		(*ret)->lock_wait_ms = db->lock_wait_ms;
	return r;
}

int iscsi_db_open(const char *root, struct iscsi_db **ret)
{
	return iscsi_db_open_files(root, NULL, NULL, ret);
}

void iscsi_db_close(struct iscsi_db *db)
{
	if (!db)
		return;
	if (db->commit.depth) {
		db->commit.depth = 1;
		iscsi_db_group_end(db);
	}
	free(db->commit.staged);
	pattern_free(db->pattern);
	filter_release(&db->allow);
	filter_release(&db->deny);
	free(db->root);
	free(db->config_dir);
	free(db->config);
	free(db->initiatorname);
	free(db->dir);
	free(db->error);
	free(db);
}

const char *iscsi_db_dir(const struct iscsi_db *db)
{
	return db->dir;
}

const char *iscsi_db_error(const struct iscsi_db *db)
{
	return db->error ? db->error : "";
}

void iscsi_db_on_warning(
	struct iscsi_db *db, void (*warn)(void *data, const char *text), void *data)
{
	db->warn = warn;
	db->warn_data = data;
}

void db_begin(struct iscsi_db *db)
{
	free(STEAL_PTR(db->error));
}

int db_fail(struct iscsi_db *db, int err, const char *fmt, ...)
{
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	free(db->error);
	db->error = text;
	return err;
}

void db_warn(struct iscsi_db *db, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (!db->warn)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (text)
		db->warn(db->warn_data, text);
	free(text);
}

static int make_dir(struct iscsi_db *db, const char *name)
{
	char *CLEANUP_FREE path = str_printf("%s/%s", db->dir + strlen(db->root) + 1, name);
	int CLEANUP_CLOSE top = open(*db->root ? db->root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (!path)
		return -ENOMEM;
	if (top < 0)
		return -errno;
	return file_make_dirs(top, path, 1);
}

/* The first part of name may be a link that the administrator made, to another disk; no other. */
static int open_dir(const struct iscsi_db *db, const char *name)
{
	const char *rest = strchr(name, '/');
	int first_len = rest ? (int)(rest - name) : (int)strlen(name);
	char *CLEANUP_FREE path = str_printf("%s/%.*s", db->dir, first_len, name);
	int CLEANUP_CLOSE fd = -1;

	if (!path)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!rest)
		return STEAL_FD(fd);
	return file_open_beneath(fd, rest + 1, O_RDONLY | O_DIRECTORY, 0);
}

int db_open_dir(struct iscsi_db *db, const char *name, bool make)
{
	int fd = open_dir(db, name), r = 0;

	if (fd == -ENOENT && make) {
		r = make_dir(db, name);
		fd = r < 0 ? r : open_dir(db, name);
	}
	if (fd >= 0 || (fd == -ENOENT && !make))
		return fd;
	return db_fail(db, fd, "cannot %s %s/%s: %s", r < 0 ? "make" : "open", db->dir, name,
		strerror(-fd));
}

struct line_source {
	struct iscsi_db *db;
	const char *name;
};

static void on_line(void *data, unsigned int line, const char *text)
{
	const struct line_source *s = data;

	db_warn(s->db, "%s:%u: %s", s->name, line, text);
}

#define BEGIN "# BEGIN RECORD"
#define END "# END RECORD"
#define TORN_TRIES 3
#define TORN_WAIT_NS 10000000

/*
 * open-iscsi's tools write over a record where it stands: who reads meanwhile, or after they were
 * killed, finds its beginning. Files without a beginning were made by hand, which may be anyhow.
 */
static bool is_torn(const char *text, size_t len)
{
	return len >= strlen(BEGIN) && !memcmp(text, BEGIN, strlen(BEGIN)) &&
	       !memmem(text, len, "\n" END, strlen("\n" END));
}

/* A record that is not being written any more; it may be torn, or empty, all the same. */
static int read_at_rest(int dirfd, const char *path, char **ret, size_t *ret_len)
{
	static const struct timespec wait = {0, TORN_WAIT_NS};
	int r = file_read(dirfd, path, RECORD_FILE_MAX, ret, ret_len);

	for (int i = 1; r == 0 && (!*ret_len || is_torn(*ret, *ret_len)) && i < TORN_TRIES; i++) {
		str_wipe(*ret, *ret_len);
		free(*ret);
		nanosleep(&wait, NULL);
		r = file_read(dirfd, path, RECORD_FILE_MAX, ret, ret_len);
	}
	return r;
}

int db_parse_file(struct iscsi_db *db, int dirfd, const char *path, const char *name,
	struct record *r, const struct parse *how)
{
	struct line_source source = {db, name};
	struct parse p = *how;
	char *text;
	size_t len;
	bool is_config = dirfd == AT_FDCWD;
	int ret = is_config ? file_read(dirfd, path, RECORD_FILE_MAX, &text, &len)
			    : read_at_rest(dirfd, path, &text, &len);

	/* Where a portal has a directory in place of a file, there is no record of the older form. */
	if (ret == -ENOENT || ret == -ENOTDIR || (ret == -EISDIR && !is_config))
		return -ENOENT;
	if (ret < 0)
		return db_fail(db, ret == -EFBIG ? -EBADMSG : ret, "cannot read %s: %s", name,
			file_error(ret));
	p.data = &source;
	p.warn = how->quiet ? NULL : on_line;
	ret = how->text ? buf_add(how->text, text, len) : 0;
	if (ret == 0 && !is_config && is_torn(text, len))
		ret = db_fail(db, -EBADMSG, "%s is torn: its end is missing", name);
	if (ret == 0)
		ret = record_parse(r, text, len, &p);
	str_wipe(text, len);
	free(text);
	return ret;
}

bool db_is_file(int dirfd, const char *path)
{
	struct stat st;

	return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static int names_add(void *data, const char *name)
{
	struct names *n = data;

	if (n->n == n->room) {
		size_t room = n->room ? n->room * 2 : 8;
		char **v = realloc(n->v, room * sizeof(*v));

		if (!v)
			return -ENOMEM;
		n->v = v;
		n->room = room;
	}
	n->v[n->n] = strdup(name);
	if (!n->v[n->n])
		return -ENOMEM;
	n->n++;
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int names_read(int dirfd, const char *path, unsigned char type, struct names *ret)
{
	int CLEANUP_CLOSE fd = file_open_beneath(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
	struct names names = {0};
	int r = fd < 0 ? fd : file_each_name(fd, type, names_add, &names);

	if (r < 0) {
		names_free(&names);
		return r;
	}
	if (names.n > 1)
		qsort(names.v, names.n, sizeof(*names.v), compare_names);
	*ret = names;
	return 0;
}

void names_free(struct names *n)
{
	for (size_t i = 0; i < n->n; i++)
		free(n->v[i]);
	free(STEAL_PTR(n->v));
	n->n = n->room = 0;
}
