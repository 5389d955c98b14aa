/* SPDX-License-Identifier: MIT */
/*
 * login-target.h - the login phase of a connection (RFC 7143 chapter 6 and section 12.1), target
 * role.
 *
 * No I/O, no clock: requests in, responses and a verdict out. Who owns the connection gives each
 * PDU to login_target_request, sends what is in login_target_response when the verdict says so, and
 * sees to it that a login ends in time. What depends on the target's world (which targets there
 * are, who may see them, which sessions exist) is asked through the calls of struct
 * login_target_config. Secrets are wiped as soon as the login has ended, and by login_target_free.
 */
#ifndef PROTO_LOGIN_TARGET_H
#define PROTO_LOGIN_TARGET_H

#include "chap.h"
#include "login.h"
#include "name.h"
#include "pdu.h"
#include "status.h"

/*
 * Who logs in to what; it fills as the login proceeds. Names come from the peer: they hold no
 * control character, no blank and no '/', but need not begin with iqn., eui. or naa.
 */
struct login_target_result {
	/* from identify on */
	char initiator_name[ISCSI_NAME_MAX + 1];
	char target_name[ISCSI_NAME_MAX + 1]; /* "" in a discovery session */
	bool discovery;
	uint8_t isid[BHS_ISID_LEN];
	uint16_t cid;
	uint16_t tsih;	/* the one asked for: 0 is a new session; after LOGIN_TARGET_DONE the one
			   given */
	uint32_t cmdsn; /* of the last request, and of the first command: ExpCmdSN */

	/* from admit on */
	struct login_params params; /* max_recv_data_segment: what the target accepts; ..xmit..: the
				       initiator (8192 when undeclared) */
	char initiator_alias[256];  /* escaped; "" when none was sent */
	char username[256];	    /* the incoming account; "" without authentication */

	/* after LOGIN_TARGET_DONE */
	uint32_t statsn; /* of the next response */
};

/* What identify tells about the target that the initiator asks for; strings are copied at once. */
struct login_target_settings {
	struct login_params
		params;	   /* what it accepts, and offers where RFC 7143's default differs */
	int tpgt;	   /* of the portal that the connection came in by */
	const char *alias; /* TargetAlias, at most 255 bytes; NULL: none */
	uint32_t window;   /* MaxCmdSN - ExpCmdSN + 1 of the last response; 0 counts as 1 */

	bool chap; /* the initiator has to prove itself */
	enum chap_alg
		chap_algs[CHAP_ALGS]; /* accepted; CHAP_ALG_END ends it, none: all there are */
	/* With which the target proves itself, to an initiator that asks for it. NULL: it refuses.
	 */
	const char *username_out, *password_out;

	const char *redirect; /* with a status of class 1: TargetAddress, "host:port[,tag]" */
};

/* data is handed to each call. All answer at once, and none may call back into the login. */
struct login_target_config {
	/*
	 * Asked once, with the first request. LOGIN_STATUS_SUCCESS, or the status to refuse with:
	 * not found (the access list included), removed, service unavailable, moved (with
	 * ret->redirect), ... *ret comes zeroed. Fill in chap even when refusing with class 2: an
	 * initiator that skips authentication hears of that first.
	 */
	enum login_status (*identify)(void *data, const struct login_target_result *who,
		struct login_target_settings *ret);
	/* The secret of an incoming account of that target; NULL: no such account. Read at once. */
	const char *(*account)(
		void *data, const struct login_target_result *who, const char *username);
	/*
	 * Asked last, when all is negotiated and authentication is over: the table of RFC 7143
	 * section 6.3.1 (new session, reinstatement, another connection). *ret_tsih is not 0 on
	 * success.
	 */
	enum login_status (*admit)(
		void *data, const struct login_target_result *who, uint16_t *ret_tsih);
	void *data;
	uint32_t statsn; /* of the first response */
};

enum login_target_verdict {
	LOGIN_TARGET_CONTINUE, /* send login_target_response and wait for the next request */
	LOGIN_TARGET_DONE,     /* send it; then the full feature phase: the result is complete */
	LOGIN_TARGET_FAILED,   /* send it, then close: login_target_status says why */
	LOGIN_TARGET_DROP,     /* close without an answer */
};

struct login_target; /* all that a login needs, allocated once, used for any number of logins */

struct login_target *login_target_new(void); /* NULL: no memory */
void login_target_free(struct login_target *l);

/* Begins a login; *c is copied. */
void login_target_start(struct login_target *l, const struct login_target_config *c);
enum login_target_verdict login_target_request(struct login_target *l, const struct pdu *request);
const struct pdu *login_target_response(const struct login_target *l);

const struct login_target_result *login_target_result(const struct login_target *l);
enum login_status login_target_status(const struct login_target *l);
/* One sentence without a full stop and without secrets: why the login failed or was dropped. */
const char *login_target_reason(const struct login_target *l);

#endif
