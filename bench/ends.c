/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Both ends of a proxy in one thread: the upstream behind it (lib/upstream.h)
 * and, when it is told to, the clients before it (lib/clients.h).  As two
 * programs on one core they would wake each other all the time, and cost more
 * than the proxy that they are to measure.
 *
 *	ends PORT REGION [FLOWS]
 *
 * A line on standard input, if that is a pipe, is a run of clients:
 *
 *	PORT COUNT SECONDS plain|tls|resumed FLOWS REGION ADDRESSES-FILE REQUEST-FILE
 *
 * A line of its outcome follows on standard output.  Ends with its input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/client.h"
#include "lib/clients.h"
#include "lib/loop.h"
#include "lib/upstream.h"

enum { WORD = 512, TICK_MS = 1000 };

static int has_order;

static void
on_order(struct source *s)
{
	(void)s;
	has_order = 1;
}

static enum over
read_over(const char *word)
{
	if (strcmp(word, "plain") == 0)
		return PLAIN;
	return strcmp(word, "tls") == 0 ? TLS : RESUMED;
}

static void
carry_out(void)
{
	char over[WORD], region[WORD], addresses[WORD], request[WORD];
	struct order o = { .region = region, .addresses = addresses,
	    .request = request };
	struct outcome out;
	int n = scanf("%hu %d %lf %511s %zu %511s %511s %511s", &o.port,
	    &o.count, &o.seconds, over, &o.flows, region, addresses, request);

	if (n == EOF)
		exit(0);
	if (n != 8 || o.count < 1 || o.count > CLIENTS) {
		fprintf(stderr, "ends: a line of eight words is expected\n");
		exit(2);
	}
	o.over = read_over(over);
	out = clients_run(&o);
	printf("good %zu bad %zu full %zu seconds %.6f\n", out.good, out.bad,
	    out.full, out.seconds);
	fflush(stdout);
}

static int
is_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

int
main(int argc, char **argv)
{
	struct source orders = { on_order, STDIN_FILENO };

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: ends PORT REGION [FLOWS]\n");
		return 2;
	}
	upstream_start((uint16_t)atoi(argv[1]), argv[2],
	    argc == 4 ? strtoul(argv[3], NULL, 10) : 0);
	if (is_pipe(STDIN_FILENO))
		watch(&orders, EPOLLIN, EPOLL_CTL_ADD);
	for (;;) {
		turn(TICK_MS);
		upstream_tick();
		if (has_order) {
			has_order = 0;
			carry_out();
		}
	}
}
