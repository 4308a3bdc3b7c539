/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which flows can be run here: by id, by name, or a list of them.
 */
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/form.h"

/* --- one flow ------------------------------------------------------------------ */

/* Of whom it is for, the kind alone: who they are is not for everybody. */
static json_t *
flow_json(const struct flow *flow)
{
	json_t *summary = json_object_get(flow->json, "developerSummary");
	json_t *json = json_pack(
	    "{s:{s:s, s:s}, s:s, s:O?, s:b, s:b, s:s, s:b, s:b, s:o}",
	    "id", "id", flow->id, "versionId", flow->version,
	    "developerName", flow->name, "developerSummary",
	    json_is_string(summary) ? summary : NULL,
	    "isActive", 1, "isDefault", flow->is_default,
	    "startMapElementId", flow->start->id, "allowJumping",
	    flow->jumps, "enableHistoricalNavigation", flow->goes_back,
	    "authorization", json_pack("{s:s}", "globalAuthenticationType",
	    flow_auth_kind(&flow->auth)));

	must(json != NULL);
	return json;
}

static void
answer_flow(const struct call_ctx *c, const struct flow *flow)
{
	if (flow == NULL)
		answer_sentence(c, 404, "The flow %s could not be found",
		    c->call->names[0]);
	else if (call_admit(c, flow))
		answer_json(c, 200, flow_json(flow));
}

void
call_flow(const struct call_ctx *c)
{
	struct guid guid;

	answer_flow(c, guid_of(&guid, c->call->names[0]) ?
	    flows_find(&c->call->flows, &guid, NULL) : NULL);
}

void
call_flow_named(const struct call_ctx *c)
{
	answer_flow(c, flows_named(&c->call->flows,
	    slice_of(c->call->names[0])));
}

/* --- lists of flows ------------------------------------------------------------ */

struct filter {
	enum criterion	 criterion;
	const char	*name;		/* NULL: every flow passes */
};

static bool
take_word(struct slice *text, const char *word)
{
	size_t len = strlen(word);

	*text = slice_trim(*text);
	if (!slice_starts_nocase(*text, slice_of(word)))
		return false;
	text->p += len;
	text->len -= len;
	return true;
}

/* All of it, as OData writes a text: a quote within is doubled. */
static const char *
quoted(struct arena *arena, struct slice text)
{
	char *copy = arena_alloc(arena, text.len + 1), *to = copy;

	text = slice_trim(text);
	if (text.len < 2 || text.p[0] != '\'' || text.p[text.len - 1] != '\'')
		return NULL;
	for (size_t i = 1; i < text.len - 1; i++) {
		if (text.p[i] == '\'' && (++i == text.len - 1 ||
		    text.p[i] != '\''))
			return NULL;
		*to++ = text.p[i];
	}
	*to = '\0';
	return copy;
}

/* developerName eq 'NAME', or substringof(developerName, 'PART'). */
static bool
read_filter(struct arena *arena, const char *query, struct filter *filter)
{
	const char *given = form_value(arena, slice_of(query), "filter");
	struct slice text = slice_trim(slice_of(given));

	*filter = (struct filter){ CRITERION_EQUAL, NULL };
	if (text.len == 0)
		return true;
	if (take_word(&text, "substringof")) {
		filter->criterion = CRITERION_CONTAINS;
		if (!take_word(&text, "(") ||
		    !take_word(&text, "developerName") ||
		    !take_word(&text, ",") || text.len == 0 ||
		    text.p[text.len - 1] != ')')
			return false;
		text.len--;
	} else if (!take_word(&text, "developerName") ||
	    !take_word(&text, "eq")) {
		return false;
	}
	filter->name = quoted(arena, text);
	return filter->name != NULL;
}

static void
add_flow(const struct call_ctx *c, json_t *list, const struct filter *filter,
    const struct flow *flow)
{
	if (filter->name != NULL && !criterion_holds(filter->criterion,
	    CONTENT_STRING, slice_of(flow->name), slice_of(filter->name)))
		return;
	if (call_may(c, flow, NULL) == 0)
		json_array_append_new(list, flow_json(flow));
}

/* In two turns, since reading a flow may wait and the list may change. */
static void
add_stored(const struct call_ctx *c, struct arena *arena, json_t *list,
    const struct filter *filter)
{
	const struct metadata *m = c->engine->metadata;
	const struct stored_flow *f = NULL;
	struct guid *ids;
	size_t count = 0;

	while ((f = metadata_next_flow(m, &c->call->tenant, f)) != NULL)
		count++;
	ids = arena_array(arena, count, sizeof(*ids));
	count = 0;
	while ((f = metadata_next_flow(m, &c->call->tenant, f)) != NULL)
		ids[count++] = f->id;
	for (size_t i = 0; i < count; i++) {
		const struct flow *flow = flows_find(&c->call->flows,
		    &ids[i], NULL);

		if (flow != NULL)
			add_flow(c, list, filter, flow);
	}
}

/* The version of each that is run by default. */
static json_t *
flows_json(const struct call_ctx *c, struct arena *arena,
    const struct filter *filter)
{
	const struct flows *flows = &c->call->flows;
	json_t *list = json_array();

	add_stored(c, arena, list, filter);
	for (size_t i = 0; i < flows_count(flows); i++) {
		const struct flow *flow = flows_at(flows, i);

		if (flows_find(flows, &flow->guid, NULL) == flow)
			add_flow(c, list, filter, flow);
	}
	return list;
}

void
call_flows(const struct call_ctx *c)
{
	struct arena *arena = arena_new(0);
	struct filter filter;

	if (read_filter(arena, c->call->query, &filter))
		answer_json(c, 200, flows_json(c, arena, &filter));
	else
		answer_sentence(c, 400, "filter: write developerName eq "
		    "'NAME', or substringof(developerName, 'PART')");
	arena_free(&arena);
}

/* Environments are what builders release flows to.  No flow here is of one
 * alone: a state is begun alike whatever environmentId it is given. */
void
call_flows_of_environment(const struct call_ctx *c)
{
	struct guid guid;

	if (guid_of(&guid, c->call->names[0]))
		call_flows(c);
	else
		answer_sentence(c, 404, "The environment %s could not be "
		    "found: it is no GUID", c->call->names[0]);
}
