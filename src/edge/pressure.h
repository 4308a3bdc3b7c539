/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * How near the process is to the end of its memory and descriptors, and what
 * it does about it, step by step: nobody new comes in and idle connections
 * are asked to leave; what is not runtime is refused; all is.  The console is
 * a process of its own and does not take part, nor do health and the edges of
 * other regions when they connect.
 *
 * The control thread measures, workers read the level for each request.
 */
#ifndef EDGE_PRESSURE_H
#define EDGE_PRESSURE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum pressure {
	PRESSURE_NONE,
	PRESSURE_CROWDED,		/* no new connections, idle ones leave */
	PRESSURE_SHED_CENTRAL,
	PRESSURE_SHED_ALL,
	PRESSURES
};

/*
 * The next level.  It falls only once there is more room than it took to rise
 * to it, so that it does not tremble.  most 0: no limit, no pressure.
 *
 * Descriptors may be those of connections to engines that are kept for a next
 * request: before any is refused for the want of them, these are closed, which
 * is what the first level does.
 */
enum pressure pressure_of_memory(enum pressure now, uint64_t used,
    uint64_t most);
enum pressure pressure_of_descriptors(enum pressure now, uint64_t used,
    uint64_t most);

/* Of the process, from /proc; 0 where it cannot be told. */
void process_memory(uint64_t *size_bytes, uint64_t *resident_bytes);
unsigned process_open_descriptors(void);

#endif
