/* SPDX-License-Identifier: MIT */
/*
 * view.h - what the kernel says is there: iSCSI sessions, their hosts and disks, read from sysfs
 * below a root directory ("" for the real one, a fake tree in tests). Needs no daemon; the values
 * that only root may read are NULL for others.
 */
#ifndef KERNEL_VIEW_H
#define KERNEL_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Strings are NULL, numbers VIEW_UNSET where the kernel gives no value. A session that is just
 * being made or unmade has no connection, and so neither persistent_address nor conn_state.
 */
#define VIEW_UNSET (-1L)

struct view_session {
	uint32_t sid;
	int host;	 /* SCSI host number, -1: unknown */
	char *transport; /* "tcp" */
	char *target, *initiator, *iface;
	long tpgt;
	bool made_by_user; /* false: by firmware ("flash") */
	char *state;	   /* LOGGED_IN, FAILED, FREE */
	char *target_state;
	char *username, *password, *username_in, *password_in;
	long recovery_tmo; /* seconds; VIEW_UNSET also for "off" */
	long abort_tmo, lu_reset_tmo, tgt_reset_tmo;
	long initial_r2t, immediate_data, first_burst, max_burst, max_outstanding_r2t;
	/* its connection */
	char *persistent_address, *address; /* as configured; as connected now */
	long persistent_port, port;
	char *conn_state; /* up, down, failed, bound */
	long max_recv_data_segment, max_xmit_data_segment, header_digest, data_digest;
	/* its host */
	char *host_state, *host_address, *netdev, *hwaddress;
};

struct view_sessions {
	struct view_session *items; /* by sid, ascending */
	size_t n;
};

/* How much to read; what is beyond it is as if the kernel gave no value. */
enum view_depth {
	VIEW_LIST,   /* what one line of "-m session" and matching need: host, transport, target,
			tpgt, iface, made_by_user, persistent_address, persistent_port, port */
	VIEW_DETAIL, /* everything above */
};

/*
 * No iSCSI class in sysfs at all gives an empty list, a session that vanishes meanwhile is left
 * out. 0 or -errno.
 */
int view_sessions_read(const char *root, enum view_depth depth, struct view_sessions *ret);
/* One session, -ENOENT when there is none. */
int view_session_read(
	const char *root, uint32_t sid, enum view_depth depth, struct view_session *ret);
void view_session_clear(struct view_session *s);
void view_sessions_clear(struct view_sessions *s);

struct view_lun {
	unsigned int channel, id;
	uint64_t lun;
	char *disk;  /* "sda", NULL when no disk driver has it */
	char *state; /* "running" */
};

struct view_luns {
	struct view_lun *items; /* by host, channel, id, LUN */
	size_t n;
};

/* A session without a target device gives an empty list; -ENOENT when there is no session. */
int view_luns_read(const char *root, uint32_t sid, struct view_luns *ret);
void view_luns_clear(struct view_luns *l);

/*
 * The session id of "-r": a positive decimal number, or a path (below root) that is or lies in a
 * directory sessionN. -EINVAL when it is neither; of a path that is there -ENOTDIR when it is no
 * directory, -ENODATA when it belongs to no session.
 */
int view_sid_parse(const char *root, const char *text, uint32_t *ret);

/* /sys/module/scsi_transport_iscsi/version; the caller's to free; NULL when not loaded. */
char *view_transport_version(const char *root);

#endif
