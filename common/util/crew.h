/* SPDX-License-Identifier: MIT */
/* crew.h - one piece of work in many parts, on all the processors that there are */
#ifndef UTIL_CREW_H
#define UTIL_CREW_H

#include <stddef.h>

#define CREW_MAX 8 /* what the kernel lets many work at in one directory is used up long before */

/* How many work at n parts when each of them is to have some; at least 1, at most CREW_MAX. */
unsigned int crew_size(size_t n, size_t some);

/*
 * Calls work(data, i) for every i below n, once each, in any order, on size threads (crew_size) of
 * which the caller's is one; returns when all is done. Signals are the caller's. Where no thread can
 * be made fewer do it.
 */
void crew_run(unsigned int size, size_t n, void (*work)(void *data, size_t i), void *data);

#endif
