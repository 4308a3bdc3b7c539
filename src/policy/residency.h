/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The residency proof: every restriction, every place, every kind of host and
 * path, every set of regions down is decided, and each outcome is held against
 * the restriction's own definition.  What decide() allows is not asked.
 */
#ifndef POLICY_RESIDENCY_H
#define POLICY_RESIDENCY_H

#include "policy/decide.h"

enum { RESIDENCY_LISTED = 100 };

/* One outcome that must not be. */
struct residency_escape {
	struct restriction_hit restrictions;
	struct place	 place;
	enum host_kind	 host;
	enum path_class	 path;
	struct region_set up;
	enum outcome	 outcome;
	uint8_t		 region;	/* after OUTCOME_FORWARD */
	const char	*what;		/* a sentence without its end */
};

/* A restriction under which nothing can be served, or not for long. */
struct residency_unservable {
	struct restriction_hit restrictions;
	bool		 nowhere;	/* no region of the map may process it */
	bool		 nobody;	/* no place may use it */
	int		 only;		/* the one region that may, whose loss is
					   the flow's too; -1: none or several */
};

struct residency_report {
	uint64_t	 decisions;	/* that were tried */
	bool		 every_subset;	/* of regions down; beyond eight regions
					   those with up to three up or down */
	size_t		 restrictions;	/* combinations of tenant and flow */
	size_t		 distinct;	/* ... that differ */
	uint64_t	 escapes;
	struct residency_escape escape[RESIDENCY_LISTED];	/* the first */
	size_t		 unservables;
	struct residency_unservable unservable[RESIDENCY_LISTED];
};

/*
 * True if nothing escapes.  policy->geo is not asked and may be NULL: places
 * are tried as the map has them.  The report's texts live in the policy's set
 * of restrictions.
 */
bool residency_prove(const struct policy *policy,
    struct residency_report *report);

#endif
