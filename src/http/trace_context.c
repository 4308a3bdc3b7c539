/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "http/trace_context.h"

enum { VERSION_0_BYTES = 55 };

/* --- traceparent ------------------------------------------------------------- */

static int
digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* *zero: there is no other digit in it. */
static bool
is_hex(struct slice text, bool *zero)
{
	*zero = true;
	for (size_t i = 0; i < text.len; i++) {
		int d = digit(text.p[i]);

		if (d < 0)
			return false;
		*zero &= d == 0;
	}
	return true;
}

static bool
read_byte(const char *p, uint8_t *byte)
{
	int high = digit(p[0]), low = digit(p[1]);

	if (high < 0 || low < 0)
		return false;
	*byte = (uint8_t)(high << 4 | low);
	return true;
}

/* 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01 */
bool
traceparent_read(struct traceparent *parent, struct slice value)
{
	struct traceparent read;
	uint8_t version;
	bool zero;

	if (value.len < VERSION_0_BYTES || value.p[2] != '-' ||
	    value.p[35] != '-' || value.p[52] != '-' ||
	    !read_byte(value.p, &version) || version == 0xff ||
	    !read_byte(value.p + 53, &read.flags))
		return false;
	if (value.len > VERSION_0_BYTES &&
	    (version == 0 || value.p[VERSION_0_BYTES] != '-'))
		return false;
	read.trace_id = (struct slice){ value.p + 3, TRACE_ID_TEXT };
	read.parent_id = (struct slice){ value.p + 36, SPAN_ID_TEXT };
	if (!is_hex(read.trace_id, &zero) || zero ||
	    !is_hex(read.parent_id, &zero) || zero)
		return false;
	*parent = read;
	return true;
}

/* --- tracestate ---------------------------------------------------------------- */

static bool
is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
	    c == '-' || c == '*' || c == '/';
}

static bool
is_key_part(struct slice part, size_t most, bool digit_first)
{
	if (part.len == 0 || part.len > most ||
	    !((part.p[0] >= 'a' && part.p[0] <= 'z') ||
	    (digit_first && part.p[0] >= '0' && part.p[0] <= '9')))
		return false;
	for (size_t i = 1; i < part.len; i++)
		if (!is_key_char(part.p[i]))
			return false;
	return true;
}

/* simple-key, or tenant@system (3.3.1.3.1) */
static bool
is_key(struct slice key)
{
	struct slice tenant, system = key;

	if (key.len == 0 || memchr(key.p, '@', key.len) == NULL)
		return is_key_part(key, 256, false);
	slice_split(&system, '@', &tenant);
	return is_key_part(tenant, 241, true) &&
	    is_key_part(system, 14, false);
}

static bool
is_value(struct slice value)
{
	if (value.len == 0 || value.len > 256 ||
	    value.p[value.len - 1] == ' ')
		return false;
	for (size_t i = 0; i < value.len; i++)
		if (value.p[i] < ' ' || value.p[i] > '~' ||
		    value.p[i] == ',' || value.p[i] == '=')
			return false;
	return true;
}

bool
tracestate_is_good(struct slice value, unsigned *members)
{
	struct slice rest = value, member, key;

	while (slice_split(&rest, ',', &member)) {
		member = slice_trim(member);
		if (member.len == 0)
			continue;	/* empty ones are allowed */
		if (++*members > TRACESTATE_MEMBERS ||
		    memchr(member.p, '=', member.len) == NULL ||
		    !slice_split(&member, '=', &key) || !is_key(key) ||
		    !is_value(member))
			return false;
	}
	return true;
}
