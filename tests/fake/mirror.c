/* SPDX-License-Identifier: MIT */
/* mirror.c - the sessions of the fake kernel as files below ROOT/sys */
#include "fake-session.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fake.h"
#include "str.h"

char mirror_root[128];

static void make_dirs(char *full)
{
	for (char *p = full + strlen(mirror_root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(full, 0755);
		*p = '/';
	}
}

static void put(const char *path, const char *value)
{
	char full[1024];
	FILE *f;

	snprintf(full, sizeof(full), "%s/%s", mirror_root, path);
	f = fopen(full, "w");
	if (!f) {
		make_dirs(full);
		f = fopen(full, "w");
	}
	if (!f)
		abort();
	fprintf(f, "%s\n", value);
	fclose(f);
}

/* In place of a file: who opens it to write waits for a reader. */
static void make_fifo(const char *path)
{
	char full[640];

	snprintf(full, sizeof(full), "%s/%s", mirror_root, path);
	if (unlink(full) || mkfifo(full, 0600))
		abort();
}

static void link_class(const char *class, const char *entry, const char *to)
{
	char path[512], target[512];

	snprintf(path, sizeof(path), "sys/class/%s/.keep", class);
	put(path, "");
	snprintf(path, sizeof(path), "%s/sys/class/%s/.keep", mirror_root, class);
	unlink(path);
	snprintf(path, sizeof(path), "%s/sys/class/%s/%s", mirror_root, class, entry);
	snprintf(target, sizeof(target), "../../devices/platform/%s", to);
	if (symlink(target, path) && errno != EEXIST)
		abort();
}

void mirror_set(const struct fake_session *s, const char *class, const char *name,
	const char *value)
{
	char path[256];

	if (str_eq(class, "iscsi_session"))
		snprintf(path, sizeof(path),
			"sys/devices/platform/host%d/session%u/iscsi_session/session%u/%s", s->host,
			s->sid, s->sid, name);
	else
		snprintf(path, sizeof(path),
			"sys/devices/platform/host%d/session%u/connection%u:0/iscsi_connection/"
			"connection%u:0/%s",
			s->host, s->sid, s->sid, s->sid, name);
	put(path, value);
}

void mirror_state(struct fake_session *s)
{
	const char *const now[] = {s->failed ? "FAILED" : s->up ? "LOGGED_IN" : "FREE",
		s->unbound ? "UNBOUND" : "SCANNED", s->failed ? "failed" : s->up ? "up" : "bound"};
	static const char *const files[][2] = {{"iscsi_session", "state"},
		{"iscsi_session", "target_state"}, {"iscsi_connection", "state"}};

	for (int i = 0; i < 3; i++)
		if (s->shown[i] != now[i])
			mirror_set(s, files[i][0], files[i][1], now[i]);
	memcpy(s->shown, now, sizeof(now));
}

void mirror_recovery_tmo(const struct fake_session *s, const struct kernel_params *params)
{
	for (unsigned int i = 0; i < params->n && !fake_kernel.deaf_to_tmo; i++)
		if (params->items[i].number == PARAM_SESS_RECOVERY_TMO)
			mirror_set(s, "iscsi_session", "recovery_tmo",
				str_eq(params->items[i].value, "-1") ? "off"
								     : params->items[i].value);
}

void mirror_add(struct fake_session *s, const struct kernel_params *params)
{
	static const struct {
		int number;
		const char *name;
		bool of_connection;
	} files[] = {
		{PARAM_TARGET_NAME, "targetname", false},
		{PARAM_INITIATOR_NAME, "initiatorname", false},
		{PARAM_IFACE_NAME, "ifacename", false},
		{PARAM_TPGT, "tpgt", false},
		{PARAM_PERSISTENT_ADDRESS, "persistent_address", true},
		{PARAM_PERSISTENT_PORT, "persistent_port", true},
	};
	char base[128], conn[192], dir[192], path[512], entry[32];

	snprintf(base, sizeof(base), "host%d/session%u/iscsi_session/session%u", s->host, s->sid,
		s->sid);
	snprintf(conn, sizeof(conn), "host%d/session%u/connection%u:0/iscsi_connection/connection%u:0",
		s->host, s->sid, s->sid, s->sid);
	for (unsigned int i = 0; i < params->n; i++)
		for (size_t k = 0; k < sizeof(files) / sizeof(files[0]); k++) {
			if (files[k].number != params->items[i].number)
				continue;
			snprintf(path, sizeof(path), "sys/devices/platform/%s/%s",
				files[k].of_connection ? conn : base, files[k].name);
			put(path, params->items[i].value);
		}
	mirror_state(s);
	mirror_recovery_tmo(s, params);
	snprintf(path, sizeof(path), "sys/devices/platform/host%d/scsi_host/host%d/proc_name", s->host,
		s->host);
	put(path, "iscsi_tcp");
	snprintf(path, sizeof(path), "sys/devices/platform/host%d/scsi_host/host%d/scan", s->host,
		s->host);
	put(path, "");
	if (fake_kernel.scan_hangs)
		make_fifo(path);
	snprintf(path, sizeof(path), "%s/sys/devices/platform/%s/device", mirror_root, base);
	snprintf(dir, sizeof(dir), "../../../session%u", s->sid);
	if (symlink(dir, path) && errno != EEXIST)
		abort();
	snprintf(entry, sizeof(entry), "session%u", s->sid);
	link_class("iscsi_session", entry, base);
	snprintf(entry, sizeof(entry), "connection%u:0", s->sid);
	link_class("iscsi_connection", entry, conn);
	snprintf(entry, sizeof(entry), "host%d", s->host);
	snprintf(dir, sizeof(dir), "host%d/scsi_host/host%d", s->host, s->host);
	link_class("scsi_host", entry, dir);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void fake_remove_tree(const char *path)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS))
		abort();
}

static void remove_entry(const char *class, const char *name, int number, const char *end)
{
	char entry[64], path[512];

	snprintf(entry, sizeof(entry), "%s%d%s", name, number, end);
	snprintf(path, sizeof(path), "%s/sys/class/%s/%s", mirror_root, class, entry);
	unlink(path);
}

/* What is below devices stays: nobody finds the way there, until the number is taken again. */
void mirror_remove(const struct fake_session *s)
{
	remove_entry("iscsi_session", "session", (int)s->sid, "");
	remove_entry("iscsi_connection", "connection", (int)s->sid, ":0");
	remove_entry("scsi_host", "host", s->host, "");
}
