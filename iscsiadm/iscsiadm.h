/* SPDX-License-Identifier: MIT */
/* iscsiadm.h - what one run of the tool works with, and its modes */
#ifndef ISCSIADM_H
#define ISCSIADM_H

#include "err.h"
#include "iscsi-node.h"
#include "options.h"
#include "view.h"

struct app {
	const char *root; /* stands for "/" */
	struct iscsi_db *db;
	struct options o;
	struct json_object *json; /* with --json: what is going to be printed */
};

/* Each returns the exit status; everything is printed. */
int mode_discovery(struct app *a);
int mode_discoverydb(struct app *a);
int mode_node(struct app *a);
int mode_session(struct app *a);
int mode_iface(struct app *a);
int mode_host(struct app *a);
int mode_fw(struct app *a);

/* What was done, for people: printed unless --json has it. */
__attribute__((format(printf, 2, 3))) void report(struct app *a, const char *fmt, ...);

/* Says what the database could not do, and gives the exit status for it. */
int database_failed(struct app *a, int r);
/* Says that an interface could not be loaded, and why when it is there. */
void iface_not_read(struct app *a, const char *name, int r);

/* A list of records in memory. */
struct nodes {
	struct iscsi_node **items;
	size_t n;
	int error; /* enum iscsi_err: of those that could not be read and were left out */
};

int nodes_add(struct nodes *l, struct iscsi_node *n); /* takes n; 0 or -ENOMEM (n is freed) */
void nodes_clear(struct nodes *l);

/* Every record that matches, read; a record that cannot be read is reported and left out. */
int nodes_load(struct app *a, const struct iscsi_node_match *match, struct nodes *ret);

/* The ids of records, with texts of their own. */
struct node_ids {
	struct iscsi_node_id *items;
	size_t n;
};

int node_ids_add(struct node_ids *l, const struct iscsi_node_id *id); /* 0 or -ENOMEM */
void node_ids_clear(struct node_ids *l);

/* gc.c: records whose target is gone. The exit status. */
int collect_garbage(struct app *a);

/* ---- login.c, logout.c, rescan.c ---- */

/* extra: one more session to each, whatever there is already. */
int login_nodes(struct app *a, const struct nodes *nodes, bool extra, bool in_discovery);
/* Of -L: sets startup values that count; the word is checked. */
int login_all(struct app *a, const char *which);
int logout_all(struct app *a, const char *which);

/* Which sessions: target, persistent address and port, interface; sid 0 means any. */
struct session_match {
	struct iscsi_node_match node;
	uint32_t sid;
};

bool session_matches(const struct view_session *s, const struct session_match *m);
/* Does a session use this record? */
bool session_uses(const struct view_session *s, const struct iscsi_node_id *id);
int logout_sessions(struct app *a, const struct session_match *m);
int rescan_sessions(struct app *a, const struct session_match *m);
int stats_sessions(struct app *a, const struct session_match *m);

#endif
