/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One field line: "Name: value", nothing before the name, nothing between it
 * and the colon (RFC 9112 5).
 */

#include "http/chars16.h"
#include "http/h1_parse.h"

/* Why the byte at line.p[at], where the colon should be, is none. */
static enum h1_rule
bad_name(struct slice line, size_t at)
{
	if (at == line.len)
		return H1_BAD_NAME;
	switch (line.p[at]) {
	case '\r':
		return H1_BARE_CR_OR_LF;
	case ' ':
	case '\t':
		/* A continuation of the line before, or a name's trailer. */
		return at == 0 ? H1_OBS_FOLD : H1_SPACE_BEFORE_COLON;
	default:
		return H1_BAD_NAME;
	}
}

/* Any token, with as much of it in lower case as fits; its length. */
static size_t
any_name(struct slice line, char low[FIELD_LOW], bool *underscore)
{
	unsigned char c;
	size_t n = 0;

	while (n < line.len && (c = chars_token[(unsigned char)line.p[n]]) != 0) {
		if (n < FIELD_LOW)
			low[n] = (char)c;
		*underscore |= c == '_';
		n++;
	}
	return n;
}

/* The colon is at line.p[n]. */
static void
take_line(struct h1_field *field, struct slice line, const char *low, size_t n)
{
	field->name = (struct slice){ line.p, n };
	field->id = (uint8_t)field_identify_low(low, n);
	field->hop = field_is_hop(field->id);
	field->value = (struct slice){ line.p + n + 1, line.len - n - 1 };
}

bool
h1_usual_field(struct h1_field *field, struct slice line)
{
	char low[FIELD_LOW];
	size_t n = chars_usual_name(line, low);

	if (n == 0)
		return false;
	take_line(field, line, low, n);
	field->value = slice_trim(field->value);
	return true;
}

enum h1_rule
h1_field_line(struct h1_field *field, struct slice line, bool *underscore,
    size_t *at)
{
	char low[FIELD_LOW];
	size_t n = chars_usual_line(line, low), good;

	*underscore = false;
	if (n > 0) {
		take_line(field, line, low, n);
		field->value = slice_trim(field->value);
		return H1_OK;
	}
	n = any_name(line, low, underscore);
	if (n == 0 || n == line.len || line.p[n] != ':') {
		*at = n;
		return bad_name(line, n);
	}
	take_line(field, line, low, n++);
	good = chars_in_value(field->value);
	if (good < field->value.len) {
		*at = n + good;
		return line.p[n + good] == '\r' ? H1_BARE_CR_OR_LF :
		    H1_BAD_VALUE;
	}
	field->value = slice_trim(field->value);
	return H1_OK;
}
