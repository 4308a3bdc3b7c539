/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Blocks of some KiB each, thousands of them, which live long and are looked
 * into at random: slabs (Bonwick, "The Slab Allocator", 1994) of 2 MiB, each
 * for blocks of one size, which the kernel is asked to keep in huge pages.  Of
 * blocks all over a heap of small pages the processor cannot remember where
 * they are, and each first look costs it several.  What is given back is used
 * again by blocks of about its size, or goes back to the kernel, so a set of
 * blocks that is replaced piece by piece does not grow.
 */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>

enum {
	SLAB_LEAST = 4 * 1024,		/* smaller and larger blocks come from */
	SLAB_MOST = 256 * 1024,		/* malloc */
	SLAB_ALIGNED = 64,
};

/* Zeroed, and aligned to a line of the cache.  Any thread. */
void *slab_alloc(size_t bytes);

/* bytes as it was asked for; NULL is nothing to free.  Any thread. */
void slab_free(void *block, size_t bytes);

/* What all slabs take of memory. */
size_t slab_bytes(void);

#endif
