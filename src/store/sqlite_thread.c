/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The writer and the reader.
 *
 * The writer gathers: what came in while one transaction was being committed
 * goes into the next, so under load many saves share one wait for the disk.
 * A save that loses (its token is old) costs the others nothing.  Where the
 * transaction as a whole fails, each is tried alone, so that a disk which has
 * room for small ones takes those.
 */
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "store/sqlite_private.h"

/* --- queues ------------------------------------------------------------------------ */

void
thread_init(struct sqlite_thread *t, struct sqlite *store,
    struct connection *connection)
{
	pthread_condattr_t attr;

	t->store = store;
	t->connection = connection;
	list_init(&t->waiting);
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &attr);
	pthread_condattr_destroy(&attr);
}

bool
thread_start(struct sqlite_thread *t, void *(*run)(void *), struct err *err)
{
	int rc = pthread_create(&t->thread, NULL, run, t);

	t->started = rc == 0;
	return rc == 0 || err_set(err, "no thread: %s", strerror(rc));
}

static size_t
weight(const struct job *job)
{
	return job->kind->writes ? job->row.body.len + job->doc.body.len : 0;
}

bool
thread_submit(struct sqlite_thread *t, struct job *job)
{
	bool room, first;

	pthread_mutex_lock(&t->lock);
	first = list_empty(&t->waiting);
	room = t->nwaiting < QUEUE_MAX && (first ||
	    t->bytes + weight(job) <= QUEUE_BYTES_MAX);
	if (room) {
		list_append(&t->waiting, &job->node);
		t->nwaiting++;
		t->bytes += weight(job);
	}
	pthread_mutex_unlock(&t->lock);
	if (room && first)
		pthread_cond_signal(&t->wake);
	return room;
}

void
thread_stop(struct sqlite_thread *t)
{
	if (!t->started)
		return;
	pthread_mutex_lock(&t->lock);
	t->stop = true;
	pthread_mutex_unlock(&t->lock);
	pthread_cond_signal(&t->wake);
	must(pthread_join(t->thread, NULL) == 0);
	t->started = false;
}

void
thread_fini(struct sqlite_thread *t)
{
	connection_close(&t->connection);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
}

/* Moves what waits to batch, at most BATCH_MAX; waits for it until due_ms (0:
 * as long as it takes).  False: that was all, for good. */
static bool
take(struct sqlite_thread *t, struct list *batch, uint64_t due_ms)
{
	struct timespec until = { .tv_sec = (time_t)(due_ms / 1000),
	    .tv_nsec = (long)(due_ms % 1000) * 1000000 };
	struct list *node;
	bool more;

	list_init(batch);
	pthread_mutex_lock(&t->lock);
	while (list_empty(&t->waiting) && !t->stop) {
		if (due_ms == 0)
			pthread_cond_wait(&t->wake, &t->lock);
		else if (pthread_cond_timedwait(&t->wake, &t->lock,
		    &until) != 0)
			break;
	}
	for (int i = 0; i < BATCH_MAX &&
	    (node = list_pop(&t->waiting)) != NULL; i++) {
		t->nwaiting--;
		t->bytes -= weight(list_entry(node, struct job, node));
		list_append(batch, node);
	}
	more = !t->stop || !list_empty(batch);
	pthread_mutex_unlock(&t->lock);
	return more;
}

/* --- the writer ---------------------------------------------------------------------- */

static void
end_all(struct list *batch, enum store_end end)
{
	list_each(node, batch) {
		struct job *job = list_entry(node, struct job, node);

		job->end = end;
		job->has_row = false;
	}
}

static void
roll_back(struct connection *c)
{
	char trouble[sizeof(c->trouble)];

	if (sqlite3_get_autocommit(c->db))
		return;			/* SQLite has done so already */
	memcpy(trouble, c->trouble, sizeof(trouble));
	connection_run(c, STATEMENT_ROLLBACK);
	memcpy(c->trouble, trouble, sizeof(trouble));
}

enum commit { COMMIT_DONE, COMMIT_FAILED, COMMIT_DOUBTFUL };

static bool
run_all(struct sqlite *store, struct connection *c, struct list *batch)
{
	list_each(node, batch) {
		struct job *job = list_entry(node, struct job, node);

		job->has_row = false;
		if (!job->kind->run(store, c, job))
			return false;
	}
	return true;
}

/* A commit that could not write has not written its end.  After any other
 * failure (the disk did not confirm) the end may be there all the same, and a
 * recovery may find it. */
static bool
is_certain(sqlite3 *db)
{
	int rc = sqlite3_extended_errcode(db);

	return rc == SQLITE_FULL || rc == SQLITE_BUSY ||
	    rc == SQLITE_IOERR_WRITE;
}

static enum commit
commit_all(struct sqlite *store, struct connection *c, struct list *batch)
{
	enum commit result = COMMIT_FAILED;

	if (run_all(store, c, batch)) {
		if (connection_run(c, STATEMENT_COMMIT) == SQLITE_DONE)
			return COMMIT_DONE;
		if (!is_certain(c->db))
			result = COMMIT_DOUBTFUL;
	}
	roll_back(c);
	return result;
}

static bool
begin(struct connection *c)
{
	return connection_run(c, STATEMENT_BEGIN_WRITE) == SQLITE_DONE;
}

/* Whether the last of them could be done. */
static bool
write_singly(struct sqlite *store, struct connection *c, struct list *batch)
{
	bool locked_out = false, good = false;

	list_each(node, batch) {
		struct list one;
		enum commit result = COMMIT_FAILED;

		/* Who waited in vain for the lock would do so for each. */
		locked_out = locked_out || !begin(c);
		list_remove(node);
		list_init(&one);
		list_append(&one, node);
		if (!locked_out)
			result = commit_all(store, c, &one);
		if (result != COMMIT_DONE)
			end_all(&one, result == COMMIT_DOUBTFUL ?
			    STORE_UNKNOWN : STORE_UNAVAILABLE);
		good = result == COMMIT_DONE;
		list_remove(node);
		list_append(node_next, node);	/* where it was */
	}
	return good;
}

static bool
write_batch(struct sqlite *store, struct connection *c, struct list *batch)
{
	if (!begin(c)) {
		end_all(batch, STORE_UNAVAILABLE);
		return false;
	}
	return commit_all(store, c, batch) == COMMIT_DONE ||
	    write_singly(store, c, batch);
}

static void
tell_health(struct sqlite *store, struct connection *c, bool good)
{
	pthread_mutex_lock(&store->lock);
	store->good = good;
	if (!good)
		memcpy(store->trouble, c->trouble, sizeof(store->trouble));
	pthread_mutex_unlock(&store->lock);
}

static uint64_t
newest_of(const struct list *batch)
{
	uint64_t newest = 0;

	list_each(node, batch) {
		const struct job *job = list_entry(node, struct job, node);

		if (job->kind == &job_doc_put && job->end == STORE_OK)
			newest = job->doc.revision;
	}
	return newest;
}

void *
writer_run(void *thread)
{
	struct sqlite_thread *t = thread;
	struct list batch;
	uint64_t newest;

	while (take(t, &batch, 0)) {
		tell_health(t->store, t->connection,
		    write_batch(t->store, t->connection, &batch));
		/* Who hears of a change finds its revision in health(). */
		newest = newest_of(&batch);
		if (newest > 0)
			sqlite_newest(t->store, newest);
		sqlite_answer(t->store, &batch);
	}
	return NULL;
}

/* --- the reader ---------------------------------------------------------------------- */

/* All of a batch see the same moment, which is later than any of them was
 * asked. */
static void
read_batch(struct sqlite *store, struct connection *c, struct list *batch)
{
	bool good = connection_run(c, STATEMENT_BEGIN_READ) == SQLITE_DONE;

	list_each(node, batch) {
		struct job *job = list_entry(node, struct job, node);

		if (good && job->kind->run(store, c, job))
			continue;
		job->end = STORE_UNAVAILABLE;
		job->has_row = false;
		pthread_mutex_lock(&store->lock);
		memcpy(store->trouble, c->trouble, sizeof(store->trouble));
		pthread_mutex_unlock(&store->lock);
	}
	/* Ends here also what failed: a read left open would hold on to what
	 * it saw, and keep the log from being taken up. */
	if (good)
		connection_run(c, STATEMENT_COMMIT);
	roll_back(c);
}

/* Whether another connection has committed anything; its number says no more
 * than that. */
static bool
has_changed(struct connection *c, int64_t *version)
{
	sqlite3_stmt *s = c->statements[STATEMENT_DATA_VERSION];
	int64_t was = *version;

	if (sqlite3_step(s) == SQLITE_ROW)
		*version = sqlite3_column_int64(s, 0);
	done_with(s);
	return *version != was;
}

void *
reader_run(void *thread)
{
	struct sqlite_thread *t = thread;
	struct connection *c = t->connection;
	uint64_t look_ms = clock_ms(), newest;
	int64_t version = -1;
	struct list batch;

	while (take(t, &batch, look_ms)) {
		if (!list_empty(&batch)) {
			read_batch(t->store, c, &batch);
			sqlite_answer(t->store, &batch);
		}
		if (clock_ms() < look_ms)
			continue;
		if (has_changed(c, &version) && newest_revision(c, &newest))
			sqlite_newest(t->store, newest);
		look_ms = clock_ms() + WATCH_EVERY_MS;
	}
	return NULL;
}
