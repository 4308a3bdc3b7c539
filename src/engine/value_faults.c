/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * valueFaults: what a service finds wrong with single values that it was
 * given.  Each is a fault like others; where the page that the user is left
 * with has an input for the value, it stands there instead of above the page.
 */
#include "base/must.h"
#include "engine/run.h"

/* Those beyond stay above the page. */
enum { VALUE_FAULTS_MAX = 100 };

static const struct value_ref *
given_as(const struct service_value *list, size_t count, struct slice name)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].value.value != NULL &&
		    slice_eq_nocase(slice_of(list[i].name), name))
			return &list[i].value;
	return NULL;
}

/* Services know values by the names that the action has for them; by their
 * own names and ids they see them elsewhere. */
static struct value_ref
value_meant(const struct run *run, const struct message_action *m,
    const char *name)
{
	const struct value_ref *given = given_as(m->inputs, m->ninputs,
	    slice_of(name));
	const struct flow_value *value = NULL;
	struct guid guid;

	if (given == NULL)
		given = given_as(m->outputs, m->noutputs, slice_of(name));
	if (given != NULL)
		return *given;
	if (guid_of(&guid, name)) {
		for (size_t i = 0; i < run->flow->nvalues; i++)
			if (guid_eq(&run->flow->values[i].guid, &guid))
				value = &run->flow->values[i];
	} else {
		value = flow_value_named(run->flow, slice_of(name));
	}
	return value == NULL ? (struct value_ref){ 0 } : ref_to(value);
}

static void
add(struct run *run, const struct message_action *m, const char *name)
{
	struct value_ref ref = value_meant(run, m, name);
	struct value_fault *f;

	if (ref.value == NULL || run->nvalue_faults == VALUE_FAULTS_MAX)
		return;
	if (run->value_faults == NULL)
		run->value_faults = arena_array(run->arena, VALUE_FAULTS_MAX,
		    sizeof(*run->value_faults));
	f = &run->value_faults[run->nvalue_faults++];
	f->name = arena_strdup(run->arena, name);
	f->value = ref;
}

void
run_take_value_faults(struct run *run, const struct message_action *m,
    const json_t *faults)
{
	const char *name;
	json_t *text;

	json_object_foreach((json_t *)(uintptr_t)faults, name, text) {
		/* Of the same name above the page: that stays. */
		if (!json_is_string(text) ||
		    json_object_get(run->faults, name) != NULL)
			continue;
		run_note_fault(run, name, json_string_value(text));
		add(run, m, name);
	}
}

static bool
same_value(const struct value_ref *a, const struct value_ref *b)
{
	if (a->value != b->value)
		return false;
	return a->property == NULL || b->property == NULL ?
	    a->property == b->property :
	    slice_eq_nocase(slice_of(a->property), slice_of(b->property));
}

/* True if some input of the page is for the value. */
static bool
put(struct run *run, const struct value_ref *value, const char *text)
{
	const struct page *page = run->at->page;
	bool found = false;

	for (size_t i = 0; i < page->ncomponents; i++) {
		const struct page_component *c = &page->components[i];

		if (c->binding.value == NULL ||
		    !same_value(&c->binding, value) ||
		    !view_shows(run_view(run), page, c))
			continue;
		run_note_invalid(run, i, text);
		found = true;
	}
	return found;
}

void
run_put_faults(struct run *run, const struct run *failed)
{
	must(run->faults == NULL);
	if (failed->faults == NULL)
		return;
	run->faults = json_deep_copy(failed->faults);
	json_array_append_new(run->kept, run->faults);
	/* Values are the same ones only in the same flow. */
	if (run->at->page == NULL || run->flow != failed->flow)
		return;
	for (size_t i = 0; i < failed->nvalue_faults; i++) {
		const struct value_fault *f = &failed->value_faults[i];
		const char *text = json_string_value(json_object_get(
		    run->faults, f->name));

		if (text != NULL && put(run, &f->value,
		    arena_strdup(run->arena, text)))
			json_object_del(run->faults, f->name);
	}
}
