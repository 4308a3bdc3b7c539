/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A snapshot is read; a good one is run: what its pages are given is taken
 * from the snapshot itself ("inputs"), as is what its services answer
 * ("answers", one after the other), and each way on is tried in turn.  What it
 * then is comes back from its stored form.
 */
#include "base/must.h"
#include "engine/run.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must_show(struct run *run)
{
	json_t *page;
	char *text;

	if (run_is_guarded(run))
		return;
	page = run_page(run, true);
	text = json_dumps(page, JSON_COMPACT);
	must(text != NULL);
	free(text);
	json_decref(page);
}

/* The next of the list; what is none is no answer, and null comes later. */
static void
answer_all(struct run *run, struct ask *asks, size_t count)
{
	const json_t *answers = run->ask_arg;

	for (size_t i = 0; i < count; i++) {
		json_t *answer = json_array_get(answers, run->asked %
		    (json_array_size(answers) + 1));

		must(asks[i].body != NULL);
		asks[i].end = json_is_object(answer) ? ASK_ANSWERED :
		    json_is_null(answer) && asks[i].nonce != NULL ?
		    ASK_LATER : ASK_FAILED;
		asks[i].fault = "no answer";
		if (asks[i].end == ASK_ANSWERED)
			asks[i].answer = json_deep_copy(answer);
	}
}

/* Whoever it waits for answers, or never does. */
static enum run_end
end_waits(struct run *run, enum run_end end)
{
	for (size_t i = 0; i < 10 && end == RUN_WAIT; i++) {
		const json_t *answer = json_array_get(run->ask_arg, i);

		must_show(run);
		must(run_body(run).len > 0);
		if (run->wait.npending > 0 && json_is_object(answer)) {
			end = run_answered(run, &run->wait.pending[0], answer,
			    NULL);
			continue;
		}
		run->now_ms = INT64_MAX / 2;
		must(run->wait.kind == WAIT_NOTHING || run->wait.kind ==
		    WAIT_SERVICES || run_wait_is_over(run));
		if (!run_wait_is_over(run))
			return end;	/* for ever */
		end = run_end_wait(run);
		run->now_ms = 1700000000000;
	}
	return end;
}

static void
go_through(struct run *run, const json_t *inputs)
{
	enum run_end end = end_waits(run, run_begin(run));

	for (size_t i = 0; i < 20 && end == RUN_PAGE; i++) {
		size_t ways = run->at->noutcomes;

		must_show(run);
		run_take_page(run, inputs);
		run_check_page(run);
		must_show(run);
		must(ways > 0);
		end = end_waits(run, run_leave(run,
		    &run->at->outcomes[i % ways]));
	}
	if (end != RUN_ENDLESS)
		must_show(run);
	must(run_body(run).len > 0);
	json_decref(run_outputs(run));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb((const char *)data, size,
	    JSON_REJECT_DUPLICATES, NULL);
	struct arena *arena;
	const struct flow *flow;
	struct faults faults = { .count = 0 };
	struct err err;

	if (json == NULL)
		return 0;
	arena = arena_new(0);
	flow = flow_build(arena, json, "fuzz", &err);
	/* Whoever looks for every fault finds one where this finds one. */
	must(flow_check(arena, json, &faults) == (flow != NULL));
	buf_fini(&faults.text);
	if (flow != NULL) {
		struct run *run = run_new(arena, flow);

		run->ask = answer_all;
		run->ask_arg = json_object_get(json, "answers");
		run->now_ms = 1700000000000;
		run->give_up_ms = 1000;
		run_take_inputs(run, json_object_get(json, "inputs"), &err);
		go_through(run, json_object_get(json, "inputs"));
		run_fini(run);
	}
	arena_free(&arena);
	json_decref(json);
	return 0;
}
