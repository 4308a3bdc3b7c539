/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * traceparent and tracestate (W3C Trace Context, level 1), read strictly:
 * what is malformed in any place is as if it were not there.
 */
#ifndef HTTP_TRACE_CONTEXT_H
#define HTTP_TRACE_CONTEXT_H

#include "base/slice.h"

enum {
	TRACE_ID_TEXT = 32,
	SPAN_ID_TEXT = 16,
	TRACE_SAMPLED = 0x01,		/* the caller records it */
	TRACESTATE_MEMBERS = 32,
};

struct traceparent {
	struct slice	 trace_id;	/* lower-case hexadecimal, not all 0 */
	struct slice	 parent_id;
	uint8_t		 flags;
};

/* Of a version that is not known, what this one knows of it (3.2.4). */
bool traceparent_read(struct traceparent *parent, struct slice value);

/* One line of a list of key=value; *members counts through all lines. */
bool tracestate_is_good(struct slice value, unsigned *members);

#endif
