/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/* Words about regions, as a file may hold them: what is read is written as
 * something that reads the same. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/must.h"
#include "policy/overrides.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct overrides o, again;
	struct buf text = { 0 };
	struct err err;

	if (!overrides_parse(&o, (struct slice){ (const char *)data, size },
	    &err))
		return 0;
	overrides_json(&o, &text);
	must(overrides_parse(&again, buf_all(&text), &err));
	must(again.count == o.count);
	for (size_t i = 0; i < o.count; i++)
		must(strcmp(again.list[i].region, o.list[i].region) == 0 &&
		    strcmp(again.list[i].reason, o.list[i].reason) == 0 &&
		    again.list[i].kind == o.list[i].kind &&
		    again.list[i].until_unix_ms == o.list[i].until_unix_ms);
	buf_fini(&text);
	return 0;
}
