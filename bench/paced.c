/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An open-loop load generator: requests leave at a fixed rate whatever comes
 * back, and the latency of each counts from the moment it was to leave, so a
 * server that stalls cannot hide the requests that had to wait meanwhile.
 *
 *	paced PORT RATE SECONDS CONNECTIONS HOST PATH ADDRESSES-FILE
 *
 * RATE 0 is the other way, a closed loop: each connection asks again as soon
 * as its answer is there, and the latency counts from then.
 *
 * Prints sent, failed, and the latency's percentiles in microseconds.  The
 * first second is warm-up and does not count.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#include "lib/client.h"

enum { CONNS = 1024, IN_BYTES = 4096, WARM_S = 1,
    CLOSED_MOST = 300000 /* a second: no proxy of one thread does */ };

static struct conn {
	int	 fd;
	double	 due;			/* of the request on it */
	size_t	 got;
	char	 in[IN_BYTES];
} conns[CONNS];

static int idle[CONNS], nidle, loop;
static struct addresses addresses;
static double *latencies;
static size_t nlatencies, most, failed;

static void
connect_all(int count, uint16_t port)
{
	for (int i = 0; i < count; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 =
		    (uint32_t)i };

		conns[i].fd = dial(port);
		epoll_ctl(loop, EPOLL_CTL_ADD, conns[i].fd, &e);
		idle[nidle++] = i;
	}
}

static void
ask(struct conn *c, double due, const char *host, const char *path)
{
	static size_t next;
	char request[1024];
	int len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\n"
	    "Host: %s\r\nX-Forwarded-For: %s\r\n\r\n", path, host,
	    addresses.text[next++ % addresses.count]);

	c->due = due;
	c->got = 0;
	if (send(c->fd, request, (size_t)len, MSG_NOSIGNAL) != len)
		stop("send");
}

/* Whether the answer, of a small body with a length, is all there. */
static int
is_whole(struct conn *c)
{
	char *end, *length;

	c->in[c->got] = '\0';
	end = strstr(c->in, "\r\n\r\n");
	if (end == NULL)
		return 0;
	length = strcasestr(c->in, "\r\ncontent-length:");
	return length != NULL && length < end && c->got >=
	    (size_t)(end + 4 - c->in) + strtoul(length + 17, NULL, 10);
}

static void
hear(int i, double counts_from)
{
	struct conn *c = &conns[i];
	ssize_t n = recv(c->fd, c->in + c->got, IN_BYTES - 1 - c->got,
	    MSG_DONTWAIT);

	if (n <= 0)
		stop("an answer was expected");
	c->got += (size_t)n;
	if (!is_whole(c))
		return;
	if (strncmp(c->in, "HTTP/1.1 200", 12) != 0)
		failed++;
	if (c->due >= counts_from)
		latencies[nlatencies++] = now() - c->due;
	idle[nidle++] = i;
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double
percentile(double p)
{
	size_t at = (size_t)(p / 100 * (double)nlatencies);

	return latencies[at < nlatencies ? at : nlatencies - 1] * 1e6;
}

static void
run(double rate, double seconds, const char *host, const char *path)
{
	struct epoll_event events[256];
	double begin = now(), from = begin + WARM_S, until = from + seconds;
	size_t sent = 0, all = (size_t)((seconds + WARM_S) * rate);
	int busy = 1;

	while (sent < all || busy) {
		double t = now(), due = begin + (double)sent / rate;
		struct timespec wait = { 0, 0 };
		int n;

		while (sent < all && due <= t && nidle > 0) {
			ask(&conns[idle[--nidle]], due, host, path);
			due = begin + (double)++sent / rate;
		}
		if (sent == all && t > until + 5)
			break;		/* what is late by that much is lost */
		if (sent == all || nidle == 0)
			wait.tv_nsec = 1000 * 1000;
		else if (due > t)
			wait.tv_nsec = (long)((due - t) * 1e9) % 1000000000;
		n = epoll_pwait2(loop, events, 256, &wait, NULL);
		for (int i = 0; i < n; i++)
			hear((int)events[i].data.u32, from);
		busy = nlatencies < (size_t)(seconds * rate) - 1;
	}
}

/* Everybody asks all the time. */
static void
run_closed(double seconds, const char *host, const char *path)
{
	struct epoll_event events[256];
	double from = now() + WARM_S, until = from + seconds;
	struct timespec wait = { 1, 0 };

	while (now() < until && nlatencies < most) {
		int n;

		while (nidle > 0)
			ask(&conns[idle[--nidle]], now(), host, path);
		n = epoll_pwait2(loop, events, 256, &wait, NULL);
		for (int i = 0; i < n; i++)
			hear((int)events[i].data.u32, from);
	}
}

int
main(int argc, char **argv)
{
	double rate, seconds;
	int count;

	if (argc != 8) {
		fprintf(stderr, "usage: paced PORT RATE SECONDS CONNECTIONS "
		    "HOST PATH ADDRESSES-FILE\n");
		return 2;
	}
	rate = atof(argv[2]);
	seconds = atof(argv[3]);
	count = atoi(argv[4]);
	if (count < 1 || count > CONNS || rate < 0)
		return 2;
	most = (size_t)((rate > 0 ? rate : CLOSED_MOST) * (seconds + 1)) +
	    CONNS;
	latencies = malloc((most + CONNS) * sizeof(*latencies));
	if (latencies == NULL)
		stop("malloc");
	loop = epoll_create1(0);
	addresses = read_addresses(argv[7]);
	connect_all(count, (uint16_t)atoi(argv[1]));
	if (rate > 0)
		run(rate, seconds, argv[5], argv[6]);
	else
		run_closed(seconds, argv[5], argv[6]);
	if (nlatencies == 0)
		stop("no answers");
	qsort(latencies, nlatencies, sizeof(*latencies), compare);
	printf("count %zu failed %zu p50 %.0f p90 %.0f p99 %.0f p999 %.0f "
	    "max %.0f\n", nlatencies, failed, percentile(50), percentile(90),
	    percentile(99), percentile(99.9), percentile(100));
	return 0;
}
