/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Asking services over HTTP, on the fiber of a call.  All questions of one
 * turn are under way at once.  Who may answer later and has not answered in
 * time is waited for in the background: its answer then comes in as if the
 * service had called back with it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/engine_private.h"
#include "engine/json_text.h"

/* --- what came back ---------------------------------------------------------------- */

static const char too_much[] = "has answered more than is taken";

/* In words that a user may see: nothing of where the service is. */
static const char *
failure(const struct http_answer *answer)
{
	static const char *const words[] = {
		[HTTP_REFUSED] = "may not be called at its address",
		[HTTP_UNREACHABLE] = "could not be reached",
		[HTTP_TIMED_OUT] = "has not answered in time",
		[HTTP_BROKEN] = "has closed the connection, or answered "
		    "something that is no HTTP",
		[HTTP_TOO_BIG] = too_much,
	};

	return words[answer->end];
}

/* What a problem says of itself; services send objects, or plain text. */
static const char *
problem(struct arena *arena, const struct http_answer *answer)
{
	json_t *json = json_loadb(answer->body.p == NULL ? "" :
	    answer->body.p, answer->body.len, JSON_DECODE_ANY, NULL);
	const char *text = json_is_string(json) ? json_string_value(json) :
	    json_string_value(json_object_get(json, "message"));
	const char *sentence = text == NULL || text[0] == '\0' ?
	    arena_printf(arena, "has answered with the status %u",
	    answer->status) : arena_printf(arena,
	    "has answered with the status %u: %.300s", answer->status, text);

	json_decref(json);
	return sentence;
}

static json_t *
read_answer(const struct http_answer *answer)
{
	json_t *json;

	if (answer->body.len == 0)
		return json_object();	/* nothing to say */
	json = json_loadb(answer->body.p, answer->body.len, JSON_DECODE_ANY,
	    NULL);
	if (json_is_object(json))
		return json;
	/* A word alone, as listeners say "SUCCESS". */
	if (json_is_string(json) || json_is_null(json)) {
		json_decref(json);
		return json_object();
	}
	json_decref(json);
	return NULL;
}

/* The answer, or NULL and the sentence of what is wrong with it. */
static json_t *
understand(struct arena *arena, const char *service,
    const struct http_answer *answer, const char **fault)
{
	const char *what = NULL;
	json_t *json = NULL;

	if (answer->end != HTTP_ANSWERED)
		what = failure(answer);
	else if (json_is_too_much(buf_all(&answer->body)))
		what = too_much;
	else if (answer->status < 200 || answer->status > 299)
		what = problem(arena, answer);
	else if ((json = read_answer(answer)) == NULL)
		what = "has answered something that is no JSON object";
	if (what == NULL)
		return json;
	*fault = arena_printf(arena, "The service %s %s", service, what);
	/* What it says may be the flow's own data, and stays out of logs. */
	log_warn("service %s: %s, status %u%s%s", service,
	    http_end_name(answer->end), answer->status,
	    answer->why[0] == '\0' ? "" : ": ", answer->why);
	return NULL;
}

/* --- in the background --------------------------------------------------------------- */

/* A question whose asker has gone on. */
struct late {
	struct engine	*engine;
	struct edition	*edition;
	struct http_exchange *exchange;
	char		 tenant[GUID_TEXT];
	char		 state[GUID_TEXT], nonce[GUID_TEXT];
	char		*service;
	struct question	*question;	/* the exchange's, with nothing left in it */
	struct list	 node;		/* in engine->late */
};

static void
late_free(struct late *late)
{
	list_remove(&late->node);
	http_exchange_free(&late->exchange);
	edition_release(&late->edition);
	free(late->service);
	free(late->question);
	free(late);
}

static void
take_late(void *arg)
{
	struct late *late = arg;
	struct arena *arena = arena_new(0);
	const char *fault = NULL;
	json_t *answer = understand(arena, late->service,
	    http_answer_of(late->exchange), &fault);

	callback_apply(late->engine, late->tenant, late->state, late->nonce,
	    answer, fault);
	json_decref(answer);
	arena_free(&arena);
	late_free(late);
}

static void
on_late(struct http_exchange *x, void *arg)
{
	(void)x;
	fiber_start(take_late, arg);
}

void
late_cancel_all(struct engine *e)
{
	list_each(node, &e->late)
		late_free(list_entry(node, struct late, node));
}

/* --- on the fiber --------------------------------------------------------------------- */

struct asking;

struct question {
	struct asking	*asking;
	struct http_exchange *exchange;
	bool		 done;
	struct late	*late;		/* from then on its answer is the late
					   one's */
};

struct asking {
	struct timer	 timer;
	struct fiber	*fiber;		/* NULL: it runs */
	size_t		 open;
	bool		 out_of_time;
};

static void
wake(struct asking *asking)
{
	struct fiber *fiber = asking->fiber;

	asking->fiber = NULL;
	if (fiber != NULL)
		fiber_resume(fiber);
}

static void
on_time(struct timer *timer)
{
	struct asking *asking = list_entry(timer, struct asking, timer);

	asking->out_of_time = true;
	wake(asking);
}

static void
on_done(struct http_exchange *x, void *arg)
{
	struct question *q = arg;

	if (q->late != NULL) {
		on_late(x, q->late);
		return;
	}
	q->done = true;
	if (--q->asking->open == 0)
		wake(q->asking);
}

static void
wait_for_all(struct loop *loop, struct asking *asking, uint64_t ms)
{
	timer_init(&asking->timer, on_time);
	timer_set(loop, &asking->timer, ms);
	while (asking->open > 0 && !asking->out_of_time) {
		asking->fiber = fiber_self();
		fiber_wait();
	}
	timer_cancel(&asking->timer);
}

/* What RFC 3986 calls unreserved stays. */
static void
put_escaped(struct buf *out, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || (c != '\0' &&
		    strchr("-._~", c) != NULL))
			buf_char(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
}

/* Known to us alone, or nobody: the platform's clear form of who runs the
 * flow, escaped whole. */
static const char *
authorization_line(struct arena *arena, const struct run *run)
{
	char tenant[GUID_TEXT];
	struct buf text = { 0 }, line = { 0 };
	const char *all;

	guid_text(run->row.tenant, tenant);
	run_user_text(run, tenant, &text);
	buf_text(&line, "Authorization: ");
	put_escaped(&line, buf_all(&text));
	all = arena_copy(arena, buf_all(&line));
	buf_fini(&text);
	buf_fini(&line);
	return all;
}

static struct http_exchange *
begin(const struct call_ctx *c, struct run *run, const struct ask *ask,
    struct question *q, uint64_t ms)
{
	const struct config_services *s =
	    &c->edition->generation->config->services;
	char tenant[GUID_TEXT];
	const char *fields[] = { arena_printf(run->arena,
	    "Content-Type: %s", ask->raw.p != NULL ? ask->raw_type :
	    "application/json"), "Accept: application/json", arena_printf(run->arena,
	    "ManyWhoTenant: %s", guid_text(run->row.tenant, tenant)),
	    arena_printf(run->arena, "ManyWhoState: %s", run->id),
	    authorization_line(run->arena, run), NULL };
	char *body = ask->raw.p != NULL ? NULL :
	    json_dumps(ask->body, JSON_COMPACT);
	struct http_exchange *x;

	must(body != NULL || ask->raw.p != NULL);
	x = http_start(c->engine->http, &(struct http_request){
	    .method = ask->method,
	    .url = arena_printf(run->arena, "%s%s", ask->service->uri,
	    ask->path), .fields = fields, .body = body == NULL ? ask->raw :
	    slice_of(body),
	    .total_ms = ask->nonce != NULL ? s->give_up_ms : ms,
	    .answer_bytes = s->answer_bytes }, on_done, q);
	free(body);
	return x;
}

/* Goes on without us. */
static void
let_be_late(const struct call_ctx *c, const struct run *run,
    const struct ask *ask, struct question *q)
{
	struct late *late = xcalloc(1, sizeof(*late));

	late->engine = c->engine;
	late->edition = edition_hold(c->edition);
	late->exchange = q->exchange;
	guid_text(run->row.tenant, late->tenant);
	snprintf(late->state, sizeof(late->state), "%s", run->id);
	snprintf(late->nonce, sizeof(late->nonce), "%s", ask->nonce);
	late->service = xstrdup(ask->service->name);
	list_init(&late->node);
	list_append(&c->engine->late, &late->node);
	late->question = q;
	q->late = late;
}

static void
finish(const struct call_ctx *c, struct run *run, struct ask *ask,
    struct question *q)
{
	if (q->done) {
		ask->answer = understand(run->arena, ask->service->name,
		    http_answer_of(q->exchange), &ask->fault);
		ask->end = ask->answer == NULL ? ASK_FAILED : ASK_ANSWERED;
	} else if (ask->nonce != NULL) {
		let_be_late(c, run, ask, q);
		ask->end = ASK_LATER;
		return;			/* the late one has the exchange */
	} else {
		ask->fault = arena_printf(run->arena, "The service %s has not "
		    "answered in time", ask->service->name);
		ask->end = ASK_FAILED;
	}
	http_exchange_free(&q->exchange);
	free(q);
}

/* What is left for services of the time that a request may take: clients and
 * edges do not wait for ever. */
static uint64_t
time_left(const struct call_ctx *c)
{
	uint64_t timeout =
	    c->edition->generation->config->services.timeout_ms;
	uint64_t now = clock_us() / 1000;

	if (c->call->services_until_ms == 0)
		c->call->services_until_ms = now + 2 * timeout;
	if (c->call->services_until_ms <= now)
		return 1;
	return c->call->services_until_ms - now < timeout ?
	    c->call->services_until_ms - now : timeout;
}

void
call_services(struct run *run, struct ask *asks, size_t count)
{
	const struct call_ctx *c = run->ask_arg;
	struct asking asking = { .open = count };
	struct question **list = arena_array(run->arena, count,
	    sizeof(struct question *));
	uint64_t ms = time_left(c);

	for (size_t i = 0; i < count; i++) {
		list[i] = xcalloc(1, sizeof(*list[i]));
		list[i]->asking = &asking;
		list[i]->exchange = begin(c, run, &asks[i], list[i], ms);
	}
	wait_for_all(c->engine->loop, &asking, ms);
	for (size_t i = 0; i < count; i++)
		finish(c, run, &asks[i], list[i]);
}

const char *
call_token(struct run *run, const char *nonce)
{
	const struct call_ctx *c = run->ask_arg;
	char tenant[GUID_TEXT];

	return callback_token(run->arena, &c->edition->keys, run->id,
	    guid_text(run->row.tenant, tenant), nonce);
}
