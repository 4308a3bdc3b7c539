/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "engine/content.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <wctype.h>

#include "base/buf.h"
#include "base/must.h"
#include "base/utf8.h"

enum { NUMBER_TEXT_MAX = 64 };		/* longer ones are not numbers */

static const char *const type_names[] = {
	[CONTENT_STRING] = "ContentString",
	[CONTENT_NUMBER] = "ContentNumber",
	[CONTENT_BOOLEAN] = "ContentBoolean",
	[CONTENT_DATE_TIME] = "ContentDateTime",
	[CONTENT_DATE] = "ContentDate",
	[CONTENT_CONTENT] = "ContentContent",
	[CONTENT_PASSWORD] = "ContentPassword",
	[CONTENT_ENCRYPTED] = "ContentEncrypted",
	[CONTENT_OBJECT] = "ContentObject",
	[CONTENT_LIST] = "ContentList",
};

const char *
content_type_name(enum content_type type)
{
	must(type < CONTENT_TYPES);
	return type_names[type];
}

bool
content_type_find(enum content_type *type, struct slice name)
{
	for (int i = 0; i < CONTENT_TYPES; i++)
		if (slice_eq_nocase(name, slice_of(type_names[i]))) {
			*type = (enum content_type)i;
			return true;
		}
	return false;
}

/* --- numbers ---------------------------------------------------------------- */

/* A decimal number: strtod() would take "inf", "0x1p3" and leading space. */
static bool
read_number(struct slice text, double *number)
{
	char copy[NUMBER_TEXT_MAX];
	char *end;

	text = slice_trim(text);
	if (text.len == 0 || text.len >= sizeof(copy))
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (strchr("0123456789+-.eE", text.p[i]) == NULL ||
		    text.p[i] == '\0')
			return false;
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	*number = strtod(copy, &end);
	return *end == '\0' && isfinite(*number);
}

const char *
content_number(struct arena *arena, double number)
{
	char text[400];
	size_t len;

	if (number == 0)
		number = 0;		/* not "-0" */
	/* 15 digits are what a double keeps of any decimal number. */
	if (fabs(number) < 1e15 && fabs(number) >= 1e-4)
		snprintf(text, sizeof(text), "%.*f",
		    fabs(number) < 1 ? 15 : 14 - (int)log10(fabs(number)),
		    number);
	else
		snprintf(text, sizeof(text), "%.15f", number);
	len = strlen(text);
	if (strchr(text, '.') != NULL) {
		while (text[len - 1] == '0')
			len--;
		if (text[len - 1] == '.')
			len--;
	}
	return arena_copy(arena, (struct slice){ text, len });
}

/* --- dates -------------------------------------------------------------------- */

/* count digits off the front. */
static bool
take_digits(struct slice *s, int count, int *value)
{
	*value = 0;
	if (s->len < (size_t)count)
		return false;
	for (int i = 0; i < count; i++) {
		if (s->p[i] < '0' || s->p[i] > '9')
			return false;
		*value = *value * 10 + (s->p[i] - '0');
	}
	s->p += count;
	s->len -= (size_t)count;
	return true;
}

static bool
take_char(struct slice *s, char c)
{
	if (s->len == 0 || s->p[0] != c)
		return false;
	s->p++;
	s->len--;
	return true;
}

static bool
take_date(struct slice *s, struct tm *tm)
{
	static const int days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31,
	    30, 31 };
	int year, month, day;

	if (!take_digits(s, 4, &year) || !take_char(s, '-') ||
	    !take_digits(s, 2, &month) || !take_char(s, '-') ||
	    !take_digits(s, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
		return false;
	tm->tm_year = year - 1900;
	tm->tm_mon = month - 1;
	tm->tm_mday = day;
	return true;
}

static bool
take_time(struct slice *s, struct tm *tm, int *ms)
{
	int digit, weight = 100;

	if (!take_digits(s, 2, &tm->tm_hour) || !take_char(s, ':') ||
	    !take_digits(s, 2, &tm->tm_min) || tm->tm_hour > 23 ||
	    tm->tm_min > 59)
		return false;
	if (!take_char(s, ':'))
		return true;
	if (!take_digits(s, 2, &tm->tm_sec) || tm->tm_sec > 60)
		return false;
	if (!take_char(s, '.') && !take_char(s, ','))
		return true;
	if (!take_digits(s, 1, &digit))
		return false;
	do {
		*ms += digit * weight;	/* .NET writes seven digits */
		weight /= 10;
	} while (take_digits(s, 1, &digit));
	return true;
}

/* "Z", "+02:00", "-0330" or nothing; minutes to take off. */
static bool
take_zone(struct slice *s, int *minutes)
{
	int sign, h, m = 0;

	*minutes = 0;
	if (s->len == 0 || take_char(s, 'Z') || take_char(s, 'z'))
		return s->len == 0;
	if (take_char(s, '+'))
		sign = 1;
	else if (take_char(s, '-'))
		sign = -1;
	else
		return false;
	if (!take_digits(s, 2, &h) || h > 14)
		return false;
	take_char(s, ':');
	if (s->len > 0 && (!take_digits(s, 2, &m) || m > 59))
		return false;
	*minutes = sign * (h * 60 + m);
	return s->len == 0;
}

bool
content_instant(struct slice text, int64_t *ms)
{
	struct slice s = slice_trim(text);
	struct tm tm = { 0 };
	int fraction = 0, minutes = 0;

	if (!take_date(&s, &tm))
		return false;
	if (s.len > 0) {
		if (!take_char(&s, 'T') && !take_char(&s, 't') &&
		    !take_char(&s, ' '))
			return false;
		if (!take_time(&s, &tm, &fraction) || !take_zone(&s, &minutes))
			return false;
	}
	*ms = ((int64_t)timegm(&tm) - minutes * 60) * 1000 + fraction;
	return true;
}

/* --- text ----------------------------------------------------------------------- */

/* The C library's Unicode tables; there is no other use of locales here. */
static locale_t
unicode(void)
{
	static locale_t locale;

	if (locale == (locale_t)0)
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	must(locale != (locale_t)0);	/* built into glibc since 2.35 */
	return locale;
}

static uint32_t
decode(const char *p, size_t width)
{
	static const uint8_t masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = (uint8_t)p[0] & masks[width];

	for (size_t i = 1; i < width; i++)
		c = c << 6 | ((uint8_t)p[i] & 0x3f);
	return c;
}

static size_t
encode(char *p, uint32_t c)
{
	static const uint8_t leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t width = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (width == 1) {
		p[0] = (char)c;
		return 1;
	}
	for (size_t i = width - 1; i > 0; i--, c >>= 6)
		p[i] = (char)(0x80 | (c & 0x3f));
	p[0] = (char)(leads[width] | c);
	return width;
}

struct slice
content_upper(struct arena *arena, struct slice text)
{
	/* Some letters need more bytes in upper case, at most 3 for 2. */
	char *out = arena_alloc(arena, text.len * 2 + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.len;) {
		size_t width = utf8_width(text.p + i, text.len - i);

		if (width == 0) {	/* no text at all; compare its bytes */
			out[n++] = text.p[i++];
			continue;
		}
		n += encode(out + n, (uint32_t)towupper_l(
		    (wint_t)decode(text.p + i, width), unicode()));
		i += width;
	}
	return (struct slice){ out, n };
}

static int
compare_text(struct slice a, struct slice b)
{
	struct arena *arena = arena_new(1024);
	struct slice ua = content_upper(arena, a), ub = content_upper(arena, b);
	size_t len = ua.len < ub.len ? ua.len : ub.len;
	int order = memcmp(ua.p, ub.p, len);

	if (order == 0)
		order = (ua.len > ub.len) - (ua.len < ub.len);
	arena_free(&arena);
	return (order > 0) - (order < 0);
}

/* --- by type ----------------------------------------------------------------------- */

bool
content_true(struct slice text)
{
	return slice_eq_nocase(slice_trim(text), SLICE("true"));
}

bool
content_valid(enum content_type type, struct slice text)
{
	double number;
	int64_t ms;

	if (text.len == 0)
		return true;
	switch (type) {
	case CONTENT_NUMBER:
		return read_number(text, &number);
	case CONTENT_BOOLEAN:
		return content_true(text) ||
		    slice_eq_nocase(slice_trim(text), SLICE("false"));
	case CONTENT_DATE_TIME:
	case CONTENT_DATE:
		return content_instant(text, &ms);
	default:
		return utf8_valid(text.p, text.len);
	}
}

bool
content_compare(enum content_type type, struct slice a, struct slice b,
    int *order)
{
	double x, y;
	int64_t s, t;

	switch (type) {
	case CONTENT_NUMBER:
		if (!read_number(a, &x) || !read_number(b, &y))
			return false;
		*order = (x > y) - (x < y);
		return true;
	case CONTENT_BOOLEAN:
		*order = (int)content_true(a) - (int)content_true(b);
		return true;
	case CONTENT_DATE_TIME:
	case CONTENT_DATE:
		if (!content_instant(a, &s) || !content_instant(b, &t))
			return false;
		*order = (s > t) - (s < t);
		return true;
	default:
		*order = compare_text(a, b);
		return true;
	}
}

const char *
content_add(struct arena *arena, enum content_type type, struct slice a,
    struct slice b)
{
	double x = 0, y = 0;

	if (type != CONTENT_NUMBER)
		return arena_printf(arena, "%.*s%.*s", SLICE_ARG(a),
		    SLICE_ARG(b));
	/* What is not there yet counts as nothing. */
	if (!read_number(a, &x))
		x = 0;
	if (!read_number(b, &y))
		y = 0;
	return content_number(arena, x + y);
}

const char *
content_subtract(struct arena *arena, struct slice a, struct slice b)
{
	double x, y;

	if (!read_number(a, &x))
		x = 0;
	if (!read_number(b, &y))
		y = 0;
	return content_number(arena, x - y);
}
