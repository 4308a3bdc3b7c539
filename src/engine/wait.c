/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a run waits for, who listens for it and what went wrong, as parts of
 * its stored form.
 */
#include "base/must.h"
#include "engine/run.h"

static json_t *
pending_json(const struct run_wait *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < w->npending; i++)
		json_array_append_new(list, json_pack("[s, I, I]",
		    w->pending[i].nonce, (json_int_t)w->pending[i].message,
		    (json_int_t)w->pending[i].until_ms));
	return list;
}

static json_t *
ears_json(const struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->nears; i++)
		json_array_append_new(list, json_pack("[s, s, s]",
		    run->ears[i].nonce, run->ears[i].flow->id,
		    run->ears[i].listener->value.value->id));
	return list;
}

void
wait_to_json(const struct run *run, json_t *json)
{
	const struct run_wait *w = &run->wait;

	if (w->kind != WAIT_NOTHING)
		must(json_object_set_new(json, "wait", json_pack(
		    "{s:i, s:s?, s:I, s:o, s:s?}", "kind", (int)w->kind,
		    "message", w->message, "until", (json_int_t)w->until_ms,
		    "pending", pending_json(w), "selected",
		    run->selected == NULL ? NULL : run->selected->id)) == 0);
	if (run->nears > 0)
		json_object_set_new(json, "ears", ears_json(run));
	if (run->watchers != NULL)
		json_object_set(json, "watchers", run->watchers);
	if (run->votes != NULL)
		json_object_set(json, "votes", run->votes);
	if (run->faults != NULL)
		json_object_set(json, "faults", run->faults);
	/* Who acts for it while nobody is there. */
	if (run->login != NULL)
		json_object_set_new(json, "login", json_string(run->login));
	if (run->origin != NULL)
		json_object_set_new(json, "origin",
		    json_string(run->origin));
}

static const char *
text_of(struct run *run, const json_t *json)
{
	const char *text = json_string_value(json);

	return text == NULL ? NULL : arena_strdup(run->arena, text);
}

static void
pending_from(struct run *run, const json_t *list)
{
	struct run_wait *w = &run->wait;

	w->pending = arena_array(run->arena, json_array_size(list),
	    sizeof(*w->pending));
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *item = json_array_get(list, i);
		struct pending *p = &w->pending[w->npending];
		struct guid guid;

		p->message = (size_t)json_integer_value(json_array_get(item,
		    1));
		p->until_ms = json_integer_value(json_array_get(item, 2));
		if (p->message >= run->at->nmessages || !guid_of(&guid,
		    json_string_value(json_array_get(item, 0))))
			continue;
		guid_text(guid.bytes, p->nonce);
		w->npending++;
	}
}

static void
selected_from(struct run *run, const char *id)
{
	struct guid guid;

	for (size_t i = 0; guid_of(&guid, id) && i < run->at->noutcomes; i++)
		if (guid_eq(&run->at->outcomes[i].guid, &guid))
			run->selected = &run->at->outcomes[i];
}

/* Listeners are found again by the value that they tell of. */
static const struct flow_listener *
listener_of(const struct flow *flow, const struct guid *value)
{
	for (size_t i = 0; i < flow->nelements; i++)
		for (size_t k = 0; k < flow->elements[i].nlisteners; k++)
			if (guid_eq(&flow->elements[i].listeners[k].value.
			    value->guid, value))
				return &flow->elements[i].listeners[k];
	return NULL;
}

static void
ears_from(struct run *run, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && run->nears < EARS_MAX;
	    i++) {
		const json_t *item = json_array_get(list, i);
		const struct flow_listener *l = NULL;
		struct guid flow, value, nonce;

		if (guid_of(&flow, json_string_value(json_array_get(item,
		    1))) && guid_of(&value, json_string_value(
		    json_array_get(item, 2))) && guid_of(&nonce,
		    json_string_value(json_array_get(item, 0))) &&
		    guid_eq(&flow, &run->flow->guid))
			l = listener_of(run->flow, &value);
		if (l == NULL)
			continue;	/* of a subflow that has returned */
		run->ears[run->nears].listener = l;
		run->ears[run->nears].flow = run->flow;
		guid_text(nonce.bytes, run->ears[run->nears++].nonce);
	}
}

void
wait_from_json(struct run *run, const json_t *json)
{
	const json_t *wait = json_object_get(json, "wait");
	int64_t kind = json_integer_value(json_object_get(wait, "kind"));
	json_t *faults = json_object_get(json, "faults");
	json_t *votes = json_object_get(json, "votes");
	json_t *watchers = json_object_get(json, "watchers");

	if (kind > WAIT_NOTHING && kind <= WAIT_TIME) {
		run->wait.kind = (enum wait_kind)kind;
		run->wait.message = text_of(run, json_object_get(wait,
		    "message"));
		run->wait.until_ms = json_integer_value(json_object_get(wait,
		    "until"));
		pending_from(run, json_object_get(wait, "pending"));
		selected_from(run, json_string_value(json_object_get(wait,
		    "selected")));
	}
	ears_from(run, json_object_get(json, "ears"));
	if (json_is_array(watchers)) {
		json_array_append(run->kept, watchers);
		run->watchers = watchers;
	}
	if (json_is_object(votes)) {
		json_array_append(run->kept, votes);
		run->votes = votes;
	}
	if (json_is_object(faults)) {
		json_array_append(run->kept, faults);
		run->faults = faults;
	}
	run->login = text_of(run, json_object_get(json, "login"));
	run->origin = text_of(run, json_object_get(json, "origin"));
}
