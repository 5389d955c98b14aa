/* SPDX-License-Identifier: MIT */
/* mode-host.c - "-m host": the SCSI hosts of sessions; there is one to a session with tcp */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "hosts.h"
#include "json.h"
#include "log.h"
#include "show.h"
#include "str.h"

static const char *or_empty(const char *s)
{
	return str_empty(s) ? "<empty>" : s;
}

static void print_line(const struct view_host *h)
{
	bool brackets = h->address && iscsi_address_in_brackets(h->address);

	printf("%s: [%u] %s%s%s,[%s],%s %s\n", or_empty(h->transport), h->number,
		brackets ? "[" : "", or_empty(h->address), brackets ? "]" : "",
		or_empty(h->hwaddress), or_empty(h->netdev), or_empty(h->initiator));
}

static void print_host(const struct view_host *h)
{
	printf("Host Number: %u\n", h->number);
	printf("\tState: %s\n", or_empty(h->state));
	printf("\tTransport: %s\n", or_empty(h->transport));
	printf("\tInitiatorname: %s\n", or_empty(h->initiator));
	printf("\tIPaddress: %s\n", or_empty(h->address));
	printf("\tHWaddress: %s\n", or_empty(h->hwaddress));
	printf("\tNetdev: %s\n", or_empty(h->netdev));
}

struct listing {
	struct app *app;
	struct view_sessions sessions;
	struct request_states states;
};

static void print_sessions(struct listing *l, const struct view_host *h)
{
	const struct show_form form = {
		.indent = "\t",
		.negotiated = l->app->o.print >= 3,
		.devices = l->app->o.print >= 4,
	};
	const struct view_session *before = NULL;

	for (size_t i = 0; i < l->sessions.n; i++) {
		const struct view_session *s = &l->sessions.items[i];

		if (s->host < 0 || (uint32_t)s->host != h->number)
			continue;
		if (!before)
			puts("\t*********\n\tSessions:\n\t*********");
		show_session_tree(l->app, &form, before, s, request_find_state(&l->states, s->sid));
		before = s;
	}
}

static int list(struct app *a)
{
	struct listing l = {.app = a};
	struct view_hosts hosts;
	int level = a->o.print, r = ISCSI_OK;

	if (level > 4 || level < UNSET) {
		log_error("Invalid info level %d. Try 0 - 4.", level);
		return ISCSI_ERR_INVAL;
	}
	if (view_hosts_read(a->root, &hosts)) {
		log_error("Could not read the hosts: %s", iscsi_err_text(ISCSI_ERR_SYSFS_LOOKUP));
		return ISCSI_ERR_SYSFS_LOOKUP;
	}
	if (level == 4 && !a->o.json)
		show_versions(a);
	if (!hosts.n) {
		log_error("No iSCSI hosts.");
		r = ISCSI_ERR_NO_OBJS_FOUND;
	} else if (level >= 2 && !a->o.json) {
		view_sessions_read(a->root, VIEW_DETAIL, &l.sessions);
		request_read_states(a, &l.states);
	}
	if (a->o.json)
		json_begin(a, "hosts");
	for (size_t i = 0; i < hosts.n; i++) {
		if (a->o.json) {
			json_add(a, "hosts", json_host(&hosts.items[i]));
			continue;
		}
		if (level < 1) {
			print_line(&hosts.items[i]);
			continue;
		}
		print_host(&hosts.items[i]);
		print_sessions(&l, &hosts.items[i]);
	}
	view_hosts_clear(&hosts);
	view_sessions_clear(&l.sessions);
	request_states_clear(&l.states);
	return r;
}

/* ---- tables in offload cards, which a software transport has none of ---- */

static int refuse(struct app *a, const char *what)
{
	uint32_t host;

	if (!host_number(a, &host))
		return ISCSI_ERR_INVAL;
	if (!host_has_transport(a, host)) {
		log_error("Could not match hostno %u to transport.", host);
		return ISCSI_ERR_TRANS_NOT_FOUND;
	}
	log_error("host %u is that of a software transport and has no %s; only offload cards have",
		host, what);
	return ISCSI_ERR_OP_NOT_SUPP;
}

int mode_host(struct app *a)
{
	uint32_t host;

	switch (a->o.submode) {
	case SUBMODE_CHAP:
		if (!a->o.ops) {
			log_error("CHAP mode requires host no and valid operation");
			return ISCSI_ERR_INVAL;
		}
		return refuse(a, "CHAP table");
	case SUBMODE_FLASHNODE:
		return refuse(a, "table of flashnodes");
	case SUBMODE_STATS:
		return refuse(a, "statistics of its own");
	default:
		return host_number(a, &host) ? list(a) : ISCSI_ERR_INVAL;
	}
}
