/* SPDX-License-Identifier: MIT */
/* settings.h - the keys of records, one row each; everything else is computed from the rows */
#ifndef NODE_SETTINGS_H
#define NODE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum setting_type {
	SETTING_TEXT,	/* char * */
	SETTING_NUMBER, /* int */
	SETTING_CHOICE, /* int, index into choices */
	SETTING_LIST,	/* char *, a comma separated selection of choices */
	SETTING_LENGTH, /* of the text at offset: what is set is ignored */
};

enum setting_flag {
	SETTING_FIXED = 1,   /* part of the record's name: no update changes it */
	SETTING_SECRET = 2,  /* masked unless asked for */
	SETTING_HIDDEN = 4,  /* neither shown nor stored */
	SETTING_IFACE = 8,   /* belongs to the interface record */
	SETTING_IPV4 = 0x10, /* only for interfaces of this family */
	SETTING_IPV6 = 0x20,
};

struct setting {
	const char *key;
	enum setting_type type;
	unsigned int flags;
	size_t offset;
	int number;				/* default of a number or choice */
	const char *text;			/* default of a text, NULL: empty */
	const char *const *choices;		/* ends with NULL */
	const char *(*fault)(const char *text); /* what is wrong with a name, NULL: nothing */
	unsigned int bits;			/* width of an unsigned number, 0: an int */
	/* Not 0: place among the interface rows that go first in a node's file. */
	unsigned int file_rank;
	/*
	 * Not 0: bit of a key that open-iscsi 2.1.8 does not know, and stops at. It is shown and
	 * stored only when the record's file states it or it is not the default.
	 */
	unsigned int late;
};

struct settings {
	const struct setting *rows; /* in the order of "-o show" */
	size_t n;
	bool ranked; /* its files are in order of file_rank */
};

extern const struct settings node_settings, discovery_settings, isns_settings;
/* The interface rows of a node, alone: a struct iscsi_node with these is an interface record. */
extern const struct settings iface_settings;

/* The row of a key, NULL when there is none. */
const struct setting *settings_find(const struct settings *s, const char *key);
/* The same for keys in about the order of the rows: *at is where the last one was, first 0. */
const struct setting *settings_find_next(const struct settings *s, const char *key, size_t *at);

#endif
