/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The end of a copy that is a region's databases: that for all regions, with
 * the metadata, and those of sets.  Each state is written where it belongs, and
 * found wherever it is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "store/copy_private.h"

struct copy_sets {
	struct copy_end	 base;
	const struct store_postgres_config *config;
	struct copy_end	*ends[STORE_SETS_MAX + 1];
	size_t		 count;
	struct copy_head (*pages)[COPY_PAGE];	/* of each */
};

static struct copy_sets *
sets_of(struct copy_end *end)
{
	return list_entry(end, struct copy_sets, base);
}

static struct copy_end *
first(struct copy_end *end)
{
	return sets_of(end)->ends[0];
}

/* --- reading ------------------------------------------------------------------------ */

/* A state that has just moved may be in two: the later epoch counts. */
static void
take_head(struct copy_head *heads, size_t *count, const struct copy_head *head)
{
	struct copy_head *last = *count > 0 ? &heads[*count - 1] : NULL;

	if (last == NULL || memcmp(last->id, head->id, sizeof(head->id)) != 0)
		heads[(*count)++] = *head;
	else if (head->token.epoch > last->token.epoch)
		*last = *head;
}

/* The first by id of the heads that were not taken. */
static int
first_head(const struct copy_sets *s, const size_t *at, const size_t *counts)
{
	int best = -1;

	for (size_t i = 0; i < s->count; i++)
		if (at[i] < counts[i] && (best < 0 ||
		    memcmp(s->pages[i][at[i]].id, s->pages[best][at[best]].id,
		    sizeof(s->pages[i][0].id)) < 0))
			best = (int)i;
	return best;
}

/* A page that is full ends with what is known of its last id: all that another
 * database has of it comes right behind. */
static bool
sets_states(struct copy_end *base, const struct copy_from *from,
    struct copy_head *heads, size_t *count, struct err *err)
{
	struct copy_sets *s = sets_of(base);
	size_t at[STORE_SETS_MAX + 1] = { 0 }, counts[STORE_SETS_MAX + 1];
	int next;

	*count = 0;
	for (size_t i = 0; i < s->count; i++)
		if (!s->ends[i]->ops->states(s->ends[i], from, s->pages[i],
		    &counts[i], err))
			return false;
	while ((next = first_head(s, at, counts)) >= 0) {
		const struct copy_head *head = &s->pages[next][at[next]++];

		if (*count == COPY_PAGE && memcmp(heads[*count - 1].id,
		    head->id, sizeof(head->id)) != 0)
			break;
		take_head(heads, count, head);
	}
	return true;
}

static bool
sets_docs(struct copy_end *end, const struct copy_from *from,
    struct copy_head *heads, size_t *count, struct err *err)
{
	return first(end)->ops->docs(first(end), from, heads, count, err);
}

static bool
sets_doc_revision(struct copy_end *end, const char *kind, const char *key,
    uint64_t *revision, struct err *err)
{
	return first(end)->ops->doc_revision(first(end), kind, key, revision,
	    err);
}

static bool
sets_newest(struct copy_end *end, uint64_t *revision, struct err *err)
{
	return first(end)->ops->newest(first(end), revision, err);
}

static bool
sets_conflicts(struct copy_end *base, uint64_t *count, struct err *err)
{
	struct copy_sets *s = sets_of(base);

	*count = 0;
	for (size_t i = 0; i < s->count; i++) {
		uint64_t one;

		if (!s->ends[i]->ops->conflicts(s->ends[i], &one, err))
			return false;
		*count += one;
	}
	return true;
}

static bool
sets_read_state(struct copy_end *base, struct arena *arena,
    const uint8_t id[16], struct store_row *row, bool *there, struct err *err)
{
	struct copy_sets *s = sets_of(base);

	*there = false;
	for (size_t i = 0; i < s->count; i++) {
		struct store_row one;
		bool is_there;

		if (!s->ends[i]->ops->read_state(s->ends[i], arena, id, &one,
		    &is_there, err))
			return false;
		if (is_there && (!*there || one.token.epoch >
		    row->token.epoch))
			*row = one;
		*there |= is_there;
	}
	return true;
}

static bool
sets_read_doc(struct copy_end *end, struct arena *arena,
    const struct copy_head *head, struct store_doc *doc, bool *there,
    struct err *err)
{
	return first(end)->ops->read_doc(first(end), arena, head, doc, there,
	    err);
}

/* --- writing ------------------------------------------------------------------------- */

static bool
sets_begin(struct copy_end *base, struct err *err)
{
	struct copy_sets *s = sets_of(base);

	for (size_t i = 0; i < s->count; i++)
		if (!s->ends[i]->ops->begin(s->ends[i], err))
			return false;
	return true;
}

/* What is cut short in between is found missing when it is run again. */
static bool
sets_commit(struct copy_end *base, struct err *err)
{
	struct copy_sets *s = sets_of(base);

	for (size_t i = 0; i < s->count; i++)
		if (!s->ends[i]->ops->commit(s->ends[i], err))
			return false;
	return true;
}

/* An older one may be where it belonged then. */
static bool
sets_write_state(struct copy_end *base, const struct store_row *row,
    struct err *err)
{
	struct copy_sets *s = sets_of(base);
	size_t to = store_postgres_place(s->config, row->allowed);

	for (size_t i = 0; i < s->count; i++)
		if (!(i == to ? s->ends[i]->ops->write_state(s->ends[i], row,
		    err) : copy_postgres_drop_older(s->ends[i], row, err)))
			return false;
	return true;
}

static bool
sets_remove_state(struct copy_end *base, const struct copy_head *head,
    struct err *err)
{
	struct copy_sets *s = sets_of(base);

	for (size_t i = 0; i < s->count; i++)
		if (!s->ends[i]->ops->remove_state(s->ends[i], head, err))
			return false;
	return true;
}

static bool
sets_write_doc(struct copy_end *end, const struct store_doc *doc,
    struct err *err)
{
	return first(end)->ops->write_doc(first(end), doc, err);
}

/* --- opening ------------------------------------------------------------------------- */

static void
sets_close(struct copy_end *base)
{
	struct copy_sets *s = sets_of(base);

	for (size_t i = 0; i < s->count; i++)
		copy_end_close(&s->ends[i]);
	free(s->pages);
	free(s);
}

static const struct copy_ops sets_ops = {
	.close = sets_close,
	.states = sets_states,
	.docs = sets_docs,
	.doc_revision = sets_doc_revision,
	.newest = sets_newest,
	.conflicts = sets_conflicts,
	.read_state = sets_read_state,
	.read_doc = sets_read_doc,
	.begin = sets_begin,
	.commit = sets_commit,
	.write_state = sets_write_state,
	.remove_state = sets_remove_state,
	.write_doc = sets_write_doc,
};

static bool
open_set(struct copy_sets *s, const struct store_postgres_config *set,
    const char *conninfo, bool writes, struct err *err)
{
	struct arena *arena = arena_new(0);

	conninfo = store_postgres_conninfo(arena, conninfo, set, err);
	if (conninfo != NULL)
		s->ends[s->count] = copy_postgres_open(conninfo, set->home,
		    set->set, writes, err);
	arena_free(&arena);
	if (s->ends[s->count] == NULL)
		return err_wrap(err, "database %s", set->database);
	s->count++;
	return true;
}

struct copy_end *
copy_sets_open(const struct store_postgres_config *config,
    const char *conninfo, bool writes, struct err *err)
{
	struct copy_sets *s = xcalloc(1, sizeof(*s));
	struct copy_end *end = &s->base;

	end->ops = &sets_ops;
	s->config = config;
	s->pages = xcalloc(config->nsets + 1, sizeof(*s->pages));
	s->ends[0] = copy_postgres_open(conninfo, config->home, NULL, writes,
	    err);
	s->count = s->ends[0] != NULL;
	for (size_t i = 0; s->count > 0 && i < config->nsets; i++)
		if (!open_set(s, &config->sets[i], conninfo, writes, err)) {
			copy_end_close(&end);
			return NULL;
		}
	if (s->count == 0)
		copy_end_close(&end);
	return end;
}
