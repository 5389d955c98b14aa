/* SPDX-License-Identifier: MIT */
/* cover.c - which pairs of state and event of the daemon's tables were driven */
#include <stdio.h>
#include <string.h>

#include "conn.h"
#include "fake.h"
#include "machine.h"
#include "scenarios.h"

#define STATES_MAX 32

static struct table {
	const char *name;
	const struct machine_def *def;
	unsigned int taken[STATES_MAX][MACHINE_EVENTS_MAX];
} tables[] = {
	{.name = "session", .def = &session_machine},
	{.name = "connection", .def = &conn_machine},
};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static void count(const struct machine *m, int event)
{
	for (size_t i = 0; i < N_TABLES; i++)
		if (tables[i].def == m->def)
			tables[i].taken[m->state][event]++;
	fake_point(FAKE_POINT_EVENT);
}

void model_watch(void)
{
	machine_watch = count;
}

static bool has_row(const struct machine_def *def, unsigned int state, int event)
{
	for (unsigned int i = 0; i < def->n_rows; i++)
		if (def->rows[i].event == event && def->rows[i].states & IN(state))
			return true;
	return false;
}

static unsigned int report(const struct table *t)
{
	unsigned int pairs = 0, missing = 0;

	for (unsigned int state = 0; state < t->def->n_states; state++)
		for (unsigned int event = 0; event < t->def->n_events; event++) {
			if (!has_row(t->def, state, (int)event))
				continue;
			pairs++;
			if (t->taken[state][event])
				continue;
			missing++;
			printf("never taken: %s \"%s\" on \"%s\"\n", t->name, t->def->states[state],
				t->def->events[event]);
		}
	printf("%s: %u of %u pairs of state and event\n", t->name, pairs - missing, pairs);
	return missing;
}

unsigned int model_report(void)
{
	unsigned int missing = 0;

	for (size_t i = 0; i < N_TABLES; i++)
		missing += report(&tables[i]);
	return missing;
}
