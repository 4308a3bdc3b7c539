/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The data actions of an element: objects are loaded from a service into
 * values, saved there and come back, or deleted.
 */
#include "engine/object_index.h"
#include "engine/run.h"

static void
mark_unchanged(json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		json_object_set_new(json_array_get(list, i),
		    OBJECT_UNCHANGED, json_true());
}

static void
loaded(struct run *run, const struct data_action *a, const json_t *answer)
{
	const json_t *objects = json_object_get(answer, "objectData");
	json_t *list = objects_in(run->flow, a->request->type,
	    a->request->binding, json_is_array(objects) ? objects : NULL);

	mark_unchanged(list);
	/* An object holds one. */
	while (a->to.type == CONTENT_OBJECT && json_array_size(list) > 1)
		json_array_remove(list, json_array_size(list) - 1);
	if (run_spend(run, json_weight(list)) && !a->to.value->fixed)
		run_set_objects(run, &a->to, list);
	json_decref(list);
}

/* In the service's order, those that were saved come back with their ids. */
static void
saved(struct run *run, const struct data_action *a, const json_t *sent,
    const json_t *answer)
{
	const json_t *objects = json_object_get(answer, "objectData");
	struct object_index *index;
	json_t *list, *whole;

	if (!json_is_array(objects) || a->from.value->fixed)
		return;
	list = objects_in(run->flow, a->request->type, a->request->binding,
	    objects);
	mark_unchanged(list);
	whole = json_deep_copy(run_objects(run, &a->from));
	index = object_index_new(whole);
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *item = json_array_get(list, i);
		size_t at = object_index_find(index, item);

		if (at == json_array_size(whole) &&
		    json_array_size(list) == json_array_size(sent))
			at = object_index_find(index, json_array_get(sent, i));
		if (at < json_array_size(whole)) {
			json_array_set(whole, at, item);
			object_index_note(index, at);
		}
	}
	object_index_free(&index);
	if (run_spend(run, json_weight(whole)))
		run_set_objects(run, &a->from, whole);
	json_decref(list);
	json_decref(whole);
}

/* Of a smart save, what is not as the service has it already. */
static json_t *
to_be_saved(struct run *run, const struct data_action *a)
{
	const json_t *all = run_objects(run, &a->from);
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(all); i++) {
		json_t *o = json_array_get(all, i);

		if (!a->smart || !json_is_true(json_object_get(o,
		    OBJECT_UNCHANGED)))
			json_array_append(list, o);
	}
	return list;
}

static const char *
data_name(const struct data_action *a)
{
	return a->name != NULL && a->name[0] != '\0' ? a->name :
	    a->request->binding->service->name;
}

static enum act_end
do_data(struct run *run, const struct data_action *a)
{
	static const char *const methods[] = { "POST", "PUT", "POST" };
	static const char *const paths[] = { "/data", "/data",
	    "/data/delete" };
	json_t *objects = a->kind != DATA_LOAD ? to_be_saved(run, a) :
	    a->request->by_objects ? json_incref((json_t *)(uintptr_t)
	    run_objects(run, &a->to)) : NULL;
	struct ask one = { .service = a->request->binding->service,
	    .method = methods[a->kind], .path = paths[a->kind] };
	enum act_end end = ACT_DONE;

	if (a->kind != DATA_LOAD && json_array_size(objects) == 0) {
		json_decref(objects);
		return ACT_DONE;
	}
	one.body = data_request_json(run, a->request, objects);
	if (!run_ask(run, &one, 1)) {
		json_decref(one.body);
		end = ACT_SPENT;
	} else if (one.end != ASK_ANSWERED) {
		run_note_fault(run, data_name(a), one.fault);
		end = ACT_FAULT;
	} else if (a->kind == DATA_LOAD) {
		loaded(run, a, one.answer);
	} else if (a->kind == DATA_SAVE) {
		saved(run, a, objects, one.answer);
	}
	json_decref(one.answer);
	json_decref(objects);
	return end;
}

enum act_end
run_act_on_data(struct run *run, bool load)
{
	for (size_t i = 0; i < run->at->ndata; i++) {
		const struct data_action *a = &run->at->data[i];
		enum act_end end;

		if ((a->kind == DATA_LOAD) != load)
			continue;
		end = do_data(run, a);
		if (end != ACT_DONE)
			return end;
	}
	return ACT_DONE;
}
