/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Options of a command as a table: read, checked, and printed by --help.
 * `--name VALUE`, `--name=VALUE`, `-x VALUE`, `-xVALUE` and flags; options
 * and operands may mix, and `--` ends the options.
 *
 *	const char *ip = NULL;
 *	bool json = false;
 *	struct option_list down = { 0 };
 *	const struct option_spec specs[] = {
 *		{ "ip", 0, "ADDRESS", "the client", .value = &ip },
 *		{ "down", 0, "REGION", "taken as down", .list = &down },
 *		{ "json", 0, NULL, "answer as JSON", .flag = &json },
 *		{ 0 },
 *	};
 *	const struct usage usage = { .command = "explain", .options = specs };
 *	struct operands files;
 *	int end = options_parse(&usage, argc, argv, &files);
 *
 *	if (end != OPTIONS_GO_ON)
 *		return end;
 */
#ifndef COMMAND_OPTIONS_H
#define COMMAND_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { OPTION_LIST_MAX = 256 };

/* An option that may be given several times; values point into argv. */
struct option_list {
	const char	*item[OPTION_LIST_MAX];
	size_t		 count;
};

/* Exactly one of value, list and flag is set.  A zeroed row ends a table. */
struct option_spec {
	const char	*name;		/* "ip" for --ip */
	char		 letter;	/* 'c' for -c; 0 for none */
	const char	*value_name;	/* for the help; NULL makes it a flag */
	const char	*help;
	const char	**value;	/* giving it twice is an error */
	struct option_list *list;
	bool		*flag;
};

struct usage {
	const char	*command;	/* "explain", "geodb build" */
	const char	*operands;	/* for the help: "FILE..."; or NULL */
	const char	*about;		/* a paragraph for the help; or NULL */
	const struct option_spec *options;	/* or NULL */
	int		 least, most;	/* operands; most < 0: any number */
};

struct operands {
	char		**item;		/* in argv, in their order */
	int		 count;
};

enum { OPTIONS_GO_ON = -1 };

/*
 * Reads argv[1] and what follows.  OPTIONS_GO_ON, or the exit code of a
 * command that is done: 0 after --help, 2 after a mistake, which has been
 * told on standard error by then.  Reorders argv.
 */
int options_parse(const struct usage *usage, int argc, char **argv,
    struct operands *operands);

/*
 * A mistake that only the command itself can see ("--ip: not an address"):
 * tells it on standard error, names the help, and returns 2.
 */
int options_mistake(const struct usage *usage, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
