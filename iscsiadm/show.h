/* SPDX-License-Identifier: MIT */
/* show.h - the forms in which records, targets and sessions are printed */
#ifndef ISCSIADM_SHOW_H
#define ISCSIADM_SHOW_H

#include "iscsiadm.h"
#include "request.h"

/* "# BEGIN RECORD" to "# END RECORD"; secrets are masked unless they are to be shown. */
/* Standard output is in lines, for who watches it; not for what may be ten thousand of them. */
void show_many(void);

void show_record_begin(void);
int show_record_line(void *data, const char *key, const char *value, bool secret); /* data: bool * */
void show_record_end(void);

/* "ADDRESS:PORT,TAG TARGET"; tag as it is printed there: records call an unknown one 4294967295. */
void show_portal_line(const char *address, int port, long tag, const char *target);

/* "Portal: ADDRESS:PORT,TAG" behind the indent given. */
void show_indented_portal(const char *indent, const char *address, int port, int tpgt);

/* A tree of targets, portals and interfaces, line by line. */
struct show_tree {
	char target[ISCSI_NAME_MAX + 1];
	char address[ISCSI_ADDRESS_MAX + 1];
	int port, tpgt;
	bool merge_portals; /* the same portal twice in a row is printed once */
};
void show_tree_node(struct show_tree *t, const struct iscsi_node_id *id);

void show_session_line(const struct view_session *s);
/* The versions of the kernel's iSCSI and of this tool. */
void show_versions(struct app *a);

/* What of a session is shown, beside its portals and interface. */
struct show_form {
	const char *indent; /* in front of each line */
	bool settings, negotiated, devices;
	bool scsi_host; /* in front of the devices */
};

/* state as iscsid gave it, NULL: it did not. before: the session shown before this one, or NULL. */
void show_session_tree(struct app *a, const struct show_form *f, const struct view_session *before,
	const struct view_session *s, const struct request_state *state);

/* What the kernel counted. */
struct stats;
void show_stats(const struct stats *s);

#endif
