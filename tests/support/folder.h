/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A folder of its own for a unit test, and files in it.
 */
#ifndef TESTS_SUPPORT_FOLDER_H
#define TESTS_SUPPORT_FOLDER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/slice.h"

enum { FOLDER_PATH = 128 };

static char folder[64];			/* its path */

static inline void
folder_begin(void)
{
	strcpy(folder, "/tmp/portolan-test-XXXXXX");
	must(mkdtemp(folder) != NULL);
}

static inline void
folder_end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	must(system(command) == 0);
}

/* The path of a file there; good until the fourth call after it. */
static inline const char *
folder_path(const char *name)
{
	static char text[4][FOLDER_PATH];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%s/%s", folder, name);
	return text[at];
}

/* A new file under that name, as a careful copy makes it. */
static inline void
folder_put(const char *name, struct slice bytes)
{
	FILE *f = fopen(folder_path(".new"), "w");

	must(f != NULL && fwrite(bytes.p, 1, bytes.len, f) == bytes.len &&
	    fclose(f) == 0 &&
	    rename(folder_path(".new"), folder_path(name)) == 0);
}

static inline void
folder_put_text(const char *name, const char *text)
{
	folder_put(name, slice_of(text));
}

#endif
