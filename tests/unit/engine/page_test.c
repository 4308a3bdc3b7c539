/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Pages whose parts depend on what is typed, and tables to choose from.
 */
#include "flows.h"

#define TRUE_	"'be1bc78e-fd57-40ec-9a86-a815de2a9e28'"
#define FALSE_	"'496fd041-d91f-48fb-aa4f-91c6c9a11ca1'"

#define VALUES "{'id': #40, 'developerName': 'Box', " \
	"'contentType': 'ContentBoolean'}," \
	"{'id': #41, 'developerName': 'Note', " \
	"'contentType': 'ContentString'}," \
	"{'id': #42, 'developerName': 'Kind', " \
	"'contentType': 'ContentString'}," \
	"{'id': #44, 'developerName': 'Cities', 'contentType': " \
	"'ContentList', 'typeElementId': #60, 'defaultObjectData': [" \
	"{'externalId': 'a', 'properties': [{'typeElementPropertyId': #61, " \
	"'contentValue': 'Bergen'}]}, {'externalId': 'b'}," \
	"{'externalId': 'c'}]}," \
	"{'id': #45, 'developerName': 'Chosen', 'contentType': " \
	"'ContentObject', 'typeElementId': #60}," \
	"{'id': #46, 'developerName': 'Several', 'contentType': " \
	"'ContentList', 'typeElementId': #60}"

/* 53 a box, 54 a required note in an inner container, 55 and 56 tables. */
#define PAGE(conditions) "{'id': #50, 'pageContainers': [{'id': #51, " \
	"'pageContainers': [{'id': #57, 'pageContainers': [{'id': #52}]}]}]," \
	" 'pageComponents': [" \
	"{'id': #53, 'pageContainerId': #51, 'componentType': 'CHECKBOX', " \
	"'valueElementValueBindingReferenceId': {'id': #40}}," \
	"{'id': #54, 'pageContainerId': #52, 'componentType': 'INPUT', " \
	"'isRequired': true, " \
	"'valueElementValueBindingReferenceId': {'id': #41}}," \
	"{'id': #55, 'pageContainerId': #51, 'componentType': 'TABLE', " \
	"'columns': [{'typeElementPropertyId': #62, 'order': 2}, " \
	"{'typeElementPropertyId': #61, 'order': 1, 'label': 'City'}], " \
	"'valueElementValueBindingReferenceId': {'id': #45}, " \
	"'valueElementDataBindingReferenceId': {'id': #44}}," \
	"{'id': #56, 'pageContainerId': #51, 'componentType': 'TABLE', " \
	"'columns': [{'typeElementPropertyId': #61, 'isEditable': true}], " \
	"'valueElementValueBindingReferenceId': {'id': #46}, " \
	"'valueElementDataBindingReferenceId': {'id': #44}}], " \
	"'pageConditions': [" conditions "]}"

#define WHEN(rules, more, operations) "{'pageRules': [" rules "], " more \
	"'pageOperations': [" operations "]}"
#define PART(id, what) "{'pageObjectReferenceId': " id ", " \
	"'metadataType': '" what "'}"
#define VALUE(id) "{'valueElementToReferenceId': {'id': " id "}}"
#define IF(left, criterion, right) "{'left': " left ", 'criteriaType': '" \
	criterion "', 'right': " right "}"
#define TICKED	IF(PART("#53", "VALUE"), "EQUAL", VALUE(TRUE_))
#define THEN(to, from) "{'assignment': {'assignee': " to ", 'assignor': " \
	from "}}"

static void
tick(struct run *run, const char *text)
{
	take(run, arena_printf(arena,
	    "[{'pageComponentId': #53, 'contentValue': '%s'}]", text));
}

/* How the note stands: v visible, e enabled, d editable, r required. */
static const char *
marks(struct run *run)
{
	const struct page *page = run->at->page;
	const struct page_view *view = run_view(run);
	const struct part_view *v = &view->components[1];

	return arena_printf(arena, "%s%s%s%s",
	    view_shows(view, page, &page->components[1]) ? "v" : "",
	    v->enabled ? "e" : "", v->editable ? "d" : "",
	    v->required ? "r" : "");
}

static void
conditions_mark_parts(void **state)
{
	static const struct {
		const char	*page, *unticked, *ticked;
	} rows[] = {
		{ PAGE(""), "vedr", "vedr" },
		{ PAGE(WHEN(TICKED, "", THEN(PART("#54", "METADATA.VISIBLE"),
		    VALUE(TRUE_)))), "edr", "vedr" },
		{ PAGE(WHEN(TICKED, "", THEN(PART("#54", "METADATA.VISIBLE"),
		    VALUE(FALSE_)))), "vedr", "edr" },
		{ PAGE(WHEN(TICKED, "", THEN(PART("#54", "METADATA.ENABLED"),
		    VALUE(TRUE_)))), "vdr", "vedr" },
		{ PAGE(WHEN(TICKED, "", THEN(PART("#54",
		    "METADATA.EDITABLE"), VALUE(TRUE_)))), "ver", "vedr" },
		{ PAGE(WHEN(TICKED, "", THEN(PART("#54",
		    "METADATA.REQUIRED"), VALUE(TRUE_)))), "ved", "vedr" },
		/* the container that its container is in */
		{ PAGE(WHEN(TICKED, "", THEN(PART("#57", "metadata.visible"),
		    VALUE(TRUE_)))), "edr", "vedr" },
		/* one that holds is stronger than one that does not */
		{ PAGE(WHEN(TICKED, "", THEN(PART("#54", "METADATA.VISIBLE"),
		    VALUE(TRUE_))) "," WHEN(IF(VALUE("#42"), "IS_EMPTY",
		    VALUE(FALSE_)), "", THEN(PART("#54", "METADATA.VISIBLE"),
		    VALUE(TRUE_)))), "edr", "vedr" },
		{ PAGE(WHEN(TICKED "," IF(VALUE("#42"), "IS_EMPTY",
		    VALUE(FALSE_)), "'comparisonType': 'OR', ",
		    THEN(PART("#54", "METADATA.VISIBLE"), VALUE(TRUE_)))),
		    "edr", "vedr" },
		{ PAGE(WHEN(TICKED "," IF(VALUE("#42"), "IS_EMPTY",
		    VALUE(FALSE_)), "'comparisonType': 'AND', ",
		    THEN(PART("#54", "METADATA.VISIBLE"), VALUE(TRUE_)))),
		    "edr", "edr" },
		/* a mark as what is compared */
		{ PAGE(WHEN(TICKED, "", THEN(PART("#55", "METADATA.VISIBLE"),
		    VALUE(TRUE_))) "," WHEN(IF(PART("#55",
		    "METADATA.VISIBLE"), "EQUAL", VALUE(FALSE_)), "",
		    THEN(PART("#54", "METADATA.ENABLED"), VALUE(FALSE_)))),
		    "vdr", "vedr" },
		/* an older snapshot's names */
		{ PAGE(WHEN("{'leftPageObjectReference': " PART("#53",
		    "VALUE") ", 'criteria': 'EQUAL', "
		    "'rightPageObjectReference': " VALUE(TRUE_) "}", "",
		    THEN(PART("#54", "METADATA.VISIBLE"), VALUE(TRUE_)))),
		    "edr", "vedr" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct run *run = at_page(rows[i].page, VALUES);

		if (strcmp(marks(run), rows[i].unticked) != 0)
			fail_msg("row %zu, not ticked: %s", i, marks(run));
		tick(run, "true");
		if (strcmp(marks(run), rows[i].ticked) != 0)
			fail_msg("row %zu, ticked: %s", i, marks(run));
		tick(run, "false");
		if (strcmp(marks(run), rows[i].unticked) != 0)
			fail_msg("row %zu, not ticked: %s", i, marks(run));
		done(run);
	}
}

static void
the_first_that_holds_may_be_the_last(void **state)
{
	static const char *const stops[] = { "false", "true" };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct buf page = { 0 };
		struct run *run;

		buf_text(&page, PAGE(WHEN(TICKED, "", THEN(VALUE("#42"),
		    VALUE(TRUE_))) "," WHEN(TICKED, "", THEN(VALUE("#42"),
		    VALUE(FALSE_)))));
		page.len--;
		buf_printf(&page, ", 'stopConditionsOnFirstTrue': %s}",
		    stops[i]);
		run = at_page(buf_cstr(&page), VALUES);
		assert_true(slice_is(value_of(run, "Kind"), ""));
		tick(run, "true");
		assert_true(slice_is(value_of(run, "Kind"), i == 0 ? "false" :
		    "true"));
		done(run);
		buf_fini(&page);
	}
}

/* What is not shown is neither asked for nor taken. */
static void
hidden_inputs_do_not_count(void **state)
{
	struct run *run = at_page(PAGE(WHEN(TICKED, "", THEN(PART("#52",
	    "METADATA.VISIBLE"), VALUE(TRUE_)))), VALUES);

	(void)state;
	take(run, "[{'pageComponentId': #54, 'contentValue': 'sneaked in'}]");
	assert_true(slice_is(value_of(run, "Note"), ""));
	assert_true(run_check_page(run));
	tick(run, "true");
	assert_false(run_check_page(run));
	run->invalid = NULL;
	take(run, "[{'pageComponentId': #54, 'contentValue': 'seen'}]");
	assert_true(run_check_page(run));
	assert_true(slice_is(value_of(run, "Note"), "seen"));
	done(run);
}

static const json_t *
part(const json_t *page, const char *list, size_t i)
{
	return json_array_get(json_object_get(json_object_get(page,
	    "pageResponse"), list), i);
}

static void
answers_show_it(void **state)
{
	struct run *run = at_page(PAGE(WHEN(TICKED, "", THEN(PART("#52",
	    "METADATA.VISIBLE"), VALUE(TRUE_)) "," THEN(PART("#55",
	    "METADATA.REQUIRED"), VALUE(TRUE_)))), VALUES);
	json_t *page = run_page(run, true), *columns;

	(void)state;
	assert_true(json_is_true(json_object_get(part(page,
	    "pageComponentResponses", 0), "hasEvents")));
	assert_false(json_is_true(json_object_get(part(page,
	    "pageComponentResponses", 1), "hasEvents")));
	assert_true(json_is_true(json_object_get(part(page,
	    "pageContainerDataResponses", 0), "isVisible")));
	assert_true(json_is_false(json_object_get(part(page,
	    "pageContainerDataResponses", 2), "isVisible")));
	columns = json_object_get(part(page, "pageComponentResponses", 2),
	    "columns");
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    columns, 0), "developerName")), "Name");
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    columns, 0), "label")), "City");
	assert_string_equal(json_string_value(json_object_get(json_array_get(
	    columns, 1), "contentType")), "ContentNumber");
	json_decref(page);
	tick(run, "true");
	page = run_page(run, false);
	assert_true(json_is_true(json_object_get(part(page,
	    "pageContainerDataResponses", 2), "isVisible")));
	assert_true(json_is_true(json_object_get(part(page,
	    "pageComponentDataResponses", 2), "isRequired")));
	json_decref(page);
	done(run);
}

static const char *
ids_of(struct run *run, const char *value)
{
	struct value_ref ref = ref_to(flow_value_named(run->flow,
	    slice_of(value)));
	const json_t *list = run_objects(run, &ref);
	const char *ids = "";

	for (size_t i = 0; i < json_array_size(list); i++)
		ids = arena_printf(arena, "%s%s", ids, json_string_value(
		    json_object_get(json_array_get(list, i), "externalId")));
	return ids;
}

static void
rows_are_chosen_from_what_was_shown(void **state)
{
	struct run *run = at_page(PAGE(""), VALUES);
	struct value_ref one = ref_to(flow_value_named(run->flow,
	    SLICE("Chosen")));

	(void)state;
	take(run, "[{'pageComponentId': #55, 'objectData': ["
	    "{'externalId': 'x', 'isSelected': true},"
	    "{'externalId': 'b', 'isSelected': false},"
	    "{'externalId': 'a', 'isSelected': true, 'properties': ["
	    "{'typeElementPropertyId': #61, 'contentValue': 'Forged'}]},"
	    "{'externalId': 'c', 'isSelected': true}]},"
	    "{'pageComponentId': #56, 'objectData': ["
	    "{'externalId': 'c', 'isSelected': true, 'properties': ["
	    "{'typeElementPropertyId': #61, 'contentValue': 'Bodo'}]},"
	    "{'externalId': 'y', 'isSelected': true},"
	    "{'externalId': 'a', 'isSelected': true}]}]");
	assert_string_equal(ids_of(run, "Chosen"), "a");	/* an object: one */
	one.property = "00000000-0000-0000-0000-000000000061";
	one.type = CONTENT_STRING;
	assert_true(slice_is(run_text(run, &one), "Bergen"));
	assert_string_equal(ids_of(run, "Several"), "ca");
	one.value = flow_value_named(run->flow, SLICE("Several"));
	assert_true(slice_is(run_text(run, &one), "Bodo"));	/* a cell */
	take(run, "[{'pageComponentId': #55, 'objectData': []}]");
	assert_string_equal(ids_of(run, "Chosen"), "");
	done(run);
}

static const char *
shown_rows(struct run *run)
{
	json_t *page = run_page(run, false);
	const json_t *list = json_object_get(part(page,
	    "pageComponentDataResponses", 2), "objectData");
	const char *ids = "";

	for (size_t i = 0; i < json_array_size(list); i++)
		ids = arena_printf(arena, "%s%s", ids, json_string_value(
		    json_object_get(json_array_get(list, i), "externalId")));
	json_decref(page);
	return ids;
}

#define FILTER(more) "{'filter': {'pageComponentId': #55, " \
	"'columnTypeElementPropertyId': #61, " more "}}"

/* What it filters by is typed on the same page. */
static void
filters_narrow_what_is_shown(void **state)
{
	static const struct {
		const char	*page, *unticked, *ticked, *typed;
	} rows[] = {
		{ PAGE(WHEN(TICKED, "", FILTER("'criteriaType': "
		    "'STARTS_WITH', 'filterValue': " PART("#54", "VALUE")))),
		    "abc", "abc", "a" },
		{ PAGE(WHEN(TICKED, "", FILTER("'criteriaType': 'IS_EMPTY', "
		    "'filterValue': " VALUE(TRUE_)))), "abc", "bc", "bc" },
		/* two of them leave what both take */
		{ PAGE(WHEN(TICKED, "", FILTER("'criteriaType': 'IS_EMPTY', "
		    "'filterValue': " VALUE(TRUE_)) "," FILTER(
		    "'criteriaType': 'STARTS_WITH', 'filterValue': "
		    PART("#54", "VALUE")))), "abc", "bc", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct run *run = at_page(rows[i].page, VALUES);

		assert_string_equal(shown_rows(run), rows[i].unticked);
		tick(run, "true");
		assert_string_equal(shown_rows(run), rows[i].ticked);
		take(run, "[{'pageComponentId': #54, 'contentValue': 'BER'}]");
		assert_string_equal(shown_rows(run), rows[i].typed);
		tick(run, "false");
		assert_string_equal(shown_rows(run), "abc");
		assert_string_equal(ids_of(run, "Cities"), "abc");
		assert_int_equal(run->at->page->components[1].has_events,
		    i != 1);
		done(run);
	}
}

static void
filters_of_nothing_are_refused(void **state)
{
	static const struct {
		const char	*filter, *error;
	} rows[] = {
		{ "'pageComponentId': #99", "pageComponentId: "
		    "00000000-0000-0000-0000-000000000099 is no component of "
		    "this page" },
		{ "'pageComponentId': #53", "pageComponentId: "
		    "00000000-0000-0000-0000-000000000053 shows no list of "
		    "this flow, so there is nothing to filter" },
		{ "'pageComponentId': #55, 'objectDataRequest': {}",
		    "objectDataRequest belongs to the component, not to a "
		    "filter of it" },
		{ "'pageComponentId': #55, 'columnTypeElementPropertyId': "
		    "#69", "columnTypeElementPropertyId: "
		    "00000000-0000-0000-0000-000000000069 is no property of "
		    "the type City" },
		{ "'pageComponentId': #55, 'columnTypeElementPropertyId': "
		    "'x'", "columnTypeElementPropertyId: \"x\" is no id" },
		{ "'pageComponentId': #55, 'columnTypeElementPropertyId': "
		    "#61, 'criteriaType': 'EQUAL'",
		    "filterValue: is missing" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf text = { 0 };
		struct err err;

		arena = arena_new(0);
		buf_printf(&text, "{'id': {'id': #1, 'versionId': #2}, "
		    "'developerName': 'F', 'startMapElementId': #10, "
		    "'mapElements': [{'id': #10, 'elementType': 'START'}], "
		    "'valueElements': [" VALUES "], 'typeElements': [" TYPES
		    "], 'pageElements': [" PAGE(WHEN(TICKED, "",
		    "{'filter': {%s}}")) "]}", rows[i].filter);
		document = json_of(buf_cstr(&text));
		assert_null(flow_build(arena, document, "f.json", &err));
		if (strstr(err.text, rows[i].error) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		json_decref(document);
		arena_free(&arena);
		buf_fini(&text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conditions_mark_parts),
		cmocka_unit_test(the_first_that_holds_may_be_the_last),
		cmocka_unit_test(hidden_inputs_do_not_count),
		cmocka_unit_test(answers_show_it),
		cmocka_unit_test(rows_are_chosen_from_what_was_shown),
		cmocka_unit_test(filters_narrow_what_is_shown),
		cmocka_unit_test(filters_of_nothing_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
