/* SPDX-License-Identifier: MIT */
#include "adm-show.h"

#include <stdio.h>
#include <string.h>

#define DRIVERS_HEAD "LLDs:\n    iscsi: ready\n"
#define DRIVERS_TAIL "    iser: error\n"

/* ---- access to JSON: what is missing is "" or 0 ---- */

static struct json_object *get(struct json_object *o, const char *name)
{
	return json_object_object_get(o, name);
}

static const char *text(struct json_object *o, const char *name)
{
	const char *s = json_object_get_string(get(o, name));

	return s ? s : "";
}

static long long number(struct json_object *o, const char *name)
{
	return json_object_get_int64(get(o, name));
}

static const char *yes(struct json_object *o, const char *name)
{
	return json_object_get_boolean(get(o, name)) ? "Yes" : "No";
}

static size_t count(struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

#define for_each_item(item, list)                                                                  \
	for (size_t i_##item = 0; i_##item < count(list) &&                                        \
				  ((item) = json_object_array_get_idx(list, i_##item), true);      \
		i_##item++)

struct json_object *adm_find_target(struct json_object *state, int64_t tid)
{
	struct json_object *t;

	for_each_item (t, get(state, "targets"))
		if (number(t, "tid") == tid)
			return t;
	return NULL;
}

struct json_object *adm_find_session(struct json_object *state, int64_t sid)
{
	struct json_object *t, *s;

	for_each_item (t, get(state, "targets"))
		for_each_item (s, get(t, "sessions"))
			if (number(s, "sid") == sid)
				return s;
	return NULL;
}

bool adm_has_unit(struct json_object *target, int64_t lun)
{
	struct json_object *u;

	for_each_item (u, get(target, "units"))
		if (number(u, "lun") == lun)
			return true;
	return false;
}

/* ---- targets ---- */

static void show_nexus(struct json_object *s)
{
	struct json_object *c;

	printf("        I_T nexus: %lld\n", number(s, "sid"));
	printf("            Initiator: %s alias: %s\n", text(s, "initiator"),
		get(s, "alias") ? text(s, "alias") : "none");
	for_each_item (c, get(s, "connections")) {
		printf("            Connection: %lld\n", number(c, "cid"));
		printf("                IP Address: %s\n", text(c, "address"));
	}
}

static void show_unit(struct json_object *u)
{
	printf("        LUN: %lld\n", number(u, "lun"));
	printf("            Type: %s\n", number(u, "type") == 0x0c ? "controller" : "disk");
	printf("            SCSI ID: %s\n", text(u, "scsi_id"));
	printf("            SCSI SN: %s\n", text(u, "scsi_sn"));
	printf("            Size: %lld MB, Block size: %lld\n",
		(number(u, "size") + 500000) / 1000000, number(u, "block_size"));
	printf("            Online: %s\n", yes(u, "online"));
	printf("            Removable media: %s\n", yes(u, "removable"));
	printf("            Prevent removal: %s\n", yes(u, "prevented"));
	printf("            Readonly: %s\n", yes(u, "readonly"));
	printf("            SWP: %s\n", yes(u, "swp"));
	printf("            Thin-provisioning: %s\n", yes(u, "thin"));
	printf("            Backing store type: %s\n", text(u, "backing"));
	printf("            Backing store path: %s\n",
		get(u, "path") ? text(u, "path") : "None");
	printf("            Backing store flags: %s\n", text(u, "flags"));
}

static void show_credentials(struct json_object *o, const char *indent)
{
	struct json_object *user;

	for_each_item (user, get(o, "incoming"))
		printf("%s%s\n", indent, json_object_get_string(user));
	if (get(o, "outgoing"))
		printf("%s%s (outgoing)\n", indent, text(o, "outgoing"));
}

static void show_target(struct json_object *t)
{
	struct json_object *item, *settings = get(t, "settings");

	printf("Target %lld: %s\n", number(t, "tid"), text(t, "name"));
	printf("    System information:\n        Driver: iscsi\n        State: %s\n",
		text(t, "state"));
	if (number(settings, "nop_interval")) {
		printf("        Nop interval: %s\n", text(settings, "nop_interval"));
		printf("        Nop count: %s\n", text(settings, "nop_count"));
	}
	puts("    I_T nexus information:");
	for_each_item (item, get(t, "sessions"))
		show_nexus(item);
	puts("    LUN information:");
	for_each_item (item, get(t, "units"))
		show_unit(item);
	puts("    Account information:");
	show_credentials(t, "        ");
	puts("    ACL information:");
	for_each_item (item, get(t, "addresses"))
		printf("        %s\n", json_object_get_string(item));
	for_each_item (item, get(t, "initiators"))
		printf("        %s\n", json_object_get_string(item));
}

void adm_show_targets(struct json_object *state)
{
	struct json_object *t;

	for_each_item (t, get(state, "targets"))
		show_target(t);
}

void adm_show_settings(struct json_object *target)
{
	struct json_object *redirect = get(target, "redirect"), *settings = get(target, "settings");

	if (redirect) {
		printf("RedirectAddress=%s\nRedirectPort=%lld\nRedirectReason=%s\n",
			text(redirect, "address"), number(redirect, "port"),
			text(redirect, "reason"));
		return;
	}
	json_object_object_foreach(settings, name, value)
		printf("%s=%s\n", name, json_object_get_string(value));
}

/* ---- the rest ---- */

void adm_show_accounts(struct json_object *state)
{
	struct json_object *a, *list = get(state, "accounts");

	if (count(list))
		puts("Account list:");
	for_each_item (a, list)
		printf("    %s\n", text(a, "user"));
}

void adm_show_portals(struct json_object *state)
{
	struct json_object *p;

	for_each_item (p, get(state, "portals")) {
		bool v6 = !strchr(text(p, "address"), '.');

		printf("Portal: %s%s%s:%lld,%lld\n", v6 ? "[" : "", text(p, "address"),
			v6 ? "]" : "", number(p, "port"), number(p, "tag"));
	}
}

void adm_show_drivers(struct json_object *state)
{
	struct json_object *t;

	fputs(DRIVERS_HEAD, stdout);
	for_each_item (t, get(state, "targets"))
		printf("        Target %lld: %s\n", number(t, "tid"), text(t, "name"));
	fputs(DRIVERS_TAIL, stdout);
}

void adm_show_system(struct json_object *state)
{
	struct json_object *discovery = get(state, "discovery");

	printf("System:\n    State: %s\n    debug: %s\n", text(state, "state"),
		json_object_get_boolean(get(state, "debug")) ? "on" : "off");
	fputs(DRIVERS_HEAD DRIVERS_TAIL, stdout);
	puts("Backing stores:\n    rdwr (bsoflags sync:direct)\n    aio\n    null\n    ram");
	puts("Device types:\n    disk\n    controller");
	if (count(get(discovery, "incoming")) || get(discovery, "outgoing")) {
		puts("    Account information:\n");
		show_credentials(discovery, "    ");
	}
	puts("iSNS:\n    iSNS=Off\n    iSNSServerIP=\n    iSNSServerPort=3205\n"
	     "    iSNSAccessControl=Off");
}

void adm_show_connections(struct json_object *target)
{
	struct json_object *s, *c;

	for_each_item (s, get(target, "sessions")) {
		printf("Session: %lld\n", number(s, "sid"));
		for_each_item (c, get(s, "connections")) {
			printf("    Connection: %lld\n", number(c, "cid"));
			printf("        Initiator: %s\n", text(s, "initiator"));
			printf("        IP Address: %s\n", text(c, "address"));
		}
	}
}

/* ---- statistics ---- */

static void stat_unit(struct json_object *t, struct json_object *u)
{
	struct json_object *sessions = get(t, "sessions");
	/* units count for all sessions together: with one, it is that one's */
	long long sid = count(sessions) == 1
				? number(json_object_array_get_idx(sessions, 0), "sid")
				: 0;

	printf("%3lld %3lld %3lld", number(t, "tid"), number(u, "lun"), sid);
	for (int i = 0; i < 2; i++)
		printf(" %12lld %6lld", number(u, "rd_bytes"), number(u, "rd_cmds"));
	for (int i = 0; i < 2; i++)
		printf(" %12lld %6lld", number(u, "wr_bytes"), number(u, "wr_cmds"));
	printf(" %4lld\n", number(u, "errors"));
}

void adm_stat(struct json_object *state, struct json_object *target, int64_t lun)
{
	struct json_object *t, *u;

	puts("tgt lun sid rd_subm(bytes,cmds) rd_done(bytes,cmds) wr_subm(bytes,cmds) "
	     "wr_done(bytes,cmds) errs");
	for_each_item (t, get(state, "targets")) {
		if ((target && t != target) || !count(get(t, "sessions")))
			continue;
		for_each_item (u, get(t, "units"))
			if (lun == ADM_UNSET || number(u, "lun") == lun)
				stat_unit(t, u);
	}
}

void adm_stat_session(struct json_object *state, struct json_object *session)
{
	struct json_object *t, *s, *c;

	for_each_item (t, get(state, "targets"))
		for_each_item (s, get(t, "sessions"))
			if (s == session)
				adm_stat(state, t, ADM_UNSET);
	puts("\nsid cid rxdata_octets txdata_octets dataout_pdus datain_pdus cmd_pdus rsp_pdus");
	for_each_item (c, get(session, "connections"))
		printf("%3lld %3lld %13lld %13lld %12lld %11lld %8lld %8lld\n",
			number(session, "sid"), number(c, "cid"), number(c, "rx_octets"),
			number(c, "tx_octets"), number(c, "data_out_pdus"),
			number(c, "data_in_pdus"), number(c, "command_pdus"),
			number(c, "response_pdus"));
}
