/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/must.h"
#include "upstream/exchange.h"
#include "upstream/upstream_private.h"

enum { HURRY = 10 };			/* times as often */

enum probe_result {
	PROBE_GOOD,
	PROBE_BAD,
	PROBE_ELSEWHERE,		/* in order, but another region */
	PROBE_NOTHING,			/* we could not even ask */
};

/* A tenth more or less, so that the probes of many edges do not march. */
static uint64_t
jittered(uint64_t ms)
{
	uint64_t tenth = ms / 10;

	if (tenth == 0 || tenth > UINT32_MAX / 2)
		return ms;
	return ms - tenth + arc4random_uniform((uint32_t)(2 * tenth + 1));
}

static void
probe_judge(struct probe *probe, enum probe_result result, const char *why)
{
	struct upstream *up = probe->of;
	const struct probe_spec *spec = &up->private->all->probe;
	enum health health = atomic_load(&up->health);

	if (result == PROBE_NOTHING)
		return;
	probe->good = result == PROBE_GOOD ? probe->good + 1 : 0;
	probe->bad = result == PROBE_BAD ? probe->bad + 1 : 0;
	/* The first result counts at once: a start should be quick. */
	if (result == PROBE_ELSEWHERE)
		upstream_set_health(up, HEALTH_MISCONFIGURED, why);
	else if (result == PROBE_GOOD && health == HEALTH_EJECTED &&
	    !upstream_may_return(up))
		return;
	else if (result == PROBE_GOOD && health != HEALTH_UP &&
	    (health == HEALTH_UNKNOWN || probe->good >= spec->rise))
		upstream_set_health(up, HEALTH_UP, why);
	else if (result == PROBE_BAD && health != HEALTH_DOWN &&
	    (health == HEALTH_UNKNOWN || probe->bad >= spec->fall))
		upstream_set_health(up, HEALTH_DOWN, why);
}

static uint64_t
next_ms(struct probe *probe)
{
	uint64_t ms = probe->of->private->all->probe.interval_ms;

	if (probe->hurry == 0)
		return jittered(ms);
	probe->hurry--;
	return ms / HURRY;
}

/* The question is over; the next one is asked in a while. */
static void
probe_end(struct probe *probe, enum probe_result result, const char *why)
{
	struct upstreams *all = probe->of->private->all;

	exchange_cancel(&probe->asking);
	timer_cancel(&probe->deadline);
	timer_set(all->control, &probe->next, next_ms(probe));
	probe_judge(probe, result, why);
}

/* --- the answer ------------------------------------------------------------ */

static struct slice
region_header(const struct upstream *up)
{
	return up->spec.link ? SLICE("X-ManyWho-Region-Frontend") :
	    SLICE("X-ManyWho-Region-Backend");
}

/* That of an answer which names none; "": such an answer does not count. */
static const char *
unnamed_region(const struct upstream *up)
{
	return !up->spec.link && up->private->all->probe.accept_unnamed ?
	    up->spec.region : "";
}

/* "calls failures 0|1"; anything else counts for nothing. */
static void
take_stores(struct upstream *up, struct slice text)
{
	struct slice calls, failures;
	uint64_t called, failed;

	if (!slice_split(&text, ' ', &calls) ||
	    !slice_split(&text, ' ', &failures) ||
	    !slice_to_u64(calls, &called) || !slice_to_u64(failures, &failed))
		return;
	atomic_store(&up->store_calls, called);
	atomic_store(&up->store_failures, failed);
	atomic_store(&up->store_fails, slice_is(text, "1"));
}

/* Kept as it is: those who show it read it. */
static void
take_told(struct buf *told, struct slice value)
{
	buf_slice(told, value);
	buf_char(told, '\n');
}

static void
probe_head(struct exchange *ex, const struct h1_head *head)
{
	struct probe *probe = exchange_user(ex);
	struct slice name = region_header(probe->of);

	probe->status = head->status;
	snprintf(probe->region, sizeof(probe->region), "%s",
	    unnamed_region(probe->of));
	buf_clear(&probe->told);
	for (unsigned i = 0; i < head->nfields; i++) {
		const struct h1_field *f = &head->fields[i];

		if (f->id == FIELD_X_MANYWHO && slice_eq_nocase(f->name, name))
			snprintf(probe->region, sizeof(probe->region), "%.*s",
			    SLICE_ARG(f->value));
		if (f->id == FIELD_X_PORTOLAN && slice_eq_nocase(f->name,
		    SLICE("X-Portolan-Stores")))
			take_stores(probe->of, f->value);
		if (f->id == FIELD_X_PORTOLAN && (slice_eq_nocase(f->name,
		    SLICE("X-Portolan-Store")) || slice_eq_nocase(f->name,
		    SLICE("X-Portolan-Pair"))))
			take_told(&probe->told, f->value);
	}
	/* Whoever is not of a region has none to name. */
	if (probe->of->spec.region[0] == '\0')
		probe->region[0] = '\0';
	probe->answered = head->status == 200 && (probe->region[0] != '\0' ||
	    probe->of->spec.region[0] == '\0');
	probe->elsewhere = probe->answered &&
	    strcmp(probe->region, probe->of->spec.region) != 0;
}

static void
probe_body(struct exchange *ex, struct slice bytes, bool last)
{
	(void)ex, (void)bytes, (void)last;	/* the head has said it all */
}

static void
probe_drained(struct exchange *ex)
{
	(void)ex;
}

static void
probe_inform(struct exchange *ex, const struct h1_head *head)
{
	(void)ex, (void)head;
}

static void
probe_done(struct exchange *ex, enum exchange_end end)
{
	struct probe *probe = exchange_user(ex);
	char why[160];

	probe->asking = NULL;
	if (end != EXCHANGE_DONE && end != EXCHANGE_NO_DESCRIPTORS)
		buf_clear(&probe->told);
	if (exchange_is_elsewhere(ex)) {
		probe_end(probe, PROBE_ELSEWHERE,
		    "its certificate is not of this region");
	} else if (end == EXCHANGE_NO_DESCRIPTORS) {
		/* Says nothing of the upstream: a crowd of clients would
		 * take every engine of every region out of service. */
		probe_end(probe, PROBE_NOTHING, "");
	} else if (exchange_refusal(ex) != NULL) {
		snprintf(why, sizeof(why), "its TLS handshake fails: %s",
		    exchange_refusal(ex));
		probe_end(probe, PROBE_BAD, why);
	} else if (end != EXCHANGE_DONE) {
		snprintf(why, sizeof(why), "its probe failed (%s)",
		    exchange_end_name(end));
		probe_end(probe, PROBE_BAD, why);
	} else if (probe->elsewhere) {
		snprintf(why, sizeof(why), "it says its region is %s",
		    probe->region);
		probe_end(probe, PROBE_ELSEWHERE, why);
	} else if (!probe->answered) {
		snprintf(why, sizeof(why), probe->status == 200 ?
		    "its probe answers %u without naming a region" :
		    "its probe answers %u", probe->status);
		probe_end(probe, PROBE_BAD, why);
	} else {
		probe_end(probe, PROBE_GOOD, "");
	}
}

static const struct exchange_ops probe_ops = {
	.inform = probe_inform,
	.head = probe_head,
	.body = probe_body,
	.drained = probe_drained,
	.done = probe_done,
};

/* --- the question ---------------------------------------------------------- */

static void
probe_ask(struct timer *timer)
{
	struct probe *probe = list_entry(timer, struct probe, next);
	struct upstream *up = probe->of;
	struct upstreams *all = up->private->all;
	struct exchange_request request = {
		.head = slice_of(probe->head), .framing = H1_NO_BODY,
		.body_whole = true, .method = METHOD_GET,
	};

	upstream_resolve(up);
	if (!up->private->reachable) {
		timer_set(all->control, &probe->next,
		    jittered(all->probe.interval_ms));
		return;			/* the resolver says why, and wakes us */
	}
	probe->status = 0;
	probe->answered = probe->elsewhere = false;
	probe->asking = exchange_start(all->pools, up, &request, &probe_ops,
	    probe);
	exchange_is_probe(probe->asking);
	timer_set(all->control, &probe->deadline, all->probe.timeout_ms);
}

static void
probe_too_late(struct timer *timer)
{
	struct probe *probe = list_entry(timer, struct probe, deadline);

	buf_clear(&probe->told);
	probe_end(probe, PROBE_BAD, "its probe was not answered in time");
}

static char *
probe_request(const struct upstream *up)
{
	char host[ENDPOINT_TEXT];
	struct buf b = { 0 };

	if (up->spec.endpoint.kind == ENDPOINT_UNIX)
		snprintf(host, sizeof(host), "localhost");
	else
		endpoint_text(&up->spec.endpoint, host);
	buf_printf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n"
	    "User-Agent: portolan-probe\r\nConnection: close\r\n\r\n",
	    up->spec.link ? UPSTREAM_LINK_PROBE : up->private->all->path,
	    host);
	buf_cstr(&b);
	return b.p;
}

void
probe_init(struct probe *probe, struct upstream *of)
{
	probe->of = of;
	timer_init(&probe->next, probe_ask);
	timer_init(&probe->deadline, probe_too_late);
}

void
probe_start(struct probe *probe)
{
	bool first = probe->head == NULL;

	/* The path may be another one since the last reload; a question that
	 * is being asked still points at the old. */
	if (probe->asking != NULL)
		exchange_cancel(&probe->asking);
	timer_cancel(&probe->deadline);
	free(probe->head);
	probe->head = probe_request(probe->of);
	if (first)
		probe->good = probe->bad = 0;
	timer_set(probe->of->private->all->control, &probe->next, 0);
}

void
probe_soon(struct probe *probe)
{
	if (probe->head != NULL && probe->asking == NULL)
		timer_set(probe->of->private->all->control, &probe->next, 0);
}

void
probe_anew(struct probe *probe)
{
	probe->good = probe->bad = 0;
	if (probe->asking != NULL)
		exchange_cancel(&probe->asking);
	timer_cancel(&probe->deadline);
	probe_soon(probe);
}

void
probe_hurry(struct probe *probe)
{
	probe->hurry = probe->of->private->all->probe.fall;
	probe_soon(probe);
}

void
probe_doubt(struct probe *probe)
{
	unsigned fall = probe->of->private->all->probe.fall;

	if (probe->bad + 1 < fall)
		probe->bad = fall - 1;
	probe_hurry(probe);
}

void
probe_forget(struct probe *probe)
{
	probe->good = 0;
}

void
probe_stop(struct probe *probe)
{
	if (probe->asking != NULL)
		exchange_cancel(&probe->asking);
	timer_cancel(&probe->next);
	timer_cancel(&probe->deadline);
	free(probe->head);
	probe->head = NULL;
	buf_fini(&probe->told);
}

struct slice
probe_told(const struct probe *probe)
{
	return buf_all(&probe->told);
}
