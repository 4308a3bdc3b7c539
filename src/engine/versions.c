/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "engine/versions.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"

enum {
	IDLE_KEPT = 256,		/* of those nobody runs at the moment ... */
	IDLE_BYTES_KEPT = 64 << 20,	/* ... or so much of their text */
};

struct stored_version {
	struct list	 node;		/* of those nobody holds */
	char		 key[STORE_KEY_MAX];
	unsigned	 holders;
	bool		 gone;		/* forgotten: only its holders know it */
	struct arena	*arena;
	json_t		*json;
	const struct flow *flow;
	size_t		 bytes;
};

const struct flow *
stored_version_flow(const struct stored_version *v)
{
	return v->flow;
}

static void
version_free(struct stored_version *v)
{
	json_decref(v->json);
	arena_free(&v->arena);
	free(v);
}

void
versions_init(struct versions *versions, struct store *store)
{
	*versions = (struct versions){ .store = store, .all = map_new() };
	list_init(&versions->idle);
}

void
versions_fini(struct versions *versions)
{
	struct slice key;
	size_t at = 0;
	void *value;

	while (map_next(versions->all, &at, &key, &value))
		version_free(value);
	map_free(&versions->all);
}

static void
no_longer_idle(struct versions *versions, struct stored_version *v)
{
	list_remove(&v->node);
	versions->nidle--;
	versions->idle_bytes -= v->bytes;
}

static void
drop_idle(struct versions *versions, struct stored_version *v)
{
	map_remove(versions->all, slice_of(v->key));
	no_longer_idle(versions, v);
	version_free(v);
}

void
versions_forget(struct versions *versions, const char *key)
{
	struct stored_version *v = map_get(versions->all, slice_of(key));

	if (v == NULL)
		return;
	if (v->holders == 0) {
		drop_idle(versions, v);
		return;
	}
	map_remove(versions->all, slice_of(key));
	v->gone = true;
}

static struct stored_version *
hold(struct versions *versions, struct stored_version *v)
{
	if (v->holders++ == 0)
		no_longer_idle(versions, v);
	return v;
}

void
versions_give(struct versions *versions, struct stored_version *v)
{
	must(v->holders > 0);
	if (--v->holders > 0)
		return;
	if (v->gone) {
		version_free(v);
		return;
	}
	list_append(&versions->idle, &v->node);
	versions->nidle++;
	versions->idle_bytes += v->bytes;
	while (versions->nidle > 1 && (versions->nidle > IDLE_KEPT ||
	    versions->idle_bytes > IDLE_BYTES_KEPT))
		drop_idle(versions, list_entry(versions->idle.next,
		    struct stored_version, node));
}

static struct stored_version *
make_version(const char *key, struct slice body, struct err *err)
{
	struct stored_version *v = xcalloc(1, sizeof(*v));

	snprintf(v->key, sizeof(v->key), "%s", key);
	list_init(&v->node);
	v->arena = arena_new(0);
	v->bytes = body.len;
	v->json = json_loadb(body.p, body.len, JSON_REJECT_DUPLICATES, NULL);
	v->flow = flow_build(v->arena, v->json, key, err);
	if (v->flow != NULL)
		return v;
	version_free(v);
	return NULL;
}

static struct stored_version *
read_version(struct store *store, const char *key, struct err *err)
{
	struct arena *arena = arena_new(0);
	struct stored_version *v = NULL;
	struct store_doc doc;
	enum store_end end = await_doc_get(store, arena, "version", key,
	    &doc);

	if (end == STORE_OK)
		v = make_version(key, doc.body, err);
	else
		err_set(err, "version %s: %s", key, store_end_name(end));
	arena_free(&arena);
	return v;
}

struct stored_version *
versions_take(struct versions *versions, const char *key, struct err *err)
{
	struct stored_version *v = map_get(versions->all, slice_of(key));
	struct stored_version *other;

	if (v != NULL)
		return hold(versions, v);
	v = read_version(versions->store, key, err);
	if (v == NULL)
		return NULL;
	/* Somebody else may have read it meanwhile. */
	other = map_get(versions->all, slice_of(key));
	if (other != NULL) {
		version_free(v);
		return hold(versions, other);
	}
	v->holders = 1;
	map_put(versions->all, slice_of(v->key), v);
	return v;
}
