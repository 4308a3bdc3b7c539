/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Between worker.c (a worker's life) and worker_accept.c (who connects to it).
 */
#ifndef EDGE_WORKER_PRIVATE_H
#define EDGE_WORKER_PRIVATE_H

#include "edge/worker.h"

enum { WORKER_LOOK_MS = 50 };

/* Listens where the plan says, and nowhere else; and to so many clients. */
void worker_take_listeners(struct worker *w, struct plan *plan);
void worker_take_connections(struct worker *w, const struct plan *plan);
/* NULL: all of them. */
void worker_close_listeners(struct worker *w,
    const struct plan *but_those_of);

/* Clients, whether they are served or passed on. */
uint64_t worker_connections(const struct worker *w);
bool worker_is_full(const struct worker *w);
void worker_become_full(struct worker *w);

/* The timer look: whether there is room again, or it is over. */
void worker_on_look(struct timer *timer);

#endif
