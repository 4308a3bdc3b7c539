/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which host names are served, and what a name alone decides.
 */
#ifndef POLICY_HOSTS_H
#define POLICY_HOSTS_H

#include "base/arena.h"
#include "base/slice.h"

enum host_kind {
	HOST_UNKNOWN,			/* 421 */
	HOST_GLOBAL,			/* the map decides */
	HOST_REGIONAL,			/* everything stays in its region */
	HOST_MAIN,			/* everything goes to the main region */
};

const char *host_kind_name(enum host_kind kind);

struct hosts;

struct host_hit {
	enum host_kind	 kind;
	uint8_t		 region;	/* of a regional host */
};

/* name: lower case, without port and trailing dot. */
struct host_hit hosts_find(const struct hosts *hosts, struct slice name);

struct host_spec {
	const char	*name;
	enum host_kind	 kind;
	uint8_t		 region;
};

/* Names are copied; the last of equal names wins (conf refuses them). */
const struct hosts *hosts_build(struct arena *arena,
    const struct host_spec *specs, size_t count);

#endif
