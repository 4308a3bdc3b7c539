/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which call answers at a path, and what it needs to be told.
 */
#ifndef ENGINE_ROUTES_H
#define ENGINE_ROUTES_H

#include "engine/engine_private.h"

enum route_needs {
	NEEDS_NOTHING, NEEDS_TENANT,
	NEEDS_USER,			/* a tenant, and who may act where the state
					   stands: one who has logged in there, if
					   its flow asks for that */
	NEEDS_TOKEN,			/* which names the tenant and the state */
	NEEDS_STORE,			/* what it holds is known */
	NEEDS_EDGE,			/* an edge asks, and no client of one */
};

struct route {
	enum h1_method	 method;	/* GET answers HEAD as well */
	const char	*path;		/* {} is any one segment; case is ignored */
	enum route_needs needs;
	void		(*call)(const struct call_ctx *);
};

/*
 * path is normalised.  What {} stood for goes into call->names.  NULL: there
 * is none; what an edge alone may ask for does not exist for others.
 */
const struct route *route_find(struct slice path, enum h1_method method,
    bool from_edge, struct call *call);

/* Appends the methods that would find one, as Allow has them; false: none
 * would.  call->names are good for nothing afterwards. */
bool route_allow(struct slice path, bool from_edge, struct call *call,
    struct buf *allow);

#endif
