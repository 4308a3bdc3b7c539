/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "heads.h"

#include <stdio.h>
#include <jansson.h>

#include "edge/answer.h"

/* What a client gets who says it accepts this, on this path. */
static const struct {
	const char	*accept;	/* NULL: says nothing */
	const char	*path;
	enum answer_form form;
} forms[] = {
	{ NULL, "/api/run/1", ANSWER_STRING },
	{ "*/*", "/api/run/1", ANSWER_STRING },
	{ "application/json", "/api", ANSWER_STRING },
	{ "text/html", "/API/run/1", ANSWER_STRING },	/* it would blank */
	{ "application/problem+json", "/api/run/1", ANSWER_PROBLEM },
	{ "application/json, application/problem+json;q=0.5", "/api/run/1",
	    ANSWER_PROBLEM },
	{ "application/problem+json;q=0", "/api/run/1", ANSWER_STRING },
	{ "application/*", "/api/run/1", ANSWER_STRING },	/* not named */
	{ NULL, "/", ANSWER_PROBLEM },
	{ NULL, "/apis", ANSWER_PROBLEM },
	{ "*/*", "/x", ANSWER_PROBLEM },
	{ "", "/x", ANSWER_PROBLEM },
	{ "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "/x",
	    ANSWER_HTML },
	/* two lines, as they are kept */
	{ "application/json;q=0.5,text/html,", "/x", ANSWER_HTML },
	{ "application/json, text/html;q=0.1", "/x", ANSWER_PROBLEM },
};

static void
forms_follow_accept_and_path(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		assert_int_equal(answer_form_for(slice_of(forms[i].accept),
		    slice_of(forms[i].path)), forms[i].form);
}

/* Names and codes that others rely on. */
static const struct {
	enum refusal	 why;
	const char	*name;
	unsigned	 status;
	bool		 retry_after;
} known[] = {
	{ REFUSAL_BAD_PATH, "bad-path", 400, false },
	{ REFUSAL_METHOD, "method-not-allowed", 405, false },
	{ REFUSAL_MISDIRECTED, "misdirected", 421, false },
	{ REFUSAL_ACCESS_DENIED, "access-restricted", 403, false },
	{ REFUSAL_EXECUTION_DENIED, "execution-restricted", 403, false },
	{ REFUSAL_FLOW_NOT_FOUND, "flow-not-found", 413, false },
	{ REFUSAL_REGION_UNAVAILABLE, "region-unavailable", 503, true },
	{ REFUSAL_RESIDENCY_UNAVAILABLE, "residency-unavailable", 503, true },
	{ REFUSAL_RESTRICTIONS_STALE, "restrictions-stale", 503, true },
	{ REFUSAL_LOOP, "loop", 502, false },
	{ REFUSAL_LINK_DISAGREES, "link-disagreement", 421, false },
	{ REFUSAL_CONNECT_REFUSED, "connection-refused", 502, false },
	{ REFUSAL_CONNECT_TIMEOUT, "connection-timeout", 504, false },
	{ REFUSAL_NO_DESCRIPTORS, "overload", 503, true },
	{ REFUSAL_BROKEN, "connection-broken", 502, false },
	{ REFUSAL_BAD_ANSWER, "bad-answer", 502, false },
	{ REFUSAL_HEAD_TIMEOUT, "response-timeout", 504, false },
};

static void
names_and_codes_are_stable(void **state)
{
	struct buf fields = { 0 }, body = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct answer_spec spec = { .why = known[i].why,
		    .request_id = SLICE("r1"), .pseudonym = SLICE("p") };

		buf_clear(&fields);
		buf_clear(&body);
		assert_string_equal(refusal_name(known[i].why),
		    known[i].name);
		assert_int_equal(answer_write(&fields, &body, &spec),
		    known[i].status);
		assert_int_equal(lines_with(&fields, "Retry-After: "),
		    known[i].retry_after);
		assert_int_equal(lines_with(&fields, "Proxy-Status: p; error="),
		    1);
	}
	buf_fini(&fields);
	buf_fini(&body);
}

/* *status: as it is sent. */
static json_t *
body_of(enum refusal why, enum answer_form form, struct buf *fields,
    unsigned *status)
{
	struct answer_spec spec = { .why = why, .form = form,
	    .request_id = SLICE("r1"), .pseudonym = SLICE("p") };
	struct buf body = { 0 };
	json_t *json;

	buf_clear(fields);
	*status = answer_write(fields, &body, &spec);
	json = json_loadb(body.p, body.len, JSON_DECODE_ANY, NULL);
	assert_non_null(json);
	buf_fini(&body);
	return json;
}

/* A player that gets anything but a JSON string shows a blank page. */
static void
every_refusal_can_be_read(void **state)
{
	struct buf fields = { 0 };
	unsigned status;

	(void)state;
	for (int why = REFUSAL_BAD_PATH; why < REFUSALS; why++) {
		json_t *text = body_of(why, ANSWER_STRING, &fields, &status);
		json_t *problem;

		assert_true(json_is_string(text));
		assert_true(json_string_length(text) > 10);
		assert_line(&fields, "Content-Type: application/json");
		problem = body_of(why, ANSWER_PROBLEM, &fields, &status);
		assert_line(&fields,
		    "Content-Type: application/problem+json");
		assert_int_equal(json_integer_value(json_object_get(problem,
		    "status")), status);
		assert_string_equal(json_string_value(json_object_get(problem,
		    "instance")), "r1");
		json_decref(text);
		json_decref(problem);
	}
	buf_fini(&fields);
}

static void
the_vendors_sentences_are_kept(void **state)
{
	struct buf fields = { 0 };
	unsigned status;
	json_t *access = body_of(REFUSAL_ACCESS_DENIED, ANSWER_STRING,
	    &fields, &status);
	json_t *execution = body_of(REFUSAL_EXECUTION_DENIED, ANSWER_STRING,
	    &fields, &status);

	(void)state;
	assert_string_equal(json_string_value(access), "The flow you are "
	    "trying to run cannot be accessed from your current location");
	assert_string_equal(json_string_value(execution), "The flow you are "
	    "trying to run cannot be executed in this region");
	json_decref(access);
	json_decref(execution);
	buf_fini(&fields);
}

static void
syntax_tells_its_rule(void **state)
{
	struct answer_spec spec = { .why = REFUSAL_SYNTAX, .status = 431,
	    .rule = "line-too-long", .sentence = "a line is too long",
	    .request_id = SLICE("r1"), .pseudonym = SLICE("p") };
	struct buf fields = { 0 }, body = { 0 };

	(void)state;
	assert_int_equal(answer_write(&fields, &body, &spec), 431);
	assert_non_null(strstr(buf_cstr(&body),
	    "urn:portolan:problem:line-too-long"));
	assert_non_null(strstr(buf_cstr(&body), "a line is too long"));
	buf_fini(&fields);
	buf_fini(&body);
}

static void
pages_are_small_and_closed(void **state)
{
	struct answer_spec spec = { .why = REFUSAL_MISDIRECTED,
	    .form = ANSWER_HTML, .request_id = SLICE("r1"),
	    .pseudonym = SLICE("p") };
	struct buf fields = { 0 }, body = { 0 };

	(void)state;
	answer_write(&fields, &body, &spec);
	assert_line(&fields, "Content-Type: text/html; charset=utf-8");
	assert_int_equal(lines_with(&fields, "Content-Security-Policy:"), 1);
	assert_non_null(strstr(buf_cstr(&body), "<code>r1</code>"));
	assert_true(body.len < 1024);
	buf_fini(&fields);
	buf_fini(&body);
}

static void
outcomes_have_their_refusal(void **state)
{
	(void)state;
	assert_int_equal(refusal_of_outcome(OUTCOME_FORWARD), REFUSAL_NONE);
	for (int o = OUTCOME_FORWARD + 1; o < OUTCOMES; o++)
		assert_int_not_equal(refusal_of_outcome(o), REFUSAL_NONE);
	assert_int_equal(refusal_of_end(EXCHANGE_REFUSED),
	    REFUSAL_CONNECT_REFUSED);
	assert_int_equal(refusal_of_end(EXCHANGE_STALE), REFUSAL_BROKEN);
	assert_int_equal(refusal_of_end(EXCHANGE_HEAD_TIMEOUT),
	    REFUSAL_HEAD_TIMEOUT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms_follow_accept_and_path),
		cmocka_unit_test(names_and_codes_are_stable),
		cmocka_unit_test(every_refusal_can_be_read),
		cmocka_unit_test(the_vendors_sentences_are_kept),
		cmocka_unit_test(syntax_tells_its_rule),
		cmocka_unit_test(pages_are_small_and_closed),
		cmocka_unit_test(outcomes_have_their_refusal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
