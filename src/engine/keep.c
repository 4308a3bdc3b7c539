/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A save to a tenant's store goes in three steps, since that store cannot
 * compare: the row's token is taken with a mark that says until when we are
 * at it; the state goes to the store; the row learns where it is.  Who loads
 * to change meanwhile waits; who finds the mark of a worker that died, waits
 * until it has run out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/keeping_private.h"

enum {
	FRAMED = 3,			/* first byte of a body with a descriptor */
	FRAME_HEAD = 1 + 4,
	BUSY_FOR_MS = 20000,		/* longer than a save with all its tries */
	LOOK_AGAIN_MS = 20,
};

/* --- descriptors --------------------------------------------------------------------- */

static struct kept_at *
read_frame(struct arena *arena, struct slice body)
{
	struct kept_at *at = arena_alloc(arena, sizeof(*at));
	const char *id;
	size_t len = 0;
	json_t *json;

	at->copy = body;
	if (body.len < FRAME_HEAD || body.p[0] != FRAMED)
		return at;
	for (int i = 3; i >= 0; i--)
		len = len << 8 | (uint8_t)body.p[1 + i];
	if (len > body.len - FRAME_HEAD)
		return at;
	json = json_loadb(body.p + FRAME_HEAD, len, 0, NULL);
	id = json_string_value(json_object_get(json, "store"));
	if (id != NULL && strlen(id) <= EXTERNAL_ID)
		memcpy(at->store, id, strlen(id) + 1);
	at->updated_us = json_integer_value(json_object_get(json,
	    "updatedAt"));
	at->busy_ms = json_integer_value(json_object_get(json, "busyUntil"));
	json_decref(json);
	at->copy = (struct slice){ body.p + FRAME_HEAD + len,
	    body.len - FRAME_HEAD - len };
	return at;
}

static struct slice
write_frame(struct arena *arena, const struct kept_at *at)
{
	char text[160];
	int len = snprintf(text, sizeof(text), "{\"store\":\"%s\","
	    "\"updatedAt\":%" PRId64 ",\"busyUntil\":%" PRId64 "}",
	    at->store, at->updated_us, at->busy_ms);
	size_t all = FRAME_HEAD + (size_t)len + at->copy.len;
	char *to = arena_alloc(arena, all);

	to[0] = FRAMED;
	for (int i = 0; i < 4; i++)
		to[1 + i] = (char)(len >> (8 * i));
	memcpy(to + FRAME_HEAD, text, (size_t)len);
	if (at->copy.len > 0)
		memcpy(to + FRAME_HEAD + len, at->copy.p, at->copy.len);
	return (struct slice){ to, all };
}

/* --- loading ------------------------------------------------------------------------- */

static enum store_end
load_there(const struct call_ctx *c, struct arena *arena,
    const struct kept_at *at, struct store_row *row)
{
	struct external_store *x = keeping_store_named(c, at->store);
	enum store_end end = STORE_UNAVAILABLE;
	char id[GUID_TEXT];

	guid_text(row->id, id);
	if (x != NULL)
		end = external_load(keeping_use_way(c), x, arena,
		    c->call->tenant_text, id, &row->body);
	keeping_complain(c);
	external_release(&x);
	/* Kept here as well: as good as what is there. */
	if (end != STORE_OK && at->copy.len > 0) {
		row->body = at->copy;
		end = STORE_OK;
	}
	return end;
}

enum store_end
keep_load(const struct call_ctx *c, struct arena *arena,
    const uint8_t id[16], bool changes, struct store_row *row,
    struct kept_at **at_p)
{
	struct kept_at *at;
	enum store_end end;

	for (;;) {
		end = await_load(c->engine->store, arena, id,
		    (int64_t)clock_unix_ms(), call_allowed_state(c, id), row);
		if (end != STORE_OK)
			return end;
		/* Another tenant's state does not exist for this one. */
		if (memcmp(row->tenant, c->call->tenant.bytes,
		    sizeof(row->tenant)) != 0)
			return STORE_NOT_FOUND;
		*at_p = at = read_frame(arena, row->body);
		if (!changes || at->busy_ms <= (int64_t)clock_unix_ms())
			break;
		await_ms(c->engine->loop, LOOK_AGAIN_MS);
	}
	row->body = at->copy;
	return at->store[0] == '\0' ? STORE_OK :
	    load_there(c, arena, at, row);
}

/* --- saving -------------------------------------------------------------------------- */

static int64_t
now_us(void)
{
	struct timespec ts;

	must(clock_gettime(CLOCK_REALTIME, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Strictly later than the last time, whatever the clock does. */
static int64_t
later_than(int64_t last_us)
{
	int64_t now = now_us();

	return now > last_us ? now : last_us + 1;
}

static enum store_end
send_there(const struct call_ctx *c, const struct external_store *x,
    struct run *run, int64_t updated_us)
{
	const struct flow *flow = run_root(run);
	struct external_state state = {
		.id = run->id, .tenant = c->call->tenant_text,
		.flow = flow->id, .version = flow->version,
		.element = run->at->id, .done = run->done,
		.created_us = run->row.created_ms * 1000,
		.updated_us = updated_us,
		.expires_us = run->row.expires_ms * 1000,
		.content = run_text_body(run),
	};

	enum store_end end = STORE_TOO_BIG;

	if (state.content.len <= STORE_BODY_MAX &&
	    !run_body_is_too_much(state.content))
		end = external_save(keeping_use_way(c), x, &state);
	keeping_complain(c);
	return end;
}

static void
remove_there(const struct call_ctx *c, const char *store, const char *id)
{
	struct external_store *x = keeping_store_named(c, store);

	if (x == NULL || external_delete(keeping_use_way(c), x,
	    c->call->tenant_text, id) != STORE_OK)
		log_warn("state %s stays in the store %s, where it is not "
		    "needed any more: %s", id, store, x == NULL ?
		    "the store is not known" : keeping_use_way(c)->trouble);
	external_release(&x);
}

static enum store_end
put_row(const struct call_ctx *c, struct run *run, struct kept_at *at)
{
	run->row.body = write_frame(run->arena, at);
	return await_save(c->engine->store, &run->row);
}

static enum store_end
save_there(const struct call_ctx *c, struct run *run,
    const struct keeping_settings *to, struct external_store *x)
{
	struct kept_at old = *run->kept_at, at = old;
	enum store_end end;

	at.updated_us = old.updated_us = later_than(old.updated_us);
	at.busy_ms = (int64_t)clock_unix_ms() + BUSY_FOR_MS;
	end = put_row(c, run, &at);
	if (end != STORE_OK)
		return end;
	end = send_there(c, x, run, at.updated_us);
	old.busy_ms = at.busy_ms = 0;
	if (end != STORE_OK) {
		put_row(c, run, &old);
		return end;
	}
	memcpy(at.store, to->store, sizeof(at.store));
	at.copy = to->platform ? run_body(run) : (struct slice){ NULL, 0 };
	end = put_row(c, run, &at);
	if (end == STORE_OK && old.store[0] != '\0' &&
	    strcmp(old.store, at.store) != 0)
		remove_there(c, old.store, run->id);
	*run->kept_at = at;
	return end;
}

static enum store_end
save_here(const struct call_ctx *c, struct run *run)
{
	enum store_end end;

	run->row.body = run_body(run);
	if (run_body_is_too_much(run->row.body))
		return STORE_TOO_BIG;
	end = await_save(c->engine->store, &run->row);
	if (end == STORE_OK && run->kept_at->store[0] != '\0')
		remove_there(c, run->kept_at->store, run->id);
	return end;
}

enum store_end
keep_save(const struct call_ctx *c, struct run *run)
{
	struct external_store *x;
	struct keeping_settings to;
	enum store_end end = keeping_settings_of(c, &to);

	call_confine_run(c, run);
	if (end != STORE_OK || !to.external)
		return end != STORE_OK ? end : save_here(c, run);
	x = keeping_store_named(c, to.store);
	end = x == NULL ? STORE_UNAVAILABLE : save_there(c, run, &to, x);
	external_release(&x);
	return end;
}

static enum store_end
create_there(const struct call_ctx *c, struct run *run,
    const struct keeping_settings *to, struct external_store *x)
{
	struct kept_at at = { .updated_us = now_us() };
	enum store_end end;

	memcpy(at.store, to->store, sizeof(at.store));
	/* Nobody knows of it yet, so nobody waits for us. */
	end = send_there(c, x, run, at.updated_us);
	if (end != STORE_OK)
		return end;
	if (to->platform)
		at.copy = run_body(run);
	run->row.body = write_frame(run->arena, &at);
	end = await_create(c->engine->store, &run->row);
	if (end != STORE_OK)
		remove_there(c, at.store, run->id);
	return end;
}

enum store_end
keep_create(const struct call_ctx *c, struct run *run)
{
	struct external_store *x;
	struct keeping_settings to;
	enum store_end end = keeping_settings_of(c, &to);

	if (end != STORE_OK)
		return end;
	if (!to.external) {
		run->row.body = run_body(run);
		return run_body_is_too_much(run->row.body) ? STORE_TOO_BIG :
		    await_create(c->engine->store, &run->row);
	}
	x = keeping_store_named(c, to.store);
	end = x == NULL ? STORE_UNAVAILABLE : create_there(c, run, &to, x);
	external_release(&x);
	return end;
}

void
keep_remove_there(const struct call_ctx *c, const uint8_t id[16])
{
	struct arena *arena = arena_new(0);
	struct store_row row;
	struct kept_at *at;
	char text[GUID_TEXT];

	if (await_load(c->engine->store, arena, id, 0, call_allowed_state(c, id),
	    &row) == STORE_OK) {
		at = read_frame(arena, row.body);
		if (at->store[0] != '\0')
			remove_there(c, at->store, guid_text(id, text));
	}
	arena_free(&arena);
}

enum store_end
keep_remove(const struct call_ctx *c, const uint8_t id[16])
{
	struct arena *arena = arena_new(0);
	struct external_store *x = NULL;
	struct store_row row;
	struct kept_at *at;
	char text[GUID_TEXT];
	enum store_end end = await_load(c->engine->store, arena, id,
	    (int64_t)clock_unix_ms(), call_allowed_state(c, id), &row);

	if (end == STORE_OK && memcmp(row.tenant, c->call->tenant.bytes,
	    sizeof(row.tenant)) != 0)
		end = STORE_NOT_FOUND;
	if (end == STORE_OK) {
		at = read_frame(arena, row.body);
		if (at->store[0] != '\0') {
			x = keeping_store_named(c, at->store);
			end = x == NULL ? STORE_UNAVAILABLE :
			    external_delete(keeping_use_way(c), x,
			    c->call->tenant_text, guid_text(id, text));
		}
		if (end == STORE_OK)
			end = await_remove(c->engine->store, id,
			    (struct store_token){ 0, 0 },
			    call_allowed_state(c, id));
		external_release(&x);
	}
	arena_free(&arena);
	return end;
}
