/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/range_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/must.h"
#include "geo/country.h"
#include "geo/geo_layers.h"

enum { RANGES_FIRST = 4096, FIELDS_MAX = 3 };

static const ip_number IP6_FIRST = (ip_number)1 << 32;

/* The line being read. */
struct line {
	struct range_text *t;
	const char	*begin;
	uint32_t	 number;
	struct slice	 field[FIELDS_MAX];
	int		 nfields;
};

static void
mistake(struct range_text *t, uint16_t file, uint32_t line, size_t column,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

static void
mistake(struct range_text *t, uint16_t file, uint32_t line, size_t column,
    const char *fmt, ...)
{
	char sentence[512];
	va_list ap;

	if (t->nmistakes++ >= RANGE_MISTAKES_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	buf_printf(&t->mistakes, "%s:%u:%zu: %s\n", t->files[file], line,
	    column, sentence);
}

static size_t
column_of(const struct line *l, struct slice field)
{
	return (size_t)(field.p - l->begin) + 1;
}

/* For a message: what stands there, cut where it is too long or unprintable. */
static struct slice
shown(struct slice field)
{
	size_t len = 0;

	while (len < field.len && len < 60 && field.p[len] >= 0x20 &&
	    field.p[len] < 0x7f)
		len++;
	return (struct slice){ field.p, len };
}

static bool
bad_field(const struct line *l, int i, const char *sentence)
{
	struct slice text = shown(l->field[i]);

	mistake(l->t, (uint16_t)(l->t->nfiles - 1), l->number,
	    column_of(l, l->field[i]), "%s: '%.*s'", sentence,
	    SLICE_ARG(text));
	return false;
}

/* An address, or an IPv4 address as a number. */
static bool
read_address(struct slice text, struct addr *a)
{
	uint64_t n;

	if (text.len > 10 || !slice_to_u64(text, &n))
		return addr_parse(a, text);
	if (n > UINT32_MAX)
		return false;
	*a = addr_from_ip4((uint32_t)n);
	return true;
}

static ip_number
number_of(const struct addr *a)
{
	const struct cidr one = { *a, a->family == ADDR_IP4 ? 32 : 128 };

	return cidr_first(&one);
}

static bool
read_first_last(const struct line *l, struct range *r,
    enum addr_family *family)
{
	struct addr first, last;

	if (!read_address(l->field[0], &first))
		return bad_field(l, 0, "not an IP address");
	if (!read_address(l->field[1], &last))
		return bad_field(l, 1, "not an IP address");
	if (first.family != last.family)
		return bad_field(l, 1, "not of the family of the first address");
	*family = (enum addr_family)first.family;
	r->first = number_of(&first);
	r->last = number_of(&last);
	if (r->first > r->last)
		return bad_field(l, 1, "lower than the first address");
	return true;
}

static bool
read_cidr(const struct line *l, struct range *r, enum addr_family *family)
{
	struct cidr net;

	switch (cidr_parse(&net, l->field[0])) {
	case CIDR_BAD:
		return bad_field(l, 0, "not a network (address/bits)");
	case CIDR_HOST_BITS:
		return bad_field(l, 0, "address bits are set beyond the prefix");
	case CIDR_OK:
		break;
	}
	*family = (enum addr_family)net.base.family;
	r->first = cidr_first(&net);
	r->last = cidr_last(&net);
	return true;
}

static struct range_stray *
find_stray(struct range_text *t, struct slice code)
{
	for (size_t i = 0; i < t->nstrays; i++)
		if (slice_is(code, t->strays[i].code))
			return &t->strays[i];
	return NULL;
}

/* An alias without a place: A1, XX ... */
static bool
is_known(struct slice code)
{
	const char *why;

	return country_suggest(code, &why) != NULL || why != NULL;
}

/* Real sources hold typing errors (OS, AB): noted, and taken for nowhere. */
static bool
note_stray(const struct line *l, struct slice code)
{
	struct range_text *t = l->t;
	struct range_stray *s = find_stray(t, code);

	if (s == NULL) {
		if (is_known(code))
			return true;
		if (t->nstrays == RANGE_STRAYS_MAX)
			return bad_field(l, l->nfields - 1,
			    "no country has this code");
		s = &t->strays[t->nstrays++];
		memcpy(s->code, code.p, 2);
		s->file = (uint16_t)(t->nfiles - 1);
		s->line = l->number;
		s->column = (uint32_t)column_of(l, code);
	}
	s->count++;
	return true;
}

static bool
is_placeholder(struct slice code)
{
	return code.len == 0 || slice_is(code, "??") || slice_is(code, "--");
}

/* Place of the last field. */
static bool
read_code(const struct line *l, struct range *r)
{
	struct slice code = l->field[l->nfields - 1];
	const char *why, *meant;

	r->place = place_from_codes(code, (struct slice){ NULL, 0 });
	if (r->place.class == PLACE_LOCATED || is_placeholder(code))
		return true;
	if (code.len == 2 && shown(code).len == 2)
		return note_stray(l, code);
	meant = country_suggest(code, &why);
	if (meant == NULL)
		return bad_field(l, l->nfields - 1,
		    "not a country code of two letters");
	mistake(l->t, (uint16_t)(l->t->nfiles - 1), l->number,
	    column_of(l, code), "not a country code of two letters: '%.*s'; "
	    "did you mean %s?", SLICE_ARG(shown(code)), meant);
	return false;
}

static void
add_range(struct range_text *t, const struct range *r)
{
	if (t->count == t->cap) {
		t->cap = t->cap == 0 ? RANGES_FIRST : t->cap * 2;
		t->ranges = xrealloc(t->ranges, t->cap * sizeof(*t->ranges));
	}
	t->ranges[t->count++] = *r;
}

static void
read_line(struct line *l)
{
	struct range r = { .line = l->number,
	    .file = (uint16_t)(l->t->nfiles - 1) };
	enum addr_family family = ADDR_NONE;

	if (l->nfields < 2) {
		bad_field(l, 0, "neither FIRST,LAST,CC nor CIDR,CC");
		return;
	}
	if (!(l->nfields == 2 ? read_cidr(l, &r, &family) :
	    read_first_last(l, &r, &family)) || !read_code(l, &r))
		return;
	if (family == ADDR_IP6 && r.first < IP6_FIRST) {
		if (r.last < IP6_FIRST)
			return;
		r.first = IP6_FIRST;
	}
	add_range(l->t, &r);
}

/* Fields of a line without its end; a fourth stays in the third. */
static void
split_line(struct line *l, struct slice rest)
{
	l->nfields = 0;
	while (l->nfields < FIELDS_MAX - 1 &&
	    slice_split(&rest, ',', &l->field[l->nfields])) {
		l->field[l->nfields] = slice_trim(l->field[l->nfields]);
		l->nfields++;
		if (rest.p == NULL)
			return;
	}
	l->field[l->nfields++] = slice_trim(rest);
}

void
range_text_read(struct range_text *t, const char *file, struct slice text)
{
	struct line l = { .t = t };
	struct slice rest = text, line, inner;

	must(t->nfiles < RANGE_FILES_MAX);
	t->files[t->nfiles++] = file;
	while (slice_split(&rest, '\n', &line)) {
		l.begin = line.p;
		if (l.number == UINT32_MAX)
			break;
		l.number++;
		if (line.len > 0 && line.p[line.len - 1] == '\r')
			line.len--;
		inner = slice_trim(line);
		if (inner.len == 0 || inner.p[0] == '#')
			continue;
		split_line(&l, line);
		read_line(&l);
	}
}

void
range_text_fini(struct range_text *t)
{
	free(t->ranges);
	buf_fini(&t->mistakes);
	*t = (struct range_text){ 0 };
}

/* --- what nests --------------------------------------------------------------- */

/* Outer before inner; of equal ranges the order they were written in. */
static int
compare_ranges(const void *left, const void *right)
{
	const struct range *a = left, *b = right;

	if (a->first != b->first)
		return a->first < b->first ? -1 : 1;
	if (a->last != b->last)
		return a->last > b->last ? -1 : 1;
	if (a->file != b->file)
		return a->file < b->file ? -1 : 1;
	return a->line < b->line ? -1 : a->line > b->line;
}

static void
sort_ranges(struct range_text *t)
{
	for (size_t i = 1; i < t->count; i++)
		if (compare_ranges(&t->ranges[i - 1], &t->ranges[i]) > 0) {
			qsort(t->ranges, t->count, sizeof(*t->ranges),
			    compare_ranges);
			return;
		}
}

static bool
is_conflict(struct range_text *t, const struct range *outer,
    const struct range *r)
{
	const char *what = NULL;

	if (r->last > outer->last)
		what = "overlaps, but is not inside,";
	else if (r->first == outer->first && r->last == outer->last &&
	    !place_eq(r->place, outer->place))
		what = "says something else of the same addresses than";
	if (what == NULL)
		return false;
	mistake(t, r->file, r->line, 1, "the range %s the one at %s:%u", what,
	    t->files[outer->file], outer->line);
	return true;
}

/* Ranges around the cursor, and the result, disjoint and in order. */
struct settling {
	const struct range **around;
	size_t		 depth;
	ip_number	 cursor;	/* all below is settled */
	struct range_text out;		/* its ranges alone are used */
};

/* From the cursor up to last, what the innermost range says holds. */
static void
settle_to(struct settling *s, ip_number last)
{
	struct range piece = *s->around[s->depth - 1];
	struct range *before = s->out.count == 0 ? NULL :
	    &s->out.ranges[s->out.count - 1];

	if (s->cursor > last || piece.place.class != PLACE_LOCATED)
		return;
	piece.first = s->cursor;
	piece.last = last;
	if (before != NULL && before->last + 1 == piece.first &&
	    piece.first != IP6_FIRST && place_eq(before->place, piece.place))
		before->last = last;
	else
		add_range(&s->out, &piece);
}

/* Leaves the ranges that end before an address; all of them at the end. */
static void
settle_ended(struct settling *s, const struct range *next)
{
	while (s->depth > 0) {
		const struct range *top = s->around[s->depth - 1];

		if (next != NULL && top->last >= next->first)
			return;
		settle_to(s, top->last);
		s->depth--;
		if (s->cursor <= top->last)
			s->cursor = top->last + 1;
		if (s->cursor == 0)	/* beyond the last of all addresses */
			return;
	}
}

bool
range_text_settle(struct range_text *t)
{
	struct settling s = { .around =
	    xmalloc((t->count + 1) * sizeof(*s.around)) };

	sort_ranges(t);
	for (size_t i = 0; i < t->count; i++) {
		const struct range *r = &t->ranges[i];

		settle_ended(&s, r);
		if (s.depth > 0 && is_conflict(t, s.around[s.depth - 1], r))
			continue;
		if (s.depth > 0 && r->first > 0)
			settle_to(&s, r->first - 1);
		s.cursor = r->first;
		s.around[s.depth++] = r;
	}
	settle_ended(&s, NULL);
	free(s.around);
	free(t->ranges);
	t->ranges = s.out.ranges;
	t->count = s.out.count;
	t->cap = s.out.cap;
	return t->nmistakes == 0;
}
