/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Answers, and the checks that several calls share.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/json_text.h"
#include "engine/keeping.h"

static void
answer_whole(const struct call_ctx *c, unsigned status, struct slice fields,
    struct slice bytes)
{
	bool head = c->call->head;
	struct answer answer = {
		.status = status,
		.fields = fields,
		.length = (int64_t)bytes.len,
		.no_body = head,
	};

	if (c->request == NULL)
		return;			/* nobody waits for it any more */
	if (head)
		bytes.len = 0;
	request_answer(c->request, &answer, bytes, true);
}

static void
answer_bytes(const struct call_ctx *c, unsigned status, struct slice bytes)
{
	answer_whole(c, status, buf_all(status == 503 ? &c->engine->busy_fields :
	    &c->engine->fields), bytes);
}

void
answer_page(const struct call_ctx *c, unsigned status, const char *type,
    const char *fields, struct slice bytes)
{
	struct buf all = { 0 };

	buf_printf(&all, "X-ManyWho-Region-Backend: %s\r\n"
	    "Content-Type: %s\r\n%s", c->edition->region->id, type, fields);
	answer_whole(c, status, buf_all(&all), bytes);
	buf_fini(&all);
}

void
answer_redirect(const struct call_ctx *c, const char *fields)
{
	struct buf all = { 0 };

	buf_printf(&all, "X-ManyWho-Region-Backend: %s\r\n%s",
	    c->edition->region->id, fields);
	answer_whole(c, 302, buf_all(&all), (struct slice){ NULL, 0 });
	buf_fini(&all);
}

void
answer_text(const struct call_ctx *c, unsigned status, const char *text)
{
	answer_bytes(c, status, slice_of(text));
}

void
answer_json(const struct call_ctx *c, unsigned status, json_t *json)
{
	struct buf text = { 0 };

	must(json != NULL);
	json_put(&text, json);
	json_decref(json);
	answer_bytes(c, status, buf_all(&text));
	buf_fini(&text);
}

void
answer_sentence(const struct call_ctx *c, unsigned status, const char *fmt,
    ...)
{
	struct buf text = { 0 };
	char sentence[1200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	buf_json(&text, slice_of(sentence));
	answer_bytes(c, status, buf_all(&text));
	buf_fini(&text);
}

void
answer_not_allowed(const struct call_ctx *c, const char *allow)
{
	struct buf fields = { 0 }, text = { 0 };

	buf_slice(&fields, buf_all(&c->engine->fields));
	buf_printf(&fields, "Allow: %s\r\n", allow);
	buf_printf(&text, "\"This address takes only %s\"", allow);
	answer_whole(c, 405, buf_all(&fields), buf_all(&text));
	buf_fini(&fields);
	buf_fini(&text);
}

static void
complain_of_store(const struct call_ctx *c)
{
	struct store *store = c->engine->store;
	struct store_health health;

	store->ops->health(store, &health);
	if (!health.good || !health.ready)
		log_error("store: %s", health.trouble);
}

void
answer_store(const struct call_ctx *c, enum store_end end)
{
	switch (end) {
	case STORE_NOT_FOUND:
		answer_sentence(c, 404, "The state with the ID %s could not be "
		    "found, or has expired", c->call->names[0]);
		break;
	case STORE_TOO_BIG:
		answer_sentence(c, 413, "The state would become too large");
		break;
	case STORE_CONFLICT:
		answer_sentence(c, 409, "The state is being changed by other "
		    "requests; try again");
		break;
	case STORE_ELSEWHERE:
		answer_sentence(c, 421, "The flow you are trying to run "
		    "cannot be executed in this region");
		break;
	case STORE_UNKNOWN:
		complain_of_store(c);
		answer_sentence(c, 503, "The state may or may not have been "
		    "stored; repeat the request, it will not be done twice");
		break;
	default:
		complain_of_store(c);
		answer_sentence(c, 503, "The state cannot be stored at the "
		    "moment; nothing was changed");
	}
}

bool
call_is_too_much(const struct call_ctx *c)
{
	bool much = json_is_too_much(buf_all(&c->call->body));

	if (much)
		answer_sentence(c, 413, "The request holds more than %d "
		    "values", JSON_VALUES_MAX);
	return much;
}

json_t *
call_json(const struct call_ctx *c)
{
	struct slice body = buf_all(&c->call->body);
	json_error_t at;
	json_t *json;

	if (call_is_too_much(c))
		return NULL;
	json = json_loadb(body.p == NULL ? "" : body.p, body.len, 0, &at);
	if (json_is_object(json))
		return json;
	if (json != NULL)
		answer_sentence(c, 400, "The request must be a JSON object");
	else
		answer_sentence(c, 400, "The request is not JSON: line %d, "
		    "column %d: %s", at.line, at.column, json_mistake(&at));
	json_decref(json);
	return NULL;
}

void
call_client(const struct call_ctx *c, struct run *run, const json_t *json)
{
	run_set_client(run, &(struct run_client){
		.country = country_code(c->call->place.country),
		.continent = continent_code(
		    (enum continent)c->call->place.continent),
		.ip = c->call->ip,
		.location = json_object_get(json, "geoLocation"),
	});
	run->flows = &c->call->flows;
	run->may = call_may_run;
	run->ask = call_services;
	run->ask_arg = c;
	run->token_for = call_token;
	run->now_ms = (int64_t)clock_unix_ms();
	run->give_up_ms = (int64_t)
	    c->edition->generation->config->services.give_up_ms;
	if (c->call->origin[0] != '\0' && !c->call->callback)
		run->origin = c->call->origin;
	call_take_login(c, run, c->call->callback ? run->login :
	    c->call->secret);
}

struct run *
call_load(const struct call_ctx *c, struct arena *arena)
{
	struct store_row row;
	struct kept_at *at;
	struct guid id;
	struct run *run;
	enum store_end end = STORE_NOT_FOUND;
	struct err err;

	if (guid_of(&id, c->call->names[0]))
		end = keep_load(c, arena, id.bytes, c->call->changes, &row,
		    &at);
	if (end != STORE_OK) {
		answer_store(c, end);
		return NULL;
	}
	run = run_restore(arena, &c->call->flows, &row, &err);
	if (run == NULL) {
		log_warn("state %s: %s", c->call->names[0], err.text);
		answer_sentence(c, 404, "The state with the ID %s cannot be "
		    "run: %s", c->call->names[0], err.text);
		return NULL;
	}
	run->kept_at = at;
	call_client(c, run, NULL);
	if (call_admit_run(c, run))
		return run;
	run_fini(run);
	return NULL;
}

/* The sooner of two moments, where 0 is never. */
static int64_t
sooner(int64_t at_ms, int64_t from_ms, int64_t after_s)
{
	if (after_s <= 0 || after_s > INT32_MAX)
		return at_ms;
	if (at_ms != 0 && at_ms < from_ms + after_s * 1000)
		return at_ms;
	return from_ms + after_s * 1000;
}

void
call_stamp(const struct call_ctx *c, struct run *run)
{
	const struct config *config = c->edition->generation->config;
	const struct flow *flow = run_root(run);
	struct store_row *row = &run->row;
	int64_t at_ms;

	row->updated_ms = (int64_t)clock_unix_ms();
	if (row->created_ms == 0)
		row->created_ms = row->updated_ms;
	row->done = run->done;
	at_ms = sooner(0, row->created_ms, flow->expires_s);
	at_ms = sooner(at_ms, row->updated_ms, flow->idle_s);
	if (run->done)
		at_ms = sooner(at_ms, row->updated_ms,
		    (int64_t)(config->engines.keep_done_ms / 1000));
	row->expires_ms = at_ms;
}
