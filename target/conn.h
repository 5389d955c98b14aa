/* SPDX-License-Identifier: MIT */
/*
 * conn.h - one connection: PDUs in by reader.h, out by writer.h, from login to its end.
 *
 *	           login fails, too late
 *	LOGIN ─────────────────────────────► FINISHING ──all written──► ENDED
 *	  │ login done                          ▲  logout, refused, asked to end
 *	  ├────────► DISCOVERY ─────────────────┤
 *	  └────────► NORMAL ────────────────────┘
 *
 * From every state: conn_drop, or a peer that is gone, leads to ENDED at once.
 */
#ifndef TARGET_CONN_H
#define TARGET_CONN_H

#include "reader.h"
#include "server.h"
#include "sock.h"
#include "writer.h"

enum conn_state { CONN_LOGIN, CONN_DISCOVERY, CONN_NORMAL, CONN_FINISHING, CONN_ENDED };

struct session;
struct task;

struct conn {
	struct server *server;
	enum conn_state state;
	int fd;
	struct sock_addr peer, local;
	char name[128]; /* for the log: peer's address, then with the initiator's name */
	char redirect[ISCSI_ADDRESS_MAX + 16]; /* where a login is sent instead */
	uint16_t portal_group, cid;
	uint32_t statsn; /* of the next response */

	struct reader reader;
	struct writer writer;
	struct task *receiving; /* whose buffer the reader fills */
	struct login_target *login; /* until the full feature phase */
	struct session *session;    /* from then on; NULL again once it is gone */
	struct send_targets *send_targets; /* answers Text Requests; made with the first */

	unsigned int pings; /* not answered */
	uint64_t heard;	    /* uv_now when something last came */

	bool deaf; /* nothing is read, on purpose */
	uv_timer_t delay; /* what waits to be written waits for it too, on purpose */

	uv_poll_t poll;
	int polled;	   /* events that it waits for */
	uv_timer_t timer; /* end of login, pings, end of finishing */
	unsigned int handles;
	struct list link, changed; /* in the server */
};

/* fd is the connection's now. On failure it is closed. */
void conn_new(struct server *s, int fd, uint16_t portal_group);

/* Ends it at the next turn of the loop; may be called from everywhere. why is for the log. */
__attribute__((format(printf, 2, 3))) void conn_drop(struct conn *c, const char *why, ...);
void conn_finish(struct conn *c); /* the same, once all is written */
/* Nothing is written for so many milliseconds more. */
void conn_delay(struct conn *c, uint32_t ms);
/* Ends it and its session now; not from within a callback of the SCSI side or its own reader. */
void conn_end(struct conn *c);

/* Writes what waits and ends the connections that are over: before the loop waits again. */
void conn_settle(struct server *s);

/* ---- for those that answer ---- */

/* A response with opcode, F, ITT. NULL: no memory, and the connection is dropped. */
struct pdu_out *conn_reply(struct conn *c, enum bhs_opcode opcode, uint32_t itt);

/* How a PDU is numbered. */
enum conn_number {
	NUMBER_STATUS, /* has a StatSN of its own */
	NUMBER_NEXT,   /* carries the next StatSN without using it up: R2T, NOP-In as a ping */
	NUMBER_NONE,   /* StatSN is reserved: Data-In without status */
};
void conn_send(struct conn *c, struct pdu_out *pdu, enum conn_number number);

/* Reject with the header of what came (RFC 7143 section 11.17). */
void conn_reject(struct conn *c, const struct pdu_in *pdu, uint8_t reason);

/* The session is there; the full feature phase begins with the next PDU. */
void conn_begin(struct conn *c, struct session *session);

/* ---- of the full feature phase: one per opcode, by file ---- */
void conn_command(struct conn *c, const struct pdu_in *pdu);  /* command.c */
void conn_data_out(struct conn *c, const struct pdu_in *pdu); /* transfer.c */
void conn_manage(struct conn *c, const struct pdu_in *pdu);   /* management.c */
void conn_text(struct conn *c, const struct pdu_in *pdu);     /* text-requests.c */
void conn_nop_out(struct conn *c, const struct pdu_in *pdu);  /* nop.c */
void conn_logout(struct conn *c, const struct pdu_in *pdu);   /* logout.c */

void conn_nop_start(struct conn *c); /* pings as the target's settings say */

/* Where the reader puts the data segment of a Data-Out or command; transfer.c. */
uint8_t *conn_place(struct conn *c, const struct pdu_in *pdu);

#endif
