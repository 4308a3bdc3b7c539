/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <stdio.h>

#include "edge/metrics_page.h"

uint64_t
metrics_sum_at(const struct page *p, size_t offset)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < p->edge->nworkers; i++)
		sum += count_read((_Atomic uint64_t *)(void *)((char *)
		    &p->edge->workers[i]->counters + offset));
	return sum;
}

static const char *
region_name(const struct page *p, unsigned region)
{
	return region < p->edge->plan->backends.nregions ?
	    p->edge->plan->region_ids[region].p : "none";
}

static unsigned
nregions(const struct page *p)
{
	return p->edge->plan->backends.nregions;
}

/* --- requests ------------------------------------------------------------------- */

static void
requests_of(struct page *p, unsigned region)
{
	char labels[160];

	for (unsigned class = 0; class < 3; class++)
		for (unsigned i = 0; counters_code(i) != NULL; i++) {
			uint64_t n = SUM_OF(p, requests, (region * 3 + class) *
			    COUNTED_CODES + i);

			if (n == 0)
				continue;
			snprintf(labels, sizeof(labels), "{region=\"%s\","
			    "class=\"%s\",code=\"%s\"}",
			    region_name(p, region), path_class_name(class),
			    counters_code(i));
			sample(p, "portolan_requests_total", labels, n);
		}
}

static void
requests(struct page *p)
{
	family(p, "portolan_requests_total", "counter",
	    "Requests by the region that executed them, class of path and "
	    "status.");
	for (unsigned r = 0; r < nregions(p); r++)
		requests_of(p, r);
	requests_of(p, NO_REGION);
}

static void
histogram_of(struct page *p, const char *name, unsigned region, size_t offset)
{
	uint64_t total = 0, us;
	char labels[96], full[96];

	snprintf(full, sizeof(full), "%s_bucket", name);
	for (int i = 0; i < DURATION_BUCKETS; i++) {
		total += metrics_sum_at(p, offset + (size_t)i *
		    sizeof(_Atomic uint64_t));
		snprintf(labels, sizeof(labels), "{region=\"%s\",le=\"%s\"}",
		    region_name(p, region), duration_bounds[i]);
		sample(p, full, labels, total);
	}
	us = metrics_sum_at(p, offset + offsetof(struct histogram, sum_us));
	buf_printf(p->out, "%s_sum{region=\"%s\"} %llu.%06llu\n", name,
	    region_name(p, region), (unsigned long long)us / 1000000,
	    (unsigned long long)us % 1000000);
	buf_printf(p->out, "%s_count{region=\"%s\"} %llu\n", name,
	    region_name(p, region), (unsigned long long)total);
}

static void
histograms(struct page *p, const char *name, const char *help, size_t offset)
{
	family(p, name, "histogram", help);
	for (unsigned r = 0; r <= NO_REGION; r++)
		if (r < nregions(p) || r == NO_REGION)
			histogram_of(p, name, r, offset + r *
			    sizeof(struct histogram));
}

static void
durations(struct page *p)
{
	histograms(p, "portolan_request_duration_seconds",
	    "From a request's first byte to its answer's last, tunnels left "
	    "out.", offsetof(struct counters, duration));
	histograms(p, "portolan_upstream_duration_seconds",
	    "From sending a request to an upstream to its answer's head.",
	    offsetof(struct counters, upstream));
}

/* --- decisions ------------------------------------------------------------------- */

static void
decisions(struct page *p)
{
	char labels[96];

	family(p, "portolan_decisions_total", "counter",
	    "Decisions by reason and region; refusals have no region.");
	for (unsigned d = 0; d < DECISIONS; d++)
		for (unsigned r = 0; r < nregions(p); r++) {
			snprintf(labels, sizeof(labels),
			    "{reason=\"%s\",region=\"%s\"}",
			    decided_by_names[d], region_name(p, r));
			sample(p, "portolan_decisions_total", labels,
			    SUM_OF(p, decided, d * REGIONS_MAX + r));
		}
	for (unsigned o = 0; o < OUTCOMES; o++) {
		if (o == OUTCOME_FORWARD)
			continue;
		snprintf(labels, sizeof(labels), "{reason=\"%s\",region=\"\"}",
		    outcome_name((enum outcome)o));
		sample(p, "portolan_decisions_total", labels,
		    SUM_OF(p, refused, o));
	}
}

static void
countries(struct page *p)
{
	char labels[96];

	family(p, "portolan_client_country_total", "counter",
	    "Decided requests by the client's country; empty: none known.");
	for (unsigned c = 0; c <= COUNTRIES; c++) {
		uint64_t n = SUM_OF(p, countries, c);

		if (n == 0)
			continue;
		snprintf(labels, sizeof(labels), "{country=\"%s\"}",
		    country_code((uint16_t)c));
		sample(p, "portolan_client_country_total", labels, n);
	}
}

static void
clients(struct page *p)
{
	char labels[96];

	countries(p);
	family(p, "portolan_client_class_total", "counter",
	    "Decided requests by what is known of the client's place.");
	for (unsigned c = 0; c < PLACE_CLASSES; c++) {
		snprintf(labels, sizeof(labels), "{class=\"%s\"}",
		    place_class_name((enum place_class)c));
		sample(p, "portolan_client_class_total", labels,
		    SUM_OF(p, classes, c));
	}
	family(p, "portolan_client_address_total", "counter",
	    "Where the client's address came from.");
	for (unsigned s = 0; s < CLIENT_SOURCES; s++) {
		snprintf(labels, sizeof(labels), "{source=\"%s\"}",
		    client_source_name((enum client_source)s));
		sample(p, "portolan_client_address_total", labels,
		    SUM_OF(p, sources, s));
	}
}

static void
known_restrictions(struct page *p)
{
	struct feed_state feed;

	feed_look(p->edge->feed, &feed);
	family(p, "portolan_restrictions", "gauge",
	    "Tenants and flows that a restriction binds.");
	sample(p, "portolan_restrictions", "", feed.count);
	family(p, "portolan_restrictions_bytes", "gauge",
	    "Memory that they take.");
	sample(p, "portolan_restrictions_bytes", "", feed.bytes);
	family(p, "portolan_restrictions_revision", "gauge",
	    "The last change that is known.");
	sample(p, "portolan_restrictions_revision", "", feed.revision);
	family(p, "portolan_restrictions_age_seconds", "gauge",
	    "Since they were known to be all there are.");
	sample(p, "portolan_restrictions_age_seconds", "",
	    feed.age_ms / 1000);
	family(p, "portolan_restrictions_pages_total", "counter",
	    "Answers of engines about restrictions.");
	sample(p, "portolan_restrictions_pages_total", "", feed.pages);
	family(p, "portolan_restrictions_failures_total", "counter",
	    "Questions about restrictions without a good answer.");
	sample(p, "portolan_restrictions_failures_total", "", feed.failures);
	family(p, "portolan_restrictions_copies_total", "counter",
	    "Copies of the restrictions written to disk.");
	sample(p, "portolan_restrictions_copies_total", "", feed.copies);
}

static void
restrictions(struct page *p)
{
	char labels[96];

	family(p, "portolan_restriction_denied_total", "counter",
	    "Requests refused by a restriction.");
	for (unsigned c = 0; c < PLACE_CLASSES; c++) {
		snprintf(labels, sizeof(labels),
		    "{kind=\"access\",reason=\"%s\"}",
		    place_class_name((enum place_class)c));
		sample(p, "portolan_restriction_denied_total", labels,
		    SUM_OF(p, access_denied, c));
	}
	sample(p, "portolan_restriction_denied_total",
	    "{kind=\"execution\",reason=\"host\"}", SUM(p, execution_denied));
	known_restrictions(p);
}

/* The ids of a set's regions, as far as there are regions of that number. */
static void
set_label(const struct page *p, uint32_t bits, struct buf *out)
{
	const char *before = "";

	buf_clear(out);
	buf_text(out, "{set=\"");
	for (unsigned i = 0; i < nregions(p); i++) {
		if ((bits & 1u << i) == 0)
			continue;
		buf_text(out, before);
		buf_text(out, region_name(p, i));
		before = "+";
	}
	buf_text(out, "\"}");
}

/* Each worker has its own list of sets, in its own order: one after the
 * other is taken out of all. */
static bool
next_set(const struct page *p, uint32_t above, uint32_t *bits, uint64_t *sum)
{
	uint32_t least = UINT32_MAX;

	*sum = 0;
	for (unsigned w = 0; w < p->edge->nworkers; w++)
		for (unsigned i = 0; i < COUNTED_SETS; i++) {
			struct counted_set *set = &p->edge->workers[w]->
			    counters.unavailable[i];
			uint32_t b = atomic_load_explicit(&set->bits,
			    memory_order_relaxed);

			if (b <= above || b > least)
				continue;
			*sum = (b < least ? 0 : *sum) +
			    count_read(&set->count);
			least = b;
		}
	*bits = least;
	return least != UINT32_MAX;
}

static void
unavailable(struct page *p)
{
	struct buf label = { 0 };
	uint32_t bits = 0;
	uint64_t n;

	family(p, "portolan_residency_unavailable_total", "counter",
	    "Requests refused because no region of the permitted set was up.");
	while (next_set(p, bits, &bits, &n)) {
		set_label(p, bits, &label);
		sample(p, "portolan_residency_unavailable_total",
		    buf_cstr(&label), n);
	}
	sample(p, "portolan_residency_unavailable_total", "{set=\"others\"}",
	    SUM(p, unavailable_others));
	buf_fini(&label);
}

/* --- one number each --------------------------------------------------------------- */

static const struct {
	const char	*name, *help;
	size_t		 offset;
} singles[] = {
	{ "portolan_residency_assert_failures_total", "Requests stopped on "
	    "their way to a region that may not have them; must stay 0.",
	    offsetof(struct counters, assert_failures) },
	{ "portolan_backend_mismatches_total", "Answers of engines that stand "
	    "in another region than configured.",
	    offsetof(struct counters, backend_mismatches) },
	{ "portolan_link_disagreements_total", "Requests from other edges "
	    "that this one may not serve.",
	    offsetof(struct counters, link_disagreements) },
	{ "portolan_loops_total", "Requests that had been here before.",
	    offsetof(struct counters, loops) },
	{ "portolan_upstream_attempts_total", "Requests sent to upstreams, "
	    "repetitions included.", offsetof(struct counters, attempts) },
	{ "portolan_idle_shed_total", "Times that a worker asked idle "
	    "connections to leave, since others need their place.",
	    offsetof(struct counters, idle_shed) },
	{ "portolan_retries_refused_total", "Requests not sent once more "
	    "because too many were.",
	    offsetof(struct counters, retries_refused) },
	{ "portolan_received_body_bytes_total", "Bytes of requests' bodies.",
	    offsetof(struct counters, received_bytes) },
	{ "portolan_sent_bytes_total", "Bytes of answers.",
	    offsetof(struct counters, sent_bytes) },
	{ "portolan_proxy_refused_total", "Connections closed because their "
	    "PROXY header was missing, malformed or from nobody who sends "
	    "one.", offsetof(struct counters, proxy_refused) },
	{ "portolan_tls_handshakes_failed_total", "Connections whose TLS "
	    "handshake failed, or that left in the middle of it.",
	    offsetof(struct counters, handshakes_failed) },
	{ "portolan_tls_hello_refused_total", "Connections closed because they "
	    "began with no ClientHello that could be read, where some are "
	    "passed on by its name.", offsetof(struct counters,
	    hello_refused) },
	{ "portolan_tls_passed_total", "Connections passed on to another "
	    "region, undecrypted.", offsetof(struct counters, passed) },
	{ "portolan_tls_pass_failed_total", "Connections closed because that "
	    "region's edge could not be reached.", offsetof(struct counters,
	    pass_failed) },
	{ "portolan_tls_passed_received_bytes_total", "Bytes of clients that "
	    "were passed on.", offsetof(struct counters,
	    pass_received_bytes) },
	{ "portolan_tls_passed_sent_bytes_total", "Bytes for clients that were "
	    "passed on.", offsetof(struct counters, pass_sent_bytes) },
	{ "portolan_h2_connections_total", "Connections that speak HTTP/2.",
	    offsetof(struct counters, h2_connections) },
	{ "portolan_h2_requests_total", "Requests that came by HTTP/2.",
	    offsetof(struct counters, h2_requests) },
	{ "portolan_h2_resets_total", "HTTP/2 streams that clients ended "
	    "early, or made us end.", offsetof(struct counters, h2_resets) },
	{ "portolan_h2_glitches_total", "HTTP/2 frames that moved nothing.",
	    offsetof(struct counters, h2_glitches) },
	{ "portolan_h2_malformed_total", "HTTP/2 frames and requests that "
	    "were against its rules.", offsetof(struct counters,
	    h2_malformed) },
	{ "portolan_h2_calmed_total", "HTTP/2 connections ended with "
	    "ENHANCE_YOUR_CALM.", offsetof(struct counters, h2_calmed) },
	{ "portolan_accept_pauses_total", "Times that limits.connections was "
	    "reached.", offsetof(struct counters, connections_paused) },
};

static void
all_singles(struct page *p)
{
	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++) {
		family(p, singles[i].name, "counter", singles[i].help);
		sample(p, singles[i].name, "", metrics_sum_at(p, singles[i].offset));
	}
}

static void
retries(struct page *p)
{
	char labels[96];

	family(p, "portolan_retries_total", "counter",
	    "Requests sent once more, by the reason.");
	for (unsigned i = 0; i < RETRIES; i++) {
		snprintf(labels, sizeof(labels), "{why=\"%s\"}",
		    retry_names[i]);
		sample(p, "portolan_retries_total", labels,
		    SUM_OF(p, retries, i));
	}
}

static void
limits(struct page *p)
{
	char labels[96];

	family(p, "portolan_limited_total", "counter",
	    "Requests that met a limit: refused, or let through by dry_run.");
	for (unsigned i = LIMIT_NONE + 1; i < LIMITS; i++) {
		snprintf(labels, sizeof(labels),
		    "{limit=\"%s\",result=\"refused\"}", limit_names[i]);
		sample(p, "portolan_limited_total", labels,
		    SUM_OF(p, limited, i));
		if (limit_dry_names[i] == NULL)
			continue;
		snprintf(labels, sizeof(labels),
		    "{limit=\"%s\",result=\"dry-run\"}", limit_names[i]);
		sample(p, "portolan_limited_total", labels,
		    SUM_OF(p, limited_dry, i));
	}
	family(p, "portolan_rate_buckets_lost_total", "counter",
	    "Token buckets given to another key before they were full.");
	sample(p, "portolan_rate_buckets_lost_total", "{limit=\"client\"}",
	    buckets_lost(p->edge->shared->clients));
	sample(p, "portolan_rate_buckets_lost_total", "{limit=\"tenant\"}",
	    buckets_lost(p->edge->shared->tenants));
}

static void
places(struct page *p)
{
	struct shared *shared = p->edge->shared;
	char labels[96];

	family(p, "portolan_active_requests", "gauge",
	    "Requests under way, by the region that they go to.");
	for (unsigned r = 0; r < nregions(p); r++) {
		snprintf(labels, sizeof(labels), "{region=\"%s\"}",
		    region_name(p, r));
		sample(p, "portolan_active_requests", labels,
		    entry_active(shared, r));
	}
	family(p, "portolan_pressure", "gauge",
	    "1: no new connections; 2: only runtime is served; 3: nothing.");
	sample(p, "portolan_pressure", "{by=\"memory\"}",
	    p->edge->memory_pressure);
	sample(p, "portolan_pressure", "{by=\"descriptors\"}",
	    p->edge->descriptor_pressure);
	family(p, "portolan_held_body_bytes", "gauge",
	    "Of bodies that are held back to find their flow.");
	sample(p, "portolan_held_body_bytes", "",
	    atomic_load(&shared->held_bytes));
	family(p, "portolan_queued_requests", "gauge",
	    "Requests that wait for a place.");
	for (unsigned i = LIMIT_TENANT_REQUESTS; i <= LIMIT_DESCRIPTORS; i++) {
		snprintf(labels, sizeof(labels), "{limit=\"%s\"}",
		    limit_names[i]);
		sample(p, "portolan_queued_requests", labels, atomic_load(
		    &shared->waiting[i]));
	}
	family(p, "portolan_queued_total", "counter",
	    "Requests that had to wait for a place.");
	for (unsigned i = LIMIT_TENANT_REQUESTS; i <= LIMIT_DESCRIPTORS; i++) {
		snprintf(labels, sizeof(labels), "{limit=\"%s\"}",
		    limit_names[i]);
		sample(p, "portolan_queued_total", labels,
		    SUM_OF(p, queued, i));
	}
}

static void
testers(struct page *p)
{
	char labels[96];

	family(p, "portolan_explain_tokens_total", "counter",
	    "Tokens in X-ManyWho-Region-Explain, by what they were.");
	for (unsigned v = 0; v < EXPLAIN_TOKEN_VERDICTS; v++) {
		snprintf(labels, sizeof(labels), "{result=\"%s\"}",
		    explain_token_verdict_name(
		    (enum explain_token_verdict)v));
		sample(p, "portolan_explain_tokens_total", labels,
		    SUM_OF(p, explain_tokens, v));
	}
}

/* Each worker has its own list of rules, in its own order. */
static uint64_t
sum_rule(const struct page *p, const char *rule)
{
	uint64_t sum = 0;

	for (unsigned w = 0; w < p->edge->nworkers; w++)
		for (unsigned i = 0; i < COUNTED_RULES; i++) {
			struct counters *c = &p->edge->workers[w]->counters;
			const char *name = atomic_load_explicit(
			    &c->rules[i].name, memory_order_acquire);

			if (name != NULL && strcmp(name, rule) == 0)
				sum += count_read(&c->rules[i].count);
		}
	return sum;
}

static bool
seen_before(const struct page *p, unsigned worker, const char *rule)
{
	for (unsigned w = 0; w < worker; w++)
		for (unsigned i = 0; i < COUNTED_RULES; i++) {
			const char *name = atomic_load_explicit(
			    &p->edge->workers[w]->counters.rules[i].name,
			    memory_order_acquire);

			if (name != NULL && strcmp(name, rule) == 0)
				return true;
		}
	return false;
}

static void
rejects(struct page *p)
{
	char labels[96];

	family(p, "portolan_http_rejects_total", "counter",
	    "Requests refused by a rule of HTTP.");
	for (unsigned w = 0; w < p->edge->nworkers; w++)
		for (unsigned i = 0; i < COUNTED_RULES; i++) {
			const char *name = atomic_load_explicit(
			    &p->edge->workers[w]->counters.rules[i].name,
			    memory_order_acquire);

			if (name == NULL || seen_before(p, w, name))
				continue;
			snprintf(labels, sizeof(labels), "{rule=\"%s\"}",
			    name);
			sample(p, "portolan_http_rejects_total", labels,
			    sum_rule(p, name));
		}
}

void
edge_metrics_write(const struct edge *edge, struct buf *out)
{
	struct page p = { edge, out };

	requests(&p);
	durations(&p);
	decisions(&p);
	clients(&p);
	restrictions(&p);
	unavailable(&p);
	all_singles(&p);
	retries(&p);
	limits(&p);
	places(&p);
	testers(&p);
	rejects(&p);
	metrics_write_state(&p);
}
