/* SPDX-License-Identifier: MIT */
/*
 * interop-node.c - the node database from a shell, for tests/interop.sh.
 *
 *   interop-node ROOT list
 *   interop-node ROOT show|new|rewrite|delete TARGET ADDRESS PORT TPGT IFACE [KEY VALUE]...
 *   interop-node ROOT update TARGET ADDRESS PORT TPGT IFACE KEY VALUE...
 *   interop-node ROOT hold TARGET ADDRESS PORT TPGT IFACE KEY VALUE...	an update that takes two seconds
 *   interop-node ROOT discovery-new|discovery-rewrite|discovery-show ADDRESS PORT
 */
#include "iscsi-node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct iscsi_db *db;

static int print_id(void *data, const struct iscsi_node_id *id)
{
	(void)data;
	printf("%s %s,%d,%d %s\n", id->target, id->address, id->port, id->tpgt, id->iface);
	return 0;
}

/* As open-iscsi's -o show with -S. */
static int print_setting(void *data, const char *key, const char *value, bool secret)
{
	(void)data, (void)secret;
	printf("%s = %s\n", key, *value ? value : "<empty>");
	return 0;
}

static int set_all(struct iscsi_node *n, char **pairs, int count)
{
	for (int i = 0; i + 1 < count; i += 2)
		if (iscsi_node_set(n, pairs[i], pairs[i + 1]) != ISCSI_SET_OK)
			return -1;
	return 0;
}

static int create(const struct iscsi_node_id *id, char **pairs, int count)
{
	struct iscsi_node *n;
	int r = iscsi_node_new(db, id, &n);

	if (r < 0)
		return r;
	r = iscsi_db_apply_iface(db, n, id->iface);
	if (r == 0)
		r = set_all(n, pairs, count);
	if (r == 0)
		r = iscsi_db_store(db, n);
	iscsi_node_free(n);
	return r;
}

static int use(const struct iscsi_node_id *id, bool rewrite)
{
	struct iscsi_node *n;
	int r = iscsi_db_load(db, id, &n);

	if (r < 0)
		return r;
	r = rewrite ? iscsi_db_store(db, n) : iscsi_node_each(n, print_setting, NULL);
	iscsi_node_free(n);
	return r;
}

static int update(const struct iscsi_node_id *id, char **pairs, int count)
{
	struct iscsi_setting settings[16];
	size_t n = 0, bad;

	for (int i = 0; i + 1 < count && n < 16; i += 2)
		settings[n++] = (struct iscsi_setting){pairs[i], pairs[i + 1]};
	return iscsi_db_update(db, id, settings, n, &bad);
}

/* The records of a group are in place at its end. */
static int hold(const struct iscsi_node_id *id, char **pairs, int count)
{
	int r, failed;

	iscsi_db_group_begin(db);
	r = update(id, pairs, count);
	sleep(2);
	failed = iscsi_db_group_end(db);
	return r ? r : failed;
}

static int on_node(const char *verb, char **args, int count)
{
	const struct iscsi_node_id id = {args[0], args[1], atoi(args[2]), atoi(args[3]), args[4]};

	if (strcmp(verb, "new") == 0)
		return create(&id, args + 5, count - 5);
	if (strcmp(verb, "update") == 0)
		return update(&id, args + 5, count - 5);
	if (strcmp(verb, "hold") == 0)
		return hold(&id, args + 5, count - 5);
	if (strcmp(verb, "delete") == 0)
		return iscsi_db_delete(db, &id);
	return use(&id, strcmp(verb, "rewrite") == 0);
}

static int on_discovery(const char *verb, const char *address, int port)
{
	const struct iscsi_source source = {ISCSI_SOURCE_SENDTARGETS, address, port};
	struct iscsi_discovery *d;
	int r = strcmp(verb, "discovery-new") == 0
			? iscsi_discovery_new(db, &source, &d)
			: iscsi_discovery_load(db, &source, &d);

	if (r < 0)
		return r;
	r = strcmp(verb, "discovery-show") == 0 ? iscsi_discovery_each(d, print_setting, NULL)
						: iscsi_discovery_store(db, d);
	iscsi_discovery_free(d);
	return r;
}

static void print_warning(void *data, const char *text)
{
	(void)data;
	fprintf(stderr, "interop-node: %s\n", text);
}

int main(int argc, char **argv)
{
	int r;

	if (argc < 3 || iscsi_db_open(argv[1], &db) < 0)
		return 2;
	iscsi_db_on_warning(db, print_warning, NULL);
	if (argc == 3)
		r = iscsi_db_each(db, NULL, print_id, NULL);
	else if (argc == 5)
		r = on_discovery(argv[2], argv[3], atoi(argv[4]));
	else
		r = argc < 8 ? -1 : on_node(argv[2], argv + 3, argc - 3);
	if (r)
		fprintf(stderr, "interop-node: %s: %s (%s)\n", argv[2], strerror(r < 0 ? -r : 0),
			iscsi_db_error(db));
	iscsi_db_close(db);
	return r ? 1 : 0;
}
