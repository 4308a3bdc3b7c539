/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/metadata.h"

#define TENANT "7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a01"

static struct api_key
made(char text[API_KEY_ID + API_KEY_SECRET + 2])
{
	struct api_key key = { .role = ROLE_BUILDER, .name = "a test" };
	char secret[API_KEY_SECRET + 1];

	assert_true(guid_of(&key.tenant, TENANT));
	api_key_make(&key, secret);
	snprintf(text, API_KEY_ID + API_KEY_SECRET + 2, "%s.%s", key.id,
	    secret);
	return key;
}

static void
a_key_is_known_by_its_hash(void **state)
{
	char text[API_KEY_ID + API_KEY_SECRET + 2], other[sizeof(text)];
	struct api_key key = made(text), read, another = made(other);
	struct slice id, secret;
	json_t *json = api_key_json(&key);
	char *stored = json_dumps(json, JSON_COMPACT);

	(void)state;
	assert_true(api_key_split(slice_of(text), &id, &secret));
	assert_true(slice_is(id, key.id));
	assert_null(strstr(stored, secret.p));	/* what is stored tells nobody */
	assert_true(api_key_read(&read, key.id, json));
	assert_int_equal(read.role, ROLE_BUILDER);
	assert_memory_equal(&read.tenant, &key.tenant, sizeof(key.tenant));
	assert_string_equal(read.name, "a test");
	assert_true(api_key_is(&read, secret));
	assert_false(api_key_is(&another, secret));
	text[sizeof(text) - 2] ^= 1;
	assert_false(api_key_is(&read, secret));
	assert_string_not_equal(key.id, another.id);
	free(stored);
	json_decref(json);
}

static void
what_is_no_key(void **state)
{
	char good[API_KEY_ID + API_KEY_SECRET + 2], text[200];
	struct slice id, secret;

	(void)state;
	made(good);
	for (size_t len = 0; len < sizeof(good) - 1; len++)
		assert_false(api_key_split((struct slice){ good, len }, &id,
		    &secret));
	snprintf(text, sizeof(text), "%s0", good);
	assert_false(api_key_split(slice_of(text), &id, &secret));
	snprintf(text, sizeof(text), " %s", good);
	assert_false(api_key_split(slice_of(text), &id, &secret));
	good[3] = 'G';
	assert_false(api_key_split(slice_of(good), &id, &secret));
}

static void
documents_are_read_strictly(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"tenant\":\"" TENANT "\",\"role\":\"builder\"}",
		"{\"tenant\":\"" TENANT "\",\"role\":\"builder\","
		    "\"hash\":\"00\"}",
		"{\"tenant\":\"x\",\"role\":\"builder\",\"hash\":\"%s\"}",
		"{\"tenant\":\"" TENANT "\",\"role\":\"king\","
		    "\"hash\":\"%s\"}",
		"{\"tenant\":\"" TENANT "\",\"hash\":\"%s\"}",
	};
	const char *hash = "00000000000000000000000000000000"
	    "00000000000000000000000000000000";
	struct api_key key;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *at = strstr(bad[i], "%s");
		char text[400];
		json_t *json;

		if (at != NULL)
			snprintf(text, sizeof(text), "%.*s%s%s",
			    (int)(at - bad[i]), bad[i], hash, at + 2);
		else
			snprintf(text, sizeof(text), "%s", bad[i]);
		json = json_loads(text, 0, NULL);
		assert_non_null(json);
		if (api_key_read(&key, "0123456789abcdef", json))
			fail_msg("row %zu", i);
		json_decref(json);
	}
}

static void
keys_of_documents(void **state)
{
	char key[STORE_KEY_MAX];
	struct guid a, b;

	(void)state;
	assert_true(guid_of(&a, "{7D8F2A54-6A4E-4A5B-9A56-7C1F6E0D1A01}"));
	assert_true(guid_of(&b, "5f0e7b1c8a544b0aa0a80d2f3a4b5c10"));
	tenant_key(key, &a);
	assert_string_equal(key, TENANT);
	flow_key(key, &a, &b);
	assert_string_equal(key, TENANT "/5f0e7b1c-8a54-4b0a-a0a8-"
	    "0d2f3a4b5c10");
	version_key(key, &a, &b, &a);
	assert_string_equal(key, TENANT "/5f0e7b1c-8a54-4b0a-a0a8-"
	    "0d2f3a4b5c10/" TENANT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_is_known_by_its_hash),
		cmocka_unit_test(what_is_no_key),
		cmocka_unit_test(documents_are_read_strictly),
		cmocka_unit_test(keys_of_documents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
