/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "engine/metadata.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/fiber.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/flow_index.h"
#include "engine/versions.h"
#include "policy/restrictions_json.h"

enum {
	READ_AT_ONCE = 500,		/* documents */
	EDIT_MOST = 50000,		/* changes that are taken together: the set
					   is made anew in parts, and a part costs
					   the same for one as for ten */
	RETRY_MS = 500,
};

struct waiter {
	struct list	 node;
	struct timer	 timer;
	struct fiber	*fiber;
};

struct metadata {
	struct store	*store;
	uint64_t	 read;		/* the last change that was */
	bool		 asking, ready, ending;
	struct timer	 again;
	char		 epoch[GUID_TEXT];
	char		 followed[GUID_TEXT];	/* the main region's epoch */
	uint64_t	 followed_revision;
	uint8_t		 key[16];	/* of the set's hashes */
	const struct restrictions *set;
	struct restrictions_edit *edit;	/* NULL: nothing to be taken in */
	struct arena	*scratch;	/* of the edit */
	metadata_bound_fn *on_bound;	/* NULL: nobody wants to know */
	void		*on_bound_arg;
	size_t		 edited;
	struct flow_index flows;
	struct map	*keys;
	struct versions	 versions;
	struct map	*keepers;	/* tenants with stores; any value */
	struct list	 waiters;
};

static void ask(struct metadata *m);

static struct slice
guid_slice(const struct guid *guid)
{
	return (struct slice){ (const char *)guid->bytes,
	    sizeof(guid->bytes) };
}

/* --- restrictions ----------------------------------------------------------------- */

static void
end_edit(struct metadata *m)
{
	const struct restrictions *before = m->set;

	if (m->edit == NULL)
		return;
	m->set = restrictions_edit_end(&m->edit, m->read);
	restrictions_release(&before);
	arena_free(&m->scratch);
	m->edited = 0;
}

/* What cannot be read binds as tightly as anything can. */
static struct restriction_pair
nobody(struct arena *arena)
{
	return (struct restriction_pair){
	    arena_alloc(arena, sizeof(struct restriction)),
	    arena_alloc(arena, sizeof(struct restriction)) };
}

static void
restrict_to(struct metadata *m, const struct guid *tenant,
    const struct guid *flow, const json_t *json)
{
	const json_t *restrictions = json_object_get(json, "restrictions");
	char t[GUID_TEXT], f[GUID_TEXT];
	struct restriction_pair pair;
	struct err err;
	bool good;

	if (m->edit == NULL) {
		m->edit = restrictions_edit(m->set, NULL, m->key);
		m->scratch = arena_new(0);
	}
	good = flow != NULL ?
	    restrictions_from_json(m->scratch, restrictions, &pair, &err) :
	    tenant_restrictions_from_json(m->scratch, restrictions, &pair,
	    &err);
	if (!good) {
		log_error("metadata: tenant %s: %s; nobody is permitted",
		    guid_text(tenant->bytes, t), err.text);
		pair = nobody(m->scratch);
	}
	must(restrictions_put(m->edit, guid_text(tenant->bytes, t),
	    flow == NULL ? NULL : guid_text(flow->bytes, f), pair));
	if (m->on_bound != NULL)
		m->on_bound(m->on_bound_arg, tenant, flow);
	if (++m->edited >= EDIT_MOST)
		end_edit(m);
}

/* --- documents -------------------------------------------------------------------- */

static void
read_tenant(struct metadata *m, const struct store_doc *doc,
    const json_t *json)
{
	struct guid tenant;

	if (split_key(doc->key, &tenant, 1))
		restrict_to(m, &tenant, NULL, json);
}

static void
read_flow(struct metadata *m, const struct store_doc *doc, const json_t *json)
{
	const char *name = json_string_value(json_object_get(json,
	    "developerName"));
	struct guid ids[2];
	struct stored_flow *f;

	if (!split_key(doc->key, ids, 2))
		return;
	restrict_to(m, &ids[0], &ids[1], json);
	flow_index_forget(&m->flows, &ids[0], &ids[1]);
	if (json == NULL)
		return;
	f = xcalloc(1, sizeof(*f));
	f->tenant = ids[0];
	f->id = ids[1];
	f->has_version = guid_of(&f->version, json_string_value(
	    json_object_get(json, "defaultVersionId")));
	f->name = xstrdup(name == NULL ? "" : name);
	flow_index_put(&m->flows, f);
}

static void
read_version(struct metadata *m, const struct store_doc *doc,
    const json_t *json)
{
	(void)json;
	versions_forget(&m->versions, doc->key);
}

static void
read_key(struct metadata *m, const struct store_doc *doc, const json_t *json)
{
	struct api_key *key = xcalloc(1, sizeof(*key));
	bool good = json != NULL && api_key_read(key, doc->key, json);

	free(map_remove(m->keys, slice_of(doc->key)));
	if (good) {
		map_put(m->keys, slice_of(doc->key), key);
		return;
	}
	free(key);
	if (json != NULL)
		log_error("metadata: the key %s cannot be read", doc->key);
}

/* Who has stores of its own: only that is of interest here. */
static void
read_stores(struct metadata *m, const struct store_doc *doc,
    const json_t *json)
{
	struct guid tenant;

	if (!guid_parse(tenant.bytes, slice_of(doc->key)))
		return;
	if (json_object_size(json) == 0)
		map_remove(m->keepers, guid_slice(&tenant));
	else
		map_put(m->keepers, guid_slice(&tenant), m);
}

static void
read_platform(struct metadata *m, const struct store_doc *doc,
    const json_t *json)
{
	const char *epoch = json_string_value(json_object_get(json, "epoch"));

	if (epoch == NULL)
		return;
	if (strcmp(doc->key, "epoch") == 0)
		snprintf(m->epoch, sizeof(m->epoch), "%s", epoch);
	if (strcmp(doc->key, "followed") == 0) {
		snprintf(m->followed, sizeof(m->followed), "%s", epoch);
		m->followed_revision = (uint64_t)json_integer_value(
		    json_object_get(json, "revision"));
	}
}

static const struct kind {
	const char	*name;
	bool		 parsed;	/* json is wanted */
	void		(*read)(struct metadata *, const struct store_doc *,
	    const json_t *);
} kinds[] = {
	{ "tenant", true, read_tenant },
	{ "flow", true, read_flow },
	{ "version", false, read_version },
	{ "apikey", true, read_key },
	{ "stores", true, read_stores },
	{ "platform", true, read_platform },
};

static void
read_doc(struct metadata *m, const struct store_doc *doc)
{
	json_t *json = NULL;

	m->read = doc->revision;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(doc->kind, kinds[i].name) != 0)
			continue;
		if (kinds[i].parsed && !doc->deleted)
			json = json_loadb(doc->body.p, doc->body.len, 0, NULL);
		kinds[i].read(m, doc, json);
		json_decref(json);
		return;
	}
}

/* --- following -------------------------------------------------------------------- */

static void
wake_waiters(struct metadata *m)
{
	list_each(node, &m->waiters) {
		struct waiter *w = list_entry(node, struct waiter, node);

		timer_set(m->store->loop, &w->timer, 0);
	}
}

static void
on_epoch(void *arg, enum store_end end, const struct store_doc *doc)
{
	struct metadata *m = arg;

	(void)doc;
	m->asking = false;
	/* Another worker was first: it is among the changes then. */
	if (end == STORE_OK || end == STORE_CONFLICT)
		ask(m);
	else
		timer_set(m->store->loop, &m->again, RETRY_MS);
}

static void
make_epoch(struct metadata *m)
{
	static char body[64];
	struct store_doc doc = { .kind = "platform", .key = "epoch" };
	uint8_t bytes[16];
	char text[GUID_TEXT];

	must(getrandom(bytes, sizeof(bytes), 0) == sizeof(bytes));
	snprintf(body, sizeof(body), "{\"epoch\":\"%s\"}",
	    guid_text(bytes, text));
	doc.body = slice_of(body);
	m->asking = true;
	m->store->ops->doc_put(m->store, &doc, on_epoch, m);
}

static void
caught_up(struct metadata *m)
{
	end_edit(m);
	if (m->epoch[0] == '\0') {
		make_epoch(m);
		return;
	}
	m->ready = true;
	wake_waiters(m);
}

static void
on_docs(void *arg, enum store_end end, const struct store_doc *docs,
    size_t count, uint64_t newest)
{
	struct metadata *m = arg;

	(void)newest;
	m->asking = false;
	if (m->ending)
		return;
	if (end != STORE_OK) {
		timer_set(m->store->loop, &m->again, RETRY_MS);
		return;
	}
	for (size_t i = 0; i < count; i++)
		read_doc(m, &docs[i]);
	if (count > 0)
		ask(m);
	else
		caught_up(m);
}

static void
ask(struct metadata *m)
{
	if (m->asking || m->ending)
		return;
	m->asking = true;
	m->store->ops->docs_since(m->store, m->read, READ_AT_ONCE, on_docs,
	    m);
}

static void
on_again(struct timer *timer)
{
	ask(list_entry(timer, struct metadata, again));
}

static void
on_change(void *arg, enum store_end end, uint64_t newest)
{
	struct metadata *m = arg;

	(void)end, (void)newest;
	ask(m);
}

struct metadata *
metadata_new(struct store *store)
{
	struct metadata *m = xcalloc(1, sizeof(*m));
	struct restrictions_edit *nothing;

	m->store = store;
	must(getrandom(m->key, sizeof(m->key), 0) == sizeof(m->key));
	nothing = restrictions_edit(NULL, NULL, m->key);
	m->set = restrictions_edit_end(&nothing, 0);
	flow_index_init(&m->flows);
	m->keys = map_new();
	m->keepers = map_new();
	versions_init(&m->versions, store);
	list_init(&m->waiters);
	timer_init(&m->again, on_again);
	store->ops->docs_watch(store, on_change, m);
	ask(m);
	return m;
}

static void
free_keys(struct metadata *m)
{
	struct slice key;
	size_t at = 0;
	void *value;

	while (map_next(m->keys, &at, &key, &value))
		free(value);
	map_free(&m->keys);
}

void
metadata_free(struct metadata **m_p)
{
	struct metadata *m = *m_p;

	*m_p = NULL;
	if (m == NULL)
		return;
	timer_cancel(&m->again);
	if (m->edit != NULL)
		restrictions_edit_cancel(&m->edit);
	arena_free(&m->scratch);
	restrictions_release(&m->set);
	flow_index_fini(&m->flows);
	free_keys(m);
	map_free(&m->keepers);
	versions_fini(&m->versions);
	free(m);
}

/* --- asking ----------------------------------------------------------------------- */

bool
metadata_is_ready(const struct metadata *m)
{
	return m->ready;
}

const char *
metadata_epoch(const struct metadata *m)
{
	return m->epoch;
}

const char *
metadata_followed(const struct metadata *m, uint64_t *revision)
{
	*revision = m->followed_revision;
	return m->followed;
}

void
metadata_on_bound(struct metadata *m, metadata_bound_fn *fn, void *arg)
{
	m->on_bound = fn;
	m->on_bound_arg = arg;
}

const struct restrictions *
metadata_restrictions(const struct metadata *m)
{
	return m->set;
}

static void
on_waited(struct timer *timer)
{
	struct waiter *w = list_entry(timer, struct waiter, timer);

	list_remove(&w->node);
	fiber_resume(w->fiber);
}

void
metadata_wait(struct metadata *m, uint64_t revision, uint64_t ms)
{
	struct waiter w = { .fiber = fiber_self() };

	/* What is being read counts when all of it has been. */
	if (m->ending || (m->read > revision && m->edit == NULL && m->ready))
		return;
	timer_init(&w.timer, on_waited);
	list_append(&m->waiters, &w.node);
	timer_set(m->store->loop, &w.timer, ms);
	fiber_wait();
}

void
metadata_end_waits(struct metadata *m)
{
	m->ending = true;
	wake_waiters(m);
}

const struct stored_flow *
metadata_flow(const struct metadata *m, const struct guid *tenant,
    const struct guid *id)
{
	return flow_index_find(&m->flows, tenant, id);
}

const struct api_key *
metadata_key(const struct metadata *m, struct slice id)
{
	return map_get(m->keys, id);
}

const struct stored_flow *
metadata_next_flow(const struct metadata *m, const struct guid *tenant,
    const struct stored_flow *at)
{
	return flow_index_next(&m->flows, tenant, at);
}

size_t
metadata_keepers(const struct metadata *m, struct guid **tenants)
{
	struct slice key;
	size_t count = 0;
	void *value;

	*tenants = xcalloc(map_count(m->keepers) + 1, sizeof(**tenants));
	for (size_t at = 0; map_next(m->keepers, &at, &key, &value);)
		memcpy((*tenants)[count++].bytes, key.p, key.len);
	return count;
}

/* --- versions --------------------------------------------------------------------- */

struct stored_version *
metadata_version(struct metadata *m, const struct guid *tenant,
    const struct guid *id, const struct guid *version, struct err *err)
{
	char key[STORE_KEY_MAX];

	version_key(key, tenant, id, version);
	return versions_take(&m->versions, key, err);
}

void
metadata_release(struct metadata *m, struct stored_version *v)
{
	versions_give(&m->versions, v);
}
