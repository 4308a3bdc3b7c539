/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <stdio.h>
#include <unistd.h>

#include "command/geodb.h"
#include "command/options.h"
#include "geo/country.h"
#include "geo/special.h"

enum { FLUSH_BYTES = 1 << 16 };

struct show {
	struct buf	 b;
	uint16_t	 country;	/* networks of this one only; 0: all */
	bool		 json;
};

/* What the service would take the address for, networks of operators aside. */
static struct place
place_of(const struct mmdb *db, const struct addr *ip, const char **special)
{
	struct addr canonical = addr_canonical(ip);
	const struct special_range *range = special_find(&canonical);

	*special = range == NULL ? NULL : range->name;
	if (range == NULL)
		return mmdb_lookup(db, ip);
	return (struct place){ .class = (uint8_t)range->class };
}

static void
json_address(struct buf *b, const char *text, struct place p,
    const char *special)
{
	buf_text(b, "{\"address\":");
	buf_json(b, slice_of(text));
	buf_printf(b, ",\"class\":\"%s\",\"country\":\"%s\","
	    "\"continent\":\"%s\"", place_class_name((enum place_class)p.class),
	    country_code(p.country),
	    continent_code((enum continent)p.continent));
	if (special != NULL) {
		buf_text(b, ",\"special\":");
		buf_json(b, slice_of(special));
	}
	buf_char(b, '}');
}

static void
text_address(struct buf *b, const char *text, struct place p,
    const char *special)
{
	buf_printf(b, "%s: ", text);
	if (special != NULL)
		buf_printf(b, "%s (%s)\n",
		    place_class_name((enum place_class)p.class), special);
	else if (p.country != 0)
		buf_printf(b, "%s %s, %s\n", country_code(p.country),
		    country_name(p.country),
		    continent_name(country_continent(p.country)));
	else if (p.continent != CONTINENT_NONE)
		buf_printf(b, "%s, no country\n",
		    continent_name((enum continent)p.continent));
	else
		buf_text(b, "unknown (not in the database)\n");
}

/* False if one of the texts is no address; it has been told by then. */
static bool
show_addresses(struct show *s, const struct mmdb *db, char **texts, int count,
    const struct usage *usage)
{
	for (int i = 0; i < count; i++) {
		const char *special;
		struct place place;
		struct addr ip;

		if (!addr_parse(&ip, slice_of(texts[i]))) {
			options_mistake(usage, "'%s' is not an IP address",
			    texts[i]);
			return false;
		}
		place = place_of(db, &ip, &special);
		if (s->json && i > 0)
			buf_char(&s->b, ',');
		(s->json ? json_address : text_address)(&s->b, texts[i], place,
		    special);
	}
	return true;
}

/* A continent without a country by the pseudo or withdrawn code that says so
 * much; three of them have none. */
static const char *
code_of(struct place place)
{
	switch (place.country != 0 ? CONTINENT_NONE : place.continent) {
	case CONTINENT_NONE:
		return country_code(place.country);
	case CONTINENT_EU:
		return "EU";
	case CONTINENT_AS:
		return "AP";
	case CONTINENT_NA:
		return "AN";
	default:
		return "??";
	}
}

/* A line that `geodb build` reads again. */
static bool
show_network(void *arg, const struct cidr *net, struct place place)
{
	struct show *s = arg;
	char text[ADDR_TEXT_MAX];

	if (place.class != PLACE_LOCATED ||
	    (s->country != 0 && place.country != s->country))
		return true;
	buf_printf(&s->b, "%s/%u,%s\n", addr_text(&net->base, text), net->bits,
	    code_of(place));
	if (s->b.len > FLUSH_BYTES)
		geodb_print(&s->b);
	return true;
}

static int
show_open(struct show *s, const char *path, const struct mmdb *db,
    const struct operands *operands, bool networks, const struct usage *usage)
{
	int addresses = operands->count - 1;

	if (networks) {
		mmdb_walk(db, show_network, s);
		return EXIT_GOOD;
	}
	if (s->json) {
		buf_text(&s->b, "{\"database\":");
		geodb_json_info(&s->b, path, db);
		buf_text(&s->b, ",\"addresses\":[");
	} else if (addresses == 0) {
		buf_printf(&s->b, "%s: ", path);
		geodb_text_info(&s->b, db);
		buf_char(&s->b, '\n');
	}
	if (!show_addresses(s, db, operands->item + 1, addresses, usage)) {
		buf_clear(&s->b);
		return EXIT_USAGE;
	}
	if (s->json)
		buf_text(&s->b, "]}\n");
	return EXIT_GOOD;
}

static int
show_file(struct show *s, const struct operands *operands, bool networks,
    const struct usage *usage)
{
	const char *path = operands->item[0];
	bool readable = access(path, R_OK) == 0;
	struct err err;
	struct mmdb *db = mmdb_open(path, &err);
	int code;

	if (db == NULL) {
		fprintf(stderr, "%s\n", err.text);
		return readable ? EXIT_FOUND : EXIT_USAGE;
	}
	code = show_open(s, path, db, operands, networks, usage);
	geodb_print(&s->b);
	mmdb_close(&db);
	return code;
}

int
geodb_show(int argc, char **argv)
{
	struct show s = { .country = 0 };
	const char *country = NULL;
	bool networks = false;
	const struct option_spec specs[] = {
		{ "networks", 0, NULL, "all networks as CIDR,CC, which geodb "
		    "build reads again", .flag = &networks },
		{ "country", 0, "CC", "only networks of this country",
		    .value = &country },
		{ "json", 0, NULL, "answer as JSON", .flag = &s.json },
		{ 0 },
	};
	const struct usage usage = { .command = "geodb show",
	    .operands = "FILE [ADDRESS...]", .options = specs, .least = 1,
	    .most = -1, .about = "Prints what a database says of itself, or of "
	    "addresses. Special-purpose\naddresses (private, documentation, "
	    "6to4 ...) are shown as the service takes\nthem, whatever the "
	    "database says." };
	struct operands operands;
	int end = options_parse(&usage, argc, argv, &operands);

	if (end != OPTIONS_GO_ON)
		return end;
	if (country != NULL) {
		const char *why, *meant = country_suggest(slice_of(country),
		    &why);

		s.country = country_find(slice_of(country));
		networks = true;
		if (s.country == 0 && meant != NULL)
			return options_mistake(&usage, "--country: no country "
			    "has the code '%s'; did you mean %s?", country,
			    meant);
		if (s.country == 0)
			return options_mistake(&usage, "--country: no country "
			    "has the code '%s'", country);
	}
	if (networks && (s.json || operands.count > 1))
		return options_mistake(&usage, "--networks and --country go "
		    "neither with --json nor with addresses");
	end = show_file(&s, &operands, networks, &usage);
	buf_fini(&s.b);
	return end;
}
