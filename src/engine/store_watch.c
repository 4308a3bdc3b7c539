/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The store's troubles, and those of its replication, are told when they begin
 * and when they are over, though nobody asks for a state meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "engine/engine_private.h"
#include "store/pair.h"

enum {
	LOOK_MS = 1000,
	/* So much of a trouble says which one it is; numbers come later. */
	KIND = 24,
};

struct store_watch {
	struct engine	*engine;
	struct timer	 timer;
	char		 trouble[KIND];	/* the store's that was told; "": none */
	char		 warning[256];	/* told */
	size_t		 npairs;
	struct {
		char	 name[STORE_PAIR_NAME];
		char	 kind[KIND];	/* "": none */
	}		 told[STORE_PAIRS_MAX];
};

/* Whether the trouble (NULL: none) is another than kind, which it is from now
 * on.  Between two looks one may have ended and another begun. */
static bool
is_news(char kind[KIND], const char *trouble)
{
	if (trouble == NULL ? kind[0] == '\0' :
	    strncmp(kind, trouble, KIND - 1) == 0)
		return false;
	kind[0] = '\0';
	if (trouble != NULL)
		strncat(kind, trouble, KIND - 1);
	return true;
}

static const char *
trouble_of(const struct store_health *health)
{
	if (health->good && health->ready)
		return NULL;
	return health->trouble[0] == '\0' ? "it is not ready" :
	    health->trouble;
}

static void
look_at_store(struct store_watch *w, const struct store_health *health)
{
	const char *trouble = trouble_of(health);

	if (is_news(w->trouble, trouble)) {
		if (trouble != NULL)
			log_error("store: %s", trouble);
		else
			log_info("store: good again");
	}
	if (strcmp(health->warning, w->warning) == 0)
		return;
	if (health->warning[0] != '\0')
		log_error("store: %s", health->warning);
	else
		log_info("store: as it was made again");
	memcpy(w->warning, health->warning, sizeof(w->warning));
}

/* Where it was told; the server answers with the same pairs each time. */
static char *
kind_of(struct store_watch *w, const char *name)
{
	for (size_t i = 0; i < w->npairs; i++)
		if (strcmp(w->told[i].name, name) == 0)
			return w->told[i].kind;
	if (w->npairs == STORE_PAIRS_MAX)
		w->npairs = 0;
	memcpy(w->told[w->npairs].name, name, strlen(name) + 1);
	w->told[w->npairs].kind[0] = '\0';
	return w->told[w->npairs++].kind;
}

static void
look_at_pair(struct store_watch *w, const struct store_pair *pair)
{
	char text[STORE_PAIR_TEXT], *kind = kind_of(w, pair->name);
	const char *trouble = store_pair_trouble(pair, text);

	if (!is_news(kind, trouble))
		return;
	if (trouble == NULL)
		log_info("replication %s: good again", pair->name);
	else
		log_error("replication %s: %s", pair->name, trouble);
}

static void
on_look(struct timer *timer)
{
	struct store_watch *w = list_entry(timer, struct store_watch, timer);
	struct store *store = w->engine->store;
	struct store_health health;

	store->ops->health(store, &health);
	look_at_store(w, &health);
	for (size_t i = 0; i < health.npairs; i++)
		look_at_pair(w, &health.pairs[i]);
	timer_set(w->engine->loop, timer, LOOK_MS);
}

void
store_watch_start(struct engine *e)
{
	/* One worker of a region is enough. */
	if (e->options->number != 0)
		return;
	e->store_watch = xcalloc(1, sizeof(*e->store_watch));
	e->store_watch->engine = e;
	timer_init(&e->store_watch->timer, on_look);
	timer_set(e->loop, &e->store_watch->timer, LOOK_MS);
}

void
store_watch_stop(struct engine *e)
{
	if (e->store_watch == NULL)
		return;
	timer_cancel(&e->store_watch->timer);
	free(e->store_watch);
	e->store_watch = NULL;
}
