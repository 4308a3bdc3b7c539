/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which calls are runtime and which central, and where each runtime call
 * carries its flow or state.
 */
#ifndef POLICY_PATH_CLASS_H
#define POLICY_PATH_CLASS_H

#include "base/arena.h"
#include "base/slice.h"

enum path_class { PATH_CENTRAL, PATH_RUNTIME, PATH_AMBIGUOUS };

const char *path_class_name(enum path_class class);

struct path_classes;

/* Prefixes as the configuration gives them; NULL and 0 for the five of the
 * default: /api/run /api/file /api/social /api/service/1/data
 * /api/service/1/file. */
const struct path_classes *path_classes_build(struct arena *arena,
    const char *const *prefixes, size_t count);

/*
 * By whole segments, ASCII case ignored.  PATH_AMBIGUOUS: a parameter (;)
 * inside the segments that decide.  path is normalised (http/target.h).
 */
enum path_class path_class_of(const struct path_classes *classes,
    struct slice path);

/* Where a runtime call says which flow or state it is about. */
enum flow_place {
	FLOW_NOWHERE,			/* no call that we know */
	FLOW_IN_BODY,			/* POST /api/run/N: JSON flowId.id, stateId */
	FLOW_IN_PATH,			/* .../flow/{id}/...: *value is the flow */
	STATE_IN_PATH,			/* *value is the state id */
	STATE_IN_HEADER_OR_BODY,	/* service/data, service/file: header
					   ManyWhoState, else JSON stateId */
	STATE_IN_HEADER,		/* social */
	STATE_IN_MULTIPART,		/* service/file/content */
	STATE_IN_TOKEN,			/* /response, /event: JSON token */
	STATE_IN_QUERY,			/* oauth, oauth2 (state=), saml in body */
	FLOW_METADATA,			/* flow by name, list of flows: no state is
					   touched, only the tenant's own count */
};

/* Both spellings of each call; the words are compared without case. */
enum flow_place flow_place_of(struct slice path, struct slice *value);

/* Whether it is one of STATE_IN_TOKEN and STATE_IN_QUERY, and which; cheaper
 * than all of them. */
bool flow_returns(struct slice path, enum flow_place *place);

#endif
