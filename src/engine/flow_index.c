/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "engine/flow_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hash.h"

struct stored_tenant {
	struct guid	 id;
	struct list	 flows;		/* stored_flow */
};

static struct slice
guid_slice(const struct guid *guid)
{
	return (struct slice){ (const char *)guid->bytes,
	    sizeof(guid->bytes) };
}

static struct slice
ids_slice(const struct guid ids[2])
{
	return (struct slice){ (const char *)ids, 2 * sizeof(*ids) };
}

static struct stored_tenant *
tenant_of(struct flow_index *index, const struct guid *id)
{
	struct stored_tenant *t = map_get(index->tenants, guid_slice(id));

	if (t != NULL)
		return t;
	t = xcalloc(1, sizeof(*t));
	t->id = *id;
	list_init(&t->flows);
	map_put(index->tenants, guid_slice(&t->id), t);
	return t;
}

void
flow_index_forget(struct flow_index *index, const struct guid *tenant,
    const struct guid *id)
{
	const struct guid ids[2] = { *tenant, *id };
	struct stored_flow *f = map_remove(index->flows, ids_slice(ids));

	if (f == NULL)
		return;
	list_remove(&f->node);
	free(f->name);
	free(f);
}

void
flow_index_put(struct flow_index *index, struct stored_flow *f)
{
	const struct guid ids[2] = { f->tenant, f->id };

	list_append(&tenant_of(index, &f->tenant)->flows, &f->node);
	map_put(index->flows, ids_slice(ids), f);
}

const struct stored_flow *
flow_index_find(const struct flow_index *index, const struct guid *tenant,
    const struct guid *id)
{
	const struct guid ids[2] = { *tenant, *id };

	return map_get(index->flows, ids_slice(ids));
}

const struct stored_flow *
flow_index_next(const struct flow_index *index, const struct guid *tenant,
    const struct stored_flow *at)
{
	struct stored_tenant *t = map_get(index->tenants, guid_slice(tenant));
	struct list *next;

	if (t == NULL)
		return NULL;
	next = at == NULL ? t->flows.next : at->node.next;
	return next == &t->flows ? NULL :
	    list_entry(next, struct stored_flow, node);
}

void
flow_index_init(struct flow_index *index)
{
	index->tenants = map_new();
	index->flows = map_new();
}

void
flow_index_fini(struct flow_index *index)
{
	struct slice key;
	size_t at = 0;
	void *value;

	while (map_next(index->flows, &at, &key, &value)) {
		free(((struct stored_flow *)value)->name);
		free(value);
	}
	map_free(&index->flows);
	at = 0;
	while (map_next(index->tenants, &at, &key, &value))
		free(value);
	map_free(&index->tenants);
}
