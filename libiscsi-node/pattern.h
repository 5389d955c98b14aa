/* SPDX-License-Identifier: MIT */
/*
 * pattern.h - what one change did to the text of one record, for the next: thousands of records
 * differ in little but their names
 *
 * A pattern is learnt from a record that was parsed, changed and formatted. It fits another text when
 * that differs only in lines that come out as they are; then its result is what parsing, changing and
 * formatting would give, byte for byte. What does not fit is to go that way.
 */
#ifndef NODE_PATTERN_H
#define NODE_PATTERN_H

#include "buf.h"
#include "record.h"

struct pattern;

/*
 * text became n's own by these settings. Replaces what *p has learnt; leaves NULL there when nothing
 * can be learnt from it.
 */
void pattern_learn(struct pattern **p, const struct iscsi_setting *settings, size_t n_settings,
	const struct buf *text, struct iscsi_node *n);
/* Whether it fits; then *ret is the new text. id: what the record is called. */
bool pattern_apply(const struct pattern *p, const struct iscsi_setting *settings, size_t n_settings,
	const struct iscsi_node_id *id, const struct buf *text, struct buf *ret);
void pattern_free(struct pattern *p); /* wipes what it has learnt */

#endif
