/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Where an upstream is reached, and what happens when its name comes to lead
 * elsewhere: requests that begin from then on go there, by new connections;
 * those under way end where they are.
 */
#include "base/clock.h"
#include "base/log.h"
#include "upstream/resolve.h"
#include "upstream/upstream_private.h"

/* Between two look-ups of a name, unless what it leads to is down.
 * getaddrinfo() tells no time to live. */
#define RESOLVE_AGAIN_MS	30000

bool
upstream_target(struct upstream *up, struct endpoint *at,
    struct tls_context **tls)
{
	struct upstream_private *p = up->private;
	bool reachable;

	pthread_mutex_lock(&p->lock);
	reachable = p->reachable;
	if (reachable) {
		*at = p->at;
		*tls = p->tls == NULL ? NULL : tls_context_hold(p->tls);
	}
	pthread_mutex_unlock(&p->lock);
	return reachable;
}

bool
upstream_address(struct upstream *up, struct endpoint *at)
{
	struct tls_context *tls = NULL;
	bool reachable = upstream_target(up, at, &tls);

	tls_context_free(&tls);
	return reachable;
}

void
upstream_set_tls(struct upstream *up, struct tls_context *tls)
{
	struct upstream_private *p = up->private;
	struct tls_context *before;

	if (!up->spec.link && !up->spec.endpoint.tls)
		return;
	pthread_mutex_lock(&p->lock);
	before = p->tls;
	p->tls = tls_context_hold(tls);
	pthread_mutex_unlock(&p->lock);
	tls_context_free(&before);
}

/* --- names ----------------------------------------------------------------- */

/* Said once, not at each look-up. */
static void
upstream_unfound(struct upstream *up, const char *why)
{
	struct upstream_private *p = up->private;

	if (!p->unfound)
		log_warn("upstream %s: its name is not found (%s); %s",
		    up->name, why, p->reachable ?
		    "the last address stays in use" : "it will be asked again");
	p->unfound = true;
	if (!p->reachable)
		upstream_set_health(up, HEALTH_DOWN, "its name is not found");
}

static void
upstream_move(struct upstream *up, const struct addr *to)
{
	struct upstream_private *p = up->private;
	char now[ADDR_TEXT_MAX], before[ADDR_TEXT_MAX];
	bool first = !p->reachable;

	if (!first)
		log_info("upstream %s: new requests go to %s, where its name "
		    "leads, and no more to %s", up->name, addr_text(to, now),
		    addr_text(&p->at.addr, before));
	pthread_mutex_lock(&p->lock);
	p->reachable = true;
	p->at.kind = ENDPOINT_IP;
	p->at.addr = *to;
	pthread_mutex_unlock(&p->lock);
	/* Whoever sees this sees the address, too. */
	atomic_store(&p->way, ++p->all->serials);
	probe_anew(&p->probe);
}

static void
upstream_resolved(const struct resolved *result)
{
	struct upstream *up = result->arg;
	struct upstream_private *p = up->private;

	if (atomic_load(&p->serial) != result->number)
		return;			/* the slot is somebody else's now */
	p->resolving = false;
	p->resolved_ms = clock_ms();
	if (!result->found) {
		upstream_unfound(up, result->why);
		return;
	}
	p->unfound = false;
	if (!p->reachable || !addr_eq(&p->at.addr, &result->addr))
		upstream_move(up, &result->addr);
}

/* Its last probe failed at the address that is in use. */
static bool
is_down_there(const struct upstream *up)
{
	return atomic_load(&up->health) == HEALTH_DOWN &&
	    up->private->probe.bad > 0;
}

void
upstream_resolve(struct upstream *up)
{
	struct upstream_private *p = up->private;
	struct upstreams *all = p->all;
	struct resolver_question q = { .name = up->spec.endpoint.name,
	    .arg = up, .number = atomic_load(&p->serial) };

	if (up->spec.endpoint.kind != ENDPOINT_NAME || p->resolving)
		return;
	if (p->reachable) {
		q.used = p->at.addr;
		q.used_fails = is_down_there(up);
		if (!q.used_fails &&
		    clock_ms() - p->resolved_ms < RESOLVE_AGAIN_MS)
			return;
	}
	if (all->resolver == NULL)
		all->resolver = resolver_new(all->control, upstream_resolved);
	p->resolving = true;
	resolver_ask(all->resolver, &q);
}
