/* SPDX-License-Identifier: MIT */
/*
 * Connect, log in to a discovery session, ask, leave. Blocking, every wait with the
 * time that the discovery record allows.
 */
#include "query.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cleanup.h"
#include "discovery.h"
#include "log.h"
#include "login.h"
#include "sock.h"
#include "status.h"
#include "str.h"

#define REDIRECTS_MAX 8
#define PAUSE_MS 1000 /* between two attempts */
#define LOGIN_MS 15000
#define RECV_MAX 32768 /* bytes of text that we take in one PDU, where the record says nothing */
#define ISID "\x00\x02\x3d\x00\x00\x00"

/* How an attempt ended; RETRY as long as the record allows. */
enum verdict { DONE, RETRY, REDIRECTED, FATAL };

struct attempt {
	const struct query *q;
	struct login *login;
	struct pdu_reader reader;
	struct iscsi_portal portal; /* where it connects to */
	struct sock_addr addr;
	int fd;
	int64_t deadline;
	int code; /* of a FATAL end */
};

static int number(const struct query *q, const char *key, int otherwise)
{
	const char *text = iscsi_discovery_get(q->record, key);
	int v = text ? atoi(text) : 0;

	return v > 0 ? v : otherwise;
}

static enum verdict fatal(struct attempt *t, int code)
{
	t->code = code;
	return FATAL;
}

/* ---- PDUs ---- */

static int send_pdu(struct attempt *t, const struct pdu *p)
{
	static const uint8_t zeroes[4];
	struct iovec parts[] = {
		{(void *)p->bhs, BHS_LEN},
		{p->data, p->data_len},
		{(void *)zeroes, pdu_padding(p->data_len)},
	};
	size_t i = 0;

	while (i < 3) {
		struct msghdr m = {.msg_iov = parts + i, .msg_iovlen = 3 - i};
		ssize_t n = sendmsg(t->fd, &m, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			int r = sock_wait(t->fd, POLLOUT, t->deadline);

			if (r)
				return r;
			continue;
		}
		if (n < 0)
			return -errno;
		for (; i < 3 && (size_t)n >= parts[i].iov_len; i++)
			n -= (ssize_t)parts[i].iov_len;
		if (i < 3) {
			parts[i].iov_base = (char *)parts[i].iov_base + n;
			parts[i].iov_len -= (size_t)n;
		}
	}
	return 0;
}

static int read_pdu(struct attempt *t)
{
	for (;;) {
		size_t len;
		uint8_t *p = pdu_reader_want(&t->reader, &len);
		ssize_t n = recv(t->fd, p, len, 0);

		if (n == 0)
			return -ECONNRESET;
		if (n < 0 && errno != EAGAIN)
			return -errno;
		if (n < 0) {
			int r = sock_wait(t->fd, POLLIN, t->deadline);

			if (r)
				return r;
			continue;
		}
		switch (pdu_reader_got(&t->reader, (size_t)n)) {
		case PDU_MORE:
			break;
		case PDU_READY:
			return 0;
		default:
			return -EBADMSG;
		}
	}
}

static int exchange(struct attempt *t, const struct pdu *request)
{
	int r = send_pdu(t, request);

	return r ? r : read_pdu(t);
}

/* ---- login ---- */

static int start_login(struct attempt *t)
{
	struct iscsi_discovery *r = t->q->record;
	struct login_config c = {
		.initiator_name = t->q->initiator,
		.initiator_alias = t->q->alias,
		.offer = {
			.time2wait = 2,
			.max_recv_data_segment = (uint32_t)t->reader.data_max,
		},
	};

	c.username = iscsi_discovery_get(r, "discovery.sendtargets.auth.username");
	c.password = iscsi_discovery_get(r, "discovery.sendtargets.auth.password");
	c.username_in = iscsi_discovery_get(r, "discovery.sendtargets.auth.username_in");
	c.password_in = iscsi_discovery_get(r, "discovery.sendtargets.auth.password_in");
	chap_algs_parse(iscsi_discovery_get(r, "node.session.auth.chap_algs"), c.chap_algs);
	memcpy(c.isid, ISID, sizeof(c.isid));
	return login_start(t->login, &c);
}

static const char *host_of(const struct attempt *t)
{
	return t->portal.address;
}

static enum verdict rejected(struct attempt *t)
{
	uint8_t class = login_status_class(t->login), detail = login_status_detail(t->login);

	if (class == STATUS_INITIATOR_ERROR && (detail == 1 || detail == 2)) {
		if (detail == 1)
			log_error("Login failed to authenticate with target ");
		log_error("discovery login to %s rejected: initiator failed authorization", host_of(t));
		return fatal(t, ISCSI_ERR_LOGIN_AUTH_FAILED);
	}
	if (class == STATUS_TARGET_ERROR) {
		log_error("discovery login to %s rejected: target error (%02x/%02x)", host_of(t), class,
			detail);
		return RETRY;
	}
	log_error("discovery login to %s rejected: initiator error (%02x/%02x), non-retryable, giving "
		  "up",
		host_of(t), class, detail);
	return fatal(t, ISCSI_ERR_FATAL_LOGIN);
}

static enum verdict redirected(struct attempt *t)
{
	struct iscsi_portal p;

	if (iscsi_portal_parse(login_redirect(t->login), &p))
		return fatal(t, ISCSI_ERR_FATAL_LOGIN);
	if (p.port < 0)
		p.port = ISCSI_PORT_DEFAULT;
	log_debug(1, "discovery login %s redirected to %s port %d",
		login_redirect_is_permanent(t->login) ? "permanently" : "temporarily", p.address,
		p.port);
	t->portal = p;
	return REDIRECTED;
}

static enum verdict login_ended(struct attempt *t, enum login_verdict v)
{
	switch (v) {
	case LOGIN_DONE:
		return DONE;
	case LOGIN_REDIRECT:
		return redirected(t);
	case LOGIN_REJECTED:
		return rejected(t);
	case LOGIN_NO_MEMORY:
		return fatal(t, ISCSI_ERR_NOMEM);
	default:
		log_error("discovery login to %s failed, giving up: %s", host_of(t),
			login_reason(t->login));
		return fatal(t, ISCSI_ERR_FATAL_LOGIN);
	}
}

static enum verdict lost(struct attempt *t, int r)
{
	if (r == -EBADMSG) {
		log_error("discovery login to %s failed: what it sent is no iSCSI", host_of(t));
		return fatal(t, ISCSI_ERR_FATAL_LOGIN);
	}
	log_error("discovery login to %s: connection lost: %s", host_of(t), strerror(-r));
	return RETRY;
}

static enum verdict log_in(struct attempt *t)
{
	enum login_verdict v;

	if (start_login(t)) {
		log_error("cannot begin a login: %s", login_reason(t->login));
		return fatal(t, ISCSI_ERR_FATAL_LOGIN);
	}
	do {
		int r = exchange(t, login_request(t->login));

		if (r)
			return lost(t, r);
		v = login_response(t->login, &t->reader.pdu);
	} while (v == LOGIN_CONTINUE);
	return login_ended(t, v);
}

/* ---- SendTargets ---- */

/*
 * A link-local address of the target means something on the link that the discovery went over: it
 * gets that zone, unless the interface says already where to go out.
 */
static void add_zone(struct iscsi_portal *p, const struct attempt *t)
{
	const char *zone = strchr(t->portal.address, '%');
	size_t at = strlen(p->address);
	struct sock_addr a;

	if (zone && !t->q->netdev && !sock_addr_parse(p->address, 1, &a) &&
		a.sa.sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&a.in6.sin6_addr) &&
		!a.in6.sin6_scope_id && at + strlen(zone) < sizeof(p->address))
		strcpy(p->address + at, zone);
}

static void on_found(void *data, const char *target, const struct iscsi_portal *portal)
{
	struct attempt *t = data;
	struct iscsi_portal p;

	if (portal)
		p = *portal;
	else
		p = t->portal;
	if (p.port < 0)
		p.port = ISCSI_PORT_DEFAULT;
	if (!portal)
		p.tpgt = -1;
	add_zone(&p, t);
	t->q->found(t->q->data, target, &p);
}

static void on_skipped(void *data, const char *text, const char *why)
{
	(void)data;
	log_warning("left out what the target announced: \"%s\" %s", text, why);
}

static enum verdict ask(struct attempt *t)
{
	const struct discovery_sink sink = {on_found, on_skipped, t};
	const struct login_result *result = login_result(t->login);
	struct discovery *st = discovery_new(result->cmdsn, result->exp_statsn, &sink);
	enum discovery_verdict v = DISCOVERY_NO_MEMORY;
	int r = 0;

	if (st)
		do {
			r = exchange(t, discovery_request(st));
			v = r ? DISCOVERY_PROTOCOL_ERROR : discovery_response(st, &t->reader.pdu);
		} while (v == DISCOVERY_CONTINUE);
	if (v == DISCOVERY_PROTOCOL_ERROR)
		log_error("discovery at %s: %s", host_of(t), r ? strerror(-r) : discovery_reason(st));
	discovery_free(st);
	if (v == DISCOVERY_DONE)
		return DONE;
	return fatal(t, v == DISCOVERY_NO_MEMORY ? ISCSI_ERR_NOMEM : ISCSI_ERR_PDU_TIMEOUT);
}

/* The target may take its time with a dead connection: it is told. No answer is waited for. */
static void leave(struct attempt *t)
{
	struct pdu p = {};

	bhs_set_opcode(p.bhs, OP_LOGOUT, true);
	bhs_set_logout_reason(p.bhs, LOGOUT_SESSION);
	bhs_set_cmdsn(p.bhs, login_result(t->login)->cmdsn + 1);
	send_pdu(t, &p);
}

/* ---- attempts ---- */

static int resolve(struct attempt *t)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *list;
	char port[8];
	int r;

	r = sock_addr_parse_in(t->q->netns, t->portal.address, (unsigned int)t->portal.port, &t->addr);
	if (!r)
		return 0;
	if (r != -EINVAL) {
		log_error("cannot use the address %s: %s", host_of(t), strerror(-r));
		return r;
	}
	snprintf(port, sizeof(port), "%d", t->portal.port);
	r = getaddrinfo(t->portal.address, port, &hints, &list);
	if (r) {
		log_error("Cannot resolve host %s. getaddrinfo error: [%s]", host_of(t),
			gai_strerror(r));
		log_error("cannot resolve host name %s", host_of(t));
		return -EINVAL;
	}
	memcpy(&t->addr.sa, list->ai_addr, list->ai_addrlen);
	t->addr.len = list->ai_addrlen;
	freeaddrinfo(list);
	return 0;
}

static enum verdict connected(struct attempt *t)
{
	enum verdict v;

	t->deadline = sock_deadline(
		number(t->q, "discovery.sendtargets.timeo.login_timeout", LOGIN_MS / 1000) * 1000);
	pdu_reader_reset(&t->reader);
	v = log_in(t);
	if (v != DONE)
		return v;
	t->deadline = sock_deadline(
		number(t->q, "discovery.sendtargets.timeo.active_timeout", 30) * 1000);
	v = ask(t);
	leave(t);
	return v;
}

static enum verdict try_once(struct attempt *t)
{
	const struct sock_options o = {.netns = t->q->netns, .netdev = t->q->netdev};
	int timeout = number(t->q, "discovery.sendtargets.timeo.login_timeout", LOGIN_MS / 1000) * 1000;
	enum verdict v;

	if (resolve(t))
		return fatal(t, ISCSI_ERR_TRANS);
	t->fd = sock_connect(&t->addr, &o, timeout);
	if (t->fd == -ETIMEDOUT) {
		log_error("connect to %s timed out", host_of(t));
		return RETRY;
	}
	if (t->fd < 0) {
		log_error("cannot make connection to %s: %s", host_of(t), strerror(-t->fd));
		return RETRY;
	}
	v = connected(t);
	close(t->fd);
	return v;
}

static int run_attempts(struct attempt *t)
{
	int retries = atoi(iscsi_discovery_get(t->q->record, "discovery.sendtargets.reopen_max"));
	int redirects = 0;

	for (int n = 0;;) {
		switch (try_once(t)) {
		case DONE:
			return ISCSI_OK;
		case FATAL:
			return t->code;
		case REDIRECTED:
			if (++redirects <= REDIRECTS_MAX)
				continue;
			log_error("discovery was redirected more than %d times", REDIRECTS_MAX);
			return ISCSI_ERR_FATAL_LOGIN;
		case RETRY:
			break;
		}
		if (n++ >= retries) {
			log_error("connection login retries (reopen_max) %d exceeded", retries);
			return ISCSI_ERR_PDU_TIMEOUT;
		}
		log_debug(1, "retrying discovery login to %s", host_of(t));
		poll(NULL, 0, PAUSE_MS);
	}
}

int query_sendtargets(const struct query *q)
{
	struct attempt t = {.q = q, .login = login_new(), .fd = -1};
	size_t max = (size_t)number(q, "discovery.sendtargets.iscsi.MaxRecvDataSegmentLength", RECV_MAX);
	int r = ISCSI_ERR_NOMEM;

	snprintf(t.portal.address, sizeof(t.portal.address), "%s",
		iscsi_discovery_get(q->record, "discovery.sendtargets.address"));
	t.portal.port = number(q, "discovery.sendtargets.port", ISCSI_PORT_DEFAULT);
	t.portal.tpgt = -1;
	if (max < LOGIN_DATA_MAX)
		max = LOGIN_DATA_MAX;
	if (max > PDU_DATA_MAX - 1)
		max = PDU_DATA_MAX - 1;
	if (t.login && !pdu_reader_init(&t.reader, max)) {
		r = run_attempts(&t);
		pdu_reader_free(&t.reader);
	}
	login_free(t.login);
	return r;
}
