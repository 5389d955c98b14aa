/* SPDX-License-Identifier: MIT */
#include "inject.h"

#include "scenarios.h"
#include "sim.h"

struct session *the_session(void)
{
	return list_first(&sim.initiator.sessions, struct session, link);
}

uint32_t the_sid(void)
{
	const struct session *s = the_session();

	return !s ? 0 : s->sid ? s->sid : s->conn.job.ret_sid;
}

static void pdu(uint8_t opcode, uint8_t async_event)
{
	uint8_t bhs[BHS_LEN] = {opcode, 0x80};

	bhs[36] = async_event;
	if (the_sid())
		fake_kernel_pdu(the_sid(), bhs);
}

static void log_out(void)
{
	if (the_session())
		model_log_out(the_session());
}

static void join_login(void)
{
	if (the_session())
		model_join_login(the_session());
}

static void update(void)
{
	if (the_session())
		model_update(the_session());
}

static void network_changes(void)
{
	initiator_network_changed(&sim.initiator);
}

static void conn_error(void)
{
	fake_kernel_conn_error(the_sid(), 1020);
}

static void host_gone(void)
{
	fake_kernel_conn_error(the_sid(), 1018);
}

static void say_error(void)
{
	if (the_sid())
		fake_kernel_say_error(the_sid(), 1020);
}

static void say_host_gone(void)
{
	if (the_sid())
		fake_kernel_say_error(the_sid(), 1018);
}

static void say_unbound(void)
{
	if (the_sid())
		fake_kernel_say_unbound(the_sid());
}

static void drop(void)
{
	fake_target_drop(&sim.target);
}

static void destroy(void)
{
	fake_kernel_destroy(the_sid());
}

static void ask_logout(void)
{
	pdu(OP_ASYNC, ASYNC_LOGOUT_REQUEST);
}

static void say_nop(void)
{
	pdu(OP_NOP_IN, 0);
}

static void say_logged_out(void)
{
	pdu(OP_LOGOUT_RESPONSE, 0);
}

static void say_login_response(void)
{
	pdu(OP_LOGIN_RESPONSE, 0);
}

static void luns(void)
{
	struct session *s = the_session();

	if (s && s->sid)
		model_new_luns(s->sid);
}

static void sizes(void)
{
	struct session *s = the_session();

	if (s && s->sid)
		model_new_sizes(s->sid);
}

const struct injection injections[] = {
	{"fails", FAKE_FAILS, NULL},
	{"hangs", FAKE_HANGS, NULL},
	{"refuses", FAKE_REFUSES, NULL},
	{"log-out", FAKE_WORKS, log_out},
	{"join-login", FAKE_WORKS, join_login},
	{"update", FAKE_WORKS, update},
	{"network", FAKE_WORKS, network_changes},
	{"conn-error", FAKE_WORKS, conn_error},
	{"late-error", FAKE_WORKS, say_error},
	{"host-gone", FAKE_WORKS, host_gone},
	{"late-host-gone", FAKE_WORKS, say_host_gone},
	{"drop", FAKE_WORKS, drop},
	{"destroy", FAKE_WORKS, destroy},
	{"overrun", FAKE_WORKS, fake_kernel_lose},
	{"ask-logout", FAKE_WORKS, ask_logout},
	{"nop-in", FAKE_WORKS, say_nop},
	{"logout-response", FAKE_WORKS, say_logged_out},
	{"login-response", FAKE_WORKS, say_login_response},
	{"unbound", FAKE_WORKS, say_unbound},
	{"new-luns", FAKE_WORKS, luns},
	{"new-sizes", FAKE_WORKS, sizes},
	{},
};
/* Which faults a step can have. */
static const uint32_t faults_at[] = {
	[FAKE_POINT_CALL] = 1u << FAKE_FAILS | 1u << FAKE_HANGS,
	[FAKE_POINT_NOTE] = 0,
	[FAKE_POINT_CONNECT] = 1u << FAKE_FAILS | 1u << FAKE_HANGS | 1u << FAKE_REFUSES,
	[FAKE_POINT_RESOLVE] = 1u << FAKE_FAILS | 1u << FAKE_HANGS,
	[FAKE_POINT_REQUEST] = 1u << FAKE_FAILS | 1u << FAKE_HANGS | 1u << FAKE_REFUSES,
	[FAKE_POINT_THREAD] = 1u << FAKE_FAILS | 1u << FAKE_HANGS,
	[FAKE_POINT_TIME] = 0,
	[FAKE_POINT_EVENT] = 0,
};

bool injection_applies(enum fake_point point, const struct injection *i)
{
	return i->event || faults_at[point] & 1u << i->fault;
}
