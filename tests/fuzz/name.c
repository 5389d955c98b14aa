/* SPDX-License-Identifier: MIT */
/*
 * Names: what passes stays below the database's directory and in its line. The input is a
 * target's name, an address and an interface's name, a line each.
 */
#include "place.h"
#include "str.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check_part(const char *part)
{
	require(*part && *part != '.' && strlen(part) <= 255);
	for (const char *p = part; *p; p++)
		require((unsigned char)*p > ' ' && *p != 0x7f && *p != '/');
}

static void check_place(const struct place *p, const struct iscsi_node_id *id)
{
	const char *rest = str_after(p->file, id->target);
	struct iscsi_portal portal;

	require(rest && *rest == '/' && !strstr(p->file, "/."));
	require(place_parse(p->portal, &portal));
	require(str_eq(portal.address, id->address) && portal.port == id->port &&
		portal.tpgt == id->tpgt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct iscsi_db *db;
	char *text = malloc(size + 1), *rest = text;
	struct iscsi_node_id id = {.port = 3260, .tpgt = (int)(size % 3) - 1};
	struct place place;

	require(text != NULL);
	require(db || iscsi_db_open("/nonexistent", &db) == 0);
	memcpy(text, data, size);
	text[size] = '\0';
	id.target = strsep(&rest, "\n");
	id.address = rest ? strsep(&rest, "\n") : "10.0.0.1";
	id.iface = rest ? rest : "default";
	if (!iscsi_name_fault(id.target))
		check_part(id.target);
	if (!iscsi_address_fault(id.address))
		check_part(id.address);
	if (!iscsi_ifacename_fault(id.iface))
		check_part(id.iface);
	if (place_of(db, &id, &place) == 0)
		check_place(&place, &id);
	free(text);
	return 0;
}
