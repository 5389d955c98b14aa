/* SPDX-License-Identifier: MIT */
#include "place.h"

#include "str.h"

#include <errno.h>
#include <string.h>

#define PORT_MAX 65535
#define TPGT_MAX 65535

static int check(struct iscsi_db *db, const struct iscsi_node_id *id)
{
	const char *fault;

	fault = id->target ? iscsi_name_fault(id->target) : "is missing";
	if (fault)
		return db_fail(db, -EINVAL, "the target's name %s", fault);
	fault = id->address ? iscsi_address_fault(id->address) : "is missing";
	if (fault || *id->address == '.')
		return db_fail(db, -EINVAL, "the address of the portal of %s %s", id->target,
			fault ? fault : "begins with a dot");
	fault = id->iface ? iscsi_ifacename_fault(id->iface) : "is missing";
	if (fault || *id->iface == '.')
		return db_fail(db, -EINVAL, "the interface name of %s %s", id->target,
			fault ? fault : "begins with a dot");
	if (id->port < 1 || id->port > PORT_MAX)
		return db_fail(db, -EINVAL, "%s cannot have port %d", id->target, id->port);
	if (id->tpgt < -1 || id->tpgt > TPGT_MAX)
		return db_fail(
			db, -EINVAL, "%s cannot have portal group tag %d", id->target, id->tpgt);
	return 0;
}

static char *add_number(char *end, int n)
{
	char digits[STR_NUMBER_MAX];

	return stpcpy(stpcpy(end, ","), str_of_number(n, digits));
}

static void format_portal(char *buf, const char *address, int port, int tpgt)
{
	char *end = add_number(stpcpy(buf, address), port);

	if (tpgt >= 0)
		add_number(end, tpgt);
}

static void join(char *buf, const char *dir, const char *name)
{
	stpcpy(stpcpy(stpcpy(buf, dir), "/"), name);
}

int place_of(struct iscsi_db *db, const struct iscsi_node_id *id, struct place *ret)
{
	int r = check(db, id);

	if (r < 0)
		return r;
	/* check has seen to the lengths */
	format_portal(ret->portal, id->address, id->port, id->tpgt);
	if (id->tpgt < 0) {
		strcpy(ret->dir, id->target);
		join(ret->file, id->target, ret->portal);
	} else {
		join(ret->dir, id->target, ret->portal);
		join(ret->file, ret->dir, id->iface);
	}
	return 0;
}

/* Cuts ",NUMBER" off the end of text; -1 when there is none up to max. */
static int cut_number(char *text, int min, int max)
{
	char *comma = strrchr(text, ',');
	uint64_t n;

	if (!comma || str_to_u64(comma + 1, (uint64_t)min, (uint64_t)max, &n) < 0)
		return -1;
	*comma = '\0';
	return (int)n;
}

bool place_parse(const char *portal, struct iscsi_portal *ret)
{
	char text[ISCSI_ADDRESS_MAX + 16], again[sizeof(text)];
	const char *comma = strchr(portal, ',');
	struct iscsi_portal p = {.tpgt = -1};

	if (!comma || strlen(portal) >= sizeof(text))
		return false;
	strcpy(text, portal);
	if (strchr(comma + 1, ',')) {
		p.tpgt = cut_number(text, 0, TPGT_MAX);
		if (p.tpgt < 0)
			return false;
	}
	p.port = cut_number(text, 1, PORT_MAX);
	if (p.port < 0 || iscsi_address_fault(text) || *text == '.')
		return false;
	strcpy(p.address, text);
	/* "03260" and the like would be a record that no id leads to. */
	format_portal(again, p.address, p.port, p.tpgt);
	if (!str_eq(again, portal))
		return false;
	*ret = p;
	return true;
}
