/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where the objects of a list are, by their ids.  Lists come from clients and
 * services, some hundred thousand objects in one: to compare each of one with
 * each of another would keep an engine from everybody else for minutes.
 */
#include "engine/object_index.h"

#include "base/arena.h"
#include "base/hash.h"
#include "engine/run.h"

enum { FEW = 16, KINDS = 2 };		/* objects that are soon looked through */

static const char *const kinds[KINDS] = { "externalId", "internalId" };

struct holder {
	struct holder	*next;		/* never further in front */
	size_t		 at;
};

/*
 * Those that have, or once had, an id: whether it still has it is asked of
 * the object, and who has it no more is forgotten when it comes to the front.
 */
struct holders {
	struct holder	*first, *last;
};

struct object_index {
	const json_t	*list;
	struct arena	*arena;		/* NULL: few, and nothing made */
	struct map	*ids;		/* kind and id -> struct holders */
	struct buf	 key;
};

static struct slice
id_of(const json_t *object, size_t kind)
{
	return slice_of(json_string_value(json_object_get(object,
	    kinds[kind])));
}

/* As object_same() compares: in any case. */
static struct slice
key_of(struct object_index *index, size_t kind, struct slice id)
{
	buf_clear(&index->key);
	buf_char(&index->key, kinds[kind][0]);
	for (size_t i = 0; i < id.len; i++)
		buf_char(&index->key, ascii_lower(id.p[i]));
	return buf_all(&index->key);
}

static struct holder *
first_holder(const struct object_index *index, struct holders *holders,
    size_t kind, struct slice id)
{
	while (holders->first != NULL && !slice_eq_nocase(id_of(json_array_get(
	    index->list, holders->first->at), kind), id))
		holders->first = holders->first->next;
	return holders->first;
}

/* Places are in order: almost all come last, and of those that take another's
 * place each is the first to have its ids. */
static void
add_holder(struct object_index *index, struct holders *holders, size_t at)
{
	struct holder *holder = arena_alloc(index->arena, sizeof(*holder));
	struct holder **to = &holders->first;

	holder->at = at;
	if (holders->first != NULL && holders->last->at < at)
		to = &holders->last->next;
	while (*to != NULL && (*to)->at < at)
		to = &(*to)->next;
	holder->next = *to;
	*to = holder;
	if (holder->next == NULL)
		holders->last = holder;
}

static void
note(struct object_index *index, size_t at)
{
	const json_t *object = json_array_get(index->list, at);

	for (size_t kind = 0; kind < KINDS; kind++) {
		struct slice id = id_of(object, kind), key;
		struct holders *holders;
		const struct holder *first;

		if (id.len == 0)
			continue;
		key = key_of(index, kind, id);
		holders = map_get(index->ids, key);
		if (holders == NULL) {
			holders = arena_alloc(index->arena, sizeof(*holders));
			holders->first = holders->last = NULL;
			map_put(index->ids, key, holders);
		}
		first = first_holder(index, holders, kind, id);
		if (first == NULL || first->at != at)
			add_holder(index, holders, at);
	}
}

struct object_index *
object_index_new(const json_t *list)
{
	struct object_index *index = xcalloc(1, sizeof(*index));

	index->list = list;
	return index;
}

void
object_index_free(struct object_index **index_p)
{
	struct object_index *index = *index_p;

	*index_p = NULL;
	map_free(&index->ids);
	if (index->arena != NULL)
		arena_free(&index->arena);
	buf_fini(&index->key);
	free(index);
}

static void
make(struct object_index *index)
{
	index->arena = arena_new(0);
	index->ids = map_new();
	for (size_t i = 0; i < json_array_size(index->list); i++)
		note(index, i);
}

size_t
object_index_find(struct object_index *index, const json_t *object)
{
	size_t at = json_array_size(index->list);

	if (index->arena == NULL && at <= FEW)
		return object_find(index->list, object);
	if (index->arena == NULL)
		make(index);
	for (size_t kind = 0; kind < KINDS; kind++) {
		struct slice id = id_of(object, kind);
		struct holders *holders = id.len == 0 ? NULL : map_get(
		    index->ids, key_of(index, kind, id));
		const struct holder *first = holders == NULL ? NULL :
		    first_holder(index, holders, kind, id);

		if (first != NULL && first->at < at)
			at = first->at;
	}
	return at;
}

void
object_index_note(struct object_index *index, size_t at)
{
	if (index->arena != NULL)
		note(index, at);
}
