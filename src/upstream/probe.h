/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Asking an upstream, again and again, whether it can serve and as which
 * region.  Control thread only.
 */
#ifndef UPSTREAM_PROBE_H
#define UPSTREAM_PROBE_H

#include "base/buf.h"
#include "net/loop.h"

struct upstream;
struct exchange;

struct probe {
	struct upstream	*of;
	struct timer	 next;		/* when to ask */
	struct timer	 deadline;	/* when to stop waiting */
	struct exchange	*asking;	/* NULL between two questions */
	char		*head;		/* the request */
	unsigned	 good, bad;	/* results in a row */
	unsigned	 hurry;		/* questions that come sooner */
	bool		 answered;	/* this time: status 200 ... */
	bool		 elsewhere;	/* ... but of another region */
	unsigned	 status;
	char		 region[16];	/* that the answer named */
	struct buf	 told;		/* of its store, a line each */
};

void probe_init(struct probe *probe, struct upstream *of);

/* At once, and from then on at the set's interval. */
void probe_start(struct probe *probe);
void probe_stop(struct probe *probe);
void probe_soon(struct probe *probe);

/* It is reached elsewhere from now on: what was heard so far counts for its
 * health, but no more for the next change of that. */
void probe_anew(struct probe *probe);

/* The next few questions come soon: requests to it fail. */
void probe_hurry(struct probe *probe);

/* The same, and the first that fails is enough. */
void probe_doubt(struct probe *probe);

/* Of the last answer; empty where there was none. */
struct slice probe_told(const struct probe *probe);

/* Traffic took it out of service: only a row of good answers brings it back. */
void probe_forget(struct probe *probe);

#endif
