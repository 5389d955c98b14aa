/* SPDX-License-Identifier: MIT */
/*
 * model.h - what is configured and who is logged in: targets, accounts, portals, sessions.
 *
 * Data on the loop's thread, no I/O: what a change has to do outside (listen, close, make logical
 * units) the hooks do. Connections ask it, admin.c and config.c change it. All text that comes in
 * is checked here; nothing changes when a function fails.
 */
#ifndef TARGET_MODEL_H
#define TARGET_MODEL_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "account.h"
#include "acl.h"
#include "list.h"
#include "name.h"
#include "settings.h"

/* Why not; tgtadm's words for each are model_error_text(). */
enum model_error {
	MODEL_OK,
	MODEL_UNKNOWN,
	MODEL_NO_MEMORY,
	MODEL_NO_DRIVER,
	MODEL_NO_TARGET,
	MODEL_NO_LUN,
	MODEL_NO_SESSION,
	MODEL_NO_CONNECTION,
	MODEL_TARGET_EXISTS,
	MODEL_LUN_EXISTS,
	MODEL_ACL_EXISTS,
	MODEL_NO_ACL,
	MODEL_ACCOUNT_EXISTS,
	MODEL_NO_ACCOUNT,
	MODEL_INVALID,
	MODEL_OUTGOING_EXISTS,
	MODEL_TARGET_ACTIVE,
	MODEL_LUN_ACTIVE,
	MODEL_DRIVER_BUSY,
	MODEL_UNSUPPORTED,
	MODEL_REMOVAL_PREVENTED,
	MODEL_ERRORS,
};
const char *model_error_text(enum model_error e);

enum target_state { TARGET_READY, TARGET_OFFLINE }; /* offline: a login gets status 0301 */

/* Where a login is sent instead (status class 1). */
struct target_redirect {
	char address[ISCSI_ADDRESS_MAX + 1]; /* "": nowhere */
	unsigned int port;
	enum redirect_reason { REDIRECT_UNKNOWN, REDIRECT_TEMPORARY, REDIRECT_PERMANENT } reason;
};

struct target {
	struct list link; /* model->targets, by tid */
	int tid;	  /* from 1 */
	char name[ISCSI_NAME_MAX + 1];
	enum target_state state;
	struct acl acl;
	struct credentials credentials;
	struct target_settings settings; /* for sessions that begin from now on */
	struct target_redirect redirect;
	struct scsi_device *device; /* set by the hook target_new */
	struct json_object *set_by_hand; /* unit.h's */
	struct list sessions; /* of struct target_session; the transport adds and removes */
	struct list faults;   /* the hook target_fault's own */
};

struct portal {
	struct list link;		     /* model->portals, newest first */
	char address[ISCSI_ADDRESS_MAX + 1]; /* numeric, without brackets; 0.0.0.0, :: for any */
	unsigned int port, tpgt;
	void *listener; /* the hooks' own */
};

/* What `show` and `stat` print; part of the transport's session and connection. */
struct target_session {
	struct list link; /* target->sessions, oldest first */
	unsigned int sid; /* the TSIH */
	const char *initiator;
	const char *alias; /* NULL: none was sent */
	struct list connections;
};

struct target_connection {
	struct list link;
	unsigned int cid;
	const char *address; /* of the initiator */
	uint64_t rx_octets, tx_octets, data_out_pdus, data_in_pdus, command_pdus, response_pdus;
};

struct model_hooks {
	/* The target is in the model; 0 and t->device, or -errno and it leaves again. */
	int (*target_new)(void *data, struct target *t);
	/* The target leaves: its sessions end, its device goes. t is freed on return. */
	void (*target_gone)(void *data, struct target *t);
	/* Misbehaviour on purpose. NULL when good, else why not, as the end of a sentence. */
	const char *(*target_fault)(void *data, struct target *t, const char *text);
	int (*portal_open)(void *data, struct portal *p); /* listens; 0 or -errno */
	void (*portal_close)(void *data, struct portal *p);
	/* Closes the TCP connection; the session may leave with it, now or later. */
	void (*connection_close)(
		void *data, struct target_session *s, struct target_connection *c);
};

struct model {
	struct list targets, accounts, portals;
	void *by_tid, *by_name; /* the targets, for tfind */
	int n_targets;
	struct credentials discovery; /* for discovery sessions */
	bool offline;		      /* new TCP connections are closed at once */
	struct target_settings defaults; /* of targets to come */
	const struct model_hooks *hooks; /* kept; members may be NULL */
	void *data;
	char why[160]; /* of the last MODEL_INVALID and the like: what is wrong, a sentence */
};

void model_init(struct model *m, const struct model_hooks *hooks, void *data);
void model_clear(struct model *m); /* everything leaves through the hooks */

/* ---- what connections ask ---- */

/* The lowest number that no target has. */
int model_free_tid(const struct model *m);
struct target *model_target(const struct model *m, int tid);		    /* NULL: none */
struct target *model_target_by_name(const struct model *m, const char *name); /* NULL: none */
/* Whether SendTargets shows the target and a login may reach it; CHAP comes on top. */
bool target_admits(const struct target *t, const struct sockaddr *from, const char *initiator);
/* Whether a login is sent elsewhere: not one that came to that very address. */
bool target_redirects(const struct target *t, const char *local_address);

/* ---- what an administrator does ---- */

enum model_error model_target_new(struct model *m, int tid, const char *name);
enum model_error model_target_delete(struct model *m, int tid, bool force);
/* state, Redirect*, fault, and all of settings.h */
enum model_error model_target_set(
	struct model *m, struct target *t, const char *name, const char *value);
/* address or initiator may be NULL; both are added, or neither. */
enum model_error model_acl_bind(
	struct model *m, struct target *t, const char *address, const char *initiator);
enum model_error model_acl_unbind(
	struct model *m, struct target *t, const char *address, const char *initiator);

enum model_error model_account_new(struct model *m, const char *user, const char *password);
enum model_error model_account_delete(struct model *m, const char *user);
/* t NULL: for discovery */
enum model_error model_account_bind(
	struct model *m, struct target *t, const char *user, bool outgoing);
enum model_error model_account_unbind(
	struct model *m, struct target *t, const char *user, bool outgoing);

/* text: [ADDRESS][:PORT], numeric; no address: any, of IPv4 and of IPv6. */
enum model_error model_portal_new(struct model *m, const char *text, unsigned int tpgt);
enum model_error model_portal_delete(struct model *m, const char *text);

struct target_session *target_session(const struct target *t, unsigned int sid); /* NULL: none */
enum model_error model_connection_close(
	struct model *m, struct target *t, unsigned int sid, unsigned int cid);

#endif
