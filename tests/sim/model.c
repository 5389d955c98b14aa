/* SPDX-License-Identifier: MIT */
/*
 * model.c - everything that can happen, at every step of every scenario: each event, each failure,
 * two in a row and two at once. Whatever it is, in the end the session is healthy or gone, who
 * waits has heard once, and nothing is left behind.
 *
 * MODEL="SCENARIO STEP INJECTION ..." plays one again, with the daemon's log; with MODEL_ROUND=1
 * as it was in the rounds of one event.
 */
#include <dirent.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "inject.h"
#include "log.h"
#include "scenarios.h"
#include "sim.h"
#include "str.h"

#define SHOTS_MAX 3
#define STEPS_MAX 400	      /* of one run that something is injected at */
#define ROUNDS_MAX 3000	      /* of the clock, before a run counts as endless */
#define HANG_MS 100000	      /* what hangs goes on after that */
#define EXAMPLES_MAX 6

/* ---- one run ---- */

static const char *state_name(void)
{
	return the_session() ? session_machine.states[the_session()->machine.state] : "gone";
}

struct shot {
	unsigned int at;
	int injection;
};

static struct run {
	const struct scenario *scenario;
	struct shot shots[SHOTS_MAX];
	int n_shots;
	bool bursts;
	bool counting; /* steps are those of the scenario, not of what is tried afterwards */
	unsigned int steps;
	enum fake_point points[STEPS_MAX];
	uint64_t situations[STEPS_MAX], states[STEPS_MAX];
	bool hangs;
	bool hung; /* at any time */
	uint64_t hung_at;
	bool failed;
} run;

static unsigned int runs, reports;

static void describe(char *ret, size_t len)
{
	int n = snprintf(ret, len, "%s", run.scenario ? run.scenario->name : "");

	if (machine_round == 1)
		n += snprintf(ret + n, len - (size_t)n, " (rounds of 1)");
	for (int i = 0; i < run.n_shots; i++)
		n += snprintf(ret + n, len - (size_t)n, " %u %s", run.shots[i].at,
			injections[run.shots[i].injection].name);
}

/* Of one kind of fault a few examples are enough. */
static bool is_worth_a_line(const char *fmt)
{
	static struct {
		const char *fmt;
		unsigned int n;
	} kinds[32];
	size_t i = 0;

	while (kinds[i].fmt && kinds[i].fmt != fmt)
		i++;
	kinds[i].fmt = fmt;
	return kinds[i].n++ < EXAMPLES_MAX;
}

void model_fault(const char *fmt, ...)
{
	char what[160];
	va_list ap;

	if (run.failed)
		return;
	run.failed = true;
	reports++;
	if (!is_worth_a_line(fmt))
		return;
	describe(what, sizeof(what));
	printf("%s: ", what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* What tells one moment of a session from another. */
static uint64_t situation(enum fake_point point)
{
	const struct session *s = the_session();
	uint64_t h = 14695981039346656037u ^ point;

	if (!s)
		return h;
	const int parts[] = {s->machine.state, s->conn.machine.state, s->stop.busy, s->unbind.busy,
		s->send.busy, s->destroy.busy, s->set.busy, s->scanning, run.hangs,
		list_empty(&s->login_waiters), list_empty(&s->logout_waiters),
		fake_kernel.fail[FAKE_SEND] != 0};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		h = (h ^ (uint64_t)parts[i]) * 1099511628211u;
	return h;
}

/* The states of both machines. */
static uint64_t states(void)
{
	const struct session *s = the_session();

	return s ? 1 + (uint64_t)s->machine.state * 64 + (uint64_t)s->conn.machine.state : 1;
}

static enum fake_fault play(enum fake_point point)
{
	enum fake_fault fault = FAKE_WORKS;

	if (!run.counting)
		return FAKE_WORKS;
	if (run.steps < STEPS_MAX) {
		run.points[run.steps] = point;
		run.situations[run.steps] = situation(point);
		run.states[run.steps] = states();
	}
	for (int i = 0; i < run.n_shots; i++) {
		const struct injection *j = &injections[run.shots[i].injection];

		if (run.shots[i].at != run.steps)
			continue;
		if (j->event)
			j->event();
		else if (injection_applies(point, j))
			fault = j->fault;
	}
	run.steps++;
	if (fault == FAKE_HANGS && point != FAKE_POINT_REQUEST) {
		run.hangs = run.hung = true;
		run.hung_at = clock_now(&sim.loop);
	}
	return fault;
}

static bool is_healthy(void)
{
	const struct session *s = the_session();

	return s && str_eq(state_name(), "logged in") && fake_kernel_is_up(s->sid) &&
	       fake_kernel.sessions == 1;
}

static bool is_gone(void)
{
	return !the_session() && !fake_kernel.sessions;
}

/* True at any moment when nothing moves. */
static void check_now(void)
{
	const struct session *s = the_session();

	if (s && str_eq(state_name(), "logged in") && !fake_kernel_is_up(s->sid))
		model_fault("the daemon calls a session healthy that the kernel does not");
	for (uint32_t sid = 1; sid < 40; sid++)
		if (fake_kernel_has(sid) && !initiator_find_sid(&sim.initiator, sid))
			model_fault("the kernel has session %u, the daemon has not", sid);
	if (!run.hung)
		model_check_patience();
}

static bool is_over(void)
{
	return !run.hangs && model_all_answered() && (is_gone() || is_healthy());
}

static void release(void)
{
	run.hangs = false;
	fake_release();
}

static void drive(void)
{
	for (int i = 0; i < ROUNDS_MAX; i++) {
		unsigned int before = run.steps;

		sim_settle();
		check_now();
		if (run.failed || (i && is_over()))
			return;
		fake_point(FAKE_POINT_TIME);
		if (run.hangs && clock_now(&sim.loop) >= run.hung_at + HANG_MS) {
			release();
			continue;
		}
		/* What was injected is looked at before time goes on. */
		sim_settle();
		if (before + 1 < run.steps || is_over())
			continue;
		if (run.hangs) {
			fake_clock_step_until(run.hung_at + HANG_MS);
		} else if (!fake_clock_step()) {
			model_fault("it waits for nothing, state \"%s\"", state_name());
			return;
		}
	}
	model_fault("it never ends, state \"%s\"",
		state_name());
}

static unsigned int entries(const char *path)
{
	unsigned int n = 0;
	DIR *d = opendir(path);

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

static void check_nothing_left(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/run/iscsi/isid", sim.root);
	if (entries(path) > 2)
		model_fault("an ISID's file is left");
	if (sim.target.logged_in)
		model_fault("the target still has a connection");
	if (fake_kernel.abuses)
		model_fault("%u calls that the kernel must not be asked", fake_kernel.abuses);
	if (machine_faults)
		model_fault("%u events or ways that are not in the table", machine_faults);
	machine_faults = fake_kernel.abuses = 0;
}

static void play_run(void)
{
	static unsigned int fds;

	/* The log of this run only, when it goes to a file. */
	if (!getenv("MODEL") && !ftruncate(STDERR_FILENO, 0))
		lseek(STDERR_FILENO, 0, SEEK_SET);
	run.counting = run.hangs = run.hung = run.failed = false;
	run.steps = 0;
	fake_plan = play;
	model_begin(run.scenario, run.bursts);
	run.counting = true;
	if (run.scenario->act)
		run.scenario->act();
	drive();
	run.counting = false;
	run.hung = run.hung || run.hangs;
	release();
	model_heal();
	drive();
	if (!run.failed && !is_gone() && !is_healthy())
		model_fault("neither healthy nor gone");
	if (!run.failed && is_healthy()) {
		model_log_out(the_session());
		drive();
		if (!run.failed && !is_gone())
			model_fault("the logout left something");
	}
	if (!run.failed)
		check_nothing_left();
	fake_kernel.abuses = machine_faults = 0;
	model_end();
	/* What the very first run opened stays open. */
	if (!runs)
		fds = entries("/proc/self/fd");
	else if (entries("/proc/self/fd") != fds)
		model_fault("%u descriptors, %u before", entries("/proc/self/fd"), fds);
	fake_plan = NULL;
}

/* ---- all runs ---- */

#define SITUATIONS_MAX 65536
static uint64_t seen[SITUATIONS_MAX];
static unsigned int n_seen;

static bool is_new(uint64_t what)
{
	uint64_t i = what % SITUATIONS_MAX;

	while (seen[i] && seen[i] != what)
		i = (i + 1) % SITUATIONS_MAX;
	if (seen[i])
		return false;
	n_seen++;
	seen[i] = what;
	return true;
}

struct plan {
	struct shot shots[SHOTS_MAX];
	int n;
};

#define PLANS_MAX 65536
static struct plan plans[PLANS_MAX];
static unsigned int n_plans;

static struct plan pairs[PLANS_MAX];
static unsigned int n_pairs;

static void add_plan(const struct plan *p, unsigned int at, int injection)
{
	struct plan *to = &plans[n_plans++];

	if (n_plans > PLANS_MAX)
		abort();
	*to = *p;
	to->shots[to->n++] = (struct shot){at, injection};
}

/* Two events right after one another, in either order. */
static void add_pairs(const struct plan *p, unsigned int at)
{
	for (int i = 0; injections[i].name; i++)
		for (int j = 0; injections[j].name; j++) {
			struct plan *to = &pairs[n_pairs];

			if (i == j || !injections[i].event || !injections[j].event)
				continue;
			*to = *p;
			to->shots[to->n++] = (struct shot){at, i};
			to->shots[to->n++] = (struct shot){at, j};
			if (++n_pairs == PLANS_MAX)
				abort();
		}
}

static void play_plan(const struct plan *p)
{
	memcpy(run.shots, p->shots, sizeof(run.shots));
	run.n_shots = p->n;
	runs++;
	play_run();
}

/* In every situation that was not seen before, after all that led to it, everything can happen. */
static void play_on(const struct plan *p)
{
	unsigned int from = p->n ? p->shots[p->n - 1].at : 0;
	bool every = !p->n;

	for (unsigned int k = from; k < run.steps && k < STEPS_MAX && p->n < SHOTS_MAX; k++) {
		if (p->n + 2 <= SHOTS_MAX && is_new(run.states[k]))
			add_pairs(p, k);
		if (!is_new(run.situations[k]) && !every)
			continue;
		for (int i = 0; injections[i].name; i++)
			if (injection_applies(run.points[k], &injections[i]))
				add_plan(p, k, i);
	}
}

/* A step fails, and then one of the three after it, or a later one in the same way. */
static void add_failures(unsigned int k, int i)
{
	struct plan p = {.shots = {{k, i}}, .n = 1};

	for (unsigned int l = k + 1; l < run.steps + 8 && l < STEPS_MAX; l++)
		for (int j = 0; !injections[j].event; j++)
			/* How many steps there are, and of what kind, the first failure may change. */
			if ((l >= run.steps || injection_applies(run.points[l], &injections[j])) &&
				(l <= k + 3 || i == j))
				add_plan(&p, l, j);
}

static void add_all_failures(void)
{
	for (unsigned int k = 0; k < run.steps && k < STEPS_MAX; k++)
		for (int i = 0; !injections[i].event; i++)
			if (injection_applies(run.points[k], &injections[i]))
				add_failures(k, i);
}

static void play_scenario(const struct scenario *s)
{
	unsigned int before = runs, situations = n_seen, round = machine_round;
	const struct plan nothing = {.n = 0};

	run.scenario = s;
	n_plans = n_pairs = 0;
	play_plan(&nothing);
	play_on(&nothing);
	add_all_failures();
	for (unsigned int i = 0; i < n_plans; i++) {
		play_plan(&plans[i]);
		play_on(&plans[i]);
	}
	/* News between any two events. */
	machine_round = 1;
	for (unsigned int i = 0; i < n_plans && plans[i].n == 1; i++)
		if (injections[plans[i].shots[0].injection].event)
			play_plan(&plans[i]);
	machine_round = round;
	/* Two at once. */
	run.bursts = true;
	for (unsigned int i = 0; i < n_pairs; i++)
		play_plan(&pairs[i]);
	/* And what is lost, not heard before the session goes on. */
	machine_round = 1;
	for (unsigned int i = 0; i < n_pairs; i++)
		if (injections[pairs[i].shots[pairs[i].n - 1].injection].event == fake_kernel_lose)
			play_plan(&pairs[i]);
	machine_round = round;
	run.bursts = false;
	printf("%-24s %5u runs, %4u new situations\n", s->name, runs - before, n_seen - situations);
}

static int find_injection(const char *name)
{
	int i = 0;

	while (injections[i].name && !str_eq(injections[i].name, name))
		i++;
	ck_assert_msg(injections[i].name, "there is no injection \"%s\"", name);
	return i;
}

/* For MODEL. */
static void play_again(const char *text)
{
	char scenario[64], what[SHOTS_MAX][32] = {};
	unsigned int at[SHOTS_MAX] = {};
	int n = sscanf(text, "%63s %u %31s %u %31s %u %31s", scenario, &at[0], what[0], &at[1],
		what[1], &at[2], what[2]);

	log_set_debug(8);
	if (getenv("MODEL_ROUND"))
		machine_round = 1;
	for (const struct scenario *s = scenarios; s->name; s++) {
		if (!str_eq(s->name, scenario))
			continue;
		run.scenario = s;
		run.n_shots = (n - 1) / 2;
		for (int i = 0; i < run.n_shots; i++)
			run.shots[i] = (struct shot){at[i], find_injection(what[i])};
		play_run();
	}
}

static void on_crash(int number)
{
	char what[160];

	describe(what, sizeof(what));
	printf("%s: signal %d\n", what, number);
	fflush(stdout);
	signal(number, SIG_DFL);
	raise(number);
}

START_TEST(everything)
{
	const char *again = getenv("MODEL");

	signal(SIGSEGV, on_crash);
	signal(SIGABRT, on_crash);
	model_watch();
	sim_keep_root(true);
	run.scenario = scenarios;
	if (again)
		play_again(again);
	else
		play_run();
	for (const struct scenario *s = scenarios; s->name && !again; s++)
		play_scenario(s);
	printf("%u runs, %u situations\n", runs, n_seen);
	sim_keep_root(false);
	if (!again)
		reports += model_report();
	ck_assert_uint_eq(reports, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model");
	TCase *c = tcase_create("model");

	/* One process: descriptors, memory and rows are counted over all runs. */
	setenv("CK_FORK", "no", 1);
	setvbuf(stdout, NULL, _IOLBF, 0);
	tcase_add_test(c, everything);
	suite_add_tcase(s, c);
	return sim_main(s);
}
