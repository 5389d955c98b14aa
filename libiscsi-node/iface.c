/* SPDX-License-Identifier: MIT */
/* Interface records: through which device, as which initiator, over which transport. */
#include "db.h"
#include "file.h"
#include "name.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>

/* Those without a file, by name and transport. */
static const struct builtin {
	const char *name, *transport;
} builtins[] = {
	{"default", "tcp"},
	{"iser", "iser"},
};

static const struct builtin *find_builtin(const char *name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (str_eq(builtins[i].name, name))
			return &builtins[i];
	return NULL;
}

static int read_iface(struct iscsi_db *db, int dir, const char *name, struct iscsi_node *n)
{
	char *CLEANUP_FREE path = str_printf("%s/ifaces/%s", db->dir, name);
	int r = path ? record_reset(&n->record, SETTING_IFACE) : -ENOMEM;

	if (r == 0)
		r = db_parse_file(
			db, dir, name, path, &n->record, &(struct parse){.only = SETTING_IFACE});
	if (r == 0)
		return db_fail(db, -EBADMSG, "%s has no settings", path);
	return r < 0 ? r : str_set(&n->iface.name, name);
}

/* The built-in ones add to what iscsid.conf says of every interface, a stored one replaces it. */
int iscsi_db_apply_iface(struct iscsi_db *db, struct iscsi_node *n, const char *name)
{
	const struct builtin *builtin = find_builtin(name);
	const char *fault = iscsi_ifacename_fault(name);
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	if (fault || *name == '.')
		return db_fail(
			db, -EINVAL, "the interface name %s", fault ? fault : "begins with a dot");
	if (builtin) {
		r = str_set(&n->iface.name, builtin->name);
		return r < 0 ? r : str_set(&n->iface.transport_name, builtin->transport);
	}
	dir = db_open_dir(db, "ifaces", false);
	return dir < 0 ? dir : read_iface(db, dir, name, n);
}

/* What open-iscsi installs there for reading only. */
static bool is_example(const char *name)
{
	return str_eq(name, "iface.example");
}

static bool is_listed(const char *name)
{
	return !find_builtin(name) && !is_example(name) && !iscsi_ifacename_fault(name);
}

int iscsi_db_each_iface(struct iscsi_db *db, int (*each)(void *data, const char *name), void *data)
{
	struct names CLEANUP(names_free) names = {0};
	struct iscsi_node *n = NULL;
	int CLEANUP_CLOSE dir = -1;
	int r;

	db_begin(db);
	dir = db_open_dir(db, "ifaces", false);
	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	r = names_read(dir, ".", DT_REG, &names);
	if (r == 0)
		r = iscsi_node_new_default(&n);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		int bad = is_listed(names.v[i]) ? read_iface(db, dir, names.v[i], n) : -ENOENT;

		if (bad == -ENOMEM)
			r = bad;
		else if (bad && bad != -ENOENT)
			db_warn(db, "interface %s is left out: %s", names.v[i], iscsi_db_error(db));
		else if (!bad && str_eq(n->iface.transport_name, "tcp"))
			r = each(data, names.v[i]);
	}
	iscsi_node_free(n);
	return r;
}
