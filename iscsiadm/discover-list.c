/* SPDX-License-Identifier: MIT */
/* discover-list.c - "-m discovery" and "-m discoverydb" without more: the sources */
#include <stdio.h>

#include "discover.h"
#include "json.h"
#include "log.h"
#include "show.h"

struct listing {
	struct app *app;
	struct show_tree tree;
	size_t n; /* in this section */
	size_t n_total;
};

static const struct section {
	enum iscsi_source_type type;
	const char *title, *word;
	bool has_addresses;
} sections[] = {
	{ISCSI_SOURCE_SENDTARGETS, "SENDTARGETS", "sendtargets", true},
	{ISCSI_SOURCE_ISNS, "iSNS", "isns", true},
	{ISCSI_SOURCE_STATIC, "STATIC", NULL, false},
	{ISCSI_SOURCE_FW, "FIRMWARE", NULL, false},
};

#define N_SECTIONS (sizeof(sections) / sizeof(sections[0]))

static int list_found(void *data, const struct iscsi_node_id *id)
{
	struct listing *l = data;

	l->n++;
	show_tree_node(&l->tree, id);
	return 0;
}

static int list_source(void *data, const struct iscsi_source *source)
{
	struct listing *l = data;

	l->n++;
	if (l->app->o.print < 1) {
		printf("%s:%d via %s\n", source->address, source->port,
			sections[source->type].word);
		return 0;
	}
	printf("DiscoveryAddress: %s,%d\n", source->address, source->port);
	l->tree = (struct show_tree){};
	return iscsi_db_each_found(l->app->db, source, list_found, l);
}

static int list_section(struct listing *l, const struct section *s)
{
	bool tree = l->app->o.print >= 1;
	int r = 0;

	l->n = 0;
	l->tree = (struct show_tree){};
	if (tree)
		printf("%s:\n", s->title);
	if (s->has_addresses)
		r = iscsi_db_each_source(l->app->db, s->type, list_source, l);
	/* Those of no server are iSNS records of old databases. */
	if (!r && tree && s->type != ISCSI_SOURCE_SENDTARGETS)
		r = iscsi_db_each_found(
			l->app->db, &(struct iscsi_source){.type = s->type}, list_found, l);
	if (!r && tree && !l->n)
		puts("No targets found.");
	l->n_total += l->n;
	return r;
}

static int add_found(void *data, const struct iscsi_node_id *id)
{
	json_object_array_add(data, json_node_id(id));
	return 0;
}

/* With what was found there. */
static int add_source(void *data, const struct iscsi_source *source)
{
	struct listing *l = data;
	struct json_object *o = json_source(source), *found = json_object_new_array();

	l->n_total++;
	json_object_object_add(o, "records", found);
	json_add(l->app, "sources", o);
	return iscsi_db_each_found(l->app->db, source, add_found, found);
}

static int add_section(struct listing *l, const struct section *s)
{
	if (s->has_addresses)
		return iscsi_db_each_source(l->app->db, s->type, add_source, l);
	return add_source(l, &(struct iscsi_source){.type = s->type});
}

int discover_list(struct app *a)
{
	struct listing l = {.app = a};
	int r = 0;

	for (size_t i = 0; i < N_SECTIONS && !r; i++)
		r = a->o.json ? add_section(&l, &sections[i]) : list_section(&l, &sections[i]);
	if (r)
		return database_failed(a, r);
	return l.n_total ? ISCSI_OK : ISCSI_ERR_NO_OBJS_FOUND;
}
