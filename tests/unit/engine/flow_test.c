/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Reading snapshots: the sample, and every mistake with its sentence.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "snapshot.h"

/* The parts of a good snapshot; a row replaces one of them. */
#define ID	"'id': {'id': #1, 'versionId': #2}"
#define NAME	"'developerName': 'F'"
#define START	"'startMapElementId': #10"
#define ELEMENTS "'mapElements': [" ELEMENT_START_ "," ELEMENT_PAGE "]"
#define ELEMENT_START_ \
	"{'id': #10, 'elementType': 'start', 'outcomes': [" \
	"{'id': #11, 'nextMapElementId': #20}]}"
#define ELEMENT_PAGE \
	"{'id': #20, 'elementType': 'INPUT', 'pageElementId': #30}"
#define PAGES	"'pageElements': [{'id': #30, 'pageContainers': [" \
	"{'id': #31, 'containerType': 'GROUP'}], 'pageComponents': [" \
	"{'id': #32, 'pageContainerId': #31, 'componentType': 'INPUT', " \
	"'valueElementValueBindingReferenceId': {'id': #40}}]}]"
#define VALUES	"'valueElements': [" \
	"{'id': #40, 'developerName': 'V', 'contentType': 'ContentString'}," \
	"{'id': #41, 'developerName': 'L', 'contentType': 'ContentList'}]"

/* The start element with one more thing in its outcome. */
#define START_WITH(more) "'mapElements': [{'id': #10, " \
	"'elementType': 'START', 'outcomes': [{'id': #11, " \
	"'nextMapElementId': #20, " more "}]}," ELEMENT_PAGE "]"
#define MESSAGE_WITH(action) "'mapElements': [" ELEMENT_START_ "," \
	"{'id': #20, 'elementType': 'STEP'}," \
	"{'id': #21, 'elementType': 'message', 'messageActions': [{" action \
	"}]}]"
#define OPERATOR_WITH(operation) "'mapElements': [" ELEMENT_START_ "," \
	ELEMENT_PAGE ", {'id': #21, 'elementType': 'OPERATOR', " \
	"'operations': [{" operation "}]}]"
#define RULE(left, criterion, right) START_WITH("'comparison': {'rules': [{" \
	"'leftValueElementToReferenceId': " left ", " \
	"'criteriaType': '" criterion "', " \
	"'rightValueElementToReferenceId': " right "}]}")
#define COMPONENT_WITH(more) "'pageElements': [{'id': #30, " \
	"'pageContainers': [{'id': #31}], 'pageComponents': [" \
	"{'id': #32, 'componentType': 'INPUT', " more "}]}]"

#define CONDITION_WITH(more) "'pageElements': [{'id': #30, " \
	"'pageContainers': [{'id': #31}], 'pageConditions': [{" more "}]}]"

static const struct flow *
build(struct arena *arena, json_t *json, struct err *err)
{
	return flow_build(arena, json, "f.json", err);
}

static void
mistakes_have_a_sentence(void **state)
{
	static const struct {
		const char	*instead;	/* of ELEMENTS, or more */
		const char	*of;
		const char	*sentence;	/* after "f.json: " */
	} rows[] = {
		{ "'id': {'id': #1}", ID, "id.versionId: is missing" },
		{ "'id': {'id': 'one', 'versionId': #2}", ID,
		    "id.id: \"one\" is not a GUID" },
		{ "'id': 7", ID, "id: must be an object" },
		{ "'x': 1", ID, "id: is missing" },
		{ "'developerName': 7", NAME, "developerName: must be a string" },
		{ "'developerName': null", NAME, "developerName: is missing" },
		{ "'startMapElementId': #99", START, "startMapElementId: "
		    "00000000-0000-0000-0000-000000000099 is no map element of "
		    "this flow" },
		{ "'startMapElementId': #20", START, "startMapElementId: "
		    "00000000-0000-0000-0000-000000000020 is not of type START" },
		{ "'mapElements': {}", ELEMENTS, "mapElements: must be a list" },
		{ "'mapElements': [7]", ELEMENTS,
		    "mapElements[0]: must be an object" },
		{ "'mapElements': [{'id': #10, 'elementType': 'TELEPORT'}]",
		    ELEMENTS, "mapElements[0].elementType: \"TELEPORT\" is not "
		    "supported by this engine" },
		{ MESSAGE_WITH("'uriPart': 'a'"), ELEMENTS, "mapElements[2]."
		    "messageActions[0].serviceElementId: is missing" },
		{ MESSAGE_WITH("'uriPart': 'a', 'serviceElementId': #99"),
		    ELEMENTS, "mapElements[2].messageActions[0]."
		    "serviceElementId: 00000000-0000-0000-0000-000000000099 "
		    "is no service of this flow" },
		{ MESSAGE_WITH("'serviceElementId': #99"), ELEMENTS,
		    "mapElements[2].messageActions[0].uriPart: is missing, as "
		    "is serviceActionName" },
		{ "'serviceElements': [{'id': #80, 'developerName': 'S', "
		    "'uri': 'ftp://a'}], " VALUES, VALUES,
		    "serviceElements[0].uri: \"ftp://a\" is no address of a "
		    "service: it must begin with https:// or http://" },
		{ "'mapElements': [{'id': #10, 'elementType': 'DESICION'}]",
		    ELEMENTS, "mapElements[0].elementType: \"DESICION\" is not "
		    "supported by this engine; did you mean \"DECISION\"?" },
		{ "'mapElements': [" ELEMENT_START_ "," ELEMENT_START_ "]",
		    ELEMENTS, "mapElements[1]: another map element has the id "
		    "00000000-0000-0000-0000-000000000010" },
		{ "'mapElements': [" ELEMENT_START_ "]", ELEMENTS,
		    "mapElements[0].outcomes[0].nextMapElementId: "
		    "00000000-0000-0000-0000-000000000020 is no map element of "
		    "this flow" },
		{ "'mapElements': [{'id': #20, 'elementType': 'Page', "
		    "'viewMessageAction': {'uriPart': 'v'}}]", ELEMENTS,
		    "mapElements[0].viewMessageAction.serviceElementId: is "
		    "missing" },
		{ "'mapElements': [{'id': #20, 'elementType': 'STEP', "
		    "'viewMessageAction': {'uriPart': 'v'}}]", ELEMENTS,
		    "mapElements[0].viewMessageAction: belongs to an element "
		    "with a page" },
		{ "'mapElements': [{'id': #20, 'elementType': 'PAGE'}]",
		    ELEMENTS, "mapElements[0].pageElementId: is missing" },
		{ "'mapElements': [{'id': #20, 'elementType': 'INPUT'}]",
		    ELEMENTS, "mapElements[0].pageElementId: is missing" },
		{ "'mapElements': [{'id': #20, 'elementType': 'INPUT', "
		    "'pageElementId': #99}]", ELEMENTS,
		    "mapElements[0].pageElementId: "
		    "00000000-0000-0000-0000-000000000099 is no page of this "
		    "flow" },
		{ "'mapElements': [{'id': #20, 'elementType': 'STEP', "
		    "'dataActions': [{'crudOperationType': 'COPY'}]}]",
		    ELEMENTS, "mapElements[0].dataActions[0]."
		    "crudOperationType: \"COPY\" is none of LOAD, SAVE, "
		    "DELETE" },
		{ "'mapElements': [{'id': #20, 'elementType': 'STEP', "
		    "'dataActions': [{'crudOperationType': 'LOAD'}]}]",
		    ELEMENTS, "mapElements[0].dataActions[0]."
		    "objectDataRequest: is missing" },
		{ "'mapElements': [{'id': #20, 'elementType': 'STEP', "
		    "'processes': [{}]}]", ELEMENTS, "mapElements[0]: "
		    "processes are not supported by this engine" },
		{ "'mapElements': [{'id': #20, 'elementType': 'STEP', "
		    "'vote': {'voteType': 'LOUD'}}]", ELEMENTS,
		    "mapElements[0].vote.voteType: \"LOUD\" is none of COUNT, "
		    "PERCENT" },
		{ "'mapElements': [{'id': #20, 'elementType': 'STEP', "
		    "'vote': {'voteType': 'COUNT'}}]", ELEMENTS,
		    "mapElements[0].vote: users vote, and here nobody has to "
		    "log in" },
		{ START_WITH("'flowOut': {'flowId': {}}"), ELEMENTS,
		    "mapElements[0].outcomes[0].flowOut.flowId.id: is "
		    "missing" },
		{ "'navigationElements': [{'id': #70, 'navigationItems': ["
		    "{'id': #71, 'locationMapElementId': #99}]}], " VALUES,
		    VALUES, "navigationElements[0].navigationItems[0]."
		    "locationMapElementId: "
		    "00000000-0000-0000-0000-000000000099 is no map element of "
		    "this flow" },
		{ "'mapElements': [{'id': #20, 'elementType': 'STEP', "
		    "'groupElementId': #80}]", ELEMENTS,
		    "mapElements[0].groupElementId: "
		    "00000000-0000-0000-0000-000000000080 is no group of this "
		    "flow" },
		{ "'groupElements': [{'id': #80, 'authorization': "
		    "{'globalAuthenticationType': 'FRIENDS'}}], "
		    "'mapElements': [{'id': #20, 'elementType': 'STEP', "
		    "'groupElementId': #80}]", ELEMENTS,
		    "mapElements[0].groupElementId.authorization."
		    "globalAuthenticationType: \"FRIENDS\" is none of PUBLIC, "
		    "ALL_USERS, SPECIFIED" },
		{ "'mapElements': [{'id': #20, 'elementType': 'SUBFLOW'}]",
		    ELEMENTS, "mapElements[0].subflow.flowId.id: is missing" },
		{ "'mapElements': [{'id': #20, 'elementType': 'subflow', "
		    "'subflow': {'flowId': {'id': #9}, 'arguments': [{"
		    "'valueElementInSubflowId': {'id': #40}}]}}]", ELEMENTS,
		    "mapElements[0].subflow.arguments[0]."
		    "valueElementToApplyId: is missing" },
		{ START_WITH("'order': 'first'"), ELEMENTS,
		    "mapElements[0].outcomes[0].order: must be a whole "
		    "number" },
		{ START_WITH("'pageActionBindingType': 'MAYBE'"), ELEMENTS,
		    "mapElements[0].outcomes[0].pageActionBindingType: "
		    "\"MAYBE\" is none of SAVE, NO_SAVE, PARTIAL_SAVE" },
		{ START_WITH("'comparison': {'rules': null}"), ELEMENTS,
		    "mapElements[0].outcomes[0].comparison: has neither rules "
		    "nor comparisons" },
		{ START_WITH("'comparison': {'comparisonType': 'XOR'}"),
		    ELEMENTS, "mapElements[0].outcomes[0].comparison."
		    "comparisonType: \"XOR\" is neither AND nor OR" },
		{ RULE("{'id': #40}", "LIKE", "{'id': #40}"), ELEMENTS,
		    "mapElements[0].outcomes[0].comparison.rules[0]."
		    "criteriaType: \"LIKE\" is not supported by this engine" },
		{ RULE("null", "EQUAL", "{'id': #40}"), ELEMENTS,
		    "mapElements[0].outcomes[0].comparison.rules[0]: "
		    "leftValueElementToReferenceId: is missing" },
		{ RULE("{'id': #40}", "EQUAL", "{'id': #99}"), ELEMENTS,
		    "mapElements[0].outcomes[0].comparison.rules[0]."
		    "rightValueElementToReferenceId: "
		    "00000000-0000-0000-0000-000000000099 is no value of this "
		    "flow" },
		{ RULE("{'id': '03dc41dd-1c6b-4b33-bf61-cbd1d0778fff', "
		    "'typeElementPropertyId': #50}", "EQUAL", "{'id': #40}"),
		    ELEMENTS, "mapElements[0].outcomes[0].comparison.rules[0]."
		    "leftValueElementToReferenceId.typeElementPropertyId: "
		    "00000000-0000-0000-0000-000000000050 is no property of "
		    "the type $User" },
		{ RULE("{'id': #41, 'command': 'GET_NEXT'}", "IS_EMPTY",
		    "{'id': #40}"), ELEMENTS,
		    "mapElements[0].outcomes[0].comparison.rules[0]."
		    "leftValueElementToReferenceId: GET_NEXT belongs to an "
		    "operation" },
		{ RULE("{'id': #41}", "EQUAL", "{'id': #40}"), ELEMENTS,
		    "mapElements[0].outcomes[0].comparison.rules[0]: objects "
		    "and lists can only be compared by IS_EMPTY" },
		{ RULE("{'id': #40, 'typeElementPropertyId': #50}", "EQUAL",
		    "{'id': #40}"), ELEMENTS,
		    "mapElements[0].outcomes[0].comparison.rules[0]."
		    "leftValueElementToReferenceId: V is no object, so it has "
		    "no properties" },
		{ OPERATOR_WITH("'macroElementToExecuteId': #60"), ELEMENTS,
		    "mapElements[2].operations[0]: macros are not supported by "
		    "this engine" },
		{ OPERATOR_WITH("'order': 1"), ELEMENTS,
		    "mapElements[2].operations[0]: valueElementToApplyId: is "
		    "missing" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #40}"),
		    ELEMENTS, "mapElements[2].operations[0]: "
		    "valueElementToReferenceId: is missing" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #40, "
		    "'command': 'DETACH'}"), ELEMENTS,
		    "mapElements[2].operations[0]: V is neither an object nor "
		    "a list, so it cannot be detached" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #40, "
		    "'command': 'REMOVE'}"), ELEMENTS,
		    "mapElements[2].operations[0]: V is neither a list nor a "
		    "number, so nothing can be removed from it" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #40, "
		    "'command': 'SHUFFLE'}"), ELEMENTS,
		    "mapElements[2].operations[0]: the command \"SHUFFLE\" is "
		    "not supported by this engine" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #41, "
		    "'typeElementPropertyId': #50}, "
		    "'valueElementToReferenceId': {'id': #40}"), ELEMENTS,
		    "mapElements[2].operations[0]: valueElementToApplyId: L is "
		    "a list; a property of one of its objects cannot be set" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #40}, "
		    "'valueElementToReferenceId': {'id': #41, "
		    "'command': 'GET_FIRST'}"), ELEMENTS,
		    "mapElements[2].operations[0]: V and L: objects and plain "
		    "content cannot be mixed" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #40}, "
		    "'valueElementToReferenceId': {'id': #41, "
		    "'command': 'GET_LAST'}"), ELEMENTS,
		    "mapElements[2].operations[0].valueElementToReferenceId: "
		    "the command \"GET_LAST\" is not supported by this "
		    "engine" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #40}, "
		    "'valueElementToReferenceId': {'id': #40, "
		    "'command': 'GET_FIRST'}"), ELEMENTS,
		    "mapElements[2].operations[0].valueElementToReferenceId: "
		    "V is no list, as GET_FIRST needs one" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #41}, "
		    "'valueElementToReferenceId': {'id': #41, "
		    "'command': 'FILTER'}"), ELEMENTS,
		    "mapElements[2].operations[0].valueElementToReferenceId: "
		    "FILTER needs properties: COLUMN, CRITERIA, VALUE" },
		{ OPERATOR_WITH("'valueElementToApplyId': {'id': #40}, "
		    "'valueElementToReferenceId': {'id': #41}"), ELEMENTS,
		    "mapElements[2].operations[0]: V and L: objects and plain "
		    "content cannot be mixed" },
		{ OPERATOR_WITH("'valueElementToApplyId': "
		    "{'id': 'be1bc78e-fd57-40ec-9a86-a815de2a9e28', "
		    "'command': 'EMPTY'}"), ELEMENTS,
		    "mapElements[2].operations[0]: valueElementToApplyId: "
		    "$True is a constant" },
		{ COMPONENT_WITH("'x': 1"), PAGES, "pageElements[0]."
		    "pageComponents[0]: pageContainerId: is missing" },
		{ COMPONENT_WITH("'pageContainerId': #99"), PAGES,
		    "pageElements[0].pageComponents[0]: pageContainerId: "
		    "\"00000000-0000-0000-0000-000000000099\" is no container "
		    "of this page" },
		{ COMPONENT_WITH("'pageContainerId': #31, "
		    "'objectDataRequest': {'x': 1}"), PAGES,
		    "pageElements[0].pageComponents[0].objectDataRequest."
		    "typeElementBindingId: is missing" },
		{ COMPONENT_WITH("'pageContainerId': #31, "
		    "'objectDataRequest': {'typeElementBindingId': #99}"),
		    PAGES, "pageElements[0].pageComponents[0]."
		    "objectDataRequest.typeElementBindingId: "
		    "00000000-0000-0000-0000-000000000099 is no binding of a "
		    "type of this flow to one of its services" },
		{ COMPONENT_WITH("'pageContainerId': #31, "
		    "'contentType': 'Text'"), PAGES,
		    "pageElements[0].pageComponents[0].contentType: \"Text\" "
		    "is no content type" },
		{ COMPONENT_WITH("'isRequired': 'yes'"), PAGES,
		    "pageElements[0].pageComponents[0].isRequired: must be "
		    "true or false" },
		{ CONDITION_WITH("'x': 1"), PAGES,
		    "pageElements[0].pageConditions[0]: has no pageRules" },
		{ CONDITION_WITH("'pageRules': [{'criteriaType': 'EQUAL'}]"),
		    PAGES, "pageElements[0].pageConditions[0].pageRules[0]."
		    "left: is missing" },
		{ CONDITION_WITH("'pageRules': [{'left': {"
		    "'pageObjectReferenceId': #99}}]"), PAGES,
		    "pageElements[0].pageConditions[0].pageRules[0].left."
		    "pageObjectReferenceId: "
		    "00000000-0000-0000-0000-000000000099 is neither a "
		    "component nor a container of this page" },
		{ CONDITION_WITH("'pageRules': [{'left': {"
		    "'pageObjectReferenceId': #31, "
		    "'metadataType': 'VALUE'}}]"), PAGES,
		    "pageElements[0].pageConditions[0].pageRules[0].left: a "
		    "container has neither a value nor is it required" },
		{ CONDITION_WITH("'pageRules': [{'left': {"
		    "'metadataType': 'METADATA.COLOUR'}}]"), PAGES,
		    "pageElements[0].pageConditions[0].pageRules[0].left."
		    "metadataType: \"METADATA.COLOUR\" is none of VALUE, "
		    "METADATA.VISIBLE, METADATA.ENABLED, METADATA.EDITABLE, "
		    "METADATA.REQUIRED" },
		{ CONDITION_WITH("'pageRules': [{'left': {"
		    "'metadataType': 'VALUE'}}]"), PAGES,
		    "pageElements[0].pageConditions[0].pageRules[0].left: "
		    "names neither a part of the page nor a value" },
		{ "'valueElements': [{'id': #40, 'developerName': 'V', "
		    "'contentType': 'Text'}]", VALUES,
		    "valueElements[0].contentType: \"Text\" is no content "
		    "type" },
		{ "'valueElements': [{'id': #40, 'developerName': 'V', "
		    "'contentType': 'ContentNumber', "
		    "'defaultContentValue': 'ten'}]", VALUES,
		    "valueElements[0].defaultContentValue: \"ten\" is not "
		    "ContentNumber" },
		{ "'valueElements': [{'id': #40, 'developerName': 'V', "
		    "'contentType': 'ContentObject', 'typeElementId': #60}]",
		    VALUES, "valueElements[0].typeElementId: "
		    "00000000-0000-0000-0000-000000000060 is no type of this "
		    "flow" },
		{ "'typeElements': [{'id': #60, 'developerName': 'T', "
		    "'properties': [{'id': #61, 'developerName': 'P', "
		    "'contentType': 'Text'}]}], " VALUES, VALUES,
		    "typeElements[0].properties[0].contentType: \"Text\" is "
		    "no content type" },
		{ "'typeElements': [{'id': #60, 'developerName': 'T'}, "
		    "{'id': #60, 'developerName': 'U'}], " VALUES, VALUES,
		    "typeElements[1]: another type has the id "
		    "00000000-0000-0000-0000-000000000060" },
		{ "'valueElements': [{'id': #40, 'developerName': 'V', "
		    "'contentType': 'ContentString', "
		    "'initializationOperations': [{}]}]", VALUES,
		    "valueElements[0].initializationOperations[0]: "
		    "valueElementToApplyId: is missing" },
		{ "'valueElements': [{'id': #40, 'developerName': 'V', "
		    "'contentType': 'ContentString', 'access': 'ALL'}]",
		    VALUES, "valueElements[0].access: \"ALL\" is none of "
		    "PRIVATE, INPUT, OUTPUT, INPUT_OUTPUT, PUBLIC" },
		{ "'valueElements': [{'id': #40, 'developerName': 'V', "
		    "'contentType': 'ContentString'}, {'id': #40, "
		    "'developerName': 'W', 'contentType': 'ContentString'}]",
		    VALUES, "valueElements[1]: another value has the id "
		    "00000000-0000-0000-0000-000000000040" },
		{ "'authorization': {'globalAuthenticationType': 'ALL_USERS'}, "
		    VALUES, VALUES, "authorization: serviceElementId is "
		    "missing: users have to log in, and nothing says where" },
		{ "'authorization': {'serviceElementId': #80}, " VALUES,
		    VALUES, "authorization.serviceElementId: "
		    "00000000-0000-0000-0000-000000000080 is no service of "
		    "this flow" },
	};
	static const char *const parts[] = { ID, NAME, START, ELEMENTS, PAGES,
	    VALUES };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct buf text = { 0 };
		struct err err;
		json_t *json;

		for (size_t j = 0; j < 6; j++)
			buf_printf(&text, "%s%s", j == 0 ? "{" : ", ",
			    strcmp(parts[j], rows[i].of) == 0 ?
			    rows[i].instead : parts[j]);
		buf_char(&text, '}');
		json = json_of(buf_cstr(&text));
		if (build(arena, json, &err) != NULL)
			fail_msg("row %zu: no mistake (%s)", i,
			    rows[i].sentence);
		if (strncmp(err.text, "f.json: ", 8) != 0 ||
		    strcmp(err.text + 8, rows[i].sentence) != 0)
			fail_msg("row %zu: %s", i, err.text);
		json_decref(json);
		buf_fini(&text);
		arena_free(&arena);
	}
}

static void
a_good_snapshot_is_read(void **state)
{
	struct arena *arena = arena_new(0);
	json_t *json = json_of("{" ID "," NAME "," START "," ELEMENTS ","
	    PAGES "," VALUES ", 'restrictions': {'execution': "
	    "{'enabled': true, 'countries': ['GB']}, 'access': null}}");
	struct guid page = guid_number(0x20);
	const struct flow *flow;
	struct err err;

	(void)state;
	flow = build(arena, json, &err);
	if (flow == NULL)
		fail_msg("%s", err.text);
	assert_int_equal(flow->start->type, ELEMENT_START);
	assert_ptr_equal(flow->start->outcomes[0].next,
	    flow_element(flow, &page));
	assert_int_equal(flow->nvalues, 8);	/* six are the system's */
	assert_non_null(flow_value_named(flow, SLICE("v")));
	assert_null(flow_value_named(flow, SLICE("w")));
	assert_non_null(flow->restrictions.execution);
	assert_null(flow->restrictions.access);
	json_decref(json);
	arena_free(&arena);
}

/* A hostile file must not exhaust the stack. */
static void
depth_is_limited(void **state)
{
	static const struct {
		const char	*open, *close, *sentence;
	} rows[] = {
		{ "{'comparisons': [", "]}", "nested more than 16 deep" },
		{ "{'id': #31, 'pageContainers': [", "]}",
		    "containers are nested more than 16 deep" },
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct arena *arena = arena_new(0);
		struct buf text = { 0 };
		struct err err;
		json_t *json;

		buf_text(&text, "{" ID "," NAME "," START "," VALUES ",");
		buf_text(&text, i == 0 ? "'mapElements': [{'id': #10, "
		    "'elementType': 'START', 'outcomes': [{'id': #11, "
		    "'nextMapElementId': #10, 'comparison': " :
		    "'pageElements': [{'id': #30, 'pageContainers': [");
		for (int j = 0; j < 100; j++)
			buf_text(&text, rows[i].open);
		for (int j = 0; j < 100; j++)
			buf_text(&text, rows[i].close);
		buf_text(&text, i == 0 ? "}]}]}" : "]}]}");
		json = json_of(buf_cstr(&text));
		assert_null(build(arena, json, &err));
		assert_non_null(strstr(err.text, rows[i].sentence));
		json_decref(json);
		buf_fini(&text);
		arena_free(&arena);
	}
}

/* --- the directory ------------------------------------------------------------ */

static char complaints[4096];

static void
complain(const char *text)
{
	strncat(complaints, text, sizeof(complaints) - strlen(complaints) - 1);
	strncat(complaints, "\n", 2);
}

static void
write_file(const char *dir, const char *name, const char *text)
{
	char path[128], *whole = expand(text);
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(whole, f);
	fclose(f);
	free(whole);
}

#define FILE_OF(version, more) "{'id': {'id': #1, 'versionId': " version \
	"}, " more NAME "," START "," ELEMENTS "," PAGES "," VALUES "}"

static void
a_directory_holds_versions(void **state)
{
	static const char *const names[] = { "a.json", "b.json", "bad.json",
	    "c.json", "dup.json", "empty.json", "note.txt" };
	char dir[] = "/tmp/portolan-flows-XXXXXX", path[64];
	struct guid id = guid_number(1), v2 = guid_number(2),
	    v3 = guid_number(3), v9 = guid_number(9);
	struct flows *flows;
	struct err err;
	size_t bad;

	(void)state;
	assert_non_null(mkdtemp(dir));
	write_file(dir, "a.json", FILE_OF("#2", ""));
	write_file(dir, "b.json", FILE_OF("#3", "'isDefault': true,"));
	write_file(dir, "c.json", FILE_OF("#4", ""));
	write_file(dir, "bad.json", "{'id': 1");
	write_file(dir, "dup.json", FILE_OF("#2", ""));
	write_file(dir, "empty.json", "");
	write_file(dir, "note.txt", "not looked at");
	snprintf(path, sizeof(path), "%s/folder.json", dir);
	assert_int_equal(mkdir(path, 0700), 0);

	flows = flows_load(dir, complain, &bad, &err);
	assert_non_null(flows);
	assert_int_equal(flows_count(flows), 3);
	assert_int_equal(bad, 4);
	assert_non_null(strstr(complaints, "bad.json:1:8: '}' expected near "
	    "end of file"));
	assert_non_null(strstr(complaints, "dup.json: another file holds this "
	    "version of flow 00000000-0000-0000-0000-000000000001 already"));
	assert_non_null(strstr(complaints, "folder.json: is not a regular "
	    "file"));
	assert_string_equal(flows_find(flows, &id, NULL)->version,
	    "00000000-0000-0000-0000-000000000003");	/* the default */
	assert_memory_equal(flows_find(flows, &id, &v2)->version_guid.bytes,
	    v2.bytes, 16);
	assert_memory_equal(flows_find(flows, &id, &v3)->version_guid.bytes,
	    v3.bytes, 16);
	assert_null(flows_find(flows, &id, &v9));
	assert_null(flows_find(flows, &v2, NULL));
	flows_free(&flows);

	rmdir(path);
	for (size_t i = 0; i < 7; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
	assert_null(flows_load(dir, complain, &bad, &err));
	assert_non_null(strstr(err.text, "No such file or directory"));
}

static void
the_samples_are_good(void **state)
{
	struct flows *flows;
	struct err err;
	size_t bad;

	(void)state;
	complaints[0] = '\0';
	flows = flows_load("conf/flows", complain, &bad, &err);
	assert_non_null(flows);
	assert_string_equal(complaints, "");
	assert_int_equal(bad, 0);
	assert_true(flows_count(flows) >= 1);
	flows_free(&flows);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_have_a_sentence),
		cmocka_unit_test(a_good_snapshot_is_read),
		cmocka_unit_test(depth_is_limited),
		cmocka_unit_test(a_directory_holds_versions),
		cmocka_unit_test(the_samples_are_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
