/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzz programs share. Each is one LLVMFuzzerTestOneInput, run by main.c or by
 * libFuzzer. An input for a protocol engine is a configuration byte and then records, each a PDU:
 *
 *	flags (byte 1 of the header), at, with (header byte at % 48 is xored), length (2), data
 *
 * so that a mutation hits one field and not the framing. All else in the header is right.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chap.h"
#include "pdu.h"
#include "text.h"

#define INVARIANT(condition)                                                            \
	do {                                                                            \
		if (!(condition)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                        \
		}                                                                       \
	} while (0)

struct records {
	const uint8_t *p;
	size_t left;
};

#define RECORD_HEADER 5

/* The next record as a PDU whose data end where its memory ends; its header is for the caller. */
static inline bool record_next(struct records *r, struct pdu *ret, const uint8_t **ret_header)
{
	const uint8_t *header = r->p;
	size_t len;

	if (r->left < RECORD_HEADER)
		return false;
	len = (size_t)header[3] << 8 | header[4];
	r->p += RECORD_HEADER;
	r->left -= RECORD_HEADER;
	if (len > r->left)
		len = r->left;
	*ret = (struct pdu){.data = malloc(len ? len : 1), .data_room = len};
	INVARIANT(ret->data);
	memcpy(ret->data, r->p, len);
	pdu_set_data_len(ret, len);
	r->p += len;
	r->left -= len;
	*ret_header = header;
	return true;
}

/* Applies the record's fault; the length stays that of the data, as a reader makes sure. */
static inline void record_spoil(struct pdu *p, const uint8_t *header)
{
	p->bhs[header[1] % BHS_LEN] ^= header[2];
	p->bhs[4] = 0;
	bhs_set_data_len(p->bhs, (uint32_t)p->data_len);
}

/*
 * Puts the right response to `challenger`'s challenge, its id and its algorithm where p says
 * CHAP_R=@, so that an input gets past authentication.
 */
static inline void record_prove(
	struct pdu *p, const struct pdu *challenger, enum chap_alg alg, const char *secret)
{
	static const char mark[] = "CHAP_R=@";
	const char *id = text_find(challenger->data, challenger->data_len, "CHAP_I");
	const char *c = text_find(challenger->data, challenger->data_len, "CHAP_C");
	uint8_t *at = memmem(p->data, p->data_len, mark, sizeof(mark) - 1);
	char value[TEXT_HEX_LEN(CHAP_DIGEST_MAX)];
	uint8_t challenge[CHAP_CHALLENGE_MAX], digest[CHAP_DIGEST_MAX], *data;
	size_t len, before;

	if (!at || !id || !c || text_binary_decode(c, challenge, sizeof(challenge), &len) < 0 ||
		chap_digest(alg, (uint8_t)atoi(id), secret, challenge, len, digest) < 0)
		return;
	text_binary_encode(digest, chap_digest_len(alg), value);
	before = (size_t)(at - p->data) + sizeof(mark) - 2;
	len = p->data_len - 1 + strlen(value);
	data = malloc(len);
	INVARIANT(data);
	memcpy(data, p->data, before);
	memcpy(data + before, value, strlen(value));
	memcpy(data + before + strlen(value), p->data + before + 1, p->data_len - before - 1);
	free(p->data);
	p->data = data;
	p->data_room = len;
	pdu_set_data_len(p, len);
}

/* Words for people: printable, one line. */
static inline void check_words(const char *s)
{
	for (; *s; s++)
		INVARIANT(*s >= 0x20 && *s < 0x7f);
}

#endif
