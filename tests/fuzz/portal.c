/* SPDX-License-Identifier: MIT */
/* Portals: as of -p and TargetAddress, as they stand in directories, and lists of them. */
#include "filter.h"
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

/* discovery.portal_allow: whatever is a list, its last word is in it. */
static void check_filter(const char *text)
{
	char *bad = NULL, *word = strdup(text), *save = NULL, *last = NULL;
	struct filter f;

	require(word != NULL);
	if (filter_parse(text, &f, &bad) == 0) {
		for (char *w = strtok_r(word, ", \t", &save); w; w = strtok_r(NULL, ", \t", &save))
			last = w;
		if (last)
			last[strcspn(last, "/")] = '\0';
		require(!last || filter_matches(&f, last));
		filter_release(&f);
	} else {
		require(bad && *bad);
	}
	free(bad);
	free(word);
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
	check_filter(text);
	free(text);
	return 0;
}
