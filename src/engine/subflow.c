/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Flows that run others.  Each has its values for itself; what is given goes
 * in by the access of the value in there, and comes back the same way.
 */
#include "base/must.h"
#include "engine/run.h"

struct cell *
cells_new(struct arena *arena, const struct flow *flow)
{
	struct cell *cells = arena_array(arena, flow->nvalues,
	    sizeof(*cells));

	/* A value without content of its own has its default. */
	for (size_t i = 0; i < flow->nvalues; i++) {
		cells[i].text = flow->values[i].default_text;
		cells[i].objects = flow->values[i].default_objects;
	}
	return cells;
}

const struct flow *
run_root(const struct run *run)
{
	const struct flow *flow = run->flow;

	for (const struct frame *f = run->up; f != NULL; f = f->up)
		flow = f->flow;
	return flow;
}

static bool
stuck(struct run *run, unsigned status, const char *sentence)
{
	run->stuck_status = status;
	run->stuck = sentence;
	return false;
}

static unsigned
depth_of(const struct run *run)
{
	unsigned depth = 0;

	for (const struct frame *f = run->up; f != NULL; f = f->up)
		depth++;
	return depth;
}

/* --- values across --------------------------------------------------------------- */

/* What a value held while its own flow was the one that runs. */
struct carried {
	struct slice	 text;
	const json_t	*objects;
};

static struct carried
carry(struct run *run, const struct value_ref *ref)
{
	struct carried c = { run_text(run, ref), NULL };

	if (content_is_objects(ref->type))
		c.objects = run_objects(run, ref);
	return c;
}

static void
put(struct run *run, const struct value_ref *ref, const struct carried *c)
{
	if (ref->value->fixed || !run_spend(run, c->text.len +
	    json_weight(c->objects)))
		return;
	if (content_is_objects(ref->type))
		run_set_objects(run, ref, c->objects);
	else
		run_set_text(run, ref, c->text);
}

static const struct flow_value *
value_inside(const struct flow *flow, const struct guid *guid)
{
	for (size_t i = 0; i < flow->nvalues; i++)
		if (guid_eq(&flow->values[i].guid, guid))
			return &flow->values[i];
	return NULL;
}

static bool
goes_in(const struct flow_value *value)
{
	return value->access == VALUE_INPUT ||
	    value->access == VALUE_INPUT_OUTPUT;
}

static bool
comes_out(const struct flow_value *value)
{
	return value->access == VALUE_OUTPUT ||
	    value->access == VALUE_INPUT_OUTPUT;
}

/* --- down and up ------------------------------------------------------------------- */

static void
push(struct run *run, const struct flow *flow)
{
	struct frame *f = arena_alloc(run->arena, sizeof(*f));

	*f = (struct frame){ run->flow, run->at, run->cells, run->up };
	run->up = f;
	run->flow = flow;
	run->cells = cells_new(run->arena, flow);
	run->at = flow->start;
	run->system_at = NULL;
}

bool
run_descend(struct run *run)
{
	const struct subflow *s = run->at->subflow;
	const struct flow *flow = run->flows == NULL ? NULL :
	    flows_find(run->flows, &s->flow, s->has_version ? &s->version :
	    NULL);
	struct carried *carried = arena_array(run->arena, s->narguments,
	    sizeof(*carried));
	const char *sentence;
	unsigned status;

	if (flow == NULL)
		return stuck(run, 500, "A flow that this one runs as its "
		    "subflow could not be found");
	if (depth_of(run) >= SUBFLOW_DEPTH_MAX)
		return stuck(run, 500, "The flow runs subflows in subflows "
		    "without end");
	if (run->may != NULL &&
	    (status = run->may(run, flow, &sentence)) != 0)
		return stuck(run, status, sentence);
	/* Told after: who runs us looks at what was spent. */
	run_spend(run, flow->nvalues * sizeof(struct cell));
	for (size_t i = 0; i < s->narguments; i++)
		carried[i] = carry(run, &s->arguments[i].outside);
	push(run, flow);
	run_first_contents(run);
	for (size_t i = 0; i < s->narguments; i++) {
		const struct flow_value *value = value_inside(flow,
		    &s->arguments[i].inside);
		struct value_ref ref;

		if (value == NULL || !goes_in(value))
			continue;
		ref = ref_to(value);
		put(run, &ref, &carried[i]);
	}
	return true;
}

bool
run_ascend(struct run *run)
{
	const struct frame *f = run->up;
	const struct subflow *s;
	struct carried *carried;
	bool *given;

	if (f == NULL)
		return false;
	s = f->at->subflow;
	carried = arena_array(run->arena, s->narguments, sizeof(*carried));
	given = arena_array(run->arena, s->narguments, sizeof(*given));
	for (size_t i = 0; i < s->narguments; i++) {
		const struct flow_value *value = value_inside(run->flow,
		    &s->arguments[i].inside);
		struct value_ref ref;

		if (value == NULL || !comes_out(value))
			continue;
		ref = ref_to(value);
		carried[i] = carry(run, &ref);
		given[i] = true;
	}
	run->flow = f->flow;
	run->at = f->at;
	run->cells = f->cells;
	run->up = f->up;
	run->system_at = NULL;
	for (size_t i = 0; i < s->narguments; i++)
		if (given[i])
			put(run, &s->arguments[i].outside, &carried[i]);
	return true;
}
