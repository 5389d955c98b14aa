/* SPDX-License-Identifier: MIT */
#include "carrier-socket.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

int carrier_socket_init(struct carrier_socket *c, uv_loop_t *loop, size_t data_max,
	const struct carrier_events *events, void *data)
{
	c->loop = loop;
	c->events = events;
	c->data = data;
	c->fd = -1;
	return pdu_reader_init(&c->reader, data_max);
}

void carrier_socket_free(struct carrier_socket *c)
{
	pdu_reader_free(&c->reader);
}

static void fail(struct carrier_socket *c, int err)
{
	uv_poll_stop(&c->poll);
	/* In words: the target has closed it. */
	c->events->broken(c->data, err == -ECONNRESET || err == -EPIPE ? 0 : err);
}

static void watch(struct carrier_socket *c);

/* 0: all is out or the socket is full; -errno. */
static int write_out(struct carrier_socket *c)
{
	while (c->out_sent < c->out_len) {
		ssize_t n = send(c->fd, c->out + c->out_sent, c->out_len - c->out_sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		c->out_sent += (size_t)n;
	}
	return 0;
}

/* One read. 1: a PDU is whole; 0: wait; -ECONNRESET: the peer closed; -errno. */
static int read_some(struct carrier_socket *c)
{
	for (;;) {
		size_t len;
		uint8_t *p = pdu_reader_want(&c->reader, &len);
		ssize_t n = recv(c->fd, p, len, 0);

		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (n == 0)
			return -ECONNRESET;
		switch (pdu_reader_got(&c->reader, (size_t)n)) {
		case PDU_MORE:
			break;
		case PDU_READY:
			return 1;
		default:
			return -EBADMSG;
		}
	}
}

static void on_connected(struct carrier_socket *c)
{
	int err = sock_connect_result(c->fd);

	c->connecting = false;
	if (err)
		uv_poll_stop(&c->poll);
	else
		watch(c);
	c->events->connected(c->data, err);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct carrier_socket *c = poll->data;
	int r;

	if (c->connecting) {
		on_connected(c);
		return;
	}
	if (status < 0) { /* libuv calls every error EBADF; the socket has its own */
		fail(c, sock_connect_result(c->fd));
		return;
	}
	if (events & UV_WRITABLE) {
		r = write_out(c);
		if (r < 0) {
			fail(c, r);
			return;
		}
		watch(c);
	}
	if (!(events & UV_READABLE))
		return;
	r = read_some(c);
	if (r < 0) {
		fail(c, r);
	} else if (r > 0) {
		/* Until the next request nothing may come, and the PDU must stay. */
		uv_poll_stop(&c->poll);
		c->events->received(c->data, &c->reader.pdu);
	}
}

static void watch(struct carrier_socket *c)
{
	int events = UV_READABLE;

	if (c->connecting || c->out_sent < c->out_len)
		events |= UV_WRITABLE;
	uv_poll_start(&c->poll, c->connecting ? UV_WRITABLE : events, on_poll);
}

int carrier_socket_open(struct carrier_socket *c, const struct sock_addr *addr,
	const struct sock_options *options)
{
	int fd = sock_connect_start(addr, options);

	if (fd < 0)
		return fd;
	c->fd = fd;
	c->connecting = c->active = true;
	c->tell_closed = false;
	c->out_len = c->out_sent = 0;
	pdu_reader_reset(&c->reader);
	uv_poll_init(c->loop, &c->poll, fd);
	c->poll.data = c;
	watch(c);
	return 0;
}

void carrier_socket_send(struct carrier_socket *c, const struct pdu *pdu)
{
	size_t pad = pdu_padding(pdu->data_len);

	memcpy(c->out, pdu->bhs, BHS_LEN);
	memcpy(c->out + BHS_LEN, pdu->data, pdu->data_len);
	memset(c->out + BHS_LEN + pdu->data_len, 0, pad);
	c->out_len = BHS_LEN + pdu->data_len + pad;
	c->out_sent = 0;
	/* A socket that cannot be written to tells so when it is read. */
	write_out(c);
	watch(c);
}

static void on_closed(uv_handle_t *h)
{
	struct carrier_socket *c = h->data;

	c->active = false;
	if (c->fd >= 0)
		close(STEAL_FD(c->fd));
	if (c->tell_closed)
		c->events->closed(c->data);
}

void carrier_socket_close(struct carrier_socket *c)
{
	if (!c->active) {
		c->events->closed(c->data);
		return;
	}
	c->tell_closed = true;
	if (!uv_is_closing((uv_handle_t *)&c->poll))
		uv_close((uv_handle_t *)&c->poll, on_closed);
}

int carrier_socket_detach(struct carrier_socket *c)
{
	int fd = STEAL_FD(c->fd);

	uv_close((uv_handle_t *)&c->poll, on_closed);
	return fd;
}
