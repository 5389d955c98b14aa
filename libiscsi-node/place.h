/* SPDX-License-Identifier: MIT */
/* place.h - a record's names: its id, its path below nodes/, its links from where it was found */
#ifndef NODE_PLACE_H
#define NODE_PLACE_H

#include "db.h"
#include "name.h"

#include <limits.h>

/* Paths below nodes/. Without a portal group tag the portal itself is the file. */
struct place {
	char portal[ISCSI_ADDRESS_MAX + 16];			  /* ADDRESS,PORT[,TPGT] */
	char dir[ISCSI_NAME_MAX + ISCSI_ADDRESS_MAX + 18];	  /* TARGET[/PORTAL] */
	char file[ISCSI_NAME_MAX + ISCSI_ADDRESS_MAX + NAME_MAX]; /* DIR/IFACE or DIR/PORTAL */
};

/* -EINVAL (with db's error) unless every part of id is fit to be one of a path. */
int place_of(struct iscsi_db *db, const struct iscsi_node_id *id, struct place *ret);

/* The opposite, of PORTAL alone; false for what place_of would not have written. */
bool place_parse(const char *portal, struct iscsi_portal *ret);

/* match.c: whether two addresses are the same, as text or both as numbers. Asks no name server. */
bool address_equal(const char *a, const char *b);

/* ---- links: SOURCE/TARGET,PORTAL,IFACE points to the portal's directory ---- */

/* Links n from its discovery source, or makes sure of it; ret also when that fails. */
int links_set(struct iscsi_db *db, const struct iscsi_node *n, struct link_change *ret);
int links_remove(struct iscsi_db *db, const struct iscsi_node_id *id);
/* Looks for the sources that there are: where that fails, nothing of a record is to be removed. */
int links_load(struct iscsi_db *db);

/* The directory of a type of source, below the database's, and node.discovery_type. */
const char *source_dir_name(enum iscsi_source_type type);
int source_discovery_type(enum iscsi_source_type type);

/* ---- store.c; the first three between commit_begin of the target and commit_end ---- */

int node_store(struct iscsi_db *db, struct iscsi_node *n);
int node_delete(struct iscsi_db *db, const struct iscsi_node_id *id);
/* Whether a record stands where n would be stored, in either style; may fill in n's tpgt. */
int node_exists(struct iscsi_db *db, struct iscsi_node *n, bool *ret);
/* The interface that an old style file states; the caller's to free. */
int old_style_iface(struct iscsi_db *db, int nodes, const struct place *place, char **ret);

#endif
