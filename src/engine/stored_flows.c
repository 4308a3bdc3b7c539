/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The flows of a call's tenant that the store holds.  What a call has found
 * stays in memory until it ends, whatever becomes of it in the store.
 */
#include <stdlib.h>

#include "base/log.h"
#include "engine/engine_private.h"

struct held {
	struct stored_version *version;
	struct held	*next;
};

static const struct flow *
keep(const struct call_ctx *c, struct stored_version *version)
{
	struct held *held = xmalloc(sizeof(*held));

	*held = (struct held){ version, c->call->held };
	c->call->held = held;
	return stored_version_flow(version);
}

/* Another tenant's flow does not exist for this one. */
static const struct flow *
find(void *arg, const struct guid *id, const struct guid *version)
{
	const struct call_ctx *c = arg;
	const struct stored_flow *f = metadata_flow(c->engine->metadata,
	    &c->call->tenant, id);
	struct stored_version *found;
	struct guid which;
	struct err err;

	if (f == NULL || (version == NULL && !f->has_version))
		return NULL;
	which = version != NULL ? *version : f->version;
	for (const struct held *h = c->call->held; h != NULL; h = h->next) {
		const struct flow *flow = stored_version_flow(h->version);

		if (guid_eq(&flow->guid, id) &&
		    guid_eq(&flow->version_guid, &which))
			return flow;
	}
	found = metadata_version(c->engine->metadata, &c->call->tenant, id,
	    &which, &err);
	if (found != NULL)
		return keep(c, found);
	log_warn("%s", err.text);
	return NULL;
}

static const struct flow *
find_named(void *arg, struct slice name)
{
	const struct call_ctx *c = arg;
	const struct metadata *m = c->engine->metadata;
	const struct stored_flow *f = NULL;

	while ((f = metadata_next_flow(m, &c->call->tenant, f)) != NULL)
		if (f->has_version &&
		    slice_eq_nocase(slice_of(f->name), name))
			return find(arg, &f->id, NULL);
	return NULL;
}

void
call_use_stored_flows(const struct call_ctx *c)
{
	c->call->flows.find = find;
	c->call->flows.find_named = find_named;
	c->call->flows.arg = &c->call->ctx;
}

void
call_release_flows(struct call *call)
{
	while (call->held != NULL) {
		struct held *held = call->held;

		call->held = held->next;
		metadata_release(call->ctx.engine->metadata, held->version);
		free(held);
	}
}
