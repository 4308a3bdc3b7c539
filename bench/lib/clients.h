/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The clients of the benchmark: a closed loop in which each asks again as soon
 * as it has its answer, by the loop (loop.h).
 *
 * Every answer's status and length are looked at; the first of each connection
 * must also have the region in both region headers, each once.
 */
#ifndef BENCH_CLIENTS_H
#define BENCH_CLIENTS_H

#include <stddef.h>
#include <stdint.h>

enum { CLIENTS = 1024 };

enum over { PLAIN, TLS, RESUMED };	/* a ticket is used once */

struct order {
	uint16_t	 port;		/* of the proxy, on loopback */
	int		 count;		/* at a time, CLIENTS at most */
	double		 seconds;
	enum over	 over;
	size_t		 flows;		/* {flow} is any of them but the last */
	const char	*region;	/* "-": headers are not looked at */
	const char	*addresses;	/* file (client.h) */
	/* File of the request, in which {address} is the next of those, and
	 * {tenant} and {flow} are of one flow (upstream.h).  With
	 * `Connection: close` in it each has a connection of its own. */
	const char	*request;
};

struct outcome {
	size_t		 good, bad;
	size_t		 full;		/* handshakes that did not resume */
	double		 seconds;	/* until the last answer */
};

struct outcome clients_run(const struct order *o);

#endif
