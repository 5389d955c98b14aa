/* SPDX-License-Identifier: MIT */
#include "writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "pdu.h"

#define PIECES 256 /* of one sendmsg */
#define SPARE_MAX 64

void writer_init(struct writer *w, int fd)
{
	*w = (struct writer){.fd = fd, .left = -1};
	list_init(&w->queue);
	list_init(&w->spare);
}

struct pdu_out *writer_new(struct writer *w)
{
	struct pdu_out *pdu = list_first(&w->spare, struct pdu_out, link);

	if (pdu) {
		list_remove(&pdu->link);
		w->n_spare--;
		memset(pdu->head, 0, BHS_LEN);
		pdu->data = NULL;
		pdu->data_len = 0;
		pdu->sent = NULL;
		return pdu;
	}
	pdu = calloc(1, sizeof(*pdu));
	if (pdu)
		list_init(&pdu->link);
	return pdu;
}

static void release(struct writer *w, struct pdu_out *pdu)
{
	list_remove(&pdu->link);
	if (pdu->sent)
		pdu->sent(pdu->owner);
	if (w->n_spare == SPARE_MAX) {
		free(pdu);
		return;
	}
	list_append(&w->spare, &pdu->link);
	w->n_spare++;
}

void writer_cancel(struct writer *w, struct pdu_out *pdu)
{
	release(w, pdu);
}

void writer_free(struct writer *w)
{
	struct pdu_out *pdu, *tmp;

	list_for_each_safe(pdu, tmp, &w->queue, link)
		release(w, pdu);
	list_for_each_safe(pdu, tmp, &w->spare, link)
		free(pdu);
	writer_init(w, -1);
}

static size_t whole(const struct pdu_out *pdu)
{
	return pdu->head_len + pdu->data_len + pdu->tail_len;
}

void writer_sign(struct writer *w, struct pdu_out *pdu)
{
	if (w->header_digest)
		digest_put(digest_add(DIGEST_BEGIN, pdu->head, BHS_LEN), pdu->head + BHS_LEN);
}

void writer_add(struct writer *w, struct pdu_out *pdu)
{
	size_t padding = pdu_padding(pdu->data_len);

	bhs_set_data_len(pdu->head, (uint32_t)pdu->data_len);
	pdu->head_len = (uint8_t)(BHS_LEN + (w->header_digest ? DIGEST_LEN : 0));
	writer_sign(w, pdu);
	memset(pdu->tail, 0, padding);
	pdu->tail_len = (uint8_t)padding;
	if (w->data_digest && pdu->data_len) {
		uint32_t digest = digest_add(DIGEST_BEGIN, pdu->data, pdu->data_len);

		digest_put(digest_add(digest, pdu->tail, padding), pdu->tail + padding);
		pdu->tail_len += DIGEST_LEN;
	}
	w->bytes += whole(pdu);
	list_append(&w->queue, &pdu->link);
}

int pdu_out_copy(struct pdu_out *pdu, const void *data, size_t len)
{
	uint8_t *copy;

	if (!len)
		return 0;
	copy = malloc(len);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, len);
	pdu->data = pdu->owner = copy;
	pdu->data_len = len;
	pdu->sent = free;
	return 0;
}

/* ---- writing ---- */

/* Adds [p, p + len), less the first *skip bytes, which are written already. */
static size_t piece(struct iovec *iov, size_t n, const void *p, size_t len, size_t *skip)
{
	if (*skip >= len) {
		*skip -= len;
		return n;
	}
	iov[n] = (struct iovec){(char *)(uintptr_t)p + *skip, len - *skip};
	*skip = 0;
	return n + 1;
}

static size_t collect(const struct writer *w, struct iovec iov[PIECES])
{
	size_t n = 0, skip = w->done;
	struct pdu_out *pdu;

	list_for_each(pdu, &w->queue, link) {
		if (n + 3 > PIECES)
			break;
		n = piece(iov, n, pdu->head, pdu->head_len, &skip);
		n = piece(iov, n, pdu->data, pdu->data_len, &skip);
		n = piece(iov, n, pdu->tail, pdu->tail_len, &skip);
	}
	return n;
}

/* Shortens the pieces to what may still go out. */
static size_t limit(struct iovec *iov, size_t n, int64_t left)
{
	size_t room = (size_t)left;

	for (size_t i = 0; i < n; i++) {
		if (iov[i].iov_len >= room) {
			iov[i].iov_len = room;
			return room ? i + 1 : i;
		}
		room -= iov[i].iov_len;
	}
	return n;
}

static void account(struct writer *w, size_t n)
{
	struct pdu_out *pdu, *tmp;

	w->bytes -= n;
	if (w->left >= 0)
		w->left -= (int64_t)n;
	w->done += n;
	list_for_each_safe(pdu, tmp, &w->queue, link) {
		if (w->done < whole(pdu))
			return;
		w->done -= whole(pdu);
		release(w, pdu);
	}
}

int writer_flush(struct writer *w)
{
	while (!list_empty(&w->queue)) {
		struct iovec iov[PIECES];
		struct msghdr msg = {.msg_iov = iov, .msg_iovlen = collect(w, iov)};
		ssize_t n;

		if (w->left >= 0)
			msg.msg_iovlen = limit(iov, msg.msg_iovlen, w->left);
		if (!msg.msg_iovlen)
			return -EPIPE;
		n = sendmsg(w->fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n < 0 && errno != EINTR)
			return errno == EWOULDBLOCK ? -EAGAIN : -errno;
		if (n > 0)
			account(w, (size_t)n);
	}
	return w->left == 0 ? -EPIPE : 0;
}
