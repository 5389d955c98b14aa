/* SPDX-License-Identifier: MIT */
/* iscsid.conf and initiatorname.iscsi */
#include "db.h"
#include "file.h"
#include "name.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/utsname.h>

int config_apply(struct iscsi_db *db, struct record *r)
{
	unsigned int kind = r->settings == &node_settings ? 1 : r->settings == &isns_settings ? 2 : 4;
	int ret = db_parse_file(db, AT_FDCWD, db->config, db->config, r,
		&(struct parse){.quiet = db->warned & kind});

	db->warned |= kind;
	return ret == -ENOENT || ret > 0 ? 0 : ret;
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
		return db_fail(db, r, "cannot read %s: %s", path, strerror(-r));
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

int iscsi_db_config_get(struct iscsi_db *db, const char *key, char **ret)
{
	db_begin(db);
	return find_value(db, db->config, key, ret);
}

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
