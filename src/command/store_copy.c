/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * portolan store copy: what this region's store holds, from SQLite to
 * PostgreSQL or back.
 */
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "command/options.h"
#include "command/store.h"
#include "store/copy.h"

static void
print_json_kind(struct buf *out, const char *name,
    const struct store_copied *n)
{
	buf_printf(out, ",\"%s\":{\"there\":%llu,\"copied\":%llu,"
	    "\"same\":%llu,\"newer\":%llu,\"only\":%llu,\"removed\":%llu}",
	    name, (unsigned long long)n->there,
	    (unsigned long long)n->copied, (unsigned long long)n->same,
	    (unsigned long long)n->newer, (unsigned long long)n->only,
	    (unsigned long long)n->removed);
}

static void
print_json(struct buf *out, const char *region,
    const struct store_copy_report *r)
{
	buf_printf(out, "{\"region\":\"%s\",\"good\":%s", region,
	    store_copy_is_whole(r) ? "true" : "false");
	print_json_kind(out, "states", &r->states);
	print_json_kind(out, "documents", &r->docs);
	buf_printf(out, ",\"documents_replicated\":%s,\"bytes\":%llu,"
	    "\"elsewhere\":%llu,\"moving\":%llu,\"conflicts\":%llu,"
	    "\"from\":{\"count\":%llu,\"sha256\":\"%s\"},"
	    "\"to\":{\"count\":%llu,\"sha256\":\"%s\"},\"differ\":%llu,"
	    "\"first\":[", r->docs_replicated ? "true" : "false",
	    (unsigned long long)r->bytes, (unsigned long long)r->elsewhere,
	    (unsigned long long)r->moving, (unsigned long long)r->conflicts,
	    (unsigned long long)r->from_count, r->from_hash,
	    (unsigned long long)r->to_count, r->to_hash,
	    (unsigned long long)r->differ);
	for (size_t i = 0; i < COPY_NAMES && i < r->differ; i++) {
		if (i > 0)
			buf_char(out, ',');
		buf_json(out, slice_of(r->names[i]));
	}
	buf_text(out, "]}\n");
}

static void
print_kind(struct buf *out, const char *name, const struct store_copied *n)
{
	buf_printf(out, "%-10s %llu: %llu copied, %llu there already", name,
	    (unsigned long long)n->there, (unsigned long long)n->copied,
	    (unsigned long long)n->same);
	if (n->newer > 0)
		buf_printf(out, ", %llu newer in the target and left",
		    (unsigned long long)n->newer);
	if (n->only > 0)
		buf_printf(out, "; %llu in the target alone",
		    (unsigned long long)n->only);
	if (n->removed > 0)
		buf_printf(out, "; %llu in the target alone, removed",
		    (unsigned long long)n->removed);
	buf_char(out, '\n');
}

/* What is not in the target, and what to do about it. */
static void
print_left(struct buf *out, const struct store_copy_report *r)
{
	if (r->docs_replicated)
		buf_text(out, "documents  come from the main region, by "
		    "replication\n");
	if (r->elsewhere > 0)
		buf_printf(out, "%llu states are at home in other regions: "
		    "copy them there\n", (unsigned long long)r->elsewhere);
	if (r->moving > 0)
		buf_printf(out, "%llu states are being handed over to other "
		    "regions: run this again\n",
		    (unsigned long long)r->moving);
	if (r->conflicts > 0)
		buf_printf(out, "%llu conflict records stay in the source\n",
		    (unsigned long long)r->conflicts);
}

static void
print_text(struct buf *out, const struct store_copy_report *r)
{
	if (!r->docs_replicated)
		print_kind(out, "documents", &r->docs);
	print_kind(out, "states", &r->states);
	print_left(out, r);
	buf_printf(out, "source     %llu rows, SHA-256 %s\n"
	    "target     %llu rows, SHA-256 %s\n",
	    (unsigned long long)r->from_count, r->from_hash,
	    (unsigned long long)r->to_count, r->to_hash);
	for (size_t i = 0; i < COPY_NAMES && i < r->differ; i++)
		buf_printf(out, "differs: %s\n", r->names[i]);
	if (r->differ > COPY_NAMES)
		buf_printf(out, "... and %llu more\n",
		    (unsigned long long)r->differ - COPY_NAMES);
	buf_text(out, store_copy_is_whole(r) ? "both are the same\n" :
	    "they are not the same: what changed while this ran is copied by "
	    "running it again, with the engines stopped\n");
}

/* "sqlite", "postgres:host=...": which, and where, by default where the
 * configuration says. */
static bool
read_place(const struct usage *usage, const char *option, const char *text,
    const struct config *config, struct store_copy_place *place)
{
	size_t len = strcspn(text, ":");

	place->postgres = len == 8 && strncmp(text, "postgres", len) == 0;
	if (!place->postgres && !(len == 6 &&
	    strncmp(text, "sqlite", len) == 0))
		options_mistake(usage, "--%s: sqlite or postgres, with "
		    ":PLACE behind it or that of the configuration", option);
	else if (text[len] == ':' && text[len + 1] != '\0')
		place->place = text + len + 1;
	else if (text[len] == ':')
		options_mistake(usage, "--%s: nothing follows the colon",
		    option);
	else
		place->place = place->postgres ? config->store.postgres :
		    config->engines.store_dir;
	if (place->place == NULL && place->postgres && text[len] != ':')
		options_mistake(usage, "--%s: the configuration names no "
		    "PostgreSQL server (store.postgres)", option);
	return place->place != NULL;
}

static int
copy(const struct usage *usage, struct store_copy *c, bool json)
{
	struct store_copy_report report;
	struct buf out = { 0 };
	struct err err = { 0 };

	if (!store_copy(c, &report, &err)) {
		fprintf(stderr, "portolan %s: %s\n", usage->command, err.text);
		if (report.states.copied + report.docs.copied > 0)
			fprintf(stderr, "portolan %s: %llu documents and %llu "
			    "states were copied until then; run it again to "
			    "go on\n", usage->command,
			    (unsigned long long)report.docs.copied,
			    (unsigned long long)report.states.copied);
		return EXIT_USAGE;
	}
	if (json)
		print_json(&out, c->home, &report);
	else
		print_text(&out, &report);
	return loading_print(usage->command, &out,
	    store_copy_is_whole(&report) ? EXIT_GOOD : EXIT_FOUND);
}

int
store_copy_command(int argc, char **argv)
{
	const char *file = NULL, *from = NULL, *to = NULL;
	struct store_copy c = { .remove = false };
	bool json = false;
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "the configuration "
		    "(" LOADING_DEFAULT_CONFIG ")", .value = &file },
		{ "from", 0, "STORE", "sqlite or postgres; :PLACE behind it "
		    "(a directory, a conninfo) if not the configuration's",
		    .value = &from },
		{ "to", 0, "STORE", "the same; of PostgreSQL that of a "
		    "superuser", .value = &to },
		{ "remove", 0, NULL, "from the target what it alone has",
		    .flag = &c.remove },
		{ "json", 0, NULL, "answer as JSON", .flag = &json },
		{ 0 },
	};
	const struct usage usage = { .command = "store copy", .about =
	    "Copies states and metadata of this region from SQLite to "
	    "PostgreSQL or back, and\ncompares both sides at the end.  Run "
	    "again it takes what is missing: after it was\ninterrupted, or "
	    "with the engines stopped after a first run beside them.",
	    .options = specs };
	struct store_postgres_config pg;
	struct operands operands;
	struct generation *g;
	struct arena *arena;
	struct err err;
	int end = options_parse(&usage, argc, argv, &operands);

	if (end != OPTIONS_GO_ON)
		return end;
	if (from == NULL || to == NULL)
		return options_mistake(&usage, "from where to where? --from "
		    "sqlite --to \"postgres:host=... dbname=... "
		    "user=postgres\"");
	g = loading_generation(usage.command, file != NULL ? file :
	    LOADING_DEFAULT_CONFIG);
	if (g == NULL)
		return EXIT_USAGE;
	c.home = g->config->region;
	c.main = strcmp(c.home, g->config->main_region) == 0;
	end = EXIT_USAGE;
	arena = arena_new(0);
	c.sets = &pg;
	if (!store_postgres_config(arena, &pg, g->config, g->policy.map,
	    c.home, &err))
		fprintf(stderr, "portolan %s: %s\n", usage.command, err.text);
	else if (read_place(&usage, "from", from, g->config, &c.from) &&
	    read_place(&usage, "to", to, g->config, &c.to))
		end = c.from.postgres != c.to.postgres ? copy(&usage, &c,
		    json) : options_mistake(&usage, "from one kind of store "
		    "to the other: sqlite and postgres");
	arena_free(&arena);
	generation_free(&g);
	return end;
}
