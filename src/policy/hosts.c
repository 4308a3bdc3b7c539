/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/hosts.h"

#include "base/hash.h"
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
	const struct host *host = find(hosts, name, hash_slice(name));

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
		uint64_t hash = hash_slice(name);
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
