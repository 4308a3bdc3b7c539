/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/must.h"
#include "net/listener.h"
#include "upstream/upstream_private.h"

enum { MOST = 8, FAILURES = 3 };

static struct loop *control;
static unsigned changes;

static void
on_changed(void *arg)
{
	(void)arg;
	changes++;
}

static void
on_stop(struct timer *timer)
{
	(void)timer;
	loop_stop(control);
}

/* What was posted, and what follows at once. */
static void
settle(void)
{
	struct timer stop;

	timer_init(&stop, on_stop);
	timer_set(control, &stop, 1);
	loop_run(control);
}

static char folder[] = "/tmp/portolan-outlier-XXXXXX";
static int listening[MOST];

/* They take connections, and say nothing before the test is over. */
static void
listen_at(struct endpoint *at, unsigned i)
{
	char text[64];
	struct err err;

	snprintf(text, sizeof(text), "unix:%s/%u.sock", folder, i);
	must(endpoint_parse(at, slice_of(text)));
	listening[i] = listener_bind(at, false, 0600, &err);
	must(listening[i] >= 0);
}

/* So many, all up. */
static struct upstreams *
begin(struct upstream **found, unsigned count, double most)
{
	const struct probe_spec probe = { .path = "/", .interval_ms = 3600000,
	    .timeout_ms = 600000, .rise = 1, .fall = 100,
	    .eject_failures = FAILURES, .eject_ms = 60000,
	    .eject_most = most };
	struct upstream_spec specs[MOST];
	struct upstreams *all;
	struct err err;

	must(mkdtemp(folder) != NULL);
	control = loop_new();
	all = upstreams_new(control, on_changed, NULL);
	memset(specs, 0, sizeof(specs));
	for (unsigned i = 0; i < count; i++) {
		listen_at(&specs[i].endpoint, i);
		specs[i].weight = 1;
		memcpy(specs[i].region, "GB", 3);
	}
	must(upstreams_apply(all, &(struct upstream_set){ specs, count, &probe,
	    NULL }, found, &err));
	settle();
	for (unsigned i = 0; i < count; i++)
		atomic_store(&found[i]->health, HEALTH_UP);
	changes = 0;
	return all;
}

static void
end(struct upstreams *all, unsigned count)
{
	char path[64];

	upstreams_free(&all);
	loop_free(&control);
	for (unsigned i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%u.sock", folder, i);
		close(listening[i]);
		unlink(path);
	}
	rmdir(folder);
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
}

static enum health
fails(struct upstream *up, unsigned times)
{
	while (times-- > 0)
		upstream_failed(up);
	settle();
	return (enum health)atomic_load(&up->health);
}

static const struct {
	unsigned	 count;
	double		 most;
	unsigned	 ejected;	/* when all of them fail */
} rows[] = {
	{ 1, 0.5, 0 },			/* the last one never */
	{ 1, 1.0, 0 },
	{ 2, 0.5, 1 },
	{ 2, 0.0, 1 },			/* one may, if another is left */
	{ 2, 1.0, 1 },
	{ 5, 0.5, 2 },
	{ 8, 0.5, 4 },
	{ 8, 1.0, 7 },
};

static void
never_too_many(void **state)
{
	(void)state;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		struct upstream *found[MOST];
		struct upstreams *all = begin(found, rows[r].count,
		    rows[r].most);
		unsigned ejected = 0, kept = 0;

		for (unsigned i = 0; i < rows[r].count; i++) {
			enum health now = fails(found[i], FAILURES);
			bool is_kept = atomic_load(
			    &found[i]->kept_until_ms) > 0;

			ejected += now == HEALTH_EJECTED;
			kept += is_kept;
			assert_true(is_kept == (now == HEALTH_UP));
		}
		if (ejected != rows[r].ejected)
			fail_msg("row %zu: %u", r, ejected);
		assert_int_equal(ejected + kept, rows[r].count);
		assert_int_equal(changes, ejected);
		end(all, rows[r].count);
	}
}

static void
a_success_between_forgives(void **state)
{
	struct upstream *found[2];
	struct upstreams *all = begin(found, 2, 0.5);

	(void)state;
	assert_int_equal(fails(found[0], FAILURES - 1), HEALTH_UP);
	upstream_worked(found[0]);
	assert_int_equal(fails(found[0], FAILURES - 1), HEALTH_UP);
	/* Even after it was suspected, before that was heard. */
	upstream_failed(found[0]);
	upstream_worked(found[0]);
	settle();
	assert_int_equal(atomic_load(&found[0]->health), HEALTH_UP);
	assert_int_equal(fails(found[0], FAILURES), HEALTH_EJECTED);
	assert_int_equal(atomic_load(&found[0]->ejections), 1);
	end(all, 2);
}

/* When the others go down, those that were ejected have to do. */
static void
the_last_one_comes_back(void **state)
{
	struct upstream *found[3];
	struct upstreams *all = begin(found, 3, 0.5);

	(void)state;
	assert_int_equal(fails(found[0], FAILURES), HEALTH_EJECTED);
	upstream_set_health(found[1], HEALTH_DOWN, "a test");
	assert_int_equal(atomic_load(&found[0]->health), HEALTH_EJECTED);
	upstream_set_health(found[2], HEALTH_DOWN, "a test");
	assert_int_equal(atomic_load(&found[0]->health), HEALTH_UP);
	assert_true(atomic_load(&found[0]->kept_until_ms) > 0);
	/* And if it fails again, it stays. */
	assert_int_equal(fails(found[0], FAILURES), HEALTH_UP);
	end(all, 3);
}

/* Nobody listens any more: the first probe after that says so. */
static void
what_is_really_down_is(void **state)
{
	struct upstream *found[1];
	struct upstreams *all = begin(found, 1, 0.5);

	(void)state;
	close(listening[0]);
	listening[0] = -1;
	exchange_cancel(&found[0]->private->probe.asking);
	assert_int_equal(fails(found[0], FAILURES), HEALTH_DOWN);
	end(all, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_too_many),
		cmocka_unit_test(a_success_between_forgives),
		cmocka_unit_test(the_last_one_comes_back),
		cmocka_unit_test(what_is_really_down_is),
	};

	log_level(LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
