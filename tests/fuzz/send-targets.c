/* SPDX-License-Identifier: MIT */
/* Text Requests to the target; the request brings back the last Target Transfer Tag. */
#include "send-targets.h"

#include "fuzz.h"

#define OWN "iqn.2019-01.com.example:own"
#define DATA_MAX 512

static int list(void *data, const char *name, struct send_targets *s)
{
	const struct iscsi_portal p = {.address = "fd00::1", .port = 3260, .tpgt = 1};

	(void)data;
	for (int i = 0; i < (name ? 1 : 20); i++)
		if (!name || strcmp(name, OWN) == 0) {
			send_targets_add(s, OWN);
			send_targets_add_address(s, &p);
		}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct records records = {data + 1, size - 1};
	uint32_t ttt = BHS_TAG_NONE;
	const uint8_t *header;
	struct send_targets *s;
	struct pdu p;

	if (!size)
		return 0;
	s = send_targets_new(&(struct send_targets_config){data[0] & 1, OWN, DATA_MAX, list, NULL});
	INVARIANT(s);
	while (record_next(&records, &p, &header)) {
		const struct pdu *response = send_targets_response(s);

		bhs_set_opcode(p.bhs, OP_TEXT, true);
		bhs_set_flags(p.bhs, header[0]);
		bhs_set_ttt(p.bhs, ttt);
		record_spoil(&p, header);
		ttt = BHS_TAG_NONE;
		if (send_targets_request(s, &p) == SEND_TARGETS_ANSWER) {
			INVARIANT(response->data_len <= send_targets_data_max(s));
			INVARIANT(bhs_itt(response->bhs) == bhs_itt(p.bhs));
			ttt = bhs_ttt(response->bhs);
			INVARIANT(
				(ttt == BHS_TAG_NONE) == !!(bhs_flags(response->bhs) & BHS_FINAL));
		}
		free(p.data);
	}
	send_targets_free(s);
	return 0;
}
