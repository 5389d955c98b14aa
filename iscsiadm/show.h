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
void show_portal_line(const char *address, int port, const char *tag, const char *target);

/* A tree of targets, portals and interfaces, line by line. */
struct show_tree {
	char target[ISCSI_NAME_MAX + 1];
	char portal[ISCSI_ADDRESS_MAX + 32];
	bool merge_portals; /* the same portal twice in a row is printed once */
};
void show_tree_node(struct show_tree *t, const struct iscsi_node_id *id);

void show_session_line(const struct view_session *s);
/* level 1..3; states as iscsid gave them, NULL: it did not. */
void show_sessions_begin(struct app *a, int level);
void show_session_tree(struct app *a, const struct view_session *before,
	const struct view_session *s, const struct request_state *state, int level);

#endif
