/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The record of a decision as JSON for programs.
 */
#include "policy/explain_words.h"

/* "key": text, or null. */
static void
add_text(struct buf *out, const char *key, struct slice text)
{
	buf_printf(out, "\"%s\":", key);
	if (text.p == NULL)
		buf_text(out, "null");
	else
		buf_json(out, text);
}

static void
add_word(struct buf *out, const char *key, const char *word)
{
	add_text(out, key, slice_of(word));
}

static void
add_region_set(struct buf *out, const char *key, const struct region_map *map,
    struct region_set set)
{
	const char *comma = "";

	buf_printf(out, "\"%s\":[", key);
	for (unsigned i = 0; i < map->nregions; i++) {
		if (!region_set_has(set, i))
			continue;
		buf_text(out, comma);
		buf_json(out, slice_of(map->regions[i].id));
		comma = ",";
	}
	buf_char(out, ']');
}

static void
add_client(struct buf *out, const struct client_address *client)
{
	char text[ADDR_TEXT_MAX];
	bool known = client->addr.family != ADDR_NONE;

	buf_text(out, "\"client\":{");
	add_word(out, "address", known ? addr_text(&client->addr, text) : NULL);
	buf_char(out, ',');
	add_word(out, "source", client_source_name(client->source));
	buf_printf(out, ",\"hop\":%d,\"peer_trusted\":%s},", client->hop,
	    client->peer_trusted ? "true" : "false");
}

static void
add_place(struct buf *out, const struct explanation *e)
{
	struct place place = e->decision->hit.place;
	const char *country = country_code(place.country);
	const char *continent = continent_code(place.continent);
	const char *special = explain_special(e);

	buf_text(out, "\"place\":{");
	add_word(out, "class", place_class_name(place.class));
	buf_char(out, ',');
	add_word(out, "country", *country != '\0' ? country : NULL);
	buf_char(out, ',');
	add_word(out, "continent", *continent != '\0' ? continent : NULL);
	if (special != NULL) {
		buf_char(out, ',');
		add_word(out, "special", special);
	}
	buf_text(out, "},");
}

static void
add_map(struct buf *out, const struct region_map *map,
    const struct geo_hit *hit)
{
	char line[EXPLAIN_RULE], net[EXPLAIN_NETWORK];

	buf_text(out, "\"map\":{");
	add_word(out, "match", region_match_name(hit->match));
	buf_char(out, ',');
	add_word(out, "line", explain_rule(line, &hit->list->at));
	buf_char(out, ',');
	add_word(out, "network", hit->network == NULL ? NULL :
	    explain_network(net, &hit->network->net));
	if (hit->network != NULL) {
		buf_char(out, ',');
		add_word(out, "owner", hit->network->owner);
		buf_char(out, ',');
		add_word(out, "reason", hit->network->reason);
	}
	buf_text(out, ",\"regions\":[");
	for (uint8_t i = 0; i < hit->list->count; i++) {
		if (i > 0)
			buf_char(out, ',');
		buf_json(out, slice_of(map->regions[hit->list->regions[i]].id));
	}
	buf_text(out, "]},");
}

static void
add_facts(struct buf *out, const struct facts *facts)
{
	add_text(out, "host", facts->host);
	buf_char(out, ',');
	add_text(out, "path", facts->path);
	buf_char(out, ',');
	add_text(out, "tenant", facts->tenant);
	buf_char(out, ',');
	add_text(out, "flow", facts->knowledge == FLOW_BY_ID ? facts->flow :
	    (struct slice){ NULL, 0 });
	buf_char(out, ',');
	if (explain_has_tag(facts->knowledge))
		buf_printf(out, "\"tag\":\"%06x\",", facts->tag);
	add_word(out, "flow_known", flow_knowledge_name(facts->knowledge));
	buf_char(out, ',');
}

static void
add_restrictions(struct buf *out, const struct explanation *e)
{
	const struct restriction_hit *hit = &e->decision->restrictions;

	buf_printf(out, "\"restrictions\":{\"revision\":%llu,",
	    (unsigned long long)restrictions_revision(e->policy->restrictions));
	add_word(out, "tenant", hit->tenant_id);
	buf_char(out, ',');
	add_word(out, "flow", hit->flow_id);
	buf_text(out, "},");
}

static void
add_candidates(struct buf *out, const struct region_map *map,
    const struct decision *d)
{
	buf_text(out, "\"candidates\":[");
	for (uint8_t i = 0; i < d->ncandidates; i++) {
		const struct candidate *c = &d->candidates[i];

		buf_text(out, i > 0 ? ",{" : "{");
		add_word(out, "region", map->regions[c->region].id);
		buf_char(out, ',');
		add_word(out, "from", candidate_origin_name(
		    (enum candidate_origin)c->origin));
		buf_char(out, ',');
		add_word(out, "fate", candidate_fate_name(
		    (enum candidate_fate)c->fate));
		buf_char(out, '}');
	}
	buf_text(out, "],");
}

static void
add_outcome(struct buf *out, const struct region_map *map,
    const struct decision *d)
{
	add_word(out, "outcome", outcome_name(d->outcome));
	buf_char(out, ',');
	add_word(out, "region", d->outcome == OUTCOME_FORWARD ?
	    map->regions[d->region].id : NULL);
}

static void
add_decision(struct buf *out, const struct explanation *e)
{
	const struct region_map *map = e->policy->map;
	const struct decision *d = e->decision;

	add_place(out, e);
	add_map(out, map, &d->hit);
	add_word(out, "host_kind", host_kind_name(d->host_kind));
	buf_char(out, ',');
	add_word(out, "path_class", path_class_name(d->path_class));
	buf_char(out, ',');
	add_restrictions(out, e);
	add_region_set(out, "allowed", map, d->allowed);
	buf_char(out, ',');
	add_region_set(out, "up", map, e->up);
	buf_char(out, ',');
	add_region_set(out, "by_operator", map, e->by_hand);
	buf_char(out, ',');
	if (e->overrides != NULL) {
		buf_text(out, "\"overrides\":");
		overrides_json(e->overrides, out);
		buf_char(out, ',');
	}
	add_candidates(out, map, d);
	add_outcome(out, map, d);
}

static void
add_request(struct buf *out, const struct explanation *e)
{
	if (e->request_id != NULL) {
		add_word(out, "request_id", e->request_id);
		buf_char(out, ',');
	}
	if (e->client != NULL)
		add_client(out, e->client);
}

void
explain_json(struct buf *out, const struct explanation *e)
{
	buf_printf(out, "{\"generation\":%llu,",
	    (unsigned long long)e->policy->generation);
	add_request(out, e);
	if (e->facts != NULL)
		add_facts(out, e->facts);
	if (e->decision != NULL)
		add_decision(out, e);
	else
		add_word(out, "refusal", e->refusal);
	if (e->attempts.p != NULL) {
		buf_text(out, ",\"attempts\":");
		buf_slice(out, e->attempts);
	}
	buf_char(out, '}');
}

void
explain_json_short(struct buf *out, const struct explanation *e)
{
	const struct decision *d = e->decision;
	const struct region_map *map = e->policy->map;

	buf_printf(out, "{\"shortened\":true,\"generation\":%llu,",
	    (unsigned long long)e->policy->generation);
	add_request(out, e);
	if (d != NULL) {
		add_place(out, e);
		add_candidates(out, map, d);
		add_outcome(out, map, d);
	} else
		add_word(out, "refusal", e->refusal);
	buf_char(out, '}');
}
