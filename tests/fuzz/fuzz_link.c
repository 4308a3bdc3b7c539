/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What another edge tells over the link: what was understood, told again, is
 * understood the same.
 */
#include "base/must.h"
#include "edge/link.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
read_it(struct link_facts *facts, struct slice bytes)
{
	static struct h1_head head;
	struct h1_end end;
	const char *what = NULL;
	size_t seen = 0;

	if (h1_read_request(&head, bytes, &seen, &end) != H1_DONE)
		return false;
	if (link_read(facts, &head, &what))
		return true;
	must(what != NULL);
	return false;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = { (const char *)data, size };
	struct link_facts once, twice;
	struct buf text = { 0 };

	if (!read_it(&once, bytes))
		return 0;
	buf_text(&text, "GET / HTTP/1.1\r\nHost: h\r\n");
	link_write(&text, &once);
	buf_text(&text, "\r\n");
	must(read_it(&twice, buf_all(&text)));
	must(addr_eq(&once.client, &twice.client));
	must(addr_eq(&once.nearest, &twice.nearest));
	must(place_eq(once.place, twice.place));
	must(once.knowledge == twice.knowledge && once.tag == twice.tag);
	must(strcmp(once.flow, twice.flow) == 0);
	must(strcmp(once.decided, twice.decided) == 0);
	buf_fini(&text);
	return 0;
}
