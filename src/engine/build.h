/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the calls of the build-time API share: who may, reading and writing
 * documents, and the restrictions in them.
 */
#ifndef ENGINE_BUILD_H
#define ENGINE_BUILD_H

#include "engine/engine_private.h"

enum {
	BUILD_TRIES = 5,		/* of a change that others come before */
	BUILD_NAME_MAX = 255,		/* bytes of a developerName */
	BUILD_VERSIONS_MAX = 1000,	/* of one flow */
};

/*
 * Whether the call's key is good for its tenant and has this role at least;
 * else answers 401, 403, or 404 where the tenant is another's.
 */
bool build_may(const struct call_ctx *c, enum api_role least);
/* Whose call it is, by a key or a token (build_login.c); NULL: nobody's that
 * is known.  Good until the caller waits. */
const struct api_key *build_key(const struct call_ctx *c);
/* Whether the key is good for the call's tenant. */
bool build_key_fits(const struct call_ctx *c, const struct api_key *key);
/* build_may() for a change of metadata, which the main region makes alone. */
bool build_may_change(const struct call_ctx *c, enum api_role least);

/* The body; JSON of any kind, members once.  Answers 400 and returns NULL. */
json_t *build_body(const struct call_ctx *c);

/* Path names that must be GUIDs; answers 404. */
bool build_guid(const struct call_ctx *c, unsigned name, struct guid *guid);

/* A new reference, NULL where there is none: then *revision is 0.  Other ends
 * than OK and NOT_FOUND are to be answered. */
enum store_end build_load(const struct call_ctx *c, const char *kind,
    const char *key, json_t **json, uint64_t *revision);
/* In place of that revision; json NULL deletes.  Returns when this worker
 * knows of it, too. */
enum store_end build_save(const struct call_ctx *c, const char *kind,
    const char *key, const json_t *json, uint64_t revision);
/*
 * A document as it is now, changed, and changed again if others came between.
 * edit is given what is there (NULL: nothing), to change it or to give another
 * back; NULL if it has answered, and nothing is to be stored: STORE_NOT_FOUND
 * then.  *doc, in the end, is what was to be stored; it is the caller's.
 */
typedef json_t *build_edit_fn(const struct call_ctx *c, json_t *doc,
    void *arg);
enum store_end build_change(const struct call_ctx *c, const char *kind,
    const char *key, build_edit_fn *edit, void *arg, json_t **doc);
/* Members of the request go into the document; what it does not name stays. */
void build_take(json_t *doc, const json_t *json, const char *const *names,
    size_t count);
/* Whether developerName and developerSummary are texts, or left out; answers
 * 400 if not. */
bool build_texts(const struct call_ctx *c, const json_t *json);
/* 409 and 503. */
void build_answer_end(const struct call_ctx *c, enum store_end end);

/*
 * Whether the restrictions can be taken: answers 400 with the place, and the
 * code that was probably meant, if not.  What is allowed and seldom meant is
 * said in warnings.
 */
bool build_restrictions(const struct call_ctx *c, const json_t *json,
    bool tenant, json_t *warnings);

/* Now, as the platform writes times; a new reference. */
json_t *build_now(void);

/* --- flows (build_flow.c) --- */

/* What a call answers of a flow's document; warnings are given away. */
json_t *flow_response(const json_t *doc, const struct guid *flow,
    json_t *warnings);
enum store_end flow_load(const struct call_ctx *c, const struct guid *flow,
    json_t **doc, uint64_t *revision);
enum store_end flow_change(const struct call_ctx *c, const struct guid *flow,
    build_edit_fn *edit, void *arg, json_t **doc);
/* One with nothing but its names. */
json_t *flow_new(const char *name);
/* The entry of a version, or NULL; borrowed. */
json_t *flow_version(const json_t *doc, const struct guid *version);

/* --- snapshots (build_snap.c) --- */

/*
 * Whether image could be run, once it is version of flow; answers 400 with
 * every fault if not.  Sets its ids.
 */
bool snap_check(const struct call_ctx *c, json_t *image,
    const struct guid *flow, const struct guid *version);

/* Stores what was checked and answers what is wrong; *doc gets the flow's
 * document.  makes_default: also if another version is that. */
bool snap_store(const struct call_ctx *c, json_t *image,
    const struct guid *flow, const struct guid *version, bool makes_default,
    json_t **doc);

/* The image as the platform shows it; a new reference; NULL: answered. */
json_t *snap_image(const struct call_ctx *c, const struct guid *flow,
    const struct guid *version);

/* {"id": ..., "versionId": ...} of an image; what is missing is drawn.  False
 * if what stands there is no GUID. */
bool snap_ids(const json_t *image, struct guid *flow, struct guid *version);

#endif
