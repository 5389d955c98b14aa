/* SPDX-License-Identifier: MIT */
#include "show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "str.h"

#define EMPTY "<empty>"
#define MASK "********"

#define MANY_BUFFER 65536

void show_many(void)
{
	setvbuf(stdout, NULL, _IOFBF, MANY_BUFFER);
}

/* ---- records ---- */

void show_record_begin(void)
{
	printf("# BEGIN RECORD %s\n", VERSION);
}

int show_record_line(void *data, const char *key, const char *value, bool secret)
{
	const bool *show_secrets = data;

	if (!*value)
		value = EMPTY;
	else if (secret && !*show_secrets)
		value = MASK;
	printf("%s = %s\n", key, value);
	return 0;
}

void show_record_end(void)
{
	puts("# END RECORD");
}

static void format_portal(const char *address, long port, char *ret, size_t len)
{
	bool brackets = iscsi_address_in_brackets(address);

	snprintf(ret, len, "%s%s%s:%ld", brackets ? "[" : "", address, brackets ? "]" : "", port);
}

void show_portal_line(const char *address, int port, const char *tag, const char *target)
{
	char portal[ISCSI_ADDRESS_MAX + 16];

	format_portal(address, port, portal, sizeof(portal));
	printf("%s,%s %s\n", portal, tag, target);
}

void show_tree_node(struct show_tree *t, const struct iscsi_node_id *id)
{
	char portal[ISCSI_ADDRESS_MAX + 16], line[sizeof(t->portal)];
	bool same = str_eq(t->target, id->target);

	format_portal(id->address, id->port, portal, sizeof(portal));
	snprintf(line, sizeof(line), "%s,%d", portal, id->tpgt);
	if (!same)
		printf("Target: %s\n", id->target);
	if (!same || !t->merge_portals || !str_eq(t->portal, line))
		printf("\tPortal: %s\n", line);
	printf("\t\tIface Name: %s\n", id->iface);
	snprintf(t->target, sizeof(t->target), "%s", id->target);
	snprintf(t->portal, sizeof(t->portal), "%s", line);
}

/* ---- sessions ---- */

static const char *flash(const struct view_session *s)
{
	return s->made_by_user ? "non-flash" : "flash";
}

static const char *or_empty(const char *s)
{
	return s ? s : EMPTY;
}

void show_session_line(const struct view_session *s)
{
	char portal[ISCSI_ADDRESS_MAX + 16];

	format_portal(s->persistent_address ? s->persistent_address : "", s->persistent_port, portal,
		sizeof(portal));
	printf("%s: [%u] %s,%ld %s (%s)\n", or_empty(s->transport), s->sid, portal, s->tpgt, s->target,
		flash(s));
}

/* The stars are as many as callers know them to be. */
static void box(const char *title, int n)
{
	static const char stars[] = "************************";

	printf("\t\t%.*s\n\t\t%s\n\t\t%.*s\n", n, stars, title, n, stars);
}

void show_sessions_begin(struct app *a, int level)
{
	char *version;

	if (level < 3)
		return;
	version = view_transport_version(a->root);
	printf("iSCSI Transport Class version %s\nversion %s\n", version ? version : EMPTY, VERSION);
	free(version);
}

static void print_portals(const struct view_session *before, const struct view_session *s)
{
	char now[ISCSI_ADDRESS_MAX + 16], configured[ISCSI_ADDRESS_MAX + 16];
	const char *address = s->address ? s->address : s->persistent_address;
	long port = s->port == VIEW_UNSET ? s->persistent_port : s->port;
	bool same = before && str_eq(before->target, s->target);

	if (!same)
		printf("Target: %s (%s)\n", s->target, flash(s));
	format_portal(address ? address : "", port, now, sizeof(now));
	format_portal(s->persistent_address ? s->persistent_address : "", s->persistent_port,
		configured, sizeof(configured));
	if (same && str_eq(before->address, s->address) && before->port == s->port)
		puts("");
	else
		printf("\tCurrent Portal: %s,%ld\n", now, s->tpgt);
	printf("\tPersistent Portal: %s,%ld\n", configured, s->tpgt);
}

static void print_interface(const struct view_session *s, const struct request_state *state)
{
	const char *address = s->host_address;
	bool brackets = address && iscsi_address_in_brackets(address);

	box("Interface:", 10);
	printf("\t\tIface Name: %s\n", s->iface ? s->iface : "default");
	printf("\t\tIface Transport: %s\n", or_empty(s->transport));
	printf("\t\tIface Initiatorname: %s\n", or_empty(s->initiator));
	printf("\t\tIface IPaddress: %s%s%s\n", brackets ? "[" : "", or_empty(address),
		brackets ? "]" : "");
	printf("\t\tIface HWaddress: %s\n", s->hwaddress ? s->hwaddress : "default");
	printf("\t\tIface Netdev: %s\n", s->netdev ? s->netdev : "default");
	printf("\t\tSID: %u\n", s->sid);
	printf("\t\tiSCSI Connection State: %s\n", state ? state->connection : "Unknown");
	printf("\t\tiSCSI Session State: %s\n", s->state ? s->state : "Unknown");
	printf("\t\tInternal iscsid Session State: %s\n", state ? state->internal : "Unknown");
}

static void print_number(const char *name, long value)
{
	if (value == VIEW_UNSET)
		printf("\t\t%s: %s\n", name, EMPTY);
	else
		printf("\t\t%s: %ld\n", name, value);
}

static void print_timeouts(const struct view_session *s)
{
	box("Timeouts:", 9);
	print_number("Recovery Timeout", s->recovery_tmo);
	print_number("Target Reset Timeout", s->tgt_reset_tmo);
	print_number("LUN Reset Timeout", s->lu_reset_tmo);
	print_number("Abort Timeout", s->abort_tmo);
}

static void print_chap(const struct view_session *s, bool show_secrets)
{
	box("CHAP:", 5);
	printf("\t\tusername: %s\n", or_empty(s->username));
	printf("\t\tpassword: %s\n", show_secrets ? or_empty(s->password) : MASK);
	printf("\t\tusername_in: %s\n", or_empty(s->username_in));
	/* Shown, it has the other one's label: so callers know it. */
	printf("\t\t%s: %s\n", show_secrets ? "password" : "password_in",
		show_secrets ? or_empty(s->password_in) : MASK);
}

enum negotiated_form { DIGEST, BYTES, YES_NO };

static void print_negotiated(const struct view_session *s)
{
	const struct {
		const char *name;
		long value;
		enum negotiated_form form;
	} rows[] = {
		{"HeaderDigest", s->header_digest, DIGEST},
		{"DataDigest", s->data_digest, DIGEST},
		{"MaxRecvDataSegmentLength", s->max_recv_data_segment, BYTES},
		{"MaxXmitDataSegmentLength", s->max_xmit_data_segment, BYTES},
		{"FirstBurstLength", s->first_burst, BYTES},
		{"MaxBurstLength", s->max_burst, BYTES},
		{"ImmediateData", s->immediate_data, YES_NO},
		{"InitialR2T", s->initial_r2t, YES_NO},
		{"MaxOutstandingR2T", s->max_outstanding_r2t, BYTES},
	};
	static const char *const words[][2] = {
		[DIGEST] = {"None", "CRC32C"},
		[YES_NO] = {"No", "Yes"},
	};

	box("Negotiated iSCSI params:", 24);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].value == VIEW_UNSET)
			continue;
		if (rows[i].form == BYTES)
			printf("\t\t%s: %ld\n", rows[i].name, rows[i].value);
		else
			printf("\t\t%s: %s\n", rows[i].name, words[rows[i].form][rows[i].value != 0]);
	}
}

static void print_devices(struct app *a, const struct view_session *s)
{
	struct view_luns luns;

	box("Attached SCSI devices:", 24);
	if (view_luns_read(a->root, s->sid, &luns)) {
		puts("\t\tUnavailable");
		return;
	}
	printf("\t\tHost Number: %d\tState: %s\n", s->host, s->host_state ? s->host_state : "Unknown");
	for (size_t i = 0; i < luns.n; i++) {
		const struct view_lun *l = &luns.items[i];

		printf("\t\tscsi%d Channel %02u Id %u Lun: %lu\n", s->host, l->channel, l->id, l->lun);
		if (l->disk)
			printf("\t\t\tAttached scsi disk %s\t\tState: %s\n", l->disk,
				l->state ? l->state : "Unknown");
	}
	view_luns_clear(&luns);
}

void show_session_tree(struct app *a, const struct view_session *before,
	const struct view_session *s, const struct request_state *state, int level)
{
	print_portals(before, s);
	print_interface(s, state);
	if (level >= 2) {
		print_timeouts(s);
		print_chap(s, a->o.show_secrets);
		print_negotiated(s);
	}
	if (level >= 3)
		print_devices(a, s);
}
