/* SPDX-License-Identifier: MIT */
/* target.c - a target that accepts logins, or does something else, as the test says */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake.h"
#include "net.h"

#define HEADER BHS_LEN
#define TEXT_MAX FAKE_TEXT_MAX

struct fake_target_impl {
	uv_pipe_t pipe;
	struct fake_target *target;
	struct list peers;
};

struct peer {
	uv_pipe_t pipe;
	struct fake_target *target;
	uint8_t in[HEADER + TEXT_MAX];
	size_t have;
	bool full_feature;
	struct list link;
};

struct sending {
	uv_write_t req;
	uint8_t bytes[HEADER + TEXT_MAX];
};

static void on_peer_closed(uv_handle_t *h)
{
	free(h->data);
}

static void close_peer(struct peer *p)
{
	if (uv_is_closing((uv_handle_t *)&p->pipe))
		return;
	list_remove(&p->link);
	p->target->logged_in -= p->full_feature;
	uv_close((uv_handle_t *)&p->pipe, on_peer_closed);
}

static void on_sent(uv_write_t *req, int status)
{
	(void)status;
	free(req);
}

static void send_bytes(struct peer *p, const uint8_t *bytes, size_t len)
{
	struct sending *s = calloc(1, sizeof(*s));
	uv_buf_t buf;

	if (!s)
		abort();
	memcpy(s->bytes, bytes, len);
	buf = uv_buf_init((char *)s->bytes, (unsigned int)len);
	uv_write(&s->req, (uv_stream_t *)&p->pipe, &buf, 1, on_sent);
}

/* Declared by the initiator: no answer is due. */
static bool is_declared(const char *pair)
{
	static const char *const keys[] = {"InitiatorName=", "InitiatorAlias=", "TargetName=",
		"SessionType=", "MaxRecvDataSegmentLength="};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!strncmp(pair, keys[i], strlen(keys[i])))
			return true;
	return false;
}

/* Takes every offer as it is: legal for minima, maxima and Yes/No alike. */
static size_t answer_text(const uint8_t *text, size_t len, char *ret)
{
	size_t n = (size_t)sprintf(ret, "TargetPortalGroupTag=1") + 1;

	for (size_t i = 0; i < len; i += strlen((const char *)text + i) + 1) {
		const char *pair = (const char *)text + i;

		if (!is_declared(pair))
			n += (size_t)sprintf(ret + n, "%s", pair) + 1;
	}
	return n;
}

static void respond(struct peer *p, uint8_t status_class, uint8_t detail, const char *text,
	size_t len)
{
	uint8_t out[HEADER + TEXT_MAX] = {};
	size_t padded = (len + 3) & ~(size_t)3;

	out[0] = 0x23;
	/* Transit to full feature phase, from the stage that the initiator is in. */
	out[1] = status_class ? 0 : (uint8_t)(0x80 | (p->in[1] & 0x0c) | 3);
	out[6] = (uint8_t)(len >> 8);
	out[7] = (uint8_t)len;
	memcpy(out + 8, p->in + 8, 6); /* ISID */
	out[15] = status_class ? 0 : 1;
	memcpy(out + 16, p->in + 16, 4); /* ITT */
	memcpy(out + 28, p->in + 24, 4); /* ExpCmdSN */
	memcpy(out + 32, p->in + 24, 4);
	out[36] = status_class;
	out[37] = detail;
	memcpy(out + HEADER, text, len);
	send_bytes(p, out, HEADER + padded);
}

static void accept_login(struct peer *p, size_t len)
{
	char text[TEXT_MAX];

	p->full_feature = true;
	p->target->logged_in++;
	respond(p, 0, 0, text, answer_text(p->in + HEADER, len, text));
}

static void follow_script(struct peer *p, size_t len)
{
	static struct fake_pdu request, answer;
	uint8_t bytes[HEADER + TEXT_MAX] = {};

	memcpy(request.bhs, p->in, HEADER);
	memcpy(request.text, p->in + HEADER, len);
	request.len = len;
	p->target->script(&request, &answer);
	memcpy(bytes, answer.bhs, HEADER);
	memcpy(bytes + HEADER, answer.text, answer.len);
	p->full_feature = !answer.bhs[36] && (answer.bhs[1] & 0x83) == 0x83;
	p->target->logged_in += p->full_feature;
	send_bytes(p, bytes, HEADER + ((answer.len + 3) & ~(size_t)3));
}

/* False: nothing is planned, the test's script counts. */
static bool play_plan(struct peer *p)
{
	switch (fake_point(FAKE_POINT_REQUEST)) {
	case FAKE_FAILS:
		respond(p, 3, 1, "", 0);
		return true;
	case FAKE_REFUSES:
		respond(p, 2, 1, "", 0);
		return true;
	case FAKE_HANGS:
		return true;
	default:
		/* The connection may be gone by now. */
		return uv_is_closing((uv_handle_t *)&p->pipe);
	}
}

static void on_login(struct peer *p, size_t len)
{
	struct fake_target *t = p->target;
	uint8_t junk[HEADER] = {0x3e, 0xff, 0xff};
	enum fake_answer answer = t->answer;
	char text[96];
	int n;

	t->logins++;
	memcpy(t->isid, p->in + 8, sizeof(t->isid));
	if (play_plan(p))
		return;
	if (t->fail_first && t->logins > t->fail_first)
		answer = ANSWER_ACCEPT;
	switch (answer) {
	case ANSWER_ACCEPT:
		accept_login(p, len);
		break;
	case ANSWER_STATUS:
		respond(p, t->status_class, t->detail, "", 0);
		break;
	case ANSWER_REDIRECT:
		n = snprintf(text, sizeof(text), "TargetAddress=%s", t->redirect);
		respond(p, 1, t->redirect_permanent ? 2 : 1, text, (size_t)n + 1);
		break;
	case ANSWER_GARBAGE:
		send_bytes(p, junk, sizeof(junk));
		break;
	case ANSWER_HALF:
		send_bytes(p, junk, HEADER / 2);
		break;
	case ANSWER_CLOSE:
		close_peer(p);
		break;
	case ANSWER_SILENCE:
		break;
	case ANSWER_SCRIPT:
		follow_script(p, len);
		break;
	}
}

static void on_alloc(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	struct peer *p = h->data;

	(void)size;
	*buf = uv_buf_init((char *)p->in + p->have, (unsigned int)(sizeof(p->in) - p->have));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer *p = stream->data;
	size_t len;

	(void)buf;
	if (n < 0) {
		p->target->closed++;
		close_peer(p);
		return;
	}
	p->have += (size_t)n;
	if (p->full_feature) {
		p->target->after_login += (unsigned int)n;
		return;
	}
	if (p->have < HEADER)
		return;
	len = (size_t)p->in[6] << 8 | p->in[7];
	if (p->have < HEADER + ((len + 3) & ~(size_t)3))
		return;
	p->have = 0;
	on_login(p, len);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct fake_target_impl *i = stream->data;
	struct peer *p = calloc(1, sizeof(*p));

	if (!p || status)
		abort();
	p->target = i->target;
	i->target->connections++;
	list_append(&i->peers, &p->link);
	uv_pipe_init(stream->loop, &p->pipe, 0);
	p->pipe.data = p;
	uv_accept(stream, (uv_stream_t *)&p->pipe);
	uv_read_start((uv_stream_t *)&p->pipe, on_alloc, on_read);
}

void fake_target_open(struct fake_target *t, uv_loop_t *loop)
{
	static int last_port = 3260;
	struct fake_target_impl *i = calloc(1, sizeof(*i));
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un addr;

	if (!i || fd < 0)
		abort();
	i->target = t;
	list_init(&i->peers);
	last_port = last_port < 65000 ? last_port + 1 : 3261;
	if (!t->port)
		t->port = last_port;
	t->impl = i;
	if (bind(fd, (struct sockaddr *)&addr, fake_net_address(t->port, &addr)))
		abort();
	uv_pipe_init(loop, &i->pipe, 0);
	i->pipe.data = i;
	if (uv_pipe_open(&i->pipe, fd) || uv_listen((uv_stream_t *)&i->pipe, 512, on_connection))
		abort();
}

void fake_target_drop(struct fake_target *t)
{
	struct peer *p, *tmp;

	list_for_each_safe(p, tmp, &t->impl->peers, link)
		close_peer(p);
}

void fake_target_close(struct fake_target *t)
{
	struct fake_target_impl *i = t->impl;

	fake_target_drop(t);
	uv_close((uv_handle_t *)&i->pipe, on_peer_closed);
}
