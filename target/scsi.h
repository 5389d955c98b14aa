/* SPDX-License-Identifier: MIT */
/*
 * scsi.h - the SCSI side of the target, as the transport uses it
 *
 * A scsi_device is all logical units of one target, a nexus one I_T nexus (a session), a scsi_task
 * one command. All functions belong to the thread of the device's loop. Sources: SAM-5, SPC-4,
 * SBC-3; logical units are made and changed through lu.h.
 *
 * The life of a command:
 *
 *	scsi_task_begin	the command has arrived; task->takes says how much Data-Out it wants
 *	(the transport collects Data-Out into a buffer of its own, at most min(takes, edtl))
 *	scsi_task_submit	all Data-Out is here: the command may run
 *	task->done	exactly once, from within any scsi_ function or from the loop
 *	scsi_task_release	its data has been sent: gives back what the results hold
 *
 * A task between begin and done belongs to its logical unit's task set, so that a reset or a
 * CLEAR TASK SET from another nexus reaches it: it then ends with task->aborted, at once when it
 * was not yet submitted.
 */
#ifndef TARGET_SCSI_H
#define TARGET_SCSI_H

#include "list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum {
	SCSI_CDB_MAX = 16,
	SCSI_SENSE_MAX = 64,
	SCSI_TRANSFER_MAX = 32 << 20, /* bytes; a command that wants more is refused */
};

enum scsi_status {
	SCSI_GOOD = 0x00,
	SCSI_CHECK_CONDITION = 0x02,
	SCSI_CONDITION_MET = 0x04,
	SCSI_BUSY = 0x08,
	SCSI_RESERVATION_CONFLICT = 0x18,
	SCSI_TASK_SET_FULL = 0x28,
	SCSI_TASK_ABORTED = 0x40,
};

/* Values as in the SCSI Command PDU (RFC 7143 11.3.1); untagged counts as simple. */
enum scsi_attr {
	SCSI_UNTAGGED = 0,
	SCSI_SIMPLE = 1,
	SCSI_ORDERED = 2,
	SCSI_HEAD_OF_QUEUE = 3,
	SCSI_ACA = 4, /* refused: the device has no ACA */
};

struct lu;
struct nexus;
struct scsi_device;
struct scsi_command; /* a row of the opcode table */
struct buffer;	     /* pool.h */

/*
 * name: the target's iSCSI name; tid as tgtadm numbers it; host makes the identity of the logical
 * units differ from those of a target of the same name elsewhere (the text of /etc/machine-id).
 * The device starts with its controller, LUN 0. NULL: no memory.
 */
struct scsi_device *scsi_device_new(uv_loop_t *loop, const char *name, int tid, const char *host);
/* Every nexus must be gone. Commands in a worker thread keep what they need. NULL is fine. */
void scsi_device_free(struct scsi_device *dev);

/*
 * initiator and isid name the initiator port, tpgt the target port. The nexus begins with a unit
 * attention (29/00) on every logical unit and finds its persistent registrations again.
 */
struct nexus *nexus_new(
	struct scsi_device *dev, const char *initiator, const uint8_t isid[6], uint16_t tpgt);
/*
 * Aborts the nexus's tasks, as an I_T nexus loss does. Those that a worker thread holds come back
 * later through done, aborted, with task->nexus NULL; their Data-Out must stay until then.
 * NULL is fine.
 */
void nexus_free(struct nexus *nexus);

struct scsi_task {
	/* filled by the transport before scsi_task_begin; the rest zeroed */
	struct nexus *nexus;
	uint8_t lun[8];
	uint8_t cdb[SCSI_CDB_MAX];
	bool cdb_too_long; /* the CDB went on in an AHS: no such command is known */
	enum scsi_attr attr;
	uint32_t edtl;	   /* Expected Data Transfer Length, bytes; 0 when no transfer is expected */
	bool data_out;	   /* the W bit: edtl counts Data-Out, not Data-In */
	bool private_data; /* data to send may not change below the transport (digests) */
	void (*done)(struct scsi_task *task);

	/* filled by scsi_task_begin */
	uint32_t takes; /* bytes of Data-Out that the command wants; may be more than edtl */

	/* filled by the transport before scsi_task_submit; must stay until done */
	const uint8_t *out;
	uint32_t out_len; /* at most min(takes, edtl); less is taken as the initiator's choice */

	/* results, valid in done */
	bool aborted; /* no response may be sent */
	uint8_t status;
	uint8_t sense[SCSI_SENSE_MAX]; /* without the two length bytes that iSCSI puts in front */
	uint8_t sense_len;
	const uint8_t *in; /* Data-In to send, valid until scsi_task_release */
	uint32_t in_len;   /* never more than edtl */
	/*
	 * Bytes that the command itself wanted to move: less than edtl is a residual underflow of
	 * edtl - wanted, more an overflow of wanted - edtl.
	 */
	uint32_t wanted;

	/* private to scsi */
	struct list entry; /* lu->tasks */
	struct list queue; /* lu->waiting */
	struct lu *lu;
	const struct scsi_command *command;
	uint64_t lba;	 /* of commands that name blocks */
	uint32_t blocks; /* likewise */
	uint8_t state;
	struct buffer *buffer; /* what in points to, unless it is the disk's own memory */
	void (*job)(struct scsi_task *task);
	uv_work_t work;
};

void scsi_task_begin(struct scsi_task *task);
void scsi_task_submit(struct scsi_task *task);
void scsi_task_release(struct scsi_task *task);

/* Values as in the Task Management Function Request (RFC 7143 11.5.1, RFC 7144). */
enum scsi_tmf_function {
	SCSI_ABORT_TASK = 1,
	SCSI_ABORT_TASK_SET = 2,
	SCSI_CLEAR_ACA = 3,
	SCSI_CLEAR_TASK_SET = 4,
	SCSI_LUN_RESET = 5,
	SCSI_TARGET_WARM_RESET = 6,
	SCSI_TARGET_COLD_RESET = 7,
	SCSI_QUERY_TASK = 9,
	SCSI_QUERY_TASK_SET = 10,
	SCSI_I_T_NEXUS_RESET = 11,
	SCSI_QUERY_ASYNC_EVENT = 12,
};

/* Values as in the Task Management Function Response (RFC 7143 11.6.1, RFC 7144). */
enum scsi_tmf_response {
	SCSI_TMF_COMPLETE = 0,
	SCSI_TMF_NO_TASK = 1,
	SCSI_TMF_NO_LUN = 2,
	SCSI_TMF_UNSUPPORTED = 5,
	SCSI_TMF_SUCCEEDED = 7,
};

struct scsi_tmf {
	/* filled by the transport */
	struct nexus *nexus;
	enum scsi_tmf_function function;
	uint8_t lun[8];
	struct scsi_task *task; /* of ABORT TASK and QUERY TASK; NULL: the transport knows none */
	void (*done)(struct scsi_tmf *tmf);
	/* result, valid in done */
	enum scsi_tmf_response response;
	/* private to scsi */
	struct list entry;
};

/*
 * Ends the tasks that the function names, then calls tmf->done: after the done of each of them, so
 * that nothing of them changes the medium any more. done may come before this returns. No done
 * may call nexus_free or scsi_tmf_submit. A nexus that goes takes its functions with it, without
 * done.
 */
void scsi_tmf_submit(struct scsi_tmf *tmf);

#endif
