/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/hosts.h"

#include "base/must.h"
#include "policy/index.h"

struct host {
	struct slice	 name;
	struct host_hit	 hit;
};

struct hosts {
	struct index	 index;
};

const char *
host_kind_name(enum host_kind kind)
{
	static const char *const names[] = {
		[HOST_UNKNOWN] = "unknown",
		[HOST_GLOBAL] = "global",
		[HOST_REGIONAL] = "regional",
		[HOST_MAIN] = "main",
	};

	must(kind <= HOST_MAIN);
	return names[kind];
}

/*
 * Names come from the configuration alone, so nobody outside can make them
 * collide, and a keyed hash would cost as much as all the rest of the look-up.
 */
static uint64_t
name_hash(struct slice name)
{
	const uint64_t odd = UINT64_C(0x9e3779b97f4a7c15);
	uint64_t hash = name.len, word;

	for (; name.len >= sizeof(word); name.len -= sizeof(word)) {
		memcpy(&word, name.p, sizeof(word));
		hash = (hash ^ word) * odd;
		hash ^= hash >> 32;
		name.p += sizeof(word);
	}
	for (size_t i = 0; i < name.len; i++)
		hash = (hash ^ (uint8_t)name.p[i]) * odd;
	return hash ^ hash >> 32;
}

static struct host *
find(const struct hosts *hosts, struct slice name, uint64_t hash)
{
	struct host *host;

	for (size_t at = 0;
	    (host = index_next(&hosts->index, hash, &at)) != NULL;)
		if (slice_eq(host->name, name))
			return host;
	return NULL;
}

struct host_hit
hosts_find(const struct hosts *hosts, struct slice name)
{
	const struct host *host = find(hosts, name, name_hash(name));

	return host != NULL ? host->hit :
	    (struct host_hit){ .kind = HOST_UNKNOWN };
}

const struct hosts *
hosts_build(struct arena *arena, const struct host_spec *specs, size_t count)
{
	struct hosts *hosts = arena_alloc(arena, sizeof(*hosts));

	index_init(arena, &hosts->index, count);
	for (size_t i = 0; i < count; i++) {
		struct slice name = slice_of(specs[i].name);
		uint64_t hash = name_hash(name);
		struct host *host = find(hosts, name, hash);

		if (host == NULL) {
			host = arena_alloc(arena, sizeof(*host));
			host->name = (struct slice){ arena_copy(arena, name),
			    name.len };
			index_put(&hosts->index, hash, host);
		}
		host->hit = (struct host_hit){ specs[i].kind,
		    specs[i].region };
	}
	return hosts;
}
