/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>

struct crew {
	size_t next, n;
	void (*work)(void *data, size_t i);
	void *data;
};

unsigned int crew_size(size_t n, size_t some)
{
	cpu_set_t set;
	size_t size = n / some;

	if (size <= 1 || sched_getaffinity(0, sizeof(set), &set) < 0)
		return 1;
	if (size > (size_t)CPU_COUNT(&set))
		size = (size_t)CPU_COUNT(&set);
	return size > CREW_MAX ? CREW_MAX : (unsigned int)size;
}

static void *take_part(void *data)
{
	struct crew *c = data;
	size_t i;

	while ((i = __atomic_fetch_add(&c->next, 1, __ATOMIC_RELAXED)) < c->n)
		c->work(c->data, i);
	return NULL;
}

void crew_run(unsigned int size, size_t n, void (*work)(void *data, size_t i), void *data)
{
	struct crew c = {.n = n, .work = work, .data = data};
	pthread_t threads[CREW_MAX];
	unsigned int others = 0;
	sigset_t all, before;

	if (size > 1) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &before);
		while (others + 1 < size && others < CREW_MAX &&
			pthread_create(&threads[others], NULL, take_part, &c) == 0)
			others++;
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	take_part(&c);
	while (others)
		pthread_join(threads[--others], NULL);
}
