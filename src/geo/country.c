/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/country.h"

#include <pthread.h>

#include "base/arena.h"
#include "base/must.h"
#include "base/near.h"

enum { ALIASES_MAX = 64, LETTER_PAIRS = 26 * 26 };

static const char countries_csv[] = {
#include "countries.csv.inc"
};

static const char aliases_csv[] = {
#include "country-aliases.csv.inc"
};

struct country {
	char		 code[3];
	char		 alpha3[4];
	const char	*name;
	enum continent	 continent;
};

/* Row 0 is "no country"; a letter pair that is no country leads to it. */
static struct {
	struct country	 rows[COUNTRIES + 1];
	const char	*names[COUNTRIES];	/* of row i + 1: for near_find */
	uint16_t	 by_letters[LETTER_PAIRS];
	struct country_alias aliases[ALIASES_MAX];
	size_t		 naliases;
} table;

static const struct {
	const char	*code, *name;
} continents[CONTINENTS] = {
	[CONTINENT_NONE] = { "",   "" },
	[CONTINENT_AF]	 = { "AF", "Africa" },
	[CONTINENT_AN]	 = { "AN", "Antarctica" },
	[CONTINENT_AS]	 = { "AS", "Asia" },
	[CONTINENT_EU]	 = { "EU", "Europe" },
	[CONTINENT_NA]	 = { "NA", "North America" },
	[CONTINENT_OC]	 = { "OC", "Oceania" },
	[CONTINENT_SA]	 = { "SA", "South America" },
};

static bool
is_letter_pair(struct slice code)
{
	return code.len == 2 && code.p[0] >= 'A' && code.p[0] <= 'Z' &&
	    code.p[1] >= 'A' && code.p[1] <= 'Z';
}

static size_t
letter_pair(struct slice code)
{
	return (size_t)(code.p[0] - 'A') * 26 + (size_t)(code.p[1] - 'A');
}

static void
copy_text(char *to, size_t size, struct slice text)
{
	must(text.len < size);
	memcpy(to, text.p, text.len);
	to[text.len] = '\0';
}

/* Names live as long as the process, like the table itself. */
static const char *
keep(struct slice text)
{
	char *copy = xmalloc(text.len + 1);

	copy_text(copy, text.len + 1, text);
	return copy;
}

/* alpha2,name,continent,alpha3,numeric */
static void
read_country(struct slice line, uint16_t number)
{
	struct country *row = &table.rows[number];
	struct slice code, name, continent, alpha3;

	must(number <= COUNTRIES);
	must(slice_split(&line, ',', &code) && slice_split(&line, ',', &name) &&
	    slice_split(&line, ',', &continent) &&
	    slice_split(&line, ',', &alpha3) && is_letter_pair(code));
	copy_text(row->code, sizeof(row->code), code);
	copy_text(row->alpha3, sizeof(row->alpha3), alpha3);
	row->name = keep(name);
	row->continent = continent_find(continent);
	must(row->continent != CONTINENT_NONE);
	table.names[number - 1] = row->name;
	must(table.by_letters[letter_pair(code)] == 0);
	table.by_letters[letter_pair(code)] = number;
}

/* code,kind,country,continent,note */
static void
read_alias(struct slice line)
{
	struct country_alias *alias = &table.aliases[table.naliases++];
	struct slice code, kind, country, continent;

	must(table.naliases <= ALIASES_MAX);
	must(slice_split(&line, ',', &code) && slice_split(&line, ',', &kind) &&
	    slice_split(&line, ',', &country) &&
	    slice_split(&line, ',', &continent));
	copy_text(alias->code, sizeof(alias->code), code);
	alias->kind = keep(kind);
	alias->country = country.len == 0 ? 0 :
	    table.by_letters[letter_pair(country)];
	must(country.len == 0 || alias->country != 0);
	alias->continent = continent_find(continent);
	alias->note = keep(line);
}

static void
read_tables(void)
{
	struct slice rest, line;
	uint16_t number = 0;

	table.rows[0] = (struct country){ .name = "" };
	rest = (struct slice){ countries_csv, sizeof(countries_csv) };
	must(slice_split(&rest, '\n', &line));		/* the heading */
	while (slice_split(&rest, '\n', &line))
		if (line.len > 0)
			read_country(line, ++number);
	must(number == COUNTRIES);
	rest = (struct slice){ aliases_csv, sizeof(aliases_csv) };
	must(slice_split(&rest, '\n', &line));
	while (slice_split(&rest, '\n', &line))
		if (line.len > 0)
			read_alias(line);
}

static void
need_tables(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_tables);
}

uint16_t
country_find(struct slice code)
{
	need_tables();
	return is_letter_pair(code) ? table.by_letters[letter_pair(code)] : 0;
}

static const struct country *
country_row(uint16_t country)
{
	need_tables();
	must(country <= COUNTRIES);
	return &table.rows[country];
}

const char *
country_code(uint16_t country)
{
	return country_row(country)->code;
}

const char *
country_name(uint16_t country)
{
	return country_row(country)->name;
}

enum continent
country_continent(uint16_t country)
{
	return country_row(country)->continent;
}

enum continent
continent_find(struct slice code)
{
	for (int i = CONTINENT_NONE + 1; i < CONTINENTS; i++)
		if (slice_is(code, continents[i].code))
			return (enum continent)i;
	return CONTINENT_NONE;
}

const char *
continent_code(enum continent continent)
{
	must(continent < CONTINENTS);
	return continents[continent].code;
}

const char *
continent_name(enum continent continent)
{
	must(continent < CONTINENTS);
	return continents[continent].name;
}

const struct country_alias *
country_alias_find(struct slice code)
{
	need_tables();
	for (size_t i = 0; i < table.naliases; i++)
		if (slice_is(code, table.aliases[i].code))
			return &table.aliases[i];
	return NULL;
}

/* Two letters in upper case into text, or false for anything else. */
static bool
upper_pair(struct slice code, char text[2])
{
	if (code.len != 2)
		return false;
	for (int i = 0; i < 2; i++)
		text[i] = code.p[i] >= 'a' && code.p[i] <= 'z' ?
		    (char)(code.p[i] & ~0x20) : code.p[i];
	return true;
}

struct place
place_from_codes(struct slice country, struct slice continent)
{
	struct place place = { .class = PLACE_LOCATED };
	const struct country_alias *alias;
	char text[2];

	if (upper_pair(country, text)) {
		struct slice code = { text, 2 };

		place.country = country_find(code);
		alias = place.country == 0 ? country_alias_find(code) : NULL;
		if (alias != NULL) {
			place.country = alias->country;
			place.continent = (uint8_t)alias->continent;
		}
	}
	if (place.country != 0) {
		place.continent = (uint8_t)country_continent(place.country);
		return place;
	}
	if (upper_pair(continent, text) &&
	    continent_find((struct slice){ text, 2 }) != CONTINENT_NONE)
		place.continent = (uint8_t)continent_find(
		    (struct slice){ text, 2 });
	if (place.continent == CONTINENT_NONE)
		place.class = PLACE_UNKNOWN;
	return place;
}

const char *
place_class_name(enum place_class class)
{
	static const char *const names[] = {
		[PLACE_UNKNOWN] = "unknown",
		[PLACE_PRIVATE] = "private",
		[PLACE_LOCATED] = "located",
	};

	must(class <= PLACE_LOCATED);
	return names[class];
}

/*
 * The member states since 2020.  What lies overseas and has a code of its own
 * (RE, GF, MQ, AX ...) is not admitted by naming the Union, although parts of
 * it belong to it: a restriction that is unsure refuses.
 */
static const char union_eu[][3] = {
	"AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR",
	"HR", "HU", "IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO",
	"SE", "SI", "SK",
};

enum union_id
union_find(struct slice code)
{
	return slice_is(code, "EU") ? UNION_EU : UNION_NONE;
}

const char *
union_code(enum union_id id)
{
	must(id < UNIONS);
	return id == UNION_EU ? "EU" : "";
}

bool
union_has(enum union_id id, uint16_t country)
{
	const char *code = country_code(country);

	must(id < UNIONS);
	if (id != UNION_EU)
		return false;
	for (size_t i = 0; i < sizeof(union_eu) / sizeof(union_eu[0]); i++)
		if (strcmp(code, union_eu[i]) == 0)
			return true;
	return false;
}

/* The row whose alpha-3 code or name a person wrote instead, or 0. */
static uint16_t
country_by_other_name(struct slice text)
{
	for (uint16_t i = 1; i <= COUNTRIES; i++)
		if (slice_eq_nocase(text, slice_of(table.rows[i].alpha3)) ||
		    slice_eq_nocase(text, slice_of(table.rows[i].name)))
			return i;
	return 0;
}

/* A misspelt name; two letters are near to far too many codes. */
static uint16_t
country_by_near_name(struct slice text)
{
	const char *near = text.len < 4 ? NULL :
	    near_find(text, table.names, COUNTRIES);

	for (uint16_t i = 0; near != NULL && i < COUNTRIES; i++)
		if (table.names[i] == near)
			return (uint16_t)(i + 1);
	return 0;
}

const char *
country_suggest(struct slice code, const char **why)
{
	const struct country_alias *alias = NULL;
	char text[2];
	uint16_t country = 0;

	need_tables();
	*why = NULL;
	if (upper_pair(code, text)) {
		country = country_find((struct slice){ text, 2 });
		alias = country_alias_find((struct slice){ text, 2 });
	}
	if (country != 0) {
		*why = "codes are written in upper case";
		return country_code(country);
	}
	if (alias != NULL) {
		*why = alias->note;
		return alias->country == 0 ? NULL : country_code(alias->country);
	}
	country = country_by_other_name(code);
	if (country == 0)
		country = country_by_near_name(code);
	if (country == 0)
		return NULL;
	*why = "countries are written as two letters (ISO 3166-1 alpha-2)";
	return country_code(country);
}
