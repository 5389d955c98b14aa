/* SPDX-License-Identifier: MIT */
/* fault-actions.h - what the faults of fault.c's table do */
#ifndef TARGET_FAULT_ACTIONS_H
#define TARGET_FAULT_ACTIONS_H

#include "conn.h"
#include "login-target.h"
#include "send-targets.h"

enum fault_argument_kind {
	FAULT_NO_ARGUMENT,
	FAULT_NUMBER,
	FAULT_STATUS, /* class and detail in hexadecimal: 0203 */
	FAULT_PORTAL, /* ADDRESS:PORT */
	FAULT_BYTE,   /* hexadecimal: 08 */
	FAULT_ASC,    /* hexadecimal: 3f0e */
	FAULT_SENSE,  /* key/asc in hexadecimal: 3/1100 */
};

struct fault_argument {
	uint32_t number; /* also status, byte, ASC and ASCQ */
	uint8_t key;	 /* sense key */
	char text[128];
	int times; /* -1: all */
};

/* NULL when good, else why not, as the end of a sentence. */
const char *fault_argument_parse(
	enum fault_argument_kind kind, const char *text, struct fault_argument *ret);

void fault_accept_silent(struct conn *c, const struct fault_argument *a);
void fault_accept_drop(struct conn *c, const struct fault_argument *a);

typedef enum login_status fault_login(
	struct conn *c, const struct fault_argument *a, struct login_target_settings *s);
fault_login fault_login_status, fault_redirect, fault_redirect_permanent, fault_redirect_loop;

typedef bool fault_request(
	struct conn *c, const struct fault_argument *a, const struct pdu_in *pdu);
fault_request fault_login_silent, fault_login_drop, fault_silent, fault_nop_silent, fault_drop;
/* Whether a PDU is an occasion for that fault. */
bool fault_concerns(const struct conn *c, const struct pdu_in *pdu, fault_request *what);

/* True: the header was changed, and a header digest has to match it. */
typedef bool fault_response(struct conn *c, const struct fault_argument *a, struct pdu_out *pdu);
fault_response fault_drop_after_bytes, fault_late, fault_header_digest, fault_data_digest,
	fault_length, fault_opcode, fault_itt, fault_statsn;

/* Whether there is anything in the PDU for that fault. */
bool fault_has_part(const struct conn *c, const struct pdu_out *pdu, fault_response *what);

typedef const char *fault_now(
	struct server *s, struct target *t, const struct fault_argument *a);
fault_now fault_async_logout, fault_async_drop_connection, fault_async_drop_session,
	fault_async_scsi, fault_close, fault_scsi_status, fault_sense;
void scsi_faults_end(struct target *t);

typedef int fault_list(const struct conn *c, struct send_targets *s);
fault_list fault_list_slash, fault_list_dots, fault_list_newline, fault_list_long,
	fault_list_many, fault_list_portals;

#endif
