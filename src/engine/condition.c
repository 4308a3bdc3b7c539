/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Conditions of the page where a run stands.  "Visible: $True where the box is
 * ticked" says both: shown where it is, hidden where it is not.  So a mark is
 * set to the contrary by a condition that does not hold, unless another one
 * for the same mark does.  Values are set only by conditions that hold.
 */
#include "base/must.h"
#include "engine/run.h"

static struct part_view *
part_of(const struct run *run, const struct page_operand *o)
{
	if (o->component != NULL)
		return &run->view->components[o->component -
		    run->at->page->components];
	must(o->container != NULL);
	return &run->view->containers[o->container->index];
}

static bool *
mark_of(const struct run *run, const struct page_operand *o)
{
	struct part_view *part = part_of(run, o);

	switch (o->aspect) {
	case ASPECT_VISIBLE:
		return &part->visible;
	case ASPECT_ENABLED:
		return &part->enabled;
	case ASPECT_EDITABLE:
		return &part->editable;
	default:
		return &part->required;
	}
}

static struct slice
operand_text(struct run *run, const struct page_operand *o)
{
	if (o->aspect != ASPECT_VALUE)
		return *mark_of(run, o) ? SLICE("true") : SLICE("false");
	if (o->value.value == NULL)	/* of an input that goes nowhere */
		return (struct slice){ NULL, 0 };
	return run_text(run, &o->value);
}

static bool
rule_holds(struct run *run, const struct page_rule *rule)
{
	struct slice left = operand_text(run, &rule->left);
	struct slice right = operand_text(run, &rule->right);
	enum content_type type = rule->left.aspect != ASPECT_VALUE ?
	    CONTENT_BOOLEAN : rule->left.value.value == NULL ?
	    CONTENT_STRING : rule->left.value.type;

	if (!run_spend(run, left.len + right.len))
		return false;
	if (rule->criterion == CRITERION_IS_EMPTY && type != CONTENT_BOOLEAN &&
	    rule->left.value.value != NULL)
		return run_is_empty(run, &rule->left.value) ==
		    content_true(right);
	/* A box that nobody has touched is not ticked. */
	if (type == CONTENT_BOOLEAN && left.len == 0 &&
	    rule->criterion != CRITERION_IS_EMPTY)
		left = SLICE("false");
	return criterion_holds(rule->criterion, type, left, right);
}

static bool
condition_holds(struct run *run, const struct page_condition *c)
{
	for (size_t i = 0; i < c->nrules; i++)
		if (rule_holds(run, &c->rules[i]) == c->any)
			return c->any;
	return !c->any;
}

static void
set_value(struct run *run, const struct page_operation *op)
{
	const struct value_ref *to = &op->to.value;

	if (to->value == NULL || !run_spend(run, 0))
		return;
	if (!content_is_objects(to->type))
		run_set_text(run, to, operand_text(run, &op->from));
	else if (op->from.aspect == ASPECT_VALUE &&
	    op->from.value.value != NULL)
		run_set_objects(run, to, run_objects(run, &op->from.value));
}

static void
add_filter(struct run *run, const struct page_filter *filter)
{
	struct part_view *part = &run->view->components[filter->component -
	    run->at->page->components];
	struct part_filter *f = arena_alloc(run->arena, sizeof(*f));

	*f = (struct part_filter){ filter, part->filters };
	part->filters = f;
}

static void
apply(struct run *run, const struct page_condition *c, bool holds)
{
	for (size_t i = 0; i < c->noperations; i++) {
		const struct page_operation *op = &c->operations[i];

		if (holds && op->filter != NULL)
			add_filter(run, op->filter);
		if (!op->assigns)
			continue;
		if (op->to.aspect != ASPECT_VALUE)
			*mark_of(run, &op->to) = content_true(operand_text(run,
			    &op->from)) == holds;
		else if (holds)
			set_value(run, op);
	}
}

static void
apply_conditions(struct run *run, const struct page *page)
{
	bool *holds = arena_array(run->arena, page->nconditions,
	    sizeof(*holds));
	size_t count = page->nconditions;

	for (size_t i = 0; i < count; i++) {
		holds[i] = condition_holds(run, &page->conditions[i]);
		if (!holds[i])
			apply(run, &page->conditions[i], false);
		else if (page->stops)
			count = i + 1;
	}
	for (size_t i = 0; i < count; i++)
		if (holds[i])
			apply(run, &page->conditions[i], true);
}

const struct page_view *
run_view(struct run *run)
{
	const struct page *page = run->at->page;
	struct page_view *view;

	if (run->view != NULL)
		return run->view;
	must(page != NULL);
	run->view = view = arena_alloc(run->arena, sizeof(*view));
	view->components = arena_array(run->arena, page->ncomponents,
	    sizeof(*view->components));
	view->containers = arena_array(run->arena, page->nparts,
	    sizeof(*view->containers));
	for (size_t i = 0; i < page->ncomponents; i++)
		view->components[i] = (struct part_view){ true, true,
		    page->components[i].editable,
		    page->components[i].required, NULL };
	for (size_t i = 0; i < page->nparts; i++)
		view->containers[i] = (struct part_view){ true, true, true,
		    false, NULL };
	apply_conditions(run, page);
	return view;
}

bool
view_shows(const struct page_view *view, const struct page *page,
    const struct page_component *c)
{
	const struct page_container *in = c->in;

	if (!view->components[c - page->components].visible)
		return false;
	while (in != NULL && view->containers[in->index].visible)
		in = in->in;
	return in == NULL;
}

const json_t *
view_rows(struct run *run, const struct page_component *c)
{
	const struct part_filter *f = run_view(run)->components[c -
	    run->at->page->components].filters;
	const json_t *list = run_objects(run, &c->list);

	for (; f != NULL && list != NULL && run_spend(run, json_weight(list));
	    f = f->next) {
		struct slice text = operand_text(run, &f->filter->with);
		struct list_filter by = { f->filter->column,
		    f->filter->criterion, arena_copy(run->arena, text) };

		list = run_filtered(run, list, &by);
	}
	return list;
}
