/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the store's documents say, as one engine worker knows it: which flows
 * and tenants there are, what restricts them, and who may change them.
 *
 *	kind		key			body
 *	tenant		TENANT			what GET /api/admin/1/tenant answers
 *	flow		TENANT/FLOW		names, versions, restrictions
 *	version		TENANT/FLOW/VERSION	a snapshot without restrictions
 *	stores		TENANT			its own stores: build_stores.c
 *	apikey		ID			the hash of a key, whose, and a role
 *	platform	epoch			a name drawn when the store was made
 *
 * The worker reads every change in the order of revisions, and hears of one
 * within a second, whichever worker or region made it.  Snapshots are read
 * when somebody runs them, and a number of them is kept.
 *
 * One thread, that of the engine's loop.
 */
#ifndef ENGINE_METADATA_H
#define ENGINE_METADATA_H

#include <jansson.h>

#include "base/hmac.h"
#include "engine/doc_key.h"
#include "engine/flow_index.h"
#include "store/await.h"

enum {
	API_KEY_ID = 16,		/* digits of its id ... */
	API_KEY_SECRET = 64,		/* ... and of its secret, after a dot */
};

enum api_role { ROLE_READER, ROLE_BUILDER, ROLE_OPERATOR, API_ROLES };

extern const char *const api_role_names[API_ROLES + 1];

struct api_key {
	char		 id[API_KEY_ID + 1];
	uint8_t		 hash[HMAC_BYTES];
	struct guid	 tenant;	/* an operator may speak for any */
	enum api_role	 role;
	char		 name[64];	/* for people */
};

/* A snapshot in memory. */
struct stored_version;

struct metadata;

struct metadata *metadata_new(struct store *store);
/* After the store has been closed. */
void metadata_free(struct metadata **m);

/* Everything that the store held at the start has been read. */
bool metadata_is_ready(const struct metadata *m);
/* The store's own name; "" before it is ready. */
const char *metadata_epoch(const struct metadata *m);

/* Of a region that follows another: how far it has come there. */
const char *metadata_followed(const struct metadata *m, uint64_t *revision);

/* Until a change after revision has been read, or so long; on a fiber. */
void metadata_wait(struct metadata *m, uint64_t revision, uint64_t ms);
/* From now on nobody waits. */
void metadata_end_waits(struct metadata *m);

/* Told of each tenant (flow NULL) or flow whose document was read, while that
 * is done: what it says counts once metadata_wait() has returned. */
typedef void metadata_bound_fn(void *arg, const struct guid *tenant,
    const struct guid *flow);
void metadata_on_bound(struct metadata *m, metadata_bound_fn *fn, void *arg);

/* Good until the caller waits. */
const struct restrictions *metadata_restrictions(const struct metadata *m);
const struct stored_flow *metadata_flow(const struct metadata *m,
    const struct guid *tenant, const struct guid *id);
const struct api_key *metadata_key(const struct metadata *m,
    struct slice id);

/* The flows of a tenant in no particular order; at NULL: the first. */
const struct stored_flow *metadata_next_flow(const struct metadata *m,
    const struct guid *tenant, const struct stored_flow *at);

/* The tenants that have stores of their own; the list is to be freed. */
size_t metadata_keepers(const struct metadata *m, struct guid **tenants);

/*
 * A version of a flow, held until it is released; NULL with *err if it is not
 * there or cannot be had.  May wait.
 */
struct stored_version *metadata_version(struct metadata *m,
    const struct guid *tenant, const struct guid *id,
    const struct guid *version, struct err *err);
/* versions.c */
const struct flow *stored_version_flow(const struct stored_version *v);
void metadata_release(struct metadata *m, struct stored_version *v);

/* --- keys of the API (api_key.c) --- */

/* A new one, its text for the user once; and what is stored of it. */
void api_key_make(struct api_key *key, char secret[API_KEY_SECRET + 1]);
json_t *api_key_json(const struct api_key *key);
/* False if the document is none. */
bool api_key_read(struct api_key *key, const char *id, const json_t *json);
bool api_role_parse(enum api_role *role, const char *text);

/* "ID.SECRET": its id; false if it has not that form. */
bool api_key_split(struct slice text, struct slice *id,
    struct slice *secret);
bool api_key_is(const struct api_key *key, struct slice secret);

#endif
