/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The upstream of the benchmark: answers every request with the same bytes and
 * reads nothing but path and Content-Length, so that it costs a fraction of
 * any proxy before it.
 *
 * A path that holds /64k or /1m gets a body of that size, /echo the head that
 * came, others 128 bytes.  With flows it is an engine in one thing more: edges
 * that ask hear of so many restricted flows (policy.source: engines), flow i
 * of tenant i % TENANTS.  Each may run in the region's country and be used
 * from everywhere, but for the last: who is refused that one has heard of all.
 */
#ifndef BENCH_UPSTREAM_H
#define BENCH_UPSTREAM_H

#include <stddef.h>
#include <stdint.h>

enum { TENANTS = 1000 };

/* Listens on loopback and answers by the loop (loop.h); region is borrowed. */
void upstream_start(uint16_t port, const char *region, size_t flows);

/* To be called at least every few seconds where there are flows: who waits
 * for news of them is told in time that there are none. */
void upstream_tick(void);

#endif
