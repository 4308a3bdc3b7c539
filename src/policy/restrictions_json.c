/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/restrictions_json.h"

#include <jansson.h>

#include "policy/restriction_lists.h"

enum { TEXT_MAX = 256 * 1024 };

/* What the platform and those who edit its files by hand write for nothing. */
static bool
is_nothing(const json_t *json)
{
	return json == NULL || json_is_null(json) ||
	    (json_is_array(json) && json_array_size(json) == 0);
}

static bool
read_list(struct restriction *r, enum restriction_list list,
    const json_t *codes, struct err *err)
{
	const char *name = restriction_list_name(list);

	if (is_nothing(codes))
		return true;
	if (!json_is_array(codes))
		return err_set(err, "%s: not a list of codes", name);
	for (size_t i = 0; i < json_array_size(codes); i++) {
		const json_t *code = json_array_get(codes, i);
		struct slice text = { json_string_value(code),
		    json_string_length(code) };

		if (!json_is_string(code))
			return err_set(err, "%s[%zu]: not a text", name, i);
		if (!restriction_add_code(r, list, text, err))
			return err_wrap(err, "%s[%zu]", name, i);
	}
	return true;
}

/* One of access and execution; *out stays NULL where it is not enabled. */
static bool
read_restriction(struct arena *arena, const json_t *json,
    const struct restriction **out, struct err *err)
{
	const json_t *enabled = json_object_get(json, "enabled");
	struct restriction *r;

	*out = NULL;
	if (is_nothing(json))
		return true;
	if (!json_is_object(json))
		return err_set(err, "not an object");
	if (!is_nothing(enabled) && !json_is_boolean(enabled))
		return err_set(err, "enabled: neither true nor false");
	if (!json_is_true(enabled))
		return true;
	r = arena_alloc(arena, sizeof(*r));
	for (int l = 0; l < RESTRICTION_LISTS; l++)
		if (!read_list(r, (enum restriction_list)l,
		    json_object_get(json,
		    restriction_list_name((enum restriction_list)l)), err))
			return false;
	*out = r;
	return true;
}

bool
restrictions_from_json(struct arena *arena, const struct json_t *json,
    struct restriction_pair *pair, struct err *err)
{
	pair->access = pair->execution = NULL;
	if (is_nothing(json))
		return true;
	if (!json_is_object(json))
		return err_set(err, "restrictions: not an object");
	if (!read_restriction(arena, json_object_get(json, "access"),
	    &pair->access, err))
		return err_wrap(err, "restrictions.access");
	if (!read_restriction(arena, json_object_get(json, "execution"),
	    &pair->execution, err))
		return err_wrap(err, "restrictions.execution");
	return true;
}

bool
tenant_restrictions_from_json(struct arena *arena, const struct json_t *json,
    struct restriction_pair *pair, struct err *err)
{
	pair->access = pair->execution = NULL;
	if (is_nothing(json))
		return true;
	if (!json_is_object(json))
		return err_set(err, "restrictions: not an object");
	return restrictions_from_json(arena,
	    json_object_get(json, "flowRestrictions"), pair, err);
}

bool
restrictions_from_text(struct arena *arena, struct slice text, bool tenant,
    struct restriction_pair *pair, struct err *err)
{
	json_error_t at;
	json_t *json;
	bool good;

	if (text.len > TEXT_MAX)
		return err_set(err, "longer than %d bytes", TEXT_MAX);
	json = json_loadb(text.p != NULL ? text.p : "", text.len,
	    JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &at);
	if (json == NULL)
		return err_set(err, "line %d column %d: not JSON: %s", at.line,
		    at.column, at.text);
	good = tenant ? tenant_restrictions_from_json(arena, json, pair, err) :
	    restrictions_from_json(arena, json, pair, err);
	json_decref(json);
	return good;
}
