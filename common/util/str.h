/* SPDX-License-Identifier: MIT */
/* str.h - strings: compare, cut, convert */
#ifndef UTIL_STR_H
#define UTIL_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool str_eq(const char *a, const char *b); /* NULL equals NULL only */
bool str_empty(const char *s);		   /* NULL or "" */
const char *str_after(const char *s, const char *prefix); /* NULL when s does not start so */

/* Cuts leading and trailing white space in place; returns the first character kept. */
char *str_trim(char *s);

/* Replaces *dst by a copy of s (NULL and "" both become NULL). 0 or -ENOMEM, *dst untouched. */
int str_set(char **dst, const char *s);

/* FNV-1a: the same on every machine and in every run. */
uint64_t str_hash(const char *s);

/*
 * Whole string as a number, decimal or 0x, within [min, max].
 * -EINVAL when it is not one, -ERANGE when outside.
 */
int str_to_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret);

#define STR_NUMBER_MAX 24
/* n in decimal, somewhere in buf: printf is slow where thousands are printed. */
const char *str_of_number(int64_t n, char buf[static STR_NUMBER_MAX]);

__attribute__((format(printf, 1, 2))) char *str_printf(const char *fmt, ...); /* NULL: no memory */

/* Overwrites a secret so that the compiler keeps the stores. */
void str_wipe(void *p, size_t len);

#endif
