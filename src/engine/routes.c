/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The calls of the Run API and of the builders', as one table.
 */
#include "engine/routes.h"

#include "base/utf8.h"
#include "http/chars.h"

/* The player asks after every start; an empty list is an answer. */
static void
call_page_components(const struct call_ctx *c)
{
	answer_text(c, 200, "[]");
}

static const struct route routes[] = {
	{ METHOD_POST, "/api/run/1", NEEDS_TENANT, call_initialize },
	{ METHOD_POST, "/api/run/1/state/{}", NEEDS_TENANT, call_invoke },
	{ METHOD_GET, "/api/run/1/state/{}", NEEDS_TENANT, call_join },
	{ METHOD_GET, "/api/run/1/state/{}/ping/{}", NEEDS_TENANT, call_ping },
	{ METHOD_POST, "/api/run/1/state", NEEDS_TENANT, call_simple },
	{ METHOD_POST, "/api/run/1/state/out/{}/{}", NEEDS_USER, call_out },
	/* Players ask for it without their user's token. */
	{ METHOD_POST, "/api/run/1/navigation/{}", NEEDS_TENANT,
	    call_navigation },
	{ METHOD_GET, "/api/run/1/state/{}/history", NEEDS_USER, call_history },
	{ METHOD_GET, "/api/run/1/state/{}/log", NEEDS_USER, call_log },
	{ METHOD_GET, "/api/log/{}/{}", NEEDS_USER, call_old_log },
	{ METHOD_GET, "/api/run/1/state/{}/values", NEEDS_USER, call_values },
	{ METHOD_POST, "/api/run/1/state/{}/values", NEEDS_USER,
	    call_set_values },
	{ METHOD_GET, "/api/run/1/state/{}/values/{}", NEEDS_USER, call_value },
	{ METHOD_GET, "/api/run/1/state/{}/values/name/{}", NEEDS_USER,
	    call_value_named },
	{ METHOD_GET, "/api/run/1/state/{}/download/{}/{}", NEEDS_TENANT,
	    call_no_file },
	{ METHOD_GET, "/api/run/1/authentication/{}", NEEDS_TENANT,
	    call_authorization },
	{ METHOD_GET, "/api/run/1/authorization/{}", NEEDS_TENANT,
	    call_authorization },
	{ METHOD_POST, "/api/run/1/authentication/{}", NEEDS_TENANT,
	    call_login },
	{ METHOD_GET, "/api/run/1/flow", NEEDS_TENANT, call_flows },
	{ METHOD_GET, "/api/run/1/flow/{}", NEEDS_TENANT, call_flow },
	{ METHOD_GET, "/api/run/1/flow/name/{}", NEEDS_TENANT,
	    call_flow_named },
	{ METHOD_GET, "/api/run/1/flow/environment/{}", NEEDS_TENANT,
	    call_flows_of_environment },
	{ METHOD_POST, "/api/run/1/response", NEEDS_TOKEN, call_response },
	{ METHOD_POST, "/api/run/1/event", NEEDS_TOKEN, call_event },
	{ METHOD_POST, "/api/run/1/state/{}/listener", NEEDS_USER,
	    call_listen },
	{ METHOD_DELETE, "/api/run/1/state/{}/listener/{}", NEEDS_USER,
	    call_unlisten },
	{ METHOD_POST, "/api/run/2", NEEDS_TENANT, call_initialize },
	{ METHOD_POST, "/api/run/2/state/{}", NEEDS_TENANT,
	    call_invoke_tree },
	{ METHOD_GET, "/api/run/2/state/{}", NEEDS_TENANT, call_join_tree },
	{ METHOD_POST, "/api/run/2/service/data", NEEDS_USER, call_data },
	{ METHOD_GET, "/api/run/2/oauth2", NEEDS_TOKEN, call_oauth },
	{ METHOD_POST, "/api/run/2/saml", NEEDS_TOKEN, call_saml },
	{ METHOD_GET, "/api/run/1/oidc", NEEDS_TOKEN, call_oauth },
	{ METHOD_GET, "/api/run/1/oauth", NEEDS_TOKEN, call_oauth },
	{ METHOD_GET, "/api/run/1/oauth2", NEEDS_TOKEN, call_oauth },
	{ METHOD_POST, "/api/run/1/saml", NEEDS_TOKEN, call_saml },
	/* In both spellings: before and after all of it moved below run. */
	{ METHOD_POST, "/api/run/1/service/data", NEEDS_USER, call_data },
	{ METHOD_POST, "/api/run/1/service/file", NEEDS_USER, call_files },
	{ METHOD_POST, "/api/run/1/service/file/delete", NEEDS_USER,
	    call_delete_files },
	{ METHOD_POST, "/api/run/1/service/file/content", NEEDS_USER,
	    call_upload },
	{ METHOD_POST, "/api/service/1/file/content", NEEDS_USER, call_upload },
	{ METHOD_POST, "/api/file", NEEDS_USER, call_files },
	{ METHOD_POST, "/api/file/content", NEEDS_USER, call_upload },
	{ METHOD_POST, "/api/file/delete", NEEDS_USER, call_delete_files },
	{ METHOD_POST, "/api/service/1/data", NEEDS_USER, call_data },
	{ METHOD_POST, "/api/service/1/file", NEEDS_USER, call_files },
	{ METHOD_POST, "/api/service/1/file/delete", NEEDS_USER,
	    call_delete_files },
	{ METHOD_GET, "/api/run/1/social/stream/{}", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_POST, "/api/run/1/social/stream/{}", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_GET, "/api/run/1/social/stream/{}/{}", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_POST, "/api/run/1/social/stream/{}/{}", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_GET, "/api/run/1/social/stream/{}/user/me", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_GET, "/api/social/1/stream/{}", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_POST, "/api/social/1/stream/{}", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_GET, "/api/social/1/stream/{}/{}", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_POST, "/api/social/1/stream/{}/{}", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_GET, "/api/social/1/stream/{}/user/me", NEEDS_TENANT,
	    call_no_stream },
	{ METHOD_GET, "/api/run/1/flow/{}/{}/customPageComponents",
	    NEEDS_NOTHING, call_page_components },
	{ METHOD_POST, "/api/draw/1/authentication", NEEDS_TENANT,
	    call_build_login },
	{ METHOD_GET, "/api/draw/1/authentication/{}", NEEDS_TENANT,
	    call_build_token },
	{ METHOD_GET, "/api/draw/1/flow", NEEDS_TENANT, call_flow_list },
	{ METHOD_POST, "/api/draw/1/flow", NEEDS_TENANT, call_flow_put },
	{ METHOD_POST, "/api/draw/1/flow/snap", NEEDS_TENANT,
	    call_snap_import },
	{ METHOD_GET, "/api/draw/1/flow/snap/{}", NEEDS_TENANT,
	    call_snap_list },
	{ METHOD_POST, "/api/draw/1/flow/snap/{}", NEEDS_TENANT,
	    call_snap_make },
	{ METHOD_GET, "/api/draw/1/flow/snap/{}/{}", NEEDS_TENANT,
	    call_snap_get },
	{ METHOD_POST, "/api/draw/1/flow/activation/{}/{}/{}/{}",
	    NEEDS_TENANT, call_flow_activate },
	{ METHOD_GET, "/api/draw/1/flow/{}", NEEDS_TENANT, call_flow_get },
	{ METHOD_DELETE, "/api/draw/1/flow/{}", NEEDS_TENANT,
	    call_flow_delete },
	{ METHOD_GET, "/api/package/1/flow/{}", NEEDS_TENANT,
	    call_package_get },
	{ METHOD_GET, "/api/package/1/flow/{}/{}", NEEDS_TENANT,
	    call_package_get },
	{ METHOD_POST, "/api/package/1/flow", NEEDS_TENANT,
	    call_package_put },
	{ METHOD_GET, "/api/admin/1/tenant", NEEDS_TENANT, call_tenant_get },
	{ METHOD_POST, "/api/admin/1/tenant", NEEDS_TENANT, call_tenant_put },
	{ METHOD_GET, "/api/admin/1/stores", NEEDS_TENANT, call_stores },
	{ METHOD_POST, "/api/admin/1/stores", NEEDS_TENANT,
	    call_store_create },
	{ METHOD_GET, "/api/admin/1/stores/migrations", NEEDS_TENANT,
	    call_migrations },
	{ METHOD_POST, "/api/admin/1/stores/migrations", NEEDS_TENANT,
	    call_migrate },
	{ METHOD_GET, "/api/admin/1/stores/{}", NEEDS_TENANT,
	    call_store_get },
	{ METHOD_PUT, "/api/admin/1/stores/{}", NEEDS_TENANT,
	    call_store_put },
	{ METHOD_DELETE, "/api/admin/1/stores/{}", NEEDS_TENANT,
	    call_store_delete },
	{ METHOD_POST, "/api/admin/1/stores/{}/keys", NEEDS_TENANT,
	    call_store_keys_make },
	{ METHOD_POST, "/api/admin/1/stores/{}/keys/{}", NEEDS_TENANT,
	    call_store_keys_use },
	{ METHOD_DELETE, "/api/admin/1/stores/{}/keys/{}", NEEDS_TENANT,
	    call_store_keys_delete },
	{ METHOD_GET, "/api/admin/1/states", NEEDS_TENANT, call_states },
	{ METHOD_POST, "/api/admin/1/states/expire", NEEDS_TENANT,
	    call_states_expire },
	{ METHOD_GET, "/api/admin/1/states/flow", NEEDS_TENANT, call_states },
	{ METHOD_GET, "/api/admin/1/states/flow/{}", NEEDS_TENANT,
	    call_states_of_flow },
	{ METHOD_GET, "/api/admin/1/states/flow/{}/{}", NEEDS_TENANT,
	    call_states_of_flow },
	{ METHOD_GET, "/api/admin/1/states/{}", NEEDS_TENANT,
	    call_state_get },
	{ METHOD_DELETE, "/api/admin/1/states/{}", NEEDS_TENANT,
	    call_state_delete },
	{ METHOD_GET, "/portolan/1/restrictions", NEEDS_EDGE, call_feed },
	{ METHOD_GET, "/portolan/1/documents", NEEDS_STORE, call_documents },
	{ METHOD_GET, "/{}/play/{}", NEEDS_NOTHING, call_play },
	{ METHOD_GET, "/{}/play/{}/{}", NEEDS_NOTHING, call_play_file },
	{ METHOD_GET, "/healthz", NEEDS_NOTHING, call_health },
	{ METHOD_GET, "/health", NEEDS_NOTHING, call_health },
};

enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };

/* Names may hold spaces and the like; of a normalised path, every % is
 * followed by two digits, and none of them is NUL. */
static bool
keep_name(struct call *call, unsigned at, struct slice name)
{
	char *to;

	if (at >= CALL_NAMES || name.len == 0 || name.len >= CALL_NAME_MAX)
		return false;
	to = call->names[at];
	for (size_t i = 0; i < name.len; i++) {
		if (name.p[i] == '%' && i + 2 < name.len) {
			*to++ = (char)(chars_hex(name.p[i + 1]) * 16 +
			    chars_hex(name.p[i + 2]));
			i += 2;
		} else {
			*to++ = name.p[i];
		}
	}
	*to = '\0';
	return utf8_valid(call->names[at], strlen(call->names[at]));
}

/* call->names are those of the last pattern that was tried. */
static bool
matches(const char *pattern, struct slice path, struct call *call)
{
	struct slice rest = slice_of(pattern), want, have;
	unsigned names = 0;

	for (unsigned i = 0; i < CALL_NAMES; i++)
		call->names[i][0] = '\0';
	while (slice_split(&rest, '/', &want)) {
		if (!slice_split(&path, '/', &have))
			return false;
		if (slice_is(want, "{}")) {
			if (!keep_name(call, names++, have))
				return false;
		} else if (!slice_eq_nocase(want, have)) {
			return false;
		}
	}
	return path.len == 0;
}

static bool
method_fits(enum h1_method wanted, enum h1_method method)
{
	return method == wanted ||
	    (wanted == METHOD_GET && method == METHOD_HEAD);
}

static bool
is_hidden(const struct route *route, bool from_edge)
{
	return route->needs == NEEDS_EDGE && !from_edge;
}

const struct route *
route_find(struct slice path, enum h1_method method, bool from_edge,
    struct call *call)
{
	for (size_t i = 0; i < ROUTES; i++)
		if (method_fits(routes[i].method, method) &&
		    !is_hidden(&routes[i], from_edge) &&
		    matches(routes[i].path, path, call))
			return &routes[i];
	return NULL;
}

bool
route_allow(struct slice path, bool from_edge, struct call *call,
    struct buf *allow)
{
	static const struct {
		enum h1_method	 method;
		const char	*names;
	} rows[] = {
		{ METHOD_GET, "GET, HEAD" }, { METHOD_POST, "POST" },
		{ METHOD_PUT, "PUT" }, { METHOD_DELETE, "DELETE" },
	};
	unsigned found = 0;

	for (size_t i = 0; i < ROUTES; i++)
		if (!is_hidden(&routes[i], from_edge) &&
		    matches(routes[i].path, path, call))
			found |= 1u << routes[i].method;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (found & 1u << rows[i].method)
			buf_printf(allow, "%s%s", allow->len > 0 ? ", " : "",
			    rows[i].names);
	return found != 0;
}
