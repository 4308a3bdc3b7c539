/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "command/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/near.h"
#include "command/command.h"

enum { NAMES_MAX = 64, HELP_COLUMN = 30 };

static bool
is_end(const struct option_spec *spec)
{
	return spec->name == NULL && spec->letter == 0;
}

int
options_mistake(const struct usage *usage, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "portolan %s: ", usage->command);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\nTry: portolan %s --help\n", usage->command);
	return EXIT_USAGE;
}

/* "  -c, --config FILE", and the explanation in its column. */
static void
print_option(const struct option_spec *spec)
{
	int used = 2;

	printf("  ");
	if (spec->letter != 0)
		used += printf("-%c%s", spec->letter,
		    spec->name != NULL ? ", " : "");
	if (spec->name != NULL)
		used += printf("--%s", spec->name);
	if (spec->value_name != NULL)
		used += printf(" %s", spec->value_name);
	if (used >= HELP_COLUMN)
		used = printf("\n") - 1;
	printf("%*s%s%s\n", HELP_COLUMN - used, "", spec->help,
	    spec->list != NULL ? " (repeatable)" : "");
}

static void
print_help(const struct usage *usage)
{
	static const struct option_spec help = { "help", 'h', NULL, "this text",
	    NULL, NULL, NULL };

	printf("usage: portolan %s [options]%s%s\n", usage->command,
	    usage->operands != NULL ? " " : "",
	    usage->operands != NULL ? usage->operands : "");
	if (usage->about != NULL)
		printf("\n%s\n", usage->about);
	printf("\n");
	for (const struct option_spec *s = usage->options;
	    s != NULL && !is_end(s); s++)
		print_option(s);
	print_option(&help);
}

static const struct option_spec *
find_letter(const struct usage *usage, char letter)
{
	for (const struct option_spec *s = usage->options;
	    s != NULL && !is_end(s); s++)
		if (s->letter == letter)
			return s;
	return NULL;
}

static const struct option_spec *
find_name(const struct usage *usage, struct slice name)
{
	for (const struct option_spec *s = usage->options;
	    s != NULL && !is_end(s); s++)
		if (s->name != NULL && slice_is(name, s->name))
			return s;
	return NULL;
}

static int
unknown_name(const struct usage *usage, struct slice name)
{
	const char *names[NAMES_MAX] = { "help" }, *near;
	size_t count = 1;

	for (const struct option_spec *s = usage->options;
	    s != NULL && !is_end(s) && count < NAMES_MAX; s++)
		if (s->name != NULL)
			names[count++] = s->name;
	near = near_find(name, names, count);
	if (near == NULL)
		return options_mistake(usage, "unknown option --%.*s",
		    SLICE_ARG(name));
	return options_mistake(usage,
	    "unknown option --%.*s; did you mean --%s?", SLICE_ARG(name), near);
}

/* How a message calls an option: "--config" or "-c". */
static const char *
spelling(const struct option_spec *spec, char text[64])
{
	if (spec->name != NULL)
		snprintf(text, 64, "--%s", spec->name);
	else
		snprintf(text, 64, "-%c", spec->letter);
	return text;
}

static int
store(const struct usage *usage, const struct option_spec *spec,
    const char *value)
{
	char text[64];

	if (spec->flag != NULL) {
		*spec->flag = true;
		return OPTIONS_GO_ON;
	}
	if (spec->list != NULL) {
		if (spec->list->count == OPTION_LIST_MAX)
			return options_mistake(usage,
			    "%s: given more than %d times",
			    spelling(spec, text), OPTION_LIST_MAX);
		spec->list->item[spec->list->count++] = value;
		return OPTIONS_GO_ON;
	}
	must(spec->value != NULL);
	if (*spec->value != NULL)
		return options_mistake(usage, "%s: given twice",
		    spelling(spec, text));
	*spec->value = value;
	return OPTIONS_GO_ON;
}

/*
 * One option whose value, if it has one at hand, is attached; else the next
 * argument is taken, and *at moves over it.
 */
static int
take(const struct usage *usage, const struct option_spec *spec,
    const char *attached, int argc, char **argv, int *at)
{
	char text[64];

	if (spec->value_name == NULL) {
		if (attached != NULL)
			return options_mistake(usage, "%s takes no value",
			    spelling(spec, text));
		return store(usage, spec, NULL);
	}
	if (attached == NULL && *at + 1 < argc)
		attached = argv[++*at];
	if (attached == NULL)
		return options_mistake(usage, "%s needs a value (%s)",
		    spelling(spec, text), spec->value_name);
	return store(usage, spec, attached);
}

static int
take_long(const struct usage *usage, int argc, char **argv, int *at)
{
	const char *text = argv[*at] + 2, *equals = strchr(text, '=');
	struct slice name = slice_of(text);
	const struct option_spec *spec;

	if (equals != NULL)
		name.len = (size_t)(equals - text);
	spec = find_name(usage, name);
	if (spec != NULL)
		return take(usage, spec, equals == NULL ? NULL : equals + 1,
		    argc, argv, at);
	if (slice_is(name, "help")) {
		print_help(usage);
		return EXIT_GOOD;
	}
	return unknown_name(usage, name);
}

/* "-x", "-xVALUE", or several flags in one: "-vf". */
static int
take_short(const struct usage *usage, int argc, char **argv, int *at)
{
	int end = OPTIONS_GO_ON;

	for (const char *p = argv[*at] + 1; *p != '\0'; p++) {
		const struct option_spec *spec = find_letter(usage, *p);

		if (spec == NULL && *p == 'h') {
			print_help(usage);
			return EXIT_GOOD;
		}
		if (spec == NULL)
			return options_mistake(usage, "unknown option -%c", *p);
		if (spec->value_name != NULL)
			return take(usage, spec, p[1] == '\0' ? NULL : p + 1,
			    argc, argv, at);
		end = store(usage, spec, NULL);
		if (end != OPTIONS_GO_ON)
			return end;
	}
	return end;
}

static int
check_count(const struct usage *usage, const struct operands *operands)
{
	int most = usage->most < 0 ? operands->count : usage->most;

	if (operands->count > most)
		return options_mistake(usage, "unexpected argument '%s'",
		    operands->item[most]);
	if (operands->count < usage->least)
		return options_mistake(usage, "%s is missing",
		    usage->operands != NULL ? usage->operands : "an argument");
	return OPTIONS_GO_ON;
}

int
options_parse(const struct usage *usage, int argc, char **argv,
    struct operands *operands)
{
	bool only_operands = false;
	int end = OPTIONS_GO_ON;

	*operands = (struct operands){ argv + (argc > 0), 0 };
	for (int at = 1; at < argc && end == OPTIONS_GO_ON; at++) {
		const char *arg = argv[at];

		if (only_operands || arg[0] != '-' || arg[1] == '\0')
			operands->item[operands->count++] = argv[at];
		else if (strcmp(arg, "--") == 0)
			only_operands = true;
		else if (arg[1] == '-')
			end = take_long(usage, argc, argv, &at);
		else
			end = take_short(usage, argc, argv, &at);
	}
	return end != OPTIONS_GO_ON ? end : check_count(usage, operands);
}
