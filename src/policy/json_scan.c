/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/json_scan.h"

#include "base/must.h"
#include "base/utf8.h"
#include "http/chars.h"

/*
 * Values are read by functions that return JSON_COMPLETE when the value is
 * over; the first other end goes straight up.
 */
struct scan {
	const char	*p, *end;
	unsigned	 depth;
	struct json_want *wants;
	size_t		 count;
};

/* Some of the wants: bit by index. */
typedef uint8_t want_bits;

/* A string's value as far as anybody wants to know it. */
struct text {
	char		 bytes[JSON_TEXT_KEPT];
	size_t		 len;		/* more than there is room for: cut */
};

static enum json_end scan_value(struct scan *, want_bits, unsigned level);

static void
skip_blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' ||
	    *s->p == '\r' || *s->p == '\n'))
		s->p++;
}

/* --- strings ------------------------------------------------------------------ */

static void
text_add(struct text *text, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text->len < sizeof(text->bytes))
			text->bytes[text->len] = p[i];
		text->len++;
	}
}

/* The four digits at p. */
static bool
read_unit(const char *p, uint32_t *unit)
{
	*unit = 0;
	for (int i = 0; i < 4; i++) {
		if (chars_hex(p[i]) < 0)
			return false;
		*unit = *unit << 4 | (uint32_t)chars_hex(p[i]);
	}
	return true;
}

static void
add_character(struct text *text, uint32_t c)
{
	char out[4];
	size_t n = 0;

	if (c < 0x80) {
		out[n++] = (char)c;
	} else if (c < 0x800) {
		out[n++] = (char)(0xc0 | c >> 6);
		out[n++] = (char)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		out[n++] = (char)(0xe0 | c >> 12);
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (c & 0x3f));
	} else {
		out[n++] = (char)(0xf0 | c >> 18);
		out[n++] = (char)(0x80 | (c >> 12 & 0x3f));
		out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
		out[n++] = (char)(0x80 | (c & 0x3f));
	}
	text_add(text, out, n);
}

/* After \u: one unit, or a pair of surrogates; a single one is no text. */
static enum json_end
scan_unicode(struct scan *s, struct text *text)
{
	uint32_t high, low;

	if (s->end - s->p < 4)
		return JSON_MORE;
	if (!read_unit(s->p, &high))
		return JSON_BAD;
	s->p += 4;
	if (high < 0xd800 || high > 0xdfff) {
		add_character(text, high);
		return JSON_COMPLETE;
	}
	if (high > 0xdbff)
		return JSON_BAD;
	if (s->end - s->p < 6)
		return JSON_MORE;
	if (s->p[0] != '\\' || s->p[1] != 'u' || !read_unit(s->p + 2, &low) ||
	    low < 0xdc00 || low > 0xdfff)
		return JSON_BAD;
	s->p += 6;
	add_character(text,
	    0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00)));
	return JSON_COMPLETE;
}

static enum json_end
scan_escape(struct scan *s, struct text *text)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (s->p == s->end)
		return JSON_MORE;
	if (*s->p == 'u') {
		s->p++;
		return scan_unicode(s, text);
	}
	at = memchr(from, *s->p, sizeof(from) - 1);
	if (at == NULL)
		return JSON_BAD;
	text_add(text, &to[at - from], 1);
	s->p++;
	return JSON_COMPLETE;
}

/* From behind the opening quote to behind the closing one. */
static enum json_end
scan_string(struct scan *s, struct text *text)
{
	enum json_end end;
	size_t width;

	text->len = 0;
	while (s->p < s->end) {
		if (*s->p == '"') {
			s->p++;
			return JSON_COMPLETE;
		}
		if (*s->p == '\\') {
			s->p++;
			end = scan_escape(s, text);
			if (end != JSON_COMPLETE)
				return end;
			continue;
		}
		width = utf8_width(s->p, (size_t)(s->end - s->p));
		if (width == 0)
			return s->end - s->p < 4 ? JSON_MORE : JSON_BAD;
		if ((unsigned char)*s->p < 0x20)
			return JSON_BAD;
		text_add(text, s->p, width);
		s->p += width;
	}
	return JSON_MORE;
}

/* --- what was asked for ---------------------------------------------------------- */

static void
see(struct json_want *want, enum json_seen seen, const struct text *text)
{
	size_t len = text == NULL ? 0 :
	    text->len < JSON_TEXT_KEPT ? text->len : JSON_TEXT_KEPT;

	if (want->seen == JSON_ABSENT) {
		want->seen = seen;
		want->len = (uint8_t)len;
		if (len > 0)
			memcpy(want->text, text->bytes, len);
		return;
	}
	if (want->seen != seen || want->len != len ||
	    (len > 0 && memcmp(want->text, text->bytes, len) != 0))
		want->seen = JSON_UNUSABLE;
}

/* Tells those wants whose path ends at this value. */
static void
see_value(struct scan *s, want_bits wants, unsigned level,
    enum json_seen seen, const struct text *text)
{
	for (size_t i = 0; i < s->count; i++)
		if ((wants >> i & 1) != 0 && s->wants[i].path[level] == NULL)
			see(&s->wants[i], seen, text);
}

/* Which of them go on with this name. */
static want_bits
follow(struct scan *s, want_bits wants, unsigned level,
    const struct text *name)
{
	want_bits on = 0;

	if (name->len > sizeof(name->bytes))
		return 0;
	for (size_t i = 0; i < s->count; i++)
		if ((wants >> i & 1) != 0 && s->wants[i].path[level] != NULL &&
		    slice_eq_nocase(slice_of(s->wants[i].path[level]),
		    (struct slice){ name->bytes, name->len }))
			on = (want_bits)(on | 1u << i);
	return on;
}

/* An object said twice may hold the value once only: still two readings. */
static void
repeated(struct scan *s, want_bits wants, unsigned level)
{
	for (size_t i = 0; i < s->count; i++)
		if ((wants >> i & 1) != 0 &&
		    s->wants[i].path[level + 1] != NULL)
			s->wants[i].seen = JSON_UNUSABLE;
}

/* --- values ---------------------------------------------------------------------- */

static enum json_end
expect(struct scan *s, char c)
{
	skip_blanks(s);
	if (s->p == s->end)
		return JSON_MORE;
	if (*s->p != c)
		return JSON_BAD;
	s->p++;
	return JSON_COMPLETE;
}

/* "name": value */
static enum json_end
scan_member(struct scan *s, want_bits wants, unsigned level, want_bits *seen)
{
	struct text name;
	enum json_end end;
	want_bits on;

	if ((end = expect(s, '"')) != JSON_COMPLETE ||
	    (end = scan_string(s, &name)) != JSON_COMPLETE ||
	    (end = expect(s, ':')) != JSON_COMPLETE)
		return end;
	on = level < JSON_PATH_MAX ? follow(s, wants, level, &name) : 0;
	repeated(s, on & *seen, level);
	*seen |= on;
	return scan_value(s, on, level + 1);
}

/* A comma, or the closing bracket: *closed. */
static enum json_end
scan_separator(struct scan *s, char close, bool *closed)
{
	skip_blanks(s);
	if (s->p == s->end)
		return JSON_MORE;
	*closed = *s->p == close;
	if (!*closed && *s->p != ',')
		return JSON_BAD;
	s->p++;
	return JSON_COMPLETE;
}

/* Behind the opening bracket of an object or array. */
static enum json_end
scan_items(struct scan *s, char close, want_bits wants, unsigned level)
{
	want_bits seen = 0;
	bool closed = false;
	enum json_end end;

	skip_blanks(s);
	if (s->p < s->end && *s->p == close) {
		s->p++;
		return JSON_COMPLETE;
	}
	while (!closed) {
		end = close == '}' ? scan_member(s, wants, level, &seen) :
		    scan_value(s, 0, level + 1);
		if (end == JSON_COMPLETE)
			end = scan_separator(s, close, &closed);
		if (end != JSON_COMPLETE)
			return end;
	}
	return JSON_COMPLETE;
}

static enum json_end
scan_literal(struct scan *s, const char *word)
{
	for (; *word != '\0'; word++, s->p++) {
		if (s->p == s->end)
			return JSON_MORE;
		if (*s->p != *word)
			return JSON_BAD;
	}
	return JSON_COMPLETE;
}

/* At least one digit; s->p may stand at the end afterwards. */
static enum json_end
scan_digits(struct scan *s)
{
	const char *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	if (s->p > from)
		return JSON_COMPLETE;
	return s->p == s->end ? JSON_MORE : JSON_BAD;
}

static bool
take(struct scan *s, char a, char b)
{
	if (s->p == s->end || (*s->p != a && *s->p != b))
		return false;
	s->p++;
	return true;
}

/* A number at the very end of what is there may go on: that is MORE. */
static enum json_end
scan_number(struct scan *s)
{
	enum json_end end = JSON_COMPLETE;

	take(s, '-', '-');
	if (!take(s, '0', '0'))
		end = scan_digits(s);
	if (end == JSON_COMPLETE && take(s, '.', '.'))
		end = scan_digits(s);
	if (end == JSON_COMPLETE && take(s, 'e', 'E')) {
		take(s, '+', '-');
		end = scan_digits(s);
	}
	return end == JSON_COMPLETE && s->p == s->end ? JSON_MORE : end;
}

static enum json_end
scan_container(struct scan *s, char close, want_bits wants, unsigned level)
{
	enum json_end end;

	if (s->depth == JSON_DEPTH_MAX)
		return JSON_BAD;
	s->p++;
	s->depth++;
	end = scan_items(s, close, wants, level);
	s->depth--;
	return end;
}

static enum json_end
scan_value(struct scan *s, want_bits wants, unsigned level)
{
	struct text text;
	enum json_end end;

	skip_blanks(s);
	if (s->p == s->end)
		return JSON_MORE;
	switch (*s->p) {
	case '"':
		s->p++;
		end = scan_string(s, &text);
		if (end == JSON_COMPLETE)
			see_value(s, wants, level, JSON_TEXT, &text);
		return end;
	case 'n':
		end = scan_literal(s, "null");
		if (end == JSON_COMPLETE)
			see_value(s, wants, level, JSON_NULL, NULL);
		return end;
	case '{':
		see_value(s, wants, level, JSON_UNUSABLE, NULL);
		return scan_container(s, '}', wants, level);
	case '[':
		see_value(s, wants, level, JSON_UNUSABLE, NULL);
		return scan_container(s, ']', 0, level);
	case 't':
	case 'f':
		see_value(s, wants, level, JSON_UNUSABLE, NULL);
		return scan_literal(s, *s->p == 't' ? "true" : "false");
	default:
		see_value(s, wants, level, JSON_UNUSABLE, NULL);
		return scan_number(s);
	}
}

/* A byte order mark, which some clients send before UTF-8; false where it has
 * come in part. */
static bool
skip_mark(struct scan *s)
{
	static const char mark[3] = "\xef\xbb\xbf";
	size_t left = (size_t)(s->end - s->p),
	    len = left < sizeof(mark) ? left : sizeof(mark);

	if (memcmp(s->p, mark, len) != 0)
		return true;
	s->p += len;
	return len == sizeof(mark);
}

enum json_end
json_scan(struct slice front, struct json_want *wants, size_t count)
{
	struct scan s = { .p = front.p, .wants = wants, .count = count };

	must(count <= JSON_WANTS_MAX);
	for (size_t i = 0; i < count; i++) {
		wants[i].seen = JSON_ABSENT;
		wants[i].len = 0;
	}
	if (front.len == 0)
		return JSON_MORE;
	s.end = front.p + front.len;
	if (!skip_mark(&s))
		return JSON_MORE;
	return scan_value(&s, (want_bits)((1u << count) - 1), 0);
}
