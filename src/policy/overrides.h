/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What an operator says of regions, whatever the probes say: by hand, with a
 * reason, and for a time if he likes.  A word about a region that the map
 * does not have is kept; the map may get it back.
 */
#ifndef POLICY_OVERRIDES_H
#define POLICY_OVERRIDES_H

#include "base/buf.h"
#include "base/err.h"
#include "geo/region_map.h"

enum override_kind {
	OVERRIDE_AUTO,			/* nothing: as the probes say */
	OVERRIDE_DOWN,			/* nothing is sent there */
	OVERRIDE_DRAIN,			/* nothing begins there: calls of states
					   that were born there go on */
	OVERRIDE_UP,			/* it is tried, though probes fail */
};

enum { OVERRIDE_REASON_MAX = 200, OVERRIDE_REGION_MAX = 16 };

struct override {
	char		 region[OVERRIDE_REGION_MAX];	/* id */
	enum override_kind kind;
	uint64_t	 since_unix_ms;
	uint64_t	 until_unix_ms;	/* 0: until it is taken back */
	char		 reason[OVERRIDE_REASON_MAX + 1];	/* "": none given */
};

struct overrides {
	struct override	 list[REGIONS_MAX];
	size_t		 count;
};

const char *override_name(enum override_kind kind);	/* "down" */
bool override_parse(enum override_kind *kind, struct slice name);

/* NULL: nobody has said anything of it. */
const struct override *overrides_find(const struct overrides *o,
    const char *region);

/* Takes the place of an earlier word; OVERRIDE_AUTO takes it back.  False:
 * there are words about as many regions as a map may have. */
bool overrides_set(struct overrides *o, const struct override *word);

/* Takes back what has expired; the first such is copied to *gone.  Call it
 * until it says false. */
bool overrides_expire(struct overrides *o, uint64_t now_unix_ms,
    struct override *gone);

/* By their place in the map; regions without a word are in none. */
struct overrides_sets {
	struct region_set down, drain, up;
};

struct overrides_sets overrides_sets(const struct overrides *o,
    const struct region_map *map);

/* Out of the regions that are up by their probes: those that a request may go
 * to.  born: the region (its place in the map) where the state was begun that
 * it is about; -1: none, or nobody knows. */
struct region_set overrides_apply(const struct overrides_sets *sets,
    struct region_set up, int born);

/* [{"region":..., "state":..., "since":..., "until":..., "reason":...}, ...] */
void overrides_json(const struct overrides *o, struct buf *out);
void override_json(const struct override *word, struct buf *out);

/* A word's text, for people: "down until TIME: REASON". */
void override_text(const struct override *word, struct buf *out);

/* What overrides_json() wrote; a mistake leaves *o empty. */
bool overrides_parse(struct overrides *o, struct slice json, struct err *err);

#endif
