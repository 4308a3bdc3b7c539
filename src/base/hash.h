/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A keyed hash (SipHash-2-4, Aumasson and Bernstein 2012) and a map from
 * byte strings to pointers on top of it.  The key is drawn once per process,
 * so nobody outside can make keys collide.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

/* Under an explicit 16-byte key: stable across processes. */
uint64_t hash_keyed(const uint8_t key[16], struct slice bytes);

/* Under this process's own random key. */
uint64_t hash_slice(struct slice bytes);

/*
 * Keys are copied; values are the caller's.  Not for sharing while it
 * changes; any number of threads may read one that no longer does.
 */
struct map;

struct map *map_new(void);
void map_free(struct map **map);

/* The former value, or NULL.  A NULL value is not allowed. */
void *map_put(struct map *map, struct slice key, void *value);
void *map_get(const struct map *map, struct slice key);
void *map_remove(struct map *map, struct slice key);
size_t map_count(const struct map *map);

/* In no particular order; start with *at = 0.  False at the end. */
bool map_next(const struct map *map, size_t *at, struct slice *key,
    void **value);

#endif
