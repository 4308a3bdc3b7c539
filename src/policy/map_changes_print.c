/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/map_changes.h"
#include "policy/map_text.h"

/* --- for a person ----------------------------------------------------------------- */

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
say_share(struct buf *out, const char *what, const struct geo_moved *moved)
{
	buf_printf(out, "%.3f %% of %s changes region\n",
	    100 * geo_moved_share(moved), what);
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

void
map_changes_text(struct buf *out, const struct map_changes *c)
{
	say_regions(out, c);
	say_changes(out, c, MAP_PLACE, "places change region:");
	say_changes(out, c, MAP_PLACE_ORDER, "places change the order of "
	    "their further regions:");
	say_changes(out, c, MAP_NETWORK, "networks change:");
	if (c->has_shares) {
		say_share(out, "located IPv4 space", &c->shares.ip4);
		say_share(out, "allocated IPv6 space (/48s)", &c->shares.ip6);
	}
	if (c->nflows > 0)
		buf_printf(out, "%zu restrictions whose requests go "
		    "elsewhere:\n", c->nflows);
	say_flows(out, c);
	if (!map_changes_any(c))
		buf_text(out, "no difference\n");
}

/* --- as JSON ----------------------------------------------------------------- */

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
share_json(struct buf *out, const char *name, const struct geo_moved *moved)
{
	buf_printf(out, "\"%s\":{\"located\":%.0f,\"changed\":%.0f,"
	    "\"share\":%.6f},", name, moved->located,
	    moved->changed, geo_moved_share(moved));
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

void
map_changes_json(struct buf *out, const struct map_changes *c)
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
		share_json(out, "ip4", &c->shares.ip4);
		share_json(out, "ip6", &c->shares.ip6);
	}
	buf_text(out, "\"flows\":[");
	for (size_t i = 0; i < c->nflows; i++) {
		if (i > 0)
			buf_char(out, ',');
		flow_json(out, &c->flows[i]);
	}
	buf_text(out, "]}");
}
