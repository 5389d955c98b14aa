/* SPDX-License-Identifier: MIT */
/* Answers to SendTargets. */
#include "discovery.h"

#include "fuzz.h"

static unsigned int found;

static void on_found(void *data, const char *target, const struct iscsi_portal *portal)
{
	(void)data;
	found++;
	INVARIANT(!iscsi_name_fault(target));
	INVARIANT(!portal || (!iscsi_address_fault(portal->address) && portal->port > 0));
}

static void on_skipped(void *data, const char *text, const char *why)
{
	(void)data;
	check_words(text);
	check_words(why);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct discovery_sink sink = {on_found, on_skipped, NULL};
	struct discovery *d = discovery_new(1, 1, &sink);
	enum discovery_verdict v = DISCOVERY_CONTINUE;
	struct records records = {data, size};
	const uint8_t *header;
	struct pdu p;

	INVARIANT(d);
	found = 0;
	while (v == DISCOVERY_CONTINUE && record_next(&records, &p, &header)) {
		bhs_set_opcode(p.bhs, OP_TEXT_RESPONSE, false);
		bhs_set_flags(p.bhs, header[0]);
		bhs_set_itt(p.bhs, bhs_itt(discovery_request(d)->bhs));
		bhs_set_ttt(p.bhs, header[0] & BHS_FINAL ? BHS_TAG_NONE : 1);
		record_spoil(&p, header);
		v = discovery_response(d, &p);
		free(p.data);
	}
	INVARIANT(found <= DISCOVERY_TARGETS_MAX + 1);
	check_words(discovery_reason(d));
	discovery_free(d);
	return 0;
}
