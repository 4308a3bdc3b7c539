/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Runs of small flows: decisions by every criterion and content type,
 * operations, pages, and inputs.
 */
#include "flows.h"

/* --- decisions ------------------------------------------------------------------- */

#define YES		"#77"
#define NO		"#99"

static bool
decides(const char *type, const char *left, const char *criterion,
    const char *right)
{
	char elements[2048], values[1024];
	const struct flow *flow;
	struct run *run;
	bool yes;

	snprintf(elements, sizeof(elements),
	    "{'id': #10, 'elementType': 'START', 'outcomes': ["
	    "{'id': #11, 'nextMapElementId': #20}]},"
	    "{'id': #20, 'elementType': 'decision', 'outcomes': ["
	    "{'id': #22, 'nextMapElementId': " NO ", 'order': 2},"
	    "{'id': #21, 'nextMapElementId': " YES ", 'order': 1, "
	    "'comparison': {'rules': [{"
	    "'leftValueElementToReferenceId': {'id': #40}, "
	    "'criteriaType': '%s', "
	    "'rightValueElementToReferenceId': {'id': %s}}]}}]},"
	    STEP(YES) "," STEP(NO), criterion,
	    strcmp(right, "$True") == 0 ?
	    "'be1bc78e-fd57-40ec-9a86-a815de2a9e28'" :
	    strcmp(right, "$False") == 0 ?
	    "'496fd041-d91f-48fb-aa4f-91c6c9a11ca1'" : "#41");
	snprintf(values, sizeof(values),
	    "{'id': #40, 'developerName': 'L', 'contentType': 'Content%s', "
	    "'defaultContentValue': '%s'},"
	    "{'id': #41, 'developerName': 'R', 'contentType': 'ContentString',"
	    " 'defaultContentValue': '%s'}", type, left, right);
	flow = flow_from(elements, "", values);
	run = run_new(arena, flow);
	assert_int_equal(run_begin(run), RUN_DONE);	/* no way on */
	yes = strstr(run->at->id, "77") != NULL;
	assert_true(yes || strstr(run->at->id, "99") != NULL);
	done(run);
	return yes;
}

static void
every_criterion_decides(void **state)
{
	static const struct {
		const char	*type, *left, *criterion, *right;
		bool		 holds;
	} rows[] = {
		{ "String", "abc", "EQUAL", "ABC", true },
		{ "String", "abc", "EQUAL", "abd", false },
		{ "String", "", "EQUAL", "", true },
		{ "String", "", "EQUAL", "x", false },
		{ "String", "abc", "NOT_EQUAL", "abd", true },
		{ "String", "abc", "not_equal", "ABC", false },
		{ "String", "10", "LESS_THAN", "9", true },	/* as text */
		{ "String", "b", "GREATER_THAN", "A", true },
		{ "String", "Portolan", "CONTAINS", "TOL", true },
		{ "String", "Portolan", "CONTAINS", "tool", false },
		{ "String", "Portolan", "CONTAINS", "", true },
		{ "String", "Portolan", "STARTS_WITH", "port", true },
		{ "String", "Portolan", "STARTS_WITH", "olan", false },
		{ "String", "Portolan", "ENDS_WITH", "OLAN", true },
		{ "String", "Portolan", "ENDS_WITH", "port", false },
		{ "String", "olan", "ENDS_WITH", "portolan", false },
		{ "String", "x", "IS_EMPTY", "$True", false },
		{ "String", "", "IS_EMPTY", "$True", true },
		{ "String", "x", "IS_EMPTY", "$False", true },
		{ "String", "", "IS_EMPTY", "$False", false },
		{ "Number", "10", "GREATER_THAN", "9", true },
		{ "Number", "10", "EQUAL", "10.0", true },
		{ "Number", "10", "NOT_EQUAL", "10.0", false },
		{ "Number", "9", "GREATER_THAN_OR_EQUAL", "9", true },
		{ "Number", "8", "GREATER_THAN_OR_EQUAL", "9", false },
		{ "Number", "9", "LESS_THAN_OR_EQUAL", "9", true },
		{ "Number", "9", "LESS_THAN", "9", false },
		{ "Number", "", "LESS_THAN", "9", false },	/* nothing */
		{ "Number", "", "GREATER_THAN", "9", false },
		{ "Number", "5", "EQUAL", "five", false },
		{ "Number", "5", "NOT_EQUAL", "five", true },
		{ "Boolean", "TRUE", "EQUAL", "true", true },
		{ "Boolean", "true", "EQUAL", "false", false },
		{ "Boolean", "true", "EQUAL", "$True", true },
		{ "DateTime", "2024-01-01T00:00:00Z", "EQUAL",
		    "2024-01-01T01:00:00+01:00", true },
		{ "DateTime", "2024-01-01T00:00:00Z", "LESS_THAN",
		    "2024-01-01T00:00:01Z", true },
		{ "DateTime", "2024-01-01T00:00:00Z", "GREATER_THAN",
		    "tomorrow", false },
		{ "Date", "2024-02-01", "GREATER_THAN", "2024-01-31", true },
		{ "Password", "Secret", "EQUAL", "secret", true },
		{ "Content", "<p>A</p>", "CONTAINS", "<P>", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (decides(rows[i].type, rows[i].left, rows[i].criterion,
		    rows[i].right) != rows[i].holds)
			fail_msg("%s '%s' %s '%s'", rows[i].type,
			    rows[i].left, rows[i].criterion, rows[i].right);
}

static void
rules_and_comparisons_are_members_of_one_list(void **state)
{
#define T "{'leftValueElementToReferenceId': {'id': #40}, " \
	"'criteriaType': 'EQUAL', 'rightValueElementToReferenceId': " \
	"{'id': #40}}"
#define F "{'leftValueElementToReferenceId': {'id': #40}, " \
	"'criteriaType': 'NOT_EQUAL', 'rightValueElementToReferenceId': " \
	"{'id': #40}}"
	static const struct {
		const char	*comparison;
		bool		 holds;
	} rows[] = {
		{ "{'rules': [" T "," T "]}", true },
		{ "{'rules': [" T "," F "]}", false },
		{ "{'comparisonType': 'OR', 'rules': [" F "," T "]}", true },
		{ "{'comparisonType': 'or', 'rules': [" F "," F "]}", false },
		{ "{'comparisonType': 'AND', 'rules': [" T "], "
		    "'comparisons': [{'rules': [" F "]}]}", false },
		{ "{'comparisonType': 'OR', 'rules': [" F "], "
		    "'comparisons': [{'rules': [" T "]}]}", true },
		{ "{'comparisons': [{'comparisonType': 'OR', 'rules': [" F ","
		    T "]}, {'rules': [" T "]}]}", true },
		{ "{'comparisons': [{'comparisonType': 'OR', 'rules': [" F ","
		    F "]}, {'rules': [" T "]}]}", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char elements[4096];
		const struct flow *flow;
		struct run *run;

		snprintf(elements, sizeof(elements),
		    "{'id': #10, 'elementType': 'START', 'outcomes': ["
		    "{'id': #11, 'nextMapElementId': " YES ", 'order': 1, "
		    "'comparison': %s},"
		    "{'id': #12, 'nextMapElementId': " NO ", 'order': 2}]},"
		    STEP(YES) "," STEP(NO), rows[i].comparison);
		flow = flow_from(elements, "", "{'id': #40, "
		    "'developerName': 'V', 'contentType': 'ContentString', "
		    "'defaultContentValue': 'v'}");
		run = run_new(arena, flow);
		run_begin(run);
		if ((strstr(run->at->id, "77") != NULL) != rows[i].holds)
			fail_msg("row %zu", i);
		done(run);
	}
}

/* --- operations ---------------------------------------------------------------------- */

#define OP(to, command, from) "{'valueElementToApplyId': {'id': " to ", " \
	"'command': '" command "'}, 'valueElementToReferenceId': " from "}"
#define OPERATES(operations) "{'id': #10, 'elementType': 'START', " \
	"'outcomes': [{'id': #11, 'nextMapElementId': #20}]}," \
	"{'id': #20, 'elementType': 'OPERATOR', 'operations': [" operations \
	"], 'outcomes': [{'id': #21, 'nextMapElementId': #30}]}," STEP("#30")
#define VALUES "{'id': #40, 'developerName': 'A', " \
	"'contentType': 'ContentString', 'defaultContentValue': 'a'}," \
	"{'id': #41, 'developerName': 'B', 'contentType': 'ContentString', " \
	"'defaultContentValue': 'b'}," \
	"{'id': #42, 'developerName': 'N', 'contentType': 'ContentNumber', " \
	"'defaultContentValue': '40'}," \
	"{'id': #43, 'developerName': 'Two', 'contentType': 'ContentNumber', " \
	"'defaultContentValue': '2'}," \
	"{'id': #44, 'developerName': 'List', 'contentType': 'ContentList', " \
	"'defaultObjectData': [{'externalId': 'x', 'developerName': 'X'}," \
	"{'externalId': 'y', 'developerName': 'Y'}]}," \
	"{'id': #45, 'developerName': 'More', 'contentType': 'ContentList', " \
	"'defaultObjectData': [{'externalId': 'y', 'developerName': 'Y2'}," \
	"{'externalId': 'z', 'developerName': 'Z'}]}," \
	"{'id': #46, 'developerName': 'O', 'contentType': 'ContentObject', " \
	"'typeElementId': #60}"

static struct run *
operated(const char *operations)
{
	struct buf elements = { 0 };
	const struct flow *flow;
	struct run *run;

	buf_printf(&elements, OPERATES("%s"), operations);
	flow = flow_from(buf_cstr(&elements), "", VALUES);
	buf_fini(&elements);
	run = run_new(arena, flow);
	assert_int_equal(run_begin(run), RUN_DONE);
	return run;
}

static void
operations_change_values(void **state)
{
	static const struct {
		const char	*operations, *value, *becomes;
	} rows[] = {
		{ OP("#40", "SET_EQUAL", "{'id': #41}"), "A", "b" },
		{ OP("#40", "", "{'id': #41, 'command': ''}"), "A", "b" },
		{ OP("#40", "ADD", "{'id': #41, 'command': 'VALUE_OF'}"), "A",
		    "ab" },
		{ OP("#40", "EMPTY", "null"), "A", "" },
		{ OP("#40", "NEW", "null"), "A", "" },
		{ OP("#42", "ADD", "{'id': #43}"), "N", "42" },
		{ OP("#42", "SET_EQUAL", "{'id': #41}"), "N", "" }, /* "b" */
		{ OP("#42", "SET_EQUAL", "{'id': #44, "
		    "'command': 'GET_LENGTH'}"), "N", "2" },
		{ OP("#44", "EMPTY", "null") ","
		    OP("#42", "SET_EQUAL", "{'id': #44, "
		    "'command': 'GET_LENGTH'}"), "N", "0" },
		{ OP("#44", "SET_EQUAL", "{'id': #45}") ","
		    OP("#44", "ADD", "{'id': #45}") ","
		    OP("#42", "SET_EQUAL", "{'id': #44, "
		    "'command': 'GET_LENGTH'}"), "N", "2" },
		/* y is there and is updated, z is appended */
		{ OP("#44", "ADD", "{'id': #45}") ","
		    OP("#42", "SET_EQUAL", "{'id': #44, "
		    "'command': 'GET_LENGTH'}"), "N", "3" },
		{ "{'order': 2, 'valueElementToApplyId': {'id': #40}, "
		    "'valueElementToReferenceId': {'id': #41}},"
		    "{'order': 1, 'valueElementToApplyId': {'id': #40}, "
		    "'valueElementToReferenceId': {'id': #43}}", "A", "b" },
		{ "{'disabled': true, 'valueElementToApplyId': {'id': #40}, "
		    "'valueElementToReferenceId': {'id': #41}}", "A", "a" },
		/* a property of an object that is not there yet */
		{ "{'valueElementToApplyId': {'id': #46, "
		    "'typeElementPropertyId': #61}, "
		    "'valueElementToReferenceId': {'id': #41}},"
		    "{'valueElementToApplyId': {'id': #40}, "
		    "'valueElementToReferenceId': {'id': #46, "
		    "'typeElementPropertyId': #61}}", "A", "b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct run *run = operated(rows[i].operations);

		if (!slice_is(value_of(run, rows[i].value), rows[i].becomes))
			fail_msg("row %zu: %.*s", i, SLICE_ARG(value_of(run,
			    rows[i].value)));
		done(run);
	}
}

/* What the snapshot holds is every run's: none may change it. */
static void
defaults_stay_as_they_are(void **state)
{
	struct run *run = operated(OP("#44", "ADD", "{'id': #45}"));
	const struct flow_value *list = flow_value_named(run->flow,
	    SLICE("List"));
	struct value_ref ref = ref_to(list);

	(void)state;
	assert_int_equal(json_array_size(list->default_objects), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    list->default_objects, 1), "developerName")), "Y");
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    run_objects(run, &ref), 1), "developerName")), "Y2");
	done(run);
}

/* Only a fault leads there. */
static void
reserved_outcomes_are_not_taken(void **state)
{
	const struct flow *flow = flow_from(
	    "{'id': #10, 'elementType': 'START', 'outcomes': ["
	    "{'id': '318B0F3A-A570-4C5D-835C-21C1EEB17787', 'order': 1, "
	    "'nextMapElementId': #30},"
	    "{'id': #12, 'order': 2, 'nextMapElementId': #20}]},"
	    "{'id': #20, 'elementType': 'step', 'outcomes': ["
	    "{'id': '318B0F3A-A570-4C5D-835C-21C1EEB17787', "
	    "'nextMapElementId': #30}]}," STEP("#30"), "", "");
	struct run *run = run_new(arena, flow);
	json_t *page;

	(void)state;
	assert_int_equal(run_begin(run), RUN_DONE);	/* no other way on */
	assert_non_null(strstr(run->at->id, "20"));
	page = run_page(run, true);
	assert_int_equal(json_array_size(json_object_get(page,
	    "outcomeResponses")), 0);
	json_decref(page);
	done(run);
}

static void
circles_end(void **state)
{
	const struct flow *flow = flow_from(
	    "{'id': #10, 'elementType': 'START', 'outcomes': ["
	    "{'id': #11, 'nextMapElementId': #20}]},"
	    "{'id': #20, 'elementType': 'DECISION', 'outcomes': ["
	    "{'id': #21, 'nextMapElementId': #20}]}", "", "");
	struct run *run = run_new(arena, flow);

	(void)state;
	assert_int_equal(run_begin(run), RUN_ENDLESS);
	done(run);
}

/* Doubled at each turn, a value would soon be larger than any memory. */
static void
growth_ends(void **state)
{
	static const char *const operations[] = {
		OP("#40", "ADD", "{'id': #40}"),
		"{'valueElementToApplyId': {'id': #46, "
		    "'typeElementPropertyId': #61}, "
		    "'valueElementToReferenceId': {'id': #40}},"
		    OP("#40", "ADD", "{'id': #46, "
		    "'typeElementPropertyId': #61}"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(operations); i++) {
		struct buf elements = { 0 };
		const struct flow *flow;
		struct run *run;

		buf_printf(&elements, "{'id': #10, 'elementType': 'START', "
		    "'outcomes': [{'id': #11, 'nextMapElementId': #20}]},"
		    "{'id': #20, 'elementType': 'OPERATOR', 'operations': "
		    "[%s], 'outcomes': [{'id': #21, 'nextMapElementId': #20}"
		    "]}", operations[i]);
		flow = flow_from(buf_cstr(&elements), "", VALUES);
		buf_fini(&elements);
		run = run_new(arena, flow);
		assert_int_equal(run_begin(run), RUN_ENDLESS);
		assert_true(arena_bytes(arena) < 4 * (size_t)RUN_BUDGET);
		done(run);
	}
}

/* To look through a long list costs, too, be it as often as a circle goes. */
static void
looking_through_lists_ends(void **state)
{
	const struct flow *flow = flow_from(
	    "{'id': #10, 'elementType': 'START', 'outcomes': ["
	    "{'id': #11, 'nextMapElementId': #20}]},"
	    "{'id': #20, 'elementType': 'DECISION', 'outcomes': ["
	    "{'id': #21, 'nextMapElementId': #20, 'comparison': {'rules': [{"
	    "'leftValueElementToReferenceId': {'id': #40, 'command': "
	    "'FILTER', 'properties': {'COLUMN': #61, 'CRITERIA': 'EQUAL', "
	    "'VALUE': 'Oslo'}}, 'criteriaType': 'IS_EMPTY', "
	    "'rightValueElementToReferenceId': {'id': "
	    "'be1bc78e-fd57-40ec-9a86-a815de2a9e28'}}]}}]}", "",
	    "{'id': #40, 'developerName': 'L', 'contentType': 'ContentList', "
	    "'typeElementId': #60}");
	struct run *run = run_new(arena, flow);
	struct value_ref list = ref_to(flow_value_named(flow, SLICE("L")));
	json_t *many = json_array();

	(void)state;
	for (int i = 0; i < 1000; i++)
		json_array_append_new(many, json_object());
	run_set_objects(run, &list, many);
	json_decref(many);
	assert_int_equal(run_begin(run), RUN_ENDLESS);
	assert_true(run->spent > RUN_BUDGET);
	done(run);
}

static void
a_flow_may_end_without_a_page(void **state)
{
	const struct flow *flow = flow_from(
	    "{'id': #10, 'elementType': 'START'}", "", "");
	struct run *run = run_new(arena, flow);
	json_t *page;

	(void)state;
	assert_int_equal(run_begin(run), RUN_DONE);
	page = run_page(run, true);	/* an empty one: players need one */
	assert_int_equal(json_array_size(json_object_get(json_object_get(page,
	    "pageResponse"), "pageComponentResponses")), 1);
	json_decref(page);
	done(run);
}

/* --- pages --------------------------------------------------------------------------- */

static void
merged_text_is_escaped(void **state)
{
	static const struct {
		const char	*text, *merged;
	} rows[] = {
		{ "plain", "plain" },
		{ "{![A]}", "&lt;b&gt;&amp;&quot;&#39;" },
		{ "<i>{![a]}</i>", "<i>&lt;b&gt;&amp;&quot;&#39;</i>" },
		{ "{![None]}.", "." },
		{ "{![O].[City]}!", "London!" },
		{ "{![O].[Nothing]}!", "!" },
		{ "{![A", "{![A" },
		{ "{! }x", "x" },
		{ "{}", "{}" },
		{ "{![A].}", "" },
		{ "", "" },
	};
	const struct flow *flow = flow_from(
	    "{'id': #10, 'elementType': 'START'}", "",
	    "{'id': #40, 'developerName': 'A', "
	    "'contentType': 'ContentString'},"
	    "{'id': #46, 'developerName': 'O', 'contentType': "
	    "'ContentObject', 'defaultObjectData': [{'properties': ["
	    "{'developerName': 'City', 'contentValue': 'London'}]}]}");
	struct run *run = run_new(arena, flow);
	struct value_ref a = ref_to(flow_value_named(flow, SLICE("A")));

	(void)state;
	run_set_text(run, &a, SLICE("<b>&\"'"));
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(run_merge(run, rows[i].text),
		    rows[i].merged);
	assert_null(run_merge(run, NULL));
	done(run);
}

#define PAGE "{'id': #50, 'pageContainers': [{'id': #51, " \
	"'containerType': 'GROUP', 'developerName': 'G', 'pageContainers': " \
	"[{'id': #52}]}], 'pageComponents': [" \
	"{'id': #53, 'pageContainerId': #52, 'componentType': 'INPUT', " \
	"'isRequired': true, " \
	"'valueElementValueBindingReferenceId': {'id': #40}}," \
	"{'id': #54, 'pageContainerDeveloperName': 'G', " \
	"'componentType': 'INPUT', " \
	"'valueElementValueBindingReferenceId': {'id': #42}}," \
	"{'id': #55, 'pageContainerId': #51, 'componentType': 'TABLE', " \
	"'valueElementValueBindingReferenceId': {'id': #45}, " \
	"'valueElementDataBindingReferenceId': {'id': #44}}," \
	"{'id': #56, 'pageContainerId': #51, 'componentType': 'INPUT', " \
	"'isEditable': false, " \
	"'valueElementValueBindingReferenceId': {'id': #41}}]}"

static void
inputs_go_where_they_are_bound(void **state)
{
	struct run *run = at_page(PAGE, VALUES);

	(void)state;
	take(run, "[{'pageComponentId': #53, 'contentValue': 'typed'},"
	    "{'pageComponentId': #54, 'contentValue': 7},"
	    "{'pageComponentId': #55, 'objectData': ["
	    "{'externalId': 'x', 'isSelected': true},"
	    "{'externalId': 'y', 'isSelected': false}]},"
	    "{'pageComponentId': #56, 'contentValue': 'not for you'},"
	    "{'pageComponentId': #99, 'contentValue': 'nobody'},"
	    "{'pageComponentId': 7}, 7, null]");
	assert_true(run_check_page(run));
	assert_true(slice_is(value_of(run, "A"), "typed"));
	assert_true(slice_is(value_of(run, "N"), "7"));
	assert_true(slice_is(value_of(run, "B"), "b"));	/* not editable */
	assert_int_equal(run_length(run, &(struct value_ref){
	    .value = flow_value_named(run->flow, SLICE("More")),
	    .type = CONTENT_LIST }), 1);
	done(run);
}

static const json_t *
data_of(const json_t *page, size_t component)
{
	return json_array_get(json_object_get(json_object_get(page,
	    "pageResponse"), "pageComponentDataResponses"), component);
}

static void
wrong_inputs_are_shown(void **state)
{
	struct run *run = at_page(PAGE, VALUES);
	json_t *page;

	(void)state;
	take(run, "[{'pageComponentId': #53, 'contentValue': ''},"
	    "{'pageComponentId': #54, 'contentValue': 'seven'}]");
	assert_false(run_check_page(run));
	assert_true(slice_is(value_of(run, "N"), "40"));
	page = run_page(run, false);
	assert_true(json_is_false(json_object_get(data_of(page, 0),
	    "isValid")));
	assert_string_equal(json_string_value(json_object_get(
	    data_of(page, 0), "validationMessage")),
	    "This field is required");
	assert_string_equal(json_string_value(json_object_get(
	    data_of(page, 1), "validationMessage")),
	    "This is not a valid number");
	assert_true(json_is_true(json_object_get(data_of(page, 2),
	    "isValid")));
	json_decref(page);
	done(run);
}

static void
a_page_has_scaffold_and_data(void **state)
{
	struct run *run = at_page(PAGE, VALUES);
	json_t *page = run_page(run, true), *data, *rows;
	const json_t *response = json_object_get(page, "pageResponse");

	(void)state;
	/* A tree of containers, their data flat. */
	assert_int_equal(json_array_size(json_object_get(response,
	    "pageContainerResponses")), 1);
	assert_int_equal(json_array_size(json_object_get(response,
	    "pageContainerDataResponses")), 2);
	assert_int_equal(json_array_size(json_object_get(response,
	    "pageComponentResponses")), 4);
	assert_int_equal(json_array_size(json_object_get(page,
	    "outcomeResponses")), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    json_object_get(response, "pageComponentResponses"), 1),
	    "pageContainerId")), "00000000-0000-0000-0000-000000000051");
	/* The table shows its list, with a mark on what was chosen. */
	rows = json_object_get(data_of(page, 2), "objectData");
	assert_true(json_is_false(json_object_get(json_array_get(rows, 0),
	    "isSelected")));
	assert_true(json_is_true(json_object_get(json_array_get(rows, 1),
	    "isSelected")));
	json_decref(page);

	page = run_page(run, false);	/* SYNC: the two lists of data */
	data = json_object_get(page, "pageResponse");
	assert_null(json_object_get(data, "pageComponentResponses"));
	assert_true(json_is_array(json_object_get(data,
	    "pageContainerDataResponses")));
	assert_null(json_object_get(page, "outcomeResponses"));
	json_decref(page);
	done(run);
}

/* --- inputs -------------------------------------------------------------------------- */

static void
inputs_from_outside_have_their_rights(void **state)
{
	const struct flow *flow = flow_from(
	    "{'id': #10, 'elementType': 'START'}", "",
	    "{'id': #40, 'developerName': 'In', 'access': 'INPUT', "
	    "'contentType': 'ContentString'},"
	    "{'id': #41, 'developerName': 'Out', 'access': 'OUTPUT', "
	    "'contentType': 'ContentString', 'defaultContentValue': 'o'},"
	    "{'id': #42, 'developerName': 'Both', 'access': 'INPUT_OUTPUT', "
	    "'contentType': 'ContentNumber'},"
	    "{'id': #43, 'developerName': 'Own', "
	    "'contentType': 'ContentString', 'defaultContentValue': 'p'}");
	struct run *run = run_new(arena, flow);
	json_t *json = json_of("["
	    "{'developerName': 'in', 'contentValue': 'i'},"
	    "{'developerName': 'Out', 'contentValue': 'changed'},"
	    "{'developerName': 'Both', 'contentValue': '5'},"
	    "{'developerName': 'Own', 'contentValue': 'changed'},"
	    "{'developerName': 'None', 'contentValue': 'x'}, 7]");
	json_t *bad = json_of("[{'developerName': 'Both', "
	    "'contentValue': 'five'}]");
	json_t *object = json_of("{'a': 1}"), *out;
	struct err err;

	(void)state;
	assert_true(run_take_inputs(run, json, &err));
	assert_true(run_take_inputs(run, NULL, &err));
	assert_true(slice_is(value_of(run, "In"), "i"));
	assert_true(slice_is(value_of(run, "Out"), "o"));
	assert_true(slice_is(value_of(run, "Both"), "5"));
	assert_true(slice_is(value_of(run, "Own"), "p"));
	out = run_outputs(run);
	assert_int_equal(json_array_size(out), 2);	/* Out and Both */
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    out, 1), "contentValue")), "5");
	assert_false(run_take_inputs(run, bad, &err));
	assert_string_equal(err.text, "the input Both is not ContentNumber");
	assert_false(run_take_inputs(run, object, &err));
	json_decref(json);
	json_decref(bad);
	json_decref(object);
	json_decref(out);
	done(run);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_criterion_decides),
		cmocka_unit_test(rules_and_comparisons_are_members_of_one_list),
		cmocka_unit_test(operations_change_values),
		cmocka_unit_test(defaults_stay_as_they_are),
		cmocka_unit_test(reserved_outcomes_are_not_taken),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(growth_ends),
		cmocka_unit_test(looking_through_lists_ends),
		cmocka_unit_test(a_flow_may_end_without_a_page),
		cmocka_unit_test(merged_text_is_escaped),
		cmocka_unit_test(inputs_go_where_they_are_bound),
		cmocka_unit_test(wrong_inputs_are_shown),
		cmocka_unit_test(a_page_has_scaffold_and_data),
		cmocka_unit_test(inputs_from_outside_have_their_rights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
