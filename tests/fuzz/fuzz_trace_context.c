/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * traceparent and tracestate, as clients send them.
 */
#include "base/must.h"
#include "http/trace_context.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size };
	struct traceparent parent;
	unsigned members = 0;

	if (traceparent_read(&parent, text)) {
		must(parent.trace_id.p == text.p + 3 &&
		    parent.trace_id.len == TRACE_ID_TEXT);
		must(parent.parent_id.p == text.p + 36 &&
		    parent.parent_id.len == SPAN_ID_TEXT);
		must(text.len == 55 || (text.len > 55 && text.p[55] == '-'));
	}
	if (tracestate_is_good(text, &members))
		must(members <= TRACESTATE_MEMBERS);
	return 0;
}
