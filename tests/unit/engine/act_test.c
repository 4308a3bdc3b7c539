/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What an element does: in which order services are asked, and what becomes of
 * their answers, or of none.  "#80" is a service, "#10" the START.
 */
#include "flows.h"

#define FAULT_ID	"'318b0f3a-a570-4c5d-835c-21c1eeb17787'"
#define ACTION(name, order) "{'developerName': '" name "', 'uriPart': '" \
	name "', 'serviceElementId': #80, 'order': " order ", 'outputs': [{" \
	"'developerName': 'Out', 'valueElementToApplyId': {'id': #40}}]}"
#define LOADS	"'dataActions': [{'crudOperationType': 'SAVE', " \
	"'valueElementToApplyId': {'id': #41}, 'objectDataRequest': {" \
	"'typeElementBindingId': #75}}, {'crudOperationType': 'load', " \
	"'order': 9, 'valueElementToApplyId': {'id': #41}, " \
	"'objectDataRequest': {'typeElementBindingId': #75}}]"
#define SETS	"'operations': [{'valueElementToApplyId': {'id': #40, " \
	"'command': 'ADD'}, 'valueElementToReferenceId': {'id': #42}}]"

#define PAGE	"{'id': #50, 'pageContainers': [{'id': #51}], " \
	"'pageComponents': [{'id': #53, 'pageContainerId': #51, " \
	"'componentType': 'INPUT', 'valueElementValueBindingReferenceId': " \
	"{'id': #40}}]}"

/* What services answer, in turn; NULL: they fail, "later": not yet. */
static const char *const *answers;
static size_t asked;
static struct buf trace;		/* the paths, | between those at once */

static void
ask(struct run *run, struct ask *asks, size_t count)
{
	(void)run;
	for (size_t i = 0; i < count; i++) {
		const char *answer = answers[asked++];

		buf_printf(&trace, "%s%s%s", i > 0 ? "|" : " ",
		    asks[i].method[0] == 'P' && asks[i].method[1] == 'U' ?
		    "PUT " : "", asks[i].path);
		asks[i].end = answer == NULL ? ASK_FAILED :
		    strcmp(answer, "later") == 0 ? ASK_LATER : ASK_ANSWERED;
		asks[i].fault = "it is broken";
		if (asks[i].end == ASK_ANSWERED)
			asks[i].answer = json_of(answer);
	}
}

static const struct flow *
flow_with(const char *element)
{
	struct buf text = { 0 };
	const struct flow *flow;
	struct err err;

	arena = arena_new(0);
	buf_printf(&text, "{'id': {'id': #1, 'versionId': #2}, "
	    "'developerName': 'F', 'startMapElementId': #10, "
	    "'serviceElements': [{'id': #80, 'developerName': 'S', "
	    "'uri': 'https://s.example/'}], 'typeElements': [{'id': #60, "
	    "'developerName': 'City', 'properties': [{'id': #61, "
	    "'developerName': 'Name', 'contentType': 'ContentString'}], "
	    "'bindings': [{'id': #75, 'serviceElementId': #80, "
	    "'databaseTableName': 'T', 'propertyBindings': [{"
	    "'typeElementPropertyId': #61, 'databaseFieldName': 'N'}]}]}], "
	    "'valueElements': [{'id': #40, 'developerName': 'A', "
	    "'contentType': 'ContentString'}, {'id': #41, "
	    "'developerName': 'L', 'contentType': 'ContentList', "
	    "'typeElementId': #60}, {'id': #42, 'developerName': 'B', "
	    "'contentType': 'ContentString', "
	    "'defaultContentValue': 'b'}], 'mapElements': [{'id': #10, "
	    "'elementType': 'START', 'outcomes': [{'id': #11, "
	    "'nextMapElementId': #20}]}, {'id': #20, %s}, "
	    STEP("#30") ", " STEP("#31") "], 'pageElements': [" PAGE "]}",
	    element);
	document = json_of(buf_cstr(&text));
	flow = flow_build(arena, document, "f.json", &err);
	if (flow == NULL)
		fail_msg("%s", err.text);
	buf_fini(&text);
	return flow;
}

static struct run *
begin(const char *element, const char *const *with, enum run_end expected)
{
	const struct flow *flow = flow_with(element);
	struct run *run = run_new(arena, flow);

	answers = with;
	asked = 0;
	buf_clear(&trace);
	run->ask = ask;
	run->now_ms = 1000000;
	run->give_up_ms = 5000;
	assert_int_equal(run_begin(run), expected);
	return run;
}

static unsigned
stands_at(const struct run *run)
{
	return run->at->guid.bytes[15];
}

static void
test_all_of_it_in_one_order(void **state)
{
	static const char *const with[] = {
		"{'objectData': [{'externalId': 'x', 'properties': [{"
		    "'developerName': 'n', 'contentValue': 'Bern'}]}]}",
		"{}", "{'outputs': [{'developerName': 'out', "
		    "'contentValue': 'o'}]}", "{}", "{}",
	};
	struct run *run = begin("'elementType': 'MESSAGE', " LOADS ", " SETS
	    ", 'messageActions': [" ACTION("late", "7") "," ACTION("one", "2")
	    "," ACTION("two", "2") "], 'outcomes': [{'id': #21, "
	    "'nextMapElementId': #30}]", with, RUN_DONE);

	(void)state;
	assert_string_equal(buf_cstr(&trace),
	    " /data /one|/two /late PUT /data");
	assert_int_equal(stands_at(run), 0x30);
	assert_true(slice_is(value_of(run, "A"), "o"));
	done(run);
}

static void
test_a_fault_goes_its_way(void **state)
{
	static const char *const with[] = { NULL };
	struct run *run = begin("'elementType': 'message', "
	    "'messageActions': [" ACTION("one", "0") "], 'outcomes': [{"
	    "'id': #21, 'nextMapElementId': #30}, {'id': " FAULT_ID ", "
	    "'nextMapElementId': #31}]", with, RUN_DONE);

	(void)state;
	assert_int_equal(stands_at(run), 0x31);
	assert_null(run->faults);
	done(run);

	run = begin("'elementType': 'message', 'messageActions': ["
	    ACTION("one", "0") "], 'outcomes': [{'id': #21, "
	    "'nextMapElementId': #30}]", with, RUN_FAULT);
	assert_string_equal(json_string_value(json_object_get(run->faults,
	    "one")), "it is broken");
	done(run);
}

static void
test_a_service_chooses_the_way(void **state)
{
	static const char *const with[] = { "{'selectedOutcomeId': #22}" };
	struct run *run = begin("'elementType': 'message', "
	    "'messageActions': [" ACTION("one", "0") "], 'outcomes': [{"
	    "'id': #21, 'nextMapElementId': #30}, {'id': #22, "
	    "'nextMapElementId': #31}]", with, RUN_DONE);

	(void)state;
	assert_int_equal(stands_at(run), 0x31);
	done(run);
}

#define WAITS	"'elementType': 'message', 'messageActions': [" \
	ACTION("one", "0") "," ACTION("two", "0") "," ACTION("after", "1") \
	"], 'outcomes': [{'id': #21, 'nextMapElementId': #30}]"

/* Both of one order have to come before the next is asked. */
static void
test_all_of_an_order_are_waited_for(void **state)
{
	static const char *const with[] = { "{'invokeType': 'WAIT', "
	    "'waitMessage': 'soon'}", "later", "{}" };
	struct run *run = begin(WAITS, with, RUN_WAIT);
	json_t *answer = json_of("{'outputs': [{'developerName': 'Out', "
	    "'contentValue': 7}]}");
	char first[GUID_TEXT];

	(void)state;
	assert_string_equal(run->wait.message, "soon");
	assert_int_equal(run->wait.npending, 2);
	assert_int_equal(run->wait.pending[0].until_ms, 0);
	assert_int_equal(run->wait.pending[1].until_ms, 1005000);
	assert_string_equal(buf_cstr(&trace), " /one|/two");
	memcpy(first, run->wait.pending[0].nonce, sizeof(first));
	assert_int_equal(run_answered(run, find_pending(run, first), answer,
	    NULL), RUN_WAIT);
	assert_null(find_pending(run, first));
	assert_true(slice_is(value_of(run, "A"), "7"));
	assert_int_equal(run_answered(run, &run->wait.pending[0], answer,
	    NULL), RUN_DONE);
	assert_string_equal(buf_cstr(&trace), " /one|/two /after");
	assert_int_equal(stands_at(run), 0x30);
	json_decref(answer);
	done(run);
}

static void
test_who_is_late_has_failed(void **state)
{
	static const char *const with[] = { "{'invokeType': 'wait'}",
	    "later" };
	struct run *run = begin(WAITS, with, RUN_WAIT);

	(void)state;
	assert_false(run_wait_is_over(run));
	run->now_ms += 5000;
	assert_true(run_wait_is_over(run));
	assert_int_equal(run_end_wait(run), RUN_FAULT);
	assert_non_null(json_object_get(run->faults, "two"));
	done(run);
}

static void
test_a_service_is_waited_for_as_drawn(void **state)
{
	static const char *const later[] = { "later" };
	static const char *const told[] = { "{'invokeType': 'WAIT', "
	    "'waitMessage': 'soon'}" };
	static const char element[] = "'elementType': 'message', "
	    "'statusMessage': 'Asking <{![B]}>', 'messageActions': ["
	    ACTION("one", "0") "], 'outcomes': [{'id': #21, "
	    "'nextMapElementId': #30}]";
	struct run *run = begin(element, later, RUN_WAIT);

	(void)state;
	assert_string_equal(run->wait.message, "Asking <b>");
	done(run);
	run = begin(element, told, RUN_WAIT);
	assert_string_equal(run->wait.message, "soon");
	done(run);
}

static void
test_a_wait_ends_with_its_time(void **state)
{
	struct run *run = begin("'elementType': 'WAIT', 'wait': {"
	    "'durationSeconds': 3}, 'outcomes': [{'id': #21, "
	    "'nextMapElementId': #30}]", NULL, RUN_WAIT);

	(void)state;
	assert_int_equal(run->wait.until_ms, 1003000);
	run->now_ms = 1002999;
	assert_false(run_wait_is_over(run));
	run->now_ms++;
	assert_true(run_wait_is_over(run));
	assert_int_equal(run_end_wait(run), RUN_DONE);
	assert_int_equal(stands_at(run), 0x30);
	done(run);
}

/* A process does what every element can, and shows no page. */
static void
test_a_process_goes_on(void **state)
{
	static const char *const with[] = { "{'outputs': [{"
	    "'developerName': 'out', 'contentValue': 'o'}]}" };
	struct run *run = begin("'elementType': 'process', 'processes': [], "
	    SETS ", 'messageActions': [" ACTION("one", "0") "], 'outcomes': "
	    "[{'id': #21, 'nextMapElementId': #31, 'comparison': {'rules': [{"
	    "'leftValueElementToReferenceId': {'id': #40}, 'criteriaType': "
	    "'EQUAL', 'rightValueElementToReferenceId': {'id': #42}}]}}, "
	    "{'id': #22, 'order': 1, 'nextMapElementId': #30}]", with,
	    RUN_DONE);

	(void)state;
	assert_string_equal(buf_cstr(&trace), " /one");
	assert_true(slice_is(value_of(run, "A"), "o"));
	assert_int_equal(stands_at(run), 0x30);
	done(run);
}

/* The page's own message is the last before the page. */
static void
test_a_page_asks_when_it_is_come_to(void **state)
{
	static const char *const with[] = { "{}", "{}", "{'outputs': [{"
	    "'developerName': 'out', 'contentValue': 'seen'}]}" };
	struct run *run = begin("'elementType': 'PAGE', 'pageElementId': #50, "
	    "'viewMessageAction': " ACTION("view", "0") ", 'messageActions': ["
	    ACTION("late", "7") "," ACTION("one", "2") "], 'outcomes': [{"
	    "'id': #21, 'nextMapElementId': #30}]", with, RUN_PAGE);

	(void)state;
	assert_string_equal(buf_cstr(&trace), " /one /late /view");
	assert_true(slice_is(value_of(run, "A"), "seen"));
	assert_int_equal(stands_at(run), 0x20);
	done(run);
}

/* A flow that asks in a circle ends. */
static void
test_questions_are_counted(void **state)
{
	static const char *with[ASKS_MAX + 1];
	struct run *run;

	(void)state;
	for (size_t i = 0; i < ASKS_MAX + 1; i++)
		with[i] = "{}";
	run = begin("'elementType': 'message', 'messageActions': ["
	    ACTION("one", "0") "], 'outcomes': [{'id': #21, "
	    "'nextMapElementId': #20}]", with, RUN_ENDLESS);
	assert_int_equal(asked, ASKS_MAX);
	done(run);
}

static int
tear_down(void **state)
{
	(void)state;
	buf_fini(&trace);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(fn)	cmocka_unit_test_teardown(fn, tear_down)
		TEST(test_all_of_it_in_one_order),
		TEST(test_a_fault_goes_its_way),
		TEST(test_a_service_chooses_the_way),
		TEST(test_all_of_an_order_are_waited_for),
		TEST(test_who_is_late_has_failed),
		TEST(test_a_service_is_waited_for_as_drawn),
		TEST(test_a_wait_ends_with_its_time),
		TEST(test_a_process_goes_on),
		TEST(test_a_page_asks_when_it_is_come_to),
		TEST(test_questions_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
