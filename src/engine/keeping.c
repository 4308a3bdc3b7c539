/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What tenants want kept where, and the stores that they have: documents of
 * the metadata, remembered as of its revision.  keep.c loads and saves.
 */
#include "engine/keeping_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "base/hash.h"
#include "base/log.h"

enum {
	TENANTS_MAX = 10000,		/* whose settings are remembered */
	THREADS = 2,
};

struct known_store {
	uint64_t	 revision;
	struct external_store *x;	/* NULL: there is none */
};

struct keeping {
	struct engine	*engine;
	struct external_way way;	/* http NULL: not needed so far */
	struct map	*settings, *stores;
	uint64_t	 complained_ms;
};

/* --- birth and end ------------------------------------------------------------------ */

struct keeping *
keeping_new(struct engine *engine)
{
	struct keeping *k = xcalloc(1, sizeof(*k));

	k->engine = engine;
	k->settings = map_new();
	k->stores = map_new();
	return k;
}

static void
forget_settings(struct keeping *k)
{
	struct slice key;
	void *value;

	for (size_t at = 0; map_next(k->settings, &at, &key, &value);)
		free(value);
	map_free(&k->settings);
}

void
keeping_free(struct keeping **keeping)
{
	struct keeping *k = *keeping;
	struct slice key;
	void *value;

	*keeping = NULL;
	if (k == NULL)
		return;
	forget_settings(k);
	for (size_t at = 0; map_next(k->stores, &at, &key, &value);) {
		external_release(&((struct known_store *)value)->x);
		free(value);
	}
	map_free(&k->stores);
	http_client_free(&k->way.http);
	workers_free(&k->way.workers);
	free(k);
}

const struct external_way *
keeping_way(const struct keeping *k)
{
	return k->way.http == NULL ? NULL : &k->way;
}

/* They point into the edition, which must be the one in service. */
static struct http_client_options
options_of(const struct edition *edition)
{
	const struct config *config = edition->generation->config;

	return (struct http_client_options){
		.guard = &edition->store_guard,
		.ca_file = config->engines.external_ca,
		.connect_ms = config->timeouts.connect_ms,
	};
}

void
keeping_change(struct keeping *k, const struct edition *edition)
{
	struct http_client_options options = options_of(edition);

	if (k->way.http != NULL)
		http_client_change(k->way.http, &options);
}

struct external_way *
keeping_use_way(const struct call_ctx *c)
{
	struct keeping *k = c->engine->keeping;
	struct http_client_options options = options_of(c->engine->edition);

	if (k->way.http == NULL) {
		/* What must not be on our disk must not be in a core, either. */
		prctl(PR_SET_DUMPABLE, 0);
		k->way.loop = c->engine->loop;
		k->way.good = true;
		k->way.workers = workers_new(c->engine->loop, THREADS);
		k->way.http = http_client_new(c->engine->loop, &options);
	}
	return &k->way;
}

/* --- what a tenant wants ----------------------------------------------------------- */

static uint64_t
newest(const struct call_ctx *c)
{
	struct store_health health;

	c->engine->store->ops->health(c->engine->store, &health);
	return health.revision;
}

static void
read_settings(struct keeping_settings *s, struct slice body)
{
	json_t *json = json_loadb(body.p == NULL ? "" : body.p, body.len, 0,
	    NULL);
	const json_t *set = json_object_get(json, "externalStorageSettings");
	const char *id = json_string_value(json_object_get(set,
	    "globalStoreId"));
	struct guid guid;

	s->platform = true;
	if (json_is_true(json_object_get(set, "enableStates")) &&
	    guid_of(&guid, id)) {
		guid_text(guid.bytes, s->store);
		s->external = true;
		s->platform = json_is_true(json_object_get(set,
		    "enableReplication"));
	}
	json_decref(json);
}

enum store_end
keeping_settings_of(const struct call_ctx *c, struct keeping_settings *out)
{
	struct keeping *k = c->engine->keeping;
	struct slice key = slice_of(c->call->tenant_text);
	struct keeping_settings *known = map_get(k->settings, key);
	struct store_doc doc = { .body = { NULL, 0 } };
	struct arena *arena;
	enum store_end end;

	*out = (struct keeping_settings){ .revision = newest(c) };
	if (known != NULL && known->revision == out->revision) {
		*out = *known;
		return STORE_OK;
	}
	arena = arena_new(0);
	end = await_doc_get(c->engine->store, arena, "tenant",
	    c->call->tenant_text, &doc);
	read_settings(out, doc.body);
	arena_free(&arena);
	if (end != STORE_OK && end != STORE_NOT_FOUND)
		return end;
	if (map_count(k->settings) >= TENANTS_MAX) {
		forget_settings(k);
		k->settings = map_new();
	}
	known = xmalloc(sizeof(*known));
	*known = *out;
	free(map_put(k->settings, key, known));
	return STORE_OK;
}

struct workers *
keeping_workers(const struct call_ctx *c)
{
	return keeping_use_way(c)->workers;
}

bool
keeping_goes_to(const struct call_ctx *c, const char *store)
{
	struct keeping_settings to;

	return keeping_settings_of(c, &to) == STORE_OK &&
	    slice_eq_nocase(slice_of(to.store), slice_of(store));
}

bool
keeping_uses(const struct call_ctx *c, const char *store)
{
	struct keeping_settings to;

	return keeping_settings_of(c, &to) != STORE_OK ||
	    strcmp(to.store, store) == 0;
}

bool
keeping_is_at(const struct call_ctx *c, const struct kept_at *at)
{
	struct keeping_settings to;

	return keeping_settings_of(c, &to) == STORE_OK &&
	    strcmp(to.store, at->store) == 0 &&
	    to.platform == (at->copy.len > 0);
}

/* --- stores -------------------------------------------------------------------------- */

struct reading {
	struct slice	 body;
	struct external_store *x;
	struct err	 err;
};

static void
read_store(void *arg)
{
	struct reading *r = arg;

	r->x = external_read(r->body, &r->err);
}

static struct external_store *
store_from(const struct call_ctx *c, const char *id, struct slice body)
{
	struct reading r = { .body = body };

	workers_run(keeping_use_way(c)->workers, read_store, &r);
	if (r.x == NULL)
		log_error("external store %s: %s", id, r.err.text);
	return r.x;
}

static void
remember_store(struct keeping *k, const char *key,
    const struct known_store *known)
{
	struct known_store *new = xmalloc(sizeof(*new)), *old;

	*new = *known;
	old = map_put(k->stores, slice_of(key), new);
	if (old != NULL)
		external_release(&old->x);
	free(old);
}

struct external_store *
keeping_store_named(const struct call_ctx *c, const char *id)
{
	struct keeping *k = c->engine->keeping;
	struct known_store new = { .revision = newest(c) }, *known;
	struct store_doc doc;
	struct arena *arena;
	char key[STORE_KEY_MAX];

	snprintf(key, sizeof(key), "%s/%s", c->call->tenant_text, id);
	known = map_get(k->stores, slice_of(key));
	if (known != NULL && known->revision == new.revision)
		return known->x == NULL ? NULL : external_hold(known->x);
	arena = arena_new(0);
	switch (await_doc_get(c->engine->store, arena, "store", key, &doc)) {
	case STORE_OK:
		new.x = store_from(c, id, doc.body);
		explicit_bzero((char *)(uintptr_t)doc.body.p, doc.body.len);
		/* fallthrough */
	case STORE_NOT_FOUND:
		remember_store(k, key, &new);
		break;
	default:
		break;
	}
	arena_free(&arena);
	return new.x == NULL ? NULL : external_hold(new.x);
}

void
keeping_complain(const struct call_ctx *c)
{
	struct keeping *k = c->engine->keeping;
	uint64_t now = c->engine->loop->now_ms;

	if (k->way.good || now < k->complained_ms + 1000)
		return;
	k->complained_ms = now;
	log_warn("a tenant's own store: %s", k->way.trouble);
}
