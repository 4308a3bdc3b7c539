/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Names to addresses by the system's resolver, which blocks: a thread of its
 * own asks, one name after the other, and posts the answers to a loop.
 */
#ifndef UPSTREAM_RESOLVE_H
#define UPSTREAM_RESOLVE_H

#include "base/addr.h"
#include "net/loop.h"

struct resolver;

struct resolved {
	void		*arg;		/* as asked, both */
	uint64_t	 number;
	bool		 found;
	struct addr	 addr;		/* if found */
	char		 why[128];	/* if not */
};

/*
 * Of several addresses the one that is used already is the answer, since
 * resolvers tell them in any order; if it fails, the one behind it.  Else the
 * system's first choice.
 */
struct resolver_question {
	const char	*name;		/* copied */
	struct addr	 used;		/* ADDR_NONE: none yet */
	bool		 used_fails;
	void		*arg;
	uint64_t	 number;
};

/* answer() is called on the loop; good during the call. */
struct resolver *resolver_new(struct loop *loop,
    void (*answer)(const struct resolved *));

/* Silence from now on, also about what is being asked. */
void resolver_free(struct resolver **resolver);

void resolver_ask(struct resolver *resolver,
    const struct resolver_question *question);

#endif
