/* SPDX-License-Identifier: MIT */
#include "show.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats.h"
#include "str.h"

#define EMPTY "<empty>"
#define MASK "********"

#define MANY_BUFFER 65536

void show_many(void)
{
	static char buffer[MANY_BUFFER]; /* the library's own would be of a page */

	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
}

void report(struct app *a, const char *fmt, ...)
{
	va_list ap;

	if (a->o.json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
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

/* ---- what may be ten thousand lines: not by printf, which takes longer than to find them ---- */

/* The lines of one record: all its names, each once. */
#define RECORD_MAX (ISCSI_NAME_MAX + ISCSI_ADDRESS_MAX + NAME_MAX + 128)

static char *add_number(char *end, long n)
{
	char digits[STR_NUMBER_MAX];

	return stpcpy(end, str_of_number(n, digits));
}

static char *add_portal(char *end, const char *address, int port, long tag)
{
	bool brackets = iscsi_address_in_brackets(address);

	end = stpcpy(stpcpy(stpcpy(end, brackets ? "[" : ""), address), brackets ? "]:" : ":");
	return add_number(stpcpy(add_number(end, port), ","), tag);
}

static char *add_line(char *end, const char *label, const char *text)
{
	return stpcpy(stpcpy(stpcpy(end, label), text), "\n");
}

static void put(const char *text, const char *end)
{
	fwrite_unlocked(text, 1, (size_t)(end - text), stdout);
}

void show_portal_line(const char *address, int port, long tag, const char *target)
{
	char text[RECORD_MAX];

	put(text, add_line(add_portal(text, address, port, tag), " ", target));
}

void show_tree_node(struct show_tree *t, const struct iscsi_node_id *id)
{
	bool same = str_eq(t->target, id->target);
	char text[RECORD_MAX], *end = text;

	if (!same)
		end = add_line(end, "Target: ", id->target);
	if (!same || !t->merge_portals || t->port != id->port || t->tpgt != id->tpgt ||
		!str_eq(t->address, id->address)) {
		end = stpcpy(end, "\tPortal: ");
		end = stpcpy(add_portal(end, id->address, id->port, id->tpgt), "\n");
	}
	put(text, add_line(end, "\t\tIface Name: ", id->iface));
	strcpy(t->target, id->target);
	strcpy(t->address, id->address);
	t->port = id->port;
	t->tpgt = id->tpgt;
}

/* ---- */

void show_indented_portal(const char *indent, const char *address, int port, int tpgt)
{
	char portal[ISCSI_ADDRESS_MAX + 16];

	format_portal(address, port, portal, sizeof(portal));
	printf("%sPortal: %s,%d\n", indent, portal, tpgt);
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

	format_portal(s->persistent_address ? s->persistent_address : "", s->persistent_port,
		portal, sizeof(portal));
	printf("%s: [%u] %s,%ld %s (%s)\n", or_empty(s->transport), s->sid, portal, s->tpgt,
		s->target, flash(s));
}

__attribute__((format(printf, 2, 3))) static void line(
	const struct show_form *f, const char *fmt, ...)
{
	va_list ap;

	fputs(f->indent, stdout);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* The stars are as many as callers know them to be. */
static void box(const struct show_form *f, const char *title, int n)
{
	static const char stars[] = "************************";

	line(f, "\t\t%.*s", n, stars);
	line(f, "\t\t%s", title);
	line(f, "\t\t%.*s", n, stars);
}

void show_versions(struct app *a)
{
	char *version = view_transport_version(a->root);
	printf("iSCSI Transport Class version %s\nversion %s\n", version ? version : EMPTY,
		VERSION);
	free(version);
}

static void print_portals(
	const struct show_form *f, const struct view_session *before, const struct view_session *s)
{
	char now[ISCSI_ADDRESS_MAX + 16], configured[ISCSI_ADDRESS_MAX + 16];
	const char *address = s->address ? s->address : s->persistent_address;
	long port = s->port == VIEW_UNSET ? s->persistent_port : s->port;
	bool same = before && str_eq(before->target, s->target);

	if (!same)
		line(f, "Target: %s (%s)", s->target, flash(s));
	format_portal(address ? address : "", port, now, sizeof(now));
	format_portal(s->persistent_address ? s->persistent_address : "", s->persistent_port,
		configured, sizeof(configured));
	if (same && str_eq(before->address, s->address) && before->port == s->port)
		line(f, "%s", "");
	else
		line(f, "\tCurrent Portal: %s,%ld", now, s->tpgt);
	line(f, "\tPersistent Portal: %s,%ld", configured, s->tpgt);
}

static void print_interface(
	const struct show_form *f, const struct view_session *s, const struct request_state *state)
{
	const char *address = s->host_address;
	bool brackets = address && iscsi_address_in_brackets(address);

	box(f, "Interface:", 10);
	line(f, "\t\tIface Name: %s", s->iface ? s->iface : "default");
	line(f, "\t\tIface Transport: %s", or_empty(s->transport));
	line(f, "\t\tIface Initiatorname: %s", or_empty(s->initiator));
	line(f, "\t\tIface IPaddress: %s%s%s", brackets ? "[" : "", or_empty(address),
		brackets ? "]" : "");
	line(f, "\t\tIface HWaddress: %s", s->hwaddress ? s->hwaddress : "default");
	line(f, "\t\tIface Netdev: %s", s->netdev ? s->netdev : "default");
	line(f, "\t\tSID: %u", s->sid);
	line(f, "\t\tiSCSI Connection State: %s", state ? state->connection : "Unknown");
	line(f, "\t\tiSCSI Session State: %s", s->state ? s->state : "Unknown");
	line(f, "\t\tInternal iscsid Session State: %s", state ? state->internal : "Unknown");
}

static void print_number(const struct show_form *f, const char *name, long value)
{
	if (value == VIEW_UNSET)
		line(f, "\t\t%s: %s", name, EMPTY);
	else
		line(f, "\t\t%s: %ld", name, value);
}

static void print_timeouts(const struct show_form *f, const struct view_session *s)
{
	box(f, "Timeouts:", 9);
	print_number(f, "Recovery Timeout", s->recovery_tmo);
	print_number(f, "Target Reset Timeout", s->tgt_reset_tmo);
	print_number(f, "LUN Reset Timeout", s->lu_reset_tmo);
	print_number(f, "Abort Timeout", s->abort_tmo);
}

static void print_chap(const struct show_form *f, const struct view_session *s, bool show_secrets)
{
	box(f, "CHAP:", 5);
	line(f, "\t\tusername: %s", or_empty(s->username));
	line(f, "\t\tpassword: %s", show_secrets ? or_empty(s->password) : MASK);
	line(f, "\t\tusername_in: %s", or_empty(s->username_in));
	/* Shown, it has the other one's label: so callers know it. */
	line(f, "\t\t%s: %s", show_secrets ? "password" : "password_in",
		show_secrets ? or_empty(s->password_in) : MASK);
}

enum negotiated_form { DIGEST, BYTES, YES_NO };

static void print_negotiated(const struct show_form *f, const struct view_session *s)
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

	box(f, "Negotiated iSCSI params:", 24);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].value == VIEW_UNSET)
			continue;
		if (rows[i].form == BYTES)
			line(f, "\t\t%s: %ld", rows[i].name, rows[i].value);
		else
			line(f, "\t\t%s: %s", rows[i].name,
				words[rows[i].form][rows[i].value != 0]);
	}
}

static void print_scsi_host(const struct show_form *f, const struct view_session *s)
{
	if (f->scsi_host)
		line(f, "\t\tHost Number: %d\tState: %s", s->host,
			s->host_state ? s->host_state : "Unknown");
}

static void print_devices(const struct show_form *f, struct app *a, const struct view_session *s)
{
	struct view_luns luns;

	box(f, "Attached SCSI devices:", 24);
	if (view_luns_read(a->root, s->sid, &luns)) {
		line(f, "\t\tUnavailable");
		return;
	}
	print_scsi_host(f, s);
	for (size_t i = 0; i < luns.n; i++) {
		const struct view_lun *l = &luns.items[i];

		line(f, "\t\tscsi%d Channel %02u Id %u Lun: %lu", s->host, l->channel, l->id,
			l->lun);
		if (l->disk)
			line(f, "\t\t\tAttached scsi disk %s\t\tState: %s", l->disk,
				l->state ? l->state : "Unknown");
	}
	view_luns_clear(&luns);
}

void show_session_tree(struct app *a, const struct show_form *f, const struct view_session *before,
	const struct view_session *s, const struct request_state *state)
{
	print_portals(f, before, s);
	print_interface(f, s, state);
	if (f->settings) {
		print_timeouts(f, s);
		print_chap(f, s, a->o.show_secrets);
	}
	if (f->negotiated)
		print_negotiated(f, s);
	if (f->devices)
		print_devices(f, a, s);
}

void show_stats(const struct stats *s)
{
	puts("iSCSI SNMP:");
	for (size_t i = 0; i < STATS_COUNTERS; i++)
		printf("\t%s: %" PRIu64 "\n", stats_names[i], s->counters[i]);
	if (!s->n_custom)
		return;
	puts("iSCSI Extended:");
	for (size_t i = 0; i < s->n_custom; i++)
		printf("\t%s: %" PRIu64 "\n", s->custom[i].name, s->custom[i].value);
}
