/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A region's databases as one store: that for all regions, and one for each
 * set of regions with states that no other may hold.  Which one a new state
 * goes to is said by the regions that may have it; where one is that is asked
 * for is found by asking one after the other, first those where its flow's
 * regions alone can write, of these first those of fewer (postgres_find.c).
 * What is about all of them is in postgres_sets_all.c, and postgres_sets_bound.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "store/postgres_sets.h"

static struct pg_sets *
sets_of(struct store *store)
{
	return list_entry(store, struct pg_sets, base);
}

/* --- where a state belongs --------------------------------------------------------- */

struct set {
	const char	*name;
	store_regions	 members;
};

static bool
is_larger(const struct set *a, const struct set *b)
{
	int more = __builtin_popcountll(a->members) -
	    __builtin_popcountll(b->members);

	return more != 0 ? more > 0 : strcmp(a->name, b->name) < 0;
}

/*
 * The first is that for all regions.  This region (here) counts among those
 * that may have it, for a state that is here has to be somewhere; where it may
 * not any more, the others of the set may, and fetch it.
 */
static size_t
choose(const struct set *sets, size_t count, store_regions allowed,
    store_regions here)
{
	store_regions within = allowed | here;
	size_t best = 0;

	if (allowed == STORE_ALL_REGIONS)
		return 0;
	for (size_t i = 1; i < count; i++)
		if ((sets[i].members & ~within) == 0 &&
		    (best == 0 || is_larger(&sets[i], &sets[best])))
			best = i;
	must(best != 0);		/* that of this region alone is there */
	return best;
}

struct pg_store *
pg_sets_place(const struct pg_sets *sets, store_regions allowed)
{
	struct set list[STORE_SETS_MAX + 1];

	for (size_t i = 0; i < sets->count; i++)
		list[i] = (struct set){ sets->dbs[i]->set,
		    sets->dbs[i]->members };
	return sets->dbs[choose(list, sets->count, allowed,
	    sets->dbs[0]->here->bit)];
}

size_t
store_postgres_place(const struct store_postgres_config *config,
    store_regions allowed)
{
	struct set list[STORE_SETS_MAX + 1] = { { "", 0 } };
	store_regions here = 0;

	for (size_t i = 0; i < config->nregions; i++)
		if (strcmp(config->regions[i].id, config->home) == 0)
			here = (store_regions)1 << config->regions[i].number;
	for (size_t i = 0; i < config->nsets; i++) {
		const struct store_postgres_config *set = &config->sets[i];

		list[i + 1] = (struct set){ set->set, 0 };
		for (size_t k = 0; k < set->nregions; k++)
			list[i + 1].members |= (store_regions)1 <<
			    set->regions[k].number;
	}
	return config->nsets == 0 ? 0 : choose(list, config->nsets + 1,
	    allowed, here);
}

/* --- words ------------------------------------------------------------------------- */

void
pg_word_write(char word[PG_WORD_MAX], const struct pg_side *from,
    const struct pg_side *to, store_regions allowed)
{
	if (from->store == to->store)
		snprintf(word, PG_WORD_MAX, "%s", to->home);
	else
		/* Where it arrives it may be, be it for a moment. */
		snprintf(word, PG_WORD_MAX, "%s/%s/%" PRIx64, to->home,
		    to->store->set, allowed | to->bit);
}

bool
pg_word_regions(const char *word, store_regions *allowed)
{
	const char *last = strrchr(word, '/');

	if (last == NULL)
		return false;
	*allowed = strtoull(last + 1, NULL, 16);
	return true;
}

struct pg_side *
pg_word_side(const struct pg_side *asked, const char *word)
{
	const struct pg_sets *sets = asked->store->sets;
	size_t len = strcspn(word, "/"), set;
	char home[STORE_HOME_MAX];

	if (word[len] == '\0')
		return pg_side_of(asked->store, word);
	if (sets == NULL || len >= sizeof(home))
		return NULL;
	memcpy(home, word, len);
	home[len] = '\0';
	word += len + 1;
	set = strcspn(word, "/");
	for (size_t i = 0; i < sets->count; i++) {
		struct pg_store *db = sets->dbs[i];

		if (strlen(db->set) == set && memcmp(db->set, word, set) == 0)
			return pg_side_of(db, home);
	}
	return NULL;
}

/* --- calls for one database -------------------------------------------------------- */

static struct store *
first_asked(struct store *base)
{
	return &sets_of(base)->order[0]->base;
}

static void
sets_create(struct store *base, const struct store_row *row, store_row_fn *fn,
    void *arg)
{
	pg_ops.create(&pg_sets_place(sets_of(base), row->allowed)->base, row,
	    fn, arg);
}

static void
sets_load(struct store *base, const uint8_t id[16], int64_t now_ms,
    store_regions permitted, store_row_fn *fn, void *arg)
{
	pg_ops.load(first_asked(base), id, now_ms, permitted, fn, arg);
}

static void
sets_save(struct store *base, const struct store_row *row, store_row_fn *fn,
    void *arg)
{
	struct pg_sets *sets = sets_of(base);

	must(row->database <= sets->count);
	pg_ops.save(row->database == 0 ? first_asked(base) :
	    &sets->dbs[row->database - 1]->base, row, fn, arg);
}

static void
sets_remove(struct store *base, const uint8_t id[16],
    struct store_token token, store_regions permitted, store_row_fn *fn,
    void *arg)
{
	pg_ops.remove(first_asked(base), id, token, permitted, fn, arg);
}

static void
sets_restrict(struct store *base, const uint8_t id[16],
    struct store_token token, store_regions allowed, store_row_fn *fn,
    void *arg)
{
	pg_ops.restrict_to(first_asked(base), id, token, allowed, fn, arg);
}

/* --- metadata: that for all regions has it ----------------------------------------- */

static struct store *
first(struct store *base)
{
	return &sets_of(base)->dbs[0]->base;
}

static void
sets_doc_get(struct store *base, const char *kind, const char *key,
    store_doc_fn *fn, void *arg)
{
	pg_ops.doc_get(first(base), kind, key, fn, arg);
}

static void
sets_doc_put(struct store *base, const struct store_doc *doc,
    store_doc_fn *fn, void *arg)
{
	pg_ops.doc_put(first(base), doc, fn, arg);
}

static void
sets_docs_since(struct store *base, uint64_t revision, unsigned limit,
    store_docs_fn *fn, void *arg)
{
	pg_ops.docs_since(first(base), revision, limit, fn, arg);
}

static void
sets_docs_watch(struct store *base, store_count_fn *fn, void *arg)
{
	pg_ops.docs_watch(first(base), fn, arg);
}

/* --- health, beginning, end ---------------------------------------------------------- */

static void
add_trouble(char all[256], const struct pg_store *db, const char *one)
{
	if (all[0] == '\0' && one[0] != '\0')
		snprintf(all, 256, "database of the set %s: %.200s", db->set,
		    one);
}

static void
add_health(struct pg_sets *sets, struct store_health *all,
    const struct pg_store *db, const struct store_health *one)
{
	/* Of two troubles that which keeps it from working is told. */
	if (all->good && all->ready && !(one->good && one->ready))
		all->trouble[0] = '\0';
	if (!(one->good && one->ready) || (all->good && all->ready))
		add_trouble(all->trouble, db, one->trouble);
	add_trouble(all->warning, db, one->warning);
	all->good = all->good && one->good;
	all->ready = all->ready && one->ready;
	all->queued += one->queued;
	all->conflicts += one->conflicts;
	all->claims += one->claims;
	all->forwards += one->forwards;
	all->cut += one->cut;
	for (size_t i = 0; i < one->npairs && all->npairs < STORE_PAIRS_MAX;
	    i++)
		sets->pairs[all->npairs++] = one->pairs[i];
}

static void
sets_health(struct store *base, struct store_health *health)
{
	struct pg_sets *sets = sets_of(base);
	struct store_health one;

	pg_ops.health(first(base), health);
	if (health->npairs > 0)
		memcpy(sets->pairs, health->pairs, health->npairs *
		    sizeof(sets->pairs[0]));
	for (size_t i = 1; i < sets->count; i++) {
		pg_ops.health(&sets->dbs[i]->base, &one);
		add_health(sets, health, sets->dbs[i], &one);
	}
	health->pairs = sets->pairs;
}

/* A call of one may wait for another's answer. */
static void
sets_close(struct store *base)
{
	struct pg_sets *sets = sets_of(base);
	bool any = true;

	for (size_t i = 0; i < sets->count; i++)
		sets->dbs[i]->closing = true;
	for (size_t i = 0; i < sets->count; i++)
		pg_store_stop(sets->dbs[i]);
	for (size_t i = 0; i < sets->count; i++)
		pg_store_close_links(sets->dbs[i]);
	while (any) {
		any = false;
		for (size_t i = 0; i < sets->count; i++)
			any |= pg_store_answer(sets->dbs[i]);
	}
	for (size_t i = 0; i < sets->count; i++)
		pg_store_free(sets->dbs[i]);
	free(sets);
}

static const struct store_ops sets_ops = {
	.name = "postgres",
	.close = sets_close,
	.create = sets_create,
	.load = sets_load,
	.save = sets_save,
	.remove = sets_remove,
	.restrict_to = sets_restrict,
	.restrict_flow = pg_sets_restrict_flow,
	.strays = pg_sets_strays,
	.next_flow = pg_sets_next_flow,
	.list = pg_sets_list,
	.expire = pg_sets_expire,
	.doc_get = sets_doc_get,
	.doc_put = sets_doc_put,
	.docs_since = sets_docs_since,
	.docs_watch = sets_docs_watch,
	.health = sets_health,
};

static void
add_db(struct pg_sets *sets, struct loop *loop,
    const struct store_postgres_config *config)
{
	struct pg_store *db = pg_store_open(loop, config);

	db->sets = sets;
	db->number = (unsigned)sets->count;
	sets->dbs[sets->count++] = db;
}

/* That for all regions is the last. */
static void
order_dbs(struct pg_sets *sets)
{
	size_t at;

	for (size_t i = 0; i < sets->count; i++) {
		struct pg_store *db = sets->dbs[(i + 1) % sets->count];

		for (at = i; at > 0 && db != sets->dbs[0] &&
		    __builtin_popcountll(db->members) <
		    __builtin_popcountll(sets->order[at - 1]->members); at--)
			sets->order[at] = sets->order[at - 1];
		sets->order[at] = db;
	}
}

struct store *
store_postgres_open(struct loop *loop,
    const struct store_postgres_config *config)
{
	struct pg_sets *sets;

	if (config->nsets == 0)
		return &pg_store_open(loop, config)->base;
	must(config->nsets <= STORE_SETS_MAX);
	sets = xcalloc(1, sizeof(*sets));
	sets->base = (struct store){ .ops = &sets_ops, .loop = loop,
	    .parted = true };
	add_db(sets, loop, config);
	for (size_t i = 0; i < config->nsets; i++)
		add_db(sets, loop, &config->sets[i]);
	order_dbs(sets);
	return &sets->base;
}

void
store_postgres_lost(struct store *base,
    const struct store_postgres_config *config)
{
	struct pg_sets *sets;

	if (base->ops == &pg_ops) {
		pg_store_lost(pg_store_of(base), config);
		return;
	}
	must(base->ops == &sets_ops);
	sets = sets_of(base);
	pg_store_lost(sets->dbs[0], config);
	for (size_t i = 0; i < config->nsets; i++)
		for (size_t k = 1; k < sets->count; k++)
			if (strcmp(sets->dbs[k]->set, config->sets[i].set) ==
			    0)
				pg_store_lost(sets->dbs[k], &config->sets[i]);
}
