/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/package/1/flow: a flow and all that it runs, in one JSON string:
 *
 *	{"format": "portolan-package-1", "flows": [snapshot, snapshot ...]}
 *
 * the flow itself first.
 */
#include <stdlib.h>

#include "base/must.h"
#include "engine/build.h"
#include "engine/json_text.h"

#define FORMAT "portolan-package-1"

enum { PACKAGE_FLOWS_MAX = 100 };

struct packed {
	struct guid	 flow, version;
};

/* --- export ---------------------------------------------------------------------- */

static bool
is_packed(const struct packed *list, size_t count, const struct guid *flow,
    const struct guid *version)
{
	for (size_t i = 0; i < count; i++)
		if (guid_eq(&list[i].flow, flow) &&
		    guid_eq(&list[i].version, version))
			return true;
	return false;
}

/* Those of the store: what lies in a directory is the installation's. */
static size_t
add_subflows(const struct call_ctx *c, const struct packed *of,
    struct packed *list, size_t count)
{
	const struct flow *flow = flows_find(&c->call->flows, &of->flow,
	    &of->version);

	for (size_t i = 0; flow != NULL && i < flow->nelements; i++) {
		const struct subflow *s = flow->elements[i].subflow;
		const struct stored_flow *f = s == NULL ? NULL :
		    metadata_flow(c->engine->metadata, &c->call->tenant,
		    &s->flow);
		struct packed one;

		if (f == NULL || (!s->has_version && !f->has_version) ||
		    count == PACKAGE_FLOWS_MAX)
			continue;
		one = (struct packed){ s->flow,
		    s->has_version ? s->version : f->version };
		if (!is_packed(list, count, &one.flow, &one.version))
			list[count++] = one;
	}
	return count;
}

/* NULL: answered. */
static json_t *
make_package(const struct call_ctx *c, const struct guid *flow,
    const struct guid *version)
{
	struct packed list[PACKAGE_FLOWS_MAX] = { { *flow, *version } };
	json_t *images = json_array();
	size_t count = 1;

	for (size_t i = 0; i < count; i++) {
		json_t *image = snap_image(c, &list[i].flow,
		    &list[i].version);

		if (image == NULL) {
			json_decref(images);
			return NULL;
		}
		json_array_append_new(images, image);
		count = add_subflows(c, &list[i], list, count);
	}
	return json_pack("{s:s, s:o}", "format", FORMAT, "flows", images);
}

void
call_package_get(const struct call_ctx *c)
{
	const struct stored_flow *f;
	struct guid flow, version;
	json_t *package;
	char *text;

	if (!build_may(c, ROLE_READER) || !build_guid(c, 0, &flow))
		return;
	f = metadata_flow(c->engine->metadata, &c->call->tenant, &flow);
	if (c->call->names[1][0] != '\0') {
		if (!build_guid(c, 1, &version))
			return;
	} else if (f == NULL || !f->has_version) {
		answer_sentence(c, 404, "The flow %s could not be found, or no "
		    "version of it is the default", c->call->names[0]);
		return;
	} else
		version = f->version;
	package = make_package(c, &flow, &version);
	if (package == NULL)
		return;
	text = json_dumps(package, JSON_COMPACT);
	must(text != NULL);
	answer_json(c, 200, json_string(text));
	free(text);
	json_decref(package);
}

/* --- import ---------------------------------------------------------------------- */

/* A string with the package in it, or the package; answers and returns NULL
 * if it is neither. */
static json_t *
take_package(const struct call_ctx *c)
{
	json_t *body = build_body(c), *package = body;
	json_error_t at;

	if (json_is_string(body)) {
		package = json_loadb(json_string_value(body),
		    json_string_length(body), JSON_REJECT_DUPLICATES, &at);
		if (package == NULL)
			answer_sentence(c, 400, "The package is not JSON: "
			    "line %d, column %d: %s", at.line, at.column,
			    json_mistake(&at));
		json_decref(body);
	}
	return package;
}

static bool
check_form(const struct call_ctx *c, const json_t *package)
{
	const char *format = json_string_value(json_object_get(package,
	    "format"));
	const json_t *list = json_object_get(package, "flows");

	if (format == NULL || strcmp(format, FORMAT) != 0)
		answer_sentence(c, 400, "format: must be " FORMAT);
	else if (json_array_size(list) == 0 ||
	    json_array_size(list) > PACKAGE_FLOWS_MAX)
		answer_sentence(c, 400, "flows: must be 1 to %d snapshots",
		    PACKAGE_FLOWS_MAX);
	else
		return true;
	return false;
}

/* All of them are good, or none is stored. */
static bool
check_flows(const struct call_ctx *c, const json_t *list,
    struct packed *ids, json_t *warnings)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *image = json_array_get(list, i);

		if (!json_is_object(image) || !snap_ids(image, &ids[i].flow,
		    &ids[i].version)) {
			answer_sentence(c, 400, "flows[%zu]: no snapshot with "
			    "an id", i);
			return false;
		}
		if (!build_restrictions(c, json_object_get(image,
		    "restrictions"), false, warnings) ||
		    !snap_check(c, image, &ids[i].flow, &ids[i].version))
			return false;
	}
	return true;
}

/* What the flow runs goes first: whoever finds the flow finds all of it. */
static void
store_flows(const struct call_ctx *c, const json_t *list,
    const struct packed *ids, json_t *warnings)
{
	json_t *doc = NULL;

	for (size_t i = json_array_size(list); i > 0; i--) {
		json_t *image = json_array_get(list, i - 1);
		bool by_default = json_is_true(json_object_get(image,
		    "isDefault"));

		json_decref(doc);
		if (!snap_store(c, image, &ids[i - 1].flow,
		    &ids[i - 1].version, by_default, &doc))
			return;
	}
	answer_json(c, 200, flow_response(doc, &ids[0].flow,
	    json_incref(warnings)));
	json_decref(doc);
}

void
call_package_put(const struct call_ctx *c)
{
	struct packed ids[PACKAGE_FLOWS_MAX];
	json_t *package, *warnings;
	const json_t *list;

	if (!build_may_change(c, ROLE_BUILDER))
		return;
	package = take_package(c);
	if (package == NULL)
		return;
	warnings = json_array();
	list = json_object_get(package, "flows");
	if (check_form(c, package) && check_flows(c, list, ids, warnings))
		store_flows(c, list, ids, warnings);
	json_decref(warnings);
	json_decref(package);
}
