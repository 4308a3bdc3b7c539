/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where a tenant's states are kept: in the platform's store, in the tenant's
 * own, or in both (member externalStorageSettings of the tenant's document;
 * the stores are documents of kind "store", key TENANT/STORE).
 *
 * Of a state that is kept elsewhere the platform's row holds a descriptor
 * alone: which store, its last time there, and who is saving it just now.  A
 * state remembers its store; it moves when it is next saved, or when a
 * migration takes it along.
 */
#ifndef ENGINE_KEEPING_H
#define ENGINE_KEEPING_H

#include "engine/engine_private.h"
#include "store/external.h"

struct keeping *keeping_new(struct engine *engine);
void keeping_free(struct keeping **keeping);
/* This edition is in service from now on. */
void keeping_change(struct keeping *keeping, const struct edition *edition);
/* For keys. */
struct workers *keeping_workers(const struct call_ctx *c);
/* What its calls came to; NULL where no tenant has had a store. */
const struct external_way *keeping_way(const struct keeping *keeping);

/* What is known of a state's place; lives in the request's arena. */
struct kept_at {
	char		 store[EXTERNAL_ID + 1];	/* "": the platform's */
	int64_t		 updated_us;	/* as it went there last */
	int64_t		 busy_ms;	/* somebody saves it until then */
	struct slice	 copy;		/* the platform's own */
};

/*
 * As await_load() for the call's tenant; row's body is the run's, wherever it
 * came from.  changes: the caller means to save it, and so waits until
 * nobody else does.
 */
enum store_end keep_load(const struct call_ctx *c, struct arena *arena,
    const uint8_t id[16], bool changes, struct store_row *row,
    struct kept_at **at);
/* The run's body is made here. */
enum store_end keep_create(const struct call_ctx *c, struct run *run);
enum store_end keep_save(const struct call_ctx *c, struct run *run);
/* Whether the state is where the tenant's settings have it. */
bool keeping_is_at(const struct call_ctx *c, const struct kept_at *at);
/* Whether new changes go to this store; "": to the platform's alone. */
bool keeping_goes_to(const struct call_ctx *c, const char *store);
/* Whether they go there; also if that cannot be found out. */
bool keeping_uses(const struct call_ctx *c, const char *store);
/* In the tenant's store, if it is there, whether or not it has expired; a
 * failure is logged. */
void keep_remove_there(const struct call_ctx *c, const uint8_t id[16]);
/* There and here. */
enum store_end keep_remove(const struct call_ctx *c, const uint8_t id[16]);

#endif
