/* SPDX-License-Identifier: MIT */
/*
 * unh.h - the tests of UNH-IOL's suites for initiators: what the target says is a script, and the
 * initiator is the daemon's own machines. Each runs as a first login over the socket, and as the
 * login of a session that was lost, through the kernel.
 */
#ifndef TESTS_UNH_H
#define TESTS_UNH_H

#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "script.h"
#include "sim.h"

/* A row ends where nothing more is to be said. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#define T BHS_TRANSIT
#define C BHS_CONTINUE
#define SECURITY 0x00	  /* flags of a request: CSG 0, no T */
#define SECURITY_END 0x81 /* T, CSG 0, NSG 1 */
#define OPERATIONAL 0x87  /* T, CSG 1, NSG 3 */
#define COUNT(a) (int)(sizeof(a) / sizeof(*(a)))

struct unh_test {
	const char *name;
	const char *settings[13]; /* of the record: key, value, ... */
	struct script_step steps[8];
	int code; /* what a command ends with */
	struct {
		int number;
		const char *value;
	} params[4];	 /* what the kernel is told, at the end of a login that succeeds */
	uint32_t statsn; /* of the first answer; 0: 0x1000 */
};
#define STATSN_ZERO UINT32_MAX

static struct sim_waiter unh_waiter;

static inline void unh_set(struct iscsi_node *n, const struct unh_test *t)
{
	for (const char *const *s = t->settings; *s; s += 2)
		ck_assert_int_eq(iscsi_node_set(n, s[0], s[1]), 0);
}

static inline void unh_script(const struct unh_test *t)
{
	uint32_t statsn = t->statsn ? t->statsn : 0x1000;

	script_start(&sim.target, t->steps, statsn == STATSN_ZERO ? 0 : statsn);
}

static inline const char *unh_param(int number)
{
	for (unsigned int i = 0; i < fake_kernel.last_params.n; i++)
		if (fake_kernel.last_params.items[i].number == number)
			return fake_kernel.last_params.items[i].value;
	return "none";
}

static inline void unh_check_end(const struct unh_test *t)
{
	script_assert_over(t->name);
	/* who is not logged in has hung up */
	ck_assert_msg(sim.target.connections - sim.target.closed == (t->code == ISCSI_OK),
		"%s: %u connections, %u closed", t->name, sim.target.connections,
		sim.target.closed);
	for (int i = 0; i < COUNT(t->params) && t->params[i].value; i++)
		ck_assert_msg(!strcmp(unh_param(t->params[i].number), t->params[i].value),
			"%s: parameter %d is %s", t->name, t->params[i].number,
			unh_param(t->params[i].number));
}

static inline void unh_first_login(const struct unh_test *t)
{
	struct iscsi_node *n = sim_node(0);
	int code;

	unh_set(n, t);
	unh_script(t);
	code = sim_login(n, &unh_waiter);
	ck_assert_msg(code == t->code, "%s: code %d, %s", t->name, code, unh_waiter.text);
	unh_check_end(t);
	ck_assert_uint_eq(fake_kernel.sessions, code == ISCSI_OK);
}

/* Lets time pass until count logins were seen. */
static inline void unh_await_logins(unsigned int count)
{
	for (int i = 0; i < 50 && sim.target.logins < count; i++) {
		sim_settle();
		if (sim.target.logins < count)
			ck_assert(fake_clock_step());
	}
	sim_settle();
}

static inline void unh_relogin(const struct unh_test *t)
{
	unsigned int logins = 1, steps = 0;
	struct session *s;

	while (t->steps[steps].answer)
		steps++;
	ck_assert_int_eq(sim_login(sim_node(0), &unh_waiter), ISCSI_OK);
	s = initiator_find_sid(&sim.initiator, unh_waiter.sid);
	unh_set(s->node, t);
	unh_script(t);
	fake_kernel_conn_error(s->sid, 1020);
	unh_await_logins(logins + steps);
	ck_assert_msg(!strcmp(session_connection_state(s), "LOGGED IN") == (t->code == ISCSI_OK),
		"%s: the session is %s", t->name, session_connection_state(s));
	unh_check_end(t);
}

/* The tests first_login and relogin, for unh_main: each row of tests in both ways. */
#define UNH_BOTH_WAYS(tests)                    \
	START_TEST(first_login)                 \
	{                                       \
		unh_first_login(&(tests)[_i]);  \
	}                                       \
	END_TEST                                \
	START_TEST(relogin)                     \
	{                                       \
		unh_relogin(&(tests)[_i]);      \
	}                                       \
	END_TEST

/* n scripts, each in both ways, and what else there is. */
static inline int unh_main(const char *name, int n, const TTest *first_login, const TTest *relogin,
	void (*add_others)(Suite *s, TCase *c))
{
	Suite *s = suite_create(name);
	TCase *c = tcase_create(name);

	tcase_add_checked_fixture(c, sim_setup, sim_teardown);
	tcase_add_loop_test(c, first_login, 0, n);
	tcase_add_loop_test(c, relogin, 0, n);
	if (add_others)
		add_others(s, c);
	suite_add_tcase(s, c);
	return sim_main(s);
}

#endif
