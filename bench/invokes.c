/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Players of one flow (conf/flows/greeting.json), each of whom sends the next
 * invoke as soon as the last is answered:
 *
 *	invokes SOCKET CLIENTS SECONDS NAME-BYTES
 *
 * They go round between a page with inputs and a page that shows them; the
 * name typed is NAME-BYTES long, which is how the state gets its size.  Prints
 * invokes, failures, and the latency's percentiles in microseconds.  The first
 * second is warm-up and does not count.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/client.h"

#define FLOW	"5f0e7b1c-8a54-4b0a-a0a8-0d2f3a4b5c10"
#define PART(n)	"0c9f2d6e-3a1b-4c55-9e10-000000000" n

enum { CLIENTS_MAX = 1024, IN_BYTES = 256 * 1024, ID = 36, WARM_S = 1,
    LATENCIES = 16 * 1024 * 1024 };

static struct player {
	int	 fd;
	double	 sent;
	size_t	 got;
	char	 state[ID + 1], token[ID + 1], at[ID + 1];
	char	 in[IN_BYTES];
} *players;

static char *name;
static float *latencies;
static size_t nlatencies, failed;

static void
post(struct player *p, const char *path, const char *body)
{
	static char out[512 * 1024];
	int n = snprintf(out, sizeof(out), "POST %s HTTP/1.1\r\nHost: e\r\n"
	    "ManyWhoTenant: 7d8f2a54-6a4e-4a5b-9a56-7c1f6e0d1a01\r\n"
	    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
	    path, strlen(body), body);

	p->sent = now();
	p->got = 0;
	if (send(p->fd, out, (size_t)n, 0) != n)
		stop("send");
}

static void
send_next(struct player *p)
{
	static char body[256 * 1024];
	char path[64 + ID];
	const char *outcome = strcmp(p->at, PART("002")) == 0 ?
	    "\"" PART("201") "\"" : strcmp(p->at, PART("006")) == 0 ?
	    "\"" PART("601") "\"" : "null";

	snprintf(path, sizeof(path), "/api/run/1/state/%s", p->state);
	snprintf(body, sizeof(body), "{\"stateId\":\"%s\",\"stateToken\":\"%s\","
	    "\"currentMapElementId\":\"%s\",\"invokeType\":\"FORWARD\","
	    "\"mapElementInvokeRequest\":{\"selectedOutcomeId\":%s,"
	    "\"pageRequest\":{\"pageComponentInputResponses\":["
	    "{\"pageComponentId\":\"" PART("a03") "\",\"contentValue\":\"%s\"},"
	    "{\"pageComponentId\":\"" PART("a04") "\",\"contentValue\":\"9\"}"
	    "]}}}", p->state, p->token, p->at, outcome, name);
	post(p, path, body);
}

static void
begin(struct player *p, const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	p->fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		stop(path);
	post(p, "/api/run/1", "{\"flowId\":{\"id\":\"" FLOW "\"}}");
}

static void
take(struct player *p, char *to, const char *key)
{
	const char *at = strstr(p->in, key);

	if (at == NULL) {
		fprintf(stderr, "an answer without %s: %.300s\n", key, p->in);
		exit(1);
	}
	memcpy(to, at + strlen(key), ID);
}

/* Whether the answer is whole. */
static int
whole(struct player *p)
{
	const char *end, *length;

	p->in[p->got] = '\0';
	end = strstr(p->in, "\r\n\r\n");
	length = strstr(p->in, "Content-Length: ");
	return end != NULL && length != NULL && p->got >=
	    (size_t)(end + 4 - p->in) + strtoul(length + 16, NULL, 10);
}

static void
on_bytes(struct player *p, int counts)
{
	ssize_t n = recv(p->fd, p->in + p->got, IN_BYTES - 1 - p->got, 0);

	if (n <= 0)
		stop("the engine has closed");
	p->got += (size_t)n;
	if (!whole(p))
		return;
	if (counts && nlatencies < LATENCIES)
		latencies[nlatencies++] = (float)(now() - p->sent);
	if (strncmp(p->in, "HTTP/1.1 200 ", 13) != 0) {
		failed += counts != 0;
		send_next(p);
		return;
	}
	take(p, p->state, "\"stateId\":\"");
	take(p, p->token, "\"stateToken\":\"");
	take(p, p->at, "\"currentMapElementId\":\"");
	send_next(p);
}

static int
compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static double
percentile(double part)
{
	return nlatencies == 0 ? 0 :
	    (double)latencies[(size_t)((double)(nlatencies - 1) * part)] * 1e6;
}

int
main(int argc, char **argv)
{
	int clients = argc == 5 ? atoi(argv[2]) : 0, loop = epoll_create1(0);
	double seconds = argc == 5 ? atof(argv[3]) : 0, until, counts_from;
	size_t bytes = argc == 5 ? strtoul(argv[4], NULL, 10) : 0;
	struct epoll_event events[64];

	if (clients < 1 || clients > CLIENTS_MAX || bytes > 65536) {
		fputs("usage: invokes SOCKET CLIENTS SECONDS NAME-BYTES\n",
		    stderr);
		return 2;
	}
	name = calloc(1, bytes + 1);
	players = calloc((size_t)clients, sizeof(*players));
	latencies = malloc(LATENCIES * sizeof(*latencies));
	if (loop < 0 || name == NULL || players == NULL || latencies == NULL)
		stop("memory");
	memset(name, 'a', bytes);
	for (int i = 0; i < clients; i++) {
		struct epoll_event e = { EPOLLIN, { .ptr = &players[i] } };

		begin(&players[i], argv[1]);
		if (epoll_ctl(loop, EPOLL_CTL_ADD, players[i].fd, &e) < 0)
			stop("epoll_ctl");
	}
	counts_from = now() + WARM_S;
	until = counts_from + seconds;
	while (now() < until) {
		int n = epoll_wait(loop, events, 64, 100);

		for (int i = 0; i < n; i++)
			on_bytes(events[i].data.ptr, now() >= counts_from);
	}
	qsort(latencies, nlatencies, sizeof(*latencies), compare);
	printf("%zu %zu %.0f %.0f %.0f\n", nlatencies, failed,
	    percentile(.5), percentile(.99), percentile(1));
	return 0;
}
