/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/json_scan.h"

/* flowId.id and stateId of a document, and how it ends. */
struct row {
	const char	*text;
	enum json_end	 end;
	enum json_seen	 flow, state;
	const char	*flow_text, *state_text;
};

static void
check(const struct row *row)
{
	struct json_want wants[] = {
		{ .path = { "flowId", "id" } }, { .path = { "stateId" } },
	};
	enum json_end end = json_scan(slice_of(row->text), wants, 2);

	if (end != row->end || (end != JSON_BAD &&
	    (wants[0].seen != row->flow || wants[1].seen != row->state)))
		fail_msg("%s: %d, %d '%.*s', %d '%.*s'", row->text, (int)end,
		    (int)wants[0].seen, wants[0].len, wants[0].text,
		    (int)wants[1].seen, wants[1].len, wants[1].text);
	if (row->flow_text != NULL)
		assert_true(slice_is((struct slice){ wants[0].text,
		    wants[0].len }, row->flow_text));
	if (row->state_text != NULL)
		assert_true(slice_is((struct slice){ wants[1].text,
		    wants[1].len }, row->state_text));
}

static void
finds_what_was_asked_for(void **state)
{
	static const struct row rows[] = {
		{ "{\"flowId\":{\"id\":\"F\"},\"stateId\":\"S\"}",
		    JSON_COMPLETE, JSON_TEXT, JSON_TEXT, "F", "S" },
		{ " { \"flowId\" : { \"versionId\" : null , \"id\" : \"F\" } }\n",
		    JSON_COMPLETE, JSON_TEXT, JSON_ABSENT, "F", NULL },
		{ "{\"FLOWID\":{\"Id\":\"F\"}}", JSON_COMPLETE, JSON_TEXT,
		    JSON_ABSENT, "F", NULL },
		{ "{\"flow\\u0049d\":{\"\\u0069d\":\"\\u0046\"}}",
		    JSON_COMPLETE, JSON_TEXT, JSON_ABSENT, "F", NULL },
		{ "\xef\xbb\xbf{\"stateId\":\"S\"}", JSON_COMPLETE,
		    JSON_ABSENT, JSON_TEXT, NULL, "S" },
		{ "{\"flowId\":null,\"stateId\":null}", JSON_COMPLETE,
		    JSON_ABSENT, JSON_NULL, NULL, NULL },
		{ "{\"flowId\":{\"id\":7}}", JSON_COMPLETE, JSON_UNUSABLE,
		    JSON_ABSENT, NULL, NULL },
		{ "{\"flowId\":{\"id\":[\"F\"]}}", JSON_COMPLETE,
		    JSON_UNUSABLE, JSON_ABSENT, NULL, NULL },
		{ "{\"flowId\":\"F\",\"stateId\":true}", JSON_COMPLETE,
		    JSON_ABSENT, JSON_UNUSABLE, NULL, NULL },
		/* only where it belongs */
		{ "{\"a\":{\"flowId\":{\"id\":\"F\"},\"stateId\":\"S\"}}",
		    JSON_COMPLETE, JSON_ABSENT, JSON_ABSENT, NULL, NULL },
		{ "[{\"stateId\":\"S\"}]", JSON_COMPLETE, JSON_ABSENT,
		    JSON_ABSENT, NULL, NULL },
		{ "{\"flowId\":{\"x\":{\"id\":\"F\"}}}", JSON_COMPLETE,
		    JSON_ABSENT, JSON_ABSENT, NULL, NULL },
		{ "{\"flowId\":[{\"id\":\"F\"}]}", JSON_COMPLETE, JSON_ABSENT,
		    JSON_ABSENT, NULL, NULL },
		/* strings hide what they hold */
		{ "{\"a\":\"\\\"stateId\\\":\\\"X\\\"\",\"stateId\":\"S\"}",
		    JSON_COMPLETE, JSON_ABSENT, JSON_TEXT, NULL, "S" },
		/* twice the same is once */
		{ "{\"stateId\":\"S\",\"STATEID\":\"S\"}", JSON_COMPLETE,
		    JSON_ABSENT, JSON_TEXT, NULL, "S" },
		{ "{\"stateId\":\"S\",\"stateId\":\"T\"}", JSON_COMPLETE,
		    JSON_ABSENT, JSON_UNUSABLE, NULL, NULL },
		{ "{\"stateId\":\"S\",\"stateId\":null}", JSON_COMPLETE,
		    JSON_ABSENT, JSON_UNUSABLE, NULL, NULL },
		{ "{\"stateId\":\"S\",\"stateId\":\"T\",\"stateId\":\"S\"}",
		    JSON_COMPLETE, JSON_ABSENT, JSON_UNUSABLE, NULL, NULL },
		{ "{\"flowId\":{\"id\":\"F\"},\"flowId\":{}}", JSON_COMPLETE,
		    JSON_UNUSABLE, JSON_ABSENT, NULL, NULL },
		{ "{\"flowId\":null,\"FlowId\":{\"id\":\"F\"}}",
		    JSON_COMPLETE, JSON_UNUSABLE, JSON_ABSENT, NULL, NULL },
		{ "{\"flowId\":{\"id\":\"F\",\"id\":\"G\"}}", JSON_COMPLETE,
		    JSON_UNUSABLE, JSON_ABSENT, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check(&rows[i]);
}

/* Whatever has come of a good document is good, and no more than was there
 * is found. */
static void
every_front_of_a_document(void **state)
{
	static const char text[] = "\xef\xbb\xbf{\"n\":[-1.5e+3,0,true,false,null,\"\\ud83d"
	    "\\ude00\xc3\xa9\"],\"flowId\":{\"id\":\"FLOW\"},\"o\":{},"
	    "\"stateId\":\"STATE\"}";
	size_t flow_at = (size_t)(strstr(text, "FLOW\"") - text) + 5;
	size_t state_at = (size_t)(strstr(text, "STATE\"") - text) + 6;

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++) {
		struct json_want wants[] = {
			{ .path = { "flowId", "id" } },
			{ .path = { "stateId" } },
		};
		enum json_end end = json_scan((struct slice){ text, len },
		    wants, 2);

		if (len == sizeof(text) - 1)
			assert_int_equal(end, JSON_COMPLETE);
		else if (end != JSON_MORE)
			fail_msg("%d after %zu bytes", (int)end, len);
		assert_int_equal(wants[0].seen == JSON_TEXT, len >= flow_at);
		assert_int_equal(wants[1].seen == JSON_TEXT, len >= state_at);
	}
}

static void
refuses_what_is_no_json(void **state)
{
	static const char *const bad[] = {
		"x", "{x:1}", "{'a':1}", "{\"a\" 1}", "{\"a\":1,}", "{,}",
		"[1,]", "[1 2]", "{\"a\":01}", "{\"a\":1.}", "{\"a\":.5}",
		"{\"a\":+1}", "{\"a\":1e}", "{\"a\":-}", "{\"a\":tru}",
		"{\"a\":nul1}", "{\"a\":\"\n\"}", "{\"a\":\"\\x\"}",
		"{\"a\":\"\\u12g4\"}", "{\"a\":\"\\ud800x.....\"}",
		"{\"a\":\"\\ud800\\u0041\"}", "{\"a\":\"\\udc00\"}",
		"{\"a\":\"\xff....\"}", "{\"a\":\"\xc0\xaf..\"}",
		"}",
		"/* c */ {}", "{\"a\":NaN}", "]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct json_want want = { .path = { "a" } };

		if (json_scan(slice_of(bad[i]), &want, 1) != JSON_BAD)
			fail_msg("'%s'", bad[i]);
	}
}

static void
depth_and_length_are_limited(void **state)
{
	char deep[2 * JSON_DEPTH_MAX + 4], longer[600];
	struct json_want want = { .path = { "a" } };

	(void)state;
	memset(deep, '[', sizeof(deep));
	assert_int_equal(json_scan((struct slice){ deep, JSON_DEPTH_MAX },
	    &want, 1), JSON_MORE);
	assert_int_equal(json_scan((struct slice){ deep, JSON_DEPTH_MAX + 1 },
	    &want, 1), JSON_BAD);
	memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
	assert_int_equal(json_scan((struct slice){ deep, 2 * JSON_DEPTH_MAX },
	    &want, 1), JSON_COMPLETE);

	/* a long value is cut, a long name is nobody's */
	snprintf(longer, sizeof(longer), "{\"a\":\"%0300d\",\"%0200d\":1}", 0,
	    0);
	assert_int_equal(json_scan(slice_of(longer), &want, 1),
	    JSON_COMPLETE);
	assert_int_equal(want.seen, JSON_TEXT);
	assert_int_equal(want.len, JSON_TEXT_KEPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_was_asked_for),
		cmocka_unit_test(every_front_of_a_document),
		cmocka_unit_test(refuses_what_is_no_json),
		cmocka_unit_test(depth_and_length_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
