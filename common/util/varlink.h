/* SPDX-License-Identifier: MIT */
/*
 * varlink.h - the Varlink protocol (varlink.org): JSON objects, each ended by a NUL byte, over a
 * Unix stream socket. A blocking client, and a server on a libuv loop.
 */
#ifndef UTIL_VARLINK_H
#define UTIL_VARLINK_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

#define VARLINK_MESSAGE_MAX (16u << 20) /* bytes; a longer message ends the connection */

/* ---- client ---- */

struct varlink_client;

extern int varlink_send_ms; /* how long a client waits for room; only a test sets it */

/* -errno of connect(2). */
int varlink_client_open(const char *path, struct varlink_client **ret);
void varlink_client_close(struct varlink_client *c);

enum varlink_flags {
	VARLINK_MORE = 1,   /* several replies may come */
	VARLINK_ONEWAY = 2, /* none is waited for: a server runs it when the client has left, too */
};

/*
 * Sends one call; params (may be NULL) is consumed, its strings wiped. -ETIMEDOUT when the peer takes
 * nothing for varlink_send_ms.
 */
int varlink_client_call(
	struct varlink_client *c, const char *method, struct json_object *params, unsigned int flags);

struct varlink_reply {
	struct json_object *params; /* the reader's to json_object_put; NULL when empty */
	char *error;		    /* "io.iscsid.Name" or NULL; the reader's to free */
	bool continues;		    /* more replies to this call follow */
};

/*
 * Waits for the next reply, at most timeout_ms (-1: no limit). -ETIMEDOUT, -ECONNRESET when the
 * peer is gone, -EPROTO when it does not speak Varlink.
 */
int varlink_client_read(struct varlink_client *c, int timeout_ms, struct varlink_reply *ret);
void varlink_reply_clear(struct varlink_reply *r);
int varlink_client_fd(const struct varlink_client *c); /* to wait for several clients */

/* ---- server ---- */

struct varlink_server;
struct varlink_call; /* one call that waits for its replies */

struct varlink_method {
	const char *name; /* fully qualified */
	bool more;	  /* sends several replies: a caller that did not set "more" gets
			     org.varlink.service.ExpectedMore */
	/*
	 * params is never NULL and belongs to the server, which wipes its strings when run returns.
	 * The method, now or later, ends the call with a reply that does not continue, or an error;
	 * until then it owns call.
	 */
	void (*run)(struct varlink_call *call, struct json_object *params, void *data);
};

struct varlink_service {
	const char *vendor, *product, *version, *url;
	const char *interface;	 /* its name */
	const char *description; /* its text, as GetInterfaceDescription returns it */
	const struct varlink_method *methods;
	size_t n_methods;
};

/*
 * Serves listen_fd (now the server's) on loop: the two methods of org.varlink.service and those
 * of service (kept). Only peers with the uid of this process or root are let in (SO_PEERCRED). The
 * calls of one connection run one after another, the next when the last reply is written; those
 * that wait when their client leaves are dropped. The process has to ignore SIGPIPE. On failure
 * listen_fd is closed.
 */
int varlink_server_new(uv_loop_t *loop, int listen_fd, const struct varlink_service *service,
	void *data, struct varlink_server **ret);
void varlink_server_free(struct varlink_server *s); /* calls still open become gone */

/*
 * params (may be NULL) is consumed. With continues false call is released. Calls whose client
 * has gone swallow replies; varlink_call_gone tells, so that work for nobody can be left undone.
 */
void varlink_call_reply(struct varlink_call *call, struct json_object *params, bool continues);
void varlink_call_error(struct varlink_call *call, const char *error, struct json_object *params);
void varlink_call_invalid(struct varlink_call *call, const char *parameter); /* InvalidParameter */
bool varlink_call_gone(const struct varlink_call *call);

#endif
