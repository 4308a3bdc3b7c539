/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Elements of Forwarded and entries of X-Forwarded-For.
 */
#include "base/must.h"
#include "http/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is read as an address is one, and is read again from its text. */
static void
try_addr(struct slice text)
{
	char again[ADDR_TEXT_MAX];
	struct addr addr, same;

	if (!forwarded_addr(&addr, text))
		return;
	must(addr.family == ADDR_IP4 || addr.family == ADDR_IP6);
	must(forwarded_addr(&same, slice_of(addr_text(&addr, again))));
	must(addr_eq(&addr, &same));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { (const char *)data, size }, node;

	try_addr(text);
	if (!forwarded_for(text, &node))
		return 0;
	must(node.len > 0 && node.p >= text.p &&
	    node.p + node.len <= text.p + text.len);
	must(memchr(node.p, '"', node.len) == NULL);
	try_addr(node);
	return 0;
}
