/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/draw/1/authentication: a token in place of an API key, for programs
 * that log in once and then send Authorization.  It names its key, so that it
 * is worth what the key is worth at the moment, and nothing once that has been
 * deleted; and it is good for one tenant and for some hours.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "engine/build.h"

enum { TOKEN_MS = 8 * 3600 * 1000 };

/* One that is not there takes as long as one with another secret. */
static const struct api_key *
key_of_text(const struct call_ctx *c, struct slice text)
{
	static const struct api_key no_key;
	struct slice id, secret;
	const struct api_key *key;

	if (!api_key_split(text, &id, &secret))
		return NULL;
	key = metadata_key(c->engine->metadata, id);
	return api_key_is(key == NULL ? &no_key : key, secret) ? key : NULL;
}

static const struct api_key *
key_of_parts(const struct call_ctx *c, struct slice id, struct slice secret)
{
	struct buf text = { 0 };
	const struct api_key *key;

	buf_printf(&text, "%.*s.%.*s", SLICE_ARG(id), SLICE_ARG(secret));
	key = key_of_text(c, buf_all(&text));
	explicit_bzero(text.p, text.len);
	buf_fini(&text);
	return key;
}

/* --- tokens ---------------------------------------------------------------------- */

static const struct api_key *
key_of_json(const struct call_ctx *c, const json_t *json)
{
	const char *id = json_string_value(json_object_get(json, "builder"));
	struct guid tenant;

	if (id == NULL || !guid_of(&tenant, json_string_value(
	    json_object_get(json, "tenant"))) ||
	    !guid_eq(&tenant, &c->call->tenant) ||
	    json_integer_value(json_object_get(json, "until")) <=
	    (json_int_t)clock_unix_ms())
		return NULL;
	return metadata_key(c->engine->metadata, slice_of(id));
}

static const struct api_key *
key_of_token(const struct call_ctx *c, struct slice token)
{
	const struct api_key *key = NULL;
	struct buf plain = { 0 };
	json_t *json;

	if (unseal(&c->edition->keys, token, &plain)) {
		json = json_loadb(plain.p, plain.len, 0, NULL);
		key = key_of_json(c, json);
		json_decref(json);
	}
	buf_fini(&plain);
	return key;
}

const struct api_key *
build_key(const struct call_ctx *c)
{
	const struct api_key *key = NULL;

	if (c->call->secret != NULL)
		key = key_of_text(c, slice_of(c->call->secret));
	if (c->call->secret != NULL && key == NULL)
		key = key_of_token(c, slice_of(c->call->secret));
	return key;
}

static void
answer_token(const struct call_ctx *c, const struct api_key *key)
{
	json_t *json = json_pack("{s:s, s:s, s:I}", "builder", key->id,
	    "tenant", c->call->tenant_text, "until",
	    (json_int_t)clock_unix_ms() + TOKEN_MS);
	char *text = json_dumps(json, JSON_COMPACT);
	struct buf token = { 0 };

	must(text != NULL);
	seal(&c->edition->keys, slice_of(text), &token);
	answer_json(c, 200, json_stringn(token.p, token.len));
	explicit_bzero(token.p, token.len);
	buf_fini(&token);
	free(text);
	json_decref(json);
}

/* --- calls ----------------------------------------------------------------------- */

static struct slice
text_of(const json_t *json, const char *name)
{
	const json_t *text = json_object_get(json, name);

	return (struct slice){ json_string_value(text),
	    json_string_length(text) };
}

/* The key's two halves as name and password; or all of it as the password, or
 * as the token, whatever the name. */
void
call_build_login(const struct call_ctx *c)
{
	json_t *json = call_json(c);
	const struct api_key *key;

	if (json == NULL)
		return;
	key = key_of_parts(c, text_of(json, "username"),
	    text_of(json, "password"));
	if (key == NULL)
		key = key_of_text(c, text_of(json, "password"));
	if (key == NULL)
		key = key_of_text(c, text_of(json, "token"));
	if (key == NULL || !build_key_fits(c, key))
		answer_sentence(c, 401, "The username or the password is not "
		    "correct: they are the two parts of an API key of this "
		    "tenant");
	else
		answer_token(c, key);
	json_decref(json);
}

/* Who has a key, or a token that is about to end. */
void
call_build_token(const struct call_ctx *c)
{
	struct guid tenant;

	if (!build_guid(c, 0, &tenant) || !build_may(c, ROLE_READER))
		return;
	if (guid_eq(&tenant, &c->call->tenant))
		answer_token(c, build_key(c));
	else
		answer_sentence(c, 404, "The tenant %s could not be found: "
		    "the header ManyWhoTenant names another",
		    c->call->names[0]);
}
