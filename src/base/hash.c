/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/hash.h"

#include <stdlib.h>
#include <pthread.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/must.h"

static uint64_t
rotl(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static uint64_t
read64(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x;
}

static void
sip_rounds(uint64_t v[4], int rounds)
{
	while (rounds-- > 0) {
		v[0] += v[1];
		v[1] = rotl(v[1], 13) ^ v[0];
		v[0] = rotl(v[0], 32);
		v[2] += v[3];
		v[3] = rotl(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotl(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotl(v[1], 17) ^ v[2];
		v[2] = rotl(v[2], 32);
	}
}

uint64_t
hash_keyed(const uint8_t key[16], struct slice bytes)
{
	const uint8_t *p = (const uint8_t *)bytes.p;
	uint64_t k0 = read64(key), k1 = read64(key + 8);
	uint64_t v[4] = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
	    k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	uint64_t last = (uint64_t)bytes.len << 56, m;
	size_t whole = bytes.len & ~(size_t)7;

	for (size_t i = 0; i < whole; i += 8) {
		m = read64(p + i);
		v[3] ^= m;
		sip_rounds(v, 2);
		v[0] ^= m;
	}
	for (size_t i = whole; i < bytes.len; i++)
		last |= (uint64_t)p[i] << (8 * (i - whole));
	v[3] ^= last;
	sip_rounds(v, 2);
	v[0] ^= last;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint8_t process_key[16];
static pthread_once_t process_key_once = PTHREAD_ONCE_INIT;

static void
draw_process_key(void)
{
	must(getrandom(process_key, sizeof(process_key), 0) ==
	    sizeof(process_key));
}

uint64_t
hash_slice(struct slice bytes)
{
	pthread_once(&process_key_once, draw_process_key);
	return hash_keyed(process_key, bytes);
}

/* Open addressing with linear probing; at most three quarters full. */
struct slot {
	uint64_t	 hash;
	char		*key;		/* NULL: never used */
	size_t		 key_len;
	void		*value;		/* NULL: removed */
};

struct map {
	struct slot	*slots;
	size_t		 size;		/* a power of two */
	size_t		 used;		/* removed slots included */
	size_t		 count;
};

struct map *
map_new(void)
{
	struct map *map = xcalloc(1, sizeof(*map));

	map->size = 16;
	map->slots = xcalloc(map->size, sizeof(*map->slots));
	return map;
}

void
map_free(struct map **map)
{
	if (*map == NULL)
		return;
	for (size_t i = 0; i < (*map)->size; i++)
		free((*map)->slots[i].key);
	free((*map)->slots);
	free(*map);
	*map = NULL;
}

/* The key's slot, or the never used one where the search for it ends. */
static struct slot *
slot_find(const struct map *map, uint64_t hash, struct slice key)
{
	for (size_t i = hash;; i++) {
		struct slot *s = &map->slots[i & (map->size - 1)];

		if (s->key == NULL || (s->hash == hash &&
		    slice_eq((struct slice){ s->key, s->key_len }, key)))
			return s;
	}
}

static void
map_rehash(struct map *map)
{
	struct slot *old = map->slots;
	size_t old_size = map->size;

	while (map->size < map->count * 2 + 16)
		map->size *= 2;
	map->slots = xcalloc(map->size, sizeof(*map->slots));
	map->used = map->count;
	for (size_t i = 0; i < old_size; i++) {
		if (old[i].value == NULL) {
			free(old[i].key);
			continue;
		}
		*slot_find(map, old[i].hash, (struct slice){ old[i].key,
		    old[i].key_len }) = old[i];
	}
	free(old);
}

void *
map_put(struct map *map, struct slice key, void *value)
{
	uint64_t hash = hash_slice(key);
	struct slot *s;
	void *former;

	must(value != NULL);
	if ((map->used + 1) * 4 > map->size * 3)
		map_rehash(map);
	s = slot_find(map, hash, key);
	if (s->key == NULL) {
		s->key = xmalloc(key.len);
		if (key.len > 0)
			memcpy(s->key, key.p, key.len);
		s->key_len = key.len;
		s->hash = hash;
		map->used++;
	}
	former = s->value;
	s->value = value;
	map->count += former == NULL;
	return former;
}

void *
map_get(const struct map *map, struct slice key)
{
	return slot_find(map, hash_slice(key), key)->value;
}

void *
map_remove(struct map *map, struct slice key)
{
	struct slot *s = slot_find(map, hash_slice(key), key);
	void *former = s->value;

	s->value = NULL;
	map->count -= former != NULL;
	return former;
}

size_t
map_count(const struct map *map)
{
	return map->count;
}

bool
map_next(const struct map *map, size_t *at, struct slice *key, void **value)
{
	for (; *at < map->size; (*at)++) {
		const struct slot *s = &map->slots[*at];

		if (s->value == NULL)
			continue;
		*key = (struct slice){ s->key, s->key_len };
		*value = s->value;
		(*at)++;
		return true;
	}
	return false;
}
