/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Measures memory and descriptors of the process, and tells the workers when
 * there is little left of either (pressure.h).  Control thread.
 */
#include <malloc.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/process.h"

enum {
	GAUGE_MS = 500,
	/* Descriptors are counted one by one: a hundredth of the time. */
	COUNT_SHARE = 100,
};

static void
tell(const char *what, enum pressure was, enum pressure is)
{
	static const char *const does[PRESSURES] = {
		[PRESSURE_NONE] = "connections are taken again",
		[PRESSURE_CROWDED] = "no new connections are taken, and idle "
		    "ones are closed",
		[PRESSURE_SHED_CENTRAL] = "only runtime requests are served",
		[PRESSURE_SHED_ALL] = "requests are refused",
	};

	if (is > was)
		log_warn("overload: %s: %s", what, does[is]);
	else if (is < was)
		log_info("overload: %s: %s", what, does[is]);
}

static void
measure(struct edge *edge)
{
	enum pressure memory = edge->memory_pressure;
	enum pressure descriptors = edge->descriptor_pressure;
	uint64_t most = edge->plan->config->limits.memory, size, used;
	uint64_t now_us = clock_us();
	struct rlimit limit;

	process_memory(&size, &used);
	edge->memory_pressure = pressure_of_memory(memory, used, most);
	if (now_us >= edge->count_at_us &&
	    getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		edge->descriptor_pressure = pressure_of_descriptors(
		    descriptors, process_open_descriptors(),
		    limit.rlim_cur == RLIM_INFINITY ? 0 : limit.rlim_cur);
		edge->count_at_us = now_us +
		    (clock_us() - now_us) * COUNT_SHARE;
	}
	tell("limits.memory", memory, edge->memory_pressure);
	tell("open files", descriptors, edge->descriptor_pressure);
	/* What was freed in pieces is still ours. */
	if (edge->memory_pressure > PRESSURE_NONE)
		malloc_trim(0);
}

static void
on_gauge(struct timer *timer)
{
	struct edge *edge = list_entry(timer, struct edge, gauge);
	struct shared *s = edge->shared;
	enum pressure was = (enum pressure)atomic_load(&s->pressure), is;

	measure(edge);
	is = edge->memory_pressure > edge->descriptor_pressure ?
	    edge->memory_pressure : edge->descriptor_pressure;
	atomic_store(&s->pressed_by, edge->memory_pressure == is ?
	    LIMIT_MEMORY : LIMIT_DESCRIPTORS);
	atomic_store(&s->pressure, (uint8_t)is);
	for (unsigned i = 0; i < edge->nworkers && is > was; i++)
		worker_press(edge->workers[i]);
	timer_set(edge->loop, timer, GAUGE_MS);
}

void
edge_gauge_start(struct edge *edge)
{
	timer_init(&edge->gauge, on_gauge);
	timer_set(edge->loop, &edge->gauge, GAUGE_MS);
}
