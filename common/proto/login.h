/* SPDX-License-Identifier: MIT */
/*
 * login.h - the login phase of a connection (RFC 7143 sections 6 and 12.1), initiator role.
 *
 * No I/O, no clock: PDUs in, PDUs or a verdict out. Who owns the connection sends what is in
 * login_request, gives each response to login_response, and closes on any verdict but
 * LOGIN_CONTINUE and LOGIN_DONE. Secrets are copied in and wiped by login_free and login_start.
 */
#ifndef PROTO_LOGIN_H
#define PROTO_LOGIN_H

#include <stdbool.h>
#include <stdint.h>

#include "chap.h"
#include "pdu.h"

#define LOGIN_DATA_MAX 8192 /* bytes of text in one login PDU, either direction */

enum login_digest { DIGEST_NONE, DIGEST_CRC32C, DIGEST_CRC32C_NONE, DIGEST_NONE_CRC32C };

/* The operational values: offered (from the record) and, after LOGIN_DONE, in force. */
struct login_params {
	enum login_digest header_digest, data_digest; /* result: NONE or CRC32C only */
	bool initial_r2t, immediate_data;
	bool data_pdu_in_order, data_sequence_in_order;
	uint32_t max_recv_data_segment; /* bytes we accept; 512..2^24-1 */
	uint32_t max_xmit_data_segment; /* result: bytes the target accepts (8192 when undeclared) */
	uint32_t max_burst, first_burst; /* bytes, 512..2^24-1 */
	uint32_t max_outstanding_r2t;
	uint32_t time2wait, time2retain; /* seconds, 0..3600 */
	uint32_t error_recovery_level;
};

/* All strings may be NULL or "" for "not set"; they are read by login_start only. */
struct login_config {
	const char *initiator_name; /* required */
	const char *initiator_alias;
	const char *target_name; /* NULL: a discovery session */
	uint8_t isid[6];
	uint32_t cmdsn; /* CmdSN of every login request */
	/*
	 * CHAP is offered when password is set. With username_in or password_in the target must
	 * prove itself too (AuthMethod=CHAP only); without, AuthMethod=CHAP,None is offered.
	 * No password at all: login starts in the operational stage and no AuthMethod is sent.
	 */
	const char *username, *password;
	const char *username_in, *password_in;
	enum chap_alg chap_algs[CHAP_ALGS]; /* preference order; CHAP_ALG_END ends it */
	struct login_params offer;
};

enum login_verdict {
	LOGIN_CONTINUE, /* send login_request and wait for the response */
	LOGIN_DONE,	/* full feature phase: result is valid */
	LOGIN_REDIRECT, /* status class 1: redirect and permanent are valid; connect there */
	LOGIN_REJECTED, /* the target said no: status_class (2, 3 or unknown), status_detail */
	LOGIN_AUTH_FAILED, /* we refuse the target: it did not prove itself, reflected our
			      challenge, knows our own secret, ... */
	LOGIN_PROTOCOL_ERROR, /* the target broke the protocol or a negotiation failed */
	LOGIN_NO_MEMORY,
};

struct login_result {
	struct login_params params;
	int tpgt;	      /* -1 when the target did not say */
	uint16_t tsih;	      /* not 0 */
	uint32_t exp_statsn;  /* StatSN of the last response + 1 */
	uint32_t cmdsn;	      /* the first command's CmdSN */
	char target_alias[256];
};

struct login; /* all that a login needs, allocated once, used for any number of logins */

struct login *login_new(void); /* NULL: no memory */
void login_free(struct login *l);

/*
 * Begins a login. 0, -EINVAL for a configuration that cannot work (login_reason tells),
 * -EIO when the random source fails. After it login_request holds the first PDU.
 */
int login_start(struct login *l, const struct login_config *c);
const struct pdu *login_request(const struct login *l);
enum login_verdict login_response(struct login *l, const struct pdu *response);

const struct login_result *login_result(const struct login *l);
/* One sentence without a full stop and without secrets: why the login ended as it did. */
const char *login_reason(const struct login *l);
uint8_t login_status_class(const struct login *l);
uint8_t login_status_detail(const struct login *l);
/* LOGIN_REDIRECT only: "host:port[,tag]" as the target sent it, checked by iscsi_portal_parse. */
const char *login_redirect(const struct login *l);
bool login_redirect_is_permanent(const struct login *l);

/* The stage for the log: "security negotiation" or "operational negotiation". */
const char *login_stage(const struct login *l);

#endif
