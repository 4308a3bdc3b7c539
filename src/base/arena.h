/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Memory that is freed all at once.  What is built together and dies together
 * (a generation, a request's odds and ends) lives in one arena, so nothing in
 * it needs freeing by itself.
 *
 * An arena belongs to one thread at a time.  Running out of memory stops the
 * process: a path that can never be tested is not written.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/slice.h"

struct arena;

/* Blocks of at least block_bytes are asked of malloc; 0 means 64 KiB. */
struct arena *arena_new(size_t block_bytes);

/* Frees everything in it and sets *arena to NULL; NULL is nothing to free. */
void arena_free(struct arena **arena);

/* Zeroed and aligned for any type. */
void *arena_alloc(struct arena *arena, size_t bytes);
void *arena_array(struct arena *arena, size_t count, size_t bytes_each);

/* A copy with a terminating NUL; the text may be empty. */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_copy(struct arena *arena, struct slice text);

char *arena_printf(struct arena *arena, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Bytes handed out so far. */
size_t arena_bytes(const struct arena *arena);

/* malloc and realloc that stop the process instead of returning NULL. */
void *xmalloc(size_t bytes);
void *xcalloc(size_t count, size_t bytes_each);
void *xrealloc(void *old, size_t bytes);
char *xstrdup(const char *text);

#endif
