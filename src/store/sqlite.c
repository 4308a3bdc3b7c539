/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The loop's side of the store of one machine: calls become jobs, and answers
 * come back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/must.h"
#include "store/sqlite_private.h"

static struct sqlite *
sqlite_of(struct store *store)
{
	return list_entry(store, struct sqlite, base);
}

/* --- answers ----------------------------------------------------------------------- */

static void
job_free(struct job *job)
{
	buf_fini(&job->body);
	arena_free(&job->arena);
	free(job);
}

static void
tell_watchers(struct sqlite *store, uint64_t newest)
{
	if (newest <= store->told)
		return;
	store->told = newest;
	for (struct watcher *w = store->watchers; w != NULL; w = w->next)
		w->fn(w->arg, STORE_OK, newest);
}

/* Whether there was anything. */
static bool
deliver(struct sqlite *store)
{
	struct list jobs, *node;
	uint64_t newest;
	bool any;

	list_init(&jobs);
	pthread_mutex_lock(&store->lock);
	store->posted = false;
	newest = store->newest;
	while ((node = list_pop(&store->answers)) != NULL)
		list_append(&jobs, node);
	pthread_mutex_unlock(&store->lock);
	any = !list_empty(&jobs);
	while ((node = list_pop(&jobs)) != NULL) {
		struct job *job = list_entry(node, struct job, node);

		job->kind->answer(job);
		job_free(job);
	}
	tell_watchers(store, newest);
	return any;
}

static void
on_answers(void *arg)
{
	deliver(arg);
}

/* With the lock held. */
static void
post(struct sqlite *store)
{
	if (!store->posted)
		loop_post(store->base.loop, on_answers, store);
	store->posted = true;
}

void
sqlite_answer(struct sqlite *store, struct list *jobs)
{
	struct list *node;

	pthread_mutex_lock(&store->lock);
	while ((node = list_pop(jobs)) != NULL)
		list_append(&store->answers, node);
	post(store);
	pthread_mutex_unlock(&store->lock);
}

void
sqlite_newest(struct sqlite *store, uint64_t newest)
{
	pthread_mutex_lock(&store->lock);
	if (newest > store->newest) {
		store->newest = newest;
		post(store);
	}
	pthread_mutex_unlock(&store->lock);
}

/* --- calls -------------------------------------------------------------------------- */

static struct job *
job_new(const struct job_kind *kind, void *arg)
{
	struct job *job = xcalloc(1, sizeof(*job));

	list_init(&job->node);
	job->kind = kind;
	job->arg = arg;
	return job;
}

static void
answer_now(struct sqlite *store, struct job *job, enum store_end end)
{
	struct list one;

	job->end = end;
	list_init(&one);
	list_append(&one, &job->node);
	sqlite_answer(store, &one);
}

static void
submit(struct store *base, struct job *job)
{
	struct sqlite *store = sqlite_of(base);

	if (job->kind->writes && (job->row.body.len > STORE_BODY_MAX ||
	    job->doc.body.len > STORE_BODY_MAX))
		answer_now(store, job, STORE_TOO_BIG);
	else if (store->closing || !thread_submit(job->kind->writes ?
	    &store->writer : &store->reader, job))
		answer_now(store, job, STORE_UNAVAILABLE);
}

static void
sqlite_create(struct store *store, const struct store_row *row,
    store_row_fn *fn, void *arg)
{
	struct job *job = job_new(&job_create, arg);

	job->fn.row = fn;
	job->row = *row;
	submit(store, job);
}

static void
sqlite_load(struct store *store, const uint8_t id[16], int64_t now_ms,
    store_regions permitted, store_row_fn *fn, void *arg)
{
	struct job *job = job_new(&job_load, arg);

	(void)permitted;		/* every state is at home here */
	job->fn.row = fn;
	memcpy(job->row.id, id, 16);
	job->now_ms = now_ms;
	submit(store, job);
}

static void
sqlite_save(struct store *store, const struct store_row *row,
    store_row_fn *fn, void *arg)
{
	struct job *job = job_new(&job_save, arg);

	job->fn.row = fn;
	job->row = *row;
	job->token = row->token;
	submit(store, job);
}

static void
sqlite_remove(struct store *store, const uint8_t id[16],
    struct store_token token, store_regions permitted, store_row_fn *fn,
    void *arg)
{
	struct job *job = job_new(&job_remove, arg);

	(void)permitted;
	job->fn.row = fn;
	memcpy(job->row.id, id, 16);
	job->token = token;
	submit(store, job);
}

static void
sqlite_restrict_to(struct store *store, const uint8_t id[16],
    struct store_token token, store_regions allowed, store_row_fn *fn,
    void *arg)
{
	struct job *job = job_new(&job_restrict, arg);

	job->fn.row = fn;
	memcpy(job->row.id, id, 16);
	job->token = token;
	job->row.allowed = allowed;
	submit(store, job);
}

static void
sqlite_restrict_flow(struct store *store, const struct store_query *query,
    store_regions allowed, store_count_fn *fn, void *arg)
{
	struct job *job = job_new(&job_restrict_flow, arg);

	job->fn.count = fn;
	job->query = *query;
	job->row.allowed = allowed;
	submit(store, job);
}

static void
sqlite_strays(struct store *store, const struct store_query *query,
    store_regions allowed, store_list_fn *fn, void *arg)
{
	struct job *job = job_new(&job_strays, arg);

	job->fn.list = fn;
	job->query = *query;
	job->row.allowed = allowed;
	submit(store, job);
}

static void
sqlite_next_flow(struct store *store, const uint8_t tenant[16],
    const uint8_t flow[16], store_row_fn *fn, void *arg)
{
	struct job *job = job_new(&job_next_flow, arg);

	job->fn.row = fn;
	memcpy(job->row.tenant, tenant, 16);
	memcpy(job->row.flow, flow, 16);
	submit(store, job);
}

static void
sqlite_list(struct store *store, const struct store_query *query,
    store_list_fn *fn, void *arg)
{
	struct job *job = job_new(&job_list, arg);

	job->fn.list = fn;
	job->query = *query;
	submit(store, job);
}

static void
sqlite_expire(struct store *store, int64_t now_ms, unsigned limit,
    store_count_fn *fn, void *arg)
{
	struct job *job = job_new(&job_expire, arg);

	job->fn.count = fn;
	job->now_ms = now_ms;
	job->limit = limit;
	submit(store, job);
}

static void
sqlite_doc_get(struct store *store, const char *kind, const char *key,
    store_doc_fn *fn, void *arg)
{
	struct job *job = job_new(&job_doc_get, arg);

	must(strlen(kind) < sizeof(job->doc.kind) &&
	    strlen(key) < sizeof(job->doc.key));
	job->fn.doc = fn;
	memcpy(job->doc.kind, kind, strlen(kind) + 1);
	memcpy(job->doc.key, key, strlen(key) + 1);
	submit(store, job);
}

static void
sqlite_doc_put(struct store *store, const struct store_doc *doc,
    store_doc_fn *fn, void *arg)
{
	struct job *job = job_new(&job_doc_put, arg);

	job->fn.doc = fn;
	job->doc = *doc;
	job->revision = doc->revision;
	submit(store, job);
}

static void
sqlite_docs_since(struct store *store, uint64_t revision, unsigned limit,
    store_docs_fn *fn, void *arg)
{
	struct job *job = job_new(&job_docs_since, arg);

	job->fn.docs = fn;
	job->revision = revision;
	job->limit = limit < STORE_LIST_MAX ? limit : STORE_LIST_MAX;
	submit(store, job);
}

static void
sqlite_docs_watch(struct store *base, store_count_fn *fn, void *arg)
{
	struct sqlite *store = sqlite_of(base);
	struct watcher *w = xcalloc(1, sizeof(*w));

	*w = (struct watcher){ store->watchers, fn, arg };
	store->watchers = w;
}

static unsigned
queued(struct sqlite_thread *t)
{
	unsigned n;

	pthread_mutex_lock(&t->lock);
	n = t->nwaiting;
	pthread_mutex_unlock(&t->lock);
	return n;
}

static void
sqlite_health(struct store *base, struct store_health *health)
{
	struct sqlite *store = sqlite_of(base);

	*health = (struct store_health){ .ready = true };
	pthread_mutex_lock(&store->lock);
	health->good = store->good;
	health->revision = store->newest;
	memcpy(health->trouble, store->trouble, sizeof(health->trouble));
	pthread_mutex_unlock(&store->lock);
	health->queued = queued(&store->writer) + queued(&store->reader);
}

/* --- beginning and end ------------------------------------------------------------ */

static void
sqlite_close(struct store *base)
{
	struct sqlite *store = sqlite_of(base);
	struct watcher *next;

	store->closing = true;
	thread_stop(&store->writer);
	thread_stop(&store->reader);
	while (deliver(store))		/* who hears of it may ask again */
		;
	loop_unpost(base->loop, on_answers, store);
	thread_fini(&store->writer);
	thread_fini(&store->reader);
	for (struct watcher *w = store->watchers; w != NULL; w = next) {
		next = w->next;
		free(w);
	}
	pthread_mutex_destroy(&store->lock);
	free(store);
}

static const struct store_ops sqlite_ops = {
	.name = "sqlite",
	.close = sqlite_close,
	.create = sqlite_create,
	.load = sqlite_load,
	.save = sqlite_save,
	.remove = sqlite_remove,
	.restrict_to = sqlite_restrict_to,
	.restrict_flow = sqlite_restrict_flow,
	.strays = sqlite_strays,
	.next_flow = sqlite_next_flow,
	.list = sqlite_list,
	.expire = sqlite_expire,
	.doc_get = sqlite_doc_get,
	.doc_put = sqlite_doc_put,
	.docs_since = sqlite_docs_since,
	.docs_watch = sqlite_docs_watch,
	.health = sqlite_health,
};

static struct store *
begin(struct loop *loop, const char *home, struct connection *writer,
    struct connection *reader, struct err *err)
{
	struct sqlite *store = xcalloc(1, sizeof(*store));
	struct store *base = &store->base;

	*base = (struct store){ .ops = &sqlite_ops, .loop = loop };
	memcpy(store->home, home, strlen(home) + 1);
	store->good = true;
	pthread_mutex_init(&store->lock, NULL);
	list_init(&store->answers);
	thread_init(&store->writer, store, writer);
	thread_init(&store->reader, store, reader);
	if (!newest_revision(reader, &store->newest)) {
		err_set(err, "%s", reader->trouble);
	} else {
		store->told = store->newest;	/* both are the threads' after */
		if (thread_start(&store->writer, writer_run, err) &&
		    thread_start(&store->reader, reader_run, err))
			return base;
	}
	store_close(&base);
	return NULL;
}

struct store *
store_sqlite_open(struct loop *loop, const char *dir, const char *home,
    struct err *err)
{
	struct connection *writer, *reader;
	char path[1024];

	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		err_set(err, "store %s: cannot be made: %s", dir,
		    strerror(errno));
		return NULL;
	}
	if ((size_t)snprintf(path, sizeof(path), "%s/state.sqlite", dir) >=
	    sizeof(path)) {
		err_set(err, "store %s: the path is too long", dir);
		return NULL;
	}
	writer = connection_open(path, home, err);
	reader = writer == NULL ? NULL : connection_open(path, home, err);
	if (reader != NULL)
		return begin(loop, home, writer, reader, err);
	connection_close(&writer);
	return NULL;
}
