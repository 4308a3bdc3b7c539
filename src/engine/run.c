/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A run becomes a row's body and comes back from it.
 */
#include "engine/run.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/must.h"
#include "engine/json_text.h"

/*
 * A body is JSON, or packed: what is large and made of the same few things,
 * the history and the last answer, stands beside the JSON as it is.  Reading
 * and escaping it took half of an invoke's time.
 *
 *	PACKED, lengths of the three parts (32 bits, low byte first),
 *	JSON, history (id of the entry and of its element each), last answer
 */
enum {
	BODY_FORMAT = 1,
	PACKED = 2,			/* no JSON begins so */
	PACKED_HEAD = 1 + 3 * 4,
	PACKED_ENTRY = 2 * 16,
};

void
fresh_guid(struct guid *guid)
{
	uint8_t *bytes = guid->bytes;

	must(getrandom(bytes, sizeof(guid->bytes), 0) == sizeof(guid->bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);	/* UUID version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
}

void
fresh_id(char text[GUID_TEXT])
{
	struct guid guid;

	fresh_guid(&guid);
	guid_text(guid.bytes, text);
}

void
run_renew_token(struct run *run)
{
	fresh_id(run->token);
}

bool
run_spend(struct run *run, size_t bytes)
{
	enum { EACH = 64 };		/* for the work itself */

	if (run->spent <= RUN_BUDGET)
		run->spent += bytes + EACH;
	return run->spent <= RUN_BUDGET;
}

static struct run *
run_make(struct arena *arena, const struct flow *flow)
{
	struct run *run = arena_alloc(arena, sizeof(*run));

	run->arena = arena;
	run->flow = flow;
	run->kept = json_array();
	run->history = arena_array(arena, HISTORY_MAX, sizeof(*run->history));
	run->cells = cells_new(arena, flow);
	run->ears = arena_array(arena, EARS_MAX, sizeof(*run->ears));
	return run;
}

struct run *
run_new(struct arena *arena, const struct flow *flow)
{
	struct run *run = run_make(arena, flow);

	run->at = flow->start;
	run_renew_token(run);
	return run;
}

void
run_fini(struct run *run)
{
	for (size_t i = 0; i < SYSTEM_VALUES; i++) {
		json_decref(run->system[i]);
		run->system[i] = NULL;
	}
	json_decref(run->kept);
	run->kept = NULL;
}

/* --- out -------------------------------------------------------------------------- */

static json_t *
cells_json(const struct flow *flow, const struct cell *cells)
{
	json_t *json = json_object();

	for (size_t i = 0; i < flow->nvalues; i++) {
		const struct flow_value *value = &flow->values[i];
		const struct cell *cell = &cells[i];

		if (cell->text == value->default_text &&
		    cell->objects == value->default_objects &&
		    cell->next == 0)
			continue;
		json_object_set_new(json, value->id, json_pack(
		    "{s:s?, s:O?, s:I}", "text", cell->text, "objects",
		    (json_t *)(uintptr_t)cell->objects, "next",
		    (json_int_t)cell->next));
	}
	return json;
}

/* One flow of several: where it is, and what its values hold. */
static json_t *
frame_json(const struct flow *flow, const struct map_element *at,
    const struct cell *cells)
{
	return json_pack("{s:s, s:s, s:s, s:o}", "flow", flow->id, "version",
	    flow->version, "at", at->id, "values", cells_json(flow, cells));
}

/* Who runs whom, from the inside. */
static json_t *
frames_json(const struct run *run)
{
	json_t *list = json_array();

	for (const struct frame *f = run->up; f != NULL; f = f->up)
		json_array_append_new(list, frame_json(f->flow, f->at,
		    f->cells));
	return list;
}

static json_t *
history_json(const struct run *run)
{
	json_t *list = json_array();

	char id[GUID_TEXT];

	for (size_t i = 0; i < run->npast; i++)
		json_array_append_new(list, json_pack("[s, s]",
		    guid_text(run->history[i].id.bytes, id),
		    run->history[i].at->id));
	return list;
}

/* Without the history and the last answer. */
static json_t *
core_json(const struct run *run)
{
	char hash[17];
	json_t *json;

	snprintf(hash, sizeof(hash), "%016" PRIx64, run->last_hash);
	json = json_pack("{s:i, s:s, s:s, s:s, s:b, s:s?, s:s?, s:o}",
	    "format", BODY_FORMAT, "version", run_root(run)->version,
	    "at", run->at->id, "token", run->token, "done", run->done,
	    "joinUri", run->join_uri, "runUri", run->run_uri,
	    "values", cells_json(run->flow, run->cells));
	must(json != NULL);
	if (run->up != NULL) {
		json_object_set_new(json, "flow", json_string(run->flow->id));
		json_object_set_new(json, "flowVersion",
		    json_string(run->flow->version));
		json_object_set_new(json, "frames", frames_json(run));
	}
	wait_to_json(run, json);
	if (run->client.location != NULL)
		json_object_set(json, "location",
		    (json_t *)(uintptr_t)run->client.location);
	if (run->last_answer != NULL)
		json_object_set_new(json, "last", json_pack("{s:s, s:s}",
		    "token", run->last_token, "hash", hash));
	return json;
}

struct slice
run_text_body(struct run *run)
{
	json_t *json = core_json(run);
	struct buf text = { 0 };
	struct slice body;

	json_object_set_new(json, "history", history_json(run));
	if (run->last_answer != NULL)
		json_object_set_new(json_object_get(json, "last"), "answer",
		    json_string(run->last_answer));
	json_put(&text, json);
	json_decref(json);
	body = (struct slice){ arena_copy(run->arena, buf_all(&text)),
	    text.len };
	buf_fini(&text);
	return body;
}

static void
put_length(char *to, size_t len)
{
	must(len <= UINT32_MAX);
	for (int i = 0; i < 4; i++)
		to[i] = (char)(len >> (8 * i));
}

static void
put_history(char *to, const struct run *run)
{
	for (size_t i = 0; i < run->npast; i++, to += PACKED_ENTRY) {
		const struct past *past = &run->history[i];

		memcpy(to, past->id.bytes, 16);
		memcpy(to + 16, past->at->guid.bytes, 16);
	}
}

struct slice
run_body(struct run *run)
{
	json_t *json = core_json(run);
	size_t history = run->npast * PACKED_ENTRY,
	    answer = run->last_answer == NULL ? 0 : strlen(run->last_answer);
	struct buf core = { 0 };
	struct slice body;
	char *to;

	json_put(&core, json);
	json_decref(json);
	body.len = PACKED_HEAD + core.len + history + answer;
	body.p = to = arena_alloc(run->arena, body.len);
	*to = PACKED;
	put_length(to + 1, core.len);
	put_length(to + 5, history);
	put_length(to + 9, answer);
	to += PACKED_HEAD;
	memcpy(to, core.p, core.len);
	put_history(to + core.len, run);
	if (answer > 0)
		memcpy(to + core.len + history, run->last_answer, answer);
	buf_fini(&core);
	return body;
}

/* --- in ------------------------------------------------------------------------------ */

struct parts {
	struct slice	 json, history, answer;	/* answer.p NULL: in the JSON */
};

static size_t
get_length(const char *from)
{
	size_t len = 0;

	for (int i = 3; i >= 0; i--)
		len = len << 8 | (uint8_t)from[i];
	return len;
}

/* A body that is cut short, or not ours, has no JSON. */
static struct parts
parts_of(struct slice body)
{
	struct parts p = { .json = body };
	size_t core, history, answer;

	if (body.len == 0 || body.p[0] != PACKED)
		return p;
	p.json.len = 0;
	if (body.len < PACKED_HEAD)
		return p;
	core = get_length(body.p + 1);
	history = get_length(body.p + 5);
	answer = get_length(body.p + 9);
	if (PACKED_HEAD + core + history + answer != body.len)
		return p;
	p.json = (struct slice){ body.p + PACKED_HEAD, core };
	p.history = (struct slice){ p.json.p + core, history };
	p.answer = (struct slice){ p.history.p + history, answer };
	return p;
}

bool
run_body_is_too_much(struct slice body)
{
	enum { FEW_BYTES = 1024 * 1024 };	/* never hold so many */
	struct slice json = parts_of(body).json;

	return json.len > FEW_BYTES && json_is_too_much(json);
}

static const char *
text_at(const struct run *run, const json_t *json, const char *key)
{
	const char *text = json_string_value(json_object_get(json, key));

	return text == NULL ? NULL : arena_strdup(run->arena, text);
}

/* Values that the flow does not have any more are gone with it; a version
 * never changes, so there should be none. */
static void
restore_cells(struct run *run, const struct flow *flow, struct cell *cells,
    const json_t *json)
{
	for (size_t i = 0; i < flow->nvalues; i++) {
		json_t *cell = json_object_get(json, flow->values[i].id);
		json_t *objects;

		if (cell == NULL)
			continue;
		cells[i].next = (size_t)json_integer_value(
		    json_object_get(cell, "next"));
		if (flow->values[i].fixed)
			continue;	/* whatever stands there */
		cells[i].text = text_at(run, cell, "text");
		objects = json_object_get(cell, "objects");
		cells[i].objects = NULL;
		if (json_is_array(objects)) {
			json_array_append(run->kept, objects);
			cells[i].objects = objects;
		}
	}
}

static const struct flow *
flow_named_in(const struct flows *flows, const json_t *json,
    const char *version_key)
{
	struct guid id, version;

	if (!guid_of(&id, json_string_value(json_object_get(json, "flow"))) ||
	    !guid_of(&version, json_string_value(json_object_get(json,
	    version_key))))
		return NULL;
	return flows_find(flows, &id, &version);
}

/* Those who wait, from the inside; the outermost is the state's flow. */
static bool
restore_frames(struct run *run, const struct flows *flows,
    const struct flow *root, const json_t *list)
{
	struct frame **at = &run->up;
	const struct flow *outermost = run->flow;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *json = json_array_get(list, i);
		struct frame *f = arena_alloc(run->arena, sizeof(*f));
		struct guid guid;

		f->flow = flow_named_in(flows, json, "version");
		if (f->flow == NULL || !guid_of(&guid, json_string_value(
		    json_object_get(json, "at"))))
			return false;
		f->at = flow_element(f->flow, &guid);
		if (f->at == NULL || f->at->type != ELEMENT_SUBFLOW)
			return false;
		f->cells = cells_new(run->arena, f->flow);
		restore_cells(run, f->flow, f->cells,
		    json_object_get(json, "values"));
		outermost = f->flow;
		*at = f;
		at = &f->up;
	}
	return outermost == root;
}

static void
restore_history(struct run *run, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list) && i < HISTORY_MAX; i++) {
		const json_t *pair = json_array_get(list, i);
		struct past *past = &run->history[run->npast];
		const char *id = json_string_value(json_array_get(pair, 0));
		struct guid at;

		if (!guid_of(&past->id, id) || !guid_of(&at, json_string_value(
		    json_array_get(pair, 1))))
			continue;
		past->at = flow_element(run->flow, &at);
		if (past->at != NULL)
			run->npast++;
	}
}

static void
restore_packed_history(struct run *run, struct slice list)
{
	for (; list.len >= PACKED_ENTRY && run->npast < HISTORY_MAX;
	    list.p += PACKED_ENTRY, list.len -= PACKED_ENTRY) {
		struct past *past = &run->history[run->npast];
		struct guid at;

		memcpy(past->id.bytes, list.p, sizeof(past->id.bytes));
		memcpy(at.bytes, list.p + 16, sizeof(at.bytes));
		past->at = flow_element(run->flow, &at);
		if (past->at != NULL)
			run->npast++;
	}
}

static void
restore_last(struct run *run, const json_t *json, struct slice answer)
{
	const char *hash = json_string_value(json_object_get(json, "hash"));

	if (hash == NULL)
		return;
	run->last_token = text_at(run, json, "token");
	run->last_hash = strtoull(hash, NULL, 16);
	run->last_answer = answer.p == NULL ? text_at(run, json, "answer") :
	    arena_copy(run->arena, answer);
}

static const struct flow *
flow_of_body(const struct flows *flows, const struct store_row *row,
    const json_t *json, struct err *err)
{
	struct guid id, version;
	char text[GUID_TEXT];
	const struct flow *flow;

	memcpy(id.bytes, row->flow, sizeof(id.bytes));
	if (json_integer_value(json_object_get(json, "format")) !=
	    BODY_FORMAT || !guid_of(&version, json_string_value(
	    json_object_get(json, "version")))) {
		err_set(err, "its stored form is not known to this engine");
		return NULL;
	}
	flow = flows_find(flows, &id, &version);
	if (flow == NULL)
		err_set(err, "version %s of its flow is not here",
		    guid_text(version.bytes, text));
	return flow;
}

static struct run *
restore(struct arena *arena, const struct flows *flows,
    const struct flow *root, const json_t *json, const struct parts *parts,
    struct err *err)
{
	bool nested = json_object_get(json, "frames") != NULL;
	const struct flow *flow = !nested ? root :
	    flow_named_in(flows, json, "flowVersion");
	struct run *run = run_make(arena, flow == NULL ? root : flow);
	const char *token = json_string_value(json_object_get(json, "token"));
	struct guid at;

	if (guid_of(&at, json_string_value(json_object_get(json, "at"))))
		run->at = flow_element(run->flow, &at);
	if (flow == NULL || !restore_frames(run, flows, root,
	    json_object_get(json, "frames")))
		run->at = NULL;
	if (run->at == NULL || token == NULL ||
	    strlen(token) >= sizeof(run->token)) {
		err_set(err, "its stored form names no place in its flow");
		run_fini(run);
		return NULL;
	}
	memcpy(run->token, token, strlen(token) + 1);
	run->done = json_is_true(json_object_get(json, "done"));
	run->join_uri = text_at(run, json, "joinUri");
	run->run_uri = text_at(run, json, "runUri");
	restore_cells(run, run->flow, run->cells,
	    json_object_get(json, "values"));
	run_set_client(run, &(struct run_client){
	    .location = json_object_get(json, "location") });
	wait_from_json(run, json);
	restore_history(run, json_object_get(json, "history"));
	restore_packed_history(run, parts->history);
	restore_last(run, json_object_get(json, "last"), parts->answer);
	return run;
}

struct run *
run_restore(struct arena *arena, const struct flows *flows,
    const struct store_row *row, struct err *err)
{
	struct parts parts = parts_of(row->body);
	json_t *json = json_loadb(parts.json.p == NULL ? "" : parts.json.p,
	    parts.json.len, 0, NULL);
	const struct flow *flow = flow_of_body(flows, row, json, err);
	struct run *run = flow == NULL ? NULL :
	    restore(arena, flows, flow, json, &parts, err);

	json_decref(json);
	if (run != NULL) {
		run->row = *row;
		run->row.body = (struct slice){ NULL, 0 };
		guid_text(row->id, run->id);
	}
	return run;
}
