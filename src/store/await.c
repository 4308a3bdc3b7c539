/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/await.h"

#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/must.h"

enum {
	REPEAT_MS = 50,			/* between two tries */
	UNKNOWN_MS = 3000,		/* an answer was lost: tried this long */
	MOVING_MS = 1000,		/* a handover goes on: waited for so long */
};

/* What stands on the stack of a fiber that waits. */
struct wait {
	struct fiber	*fiber;
	struct arena	*arena;		/* NULL: bodies are not kept */
	enum store_end	 end;
	struct store_row *row;		/* to be written, or NULL */
	struct store_doc *doc;
	struct store_row *rows;
	struct store_doc *docs;
	const char	*next;
	size_t		 count;
	uint64_t	 number;
};

static struct wait
wait_for(struct arena *arena)
{
	return (struct wait){ .fiber = fiber_self(), .arena = arena };
}

static struct slice
keep(struct arena *arena, struct slice bytes)
{
	if (arena == NULL)
		return (struct slice){ NULL, 0 };
	return (struct slice){ arena_copy(arena, bytes), bytes.len };
}

static void
on_row(void *arg, enum store_end end, const struct store_row *row)
{
	struct wait *w = arg;

	w->end = end;
	if (row != NULL && w->row != NULL) {
		*w->row = *row;
		w->row->body = keep(w->arena, row->body);
	}
	fiber_resume(w->fiber);
}

static void
on_list(void *arg, enum store_end end, const struct store_row *rows,
    size_t count, const char *next)
{
	struct wait *w = arg;

	w->end = end;
	w->count = count;
	w->rows = arena_array(w->arena, count, sizeof(*rows));
	if (count > 0)
		memcpy(w->rows, rows, count * sizeof(*rows));
	w->next = arena_strdup(w->arena, next);
	fiber_resume(w->fiber);
}

static void
on_count(void *arg, enum store_end end, uint64_t count)
{
	struct wait *w = arg;

	w->end = end;
	w->number = count;
	fiber_resume(w->fiber);
}

static void
on_doc(void *arg, enum store_end end, const struct store_doc *doc)
{
	struct wait *w = arg;

	w->end = end;
	if (doc != NULL) {
		*w->doc = *doc;
		w->doc->body = keep(w->arena, doc->body);
	}
	fiber_resume(w->fiber);
}

static void
on_docs(void *arg, enum store_end end, const struct store_doc *docs,
    size_t count, uint64_t newest)
{
	struct wait *w = arg;

	w->end = end;
	w->count = count;
	w->number = newest;
	w->docs = arena_array(w->arena, count, sizeof(*docs));
	for (size_t i = 0; i < count; i++) {
		w->docs[i] = docs[i];
		w->docs[i].body = keep(w->arena, docs[i].body);
	}
	fiber_resume(w->fiber);
}

/* --- time ------------------------------------------------------------------------- */

struct nap {
	struct timer	 timer;
	struct fiber	*fiber;
};

static void
on_nap(struct timer *timer)
{
	fiber_resume(list_entry(timer, struct nap, timer)->fiber);
}

void
await_ms(struct loop *loop, uint64_t ms)
{
	struct nap nap = { .fiber = fiber_self() };

	timer_init(&nap.timer, on_nap);
	timer_set(loop, &nap.timer, ms);
	fiber_wait();
}

/* Whether a write is to be tried again; waits before that. */
static bool
again(struct store *store, enum store_end end, uint64_t began_ms)
{
	uint64_t most = end == STORE_UNKNOWN ? UNKNOWN_MS :
	    end == STORE_MOVING ? MOVING_MS : 0;

	if (clock_ms() - began_ms + REPEAT_MS > most)
		return false;
	await_ms(store->loop, REPEAT_MS);
	return true;
}

/* --- states ----------------------------------------------------------------------- */

typedef void write_fn(struct store *store, const struct store_row *row,
    store_row_fn *fn, void *arg);

static enum store_end
write_row(struct store *store, write_fn *write, struct store_row *row)
{
	uint64_t began_ms = clock_ms();
	struct store_row answer = *row;
	struct wait w;

	must(getrandom(row->op, sizeof(row->op), 0) == sizeof(row->op));
	do {
		w = wait_for(NULL);
		w.row = &answer;
		write(store, row, on_row, &w);
		fiber_wait();
	} while (again(store, w.end, began_ms));
	if (w.end == STORE_OK) {
		row->token = answer.token;
		row->database = answer.database;
		memcpy(row->home, answer.home, sizeof(row->home));
	}
	return w.end;
}

enum store_end
await_create(struct store *store, struct store_row *row)
{
	return write_row(store, store->ops->create, row);
}

enum store_end
await_save(struct store *store, struct store_row *row)
{
	return write_row(store, store->ops->save, row);
}

enum store_end
await_load(struct store *store, struct arena *arena, const uint8_t id[16],
    int64_t now_ms, store_regions permitted, struct store_row *row)
{
	uint64_t began_ms = clock_ms();
	struct wait w;

	do {
		w = wait_for(arena);
		w.row = row;
		store->ops->load(store, id, now_ms, permitted, on_row, &w);
		fiber_wait();
	} while (w.end == STORE_MOVING && again(store, w.end, began_ms));
	return w.end;
}

enum store_end
await_remove(struct store *store, const uint8_t id[16],
    struct store_token token, store_regions permitted)
{
	struct wait w = wait_for(NULL);

	store->ops->remove(store, id, token, permitted, on_row, &w);
	fiber_wait();
	return w.end;
}

enum store_end
await_restrict_to(struct store *store, const uint8_t id[16],
    struct store_token token, store_regions allowed)
{
	struct wait w = wait_for(NULL);

	store->ops->restrict_to(store, id, token, allowed, on_row, &w);
	fiber_wait();
	return w.end;
}

enum store_end
await_restrict_flow(struct store *store, const struct store_query *query,
    store_regions allowed, uint64_t *changed)
{
	struct wait w = wait_for(NULL);

	store->ops->restrict_flow(store, query, allowed, on_count, &w);
	fiber_wait();
	*changed = w.number;
	return w.end;
}

enum store_end
await_strays(struct store *store, struct arena *arena,
    const struct store_query *query, store_regions allowed,
    struct store_row **rows, size_t *count)
{
	struct wait w = wait_for(arena);

	store->ops->strays(store, query, allowed, on_list, &w);
	fiber_wait();
	*rows = w.rows;
	*count = w.count;
	return w.end;
}

enum store_end
await_next_flow(struct store *store, uint8_t tenant[16], uint8_t flow[16])
{
	struct wait w = wait_for(NULL);
	struct store_row row;

	w.row = &row;
	store->ops->next_flow(store, tenant, flow, on_row, &w);
	fiber_wait();
	if (w.end == STORE_OK) {
		memcpy(tenant, row.tenant, sizeof(row.tenant));
		memcpy(flow, row.flow, sizeof(row.flow));
	}
	return w.end;
}

enum store_end
await_list(struct store *store, struct arena *arena,
    const struct store_query *query, struct store_row **rows, size_t *count,
    const char **next)
{
	struct wait w = wait_for(arena);

	store->ops->list(store, query, on_list, &w);
	fiber_wait();
	*rows = w.rows;
	*count = w.count;
	*next = w.next;
	return w.end;
}

enum store_end
await_expire(struct store *store, int64_t now_ms, unsigned limit,
    uint64_t *removed)
{
	struct wait w = wait_for(NULL);

	store->ops->expire(store, now_ms, limit, on_count, &w);
	fiber_wait();
	*removed = w.number;
	return w.end;
}

/* --- metadata --------------------------------------------------------------------- */

enum store_end
await_doc_get(struct store *store, struct arena *arena, const char *kind,
    const char *key, struct store_doc *doc)
{
	struct wait w = wait_for(arena);

	w.doc = doc;
	store->ops->doc_get(store, kind, key, on_doc, &w);
	fiber_wait();
	return w.end;
}

enum store_end
await_doc_put(struct store *store, struct store_doc *doc)
{
	struct store_doc answer = *doc;
	struct wait w = wait_for(NULL);

	w.doc = &answer;
	store->ops->doc_put(store, doc, on_doc, &w);
	fiber_wait();
	if (w.end == STORE_OK)
		doc->revision = answer.revision;
	return w.end;
}

enum store_end
await_docs_since(struct store *store, struct arena *arena, uint64_t revision,
    unsigned limit, struct await_docs *docs)
{
	struct wait w = wait_for(arena);

	store->ops->docs_since(store, revision, limit, on_docs, &w);
	fiber_wait();
	*docs = (struct await_docs){ w.docs, w.count, w.number };
	return w.end;
}
