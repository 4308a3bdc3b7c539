/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What goes over a connection: jobs go out in batches, and results come in.
 *
 * A write counts as done at the end of its transaction, which is where libpq
 * tells of the Sync.  If one job of a transaction fails, all of it is rolled
 * back, and each is tried alone.  A connection that breaks while writes are
 * under way leaves it open whether they were done.
 */
#include <stdio.h>
#include <string.h>

#include "store/postgres_private.h"

static struct pg_job *
job_at(struct list *node)
{
	return list_entry(node, struct pg_job, node);
}

/* --- sending ------------------------------------------------------------------------ */

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
	job->due_ms = link->side->store->base.loop->now_ms + PG_ANSWER_MS + more_ms;
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
bool
pg_pipeline_send(struct pg_link *link)
{
	while (!list_empty(&link->waiting) &&
	    (link->role == PG_READS || link->batches == 0))
		if (!send_batch(link))
			return false;
	return true;
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
			if (pg_link_is_here(link))
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
		pg_link_tell(link, true, "");
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
		pg_link_tell(link, false, words);
		if (pg_link_is_here(link) && was_away(r) && link->side->store->sure)
			pg_clear_again(link->side->store);
		return;
	}
	snprintf(text, sizeof(text), "%s: %s", why, words);
	pg_link_tell(link, false, text);
	if (pg_link_is_here(link))
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
void
pg_pipeline_take(struct pg_link *link)
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

/* --- the connection has ended ------------------------------------------------------- */

void
pg_pipeline_end(struct pg_link *link)
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
