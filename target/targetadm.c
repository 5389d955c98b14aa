/* SPDX-License-Identifier: MIT */
/*
 * targetadm.c - iscsi-targetadm: a command line of tgtadm becomes one call to iscsi-targetd.
 *
 * Called by the name tgtadm, it says what tgtadm says and no more; else the daemon's reason stands
 * behind it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "adm-options.h"
#include "adm-show.h"
#include "cleanup.h"
#include "config.h"
#include "control-port.h"
#include "model.h"
#include "name.h"
#include "str.h"
#include "varlink-message.h"
#include "varlink.h"

#define INTERFACE "io.iscsi.target."
#define NOT_RUNNING 107 /* exit status */
#define GONE_POLL_MS 20
#define GONE_TRIES 500

struct adm {
	struct adm_options o;
	struct varlink_client *client;
	char *socket;
};

/* ---- answers ---- */

static int say(enum model_error e, const char *why)
{
	const char *name = program_invocation_short_name;

	if (str_empty(why) || str_eq(name, "tgtadm"))
		fprintf(stderr, "%s: %s\n", name, model_error_text(e));
	else
		fprintf(stderr, "%s: %s: %s\n", name, model_error_text(e), why);
	return ADM_USAGE_ERROR;
}

static int say_text(const char *text, const char *why)
{
	for (enum model_error e = MODEL_OK; e < MODEL_ERRORS; e++)
		if (str_eq(model_error_text(e), text))
			return say(e, why);
	fprintf(stderr, "%s: the daemon refused: %s\n", program_invocation_short_name, text);
	return ADM_USAGE_ERROR;
}

static int lost(int r)
{
	if (r == -ECONNRESET || r == -EPIPE) {
		fprintf(stderr, "%s: tgtd closed the socket\n", program_invocation_short_name);
		return ADM_USAGE_ERROR;
	}
	fprintf(stderr, "%s: no answer from iscsi-targetd: %s\n", program_invocation_short_name,
		strerror(-r));
	return ADM_USAGE_ERROR;
}

/* One call; params is consumed. 0 or the exit status; ret (may be NULL): the caller's. */
static int call(struct adm *a, const char *method, struct json_object *params,
	struct json_object **ret)
{
	CLEANUP_FREE char *full = str_printf(INTERFACE "%s", method);
	struct varlink_reply reply;
	int r = full ? varlink_client_call(a->client, full, params, 0) : -ENOMEM;
	int status = 0;

	if (!r)
		r = varlink_client_read(a->client, -1, &reply);
	if (r)
		return lost(r);
	if (reply.error) {
		const char *text = json_object_get_string(
			json_object_object_get(reply.params, "text"));
		const char *why = json_object_get_string(
			json_object_object_get(reply.params, "why"));

		status = say_text(text ? text : reply.error, why);
	} else if (ret) {
		*ret = STEAL_PTR(reply.params);
	}
	varlink_reply_clear(&reply);
	return status;
}

/* ---- parameters: what was not given is left out ---- */

static void put(struct json_object *p, const char *name, const char *value)
{
	if (value)
		json_object_object_add(p, name, json_object_new_string(value));
}

static void put_number(struct json_object *p, const char *name, int64_t value)
{
	if (value != ADM_UNSET)
		json_object_object_add(p, name, json_object_new_int64(value));
}

static void put_flag(struct json_object *p, const char *name, bool value)
{
	json_object_object_add(p, name, json_object_new_boolean(value));
}

static struct json_object *with_tid(const struct adm *a)
{
	struct json_object *p = json_object_new_object();

	put_number(p, "tid", a->o.tid);
	return p;
}

/* *all holds *ret, and is the caller's to json_object_put. */
static int state(struct adm *a, bool secrets, struct json_object **ret, struct json_object **all)
{
	struct json_object *p = json_object_new_object();
	int status;

	put_flag(p, "secrets", secrets);
	status = call(a, "Show", p, all);
	if (!status)
		*ret = json_object_object_get(*all, "state");
	return status;
}

/* Asks for the state and gives it to show. */
static int with_state(struct adm *a, int (*show)(struct adm *a, struct json_object *state))
{
	struct json_object *all = NULL, *s = NULL;
	int status = state(a, false, &s, &all);

	if (!status)
		status = show(a, s);
	json_object_put(all);
	return status;
}

/* ---- targets ---- */

static int target_new(struct adm *a)
{
	struct json_object *p = with_tid(a);

	put(p, "name", a->o.target_name);
	return call(a, "TargetNew", p, NULL);
}

static int target_delete(struct adm *a)
{
	struct json_object *p = with_tid(a);

	put_flag(p, "force", a->o.force);
	return call(a, "TargetDelete", p, NULL);
}

static int show_targets(struct adm *a, struct json_object *s)
{
	struct json_object *t = adm_find_target(s, a->o.tid);

	if (a->o.tid == ADM_UNSET)
		adm_show_targets(s);
	else if (t)
		adm_show_settings(t);
	else
		return say(MODEL_NO_TARGET, NULL);
	return 0;
}

static int target_show(struct adm *a)
{
	return with_state(a, show_targets);
}

static int stat_target(struct adm *a, struct json_object *s)
{
	struct json_object *t = adm_find_target(s, a->o.tid);

	if (!t)
		return say(MODEL_NO_TARGET, NULL);
	adm_stat(s, t, ADM_UNSET);
	return 0;
}

static int target_stat(struct adm *a)
{
	return with_state(a, stat_target);
}

static int target_update(struct adm *a)
{
	struct json_object *p = with_tid(a);

	put(p, "name", a->o.name);
	put(p, "value", a->o.value);
	return call(a, "TargetSet", p, NULL);
}

static int access_change(struct adm *a, const char *method)
{
	struct json_object *p;

	if (!a->o.address && !a->o.initiator)
		return say(MODEL_INVALID, "there is no bus here: rules go by address and name");
	p = with_tid(a);
	put(p, "address", a->o.address);
	put(p, "initiator", a->o.initiator);
	return call(a, method, p, NULL);
}

static int target_bind(struct adm *a)
{
	return access_change(a, "AccessNew");
}

static int target_unbind(struct adm *a)
{
	return access_change(a, "AccessDelete");
}

/* ---- logical units ---- */

static struct json_object *with_lun(const struct adm *a)
{
	struct json_object *p = with_tid(a);

	put_number(p, "lun", a->o.lun);
	return p;
}

static int unit_new(struct adm *a)
{
	struct json_object *p;

	if (a->o.device_type && !str_eq(a->o.device_type, "disk"))
		return say(MODEL_INVALID, "logical units are disks");
	if (!str_empty(a->o.bsopts))
		return say(MODEL_INVALID, "no backing store takes options (--bsopts)");
	p = with_lun(a);
	put(p, "path", a->o.path);
	put(p, "backing", a->o.bstype);
	put(p, "flags", a->o.bsoflags);
	put_number(p, "block_size", a->o.block_size);
	return call(a, "UnitNew", p, NULL);
}

static int unit_delete(struct adm *a)
{
	return call(a, "UnitDelete", with_lun(a), NULL);
}

static int unit_update(struct adm *a)
{
	struct json_object *p = with_lun(a);

	put(p, "params", a->o.params);
	return call(a, "UnitSet", p, NULL);
}

static int stat_unit(struct adm *a, struct json_object *s)
{
	struct json_object *t = adm_find_target(s, a->o.tid);

	if (!t)
		return say(MODEL_NO_TARGET, NULL);
	if (!adm_has_unit(t, a->o.lun))
		return say(MODEL_NO_LUN, NULL);
	adm_stat(s, t, a->o.lun);
	return 0;
}

static int unit_stat(struct adm *a)
{
	return with_state(a, stat_unit);
}

/* ---- accounts ---- */

static int account_add(struct adm *a)
{
	struct json_object *p = json_object_new_object();

	put(p, "user", a->o.user);
	put(p, "password", a->o.password);
	return call(a, "AccountNew", p, NULL);
}

static int account_delete(struct adm *a)
{
	struct json_object *p = json_object_new_object();

	put(p, "user", a->o.user);
	return call(a, "AccountDelete", p, NULL);
}

static int show_accounts(struct adm *a, struct json_object *s)
{
	(void)a;
	adm_show_accounts(s);
	return 0;
}

static int account_show(struct adm *a)
{
	return with_state(a, show_accounts);
}

static int account_use(struct adm *a, const char *method)
{
	struct json_object *p = with_tid(a);

	put(p, "user", a->o.user);
	put_flag(p, "outgoing", a->o.outgoing);
	return call(a, method, p, NULL);
}

static int account_bind(struct adm *a)
{
	return account_use(a, "AccountBind");
}

static int account_unbind(struct adm *a)
{
	return account_use(a, "AccountUnbind");
}

/* ---- portals ---- */

/* The daemon takes numbers only: it must not wait for a name server. */
static char *resolve(const char *portal)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found = NULL;
	struct iscsi_portal p;
	char host[INET6_ADDRSTRLEN] = "";
	struct in_addr in;
	int r;

	if (!*portal || *portal == ':' || iscsi_portal_parse(portal, &p) ||
		strchr(p.address, ':') || inet_pton(AF_INET, p.address, &in) == 1)
		return strdup(portal);
	if (getaddrinfo(p.address, NULL, &hints, &found))
		return strdup(portal);
	r = getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof(host), NULL, 0,
		NI_NUMERICHOST);
	freeaddrinfo(found);
	if (r)
		return strdup(portal);
	return str_printf(strchr(host, ':') ? "[%s]:%d" : "%s:%d", host,
		p.port < 0 ? ISCSI_PORT_DEFAULT : p.port);
}

/* "portal=...,nop_interval=5,nop_count=5,tpgt=1" */
static int portal_change(struct adm *a, const char *method)
{
	static const char *const names[] = {"portal", "nop_interval", "nop_count", "tpgt"};
	const char *values[4] = {};
	CLEANUP_FREE char *copy = strdup(a->o.params), *portal = NULL, *text = NULL;
	struct json_object *p;
	char *rest = copy, *item;

	while (rest && (item = strsep(&rest, ","))) {
		size_t i = 0, len = strcspn(item, "=");

		while (i < 4 && (strlen(names[i]) != len || strncmp(item, names[i], len) != 0))
			i++;
		if (i == 4 || !item[len])
			return say(MODEL_INVALID, "a portal is given as portal=ADDRESS[:PORT] with "
						  "tpgt=, nop_interval=, nop_count=");
		values[i] = item + len + 1;
	}
	if (!values[0])
		return say(MODEL_INVALID, "there is no portal=ADDRESS[:PORT]");
	text = values[3] ? str_printf("%s,%s", values[0], values[3]) : strdup(values[0]);
	portal = text ? resolve(text) : NULL;
	if (!portal)
		return say(MODEL_NO_MEMORY, NULL);
	p = json_object_new_object();
	put(p, "portal", portal);
	put(p, "nop_interval", values[1]);
	put(p, "nop_count", values[2]);
	return call(a, method, p, NULL);
}

static int portal_new(struct adm *a)
{
	return portal_change(a, "PortalNew");
}

static int portal_delete(struct adm *a)
{
	return portal_change(a, "PortalDelete");
}

static int show_portals(struct adm *a, struct json_object *s)
{
	(void)a;
	adm_show_portals(s);
	return 0;
}

static int portal_show(struct adm *a)
{
	return with_state(a, show_portals);
}

/* ---- sessions and connections ---- */

static int show_connections(struct adm *a, struct json_object *s)
{
	struct json_object *t = adm_find_target(s, a->o.tid);

	if (!t)
		return say(MODEL_NO_TARGET, NULL);
	adm_show_connections(t);
	return 0;
}

static int stat_session(struct adm *a, struct json_object *s)
{
	struct json_object *session = adm_find_session(s, a->o.sid);

	if (!session)
		return say(MODEL_NO_SESSION, NULL);
	adm_stat_session(s, session);
	return 0;
}

static int connection_show(struct adm *a)
{
	return with_state(a, show_connections);
}

static int session_stat(struct adm *a)
{
	return with_state(a, stat_session);
}

static int connection_delete(struct adm *a)
{
	struct json_object *p = with_tid(a);

	put_number(p, "sid", a->o.sid);
	put_number(p, "cid", a->o.cid);
	return call(a, "ConnectionClose", p, NULL);
}

/* ---- the daemon ---- */

static int show_system(struct adm *a, struct json_object *s)
{
	(void)a;
	adm_show_system(s);
	return 0;
}

static int system_show(struct adm *a)
{
	return with_state(a, show_system);
}

static int stat_all(struct adm *a, struct json_object *s)
{
	(void)a;
	adm_stat(s, NULL, ADM_UNSET);
	return 0;
}

static int system_stat(struct adm *a)
{
	return with_state(a, stat_all);
}

static int system_update(struct adm *a)
{
	struct json_object *p = json_object_new_object();

	put(p, "name", a->o.name);
	put(p, "value", a->o.value);
	return call(a, "SystemSet", p, NULL);
}

/* Callers start the next daemon at once: this one has to be gone. */
static int system_delete(struct adm *a)
{
	int status = call(a, "Stop", NULL, NULL);

	for (int i = 0; !status && i < GONE_TRIES; i++) {
		struct varlink_client *c;

		if (varlink_client_open(a->socket, &c))
			return 0;
		varlink_client_close(c);
		poll(NULL, 0, GONE_POLL_MS);
	}
	if (!status)
		fprintf(stderr, "%s: iscsi-targetd is told to end, and does not\n",
			program_invocation_short_name);
	return status ? status : ADM_USAGE_ERROR;
}

static int show_drivers(struct adm *a, struct json_object *s)
{
	(void)a;
	adm_show_drivers(s);
	return 0;
}

static int lld_show(struct adm *a)
{
	return with_state(a, show_drivers);
}

static int lld_start(struct adm *a)
{
	return call(a, "Show", json_object_new_object(), NULL);
}

/* There is one driver, and it is in use as long as the daemon runs. */
static int lld_stop(struct adm *a)
{
	(void)a;
	return say(MODEL_DRIVER_BUSY, NULL);
}

static int (*const runs[ADM_MODES][ADM_OPS])(struct adm *a) = {
	[ADM_TARGET] = {[ADM_NEW] = target_new, [ADM_DELETE] = target_delete,
		[ADM_SHOW] = target_show, [ADM_STAT] = target_stat, [ADM_BIND] = target_bind,
		[ADM_UNBIND] = target_unbind, [ADM_UPDATE] = target_update},
	[ADM_UNIT] = {[ADM_NEW] = unit_new, [ADM_DELETE] = unit_delete,
		[ADM_UPDATE] = unit_update, [ADM_STAT] = unit_stat},
	[ADM_ACCOUNT] = {[ADM_NEW] = account_add, [ADM_DELETE] = account_delete,
		[ADM_SHOW] = account_show, [ADM_BIND] = account_bind,
		[ADM_UNBIND] = account_unbind},
	[ADM_PORTAL] = {[ADM_NEW] = portal_new, [ADM_DELETE] = portal_delete,
		[ADM_SHOW] = portal_show},
	[ADM_SESSION] = {[ADM_STAT] = session_stat},
	[ADM_CONNECTION] = {[ADM_SHOW] = connection_show, [ADM_DELETE] = connection_delete,
		[ADM_STAT] = session_stat},
	[ADM_SYSTEM] = {[ADM_SHOW] = system_show, [ADM_STAT] = system_stat,
		[ADM_UPDATE] = system_update, [ADM_DELETE] = system_delete},
	[ADM_LLD] = {[ADM_SHOW] = lld_show, [ADM_START] = lld_start, [ADM_STOP] = lld_stop},
};

/* ---- configuration files ---- */

static int execute(struct adm *a)
{
	struct json_object *state_of_file = NULL, *p;
	char why[CONFIG_WHY_MAX];

	if (config_read(a->o.execute, &state_of_file, why)) {
		fprintf(stderr, "%s: %s\n", program_invocation_short_name, why);
		return ADM_USAGE_ERROR;
	}
	p = json_object_new_object();
	json_object_object_add(p, "state", state_of_file);
	return call(a, "Load", p, NULL);
}

static int dump(struct adm *a)
{
	struct json_object *all = NULL, *s = NULL;
	int status = state(a, a->o.with_secrets, &s, &all);

	if (!status)
		config_write(s, stdout);
	varlink_message_wipe(all);
	json_object_put(all);
	return status;
}

/* ---- the program ---- */

static int run(struct adm *a)
{
	if (a->o.execute)
		return execute(a);
	if (a->o.dump)
		return dump(a);
	if (a->o.lld && !str_eq(a->o.lld, "iscsi")) {
		if (a->o.mode == ADM_LLD)
			return say(MODEL_UNKNOWN, "iscsi is the only driver");
		return say(MODEL_NO_DRIVER, "iscsi is the only one");
	}
	if (!runs[a->o.mode][a->o.op])
		return say(MODEL_INVALID, "this mode has no such operation");
	return runs[a->o.mode][a->o.op](a);
}

int main(int argc, char **argv)
{
	struct adm a = {};
	int r;

	/* A core file would hold secrets. */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = adm_options_parse(argc, argv, &a.o);
	if (r == ADM_UNSET) {
		a.socket = control_port_socket((unsigned int)a.o.control_port);
		r = a.socket ? varlink_client_open(a.socket, &a.client) : -ENOMEM;
		if (r) {
			fprintf(stderr,
				"%s: failed to send request hdr to tgt daemon, %s\n",
				program_invocation_short_name,
				strerror(r == -ENOENT || r == -ECONNREFUSED ? ENOTCONN : -r));
			r = NOT_RUNNING;
		} else {
			r = run(&a);
		}
	}
	varlink_client_close(a.client);
	free(a.socket);
	adm_options_clear(&a.o);
	return r;
}
