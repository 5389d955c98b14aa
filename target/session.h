/* SPDX-License-Identifier: MIT */
/*
 * session.h - sessions (RFC 7143 chapter 4): who is logged in to what, CmdSN, tasks.
 *
 * A session has one connection and goes with it (ErrorRecoveryLevel 0). One of a discovery has
 * neither target nor nexus.
 */
#ifndef TARGET_SESSION_H
#define TARGET_SESSION_H

#include <net/if.h>

#include "conn.h"
#include "login-target.h"
#include "scsi.h"

#define R2T_MAX 8	   /* outstanding of one task, whatever was negotiated */
#define IMMEDIATE_MAX 16   /* immediate commands and functions at a time */
#define HELD_MAX (1u << 20) /* bytes of PDUs that wait for an earlier CmdSN */
#define TASK_BUCKETS 64

struct session {
	struct server *server;
	struct conn *conn;
	struct target *target;
	struct nexus *nexus;
	struct login_target_result who;
	uint16_t tsih, portal_group;

	uint32_t exp_cmdsn;
	uint32_t window; /* commands at a time: MaxQueueCmd */
	uint32_t queued; /* of them */
	uint32_t immediate;
	uint32_t nop_interval, nop_count; /* seconds of silence before a ping; 0: none */
	struct list held; /* struct held, by CmdSN */
	size_t held_bytes;

	struct list tasks[TASK_BUCKETS]; /* struct task, by ITT */
	struct list functions;		 /* struct function of management.c */
	uint32_t next_ttt;
	struct list spare; /* struct task, to be used again */

	struct target_session shown; /* in target->sessions */
	struct target_connection stats;
	char address[INET6_ADDRSTRLEN + IF_NAMESIZE];
	struct list link; /* server->sessions */
};

/* Why data from the initiator fails a task: ASC and ASCQ of RFC 7143 section 11.4.7.2. */
enum data_fault {
	ASC_UNEXPECTED_DATA = 0x0c0c,
	ASC_AMOUNT_OF_DATA = 0x0c0d,
	ASC_PROTOCOL_SERVICE_CRC = 0x4705,
};

enum task_state {
	TASK_COLLECTING, /* Data-Out comes */
	TASK_RUNNING,	 /* the SCSI side has it */
	TASK_SENDING,	 /* the response waits to be written */
	TASK_DISCARDING, /* it failed: what the initiator still sends for it is thrown away */
	TASK_ABORTED,	 /* ended, but the reader still fills its buffer */
};

/* One SCSI command. */
struct task {
	struct scsi_task scsi;
	struct session *session; /* NULL: gone while a worker holds the task */
	enum task_state state;
	bool immediate, closed;
	uint32_t itt, edtl;
	uint16_t failure; /* of TASK_DISCARDING: ASC and ASCQ with ABORTED COMMAND */
	uint8_t sense[2 + SCSI_SENSE_MAX];

	/* Data-Out: comes in order, in sequences; the first of them is the unsolicited one. */
	struct buffer *buffer;
	uint32_t room, want;  /* bytes in buffer; of them what the command takes */
	uint32_t received, solicited; /* ends of what has come and of what was asked for */
	bool unsolicited;	      /* a sequence that was not asked for goes on */
	uint32_t datasn;	      /* expected */
	uint32_t r2tsn;
	struct {
		uint32_t ttt, end;
	} r2ts[R2T_MAX];
	unsigned int first_r2t, n_r2ts;

	struct list link;
};

/* A session for who, which has logged in on c; target NULL: a discovery. NULL: no memory. */
struct session *session_new(struct conn *c, const struct login_target_result *who,
	struct target *target, uint16_t tsih);
void session_free(struct session *s); /* its tasks are aborted */

/* The next free TSIH, 0 when all are taken. */
uint16_t session_free_tsih(struct server *server);
/* A session by what RFC 7143 section 6.3.1 looks at. NULL: none. */
struct session *session_find(
	const struct server *server, const struct login_target_result *who, uint16_t portal_group);

/*
 * Whether a request is to be handled now, as its CmdSN says. One that is early is kept until
 * session_next gives it out; one outside the window, or there already, is ignored.
 */
bool session_is_due(struct session *s, const struct pdu_in *pdu);
/* The kept PDU whose turn has come, as *ret and the caller's to free; NULL: none. */
struct held *session_next(struct session *s, struct pdu_in *ret);
/* Whether that command may still come; then it counts as received. */
bool session_swallow(struct session *s, uint32_t cmdsn);
/* Whether Data-Out belongs to a command that is kept: then it is kept behind it. */
bool session_keeps_data(struct session *s, const struct pdu_in *pdu);
uint32_t session_max_cmdsn(const struct session *s);

struct task *task_new(struct session *s, uint32_t itt);
struct task *task_find(const struct session *s, uint32_t itt); /* NULL: none */
/* The initiator has, or needs, no answer any more: its place in the window is free. */
void task_close(struct task *t);
void task_free(struct task *t);

/* ---- transfer.c ---- */
static inline uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Asks for the next Data-Out, or hands the task to the SCSI side when all has come. */
void task_advance(struct task *t);
void task_respond(struct task *t); /* the command is done: Data-In, status */
/* Ends a task whose Data-Out breaks a rule, with ABORTED COMMAND. */
void task_fail(struct task *t, uint16_t asc);

#endif
