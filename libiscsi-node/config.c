/* SPDX-License-Identifier: MIT */
/* iscsid.conf with its drop-ins, and initiatorname.iscsi */
#include "db.h"
#include "file.h"
#include "name.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/utsname.h>
#include <unistd.h>

static bool is_drop_in(const char *name)
{
	size_t len = strlen(name);

	return len > strlen(".conf") && str_eq(name + len - strlen(".conf"), ".conf");
}

/*
 * Calls each for iscsid.conf and then for the files iscsid.conf.d/NAME.conf in the order of their
 * names: what comes later counts. Ends with what each returns when that is less than 0; a file that
 * is not there is none.
 */
static int each_file(
	struct iscsi_db *db, int (*each)(struct iscsi_db *db, const char *path, void *data), void *data)
{
	char *CLEANUP_FREE dir = str_printf("%s.d", db->config);
	struct names CLEANUP(names_free) names = {0};
	int CLEANUP_CLOSE fd = -1;
	int r = dir ? each(db, db->config, data) : -ENOMEM;

	if (r < 0)
		return r;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0
				       : db_fail(db, -errno, "cannot open %s: %s", dir,
						 strerror(errno));
	r = names_read(fd, ".", DT_UNKNOWN, &names);
	for (size_t i = 0; r >= 0 && i < names.n; i++) {
		char *CLEANUP_FREE path = str_printf("%s/%s", dir, names.v[i]);

		if (!path)
			r = -ENOMEM;
		else if (is_drop_in(names.v[i]))
			r = each(db, path, data);
	}
	return r < 0 ? r : 0;
}

/* Warnings once for each kind of record: they read the same files. */
struct application {
	struct record *record;
	bool quiet;
};

static int apply_file(struct iscsi_db *db, const char *path, void *data)
{
	const struct application *a = data;
	int r = db_parse_file(
		db, AT_FDCWD, path, path, a->record, &(struct parse){.quiet = a->quiet});

	return r == -ENOENT ? 0 : r;
}

int config_apply(struct iscsi_db *db, struct record *r)
{
	unsigned int kind = r->settings == &node_settings ? 1 : r->settings == &isns_settings ? 2 : 4;
	struct application a = {r, db->warned & kind};

	db->warned |= kind;
	return each_file(db, apply_file, &a);
}

/*
 * The first value of key in a file that holds one setting a line: the rule for what belongs to
 * programs, where of several lines for a record the last one counts.
 */
static int find_value(struct iscsi_db *db, const char *path, const char *key, char **ret)
{
	char *CLEANUP_FREE text = NULL;
	char *pos, *k, *v;
	size_t len;
	int r = file_read(AT_FDCWD, path, RECORD_FILE_MAX, &text, &len);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return db_fail(db, r, "cannot read %s: %s", path, file_error(r));
	pos = text;
	r = -ENOENT;
	for (char *end = text + len; r == -ENOENT && pos < end;)
		if (line_read(&pos, end, &k, &v) == LINE_SETTING && str_eq(k, key)) {
			*ret = strdup(v);
			r = *ret ? 0 : -ENOMEM;
		}
	str_wipe(text, len);
	return r;
}

struct search {
	const char *key;
	char *value; /* NULL: not found yet */
};

static int search_file(struct iscsi_db *db, const char *path, void *data)
{
	struct search *s = data;
	char *value = NULL;
	int r = find_value(db, path, s->key, &value);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	free(s->value);
	s->value = value;
	return 0;
}

int config_find(struct iscsi_db *db, const char *key, char **ret)
{
	struct search s = {.key = key};
	int r = each_file(db, search_file, &s);

	if (r == 0 && s.value) {
		*ret = s.value;
		return 0;
	}
	free(s.value);
	return r < 0 ? r : -ENOENT;
}

int iscsi_db_config_get(struct iscsi_db *db, const char *key, char **ret)
{
	db_begin(db);
	return config_find(db, key, ret);
}

int config_is_yes(struct iscsi_db *db, const char *key)
{
	char *CLEANUP_FREE value = NULL;
	int r = config_find(db, key, &value);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!strcasecmp(value, "yes"))
		return 1;
	if (strcasecmp(value, "no"))
		return db_fail(db, -EINVAL, "%s: %s cannot be '%.200s', but yes or no", db->config, key,
			value);
	return 0;
}

/* ---- which portals ---- */

static int load_filter(struct iscsi_db *db, const char *key, struct filter *ret)
{
	char *CLEANUP_FREE value = NULL, *CLEANUP_FREE bad = NULL;
	int r = config_find(db, key, &value);

	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = filter_parse(value, ret, &bad);
	if (r == -EINVAL && bad)
		return db_fail(db, r, "%s: %s has '%.200s', which is no address and no network",
			db->config, key, bad);
	return r;
}

int iscsi_db_portal_allowed(struct iscsi_db *db, const char *address)
{
	int r = 0;

	db_begin(db);
	if (!db->filters_loaded) {
		filter_release(&db->allow);
		filter_release(&db->deny);
		r = load_filter(db, "discovery.portal_allow", &db->allow);
		if (r == 0)
			r = load_filter(db, "discovery.portal_deny", &db->deny);
		if (r < 0)
			return r;
		db->filters_loaded = true;
	}
	if (filter_matches(&db->deny, address))
		return 0;
	return !db->allow.n || filter_matches(&db->allow, address);
}

/* ---- the initiator ---- */

static int host_name(char **ret)
{
	struct utsname u;

	if (uname(&u) < 0)
		return -errno;
	*ret = strdup(u.nodename);
	return *ret ? 0 : -ENOMEM;
}

int iscsi_db_initiator(struct iscsi_db *db, char **ret_name, char **ret_alias)
{
	const char *path = db->initiatorname;
	char *CLEANUP_FREE name = NULL, *CLEANUP_FREE alias = NULL;
	const char *fault;
	int r;

	db_begin(db);
	r = find_value(db, path, "InitiatorName", &name);
	if (r == -ENOENT && access(path, F_OK) < 0)
		return db_fail(db, r,
			"there is no %s: write InitiatorName=NAME into it (iscsi-iname makes a NAME)",
			path);
	if (r == -ENOENT)
		return db_fail(db, r, "%s has no InitiatorName", path);
	if (r < 0)
		return r;
	fault = iscsi_name_fault(name);
	if (fault)
		return db_fail(db, -EINVAL, "%s: the InitiatorName %s", path, fault);
	r = find_value(db, path, "InitiatorAlias", &alias);
	if (r == -ENOENT)
		r = host_name(&alias);
	if (r < 0)
		return r;
	*ret_name = STEAL_PTR(name);
	*ret_alias = STEAL_PTR(alias);
	return 0;
}
