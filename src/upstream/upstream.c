/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The sets of upstreams that generations hold, and what is kept of each from
 * one set to the next.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/must.h"
#include "upstream/resolve.h"
#include "upstream/upstream_private.h"

const char *
health_name(enum health health)
{
	static const char *const names[] = {
		[HEALTH_UNKNOWN] = "unknown",
		[HEALTH_UP] = "up",
		[HEALTH_DOWN] = "down",
		[HEALTH_MISCONFIGURED] = "misconfigured",
		[HEALTH_EJECTED] = "ejected",
	};

	must((size_t)health < sizeof(names) / sizeof(names[0]));
	return names[health];
}

static void
log_health(const struct upstream *up, enum health health, const char *why)
{
	switch (health) {
	case HEALTH_UP:
		log_info("upstream %s is up", up->name);
		break;
	case HEALTH_MISCONFIGURED:
		log_error("upstream %s is not what it is configured as: %s; "
		    "correct the region's addresses in the region map, or the "
		    "region that this %s was started with", up->name, why,
		    up->spec.link ? "edge" : "engine");
		break;
	default:
		log_warn("upstream %s is %s: %s", up->name,
		    health_name(health), why);
	}
}

void
upstream_set_health(struct upstream *up, enum health health, const char *why)
{
	struct upstreams *all = up->private->all;

	uint8_t was;

	if (health == HEALTH_UP)
		atomic_store(&up->failures, 0);
	was = atomic_exchange(&up->health, (uint8_t)health);
	if (was == health)
		return;
	if (health == HEALTH_UP)
		atomic_store(&up->back_ms, was == HEALTH_UNKNOWN ? 0 :
		    clock_ms());
	log_health(up, health, why);
	if (was == HEALTH_UP)
		upstream_reinstate(up);
	all->changed(all->arg);
}

/* --- passive signs --------------------------------------------------------- */

static void
passive_elsewhere(void *arg)
{
	struct upstream *up = arg;
	struct upstreams *all = up->private->all;

	log_health(up, HEALTH_MISCONFIGURED,
	    "its certificate is of another region");
	probe_forget(&up->private->probe);
	all->changed(all->arg);
}

void
upstream_worked(struct upstream *up)
{
	/* Read first: all workers share this line, and it is nearly always 0. */
	if (atomic_load_explicit(&up->failures, memory_order_relaxed) != 0)
		atomic_store_explicit(&up->failures, 0, memory_order_relaxed);
}

void
upstream_is_elsewhere(struct upstream *up)
{
	if (atomic_exchange(&up->health, HEALTH_MISCONFIGURED) !=
	    HEALTH_MISCONFIGURED)
		loop_post(up->private->all->control, passive_elsewhere, up);
}

/* --- sets ------------------------------------------------------------------ */

static void
upstream_name(const struct upstream_spec *spec, char name[UPSTREAM_NAME_MAX])
{
	char text[ENDPOINT_TEXT];
	const char *scheme = "", *blank = spec->region[0] != '\0' ? " " : "";

	if (spec->endpoint.kind != ENDPOINT_UNIX)
		scheme = spec->endpoint.tls || spec->link ? "https://" :
		    "http://";
	snprintf(name, UPSTREAM_NAME_MAX, "%s%s%s%s", spec->region, blank,
	    scheme, endpoint_text(&spec->endpoint, text));
}

static struct upstream *
find_named(struct upstreams *all, const char *name)
{
	for (size_t i = 0; i < UPSTREAMS_MAX; i++)
		if (all->slots[i] != NULL && all->slots[i]->name[0] != '\0' &&
		    strcmp(all->slots[i]->name, name) == 0)
			return all->slots[i];
	return NULL;
}

static struct upstream *
find_same(struct upstreams *all, const char *name,
    const struct upstream_spec *spec)
{
	for (size_t i = 0; i < UPSTREAMS_MAX; i++) {
		struct upstream *up = all->slots[i];

		if (up != NULL && strcmp(up->name, name) == 0 &&
		    up->spec.weight == spec->weight &&
		    up->spec.proxy == spec->proxy &&
		    up->spec.named == spec->named &&
		    up->spec.link == spec->link)
			return up;
	}
	return NULL;
}

static bool
slot_is_free(const struct upstreams *all, size_t i)
{
	return all->slots[i] == NULL ||
	    all->slots[i]->private->holders == 0;
}

static struct upstream *
slot_take(struct upstreams *all)
{
	size_t i = 0;
	struct upstream *up;

	while (i < UPSTREAMS_MAX && !slot_is_free(all, i))
		i++;
	must(i < UPSTREAMS_MAX);	/* apply counted them */
	up = all->slots[i];
	if (up == NULL) {
		up = all->slots[i] = xcalloc(1, sizeof(*up));
		up->index = (unsigned)i;
		up->private = xcalloc(1, sizeof(*up->private));
		up->private->all = all;
		pthread_mutex_init(&up->private->lock, NULL);
		probe_init(&up->private->probe, up);
	}
	return up;
}

/* Not secret: all edges of a region have to agree. */
static const uint8_t name_key[16] = "portolan engines";

static struct upstream *
upstream_add(struct upstreams *all, const char *name,
    const struct upstream_spec *spec)
{
	/* The same one under another weight: what is known of it holds. */
	const struct upstream *sibling = find_named(all, name);
	uint8_t health = sibling == NULL || !sibling->private->probed ?
	    HEALTH_UNKNOWN : atomic_load(&sibling->health);
	struct upstream *up = slot_take(all);
	struct upstream_private *p = up->private;

	must(p->holders == 0 && p->tls == NULL);
	snprintf(up->name, sizeof(up->name), "%s", name);
	up->name_hash = hash_keyed(name_key, slice_of(up->name));
	up->spec = *spec;
	up->spec.tls = NULL;		/* held by upstream_hold() */
	atomic_store(&up->failures, 0);
	atomic_store(&up->requests, 0);
	atomic_store(&up->errors, 0);
	atomic_store(&up->health, health);
	atomic_store(&up->back_ms, 0);
	atomic_store(&up->ejections, 0);
	atomic_store(&up->kept_until_ms, 0);
	atomic_store(&p->suspected, false);
	p->ejected = 0;
	p->ejected_until_ms = 0;
	atomic_store(&p->serial, ++all->serials);
	atomic_store(&p->way, p->serial);
	p->reachable = spec->endpoint.kind != ENDPOINT_NAME;
	p->at = spec->endpoint;
	p->resolving = p->unfound = false;
	p->resolved_ms = 0;
	return up;
}

static void
upstream_leave(struct upstream *up)
{
	up->private->current = up->private->probed = false;
	probe_stop(&up->private->probe);
}

struct slice
upstream_told(const struct upstream *up)
{
	return probe_told(&up->private->probe);
}

/* Nobody can use it any more but idle connections of pools, which notice. */
static void
upstream_retire(struct upstream *up)
{
	struct upstream_private *p = up->private;

	upstream_leave(up);
	atomic_store(&p->serial, 0);
	atomic_store(&p->way, 0);
	tls_context_free(&p->tls);
	up->name[0] = '\0';
}

static bool
check_room(struct upstreams *all, const struct upstream_set *set,
    struct err *err)
{
	size_t room = 0, wanted = 0;

	for (size_t i = 0; i < UPSTREAMS_MAX; i++)
		room += slot_is_free(all, i);
	for (size_t i = 0; i < set->count; i++) {
		char name[UPSTREAM_NAME_MAX];

		upstream_name(&set->specs[i], name);
		wanted += find_same(all, name, &set->specs[i]) == NULL;
	}
	if (wanted <= room)
		return true;
	return err_set(err, "%zu more upstreams are too many beside the %zu "
	    "in use; at most %d fit in a process", wanted,
	    (size_t)UPSTREAMS_MAX - room, UPSTREAMS_MAX);
}

static bool
check_certificates(const struct upstream_set *set, struct err *err)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct upstream_spec *spec = &set->specs[i];
		char name[UPSTREAM_NAME_MAX];

		must(spec->weight > 0);
		if (set->link_tls != NULL || spec->tls != NULL ||
		    (!spec->link && !spec->endpoint.tls))
			continue;
		upstream_name(spec, name);
		return err_set(err, "upstream %s needs a certificate of our "
		    "own; set link.certificate, link.key and link.ca, or those "
		    "of engines.tls", name);
	}
	return true;
}

static void
apply_probe(struct upstreams *all, const struct probe_spec *probe)
{
	char *path = xstrdup(probe->path);

	free(all->path);
	all->path = path;
	all->probe = *probe;
	all->probe.path = path;
	all->limits.connect_ms = probe->timeout_ms;
	all->limits.response_head_ms = probe->timeout_ms;
	all->limits.response_idle_ms = probe->timeout_ms;
	all->limits.tunnel_idle_ms = probe->timeout_ms;
}

static void
upstream_hold(struct upstream *up, struct tls_context *link_tls)
{
	struct upstream_private *p = up->private;

	p->holders++;
	p->current = true;
	atomic_store(&p->eject_failures, p->all->probe.eject_failures);
	upstream_set_tls(up, link_tls);
	upstream_resolve(up);
	p->probed = true;
	probe_start(&p->probe);
}

bool
upstreams_apply(struct upstreams *all, const struct upstream_set *set,
    struct upstream **found, struct err *err)
{
	if (!check_certificates(set, err) || !check_room(all, set, err))
		return false;
	apply_probe(all, set->probe);
	for (size_t i = 0; i < UPSTREAMS_MAX; i++)
		if (all->slots[i] != NULL)
			all->slots[i]->private->current = false;
	for (size_t i = 0; i < set->count; i++) {
		const struct upstream_spec *spec = &set->specs[i];
		char name[UPSTREAM_NAME_MAX];

		upstream_name(spec, name);
		found[i] = find_same(all, name, spec);
		if (found[i] == NULL)
			found[i] = upstream_add(all, name, spec);
		upstream_hold(found[i], spec->tls != NULL ? spec->tls :
		    set->link_tls);
	}
	for (size_t i = 0; i < UPSTREAMS_MAX; i++)
		if (all->slots[i] != NULL && !all->slots[i]->private->current)
			upstream_leave(all->slots[i]);
	return true;
}

void
upstreams_release(struct upstreams *all, struct upstream **found,
    size_t count)
{
	for (size_t i = 0; i < count; i++) {
		must(found[i]->private->all == all);
		must(found[i]->private->holders > 0);
		if (--found[i]->private->holders == 0)
			upstream_retire(found[i]);
	}
}

struct upstreams *
upstreams_new(struct loop *control, void (*changed)(void *arg), void *arg)
{
	struct upstreams *all = xcalloc(1, sizeof(*all));

	all->control = control;
	all->changed = changed;
	all->arg = arg;
	all->pools = pools_new(control, &all->limits);
	return all;
}

void
upstreams_free(struct upstreams **all_p)
{
	struct upstreams *all = *all_p;

	*all_p = NULL;
	if (all == NULL)
		return;
	resolver_free(&all->resolver);
	for (size_t i = 0; i < UPSTREAMS_MAX; i++) {
		struct upstream *up = all->slots[i];

		if (up == NULL)
			continue;
		upstream_retire(up);
		pthread_mutex_destroy(&up->private->lock);
		free(up->private);
		free(up);
	}
	pools_free(&all->pools);
	free(all->path);
	free(all);
}
