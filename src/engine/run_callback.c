/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Answers that services give later: POST /api/run/1/response, and what a
 * listener hears: POST /api/run/1/event.  The token in the body says which
 * state it is about and that it is ours; a token that nobody waits for any
 * more is told so, and changes nothing.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/keeping.h"

enum { ATTEMPTS = 5 };

const char *
fault_sentence(const struct run *run)
{
	const json_t *text = json_object_iter_value(
	    json_object_iter(run->faults));

	return text == NULL ? "A service that the flow needs has failed" :
	    json_string_value(text);
}

/* --- keeping what came of it ---------------------------------------------------------- */

/* A new token: who waits finds out by it. */
static enum store_end
keep(const struct call_ctx *c, struct run *run)
{
	enum store_end end;

	run_renew_token(run);
	run->last_answer = NULL;
	call_stamp(c, run);
	end = keep_save(c, run);
	if (end == STORE_OK) {		/* one that was done is not changed */
		call_tell_done(c, run);
		alarm_set(c, run);
	}
	return end;
}

/* The run cannot go on, and what it came to is not to be kept: it stays where
 * it was, and says why. */
static enum store_end
keep_failed(const struct call_ctx *c, struct arena *arena,
    const char *sentence)
{
	struct run *run = call_load(c, arena);
	enum store_end end;

	if (run == NULL)
		return STORE_OK;
	run->wait = (struct run_wait){ 0 };
	run->faults = json_pack("{s:s}", "Flow", sentence);
	json_array_append_new(run->kept, run->faults);
	end = keep(c, run);
	run_fini(run);
	return end;
}

static enum store_end
keep_end(const struct call_ctx *c, struct arena *arena, struct run *run,
    enum run_end end)
{
	if (end == RUN_STUCK)
		return keep_failed(c, arena, run->stuck);
	if (end == RUN_ENDLESS)
		return keep_failed(c, arena, "The flow goes in circles "
		    "without coming to a page, or its values grow without "
		    "limit");
	return keep(c, run);
}

/* --- one change of the state, repeated after conflicts -------------------------------- */

struct change {
	/* Moves the run; false: there is nothing to be moved. */
	bool		(*make)(struct run *run, struct change *change);
	const char	*nonce;
	const json_t	*answer;	/* NULL: it failed */
	const char	*fault;
	enum run_end	 end;
	const char	*type;		/* what to answer */
	bool		 loaded;
};

static enum store_end
change_once(const struct call_ctx *c, struct arena *arena,
    struct change *change)
{
	struct run *run = call_load(c, arena);
	enum store_end end = STORE_OK;

	change->loaded = run != NULL;
	if (run == NULL)
		return STORE_OK;	/* answered */
	if (change->make(run, change))
		end = keep_end(c, arena, run, change->end);
	run_fini(run);
	return end;
}

static enum store_end
change_state(const struct call_ctx *c, struct change *change)
{
	enum store_end end = STORE_CONFLICT;
	struct turn turn;

	turn_take(c->engine, &turn, c->call->names[0]);
	for (int i = 0; i < ATTEMPTS && end == STORE_CONFLICT; i++) {
		struct arena *arena = arena_new(0);

		end = change_once(c, arena, change);
		arena_free(&arena);
	}
	turn_end(c->engine, &turn);
	return end;
}

/* --- answers ---------------------------------------------------------------------------- */

static bool
take_response(struct run *run, struct change *change)
{
	const struct pending *pending = find_pending(run, change->nonce);

	change->type = "TOKEN_COMPLETED";
	if (pending == NULL)
		return false;
	change->end = run_answered(run, pending, change->answer,
	    change->fault);
	change->type = change->end == RUN_WAIT ? "WAIT" : "SUCCESS";
	return true;
}

/* A value that somebody listens to has changed. */
static bool
take_event(struct run *run, struct change *change)
{
	const json_t *value = json_object_get(change->answer,
	    "listeningEventValue");

	change->type = "TOKEN_COMPLETED";
	for (size_t i = 0; i < run->nears; i++) {
		struct message_action one = { .noutputs = 1 };
		struct service_value v;

		if (!slice_eq_nocase(slice_of(run->ears[i].nonce),
		    slice_of(change->nonce)))
			continue;
		v = (struct service_value){ .name = "value",
		    .value = run->ears[i].listener->value };
		one.outputs = &v;
		if (json_is_object(value)) {
			json_t *named = json_copy((json_t *)(uintptr_t)value);
			json_t *list = json_array();

			json_object_set_new(named, "developerName",
			    json_string("value"));
			json_array_append_new(list, named);
			take_outputs(run, &one, list);
			json_decref(list);
		}
		change->end = RUN_PAGE;
		change->type = "SUCCESS";
		return !run->done;
	}
	return false;
}

/* The state that the token is of becomes the one that the path would name. */
static bool
take_token(const struct call_ctx *c, const json_t *json,
    struct callback *callback)
{
	struct call *call = c->call;
	struct guid tenant;
	const char *named = json_string_value(json_object_get(json,
	    "tenantId"));

	if (!callback_token_read(&c->edition->keys, json_string_value(
	    json_object_get(json, "token")), callback) ||
	    (guid_of(&tenant, named) && !guid_eq(&tenant,
	    &callback->tenant))) {
		answer_sentence(c, 403, "The token is none that this engine "
		    "has given to a service");
		return false;
	}
	call->callback = true;
	call->tenant = callback->tenant;
	guid_text(call->tenant.bytes, call->tenant_text);
	snprintf(call->names[0], sizeof(call->names[0]), "%s",
	    callback->state);
	call_use_stored_flows(c);
	return true;
}

static void
call_back(const struct call_ctx *c,
    bool (*make)(struct run *, struct change *))
{
	json_t *json = call_json(c);
	struct callback callback;

	if (json == NULL)
		return;
	if (take_token(c, json, &callback)) {
		struct change change = { .make = make,
		    .nonce = callback.nonce, .answer = json };
		enum store_end end = change_state(c, &change);

		if (end != STORE_OK)
			answer_store(c, end);
		else if (change.loaded)
			answer_json(c, 200, json_string(change.type));
	}
	json_decref(json);
}

void
call_response(const struct call_ctx *c)
{
	call_back(c, take_response);
}

void
call_event(const struct call_ctx *c)
{
	call_back(c, take_event);
}

/* Of a call that nobody made. */
static enum store_end
change_alone(struct engine *e, const char *tenant, const char *state,
    struct change *change)
{
	enum store_end end;
	struct call *call;
	struct guid guid;

	must(guid_of(&guid, tenant));
	call = call_own(e, &guid);
	call->callback = true;
	snprintf(call->names[0], sizeof(call->names[0]), "%s", state);
	end = change_state(&call->ctx, change);
	call_own_free(call);
	return end;
}

void
callback_apply(struct engine *e, const char *tenant, const char *state,
    const char *nonce, const json_t *answer, const char *fault)
{
	struct change change = { .make = take_response, .nonce = nonce,
	    .answer = answer, .fault = fault };
	enum store_end end = change_alone(e, tenant, state, &change);

	if (end != STORE_OK)
		log_warn("state %s: the late answer of a service is lost: %s",
		    state, store_end_name(end));
}

/* --- waits that are over ------------------------------------------------------------------ */

static bool
take_end(struct run *run, struct change *change)
{
	if (!run_wait_is_over(run))
		return false;
	change->end = run_end_wait(run);
	return true;
}

bool
call_settle(const struct call_ctx *c)
{
	struct change change = { .make = take_end };
	enum store_end end;

	/* It is time that moves it, for its user, and not who looks. */
	c->call->callback = true;
	end = change_state(c, &change);
	c->call->callback = false;
	if (end != STORE_OK)
		answer_store(c, end);
	return end == STORE_OK && change.loaded;
}

void
wait_apply(struct engine *e, const char *tenant, const char *state)
{
	struct change change = { .make = take_end };
	enum store_end end = change_alone(e, tenant, state, &change);

	if (end != STORE_OK)
		log_warn("state %s: its wait is over, and goes on when "
		    "somebody looks: %s", state, store_end_name(end));
}
