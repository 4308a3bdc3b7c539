/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Runs in the rows of a store, and out of them.
 */
#include <unistd.h>

#include "engine/json_text.h"
#include "flows.h"

#define VALUES "{'id': #40, 'developerName': 'A', " \
	"'contentType': 'ContentString', 'defaultContentValue': 'a'}," \
	"{'id': #41, 'developerName': 'B', 'contentType': 'ContentString', " \
	"'defaultContentValue': 'b'}," \
	"{'id': #44, 'developerName': 'List', 'contentType': 'ContentList', " \
	"'defaultObjectData': [{'externalId': 'x', 'developerName': 'X'}]}"

/* A run, as it stands before its row is written. */
static struct stored {
	char		 dir[40], path[64];
	char		*snapshot;
	struct arena	*arena, *back;	/* of runs that come back */
	struct flows	*flows;
	struct run	*run;
	struct value_ref text, list;
	struct store_row row;
} stored;

static int
stored_begin(void **state)
{
	struct guid id = guid_number(1);
	const struct flow *flow;
	struct err err;
	size_t bad;
	FILE *f;

	(void)state;
	stored = (struct stored){ .dir = "/tmp/portolan-run-XXXXXX",
	    .arena = arena_new(0), .back = arena_new(0) };
	stored.snapshot = expand("{'id': {'id': #1, 'versionId': #2}, "
	    "'developerName': 'F', 'startMapElementId': #10, 'mapElements': ["
	    "{'id': #10, 'elementType': 'START', 'outcomes': ["
	    "{'id': #11, 'nextMapElementId': #20}]}," STEP("#20") "], "
	    "'typeElements': [" TYPES "], 'valueElements': [" VALUES "]}");
	assert_non_null(mkdtemp(stored.dir));
	snprintf(stored.path, sizeof(stored.path), "%s/f.json", stored.dir);
	f = fopen(stored.path, "w");
	fputs(stored.snapshot, f);
	fclose(f);
	stored.flows = flows_load(stored.dir, NULL, &bad, &err);
	assert_int_equal(flows_count(stored.flows), 1);
	flow = flows_find(stored.flows, &id, NULL);
	stored.run = run_new(stored.arena, flow);
	stored.text = ref_to(flow_value_named(flow, SLICE("A")));
	stored.list = ref_to(flow_value_named(flow, SLICE("List")));
	memcpy(stored.row.flow, id.bytes, 16);
	run_begin(stored.run);
	return 0;
}

static int
stored_end(void **state)
{
	(void)state;
	run_fini(stored.run);
	flows_free(&stored.flows);
	arena_free(&stored.arena);
	arena_free(&stored.back);
	free(stored.snapshot);
	unlink(stored.path);
	rmdir(stored.dir);
	return 0;
}

static struct run *
comes_back(struct slice body, struct err *err)
{
	stored.row.body = body;
	return run_restore(stored.back, stored.flows, &stored.row, err);
}

static void
a_run_comes_back_from_its_row(void **state)
{
	struct run *run = stored.run, *back;
	struct err err;

	(void)state;
	run_set_text(run, &stored.text, SLICE("\xe2\x82\xac \"quoted\"\n"));
	run_set_objects(run, &stored.list, NULL);
	run->join_uri = "https://x/?join=1";
	run->last_token = "t";
	run->last_hash = 0xfedcba9876543210;
	run->last_answer = "{\"a\":\"b\"}";
	assert_int_equal(run->npast, 1);
	for (int packed = 0; packed < 2; packed++) {
		back = comes_back(packed ? run_body(run) : run_text_body(run),
		    &err);
		assert_non_null(back);
		assert_string_equal(back->token, run->token);
		assert_ptr_equal(back->at, run->at);
		assert_true(back->done);
		assert_true(slice_is(run_text(back, &stored.text),
		    "\xe2\x82\xac \"quoted\"\n"));
		/* emptied, not its default */
		assert_true(run_is_empty(back, &stored.list));
		assert_true(slice_is(value_of(back, "B"), "b"));
		assert_string_equal(back->join_uri, "https://x/?join=1");
		assert_null(back->run_uri);
		assert_string_equal(back->last_token, "t");
		assert_true(back->last_hash == 0xfedcba9876543210);
		assert_string_equal(back->last_answer, "{\"a\":\"b\"}");
		assert_int_equal(back->npast, 1);
		assert_memory_equal(&back->history[0].id, &run->history[0].id,
		    sizeof(struct guid));
		assert_ptr_equal(back->history[0].at, run->at);
		run_fini(back);
	}
}

static void
a_row_that_is_cut_short_is_refused(void **state)
{
	struct slice body = run_body(stored.run);
	struct err err;

	(void)state;
	while (body.len-- > 0)
		assert_null(comes_back(body, &err));
}

static void
a_row_of_something_else_is_refused(void **state)
{
	static const struct {
		const char	*body, *sentence;
	} rows[] = {
		{ "not json", "its stored form is not known to this engine" },
		{ "{\"format\":1,\"version\":"
		    "\"00000000-0000-0000-0000-000000000009\"}", "version "
		    "00000000-0000-0000-0000-000000000009 of its flow is not "
		    "here" },
		{ "{\"format\":1,\"version\":"
		    "\"00000000-0000-0000-0000-000000000002\","
		    "\"token\":\"t\"}", "its stored form names no place in "
		    "its flow" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_null(comes_back(slice_of(rows[i].body), &err));
		assert_string_equal(err.text, rows[i].sentence);
	}
}

static void
a_run_may_be_too_much_for_a_row(void **state)
{
	json_t *many = json_array();

	(void)state;
	assert_false(run_body_is_too_much(run_body(stored.run)));
	for (size_t i = 0; i < JSON_VALUES_MAX; i++)
		json_array_append_new(many, json_pack("{s:s}", "externalId",
		    ""));
	run_set_objects(stored.run, &stored.list, many);
	json_decref(many);
	assert_true(run_body_is_too_much(run_body(stored.run)));
	assert_true(run_body_is_too_much(run_text_body(stored.run)));
}

#define STORED(test)	cmocka_unit_test_setup_teardown(test, stored_begin, \
			    stored_end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STORED(a_run_comes_back_from_its_row),
		STORED(a_row_that_is_cut_short_is_refused),
		STORED(a_row_of_something_else_is_refused),
		STORED(a_run_may_be_too_much_for_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
