/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * From a request to the call that answers it: one table, then the three
 * things every call needs (tenant, place, body).
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fiber.h"
#include "base/must.h"
#include "base/utf8.h"
#include "engine/engine_private.h"
#include "http/target.h"

enum route_needs {
	NEEDS_NOTHING, NEEDS_TENANT,
	NEEDS_TOKEN,			/* which names the tenant and the state */
	NEEDS_STORE,			/* what it holds is known */
	NEEDS_EDGE,			/* an edge asks, and no client of one */
};

/* The player asks after every start; an empty list is an answer. */
static void
call_page_components(const struct call_ctx *c)
{
	answer_text(c, 200, "[]");
}

static const struct route {
	enum h1_method	 method;	/* GET answers HEAD as well */
	const char	*path;		/* {} is any one segment; case is ignored */
	enum route_needs needs;
	void		(*call)(const struct call_ctx *);
} routes[] = {
	{ METHOD_POST, "/api/run/1", NEEDS_TENANT, call_initialize },
	{ METHOD_POST, "/api/run/1/state/{}", NEEDS_TENANT, call_invoke },
	{ METHOD_GET, "/api/run/1/state/{}", NEEDS_TENANT, call_join },
	{ METHOD_GET, "/api/run/1/state/{}/ping/{}", NEEDS_TENANT, call_ping },
	{ METHOD_POST, "/api/run/1/state", NEEDS_TENANT, call_simple },
	{ METHOD_POST, "/api/run/1/state/out/{}/{}", NEEDS_TENANT, call_out },
	{ METHOD_POST, "/api/run/1/navigation/{}", NEEDS_TENANT,
	    call_navigation },
	{ METHOD_GET, "/api/run/1/state/{}/history", NEEDS_TENANT,
	    call_history },
	{ METHOD_GET, "/api/run/1/state/{}/log", NEEDS_TENANT, call_log },
	{ METHOD_GET, "/api/log/{}/{}", NEEDS_TENANT, call_old_log },
	{ METHOD_GET, "/api/run/1/state/{}/values", NEEDS_TENANT,
	    call_values },
	{ METHOD_POST, "/api/run/1/state/{}/values", NEEDS_TENANT,
	    call_set_values },
	{ METHOD_GET, "/api/run/1/state/{}/values/{}", NEEDS_TENANT,
	    call_value },
	{ METHOD_GET, "/api/run/1/state/{}/values/name/{}", NEEDS_TENANT,
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
	{ METHOD_POST, "/api/run/1/response", NEEDS_TOKEN, call_response },
	{ METHOD_POST, "/api/run/1/event", NEEDS_TOKEN, call_event },
	{ METHOD_POST, "/api/run/1/state/{}/listener", NEEDS_TENANT,
	    call_listen },
	{ METHOD_DELETE, "/api/run/1/state/{}/listener/{}", NEEDS_TENANT,
	    call_unlisten },
	{ METHOD_POST, "/api/run/2", NEEDS_TENANT, call_initialize },
	{ METHOD_POST, "/api/run/2/state/{}", NEEDS_TENANT,
	    call_invoke_tree },
	{ METHOD_GET, "/api/run/2/state/{}", NEEDS_TENANT, call_join_tree },
	{ METHOD_POST, "/api/run/2/service/data", NEEDS_TENANT, call_data },
	{ METHOD_GET, "/api/run/2/oauth2", NEEDS_TOKEN, call_oauth },
	{ METHOD_POST, "/api/run/2/saml", NEEDS_TOKEN, call_saml },
	{ METHOD_GET, "/api/run/1/oidc", NEEDS_TOKEN, call_oauth },
	{ METHOD_GET, "/api/run/1/oauth", NEEDS_TOKEN, call_oauth },
	{ METHOD_GET, "/api/run/1/oauth2", NEEDS_TOKEN, call_oauth },
	{ METHOD_POST, "/api/run/1/saml", NEEDS_TOKEN, call_saml },
	/* In both spellings: before and after all of it moved below run. */
	{ METHOD_POST, "/api/run/1/service/data", NEEDS_TENANT, call_data },
	{ METHOD_POST, "/api/run/1/service/file", NEEDS_TENANT, call_files },
	{ METHOD_POST, "/api/run/1/service/file/delete", NEEDS_TENANT,
	    call_delete_files },
	{ METHOD_POST, "/api/run/1/service/file/content", NEEDS_TENANT,
	    call_upload },
	{ METHOD_POST, "/api/service/1/file/content", NEEDS_TENANT,
	    call_upload },
	{ METHOD_POST, "/api/file", NEEDS_TENANT, call_files },
	{ METHOD_POST, "/api/file/content", NEEDS_TENANT, call_upload },
	{ METHOD_POST, "/api/file/delete", NEEDS_TENANT, call_delete_files },
	{ METHOD_POST, "/api/service/1/data", NEEDS_TENANT, call_data },
	{ METHOD_POST, "/api/service/1/file", NEEDS_TENANT, call_files },
	{ METHOD_POST, "/api/service/1/file/delete", NEEDS_TENANT,
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

/* --- routing -------------------------------------------------------------------------- */

static int
hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ?
	    c - 'A' + 10 : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

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
			*to++ = (char)(hex_digit(name.p[i + 1]) * 16 +
			    hex_digit(name.p[i + 2]));
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

static const struct route *
find_route(struct slice path, enum h1_method method, struct call *call)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
		if (method_fits(routes[i].method, method) &&
		    matches(routes[i].path, path, call))
			return &routes[i];
	return NULL;
}

/* --- what every call needs -------------------------------------------------------------- */

static struct slice
field_named(const struct h1_head *head, const char *name)
{
	for (unsigned i = 0; i < head->nfields; i++)
		if (slice_eq_nocase(head->fields[i].name, slice_of(name)))
			return head->fields[i].value;
	return (struct slice){ NULL, 0 };
}

static bool
take_tenant(struct call *call, const struct h1_head *head)
{
	const struct h1_field *field = h1_field(head, FIELD_MANYWHO_TENANT);

	if (field == NULL || !guid_parse(call->tenant.bytes, field->value))
		return false;
	guid_text(call->tenant.bytes, call->tenant_text);
	return true;
}

static char *
keep_text(struct slice text)
{
	char *copy;

	if (text.p == NULL)
		return NULL;
	copy = xmalloc(text.len + 1);
	memcpy(copy, text.p, text.len);
	copy[text.len] = '\0';
	return copy;
}

/* What a builder is known by; never logged. */
static void
take_secret(struct call *call, const struct h1_head *head)
{
	struct slice key = field_named(head, "x-boomi-flow-api-key");
	const struct h1_field *login = h1_field(head, FIELD_AUTHORIZATION);

	call->secret = keep_text(key.p == NULL && login != NULL ?
	    login->value : key);
}

static void
take_content_type(struct call *call, const struct h1_head *head)
{
	struct slice type = field_named(head, "Content-Type");

	if (type.len < sizeof(call->content_type))
		snprintf(call->content_type, sizeof(call->content_type),
		    "%.*s", SLICE_ARG(type));
}

/* The edge has looked the client up and dropped what the client itself said
 * of this. */
static void
take_place(struct call *call, const struct h1_head *head)
{
	call->place = place_from_codes(
	    field_named(head, "X-ManyWho-GeoLocation-Country"),
	    field_named(head, "X-ManyWho-GeoLocation-Continent"));
}

/* The edge is the last to have added to X-Forwarded-For, and its own client
 * stands at the end. */
static void
take_ip(struct call *call, const struct h1_head *head)
{
	struct slice text = field_named(head, "X-Real-IP"), next;
	struct addr addr;

	if (text.len == 0) {
		struct slice list = field_named(head, "X-Forwarded-For");

		while (slice_split(&list, ',', &next))
			text = next;
	}
	text = slice_trim(text);
	if (addr_parse(&addr, text))
		addr_text(&addr, call->ip);
}

/* Where a service that answers later, or a directory, finds us again: as the
 * client did. */
static void
take_origin(struct call *call, const struct h1_head *head)
{
	struct slice proto = field_named(head, "X-Forwarded-Proto");
	struct slice host = field_named(head, "X-Forwarded-Host");

	if (host.len == 0)
		host = field_named(head, "Host");
	if (!slice_eq_nocase(proto, SLICE("https")))
		proto = SLICE("http");
	if (host.len == 0 || host.len > 255)
		return;
	for (size_t i = 0; i < host.len; i++)
		if (host.p[i] <= ' ' || strchr("/\\?#@\"<>", host.p[i]) != NULL)
			return;
	snprintf(call->origin, sizeof(call->origin), "%.*s://%.*s",
	    SLICE_ARG(proto), SLICE_ARG(host));
}

/* --- the life of a call ------------------------------------------------------------------- */

static struct call **
slot_of(struct request *r)
{
	return (struct call **)(void *)r->user;
}

static struct call *
call_new(struct request *r)
{
	struct engine *e = r->server->owner;
	struct call *call = xcalloc(1, sizeof(*call));

	call->ctx = (struct call_ctx){ e, edition_hold(e->edition), r, call };
	call->head = r->method == METHOD_HEAD;
	call->flows = *e->edition->flows;
	*slot_of(r) = call;
	return call;
}

struct call *
call_own(struct engine *e, const struct guid *tenant)
{
	struct call *call = xcalloc(1, sizeof(*call));

	call->ctx = (struct call_ctx){ e, edition_hold(e->edition), NULL,
	    call };
	call->tenant = *tenant;
	guid_text(tenant->bytes, call->tenant_text);
	call->flows = *e->edition->flows;
	call_use_stored_flows(&call->ctx);
	return call;
}

void
call_own_free(struct call *call)
{
	call_release_flows(call);
	edition_release(&call->ctx.edition);
	free(call);
}

/* Once nobody needs it: neither the request nor the fiber. */
static void
call_let_go(struct call *call)
{
	if (call->runs || call->ctx.request != NULL)
		return;
	call_release_flows(call);
	edition_release(&call->ctx.edition);
	buf_fini(&call->body);
	if (call->secret != NULL)
		explicit_bzero(call->secret, strlen(call->secret));
	free(call->secret);
	free(call->query);
	free(call);
}

/* Restrictions that are not known yet could not be kept. */
static bool
is_too_early(const struct call *call)
{
	return call->route->needs != NEEDS_NOTHING &&
	    !metadata_is_ready(call->ctx.engine->metadata);
}

static void
run_call(void *arg)
{
	struct call *call = arg;

	if (is_too_early(call))
		answer_sentence(&call->ctx, 503, "The engine is starting; try "
		    "again in a moment");
	else
		call->route->call(&call->ctx);
	call->runs = false;
	call_let_go(call);
}

static void
start_call(struct call *call)
{
	call->runs = true;
	fiber_start(run_call, call);
}

static void
api_head(struct request *r)
{
	struct call *call = call_new(r);
	const struct call_ctx *c = &call->ctx;
	const struct h1_head *head = r->head;
	struct target target;
	char *room = xmalloc(head->target.len + 1);
	enum target_verdict verdict = target_normalise(&target, head->target,
	    room);
	const struct route *route = NULL;

	if (verdict == TARGET_OK)
		route = find_route(target.path, r->method, call);
	if (verdict != TARGET_OK)
		answer_sentence(c, 400, "The path cannot be read: %s",
		    target_verdict_text(verdict));
	else if (!engine_trusts(c->engine, r))
		answer_sentence(c, 403, "The certificate is not of this region");
	else if (route == NULL || (route->needs == NEEDS_EDGE &&
	    h1_field(head, FIELD_X_PORTOLAN) == NULL))
		answer_sentence(c, 404, "There is nothing at this address");
	else if (route->needs == NEEDS_TENANT && !take_tenant(call, head))
		answer_sentence(c, 400, "The header ManyWhoTenant must name a "
		    "tenant by its GUID");
	else
		call->route = route;
	call->query = keep_text(target.query);
	free(room);
	if (call->route == NULL)
		return;
	call_use_stored_flows(c);
	take_secret(call, head);
	take_place(call, head);
	take_ip(call, head);
	take_origin(call, head);
	take_content_type(call, head);
	if (!r->has_body)
		start_call(call);
}

static void
api_body(struct request *r, struct slice bytes, bool last)
{
	struct call *call = *slot_of(r);

	if (call->route == NULL || r->answered)
		return;
	buf_slice(&call->body, bytes);
	if (last)
		start_call(call);
}

static void
api_drained(struct request *r)
{
	(void)r;			/* answers are sent whole */
}

static void
api_refuse(struct request *r, unsigned status, const char *rule,
    const char *sentence)
{
	/* A head that cannot be read has not come to api_head(). */
	struct call *call = *slot_of(r) != NULL ? *slot_of(r) : call_new(r);

	(void)rule;
	answer_sentence(&call->ctx, status, "%s", sentence);
}

static void
api_gone(struct request *r, enum serve_end end)
{
	struct call *call = *slot_of(r);

	(void)end;
	call->ctx.request = NULL;
	call_let_go(call);
}

const struct handler_ops api_handler = {
	.name = "engine",
	.request_bytes = sizeof(struct call *),
	.auto_continue = true,
	.head = api_head,
	.body = api_body,
	.drained = api_drained,
	.refuse = api_refuse,
	.gone = api_gone,
};
