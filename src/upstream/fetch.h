/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One question to a server of our own platform, on a connection of its own,
 * and the whole answer: for what processes tell each other.  Traffic of
 * clients goes through exchanges and their pools instead.
 */
#ifndef UPSTREAM_FETCH_H
#define UPSTREAM_FETCH_H

#include "base/endpoint.h"
#include "base/slice.h"
#include "net/loop.h"
#include "net/tls.h"
#include "upstream/upstream.h"

struct fetch;

/* status 0: there is no answer, and why says so.  From the loop, once, and
 * the fetch is gone by then. */
typedef void fetch_fn(void *arg, unsigned status, struct slice body,
    const char *why);

struct fetch_request {
	struct slice	 text;		/* the whole request; copied */
	size_t		 most;		/* bytes of the answer */
	uint64_t	 within_ms;	/* from now to its end */
};

/* NULL if its name is not resolved yet. */
struct fetch *fetch_upstream(struct loop *loop, struct upstream *to,
    const struct fetch_request *request, fetch_fn *fn, void *arg);

/* Silence from now on; nulls *fetch, which may be NULL. */
void fetch_cancel(struct fetch **fetch);

#endif
