/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Test data in files: a whole file in memory, and the fields of its lines.
 * No field of our CSV files holds a comma or a quote.
 */
#ifndef TESTS_CSV_H
#define TESTS_CSV_H

#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/must.h"

enum { CSV_FIELDS = 8 };

/* Stops the test if it cannot be read; to be freed by the caller. */
static inline struct slice
file_read(const char *path)
{
	FILE *f = fopen(path, "rbe");
	char *p = NULL;
	size_t len = 0, n;

	if (f == NULL)
		fprintf(stderr, "%s: cannot be opened (run the tests from the "
		    "top of the tree)\n", path);
	must(f != NULL);
	do {
		p = xrealloc(p, len + 65536);
		n = fread(p + len, 1, 65536, f);
		len += n;
	} while (n > 0);
	fclose(f);
	return (struct slice){ p, len };
}

static inline void
file_free(struct slice *file)
{
	union {
		const char	*read_only;
		void		*p;
	} both = { file->p };

	free(both.p);
	*file = (struct slice){ NULL, 0 };
}

/* Fields of the next line that is not empty; those missing are empty. */
static inline bool
csv_line(struct slice *rest, struct slice field[CSV_FIELDS])
{
	struct slice line = { NULL, 0 };

	while (line.len == 0)
		if (!slice_split(rest, '\n', &line))
			return false;
	for (int i = 0; i < CSV_FIELDS; i++)
		if (!slice_split(&line, ',', &field[i]))
			field[i] = (struct slice){ "", 0 };
	return true;
}

static inline struct addr
addr_of(struct slice text)
{
	struct addr a = { .family = ADDR_NONE };

	must(addr_parse(&a, text));
	return a;
}

#endif
