/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <sys/resource.h>
#include <stdio.h>

#include "base/clock.h"
#include "edge/metrics_page.h"
#include "edge/stores.h"

/* Of the tree that this was built from. */
static const char commit[] =
#include "commit.inc"
    ;

/* --- upstreams ------------------------------------------------------------------ */

/* One number of each upstream. */
struct upstream_family {
	const char	*name, *type, *help;
	uint64_t	(*value)(struct upstream *);
	bool		 engines_only;
};

static uint64_t
is_up(struct upstream *u)
{
	return upstream_is_up(u);
}

static uint64_t
is_kept(struct upstream *u)
{
	return upstream_is_kept(u, clock_ms());
}

static uint64_t
requests_of(struct upstream *u)
{
	return atomic_load(&u->requests);
}

static uint64_t
ejections_of(struct upstream *u)
{
	return atomic_load(&u->ejections);
}

static uint64_t
errors_of(struct upstream *u)
{
	return atomic_load(&u->errors);
}

static uint64_t
store_calls_of(struct upstream *u)
{
	return atomic_load(&u->store_calls);
}

static uint64_t
store_failures_of(struct upstream *u)
{
	return atomic_load(&u->store_failures);
}

static const struct upstream_family upstream_families[] = {
	{ "portolan_upstream_up", "gauge",
	    "1 if the engine or edge answers its probes.", is_up, false },
	{ "portolan_upstream_requests_total", "counter",
	    "Exchanges with an engine or edge.", requests_of, false },
	{ "portolan_upstream_ejections_total", "counter",
	    "Times that an engine got no requests for a while, since they "
	    "failed.", ejections_of, false },
	{ "portolan_upstream_kept", "gauge",
	    "1 if an engine fails requests and is in service all the same, "
	    "since too few others are.", is_kept, false },
	{ "portolan_upstream_errors_total", "counter",
	    "Exchanges with an engine or edge that failed.", errors_of,
	    false },
	/* who has told nothing has had no calls */
	{ "portolan_tenant_store_calls_total", "counter",
	    "Calls of stores that are tenants' own, by an engine.",
	    store_calls_of, true },
	{ "portolan_tenant_store_failures_total", "counter",
	    "Those that failed, each try counted.", store_failures_of, true },
};

static void
of_each_upstream(struct page *p, const struct upstream_family *f)
{
	const struct backends *b = &p->edge->plan->backends;

	family(p, f->name, f->type, f->help);
	for (size_t i = 0; i < b->count; i++)
		if (!f->engines_only || !b->all[i]->spec.link)
			buf_printf(p->out, "%s{region=\"%s\",engine=\"%s\"} "
			    "%llu\n", f->name, b->all[i]->spec.region,
			    b->all[i]->name,
			    (unsigned long long)f->value(b->all[i]));
}

/* --- the edge ------------------------------------------------------------------- */

static void
connections(struct page *p)
{
	uint64_t open = 0, accepted = 0;

	for (unsigned i = 0; i < p->edge->nworkers; i++) {
		struct worker *w = p->edge->workers[i];

		open += count_read(&w->counters.connections);
		accepted += count_read(&w->counters.accepted);
	}
	family(p, "portolan_connections", "gauge", "Connections of clients, and "
	    "ours to engines and edges.");
	sample(p, "portolan_connections", "{side=\"client\",state=\"open\"}",
	    open);
	sample(p, "portolan_connections",
	    "{side=\"upstream\",state=\"busy\"}", SUM(p, upstream_busy));
	sample(p, "portolan_connections",
	    "{side=\"upstream\",state=\"idle\"}", SUM(p, upstream_idle));
	sample(p, "portolan_connections", "{side=\"client\",state=\"passed\"}",
	    SUM(p, passages));
	family(p, "portolan_connections_accepted_total", "counter",
	    "Connections that clients made.");
	sample(p, "portolan_connections_accepted_total", "", accepted);
	family(p, "portolan_access_log_dropped_total", "counter",
	    "Access lines that the log did not take.");
	sample(p, "portolan_access_log_dropped_total", "",
	    log_writer_dropped(p->edge->writers.lines));
	family(p, "portolan_trace_spans_total", "counter",
	    "Spans by whether a collector took them.");
	sample(p, "portolan_trace_spans_total", "{result=\"delivered\"}",
	    log_writer_delivered(p->edge->writers.spans));
	sample(p, "portolan_trace_spans_total", "{result=\"dropped\"}",
	    log_writer_dropped(p->edge->writers.spans));
}

static void
generation(struct page *p)
{
	const struct edge *e = p->edge;

	family(p, "portolan_config_generation", "gauge",
	    "The generation in service.");
	sample(p, "portolan_config_generation", "", e->plan->generation->id);
	family(p, "portolan_config_last_reload_successful", "gauge",
	    "1 if the last load was taken into service.");
	sample(p, "portolan_config_last_reload_successful", "", e->last_good);
	family(p, "portolan_config_last_reload_timestamp_seconds", "gauge",
	    "When a generation was last taken into service.");
	sample(p, "portolan_config_last_reload_timestamp_seconds", "",
	    e->last_unix_ms / 1000);
	family(p, "portolan_geoip_db_build_timestamp_seconds", "gauge",
	    "Build time of the geo database in service; 0: none.");
	sample(p, "portolan_geoip_db_build_timestamp_seconds", "",
	    e->plan->db_epoch);
	family(p, "portolan_geoip_db_held", "gauge",
	    "1 while the database's file is held back, the old one serving.");
	sample(p, "portolan_geoip_db_held", "",
	    e->plan->generation->database_held != NULL);
	family(p, "portolan_geoip_reload_total", "counter",
	    "New geo databases, taken or held back.");
	sample(p, "portolan_geoip_reload_total", "{result=\"taken\"}",
	    e->db_good);
	sample(p, "portolan_geoip_reload_total", "{result=\"held\"}",
	    e->db_held);
}

static void
overrides(struct page *p)
{
	const struct overrides *o = &p->edge->overrides;
	char labels[96];

	family(p, "portolan_region_override", "gauge",
	    "Regions that are down, drained or held up by an operator's word.");
	for (size_t i = 0; i < o->count; i++) {
		snprintf(labels, sizeof(labels),
		    "{region=\"%s\",state=\"%s\"}", o->list[i].region,
		    override_name(o->list[i].kind));
		sample(p, "portolan_region_override", labels, 1);
	}
}

/* --- certificates ------------------------------------------------------- */

static bool
has_name(const struct tls_certificate_info *info, size_t count,
    const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(info->names[i], name) == 0)
			return true;
	return false;
}

/* Of several certificates for a name (keys of two types) the first to end;
 * -1 if it has been told already. */
static int64_t
first_expiry(const struct tls_context *tls, size_t k, size_t n)
{
	const struct tls_certificate_info *info =
	    tls_context_certificate(tls, k);
	int64_t first = info->expiry;

	if (has_name(info, n, info->names[n]))
		return -1;
	for (size_t i = 0; i < tls_context_count(tls); i++) {
		const struct tls_certificate_info *other =
		    tls_context_certificate(tls, i);

		if (i == k || !has_name(other, other->nnames, info->names[n]))
			continue;
		if (i < k)
			return -1;
		if (other->expiry < first)
			first = other->expiry;
	}
	return first;
}

static void
expiry(struct page *p, const char *listener, const char *name, int64_t at)
{
	if (at >= 0)
		buf_printf(p->out,
		    "portolan_tls_cert_expiry_timestamp_seconds{listener="
		    "\"%s\",name=\"%s\"} %lld\n", listener, name,
		    (long long)at);
}

/* By the names that they are for, or the listener's where the first has none,
 * as the link's. */
static void
certificates_of(struct page *p, const char *listener,
    const struct tls_context *tls)
{
	if (tls_context_certificate(tls, 0)->nnames == 0)
		expiry(p, listener, listener, tls_context_expiry(tls));
	for (size_t k = 0; k < tls_context_count(tls); k++)
		for (size_t n = 0;
		    n < tls_context_certificate(tls, k)->nnames; n++)
			expiry(p, listener, tls_context_certificate(tls,
			    k)->names[n], first_expiry(tls, k, n));
}

static void
certificates(struct page *p)
{
	const struct plan *plan = p->edge->plan;

	family(p, "portolan_tls_cert_expiry_timestamp_seconds", "gauge",
	    "End of validity of a listener's certificate, by name.");
	for (size_t i = 0; i < plan->config->nlisteners; i++) {
		const char *listener = plan->config->listeners[i].name;
		const struct tls_context *tls =
		    plan->generation->listener_tls[i];

		if (tls != NULL)
			certificates_of(p, listener, tls);
	}
	if (plan->generation->console_tls != NULL)
		certificates_of(p, "console", plan->generation->console_tls);
}

/* --- the process ---------------------------------------------------------------- */

static void
process(struct page *p)
{
	uint64_t us, size, resident;
	struct rlimit files;
	struct rusage use;

	family(p, "portolan_build_info", "gauge", "What is running.");
	buf_printf(p->out, "portolan_build_info{version=\"%s\",commit=\"%s\"} "
	    "1\n", PORTOLAN_VERSION, commit);
	getrusage(RUSAGE_SELF, &use);
	us = (uint64_t)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
	    (uint64_t)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
	family(p, "process_cpu_seconds_total", "counter",
	    "User and system time.");
	buf_printf(p->out, "process_cpu_seconds_total %llu.%06llu\n",
	    (unsigned long long)us / 1000000,
	    (unsigned long long)us % 1000000);
	process_memory(&size, &resident);
	family(p, "process_virtual_memory_bytes", "gauge",
	    "Virtual memory.");
	sample(p, "process_virtual_memory_bytes", "", size);
	family(p, "process_resident_memory_bytes", "gauge",
	    "Resident memory.");
	sample(p, "process_resident_memory_bytes", "", resident);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
		family(p, "process_max_fds", "gauge",
		    "How many descriptors may be open.");
		sample(p, "process_max_fds", "", files.rlim_cur);
	}
	family(p, "process_open_fds", "gauge", "Open descriptors.");
	sample(p, "process_open_fds", "", process_open_descriptors());
	family(p, "process_start_time_seconds", "gauge",
	    "Start of the process.");
	sample(p, "process_start_time_seconds", "",
	    p->edge->began_unix_ms / 1000);
}

void
metrics_write_state(struct page *p)
{
	for (size_t i = 0; i < sizeof(upstream_families) /
	    sizeof(upstream_families[0]); i++)
		of_each_upstream(p, &upstream_families[i]);
	stores_metrics(p->edge, p->out);
	overrides(p);
	connections(p);
	generation(p);
	certificates(p);
	process(p);
}
