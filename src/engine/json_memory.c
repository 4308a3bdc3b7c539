/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Memory of JSON.  An invoke makes some 500 small pieces and gives all of them
 * back a moment later: more than the C library keeps at hand for a thread, so
 * that most went its long way, a fifth of an invoke's work.  Here each thread
 * keeps some of every size until the next invoke.
 */
#include <malloc.h>
#include <stdlib.h>

#include "base/arena.h"
#include "engine/json_text.h"

/* Sanitizers are to see who uses what was given back. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define KEEPS_NOTHING 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
    __has_feature(memory_sanitizer)
#define KEEPS_NOTHING 1
#endif
#endif

#ifdef KEEPS_NOTHING

void
json_memory_begin(void)
{
}

#else

enum {
	STEP = 16,			/* from one size to the next */
	SIZES = 16,
	KEPT_MAX = 1024,		/* pieces of each size */
};

struct piece {
	struct piece	*next;
};

/* Pieces of list[i] have room for i * STEP bytes at least. */
static _Thread_local struct {
	struct piece	*list[SIZES];
	unsigned	 count[SIZES];
} kept;

static void *
take(size_t bytes)
{
	size_t size = (bytes + STEP - 1) / STEP;
	struct piece *p;

	if (size == 0)
		size = 1;
	p = size < SIZES ? kept.list[size] : NULL;
	if (p == NULL)
		return xmalloc(size * STEP);
	kept.list[size] = p->next;
	kept.count[size]--;
	return p;
}

static void
give(void *bytes)
{
	struct piece *p = bytes;
	size_t size = p == NULL ? 0 : malloc_usable_size(p) / STEP;

	if (size == 0 || size >= SIZES || kept.count[size] == KEPT_MAX) {
		free(p);
		return;
	}
	p->next = kept.list[size];
	kept.list[size] = p;
	kept.count[size]++;
}

void
json_memory_begin(void)
{
	json_set_alloc_funcs(take, give);
}

#endif
