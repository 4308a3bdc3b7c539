/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The commands of the program: `portolan NAME ...`.  A file of this folder
 * defines one `const struct command command_NAME`; the table in command.c
 * lists them in the order of `portolan --help`.
 */
#ifndef COMMAND_COMMAND_H
#define COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* What the process ends with; the same for every command. */
enum {
	EXIT_GOOD = 0,
	EXIT_FOUND = 1,			/* a check failed, a difference is there */
	EXIT_USAGE = 2,			/* wrong use, or a file that won't open */
};

struct command {
	const char	*name;
	const char	*summary;	/* one line of --help, no full stop */
	/* argv[0] is the command's own name; returns the exit code. */
	int		(*run)(int argc, char **argv);
};

/*
 * A command that only has subcommands (`geodb build`) is a table of these
 * itself: calls the one that argv[1] names, with argv[0] being that name.
 * Answers --help, and a missing or misspelt name, by itself.
 */
int command_group(const char *group, const struct command *subs, size_t count,
    int argc, char **argv);

/* What `portolan check` does, for `portolan run -t` and -T: dump_it. */
int check_configuration(const char *file, bool dump_it);

/* The whole program, for main() alone. */
int command_main(int argc, char **argv);

#endif
