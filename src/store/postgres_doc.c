/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is asked of metadata.
 */
#include <string.h>

#include "store/postgres_private.h"

/* Columns of a document, after the newest revision. */
enum { AT_NEWEST, AT_REVISION, AT_DELETED, AT_KIND, AT_KEY, AT_DOC };

static void
take_doc(const PGresult *r, int row, struct store_doc *doc)
{
	doc->revision = (uint64_t)pg_number(r, row, AT_REVISION);
	doc->deleted = pg_bool(r, row, AT_DELETED);
	pg_text(r, row, AT_KIND, doc->kind, sizeof(doc->kind));
	pg_text(r, row, AT_KEY, doc->key, sizeof(doc->key));
}

static void
bind_get(struct pg_job *job, struct pg_params *p)
{
	pg_add_text(p, job->doc.kind);
	pg_add_text(p, job->doc.key);
}

static void
take_get(struct pg_job *job, const PGresult *r)
{
	job->has_row = PQntuples(r) > 0 && !pg_bool(r, 0, AT_DELETED);
	job->end = job->has_row ? STORE_OK : STORE_NOT_FOUND;
	if (!job->has_row)
		return;
	take_doc(r, 0, &job->doc);
	buf_slice(&job->body, pg_bytes(r, 0, AT_DOC));
	job->doc.body = buf_all(&job->body);
}

static void
bind_put(struct pg_job *job, struct pg_params *p)
{
	pg_add_text(p, job->doc.kind);
	pg_add_text(p, job->doc.key);
	pg_add_big(p, (int64_t)job->revision);	/* UINT64_MAX: -1 */
	pg_add_bool(p, job->doc.deleted);
	pg_add_bytes(p, job->doc.deleted ? (struct slice){ NULL, 0 } :
	    job->doc.body);
}

static void
take_put(struct pg_job *job, const PGresult *r)
{
	job->doc.revision = (uint64_t)pg_number(r, 0, 1);
	job->end = pg_bool(r, 0, 0) ? STORE_OK : STORE_CONFLICT;
	job->has_row = job->end == STORE_OK;
}

static void
answer_doc(struct pg_job *job)
{
	if (job->kind->writes)
		job->doc.body = (struct slice){ NULL, 0 };
	job->fn.doc(job->arg, job->end, job->has_row ? &job->doc : NULL);
}

static void
bind_since(struct pg_job *job, struct pg_params *p)
{
	pg_add_big(p, (int64_t)job->revision);
	pg_add_int(p, (int32_t)job->limit);
	pg_add_big(p, PG_DOCS_BYTES);
}

/* Without changes there is one row all the same, with the newest revision. */
static void
take_since(struct pg_job *job, const PGresult *r)
{
	int rows = PQntuples(r);

	job->number = (uint64_t)pg_number(r, 0, AT_NEWEST);
	if (job->number > job->store->newest)
		job->store->newest = job->number;
	job->arena = arena_new(0);
	job->docs = arena_array(job->arena, (size_t)rows + 1,
	    sizeof(*job->docs));
	for (int i = 0; i < rows; i++) {
		struct store_doc *doc = &job->docs[job->count];
		struct slice body = pg_bytes(r, i, AT_DOC);

		if (PQgetisnull(r, i, AT_REVISION))
			continue;
		take_doc(r, i, doc);
		doc->body = (struct slice){ arena_copy(job->arena, body),
		    body.len };
		job->count++;
	}
	job->end = STORE_OK;
}

static void
answer_docs(struct pg_job *job)
{
	job->fn.docs(job->arg, job->end, job->docs, job->end == STORE_OK ?
	    job->count : 0, job->number);
}

static void
bind_nothing(struct pg_job *job, struct pg_params *p)
{
	(void)job;
	p->count = 0;
}

static void
take_newest(struct pg_job *job, const PGresult *r)
{
	job->number = (uint64_t)pg_number(r, 0, 0);
	job->end = STORE_OK;
}

static void
answer_newest(struct pg_job *job)
{
	job->fn.count(job->arg, job->end, job->number);
}

const struct pg_kind pg_doc_get = { PG_DOC_GET, false, bind_get, take_get,
    answer_doc };
const struct pg_kind pg_doc_put = { PG_DOC_PUT, true, bind_put, take_put,
    answer_doc };
const struct pg_kind pg_docs_since = { PG_DOCS_SINCE, false, bind_since,
    take_since, answer_docs };
const struct pg_kind pg_newest = { PG_NEWEST, false, bind_nothing,
    take_newest, answer_newest };
