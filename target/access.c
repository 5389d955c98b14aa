/* SPDX-License-Identifier: MIT */
#include "access.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "login-target.h"
#include "session.h"

/* ---- login ---- */

static struct target *target_of(const struct conn *c, const struct login_target_result *who)
{
	return model_target_by_name(&c->server->model, who->target_name);
}

static const struct credentials *credentials_of(
	const struct conn *c, const struct login_target_result *who)
{
	return who->discovery ? &c->server->model.discovery : &target_of(c, who)->credentials;
}

static void ask_for_proof(const struct credentials *needed, struct login_target_settings *ret)
{
	ret->chap = !list_empty(&needed->incoming);
	if (needed->outgoing) {
		ret->username_out = needed->outgoing->user;
		ret->password_out = needed->outgoing->password;
	}
}

static const char *redirect_text(struct conn *c, const struct target_redirect *r)
{
	bool brackets = iscsi_address_in_brackets(r->address);

	snprintf(c->redirect, sizeof(c->redirect), "%s%s%s:%u", brackets ? "[" : "", r->address,
		brackets ? "]" : "", r->port);
	return c->redirect;
}

static enum login_status identify_target(struct conn *c, const struct login_target_result *who,
	struct login_target_settings *ret)
{
	struct target *t = target_of(c, who);
	char local[INET6_ADDRSTRLEN + IF_NAMESIZE];
	unsigned int port;

	if (!t)
		return LOGIN_STATUS_NOT_FOUND;
	ret->params = t->settings.params;
	ret->window = t->settings.max_queue_cmd;
	ask_for_proof(&t->credentials, ret);
	if (!target_admits(t, &c->peer.sa, who->initiator_name))
		return LOGIN_STATUS_NOT_FOUND;
	if (t->state == TARGET_OFFLINE)
		return LOGIN_STATUS_UNAVAILABLE;
	sock_addr_format(&c->local, local, sizeof(local), &port);
	if (!target_redirects(t, local))
		return LOGIN_STATUS_SUCCESS;
	ret->redirect = redirect_text(c, &t->redirect);
	return t->redirect.reason == REDIRECT_PERMANENT ? LOGIN_STATUS_MOVED_PERMANENTLY
							 : LOGIN_STATUS_MOVED_TEMPORARILY;
}

static enum login_status identify_any(
	void *data, const struct login_target_result *who, struct login_target_settings *ret)
{
	struct conn *c = data;

	ret->tpgt = c->portal_group;
	if (!who->discovery)
		return identify_target(c, who, ret);
	ret->params = c->server->model.defaults.params;
	ask_for_proof(&c->server->model.discovery, ret);
	return LOGIN_STATUS_SUCCESS;
}

static enum login_status identify(
	void *data, const struct login_target_result *who, struct login_target_settings *ret)
{
	enum login_status status = identify_any(data, who, ret);

	return fault_on_login(data, who->discovery ? NULL : target_of(data, who), status, ret);
}

static const char *secret_of(
	void *data, const struct login_target_result *who, const char *username)
{
	const struct account *a = credentials_find(credentials_of(data, who), username);

	return a ? a->password : NULL;
}

/*
 * RFC 7143 section 6.3.1. A session has one connection: one that comes again takes its place, as
 * a new session under the same TSIH.
 */
static enum login_status admit(
	void *data, const struct login_target_result *who, uint16_t *ret_tsih)
{
	struct conn *c = data;
	struct session *old =
		who->discovery ? NULL : session_find(c->server, who, c->portal_group);
	uint16_t tsih = who->tsih;

	if (tsih && (!old || old->tsih != tsih))
		return LOGIN_STATUS_NO_SESSION;
	if (tsih && old->who.cid != who->cid)
		return LOGIN_STATUS_TOO_MANY_CONNECTIONS;
	if (old)
		conn_end(old->conn);
	if (!tsih)
		tsih = session_free_tsih(c->server);
	if (tsih)
		c->session = session_new(c, who, who->discovery ? NULL : target_of(c, who), tsih);
	if (!c->session)
		return LOGIN_STATUS_OUT_OF_RESOURCES;
	*ret_tsih = tsih;
	return LOGIN_STATUS_SUCCESS;
}

int access_start_login(struct conn *c)
{
	struct login_target_config config = {
		.identify = identify, .account = secret_of, .admit = admit, .data = c};

	c->login = login_target_new();
	if (!c->login)
		return -ENOMEM;
	login_target_start(c->login, &config);
	return 0;
}

/* ---- SendTargets ---- */

/* The address of a portal as this connection can reach it; false: it cannot be told. */
static bool reachable(const struct conn *c, const struct portal *p, struct iscsi_portal *ret)
{
	unsigned int port = 0;
	bool any4 = !strcmp(p->address, "0.0.0.0"), any6 = !strcmp(p->address, "::");

	*ret = (struct iscsi_portal){.port = (int)p->port, .tpgt = (int)p->tpgt};
	if (!any4 && !any6) {
		memcpy(ret->address, p->address, sizeof(ret->address));
		return true;
	}
	if (c->local.sa.sa_family != (any4 ? AF_INET : AF_INET6))
		return false;
	sock_addr_format(&c->local, ret->address, sizeof(ret->address), &port);
	/* A zone means something on this host only. */
	ret->address[strcspn(ret->address, "%")] = '\0';
	return true;
}

static int list_target(const struct conn *c, const struct target *t, struct send_targets *s)
{
	const struct list *portals = &c->server->model.portals;
	int r = send_targets_add(s, t->name);

	/* newest first: listed in the order in which they were made */
	for (const struct list *l = portals->prev; !r && l != portals; l = l->prev) {
		struct iscsi_portal found;

		if (reachable(c, container_of(l, struct portal, link), &found))
			r = send_targets_add_address(s, &found);
	}
	return r;
}

int access_list(void *conn, const char *name, struct send_targets *s)
{
	const struct conn *c = conn;
	struct target *t;
	int r = 0;

	list_for_each(t, &c->server->model.targets, link)
		if (!r && (!name || !strcmp(name, t->name)) &&
			target_admits(t, &c->peer.sa, c->session->who.initiator_name))
			r = list_target(c, t, s) ?: fault_on_list(c, t, s);
	return r;
}
