/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the target lacks is read from the source and written, a bounded batch
 * in each transaction.  Who is killed in between leaves whole batches.
 */
#include <stdlib.h>
#include <string.h>

#include "store/copy_private.h"

struct copying {
	const struct store_copy *copy;
	struct copy_end	*from, *to;
	struct store_copy_report *report;
	struct err	*err;
	struct arena	*arena;		/* of the row at hand */
	bool		 open;		/* a transaction of the target */
	unsigned	 rows;
	size_t		 bytes;		/* in it */
};

/* --- batches -------------------------------------------------------------------------- */

static bool
in_batch(struct copying *c)
{
	c->open = c->open || c->to->ops->begin(c->to, c->err);
	return c->open;
}

static bool
end_batch(struct copying *c)
{
	bool open = c->open;

	c->open = false;
	c->rows = 0;
	c->bytes = 0;
	return !open || c->to->ops->commit(c->to, c->err);
}

static bool
note_written(struct copying *c, struct slice body)
{
	c->rows++;
	c->bytes += body.len;
	c->report->bytes += body.len;
	arena_free(&c->arena);
	c->arena = arena_new(0);
	return (c->rows < COPY_BATCH && c->bytes < COPY_BATCH_BYTES) ||
	    end_batch(c);
}

/* --- states ------------------------------------------------------------------------- */

/* Below zero: the source's is older. */
static int
compare_tokens(const struct store_token *a, const struct store_token *b)
{
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	return (a->version > b->version) - (a->version < b->version);
}

static bool
copy_state(struct copying *c, const struct copy_head *head)
{
	struct store_row row;
	bool there;

	if (!c->from->ops->read_state(c->from, c->arena, head->id, &row,
	    &there, c->err))
		return false;
	if (!there)
		return true;		/* it has ended meanwhile */
	if (!in_batch(c) || !c->to->ops->write_state(c->to, &row, c->err))
		return false;
	c->report->states.copied++;
	return note_written(c, row.body);
}

static bool
only_there(struct copying *c, const struct copy_head *head)
{
	struct store_copied *n = &c->report->states;

	if (head->elsewhere)
		return true;		/* a copy of another region's */
	if (!c->copy->remove || head->moving) {
		n->only++;
		return true;
	}
	if (!in_batch(c) || !c->to->ops->remove_state(c->to, head, c->err))
		return false;
	n->removed++;
	return note_written(c, (struct slice){ NULL, 0 });
}

static bool
settle_state(struct copying *c, const struct copy_pair *pair)
{
	struct store_copied *n = &c->report->states;
	int order;

	if (pair->from == NULL)
		return only_there(c, pair->to);
	n->there++;
	if (pair->to == NULL)
		return copy_state(c, pair->from);
	order = compare_tokens(&pair->from->token, &pair->to->token);
	if (order > 0 && !pair->to->elsewhere && !pair->to->moving)
		return copy_state(c, pair->from);
	if (order == 0 && !pair->to->elsewhere)
		n->same++;
	else
		n->newer++;
	return true;
}

static bool
copy_states(struct copying *c)
{
	struct copy_merge merge;
	struct copy_pair pair;
	bool good;

	copy_merge_init(&merge, c->from, c->to, false);
	merge.from->elsewhere = &c->report->elsewhere;
	merge.from->moving = &c->report->moving;
	while ((good = copy_merge_next(&merge, &pair, c->err)) &&
	    (pair.from != NULL || pair.to != NULL))
		if (!(good = settle_state(c, &pair)))
			break;
	copy_merge_fini(&merge);
	return good && end_batch(c);
}

/* --- documents ------------------------------------------------------------------------- */

/*
 * Who follows asks for what came after the revision that he has seen, so a
 * document may never come in under one that was given in the target already.
 * What the target has must therefore be the source's, as it was once.
 */
static bool
is_of_source(struct copying *c, const struct copy_head *doc, uint64_t newest)
{
	uint64_t revision;

	if (!c->from->ops->doc_revision(c->from, doc->kind, doc->key,
	    &revision, c->err))
		return false;
	return revision == doc->revision || revision > newest ||
	    err_set(c->err, "the target has metadata of its own (%s %s, "
	    "revision %llu): engines have worked with it already; begin with "
	    "an empty one", doc->kind, doc->key,
	    (unsigned long long)doc->revision);
}

static bool
targets_docs_are_ours(struct copying *c, uint64_t newest)
{
	struct copy_stream *stream = copy_stream_new(c->to, true, false);
	const struct copy_head *head;
	bool good;

	while ((good = copy_stream_next(stream, &head, c->err)) &&
	    head != NULL)
		if (!(good = is_of_source(c, head, newest)))
			break;
	free(stream);
	return good;
}

static bool
copy_doc(struct copying *c, const struct copy_head *head)
{
	struct store_doc doc;
	bool there;

	if (!c->from->ops->read_doc(c->from, c->arena, head, &doc, &there,
	    c->err))
		return false;
	/* Written anew meanwhile: it comes later in the order. */
	if (!there || doc.revision != head->revision)
		return true;
	if (!in_batch(c) || !c->to->ops->write_doc(c->to, &doc, c->err))
		return false;
	c->report->docs.copied++;
	return note_written(c, doc.body);
}

static bool
copy_docs(struct copying *c)
{
	struct store_copied *n = &c->report->docs;
	const struct copy_head *head = NULL;
	struct copy_stream *stream;
	uint64_t newest;
	bool good;

	if (!c->to->ops->newest(c->to, &newest, c->err) ||
	    !targets_docs_are_ours(c, newest))
		return false;
	stream = copy_stream_new(c->from, true, true);
	while ((good = copy_stream_next(stream, &head, c->err)) &&
	    head != NULL) {
		n->there++;
		n->same += head->revision <= newest;
		if (head->revision > newest && !(good = copy_doc(c, head)))
			break;
	}
	free(stream);
	return good && end_batch(c);
}

/* --- the whole ---------------------------------------------------------------------- */

static struct copy_end *
open_end(const struct store_copy *copy, const struct store_copy_place *place,
    bool writes, struct err *err)
{
	struct copy_end *end = !place->postgres ?
	    copy_sqlite_open(place->place, copy->home, writes, err) :
	    copy->sets != NULL && copy->sets->nsets > 0 ?
	    copy_sets_open(copy->sets, place->place, writes, err) :
	    copy_postgres_open(place->place, copy->home, NULL, writes, err);

	if (end == NULL)
		err_wrap(err, writes ? "the target" : "the source");
	return end;
}

static bool
copy_all(struct copying *c)
{
	struct store_copy_report *report = c->report;
	bool good;

	report->docs_replicated = c->copy->to.postgres && !c->copy->main;
	c->arena = arena_new(0);
	/* Documents first: who finds a state there finds its flow, too. */
	good = c->from->ops->conflicts(c->from, &report->conflicts, c->err) &&
	    (report->docs_replicated || copy_docs(c)) && copy_states(c) &&
	    copy_verify(c->from, c->to, report, c->err);
	arena_free(&c->arena);
	return good;
}

bool
store_copy(const struct store_copy *copy, struct store_copy_report *report,
    struct err *err)
{
	struct copying c = { .copy = copy, .report = report, .err = err };
	bool good;

	memset(report, 0, sizeof(*report));
	c.from = open_end(copy, &copy->from, false, err);
	if (c.from != NULL)
		c.to = open_end(copy, &copy->to, true, err);
	good = c.to != NULL && copy_all(&c);
	copy_end_close(&c.from);
	copy_end_close(&c.to);
	return good;
}

bool
store_copy_is_whole(const struct store_copy_report *report)
{
	return report->differ == 0 && report->moving == 0 &&
	    report->states.newer == 0 &&
	    report->from_count == report->to_count &&
	    strcmp(report->from_hash, report->to_hash) == 0;
}
