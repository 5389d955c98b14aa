/* SPDX-License-Identifier: MIT */
/*
 * The login phase, initiator role (RFC 7143 chapter 6, sections 11.12 and 11.13).
 *
 *          password?
 *     start ──yes──► AUTH_METHOD ──CHAP──► CHAP_ALGORITHM ──► CHAP_RESPONSE ─┐ T
 *       │                 └──None──► SECURITY_END ◄──────────no T─┘          │
 *       │                              │  ▲──no T                            │
 *       no                             T──────────────────────────┐          │
 *       └─────────────────────────────────────────────────────────▼──────────▼
 *                                   OPERATIONAL_END ◄──no T──── OFFER
 *                                        │  ▲──no T               │ T
 *                                        └─────────── T ──► done ◄┘
 *
 * A step sends one text, cut into PDUs with the C bit when it is long, and waits for one text, put
 * together from PDUs with the C bit. Each request gets exactly one response.
 *
 * Invariants: request is the PDU that waits for a response, as long as the verdict is
 * LOGIN_CONTINUE; out[..out_sent] has been sent; secrets are there only as long as the verdict is
 * LOGIN_CONTINUE.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chap-initiator.h"
#include "login.h"
#include "name.h"
#include "negotiation.h"
#include "status.h"
#include "str.h"
#include "text.h"

#define LOGIN_TEXT_MAX (2 * LOGIN_DATA_MAX) /* bytes in one text, either direction */
#define LOGIN_ROUNDS_MAX 64		    /* responses to one login */
#define LOGIN_ITT 1

enum step {
	STEP_AUTH_METHOD,
	STEP_CHAP_ALGORITHM,
	STEP_CHAP_RESPONSE,
	STEP_SECURITY_END,
	STEP_OFFER,
	STEP_OPERATIONAL_END,
	STEP_DONE,
	STEP_FAILED, /* the verdict is set */
};

struct login {
	enum step step;
	enum login_verdict verdict;
	struct pdu request;
	struct chap_initiator chap;
	struct negotiation negotiation;
	unsigned int rounds;

	struct login_result result;
	uint8_t status_class, status_detail;
	char redirect[TEXT_VALUE_MAX + 1];
	char reason[512];

	size_t in_len, out_sent;
	struct text out;
	char in[LOGIN_TEXT_MAX], out_data[LOGIN_TEXT_MAX];
};

struct step_row {
	uint8_t csg;
	uint8_t transit;	      /* BHS_TRANSIT: this side is ready for the next stage */
	uint64_t due;		      /* authentication keys that may come now */
	int (*send)(struct login *l); /* adds to out; 0 or -errno */
	enum step (*take)(struct login *l, bool transit); /* what came, as a whole */
};

static const struct step_row steps[];

/* ---- verdicts ---- */

static void end(struct login *l, enum login_verdict verdict)
{
	chap_initiator_wipe(&l->chap);
	l->verdict = verdict;
}

/* Ends the login; whatever the peer sent is escaped here. Returns false, for tail calls. */
__attribute__((format(printf, 3, 4))) static bool fail(
	struct login *l, enum login_verdict verdict, const char *fmt, ...)
{
	char text[sizeof(l->reason)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	text_escape(text, l->reason, sizeof(l->reason));
	end(l, verdict);
	return false;
}

/* The result is complete. */
static void succeed(struct login *l)
{
	l->result.params = l->negotiation.in_force;
	l->result.tpgt = l->negotiation.tpgt;
	strcpy(l->result.target_alias, l->negotiation.alias);
	end(l, LOGIN_DONE);
}

#define protocol_error(l, ...) fail(l, LOGIN_PROTOCOL_ERROR, __VA_ARGS__)

/* ---- requests ---- */

static void build_request(struct login *l, const void *data, size_t len, uint8_t flags)
{
	uint8_t csg = steps[l->step].csg;
	uint8_t *bhs = l->request.bhs;
	uint8_t nsg = csg == STAGE_SECURITY ? STAGE_OPERATIONAL : STAGE_FULL_FEATURE;

	memcpy(l->request.data, data, len);
	pdu_set_data_len(&l->request, len);
	bhs_set_login_flags(bhs, flags, csg, flags & BHS_TRANSIT ? nsg : 0);
	bhs_set_exp_statsn(bhs, l->result.exp_statsn);
}

/* The next piece of out. */
static void send_piece(struct login *l)
{
	size_t len = l->out.len - l->out_sent;
	uint8_t flags = steps[l->step].transit;

	if (len > LOGIN_DATA_MAX) {
		len = LOGIN_DATA_MAX;
		flags = BHS_CONTINUE;
	}
	build_request(l, l->out.data + l->out_sent, len, flags);
	l->out_sent += len;
}

/* Enters a step: the one place where it changes. */
static void go(struct login *l, enum step step)
{
	int r;

	if (step == STEP_FAILED)
		return;
	if (step == STEP_DONE) {
		succeed(l);
		return;
	}
	l->step = step;
	r = steps[step].send ? steps[step].send(l) : 0;
	if (r == -ENOSPC)
		protocol_error(l, "the target wants more answers than one login can hold");
	else if (r < 0)
		fail(l, LOGIN_AUTH_FAILED, "the CHAP response cannot be computed here");
	else
		send_piece(l);
}

static int send_auth_method(struct login *l)
{
	return negotiation_send(
		&l->negotiation, &l->out, KEY_AUTH_METHOD, l->chap.mutual ? "CHAP" : "CHAP,None");
}

static int send_chap_algorithms(struct login *l)
{
	return chap_initiator_offer(&l->chap, &l->out);
}

static int send_chap_response(struct login *l)
{
	return chap_initiator_answer(&l->chap, &l->out);
}

static int send_offers(struct login *l)
{
	return negotiation_send_offers(&l->negotiation, &l->out);
}

/* ---- steps, once their text is whole ---- */

static enum step take_auth_method(struct login *l, bool transit)
{
	const char *method = l->negotiation.due[KEY_AUTH_METHOD];

	(void)transit; /* was not asked for */
	if (!method)
		protocol_error(l, "the target did not answer AuthMethod");
	else if (str_eq(method, "CHAP"))
		return STEP_CHAP_ALGORITHM;
	else if (str_eq(method, "None") && !l->chap.mutual)
		return STEP_SECURITY_END;
	else if (str_eq(method, "None"))
		fail(l, LOGIN_AUTH_FAILED,
			"we refuse the target: it chose AuthMethod=None, but username_in or "
			"password_in is configured and it has to prove itself");
	else
		fail(l, LOGIN_AUTH_FAILED,
			"the target answered AuthMethod=%.64s, which was not offered", method);
	return STEP_FAILED;
}

static enum step take_chap_challenge(struct login *l, bool transit)
{
	char why[CHAP_WHY_MAX];
	enum login_verdict v = chap_initiator_challenged(&l->chap, l->negotiation.due[KEY_CHAP_A],
		l->negotiation.due[KEY_CHAP_I], l->negotiation.due[KEY_CHAP_C], why);

	(void)transit;
	if (v == LOGIN_CONTINUE)
		return STEP_CHAP_RESPONSE;
	fail(l, v, "%s", why);
	return STEP_FAILED;
}

static enum step take_security_end(struct login *l, bool transit)
{
	(void)l;
	return transit ? STEP_OFFER : STEP_SECURITY_END;
}

static enum step take_chap_proof(struct login *l, bool transit)
{
	const char *name = l->negotiation.due[KEY_CHAP_N];
	const char *response = l->negotiation.due[KEY_CHAP_R];
	char why[CHAP_WHY_MAX];
	enum login_verdict v;

	if (!l->chap.mutual && (name || response)) {
		protocol_error(l, "the target sent a CHAP response that was not asked for");
		return STEP_FAILED;
	}
	v = l->chap.mutual ? chap_initiator_check(&l->chap, name, response, why) : LOGIN_CONTINUE;
	if (v == LOGIN_CONTINUE)
		return take_security_end(l, transit);
	fail(l, v, "%s", why);
	return STEP_FAILED;
}

static enum step take_operational(struct login *l, bool transit)
{
	if (!transit)
		return STEP_OPERATIONAL_END;
	if (negotiation_end(&l->negotiation))
		return STEP_DONE;
	protocol_error(l, "%s", l->negotiation.why);
	return STEP_FAILED;
}

static const struct step_row steps[] = {
	[STEP_AUTH_METHOD] = {STAGE_SECURITY, 0, KEY_BIT(KEY_AUTH_METHOD), send_auth_method,
		take_auth_method},
	[STEP_CHAP_ALGORITHM] = {STAGE_SECURITY, 0,
		KEY_BIT(KEY_CHAP_A) | KEY_BIT(KEY_CHAP_I) | KEY_BIT(KEY_CHAP_C),
		send_chap_algorithms, take_chap_challenge},
	[STEP_CHAP_RESPONSE] = {STAGE_SECURITY, BHS_TRANSIT,
		KEY_BIT(KEY_CHAP_N) | KEY_BIT(KEY_CHAP_R), send_chap_response, take_chap_proof},
	[STEP_SECURITY_END] = {STAGE_SECURITY, BHS_TRANSIT, 0, NULL, take_security_end},
	[STEP_OFFER] = {STAGE_OPERATIONAL, BHS_TRANSIT, 0, send_offers, take_operational},
	[STEP_OPERATIONAL_END] = {STAGE_OPERATIONAL, BHS_TRANSIT, 0, NULL, take_operational},
};

/* ---- responses ---- */

static bool check_identity(struct login *l, const struct pdu *p)
{
	const uint8_t *bhs = p->bhs;

	if (bhs_opcode(bhs) == OP_REJECT)
		return protocol_error(l, "the target rejected the login request: %s (0x%02x)",
			bhs_reject_name(bhs_reject_reason(bhs)), bhs_reject_reason(bhs));
	if (bhs_opcode(bhs) != OP_LOGIN_RESPONSE)
		return protocol_error(l, "the target sent a PDU %s (0x%02x) during login",
			bhs_opcode_name(bhs_opcode(bhs)), bhs_opcode(bhs));
	if (bhs_itt(bhs) != LOGIN_ITT)
		return protocol_error(l, "the target answered with a wrong Initiator Task Tag");
	if (p->data_len > LOGIN_DATA_MAX)
		return protocol_error(l, "the target sent more than %d bytes in one login response",
			LOGIN_DATA_MAX);
	return true;
}

/* Status class 1: where to go instead. */
static bool take_redirect(struct login *l, const struct pdu *p)
{
	const char *address = text_find(p->data, p->data_len, key_row(KEY_TARGET_ADDRESS)->name);
	struct iscsi_portal portal;
	const char *fault = !address ? "is missing"
			    : strlen(address) > TEXT_VALUE_MAX
				    ? "is too long"
				    : iscsi_portal_parse(address, &portal);

	if (!address)
		address = "";
	if (!fault && !portal.address[0])
		fault = "holds no address";
	if (fault)
		return protocol_error(l, "the target redirects, but its TargetAddress %.64s%s%s",
			address, address[0] ? " " : "", fault);
	strcpy(l->redirect, address);
	return fail(l, LOGIN_REDIRECT, "%s to %s", status_text(l->status_class, l->status_detail),
		address);
}

/* What an administrator overlooks most often. */
static const char *hint(const struct login *l)
{
	if (l->status_class != STATUS_INITIATOR_ERROR || l->status_detail != 0x01 || l->chap.wanted)
		return "";
	if (l->chap.username_in[0] || l->chap.password_in[0])
		return "; username_in and password_in are of no use without a password";
	return "; no CHAP password is configured";
}

static bool check_status(struct login *l, const struct pdu *p)
{
	l->status_class = bhs_status_class(p->bhs);
	l->status_detail = bhs_status_detail(p->bhs);
	if (l->status_class == STATUS_SUCCESS)
		return true;
	if (l->status_class == STATUS_REDIRECT)
		return take_redirect(l, p);
	return fail(l, LOGIN_REJECTED, "the target refused the login: %s (%02x/%02x)%s",
		status_text(l->status_class, l->status_detail), l->status_class, l->status_detail,
		hint(l));
}

static bool check_stages(struct login *l, const uint8_t *bhs)
{
	const uint8_t *asked = l->request.bhs;
	uint8_t flags = bhs_flags(bhs);

	if (memcmp(bhs_isid(bhs), bhs_isid(asked), BHS_ISID_LEN) != 0)
		return protocol_error(l, "the target answered with a wrong ISID");
	if (bhs_version_active(bhs) != 0)
		return protocol_error(l, "the target speaks version %u of the protocol, not 0",
			bhs_version_active(bhs));
	if (bhs_csg(bhs) != bhs_csg(asked))
		return protocol_error(l, "the target answered for stage %u during %s", bhs_csg(bhs),
			login_stage(l));
	if (!(flags & BHS_TRANSIT))
		return true;
	if (!(bhs_flags(asked) & BHS_TRANSIT))
		return protocol_error(l, "the target left %s unasked", login_stage(l));
	if (flags & BHS_CONTINUE)
		return protocol_error(
			l, "the target left %s in the middle of a text", login_stage(l));
	if (bhs_nsg(bhs) != bhs_nsg(asked))
		return protocol_error(l, "the target went from %s to stage %u, not %u",
			login_stage(l), bhs_nsg(bhs), bhs_nsg(asked));
	l->result.tsih = bhs_tsih(bhs);
	if (bhs_nsg(bhs) == STAGE_FULL_FEATURE && !l->result.tsih)
		return protocol_error(l, "the target ended the login with TSIH 0");
	return true;
}

/* Takes the response's piece of text. False on failure. */
static bool collect(struct login *l, const struct pdu *p)
{
	if (p->data_len > sizeof(l->in) - l->in_len)
		return protocol_error(
			l, "the target sent more than %d bytes of text", LOGIN_TEXT_MAX);
	if (p->data_len)
		memcpy(l->in + l->in_len, p->data, p->data_len);
	l->in_len += p->data_len;
	return true;
}

static bool take_text(struct login *l)
{
	const struct step_row *row = &steps[l->step];
	const struct negotiation_stage stage = {
		.stage = row->csg == STAGE_SECURITY ? KEY_SECURITY : KEY_OPERATIONAL,
		.name = login_stage(l),
		.due = row->due,
	};

	if (negotiation_take(&l->negotiation, &stage, l->in, l->in_len, &l->out))
		return true;
	return protocol_error(l, "%s", l->negotiation.why);
}

static void take_whole(struct login *l, bool transit)
{
	l->out.len = l->out_sent = 0;
	if (take_text(l))
		go(l, steps[l->step].take(l, transit));
	l->in_len = 0;
}

enum login_verdict login_response(struct login *l, const struct pdu *response)
{
	const uint8_t *bhs = response->bhs;

	if (l->verdict != LOGIN_CONTINUE || !check_identity(l, response) ||
		!check_status(l, response) || !check_stages(l, bhs))
		return l->verdict;
	l->result.exp_statsn = bhs_statsn(bhs) + 1;
	if (++l->rounds > LOGIN_ROUNDS_MAX)
		protocol_error(l, "the target does not come to an end after %d responses",
			LOGIN_ROUNDS_MAX);
	else if (l->out_sent < l->out.len && (response->data_len || bhs_flags(bhs) & BHS_CONTINUE))
		protocol_error(l, "the target answered before our text was whole");
	else if (l->out_sent < l->out.len)
		send_piece(l);
	else if (!collect(l, response))
		return l->verdict;
	else if (bhs_flags(bhs) & BHS_CONTINUE)
		build_request(l, "", 0, 0);
	else
		take_whole(l, bhs_flags(bhs) & BHS_TRANSIT);
	return l->verdict;
}

/* ---- beginning ---- */

struct login *login_new(void)
{
	struct login *l = calloc(1, sizeof(*l));

	if (!l || pdu_init(&l->request, LOGIN_DATA_MAX) < 0) {
		free(l);
		return NULL;
	}
	l->out = (struct text){.data = l->out_data, .room = sizeof(l->out_data)};
	l->verdict = LOGIN_PROTOCOL_ERROR;
	return l;
}

void login_free(struct login *l)
{
	if (!l)
		return;
	chap_initiator_wipe(&l->chap);
	pdu_free(&l->request);
	free(l);
}

static bool check_length(struct login *l, const char *what, const char *value, size_t max)
{
	if (!value || strlen(value) <= max)
		return true;
	return protocol_error(l, "the %s is longer than %zu bytes", what, max);
}

static bool check_config(struct login *l, const struct login_config *c)
{
	if (str_empty(c->initiator_name))
		return protocol_error(l, "no initiator name is configured");
	if (!check_length(l, "initiator name", c->initiator_name, ISCSI_NAME_MAX) ||
		!check_length(l, "initiator alias", c->initiator_alias, TEXT_VALUE_MAX) ||
		!check_length(l, "target name", c->target_name, ISCSI_NAME_MAX))
		return false;
	if (!negotiation_start(&l->negotiation, ROLE_INITIATOR, &c->offer,
		    str_empty(c->target_name) ? KEY_DISCOVERY : KEY_NORMAL))
		return protocol_error(l, "%s", l->negotiation.why);
	return true;
}

static void forget(struct login *l, const struct login_config *c)
{
	l->verdict = LOGIN_CONTINUE;
	l->rounds = 0;
	l->in_len = l->out_sent = l->out.len = 0;
	l->status_class = l->status_detail = 0;
	l->redirect[0] = l->reason[0] = '\0';
	l->result = (struct login_result){.cmdsn = c->cmdsn};
}

static void build_header(struct login *l, const struct login_config *c)
{
	uint8_t *bhs = l->request.bhs;

	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_LOGIN, true);
	bhs_set_isid(bhs, c->isid);
	bhs_set_itt(bhs, LOGIN_ITT);
	bhs_set_cmdsn(bhs, c->cmdsn);
}

/* The names are a few hundred bytes: they fit. */
static void send_names(struct login *l, const struct login_config *c)
{
	bool normal = l->negotiation.session == KEY_NORMAL;
	const struct {
		enum key_id id;
		const char *value;
	} names[] = {
		{KEY_INITIATOR_NAME, c->initiator_name},
		{KEY_INITIATOR_ALIAS, c->initiator_alias},
		{KEY_TARGET_NAME, c->target_name},
		{KEY_SESSION_TYPE, normal ? "Normal" : "Discovery"},
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!str_empty(names[i].value))
			negotiation_send(&l->negotiation, &l->out, names[i].id, names[i].value);
}

int login_start(struct login *l, const struct login_config *c)
{
	char why[CHAP_WHY_MAX] = "the system's random source fails";
	int r;

	forget(l, c);
	r = chap_initiator_start(&l->chap, c, why);
	if (r < 0)
		protocol_error(l, "%s", why);
	else if (!check_config(l, c))
		r = -EINVAL;
	if (r < 0)
		return r;
	build_header(l, c);
	send_names(l, c);
	go(l, l->chap.wanted ? STEP_AUTH_METHOD : STEP_OFFER);
	return 0;
}

/* ---- looking in ---- */

const struct pdu *login_request(const struct login *l)
{
	return &l->request;
}

const struct login_result *login_result(const struct login *l)
{
	return &l->result;
}

const char *login_reason(const struct login *l)
{
	return l->reason;
}

uint8_t login_status_class(const struct login *l)
{
	return l->status_class;
}

uint8_t login_status_detail(const struct login *l)
{
	return l->status_detail;
}

const char *login_redirect(const struct login *l)
{
	return l->redirect;
}

bool login_redirect_is_permanent(const struct login *l)
{
	return l->status_detail == 0x02;
}

const char *login_stage(const struct login *l)
{
	return steps[l->step].csg == STAGE_SECURITY ? "security negotiation"
						    : "operational negotiation";
}
