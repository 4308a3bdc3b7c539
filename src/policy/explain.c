/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/explain.h"

#include <stdio.h>

/* --- JSON ------------------------------------------------------------------------ */

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
add_place(struct buf *out, struct place place)
{
	const char *country = country_code(place.country);
	const char *continent = continent_code(place.continent);

	buf_text(out, "\"place\":{");
	add_word(out, "class", place_class_name(place.class));
	buf_char(out, ',');
	add_word(out, "country", *country != '\0' ? country : NULL);
	buf_char(out, ',');
	add_word(out, "continent", *continent != '\0' ? continent : NULL);
	buf_text(out, "},");
}

/* "regions.yaml:17"; a built-in rule has no line. */
static const char *
rule_text(char text[256], const struct source_line *at)
{
	if (at->line == 0)
		snprintf(text, 256, "built in");
	else
		snprintf(text, 256, "%s:%u", at->file, at->line);
	return text;
}

static const char *
net_text(char text[ADDR_TEXT_MAX + 4], const struct cidr *net)
{
	size_t used;

	addr_text(&net->base, text);
	used = strlen(text);
	snprintf(text + used, ADDR_TEXT_MAX + 4 - used, "/%d", net->bits);
	return text;
}

static void
add_map(struct buf *out, const struct region_map *map,
    const struct geo_hit *hit)
{
	char line[256], net[ADDR_TEXT_MAX + 4];

	buf_text(out, "\"map\":{");
	add_word(out, "match", region_match_name(hit->match));
	buf_char(out, ',');
	add_word(out, "line", rule_text(line, &hit->list->at));
	buf_char(out, ',');
	add_word(out, "network", hit->network == NULL ? NULL :
	    net_text(net, &hit->network->net));
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

static bool
has_tag(enum flow_knowledge knowledge)
{
	return knowledge == FLOW_BY_TAG || knowledge == FLOW_EXEMPT;
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
	if (has_tag(facts->knowledge))
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

	add_place(out, d->hit.place);
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
		add_place(out, d->hit.place);
		add_candidates(out, map, d);
		add_outcome(out, map, d);
	} else
		add_word(out, "refusal", e->refusal);
	buf_char(out, '}');
}

/* --- text ------------------------------------------------------------------------ */

static void
say_client(struct buf *out, const struct client_address *client)
{
	char text[ADDR_TEXT_MAX];

	buf_printf(out, "client      %s", client->addr.family == ADDR_NONE ?
	    "unknown" : addr_text(&client->addr, text));
	switch (client->source) {
	case CLIENT_PEER:
		buf_text(out, ", the peer itself");
		break;
	case CLIENT_PROXY:
		buf_text(out, ", from the PROXY header");
		break;
	case CLIENT_FORWARDED:
		buf_printf(out, ", entry %d from the right", client->hop);
		break;
	case CLIENT_MALFORMED:
		buf_printf(out, ": entry %d from the right is malformed",
		    client->hop);
		break;
	}
	buf_printf(out, " (peer %strusted)\n",
	    client->peer_trusted ? "" : "not ");
}

static void
say_place(struct buf *out, struct place place)
{
	buf_printf(out, "place       %s", place_class_name(place.class));
	if (place.country != 0)
		buf_printf(out, ", %s (%s)", country_code(place.country),
		    country_name(place.country));
	if (place.continent != CONTINENT_NONE)
		buf_printf(out, ", %s (%s)", continent_code(place.continent),
		    continent_name(place.continent));
	buf_char(out, '\n');
}

/* Whom to ask about it, and why it is there. */
static void
say_network(struct buf *out, const struct region_network *network)
{
	if (network == NULL || (network->owner == NULL &&
	    network->reason == NULL))
		return;
	buf_text(out, "network     ");
	if (network->owner != NULL)
		buf_printf(out, "owner %s%s", network->owner,
		    network->reason != NULL ? ": " : "");
	buf_printf(out, "%s\n", network->reason != NULL ? network->reason :
	    "");
}

static void
say_map(struct buf *out, const struct region_map *map,
    const struct geo_hit *hit)
{
	char line[256], net[ADDR_TEXT_MAX + 4];

	buf_printf(out, "map         %s", region_match_name(hit->match));
	if (hit->network != NULL)
		buf_printf(out, " %s", net_text(net, &hit->network->net));
	buf_printf(out, ", %s:", rule_text(line, &hit->list->at));
	for (uint8_t i = 0; i < hit->list->count; i++)
		buf_printf(out, " %s", map->regions[hit->list->regions[i]].id);
	buf_char(out, '\n');
	say_network(out, hit->network);
}

static void
say_code(struct buf *out, const char *kind, const char *code, bool *some)
{
	buf_printf(out, "%s%s%s", *some ? ", " : "", kind, code);
	*some = true;
}

/* Continents, unions, and the countries that these do not permit already. */
static void
say_list(struct buf *out, const struct restriction *r)
{
	const struct restriction wide = { .continents = r->continents,
	    .unions = r->unions };
	bool some = false;

	for (int i = CONTINENT_NONE + 1; i < CONTINENTS; i++)
		if ((r->continents >> i & 1) != 0)
			say_code(out, "continent ",
			    continent_code((enum continent)i), &some);
	for (int i = UNION_NONE + 1; i < UNIONS; i++)
		if ((r->unions >> i & 1) != 0)
			say_code(out, "union ", union_code((enum union_id)i),
			    &some);
	for (uint16_t c = 1; c <= COUNTRIES; c++) {
		struct place place = { PLACE_LOCATED,
		    (uint8_t)country_continent(c), c };

		if (restriction_permits_place(r, place) &&
		    !restriction_permits_place(&wide, place))
			say_code(out, "", country_code(c), &some);
	}
	if (!some)
		buf_text(out, "nobody");
}

static void
say_pair(struct buf *out, const char *whose, const char *id,
    struct restriction_pair pair)
{
	if (pair.access != NULL) {
		buf_printf(out, "access      %s %s: ", whose, id);
		say_list(out, pair.access);
		buf_char(out, '\n');
	}
	if (pair.execution != NULL) {
		buf_printf(out, "execution   %s %s: ", whose, id);
		say_list(out, pair.execution);
		buf_char(out, '\n');
	}
}

static void
say_facts(struct buf *out, const struct facts *facts,
    const struct decision *d)
{
	buf_printf(out, "host        %.*s (%s)\n", SLICE_ARG(facts->host),
	    host_kind_name(d->host_kind));
	buf_printf(out, "path        %.*s (%s)\n", SLICE_ARG(facts->path),
	    path_class_name(d->path_class));
	if (facts->tenant.p != NULL)
		buf_printf(out, "tenant      %.*s\n", SLICE_ARG(facts->tenant));
	if (d->path_class != PATH_RUNTIME)
		return;
	buf_printf(out, "flow        %s",
	    flow_knowledge_name(facts->knowledge));
	if (facts->knowledge == FLOW_BY_ID)
		buf_printf(out, " %.*s", SLICE_ARG(facts->flow));
	if (has_tag(facts->knowledge))
		buf_printf(out, " %06x", facts->tag);
	buf_char(out, '\n');
}

static const char *
fate_words(enum candidate_fate fate)
{
	switch (fate) {
	case CANDIDATE_CHOSEN:
		return "chosen";
	case CANDIDATE_SPARE:
		return "not needed";
	case CANDIDATE_DOWN:
		return "dropped: down";
	case CANDIDATE_TENANT_FORBIDS:
		return "dropped: the tenant's execution restriction";
	case CANDIDATE_FLOW_FORBIDS:
		return "dropped: the flow's execution restriction";
	}
	return "";
}

static void
say_override(struct buf *out, const struct explanation *e, const char *region)
{
	const struct override *word = e->overrides == NULL ? NULL :
	    overrides_find(e->overrides, region);

	if (word == NULL)
		return;
	buf_text(out, " (an operator's word: ");
	override_text(word, out);
	buf_char(out, ')');
}

static void
say_candidates(struct buf *out, const struct explanation *e)
{
	const struct region_map *map = e->policy->map;
	const struct decision *d = e->decision;

	for (uint8_t i = 0; i < d->ncandidates; i++) {
		const struct candidate *c = &d->candidates[i];

		buf_printf(out, "%-11s %s, by %s: %s",
		    i == 0 ? "candidates" : "", map->regions[c->region].id,
		    candidate_origin_name((enum candidate_origin)c->origin),
		    fate_words((enum candidate_fate)c->fate));
		say_override(out, e, map->regions[c->region].id);
		buf_char(out, '\n');
	}
}

void
explain_text(struct buf *out, const struct explanation *e)
{
	const struct region_map *map = e->policy->map;
	const struct decision *d = e->decision;

	if (e->client != NULL)
		say_client(out, e->client);
	if (d == NULL) {
		buf_printf(out, "outcome     refused: %s\n", e->refusal);
		return;
	}
	say_place(out, d->hit.place);
	say_map(out, map, &d->hit);
	say_facts(out, e->facts, d);
	say_pair(out, "tenant", d->restrictions.tenant_id,
	    d->restrictions.tenant);
	say_pair(out, "flow", d->restrictions.flow_id, d->restrictions.flow);
	say_candidates(out, e);
	if (d->outcome == OUTCOME_FORWARD)
		buf_printf(out, "outcome     forward to %s (%s)\n",
		    map->regions[d->region].id, map->regions[d->region].name);
	else
		buf_printf(out, "outcome     %s\n", outcome_name(d->outcome));
	buf_printf(out, "generation  %llu, restrictions %llu\n",
	    (unsigned long long)e->policy->generation,
	    (unsigned long long)restrictions_revision(
	    e->policy->restrictions));
}
