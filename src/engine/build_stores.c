/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/admin/1/stores: a tenant's own stores for states.
 *
 * Two pairs of keys belong to a store: ours, of which it gets the public
 * part, and its own, of which we keep the public part alone; the private one
 * is in the answer that told of it, and nowhere else.  For a change of keys a
 * store may have several such sets; the first is in use, all are understood.
 *
 *	kind		key		body
 *	store		TENANT/STORE	store/external_json.c
 *	stores		TENANT		what GET answers of each
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "engine/build.h"
#include "engine/keeping.h"

enum { STORES_MAX = 100 };

static void
store_key(const struct call_ctx *c, const char *id, char key[STORE_KEY_MAX])
{
	snprintf(key, STORE_KEY_MAX, "%s/%s", c->call->tenant_text, id);
}

/* --- keys ------------------------------------------------------------------------- */

/* A set of both pairs. */
struct key_set {
	struct jose_key	*platform, *receiver;
};

static void
make_keys(void *arg)
{
	struct key_set *set = arg;
	char kid[GUID_TEXT];

	fresh_id(kid);
	set->platform = jose_key_new(kid);
	fresh_id(kid);
	set->receiver = jose_key_new(kid);
}

static void
free_keys(struct key_set *set)
{
	jose_key_free(&set->platform);
	jose_key_free(&set->receiver);
}

static json_t *
key_json(const struct jose_key *key, bool is_private)
{
	struct buf text = { 0 };
	json_t *json;

	jose_key_write(key, is_private, &text);
	json = json_loadb(text.p, text.len, 0, NULL);
	must(json != NULL);
	explicit_bzero(text.p, text.cap);
	buf_fini(&text);
	return json;
}

/* A key as the platform shows it: a text that holds a JWK. */
static json_t *
key_text(const struct jose_key *key, bool is_private)
{
	struct buf text = { 0 };
	json_t *json;

	jose_key_write(key, is_private, &text);
	json = json_stringn(text.p, text.len);
	must(json != NULL);
	explicit_bzero(text.p, text.cap);
	buf_fini(&text);
	return json;
}

static void
add_keys(json_t *doc, const struct key_set *set)
{
	json_array_append_new(json_object_get(doc, "platformKeys"),
	    key_json(set->platform, true));
	json_array_append_new(json_object_get(doc, "receiverKeys"),
	    key_json(set->receiver, false));
}

static const char *
kid_at(const json_t *doc, const char *list, size_t i)
{
	return json_string_value(json_object_get(json_array_get(
	    json_object_get(doc, list), i), "kid"));
}

/* --- documents -------------------------------------------------------------------- */

static bool
take_endpoint(const struct call_ctx *c, json_t *doc, const json_t *json)
{
	const char *url = json_string_value(json_object_get(json,
	    "endpoint"));
	const struct config *config = c->edition->generation->config;
	struct err err;

	if (url == NULL || !external_endpoint_ok(url,
	    config->engines.external_plain, &err)) {
		answer_sentence(c, 400, "endpoint: %s", url == NULL ?
		    "is missing" : err.text);
		return false;
	}
	json_object_set_new(doc, "endpoint", json_string(url));
	return true;
}

static bool
take_login(const struct call_ctx *c, json_t *doc, const json_t *json)
{
	const json_t *auth = json_object_get(json, "authentication");
	const json_t *user = json_object_get(auth, "basicUsername"),
	    *password = json_object_get(auth, "basicPassword");

	if (auth == NULL || json_is_null(auth)) {
		json_object_set_new(doc, "authentication", json_null());
		return true;
	}
	if (!json_is_string(user) || !json_is_string(password) ||
	    json_string_length(user) + json_string_length(password) > 1000) {
		answer_sentence(c, 400, "authentication: must be null, or "
		    "have the texts basicUsername and basicPassword");
		return false;
	}
	json_object_set_new(doc, "authentication", json_pack("{s:O, s:O}",
	    "basicUsername", user, "basicPassword", password));
	return true;
}

/* What a request says of a store, which is all but its keys. */
static bool
take_members(const struct call_ctx *c, json_t *doc, const json_t *json)
{
	const json_t *name = json_object_get(json, "name");

	if (!json_is_string(name) || json_string_length(name) == 0 ||
	    json_string_length(name) > EXTERNAL_NAME_MAX) {
		answer_sentence(c, 400, "name: must be a text of 1 to %d "
		    "bytes", EXTERNAL_NAME_MAX);
		return false;
	}
	json_object_set(doc, "name", (json_t *)(uintptr_t)name);
	json_object_set_new(doc, "updatedAt", build_now());
	return take_endpoint(c, doc, json) && take_login(c, doc, json);
}

/* What anybody who may ask is shown. */
static json_t *
public_json(const json_t *doc)
{
	const json_t *key = json_array_get(json_object_get(doc,
	    "platformKeys"), 0);
	json_t *shown = json_deep_copy(key), *json;
	char *text;

	json_object_del(shown, "d");
	text = json_dumps(shown, JSON_COMPACT);
	must(text != NULL);
	json = json_pack("{s:O, s:O, s:O, s:s, s:O, s:O}",
	    "id", json_object_get(doc, "id"), "name", json_object_get(doc,
	    "name"), "endpoint", json_object_get(doc, "endpoint"),
	    "platformKey", text, "createdAt", json_object_get(doc,
	    "createdAt"), "updatedAt", json_object_get(doc, "updatedAt"));
	must(json != NULL);
	free(text);
	json_decref(shown);
	return json;
}

struct listing {
	const char	*id;
	const json_t	*doc;		/* NULL: no more */
};

static json_t *
edit_list(const struct call_ctx *c, json_t *list, void *arg)
{
	const struct listing *l = arg;

	(void)c;
	if (list == NULL)
		list = json_object();
	if (l->doc == NULL)
		json_object_del(list, l->id);
	else
		json_object_set_new(list, l->id, public_json(l->doc));
	return list;
}

/* The list with this store in it as it is now; doc NULL: without it. */
static enum store_end
update_list(const struct call_ctx *c, const char *id, const json_t *doc)
{
	struct listing l = { id, doc };
	json_t *list;
	enum store_end end = build_change(c, "stores", c->call->tenant_text,
	    edit_list, &l, &list);

	json_decref(list);
	return end;
}

/* NULL: answered. */
static json_t *
load_store(const struct call_ctx *c, char key[STORE_KEY_MAX],
    uint64_t *revision)
{
	struct guid guid;
	char id[GUID_TEXT];
	enum store_end end;
	json_t *doc;

	if (!build_guid(c, 0, &guid))
		return NULL;
	store_key(c, guid_text(guid.bytes, id), key);
	end = build_load(c, "store", key, &doc, revision);
	if (end != STORE_OK)
		build_answer_end(c, end);
	else if (doc == NULL)
		answer_sentence(c, 404, "The store with the ID %s could not be "
		    "found", c->call->names[0]);
	return doc;
}

/* False: answered. */
static bool
save_store(const struct call_ctx *c, const char *key, const json_t *doc,
    uint64_t revision)
{
	const char *id = json_string_value(json_object_get(doc, "id"));
	enum store_end end = build_save(c, "store", key, doc, revision);

	if (end == STORE_OK)
		end = update_list(c, id, doc);
	if (end != STORE_OK)
		build_answer_end(c, end);
	return end == STORE_OK;
}

/* --- calls ------------------------------------------------------------------------ */

void
call_stores(const struct call_ctx *c)
{
	json_t *stores, *list, *store;
	enum store_end end;
	uint64_t revision;
	const char *id;

	if (!build_may(c, ROLE_READER))
		return;
	end = build_load(c, "stores", c->call->tenant_text, &stores,
	    &revision);
	if (end != STORE_OK) {
		build_answer_end(c, end);
		return;
	}
	list = json_array();
	json_object_foreach(stores, id, store)
		json_array_append(list, store);
	answer_json(c, 200, list);
	json_decref(stores);
}

void
call_store_get(const struct call_ctx *c)
{
	char key[STORE_KEY_MAX];
	uint64_t revision;
	json_t *doc;

	if (!build_may(c, ROLE_READER) ||
	    (doc = load_store(c, key, &revision)) == NULL)
		return;
	answer_json(c, 200, public_json(doc));
	json_decref(doc);
}

static void
answer_with_keys(const struct call_ctx *c, const json_t *doc,
    const struct key_set *set)
{
	json_t *json = public_json(doc);

	json_object_set_new(json, "platformKey", key_text(set->platform,
	    false));
	json_object_set_new(json, "receiverKey", key_text(set->receiver,
	    true));
	answer_json(c, 200, json);
}

/* False: answered. */
static bool
has_room(const struct call_ctx *c)
{
	enum store_end end;
	uint64_t revision;
	json_t *list;
	size_t count;

	end = build_load(c, "stores", c->call->tenant_text, &list,
	    &revision);
	count = json_object_size(list);
	json_decref(list);
	if (end != STORE_OK)
		build_answer_end(c, end);
	else if (count >= STORES_MAX)
		answer_sentence(c, 400, "A tenant has at most %d stores",
		    STORES_MAX);
	return end == STORE_OK && count < STORES_MAX;
}

void
call_store_create(const struct call_ctx *c)
{
	char id[GUID_TEXT], key[STORE_KEY_MAX];
	struct key_set set;
	json_t *json, *doc;

	if (!build_may_change(c, ROLE_BUILDER) || (json = call_json(c)) == NULL)
		return;
	fresh_id(id);
	store_key(c, id, key);
	doc = json_pack("{s:s, s:[], s:[], s:o}", "id", id, "platformKeys",
	    "receiverKeys", "createdAt", build_now());
	if (take_members(c, doc, json) && has_room(c)) {
		workers_run(keeping_workers(c), make_keys, &set);
		add_keys(doc, &set);
		if (save_store(c, key, doc, 0))
			answer_with_keys(c, doc, &set);
		free_keys(&set);
	}
	json_decref(doc);
	json_decref(json);
}

void
call_store_put(const struct call_ctx *c)
{
	char key[STORE_KEY_MAX];
	uint64_t revision;
	json_t *json, *doc;

	if (!build_may_change(c, ROLE_BUILDER) || (json = call_json(c)) == NULL)
		return;
	doc = load_store(c, key, &revision);
	if (doc != NULL && take_members(c, doc, json) &&
	    save_store(c, key, doc, revision))
		answer_json(c, 200, public_json(doc));
	json_decref(doc);
	json_decref(json);
}

/* Its keys are gone with it, so nothing that is there can be read again. */
void
call_store_delete(const struct call_ctx *c)
{
	char key[STORE_KEY_MAX];
	uint64_t revision;
	json_t *doc;
	const char *id;
	enum store_end end;

	if (!build_may_change(c, ROLE_BUILDER) ||
	    (doc = load_store(c, key, &revision)) == NULL)
		return;
	id = json_string_value(json_object_get(doc, "id"));
	if (keeping_uses(c, id)) {
		answer_sentence(c, 409, "The tenant's states go to this store: "
		    "change externalStorageSettings and migrate them first");
	} else {
		end = build_save(c, "store", key, NULL, revision);
		if (end == STORE_OK)
			end = update_list(c, id, NULL);
		if (end == STORE_OK)
			answer_text(c, 200, "true");
		else
			build_answer_end(c, end);
	}
	json_decref(doc);
}

/* --- change of keys --------------------------------------------------------------- */

/* A set in reserve: it is understood, and used once it is chosen. */
void
call_store_keys_make(const struct call_ctx *c)
{
	char key[STORE_KEY_MAX];
	struct key_set set;
	uint64_t revision;
	json_t *doc;

	if (!build_may_change(c, ROLE_BUILDER) ||
	    (doc = load_store(c, key, &revision)) == NULL)
		return;
	if (json_array_size(json_object_get(doc, "platformKeys")) >=
	    EXTERNAL_KEYS_MAX) {
		answer_sentence(c, 400, "The store has %d sets of keys: delete "
		    "one that is not used any more", EXTERNAL_KEYS_MAX);
	} else {
		workers_run(keeping_workers(c), make_keys, &set);
		add_keys(doc, &set);
		if (save_store(c, key, doc, revision))
			answer_with_keys(c, doc, &set);
		free_keys(&set);
	}
	json_decref(doc);
}

/* Which set has the platform's kid that the path names; answers 404. */
static bool
find_set(const struct call_ctx *c, const json_t *doc, size_t *at)
{
	size_t n = json_array_size(json_object_get(doc, "platformKeys"));

	for (*at = 0; *at < n; ++*at)
		if (slice_eq_nocase(slice_of(kid_at(doc, "platformKeys", *at)),
		    slice_of(c->call->names[1])))
			return true;
	answer_sentence(c, 404, "The store has no platform key %s",
	    c->call->names[1]);
	return false;
}

static void
move_to_front(json_t *list, size_t at)
{
	json_t *key = json_incref(json_array_get(list, at));

	json_array_remove(list, at);
	json_array_insert_new(list, 0, key);
}

static void
change_set(const struct call_ctx *c, bool deletes)
{
	char key[STORE_KEY_MAX];
	uint64_t revision;
	json_t *doc, *ours, *theirs;
	size_t at;

	if (!build_may_change(c, ROLE_BUILDER) ||
	    (doc = load_store(c, key, &revision)) == NULL)
		return;
	ours = json_object_get(doc, "platformKeys");
	theirs = json_object_get(doc, "receiverKeys");
	if (!find_set(c, doc, &at)) {
		json_decref(doc);
		return;
	}
	if (deletes && at == 0) {
		answer_sentence(c, 409, "This set of keys is in use");
	} else {
		if (deletes) {
			json_array_remove(ours, at);
			json_array_remove(theirs, at);
		} else {
			move_to_front(ours, at);
			move_to_front(theirs, at);
		}
		json_object_set_new(doc, "updatedAt", build_now());
		if (save_store(c, key, doc, revision))
			answer_json(c, 200, public_json(doc));
	}
	json_decref(doc);
}

void
call_store_keys_use(const struct call_ctx *c)
{
	change_set(c, false);
}

void
call_store_keys_delete(const struct call_ctx *c)
{
	change_set(c, true);
}
