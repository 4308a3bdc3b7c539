/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Flows of a few elements, and runs of them.
 */
#ifndef TESTS_UNIT_ENGINE_FLOWS_H
#define TESTS_UNIT_ENGINE_FLOWS_H

#include "snapshot.h"

#define COUNT(rows)	(sizeof(rows) / sizeof((rows)[0]))

#define TYPES "{'id': #60, 'developerName': 'City', 'properties': [" \
	"{'id': #61, 'developerName': 'Name', " \
	"'contentType': 'ContentString'}," \
	"{'id': #62, 'developerName': 'People', " \
	"'contentType': 'ContentNumber'}," \
	"{'id': #63, 'developerName': 'Parts', " \
	"'contentType': 'ContentList'}]}"

static struct arena *arena;
static json_t *document;

static inline const struct flow *
flow_from(const char *elements, const char *pages, const char *values)
{
	struct buf text = { 0 };
	const struct flow *flow;
	struct err err;

	arena = arena_new(0);
	buf_printf(&text, "{'id': {'id': #1, 'versionId': #2}, "
	    "'developerName': 'F', 'startMapElementId': #10, "
	    "'mapElements': [%s], 'pageElements': [%s], "
	    "'valueElements': [%s], 'typeElements': [" TYPES "]}", elements,
	    pages, values);
	document = json_of(buf_cstr(&text));
	flow = flow_build(arena, document, "f.json", &err);
	if (flow == NULL)
		fail_msg("%s", err.text);
	buf_fini(&text);
	return flow;
}

/* A run that shows its only page, and comes back to it. */
static inline struct run *
at_page(const char *page, const char *values)
{
	const struct flow *flow = flow_from(
	    "{'id': #10, 'elementType': 'START', 'outcomes': ["
	    "{'id': #11, 'nextMapElementId': #20}]},"
	    "{'id': #20, 'elementType': 'INPUT', 'pageElementId': #50, "
	    "'outcomes': [{'id': #21, 'nextMapElementId': #20}]}", page,
	    values);
	struct run *run = run_new(arena, flow);

	assert_int_equal(run_begin(run), RUN_PAGE);
	return run;
}

static inline void
take(struct run *run, const char *inputs)
{
	json_t *json = json_of(inputs);

	run_take_page(run, json);
	json_decref(json);
}

static inline void
done(struct run *run)
{
	run_fini(run);
	json_decref(document);
	arena_free(&arena);
}

static inline struct slice
value_of(struct run *run, const char *name)
{
	const struct flow_value *value = flow_value_named(run->flow,
	    slice_of(name));
	struct value_ref ref;

	assert_non_null(value);
	ref = ref_to(value);
	return run_text(run, &ref);
}

#define STEP(id)	"{'id': " id ", 'elementType': 'STEP'}"

#endif
