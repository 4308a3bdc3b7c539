/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is recorded of a sampled request: a span of its own and one for each
 * attempt, which leave for the collector when it is over.  A trace that
 * begins here is sampled by trace.sample; one that a trusted peer or another
 * edge has begun, if its flag says so; a stranger's by the ratio as well, for
 * anybody can set a flag.  Where nothing is recorded, traceparent and
 * tracestate pass as they came.
 */
#ifndef EDGE_SPANS_H
#define EDGE_SPANS_H

#include "edge/request.h"
#include "http/trace_context.h"

enum {
	SPANS_ATTEMPTS = 16,		/* more are not told of */
	SPANS_STATE = 512,		/* of tracestate */
	TRACEPARENT_TEXT = 55,
};

struct spans {
	char		 trace_id[TRACE_ID_TEXT];
	char		 parent_id[SPAN_ID_TEXT];
	char		 span_id[SPAN_ID_TEXT];
	bool		 has_parent, keeps_state;
	uint8_t		 flags;
	char		 traceparent[TRACEPARENT_TEXT];	/* of the attempt */
	char		 state[SPANS_STATE];
	size_t		 state_len;
	unsigned	 count;
	struct span_of_attempt {
		char		 span_id[SPAN_ID_TEXT];
		uint64_t	 from_us, to_us;	/* to 0: it goes on */
		const char	*upstream, *region;	/* as long as the request */
		const char	*end;		/* why it failed; or NULL */
		unsigned	 status;	/* 0: no answer */
	}		 attempts[SPANS_ATTEMPTS];
};

/* Needs request->head.  Sets er->spans if the request is to be recorded. */
void spans_begin(struct edge_request *er);

/* An attempt begins; its traceparent. */
struct slice spans_try(struct edge_request *er);
/* The attempt's answer begins; it lasts until the request's end, unless it
 * fails. */
void spans_answered(struct edge_request *er, unsigned status);
void spans_failed(struct edge_request *er, const char *end);	/* static */

/* All of it goes to the collector. */
void spans_end(struct edge_request *er);

#endif
