/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A snapshot is read; a good one is run: what its pages are given is taken
 * from the snapshot itself ("inputs"), and each way on is tried in turn.
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

static void
go_through(struct run *run, const json_t *inputs)
{
	enum run_end end = run_begin(run);

	for (size_t i = 0; i < 20 && end == RUN_PAGE; i++) {
		size_t ways = run->at->noutcomes;

		must_show(run);
		run_take_page(run, inputs);
		run_check_page(run);
		must_show(run);
		must(ways > 0);
		end = run_leave(run, &run->at->outcomes[i % ways]);
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

		run_take_inputs(run, json_object_get(json, "inputs"), &err);
		go_through(run, json_object_get(json, "inputs"));
		run_fini(run);
	}
	arena_free(&arena);
	json_decref(json);
	return 0;
}
