/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/pressure.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#include "base/slice.h"

/* What is left, in percent of the limit of memory; and as descriptors, where
 * a share of a large limit would be more than is of use. */
static const struct {
	unsigned	 percent, descriptors, share;
} steps[PRESSURES] = {
	[PRESSURE_CROWDED] = { 15, 256, 16 },
	[PRESSURE_SHED_CENTRAL] = { 8, 128, 32 },
	[PRESSURE_SHED_ALL] = { 3, 64, 64 },
};

enum { CALM_PERCENT = 2 };		/* more than that, to fall again */

enum pressure
pressure_of_memory(enum pressure now, uint64_t used, uint64_t most)
{
	uint64_t left = used < most ? most - used : 0;
	enum pressure p = most == 0 ? PRESSURE_NONE : PRESSURE_SHED_ALL;

	while (p > PRESSURE_NONE && left > most / 100 * (steps[p].percent +
	    (p <= now ? CALM_PERCENT : 0)))
		p--;
	return p;
}

static uint64_t
least_left(enum pressure p, uint64_t most)
{
	return most / steps[p].share < steps[p].descriptors ?
	    most / steps[p].share : steps[p].descriptors;
}

enum pressure
pressure_of_descriptors(enum pressure now, uint64_t used, uint64_t most)
{
	uint64_t left = used < most ? most - used : 0;
	enum pressure p = most == 0 ? PRESSURE_NONE : PRESSURE_SHED_ALL;

	while (p > PRESSURE_NONE && left > least_left(p, most) +
	    (p <= now ? least_left(p, most) / 4 : 0))
		p--;
	return now == PRESSURE_NONE && p > PRESSURE_CROWDED ?
	    PRESSURE_CROWDED : p;
}

unsigned
process_open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	if (dir == NULL)
		return 0;
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n < 3 ? 0 : n - 3;	/* ".", "..", and its own */
}

void
process_memory(uint64_t *size_bytes, uint64_t *resident_bytes)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	FILE *f = fopen("/proc/self/statm", "r");
	struct slice rest, size, resident;
	char line[256];

	*size_bytes = *resident_bytes = 0;
	if (f == NULL)
		return;
	rest = slice_of(fgets(line, sizeof(line), f));
	fclose(f);
	if (slice_split(&rest, ' ', &size) &&
	    slice_split(&rest, ' ', &resident) &&
	    slice_to_u64(size, size_bytes) &&
	    slice_to_u64(resident, resident_bytes)) {
		*size_bytes *= page;
		*resident_bytes *= page;
	}
}
