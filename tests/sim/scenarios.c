/* SPDX-License-Identifier: MIT */
#include "scenarios.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "sim.h"

/* ---- who waits ---- */

static const char *const names[] = {"login", "logout", "update"};

static struct waiter {
	struct session_waiter waiter;
	enum { LOGIN, LOGOUT, UPDATE } for_what;
	unsigned int answers;
	uint64_t since;
} waiters[16];
static unsigned int n_waiters;

static void on_answer(struct session_waiter *sw, int code, const char *text, uint32_t sid)
{
	struct waiter *w = container_of(sw, struct waiter, waiter);

	if (w->answers++)
		model_fault("a %s is answered twice", names[w->for_what]);
	if (!code != !text[0])
		model_fault("code %d goes with the text \"%s\"", code, text);
	if (w->for_what == LOGIN && !code && !sid)
		model_fault("a login is answered with code %d and session %u", code, sid);
	if (w->for_what == LOGOUT && !code && fake_kernel_has(sid))
		model_fault("a logout is answered, and session %u is still there", sid);
}

static struct session_waiter *new_waiter(int for_what)
{
	struct waiter *w = &waiters[n_waiters++];

	memset(w, 0, sizeof(*w));
	list_init(&w->waiter.link);
	w->waiter.done = on_answer;
	w->for_what = for_what;
	w->since = clock_now(&sim.loop);
	return &w->waiter;
}

void model_log_out(struct session *s)
{
	session_logout(s, new_waiter(LOGOUT));
}

void model_join_login(struct session *s)
{
	if (!session_join_login(s, new_waiter(LOGIN)))
		n_waiters--;
}

void model_update(struct session *s)
{
	struct iscsi_node *n = sim_node(1);

	iscsi_node_set(n, "node.conn[0].address", s->node->address);
	iscsi_node_set(n, "node.conn[0].timeo.noop_out_timeout", "7");
	session_update(s, n, new_waiter(UPDATE));
}

bool model_all_answered(void)
{
	for (unsigned int i = 0; i < n_waiters; i++)
		if (!waiters[i].answers)
			return false;
	return true;
}

void model_check_patience(void)
{
	/*
	 * Retries, one attempt more, and a connection lost before the scan; logout_timeout, and 5 s
	 * for the kernel to destroy it; what the kernel is told at once.
	 */
	static const uint64_t patience_ms[] = {[LOGIN] = 120000, [LOGOUT] = 21000, [UPDATE] = 1000};
	uint64_t now = clock_now(&sim.loop);

	for (unsigned int i = 0; i < n_waiters; i++)
		if (!waiters[i].answers && now > waiters[i].since + patience_ms[waiters[i].for_what])
			model_fault("a %s has no answer after %u s", names[waiters[i].for_what],
				(unsigned int)(now - waiters[i].since) / 1000);
}

/* ---- parts of scenarios ---- */

static struct fake_target other;

static void open_other(void)
{
	fake_target_open(&other, &sim.loop);
	sim.target.answer = ANSWER_REDIRECT;
	snprintf(sim.target.redirect, sizeof(sim.target.redirect), "127.0.0.1:%d,1", other.port);
}

static void redirect_for_good(void)
{
	open_other();
	sim.target.redirect_permanent = true;
}

static void fail_logins(unsigned int from, unsigned int n, enum fake_answer answer)
{
	sim.target.answer = answer;
	sim.target.status_class = 3;
	sim.target.detail = 1;
	sim.target.fail_first = from + n;
}

static void busy_target(void)
{
	fail_logins(0, 1, ANSWER_STATUS);
}

static void two_addresses(void)
{
	fake_addresses = 2;
}

static void found(const char *state, const char *conn_state, const char *target_state)
{
	fake_kernel_preset(sim.root, 7, SIM_TARGET, "127.0.0.1", sim.target.port, state, conn_state,
		target_state);
}

static void found_healthy(void)
{
	found("LOGGED_IN", "up", "SCANNED");
}

static void found_logged_out(void)
{
	found_healthy();
	fake_kernel.fail[FAKE_SEND] = -EPERM;
	fake_kernel.fail_only[FAKE_SEND] = 1;
}

static void found_silent(void)
{
	found_healthy();
	fake_kernel.mute[FAKE_SEND] = true;
}

static void found_broken(void)
{
	found("FAILED", "failed", "SCANNED");
}

static void found_leaving(void)
{
	found("LOGGED_IN", "up", "UNBOUND");
}

static void found_unfinished(void)
{
	found("FREE", "bound", "ALLOCATED");
}

static struct session *first(void)
{
	return list_first(&sim.initiator.sessions, struct session, link);
}

static void lose(void)
{
	fake_kernel_conn_error(first()->sid, 1020);
}

static void lose_and_be_refused(void)
{
	lose();
	fail_logins(1, 2, ANSWER_CLOSE);
}

static void lose_to_silence(void)
{
	lose();
	fail_logins(1, 2, ANSWER_SILENCE);
}

static void log_out(void)
{
	if (first()) /* or it has gone by what was injected */
		model_log_out(first());
}

static void log_out_without_an_answer(void)
{
	fake_kernel.mute[FAKE_SEND] = true;
	log_out();
}

static void log_out_busy_devices(void)
{
	fake_kernel.mute[FAKE_UNBIND] = true;
	log_out();
}

static void log_out_undestroyed(void)
{
	fake_kernel.fail[FAKE_DESTROY] = -EBUSY;
	fake_kernel.fail_only[FAKE_DESTROY] = 2;
	log_out();
}

static void lose_and_log_out(void)
{
	lose();
	sim_settle();
	log_out();
}

/* Until the session reconnects. */
static void log_out_of_reconnecting(void)
{
	lose_to_silence();
	sim_settle();
	fake_clock_step();
	sim_settle();
	log_out();
}

static void ask_for_logout(void)
{
	uint8_t bhs[BHS_LEN] = {OP_ASYNC, 0x80};

	bhs[36] = ASYNC_LOGOUT_REQUEST;
	be16_put(bhs + 42, 3);
	fake_kernel_pdu(first()->sid, bhs);
}

static void ask_in_vain(void)
{
	fake_kernel.mute[FAKE_SEND] = true;
	ask_for_logout();
}

static void async_sense(uint32_t sid, uint16_t asc_ascq)
{
	uint8_t bhs[BHS_LEN] = {OP_ASYNC, 0x80}, data[20] = {0, 18, 0x70};

	bhs[7] = sizeof(data);
	bhs[36] = ASYNC_SCSI;
	be16_put(data + 2 + 12, asc_ascq);
	fake_kernel_pdu_with(sid, bhs, data, sizeof(data));
}

void model_new_luns(uint32_t sid)
{
	async_sense(sid, 0x3f0e);
}

void model_new_sizes(uint32_t sid)
{
	async_sense(sid, 0x2a09);
}

static void ask_and_refuse(void)
{
	fake_kernel.fail[FAKE_SEND] = -EPERM;
	fake_kernel.fail_only[FAKE_SEND] = 1;
	ask_for_logout();
}

static void new_luns(void)
{
	model_new_luns(first()->sid);
	model_new_luns(first()->sid);
}

static void scan_and_lose(void)
{
	new_luns();
	lose();
}

static void scan_and_log_out_undestroyed(void)
{
	new_luns();
	sim_settle();
	log_out_undestroyed();
}

#define BY_NAME {"node.conn[0].address", "disk.example"}
#define MANUAL {"node.session.scan", "manual"}

const struct scenario scenarios[] = {
	{.name = "login"},
	{.name = "login-manual-scan", .record = {MANUAL}},
	{.name = "login-busy-target", .before = busy_target},
	{.name = "login-by-name", .before = two_addresses, .record = {BY_NAME}},
	{.name = "login-redirect", .before = open_other},
	{.name = "logged-in", .logged_in = true},
	{.name = "new-luns", .logged_in = true, .act = new_luns},
	{.name = "recovery", .logged_in = true, .act = lose},
	{.name = "recovery-refused", .logged_in = true, .act = lose_and_be_refused},
	{.name = "recovery-silence", .logged_in = true, .act = lose_to_silence},
	{.name = "recovery-by-name", .before = two_addresses, .record = {BY_NAME}, .logged_in = true,
		.act = lose},
	{.name = "recovery-redirect", .before = redirect_for_good, .logged_in = true, .act = lose},
	{.name = "recovery-given-up", .record = {{"node.session.reopen_max", "1"}},
		.logged_in = true, .act = lose_and_be_refused},
	{.name = "logout-asked-refused", .logged_in = true, .act = ask_and_refuse},
	{.name = "logout-asked", .logged_in = true, .act = ask_for_logout},
	{.name = "logout-asked-in-vain", .logged_in = true, .act = ask_in_vain},
	{.name = "scan-and-recovery", .logged_in = true, .act = scan_and_lose},
	{.name = "scan-and-stuck", .logged_in = true, .act = scan_and_log_out_undestroyed},
	{.name = "logout", .logged_in = true, .act = log_out},
	{.name = "logout-no-answer", .logged_in = true, .act = log_out_without_an_answer},
	{.name = "logout-busy-devices", .logged_in = true, .act = log_out_busy_devices},
	{.name = "logout-undestroyed", .logged_in = true, .act = log_out_undestroyed},
	{.name = "logout-of-login", .act = log_out},
	{.name = "logout-of-backoff", .logged_in = true, .act = lose_and_log_out},
	{.name = "logout-of-reconnecting", .logged_in = true, .act = log_out_of_reconnecting},
	{.name = "found-healthy", .before = found_healthy},
	{.name = "found-logged-out", .before = found_logged_out},
	{.name = "found-silent", .before = found_silent},
	{.name = "found-broken", .before = found_broken},
	{.name = "found-leaving", .before = found_leaving},
	{.name = "found-unfinished", .before = found_unfinished},
	{},
};

static void begin_login(const struct scenario *s)
{
	struct iscsi_node *n = sim_node(1);

	for (int i = 0; i < 4 && s->record[i].key; i++)
		iscsi_node_set(n, s->record[i].key, s->record[i].value);
	session_login(&sim.initiator, n, new_waiter(LOGIN));
}

void model_begin(const struct scenario *s, bool bursts)
{
	n_waiters = 0;
	other.impl = NULL;
	sim_setup_root();
	if (s->before)
		s->before();
	fake_kernel.bursts = bursts;
	sim_start();
	if (!list_empty(&sim.initiator.sessions))
		return;
	begin_login(s);
	while (s->logged_in && !model_all_answered()) {
		sim_settle();
		if (!model_all_answered() && !fake_clock_step())
			break;
	}
}

void model_heal(void)
{
	sim.target.answer = other.impl ? sim.target.answer : ANSWER_ACCEPT;
	memset(fake_kernel.fail, 0, sizeof(fake_kernel.fail));
	memset(fake_kernel.mute, 0, sizeof(fake_kernel.mute));
}

void model_end(void)
{
	fake_addresses = 0;
	if (other.impl)
		fake_target_close(&other);
	sim_teardown();
}
