/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "world.h"

#include "http/h1.h"
#include "policy/flow_token.h"
#include "policy/peek.h"

#define T1 "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"	/* restricted flows */
#define T2 "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a02"	/* its own alone */
#define T3 "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a03"	/* unrestricted */
#define F1 "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"
#define F2 "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c02"
#define S1 "43abcdef-0000-8000-8000-000000000000"	/* region 3 */
#define S2 "44abcdee-0000-8000-8000-000000000000"
#define ALIEN "00000000-0000-4000-8000-000000000000"	/* not of our making */

static struct world world;

static int
set_up(void **state)
{
	struct restrictions_builder *b;

	(void)state;
	world_open(&world, "tests/data/region-map-6.yaml");
	b = restrictions_begin(world.arena, world_key);
	restrictions_add(b, T1, F1, world_pair(world.arena, NULL, "+EU"));
	restrictions_add(b, T2, NULL, world_pair(world.arena, NULL, "+EU"));
	world_restrict(&world, b);
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	world_close(&world);
	return 0;
}

struct head_row {
	const char	*path, *query, *tenant, *state;
	bool		 has_body;
	enum h1_method	 method;
	enum peek_end	 end;
	enum flow_knowledge knowledge;	/* not after PEEK_MORE */
};

static void
what_the_head_tells(void **state)
{
	static const struct head_row rows[] = {
		/* nobody is held up without a reason */
		{ "/api/draw/1", NULL, T1, NULL, true, METHOD_POST,
		    PEEK_FOUND, FLOW_NOT_NEEDED },
		{ "/api/run/1", NULL, T3, NULL, true, METHOD_POST,
		    PEEK_FOUND, FLOW_NOT_NEEDED },
		{ "/api/run/1", NULL, T2, NULL, true, METHOD_POST,
		    PEEK_FOUND, FLOW_NOT_NEEDED },
		{ "/api/run/1/flow", NULL, T1, NULL, false, METHOD_GET,
		    PEEK_FOUND, FLOW_NOT_NEEDED },
		{ "/api/run/1/flow/name/x", NULL, T1, NULL, false, METHOD_GET,
		    PEEK_FOUND, FLOW_NOT_NEEDED },
		/* but for whom it may concern */
		{ "/api/run/1", NULL, T1, NULL, true, METHOD_POST, PEEK_MORE,
		    FLOW_UNKNOWN },
		{ "/api/run/1", NULL, T1, NULL, false, METHOD_GET,
		    PEEK_NOT_FOUND, FLOW_UNKNOWN },
		{ "/api/run/1/state", NULL, T1, NULL, true, METHOD_POST,
		    PEEK_MORE, FLOW_UNKNOWN },
		{ "/api/run/1/state/" S1, NULL, T1, NULL, true, METHOD_POST,
		    PEEK_FOUND, FLOW_BY_TAG },
		{ "/api/run/1/state/" ALIEN, NULL, T1, NULL, true,
		    METHOD_POST, PEEK_NOT_FOUND, FLOW_UNKNOWN },
		{ "/api/run/1/state/" ALIEN, NULL, T1, S1, true, METHOD_POST,
		    PEEK_NOT_FOUND, FLOW_UNKNOWN },	/* the path counts */
		{ "/api/run/1/state/out/" S1 "/o", NULL, T1, NULL, true,
		    METHOD_POST, PEEK_FOUND, FLOW_BY_TAG },
		{ "/api/run/1/flow/" F1 "/v/customPageComponents", NULL, T1,
		    NULL, false, METHOD_GET, PEEK_FOUND, FLOW_BY_ID },
		{ "/api/run/1/flow/%7B" F1 "%7D", NULL, T1, NULL, false,
		    METHOD_GET, PEEK_NOT_FOUND, FLOW_UNKNOWN },
		{ "/api/run/1/service/data", NULL, T1, S1, true, METHOD_POST,
		    PEEK_FOUND, FLOW_BY_TAG },
		{ "/api/run/1/service/data", NULL, T1, NULL, true,
		    METHOD_POST, PEEK_MORE, FLOW_UNKNOWN },
		{ "/api/run/1/service/data", NULL, T1, ALIEN, true,
		    METHOD_POST, PEEK_MORE, FLOW_UNKNOWN },
		{ "/api/service/1/file/content", NULL, T1, NULL, true,
		    METHOD_POST, PEEK_MORE, FLOW_UNKNOWN },
		{ "/api/run/1/social/stream/x", NULL, T1, S1, false,
		    METHOD_GET, PEEK_FOUND, FLOW_BY_TAG },
		{ "/api/run/1/social/stream/x", NULL, T1, NULL, true,
		    METHOD_POST, PEEK_NOT_FOUND, FLOW_UNKNOWN },
		{ "/api/run/1/unheard/of", NULL, T1, NULL, false, METHOD_GET,
		    PEEK_NOT_FOUND, FLOW_UNKNOWN },
		/* tokens */
		{ "/api/run/1/response", NULL, T1, NULL, true, METHOD_POST,
		    PEEK_MORE, FLOW_UNKNOWN },
		{ "/api/run/1/response", NULL, T2, NULL, true, METHOD_POST,
		    PEEK_NOT_FOUND, FLOW_EXEMPT_UNKNOWN },
		{ "/api/run/1/response", NULL, NULL, NULL, true, METHOD_POST,
		    PEEK_MORE, FLOW_UNKNOWN },
		{ "/api/run/1/oauth2", "code=x&state=" S1 "." T1 ".mac", NULL,
		    NULL, false, METHOD_GET, PEEK_FOUND, FLOW_EXEMPT },
		{ "/api/run/1/oauth2", "state=" S1 "%2E" T1 "%2Emac", NULL,
		    NULL, false, METHOD_GET, PEEK_FOUND, FLOW_EXEMPT },
		{ "/api/run/1/oauth2", "state=" S1 "." T1 ".a&state=" S2 "."
		    T1 ".a", NULL, NULL, false, METHOD_GET, PEEK_NOT_FOUND,
		    FLOW_EXEMPT_UNKNOWN },
		{ "/api/run/1/oauth2", "state=alien", NULL, NULL, false,
		    METHOD_GET, PEEK_NOT_FOUND, FLOW_EXEMPT_UNKNOWN },
		{ "/api/run/1/oauth2", "state=" S1 "%2", NULL, NULL, false,
		    METHOD_GET, PEEK_NOT_FOUND, FLOW_EXEMPT_UNKNOWN },
		{ "/api/run/1/oauth2", NULL, NULL, NULL, false, METHOD_GET,
		    PEEK_NOT_FOUND, FLOW_EXEMPT_UNKNOWN },
		{ "/api/run/1/saml", NULL, NULL, NULL, true, METHOD_POST,
		    PEEK_MORE, FLOW_UNKNOWN },
		/* without a tenant */
		{ "/api/run/1", NULL, NULL, NULL, false, METHOD_OPTIONS,
		    PEEK_FOUND, FLOW_NOT_NEEDED },
		{ "/api/run/1/state/" S1, NULL, NULL, NULL, false,
		    METHOD_OPTIONS, PEEK_FOUND, FLOW_NOT_NEEDED },
		{ "/api/run/1/state/" S1, NULL, NULL, NULL, true,
		    METHOD_OPTIONS, PEEK_FOUND, FLOW_BY_TAG },
		{ "/api/run/1", NULL, NULL, NULL, true, METHOD_POST,
		    PEEK_FOUND, FLOW_NOT_NEEDED },
		{ "/api/run/1/service/data", NULL, NULL, S1, true,
		    METHOD_POST, PEEK_FOUND, FLOW_BY_TAG },
		{ "/api/run/1/flow", NULL, NULL, NULL, false, METHOD_GET,
		    PEEK_FOUND, FLOW_NOT_NEEDED },
		{ "/api/run/1/state/" S1, NULL, NULL, NULL, false, METHOD_GET,
		    PEEK_FOUND, FLOW_BY_TAG },
		{ "/api/run/1/state/" ALIEN, NULL, NULL, NULL, false,
		    METHOD_GET, PEEK_NOT_FOUND, FLOW_UNKNOWN },
	};

	(void)state;
	/* Whether the decision asks or the peek makes no difference. */
	for (size_t n = 0; n < 2 * sizeof(rows) / sizeof(rows[0]); n++) {
		size_t i = n / 2;
		char room[PEEK_TEXT];
		struct restriction_query asked = { .set = NULL };
		struct facts facts = { .path = slice_of(rows[i].path),
		    .tenant = slice_of(rows[i].tenant), .room = room,
		    .method = (uint8_t)rows[i].method,
		    .asked = n % 2 == 0 ? NULL : &asked };
		enum peek_end end = peek_head(&world.policy,
		    slice_of(rows[i].query), slice_of(rows[i].state),
		    rows[i].has_body, &facts);

		if (end != rows[i].end || (end != PEEK_MORE &&
		    facts.knowledge != rows[i].knowledge))
			fail_msg("row %zu, %s?%s: %d %s", i, rows[i].path,
			    rows[i].query != NULL ? rows[i].query : "",
			    (int)end, flow_knowledge_name(facts.knowledge));
		if (facts.knowledge == FLOW_BY_TAG ||
		    facts.knowledge == FLOW_EXEMPT) {
			assert_int_equal(facts.tag, 0xabcdef);
			assert_true(facts.has_birth);
			assert_int_equal(facts.birth, 3);
		}
		if (facts.knowledge == FLOW_EXEMPT)
			assert_true(slice_is(facts.tenant, T1));
		if (facts.knowledge == FLOW_BY_ID && facts.asked != NULL)
			assert_string_equal(restrictions_answer(
			    &asked).flow_id, F1);
	}
}

#define JSON "application/json"
#define FORM "application/x-www-form-urlencoded"
#define PARTS "multipart/form-data; boundary=x"
#define PART(name, content) "--x\r\nContent-Disposition: form-data; name=\"" \
	name "\"\r\n\r\n" content "\r\n"

struct body_row {
	const char	*path, *type, *body;
	enum flow_knowledge knowledge;
	const char	*flow;		/* FLOW_BY_ID */
	uint32_t	 tag;		/* FLOW_BY_TAG, FLOW_EXEMPT */
};

static const struct body_row bodies[] = {
	/* initialization */
	{ "/api/run/1", JSON, "{\"flowId\":{\"id\":\"" F1 "\",\"versionId\":"
	    "null},\"stateId\":null}", FLOW_BY_ID, F1, 0 },
	{ "/api/run/2", NULL, "{\"flowId\":{\"id\":\"" F1 "\"}}", FLOW_BY_ID,
	    F1, 0 },
	{ "/api/run/1", JSON, "{\"flowId\":{\"id\":\"" F1 "\"},\"stateId\":\""
	    S1 "\"}", FLOW_BY_ID, F1, 0 },
	{ "/api/run/1", JSON, "{\"stateId\":\"" S1 "\"}", FLOW_BY_TAG, NULL,
	    0xabcdef },
	{ "/api/run/1", JSON, "{\"flowId\":{\"id\":\"\"},\"stateId\":\"" S1
	    "\"}", FLOW_BY_TAG, NULL, 0xabcdef },
	{ "/api/run/1", JSON, "{\"FLOWID\":{\"ID\":\"" F1 "\"}}", FLOW_BY_ID,
	    F1, 0 },
	{ "/api/run/1", JSON, "{\"flowId\":{\"id\":\"" F1 "\"},\"flowid\":"
	    "{\"id\":\"" F2 "\"}}", FLOW_UNKNOWN, NULL, 0 },
	{ "/api/run/1", JSON, "{\"flowId\":{\"id\":\"" F1 "\"},\"stateId\":\""
	    S1 "\",\"stateId\":\"" S2 "\"}", FLOW_UNKNOWN, NULL, 0 },
	{ "/api/run/1", JSON, "{\"flowId\":{\"id\":\" " F1 "\"}}",
	    FLOW_UNKNOWN, NULL, 0 },	/* some GUID readers trim */
	{ "/api/run/1", JSON, "{\"flowId\":\"" F1 "\"}", FLOW_UNKNOWN, NULL,
	    0 },
	{ "/api/run/1", JSON, "{\"flowId\":{\"id\":\"" F1 "\"}", FLOW_BY_ID,
	    F1, 0 },			/* cut off behind it */
	{ "/api/run/1", JSON, "{\"flowId\":{\"id\":\"" F1 "\"}, x}",
	    FLOW_UNKNOWN, NULL, 0 },
	{ "/api/run/1", JSON, "{}", FLOW_UNKNOWN, NULL, 0 },
	{ "/api/run/1", JSON, "", FLOW_UNKNOWN, NULL, 0 },
	{ "/api/run/1", JSON, "\xff\xfe{\0\"\0", FLOW_UNKNOWN, NULL, 0 },
	/* start and invoke in one */
	{ "/api/run/1/state", JSON, "{\"id\":\"" F1 "\"}", FLOW_BY_ID, F1, 0 },
	{ "/api/run/1/state/", JSON, "{\"id\":\"" F1 "\"}", FLOW_BY_ID, F1,
	    0 },
	{ "/api/run/1/state", JSON, "{\"developerName\":\"x\"}", FLOW_UNKNOWN,
	    NULL, 0 },
	/* data and files */
	{ "/api/run/1/service/data", JSON, "{\"stateId\":\"" S1 "\"}",
	    FLOW_BY_TAG, NULL, 0xabcdef },
	{ "/api/service/1/file", JSON, "{\"stateId\":\"" ALIEN "\"}",
	    FLOW_UNKNOWN, NULL, 0 },
	{ "/api/run/1/service/file/content", PARTS, PART("FileData", "\1\2")
	    PART("FileDataRequest", "{\"stateId\":\"" S1 "\"}") "--x--\r\n",
	    FLOW_BY_TAG, NULL, 0xabcdef },
	{ "/api/run/1/service/file/content", PARTS,
	    PART("filedatarequest", "{\"stateId\":\"" S1 "\"}")
	    PART("FileData", "\1\2") "--x--", FLOW_BY_TAG, NULL, 0xabcdef },
	{ "/api/run/1/service/file/content", PARTS,
	    PART("FileDataRequest", "{\"stateId\":\"" S1 "\"}")
	    PART("FileData", "the body goes on and o"), FLOW_BY_TAG, NULL,
	    0xabcdef },
	{ "/api/run/1/service/file/content", PARTS,
	    PART("FileDataRequest", "{\"stateId\":\"" S1 "\"}")
	    PART("FileDataRequest", "{\"stateId\":\"" S2 "\"}") "--x--\r\n",
	    FLOW_UNKNOWN, NULL, 0 },
	{ "/api/run/1/service/file/content", PARTS,
	    PART("FileDataRequest", "{\"stateId\":\"" S1 "\"}")
	    PART("FileDataRequest", "{\"stateId\":\"" S1 "\"}") "--x--\r\n",
	    FLOW_BY_TAG, NULL, 0xabcdef },
	{ "/api/run/1/service/file/content", PARTS,
	    PART("FileData", "{\"stateId\":\"" S1 "\"}") "--x--\r\n",
	    FLOW_UNKNOWN, NULL, 0 },
	{ "/api/run/1/service/file/content", PARTS, "no parts", FLOW_UNKNOWN,
	    NULL, 0 },
	{ "/api/run/1/service/file/content", JSON, "{\"stateId\":\"" S1 "\"}",
	    FLOW_BY_TAG, NULL, 0xabcdef },
	{ "/api/file/1", PARTS, PART("FileDataRequest", "{\"stateId\":\"" S1
	    "\"}") "--x--\r\n", FLOW_BY_TAG, NULL, 0xabcdef },
	/* callbacks and login returns */
	{ "/api/run/1/response", JSON, "{\"token\":\"" S1 "." T1 ".mac\"}",
	    FLOW_EXEMPT, NULL, 0xabcdef },
	{ "/api/run/1/event", JSON, "{\"token\":\"opaque\"}",
	    FLOW_EXEMPT_UNKNOWN, NULL, 0 },
	{ "/api/run/1/response", JSON, "{\"token\":\"" S1 "." T1 ".a\","
	    "\"Token\":\"" S2 "." T1 ".a\"}", FLOW_EXEMPT_UNKNOWN, NULL, 0 },
	{ "/api/run/1/saml", FORM, "SAMLResponse=x%3D&RelayState=" S1 "." T1
	    ".mac", FLOW_EXEMPT, NULL, 0xabcdef },
	{ "/api/run/1/oauth2", FORM "; charset=utf-8", "code=1&state=" S1 "."
	    T1 ".mac", FLOW_EXEMPT, NULL, 0xabcdef },
	{ "/api/run/1/saml", FORM, "SAMLResponse=x", FLOW_EXEMPT_UNKNOWN,
	    NULL, 0 },
	{ "/api/run/1/saml", JSON, "{}", FLOW_EXEMPT_UNKNOWN, NULL, 0 },
};

static void
check_body(const struct body_row *row, const struct facts *facts)
{
	if (facts->knowledge != row->knowledge)
		fail_msg("%s %s: %s", row->path, row->body,
		    flow_knowledge_name(facts->knowledge));
	if (row->flow != NULL)
		assert_true(slice_is(facts->flow, row->flow));
	if (row->tag != 0)
		assert_int_equal(facts->tag, row->tag);
	if (row->knowledge == FLOW_EXEMPT)
		assert_true(slice_is(facts->tenant, T1));
}

static void
what_the_body_tells(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const struct body_row *row = &bodies[i];
		struct facts facts = { .path = slice_of(row->path),
		    .tenant = SLICE(T1) };
		char text[PEEK_TEXT];
		enum peek_end end = peek_body(slice_of(row->type),
		    slice_of(row->body), true, &facts, text);

		assert_int_equal(end, row->knowledge == FLOW_UNKNOWN ||
		    row->knowledge == FLOW_EXEMPT_UNKNOWN ? PEEK_NOT_FOUND :
		    PEEK_FOUND);
		check_body(row, &facts);
	}
}

/* In whatever pieces it comes, the answer is the same, and facts are left
 * alone until then. */
static void
pieces_make_no_difference(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		const struct body_row *row = &bodies[i];
		struct slice body = slice_of(row->body);
		struct facts facts = { .path = slice_of(row->path),
		    .tenant = SLICE(T1), .tag = 7 };
		char text[PEEK_TEXT];
		enum peek_end end = PEEK_MORE;

		for (size_t len = 0; end == PEEK_MORE && len <= body.len;
		    len++) {
			assert_int_equal(facts.tag, 7);
			end = peek_body(slice_of(row->type), (struct slice){
			    body.p, len }, len == body.len, &facts, text);
		}
		assert_int_not_equal(end, PEEK_MORE);
		check_body(row, &facts);
	}
}

/* A body beyond the limit whose flow stands in front is found. */
static void
a_large_body_with_the_flow_in_front(void **state)
{
	enum { LIMIT = 64 * 1024 };
	static char body[LIMIT];
	static const char front[] = "{\"flowId\":{\"id\":\"" F1
	    "\"},\"inputs\":[{\"contentValue\":\"";
	struct facts facts = { .path = SLICE("/api/run/1"),
	    .tenant = SLICE(T1) };
	char text[PEEK_TEXT];

	(void)state;
	memset(body, 'x', sizeof(body));
	memcpy(body, front, sizeof(front) - 1);
	assert_int_equal(peek_body(SLICE(JSON), (struct slice){ body, 1000 },
	    false, &facts, text), PEEK_MORE);
	assert_int_equal(peek_body(SLICE(JSON), (struct slice){ body, LIMIT },
	    true, &facts, text), PEEK_FOUND);
	assert_true(slice_is(facts.flow, F1));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_head_tells),
		cmocka_unit_test(what_the_body_tells),
		cmocka_unit_test(pieces_make_no_difference),
		cmocka_unit_test(a_large_body_with_the_flow_in_front),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
