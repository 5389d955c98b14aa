/* SPDX-License-Identifier: MIT */
/*
 * wanted-file.h - ROOT/run/iscsi/wanted: what is wanted, for the next daemon
 */
#ifndef ISCSID_WANTED_FILE_H
#define ISCSID_WANTED_FILE_H

#include "buf.h"
#include "iscsi-node.h"

/* Appends a record's line to text. -ENOMEM. */
int wanted_file_line(struct buf *text, const struct iscsi_node_id *id);
/* -errno. Adds lines to those of the file, or puts them in their place: without any, no file. */
int wanted_file_add(const char *root, const struct buf *lines);
int wanted_file_replace(const char *root, const struct buf *lines);
/* Calls each for every line; what is no line of ours is left out. */
void wanted_file_read(const char *root, void (*each)(void *data, const struct iscsi_node_id *id),
	void *data);

#endif
