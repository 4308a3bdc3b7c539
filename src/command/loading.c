/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "command/loading.h"

#include <stdio.h>

#include "command/command.h"

bool
loading_tell(const char *command, const struct mistakes *mistakes)
{
	struct buf text = { 0 };

	mistakes_print(mistakes, &text);
	fwrite(buf_cstr(&text), 1, text.len, stderr);
	if (mistakes->errors > 0)
		fprintf(stderr, "portolan %s: nothing done because of the "
		    "mistakes above\n", command);
	buf_fini(&text);
	return mistakes->errors == 0;
}

struct generation *
loading_generation(const char *command, const char *file)
{
	struct mistakes mistakes;
	struct generation *g;

	mistakes_init(&mistakes);
	g = generation_load(file, LOAD_DECISIONS, NULL, &mistakes);
	loading_tell(command, &mistakes);
	mistakes_fini(&mistakes);
	return g;
}

int
loading_print(const char *command, struct buf *out, int code)
{
	bool good = fwrite(buf_cstr(out), 1, out->len, stdout) == out->len &&
	    fflush(stdout) == 0;

	buf_fini(out);
	if (good)
		return code;
	fprintf(stderr, "portolan %s: standard output cannot be written\n",
	    command);
	return EXIT_USAGE;
}
