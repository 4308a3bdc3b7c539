/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One connection: made by a thread, then jobs go out and results come in.
 *
 * A write counts as done at the end of its transaction, which is where libpq
 * tells of the Sync.  If one job of a transaction fails, all of it is rolled
 * back, and each is tried alone.  A connection that breaks while writes are
 * under way leaves it open whether they were done.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "store/postgres_private.h"

static void on_ready(struct watch *, bool, bool);
static void send_waiting(struct pg_link *);
static void lose(struct pg_link *, const char *why);

static struct pg_job *
job_at(struct list *node)
{
	return list_entry(node, struct pg_job, node);
}

/* --- making the connection ------------------------------------------------------- */

static struct loop *
loop_of(const struct pg_link *link)
{
	return link->side->store->base.loop;
}

static bool
is_here(const struct pg_link *link)
{
	return link->side == link->side->store->here;
}

/* Another region's server has no say in how this one's is. */
static void
tell_health(struct pg_link *link, bool good, const char *trouble)
{
	if (is_here(link))
		pg_store_health(link->side->store, good, trouble);
}

static void
watch_again(struct pg_link *link)
{
	watch_set(loop_of(link), &link->watch, PQsocket(link->conn), true,
	    link->wants_write);
}

static void
end_waiting(struct pg_link *link, enum store_end end)
{
	struct list *node;

	while ((node = list_pop(&link->waiting)) != NULL) {
		link->nwaiting--;
		job_at(node)->end = end;
		pg_job_done(job_at(node));
	}
}

static void
try_later(struct pg_link *link)
{
	timer_set(loop_of(link), &link->retry, link->retry_ms);
	link->retry_ms *= 2;
	if (link->retry_ms > PG_RETRY_MOST_MS)
		link->retry_ms = PG_RETRY_MOST_MS;
}

static void
on_connected(void *arg)
{
	struct pg_link *link = arg;

	must(pthread_join(link->thread, NULL) == 0);
	link->connecting = false;
	link->conn = link->connect.conn;
	link->down = link->conn == NULL;
	if (link->down) {
		tell_health(link, false,
		    link->connect.err.text);
		end_waiting(link, STORE_UNAVAILABLE);
		try_later(link);
		return;
	}
	link->retry_ms = PG_RETRY_LEAST_MS;
	link->wants_write = false;
	watch_again(link);
	tell_health(link, true, "");
	if (link->role == PG_LISTENS) {
		pg_store_strange(link->side->store,
		    link->connect.strange.text);
		pg_store_noted(link->side->store);
	} else {
		send_waiting(link);
	}
}

static void *
connect_now(void *arg)
{
	struct pg_link *link = arg;

	pg_connect(&link->connect);
	loop_post(loop_of(link), on_connected, link);
	return NULL;
}

void
pg_link_begin(struct pg_link *link)
{
	if (link->conn != NULL || link->connecting ||
	    timer_is_set(&link->retry))
		return;
	link->connect = (struct pg_connect){ .conninfo = link->side->conninfo,
	    .home = link->side->home, .set = link->side->store->set[0] !=
	    '\0' ? link->side->store->set : NULL, .role = link->role };
	link->connecting = pthread_create(&link->thread, NULL, connect_now,
	    link) == 0;
	if (!link->connecting)
		try_later(link);
}

static void
on_retry(struct timer *timer)
{
	pg_link_begin(list_entry(timer, struct pg_link, retry));
}

/* --- sending ------------------------------------------------------------------------ */

static void
flush(struct pg_link *link)
{
	int left = PQflush(link->conn);

	if (left < 0) {
		lose(link, NULL);
		return;
	}
	if (link->wants_write == (left > 0))
		return;
	link->wants_write = left > 0;
	watch_again(link);
}

static bool
send_job(struct pg_link *link, struct pg_job *job)
{
	struct pg_params p = { .count = 0 };

	job->kind->bind(job, &p);
	job->was_read = job->ends_batch = false;
	job->has_row = false;
	return PQsendQueryPrepared(link->conn,
	    pg_statement_name(job->kind->statement), p.count, p.values,
	    p.lengths, p.formats, 1) == 1;
}

static size_t
weight_of(const struct pg_job *job)
{
	return job->row.body.len + job->doc.body.len +
	    (job->kind == &pg_arrive ? job->move.row.body.len : 0);
}

/* How many of those that wait go together, at least one. */
static unsigned
gather(const struct pg_link *link, size_t *bytes)
{
	struct list *first = link->waiting.next, *node = first;
	unsigned count = 0;

	*bytes = 0;
	do {
		*bytes += weight_of(job_at(node));
		count++;
		node = node->next;
	} while (link->role == PG_WRITES && node != &link->waiting &&
	    !job_at(first)->alone && !job_at(node)->alone &&
	    count < PG_BATCH_MAX && *bytes < PG_BATCH_BYTES);
	return count;
}

/* Large bodies take their time on the way and on the server, which ends what
 * takes longer than it was told: it is told another time for these. */
static bool
send_patience(struct pg_link *link, uint64_t more_ms)
{
	struct pg_job *job;

	if (more_ms < PG_PATIENCE_MS)
		return true;
	job = pg_job_new(&link->side->store->base, &pg_patience, NULL);
	job->asked = link->side;
	job->alone = true;		/* never sent again */
	job->number = PG_STATEMENT_MS + more_ms;
	job->due_ms = loop_of(link)->now_ms + PG_ANSWER_MS + more_ms;
	list_append(&link->sent, &job->node);
	return send_job(link, job);
}

/* The jobs of one transaction. */
static bool
send_batch(struct pg_link *link)
{
	struct pg_job *job;
	size_t bytes;
	unsigned count = gather(link, &bytes);
	uint64_t more_ms = bytes / PG_BYTES_MS;

	if (!send_patience(link, more_ms))
		return false;
	do {
		job = job_at(list_pop(&link->waiting));
		link->nwaiting--;
		list_append(&link->sent, &job->node);
		job->due_ms += more_ms;
		if (!send_job(link, job))
			return false;
	} while (--count > 0);
	job->ends_batch = true;
	link->batches++;
	return PQpipelineSync(link->conn) == 1;
}

/* What reads needs no transaction with others, and does not wait for them. */
static void
send_waiting(struct pg_link *link)
{
	while (link->conn != NULL && !list_empty(&link->waiting) &&
	    (link->role == PG_READS || link->batches == 0))
		if (!send_batch(link)) {
			lose(link, NULL);
			return;
		}
	if (link->conn != NULL)
		flush(link);
}

/* Down, as far as anybody knows: nobody is to wait for that.  That there was no
 * thread to connect says nothing of the server. */
bool
pg_link_is_down(const struct pg_link *link)
{
	return link->conn == NULL && link->down && !link->connecting;
}

void
pg_link_submit(struct pg_link *link, struct pg_job *job)
{
	struct loop *loop = loop_of(link);

	if (link->nwaiting >= PG_QUEUE_MAX || pg_link_is_down(link)) {
		job->end = STORE_UNAVAILABLE;
		pg_job_done(job);
		return;
	}
	job->due_ms = loop->now_ms + PG_ANSWER_MS;
	list_append(&link->waiting, &job->node);
	link->nwaiting++;
	if (!timer_is_set(&link->look))
		timer_set(loop, &link->look, PG_LOOK_MS);
	if (link->conn == NULL)
		pg_link_begin(link);
	else
		send_waiting(link);
}

/* --- results ---------------------------------------------------------------------- */

/* The first that has not got its result. */
static struct pg_job *
unread(struct pg_link *link)
{
	list_each(node, &link->sent)
		if (!job_at(node)->was_read)
			return job_at(node);
	return NULL;
}

/* All jobs of the batch at the front go where they belong. */
static void
end_batch(struct pg_link *link)
{
	struct list again, *node;
	bool last = false;

	list_init(&again);
	while (!last && (node = list_pop(&link->sent)) != NULL) {
		struct pg_job *job = job_at(node);

		last = job->ends_batch;
		if (!link->failed) {
			if (is_here(link))
				pg_store_note_room(link->side->store, job);
			pg_job_done(job);
		} else if (job->alone || (last && list_empty(&again))) {
			job->end = STORE_UNAVAILABLE;
			pg_job_done(job);
		} else {
			job->alone = true;
			list_append(&again, node);
		}
	}
	while (!list_empty(&again)) {
		node = again.prev;
		list_remove(node);
		list_push(&link->waiting, node);
		link->nwaiting++;
	}
	if (link->role == PG_WRITES && !link->failed)
		tell_health(link, true, "");
	link->failed = false;
	link->batches--;
}

/* Of all that may fail, this lasts, and not for some rows alone. */
static const char *
takes_no_writes(const PGresult *r)
{
	const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (code == NULL)
		return NULL;
	return strcmp(code, "53100") == 0 ? "its disk is full" :
	    strcmp(code, "58030") == 0 ? "its disk fails" :
	    strcmp(code, "25006") == 0 ? "it is read-only" : NULL;
}

/* flow.may_write(): it was away, and we do not know.  A connection that lived a
 * moment longer than the others may have said that all is as it was. */
static bool
was_away(const PGresult *r)
{
	const char *code = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	return code != NULL && strcmp(code, "PT005") == 0;
}

static void
note_failure(struct pg_link *link, const PGresult *r)
{
	const char *why = takes_no_writes(r);
	char words[256], text[320];

	pg_words(link->conn, words);
	if (why == NULL) {
		tell_health(link, false, words);
		if (is_here(link) && was_away(r) && link->side->store->sure)
			pg_clear_again(link->side->store);
		return;
	}
	snprintf(text, sizeof(text), "%s: %s", why, words);
	tell_health(link, false, text);
	if (is_here(link))
		pg_store_full(link->side->store);
}

static void
take_result(struct pg_link *link, PGresult *r)
{
	struct pg_job *job = unread(link);

	switch (PQresultStatus(r)) {
	case PGRES_PIPELINE_SYNC:
		end_batch(link);
		return;
	case PGRES_TUPLES_OK:
		if (job != NULL)
			job->kind->take(job, r);
		return;
	case PGRES_PIPELINE_ABORTED:
		return;			/* after another's failure */
	default:
		/* Of a job, or of the transaction's end. */
		link->failed = true;
		note_failure(link, r);
	}
}

/* libpq ends each job's results with NULL; none follows a Sync. */
static void
take_results(struct pg_link *link)
{
	while (link->conn != NULL && link->batches > 0 &&
	    PQisBusy(link->conn) == 0) {
		PGresult *r = PQgetResult(link->conn);
		struct pg_job *job = unread(link);

		if (r != NULL)
			take_result(link, r);
		else if (job != NULL)
			job->was_read = true;
		else if (PQstatus(link->conn) != CONNECTION_OK)
			return;
		PQclear(r);
	}
}

static void
hear(struct pg_link *link)
{
	PGnotify *note;
	bool any = false;

	while ((note = PQnotifies(link->conn)) != NULL) {
		any = true;
		PQfreemem(note);
	}
	if (any)
		pg_store_noted(link->side->store);
}

static void
on_ready(struct watch *watch, bool readable, bool writable)
{
	struct pg_link *link = list_entry(watch, struct pg_link, watch);

	if (readable && PQconsumeInput(link->conn) == 0) {
		take_results(link);	/* what came before the end */
		lose(link, NULL);
		return;
	}
	if (link->role == PG_LISTENS) {
		hear(link);
		return;
	}
	take_results(link);
	if (link->conn != NULL && PQstatus(link->conn) != CONNECTION_OK)
		lose(link, NULL);
	else if (link->conn != NULL && (writable || link->batches == 0 ||
	    !list_empty(&link->waiting)))
		send_waiting(link);
}

/* --- ends ----------------------------------------------------------------------------- */

static void
end_sent(struct pg_link *link)
{
	struct list *node;

	while ((node = list_pop(&link->sent)) != NULL) {
		job_at(node)->has_row = false;
		job_at(node)->end = job_at(node)->kind->writes ?
		    STORE_UNKNOWN : STORE_UNAVAILABLE;
		pg_job_done(job_at(node));
	}
	link->batches = 0;
	link->failed = false;
}

static void
drop(struct pg_link *link)
{
	watch_stop(&link->watch);
	if (link->conn != NULL)
		PQfinish(link->conn);
	link->conn = NULL;
}

/* What waits has not been sent: it may go over the next connection, which is
 * tried at once. */
static void
lose(struct pg_link *link, const char *why)
{
	char words[256];

	tell_health(link, false, why != NULL ? why :
	    pg_words(link->conn, words));
	drop(link);
	end_sent(link);
	if (link->side->store->closing)
		return;
	/* Its server may have been away for long. */
	if (is_here(link) && link->role == PG_WRITES)
		pg_clear_again(link->side->store);
	pg_link_begin(link);
}

void
pg_link_again(struct pg_link *link)
{
	must(link->role == PG_LISTENS);
	if (link->conn == NULL || link->connecting)
		return;
	drop(link);
	pg_link_begin(link);
}

/* Those who asked give up at some point, and a server that does not answer is
 * asked over another connection. */
static void
on_look(struct timer *timer)
{
	struct pg_link *link = list_entry(timer, struct pg_link, look);
	uint64_t now_ms = loop_of(link)->now_ms;

	list_each(node, &link->waiting)
		if (job_at(node)->due_ms <= now_ms) {
			list_remove(node);
			link->nwaiting--;
			job_at(node)->end = STORE_UNAVAILABLE;
			pg_job_done(job_at(node));
		}
	if (!list_empty(&link->sent) &&
	    job_at(link->sent.next)->due_ms <= now_ms)
		lose(link, "the server does not answer");
	if (!list_empty(&link->waiting) || !list_empty(&link->sent))
		timer_set(loop_of(link), timer, PG_LOOK_MS);
}

void
pg_link_init(struct pg_link *link, struct pg_side *side, enum pg_role role)
{
	link->side = side;
	link->role = role;
	link->retry_ms = PG_RETRY_LEAST_MS;
	link->watch.fn = on_ready;
	list_init(&link->waiting);
	list_init(&link->sent);
	timer_init(&link->look, on_look);
	timer_init(&link->retry, on_retry);
}

/* For an end, in place of the loop. */
static void
finish(struct pg_link *link)
{
	uint64_t until_ms = clock_ms() + PG_ANSWER_MS, now_ms;

	send_waiting(link);
	while (link->conn != NULL && link->batches > 0 &&
	    (now_ms = clock_ms()) < until_ms) {
		struct pollfd p = { .fd = PQsocket(link->conn), .events =
		    (short)(POLLIN | (link->wants_write ? POLLOUT : 0)) };

		if (poll(&p, 1, (int)(until_ms - now_ms)) > 0)
			on_ready(&link->watch, (p.revents & ~POLLOUT) != 0,
			    (p.revents & POLLOUT) != 0);
	}
}

void
pg_link_close(struct pg_link *link)
{
	timer_cancel(&link->look);
	if (link->connecting) {
		must(pthread_join(link->thread, NULL) == 0);
		loop_unpost(loop_of(link), on_connected, link);
		link->connecting = false;
		link->conn = link->connect.conn;
	}
	if (link->role != PG_LISTENS)
		finish(link);
	drop(link);
	end_sent(link);
	end_waiting(link, STORE_UNAVAILABLE);
	timer_cancel(&link->retry);
}
