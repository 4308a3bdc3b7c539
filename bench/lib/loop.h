/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The events of both ends of a proxy (../ends.c), by epoll, level-triggered.
 * One thread.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <stdint.h>

/* Lives in whoever waits; may be gone only once its fd is closed. */
struct source {
	void		(*ready)(struct source *);
	int		 fd;
};

/* how: EPOLL_CTL_ADD or _MOD. */
void watch(struct source *s, uint32_t events, int how);

/* Waits for events, ms at most (-1: for ever), and sees to each. */
void turn(int ms);

#endif
