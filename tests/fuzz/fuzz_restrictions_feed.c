/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/must.h"
#include "policy/restrictions_feed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t key[16] = "a key";
	const struct restrictions *set;
	struct restrictions_edit *edit;
	struct feed_page page;
	struct arena *scratch;
	struct err err;

	if (!feed_page_open(&page, (struct slice){ (const char *)data, size },
	    &err))
		return 0;
	scratch = arena_new(0);
	edit = restrictions_edit(NULL, NULL, key);
	must(feed_page_apply(&page, edit, scratch) <= page.changes);
	set = restrictions_edit_end(&edit, page.revision);
	must(restrictions_count(set) <= 2 * page.changes);
	restrictions_release(&set);
	feed_page_close(&page);
	arena_free(&scratch);
	return 0;
}
