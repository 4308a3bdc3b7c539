/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is asked of metadata, on the threads of the store.  There is one
 * writer at a time, so revisions are given in the order of commits.
 */
#include "store/sqlite_private.h"

bool
newest_revision(struct connection *c, uint64_t *newest)
{
	sqlite3_stmt *s = c->statements[STATEMENT_NEWEST];

	if (sqlite3_step(s) != SQLITE_ROW)
		return connection_failed(c, s);
	*newest = (uint64_t)sqlite3_column_int64(s, 0);
	done_with(s);
	return true;
}

/* --- one ---------------------------------------------------------------------------- */

static bool
run_doc_get(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_DOC_GET];
	int rc;

	(void)store;
	bind_text(s, 1, job->doc.kind);
	bind_text(s, 2, job->doc.key);
	rc = sqlite3_step(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return connection_failed(c, s);
	job->end = STORE_NOT_FOUND;
	if (rc == SQLITE_ROW && sqlite3_column_int64(s, 1) == 0) {
		column_doc(s, &job->doc);
		buf_slice(&job->body, column_bytes(s, 4));
		job->doc.body = buf_all(&job->body);
		job->has_row = true;
		job->end = STORE_OK;
	}
	done_with(s);
	return true;
}

/* Of one that is there and not deleted; else 0. */
static bool
revision_of(struct connection *c, const struct store_doc *doc,
    uint64_t *revision)
{
	sqlite3_stmt *s = c->statements[STATEMENT_DOC_GET];
	int rc;

	bind_text(s, 1, doc->kind);
	bind_text(s, 2, doc->key);
	rc = sqlite3_step(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return connection_failed(c, s);
	*revision = rc == SQLITE_ROW && sqlite3_column_int64(s, 1) == 0 ?
	    (uint64_t)sqlite3_column_int64(s, 0) : 0;
	done_with(s);
	return true;
}

static bool
run_doc_put(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_DOC_PUT];
	struct store_doc *doc = &job->doc;
	uint64_t there, newest;

	(void)store;
	if (!revision_of(c, doc, &there) || !newest_revision(c, &newest))
		return false;
	if (job->revision != UINT64_MAX && job->revision != there) {
		doc->revision = there;
		job->end = STORE_CONFLICT;
		return true;
	}
	bind_text(s, 1, doc->kind);
	bind_text(s, 2, doc->key);
	bind_integer(s, 3, (int64_t)newest + 1);
	bind_integer(s, 4, doc->deleted);
	bind_bytes(s, 5, doc->deleted ? (struct slice){ NULL, 0 } :
	    doc->body);
	if (connection_run(c, STATEMENT_DOC_PUT) != SQLITE_DONE)
		return false;
	doc->revision = newest + 1;
	job->has_row = true;
	job->end = STORE_OK;
	return true;
}

static void
answer_doc(struct job *job)
{
	if (job->kind->writes)
		job->doc.body = (struct slice){ NULL, 0 };
	job->fn.doc(job->arg, job->end, job->has_row ? &job->doc : NULL);
}

/* --- changes ------------------------------------------------------------------------ */

/* docs is as long as the limit, but only some may be used: bodies are large
 * at times. */
static bool
run_docs_since(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_DOCS_SINCE];
	size_t bytes = 0;
	int rc = SQLITE_DONE;

	(void)store;
	if (!newest_revision(c, &job->number))
		return false;
	job->arena = arena_new(0);
	job->docs = arena_array(job->arena, job->limit, sizeof(*job->docs));
	bind_integer(s, 1, (int64_t)job->revision);
	bind_integer(s, 2, job->limit);
	while (bytes < DOCS_BYTES_MAX && job->count < job->limit &&
	    (rc = sqlite3_step(s)) == SQLITE_ROW) {
		struct store_doc *doc = &job->docs[job->count++];
		struct slice body = column_bytes(s, 4);

		column_doc(s, doc);
		doc->body = (struct slice){ arena_copy(job->arena, body),
		    body.len };
		bytes += body.len + sizeof(*doc);
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		return connection_failed(c, s);
	done_with(s);
	job->end = STORE_OK;
	return true;
}

static void
answer_docs(struct job *job)
{
	job->fn.docs(job->arg, job->end, job->docs, job->end == STORE_OK ?
	    job->count : 0, job->number);
}

const struct job_kind job_doc_get = { false, run_doc_get, answer_doc };
const struct job_kind job_doc_put = { true, run_doc_put, answer_doc };
const struct job_kind job_docs_since = { false, run_docs_since, answer_docs };
