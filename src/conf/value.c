/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { QUOTE_MAX = 60, HOST_MAX = 253, LABEL_MAX = 63, REAL_MAX_LEN = 20 };

/* Bytes of text to show: whole characters, at most QUOTE_MAX bytes. */
static size_t
shown(struct slice text)
{
	size_t len = 0, width;

	for (; len < text.len; len += width) {
		width = utf8_width(text.p + len, text.len - len);
		if (width == 0 || len + width > QUOTE_MAX)
			break;
	}
	return len;
}

const char *
value_quote(struct arena *arena, struct slice text)
{
	size_t len = shown(text);

	return arena_printf(arena, "'%.*s%s'", (int)len, text.p,
	    len < text.len ? "..." : "");
}

/* Fails with the text in quotes before what is wrong with it. */
#define BAD(err, text, fmt, ...) \
	err_set(err, "'%.*s%s' " fmt, (int)shown(text), (text).p, \
	    shown(text) < (text).len ? "..." : "" __VA_OPT__(,) __VA_ARGS__)

/* --- numbers ------------------------------------------------------------------ */

struct unit {
	const char	*name;
	uint64_t	 factor;
};

/* Digits, and what follows them. */
static bool
split_number(struct slice text, uint64_t *number, struct slice *rest)
{
	size_t digits = 0;

	while (digits < text.len && text.p[digits] >= '0' &&
	    text.p[digits] <= '9')
		digits++;
	*rest = (struct slice){ text.p + digits, text.len - digits };
	return slice_to_u64((struct slice){ text.p, digits }, number);
}

/* The unit of that name; *nearly tells that only the case differs. */
static const struct unit *
find_unit(const struct unit *units, struct slice name, bool *nearly)
{
	*nearly = false;
	for (const struct unit *u = units; u->name != NULL; u++) {
		if (slice_is(name, u->name))
			return u;
		if (slice_eq_nocase(name, slice_of(u->name)))
			*nearly = true;
	}
	return NULL;
}

/* A unit that we do not know, perhaps, where a fraction or a blank is none. */
static bool
is_word(struct slice name)
{
	for (size_t i = 0; i < name.len; i++)
		if ((name.p[i] | 0x20) < 'a' || (name.p[i] | 0x20) > 'z')
			return false;
	return true;
}

static bool
multiply(uint64_t *value, uint64_t number, uint64_t factor)
{
	return !__builtin_mul_overflow(number, factor, value);
}

static const struct unit times[] = {
	{ "ms", 1 }, { "s", 1000 }, { "m", 60 * 1000 },
	{ "h", 3600 * 1000 }, { "d", 24 * 3600 * 1000 }, { NULL, 0 },
};

bool
value_duration(uint64_t *ms, struct slice text, struct err *err)
{
	const struct unit *unit;
	struct slice name;
	uint64_t number;
	bool nearly;

	if (!split_number(text, &number, &name))
		return BAD(err, text, "is no time; write 250ms, 10s, 5m, 1h "
		    "or 30d");
	if (name.len == 0 && number == 0) {
		*ms = 0;
		return true;
	}
	unit = find_unit(times, name, &nearly);
	if (name.len == 0)
		return BAD(err, text, "has no unit; did you mean %" PRIu64
		    "s (or ms, m, h, d)?", number);
	if (!is_word(name))
		return BAD(err, text, "is no time; write one whole number and "
		    "its unit, as 250ms, 90s, 36h");
	if (unit == NULL)
		return BAD(err, text, "has an unknown unit; times have one of "
		    "ms, s, m, h, d%s", nearly ? ", in lower case" : "");
	if (!multiply(ms, number, unit->factor))
		return BAD(err, text, "is too long a time");
	return true;
}

static const char *
with_unit(const struct unit *units, uint64_t n, char text[VALUE_TEXT])
{
	const struct unit *best = NULL;

	for (const struct unit *u = units; u->name != NULL; u++)
		if (n % u->factor == 0 && n >= u->factor)
			best = u;
	snprintf(text, VALUE_TEXT, "%" PRIu64 "%s",
	    best == NULL ? n : n / best->factor,
	    best == NULL ? "" : best->name);
	return text;
}

const char *
value_duration_text(uint64_t ms, char text[VALUE_TEXT])
{
	return ms == 0 ? strcpy(text, "0s") : with_unit(times, ms, text);
}

static const struct unit sizes[] = {
	{ "", 1 }, { "B", 1 }, { "KiB", 1024 }, { "MiB", 1024 * 1024 },
	{ "GiB", 1024 * 1024 * 1024 }, { NULL, 0 },
};

bool
value_size(uint64_t *bytes, struct slice text, struct err *err)
{
	const struct unit *unit;
	struct slice name;
	uint64_t number;
	bool nearly;

	if (!split_number(text, &number, &name))
		return BAD(err, text, "is no size; write bytes, or 64KiB, "
		    "1MiB, 1GiB");
	unit = find_unit(sizes, name, &nearly);
	if (!is_word(name))
		return BAD(err, text, "is no size; write one whole number and "
		    "its unit, as 64KiB, 1536KiB, 1GiB");
	if (unit == NULL)
		return BAD(err, text, "has an unknown unit; sizes have one of "
		    "KiB, MiB, GiB%s, or none for bytes",
		    nearly ? ", written like this" : "");
	if (!multiply(bytes, number, unit->factor))
		return BAD(err, text, "is too large");
	return true;
}

const char *
value_size_text(uint64_t bytes, char text[VALUE_TEXT])
{
	static const struct unit large[] = { { "KiB", 1024 },
	    { "MiB", 1024 * 1024 }, { "GiB", 1024 * 1024 * 1024 },
	    { NULL, 0 } };

	return with_unit(large, bytes, text);
}

bool
value_number(uint64_t *number, struct slice text, struct err *err)
{
	struct slice rest;

	if (slice_to_u64(text, number))
		return true;
	if (!split_number(text, number, &rest) && text.len > 0 && rest.len == 0)
		return BAD(err, text, "is too large a number");
	return BAD(err, text, "is no whole number; write digits alone, as 100");
}

bool
value_real(double *real, struct slice text, struct err *err)
{
	char digits[REAL_MAX_LEN + 1];
	struct slice rest = text;
	size_t points = 0, ndigits = 0;

	if (rest.len > 0 && *rest.p == '-') {
		rest.p++;
		rest.len--;
	}
	for (size_t i = 0; i < rest.len; i++) {
		points += rest.p[i] == '.';
		ndigits += rest.p[i] >= '0' && rest.p[i] <= '9';
	}
	if (memchr(text.p, '/', text.len) != NULL)
		return BAD(err, text, "is no number; a rate is a number alone, "
		    "always per second, as 10 or 0.5");
	if (ndigits == 0 || points > 1 || ndigits + points != rest.len ||
	    text.len > REAL_MAX_LEN)
		return BAD(err, text, "is no number; write it alone, as 10 "
		    "or -0.5");
	memcpy(digits, text.p, text.len);
	digits[text.len] = '\0';
	/* The program never sets a locale, so the point is a point. */
	*real = strtod(digits, NULL);
	return true;
}

bool
value_share(double *share, struct slice text, struct err *err)
{
	struct slice number = text;
	struct err ignored;

	if (text.len == 0 || text.p[text.len - 1] != '%')
		return BAD(err, text, "is no share; write it with a percent "
		    "sign, as 1%% or 0.5%%");
	number.len--;
	if (!value_real(share, number, &ignored) || *share < 0 ||
	    *share > 100)
		return BAD(err, text, "is not between 0%% and 100%%");
	*share /= 100;
	return true;
}

bool
value_bool(bool *value, struct slice text, struct err *err)
{
	static const char *const yes[] = { "yes", "on", "y", "1", "true" };
	static const char *const no[] = { "no", "off", "n", "0", "false" };

	*value = slice_is(text, "true");
	if (*value || slice_is(text, "false"))
		return true;
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (slice_eq_nocase(text, slice_of(yes[i])))
			return BAD(err, text, "is not true or false; did you "
			    "mean true?");
		if (slice_eq_nocase(text, slice_of(no[i])))
			return BAD(err, text, "is not true or false; did you "
			    "mean false?");
	}
	return BAD(err, text, "is not true or false");
}

/* --- addresses and names ---------------------------------------------------------- */

static bool
port_is_too_large(struct slice text)
{
	struct slice rest = text, part, last = { 0 };
	uint64_t port;

	while (slice_split(&rest, ':', &part))
		last = part;
	return last.p != text.p && slice_to_u64(last, &port) && port > 65535;
}

bool
value_endpoint(struct endpoint *endpoint, struct slice text, struct err *err)
{
	struct addr addr;

	if (endpoint_parse(endpoint, text))
		return true;
	if (addr_parse(&addr, text))
		return BAD(err, text, "has no port; write %s%.*s%s:PORT",
		    addr.family == ADDR_IP6 ? "[" : "", SLICE_ARG(text),
		    addr.family == ADDR_IP6 ? "]" : "");
	if (slice_starts_nocase(text, SLICE("http://")) ||
	    slice_starts_nocase(text, SLICE("https://")))
		return BAD(err, text, "is no address; a URL has a host and a "
		    "port here, and no path");
	if (port_is_too_large(text))
		return BAD(err, text, "has no port from 1 to 65535");
	if (text.len > 0 && text.p[0] == '*')
		return BAD(err, text, "is no address; 0.0.0.0 is every IPv4 "
		    "address, [::] every IPv6 one");
	return BAD(err, text, "is no address; write 192.0.2.1:8080, "
	    "[2001:db8::1]:8080, name:8080 or unix:/path");
}

static const char *
cidr_text(const struct cidr *cidr, char text[ADDR_TEXT_MAX + 4])
{
	size_t len = strlen(addr_text(&cidr->base, text));

	snprintf(text + len, 5, "/%u", cidr->bits);
	return text;
}

bool
value_cidr(struct cidr *cidr, struct slice text, struct err *err)
{
	char name[ADDR_TEXT_MAX + 4];
	struct addr ip4;

	switch (cidr_parse(cidr, text)) {
	case CIDR_OK:
		break;
	case CIDR_HOST_BITS:
		return BAD(err, text, "has bits beyond its prefix; the network "
		    "is %s", cidr_text(cidr, name));
	case CIDR_BAD:
		return BAD(err, text, "is no network; write 192.0.2.0/24, "
		    "2001:db8::/32 or one address");
	}
	ip4 = addr_canonical(&cidr->base);
	if (cidr->base.family == ADDR_IP6 && ip4.family == ADDR_IP4 &&
	    cidr->bits >= 96) {
		struct cidr meant = { ip4, (uint8_t)(cidr->bits - 96) };

		return BAD(err, text, "is IPv4 written as IPv6, which is taken "
		    "as IPv4 everywhere; write %s", cidr_text(&meant, name));
	}
	return true;
}

static bool
bad_country(struct slice text, struct err *err)
{
	const char *why = NULL, *code = country_suggest(text, &why);

	if (continent_find(text) != CONTINENT_NONE && code == NULL)
		return BAD(err, text, "is a continent, not a country; write a "
		    "country's code, as DE");
	if (code == NULL && why != NULL)
		return BAD(err, text, "is no country code (%s); write two "
		    "capital letters of ISO 3166-1, as DE", why);
	if (code == NULL)
		return BAD(err, text, "is no country code (ISO 3166-1, two "
		    "capital letters)");
	return BAD(err, text, "is no country code; did you mean '%s'%s%s%s?",
	    code, why != NULL && *why != '\0' ? " (" : "",
	    why != NULL ? why : "", why != NULL && *why != '\0' ? ")" : "");
}

bool
value_country(uint16_t *country, struct slice text, struct err *err)
{
	*country = country_find(text);
	return *country != 0 || bad_country(text, err);
}

static struct slice
upper(struct slice text, char into[8])
{
	size_t len = text.len < 8 ? text.len : 8;

	for (size_t i = 0; i < len; i++)
		into[i] = text.p[i] >= 'a' && text.p[i] <= 'z' ?
		    (char)(text.p[i] - 'a' + 'A') : text.p[i];
	return (struct slice){ into, text.len < 8 ? len : 0 };
}

bool
value_continent(enum continent *continent, struct slice text, struct err *err)
{
	char letters[8];
	struct slice capital = upper(text, letters);

	*continent = continent_find(text);
	if (*continent != CONTINENT_NONE)
		return true;
	if (continent_find(capital) != CONTINENT_NONE)
		return BAD(err, text, "is no continent; did you mean '%.*s'? "
		    "Codes are capital letters", SLICE_ARG(capital));
	if (country_find(text) != 0)
		return BAD(err, text, "is a country (%s), not a continent; "
		    "continents are AF AN AS EU NA OC SA",
		    country_name(country_find(text)));
	return BAD(err, text, "is no continent; they are AF AN AS EU NA OC SA");
}

bool
value_union(enum union_id *id, struct slice text, struct err *err)
{
	*id = union_find(text);
	return *id != UNION_NONE ||
	    BAD(err, text, "is no union of states; EU is the only one known");
}

static bool
is_host_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
	    c == '_';
}

static bool
is_host(struct slice name)
{
	struct slice label;

	if (name.len == 0 || name.len > HOST_MAX ||
	    name.p[name.len - 1] == '.')
		return false;
	while (slice_split(&name, '.', &label)) {
		if (label.len == 0 || label.len > LABEL_MAX ||
		    label.p[0] == '-' || label.p[label.len - 1] == '-')
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!is_host_char(label.p[i]))
				return false;
	}
	return true;
}

bool
value_host(const char **host, struct arena *arena, struct slice text,
    struct err *err)
{
	char *lower = arena_copy(arena, text);

	for (char *p = lower; *p != '\0'; p++)
		*p = ascii_lower(*p);
	*host = lower;
	if (is_host(slice_of(lower)))
		return true;
	if (memchr(text.p, '*', text.len) != NULL)
		return BAD(err, text, "has a wildcard; write each host name "
		    "out");
	if (memchr(text.p, '/', text.len) != NULL ||
	    memchr(text.p, ':', text.len) != NULL)
		return BAD(err, text, "is no host name; write it without "
		    "scheme, port and path");
	if (text.len > 1 && text.p[text.len - 1] == '.')
		return BAD(err, text, "ends with a dot; write it without");
	return BAD(err, text, "is no host name; write it as flow.example.com");
}

bool
value_guid(struct slice text, struct err *err)
{
	bool ok = text.len == 36;

	for (size_t i = 0; ok && i < text.len; i++) {
		char c = ascii_lower(text.p[i]);

		if (i == 8 || i == 13 || i == 18 || i == 23)
			ok = c == '-';
		else
			ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
	}
	return ok || BAD(err, text, "is no id; write it as "
	    "01234567-89ab-cdef-0123-456789abcdef");
}

/* Days since 1970 of a date of the Gregorian calendar (H. Hinnant's
 * days_from_civil: years that begin in March make leap days come last). */
static int64_t
day_number(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month <= 2 ? year - 1 : year;
	unsigned era = y / 400, year_of_era = y % 400;
	unsigned day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
	unsigned day_of_era = year_of_era * 365 + year_of_era / 4 -
	    year_of_era / 100 + day_of_year;

	return (int64_t)era * 146097 + day_of_era - 719468;
}

bool
value_date(int64_t *day, struct slice text, struct err *err)
{
	static const uint8_t days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
	    30, 31 };
	uint64_t y, m, d;
	bool leap;

	if (text.len != 10 || text.p[4] != '-' || text.p[7] != '-' ||
	    !slice_to_u64((struct slice){ text.p, 4 }, &y) ||
	    !slice_to_u64((struct slice){ text.p + 5, 2 }, &m) ||
	    !slice_to_u64((struct slice){ text.p + 8, 2 }, &d))
		return BAD(err, text, "is no date; write YYYY-MM-DD");
	leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	if (y < 1970 || m < 1 || m > 12 || d < 1 ||
	    d > days[m - 1] + (unsigned)(m == 2 && leap))
		return BAD(err, text, "is not in the calendar");
	*day = day_number((unsigned)y, (unsigned)m, (unsigned)d);
	return true;
}

static bool
is_path_char(char c)
{
	return c > 0x20 && c < 0x7f && strchr("%?#;\\\"<>^`{|}", c) == NULL;
}

bool
value_url_path(struct slice text, struct err *err)
{
	struct slice rest = text, part;

	if (text.len == 0 || text.p[0] != '/')
		return BAD(err, text, "must begin with '/'");
	for (size_t i = 0; i < text.len; i++)
		if (!is_path_char(text.p[i]))
			return BAD(err, text, "holds a blank, a '%%' or "
			    "another character that a plain path has not");
	slice_split(&rest, '/', &part);
	while (slice_split(&rest, '/', &part))
		if (part.len == 0 || slice_is(part, ".") ||
		    slice_is(part, ".."))
			return BAD(err, text, "has an empty, '.' or '..' "
			    "segment");
	if (text.len > 1 && text.p[text.len - 1] == '/')
		return BAD(err, text, "ends with '/'; a path includes what "
		    "lies below it");
	return true;
}
