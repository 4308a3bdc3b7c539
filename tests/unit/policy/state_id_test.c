/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/flow_token.h"
#include "policy/state_id.h"

#define TENANT "1b6c2b2f-3f1d-4a7e-9a52-2f1f5f1f0a01"
#define FLOW "5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c01"

static const uint8_t key[16] = { 1, 2, 3 };

static void
what_is_made_is_read(void **state)
{
	char text[STATE_ID_TEXT], other[STATE_ID_TEXT];

	(void)state;
	for (uint8_t region = 0; region < 64; region++) {
		struct state_id id = { region, 0xabc000u + region }, back;

		state_id_make(&id, text);
		assert_int_equal(strlen(text), 36);
		assert_int_equal(text[14], '8');
		assert_true(strchr("89ab", text[19]) != NULL);
		assert_true(state_id_parse(&back, slice_of(text)));
		assert_int_equal(back.region, region);
		assert_int_equal(back.tag, id.tag);
		state_id_make(&id, other);
		assert_string_not_equal(text, other);
	}
}

static void
only_our_layout_is_read(void **state)
{
	static const struct {
		const char	*text;
		bool		 good;
	} rows[] = {
		{ "43abcdef-0000-8000-8000-000000000000", true },
		{ "43ABCDEF-0000-8000-BFFF-ffffffffffff", true },
		{ "03abcdef-0000-8000-8000-000000000000", false }, /* layout */
		{ "83abcdef-0000-8000-8000-000000000000", false },
		{ "43abcdef-0000-4000-8000-000000000000", false }, /* version */
		{ "43abcdef-0000-8000-c000-000000000000", false }, /* variant */
		{ "43abcdef-0000-8000-0000-000000000000", false },
		{ "43abcdef000080008000000000000000", false },	/* one spelling */
		{ "{43abcdef-0000-8000-8000-000000000000}", false },
		{ "43abcdef-0000-8000-8000-00000000000", false },
		{ "43abcdef-0000-8000-8000-0000000000000", false },
		{ "", false },
	};
	struct state_id id;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (state_id_parse(&id, slice_of(rows[i].text)) !=
		    rows[i].good)
			fail_msg("%s", rows[i].text);
	assert_true(state_id_parse(&id, slice_of(rows[0].text)));
	assert_int_equal(id.region, 3);
	assert_int_equal(id.tag, 0xabcdef);
}

/* The value is part of the protocol between edges and engines. */
static void
tags_are_stable(void **state)
{
	uint32_t tag = flow_tag(key, SLICE(TENANT), SLICE(FLOW));

	(void)state;
	assert_true(tag <= FLOW_TAG_MAX);
	assert_int_equal(tag, flow_tag(key, SLICE("{" TENANT "}"),
	    SLICE("5F0E7B1C8A544B0AA0A80D2F3A4B5C01")));
	assert_int_not_equal(tag, flow_tag(key, SLICE(FLOW), SLICE(TENANT)));
	assert_int_equal(flow_tag(key, SLICE(TENANT), SLICE(FLOW)), 0xea3150);
}

static void
tokens_show_state_and_tenant(void **state)
{
	char id[STATE_ID_TEXT], front[FLOW_TOKEN_FRONT], whole[200];
	struct state_id made = { 5, 0x123456 };
	struct flow_token t;

	(void)state;
	state_id_make(&made, id);
	assert_true(flow_token_front(front, id, SLICE("{" TENANT "}")));
	assert_false(flow_token_front(whole, id, SLICE("acme")));
	strcpy(whole, front);
	assert_true(flow_token_parse(&t, slice_of(whole)));
	strcat(whole, "the.rest.is.the.engine's");
	assert_true(flow_token_parse(&t, slice_of(whole)));
	assert_int_equal(t.state.region, 5);
	assert_int_equal(t.state.tag, 0x123456);
	assert_string_equal(t.tenant, TENANT);
	whole[0] = 'x';
	assert_false(flow_token_parse(&t, slice_of(whole)));
	assert_false(flow_token_parse(&t, slice_of(id)));
	assert_false(flow_token_parse(&t, SLICE("")));
	front[strlen(front) - 1] = '\0';	/* without its last dot */
	assert_false(flow_token_parse(&t, slice_of(front)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_made_is_read),
		cmocka_unit_test(only_our_layout_is_read),
		cmocka_unit_test(tags_are_stable),
		cmocka_unit_test(tokens_show_state_and_tenant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
