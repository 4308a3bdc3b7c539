/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the load generators and the servers before and behind the proxies
 * share: they stop at the first thing that goes wrong, since a figure that
 * follows would say nothing.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

/* Ends the program with errno's word on it. */
noreturn void stop(const char *what);

/* Seconds, monotonic. */
double now(void);

/* Of clients, to be told in X-Forwarded-For: one a line, at least one. */
struct addresses {
	char		(*text)[48];
	size_t		 count;
};

struct addresses read_addresses(const char *file);

/* A connected socket to that port of loopback, without Nagle's delay. */
int dial(uint16_t port);

/* The same, which does not block and may not be connected yet. */
int dial_begin(uint16_t port);

/* A socket that listens on that port of loopback and does not block. */
int listen_on(uint16_t port);

/* What a head says of its body, 0 where it says nothing. */
size_t content_length(const char *head, size_t len);

#endif
