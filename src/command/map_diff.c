/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan map diff`: what another region map, or another database, sends
 * elsewhere: countries, networks, address space and restricted flows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/map_changes.h"
#include "command/options.h"
#include "conf/restrictions_file.h"

struct options {
	const char	*config, *database, *new_database;
	bool		 json;
};

/* --- the answer as text ----------------------------------------------------------------- */

static void
say_lists(struct buf *out, const struct map_changes *c,
    const struct map_change *change)
{
	if (change->from == NULL)
		buf_text(out, "nothing");
	else
		map_list_text(out, c->old, change->from);
	buf_text(out, " -> ");
	if (change->to == NULL)
		buf_text(out, "nothing");
	else
		map_list_text(out, c->new, change->to);
}

static void
say_lines(struct buf *out, const struct map_change *change)
{
	const struct source_line *from = change->from == NULL ? NULL :
	    &change->from->at, *to = change->to == NULL ? NULL :
	    &change->to->at;

	buf_text(out, "  (");
	if (from != NULL)
		buf_printf(out, "%s:%u", from->file, from->line);
	if (from != NULL && to != NULL)
		buf_text(out, ", ");
	if (to != NULL)
		buf_printf(out, "%s:%u", to->file, to->line);
	buf_text(out, ")\n");
}

/* In a column as wide as that: characters, not bytes. */
static void
say_padded(struct buf *out, const char *text, int width)
{
	for (const char *p = text; *p != '\0'; p++)
		width -= (*p & 0xc0) != 0x80;
	buf_printf(out, "%s%*s", text, width > 0 ? width : 0, "");
}

static void
say_change(struct buf *out, const struct map_changes *c,
    const struct map_change *change)
{
	struct buf lists = { 0 };

	say_lists(&lists, c, change);
	buf_printf(out, "  %-12s ", change->key);
	say_padded(out, change->name, 24);
	buf_printf(out, " %.*s", (int)lists.len, lists.p);
	say_lines(out, change);
	buf_fini(&lists);
}

static void
say_changes(struct buf *out, const struct map_changes *c,
    enum map_change_kind kind, const char *title)
{
	size_t count = map_changes_count(c, kind);

	if (count == 0)
		return;
	buf_printf(out, "%zu %s\n", count, title);
	for (size_t i = 0; i < c->count; i++)
		if (c->list[i].kind == kind)
			say_change(out, c, &c->list[i]);
}

static void
say_regions(struct buf *out, const struct map_changes *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct map_change *change = &c->list[i];

		if (change->kind == MAP_REGION_ADDED)
			buf_printf(out, "region %s is new\n", change->key);
		else if (change->kind == MAP_REGION_REMOVED)
			buf_printf(out, "region %s is gone\n", change->key);
		else if (change->kind == MAP_REGION_MOVED)
			buf_printf(out, "region %s stands in another country: "
			    "%s\n", change->key, change->name);
		else if (change->kind == MAP_FALLBACK) {
			buf_printf(out, "fallback of %s: ", change->key);
			say_lists(out, c, change);
			say_lines(out, change);
		}
	}
}

static void
say_share(struct buf *out, const char *what, double changed, double located)
{
	buf_printf(out, "%.3f %% of %s changes region\n",
	    located > 0 ? 100.0 * changed / located : 0.0, what);
}

static void
say_flows(struct buf *out, const struct map_changes *c)
{
	for (size_t i = 0; i < c->nflows; i++) {
		const struct map_flow *f = &c->flows[i];

		map_flow_name(out, f);
		buf_printf(out, ": %zu places", f->count);
		for (size_t k = 0; k < f->count; k++)
			buf_printf(out, "%s %s %s -> %s", k > 0 ? "," : ":",
			    f->moves[k].place, f->moves[k].from,
			    f->moves[k].to);
		buf_char(out, '\n');
	}
}

static void
answer_text(struct buf *out, const struct map_changes *c)
{
	say_regions(out, c);
	say_changes(out, c, MAP_PLACE, "places change region:");
	say_changes(out, c, MAP_PLACE_ORDER, "places change the order of "
	    "their further regions:");
	say_changes(out, c, MAP_NETWORK, "networks change:");
	if (c->has_shares) {
		say_share(out, "located IPv4 space", c->shares.ip4_changed,
		    c->shares.ip4_located);
		say_share(out, "allocated IPv6 space (/48s)",
		    c->shares.ip6_changed, c->shares.ip6_located);
	}
	if (c->nflows > 0)
		buf_printf(out, "%zu restrictions whose requests go "
		    "elsewhere:\n", c->nflows);
	say_flows(out, c);
	if (!map_changes_any(c))
		buf_text(out, "no difference\n");
}

/* --- the answer as JSON ----------------------------------------------------------------- */

static void
list_or_null(struct buf *out, const struct region_map *map,
    const struct region_list *list)
{
	if (list == NULL)
		buf_text(out, "null");
	else
		map_list_json(out, map, list);
}

static void
change_json(struct buf *out, const struct map_changes *c,
    const struct map_change *change)
{
	buf_text(out, "{\"key\":");
	buf_json(out, slice_of(change->key));
	buf_text(out, ",\"name\":");
	buf_json(out, slice_of(change->name));
	buf_text(out, ",\"from\":");
	list_or_null(out, c->old, change->from);
	buf_text(out, ",\"to\":");
	list_or_null(out, c->new, change->to);
	buf_char(out, '}');
}

static void
changes_json(struct buf *out, const struct map_changes *c, const char *name,
    enum map_change_kind kind)
{
	const char *comma = "";

	buf_printf(out, "\"%s\":[", name);
	for (size_t i = 0; i < c->count; i++) {
		if (c->list[i].kind != kind)
			continue;
		buf_text(out, comma);
		change_json(out, c, &c->list[i]);
		comma = ",";
	}
	buf_text(out, "],");
}

static void
share_json(struct buf *out, const char *name, double changed, double located)
{
	buf_printf(out, "\"%s\":{\"located\":%.0f,\"changed\":%.0f,"
	    "\"share\":%.6f},", name, located, changed,
	    located > 0 ? changed / located : 0.0);
}

static void
flow_json(struct buf *out, const struct map_flow *f)
{
	buf_text(out, "{\"tenant\":");
	if (f->hit.tenant_id != NULL)
		buf_json(out, slice_of(f->hit.tenant_id));
	else
		buf_text(out, "null");
	buf_text(out, ",\"flow\":");
	if (f->hit.flow_id != NULL)
		buf_json(out, slice_of(f->hit.flow_id));
	else
		buf_text(out, "null");
	buf_text(out, ",\"moves\":[");
	for (size_t i = 0; i < f->count; i++)
		buf_printf(out, "%s{\"place\":\"%s\",\"from\":\"%s\","
		    "\"to\":\"%s\"}", i > 0 ? "," : "", f->moves[i].place,
		    f->moves[i].from, f->moves[i].to);
	buf_text(out, "]}");
}

static void
answer_json(struct buf *out, const struct map_changes *c)
{
	buf_printf(out, "{\"same\":%s,",
	    map_changes_any(c) ? "false" : "true");
	changes_json(out, c, "places", MAP_PLACE);
	changes_json(out, c, "orders", MAP_PLACE_ORDER);
	changes_json(out, c, "networks", MAP_NETWORK);
	changes_json(out, c, "regions_added", MAP_REGION_ADDED);
	changes_json(out, c, "regions_removed", MAP_REGION_REMOVED);
	changes_json(out, c, "regions_moved", MAP_REGION_MOVED);
	changes_json(out, c, "fallbacks", MAP_FALLBACK);
	if (c->has_shares) {
		share_json(out, "ip4", c->shares.ip4_changed,
		    c->shares.ip4_located);
		share_json(out, "ip6", c->shares.ip6_changed,
		    c->shares.ip6_located);
	}
	buf_text(out, "\"flows\":[");
	for (size_t i = 0; i < c->nflows; i++) {
		if (i > 0)
			buf_char(out, ',');
		flow_json(out, &c->flows[i]);
	}
	buf_text(out, "]}\n");
}

/* --- the command ------------------------------------------------------------------------- */

/* The old database under the old map, the new one (or the same) under the
 * new.  Without any database there are no shares to tell. */
static bool
find_shares(struct map_inputs *in, const struct options *o,
    struct map_changes *c)
{
	struct mmdb *old, *new = NULL;
	struct geo_table *a, *b;

	if (!map_inputs_database(in, o->database, &old))
		return false;
	if (o->new_database != NULL &&
	    !map_inputs_database(in, o->new_database, &new)) {
		mmdb_close(&old);
		return false;
	}
	if (old == NULL && new == NULL)
		return true;
	a = geo_table_build(old, c->old);
	b = geo_table_build(new != NULL ? new : old, c->new);
	geo_table_diff(a, b, &c->shares);
	c->has_shares = true;
	geo_table_free(&a);
	geo_table_free(&b);
	mmdb_close(&old);
	mmdb_close(&new);
	return true;
}

static int
diff(struct map_inputs *in, const struct options *o, const char *old,
    const char *new)
{
	static const uint8_t no_key[16];
	struct map_changes c = { .arena = in->arena };
	struct buf out = { 0 };

	c.old = map_inputs_map(in, old);
	c.new = new == NULL ? c.old : map_inputs_map(in, new);
	c.restrictions = restrictions_file_load(in->arena,
	    in->config == NULL ? NULL : in->config->policy.restrictions,
	    no_key, 1, &in->mistakes);
	if (!loading_tell(in->command, &in->mistakes) || c.old == NULL ||
	    c.new == NULL || !find_shares(in, o, &c))
		return EXIT_USAGE;
	map_changes_find(&c);
	if (o->json)
		answer_json(&out, &c);
	else
		answer_text(&out, &c);
	return loading_print(in->command, &out, map_changes_any(&c) ?
	    EXIT_FOUND : EXIT_GOOD);
}

int
map_diff(int argc, char **argv)
{
	struct options o = { .json = false };
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "its map is OLD, if one MAP is "
		    "given; its restrictions are tried", .value = &o.config },
		{ "database", 0, "FILE", "for the share of the address space "
		    "(the configuration's)", .value = &o.database },
		{ "new-database", 0, "FILE", "for NEW, if it is another one",
		    .value = &o.new_database },
		{ "json", 0, NULL, "answer as JSON", .flag = &o.json },
		{ 0 },
	};
	const struct usage usage = { .command = "map diff",
	    .operands = "[OLD] NEW", .options = specs, .most = 2, .about =
	    "Names each country that changes region, the share of IPv4 and of "
	    "allocated IPv6\nspace that does, and the restricted flows whose "
	    "requests go elsewhere. Exit code\n0 if nothing differs, 1 if "
	    "something does, 2 for mistakes." };
	struct operands maps;
	struct map_inputs in;
	const char *old, *new;
	int end = options_parse(&usage, argc, argv, &maps);

	if (end != OPTIONS_GO_ON)
		return end;
	if (maps.count < 2 && o.config == NULL)
		return options_mistake(&usage, "give OLD and NEW, or --config "
		    "and NEW");
	if (maps.count == 0 && o.new_database == NULL)
		return options_mistake(&usage, "compare with what? Give a "
		    "NEW map or --new-database");
	old = maps.count == 2 ? maps.item[0] : NULL;
	new = maps.count > 0 ? maps.item[maps.count - 1] : NULL;
	map_inputs_init(&in, usage.command);
	if (!map_inputs_config(&in, o.config))
		return map_inputs_stop(&in);
	end = diff(&in, &o, old, new);
	map_inputs_fini(&in);
	return end;
}
