/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * PROXY headers: the verdict comes once, wherever the bytes are cut, and what
 * it keeps lies within the header.
 */
#include "base/must.h"
#include "net/proxy_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
lies_within(struct slice part, struct slice header)
{
	return part.p == NULL || (part.p >= header.p &&
	    part.p + part.len <= header.p + header.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice all = { (const char *)data, size };
	struct proxy_header whole, h;
	const char *reason = NULL, *why = NULL;
	enum proxy_end end = proxy_header_read(&whole, all, &reason), cut;

	must((end == PROXY_REFUSED) == (reason != NULL));
	must(end != PROXY_MORE || size < PROXY_HEADER_MAX);
	must(end != PROXY_DONE || (whole.consumed <= size &&
	    lies_within(whole.unique_id, all) &&
	    lies_within(whole.vpc_endpoint, all) &&
	    (whole.kind != PROXY_IP ||
	    whole.source.family == whole.destination.family)));
	for (size_t n = 0; n < size && n < 512; n++) {
		cut = proxy_header_read(&h, (struct slice){ all.p, n }, &why);
		must(cut == PROXY_MORE || cut == end);
		must(end != PROXY_DONE ||
		    (cut == PROXY_DONE) == (n >= whole.consumed));
	}
	return 0;
}
