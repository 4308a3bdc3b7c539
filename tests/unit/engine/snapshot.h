/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Small snapshots for tests.  Ids are one hexadecimal number: "#2a" in a text
 * stands for 00000000-0000-0000-0000-00000000002a, and ' for ".
 */
#ifndef TESTS_UNIT_ENGINE_SNAPSHOT_H
#define TESTS_UNIT_ENGINE_SNAPSHOT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "engine/run.h"

static inline char *
expand(const char *text)
{
	struct buf out = { 0 };

	for (; *text != '\0'; text++) {
		if (*text == '\'') {
			buf_char(&out, '"');
		} else if (*text == '#' && isxdigit((unsigned char)text[1])) {
			char *end;
			unsigned long n = strtoul(text + 1, &end, 16);

			buf_printf(&out,
			    "\"00000000-0000-0000-0000-%012lx\"", n);
			text = end - 1;
		} else {
			buf_char(&out, *text);
		}
	}
	buf_cstr(&out);
	return out.p;
}

static inline json_t *
json_of(const char *text)
{
	char *whole = expand(text);
	json_error_t at;
	json_t *json = json_loads(whole, 0, &at);

	if (json == NULL)
		fail_msg("%d:%d: %s in %s", at.line, at.column, at.text, whole);
	free(whole);
	return json;
}

static inline struct guid
guid_number(unsigned n)
{
	struct guid guid = { { 0 } };

	guid.bytes[14] = (uint8_t)(n >> 8);
	guid.bytes[15] = (uint8_t)n;
	return guid;
}

#endif
