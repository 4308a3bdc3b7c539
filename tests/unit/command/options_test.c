/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/command.h"
#include "command/options.h"

/* What a run of options_parse() left behind. */
static struct {
	const char	*ip, *file;
	struct option_list down;
	bool		 json, quiet;
	struct operands	 operands;
	char		 said[2048];	/* standard output and error */
} got;

static const struct option_spec specs[] = {
	{ "ip", 0, "ADDRESS", "the client's address", .value = &got.ip },
	{ "config", 'c', "FILE", "the configuration", .value = &got.file },
	{ "down", 0, "REGION", "taken as down", .list = &got.down },
	{ "json", 0, NULL, "answer as JSON", .flag = &got.json },
	{ NULL, 'q', NULL, "say less", .flag = &got.quiet },
	{ 0 },
};

static const struct usage usage = {
	.command = "try", .operands = "FILE...", .about = "Tries things.",
	.options = specs, .least = 0, .most = 2,
};

static int
redirect(int fd, FILE *to)
{
	int saved = dup(fd);

	dup2(fileno(to), fd);
	return saved;
}

static void
restore(int fd, int saved)
{
	dup2(saved, fd);
	close(saved);
}

/* Up to nine arguments after the command's name, NULL at the end. */
static int
parse(const struct usage *how, const char *const *args)
{
	/* Static: what was read points into them. */
	static char copies[10][64];
	static char *argv[11] = { copies[0] };
	int argc = 1, end, out, err;
	FILE *file = tmpfile();

	assert_non_null(file);
	memset(&got, 0, sizeof(got));
	strcpy(copies[0], "try");
	for (; args[argc - 1] != NULL; argc++) {
		snprintf(copies[argc], sizeof(copies[argc]), "%s",
		    args[argc - 1]);
		argv[argc] = copies[argc];
	}
	fflush(NULL);
	out = redirect(STDOUT_FILENO, file);
	err = redirect(STDERR_FILENO, file);
	end = options_parse(how, argc, argv, &got.operands);
	fflush(NULL);
	restore(STDOUT_FILENO, out);
	restore(STDERR_FILENO, err);
	rewind(file);
	got.said[fread(got.said, 1, sizeof(got.said) - 1, file)] = '\0';
	fclose(file);
	return end;
}

#define PARSE(...) \
	parse(&usage, (const char *const[]){ __VA_ARGS__, NULL })

static void
reads_every_spelling(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--ip", "192.0.2.1", "-c", "x.yaml", "--json"),
	    OPTIONS_GO_ON);
	assert_string_equal(got.ip, "192.0.2.1");
	assert_string_equal(got.file, "x.yaml");
	assert_true(got.json);
	assert_false(got.quiet);
	assert_int_equal(PARSE("--ip=192.0.2.1", "-cx.yaml", "-q"),
	    OPTIONS_GO_ON);
	assert_string_equal(got.ip, "192.0.2.1");
	assert_string_equal(got.file, "x.yaml");
	assert_true(got.quiet);
	assert_int_equal(PARSE("-qcx.yaml"), OPTIONS_GO_ON);
	assert_string_equal(got.file, "x.yaml");
	assert_int_equal(PARSE("--ip="), OPTIONS_GO_ON);
	assert_string_equal(got.ip, "");
	assert_int_equal(PARSE("--ip", "--json"), OPTIONS_GO_ON);
	assert_string_equal(got.ip, "--json");	/* a value is a value */
}

static void
collects_operands_and_lists(void **state)
{
	(void)state;
	assert_int_equal(PARSE("a", "--down", "GB", "b", "--down=EU"),
	    OPTIONS_GO_ON);
	assert_int_equal(got.operands.count, 2);
	assert_string_equal(got.operands.item[0], "a");
	assert_string_equal(got.operands.item[1], "b");
	assert_int_equal(got.down.count, 2);
	assert_string_equal(got.down.item[1], "EU");
	assert_int_equal(PARSE("--", "--json", "-q"), OPTIONS_GO_ON);
	assert_int_equal(got.operands.count, 2);
	assert_false(got.json);
	assert_int_equal(PARSE("-"), OPTIONS_GO_ON);	/* standard input */
	assert_string_equal(got.operands.item[0], "-");
}

static void
mistakes_are_told_and_end_in_2(void **state)
{
	static const struct {
		const char	*args[4];
		const char	*says;
	} rows[] = {
		{ { "--confg", "x" }, "unknown option --confg; did you mean "
		    "--config?" },
		{ { "--zzzzzz" }, "unknown option --zzzzzz\n" },
		{ { "-x" }, "unknown option -x" },
		{ { "-qx" }, "unknown option -x" },
		{ { "--ip" }, "--ip needs a value (ADDRESS)" },
		{ { "-c" }, "--config needs a value (FILE)" },
		{ { "--json=yes" }, "--json takes no value" },
		{ { "--ip=1", "--ip=2" }, "--ip: given twice" },
		{ { "a", "b", "c" }, "unexpected argument 'c'" },
		{ { "--=x" }, "unknown option --" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(parse(&usage, rows[i].args), EXIT_USAGE);
		if (strstr(got.said, rows[i].says) == NULL)
			fail_msg("'%s' instead of '%s'", got.said,
			    rows[i].says);
		assert_non_null(strstr(got.said, "portolan try --help"));
	}
}

static void
too_few_operands_are_told(void **state)
{
	static const struct usage demanding = { .command = "try",
	    .operands = "FIRST SECOND", .least = 2, .most = 2 };

	(void)state;
	assert_int_equal(parse(&demanding, (const char *const[]){ "a", NULL }),
	    EXIT_USAGE);
	assert_non_null(strstr(got.said, "FIRST SECOND is missing"));
	assert_int_equal(parse(&demanding,
	    (const char *const[]){ "a", "b", NULL }), OPTIONS_GO_ON);
}

static void
a_list_has_an_end(void **state)
{
	static struct option_list list;
	static const struct option_spec one[] = {
		{ "down", 'd', "REGION", "taken as down", .list = &list },
		{ 0 },
	};
	static const struct usage how = { .command = "try", .options = one };
	static char word[] = "-dX";
	char *argv[OPTION_LIST_MAX + 2];
	struct operands operands;

	(void)state;
	for (int i = 0; i < OPTION_LIST_MAX + 2; i++)
		argv[i] = word;
	assert_int_equal(options_parse(&how, OPTION_LIST_MAX + 1, argv,
	    &operands), OPTIONS_GO_ON);
	list.count = 0;
	assert_int_equal(options_parse(&how, OPTION_LIST_MAX + 2, argv,
	    &operands), EXIT_USAGE);
}

static void
help_names_every_option(void **state)
{
	static const char *const words[] = { "usage: portolan try", "FILE...",
	    "Tries things.", "--ip ADDRESS", "-c, --config FILE",
	    "--down REGION", "(repeatable)", "--json", "-q", "-h, --help" };

	(void)state;
	assert_int_equal(PARSE("--json", "--help", "--nonsense"), EXIT_GOOD);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(got.said, words[i]) == NULL)
			fail_msg("%s is not in the help", words[i]);
	assert_int_equal(PARSE("-h"), EXIT_GOOD);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_spelling),
		cmocka_unit_test(collects_operands_and_lists),
		cmocka_unit_test(mistakes_are_told_and_end_in_2),
		cmocka_unit_test(too_few_operands_are_told),
		cmocka_unit_test(a_list_has_an_end),
		cmocka_unit_test(help_names_every_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
