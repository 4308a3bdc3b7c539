/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Tokens that come back: whose login it is, and which answer of a service.
 */
#include "flows.h"

#include "engine/engine_private.h"

#define ID(n)		"00000000-0000-0000-0000-0000000000" n
#define TENANT		ID("71")
#define STATE		"87654321-0000-8000-8000-000000000072"

static struct edition edition;
static struct call call;

static int
set_up(void **state)
{
	(void)state;
	memset(&edition, 0, sizeof(edition));
	memset(&call, 0, sizeof(call));
	memset(edition.keys.list[0], 7, SEAL_KEY);
	edition.keys.count = 1;
	strcpy(call.tenant_text, TENANT);
	call.ctx.edition = &edition;
	call.ctx.call = &call;
	return 0;
}

static struct run *
a_run(void)
{
	const struct flow *flow = flow_from("{'id': #10, 'elementType': "
	    "'START', 'outcomes': [{'id': #11, 'nextMapElementId': #20}]}, "
	    STEP("#20"), "", "");
	struct run *run = run_new(arena, flow);

	strcpy(run->id, STATE);
	run->now_ms = 1000000;
	return run;
}

static const struct run_user *
taken(struct run *run, const char *text)
{
	char *plain = expand(text);
	struct buf token = { 0 };

	run->login_taken = false;
	run->user = NULL;
	seal(&edition.keys, slice_of(plain), &token);
	call_take_login(&call.ctx, run, buf_cstr(&token));
	buf_fini(&token);
	free(plain);
	return run->user;
}

#define GOOD	"'tenant': #71, 'flow': #1, 'state': '" STATE "', " \
	"'service': #80"
#define WHO	"'user': {'userId': 'u', 'email': 'e'}"

static void
test_a_login_is_of_one_state_and_day(void **state)
{
	static const struct {
		const char	*text;
		bool		 good;
	} rows[] = {
		{ "{" GOOD ", 'until': 1000001, " WHO "}", true },
		{ "{" GOOD ", 'until': 1000000, " WHO "}", false },	/* over */
		{ "{" GOOD ", " WHO "}", false },
		{ "{" GOOD ", 'until': 1000001, 'user': {}}", false },
		{ "{" GOOD ", 'until': 1000001}", false },
		{ "{'tenant': #72, 'flow': #1, 'state': '" STATE "', "
		    "'service': #80, 'until': 1000001, " WHO "}", false },
		{ "{'tenant': #71, 'flow': #2, 'state': '" STATE "', "
		    "'service': #80, 'until': 1000001, " WHO "}", false },
		{ "{'tenant': #71, 'flow': #1, 'state': #72, "
		    "'service': #80, 'until': 1000001, " WHO "}", false },
		{ "{'tenant': #71, 'flow': #1, 'state': '" STATE "', "
		    "'until': 1000001, " WHO "}", false },
		{ "[]", false },
		{ "", false },
	};
	struct run *run = a_run();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if ((taken(run, rows[i].text) != NULL) != rows[i].good)
			fail_msg("%s", rows[i].text);
	assert_non_null(taken(run, rows[0].text));
	assert_string_equal(run->user->id, "u");
	assert_string_equal(run->user->email, "e");
	assert_null(run->user->name);

	run->login_taken = false;
	call_take_login(&call.ctx, run, "made.up");
	assert_null(run->user);
	done(run);
}

static void
test_a_callback_names_its_answer(void **state)
{
	struct seal_keys turned = { .count = 2 };
	struct callback back;
	const char *token;
	char *bad;

	(void)state;
	arena = arena_new(0);
	token = callback_token(arena, &edition.keys, STATE, TENANT, ID("73"));
	assert_memory_equal(token, STATE "." TENANT ".", 74);
	assert_true(callback_token_read(&edition.keys, token, &back));
	assert_string_equal(back.state, STATE);
	assert_string_equal(back.nonce, ID("73"));
	assert_int_equal(back.tenant.bytes[15], 0x71);

	/* A key that was put before it takes nothing away. */
	memset(turned.list[0], 8, SEAL_KEY);
	assert_false(callback_token_read(&turned, token, &back));
	memcpy(turned.list[1], edition.keys.list[0], SEAL_KEY);
	assert_true(callback_token_read(&turned, token, &back));

	bad = arena_strdup(arena, token);
	for (size_t i = 0; i < strlen(token); i++) {
		bad[i] = token[i] == '0' ? '1' : '0';
		assert_false(callback_token_read(&edition.keys, bad, &back));
		bad[i] = token[i];
	}
	assert_false(callback_token_read(&edition.keys, NULL, &back));
	assert_false(callback_token_read(&edition.keys, "", &back));
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_login_is_of_one_state_and_day,
		    set_up),
		cmocka_unit_test_setup(test_a_callback_names_its_answer,
		    set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
