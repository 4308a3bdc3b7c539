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

#include "base/log.h"

/* What run() writes to standard error, as text. */
static const char *
captured(void (*run)(void))
{
	static char text[8192];
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t len;

	assert_non_null(file);
	fflush(stderr);
	dup2(fileno(file), STDERR_FILENO);
	run();
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	text[len] = '\0';
	fclose(file);
	return text;
}

static void
log_each_level(void)
{
	log_error("an error");
	log_warn("a warning");
	log_info("a fact region=%s", "GB");
	log_debug("a detail");
}

static void
log_forged_line(void)
{
	log_error("path=%s", "/a\n2026-01-01 error forged\r\x1b[31m");
}

static void
log_terminal_control(void)
{
	log_error("name=%s", "caf\xc3\xa9 \xc2\xa7\xc2\x9b" "31m\xc2\x85|\xc2");
}

static void
log_endless_line(void)
{
	static char endless[9000];

	memset(endless, 'x', sizeof(endless) - 1);
	log_error("%s", endless);
}

static void
one_line_an_event(void **state)
{
	const char *text;
	unsigned year, lines = 0;

	(void)state;
	log_name("edge");
	log_level(LOG_LEVEL_INFO);
	text = captured(log_each_level);
	assert_int_equal(sscanf(text, "%4u-", &year), 1);
	assert_true(year >= 2024);
	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 3);
	assert_non_null(strstr(text, "Z error edge["));
	assert_non_null(strstr(text, "]: an error\n"));
	assert_non_null(strstr(text, "]: a fact region=GB\n"));
	assert_null(strstr(text, "a detail"));
	log_level(LOG_LEVEL_DEBUG);
	assert_non_null(strstr(captured(log_each_level), "a detail"));
}

/* What a peer sends must not look like a line of ours. */
static void
no_line_can_be_forged(void **state)
{
	const char *text = captured(log_forged_line);

	(void)state;
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_null(strchr(text, '\r'));
	assert_null(strchr(text, '\x1b'));
}

/* Of two bytes, too; other letters stay. */
static void
terminals_are_told_nothing(void **state)
{
	(void)state;
	assert_non_null(strstr(captured(log_terminal_control),
	    "name=caf\xc3\xa9 \xc2\xa7  31m  |\xc2\n"));
}

static void
an_endless_line_is_cut(void **state)
{
	const char *text = captured(log_endless_line);

	(void)state;
	assert_in_range(strlen(text), 1000, 2048);
	assert_int_equal(text[strlen(text) - 1], '\n');
}

static void
a_flood_is_held_back_and_counted(void **state)
{
	struct log_rate rate = { 0 };
	uint32_t suppressed, allowed = 0, told = 0, tries = 0;

	(void)state;
	/* A period may end in between; then the count is told. */
	for (; tries < 1000; tries++) {
		allowed += log_rate_allows(&rate, 5, &suppressed);
		told += suppressed;
	}
	assert_in_range(allowed, 5, 10);
	/* Into the next period by hand: what was held back is told once. */
	rate.period--;
	assert_true(log_rate_allows(&rate, 5, &suppressed));
	told += suppressed;
	assert_int_equal(told, tries - allowed);
	assert_true(log_rate_allows(&rate, 5, &suppressed));
	assert_int_equal(suppressed, 0);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_an_event),
		cmocka_unit_test(no_line_can_be_forged),
		cmocka_unit_test(terminals_are_told_nothing),
		cmocka_unit_test(an_endless_line_is_cut),
		cmocka_unit_test(a_flood_is_held_back_and_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
