/* SPDX-License-Identifier: MIT */
#include "requests.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adopt.h"
#include "cleanup.h"
#include "err.h"
#include "holders.h"
#include "iscsi-node.h"
#include "log.h"
#include "name.h"
#include "record.h"
#include "session.h"
#include "str.h"
#include "wanted.h"

struct request;

struct part {
	struct session_waiter waiter;
	struct request *request;
	int index;
	bool joined; /* the login was begun for another caller */
	struct iscsi_node *wish; /* what stays wanted when it cannot be reached, or NULL */
	/* of a logout that has to ask who uses the disks */
	uv_work_t work;
	int64_t sid; /* as the client has it: below 0 is a login */
	char *holder;
	int err;
};

struct request {
	struct initiator *initiator;
	struct varlink_call *call;
	size_t left; /* parts without a reply */
	bool login;  /* replies carry a sid */
	struct part parts[];
};

static void reply(struct part *p, int code, const char *text, uint32_t sid)
{
	struct request *q = p->request;
	struct json_object *o = json_object_new_object();

	if (p->wish && wanted_is_for(code))
		wanted_add(q->initiator->wanted, p->wish);
	iscsi_node_free(p->wish);
	json_object_object_add(o, "index", json_object_new_int(p->index));
	json_object_object_add(o, "code", json_object_new_int(code));
	json_object_object_add(o, "text", json_object_new_string(text));
	if (q->login && sid)
		json_object_object_add(o, "sid", json_object_new_int64(sid));
	varlink_call_reply(q->call, o, --q->left > 0);
	if (!q->left)
		free(q);
}

static void on_done(struct session_waiter *w, int code, const char *text, uint32_t sid)
{
	struct part *p = container_of(w, struct part, waiter);

	if (p->joined && code == ISCSI_OK)
		reply(p, ISCSI_ERR_SESS_EXISTS, "another caller has made the session meanwhile", sid);
	else
		reply(p, code, text, sid);
}

static struct request *new_request(struct initiator *i, struct varlink_call *call, size_t n,
	bool login)
{
	struct request *q = calloc(1, sizeof(*q) + n * sizeof(q->parts[0]));

	if (!q) {
		varlink_call_error(call, "io.iscsid.OutOfMemory", NULL);
		return NULL;
	}
	q->initiator = i;
	q->call = call;
	q->left = n;
	q->login = login;
	for (size_t k = 0; k < n; k++) {
		q->parts[k].request = q;
		q->parts[k].index = (int)k;
		q->parts[k].waiter.done = on_done;
		list_init(&q->parts[k].waiter.link);
	}
	return q;
}

/* ---- login ---- */

/* Keys that this version does not know are left out: the client may be newer. */
static int node_of_json(struct json_object *record, struct iscsi_node **ret)
{
	struct iscsi_node *n;
	int r;

	if (!json_object_is_type(record, json_type_object))
		return -EINVAL;
	r = iscsi_node_new_default(&n);
	if (r)
		return r;
	json_object_object_foreach(record, key, value)
	{
		const char *text = json_object_get_string(value);

		if (text && iscsi_node_set(n, key, text) == ISCSI_SET_NO_MEMORY) {
			iscsi_node_free(n);
			return -ENOMEM;
		}
	}
	*ret = n;
	return 0;
}

/* What is wrong with a record's name: the first part of a sentence and its end. */
static const char *node_fault(const struct iscsi_node *n, const char **ret_what)
{
	const char *fault;

	*ret_what = "target name";
	fault = iscsi_name_fault(n->target ? n->target : "");
	if (fault)
		return fault;
	*ret_what = "address";
	fault = iscsi_address_fault(n->address ? n->address : "");
	if (fault)
		return fault;
	*ret_what = "interface name";
	fault = iscsi_ifacename_fault(n->iface.name ? n->iface.name : "");
	if (fault)
		return fault;
	*ret_what = "port";
	return n->port < 1 || n->port > 65535 ? "is not from 1 to 65535" : NULL;
}

struct refusal {
	int code;
	const char *what, *why;
};

static bool refused(struct initiator *i, const struct iscsi_node *n, struct refusal *ret)
{
	ret->code = ISCSI_ERR_INVAL;
	ret->why = node_fault(n, &ret->what);
	if (ret->why)
		return true;
	ret->what = "transport";
	if (!str_empty(n->iface.transport_name) && !str_eq(n->iface.transport_name, "tcp")) {
		ret->code = ISCSI_ERR_TRANS_NOT_FOUND;
		ret->why = "is not one that this daemon drives; tcp is";
		return true;
	}
	ret->what = "InitiatorName";
	if (str_empty(n->iface.initiatorname) && initiator_need_name(i)) {
		ret->code = ISCSI_ERR_LOGIN;
		ret->why = "is not set in initiatorname.iscsi";
		return true;
	}
	return false;
}

/*
 * A record has as many sessions as it wants, in the kernel or on their way there: nobody makes one
 * more. Who asks waits for one that is on its way, so that the answer means that it is there.
 */
static bool exists(struct initiator *i, const struct iscsi_node *n, struct part *p)
{
	if (!initiator_has_all(i, n))
		return false;
	p->joined = true;
	if (initiator_join_login(i, n, &p->waiter))
		return true;
	reply(p, ISCSI_ERR_SESS_EXISTS, "the session exists already", 0);
	return true;
}

static void login_one(struct initiator *i, struct part *p, struct json_object *record, bool extra,
	bool wanted)
{
	struct iscsi_node *n;
	struct refusal no;
	char text[128];
	int r = node_of_json(record, &n);

	if (r) {
		reply(p, r == -ENOMEM ? ISCSI_ERR_NOMEM : ISCSI_ERR_INVAL,
			r == -ENOMEM ? "out of memory" : "a record is no object", 0);
		return;
	}
	if (wanted && i->wanted && !node_of_json(record, &p->wish))
		n->initial_login_retry_max = 0;
	if (refused(i, n, &no)) {
		snprintf(text, sizeof(text), "the %s %s", no.what, no.why);
		reply(p, no.code, text, 0);
	} else if (!extra && exists(i, n, p)) {
		/* answered, now or later */
	} else if (!session_login(i, n, &p->waiter)) {
		reply(p, ISCSI_ERR_NOMEM, "out of memory", 0);
	} else {
		return;
	}
	iscsi_node_free(n);
}

void request_login(struct initiator *i, struct varlink_call *call, struct json_object *records,
	bool extra, bool wanted)
{
	size_t n = json_object_array_length(records);
	struct request *q = new_request(i, call, n, true);

	/* The last reply frees the request: it is not looked at after its last part. */
	for (size_t k = 0; q && k < n; k++)
		login_one(i, &q->parts[k], json_object_array_get_idx(records, k), extra, wanted);
}

/* ---- logout ---- */

/* Also one that somebody else has made meanwhile. */
static struct session *find_session(struct initiator *i, uint32_t sid)
{
	struct session *s = initiator_find_sid(i, sid);

	return s ? s : adopt_one(i, sid);
}

/* A login that is under way has no number of the kernel's: its own, below 0, stands for it. */
static uint32_t login_of(int64_t sid)
{
	return sid < 0 && sid >= -(int64_t)UINT32_MAX ? (uint32_t)-sid : 0;
}

static struct session *find_login(struct initiator *i, int64_t sid)
{
	uint32_t login = login_of(sid);

	return login ? initiator_find_login(i, login) : NULL;
}

/* The last number that the kernel would deal out, for what is no number. */
static uint32_t sid_of(int64_t sid)
{
	return sid > 0 && sid <= UINT32_MAX ? (uint32_t)sid : UINT32_MAX;
}

static void logout(struct part *p)
{
	struct initiator *i = p->request->initiator;
	struct session *s = p->sid < 0 ? find_login(i, p->sid) : find_session(i, sid_of(p->sid));

	if (s)
		session_logout(s, &p->waiter);
	else if (wanted_cancel(i->wanted, login_of(p->sid)))
		reply(p, ISCSI_OK, "", 0);
	else
		reply(p, ISCSI_ERR_SESS_NOT_FOUND, "there is no session with this number", 0);
}

static void find_holder(uv_work_t *work)
{
	struct part *p = work->data;

	p->err = holders_find(p->request->initiator->root, sid_of(p->sid), &p->holder);
}

static void after_find_holder(uv_work_t *work, int status)
{
	struct part *p = work->data;
	char *holder = STEAL_PTR(p->holder);

	if (status || (p->err && p->err != -ENOENT)) {
		log_error("session %u is not logged out: who uses its disks cannot be found: %s",
			sid_of(p->sid),
			strerror(status ? -status : -p->err));
		reply(p, ISCSI_ERR_INTERNAL, "who uses the disks cannot be found", 0);
	} else if (holder) {
		log_error("session %u is not logged out: %s", sid_of(p->sid), holder);
		reply(p, ISCSI_ERR_BUSY, holder, 0);
	} else {
		logout(p);
	}
	free(holder);
}

/* Looking for holders reads much and may wait for a target: not on the loop. */
static void logout_if_unused(struct part *p)
{
	p->work.data = p;
	if (uv_queue_work(p->request->initiator->loop, &p->work, find_holder, after_find_holder))
		reply(p, ISCSI_ERR_NOMEM, "out of memory", 0);
}

void request_logout(struct initiator *i, struct varlink_call *call, struct json_object *sids,
	bool in_use)
{
	size_t n = json_object_array_length(sids);
	struct request *q = new_request(i, call, n, false);

	for (size_t k = 0; q && k < n; k++) {
		struct part *p = &q->parts[k];
		struct session *s;

		p->sid = json_object_get_int64(json_object_array_get_idx(sids, k));
		s = find_login(i, p->sid);
		if (s && s->sid)
			p->sid = s->sid; /* meanwhile it has disks */
		if (!in_use && p->sid >= 0)
			logout_if_unused(p);
		else
			logout(p);
	}
}

/* ---- update ---- */

void request_update(struct initiator *i, struct varlink_call *call, int64_t sid,
	struct json_object *record)
{
	struct request *q = new_request(i, call, 1, false);
	struct iscsi_node *n = NULL;
	struct session *s;
	struct refusal no;
	char text[128];
	int r;

	if (!q)
		return;
	r = node_of_json(record, &n);
	s = find_session(i, sid_of(sid));
	if (r) {
		reply(&q->parts[0], ISCSI_ERR_NOMEM, "out of memory", 0);
	} else if (!s) {
		reply(&q->parts[0], ISCSI_ERR_SESS_NOT_FOUND,
			"there is no session with this number", 0);
	} else if (refused(i, n, &no)) {
		snprintf(text, sizeof(text), "the %s %s", no.what, no.why);
		reply(&q->parts[0], no.code, text, 0);
	} else if (!session_is_for(s, n)) {
		reply(&q->parts[0], ISCSI_ERR_INVAL, "the record is not that of the session", 0);
	} else {
		session_update(s, n, &q->parts[0].waiter);
		return;
	}
	iscsi_node_free(n);
}
