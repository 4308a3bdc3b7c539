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
