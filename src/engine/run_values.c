/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/run/1/state/{id}/values: what a custom component reads and writes.
 * Whoever may act where the state stands may ask, and in a public flow that is
 * anybody; so the access that each value was drawn with decides: OUTPUT can be
 * read, INPUT can be written, INPUT_OUTPUT and PUBLIC both.
 */
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/keeping.h"

enum { ATTEMPTS = 5 };

static bool
can_be_read(const struct flow_value *value)
{
	return value->access == VALUE_OUTPUT ||
	    value->access == VALUE_INPUT_OUTPUT ||
	    value->access == VALUE_PUBLIC;
}

void
call_values(const struct call_ctx *c)
{
	struct arena *arena = arena_new(0);
	struct run *run = call_load(c, arena);
	json_t *list;

	if (run != NULL) {
		list = json_array();
		for (size_t i = 0; i < run->flow->nvalues; i++)
			if (can_be_read(&run->flow->values[i]))
				json_array_append_new(list, run_value_json(run,
				    &run->flow->values[i]));
		answer_json(c, 200, list);
		run_fini(run);
	}
	arena_free(&arena);
}

static const struct flow_value *
value_of_id(const struct flow *flow, const char *id)
{
	struct guid guid;

	for (size_t i = 0; guid_of(&guid, id) && i < flow->nvalues; i++)
		if (guid_eq(&flow->values[i].guid, &guid))
			return &flow->values[i];
	return NULL;
}

static void
answer_value(const struct call_ctx *c, bool by_name)
{
	struct arena *arena = arena_new(0);
	struct run *run = call_load(c, arena);
	const struct flow_value *value;

	if (run != NULL) {
		value = by_name ? flow_value_named(run->flow,
		    slice_of(c->call->names[1])) :
		    value_of_id(run->flow, c->call->names[1]);
		/* Which others there are is not told. */
		if (value == NULL || !can_be_read(value))
			answer_sentence(c, 404, "The flow has no value %s "
			    "that can be read from outside",
			    c->call->names[1]);
		else
			answer_json(c, 200, run_value_json(run, value));
		run_fini(run);
	}
	arena_free(&arena);
}

void
call_value(const struct call_ctx *c)
{
	answer_value(c, false);
}

void
call_value_named(const struct call_ctx *c)
{
	answer_value(c, true);
}

/* The state's token stays: the page that the player has is still the right
 * one to go on from. */
static enum store_end
set_values(const struct call_ctx *c, const json_t *list)
{
	struct arena *arena = arena_new(0);
	struct run *run = call_load(c, arena);
	enum store_end end = STORE_OK;
	struct err err;

	if (run != NULL) {
		if (run->done) {
			answer_sentence(c, 400, "The state is done");
		} else if (!run_take_values(run, list, &err)) {
			answer_sentence(c, 400, "%s", err.text);
		} else {
			call_stamp(c, run);
			end = keep_save(c, run);
			if (end == STORE_OK)
				answer_json(c, 200, run_outputs(run));
		}
		run_fini(run);
	}
	arena_free(&arena);
	return end;
}

void
call_set_values(const struct call_ctx *c)
{
	struct slice body = buf_all(&c->call->body);
	enum store_end end = STORE_CONFLICT;
	struct turn turn;
	json_t *list;

	if (call_is_too_much(c))
		return;
	list = json_loadb(body.p == NULL ? "" : body.p, body.len, 0, NULL);
	if (!json_is_array(list)) {
		answer_sentence(c, 400, "The request must be a JSON list of "
		    "values");
		json_decref(list);
		return;
	}
	c->call->changes = true;
	turn_take(c->engine, &turn, c->call->names[0]);
	for (int i = 0; i < ATTEMPTS && end == STORE_CONFLICT; i++)
		end = set_values(c, list);
	turn_end(c->engine, &turn);
	if (end != STORE_OK)
		answer_store(c, end);
	json_decref(list);
}
