/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/pressure.h"

#define MIB	UINT64_C(1048576)

static const struct {
	enum pressure	 was;
	unsigned	 used_percent;
	enum pressure	 is;
} memory[] = {
	{ PRESSURE_NONE, 0, PRESSURE_NONE },
	{ PRESSURE_NONE, 84, PRESSURE_NONE },
	{ PRESSURE_NONE, 85, PRESSURE_CROWDED },
	{ PRESSURE_NONE, 91, PRESSURE_CROWDED },
	{ PRESSURE_NONE, 92, PRESSURE_SHED_CENTRAL },
	{ PRESSURE_NONE, 97, PRESSURE_SHED_ALL },	/* at once */
	{ PRESSURE_NONE, 100, PRESSURE_SHED_ALL },
	{ PRESSURE_NONE, 150, PRESSURE_SHED_ALL },
	/* down again only with some room to spare */
	{ PRESSURE_SHED_ALL, 96, PRESSURE_SHED_ALL },
	{ PRESSURE_SHED_ALL, 94, PRESSURE_SHED_CENTRAL },
	{ PRESSURE_SHED_CENTRAL, 91, PRESSURE_SHED_CENTRAL },
	{ PRESSURE_SHED_CENTRAL, 89, PRESSURE_CROWDED },
	{ PRESSURE_CROWDED, 84, PRESSURE_CROWDED },
	{ PRESSURE_CROWDED, 82, PRESSURE_NONE },
	{ PRESSURE_SHED_ALL, 10, PRESSURE_NONE },
};

static void
of_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(memory) / sizeof(memory[0]); i++)
		if (pressure_of_memory(memory[i].was,
		    memory[i].used_percent * MIB, 100 * MIB) != memory[i].is)
			fail_msg("row %zu", i);
	for (enum pressure p = PRESSURE_NONE; p < PRESSURES; p++)
		assert_int_equal(pressure_of_memory(p, UINT64_MAX, 0),
		    PRESSURE_NONE);
}

static const struct {
	enum pressure	 was;
	uint64_t	 used, most;
	enum pressure	 is;
} descriptors[] = {
	{ PRESSURE_NONE, 70, 80, PRESSURE_NONE },
	{ PRESSURE_NONE, 75, 80, PRESSURE_CROWDED },
	/* Nothing is refused before it was tried to do without. */
	{ PRESSURE_NONE, 78, 80, PRESSURE_CROWDED },
	{ PRESSURE_CROWDED, 78, 80, PRESSURE_SHED_CENTRAL },
	{ PRESSURE_NONE, 79, 80, PRESSURE_CROWDED },
	{ PRESSURE_CROWDED, 79, 80, PRESSURE_SHED_ALL },
	{ PRESSURE_CROWDED, 90, 80, PRESSURE_SHED_ALL },	/* it was lowered */
	{ PRESSURE_NONE, 99000, 100000, PRESSURE_NONE },
	{ PRESSURE_NONE, 99744, 100000, PRESSURE_CROWDED },
	{ PRESSURE_NONE, 99936, 100000, PRESSURE_CROWDED },
	{ PRESSURE_CROWDED, 99936, 100000, PRESSURE_SHED_ALL },
	{ PRESSURE_SHED_ALL, 99930, 100000, PRESSURE_SHED_ALL },
	{ PRESSURE_SHED_ALL, 99900, 100000, PRESSURE_SHED_CENTRAL },
	{ PRESSURE_SHED_ALL, 0, 0, PRESSURE_NONE },	/* no limit */
};

static void
of_descriptors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]);
	    i++)
		if (pressure_of_descriptors(descriptors[i].was,
		    descriptors[i].used, descriptors[i].most) !=
		    descriptors[i].is)
			fail_msg("row %zu", i);
}

static void
what_is_measured(void **state)
{
	unsigned before = process_open_descriptors();
	uint64_t size, resident;
	int fds[8];

	(void)state;
	for (int i = 0; i < 8; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(process_open_descriptors(), before + 8);
	for (int i = 0; i < 8; i++)
		close(fds[i]);
	process_memory(&size, &resident);
	assert_in_range(resident, MIB / 2, size);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_memory),
		cmocka_unit_test(of_descriptors),
		cmocka_unit_test(what_is_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
