/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * /api/admin/1/stores/migrations: takes all states of a tenant to where its
 * settings say that they belong: to a store, to another, or back.
 *
 * The records stand in the document of kind "migrations", key TENANT, the
 * newest first.  After each batch the record has where to go on, so that a
 * migration whose worker has gone is resumed by asking for it again.  States
 * can be used meanwhile; those that are saved move by themselves.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/build.h"
#include "engine/keeping.h"

enum {
	RECORDS_MAX = 20,
	BATCH = 100,
	ABANDONED_MS = 60000,		/* nothing heard of it for so long */
	TRIES = 5,			/* of one state that others save, too */
};

struct migration {
	const struct call_ctx *c;
	char		 id[GUID_TEXT];
	const char	*store;		/* "": the platform's */
	unsigned	 batch;
	char		 cursor[256];
	int64_t		 moved, failed;
	const char	*trouble;	/* why it ended, or NULL */
};

/* --- records ----------------------------------------------------------------------- */

static json_t *
record_of(json_t *doc, const char *id)
{
	json_t *list = json_object_get(doc, "migrations");

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *record = json_array_get(list, i);
		const char *own = json_string_value(json_object_get(record,
		    "id"));

		if (own != NULL && strcmp(own, id) == 0)
			return record;
	}
	return NULL;
}

static void
fill_record(json_t *record, const struct migration *m, const char *status)
{
	json_object_set_new(record, "status", json_string(status));
	json_object_set_new(record, "errorCause", m->trouble == NULL ?
	    json_null() : json_string(m->trouble));
	json_object_set_new(record, "moved", json_integer(m->moved));
	json_object_set_new(record, "failed", json_integer(m->failed));
	json_object_set_new(record, "cursor", json_string(m->cursor));
	json_object_set_new(record, "updatedAt", build_now());
	json_object_set_new(record, "heardMs",
	    json_integer((json_int_t)clock_unix_ms()));
	if (strcmp(status, "running") != 0)
		json_object_set_new(record, "endedAt", build_now());
}

struct progress {
	const struct migration *m;
	const char	*status;
};

static json_t *
edit_records(const struct call_ctx *c, json_t *doc, void *arg)
{
	const struct progress *p = arg;
	json_t *record = record_of(doc, p->m->id);

	(void)c;
	if (record == NULL) {		/* many others have begun since */
		json_decref(doc);
		return NULL;
	}
	fill_record(record, p->m, p->status);
	return doc;
}

static enum store_end
save_progress(const struct migration *m, const char *status)
{
	struct progress p = { m, status };
	json_t *doc;
	enum store_end end = build_change(m->c, "migrations",
	    m->c->call->tenant_text, edit_records, &p, &doc);

	json_decref(doc);
	return end == STORE_NOT_FOUND ? STORE_OK : end;
}

/* --- moving ------------------------------------------------------------------------ */

static enum store_end
move_once(const struct migration *m, struct arena *arena,
    const uint8_t id[16])
{
	const struct call_ctx *c = m->c;
	struct store_row row;
	struct kept_at *at;
	struct run *run;
	struct err err;
	enum store_end end = keep_load(c, arena, id, true, &row, &at);

	if (end != STORE_OK || keeping_is_at(c, at))
		return end;
	run = run_restore(arena, &c->call->flows, &row, &err);
	if (run == NULL) {
		log_warn("a state is not moved: %s", err.text);
		return STORE_TOO_BIG;	/* certainly not done */
	}
	run->kept_at = at;
	end = keep_save(c, run);
	run_fini(run);
	return end;
}

/* False: the migration cannot go on now. */
static bool
move_state(struct migration *m, const struct store_row *row)
{
	enum store_end end = STORE_CONFLICT;
	char id[GUID_TEXT];
	struct turn turn;

	turn_take(m->c->engine, &turn, guid_text(row->id, id));
	for (int i = 0; i < TRIES && end == STORE_CONFLICT; i++) {
		struct arena *arena = arena_new(0);

		end = move_once(m, arena, row->id);
		arena_free(&arena);
	}
	turn_end(m->c->engine, &turn);
	if (end == STORE_OK)
		m->moved++;
	else if (end != STORE_NOT_FOUND)	/* else it has ended meanwhile */
		m->failed++;
	if (end == STORE_UNAVAILABLE || end == STORE_UNKNOWN)
		m->trouble = "a store does not take states at the moment: "
		    "repeat the request to go on from here";
	return m->trouble == NULL;
}

/* Whether there is more. */
static bool
move_batch(struct migration *m)
{
	struct arena *arena = arena_new(0);
	struct store_query query = { .tenant = m->c->call->tenant.bytes,
	    .cursor = m->cursor[0] == '\0' ? NULL : m->cursor,
	    .limit = m->batch };
	struct store_row *rows;
	const char *next = "";
	bool more = false;
	size_t count;

	if (await_list(m->c->engine->store, arena, &query, &rows, &count,
	    &next) != STORE_OK) {
		m->trouble = "the states cannot be listed";
		count = 0;
	}
	for (size_t i = 0; i < count && m->trouble == NULL; i++)
		if (!move_state(m, &rows[i]))
			break;
	if (m->trouble == NULL) {
		snprintf(m->cursor, sizeof(m->cursor), "%s", next);
		more = next[0] != '\0';
	}
	arena_free(&arena);
	return more;
}

/* On the fiber of the request that asked for it, which has its answer. */
static void
migrate(struct migration *m)
{
	while (move_batch(m)) {
		if (m->c->engine->draining)
			return;		/* to be resumed */
		if (save_progress(m, "running") != STORE_OK)
			return;
	}
	save_progress(m, m->trouble != NULL ? "failed" : "done");
	log_info("migration %s: %lld states moved, %lld not", m->id,
	    (long long)m->moved, (long long)m->failed);
}

/* --- calls ------------------------------------------------------------------------- */

static bool
is_under_way(const json_t *record)
{
	const char *status = json_string_value(json_object_get(record,
	    "status"));

	return status != NULL && strcmp(status, "running") == 0;
}

static bool
is_abandoned(const json_t *record)
{
	return json_integer_value(json_object_get(record, "heardMs")) +
	    ABANDONED_MS < (json_int_t)clock_unix_ms();
}

/* Of the last one to the same store that did not come to its end. */
static void
resume(struct migration *m, const json_t *record)
{
	const char *store = json_string_value(json_object_get(record,
	    "storeId")), *status = json_string_value(json_object_get(record,
	    "status")), *cursor = json_string_value(json_object_get(record,
	    "cursor"));

	if (status == NULL || strcmp(status, "done") == 0 || cursor == NULL ||
	    strcmp(store == NULL ? "" : store, m->store) != 0)
		return;
	snprintf(m->cursor, sizeof(m->cursor), "%s", cursor);
	m->moved = json_integer_value(json_object_get(record, "moved"));
}

static json_t *
new_record(const struct migration *m)
{
	json_t *record = json_pack("{s:s, s:s?, s:n, s:o, s:n, s:i}", "id",
	    m->id, "storeId", m->store[0] == '\0' ? NULL : m->store,
	    "userId", "startedAt", build_now(), "endedAt", "batchSize",
	    (int)m->batch);

	must(record != NULL);
	fill_record(record, m, "running");
	return record;
}

/* False: answered. */
static bool
begin(struct migration *m)
{
	const struct call_ctx *c = m->c;
	json_t *doc, *list, *record;
	enum store_end end;
	uint64_t revision;

	end = build_load(c, "migrations", c->call->tenant_text, &doc,
	    &revision);
	if (end != STORE_OK) {
		build_answer_end(c, end);
		return false;
	}
	if (doc == NULL)
		doc = json_pack("{s:[]}", "migrations");
	list = json_object_get(doc, "migrations");
	record = json_array_get(list, 0);
	if (is_under_way(record) && !is_abandoned(record)) {
		answer_sentence(c, 409, "A migration of this tenant is under "
		    "way");
		json_decref(doc);
		return false;
	}
	resume(m, record);
	if (is_under_way(record))
		json_object_set_new(record, "status", json_string("abandoned"));
	json_array_insert_new(list, 0, new_record(m));
	while (json_array_size(list) > RECORDS_MAX)
		json_array_remove(list, json_array_size(list) - 1);
	end = build_save(c, "migrations", c->call->tenant_text, doc, revision);
	if (end == STORE_OK)
		answer_json(c, 200, json_incref(json_array_get(list, 0)));
	else
		build_answer_end(c, end);
	json_decref(doc);
	return end == STORE_OK;
}

/* False: answered. */
static bool
take_request(struct migration *m, const json_t *json)
{
	const json_t *batch = json_object_get(json, "batchSize"),
	    *store = json_object_get(json, "storeId");
	const char *id = json_is_string(store) ? json_string_value(store) : "";

	if (!keeping_goes_to(m->c, id)) {
		answer_sentence(m->c, 400, "storeId: the tenant's "
		    "externalStorageSettings do not send its states there; "
		    "change them first (null: back to the platform)");
		return false;
	}
	m->store = id;
	m->batch = BATCH;
	if (json_is_integer(batch) && json_integer_value(batch) >= 1 &&
	    json_integer_value(batch) <= STORE_LIST_MAX)
		m->batch = (unsigned)json_integer_value(batch);
	else if (batch != NULL && !json_is_null(batch)) {
		answer_sentence(m->c, 400, "batchSize: must be 1 to %d",
		    STORE_LIST_MAX);
		return false;
	}
	return true;
}

void
call_migrate(const struct call_ctx *c)
{
	struct migration m = { .c = c };
	json_t *json;

	if (!build_may_change(c, ROLE_BUILDER) || (json = call_json(c)) == NULL)
		return;
	fresh_id(m.id);
	if (take_request(&m, json) && begin(&m))
		migrate(&m);
	json_decref(json);
}

void
call_migrations(const struct call_ctx *c)
{
	json_t *doc, *list;
	enum store_end end;
	uint64_t revision;

	if (!build_may(c, ROLE_READER))
		return;
	end = build_load(c, "migrations", c->call->tenant_text, &doc,
	    &revision);
	if (end != STORE_OK) {
		build_answer_end(c, end);
		return;
	}
	list = json_object_get(doc, "migrations");
	answer_json(c, 200, list == NULL ? json_array() : json_incref(list));
	json_decref(doc);
}
