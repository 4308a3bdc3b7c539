/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading what an element does beside its operations: messages to services,
 * listening, waiting, votes, and which ways of a navigation it opens.
 */
#include "engine/reader.h"

/* --- messages -------------------------------------------------------------------------- */

/* "/actions/NAME" where only the action's name is given. */
static const char *
read_path(struct reader *r, const struct where *at, const json_t *json)
{
	const struct where here = { at, "uriPart", 0 };
	const char *part = read_text(r, at, json, "uriPart");
	const char *name = read_text(r, at, json, "serviceActionName");

	if (part != NULL && part[0] != '\0') {
		while (*part == '/')
			part++;
		return arena_printf(r->arena, "/%s", part);
	}
	if (name != NULL && name[0] != '\0')
		return arena_printf(r->arena, "/actions/%s", name);
	reader_fail(r, &here, "is missing, as is serviceActionName");
	return NULL;
}

static bool
read_message(struct reader *r, const struct where *at, const json_t *json,
    struct message_action *m)
{
	m->id = read_text(r, at, json, "id");
	m->name = read_text(r, at, json, "developerName");
	m->path = read_path(r, at, json);
	m->order = read_integer(r, at, json, "order", 0);
	m->attributes = read_object(r, at, json, "attributes");
	if (m->name == NULL)
		m->name = m->path;
	return !r->failed && need_service(r, at, json, &m->service) &&
	    read_service_values(r, at, json, SERVICE_INPUTS, &m->inputs,
	    &m->ninputs) &&
	    read_service_values(r, at, json, SERVICE_OUTPUTS, &m->outputs,
	    &m->noutputs);
}

static bool
read_messages(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where list_at = { at, "messageActions", 0 };
	const json_t *list = read_list(r, at, json, "messageActions",
	    MEMBERS_MAX);

	e->messages = arena_array(r->arena, json_array_size(list),
	    sizeof(*e->messages));
	for (size_t i = 0; i < json_array_size(list) && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };
		const json_t *item = json_array_get(list, i);
		struct message_action m = { 0 };
		size_t to = e->nmessages;

		if (read_bool(r, &here, item, "disabled", false))
			continue;
		if (!read_message(r, &here, item, &m))
			return false;
		for (; to > 0 && e->messages[to - 1].order > m.order; to--)
			e->messages[to] = e->messages[to - 1];
		e->messages[to] = m;
		e->nmessages++;
	}
	return !r->failed;
}

/* It is called when its page is come to, after all the others; of what a
 * service draws itself nothing is known, so the element has a page, too. */
static bool
read_view_message(struct reader *r, const struct where *at,
    const json_t *json, struct map_element *e)
{
	const struct where here = { at, "viewMessageAction", 0 };
	const json_t *object = read_object(r, at, json, "viewMessageAction");
	struct message_action m = { 0 }, *all;
	size_t n = e->nmessages;

	if (object == NULL || read_bool(r, &here, object, "disabled", false))
		return !r->failed;
	if (e->type != ELEMENT_INPUT && e->type != ELEMENT_MODAL)
		return reader_fail(r, &here, "belongs to an element with a "
		    "page");
	if (!read_message(r, &here, object, &m))
		return false;
	all = arena_array(r->arena, n + 1, sizeof(*all));
	for (size_t i = 0; i < n; i++)
		all[i] = e->messages[i];
	m.order = n == 0 || all[n - 1].order == INT64_MAX ? INT64_MAX :
	    all[n - 1].order + 1;
	all[n] = m;
	e->messages = all;
	e->nmessages = n + 1;
	return !r->failed;
}

/* --- listeners, votes, waits ------------------------------------------------------------- */

static bool
read_listeners(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where list_at = { at, "listeners", 0 };
	const json_t *list = read_list(r, at, json, "listeners", MEMBERS_MAX);

	e->nlisteners = json_array_size(list);
	e->listeners = arena_array(r->arena, e->nlisteners,
	    sizeof(*e->listeners));
	for (size_t i = 0; i < e->nlisteners && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };
		const json_t *item = json_array_get(list, i);
		struct flow_listener *l = &e->listeners[i];

		l->name = read_text(r, &here, item, "developerName");
		l->kind = read_text(r, &here, item, "listenerType");
		l->attributes = read_object(r, &here, item, "attributes");
		if (need_service(r, &here, item, &l->service) &&
		    read_still_ref(r, &here, item,
		    "valueElementToReferenceForListeningId", &l->value) &&
		    l->value.value == NULL)
			reader_fail(r, &here, "names no value: "
			    "valueElementToReferenceForListeningId");
	}
	return !r->failed;
}

static bool
read_wait(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where here = { at, "wait", 0 };
	const json_t *object = read_object(r, at, json, "wait");
	struct flow_wait *w = arena_alloc(r->arena, sizeof(*w));

	w->seconds = read_integer(r, &here, object, "durationSeconds", 0);
	read_still_ref(r, &here, object, "valueElementToReferenceId",
	    &w->until);
	w->message = read_text(r, &here, object, "message");
	if (w->message == NULL)
		w->message = read_text(r, at, json, "statusMessage");
	if (w->seconds < 0 || w->seconds > INT32_MAX)
		return reader_fail(r, &here, "durationSeconds must be between "
		    "0 and %d", INT32_MAX);
	e->wait = w;
	return !r->failed;
}

/* Votes are counted by user: everybody must be somebody. */
bool
read_vote(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	const struct where here = { at, "vote", 0 };
	const struct where kind_at = { &here, "voteType", 0 };
	const json_t *object = read_object(r, at, json, "vote");
	const struct flow_auth *auth = e->auth.kind != AUTH_PUBLIC ?
	    &e->auth : &r->flow->auth;
	struct flow_vote *v;
	const char *kind;

	if (object == NULL)
		return !r->failed;
	v = arena_alloc(r->arena, sizeof(*v));
	kind = need_text(r, &here, object, "voteType");
	if (kind == NULL)
		return false;
	v->percent = is_word(kind, "PERCENT");
	if (!v->percent && !is_word(kind, "COUNT"))
		return reader_fail(r, &kind_at, "\"%s\" is none of COUNT, "
		    "PERCENT", kind);
	v->least = read_integer(r, &here, object, v->percent ?
	    "minimumPercent" : "minimumCount", 1);
	v->of = json_array_size(json_object_get(auth->json, "users"));
	if (auth->kind == AUTH_PUBLIC)
		return reader_fail(r, &here, "users vote, and here nobody has "
		    "to log in");
	if (v->percent && v->of == 0)
		return reader_fail(r, &here, "a share needs users that are "
		    "named one by one");
	e->vote = v;
	return !r->failed;
}

bool
read_actions(struct reader *r, const struct where *at, const json_t *json,
    struct map_element *e)
{
	static const char *const lists[] = { "waits", "processes" };

	for (size_t i = 0; i < COUNT(lists); i++)
		if (json_array_size(read_list(r, at, json, lists[i],
		    MEMBERS_MAX)) > 0)
			return reader_fail(r, at, "%s are not supported by "
			    "this engine", lists[i]);
	return !r->failed && read_messages(r, at, json, e) &&
	    read_view_message(r, at, json, e) &&
	    read_data_actions(r, at, json, e) &&
	    read_listeners(r, at, json, e) &&
	    (e->type != ELEMENT_WAIT || read_wait(r, at, json, e));
}

static bool
read_override(struct reader *r, const struct where *at, const json_t *json,
    struct item_override *o)
{
	const struct where here = { at, "locationMapElementId", 0 };
	const char *to = read_text(r, at, json, "locationMapElementId");
	struct guid guid;

	need_guid(r, at, json, "navigationElementId", &o->navigation);
	need_guid(r, at, json, "navigationItemId", &o->item);
	o->enabled = read_bool(r, at, json, "isEnabled", false);
	o->visible = read_bool(r, at, json, "isVisible", false);
	if (to == NULL || to[0] == '\0' ||
	    need_guid(r, at, json, "locationMapElementId", &guid) == NULL ||
	    r->failed)
		return !r->failed;
	o->to = flow_element(r->flow, &guid);
	return o->to != NULL || reader_fail(r, &here, "%s is no map element "
	    "of this flow", to);
}

bool
read_overrides(struct reader *r, const struct where *at,
    struct map_element *e)
{
	const struct where list_at = { at, "navigationOverrides", 0 };
	const json_t *list = read_list(r, at, e->json, "navigationOverrides",
	    MEMBERS_MAX);

	e->noverrides = json_array_size(list);
	e->overrides = arena_array(r->arena, e->noverrides,
	    sizeof(*e->overrides));
	for (size_t i = 0; i < e->noverrides && !r->failed; i++) {
		const struct where here = { &list_at, NULL, i };

		read_override(r, &here, json_array_get(list, i),
		    &e->overrides[i]);
	}
	return !r->failed;
}
