/* SPDX-License-Identifier: MIT */
/*
 * iscsi-node.h - the iSCSI node database: target portals to log in to, where they were found, and
 * the settings to use, in the files that open-iscsi uses too.
 *
 * Thread-safe as far as no object is used by two threads at a time. Functions return 0 or -errno
 * unless they say otherwise; ret_ and *ret arguments are written on success only. Strings are
 * UTF-8 without control characters. Nothing is logged, nothing exits.
 */
#ifndef ISCSI_NODE_H
#define ISCSI_NODE_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- the database ---- */

struct iscsi_db;

/*
 * root: the directory that stands for "/", "" or NULL for the real one. Configuration is read from
 * ROOT/etc/iscsi; records are in ROOT/var/lib/iscsi where that has a nodes directory and
 * ROOT/etc/iscsi has none, else in ROOT/etc/iscsi. Nothing is created before the first write.
 */
int iscsi_db_open(const char *root, struct iscsi_db **ret);
/* As above with other files than iscsid.conf and initiatorname.iscsi; NULL: the usual one. */
int iscsi_db_open_files(const char *root, const char *config, const char *initiatorname,
	struct iscsi_db **ret);
void iscsi_db_close(struct iscsi_db *db);
/* The directory of the records, ROOT in front; as long as db. */
const char *iscsi_db_dir(const struct iscsi_db *db);

/*
 * What went wrong with the last call that failed, as one sentence with the file's name and line
 * ("" when there is nothing to add to the errno). Valid until the next call on db.
 */
const char *iscsi_db_error(const struct iscsi_db *db);

/*
 * Called for what is odd but does not fail the call: a line of iscsid.conf or of a record that
 * cannot be used. text is one sentence. Without a callback it is dropped.
 */
void iscsi_db_on_warning(struct iscsi_db *db, void (*warn)(void *data, const char *text),
	void *data);

/*
 * A setting that belongs to a program and not to records ("iscsid.startup"), from iscsid.conf or
 * the last of its drop-ins that has it: the caller's to free. -ENOENT when it is not set.
 */
int iscsi_db_config_get(struct iscsi_db *db, const char *key, char **ret);

/*
 * Whether discovery.portal_allow and discovery.portal_deny let a discovered portal in: 1 yes, 0 no,
 * -EINVAL when one of them cannot be read (iscsi_db_error says which word). They are read once.
 */
int iscsi_db_portal_allowed(struct iscsi_db *db, const char *address);

/*
 * InitiatorName and InitiatorAlias of initiatorname.iscsi; the alias is the host's name where the
 * file has none. The caller's to free. -ENOENT: no file or no name in it; -EINVAL: a name that is
 * none.
 */
int iscsi_db_initiator(struct iscsi_db *db, char **ret_name, char **ret_alias);

/* ---- records ---- */

struct iscsi_node; /* one record: how to reach one target at one portal through one interface */

/* What names a record: its place in the directories. */
struct iscsi_node_id {
	const char *target;  /* iqn, eui or naa name */
	const char *address; /* without brackets, as configured or announced */
	int port;
	int tpgt; /* 0..65535, or -1: unknown (open-iscsi's old style file) */
	const char *iface;
};

/*
 * A new record with the settings of iscsid.conf as it is now, over the built-in defaults. id NULL: of
 * no portal yet, and of interface "default".
 */
int iscsi_node_new(struct iscsi_db *db, const struct iscsi_node_id *id, struct iscsi_node **ret);
/* The same with built-in defaults only, in memory, no database: for who is handed key and value. */
int iscsi_node_new_default(struct iscsi_node **ret);
/* The same settings again, and another portal for them (id->iface may be NULL: n's own stays). */
int iscsi_node_copy(const struct iscsi_node *n, struct iscsi_node **ret);
int iscsi_node_set_portal(
	struct iscsi_db *db, struct iscsi_node *n, const struct iscsi_node_id *id);
void iscsi_node_free(struct iscsi_node *n); /* wipes the secrets */
void iscsi_node_get_id(const struct iscsi_node *n, struct iscsi_node_id *ret); /* borrowed */

/*
 * One setting by its key ("node.session.timeo.replacement_timeout"), as text; "" when empty.
 * Numbers and choices are formatted into a buffer of n that the next call reuses. NULL: no such
 * key (for this record: the family of its interface decides which iface keys there are).
 */
const char *iscsi_node_get(struct iscsi_node *n, const char *key);

enum iscsi_set_result {
	ISCSI_SET_OK,
	ISCSI_SET_UNKNOWN,   /* no such key */
	ISCSI_SET_BAD_VALUE, /* not one of the key's choices, not a number */
	ISCSI_SET_NO_MEMORY,
};

/* Text to setting, by the rules of record files: numbers as strtoul reads them. */
enum iscsi_set_result iscsi_node_set(struct iscsi_node *n, const char *key, const char *value);

/* Whether a key of any kind of record has a value that is not to be shown. */
bool iscsi_key_is_secret(const char *key);

/*
 * Every visible key in open-iscsi's order of "-o show". secret: the value is one to mask unless
 * asked for. Ends early with what each returns when that is not 0.
 */
int iscsi_node_each(struct iscsi_node *n,
	int (*each)(void *data, const char *key, const char *value, bool secret), void *data);

/* ---- finding ---- */

/* Which records: NULL and -1 mean any; tpgt never selects. */
struct iscsi_node_match {
	const char *target;
	const char *address; /* equal text, or (numeric) the same address; host names are resolved
				only when the texts differ */
	int port;
	const char *iface;
};

/*
 * Calls each for every record that matches, sorted by target, portal, interface, from directory
 * entries alone: no record is opened (except one that states another interface in an old style
 * file). Files and directories that are no record are skipped. id is borrowed for the call.
 * The names of a large database are kept in ROOT/run/iscsi/nodes.index, and taken from there where
 * the directories are what they were; each is called when all have been read.
 * Returns what each returned when that was not 0; 0 also when nothing matched.
 */
int iscsi_db_each(struct iscsi_db *db, const struct iscsi_node_match *match,
	int (*each)(void *data, const struct iscsi_node_id *id), void *data);

/* -ENOENT; -EBADMSG for an empty or unreadable record (iscsi_db_error has the file and line). */
int iscsi_db_load(struct iscsi_db *db, const struct iscsi_node_id *id, struct iscsi_node **ret);

/* ---- changing; each locks what it changes for itself, only while it writes ---- */

/*
 * -ETIMEDOUT: another writer had the record for half a minute. Reading locks nothing and never waits.
 *
 * Changes between these two are a group: thousands cost little more than one, because the disk is
 * waited for once for some hundreds of them. Each is still made in one step. What the calls between
 * change may be seen by others, and by reading, only after the end; that they returned 0 says that
 * the record could be changed and written, and the end's own result is the first error in putting
 * them in place. A group that is not ended is ended by iscsi_db_close. Groups may be nested: the
 * outermost end is the one that counts. Nothing may block between the two, for others wait.
 */
void iscsi_db_group_begin(struct iscsi_db *db);
int iscsi_db_group_end(struct iscsi_db *db);

/* Writes the record in place of what stood there, in one step, and links it from where it was
 * discovered (node.discovery_type, _address, _port). */
int iscsi_db_store(struct iscsi_db *db, struct iscsi_node *n);
/* The same, but -EEXIST where its portal has a record of its interface, with whatever tag. */
int iscsi_db_add(struct iscsi_db *db, struct iscsi_node *n);

struct iscsi_setting {
	const char *key, *value;
};

enum iscsi_update_result {
	ISCSI_UPDATE_OK = 0,
	ISCSI_UPDATE_UNKNOWN_KEY,
	ISCSI_UPDATE_FIXED_KEY, /* part of the record's name */
	ISCSI_UPDATE_IFACE_KEY, /* belongs to the interface record */
	ISCSI_UPDATE_BINDING,	/* hardware address and device name: one excludes the other */
	ISCSI_UPDATE_BAD_VALUE,
};

/*
 * Reads, changes and writes one record under the lock: all settings or, when one of them cannot
 * be, none. > 0: enum iscsi_update_result, *ret_bad is the index of the setting. < 0: -errno.
 */
int iscsi_db_update(struct iscsi_db *db, const struct iscsi_node_id *id,
	const struct iscsi_setting *settings, size_t n, size_t *ret_bad);

/* The record, its links, and the directories that are empty then. -ENOENT. */
int iscsi_db_delete(struct iscsi_db *db, const struct iscsi_node_id *id);

/*
 * iscsi_db_update of every record that matches, or (settings NULL) iscsi_db_delete, or (like) at each
 * of their portals iscsi_db_store of a record with like's settings and interface: as one group and on
 * all processors. Both callbacks are called for each record in the order of iscsi_db_each, by the
 * caller's thread: may, which can be NULL, before anything is changed (false: this record stays as
 * it is), told when all is done, with what became of it: r and bad as of the function (-ECANCELED:
 * may did not let it), iscsi_db_error says more. Returns what went wrong with finding records and
 * with the group.
 */
struct iscsi_change {
	const struct iscsi_setting *settings;
	size_t n;
	const struct iscsi_node *like; /* NULL: nothing is stored */
	bool (*may)(void *data, const struct iscsi_node_id *id);
	void (*told)(void *data, const struct iscsi_node_id *id, int r, size_t bad);
	void *data;
};
int iscsi_db_change_each(struct iscsi_db *db, const struct iscsi_node_match *match,
	const struct iscsi_change *change);

/* ---- interfaces (ROOT/.../ifaces/NAME); "default" and "iser" are built in ---- */

/* Puts the settings of interface NAME into n and makes it part of its id. -ENOENT. */
int iscsi_db_apply_iface(struct iscsi_db *db, struct iscsi_node *n, const char *name);

struct iscsi_iface; /* one interface record */

bool iscsi_iface_is_builtin(const char *name);
/* A new one with the built-in settings / the stored or built-in one (-ENOENT). */
int iscsi_iface_new(const char *name, struct iscsi_iface **ret);
int iscsi_iface_load(struct iscsi_db *db, const char *name, struct iscsi_iface **ret);
void iscsi_iface_free(struct iscsi_iface *f);
const char *iscsi_iface_get(struct iscsi_iface *f, const char *key);
int iscsi_iface_each(struct iscsi_iface *f,
	int (*each)(void *data, const char *key, const char *value, bool secret), void *data);
/* -EINVAL for a built-in one. */
int iscsi_iface_store(struct iscsi_db *db, struct iscsi_iface *f);
/* The same, but -EEXIST where there is one that can be read. */
int iscsi_iface_add(struct iscsi_db *db, struct iscsi_iface *f);
/*
 * Changes the stored record as iscsi_db_update does, and the interface's part of every node record
 * that is bound to it.
 */
int iscsi_iface_update(struct iscsi_db *db, const char *name, const struct iscsi_setting *settings,
	size_t n, size_t *ret_bad);
/* The record alone. -ENOENT, -EINVAL for a built-in one. */
int iscsi_iface_delete(struct iscsi_db *db, const char *name);
/* The stored ones that can be read, sorted by name; what cannot is warned of and left out. */
int iscsi_db_each_iface(
	struct iscsi_db *db, int (*each)(void *data, struct iscsi_iface *f), void *data);

/* ---- where records were found ---- */

enum iscsi_source_type {
	ISCSI_SOURCE_SENDTARGETS, /* a portal that was asked */
	ISCSI_SOURCE_ISNS,	  /* a name server; those of old databases have no address */
	ISCSI_SOURCE_STATIC,	  /* added by hand: no address */
	ISCSI_SOURCE_FW,	  /* told by the firmware: no address */
};

struct iscsi_source {
	enum iscsi_source_type type;
	const char *address; /* NULL: none */
	int port;	     /* 0: none */
};

/*
 * Every source of that type that has a record, sorted; those without an address have none. A
 * directory of one that has lost its record is warned of. What is borrowed, and what is returned,
 * as of iscsi_db_each.
 */
int iscsi_db_each_source(struct iscsi_db *db, enum iscsi_source_type type,
	int (*each)(void *data, const struct iscsi_source *source), void *data);
/* The ids of the records that are linked from a source. */
int iscsi_db_each_found(struct iscsi_db *db, const struct iscsi_source *source,
	int (*each)(void *data, const struct iscsi_node_id *id), void *data);

/* ---- discovery records: send_targets/ADDRESS,PORT/st_config, isns/ADDRESS,PORT/isns_config ---- */

struct iscsi_discovery; /* one discovery record: of a source with an address */

/* A new one from iscsid.conf as it is now / the stored one (-ENOENT). */
int iscsi_discovery_new(struct iscsi_db *db, const struct iscsi_source *source,
	struct iscsi_discovery **ret);
int iscsi_discovery_load(struct iscsi_db *db, const struct iscsi_source *source,
	struct iscsi_discovery **ret);
/* Borrowed. */
void iscsi_discovery_get_source(const struct iscsi_discovery *d, struct iscsi_source *ret);
void iscsi_discovery_free(struct iscsi_discovery *d);
const char *iscsi_discovery_get(struct iscsi_discovery *d, const char *key);
enum iscsi_set_result iscsi_discovery_set(struct iscsi_discovery *d, const char *key,
	const char *value);
int iscsi_discovery_each(struct iscsi_discovery *d,
	int (*each)(void *data, const char *key, const char *value, bool secret), void *data);
int iscsi_discovery_store(struct iscsi_db *db, struct iscsi_discovery *d);
/* The same, but -EEXIST where there is one that can be read. */
int iscsi_discovery_add(struct iscsi_db *db, struct iscsi_discovery *d);
/* As iscsi_db_update. */
int iscsi_discovery_update(struct iscsi_db *db, const struct iscsi_source *source,
	const struct iscsi_setting *settings, size_t n, size_t *ret_bad);
/* The record and every node record that is linked from it. -ENOENT. */
int iscsi_discovery_delete(struct iscsi_db *db, const struct iscsi_source *source);

/*
 * Brings the records that came from one source in line with what it announces now. nodes: what was
 * found, their discovery keys are set here.
 * With discovery.keep_node_settings = yes NEW and UPDATE together leave what is stored as it is, and
 * that takes the place of the one in nodes.
 * Operations as of "-o": each of them alone or together; all three is the default of iscsiadm.
 * keep(id): true when a record that is no longer announced must stay (a session uses it).
 */
enum iscsi_merge {
	ISCSI_MERGE_NEW = 1,	/* store what was not there */
	ISCSI_MERGE_UPDATE = 2, /* overwrite what was there (and store what was not) */
	ISCSI_MERGE_DELETE = 4, /* delete what is no longer announced */
};
int iscsi_db_merge(struct iscsi_db *db, const struct iscsi_source *source,
	struct iscsi_node **nodes, size_t n, unsigned int merge,
	bool (*keep)(void *data, const struct iscsi_node_id *id), void *data);

#ifdef __cplusplus
}
#endif

#endif
