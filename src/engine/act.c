/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What an element does when a run comes to it: data is loaded, operations
 * run, services are called, data is saved.  Messages of the same order are
 * called at once; an element whose services answer later is where the run
 * waits, and it goes on from there.
 */
#include "base/must.h"
#include "engine/run.h"

void
run_note_fault(struct run *run, const char *name, const char *sentence)
{
	if (run->faults == NULL) {
		run->faults = json_object();
		json_array_append_new(run->kept, run->faults);
	}
	json_object_set_new(run->faults, name, json_string(sentence));
}

bool
run_ask(struct run *run, struct ask *asks, size_t count)
{
	run->asked += count;
	if (run->asked > ASKS_MAX)
		return false;
	if (run->ask != NULL) {
		run->ask(run, asks, count);
	} else {
		for (size_t i = 0; i < count; i++) {
			asks[i].end = ASK_FAILED;
			asks[i].fault = "there is nobody who could call it";
		}
	}
	for (size_t i = 0; i < count; i++) {
		json_decref(asks[i].body);
		asks[i].body = NULL;
	}
	return true;
}

/* --- messages --------------------------------------------------------------------- */

static void
take_faults(struct run *run, const json_t *faults)
{
	const char *name;
	json_t *text;

	json_object_foreach((json_t *)(uintptr_t)faults, name, text)
		if (json_is_string(text))
			run_note_fault(run, name, json_string_value(text));
}

static void
take_selected(struct run *run, const json_t *answer)
{
	struct guid id;

	if (!guid_of(&id, json_string_value(json_object_get(answer,
	    "selectedOutcomeId"))))
		return;
	for (size_t i = 0; i < run->at->noutcomes; i++)
		if (guid_eq(&run->at->outcomes[i].guid, &id) &&
		    run->at->outcomes[i].next != NULL)
			run->selected = &run->at->outcomes[i];
}

static void
wait_for_message(struct run *run, size_t message, const char *nonce,
    int64_t until_ms)
{
	struct run_wait *w = &run->wait;
	struct pending *list = arena_array(run->arena, w->npending + 1,
	    sizeof(*list));

	if (w->npending > 0)
		memcpy(list, w->pending, w->npending * sizeof(*list));
	memcpy(list[w->npending].nonce, nonce, GUID_TEXT);
	list[w->npending].message = message;
	list[w->npending].until_ms = until_ms;
	w->pending = list;
	w->npending++;
	w->kind = WAIT_SERVICES;
}

static void
take_wait_message(struct run *run, const json_t *answer)
{
	const char *text = json_string_value(json_object_get(answer,
	    "waitMessage"));

	if (text != NULL)
		run->wait.message = arena_strdup(run->arena, text);
}

static bool
is_wait(const json_t *answer)
{
	const char *type = json_string_value(json_object_get(answer,
	    "invokeType"));

	return type != NULL && slice_eq_nocase(slice_of(type),
	    SLICE("WAIT"));
}

/* False: a fault. */
static bool
take_answer(struct run *run, const struct message_action *m,
    const json_t *answer)
{
	const json_t *faults = json_object_get(answer, "rootFaults");
	const json_t *of_values = json_object_get(answer, "valueFaults");

	take_outputs(run, m, json_object_get(answer, "outputs"));
	take_selected(run, answer);
	take_faults(run, faults);
	run_take_value_faults(run, m, of_values);
	return json_object_size(faults) == 0 &&
	    json_object_size(of_values) == 0;
}

static bool
take_result(struct run *run, size_t message, struct ask *a)
{
	const struct message_action *m = &run->at->messages[message];

	if (a->end == ASK_FAILED) {
		run_note_fault(run, m->name, a->fault);
		return false;
	}
	if (a->end == ASK_LATER) {
		wait_for_message(run, message, a->nonce, run->now_ms +
		    run->give_up_ms);
		return true;
	}
	if (is_wait(a->answer)) {
		wait_for_message(run, message, a->nonce, 0);
		take_wait_message(run, a->answer);
	}
	return take_answer(run, m, a->answer);
}

/* What was drawn for it, where no service says more. */
static enum act_end
wait_here(struct run *run)
{
	const char *drawn = json_string_value(json_object_get(run->at->json,
	    "statusMessage"));

	if (run->wait.message == NULL && drawn != NULL && drawn[0] != '\0')
		run->wait.message = run_merge(run, drawn);
	return ACT_WAIT;
}

/* Those of one order, at once. */
static enum act_end
do_group(struct run *run, size_t from, size_t to)
{
	struct ask *asks = arena_array(run->arena, to - from, sizeof(*asks));
	enum act_end end = ACT_DONE;

	for (size_t i = from; i < to; i++) {
		const struct message_action *m = &run->at->messages[i];
		char *nonce = arena_alloc(run->arena, GUID_TEXT);

		fresh_id(nonce);
		asks[i - from] = (struct ask){ .service = m->service,
		    .method = "POST", .path = m->path, .nonce = nonce,
		    .body = message_request(run, m, nonce) };
	}
	if (!run_ask(run, asks, to - from)) {
		for (size_t i = 0; i < to - from; i++)
			json_decref(asks[i].body);
		return ACT_SPENT;
	}
	for (size_t i = from; i < to; i++) {
		if (!take_result(run, i, &asks[i - from]))
			end = ACT_FAULT;
		json_decref(asks[i - from].answer);
	}
	if (end == ACT_DONE && run->wait.kind != WAIT_NOTHING)
		end = wait_here(run);
	return end;
}

static enum act_end
do_messages(struct run *run, size_t from)
{
	const struct map_element *at = run->at;
	enum act_end end = ACT_DONE;

	while (from < at->nmessages && end == ACT_DONE) {
		size_t to = from + 1;

		while (to < at->nmessages &&
		    at->messages[to].order == at->messages[from].order)
			to++;
		end = do_group(run, from, to);
		from = to;
	}
	return end;
}

/* --- listeners ---------------------------------------------------------------------- */

static enum act_end
do_listeners(struct run *run)
{
	const struct map_element *at = run->at;

	for (size_t i = 0; i < at->nlisteners; i++) {
		const struct flow_listener *l = &at->listeners[i];
		struct service_value v = { .name = l->value.value->name,
		    .type = l->value.type, .value = l->value };
		char nonce[GUID_TEXT];
		struct ask one = { .service = l->service, .method = "POST",
		    .path = "/listener" };

		if (run->nears >= EARS_MAX)
			return ACT_SPENT;
		fresh_id(nonce);
		one.body = service_request(run, l->service, nonce);
		must(json_object_update_new(one.body, json_pack(
		    "{s:s?, s:o, s:O?, s:s?}", "listenType", l->kind,
		    "valueForListening", service_value_json(run, &v),
		    "attributes", l->attributes, "callbackUri",
		    run->origin == NULL ? NULL : arena_printf(run->arena,
		    "%s/api/run/1/event", run->origin))) == 0);
		if (!run_ask(run, &one, 1)) {
			json_decref(one.body);
			return ACT_SPENT;
		}
		json_decref(one.answer);
		if (one.end != ASK_ANSWERED) {
			run_note_fault(run, l->name == NULL ? l->service->name :
			    l->name, one.fault);
			return ACT_FAULT;
		}
		run->ears[run->nears].listener = l;
		run->ears[run->nears].flow = run->flow;
		memcpy(run->ears[run->nears++].nonce, nonce, GUID_TEXT);
	}
	return ACT_DONE;
}

/* --- an element ----------------------------------------------------------------------- */

static enum act_end
do_wait(struct run *run)
{
	const struct flow_wait *w = run->at->wait;
	int64_t at;

	if (run->at->type != ELEMENT_WAIT)
		return ACT_DONE;
	if (w->seconds > 0)
		at = run->now_ms + w->seconds * 1000;
	else if (w->until.value == NULL)
		return ACT_DONE;
	else if (!content_instant(run_text(run, &w->until), &at))
		return ACT_DONE;	/* no date: nothing to wait for */
	if (at <= run->now_ms)
		return ACT_DONE;
	run->wait.kind = WAIT_TIME;
	run->wait.begun = true;
	run->wait.until_ms = at;
	if (run->wait.message == NULL)
		run->wait.message = run_merge(run, w->message);
	return ACT_WAIT;
}

static enum act_end
after_messages(struct run *run)
{
	enum act_end end = run_act_on_data(run, false);

	return end != ACT_DONE ? end : do_listeners(run);
}

enum act_end
run_act(struct run *run)
{
	enum act_end end;

	run->wait = (struct run_wait){ 0 };
	run->selected = NULL;
	run->faults = NULL;
	run->nvalue_faults = 0;
	run->votes = NULL;
	end = run_act_on_data(run, true);
	for (size_t i = 0; end == ACT_DONE && i < run->at->noperations; i++)
		run_operate(run, &run->at->operations[i]);
	if (end == ACT_DONE && run->spent > RUN_BUDGET)
		end = ACT_SPENT;
	if (end == ACT_DONE)
		end = do_messages(run, 0);
	if (end == ACT_DONE)
		end = after_messages(run);
	if (end == ACT_DONE)
		end = do_wait(run);
	return end;
}

/* --- votes ---------------------------------------------------------------------------- */

bool
run_vote(struct run *run, const struct flow_outcome *outcome)
{
	const struct flow_vote *vote = run->at->vote;
	int64_t same = 0;
	const char *user;
	json_t *choice;

	must(vote != NULL && run->user != NULL);
	if (run->votes == NULL) {
		run->votes = json_object();
		json_array_append_new(run->kept, run->votes);
	}
	json_object_set_new(run->votes, run->user->id,
	    json_string(outcome->id));
	json_object_foreach(run->votes, user, choice)
		if (strcmp(json_string_value(choice), outcome->id) == 0)
			same++;
	return vote->percent ? same * 100 >= vote->least * (int64_t)vote->of :
	    same >= vote->least;
}

bool
run_has_voted(const struct run *run)
{
	return run->at->vote != NULL && run->user != NULL &&
	    json_object_get(run->votes, run->user->id) != NULL;
}

/* --- after waiting --------------------------------------------------------------------- */

const struct pending *
find_pending(const struct run *run, const char *nonce)
{
	struct guid wanted, guid;

	for (size_t i = 0; guid_of(&wanted, nonce) && i < run->wait.npending;
	    i++)
		if (guid_of(&guid, run->wait.pending[i].nonce) &&
		    guid_eq(&guid, &wanted))
			return &run->wait.pending[i];
	return NULL;
}

static void
drop_pending(struct run *run, const struct pending *pending)
{
	struct run_wait *w = &run->wait;
	size_t at = (size_t)(pending - w->pending);

	must(at < w->npending);
	memmove(&w->pending[at], &w->pending[at + 1],
	    (--w->npending - at) * sizeof(*w->pending));
}

/* All of one order have answered: the next. */
static enum act_end
act_on(struct run *run, size_t message)
{
	enum act_end end;

	run->wait = (struct run_wait){ 0 };
	while (message + 1 < run->at->nmessages &&
	    run->at->messages[message + 1].order ==
	    run->at->messages[message].order)
		message++;
	end = do_messages(run, message + 1);
	if (end == ACT_DONE)
		end = after_messages(run);
	return end == ACT_DONE ? do_wait(run) : end;
}

enum run_end
run_answered(struct run *run, const struct pending *pending,
    const json_t *answer, const char *fault)
{
	size_t message = pending->message;
	const struct message_action *m = &run->at->messages[message];
	bool good;

	if (answer != NULL && is_wait(answer)) {
		take_wait_message(run, answer);
		if (take_answer(run, m, answer))
			return RUN_WAIT;
	}
	drop_pending(run, pending);
	if (answer == NULL)
		run_note_fault(run, m->name, fault);
	good = answer != NULL && take_answer(run, m, answer);
	if (!good) {
		run->wait = (struct run_wait){ 0 };
		return run_go_on(run, ACT_FAULT);
	}
	return run->wait.npending > 0 ? RUN_WAIT :
	    run_go_on(run, act_on(run, message));
}

static const struct pending *
overdue(const struct run *run)
{
	for (size_t i = 0; i < run->wait.npending; i++)
		if (run->wait.pending[i].until_ms != 0 &&
		    run->wait.pending[i].until_ms <= run->now_ms)
			return &run->wait.pending[i];
	return NULL;
}

bool
run_wait_is_over(const struct run *run)
{
	return run->wait.kind == WAIT_TIME ?
	    run->wait.until_ms <= run->now_ms :
	    run->wait.kind == WAIT_SERVICES && overdue(run) != NULL;
}

enum run_end
run_end_wait(struct run *run)
{
	const struct pending *late = overdue(run);

	if (late != NULL)
		return run_answered(run, late, NULL, "the service has not "
		    "answered in time");
	run->wait = (struct run_wait){ 0 };
	return run_go_on(run, ACT_DONE);
}
