/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The record of a decision as text for people.
 */
#include <stdio.h>

#include "geo/special.h"
#include "policy/explain_words.h"

/* --- words of both forms --------------------------------------------------------- */

const char *
explain_special(const struct explanation *e)
{
	const struct special_range *range;
	struct addr addr;

	if (e->client == NULL ||
	    e->decision->hit.place.class == PLACE_LOCATED)
		return NULL;
	addr = addr_canonical(&e->client->addr);
	range = special_find(&addr);
	return range == NULL ? NULL : range->name;
}

const char *
explain_rule(char text[EXPLAIN_RULE], const struct source_line *at)
{
	if (at->line == 0)
		snprintf(text, EXPLAIN_RULE, "built in");
	else
		snprintf(text, EXPLAIN_RULE, "%s:%u", at->file, at->line);
	return text;
}

const char *
explain_network(char text[EXPLAIN_NETWORK], const struct cidr *net)
{
	size_t used;

	addr_text(&net->base, text);
	used = strlen(text);
	snprintf(text + used, EXPLAIN_NETWORK - used, "/%d", net->bits);
	return text;
}

bool
explain_has_tag(enum flow_knowledge knowledge)
{
	return knowledge == FLOW_BY_TAG || knowledge == FLOW_EXEMPT;
}

/* --- lines ------------------------------------------------------------------------ */

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

static const char *
why_nowhere(const struct explanation *e)
{
	const char *special = explain_special(e);

	if (special != NULL)
		return special;
	return e->client == NULL || e->client->addr.family == ADDR_NONE ?
	    "no address" : "not in the geo database";
}

static void
say_place(struct buf *out, const struct explanation *e)
{
	struct place place = e->decision->hit.place;

	buf_printf(out, "place       %s", place_class_name(place.class));
	if (place.class != PLACE_LOCATED)
		buf_printf(out, " (%s)", why_nowhere(e));
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
	char line[EXPLAIN_RULE], net[EXPLAIN_NETWORK];

	buf_printf(out, "map         %s", region_match_name(hit->match));
	if (hit->network != NULL)
		buf_printf(out, " %s", explain_network(net, &hit->network->net));
	buf_printf(out, ", %s:", explain_rule(line, &hit->list->at));
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
	if (explain_has_tag(facts->knowledge))
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
	say_place(out, e);
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
