/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What operations make of lists and objects, and what the system's values
 * tell.
 */
#include "flows.h"

#define USER	"'03dc41dd-1c6b-4b33-bf61-cbd1d0778fff'"
#define STATE	"'1f2a56fd-e14b-460c-aabd-9fbf344b84f3'"
#define LOCATION "'4fa61b42-a370-455e-85ed-d9a0a8723a43'"
#define JOIN_URI "'e2063196-3c75-4388-8b00-1005b8cd59ad'"

#define CITY(id, name, people) "{'externalId': '" id "', 'internalId': " \
	"'i" id "', 'properties': [{'typeElementPropertyId': #61, " \
	"'developerName': 'Name', 'contentType': 'ContentString', " \
	"'contentValue': '" name "'}, {'typeElementPropertyId': #62, " \
	"'developerName': 'People', 'contentType': 'ContentNumber', " \
	"'contentValue': '" people "'}]}"

#define VALUES "{'id': #40, 'developerName': 'Text', " \
	"'contentType': 'ContentString', 'defaultContentValue': 'ab\xc3\xa9'}," \
	"{'id': #42, 'developerName': 'N', 'contentType': 'ContentNumber', " \
	"'defaultContentValue': '40'}," \
	"{'id': #43, 'developerName': 'Two', 'contentType': " \
	"'ContentNumber', 'defaultContentValue': '2'}," \
	"{'id': #44, 'developerName': 'Cities', 'contentType': " \
	"'ContentList', 'typeElementId': #60, 'defaultObjectData': [" \
	CITY("a", "Bergen", "300") "," CITY("b", "Oslo", "1100") "," \
	CITY("c", "Bodo", "50") "]}," \
	"{'id': #45, 'developerName': 'One', 'contentType': " \
	"'ContentObject', 'typeElementId': #60, 'defaultObjectData': [" \
	CITY("b", "Christiania", "200") "]}," \
	"{'id': #46, 'developerName': 'None', 'contentType': " \
	"'ContentObject', 'typeElementId': #60}," \
	"{'id': #47, 'developerName': 'Some', 'contentType': " \
	"'ContentList', 'typeElementId': #60}," \
	"{'id': #48, 'developerName': 'Made', 'contentType': " \
	"'ContentString', 'initializationOperations': [" \
	SET("{'id': #48}", "{'id': #40}") "]}"

#define OP(to, from) "{'valueElementToApplyId': " to ", " \
	"'valueElementToReferenceId': " from "}"
#define SET(to, from) OP(to, from)

static struct run *
operated(const char *operations)
{
	struct buf elements = { 0 };
	const struct flow *flow;
	struct run *run;

	buf_printf(&elements, "{'id': #10, 'elementType': 'START', "
	    "'operations': [%s], 'outcomes': [{'id': #11, "
	    "'nextMapElementId': #20}]}, {'id': #20, 'elementType': "
	    "'OPERATOR', 'operations': [%s], 'outcomes': [{'id': #21, "
	    "'nextMapElementId': #30}]}," STEP("#30"), "", operations);
	flow = flow_from(buf_cstr(&elements), "", VALUES);
	buf_fini(&elements);
	run = run_new(arena, flow);
	run_set_client(run, &(struct run_client){ .country = "SZ",
	    .continent = "AF", .ip = "192.0.2.7" });
	run_first_contents(run);
	return run;
}

static struct slice
property_of_one(struct run *run, const char *value, const char *property)
{
	struct value_ref ref = ref_to(flow_value_named(run->flow,
	    slice_of(value)));

	return slice_of(json_string_value(json_object_get(
	    object_property_named(json_array_get(run_objects(run, &ref), 0),
	    slice_of(property)), "contentValue")));
}

/* "Bergen Oslo Bodo" */
static const char *
names_of(struct run *run, const char *value)
{
	struct value_ref ref = ref_to(flow_value_named(run->flow,
	    slice_of(value)));
	const json_t *list = run_objects(run, &ref);
	const char *names = "";

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_object_get(
		    object_property_named(json_array_get(list, i),
		    SLICE("Name")), "contentValue"));

		names = arena_printf(arena, "%s%s%s", names,
		    i == 0 ? "" : " ", name == NULL ? "-" : name);
	}
	return names;
}

#define ALL	"{'id': #44}"
#define FIRST	"{'id': #44, 'command': 'GET_FIRST'}"
#define NEXT	"{'id': #44, 'command': 'GET_NEXT'}"
#define ONE	"{'id': #45}"
#define SOME	"{'id': #47}"
#define FILTER(column, criteria, value) "{'id': #44, 'command': 'FILTER', " \
	"'properties': {'COLUMN': " column ", 'CRITERIA': '" criteria "', " \
	"'VALUE': '" value "'}}"

static void
lists_change(void **state)
{
	static const struct {
		const char	*operations, *value, *names;
	} rows[] = {
		{ OP(SOME, ALL), "Some", "Bergen Oslo Bodo" },
		/* Oslo is there and is updated. */
		{ OP("{'id': #44, 'command': 'ADD'}", ONE), "Cities",
		    "Bergen Christiania Bodo" },
		{ OP("{'id': #47, 'command': 'ADD'}", ONE), "Some",
		    "Christiania" },
		{ OP("{'id': #44, 'command': 'REMOVE'}", ONE), "Cities",
		    "Bergen Bodo" },
		{ OP("{'id': #47, 'command': 'REMOVE'}", ONE), "Some", "" },
		{ OP("{'id': #44, 'command': 'EMPTY'}", "null"), "Cities",
		    "" },
		{ OP("{'id': #44, 'command': 'NEW'}", "null"), "Cities", "" },
		{ OP("{'id': #46, 'command': 'NEW'}", "null"), "None", "-" },
		/* Forgotten who it was, it is appended. */
		{ OP("{'id': #45, 'command': 'DETACH'}", "null") ","
		    OP("{'id': #44, 'command': 'REMOVE'}", ALL) ","
		    OP("{'id': #44, 'command': 'ADD'}", ONE) ","
		    OP("{'id': #44, 'command': 'ADD'}", ONE), "Cities",
		    "Christiania" },
		{ OP(ONE, FIRST), "One", "Bergen" },
		{ OP(ONE, NEXT), "One", "Bergen" },	/* as if it was FIRST */
		{ OP(ONE, FIRST) "," OP(ONE, NEXT), "One", "Oslo" },
		{ OP(ONE, FIRST) "," OP(ONE, NEXT) "," OP(ONE, NEXT), "One",
		    "Bodo" },
		{ OP(ONE, FIRST) "," OP(ONE, NEXT) "," OP(ONE, NEXT) ","
		    OP(ONE, NEXT), "One", "" },
		{ OP(ONE, NEXT) "," OP(ONE, NEXT) "," OP(ONE, FIRST), "One",
		    "Bergen" },
		/* Removing what was got skips nobody. */
		{ OP(ONE, FIRST) "," OP("{'id': #44, 'command': 'REMOVE'}",
		    ONE) "," OP(ONE, NEXT), "One", "Oslo" },
		/* Another list is gone through anew. */
		{ OP(SOME, ALL) "," OP(ONE, FIRST) "," OP(ALL, SOME) ","
		    OP(ONE, NEXT), "One", "Bergen" },
		{ OP(SOME, FILTER("#62", "GREATER_THAN", "100")), "Some",
		    "Bergen Oslo" },
		{ OP(SOME, FILTER("'name'", "STARTS_WITH", "b")), "Some",
		    "Bergen Bodo" },
		{ OP(SOME, FILTER("'name'", "IS_EMPTY", "false")), "Some",
		    "Bergen Oslo Bodo" },
		{ OP(SOME, FILTER("'Mayor'", "EQUAL", "x")), "Some", "" },
		/* A list within an object. */
		{ OP("{'id': #45, 'typeElementPropertyId': #63}", ALL) ","
		    OP(SOME, "{'id': #45, 'typeElementPropertyId': #63}"),
		    "Some", "Bergen Oslo Bodo" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct run *run = operated(rows[i].operations);

		assert_int_equal(run_begin(run), RUN_DONE);
		if (strcmp(names_of(run, rows[i].value), rows[i].names) != 0)
			fail_msg("row %zu: %s", i,
			    names_of(run, rows[i].value));
		done(run);
	}
}

static void
texts_and_numbers_change(void **state)
{
	static const struct {
		const char	*operations, *value, *becomes;
	} rows[] = {
		{ OP("{'id': #42, 'command': 'REMOVE'}", "{'id': #43}"), "N",
		    "38" },
		{ OP("{'id': #42}", "{'id': #40, 'command': 'GET_LENGTH'}"),
		    "N", "3" },		/* characters */
		{ OP("{'id': #42}", "{'id': #44, 'command': 'GET_LENGTH'}"),
		    "N", "3" },
		{ OP("{'id': #40}", "{'id': #44, 'typeElementPropertyId': "
		    "#61}"), "Text", "Bergen" },
		{ OP(ONE, FIRST) "," OP("{'id': #40}", "{'id': #44, "
		    "'typeElementPropertyId': #61, 'command': 'GET_NEXT'}"),
		    "Text", "Oslo" },
		{ OP("{'id': #42}", "{'id': #45, 'typeElementPropertyId': "
		    "#62}"), "N", "200" },
		{ OP("{'id': #45, 'typeElementPropertyId': #62}",
		    "{'id': #40}") "," OP("{'id': #42}", "{'id': #45, "
		    "'typeElementPropertyId': #62}"), "N", "" },
		{ OP("{'id': #40}", "{'id': #48}"), "Text", "ab\xc3\xa9" },
		{ OP("{'id': #40}", "{'id': " USER ", 'typeElementPropertyId'"
		    ": '4FB64B42-A370-455E-85ED-D9A0A8723A43'}"), "Text",
		    "SZ" },
		{ OP("{'id': #40}", "{'id': " USER ", 'typeElementPropertyId'"
		    ": '4fa61b42-a370-455e-85ed-d9a0a8723a43'}"), "Text",
		    "AF" },
		{ OP("{'id': #40}", "{'id': " USER ", 'typeElementPropertyId'"
		    ": '0dabbcd3-b5b1-47b3-b7e1-535c5b5e1878'}"), "Text",
		    "192.0.2.7" },
		{ OP("{'id': #40}", "{'id': " USER ", 'typeElementPropertyId'"
		    ": '601ddc6a-fff4-478b-abe4-c4e65bc901c6'}"), "Text",
		    "" },		/* nobody's e-mail */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct run *run = operated(rows[i].operations);

		assert_int_equal(run_begin(run), RUN_DONE);
		if (!slice_is(value_of(run, rows[i].value), rows[i].becomes))
			fail_msg("row %zu: %.*s", i, SLICE_ARG(value_of(run,
			    rows[i].value)));
		done(run);
	}
}

static void
lists_are_compared_as_a_whole(void **state)
{
	static const struct {
		const char	*criterion, *text;
		bool		 holds;
	} rows[] = {
		{ "ANY_EQUAL", "oslo", true },
		{ "ANY_EQUAL", "Paris", false },
		{ "ALL_EQUAL", "Oslo", false },
		{ "EQUAL", "Bergen", true },	/* its first */
		{ "EQUAL", "Oslo", false },
	};
	static const struct {
		const char	*values;
		bool		 any, all;
	} lists[] = {
		{ CITY("a", "Oslo", "1") "," CITY("b", "OSLO", "2"), true,
		    true },
		{ "", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) + 2 * COUNT(lists); i++) {
		size_t list = i - COUNT(rows);
		bool own = i >= COUNT(rows), all = own && list % 2 == 1;
		bool holds = !own ? rows[i].holds : all ?
		    lists[list / 2].all : lists[list / 2].any;
		struct buf elements = { 0 }, values = { 0 };
		const struct flow *flow;
		struct run *run;

		buf_printf(&elements, "{'id': #10, 'elementType': 'START', "
		    "'outcomes': [{'id': #11, 'order': 1, "
		    "'nextMapElementId': #31, 'comparison': {'rules': [{"
		    "'leftValueElementToReferenceId': {'id': #%s, "
		    "'typeElementPropertyId': #61}, 'criteriaType': '%s', "
		    "'rightValueElementToReferenceId': {'id': #49}}]}},"
		    "{'id': #12, 'order': 2, 'nextMapElementId': #30}]},"
		    STEP("#30") "," STEP("#31"), own ? "4a" : "44",
		    !own ? rows[i].criterion : all ? "ALL_EQUAL" :
		    "ANY_EQUAL");
		buf_printf(&values, VALUES ", {'id': #49, 'developerName': "
		    "'R', 'contentType': 'ContentString', "
		    "'defaultContentValue': '%s'}, {'id': #4a, "
		    "'developerName': 'Own', 'contentType': 'ContentList', "
		    "'typeElementId': #60, 'defaultObjectData': [%s]}",
		    own ? "Oslo" : rows[i].text,
		    own ? lists[list / 2].values : "");
		flow = flow_from(buf_cstr(&elements), "", buf_cstr(&values));
		run = run_new(arena, flow);
		run_begin(run);
		if ((strstr(run->at->id, "31") != NULL) != holds)
			fail_msg("row %zu", i);
		done(run);
		buf_fini(&elements);
		buf_fini(&values);
	}
}

/* With a name and a content type, as players and services want them. */
static void
new_objects_have_their_properties(void **state)
{
	struct run *run = operated(OP("{'id': #46, 'command': 'NEW'}",
	    "null") "," OP("{'id': #46, 'typeElementPropertyId': #62}",
	    "{'id': #43}"));
	struct value_ref ref = ref_to(flow_value_named(run->flow,
	    SLICE("None")));
	const json_t *object, *p;

	(void)state;
	run_begin(run);
	object = json_array_get(run_objects(run, &ref), 0);
	assert_string_equal(json_string_value(json_object_get(object,
	    "developerName")), "City");
	assert_int_equal(json_array_size(json_object_get(object,
	    "properties")), 3);
	p = object_property_named(object, SLICE("people"));
	assert_string_equal(json_string_value(json_object_get(p,
	    "contentValue")), "2");
	assert_string_equal(json_string_value(json_object_get(p,
	    "contentType")), "ContentNumber");
	done(run);
}

static void
the_system_tells_of_itself(void **state)
{
	struct run *run = operated("");
	json_t *place = json_pack("{s:f, s:s}", "latitude", -26.5,
	    "longitude", "31.5");

	(void)state;
	run->join_uri = "https://x/?join=1";
	run->row.created_ms = 1700000000000;
	strcpy(run->id, "an id");
	run_set_client(run, &(struct run_client){ .country = "SZ",
	    .location = place });
	json_decref(place);		/* it was copied */
	assert_true(slice_is(property_of_one(run, "$Location",
	    "Current Latitude"), "-26.5"));
	assert_true(slice_is(property_of_one(run, "$Location",
	    "Current Longitude"), "31.5"));
	assert_true(slice_is(property_of_one(run, "$Location",
	    "Current Speed"), ""));
	assert_true(slice_is(property_of_one(run, "$State", "ID"), "an id"));
	assert_true(slice_is(property_of_one(run, "$State",
	    "Flow Developer Name"), "F"));
	assert_true(slice_is(property_of_one(run, "$State", "Date Created"),
	    "2023-11-14T22:13:20Z"));
	assert_true(slice_is(property_of_one(run, "$State",
	    "Current Map Element ID"),
	    "00000000-0000-0000-0000-000000000010"));
	assert_true(slice_is(property_of_one(run, "$State", "Is Done?"),
	    "false"));
	run_begin(run);			/* $State follows */
	assert_true(slice_is(property_of_one(run, "$State",
	    "Current Map Element ID"),
	    "00000000-0000-0000-0000-000000000030"));
	assert_true(slice_is(property_of_one(run, "$State", "Is Done?"),
	    "true"));
	assert_string_equal(run_merge(run, "{![$JoinUri]} "
	    "{![$User].[Country]}{![$True]}"), "https://x/?join=1 SZtrue");
	done(run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_change),
		cmocka_unit_test(texts_and_numbers_change),
		cmocka_unit_test(lists_are_compared_as_a_whole),
		cmocka_unit_test(new_objects_have_their_properties),
		cmocka_unit_test(the_system_tells_of_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
