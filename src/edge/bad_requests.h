/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The last requests of a listener that broke a rule of HTTP: what came of the
 * head, and where it is wrong, for whoever has to find out why a client is
 * refused.  Bodies and queries are never kept, nor values of fields but for
 * the few that say how a request is framed and routed: of all else only the
 * length is shown, and the control characters, which are what such a request
 * is mostly refused for.
 *
 * Workers add, the control thread reads; a lock is taken for a copy of half a
 * KiB, and only for what is refused.
 */
#ifndef EDGE_BAD_REQUESTS_H
#define EDGE_BAD_REQUESTS_H

#include "base/addr.h"
#include "base/buf.h"

enum {
	BAD_REQUESTS = 16,		/* kept of each listener */
	BAD_EXCERPT = 512,
};

struct bad_requests;

struct bad_requests *bad_requests_new(void);
void bad_requests_free(struct bad_requests **all);

struct bad_request {
	uint64_t	 unix_ms;
	struct addr	 peer;
	uint16_t	 peer_port;
	uint16_t	 status;
	const char	*rule, *sentence;	/* static; sentence may be NULL */
	const char	*request_id;
	struct slice	 head;		/* what came of it; empty: it was good */
	uint64_t	 at;		/* where in the head; else in the body */
	/* "frames" of HTTP/2, "connection" before any request: neither head nor
	 * body, and no place; NULL: one of the two. */
	const char	*part;
};

/* Any worker; what is kept is copied. */
void bad_requests_add(struct bad_requests *all, const struct bad_request *bad);

/* {"total": ..., "requests": [newest first]} as members of an object. */
void bad_requests_write(struct bad_requests *all, struct buf *out);

/*
 * What is shown of a head: BAD_EXCERPT bytes at most, at the place that at
 * tells, as many as they were but with '*' for what is nobody's business.
 * Returns how many; *from is where in the head they begin.
 */
size_t bad_excerpt(struct slice head, uint64_t at, char out[BAD_EXCERPT],
    size_t *from);

#endif
