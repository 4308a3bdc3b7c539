/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/feed.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/must.h"
#include "edge/feed_copy.h"
#include "edge/process.h"
#include "policy/restrictions_feed.h"
#include "upstream/fetch.h"

enum {
	ANSWER_MAX = 64 << 20,
	WAIT_MS = 10000,		/* of a question without news, at most */
	GRACE_MS = 5000,		/* for the answer itself */
	RETRY_MS = 250,
	EDIT_MOST = 50000,		/* changes taken together */
};

struct feed {
	struct edge	*edge;
	struct timer	 next;
	struct fetch	*asking;
	unsigned	 turn;		/* which engine is asked */
	char		 trouble[160];
	struct log_rate	 complaints;

	/* What is known. */
	const struct restrictions *set;	/* NULL: nothing yet */
	uint64_t	 serial;	/* of set: how many there have been */
	uint8_t		 tag_key[16];
	char		 epoch[FEED_EPOCH_TEXT];
	uint64_t	 revision;
	uint64_t	 confirmed_ms;	/* monotonic; 0: never */
	uint64_t	 confirmed_unix_ms;

	/* What is being taken in. */
	struct restrictions *building;	/* NULL: base is set, or nothing */
	bool		 anew;		/* set is no base */
	struct restrictions_edit *edit;
	struct arena	*scratch;
	size_t		 edited;
	uint64_t	 at;		/* revision to go on from */
	uint64_t	 asked;		/* that of the question */

	struct feed_copy *copy;		/* on disk */
	uint64_t	 pages, failures;
	uint64_t	 began_ms;	/* of the process */
};

static bool
follows(const struct feed *f)
{
	const struct plan *plan = f->edge->plan;

	return plan != NULL &&
	    plan->config->policy.source == RESTRICTIONS_OF_ENGINES;
}

/* --- service --------------------------------------------------------------------- */

static void
tell_currency(struct feed *f)
{
	if (f->edge->plan != NULL)
		atomic_store_explicit(&f->edge->plan->current_ms,
		    f->confirmed_ms, memory_order_relaxed);
}

static const struct restrictions *
nothing(const uint8_t tag_key[16])
{
	struct restrictions_edit *edit = restrictions_edit(NULL, NULL,
	    tag_key);

	return restrictions_edit_end(&edit, 0);
}

static void
replace_set(struct feed *f, const struct restrictions *set)
{
	restrictions_release(&f->set);
	f->set = set;
	f->serial++;
}

static void
confirm(struct feed *f)
{
	f->confirmed_ms = f->edge->loop->now_ms;
	f->confirmed_unix_ms = clock_unix_ms();
	tell_currency(f);
}

/* --- taking in ------------------------------------------------------------------- */

static void
end_edit(struct feed *f)
{
	if (f->edit == NULL)
		return;
	f->building = restrictions_edit_end(&f->edit, f->at);
	arena_free(&f->scratch);
	f->edited = 0;
}

static void
begin_edit(struct feed *f)
{
	if (f->edit != NULL)
		return;
	f->scratch = arena_new(0);
	f->edit = f->building != NULL || f->anew || f->set == NULL ?
	    restrictions_edit_only(&f->building, f->tag_key) :
	    restrictions_edit(f->set, NULL, f->tag_key);
}

static void
drop_building(struct feed *f)
{
	if (f->edit != NULL)
		restrictions_edit_cancel(&f->edit);
	arena_free(&f->scratch);
	if (f->building != NULL) {
		const struct restrictions *set = f->building;

		restrictions_release(&set);
	}
	f->building = NULL;
	f->edited = 0;
}

/* Another store: what is in service stays until all of it is known. */
static void
start_over(struct feed *f, const char *epoch)
{
	drop_building(f);
	snprintf(f->epoch, sizeof(f->epoch), "%s", epoch);
	f->anew = true;
	f->at = 0;
}

static void
take_changes(struct feed *f, const struct feed_page *page)
{
	size_t bad;

	if (page->changes == 0)
		return;
	begin_edit(f);
	bad = feed_page_apply(page, f->edit, f->scratch);
	if (bad > 0)
		log_error("%zu restrictions of the engines cannot be read; "
		    "they permit nobody", bad);
	f->edited += page->changes;
	if (f->edited >= EDIT_MOST)
		end_edit(f);
}

static void
complete(struct feed *f)
{
	end_edit(f);
	if (f->building == NULL && (f->anew || f->set == NULL)) {
		replace_set(f, nothing(f->tag_key));
		edge_publish_restrictions(f->edge);
	} else if (f->building != NULL) {
		replace_set(f, f->building);
		f->building = NULL;
		edge_publish_restrictions(f->edge);
		/* What its parts were made of in turn was freed in pieces. */
		malloc_trim(0);
	}
	f->anew = false;
	f->revision = f->at;
	confirm(f);
}

/* Whether it was of use. */
static bool
take_page(struct feed *f, struct slice body)
{
	struct feed_page page;
	struct err err;
	bool more;

	if (!feed_page_open(&page, body, &err)) {
		snprintf(f->trouble, sizeof(f->trouble), "%.150s", err.text);
		return false;
	}
	f->pages++;
	/* A store that went back in time is another one, whatever it says. */
	if (strcmp(page.epoch, f->epoch) != 0 || page.revision < f->asked) {
		start_over(f, page.epoch);
		more = f->asked > 0;
		if (more) {
			feed_page_close(&page);
			return true;
		}
	}
	take_changes(f, &page);
	f->at = page.revision;
	if (page.revision >= page.newest)
		complete(f);
	feed_page_close(&page);
	return true;
}

/* --- asking ---------------------------------------------------------------------- */

static struct upstream *
engine_to_ask(struct feed *f)
{
	const struct plan *plan = f->edge->plan;
	const struct backend_group *g =
	    &plan->backends.regions[plan->generation->policy.self];

	for (unsigned i = 0; i < g->count; i++) {
		struct upstream *u = g->list[(f->turn + i) % g->count];

		if (upstream_is_up(u)) {
			f->turn = (f->turn + i) % g->count;
			return u;
		}
	}
	return NULL;
}

static void
on_answer(void *arg, unsigned status, struct slice body, const char *why)
{
	struct feed *f = arg;
	bool good = false;
	uint32_t suppressed;

	f->asking = NULL;
	if (status == 200)
		good = take_page(f, body);
	else if (status != 0)
		snprintf(f->trouble, sizeof(f->trouble),
		    "the engine answers %u", status);
	else
		snprintf(f->trouble, sizeof(f->trouble), "%s", why);
	if (good) {
		f->trouble[0] = '\0';
	} else {
		f->failures++;
		f->turn++;		/* another one, if there is one */
		if (log_rate_allows(&f->complaints, 1, &suppressed))
			log_warn("restrictions cannot be asked for: %s",
			    f->trouble);
	}
	timer_set(f->edge->loop, &f->next, good ? 0 : RETRY_MS);
}

/* News come at once; without any, often enough for max_staleness. */
static uint64_t
wait_of(const struct feed *f)
{
	uint64_t most = f->edge->plan->config->policy.max_staleness_ms / 4;

	return most > 0 && most < WAIT_MS ? most : WAIT_MS;
}

static void
ask(struct timer *timer)
{
	struct feed *f = list_entry(timer, struct feed, next);
	struct upstream *engine;
	struct fetch_request request = { .most = ANSWER_MAX };
	char text[256];

	if (f->asking != NULL || f->edge->ending || !follows(f))
		return;
	engine = engine_to_ask(f);
	if (engine == NULL) {
		snprintf(f->trouble, sizeof(f->trouble),
		    "no engine of this region is up");
		timer_set(f->edge->loop, &f->next, RETRY_MS);
		return;
	}
	if (f->edit == NULL && f->building == NULL && !f->anew)
		f->at = f->revision;
	f->asked = f->at;
	snprintf(text, sizeof(text), "GET /portolan/1/restrictions?since=%llu"
	    "&wait=%llu HTTP/1.1\r\nHost: engine\r\nX-Portolan-Feed: 1\r\n"
	    "Connection: close\r\n\r\n", (unsigned long long)f->at,
	    (unsigned long long)wait_of(f));
	request.text = slice_of(text);
	request.within_ms = wait_of(f) + GRACE_MS;
	f->asking = fetch_upstream(f->edge->loop, engine, &request, on_answer,
	    f);
	if (f->asking == NULL)
		timer_set(f->edge->loop, &f->next, RETRY_MS);
}

/* --- the copy on disk ------------------------------------------------------------ */

static void
keep_copy(struct feed *f)
{
	struct feed_kept kept = { .set = f->set, .serial = f->serial,
	    .head = { .revision = f->revision,
	    .confirmed_ms = f->confirmed_unix_ms } };

	memcpy(kept.head.epoch, f->epoch, sizeof(kept.head.epoch));
	feed_copy_keep(f->copy, f->edge->plan->config, &kept);
}

static bool
use_copy(struct feed *f, const struct config *config, struct err *err)
{
	struct feed_kept kept = { .serial = f->serial + 1 };
	uint64_t now = clock_unix_ms(), said, age;

	if (!feed_copy_read(f->copy, config, &kept, err))
		return false;
	if (kept.set == NULL)
		return true;
	replace_set(f, kept.set);
	memcpy(f->epoch, kept.head.epoch, sizeof(f->epoch));
	f->revision = f->at = kept.head.revision;
	/* A clock that was set back must not make old knowledge young. */
	said = kept.head.confirmed_ms;
	age = now > said ? now - said : said - now;
	f->confirmed_unix_ms = said;
	f->confirmed_ms = clock_ms() > age ? clock_ms() - age : 1;
	log_info("%zu restrictions of a copy that was current %llu s ago",
	    restrictions_count(f->set), (unsigned long long)age / 1000);
	return true;
}

/* --- plans ----------------------------------------------------------------------- */

/* Tags are made under another key: the same restrictions, anew. */
static void
rekey(struct feed *f, const uint8_t tag_key[16])
{
	struct restrictions_edit *edit;
	struct restriction_entry entry;
	uint64_t at = 0;

	drop_building(f);
	f->anew = f->set == NULL;
	f->at = f->set == NULL ? 0 : f->revision;
	memcpy(f->tag_key, tag_key, 16);
	if (f->set == NULL)
		return;
	edit = restrictions_edit(NULL, NULL, tag_key);
	while (restrictions_next_entry(f->set, &at, &entry))
		must(restrictions_put(edit, entry.tenant, entry.flow,
		    entry.pair));
	replace_set(f, restrictions_edit_end(&edit, f->revision));
}

struct plan *
feed_take(struct feed *f, struct plan *plan)
{
	const struct config *config = plan->config;
	struct err err;

	if (config->policy.source != RESTRICTIONS_OF_ENGINES)
		return plan;
	if (f->set == NULL && f->pages == 0) {
		memcpy(f->tag_key, config->policy.tag_key, 16);
		if (!use_copy(f, config, &err))
			log_error("%s; starting without it", err.text);
	}
	if (memcmp(f->tag_key, config->policy.tag_key, 16) != 0)
		rekey(f, config->policy.tag_key);
	timer_set(f->edge->loop, &f->next, 0);
	if (f->set == NULL) {
		const struct restrictions *none = nothing(f->tag_key);

		plan = plan_with(plan, none, 0);
		restrictions_release(&none);
		return plan;
	}
	return plan_with(plan, f->set, f->confirmed_ms);
}

void
feed_tick(struct feed *f)
{
	if (!follows(f) || f->set == NULL)
		return;
	tell_currency(f);
	if (f->confirmed_ms != 0)
		keep_copy(f);
}

void
feed_look(const struct feed *f, struct feed_state *state)
{
	uint64_t now = f->edge->loop->now_ms;
	const struct restrictions *set =
	    f->edge->plan->generation->policy.restrictions;
	uint64_t current = atomic_load_explicit(&f->edge->plan->current_ms,
	    memory_order_relaxed);

	if (current == 0)
		current = f->began_ms;
	*state = (struct feed_state){
		.revision = follows(f) ? f->revision :
		    restrictions_revision(set),
		.age_ms = now > current ? now - current : 0,
		.count = restrictions_count(set),
		.bytes = restrictions_bytes(set),
		.pages = f->pages, .failures = f->failures,
		.copies = feed_copy_count(f->copy),
		.trouble = f->trouble,
	};
}

struct feed *
feed_new(struct edge *edge)
{
	struct feed *f = xcalloc(1, sizeof(*f));

	f->edge = edge;
	f->began_ms = clock_ms();
	f->anew = true;
	f->copy = feed_copy_new(edge->loop);
	timer_init(&f->next, ask);
	return f;
}

void
feed_free(struct feed **feed)
{
	struct feed *f = *feed;

	*feed = NULL;
	if (f == NULL)
		return;
	feed_copy_free(&f->copy);
	fetch_cancel(&f->asking);
	timer_cancel(&f->next);
	drop_building(f);
	restrictions_release(&f->set);
	free(f);
}
