/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "base/utf8.h"

void
buf_free(struct buf *b)
{
	free(b->p);
	b->p = NULL;
}

char *
buf_grow(struct buf *b, size_t bytes)
{
	size_t cap = b->cap == 0 ? 256 : b->cap;

	must(bytes < SIZE_MAX / 4);
	while (cap - b->len < bytes)
		cap *= 2;
	if (cap != b->cap) {
		b->p = xrealloc(b->p, cap);
		b->cap = cap;
	}
	return b->p + b->len;
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	must(len >= 0);
	buf_reserve(b, (size_t)len + 1);
	va_start(ap, fmt);
	vsnprintf(b->p + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

void
buf_u64(struct buf *b, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	buf_add(b, digits + i, sizeof(digits) - i);
}

static void
json_escape(struct buf *b, unsigned char c)
{
	switch (c) {
	case '"':
		buf_text(b, "\\\"");
		break;
	case '\\':
		buf_text(b, "\\\\");
		break;
	case '\n':
		buf_text(b, "\\n");
		break;
	default:
		buf_printf(b, "\\u%04x", c);
	}
}

/* U+0080 to U+009F, of two bytes: JSON may hold them as they are, but they are
 * commands to the terminal that a log is looked at in. */
static bool
is_control(const char *p)
{
	return (unsigned char)p[0] == 0xc2 &&
	    ((unsigned char)p[1] & 0xe0) == 0x80;
}

void
buf_json(struct buf *b, struct slice text)
{
	size_t i = 0, run = 0, width;

	buf_char(b, '"');
	while (i < text.len) {
		unsigned char c = (unsigned char)text.p[i];

		if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
			i++;
			continue;
		}
		width = c < 0x80 ? 0 : utf8_width(text.p + i, text.len - i);
		if (width > 0 && !is_control(text.p + i)) {
			i += width;
			continue;
		}
		buf_add(b, text.p + run, i - run);
		if (c < 0x80)
			json_escape(b, c);
		else if (width > 0)
			json_escape(b, (unsigned char)text.p[++i]);
		else
			buf_text(b, "\xef\xbf\xbd");
		run = ++i;
	}
	buf_add(b, text.p + run, i - run);
	buf_char(b, '"');
}

static const char *
entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

void
buf_markup(struct buf *b, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		const char *e = entity(text.p[i]);

		if (e != NULL)
			buf_text(b, e);
		else
			buf_char(b, text.p[i]);
	}
}

void
buf_consume(struct buf *b, size_t len)
{
	must(len <= b->len);
	b->len -= len;
	if (b->len > 0)
		memmove(b->p, b->p + len, b->len);
}

const char *
buf_cstr(struct buf *b)
{
	*buf_reserve(b, 1) = '\0';
	return b->p;
}
