/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Address space cut into spans, each with a number: from 0 to the last
 * address, without gaps.  Written once in order of address, then read by any
 * number of threads.  Exact to the last bit; a look-up is a few loads, no
 * lock and no allocation.
 *
 * Sixteen bits of the address choose a bucket, and within it a short search
 * finds the span; in IPv6, where one bucket may hold most of a registry's
 * space, by way of a shallow tree.
 */
#ifndef GEO_SPANS_H
#define GEO_SPANS_H

#include <stddef.h>
#include <stdint.h>

/* An address as a number; standard C has none that is wide enough. */
typedef unsigned __int128 ip_number;

enum { SPAN_NUMBER_BITS = 29 };		/* numbers are below 2^29 */

struct spans4;
struct spans6;

struct spans4 *spans4_new(void);
struct spans6 *spans6_new(void);
void spans4_free(struct spans4 **spans);
void spans6_free(struct spans6 **spans);

/*
 * From start on, up to the next start that is given, the number holds.  The
 * first start is 0, and they ascend; equal neighbours become one span.
 */
void spans4_add(struct spans4 *spans, uint32_t start, uint32_t number);
void spans6_add(struct spans6 *spans, ip_number start, uint32_t number);

/* Ends the writing; before it nothing may be looked up. */
void spans4_finish(struct spans4 *spans);
void spans6_finish(struct spans6 *spans);

/* Sends for what a look-up reads first; other things may be done before it. */
void spans4_expect(const struct spans4 *spans, uint32_t ip);
void spans6_expect(const struct spans6 *spans, uint64_t high);

uint32_t spans4_find(const struct spans4 *spans, uint32_t ip);
uint32_t spans6_find(const struct spans6 *spans, uint64_t high, uint64_t low);

/*
 * The number at an address, and in *last how far it holds at least: for
 * going through everything.
 */
uint32_t spans4_span(const struct spans4 *spans, uint32_t ip, uint32_t *last);
uint32_t spans6_span(const struct spans6 *spans, ip_number ip,
    ip_number *last);

size_t spans4_bytes(const struct spans4 *spans);
size_t spans6_bytes(const struct spans6 *spans);

#endif
