/* SPDX-License-Identifier: MIT */
/* The target's role of the login against any initiator. */
#include "login-target.h"

#include "fuzz.h"

/* The configuration byte. */
#define WITH_CHAP 0x01
#define WITH_OUTGOING 0x02
#define WITH_OFFERS 0x04 /* the target's values are not the defaults */
#define WITH_REDIRECT 0x08
#define NOT_ADMITTED 0x10
#define WITH_DIGESTS 0x20 /* CRC32C or nothing */
#define NOT_FOUND 0x40
#define SAME_SECRET 0x80

#define SECRET "incoming-secret"

static uint8_t with;

static enum login_status identify(
	void *data, const struct login_target_result *who, struct login_target_settings *ret)
{
	(void)data;
	INVARIANT(who->initiator_name[0] && !who->target_name[0] == who->discovery);
	ret->params = (struct login_params){.header_digest = DIGEST_NONE_CRC32C,
		.data_digest = with & WITH_DIGESTS ? DIGEST_CRC32C : DIGEST_NONE_CRC32C,
		.initial_r2t = !(with & WITH_OFFERS),
		.immediate_data = true,
		.data_pdu_in_order = true,
		.data_sequence_in_order = true,
		.max_recv_data_segment = with & WITH_OFFERS ? 262144 : 8192,
		.max_burst = with & WITH_OFFERS ? 1048576 : 262144,
		.first_burst = with & WITH_OFFERS ? 262144 : 65536,
		.max_outstanding_r2t = with & WITH_OFFERS ? 8 : 1,
		.time2wait = 2,
		.time2retain = 20};
	ret->tpgt = 1;
	ret->alias = with & WITH_OFFERS ? "a disk" : NULL;
	ret->chap = with & WITH_CHAP;
	if (with & WITH_OUTGOING) {
		ret->username_out = "target";
		ret->password_out = with & SAME_SECRET ? SECRET : "outgoing-secret";
	}
	ret->redirect = with & WITH_REDIRECT ? "10.0.0.1:3260" : NULL;
	if (with & NOT_FOUND)
		return LOGIN_STATUS_NOT_FOUND;
	return with & WITH_REDIRECT ? LOGIN_STATUS_MOVED_TEMPORARILY : LOGIN_STATUS_SUCCESS;
}

static const char *account(void *data, const struct login_target_result *who, const char *username)
{
	(void)data, (void)who;
	return strcmp(username, "user") == 0 ? SECRET : NULL;
}

static enum login_status admit(
	void *data, const struct login_target_result *who, uint16_t *ret_tsih)
{
	const struct login_params *p = &who->params;

	(void)data;
	/* nobody comes this far without a proof, nor with values that nobody can use */
	INVARIANT(!(with & WITH_CHAP) || strcmp(who->username, "user") == 0);
	INVARIANT(p->max_xmit_data_segment >= 512 && p->max_xmit_data_segment < 1 << 24);
	INVARIANT(p->max_burst >= 512 && p->max_burst < 1 << 24);
	INVARIANT(p->first_burst >= 512 && (p->first_burst <= p->max_burst || who->discovery ||
						   (p->initial_r2t && !p->immediate_data)));
	INVARIANT(p->max_outstanding_r2t >= 1 && p->error_recovery_level == 0);
	INVARIANT(p->data_digest == DIGEST_CRC32C ||
		  (p->data_digest == DIGEST_NONE && !(with & WITH_DIGESTS)));
	check_words(who->initiator_alias);
	*ret_tsih = 1;
	return with & NOT_ADMITTED ? LOGIN_STATUS_TOO_MANY_CONNECTIONS : LOGIN_STATUS_SUCCESS;
}

static void check_response(const struct pdu *request, const struct pdu *response)
{
	const uint8_t *bhs = response->bhs;

	INVARIANT(response->data_len <= LOGIN_DATA_MAX);
	INVARIANT(bhs_data_len(bhs) == response->data_len);
	INVARIANT(bhs_opcode(bhs) == OP_LOGIN_RESPONSE);
	if (bhs_flags(bhs) & BHS_TRANSIT)
		INVARIANT(
			bhs_flags(request->bhs) & BHS_TRANSIT && !(bhs_flags(bhs) & BHS_CONTINUE));
}

static void build(struct pdu *p, const uint8_t *header)
{
	static const uint8_t isid[BHS_ISID_LEN] = {0x00, 0x02, 0x3d};

	bhs_set_opcode(p->bhs, OP_LOGIN, true);
	bhs_set_flags(p->bhs, header[0]);
	bhs_set_isid(p->bhs, isid);
	bhs_set_itt(p->bhs, 1);
	record_spoil(p, header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct login_target_config config = {identify, account, admit, NULL, 1};
	static struct login_target *l;
	enum login_target_verdict v = LOGIN_TARGET_CONTINUE;
	enum chap_alg alg = CHAP_MD5;
	struct records records = {data + 1, size - 1};
	const uint8_t *header;
	struct pdu p;

	if (!size)
		return 0;
	if (!l)
		l = login_target_new();
	INVARIANT(l);
	with = data[0];
	login_target_start(l, &config);
	while (v == LOGIN_TARGET_CONTINUE && record_next(&records, &p, &header)) {
		const struct pdu *response = login_target_response(l);
		const char *chosen = text_find(response->data, response->data_len, "CHAP_A");

		if (chosen)
			alg = (enum chap_alg)atoi(chosen);
		record_prove(&p, response, alg, SECRET);
		build(&p, header);
		v = login_target_request(l, &p);
		if (v != LOGIN_TARGET_DROP)
			check_response(&p, response);
		free(p.data);
	}
	check_words(login_target_reason(l));
	INVARIANT(!login_target_reason(l)[0] ==
		  (v == LOGIN_TARGET_CONTINUE || v == LOGIN_TARGET_DONE));
	return 0;
}
