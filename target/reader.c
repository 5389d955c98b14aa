/* SPDX-License-Identifier: MIT */
#include "reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "pdu.h"

void reader_init(struct reader *r, const struct reader_ops *ops, void *data, size_t data_max)
{
	*r = (struct reader){.ops = ops, .data = data, .data_max = data_max};
}

void reader_free(struct reader *r)
{
	free(r->own);
	r->own = r->segment = NULL;
}

const uint8_t *reader_segment(const struct reader *r)
{
	return r->segment;
}

/* ---- the parts of a PDU ---- */

static size_t ahs_bytes(const uint8_t *bhs)
{
	return bhs_ahs_len(bhs) * 4u;
}

static size_t head_len(const struct reader *r, const uint8_t *bhs)
{
	return BHS_LEN + ahs_bytes(bhs) + (r->header_digest ? DIGEST_LEN : 0);
}

static size_t tail_len(const struct reader *r, size_t data_len)
{
	return data_len ? pdu_padding(data_len) + (r->data_digest ? DIGEST_LEN : 0) : 0;
}

static enum reader_verdict check_head(const struct reader *r, const uint8_t *head)
{
	size_t len = BHS_LEN + ahs_bytes(head);

	if (r->header_digest && !digest_is(digest_add(DIGEST_BEGIN, head, len), head + len))
		return READER_HEADER_DIGEST;
	return bhs_data_len(head) > r->data_max ? READER_TOO_LONG : READER_GOOD;
}

static enum reader_verdict check_data(
	const struct reader *r, const uint8_t *data, size_t len, const uint8_t *tail)
{
	uint32_t digest;

	if (!r->data_digest || !len)
		return READER_GOOD;
	digest = digest_add(DIGEST_BEGIN, data, len);
	digest = digest_add(digest, tail, pdu_padding(len));
	return digest_is(digest, tail + pdu_padding(len)) ? READER_GOOD : READER_DATA_DIGEST;
}

static enum reader_verdict take(
	struct reader *r, const uint8_t *head, const uint8_t *data, const uint8_t *tail)
{
	struct pdu_in pdu = {head, head + BHS_LEN, data, bhs_data_len(head)};
	enum reader_verdict verdict = check_data(r, data, pdu.data_len, tail);

	if (verdict != READER_GOOD)
		return verdict;
	return r->ops->take(r->data, &pdu) ? READER_GOOD : READER_STOPPED;
}

/* ---- a PDU that comes in pieces ---- */

static enum reader_verdict choose_place(struct reader *r)
{
	struct pdu_in pdu = {r->head, r->head + BHS_LEN, NULL, bhs_data_len(r->head)};

	r->segment_len = pdu.data_len;
	r->segment_have = r->tail_have = 0;
	r->segment = pdu.data_len ? r->ops->place(r->data, &pdu) : r->head;
	if (r->segment)
		return READER_GOOD;
	if (r->own_room < pdu.data_len) {
		free(r->own);
		r->own = malloc(pdu.data_len);
		r->own_room = r->own ? pdu.data_len : 0;
	}
	r->segment = r->own;
	return r->own ? READER_GOOD : READER_NO_MEMORY;
}

static size_t fill(uint8_t *to, size_t *have, size_t want, const uint8_t **p, const uint8_t *end)
{
	size_t n = want - *have, there = (size_t)(end - *p);

	if (n > there)
		n = there;
	memcpy(to + *have, *p, n);
	*have += n;
	*p += n;
	return want - *have;
}

static enum reader_verdict finish(struct reader *r)
{
	enum reader_verdict verdict = take(r, r->head, r->segment, r->tail);

	r->head_have = 0;
	r->segment = NULL;
	return verdict;
}

/* Goes on with the PDU that is not whole; leaves *p behind what it used. */
static enum reader_verdict go_on(struct reader *r, const uint8_t **p, const uint8_t *end)
{
	enum reader_verdict verdict;

	if (!r->segment) {
		if (r->head_have < BHS_LEN && fill(r->head, &r->head_have, BHS_LEN, p, end))
			return READER_GOOD;
		if (fill(r->head, &r->head_have, head_len(r, r->head), p, end))
			return READER_GOOD;
		verdict = check_head(r, r->head);
		if (verdict == READER_GOOD)
			verdict = choose_place(r);
		if (verdict != READER_GOOD)
			return verdict;
	}
	if (fill(r->segment, &r->segment_have, r->segment_len, p, end) ||
		fill(r->tail, &r->tail_have, tail_len(r, r->segment_len), p, end))
		return READER_GOOD;
	return finish(r);
}

/* ---- the bytes of one read ---- */

static enum reader_verdict parse(struct reader *r, const uint8_t *p, const uint8_t *end)
{
	enum reader_verdict verdict = READER_GOOD;

	while (p < end && verdict == READER_GOOD) {
		size_t left = (size_t)(end - p), head, data, whole;

		if (!r->head_have && left >= BHS_LEN) {
			head = head_len(r, p);
			data = bhs_data_len(p);
			whole = head + data + tail_len(r, data);
			if (left >= whole) {
				verdict = check_head(r, p);
				if (verdict == READER_GOOD)
					verdict = take(r, p, p + head, p + head + data);
				p += whole;
				continue;
			}
		}
		verdict = go_on(r, &p, end);
	}
	return verdict;
}

enum reader_verdict reader_read(struct reader *r, int fd, uint8_t buffer[READER_BUFFER])
{
	size_t direct = r->segment ? r->segment_len - r->segment_have : 0;
	struct iovec iov[2] = {
		{r->segment ? r->segment + r->segment_have : buffer, direct},
		{buffer, READER_BUFFER},
	};
	const uint8_t *none = buffer;
	ssize_t n;

	do
		n = direct ? readv(fd, iov, 2) : read(fd, buffer, READER_BUFFER);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return READER_GOOD;
	if (n <= 0)
		return READER_END;
	if (!direct)
		return parse(r, buffer, buffer + n);
	if ((size_t)n < direct) {
		r->segment_have += (size_t)n;
		return READER_GOOD;
	}
	r->segment_have = r->segment_len;
	if ((size_t)n == direct && tail_len(r, r->segment_len))
		return READER_GOOD;
	if ((size_t)n == direct)
		return go_on(r, &none, none);
	return parse(r, buffer, buffer + (size_t)n - direct);
}
