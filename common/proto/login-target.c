/* SPDX-License-Identifier: MIT */
/*
 * The login phase, target role (RFC 7143 chapter 6, sections 11.12 and 11.13).
 *
 *              CSG 0               CHAP                        proof
 *     LEADING ──────► AUTH_METHOD ──────► CHAP_ALGORITHM ► CHAP_RESPONSE ─┐
 *        │                 └─None, or none needed──► SECURITY_END ◄───────┘
 *        │ CSG 1                                         │ T
 *        └──────────────► OPERATIONAL ◄──────────────────┤ to stage 1
 *                          │ T, and we have offers       │
 *                          │ left to make ──► OFFERED    │ to stage 3
 *                          │ T                  │        │
 *                          └► OPERATIONAL_END ◄─┘        │
 *                                   │ T                  │
 *                                   └──► admit? ► done ◄─┘
 *
 * A step waits for one text, put together from PDUs with the C bit, and answers with one text, cut
 * into PDUs with the C bit. Each request gets exactly one response, and a stage is left only when
 * the request that is answered asks for it, the answer is whole, and the step is one that may.
 *
 * Invariants: step is the one that waits; out[..out_sent] has been sent; the secret is there only
 * as long as the verdict is LOGIN_TARGET_CONTINUE.
 */
#include "login-target.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chap-target.h"
#include "negotiation.h"
#include "str.h"
#include "text.h"

#define LOGIN_TEXT_MAX (2 * LOGIN_DATA_MAX) /* bytes in one text, either direction */
#define LOGIN_ROUNDS_MAX 64		    /* requests of one login */

enum step {
	STEP_LEADING,
	STEP_AUTH_METHOD,
	STEP_CHAP_ALGORITHM,
	STEP_CHAP_RESPONSE,
	STEP_SECURITY_END,
	STEP_OPERATIONAL,
	STEP_OFFERED,
	STEP_OPERATIONAL_END,
	STEP_FAILED, /* the verdict is no longer LOGIN_TARGET_CONTINUE */
};

struct login_target {
	struct login_target_config config;
	enum step step;
	enum login_target_verdict verdict;
	enum login_status status;
	struct pdu response;
	struct chap_target chap;
	struct negotiation negotiation;
	unsigned int rounds;
	uint32_t itt, statsn;
	uint8_t csg; /* the stage */

	struct login_target_result result;
	uint32_t window;
	int tpgt;
	char alias[TEXT_VALUE_MAX + 1], redirect[TEXT_VALUE_MAX + 1];
	char reason[512];

	size_t in_len, out_sent;
	struct text out;
	char in[LOGIN_TEXT_MAX], out_data[LOGIN_TEXT_MAX];
};

struct step_row {
	bool is_end;  /* this side is ready for the next stage */
	uint64_t due; /* leading and authentication keys that may come now */
	/* what came, as a whole; wants: the initiator asks for the next stage */
	enum step (*take)(struct login_target *l, bool wants);
};

static const struct step_row steps[];

/* ---- verdicts ---- */

/* Ends the login; whatever the peer sent is escaped here. Returns STEP_FAILED, for tail calls. */
__attribute__((format(printf, 3, 4))) static enum step fail(
	struct login_target *l, enum login_status status, const char *fmt, ...)
{
	char text[sizeof(l->reason)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	text_escape(text, l->reason, sizeof(l->reason));
	chap_target_wipe(&l->chap);
	l->status = status;
	l->verdict = LOGIN_TARGET_FAILED;
	return l->step = STEP_FAILED;
}

#define initiator_error(l, ...) fail(l, LOGIN_STATUS_INITIATOR_ERROR, __VA_ARGS__)

/* ---- responses ---- */

static void build_response(struct login_target *l, const uint8_t *request, uint8_t flags)
{
	uint8_t *bhs = l->response.bhs;

	memset(bhs, 0, BHS_LEN);
	bhs_set_opcode(bhs, OP_LOGIN_RESPONSE, false);
	bhs_set_login_flags(
		bhs, flags, bhs_csg(request), flags & BHS_TRANSIT ? bhs_nsg(request) : 0);
	bhs_set_isid(bhs, bhs_isid(request));
	bhs_set_tsih(bhs, l->result.tsih);
	bhs_set_itt(bhs, bhs_itt(request));
	bhs_set_statsn(bhs, l->statsn++);
	bhs_set_exp_cmdsn(bhs, bhs_cmdsn(request));
	bhs_set_max_cmdsn(bhs, bhs_cmdsn(request));
	bhs_set_status_class(bhs, (uint8_t)(l->status >> 8));
	bhs_set_status_detail(bhs, (uint8_t)l->status);
	pdu_set_data_len(&l->response, 0);
}

/* With a status other than success nothing is said but, with class 1, where to go. */
static void build_failure(struct login_target *l, const uint8_t *request)
{
	struct text t = {.data = (char *)l->response.data, .room = LOGIN_DATA_MAX};

	build_response(l, request, 0);
	if (l->status >> 8 == STATUS_REDIRECT)
		text_add(&t, key_row(KEY_TARGET_ADDRESS)->name, "%s", l->redirect);
	pdu_set_data_len(&l->response, t.len);
}

/* The next piece of out; flags are for the last one. */
static void send_piece(struct login_target *l, const uint8_t *request, uint8_t flags)
{
	size_t len = l->out.len - l->out_sent;

	if (len > LOGIN_DATA_MAX) {
		len = LOGIN_DATA_MAX;
		flags = BHS_CONTINUE;
	}
	build_response(l, request, flags);
	memcpy(l->response.data, l->out.data + l->out_sent, len);
	pdu_set_data_len(&l->response, len);
	l->out_sent += len;
}

/* ---- the leading text: who, and what for ---- */

/* What a name must be to be compared, logged and shown; that its form is right is not asked here.
 */
static bool take_name(struct login_target *l, enum key_id id, char name[ISCSI_NAME_MAX + 1])
{
	const char *key = key_row(id)->name, *value = text_find(l->in, l->in_len, key);

	if (str_empty(value))
		fail(l, LOGIN_STATUS_MISSING_PARAMETER, "the initiator sent no %s", key);
	else if (strlen(value) > ISCSI_NAME_MAX)
		initiator_error(
			l, "the initiator's %s is longer than %d bytes", key, ISCSI_NAME_MAX);
	else if (!iscsi_name_is_clean(value))
		initiator_error(l, "%s=%.64s has a character that is not allowed", key, value);
	else
		strcpy(name, value);
	return l->step != STEP_FAILED;
}

static bool take_session_type(struct login_target *l)
{
	const char *key = key_row(KEY_SESSION_TYPE)->name;
	const char *type = text_find(l->in, l->in_len, key);

	l->result.discovery = str_eq(type, "Discovery");
	if (!type || l->result.discovery || str_eq(type, "Normal"))
		return true;
	fail(l, LOGIN_STATUS_SESSION_TYPE, "there is no session type %.64s", type);
	return false;
}

static const char *at_most(const char *s, size_t max)
{
	return s && strlen(s) <= max ? s : "";
}

static enum step refuse(
	struct login_target *l, enum login_status status, const struct login_target_settings *s)
{
	const char *name = l->result.discovery ? "discovery" : l->result.target_name;

	strcpy(l->redirect, at_most(s->redirect, TEXT_VALUE_MAX));
	if (status >> 8 == STATUS_REDIRECT && !l->redirect[0])
		return fail(l, LOGIN_STATUS_TARGET_ERROR, "%s has moved, but not to where", name);
	return fail(l, status, "%s: %s%s%s", name,
		status_text((uint8_t)(status >> 8), (uint8_t)status), l->redirect[0] ? " to " : "",
		l->redirect);
}

/* Authentication is skipped where it is required: said before a refusal of class 2. */
static bool skips_authentication(const struct login_target *l, enum login_status status,
	const struct login_target_settings *s)
{
	uint8_t class = (uint8_t)(status >> 8);

	return l->csg == STAGE_OPERATIONAL && s->chap &&
	       (class == STATUS_SUCCESS || class == STATUS_INITIATOR_ERROR);
}

/* Asks for the target's settings and begins by them. */
static bool identify(struct login_target *l)
{
	struct login_target_settings s = {0};
	char why[CHAP_WHY_MAX];
	enum login_status status = l->config.identify(l->config.data, &l->result, &s);

	l->window = s.window ? s.window : 1;
	l->tpgt = s.tpgt;
	strcpy(l->alias, at_most(s.alias, TEXT_VALUE_MAX));
	if (skips_authentication(l, status, &s))
		fail(l, LOGIN_STATUS_AUTHENTICATION_FAILURE,
			"the initiator skips authentication, which is required");
	else if (status)
		refuse(l, status, &s);
	else if (chap_target_start(&l->chap, &s, why) < 0)
		fail(l, LOGIN_STATUS_TARGET_ERROR, "%s", why);
	else if (!negotiation_start(&l->negotiation, ROLE_TARGET, &s.params,
			 l->result.discovery ? KEY_DISCOVERY : KEY_NORMAL))
		fail(l, LOGIN_STATUS_TARGET_ERROR, "%s", l->negotiation.why);
	return l->step != STEP_FAILED;
}

/* What a target says of itself first; it fits. */
static void introduce(struct login_target *l)
{
	char tag[8];

	snprintf(tag, sizeof(tag), "%u", (uint16_t)l->tpgt);
	if (!l->result.discovery)
		negotiation_send(&l->negotiation, &l->out, KEY_TPGT, tag);
	if (l->alias[0])
		negotiation_send(&l->negotiation, &l->out, KEY_TARGET_ALIAS, l->alias);
}

static bool begin(struct login_target *l)
{
	if (!take_session_type(l) || !take_name(l, KEY_INITIATOR_NAME, l->result.initiator_name))
		return false;
	if (!l->result.discovery && !take_name(l, KEY_TARGET_NAME, l->result.target_name))
		return false;
	if (!identify(l))
		return false;
	introduce(l);
	return true;
}

/* ---- steps, once their text is whole ---- */

static enum step add(struct login_target *l, int r, enum step next)
{
	if (r == -ENOSPC)
		return fail(l, LOGIN_STATUS_OUT_OF_RESOURCES,
			"the initiator wants more answers than one login can hold");
	if (r < 0)
		return fail(l, LOGIN_STATUS_TARGET_ERROR, "the CHAP response cannot be computed");
	return next;
}

static enum step take_auth_method(struct login_target *l, bool wants)
{
	const char *methods = l->negotiation.due[KEY_AUTH_METHOD];
	bool done = !l->chap.required || l->result.username[0];
	const char *wanted = done ? "None" : "CHAP";

	if (!methods && done)
		return STEP_SECURITY_END;
	if (!methods && !wants)
		return STEP_AUTH_METHOD;
	if (!methods || !key_list_has(methods, wanted, strlen(wanted)))
		return fail(l, LOGIN_STATUS_AUTHENTICATION_FAILURE,
			"AuthMethod=%s is required, the initiator offers %.64s", wanted,
			methods ? methods : "nothing");
	return add(l, negotiation_send(&l->negotiation, &l->out, KEY_AUTH_METHOD, wanted),
		done ? STEP_SECURITY_END : STEP_CHAP_ALGORITHM);
}

static enum step take_chap_algorithm(struct login_target *l, bool wants)
{
	char why[CHAP_WHY_MAX];
	enum login_status status =
		chap_target_choose(&l->chap, l->negotiation.due[KEY_CHAP_A], why);

	(void)wants;
	if (status)
		return fail(l, status, "%s", why);
	return add(l, chap_target_challenge(&l->chap, &l->out), STEP_CHAP_RESPONSE);
}

static enum step take_chap_response(struct login_target *l, bool wants)
{
	const char *const *due = l->negotiation.due;
	const struct chap_claim claim = {
		due[KEY_CHAP_N], due[KEY_CHAP_R], due[KEY_CHAP_I], due[KEY_CHAP_C]};
	const char *secret =
		claim.name ? l->config.account(l->config.data, &l->result, claim.name) : NULL;
	char why[CHAP_WHY_MAX];
	enum login_status status = chap_target_check(&l->chap, &claim, secret, why);

	(void)wants;
	if (status)
		return fail(l, status, "%s", why);
	strcpy(l->result.username, claim.name);
	return add(
		l, l->chap.mutual ? chap_target_answer(&l->chap, &l->out) : 0, STEP_SECURITY_END);
}

static enum step take_operational(struct login_target *l, bool wants)
{
	size_t answers = l->out.len;
	enum step next;

	if (!wants)
		return STEP_OPERATIONAL;
	next = add(l, negotiation_send_offers(&l->negotiation, &l->out), STEP_OPERATIONAL_END);
	if (l->out.len > answers && !negotiation_is_answered(&l->negotiation))
		return STEP_OFFERED;
	return next;
}

static enum step take_operational_end(struct login_target *l, bool wants)
{
	(void)l, (void)wants;
	return STEP_OPERATIONAL_END;
}

static enum step take_leading(struct login_target *l, bool wants)
{
	return l->csg == STAGE_SECURITY ? take_auth_method(l, wants) : take_operational(l, wants);
}

#define LEADING_KEYS \
	(KEY_BIT(KEY_INITIATOR_NAME) | KEY_BIT(KEY_TARGET_NAME) | KEY_BIT(KEY_SESSION_TYPE))

static const struct step_row steps[] = {
	[STEP_LEADING] = {false, LEADING_KEYS | KEY_BIT(KEY_AUTH_METHOD), take_leading},
	[STEP_AUTH_METHOD] = {false, KEY_BIT(KEY_AUTH_METHOD), take_auth_method},
	[STEP_CHAP_ALGORITHM] = {false, KEY_BIT(KEY_CHAP_A), take_chap_algorithm},
	[STEP_CHAP_RESPONSE] = {false,
		KEY_BIT(KEY_CHAP_N) | KEY_BIT(KEY_CHAP_R) | KEY_BIT(KEY_CHAP_I) |
			KEY_BIT(KEY_CHAP_C),
		take_chap_response},
	[STEP_SECURITY_END] = {true, KEY_BIT(KEY_AUTH_METHOD), take_auth_method},
	[STEP_OPERATIONAL] = {false, 0, take_operational},
	[STEP_OFFERED] = {false, 0, take_operational_end},
	[STEP_OPERATIONAL_END] = {true, 0, take_operational_end},
	[STEP_FAILED] = {0},
};

/* ---- requests ---- */

static void drop(struct login_target *l, const char *why, const uint8_t *bhs)
{
	fail(l, LOGIN_STATUS_INVALID_REQUEST, "%s (%s, 0x%02x)", why,
		bhs_opcode_name(bhs_opcode(bhs)), bhs_opcode(bhs));
	l->verdict = LOGIN_TARGET_DROP;
}

/* What the first request fixes for the whole login. */
static void take_first_header(struct login_target *l, const uint8_t *bhs)
{
	l->itt = bhs_itt(bhs);
	l->csg = bhs_csg(bhs);
	l->result.cid = bhs_cid(bhs);
	l->result.tsih = bhs_tsih(bhs);
	memcpy(l->result.isid, bhs_isid(bhs), BHS_ISID_LEN);
}

static enum step check_header(struct login_target *l, const uint8_t *bhs)
{
	uint8_t flags = bhs_flags(bhs), nsg = bhs_nsg(bhs);

	if (bhs_version_min(bhs) > 0)
		return fail(l, LOGIN_STATUS_UNSUPPORTED_VERSION,
			"the initiator speaks no version of the protocol below %u",
			bhs_version_min(bhs));
	if (bhs_itt(bhs) != l->itt)
		return initiator_error(l, "the Initiator Task Tag changes within the login");
	if (bhs_cid(bhs) != l->result.cid || bhs_tsih(bhs) != l->result.tsih ||
		memcmp(bhs_isid(bhs), l->result.isid, BHS_ISID_LEN) != 0)
		return initiator_error(l, "ISID, TSIH or CID change within the login");
	if (bhs_csg(bhs) != l->csg || l->csg > STAGE_OPERATIONAL)
		return initiator_error(
			l, "the initiator is in stage %u, the login in %u", bhs_csg(bhs), l->csg);
	if (flags & BHS_TRANSIT && flags & BHS_CONTINUE)
		return initiator_error(l, "the initiator leaves a stage in the middle of a text");
	if (flags & BHS_TRANSIT && (nsg <= l->csg || nsg == 2))
		return initiator_error(
			l, "the initiator wants to go from stage %u to %u", l->csg, nsg);
	return l->step;
}

static bool take_header(struct login_target *l, const struct pdu *p)
{
	const uint8_t *bhs = p->bhs;

	if (bhs_opcode(bhs) != OP_LOGIN && l->rounds == 0) {
		drop(l, "the connection does not begin with a login", bhs);
		return false;
	}
	if (l->rounds == 0)
		take_first_header(l, bhs);
	l->result.cmdsn = bhs_cmdsn(bhs);
	if (bhs_opcode(bhs) != OP_LOGIN)
		fail(l, LOGIN_STATUS_INVALID_REQUEST, "the initiator sent a PDU %s during login",
			bhs_opcode_name(bhs_opcode(bhs)));
	else if (p->data_len > LOGIN_DATA_MAX)
		initiator_error(l, "the initiator sent more than %d bytes in one login request",
			LOGIN_DATA_MAX);
	else if (++l->rounds > LOGIN_ROUNDS_MAX)
		initiator_error(l, "the initiator does not come to an end after %d requests",
			LOGIN_ROUNDS_MAX);
	else
		check_header(l, bhs);
	return l->step != STEP_FAILED;
}

/* Takes the request's piece of text. */
static bool collect(struct login_target *l, const struct pdu *p)
{
	if (p->data_len > sizeof(l->in) - l->in_len) {
		fail(l, LOGIN_STATUS_OUT_OF_RESOURCES,
			"the initiator sent more than %d bytes of text", LOGIN_TEXT_MAX);
		return false;
	}
	if (p->data_len)
		memcpy(l->in + l->in_len, p->data, p->data_len);
	l->in_len += p->data_len;
	return true;
}

static void take_whole(struct login_target *l, bool wants)
{
	const struct negotiation_stage stage = {
		.stage = l->csg == STAGE_SECURITY ? KEY_SECURITY : KEY_OPERATIONAL,
		.name = l->csg == STAGE_SECURITY ? "security negotiation"
						 : "operational negotiation",
		.due = steps[l->step].due,
	};

	l->out.len = l->out_sent = 0;
	if (l->step == STEP_LEADING && !begin(l))
		return;
	if (negotiation_take(&l->negotiation, &stage, l->in, l->in_len, &l->out))
		l->step = steps[l->step].take(l, wants);
	else
		initiator_error(l, "%s", l->negotiation.why);
	l->in_len = 0;
}

/* The last stage ends here: what is in force is used, if the session may be. */
static void finish(struct login_target *l)
{
	enum login_status status;
	uint16_t tsih = 0;

	if (!negotiation_end(&l->negotiation)) {
		initiator_error(l, "%s", l->negotiation.why);
		return;
	}
	l->result.params = l->negotiation.in_force;
	strcpy(l->result.initiator_alias, l->negotiation.alias);
	status = l->config.admit(l->config.data, &l->result, &tsih);
	if (status) {
		fail(l, status, "the session is not admitted: %s",
			status_text((uint8_t)(status >> 8), (uint8_t)status));
		return;
	}
	l->result.tsih = tsih;
	chap_target_wipe(&l->chap);
	l->verdict = LOGIN_TARGET_DONE;
}

/* The answer to a request that was in order. */
static void respond(struct login_target *l, const uint8_t *request)
{
	bool whole = l->out.len - l->out_sent <= LOGIN_DATA_MAX;
	bool leaves = whole && bhs_flags(request) & BHS_TRANSIT && steps[l->step].is_end;

	if (leaves && bhs_nsg(request) == STAGE_FULL_FEATURE)
		finish(l);
	if (l->step == STEP_FAILED)
		return;
	send_piece(l, request, leaves ? BHS_TRANSIT : 0);
	if (l->verdict == LOGIN_TARGET_DONE) {
		bhs_set_max_cmdsn(l->response.bhs, l->result.cmdsn + l->window - 1);
		l->result.statsn = l->statsn;
	} else if (leaves) {
		l->csg = STAGE_OPERATIONAL;
		l->step = STEP_OPERATIONAL;
	}
}

/* One request: a piece of a text, the whole of it, or a call for the next piece of ours. */
static void take_request(struct login_target *l, const struct pdu *p)
{
	uint8_t flags = bhs_flags(p->bhs);

	if (l->out_sent < l->out.len && (p->data_len || flags & BHS_CONTINUE))
		initiator_error(l, "the initiator answers before our text is whole");
	else if (l->out_sent == l->out.len && collect(l, p) && !(flags & BHS_CONTINUE))
		take_whole(l, flags & BHS_TRANSIT);
}

enum login_target_verdict login_target_request(struct login_target *l, const struct pdu *request)
{
	if (l->verdict != LOGIN_TARGET_CONTINUE)
		return l->verdict;
	if (take_header(l, request))
		take_request(l, request);
	if (l->step != STEP_FAILED)
		respond(l, request->bhs);
	if (l->verdict == LOGIN_TARGET_FAILED)
		build_failure(l, request->bhs);
	return l->verdict;
}

/* ---- beginning and end ---- */

struct login_target *login_target_new(void)
{
	struct login_target *l = calloc(1, sizeof(*l));

	if (!l || pdu_init(&l->response, LOGIN_DATA_MAX) < 0) {
		free(l);
		return NULL;
	}
	l->out = (struct text){.data = l->out_data, .room = sizeof(l->out_data)};
	l->verdict = LOGIN_TARGET_DROP;
	return l;
}

void login_target_free(struct login_target *l)
{
	if (!l)
		return;
	chap_target_wipe(&l->chap);
	pdu_free(&l->response);
	free(l);
}

void login_target_start(struct login_target *l, const struct login_target_config *c)
{
	chap_target_wipe(&l->chap);
	l->config = *c;
	l->step = STEP_LEADING;
	l->verdict = LOGIN_TARGET_CONTINUE;
	l->status = LOGIN_STATUS_SUCCESS;
	l->rounds = 0;
	l->statsn = c->statsn;
	l->in_len = l->out_sent = l->out.len = 0;
	l->redirect[0] = l->reason[0] = '\0';
	l->result = (struct login_target_result){0};
}

/* ---- looking in ---- */

const struct pdu *login_target_response(const struct login_target *l)
{
	return &l->response;
}

const struct login_target_result *login_target_result(const struct login_target *l)
{
	return &l->result;
}

enum login_status login_target_status(const struct login_target *l)
{
	return l->status;
}

const char *login_target_reason(const struct login_target *l)
{
	return l->reason;
}
