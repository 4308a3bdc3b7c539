/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading the map of a snapshot: elements first, then their outcomes, since
 * those lead forward as well as back.
 */
#include "base/near.h"
#include "engine/reader.h"

enum { ELEMENTS_MAX = 5000, OUTCOMES_MAX = 1000, LANES_MAX = 1000 };

static const char *const type_names[] = {
	[ELEMENT_START] = "START", [ELEMENT_STEP] = "STEP",
	[ELEMENT_INPUT] = "INPUT", [ELEMENT_DECISION] = "DECISION",
	[ELEMENT_OPERATOR] = "OPERATOR", [ELEMENT_MODAL] = "MODAL",
	[ELEMENT_SUBFLOW] = "SUBFLOW", [ELEMENT_RETURN] = "RETURN",
	[ELEMENT_MESSAGE] = "MESSAGE", [ELEMENT_LOAD] = "DATABASE_LOAD",
	[ELEMENT_SAVE] = "DATABASE_SAVE",
	[ELEMENT_DELETE] = "DATABASE_DELETE", [ELEMENT_WAIT] = "WAIT",
};

/* --- elements ------------------------------------------------------------------ */

/* Real snapshots mix case ("START" beside "step"). */
static bool
read_type(struct reader *r, const struct where *at, const json_t *json,
    enum element_type *type)
{
	const struct where here = { at, "elementType", 0 };
	const char *text = need_text(r, at, json, "elementType");
	const char *near;

	if (text == NULL)
		return false;
	for (size_t i = 0; i < COUNT(type_names); i++)
		if (is_word(text, type_names[i])) {
			*type = (enum element_type)i;
			return true;
		}
	/* Its page is drawn like any other, or else it is refused. */
	if (is_word(text, "PAGE")) {
		*type = ELEMENT_INPUT;
		return true;
	}
	/* Only the name of it is public: it does what every element can, and
	 * goes on by its outcomes. */
	if (is_word(text, "PROCESS")) {
		*type = ELEMENT_OPERATOR;
		return true;
	}
	near = near_find(slice_of(text), type_names, COUNT(type_names));
	return reader_fail(r, &here, "\"%s\" is not supported by this "
	    "engine%s%s%s", text, near == NULL ? "" : "; did you mean \"",
	    near == NULL ? "" : near, near == NULL ? "" : "\"?");
}

static bool
read_page_ref(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where here = { at, "pageElementId", 0 };
	struct guid guid;
	const char *id = need_guid(r, at, json, "pageElementId", &guid);

	if (r->failed)
		return false;
	for (size_t i = 0; i < r->flow->npages; i++)
		if (guid_eq(&r->flow->pages[i].guid, &guid)) {
			e->page = &r->flow->pages[i];
			return true;
		}
	return reader_fail(r, &here, "%s is no page of this flow", id);
}

/* By id; NULL if there is none. */
static const json_t *
find_lane(const struct reader *r, const struct guid *guid)
{
	const json_t *list = json_object_get(r->flow->json, "groupElements");

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *lane = json_array_get(list, i);
		struct guid id;

		if (guid_of(&id, json_string_value(json_object_get(lane,
		    "id"))) && guid_eq(&id, guid))
			return lane;
	}
	return NULL;
}

static bool
read_lane(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where here = { at, "groupElementId", 0 };
	const char *id = read_text(r, at, json, "groupElementId");
	const json_t *lane;
	struct guid guid;

	if (id == NULL || id[0] == '\0')
		return !r->failed;
	need_guid(r, at, json, "groupElementId", &guid);
	if (r->failed)
		return false;
	lane = find_lane(r, &guid);
	if (lane == NULL)
		return reader_fail(r, &here, "%s is no group of this flow",
		    id);
	if (!read_auth(r, &here, lane, &e->auth))
		return false;
	/* The flow's directory, where the lane names none. */
	if (e->auth.service == NULL)
		e->auth.service = r->flow->auth.service;
	return true;
}

static bool
read_argument(struct reader *r, const struct where *at, const json_t *json,
    struct subflow_argument *a)
{
	const struct where here = { at, "valueElementInSubflowId", 0 };
	const struct where out_at = { at, "valueElementToApplyId", 0 };
	const json_t *inside = read_object(r, at, json,
	    "valueElementInSubflowId");
	const char *command;

	need_guid(r, &here, inside, "id", &a->inside);
	if (!read_applied_ref(r, at, json, "valueElementToApplyId",
	    &a->outside, &command))
		return false;
	return a->outside.value != NULL ||
	    reader_fail(r, &out_at, "is missing");
}

static bool
read_subflow(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where here = { at, "subflow", 0 };
	const struct where id_at = { &here, "flowId", 0 };
	const struct where list_at = { &here, "arguments", 0 };
	const json_t *object = read_object(r, at, json, "subflow");
	const json_t *id = read_object(r, &here, object, "flowId");
	const json_t *list = read_list(r, &here, object, "arguments",
	    OUTCOMES_MAX);
	struct subflow *s = arena_alloc(r->arena, sizeof(*s));
	const char *version = read_text(r, &id_at, id, "versionId");

	need_guid(r, &id_at, id, "id", &s->flow);
	s->has_version = version != NULL && version[0] != '\0' &&
	    need_guid(r, &id_at, id, "versionId", &s->version) != NULL;
	s->narguments = json_array_size(list);
	s->arguments = arena_array(r->arena, s->narguments,
	    sizeof(*s->arguments));
	for (size_t i = 0; i < s->narguments && !r->failed; i++) {
		const struct where item = { &list_at, NULL, i };

		read_argument(r, &item, json_array_get(list, i),
		    &s->arguments[i]);
	}
	e->subflow = s;
	return !r->failed;
}

static bool
read_element(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	e->id = need_guid(r, at, json, "id", &e->guid);
	e->name = read_text(r, at, json, "developerName");
	e->label = read_text(r, at, json, "label");
	e->not_allowed = read_text(r, at, json, "notAuthorizedMessage");
	e->json = json;
	if (r->failed || !read_type(r, at, json, &e->type) ||
	    !read_actions(r, at, json, e) || !read_lane(r, at, json, e) ||
	    !read_vote(r, at, json, e))
		return false;
	if ((e->type == ELEMENT_INPUT || e->type == ELEMENT_MODAL) &&
	    !read_page_ref(r, at, json, e))
		return false;
	if (e->type == ELEMENT_SUBFLOW && !read_subflow(r, at, json, e))
		return false;
	e->user_content = read_text(r, at, json, "userContent");
	return read_operations(r, at, json, "operations", &e->operations,
	    &e->noperations);
}

/* --- outcomes -------------------------------------------------------------------- */

static enum outcome_binding
read_binding(struct reader *r, const struct where *at, const json_t *json)
{
	const struct where here = { at, "pageActionBindingType", 0 };
	const char *text = read_text(r, at, json, "pageActionBindingType");

	if (text == NULL || text[0] == '\0' || is_word(text, "SAVE"))
		return BINDING_SAVE;
	if (is_word(text, "NO_SAVE"))
		return BINDING_NO_SAVE;
	if (!is_word(text, "PARTIAL_SAVE"))
		reader_fail(r, &here, "\"%s\" is none of SAVE, NO_SAVE, "
		    "PARTIAL_SAVE", text);
	return BINDING_PARTIAL_SAVE;
}

/* Which flow it is turns out when it is taken: it need not be here. */
static bool
read_out(struct reader *r, const struct where *at, const json_t *json,
    struct flow_outcome *o)
{
	const struct where here = { at, "flowOut", 0 };
	const struct where id_at = { &here, "flowId", 0 };
	const json_t *object = read_object(r, at, json, "flowOut");
	const json_t *id = read_object(r, &here, object, "flowId");
	struct flow_out *out = arena_alloc(r->arena, sizeof(*out));

	read_still_ref(r, &here, object, "valueElementFlowId",
	    &out->flow_value);
	read_still_ref(r, &here, object, "valueElementStateId",
	    &out->state_value);
	if (!r->failed && out->flow_value.value == NULL &&
	    out->state_value.value == NULL)
		need_guid(r, &id_at, id, "id", &out->flow);
	o->out = out;
	return !r->failed;
}

static bool
read_next(struct reader *r, const struct where *at, const json_t *json,
    struct flow_outcome *o)
{
	const struct where here = { at, "nextMapElementId", 0 };
	struct guid guid;
	const char *id;

	if (read_object(r, at, json, "flowOut") != NULL)
		return read_out(r, at, json, o);
	id = need_guid(r, at, json, "nextMapElementId", &guid);
	if (r->failed)
		return false;
	o->next = flow_element(r->flow, &guid);
	if (o->next == NULL)
		return reader_fail(r, &here, "%s is no map element of this "
		    "flow", id);
	return true;
}

/* FAULT and DEBUG, wherever they stand. */
static const char fault_id[] = "318b0f3a-a570-4c5d-835c-21c1eeb17787";
static const char debug_id[] = "ee6c8827-11e2-486d-b5fa-4d1a0cbb77a3";

static bool
is_id(const struct guid *guid, const char *id)
{
	struct guid reserved;

	return guid_of(&reserved, id) && guid_eq(&reserved, guid);
}

static bool
read_outcome(struct reader *r, const struct where *at, const json_t *json,
    struct flow_outcome *o)
{
	const struct where here = { at, "comparison", 0 };
	const json_t *comparison;

	o->id = need_guid(r, at, json, "id", &o->guid);
	o->name = read_text(r, at, json, "developerName");
	o->label = read_text(r, at, json, "label");
	o->order = read_integer(r, at, json, "order", 0);
	o->binding = read_binding(r, at, json);
	o->faults = !r->failed && is_id(&o->guid, fault_id);
	o->reserved = o->faults || (!r->failed && is_id(&o->guid, debug_id));
	o->json = json;
	comparison = read_object(r, at, json, "comparison");
	if (r->failed || !read_next(r, at, json, o))
		return false;
	if (comparison != NULL) {
		struct comparison *c = arena_alloc(r->arena, sizeof(*c));

		if (!read_comparison(r, &here, comparison, c, 0))
			return false;
		o->comparison = c;
	}
	return true;
}

static void
sort_outcomes(struct flow_outcome *list, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct flow_outcome o = list[i];
		size_t j = i;

		for (; j > 0 && list[j - 1].order > o.order; j--)
			list[j] = list[j - 1];
		list[j] = o;
	}
}

static bool
read_outcomes(struct reader *r, const struct where *at,
    struct map_element *e)
{
	const json_t *list = read_list(r, at, e->json, "outcomes",
	    OUTCOMES_MAX);
	const struct where list_at = { at, "outcomes", 0 };

	e->noutcomes = json_array_size(list);
	e->outcomes = arena_array(r->arena, e->noutcomes,
	    sizeof(*e->outcomes));
	for (size_t i = 0; i < e->noutcomes && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_outcome(r, &here, json_array_get(list, i),
		    &e->outcomes[i]);
	}
	sort_outcomes(e->outcomes, e->noutcomes);
	return !r->failed;
}

/* --- the map ------------------------------------------------------------------------ */

static bool
find_start(struct reader *r, const json_t *root)
{
	const struct where at = { NULL, "startMapElementId", 0 };
	struct guid guid;
	const char *id = need_guid(r, NULL, root, "startMapElementId", &guid);

	if (r->failed)
		return false;
	r->flow->start = flow_element(r->flow, &guid);
	if (r->flow->start == NULL)
		return reader_fail(r, &at, "%s is no map element of this flow",
		    id);
	if (r->flow->start->type != ELEMENT_START)
		return reader_fail(r, &at, "%s is not of type START", id);
	return true;
}

bool
read_elements(struct reader *r, const json_t *root)
{
	const json_t *list = read_list(r, NULL, root, "mapElements",
	    ELEMENTS_MAX);
	const struct where at = { NULL, "mapElements", 0 };
	size_t count = json_array_size(list);
	struct flow *flow = r->flow;

	/* Elements look into them. */
	read_list(r, NULL, root, "groupElements", LANES_MAX);
	flow->elements = arena_array(r->arena, count, sizeof(*flow->elements));
	for (size_t i = 0; i < count && reader_goes_on(r); i++) {
		const struct where here = { &at, NULL, i };
		struct map_element *e = &flow->elements[i];

		if (read_element(r, &here, json_array_get(list, i), e) &&
		    flow_element(flow, &e->guid) != NULL)
			reader_fail(r, &here, "another map element has the id "
			    "%s", e->id);
		flow->nelements++;
	}
	for (size_t i = 0; i < flow->nelements && reader_goes_on(r); i++) {
		const struct where here = { &at, NULL, i };

		if (flow->elements[i].json == NULL)
			continue;
		read_outcomes(r, &here, &flow->elements[i]);
		read_overrides(r, &here, &flow->elements[i]);
	}
	return reader_goes_on(r) && find_start(r, root);
}
