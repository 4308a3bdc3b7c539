/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A few threads for what takes a processor milliseconds: a fiber hands over a
 * piece of work and waits, and its loop goes on with others.
 */
#ifndef STORE_WORKERS_H
#define STORE_WORKERS_H

#include "net/loop.h"

struct workers;

struct workers *workers_new(struct loop *loop, unsigned threads);
/* No fiber may wait any more. */
void workers_free(struct workers **workers);

/* fn(arg) on one of the threads; returns when it has.  On a fiber. */
void workers_run(struct workers *workers, void (*fn)(void *arg), void *arg);

#endif
