/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan map test`: what the region map must answer, and how many of its
 * lines are looked at by anybody who says so.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/map.h"
#include "command/options.h"
#include "conf/expectations.h"

/* One line of the map: a default, a continent, a country, a network. */
struct rule {
	const struct region_list *list;		/* or ... */
	const struct region_network *network;
	struct place	 place;		/* of a list */
	struct source_line at;
	bool		 tried;
};

struct failure {
	const struct expectation *expectation;
	char		*why;
	const struct region_network *network;	/* that the address is in, or NULL */
};

struct test {
	const struct region_map *map;
	const struct geo_table *geo;
	const struct expectations *expectations;
	struct arena	*arena;
	struct rule	*rules;
	size_t		 nrules, ntried;
	struct failure	*failures;
	size_t		 nfailures;
	size_t		 skipped;	/* addresses, for want of a database */
	bool		 no_database;
	double		 least;		/* --fail-under, per cent */
};

/* --- the lines of the map ---------------------------------------------------------- */

static void
add_rule(struct test *t, const struct region_list *list, struct place place)
{
	if (list->count > 0)
		t->rules[t->nrules++] = (struct rule){ .list = list,
		    .place = place, .at = list->at };
}

static void
find_rules(struct test *t)
{
	const struct region_map *map = t->map;

	t->rules = arena_array(t->arena, 1 + CONTINENTS + COUNTRIES +
	    map->nnetworks, sizeof(*t->rules));
	add_rule(t, &map->by_default, (struct place){ .class = 0 });
	for (uint8_t c = CONTINENT_NONE + 1; c < CONTINENTS; c++)
		add_rule(t, &map->continents[c],
		    (struct place){ PLACE_LOCATED, c, 0 });
	for (uint16_t c = 1; c <= COUNTRIES; c++)
		add_rule(t, &map->countries[c], (struct place){ PLACE_LOCATED,
		    (uint8_t)country_continent(c), c });
	for (size_t i = 0; i < map->nnetworks; i++)
		t->rules[t->nrules++] = (struct rule){
		    .network = &map->networks[i],
		    .at = map->networks[i].list.at };
}

static void
note_tried(struct test *t, const struct region_list *list,
    const struct region_network *network)
{
	for (size_t i = 0; i < t->nrules; i++) {
		struct rule *r = &t->rules[i];

		if (r->tried || (r->list != list &&
		    (network == NULL || r->network != network)))
			continue;
		r->tried = true;
		t->ntried++;
	}
}

static double
coverage(const struct test *t)
{
	return 100.0 * (double)t->ntried / (double)t->nrules;
}

/* --- trying -------------------------------------------------------------------------- */

static void
try_one(struct test *t, const struct expectation *e)
{
	struct geo_hit hit = { .network = NULL };
	struct err err;

	if (e->kind == EXPECT_ADDRESS) {
		hit = geo_table_find(t->geo, &e->address);
		if (t->no_database && hit.network == NULL &&
		    hit.place.class == PLACE_UNKNOWN) {
			t->skipped++;
			return;
		}
		note_tried(t, hit.list, hit.network);
	} else
		note_tried(t, region_map_place(t->map, e->place).list, NULL);
	if (!expectation_holds(e, t->map, t->geo, &err))
		t->failures[t->nfailures++] = (struct failure){ e,
		    arena_strdup(t->arena, err.text), hit.network };
}

static void
try_all(struct test *t)
{
	find_rules(t);
	t->failures = arena_array(t->arena, t->expectations->count + 1,
	    sizeof(*t->failures));
	for (size_t i = 0; i < t->expectations->count; i++)
		try_one(t, &t->expectations->list[i]);
}

static bool
passes(const struct test *t)
{
	return t->nfailures == 0 && coverage(t) >= t->least;
}

/* --- the answer ---------------------------------------------------------------------- */

static void
rule_text(struct buf *out, const struct rule *r)
{
	char text[16];

	if (r->network != NULL)
		map_network_text(out, &r->network->net);
	else
		buf_text(out, map_place_text(r->place, text));
}

/* Of an operator's network: who knows what it ought to be. */
static void
owner_text(struct buf *out, const struct region_network *network)
{
	if (network != NULL && network->owner != NULL)
		buf_printf(out, " (owner: %s)", network->owner);
}

static void
owner_json(struct buf *out, const struct region_network *network)
{
	if (network == NULL || network->owner == NULL)
		return;
	buf_text(out, ",\"owner\":");
	buf_json(out, slice_of(network->owner));
}

static void
answer_text(struct buf *out, const struct test *t)
{
	for (size_t i = 0; i < t->nfailures; i++) {
		const struct expectation *e = t->failures[i].expectation;

		buf_printf(out, "%s:%u:%u: expect.%s: %s", e->mark.file,
		    e->mark.line, e->mark.column, e->text,
		    t->failures[i].why);
		owner_text(out, t->failures[i].network);
		buf_char(out, '\n');
	}
	for (size_t i = 0; i < t->nrules; i++) {
		if (t->rules[i].tried)
			continue;
		buf_printf(out, "%s:%u: nothing is expected of ",
		    t->rules[i].at.file, t->rules[i].at.line);
		rule_text(out, &t->rules[i]);
		owner_text(out, t->rules[i].network);
		buf_char(out, '\n');
	}
	buf_printf(out, "%zu expectations, %zu failed; %zu of %zu rules of the "
	    "map are tried (%.1f %%)\n", t->expectations->count,
	    t->nfailures, t->ntried, t->nrules, coverage(t));
	if (t->skipped > 0)
		buf_printf(out, "addresses not tried for want of a database: "
		    "%zu\n", t->skipped);
	if (coverage(t) < t->least)
		buf_printf(out, "less than the %.1f %% that --fail-under "
		    "asks for\n", t->least);
}

static void
failures_json(struct buf *out, const struct test *t)
{
	for (size_t i = 0; i < t->nfailures; i++) {
		const struct expectation *e = t->failures[i].expectation;

		buf_text(out, i > 0 ? ",{\"file\":" : "{\"file\":");
		buf_json(out, slice_of(e->mark.file));
		buf_printf(out, ",\"line\":%u,\"place\":", e->mark.line);
		buf_json(out, slice_of(e->text));
		buf_text(out, ",\"why\":");
		buf_json(out, slice_of(t->failures[i].why));
		owner_json(out, t->failures[i].network);
		buf_char(out, '}');
	}
}

static void
untried_json(struct buf *out, const struct test *t)
{
	const char *comma = "";

	for (size_t i = 0; i < t->nrules; i++) {
		struct buf name = { 0 };

		if (t->rules[i].tried)
			continue;
		rule_text(&name, &t->rules[i]);
		buf_printf(out, "%s{\"rule\":", comma);
		buf_json(out, buf_all(&name));
		buf_printf(out, ",\"line\":%u", t->rules[i].at.line);
		owner_json(out, t->rules[i].network);
		buf_char(out, '}');
		buf_fini(&name);
		comma = ",";
	}
}

static void
answer_json(struct buf *out, const struct test *t)
{
	buf_printf(out, "{\"good\":%s,\"expectations\":%zu,\"failures\":[",
	    passes(t) ? "true" : "false", t->expectations->count);
	failures_json(out, t);
	buf_printf(out, "],\"rules\":%zu,\"tried\":%zu,\"coverage\":%.2f,"
	    "\"skipped\":%zu,\"untried\":[", t->nrules, t->ntried, coverage(t),
	    t->skipped);
	untried_json(out, t);
	buf_text(out, "]}\n");
}

/* --- the command --------------------------------------------------------------------- */

struct options {
	const char	*config, *map, *expectations, *database, *least;
	bool		 json;
};

static bool
read_least(const char *text, double *least)
{
	char *rest;

	*least = 0;
	if (text == NULL)
		return true;
	*least = strtod(text, &rest);
	return rest != text && (*rest == '\0' || strcmp(rest, "%") == 0) &&
	    *least >= 0 && *least <= 100;
}

static int
test(struct map_inputs *in, const struct options *o, double least)
{
	struct test t = { .arena = in->arena, .least = least };
	struct geo_table *geo;
	struct buf out = { 0 };
	struct mmdb *db;
	const char *file = o->expectations != NULL ? o->expectations :
	    in->config != NULL ? in->config->geo.expectations : NULL;
	int end;

	t.map = map_inputs_map(in, o->map);
	if (t.map != NULL && file != NULL)
		t.expectations = expectations_load(in->arena, file, t.map,
		    &in->mistakes);
	if (!loading_tell(in->command, &in->mistakes) || t.map == NULL ||
	    !map_inputs_database(in, o->database, &db))
		return EXIT_USAGE;
	geo = geo_table_build(db, t.map);
	t.no_database = db == NULL;
	mmdb_close(&db);
	t.geo = geo;
	try_all(&t);
	if (o->json)
		answer_json(&out, &t);
	else
		answer_text(&out, &t);
	end = loading_print(in->command, &out, passes(&t) ? EXIT_GOOD :
	    EXIT_FOUND);
	geo_table_free(&geo);
	return end;
}

int
map_test(int argc, char **argv)
{
	struct options o = { .json = false };
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "take map, expectations and database "
		    "from this configuration", .value = &o.config },
		{ "map", 0, "FILE", "the region map", .value = &o.map },
		{ "expectations", 0, "FILE", "what it must answer",
		    .value = &o.expectations },
		{ "database", 0, "FILE", "for the addresses among them",
		    .value = &o.database },
		{ "fail-under", 0, "PERCENT", "of the map's rules that must "
		    "be tried (0)", .value = &o.least },
		{ "json", 0, NULL, "answer as JSON", .flag = &o.json },
		{ 0 },
	};
	const struct usage usage = { .command = "map test", .options = specs,
	    .about = "Tries every expectation against the region map, and "
	    "names the rules of the map\nof which nothing is expected. Exit "
	    "code 0 if all hold and enough is tried, 1 if\nnot, 2 for "
	    "mistakes." };
	struct operands none;
	struct map_inputs in;
	double least;
	int end = options_parse(&usage, argc, argv, &none);

	if (end != OPTIONS_GO_ON)
		return end;
	if (o.config == NULL && (o.map == NULL || o.expectations == NULL))
		return options_mistake(&usage, "give --config, or --map and "
		    "--expectations");
	if (!read_least(o.least, &least))
		return options_mistake(&usage, "--fail-under: '%s' is no "
		    "number from 0 to 100", o.least);
	map_inputs_init(&in, usage.command);
	if (!map_inputs_config(&in, o.config))
		return map_inputs_stop(&in);
	if (o.expectations == NULL && in.config->geo.expectations == NULL)
		end = options_mistake(&usage, "%s names no expectations; give "
		    "--expectations", o.config);
	else
		end = test(&in, &o, least);
	map_inputs_fini(&in);
	return end;
}
