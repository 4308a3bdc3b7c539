/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A region's store by itself, one loop: so many clients, each of whom loads a
 * state and then saves it, with its token, again and again.
 *
 *	store sqlite DIR CLIENTS SECONDS BYTES
 *	store postgres CONNINFO CLIENTS SECONDS BYTES
 *	store away HOME-CONNINFO HERE-CONNINFO WAY-CONNINFO STATES BYTES
 *
 * The first two print loads and saves with percentiles in microseconds; the
 * first second is warm-up and does not count.  The regions are those of
 * conf/regions-3.yaml, the store GB's.
 *
 * away: states that are made in GB are taken up from AU, one after the other,
 * GB being reached by WAY.  Printed are the load and save that are the first
 * from there, and the second ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/must.h"
#include "lib/client.h"
#include "store/postgres.h"

enum { STATES = 1024, SAMPLES = 8 * 1024 * 1024 };

struct samples {
	float		*us;
	size_t		 count;
};

static struct player {
	struct store	*store;
	struct store_row row;
	double		 began;
} *players;

static struct loop *loop;
static struct samples loads, saves;
static uint8_t ids[STATES][16];
static size_t made, failed, unanswered;
static char *body;
static size_t body_bytes;
static double warm_until, end_at;

static void
add(struct samples *s, double began)
{
	if (began < warm_until)
		return;
	must(s->count < SAMPLES);
	s->us[s->count++] = (float)((now() - began) * 1e6);
}

static int
by_size(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void
print(const char *what, struct samples *s, double seconds)
{
	qsort(s->us, s->count, sizeof(*s->us), by_size);
	if (s->count == 0)
		printf("%s 0 0 0 0 0\n", what);
	else
		printf("%s %zu %.0f %.0f %.0f %.0f\n", what, s->count,
		    (double)s->count / seconds,
		    (double)s->us[s->count / 2],
		    (double)s->us[s->count * 99 / 100],
		    (double)s->us[s->count - 1]);
}

/* --- making states --------------------------------------------------------------- */

static struct store_row
new_row(const uint8_t id[16])
{
	struct store_row row = { .allowed = STORE_ALL_REGIONS,
	    .created_ms = 1, .updated_ms = 1,
	    .body = { body, body_bytes } };

	memcpy(row.id, id, 16);
	memset(row.tenant, 0x7e, 16);
	memset(row.flow, 0xf1, 16);
	return row;
}

static void
on_made(void *arg, enum store_end end, const struct store_row *row)
{
	(void)arg;
	(void)row;
	failed += end != STORE_OK;
	made++;
	loop_stop(loop);
}

/* Born in GB: policy/state_id.h. */
static void
make_states(struct store *store, size_t count)
{
	static struct store_row rows[STATES];

	must(count <= STATES);
	for (size_t i = 0; i < count; i++) {
		must(getrandom(ids[i], 16, 0) == 16);
		ids[i][0] = 0x41;
		ids[i][6] = (uint8_t)((ids[i][6] & 0x0f) | 0x80);
		ids[i][8] = (uint8_t)((ids[i][8] & 0x3f) | 0x80);
		rows[i] = new_row(ids[i]);
		store->ops->create(store, &rows[i], on_made, NULL);
	}
	while (made < count)
		loop_run(loop);
}

/* --- many clients ---------------------------------------------------------------- */

static void load_next(struct player *p);

static void
on_saved(void *arg, enum store_end end, const struct store_row *row)
{
	struct player *p = arg;

	(void)row;
	/* Another client had the same state: that is an answer as well. */
	failed += end != STORE_OK && end != STORE_CONFLICT;
	add(&saves, p->began);
	load_next(p);
}

static void
on_loaded(void *arg, enum store_end end, const struct store_row *row)
{
	struct player *p = arg;

	add(&loads, p->began);
	if (end != STORE_OK) {
		failed++;
		load_next(p);
		return;
	}
	p->row = *row;
	p->row.body = (struct slice){ body, body_bytes };
	must(getrandom(p->row.op, 16, 0) == 16);
	p->began = now();
	p->store->ops->save(p->store, &p->row, on_saved, p);
}

static void
load_next(struct player *p)
{
	if (now() >= end_at) {
		if (--unanswered == 0)
			loop_stop(loop);
		return;
	}
	p->began = now();
	p->store->ops->load(p->store, ids[(size_t)rand() % STATES], 1,
	    STORE_ALL_REGIONS, on_loaded, p);
}

static void
invoke(struct store *store, size_t clients, double seconds)
{
	make_states(store, STATES);
	players = xcalloc(clients, sizeof(*players));
	warm_until = now() + 1;
	end_at = warm_until + seconds;
	unanswered = clients;
	for (size_t i = 0; i < clients; i++) {
		players[i].store = store;
		load_next(&players[i]);
	}
	while (unanswered > 0)
		loop_run(loop);
	print("load", &loads, seconds);
	print("save", &saves, seconds);
	free(players);
}

/* --- from another region --------------------------------------------------------- */

static bool answered;

static void
on_far(void *arg, enum store_end end, const struct store_row *row)
{
	struct player *p = arg;

	failed += end != STORE_OK;
	if (row != NULL)
		p->row = *row;
	answered = true;
	loop_stop(loop);
}

static void
wait_answer(void)
{
	while (!answered)
		loop_run(loop);
	answered = false;
}

static void
invoke_once(struct store *store, const uint8_t id[16], struct samples *load,
    struct samples *save)
{
	struct player p = { .store = store, .began = now() };

	store->ops->load(store, id, 1, STORE_ALL_REGIONS, on_far, &p);
	wait_answer();
	add(load, p.began);
	p.row.body = (struct slice){ body, body_bytes };
	must(getrandom(p.row.op, 16, 0) == 16);
	p.began = now();
	store->ops->save(store, &p.row, on_far, &p);
	wait_answer();
	add(save, p.began);
}

static void
away(struct store *home, struct store *here, size_t states)
{
	struct samples again = { xcalloc(STATES, sizeof(float)), 0 },
	    saved = { xcalloc(STATES, sizeof(float)), 0 };

	make_states(home, states);
	/* The first one pays for the connections as well. */
	invoke_once(here, ids[0], &loads, &saves);
	print("connect-load", &loads, 1);
	print("connect-save", &saves, 1);
	loads.count = saves.count = 0;
	for (size_t i = 1; i < states; i++) {
		invoke_once(here, ids[i], &loads, &saves);
		invoke_once(here, ids[i], &again, &saved);
	}
	print("first-load", &loads, 1);
	print("first-save", &saves, 1);
	print("second-load", &again, 1);
	print("second-save", &saved, 1);
	free(again.us);
	free(saved.us);
}

/* --- beginning ------------------------------------------------------------------------ */

static struct store *
postgres(const char *home, const char *gb, const char *au)
{
	const struct store_region regions[] = {
	    { .id = "GB", .number = 1, .conninfo = gb },
	    { .id = "AU", .number = 0, .conninfo = au } };
	struct store_postgres_config config = { .home = home,
	    .regions = regions, .nregions = 2 };

	return store_postgres_open(loop, &config);
}

static void
wait_ready(struct store *store)
{
	double until = now() + 20;
	struct store_health health;
	struct store_row row = new_row((const uint8_t[16]){ 0xff });

	/* Not there yet, or there since the last try: connected either way. */
	do {
		size_t before = made;

		store->ops->load(store, row.id, 1, STORE_ALL_REGIONS, on_made,
		    NULL);
		while (made == before)
			loop_run(loop);
		store->ops->health(store, &health);
		if (now() > until)
			stop(health.trouble);
	} while (!health.ready || !health.good);
	made = failed = 0;
}

int
main(int argc, char **argv)
{
	struct store *store, *here = NULL;
	struct err err;

	if (argc < 6 || argc > 7)
		stop("usage: see bench/store.c");
	loop = loop_new();
	body_bytes = strtoul(argv[argc - 1], NULL, 10);
	body = xmalloc(body_bytes + 1);
	must(getrandom(body, body_bytes > 256 ? 256 : body_bytes, 0) > 0);
	for (size_t i = 256; i < body_bytes; i++)
		body[i] = body[i - 256];
	loads.us = xcalloc(SAMPLES, sizeof(float));
	saves.us = xcalloc(SAMPLES, sizeof(float));
	store = strcmp(argv[1], "sqlite") == 0 ? store_sqlite_open(loop,
	    argv[2], "GB", &err) : postgres("GB", argv[2], NULL);
	if (store == NULL)
		stop(err.text);
	wait_ready(store);
	if (strcmp(argv[1], "away") == 0) {
		here = postgres("AU", argv[4], argv[3]);
		wait_ready(here);
		away(store, here, strtoul(argv[5], NULL, 10));
	} else {
		invoke(store, strtoul(argv[3], NULL, 10),
		    strtod(argv[4], NULL));
	}
	printf("failed %zu\n", failed);
	store_close(&here);
	store_close(&store);
	loop_free(&loop);
	free(loads.us);
	free(saves.us);
	free(body);
	return failed > 0;
}
