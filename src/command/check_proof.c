/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "command/check_proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- in words --------------------------------------------------------------- */

static const char *
place_text(struct place place, char text[40])
{
	if (place.class != PLACE_LOCATED)
		snprintf(text, 40, "%s place",
		    place_class_name((enum place_class)place.class));
	else if (place.country != 0)
		snprintf(text, 40, "country:%s", country_code(place.country));
	else
		snprintf(text, 40, "continent:%s", continent_code(
		    (enum continent)place.continent));
	return text;
}

/* Ids of the set's regions; "none" for an empty one. */
static void
region_names(struct buf *out, const struct region_map *map,
    struct region_set set)
{
	const char *before = "";

	for (unsigned i = 0; i < map->nregions; i++) {
		if (!region_set_has(set, i))
			continue;
		buf_printf(out, "%s%s", before, map->regions[i].id);
		before = ",";
	}
	if (before[0] == '\0')
		buf_text(out, "none");
}

/* "*" is the intersection for requests that do not say which flow, or not
 * even which tenant; then the tenant of the hit is one of several. */
static void
owner_text(struct buf *out, const struct restriction_hit *hit)
{
	if (hit->flow_id != NULL && strcmp(hit->flow_id, "*") == 0) {
		buf_text(out, "requests that do not say their flow");
		return;
	}
	if (hit->flow_id != NULL)
		buf_printf(out, "flow %s", hit->flow_id);
	if (hit->tenant_id != NULL)
		buf_printf(out, "%stenant %s", hit->flow_id != NULL ? " of " :
		    "", hit->tenant_id);
}

static void
escape_text(struct buf *out, const struct region_map *map,
    const struct residency_escape *e)
{
	char place[40];

	buf_text(out, "residency: ");
	owner_text(out, &e->restrictions);
	buf_printf(out, ": a %s request from %s to a %s host with up ",
	    path_class_name(e->path), place_text(e->place, place),
	    host_kind_name(e->host));
	region_names(out, map, e->up);
	buf_printf(out, " gets %s", outcome_name(e->outcome));
	if (e->outcome == OUTCOME_FORWARD)
		buf_printf(out, " to %s", map->regions[e->region].id);
	buf_printf(out, ": %s\n", e->what);
}

static void
unservable_text(struct buf *out, const struct region_map *map,
    const struct residency_unservable *u)
{
	buf_text(out, "residency: ");
	owner_text(out, &u->restrictions);
	buf_text(out, ": warning: ");
	if (u->nobody)
		buf_text(out, "nobody is permitted, from no place\n");
	else if (u->nowhere)
		buf_text(out, "no region of the map is permitted, so "
		    "every request is refused\n");
	else if (u->only >= 0)
		buf_printf(out, "only region %s is permitted; while that "
		    "is down, requests are refused\n",
		    map->regions[u->only].id);
}

static size_t
listed(uint64_t count)
{
	return count < RESIDENCY_LISTED ? (size_t)count : RESIDENCY_LISTED;
}

void
proof_text(struct buf *out, const struct region_map *map,
    const struct residency_report *r)
{
	for (size_t i = 0; i < listed(r->escapes); i++)
		escape_text(out, map, &r->escape[i]);
	if (r->escapes > RESIDENCY_LISTED)
		buf_printf(out, "residency: %" PRIu64 " escapes in all\n",
		    r->escapes);
	for (size_t i = 0; i < listed(r->unservables); i++)
		unservable_text(out, map, &r->unservable[i]);
	if (r->unservables > RESIDENCY_LISTED)
		buf_printf(out, "residency: %zu such restrictions in "
		    "all\n", r->unservables);
}

/* --- as JSON ---------------------------------------------------------------- */

static void
name(struct buf *out, const char *before, const char *key)
{
	buf_text(out, before);
	buf_json(out, slice_of(key));
	buf_char(out, ':');
}

static void
text_member(struct buf *out, const char *before, const char *key,
    const char *value)
{
	name(out, before, key);
	if (value == NULL)
		buf_text(out, "null");
	else
		buf_json(out, slice_of(value));
}

static void
regions_member(struct buf *out, const struct region_map *map,
    const char *key, struct region_set set)
{
	const char *before = "";

	name(out, ",", key);
	buf_char(out, '[');
	for (unsigned i = 0; i < map->nregions; i++) {
		if (!region_set_has(set, i))
			continue;
		buf_text(out, before);
		buf_json(out, slice_of(map->regions[i].id));
		before = ",";
	}
	buf_char(out, ']');
}

static void
escape_json(struct buf *out, const struct region_map *map,
    const struct residency_escape *e)
{
	char place[40];

	text_member(out, "{", "tenant", e->restrictions.tenant_id);
	text_member(out, ",", "flow", e->restrictions.flow_id);
	text_member(out, ",", "place", place_text(e->place, place));
	text_member(out, ",", "host", host_kind_name(e->host));
	text_member(out, ",", "path", path_class_name(e->path));
	regions_member(out, map, "up", e->up);
	text_member(out, ",", "outcome", outcome_name(e->outcome));
	text_member(out, ",", "region", e->outcome == OUTCOME_FORWARD ?
	    map->regions[e->region].id : NULL);
	text_member(out, ",", "what", e->what);
	buf_char(out, '}');
}

static void
unservable_json(struct buf *out, const struct region_map *map,
    const struct residency_unservable *u)
{
	text_member(out, "{", "tenant", u->restrictions.tenant_id);
	text_member(out, ",", "flow", u->restrictions.flow_id);
	buf_printf(out, ",\"nobody\":%s,\"nowhere\":%s",
	    u->nobody ? "true" : "false", u->nowhere ? "true" : "false");
	text_member(out, ",", "only", u->only < 0 ? NULL :
	    map->regions[u->only].id);
	buf_char(out, '}');
}

void
proof_json(struct buf *out, const struct region_map *map,
    const struct residency_report *r)
{
	buf_printf(out, ",\"residency\":{\"decisions\":%" PRIu64
	    ",\"every_subset\":%s,\"restrictions\":%zu,\"distinct\":%zu,"
	    "\"escapes\":%" PRIu64 ",\"unservables\":%zu,\"escape\":[",
	    r->decisions, r->every_subset ? "true" : "false",
	    r->restrictions, r->distinct, r->escapes, r->unservables);
	for (size_t i = 0; i < listed(r->escapes); i++) {
		buf_text(out, i == 0 ? "" : ",");
		escape_json(out, map, &r->escape[i]);
	}
	buf_text(out, "],\"unservable\":[");
	for (size_t i = 0; i < listed(r->unservables); i++) {
		buf_text(out, i == 0 ? "" : ",");
		unservable_json(out, map, &r->unservable[i]);
	}
	buf_text(out, "]}");
}
