/* SPDX-License-Identifier: MIT */
/* The initiator's role of the login against any target. */
#include "fuzz.h"
#include "login.h"

/* The configuration byte. */
#define WITH_CHAP 0x01
#define WITH_MUTUAL 0x02
#define WITH_DISCOVERY 0x04
#define WITH_DIGESTS 0x08
#define WITH_DEFAULTS 0x10

#define SECRET_IN "target-secret"

static struct login_config configuration(uint8_t with)
{
	struct login_config c = {.initiator_name = "iqn.2012-01.com.example:host",
		.initiator_alias = "host",
		.target_name = with & WITH_DISCOVERY ? NULL : "iqn.2019-01.com.example:disk",
		.cmdsn = 5,
		.chap_algs = {CHAP_SHA3_256, CHAP_SHA256, CHAP_SHA1, CHAP_MD5},
		.offer = {.header_digest = with & WITH_DIGESTS ? DIGEST_CRC32C : DIGEST_NONE,
			.data_digest = with & WITH_DIGESTS ? DIGEST_CRC32C_NONE : DIGEST_NONE,
			.immediate_data = true,
			.data_pdu_in_order = true,
			.data_sequence_in_order = true,
			.max_recv_data_segment = 262144,
			.max_burst = with & WITH_DEFAULTS ? 262144 : 16776192,
			.first_burst = 262144,
			.max_outstanding_r2t = 1,
			.time2wait = 2}};

	if (with & WITH_CHAP) {
		c.username = "user";
		c.password = "initiator-secret";
	}
	if (with & WITH_MUTUAL) {
		c.username_in = "target";
		c.password_in = SECRET_IN;
	}
	return c;
}

static void check_result(const struct login *l, uint8_t with)
{
	const struct login_params *p = &login_result(l)->params;

	INVARIANT(login_result(l)->tsih);
	INVARIANT(p->max_xmit_data_segment >= 512 && p->max_xmit_data_segment < 1 << 24);
	INVARIANT(p->max_burst >= 512 && p->max_burst < 1 << 24);
	INVARIANT(p->first_burst <= p->max_burst || with & WITH_DISCOVERY);
	INVARIANT(p->error_recovery_level == 0 && p->max_outstanding_r2t == 1);
	INVARIANT(p->header_digest ==
		  (with & WITH_DIGESTS && !(with & WITH_DISCOVERY) ? DIGEST_CRC32C : DIGEST_NONE));
	check_words(login_result(l)->target_alias);
}

static void build(struct pdu *p, const struct pdu *request, const uint8_t *header)
{
	bhs_set_opcode(p->bhs, OP_LOGIN_RESPONSE, false);
	bhs_set_flags(p->bhs, header[0]);
	bhs_set_isid(p->bhs, bhs_isid(request->bhs));
	bhs_set_itt(p->bhs, bhs_itt(request->bhs));
	bhs_set_tsih(p->bhs, 1);
	record_spoil(p, header);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct login *l;
	static enum chap_alg alg = CHAP_MD5;
	enum login_verdict v = LOGIN_CONTINUE;
	struct records records = {data + 1, size - 1};
	struct login_config config;
	const uint8_t *header;
	bool proved = false;
	struct pdu p;

	if (!size)
		return 0;
	if (!l)
		l = login_new();
	INVARIANT(l);
	config = configuration(data[0]);
	INVARIANT(login_start(l, &config) == 0);
	while (v == LOGIN_CONTINUE && record_next(&records, &p, &header)) {
		const struct pdu *request = login_request(l);
		const char *chosen = text_find(p.data, p.data_len, "CHAP_A");
		size_t before = p.data_len;

		if (chosen)
			alg = (enum chap_alg)atoi(chosen);
		record_prove(&p, request, alg, SECRET_IN);
		proved |= p.data_len != before;
		build(&p, request, header);
		v = login_response(l, &p);
		free(p.data);
		INVARIANT(request->data_len <= LOGIN_DATA_MAX);
		INVARIANT(bhs_data_len(request->bhs) == request->data_len);
	}
	check_words(login_reason(l));
	check_words(login_redirect(l));
	INVARIANT(!login_reason(l)[0] == (v == LOGIN_CONTINUE || v == LOGIN_DONE));
	if (v == LOGIN_DONE) {
		check_result(l, data[0]);
		/* a target that has to prove itself has done so */
		INVARIANT(proved || (data[0] & 3) != (WITH_CHAP | WITH_MUTUAL));
	}
	return 0;
}
