/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The flows that a store holds, by tenant: what an engine worker knows of all
 * of them.  What a flow does is read when somebody runs it.
 *
 * One thread.  Pointers are good until the flow is put anew or forgotten.
 */
#ifndef ENGINE_FLOW_INDEX_H
#define ENGINE_FLOW_INDEX_H

#include "base/list.h"
#include "engine/flow.h"

/* A flow of a tenant; of its versions, that which is run by default. */
struct stored_flow {
	struct list	 node;		/* of its tenant's */
	struct guid	 tenant, id, version;
	bool		 has_version;
	char		*name;
};

struct flow_index {
	struct map	*tenants;	/* stored_tenant by id */
	struct map	*flows;		/* stored_flow by tenant and id */
};

void flow_index_init(struct flow_index *index);
void flow_index_fini(struct flow_index *index);

/* It and its name are the index's from then on.  There is none of these ids:
 * it has been forgotten before. */
void flow_index_put(struct flow_index *index, struct stored_flow *flow);
/* Freed, if it is there. */
void flow_index_forget(struct flow_index *index, const struct guid *tenant,
    const struct guid *id);

/* NULL if it is not there. */
const struct stored_flow *flow_index_find(const struct flow_index *index,
    const struct guid *tenant, const struct guid *id);
/* Of a tenant, in no particular order; at NULL: the first. */
const struct stored_flow *flow_index_next(const struct flow_index *index,
    const struct guid *tenant, const struct stored_flow *at);

#endif
