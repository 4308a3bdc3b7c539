/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * expectations.yaml: what the region map must answer, whoever edits it.
 */
#ifndef CONF_EXPECTATIONS_H
#define CONF_EXPECTATIONS_H

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "conf/mistakes.h"
#include "geo/geo_table.h"

enum expectation_kind {
	EXPECT_ADDRESS,			/* 203.0.113.9: needs the database */
	EXPECT_COUNTRY,			/* country:FR: the map alone */
	EXPECT_CONTINENT,		/* continent:AF */
};

struct expectation {
	enum expectation_kind kind;
	const char	*text;		/* as written */
	struct addr	 address;	/* EXPECT_ADDRESS */
	struct place	 place;		/* the other kinds */
	uint8_t		 region;	/* the first choice there */
	uint16_t	 country;	/* expected of an address; 0: any */
	struct mark	 mark;
};

struct expectations {
	const struct expectation *list;
	size_t		 count;
};

/* Region ids are looked up in map.  Never NULL; incomplete beside mistakes. */
const struct expectations *expectations_load(struct arena *arena,
    const char *file, const struct region_map *map,
    struct mistakes *mistakes);

/* The same from bytes; file is for the marks. */
const struct expectations *expectations_parse(struct arena *arena,
    const char *file, struct slice bytes, const struct region_map *map,
    struct mistakes *mistakes);

/* Whether map and table answer as expected; false with what they answer
 * instead in *err.  geo is needed for addresses alone. */
bool expectation_holds(const struct expectation *e,
    const struct region_map *map, const struct geo_table *geo,
    struct err *err);

#endif
