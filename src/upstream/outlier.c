/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Upstreams whose probes are good but whose requests fail.  Workers count
 * failures in a row; what comes of them is decided by the control thread,
 * which sees all upstreams of a region: so many are put out of service for a
 * while that enough are left, and the last one never is, whatever it does.
 * That it is kept all the same is told (metrics, readyz, the log), and it is
 * probed at once: if that fails as well, it is down.
 */
#include "base/clock.h"
#include "base/log.h"
#include "upstream/upstream_private.h"

enum {
	EJECTED_MOST = 30,		/* times eject_ms, at the longest */
	CALM = 10,			/* so many eject_ms and it is forgiven */
};

struct group {
	unsigned	 count, usable, ejected;
};

static bool
in_group(const struct upstream *u, const struct upstream *of)
{
	return u->private->current && u->spec.link == of->spec.link &&
	    strcmp(u->spec.region, of->spec.region) == 0;
}

static struct group
group_of(const struct upstream *up)
{
	const struct upstreams *all = up->private->all;
	struct group g = { 0, 0, 0 };

	for (unsigned i = 0; i < UPSTREAMS_MAX; i++) {
		struct upstream *u = all->slots[i];
		uint8_t health;

		if (u == NULL || !in_group(u, up))
			continue;
		health = atomic_load(&u->health);
		g.count++;
		g.usable += health == HEALTH_UP;
		g.ejected += health == HEALTH_EJECTED;
	}
	return g;
}

/* One may be ejected however few there are, if another is left. */
static bool
may_eject(const struct upstream *up)
{
	struct group g = group_of(up);
	unsigned most = (unsigned)(up->private->all->probe.eject_most *
	    g.count);

	return g.usable > 1 && g.ejected < (most < 1 ? 1 : most);
}

static void
eject(struct upstream *up)
{
	struct upstream_private *p = up->private;
	uint64_t now_ms = clock_ms(), ms = p->all->probe.eject_ms;

	if (now_ms > p->ejected_until_ms + CALM * ms)
		p->ejected = 0;
	if (p->ejected < EJECTED_MOST)
		p->ejected++;
	p->ejected_until_ms = now_ms + p->ejected * ms;
	atomic_fetch_add(&up->ejections, 1);
	probe_forget(&p->probe);
	upstream_set_health(up, HEALTH_EJECTED, "requests failed in a row; it "
	    "is given none for a while");
}

static void
keep(struct upstream *up)
{
	uint64_t now_ms = clock_ms();

	if (atomic_load(&up->kept_until_ms) < now_ms)
		log_warn("upstream %s fails requests in a row, but too few "
		    "others of its region are up: it stays in service",
		    up->name);
	atomic_store(&up->kept_until_ms,
	    now_ms + up->private->all->probe.eject_ms);
}

void
upstream_reinstate(const struct upstream *gone)
{
	struct upstreams *all = gone->private->all;

	if (group_of(gone).usable > 0)
		return;
	for (unsigned i = 0; i < UPSTREAMS_MAX; i++) {
		struct upstream *u = all->slots[i];

		if (u == NULL || !in_group(u, gone) ||
		    atomic_load(&u->health) != HEALTH_EJECTED)
			continue;
		keep(u);
		upstream_set_health(u, HEALTH_UP, "");
	}
}

static void
on_suspect(void *arg)
{
	struct upstream *up = arg;
	struct upstream_private *p = up->private;

	atomic_store(&p->suspected, false);
	if (!p->current || atomic_load(&up->health) != HEALTH_UP ||
	    atomic_exchange(&up->failures, 0) == 0)
		return;			/* one worked meanwhile */
	if (may_eject(up)) {
		eject(up);
		probe_hurry(&p->probe);
	} else {
		keep(up);
		probe_doubt(&p->probe);
	}
}

void
upstream_failed(struct upstream *up)
{
	struct upstream_private *p = up->private;
	uint32_t most = atomic_load_explicit(&p->eject_failures,
	    memory_order_relaxed);

	if (atomic_fetch_add(&up->failures, 1) + 1 < most || most == 0 ||
	    atomic_load(&up->health) != HEALTH_UP)
		return;
	if (!atomic_exchange(&p->suspected, true))
		loop_post(p->all->control, on_suspect, up);
}

bool
upstream_may_return(const struct upstream *up)
{
	return clock_ms() >= up->private->ejected_until_ms;
}
