/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - all that the daemon asks of the kernel's iSCSI, and all that it is told.
 *
 * netlink.c speaks to the real kernel: a call can hold a mutex of the whole machine for long, so
 * jobs run in order on one thread and never on the loop. tests/fake/kernel.c is a scripted one.
 * The rules of contract for the calls (contract facts: what crashes a host) are kept here below:
 * STOP before every BIND, only connection 0, every string with its NUL, one BIND for each socket.
 */
#ifndef ISCSID_KERNEL_H
#define ISCSID_KERNEL_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "bhs.h"
#include "list.h"

/* Numbers of the kernel's enum iscsi_param; the value is text. */
enum kernel_param_number {
	PARAM_MAX_RECV_DLENGTH = 0,
	PARAM_MAX_XMIT_DLENGTH = 1,
	PARAM_HDRDGST_EN = 2,
	PARAM_DATADGST_EN = 3,
	PARAM_INITIAL_R2T_EN = 4,
	PARAM_MAX_R2T = 5,
	PARAM_IMM_DATA_EN = 6,
	PARAM_FIRST_BURST = 7,
	PARAM_MAX_BURST = 8,
	PARAM_PDU_INORDER_EN = 9,
	PARAM_DATASEQ_INORDER_EN = 10,
	PARAM_ERL = 11,
	PARAM_EXP_STATSN = 14,
	PARAM_TARGET_NAME = 15,
	PARAM_TPGT = 16,
	PARAM_PERSISTENT_ADDRESS = 17,
	PARAM_PERSISTENT_PORT = 18,
	PARAM_SESS_RECOVERY_TMO = 19,
	PARAM_USERNAME = 22,
	PARAM_USERNAME_IN = 23,
	PARAM_PASSWORD = 24,
	PARAM_PASSWORD_IN = 25,
	PARAM_FAST_ABORT = 26,
	PARAM_ABORT_TMO = 27,
	PARAM_LU_RESET_TMO = 28,
	PARAM_PING_TMO = 30,
	PARAM_RECV_TMO = 31,
	PARAM_IFACE_NAME = 32,
	PARAM_INITIATOR_NAME = 34,
	PARAM_TGT_RESET_TMO = 35,
};

#define KERNEL_PARAMS_MAX 32
#define KERNEL_VALUE_MAX 256 /* bytes with the NUL; the longest secret and name fit */

struct kernel_params {
	unsigned int n;
	struct kernel_param {
		int number;
		char value[KERNEL_VALUE_MAX];
	} items[KERNEL_PARAMS_MAX];
};

struct kernel;
struct kernel_job;

/*
 * On the loop, in the order of the jobs, and after every event that came before the job's end.
 * err: 0 or -errno of the first step that failed; -ENXIO: the kernel has no such session.
 */
typedef void kernel_done(struct kernel_job *job, int err);
/*
 * On the kernel thread: the session has its number and no connection yet. What a later daemon is
 * to know about it is written now, for this one may be killed at any moment.
 */
typedef void kernel_created(struct kernel_job *job, uint32_t sid);

/* The caller's memory, from the call until done; one job at a time. */
struct kernel_job {
	/* of the implementation */
	int op;
	uint32_t sid;
	union {
		struct {
			int fd;
			uint32_t cmdsn;
			uint16_t cmds_max, queue_depth;
			kernel_created *created;
			const struct kernel_params *params;
		} hand_over;
		struct {
			int fd;
		} bind;
		struct {
			const struct kernel_params *params;
		} start, set;
		struct {
			uint8_t bhs[BHS_LEN];
			const uint8_t *data;
			size_t len;
		} send;
	};
	kernel_done *done;
	int err;
	struct list link;
	/*
	 * Results of a hand-over, for done. The session id is there as soon as the session is: what
	 * the kernel tells about it can arrive before done.
	 */
	_Atomic uint32_t ret_sid;
	int ret_host;
	const char *ret_step; /* the step that failed: "create session", ...; static text */
};

struct kernel_events {
	/* A Login, Text or Logout response, an Async message, or the NOP-In to a NOP-Out. */
	void (*pdu)(void *data, uint32_t sid, const uint8_t *bhs, const uint8_t *payload, size_t len);
	/* The connection has failed: the kernel's ISCSI_ERR_ number (1000 + n). */
	void (*conn_error)(void *data, uint32_t sid, int error);
	void (*unbound)(void *data, uint32_t sid); /* its SCSI devices are gone */
	void (*destroyed)(void *data, uint32_t sid);
	/* Events were lost: what is true stands in sysfs. */
	void (*lost)(void *data);
};

/*
 * root: the directory that stands for "/". event_fd: an event socket that an earlier daemon left
 * behind, with what it has not read, or -1; it becomes the kernel's. -EPROTONOSUPPORT when the
 * kernel has no iSCSI, -EPERM, ... ; the module iscsi_tcp is loaded when it is not there.
 */
int kernel_open(uv_loop_t *loop, const char *root, int event_fd, const struct kernel_events *events,
	void *data, struct kernel **ret);
/* To keep the event socket open beyond this process: while nobody listens, a PDU for the daemon
 * costs its connection. Stays the kernel's. */
int kernel_event_fd(const struct kernel *k);
/* Waits for the job that runs; jobs still queued are dropped without done. */
void kernel_close(struct kernel *k);

/*
 * A socket that has logged in becomes a kernel session: create session and connection, bind, set
 * every parameter, start; what was made is destroyed again when a step fails. fd stays the
 * caller's and can be closed at done.
 */
void kernel_hand_over(struct kernel *k, struct kernel_job *job, int fd, uint32_t cmdsn,
	uint16_t cmds_max, uint16_t queue_depth, const struct kernel_params *params,
	kernel_created *created, kernel_done *done);

/*
 * The steps of a recovery. stop lets go of the socket; commands wait for the next start (or the
 * replacement timeout). bind stops first, always. Then Login PDUs can be sent; start sets the
 * parameters and lets commands flow. -ENOTCONN: the new connection has failed already.
 */
void kernel_stop(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done);
void kernel_bind(struct kernel *k, struct kernel_job *job, uint32_t sid, int fd, kernel_done *done);
void kernel_start(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const struct kernel_params *params, kernel_done *done);

/* Parameters of a connection that is up. -ENOTCONN: it has failed. */
void kernel_set(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const struct kernel_params *params, kernel_done *done);

/* Removes the SCSI devices; the event unbound follows. */
void kernel_unbind(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done);
/*
 * A Login PDU on a connection that is bound, or one without data in full feature phase. data is
 * read until done. -EPERM: not in the state that the connection is in.
 */
void kernel_send_pdu(struct kernel *k, struct kernel_job *job, uint32_t sid,
	const uint8_t bhs[BHS_LEN], const uint8_t *data, size_t len, kernel_done *done);
/* Takes down connection and session, whatever state they are in; the event destroyed follows. */
void kernel_destroy(struct kernel *k, struct kernel_job *job, uint32_t sid, kernel_done *done);

/* "TCP connection closed": an ISCSI_ERR_ number in words. */
const char *kernel_error_text(int error);

#endif
