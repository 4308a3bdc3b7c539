/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Against tokens that another implementation made (tests/data/jose), and our
 * own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/base64url.h"
#include "store/jose.h"

enum { LIMIT = 256 * 1024 };

static json_t *vectors;
static struct jose_key *platform, *receiver;

static struct jose_key *
key_in(const char *name)
{
	char *text = json_dumps(json_object_get(vectors, name), 0);
	struct err err;
	struct jose_key *key = jose_key_read(slice_of(text), &err);

	free(text);
	if (key == NULL)
		fail_msg("%s", err.text);
	return key;
}

static int
read_vectors(void **state)
{
	(void)state;
	vectors = json_load_file("tests/data/jose/vectors.json", 0, NULL);
	if (vectors == NULL)
		return -1;
	platform = key_in("platform");
	receiver = key_in("receiver");
	return 0;
}

static int
free_vectors(void **state)
{
	(void)state;
	json_decref(vectors);
	jose_key_free(&platform);
	jose_key_free(&receiver);
	return 0;
}

static struct slice
text_of(const json_t *json, const char *name)
{
	return slice_of(json_string_value(json_object_get(json, name)));
}

static struct jose_keys
one(struct jose_key *const *key)
{
	return (struct jose_keys){ key, 1 };
}

static void
tokens_of_others_open(void **state)
{
	const json_t *tokens = json_object_get(vectors, "tokens");
	struct err err;

	(void)state;
	assert_int_equal(json_array_size(tokens), 9);
	for (size_t i = 0; i < json_array_size(tokens); i++) {
		struct slice token = text_of(json_array_get(tokens, i),
		    "token");
		struct buf jws = { 0 }, claims = { 0 };

		if (!jose_decrypt(one(&receiver), token, LIMIT, &jws, &err))
			fail_msg("token %zu: %s", i, err.text);
		assert_true(slice_eq(buf_all(&jws), text_of(vectors,
		    "signed")));
		assert_true(jose_verify(one(&platform), buf_all(&jws),
		    &claims, &err));
		assert_true(slice_eq(buf_all(&claims), text_of(vectors,
		    "claims")));
		buf_fini(&jws);
		buf_fini(&claims);
	}
}

static void
bad_tokens_say_why(void **state)
{
	const json_t *bad = json_object_get(vectors, "bad"),
	    *signatures = json_object_get(vectors, "badSignatures");
	struct buf out = { 0 };
	struct err err;

	(void)state;
	assert_int_equal(json_array_size(bad), 9);
	for (size_t i = 0; i < json_array_size(bad); i++) {
		const json_t *row = json_array_get(bad, i);

		assert_false(jose_decrypt(one(&receiver), text_of(row,
		    "token"), LIMIT, &out, &err));
		if (strstr(err.text, text_of(row, "why").p) == NULL)
			fail_msg("%zu: %s", i, err.text);
	}
	for (size_t i = 0; i < json_array_size(signatures); i++) {
		const json_t *row = json_array_get(signatures, i);

		assert_false(jose_verify(one(&platform), text_of(row,
		    "token"), &out, &err));
		assert_non_null(strstr(err.text, text_of(row, "why").p));
	}
	assert_int_equal(out.len, 0);
	buf_fini(&out);
}

/* Wherever a token is changed, cut or lengthened, it does not open. */
static void
no_letter_may_change(void **state)
{
	struct slice token = text_of(json_array_get(json_object_get(vectors,
	    "tokens"), 1), "token"), jws = text_of(vectors, "signed");
	char *text = strdup(token.p), *other = strdup(jws.p);
	struct buf out = { 0 };
	struct err err;

	(void)state;
	for (size_t i = 0; i < token.len; i += 7) {
		text[i] = text[i] == 'A' ? 'B' : 'A';
		if (memcmp(text, token.p, token.len) != 0)
			assert_false(jose_decrypt(one(&receiver),
			    slice_of(text), LIMIT, &out, &err));
		text[i] = token.p[i];
		assert_false(jose_decrypt(one(&receiver),
		    (struct slice){ text, i }, LIMIT, &out, &err));
	}
	for (size_t i = 0; i < jws.len; i++) {
		other[i] = other[i] == 'A' ? 'B' : 'A';
		assert_false(jose_verify(one(&platform), slice_of(other),
		    &out, &err));
		other[i] = jws.p[i];
		assert_false(jose_verify(one(&platform),
		    (struct slice){ other, i }, &out, &err));
	}
	assert_int_equal(out.len, 0);
	buf_fini(&out);
	free(text);
	free(other);
}

static void
our_own_open_too(void **state)
{
	struct jose_key *theirs = jose_key_new("r"), *public, *old =
	    jose_key_new("old"), *both[2];
	struct buf jwk = { 0 }, token = { 0 }, back = { 0 };
	struct err err;

	(void)state;
	jose_key_write(theirs, false, &jwk);
	public = jose_key_read(buf_all(&jwk), &err);
	assert_false(jose_key_is_private(public));
	assert_string_equal(jose_key_kid(public), "r");
	both[0] = old;
	both[1] = theirs;
	for (unsigned i = 0; i < 400; i++) {
		struct jose_how how = { (enum jose_wrap)(i & 1),
		    (enum jose_content)(i >> 1 & 1), (i & 4) != 0 };
		char plain[300];

		memset(plain, 'a' + (int)(i % 26), sizeof(plain));
		buf_clear(&token);
		buf_clear(&back);
		jose_encrypt(public, &how, (struct slice){ plain, i % 300 + 1 },
		    &token);
		if (!jose_decrypt((struct jose_keys){ both, 2 },
		    buf_all(&token), LIMIT, &back, &err))
			fail_msg("%s", err.text);
		assert_true(slice_eq(buf_all(&back),
		    (struct slice){ plain, i % 300 + 1 }));
		assert_false(jose_decrypt(one(&old), buf_all(&token), LIMIT,
		    &back, &err));
	}
	buf_clear(&token);
	jose_sign(theirs, SLICE("{}"), &token);
	buf_clear(&back);
	assert_true(jose_verify(one(&public), buf_all(&token), &back, &err));
	assert_true(slice_is(buf_all(&back), "{}"));
	jose_key_free(&theirs);
	jose_key_free(&public);
	jose_key_free(&old);
	buf_fini(&jwk);
	buf_fini(&token);
	buf_fini(&back);
}

/* However well it was deflated, and what is not deflated as well. */
static void
what_comes_out_has_a_limit(void **state)
{
	enum { BYTES = 1 << 20 };
	char *plain = calloc(1, BYTES);
	struct buf token = { 0 }, back = { 0 };
	struct err err;

	(void)state;
	for (int zip = 0; zip < 2; zip++) {
		struct jose_how how = { .deflate = zip };

		buf_clear(&token);
		buf_clear(&back);
		jose_encrypt(receiver, &how, (struct slice){ plain, BYTES },
		    &token);
		assert_false(jose_decrypt(one(&receiver), buf_all(&token),
		    BYTES - 1, &back, &err));
		assert_int_equal(back.len, 0);
		assert_true(jose_decrypt(one(&receiver), buf_all(&token),
		    BYTES, &back, &err));
		assert_int_equal(back.len, BYTES);
	}
	free(plain);
	buf_fini(&token);
	buf_fini(&back);
}

/* --- keys and headers ------------------------------------------------------------- */

#define X "RUvVwKLHkpkIfN9XcjVKsGxGnkuZtSuLwNGHUUUnJTnxjB-CCYWzFBIBZFHSvk17"

static void
keys_that_are_none(void **state)
{
	static const struct {
		const char	*jwk, *says;
	} rows[] = {
		{ "", "is not a JSON object" },
		{ "[]", "is not a JSON object" },
		{ "{\"kty\":\"EC\",\"kty\":\"EC\"}", "is not a JSON object" },
		{ "{\"kty\":\"RSA\",\"kid\":\"k\"}", "is not a key of kty EC" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\"}",
		    "on the curve P-384" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-384\"}", "has no kid" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"\"}",
		    "has no kid" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"k\","
		    "\"x\":\"AA\",\"y\":\"AA\"}", "not 48 bytes" },
		{ "{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"k\","
		    "\"x\":\"" X "\",\"y\":\"" X "\"}",
		    "no point on the curve" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_null(jose_key_read(slice_of(rows[i].jwk), &err));
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("row %zu: %s", i, err.text);
	}
}

/* A private part that belongs to another point. */
static void
parts_of_two_keys_make_none(void **state)
{
	json_t *mixed = json_copy(json_object_get(vectors, "platform"));
	struct err err;
	char *text;

	(void)state;
	json_object_set(mixed, "d", json_object_get(json_object_get(vectors,
	    "receiver"), "d"));
	text = json_dumps(mixed, 0);
	assert_null(jose_key_read(slice_of(text), &err));
	assert_non_null(strstr(err.text, "do not belong together"));
	free(text);
	json_decref(mixed);
}

static void
headers_that_are_refused(void **state)
{
	static const struct {
		const char	*header, *says;
	} rows[] = {
		{ "", "header cannot be read" },
		{ "[]", "is not an object" },
		{ "{\"alg\":\"none\"}", "not signed by ES384" },
		{ "{\"alg\":\"ES256\",\"kid\":\"k\"}", "not signed by ES384" },
		{ "{\"alg\":\"HS384\",\"kid\":\"k\"}", "not signed by ES384" },
		{ "{\"alg\":\"ES384\",\"alg\":\"ES384\"}",
		    "header cannot be read" },
		{ "{\"alg\":\"ES384\",\"crit\":[\"b64\"],\"kid\":\"k\"}",
		    "demands extensions" },
		{ "{\"alg\":\"ES384\"}", "names no key" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf token = { 0 }, out = { 0 };

		base64url_write(&token, rows[i].header,
		    strlen(rows[i].header));
		buf_text(&token, ".e30.AAAA");
		assert_false(jose_verify(one(&platform), buf_all(&token),
		    &out, &err));
		if (strstr(err.text, rows[i].says) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		buf_fini(&token);
		buf_fini(&out);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_of_others_open),
		cmocka_unit_test(bad_tokens_say_why),
		cmocka_unit_test(no_letter_may_change),
		cmocka_unit_test(our_own_open_too),
		cmocka_unit_test(what_comes_out_has_a_limit),
		cmocka_unit_test(keys_that_are_none),
		cmocka_unit_test(parts_of_two_keys_make_none),
		cmocka_unit_test(headers_that_are_refused),
	};

	return cmocka_run_group_tests(tests, read_vectors, free_vectors);
}
