/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "engine/build.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "engine/json_text.h"
#include "policy/restriction_lists.h"
#include "policy/restrictions_json.h"

enum { KNOWN_WITHIN_MS = 2000 };

/* --- who may --------------------------------------------------------------------- */

bool
build_key_fits(const struct call_ctx *c, const struct api_key *key)
{
	return key->role == ROLE_OPERATOR ||
	    guid_eq(&key->tenant, &c->call->tenant);
}

bool
build_may(const struct call_ctx *c, enum api_role least)
{
	const struct api_key *key = build_key(c);

	if (key == NULL)
		answer_sentence(c, 401, "An API key of this tenant is needed, "
		    "in the header x-boomi-flow-api-key, or a token that was "
		    "got with one, in Authorization");
	else if (!build_key_fits(c, key))
		answer_sentence(c, 404, "The tenant %s could not be found",
		    c->call->tenant_text);
	else if (key->role < least)
		answer_sentence(c, 403, "The API key's role is %s, and this "
		    "needs a key of the role %s", api_role_names[key->role],
		    api_role_names[least]);
	else
		return true;
	return false;
}

bool
build_may_change(const struct call_ctx *c, enum api_role least)
{
	const char *main_region = c->edition->generation->config->main_region;

	if (!build_may(c, least))
		return false;
	if (strcmp(main_region, c->edition->region->id) == 0)
		return true;
	answer_sentence(c, 409, "Flows and tenants are changed in the main "
	    "region alone, which is %s; this is %s: use a host name that is "
	    "not regional", main_region, c->edition->region->id);
	return false;
}

/* --- requests -------------------------------------------------------------------- */

json_t *
build_body(const struct call_ctx *c)
{
	struct slice body = buf_all(&c->call->body);
	json_error_t at;
	json_t *json = json_loadb(body.p == NULL ? "" : body.p, body.len,
	    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &at);

	if (json == NULL)
		answer_sentence(c, 400, "The request is not JSON: line %d, "
		    "column %d: %s", at.line, at.column, json_mistake(&at));
	return json;
}

bool
build_guid(const struct call_ctx *c, unsigned name, struct guid *guid)
{
	if (guid_of(guid, c->call->names[name]))
		return true;
	answer_sentence(c, 404, "%s could not be found: it is no GUID",
	    c->call->names[name]);
	return false;
}

json_t *
build_now(void)
{
	char text[CLOCK_TEXT_MAX];

	return json_string(clock_text(clock_unix_ms(), text));
}

/* --- documents ------------------------------------------------------------------- */

enum store_end
build_load(const struct call_ctx *c, const char *kind, const char *key,
    json_t **json, uint64_t *revision)
{
	struct arena *arena = arena_new(0);
	struct store_doc doc;
	enum store_end end = await_doc_get(c->engine->store, arena, kind, key,
	    &doc);

	*json = NULL;
	*revision = 0;
	if (end == STORE_OK) {
		*json = json_loadb(doc.body.p, doc.body.len, 0, NULL);
		*revision = doc.revision;
	}
	arena_free(&arena);
	return end == STORE_NOT_FOUND ? STORE_OK : end;
}

enum store_end
build_save(const struct call_ctx *c, const char *kind, const char *key,
    const json_t *json, uint64_t revision)
{
	struct store_doc doc = { .revision = revision,
	    .deleted = json == NULL };
	char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
	enum store_end end;

	snprintf(doc.kind, sizeof(doc.kind), "%s", kind);
	snprintf(doc.key, sizeof(doc.key), "%s", key);
	doc.body = slice_of(text);
	end = await_doc_put(c->engine->store, &doc);
	free(text);
	if (end == STORE_OK)
		metadata_wait(c->engine->metadata, doc.revision - 1,
		    KNOWN_WITHIN_MS);
	return end;
}

enum store_end
build_change(const struct call_ctx *c, const char *kind, const char *key,
    build_edit_fn *edit, void *arg, json_t **doc)
{
	enum store_end end = STORE_CONFLICT;
	uint64_t revision;

	*doc = NULL;
	for (int i = 0; i < BUILD_TRIES && end == STORE_CONFLICT; i++) {
		json_decref(*doc);
		end = build_load(c, kind, key, doc, &revision);
		if (end != STORE_OK)
			break;
		*doc = edit(c, *doc, arg);
		if (*doc == NULL)
			return STORE_NOT_FOUND;
		end = build_save(c, kind, key, *doc, revision);
	}
	return end;
}

void
build_take(json_t *doc, const json_t *json, const char *const *names,
    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		json_t *value = json_object_get(json, names[i]);

		if (value != NULL)
			json_object_set(doc, names[i], value);
	}
}

bool
build_texts(const struct call_ctx *c, const json_t *json)
{
	static const char *const names[] = { "developerName",
	    "developerSummary" };

	for (size_t i = 0; i < 2; i++) {
		const json_t *value = json_object_get(json, names[i]);

		if (value == NULL || json_is_null(value) ||
		    (json_is_string(value) &&
		    json_string_length(value) <= BUILD_NAME_MAX))
			continue;
		answer_sentence(c, 400, "%s: not a text of at most %d bytes",
		    names[i], BUILD_NAME_MAX);
		return false;
	}
	return true;
}

void
build_answer_end(const struct call_ctx *c, enum store_end end)
{
	if (end == STORE_CONFLICT)
		answer_sentence(c, 409, "This is being changed by others; "
		    "nothing was changed, try again");
	else if (end == STORE_TOO_BIG)
		answer_sentence(c, 413, "This would become too large");
	else if (end == STORE_UNKNOWN)
		answer_sentence(c, 503, "The change may or may not have been "
		    "stored; look before trying again");
	else
		answer_sentence(c, 503, "The store cannot be reached at the "
		    "moment; nothing was changed");
}

/* --- restrictions ---------------------------------------------------------------- */

static bool
has_codes(const json_t *restriction)
{
	for (int l = 0; l < RESTRICTION_LISTS; l++)
		if (json_array_size(json_object_get(restriction,
		    restriction_list_name((enum restriction_list)l))) > 0)
			return true;
	return false;
}

static bool
names_europe(const json_t *restriction)
{
	const json_t *list = json_object_get(restriction, "continents");

	for (size_t i = 0; i < json_array_size(list); i++)
		if (slice_eq_nocase(slice_of(json_string_value(
		    json_array_get(list, i))), SLICE("EU")))
			return json_object_get(restriction, "unions") == NULL;
	return false;
}

static void
warn(const json_t *restrictions, const char *which, json_t *warnings)
{
	const json_t *restriction = json_object_get(restrictions, which);

	if (!json_is_true(json_object_get(restriction, "enabled")))
		return;
	if (!has_codes(restriction))
		json_array_append_new(warnings, json_sprintf("%s is enabled "
		    "with empty lists: nobody is permitted", which));
	else if (names_europe(restriction))
		json_array_append_new(warnings, json_sprintf("%s: EU is the "
		    "continent, 53 countries with GB, RU and CH; write "
		    "\"unions\": [\"EU\"] for the European Union", which));
}

bool
build_restrictions(const struct call_ctx *c, const json_t *json, bool tenant,
    json_t *warnings)
{
	const json_t *pair = tenant ?
	    json_object_get(json, "flowRestrictions") : json;
	struct arena *arena = arena_new(4096);
	struct restriction_pair read;
	struct err err;
	bool good;

	if (tenant && (json_object_get(json, "access") != NULL ||
	    json_object_get(json, "execution") != NULL))
		good = err_set(&err, "restrictions: of a tenant, access and "
		    "execution stand one level deeper, in flowRestrictions");
	else if (tenant)
		good = tenant_restrictions_from_json(arena, json, &read,
		    &err);
	else
		good = restrictions_from_json(arena, json, &read, &err);
	arena_free(&arena);
	if (!good) {
		answer_sentence(c, 400, "%s", err.text);
		return false;
	}
	warn(pair, "access", warnings);
	warn(pair, "execution", warnings);
	return true;
}
