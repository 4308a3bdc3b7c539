/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Calls of an external store.  Each try has a signature of its own; a save
 * that is tried again is the same save, which the receiver notices.
 */
#include "store/external.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/await.h"

enum {
	TRIES = 3,
	TOGETHER_MS = 10000,		/* no further try begins after this */
	TRY_MS = 8000,
	PAUSE_MS = 100,			/* and four times that */
	SMALL_ANSWER = 64 * 1024,
	LARGE_ANSWER = 4 * STORE_BODY_MAX,
};

struct call {
	struct external_way *way;
	const struct external_store *x;
	const char	*method, *tenant;
	char		 url[EXTERNAL_URL_MAX + 2 * (EXTERNAL_ID + 10)];
	struct slice	 body;
	size_t		 answer_bytes;
	struct buf	 signature;	/* a whole field */
	struct http_answer answer;
};

/* --- one try ------------------------------------------------------------------------- */

static void
sign(void *arg)
{
	struct call *c = arg;
	const char *path = c->url + (c->x->path - c->x->endpoint);

	buf_clear(&c->signature);
	buf_text(&c->signature, "X-ManyWho-Signature: ");
	external_sign_path(c->x, c->tenant, path,
	    (int64_t)(clock_unix_ms() / 1000), &c->signature);
}

static void
ask(struct call *c)
{
	char platform[128], receiver[128];
	const char *fields[8] = { platform, receiver,
	    "Accept: application/json", "Content-Type: application/json" };
	unsigned n = c->body.p == NULL ? 3 : 4;
	struct http_request request = { c->method, c->url, fields, c->body,
	    TRY_MS, c->answer_bytes };

	workers_run(c->way->workers, sign, c);
	snprintf(platform, sizeof(platform), "X-ManyWho-Platform-Key-ID: %s",
	    jose_key_kid(c->x->platform[0]));
	snprintf(receiver, sizeof(receiver), "X-ManyWho-Receiver-Key-ID: %s",
	    jose_key_kid(c->x->receiver[0]));
	fields[n++] = buf_cstr(&c->signature);
	if (c->x->basic != NULL)
		fields[n++] = c->x->basic;
	fields[n] = NULL;
	http_ask(c->way->http, &request, &c->answer);
}

/* --- tries ----------------------------------------------------------------------------- */

static void
note(struct external_way *way, const struct external_store *x,
    const struct http_answer *a, bool good)
{
	way->counts.calls++;
	way->counts.failures += !good;
	way->good = good;
	if (good)
		return;
	if (a->end == HTTP_ANSWERED)
		snprintf(way->trouble, sizeof(way->trouble),
		    "store %s answered %u", x->id, a->status);
	else
		snprintf(way->trouble, sizeof(way->trouble), "store %s: %s%s%s",
		    x->id, http_end_name(a->end), a->why[0] == '\0' ? "" :
		    ": ", a->why);
}

/* Whether another try may end otherwise: 500 stands for faults of ours, too,
 * which is why there is an end to it. */
static bool
may_pass(const struct http_answer *a)
{
	if (a->end == HTTP_ANSWERED)
		return a->status >= 500 || a->status == 408 ||
		    a->status == 429;
	return a->end != HTTP_REFUSED && a->end != HTTP_TOO_BIG;
}

static bool
is_good(const struct http_answer *a)
{
	return a->end == HTTP_ANSWERED &&
	    ((a->status >= 200 && a->status < 300) || a->status == 404);
}

static void
call(struct call *c)
{
	uint64_t began = clock_ms();

	for (unsigned i = 0;; i++) {
		ask(c);
		note(c->way, c->x, &c->answer, is_good(&c->answer));
		if (is_good(&c->answer) || !may_pass(&c->answer) ||
		    i + 1 == TRIES || clock_ms() - began >= TOGETHER_MS)
			return;
		http_answer_fini(&c->answer);
		await_ms(c->way->loop, i == 0 ? PAUSE_MS : 4 * PAUSE_MS);
	}
}

static void
finish(struct call *c)
{
	http_answer_fini(&c->answer);
	buf_fini(&c->signature);
}

static void
set_url(struct call *c, const char *id)
{
	snprintf(c->url, sizeof(c->url), "%s/states/%.36s%s%.36s", c->x->endpoint,
	    c->tenant, id == NULL ? "" : "/", id == NULL ? "" : id);
}

/* --- the three calls ------------------------------------------------------------------ */

struct save {
	const struct external_store *x;
	const struct external_state *state;
	struct buf	 body;
};

static void
make_body(void *arg)
{
	struct save *s = arg;

	buf_text(&s->body, "[{\"token\":\"");
	external_write_state(s->x, s->state,
	    (int64_t)(clock_unix_ms() / 1000), &s->body);
	buf_text(&s->body, "\"}]");
}

enum store_end
external_save(struct external_way *way, const struct external_store *x,
    const struct external_state *state)
{
	struct call c = { .way = way, .x = x, .method = "POST",
	    .tenant = state->tenant, .answer_bytes = SMALL_ANSWER };
	struct save save = { x, state, { 0 } };
	bool good;

	workers_run(way->workers, make_body, &save);
	c.body = buf_all(&save.body);
	set_url(&c, NULL);
	call(&c);
	good = is_good(&c.answer) && c.answer.status != 404;
	if (!good && is_good(&c.answer))
		note(way, x, &c.answer, false);
	finish(&c);
	buf_fini(&save.body);
	return good ? STORE_OK : STORE_UNAVAILABLE;
}

struct load {
	const struct external_store *x;
	const char	*tenant, *id;
	struct slice	 answer;
	struct buf	 content;
	bool		 good;
	struct err	 err;
};

static void
read_body(void *arg)
{
	struct load *l = arg;
	json_t *json = json_loadb(l->answer.p == NULL ? "" : l->answer.p,
	    l->answer.len, JSON_REJECT_DUPLICATES, NULL);
	const char *token = json_string_value(json_object_get(json, "token"));

	if (token == NULL)
		l->good = err_set(&l->err, "the answer holds no token");
	else
		l->good = external_read_state(l->x, l->tenant, l->id,
		    slice_of(token), (int64_t)(clock_unix_ms() / 1000),
		    &l->content, &l->err);
	json_decref(json);
}

enum store_end
external_load(struct external_way *way, const struct external_store *x,
    struct arena *arena, const char *tenant, const char *id,
    struct slice *content)
{
	struct call c = { .way = way, .x = x, .method = "GET",
	    .tenant = tenant, .answer_bytes = LARGE_ANSWER };
	struct load load = { .x = x, .tenant = tenant, .id = id };
	enum store_end end = STORE_UNAVAILABLE;

	set_url(&c, id);
	call(&c);
	if (is_good(&c.answer) && c.answer.status == 404) {
		end = STORE_NOT_FOUND;
	} else if (is_good(&c.answer)) {
		load.answer = buf_all(&c.answer.body);
		workers_run(way->workers, read_body, &load);
		if (load.good) {
			end = STORE_OK;
			content->len = load.content.len;
			content->p = arena_copy(arena,
			    buf_all(&load.content));
		} else {
			way->good = false;
			way->counts.failures++;
			snprintf(way->trouble, sizeof(way->trouble),
			    "store %s: its answer is refused: %.200s", x->id,
			    load.err.text);
		}
	}
	if (load.content.p != NULL)
		explicit_bzero(load.content.p, load.content.cap);
	buf_fini(&load.content);
	finish(&c);
	return end;
}

enum store_end
external_delete(struct external_way *way, const struct external_store *x,
    const char *tenant, const char *id)
{
	struct call c = { .way = way, .x = x, .method = "DELETE",
	    .tenant = tenant, .answer_bytes = SMALL_ANSWER };
	char body[EXTERNAL_ID + 5];
	enum store_end end;

	snprintf(body, sizeof(body), "[\"%.36s\"]", id);
	c.body = slice_of(body);
	set_url(&c, NULL);
	call(&c);
	end = is_good(&c.answer) ? STORE_OK : STORE_UNAVAILABLE;
	finish(&c);
	return end;
}
