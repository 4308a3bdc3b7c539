/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Any text as ranges: mistakes, or ranges in order that do not overlap and
 * make a sound database.
 */
#include <string.h>

#include "base/must.h"
#include "geo/mmdb.h"
#include "geo/mmdb_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_ranges(const struct range_text *t)
{
	for (size_t i = 0; i < t->count; i++) {
		must(t->ranges[i].first <= t->ranges[i].last);
		must(t->ranges[i].place.class == PLACE_LOCATED);
		must(i == 0 || t->ranges[i - 1].last < t->ranges[i].first);
	}
}

/* What is refused is so for what it says, never for how it is built. */
static void
check_database(const struct range_text *t)
{
	struct buf bytes = { .p = NULL };
	struct mmdb *db;
	struct err err;

	mmdb_write(&bytes, &(struct mmdb_source){ t->ranges, t->count, "fuzz",
	    "fuzz", 1 });
	db = mmdb_open_bytes(bytes.p, bytes.len, &err);
	must(db != NULL || strstr(err.text, "names a country") != NULL ||
	    strstr(err.text, "well-known") != NULL);
	mmdb_close(&db);
	buf_fini(&bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct range_text t = { .count = 0 };
	size_t half = size / 2;

	range_text_read(&t, "a", (struct slice){ (const char *)data, half });
	range_text_read(&t, "b", (struct slice){ (const char *)data + half,
	    size - half });
	must(range_text_settle(&t) == (t.nmistakes == 0));
	check_ranges(&t);
	if (t.nmistakes == 0 && t.count > 0)
		check_database(&t);
	range_text_fini(&t);
	return 0;
}
