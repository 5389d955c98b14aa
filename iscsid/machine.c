/* SPDX-License-Identifier: MIT */
#include "machine.h"

#include "log.h"

unsigned int machine_round = 64;
unsigned int machine_faults;
void (*machine_watch)(const struct machine *m, int event);

static const struct machine_row *find_row(const struct machine *m, int event)
{
	for (unsigned int i = 0; i < m->def->n_rows; i++) {
		const struct machine_row *row = &m->def->rows[i];

		if (row->event == event && row->states & IN(m->state))
			return row;
	}
	return NULL;
}

/* The timer, and what it has posted already. */
static void stop_timer(struct machine *m)
{
	unsigned int kept = 0;

	clock_timer_stop(&m->timer);
	if (!m->fired)
		return;
	m->fired = false;
	for (unsigned int i = 0; i < m->n; i++) {
		uint8_t event = m->queue[(m->head + i) % MACHINE_EVENTS_MAX];

		if (event != m->later)
			m->queue[(m->head + kept++) % MACHINE_EVENTS_MAX] = event;
	}
	m->n = kept;
	if (!m->n)
		list_remove(&m->link);
}

static void handle(struct machine *m, int event)
{
	const struct machine_row *row = find_row(m, event);
	const struct machine_def *def = m->def;
	int old = m->state, next;

	if (machine_watch)
		machine_watch(m, event);
	m->timer_is_new = false;
	if (event == m->later)
		m->fired = false;
	if (row) {
		next = row->action(m->owner);
		machine_faults += next != old && !(row->to & (next == MACHINE_GONE ? GONE : IN(next)));
	} else {
		machine_faults++;
		log_error("%s: event \"%s\" in state \"%s\" makes no sense", def->name(m->owner),
			def->events[event], def->states[old]);
		next = def->unexpected(m->owner, event);
	}
	if (next == MACHINE_GONE || next == old)
		return;
	if (!m->timer_is_new)
		stop_timer(m);
	m->state = next;
	log_debug(3, "%s: %s -> %s on %s", def->name(m->owner), def->states[old],
		def->states[next], def->events[event]);
}

static void on_idle(uv_idle_t *idle)
{
	struct machine_runner *r = idle->data;
	unsigned int left = machine_round;
	struct machine *m;

	/* One round: what these events post waits until the loop has looked at its sockets. */
	while (left-- && (m = list_first(&r->ready, struct machine, link))) {
		int event = m->queue[m->head];

		m->head = (m->head + 1) % MACHINE_EVENTS_MAX;
		m->n--;
		list_remove(&m->link);
		if (m->n)
			list_append(&r->ready, &m->link);
		handle(m, event);
	}
	if (list_empty(&r->ready))
		uv_idle_stop(idle);
}

void machine_runner_init(struct machine_runner *r, uv_loop_t *loop)
{
	r->loop = loop;
	list_init(&r->ready);
	uv_idle_init(loop, &r->idle);
	r->idle.data = r;
}

void machine_runner_close(struct machine_runner *r)
{
	uv_close((uv_handle_t *)&r->idle, NULL);
}

static void on_timer(struct clock_timer *t)
{
	struct machine *m = container_of(t, struct machine, timer);

	m->fired = true;
	machine_post(m, m->later);
}

int machine_init(struct machine *m, struct machine_runner *r, const struct machine_def *def,
	void *owner, int state)
{
	m->def = def;
	m->runner = r;
	m->owner = owner;
	m->state = state;
	m->later = -1;
	m->timer_is_new = m->fired = false;
	m->head = m->n = 0;
	list_init(&m->link);
	return clock_timer_init(r->loop, &m->timer, on_timer);
}

void machine_close(struct machine *m)
{
	if (!m->def)
		return;
	list_remove(&m->link);
	clock_timer_close(&m->timer);
}

bool machine_is_posted(const struct machine *m, int event)
{
	for (unsigned int i = 0; i < m->n; i++)
		if (m->queue[(m->head + i) % MACHINE_EVENTS_MAX] == event)
			return true;
	return false;
}

void machine_post(struct machine *m, int event)
{
	if (machine_is_posted(m, event))
		return;
	m->queue[(m->head + m->n) % MACHINE_EVENTS_MAX] = (uint8_t)event;
	if (m->n++ == 0)
		list_append(&m->runner->ready, &m->link);
	uv_idle_start(&m->runner->idle, on_idle);
}

void machine_post_at(struct machine *m, int event, uint64_t at)
{
	stop_timer(m);
	m->later = event;
	m->timer_is_new = true;
	clock_timer_set(&m->timer, at);
}

static void print_row(const struct machine_def *def, const struct machine_row *row, unsigned int from,
	FILE *f)
{
	for (unsigned int to = 0; to < def->n_states; to++)
		if (row->to & IN(to) && to != from)
			fprintf(f, "\t\"%s\" -> \"%s\" [label=\"%s\"];\n", def->states[from],
				def->states[to], def->events[row->event]);
	if (row->to & GONE)
		fprintf(f, "\t\"%s\" -> \"gone\" [label=\"%s\"];\n", def->states[from],
			def->events[row->event]);
}

void machine_print(const struct machine_def *def, const char *title, FILE *f)
{
	fprintf(f, "digraph \"%s\" {\n", title);
	for (unsigned int i = 0; i < def->n_rows; i++)
		for (unsigned int from = 0; from < def->n_states; from++)
			if (def->rows[i].states & IN(from))
				print_row(def, &def->rows[i], from, f);
	fprintf(f, "}\n");
}
