/* SPDX-License-Identifier: MIT */
/* update.c - settings that change while a session is there */
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "err.h"
#include "record.h"
#include "sim.h"
#include "sysfs.h"

#define SID 7

static struct sim_waiter w, updates[3];
static struct session *s;

static const char *told(int number)
{
	const struct kernel_params *p = &fake_kernel.last_params;

	for (unsigned int i = 0; i < p->n; i++)
		if (p->items[i].number == number)
			return p->items[i].value;
	return "";
}

static long recovery_tmo(void)
{
	char path[96];
	long value = -1;

	snprintf(path, sizeof(path), "sys/class/iscsi_session/session%u/recovery_tmo", s->sid);
	sysfs_read_long(sim.root, path, &value);
	return value;
}

static void log_in(void)
{
	ck_assert_int_eq(sim_login(sim_node(0), &w), ISCSI_OK);
	s = initiator_find_sid(&sim.initiator, w.sid);
	ck_assert_int_eq(recovery_tmo(), 120);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SET], 0);
}

static void log_out(void)
{
	ck_assert_int_eq(sim_logout(s->sid, &w), ISCSI_OK);
	ck_assert_uint_eq(fake_kernel.sessions, 0);
}

static void on_updated(struct session_waiter *waiter, int code, const char *text, uint32_t sid)
{
	struct sim_waiter *u = container_of(waiter, struct sim_waiter, waiter);

	ck_assert(!u->done);
	u->done = true;
	u->code = code;
	u->sid = sid;
	snprintf(u->text, sizeof(u->text), "%s", text);
}

/* A record with that timeout, and all other timers changed too. */
static void begin_update(struct sim_waiter *u, const char *timeout)
{
	static const char *const pairs[][2] = {
		{"node.session.err_timeo.abort_timeout", "3"},
		{"node.session.err_timeo.lu_reset_timeout", "4"},
		{"node.session.err_timeo.tgt_reset_timeout", "6"},
		{"node.session.iscsi.FastAbort", "No"},
		{"node.conn[0].timeo.noop_out_interval", "8"},
		{"node.conn[0].timeo.noop_out_timeout", "9"},
		{"node.conn[0].timeo.logout_timeout", "21"},
	};
	struct iscsi_node *n = sim_node(0);

	iscsi_node_set(n, "node.session.timeo.replacement_timeout", timeout);
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		iscsi_node_set(n, pairs[i][0], pairs[i][1]);
	*u = (struct sim_waiter){.waiter.done = on_updated};
	list_init(&u->waiter.link);
	session_update(s, n, &u->waiter);
}

static void has_all_of(const char *timeout)
{
	ck_assert_str_eq(told(PARAM_SESS_RECOVERY_TMO), timeout);
	ck_assert_str_eq(told(PARAM_ABORT_TMO), "3");
	ck_assert_str_eq(told(PARAM_LU_RESET_TMO), "4");
	ck_assert_str_eq(told(PARAM_TGT_RESET_TMO), "6");
	ck_assert_str_eq(told(PARAM_FAST_ABORT), "0");
	ck_assert_str_eq(told(PARAM_RECV_TMO), "8");
	ck_assert_str_eq(told(PARAM_PING_TMO), "9");
	ck_assert_int_eq(s->node->logout_timeout, 21);
}

static void wait_up(void)
{
	for (int i = 0; i < 500 && strcmp(session_internal_state(s), "NO CHANGE"); i++) {
		ck_assert(fake_clock_step());
		sim_settle();
	}
	ck_assert_str_eq(session_connection_state(s), "LOGGED IN");
}

START_TEST(while_it_is_up)
{
	log_in();
	begin_update(&updates[0], "50");
	ck_assert(!updates[0].done);
	sim_settle();
	ck_assert(updates[0].done);
	ck_assert_int_eq(updates[0].code, ISCSI_OK);
	has_all_of("50");
	ck_assert_int_eq(recovery_tmo(), 50);
	/* what cannot be changed now is not sent */
	ck_assert_uint_eq(fake_kernel.last_params.n, 7);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SET], 1);
	/* and a later recovery goes by it */
	fake_kernel.last_params.n = 0;
	fake_kernel_conn_error(s->sid, 1020);
	sim_settle();
	wait_up();
	has_all_of("50");
	log_out();
}
END_TEST

/* The one under way and those that wait behind it: the last one counts, each has its answer. */
START_TEST(several_at_once)
{
	log_in();
	begin_update(&updates[0], "51");
	begin_update(&updates[1], "52");
	begin_update(&updates[2], "53");
	sim_settle();
	for (int i = 0; i < 3; i++)
		ck_assert(updates[i].done && updates[i].code == ISCSI_OK);
	has_all_of("53");
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SET], 2);
	log_out();
}
END_TEST

START_TEST(while_it_is_down)
{
	log_in();
	fake_kernel_conn_error(s->sid, 1020);
	sim_settle();
	begin_update(&updates[0], "54");
	ck_assert(updates[0].done);
	ck_assert_int_eq(updates[0].code, ISCSI_OK);
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SET], 0);
	wait_up();
	sim_settle();
	has_all_of("54");
	log_out();
}
END_TEST

/* The attempt goes on with what it has; then the new settings are everybody's. */
START_TEST(while_it_reconnects)
{
	const char *old;

	log_in();
	old = s->node->target;
	sim.target.answer = ANSWER_SILENCE;
	fake_kernel_conn_error(s->sid, 1020);
	sim_settle();
	while (strcmp(session_connection_state(s), "TRANSPORT WAIT") || sim.target.logins < 2) {
		ck_assert(fake_clock_step());
		sim_settle();
	}
	begin_update(&updates[0], "55");
	begin_update(&updates[1], "56");
	ck_assert(updates[0].done && updates[1].done);
	ck_assert_ptr_eq(s->node->target, old);
	sim.target.answer = ANSWER_ACCEPT;
	wait_up();
	sim_settle();
	has_all_of("56");
	log_out();
}
END_TEST

/* Too late for this attempt, which works: the kernel hears of it behind. */
START_TEST(as_it_comes_back)
{
	log_in();
	fake_kernel_conn_error(s->sid, 1020);
	sim_settle();
	while (!fake_kernel.calls[FAKE_START])
		if (!uv_run(&sim.loop, UV_RUN_NOWAIT) || !fake_kernel.calls[FAKE_BIND])
			fake_clock_step();
	ck_assert_str_eq(session_internal_state(s), "REOPEN");
	begin_update(&updates[0], "60");
	sim_settle();
	ck_assert_str_eq(session_connection_state(s), "LOGGED IN");
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SET], 1);
	has_all_of("60");
	log_out();
}
END_TEST

START_TEST(kernel_refuses)
{
	log_in();
	fake_kernel.fail[FAKE_SET] = -EINVAL;
	begin_update(&updates[0], "57");
	sim_settle();
	ck_assert(updates[0].done);
	ck_assert_int_eq(updates[0].code, ISCSI_ERR_INTERNAL);
	ck_assert_str_ne(updates[0].text, "");
	ck_assert_str_eq(session_connection_state(s), "LOGGED IN");
	log_out();
}
END_TEST

/* multipathd writes recovery_tmo: from then on the kernel takes it from sysfs alone. */
START_TEST(written_in_sysfs_before)
{
	log_in();
	fake_kernel.deaf_to_tmo = true;
	begin_update(&updates[0], "158");
	sim_settle();
	ck_assert_int_eq(updates[0].code, ISCSI_OK);
	ck_assert_int_eq(recovery_tmo(), 158);
	log_out();
}
END_TEST

static void preset(void)
{
	fake_kernel_preset(sim.root, SID, SIM_TARGET, "127.0.0.1", sim.target.port, "LOGGED_IN", "up",
		"SCANNED");
}

static void take_over(void)
{
	sim_start();
	s = initiator_find_sid(&sim.initiator, SID);
	sim_settle();
	ck_assert_str_eq(session_connection_state(s), "LOGGED IN");
	ck_assert_uint_eq(fake_kernel.calls[FAKE_SET], 1);
	ck_assert_uint_eq(sim.target.logins, 0);
}

/* What the record says by now is what an adopted session goes by. */
START_TEST(taken_over)
{
	struct iscsi_node *n = sim_node(0);
	struct iscsi_db *db;

	preset();
	iscsi_node_set(n, "node.session.timeo.replacement_timeout", "59");
	ck_assert_int_eq(iscsi_db_open(sim.root, &db), 0);
	ck_assert_int_eq(iscsi_db_store(db, n), 0);
	iscsi_db_close(db);
	iscsi_node_free(n);
	take_over();
	ck_assert_str_eq(told(PARAM_SESS_RECOVERY_TMO), "59");
	log_out();
}
END_TEST

/* Without one its timers stay as they are, also through a recovery. */
START_TEST(taken_over_without_a_record)
{
	static const struct {
		const char *class, *entry, *name, *value;
		int number;
	} timers[] = {
		{"session", "session7", "recovery_tmo", "11", PARAM_SESS_RECOVERY_TMO},
		{"session", "session7", "abort_tmo", "12", PARAM_ABORT_TMO},
		{"session", "session7", "lu_reset_tmo", "13", PARAM_LU_RESET_TMO},
		{"session", "session7", "tgt_reset_tmo", "14", PARAM_TGT_RESET_TMO},
		{"session", "session7", "fast_abort", "0", PARAM_FAST_ABORT},
		{"connection", "connection7:0", "ping_tmo", "15", PARAM_PING_TMO},
		{"connection", "connection7:0", "recv_tmo", "16", PARAM_RECV_TMO},
	};

	preset();
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
		CLEANUP_FREE char *path = NULL;

		ck_assert_int_gt(asprintf(&path, "sys/class/iscsi_%s/%s/%s", timers[i].class,
					 timers[i].entry, timers[i].name),
			0);
		sim_put(path, timers[i].value);
	}
	take_over();
	for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++)
		ck_assert_str_eq(told(timers[i].number), timers[i].value);
	log_out();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("update");
	TCase *c = tcase_create("update"), *before = tcase_create("start");

	tcase_add_checked_fixture(c, sim_setup, sim_teardown);
	tcase_add_checked_fixture(before, sim_setup_root, sim_teardown);
	tcase_add_test(c, while_it_is_up);
	tcase_add_test(c, several_at_once);
	tcase_add_test(c, while_it_is_down);
	tcase_add_test(c, while_it_reconnects);
	tcase_add_test(c, as_it_comes_back);
	tcase_add_test(c, kernel_refuses);
	tcase_add_test(c, written_in_sysfs_before);
	tcase_add_test(before, taken_over);
	tcase_add_test(before, taken_over_without_a_record);
	suite_add_tcase(suite, c);
	suite_add_tcase(suite, before);
	return sim_main(suite);
}
