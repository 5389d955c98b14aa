/* SPDX-License-Identifier: MIT */
/* Bytes from a socket, in reads of any size (the first byte), to PDUs, and their data as text. */
#include "fuzz.h"

#define DATA_MAX 1024

static void check_pair(const struct text_pair *p)
{
	char out[2 * TEXT_VALUE_MAX], escaped[64];
	struct text t = {.data = out, .room = sizeof(out)};
	uint8_t bytes[32];
	size_t len = 0;

	INVARIANT(p->key[0] && strlen(p->key) <= TEXT_KEY_MAX);
	INVARIANT(strlen(p->value) == p->value_len);
	if (text_binary_decode(p->value, bytes, sizeof(bytes), &len) == 0)
		INVARIANT(len >= 1 && len <= sizeof(bytes));
	text_escape(p->value, escaped, sizeof(escaped));
	check_words(escaped);
	/* what is written is read back */
	if (text_add(&t, p->key, "%s", p->value) == 0)
		INVARIANT(strcmp(text_find(t.data, t.len, p->key), p->value) == 0);
	if (len && text_add_binary(&t, "B", bytes, len) == 0) {
		uint8_t again[32];
		size_t again_len;

		INVARIANT(text_binary_decode(text_find(t.data, t.len, "B"), again, sizeof(again),
				  &again_len) == 0 ||
			  strcmp(p->key, "B") == 0);
	}
}

static void check_text(const struct pdu *p)
{
	/* in memory that ends where the text ends */
	char *data = malloc(p->data_len ? p->data_len : 1);
	struct text_reader r = text_reader(data, p->data_len);
	struct text_pair pair;

	INVARIANT(data && p->data_len <= DATA_MAX);
	memcpy(data, p->data, p->data_len);
	do {
		while (text_next(&r, &pair))
			check_pair(&pair);
	} while (r.fault);
	free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum pdu_status status = PDU_MORE;
	struct pdu_reader r;
	size_t step;

	if (!size || pdu_reader_init(&r, DATA_MAX) < 0)
		return 0;
	step = 1 + data[0];
	data++, size--;
	while (size && (status == PDU_MORE || status == PDU_READY)) {
		size_t want, len;
		uint8_t *p = pdu_reader_want(&r, &want);

		INVARIANT(want >= 1 && want <= BHS_LEN + DATA_MAX);
		len = want < step ? want : step;
		if (len > size)
			len = size;
		memcpy(p, data, len);
		data += len;
		size -= len;
		status = pdu_reader_got(&r, len);
		if (status == PDU_READY)
			check_text(&r.pdu);
	}
	pdu_reader_free(&r);
	return 0;
}
