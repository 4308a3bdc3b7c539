/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is sent to a tenant's store, and what is believed of its answers.  The
 * test plays the store with keys of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/external.h"

#define TENANT	"11111111-1111-4111-8111-111111111111"
#define STATE	"22222222-2222-4222-8222-222222222222"
#define FLOW	"33333333-3333-4333-8333-333333333333"

enum { NOW = 1800000000, LIMIT = 1 << 20 };

static struct jose_key *platform, *receiver, *old_receiver;
static struct external_store *x;

static void
add_key(struct buf *out, const struct jose_key *key, bool is_private)
{
	jose_key_write(key, is_private, out);
}

static int
make_store(void **state)
{
	struct buf json = { 0 };
	struct err err;

	(void)state;
	platform = jose_key_new("p");
	receiver = jose_key_new("r");
	old_receiver = jose_key_new("old");
	buf_text(&json, "{\"id\":\"s\",\"name\":\"n\",\"endpoint\":"
	    "\"https://store.example/api/storage/1\",\"authentication\":"
	    "{\"basicUsername\":\"u\",\"basicPassword\":\"p\"},"
	    "\"platformKeys\":[");
	add_key(&json, platform, true);
	buf_text(&json, "],\"receiverKeys\":[");
	add_key(&json, receiver, false);
	buf_char(&json, ',');
	add_key(&json, old_receiver, false);
	buf_text(&json, "]}");
	x = external_read(buf_all(&json), &err);
	if (x == NULL)
		fprintf(stderr, "%s\n", err.text);
	buf_fini(&json);
	return x == NULL;
}

static int
free_store(void **state)
{
	(void)state;
	external_release(&x);
	jose_key_free(&platform);
	jose_key_free(&receiver);
	jose_key_free(&old_receiver);
	return 0;
}

static json_t *
claims_of(struct slice jws)
{
	struct buf text = { 0 };
	struct err err;
	json_t *json;

	if (!jose_verify((struct jose_keys){ &platform, 1 }, jws, &text, &err))
		fail_msg("%s", err.text);
	json = json_loadb(text.p, text.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	buf_fini(&text);
	return json;
}

static void
same_text(const json_t *json, const char *name, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(json, name)),
	    text);
}

static json_int_t
number(const json_t *json, const char *name)
{
	return json_integer_value(json_object_get(json, name));
}

static void
a_document_is_read(void **state)
{
	(void)state;
	assert_string_equal(x->path, "/api/storage/1");
	assert_string_equal(x->basic, "Authorization: Basic dTpw");
	assert_int_equal(x->nreceiver, 2);
}

static void
a_request_is_signed(void **state)
{
	struct buf jws = { 0 };
	json_t *claims;

	(void)state;
	external_sign_path(x, TENANT, "/api/storage/1/states/" TENANT, NOW,
	    &jws);
	claims = claims_of(buf_all(&jws));
	same_text(claims, "iss", "manywho");
	same_text(claims, "aud", TENANT);
	same_text(claims, "path", "/api/storage/1/states/" TENANT);
	/* They allow 300 seconds by clocks of their own. */
	assert_int_equal(number(claims, "exp"), NOW + 150);
	assert_int_equal(number(claims, "nbf"), NOW - 120);
	json_decref(claims);
	buf_fini(&jws);
}

static json_t *
written(size_t content_bytes)
{
	char *content = malloc(content_bytes + 16);
	int len = sprintf(content, "{\"a\":\"%0*d\"}", (int)content_bytes, 0);
	struct external_state s = { .id = STATE, .tenant = TENANT,
	    .flow = FLOW, .version = FLOW, .element = FLOW, .done = true,
	    .created_us = 1531394329670633, .updated_us = 1531394329670634,
	    .content = { content, (size_t)len } };
	struct buf token = { 0 }, jws = { 0 };
	struct err err;
	json_t *claims;

	external_write_state(x, &s, NOW, &token);
	if (!jose_decrypt((struct jose_keys){ &receiver, 1 },
	    buf_all(&token), LIMIT, &jws, &err))
		fail_msg("%s", err.text);
	/* An updated receiver inflates no more than 204,800 bytes. */
	assert_int_equal(token.len < content_bytes, content_bytes < 140000 &&
	    content_bytes > 3000);
	claims = claims_of(buf_all(&jws));
	assert_string_equal(json_string_value(json_object_get(claims,
	    "content")), content);
	free(content);
	buf_fini(&token);
	buf_fini(&jws);
	return claims;
}

static void
a_state_is_signed_and_encrypted(void **state)
{
	json_t *claims = written(100);

	(void)state;
	same_text(claims, "id", STATE);
	same_text(claims, "flowVersion", FLOW);
	same_text(claims, "createdAt", "2018-07-12T11:18:49.670633Z");
	same_text(claims, "updatedAt", "2018-07-12T11:18:49.670634Z");
	/* Some receivers take no null there. */
	same_text(claims, "expiresAt", "9999-12-31T23:59:59.000000Z");
	assert_true(json_is_true(json_object_get(claims, "isDone")));
	assert_true(json_is_null(json_object_get(claims, "parent")));
	json_decref(claims);
	json_decref(written(100000));
	json_decref(written(400000));
}

/* --- answers ------------------------------------------------------------------------ */

static void
answers_are_believed_if_all_is_good(void **state)
{
	static const struct {
		const char	*iss, *aud, *sub;
		int		 exp, nbf;
		const char	*says;	/* NULL: it is believed */
	} rows[] = {
		{ TENANT, "\"manywho\"", STATE, 600, -120, NULL },
		{ TENANT, "[\"x\",\"manywho\"]", STATE, 600, -120, NULL },
		{ TENANT, "\"manywho\"", STATE, -30, -120, NULL },	/* clocks */
		{ TENANT, "\"manywho\"", STATE, 600, 30, NULL },
		{ "manywho", "\"manywho\"", STATE, 600, -120, "not by this" },
		{ TENANT, "\"other\"", STATE, 600, -120, "somebody else" },
		{ TENANT, "\"manywho\"", TENANT, 600, -120, "another state" },
		{ TENANT, "\"manywho\"", STATE, -90, -120, "time is over" },
		{ TENANT, "\"manywho\"", STATE, 90000, -120, "time is over" },
		{ TENANT, "\"manywho\"", STATE, 600, 120, "has not come" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf claims = { 0 }, jws = { 0 }, token = { 0 },
		    content = { 0 };
		struct jose_how how = { .deflate = true };
		struct err err;
		bool good;

		buf_printf(&claims, "{\"iss\":\"%s\",\"aud\":%s,\"sub\":"
		    "\"%s\",\"exp\":%d.5,\"nbf\":%d,\"content\":\"{}\"}",
		    rows[i].iss, rows[i].aud, rows[i].sub,
		    NOW + rows[i].exp, NOW + rows[i].nbf);
		/* By either key: one of them is about to be replaced. */
		jose_sign(i % 2 == 0 ? receiver : old_receiver,
		    buf_all(&claims), &jws);
		jose_encrypt(platform, &how, buf_all(&jws), &token);
		good = external_read_state(x, TENANT, STATE, buf_all(&token),
		    NOW, &content, &err);
		if (good != (rows[i].says == NULL) || (!good &&
		    strstr(err.text, rows[i].says) == NULL))
			fail_msg("row %zu: %s", i, good ? "good" : err.text);
		assert_int_equal(content.len, good ? 2 : 0);
		/* Encrypted alone is not signed. */
		buf_clear(&token);
		jose_encrypt(platform, &how, buf_all(&claims), &token);
		assert_false(external_read_state(x, TENANT, STATE,
		    buf_all(&token), NOW, &content, &err));
		/* Nor is it enough that we signed it ourselves. */
		buf_clear(&jws);
		buf_clear(&token);
		jose_sign(platform, buf_all(&claims), &jws);
		jose_encrypt(platform, &how, buf_all(&jws), &token);
		assert_false(external_read_state(x, TENANT, STATE,
		    buf_all(&token), NOW, &content, &err));
		buf_fini(&claims);
		buf_fini(&jws);
		buf_fini(&token);
		buf_fini(&content);
	}
}

static void
endpoints_must_be_plain(void **state)
{
	static const struct {
		const char	*url;
		bool		 good;
	} rows[] = {
		{ "https://store.example", true },
		{ "https://store.example:8443/api/storage/1", true },
		{ "http://127.0.0.1:8080/x", true },
		{ "http://127.0.0.1", true },
		{ "http://127.0.0.2/x", false },
		{ "http://127.0.0.1.example/x", false },
		{ "http://store.example/x", false },
		{ "ftp://store.example/x", false },
		{ "https://", false },
		{ "https://store.example/", false },
		{ "https://store.example/a//b", false },
		{ "https://store.example/a/../b", false },
		{ "https://store.example/a%2fb", false },
		{ "https://store.example/a?b", false },
		{ "https://store.example/a#b", false },
		{ "https://u:p@store.example/a", false },
		{ "https://store.example/a b", false },
		{ "", false },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (external_endpoint_ok(rows[i].url, "127.0.0.1", &err) !=
		    rows[i].good)
			fail_msg("%s", rows[i].url);
	assert_false(external_endpoint_ok("http://127.0.0.1", NULL, &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_is_read),
		cmocka_unit_test(a_request_is_signed),
		cmocka_unit_test(a_state_is_signed_and_encrypted),
		cmocka_unit_test(answers_are_believed_if_all_is_good),
		cmocka_unit_test(endpoints_must_be_plain),
	};

	return cmocka_run_group_tests(tests, make_store, free_store);
}
