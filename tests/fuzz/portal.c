/* SPDX-License-Identifier: MIT */
/* Portals: as of -p and TargetAddress, and as they stand in directories. */
#include "place.h"
#include "str.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void require(bool ok)
{
	if (!ok)
		abort();
}

static void check(const struct iscsi_portal *p, int min_port)
{
	require(!iscsi_address_fault(p->address));
	require(p->port == -1 || (p->port >= min_port && p->port <= 65535));
	require(p->tpgt >= -1 && p->tpgt <= 65535);
}

/* Written out, a portal reads the same. */
static void check_text(const struct iscsi_portal *p)
{
	char text[ISCSI_ADDRESS_MAX + 32];
	struct iscsi_portal again;
	size_t len;

	len = (size_t)snprintf(text, sizeof(text), strchr(p->address, ':') ? "[%s]" : "%s", p->address);
	if (p->port >= 0)
		len += (size_t)snprintf(text + len, sizeof(text) - len, ":%d", p->port);
	if (p->tpgt >= 0)
		snprintf(text + len, sizeof(text) - len, ",%d", p->tpgt);
	require(iscsi_portal_parse(text, &again) == NULL);
	require(str_eq(again.address, p->address) && again.port == p->port && again.tpgt == p->tpgt);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct iscsi_portal p;

	require(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (!iscsi_portal_parse(text, &p)) {
		check(&p, 1);
		check_text(&p);
	}
	if (place_parse(text, &p)) {
		check(&p, 1);
		require(p.port >= 1);
	}
	free(text);
	return 0;
}
