/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "json-get.h"
#include "log.h"
#include "str.h"
#include "varlink.h"

#define SOCKET "/run/iscsi/iscsid.socket"
#define START_MS 5000 /* for the daemon to come up after its start command */
#define START_POLL_MS 50
/* How long an answer may take, in seconds: of what iscsid knows at once, ... */
#define SHORT_S 10
#define LOGOUT_S 300 /* caches are written before a disk goes */
#define SCAN_S 120
#define LOGINS_MAX 1000 /* records in one call */

extern char **environ;

struct request {
	struct varlink_client *client;
	char *path; /* of the socket */
};

/* ---- connecting ---- */

/* Exit status of the command; it gets none of our secrets, only what the file says. */
static int run_command(const char *command)
{
	const char *argv[] = {"sh", "-c", command, NULL};
	pid_t pid;
	int status;

	if (posix_spawn(&pid, "/bin/sh", NULL, NULL, (char *const *)argv, environ))
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static bool start_daemon(struct app *a)
{
	CLEANUP_FREE char *command = NULL;
	int r = iscsi_db_config_get(a->db, "iscsid.startup", &command);

	if (r && r != -ENOENT) {
		log_error("iscsid is not running, and how to start it is not known: %s",
			iscsi_db_error(a->db));
		return false;
	}
	if (r) {
		log_error("iscsid is not running. Could not start it up automatically using the "
			  "startup command in the iscsid.conf iscsid.startup setting. Please check "
			  "that the file exists or that your init scripts have started iscsid.");
		return false;
	}
	return run_command(command) == 0;
}

static bool nobody_there(int r)
{
	return r == -ENOENT || r == -ECONNREFUSED;
}

/* 0 or -errno. */
static int connect_to(struct app *a, bool start, struct request **ret)
{
	CLEANUP_FREE char *path = str_printf("%s" SOCKET, a->root);
	struct varlink_client *c = NULL;
	int r = path ? varlink_client_open(path, &c) : -ENOMEM;

	if (nobody_there(r) && start && start_daemon(a))
		for (int ms = 0; nobody_there(r) && ms < START_MS; ms += START_POLL_MS) {
			r = varlink_client_open(path, &c);
			if (nobody_there(r))
				poll(NULL, 0, START_POLL_MS);
		}
	if (r)
		return r;
	*ret = calloc(1, sizeof(**ret));
	if (!*ret) {
		varlink_client_close(c);
		return -ENOMEM;
	}
	(*ret)->client = c;
	(*ret)->path = STEAL_PTR(path);
	return 0;
}

int request_open(struct app *a, bool start, struct request **ret)
{
	int r = connect_to(a, start, ret);

	if (r == -EACCES || r == -EPERM)
		return ISCSI_ERR_ACCESS;
	if (r == -ENOMEM)
		return ISCSI_ERR_NOMEM;
	if (!r)
		return ISCSI_OK;
	/* Callers know this as connection refused, whatever was missing. */
	log_error("can not connect to iSCSI daemon (%d)!", nobody_there(r) ? ECONNREFUSED : -r);
	return ISCSI_ERR_ISCSID_NOTCONN;
}

void request_close(struct request *q)
{
	if (!q)
		return;
	varlink_client_close(q->client);
	free(q->path);
	free(q);
}

/* ---- calls ---- */

static int failed(int r)
{
	log_error("no answer from iscsid: %s; is it of another version, or did it die?",
		strerror(-r));
	return ISCSI_ERR_ISCSID_COMM;
}

static int too_late(int timeout_s)
{
	log_error("iscsid did not answer within %d seconds", timeout_s);
	return ISCSI_ERR_REQ_TIMEDOUT;
}

/* A refusal is cleared. */
static int check_reply(struct varlink_reply *reply)
{
	if (!reply->error)
		return ISCSI_OK;
	log_error("iscsid refused the request: %s", reply->error);
	varlink_reply_clear(reply);
	return ISCSI_ERR_INVALID_MGMT_REQ;
}

static int send_call(
	struct varlink_client *c, const char *method, struct json_object *params,
	unsigned int flags)
{
	int r = varlink_client_call(c, method, params, flags);

	if (r == -ETIMEDOUT)
		return too_late(varlink_send_ms / 1000);
	return r ? failed(r) : ISCSI_OK;
}

static int read_answer(struct request *q, int timeout_s, struct varlink_reply *ret)
{
	int r = varlink_client_read(q->client, timeout_s * 1000, ret);

	if (r == -ETIMEDOUT)
		return too_late(timeout_s);
	return r ? failed(r) : check_reply(ret);
}

/* A call, and where its part of the answers begins. */
struct part {
	struct varlink_client *client;
	size_t first, n;
	bool open; /* more answers follow */
};

static struct request_result parse_result(struct json_object *o)
{
	return (struct request_result){
		.code = (int)json_get_number(o, "code"),
		.text = json_get_text_or_empty(o, "text"),
		.sid = (uint32_t)json_get_number(o, "sid"),
	};
}

/* False: no more answers are wanted. */
static bool take_answer(const struct part *p, const struct varlink_reply *reply,
	request_answer *answer, void *data)
{
	int64_t index = json_get_number(reply->params, "index");
	struct request_result result = parse_result(reply->params);

	return index < 0 || (uint64_t)index >= p->n ||
	       answer(data, p->first + (size_t)index, &result);
}

/* Those that are there. */
static int take_answers(struct part *p, request_answer *answer, void *data, bool *enough)
{
	struct varlink_reply reply;
	int r = 0;

	while (p->open && !*enough && !(r = varlink_client_read(p->client, 0, &reply))) {
		r = check_reply(&reply);
		if (r)
			return r;
		p->open = reply.continues;
		*enough = !take_answer(p, &reply, answer, data);
		varlink_reply_clear(&reply);
	}
	return r && r != -ETIMEDOUT ? failed(r) : ISCSI_OK;
}

static int wait_for_any(const struct part *parts, size_t n, int timeout_s)
{
	struct pollfd CLEANUP_FREE *fds = calloc(n, sizeof(*fds));
	int r;

	if (!fds)
		return ISCSI_ERR_NOMEM;
	for (size_t i = 0; i < n; i++)
		fds[i] = (struct pollfd){
			.fd = parts[i].open ? varlink_client_fd(parts[i].client) : -1,
			.events = POLLIN,
		};
	do
		r = poll(fds, n, timeout_s * 1000);
	while (r < 0 && errno == EINTR);
	return r < 0 ? failed(-errno) : r ? ISCSI_OK : too_late(timeout_s);
}

static bool any_open(const struct part *parts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (parts[i].open)
			return true;
	return false;
}

/* timeout_s: between two answers. */
static int read_answers(
	struct part *parts, size_t n, int timeout_s, request_answer *answer, void *data)
{
	bool enough = false;
	int r = ISCSI_OK;

	while (!r && !enough && any_open(parts, n)) {
		r = wait_for_any(parts, n, timeout_s);
		for (size_t i = 0; !r && i < n; i++)
			r = take_answers(&parts[i], answer, data, &enough);
	}
	return r;
}

/* Of a request that is one call. */
static int read_all(struct request *q, size_t n, int timeout_s, request_answer *answer, void *data)
{
	struct part all = {.client = q->client, .n = n, .open = true};

	return read_answers(&all, 1, timeout_s, answer, data);
}

static int add_setting(void *data, const char *key, const char *value, bool secret)
{
	(void)secret;
	if (*value)
		json_object_object_add(data, key, json_object_new_string(value));
	return 0;
}

static int number(struct iscsi_node *n, const char *key)
{
	const char *text = iscsi_node_get(n, key);
	int v = text ? atoi(text) : 0;

	return v < 0 ? 0 : v > 3600 ? 3600 : v;
}

/* Seconds that iscsid may try for, at the most, and some for the scan of what it finds. */
static int longest_login(const struct nodes *nodes)
{
	int longest = 0;

	for (size_t i = 0; i < nodes->n; i++) {
		struct iscsi_node *n = nodes->items[i];
		int tries = number(n, "node.session.initial_login_retry_max") + 2;
		int s = tries * (number(n, "node.conn[0].timeo.login_timeout") + 3);

		longest = s > longest ? s : longest;
	}
	return longest + SCAN_S;
}

static struct json_object *record_object(struct iscsi_node *n)
{
	struct json_object *o = json_object_new_object();

	iscsi_node_each(n, add_setting, o);
	return o;
}

static int send_logins(struct varlink_client *c, struct iscsi_node **nodes, size_t n,
	const struct login_flags *flags)
{
	struct json_object *params = json_object_new_object(), *records = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		json_object_array_add(records, record_object(nodes[i]));
	json_object_object_add(params, "records", records);
	json_object_object_add(params, "extra", json_object_new_boolean(flags->extra));
	json_object_object_add(params, "wanted", json_object_new_boolean(flags->wanted));
	return send_call(c, "io.iscsid.Login", params,
		VARLINK_MORE | (flags->wait ? 0 : VARLINK_ONEWAY));
}

/* The first part goes over the connection that is there. */
static int send_parts(struct request *q, struct part *parts, size_t n_parts,
	const struct nodes *nodes, const struct login_flags *flags)
{
	int r = ISCSI_OK;

	for (size_t i = 0; !r && i < n_parts; i++) {
		struct part *p = &parts[i];

		r = i ? varlink_client_open(q->path, &p->client) : 0;
		if (r)
			return failed(r);
		if (!i)
			p->client = q->client;
		p->first = i * LOGINS_MAX;
		p->n = nodes->n - p->first < LOGINS_MAX ? nodes->n - p->first : LOGINS_MAX;
		r = send_logins(p->client, nodes->items + p->first, p->n, flags);
		p->open = !r;
	}
	return r;
}

/* Side by side, each part over a connection of its own: a message has a limit. */
int request_login(struct request *q, const struct nodes *nodes, const struct login_flags *flags,
	request_answer *answer, void *data)
{
	size_t n = (nodes->n + LOGINS_MAX - 1) / LOGINS_MAX;
	struct part CLEANUP_FREE *parts = calloc(n, sizeof(*parts));
	int r;

	if (!parts)
		return ISCSI_ERR_NOMEM;
	r = send_parts(q, parts, n, nodes, flags);
	if (!r && flags->wait)
		r = read_answers(parts, n, longest_login(nodes), answer, data);
	for (size_t i = 1; i < n; i++)
		varlink_client_close(parts[i].client);
	return r;
}

int request_logout(struct request *q, const int64_t *sids, size_t n, const bool *in_use,
	request_answer *answer, void *data)
{
	struct json_object *params = json_object_new_object(), *list = json_object_new_array();
	int r;

	for (size_t i = 0; i < n; i++)
		json_object_array_add(list, json_object_new_int64(sids[i]));
	json_object_object_add(params, "sids", list);
	if (in_use)
		json_object_object_add(params, "in_use", json_object_new_boolean(*in_use));
	r = send_call(q->client, "io.iscsid.Logout", params, VARLINK_MORE);
	return r ? r : read_all(q, n, LOGOUT_S, answer, data);
}

int request_update(struct request *q, uint32_t sid, struct iscsi_node *record,
	request_answer *answer, void *data)
{
	struct json_object *params = json_object_new_object();
	int r;

	json_object_object_add(params, "sid", json_object_new_int64(sid));
	json_object_object_add(params, "record", record_object(record));
	r = send_call(q->client, "io.iscsid.Update", params, 0);
	return r ? r : read_all(q, 1, SHORT_S, answer, data);
}

int request_stop(struct request *q)
{
	struct varlink_reply reply;
	int r = send_call(q->client, "io.iscsid.Stop", NULL, 0);

	if (!r)
		r = read_answer(q, SHORT_S, &reply);
	if (!r)
		varlink_reply_clear(&reply);
	return r;
}

static int take_login(struct json_object *o, struct view_session *ret)
{
	const struct {
		const char *key;
		char **to;
	} texts[] = {
		{"target", &ret->target},
		{"address", &ret->persistent_address},
		{"iface", &ret->iface},
	};

	*ret = (struct view_session){.host = -1, .port = VIEW_UNSET};
	ret->persistent_port = json_get_number(o, "port");
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (str_set(texts[i].to, json_get_text(o, texts[i].key)))
			return ISCSI_ERR_NOMEM;
	return ISCSI_OK;
}

static int take_logins(struct json_object *list, struct view_sessions *ret, int64_t **ret_sids)
{
	size_t n = json_get_count(list);
	int r = ISCSI_OK;

	ret->items = calloc(n + 1, sizeof(*ret->items));
	*ret_sids = calloc(n + 1, sizeof(**ret_sids));
	if (!ret->items || !*ret_sids)
		return ISCSI_ERR_NOMEM;
	for (size_t i = 0; !r && i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		int64_t sid = json_get_number(o, "sid");

		if (sid >= 0)
			continue;
		(*ret_sids)[ret->n] = sid;
		r = take_login(o, &ret->items[ret->n++]);
	}
	return r;
}

static int ask_sessions(struct request *q, struct varlink_reply *ret)
{
	int r = send_call(q->client, "io.iscsid.Sessions", NULL, 0);

	return r ? r : read_answer(q, SHORT_S, ret);
}

int request_read_logins(struct app *a, struct view_sessions *ret, int64_t **ret_sids)
{
	struct varlink_reply reply;
	struct request *q = NULL;
	int r;

	if (connect_to(a, false, &q))
		return ISCSI_OK;
	r = ask_sessions(q, &reply);
	if (!r) {
		r = take_logins(json_get(reply.params, "sessions"), ret, ret_sids);
		varlink_reply_clear(&reply);
	}
	request_close(q);
	return r;
}

static void copy_text(char *to, size_t len, struct json_object *o, const char *key)
{
	const char *text = json_get_text(o, key);

	snprintf(to, len, "%s", text ? text : "Unknown");
}

static int parse_states(struct json_object *list, struct request_states *ret)
{
	size_t n = json_get_count(list);

	ret->items = calloc(n + 1, sizeof(*ret->items));
	for (; ret->items && ret->n < n; ret->n++) {
		struct json_object *o = json_object_array_get_idx(list, ret->n);
		struct request_state *s = &ret->items[ret->n];

		s->sid = (uint32_t)json_get_number(o, "sid");
		copy_text(s->connection, sizeof(s->connection), o, "connection");
		copy_text(s->internal, sizeof(s->internal), o, "internal");
	}
	return ret->items ? ISCSI_OK : ISCSI_ERR_NOMEM;
}

void request_read_states(struct app *a, struct request_states *ret)
{
	struct varlink_reply reply;
	struct request *q = NULL;
	int r = request_open(a, false, &q);

	*ret = (struct request_states){};
	if (!r)
		r = ask_sessions(q, &reply);
	if (!r) {
		parse_states(json_get(reply.params, "sessions"), ret);
		varlink_reply_clear(&reply);
	}
	request_close(q);
}

const struct request_state *request_find_state(const struct request_states *s, uint32_t sid)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->items[i].sid == sid)
			return &s->items[i];
	return NULL;
}

void request_states_clear(struct request_states *s)
{
	free(s->items);
	*s = (struct request_states){};
}
