/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Going through the map from page to page.
 */
#include <string.h>

#include "base/must.h"
#include "engine/run.h"

/* A flow that goes in circles without showing a page must end somewhere. */
enum { ELEMENTS_A_STEP = 10000 };

/* --- comparisons ---------------------------------------------------------------- */

static bool
contains(struct slice text, struct slice part)
{
	return part.len == 0 ||
	    memmem(text.p, text.len, part.p, part.len) != NULL;
}

/* Both in upper case. */
static bool
parts_hold(enum criterion criterion, struct slice left, struct slice right)
{
	if (right.len > left.len)
		return false;
	switch (criterion) {
	case CRITERION_STARTS_WITH:
		left.len = right.len;
		return slice_eq(left, right);
	case CRITERION_ENDS_WITH:
		left.p += left.len - right.len;
		left.len = right.len;
		return slice_eq(left, right);
	default:
		return contains(left, right);
	}
}

static bool
text_holds(enum criterion criterion, struct slice left, struct slice right)
{
	struct arena *arena = arena_new(4096);
	bool holds = parts_hold(criterion, content_upper(arena, left),
	    content_upper(arena, right));

	arena_free(&arena);
	return holds;
}

static bool
is_equal(enum content_type type, struct slice left, struct slice right)
{
	int order;

	if (left.len == 0 || right.len == 0)
		return left.len == right.len;
	return content_compare(type, left, right, &order) && order == 0;
}

/* Nothing is neither greater nor less than anything. */
static bool
order_holds(enum criterion criterion, enum content_type type,
    struct slice left, struct slice right)
{
	int order;

	if (left.len == 0 || right.len == 0 ||
	    !content_compare(type, left, right, &order))
		return false;
	switch (criterion) {
	case CRITERION_GREATER_THAN:
		return order > 0;
	case CRITERION_GREATER_THAN_OR_EQUAL:
		return order >= 0;
	case CRITERION_LESS_THAN:
		return order < 0;
	default:
		return order <= 0;
	}
}

bool
criterion_holds(enum criterion criterion, enum content_type type,
    struct slice left, struct slice right)
{
	switch (criterion) {
	case CRITERION_IS_EMPTY:	/* right: $False means "is not empty" */
		return (left.len == 0) == content_true(right);
	case CRITERION_EQUAL:
	case CRITERION_NOT_EQUAL:
	case CRITERION_ALL_EQUAL:	/* of one */
	case CRITERION_ANY_EQUAL:
		return is_equal(type, left, right) ==
		    (criterion != CRITERION_NOT_EQUAL);
	case CRITERION_CONTAINS:
	case CRITERION_STARTS_WITH:
	case CRITERION_ENDS_WITH:
		return text_holds(criterion, left, right);
	default:
		return order_holds(criterion, type, left, right);
	}
}

static bool
list_holds(struct run *run, const struct rule *rule, struct slice right)
{
	size_t count, equal = run_count_equal(run, &rule->left, right,
	    &count);

	return rule->criterion == CRITERION_ANY_EQUAL ? equal > 0 :
	    count > 0 && equal == count;
}

static bool
rule_holds(struct run *run, const struct rule *rule)
{
	struct slice left = run_text(run, &rule->left);
	struct slice right = run_text(run, &rule->right);

	if (!run_spend(run, left.len + right.len))
		return false;		/* of no consequence: the run ends */
	if (rule->criterion == CRITERION_IS_EMPTY)
		return run_is_empty(run, &rule->left) == content_true(right);
	if (rule->left.property != NULL &&
	    (rule->criterion == CRITERION_ALL_EQUAL ||
	    rule->criterion == CRITERION_ANY_EQUAL))
		return list_holds(run, rule, right);
	return criterion_holds(rule->criterion, rule->left.type, left, right);
}

static bool
run_holds(struct run *run, const struct comparison *c)
{
	for (size_t i = 0; i < c->nrules; i++)
		if (rule_holds(run, &c->rules[i]) == c->any)
			return c->any;
	for (size_t i = 0; i < c->nnested; i++)
		if (run_holds(run, &c->nested[i]) == c->any)
			return c->any;
	return !c->any;
}

/* --- steps ------------------------------------------------------------------------- */

static const struct flow_outcome *
first_that_holds(struct run *run)
{
	const struct map_element *at = run->at;

	for (size_t i = 0; i < at->noutcomes; i++)
		if (at->outcomes[i].next != NULL &&
		    !at->outcomes[i].reserved &&
		    (at->outcomes[i].comparison == NULL ||
		    run_holds(run, at->outcomes[i].comparison)))
			return &at->outcomes[i];
	return NULL;
}

bool
shows_page(const struct map_element *e)
{
	return e->type == ELEMENT_INPUT || e->type == ELEMENT_STEP ||
	    e->type == ELEMENT_MODAL;
}

static bool
has_way_on(const struct map_element *e)
{
	for (size_t i = 0; i < e->noutcomes; i++)
		if (!e->outcomes[i].reserved)
			return true;
	return false;
}

static void
enter(struct run *run, const struct map_element *e)
{
	run->at = e;
	run->invalid = NULL;
	run->view = NULL;
}

/* The oldest are forgotten. */
static void
note_past(struct run *run)
{
	if (run->npast == HISTORY_MAX)
		memmove(run->history, run->history + 1,
		    --run->npast * sizeof(*run->history));
	run->history[run->npast].at = run->at;
	fresh_guid(&run->history[run->npast++].id);
}

static enum run_end
arrive(struct run *run)
{
	note_past(run);
	/* Without a way on, the flow ends on this page. */
	run->done = !has_way_on(run->at);
	run->system_at = NULL;		/* $State tells so */
	return run->done ? RUN_DONE : RUN_PAGE;
}

/* The way on from an element without a page: out of a subflow that has none,
 * it is that of who runs it.  NULL: the end. */
static const struct flow_outcome *
way_on(struct run *run)
{
	const struct flow_outcome *by = run->selected != NULL ?
	    run->selected : run->at->type == ELEMENT_RETURN &&
	    run->up != NULL ? NULL : first_that_holds(run);

	while (by == NULL && run_ascend(run))
		by = first_that_holds(run);
	return by;
}

static enum run_end
end_here(struct run *run)
{
	run->done = true;
	run->system_at = NULL;
	return RUN_DONE;
}

/* Where a failed service leads: the outcome that is there for it. */
static const struct flow_outcome *
way_of_faults(const struct run *run)
{
	for (size_t i = 0; i < run->at->noutcomes; i++)
		if (run->at->outcomes[i].faults &&
		    run->at->outcomes[i].next != NULL)
			return &run->at->outcomes[i];
	return NULL;
}

/* The element has acted: RUN_PAGE with *to set says where to go on. */
static enum run_end
leave_element(struct run *run, enum act_end end, const struct map_element **to)
{
	const struct flow_outcome *by;
	bool waits;

	*to = NULL;
	if (end == ACT_SPENT || run->spent > RUN_BUDGET)
		return RUN_ENDLESS;
	if (end == ACT_WAIT)
		return RUN_WAIT;
	if (end == ACT_FAULT) {
		by = way_of_faults(run);
		if (by == NULL)
			return RUN_FAULT;
		*to = by->next;
		return RUN_PAGE;
	}
	if (shows_page(run->at))
		return arrive(run);
	if (run->at->type == ELEMENT_SUBFLOW && !run_descend(run))
		return RUN_STUCK;
	/* A flow of its own users waits at its START for one of them. */
	waits = run->at->type == ELEMENT_START && !run_may_begin(run);
	by = waits ? NULL : way_on(run);
	if (run->spent > RUN_BUDGET)
		return RUN_ENDLESS;
	if (waits)
		return RUN_PAGE;
	if (by == NULL)
		return end_here(run);
	*to = by->next;
	return RUN_PAGE;
}

enum run_end
run_go_on(struct run *run, enum act_end end)
{
	const struct map_element *to;
	enum run_end there;

	run->done = false;
	for (unsigned i = 0; i < ELEMENTS_A_STEP; i++) {
		there = leave_element(run, end, &to);
		if (to == NULL)
			return there;
		enter(run, to);
		end = run_act(run);
	}
	return RUN_ENDLESS;
}

enum run_end
run_go(struct run *run, const struct map_element *to)
{
	enter(run, to);
	return run_go_on(run, run_act(run));
}

enum run_end
run_leave(struct run *run, const struct flow_outcome *by)
{
	return by->next == NULL ? RUN_PAGE : run_go(run, by->next);
}

enum run_end
run_begin(struct run *run)
{
	const struct flow_outcome *by;

	must(run->at->type == ELEMENT_START);
	by = way_on(run);
	return by == NULL ? end_here(run) : run_go(run, by->next);
}
