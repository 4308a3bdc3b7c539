/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * From a request to the call that answers it: tenant, place and body, which
 * every call needs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fiber.h"
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/routes.h"
#include "http/target.h"

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

/* RFC 9110 15.5.6: what is here for others is not said to be missing. */
static void
answer_no_route(const struct call_ctx *c, struct slice path, bool from_edge)
{
	struct buf allow = { 0 };

	if (route_allow(path, from_edge, c->call, &allow))
		answer_not_allowed(c, buf_cstr(&allow));
	else
		answer_sentence(c, 404, "There is nothing at this address");
	buf_fini(&allow);
}

static bool
needs_tenant(const struct route *route)
{
	return route->needs == NEEDS_TENANT || route->needs == NEEDS_USER;
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
	bool from_edge = h1_field(head, FIELD_X_PORTOLAN) != NULL;
	const struct route *route = NULL;

	if (verdict == TARGET_OK)
		route = route_find(target.path, r->method, from_edge, call);
	if (verdict != TARGET_OK)
		answer_sentence(c, 400, "The path cannot be read: %s",
		    target_verdict_text(verdict));
	else if (!engine_trusts(c->engine, r))
		answer_sentence(c, 403, "The certificate is not of this region");
	else if (route == NULL)
		answer_no_route(c, target.path, from_edge);
	else if (needs_tenant(route) && !take_tenant(call, head))
		answer_sentence(c, 400, "The header ManyWhoTenant must name a "
		    "tenant by its GUID");
	else
		call->route = route;
	call->query = keep_text(target.query);
	free(room);
	if (call->route == NULL)
		return;
	call->for_user = call->route->needs == NEEDS_USER;
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
