/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "command/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/near.h"

enum { COMMANDS_MAX = 32, HELP_COLUMN = 14 };

extern const struct command command_check, command_explain, command_map,
    command_geodb, command_run, command_ctl, command_engine, command_apikey,
    command_store;

/* In the order of --help: as a newcomer meets them. */
static const struct command *const commands[] = {
	&command_check, &command_explain, &command_map, &command_geodb,
	&command_run, &command_ctl, &command_engine, &command_apikey,
	&command_store,
};

enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

static bool
is_help(const char *arg)
{
	return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0 ||
	    strcmp(arg, "help") == 0;
}

static void
print_rows(const struct command *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		printf("  %-*s%s\n", HELP_COLUMN, list[i].name,
		    list[i].summary);
}

/* where: "portolan" or "portolan geodb". */
static int
unknown_command(const char *where, const char *word,
    const struct command *list, size_t count)
{
	const char *names[COMMANDS_MAX] = { NULL }, *near;

	for (size_t i = 0; i < count && i < COMMANDS_MAX; i++)
		names[i] = list[i].name;
	near = near_find(slice_of(word), names,
	    count < COMMANDS_MAX ? count : COMMANDS_MAX);
	fprintf(stderr, "%s: unknown command '%s'", where, word);
	if (near != NULL)
		fprintf(stderr, "; did you mean '%s'?", near);
	fprintf(stderr, "\nTry: %s --help\n", where);
	return EXIT_USAGE;
}

/* Runs the command that argv[1] names, if there is one. */
static int
dispatch(const char *where, const struct command *list, size_t count, int argc,
    char **argv)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(argv[1], list[i].name) == 0)
			return list[i].run(argc - 1, argv + 1);
	return unknown_command(where, argv[1], list, count);
}

static int
which_command(const char *where)
{
	fprintf(stderr, "%s: which command?\nTry: %s --help\n", where, where);
	return EXIT_USAGE;
}

int
command_group(const char *group, const struct command *subs, size_t count,
    int argc, char **argv)
{
	char where[64];

	snprintf(where, sizeof(where), "portolan %s", group);
	if (argc < 2)
		return which_command(where);
	if (!is_help(argv[1]))
		return dispatch(where, subs, count, argc, argv);
	printf("usage: %s COMMAND [options]\n\n", where);
	print_rows(subs, count);
	printf("\nEach has --help of its own.\n");
	return EXIT_GOOD;
}

static int
print_version(bool more)
{
	printf("portolan %s\n", PORTOLAN_VERSION);
	if (more)
		printf("compiler: %s\n", __VERSION__);
	return EXIT_GOOD;
}

static int
print_help(const struct command *list, size_t count)
{
	printf("portolan: a geo-aware edge router\n\n"
	    "usage: portolan COMMAND [options]\n\n");
	print_rows(list, count);
	printf("\n  -h, --help     this list; each command has --help of its own\n"
	    "  -v, --version  the version; -V says more\n"
	    "  -t             the same as check; -T shows what is in force, "
	    "too\n");
	return EXIT_GOOD;
}

/* `portolan -T ...`: `portolan check -T ...`. */
static int
with_dump(const struct command *list, size_t count, int argc, char **argv)
{
	char check[] = "check", *args[64];

	if (argc > 62)
		return which_command("portolan");
	args[0] = argv[0];
	args[1] = check;
	for (int i = 1; i <= argc; i++)
		args[i + 1] = argv[i];
	return dispatch("portolan", list, count, argc + 1, args);
}

int
command_main(int argc, char **argv)
{
	struct command list[COMMANDS];
	char check[] = "check";

	for (size_t i = 0; i < COMMANDS; i++)
		list[i] = *commands[i];
	if (argc < 2)
		return which_command("portolan");
	if (is_help(argv[1]))
		return print_help(list, COMMANDS);
	if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-v") == 0)
		return print_version(false);
	if (strcmp(argv[1], "-V") == 0)
		return print_version(true);
	if (strcmp(argv[1], "-T") == 0)
		return with_dump(list, COMMANDS, argc, argv);
	if (strcmp(argv[1], "-t") == 0)
		argv[1] = check;
	return dispatch("portolan", list, COMMANDS, argc, argv);
}
