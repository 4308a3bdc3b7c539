/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The upstream of the benchmark: one thread, epoll, answers every request
 * with the same bytes and reads nothing but path and Content-Length, so that
 * it costs a fraction of any proxy before it.
 *
 *	responder PORT REGION [FLOWS]
 *
 * A path that holds /64k or /1m gets a body of that size, /echo the head that
 * came, others 128 bytes.  With FLOWS it is an engine in one thing more: edges
 * that ask hear of so many restricted flows (policy.source: engines), flow i
 * of tenant i % TENANTS.  Each may run in REGION's country and be used from
 * everywhere, but for the last: who is refused that one has heard of all.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/client.h"

enum { CONNS = 65536, IN_BYTES = 64 * 1024, TENANTS = 1000, PAGE = 20000,
    CHANGE_BYTES = 320, HEAD_BYTES = 256, NO_NEWS_S = 8 };

struct answer {
	char	*bytes;
	size_t	 len;
};

/* What a slow reader has not taken yet of one answer. */
static struct { const struct answer *answer; size_t at; } waiting[CONNS];
/* What is still to come of a request's body. */
static size_t body_left[CONNS];
static struct answer small, medium, large, echoed, page;
/* Who asked for news of flows when there were none, and since when. */
static int parked = -1;
static double parked_at;
static size_t flows;
static const char *region;
static char in[IN_BYTES];
static int loop;

static size_t
write_head(char to[HEAD_BYTES], size_t body)
{
	return (size_t)snprintf(to, HEAD_BYTES, "HTTP/1.1 200 OK\r\n"
	    "Content-Type: application/json\r\n"
	    "X-ManyWho-Region-Backend: %s\r\nContent-Length: %zu\r\n\r\n",
	    region, body);
}

static struct answer
make_room(size_t bytes)
{
	struct answer a = { malloc(bytes), 0 };

	if (a.bytes == NULL)
		stop("malloc");
	return a;
}

static struct answer
make_answer(size_t body)
{
	struct answer a = make_room(body + HEAD_BYTES);

	a.len = write_head(a.bytes, body);
	memset(a.bytes + a.len, 'x', body);
	a.len += body;
	return a;
}

/* What stands in a from at on is the body: its head comes before it. */
static void
finish_answer(struct answer *a, size_t at)
{
	char head[HEAD_BYTES];
	size_t body = a->len - at, n = write_head(head, body);

	memmove(a->bytes + n, a->bytes + at, body);
	memcpy(a->bytes, head, n);
	a->len = n + body;
}

static void
end(int fd)
{
	waiting[fd].answer = NULL;
	body_left[fd] = 0;
	if (fd == parked)
		parked = -1;
	close(fd);
}

static void
watch(int fd, uint32_t events, int how)
{
	struct epoll_event e = { .events = events, .data.fd = fd };

	if (epoll_ctl(loop, how, fd, &e) != 0)
		stop("epoll_ctl");
}

static void
push(int fd)
{
	const struct answer *a = waiting[fd].answer;
	ssize_t n = send(fd, a->bytes + waiting[fd].at,
	    a->len - waiting[fd].at, MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		end(fd);
		return;
	}
	waiting[fd].at += n < 0 ? 0 : (size_t)n;
	if (waiting[fd].at < a->len) {
		watch(fd, EPOLLOUT, EPOLL_CTL_MOD);
		return;
	}
	if (waiting[fd].at == a->len && a != &small)
		watch(fd, EPOLLIN, EPOLL_CTL_MOD);
	waiting[fd].answer = NULL;
}

/* --- what edges ask of restrictions ------------------------------------------- */

static size_t
write_change(char *to, size_t i)
{
	static const char *const more[] = { "CA", "GB", "DE", "JP", "BR", "ZA",
	    "IN" };

	return (size_t)snprintf(to, CHANGE_BYTES,
	    "%s{\"tenant\":\"%08zx-7e4a-4000-8000-%012zx\",\"flow\":"
	    "\"%08zx-f10e-4000-8000-%012zx\",\"restrictions\":{\"access\":"
	    "{\"enabled\":true,%s},\"execution\":{\"enabled\":true,"
	    "\"countries\":[\"US\",\"%s\"]}}}", i % PAGE == 0 ? "" : ",",
	    i % TENANTS, i % TENANTS, i, i, i + 1 == flows ?
	    "\"countries\":[\"SZ\"]" : "\"continents\":[\"AF\",\"AN\","
	    "\"AS\",\"EU\",\"NA\",\"OC\",\"SA\"]", more[i % 7]);
}

/* since is a multiple of PAGE, or all of them. */
static const struct answer *
make_page(size_t since)
{
	size_t until = since + PAGE < flows ? since + PAGE : flows;

	if (page.bytes == NULL)
		page = make_room(3 * HEAD_BYTES + PAGE * CHANGE_BYTES);
	page.len = HEAD_BYTES + (size_t)sprintf(page.bytes + HEAD_BYTES, "{\"epoch\":"
	    "\"bench\",\"revision\":%zu,\"newest\":%zu,\"changes\":[",
	    until, flows);
	for (size_t i = since; i < until; i++)
		page.len += write_change(page.bytes + page.len, i);
	page.len += (size_t)sprintf(page.bytes + page.len, "]}");
	finish_answer(&page, HEAD_BYTES);
	return &page;
}

/* NULL: there is nothing to tell yet. */
static const struct answer *
tell_flows(int fd, const char *since)
{
	size_t from = strtoul(since, NULL, 10);

	if (from < flows)
		return make_page(from);
	parked = fd;
	parked_at = now();
	return NULL;
}

static const struct answer *
echo(const char *head, size_t len)
{
	if (echoed.bytes == NULL)
		echoed = make_room(IN_BYTES + HEAD_BYTES);
	memcpy(echoed.bytes, head, len);
	echoed.len = len;
	finish_answer(&echoed, 0);
	return &echoed;
}

/* --- requests ------------------------------------------------------------------ */

static const struct answer *
choose(int fd, const char *bytes, size_t len)
{
	static const char feed[] = "GET /portolan/1/restrictions?since=";
	size_t line = len < 200 ? len : 200;

	if (flows > 0 && len > sizeof(feed) &&
	    memcmp(bytes, feed, sizeof(feed) - 1) == 0)
		return tell_flows(fd, bytes + sizeof(feed) - 1);
	if (memmem(bytes, line, "/echo", 5) != NULL)
		return echo(bytes, len);
	if (memmem(bytes, line, "/64k", 4) != NULL)
		return &medium;
	return memmem(bytes, line, "/1m", 3) != NULL ? &large : &small;
}

static size_t
length_of(const char *head, size_t len)
{
	/* HAProxy writes names small. */
	static const char *const names[] = { "\r\nContent-Length: ",
	    "\r\ncontent-length: " };

	for (int i = 0; i < 2; i++) {
		const char *at = memmem(head, len, names[i], strlen(names[i]));

		if (at != NULL)
			return strtoul(at + strlen(names[i]), NULL, 10);
	}
	return 0;
}

static void
answer(int fd, const struct answer *with)
{
	waiting[fd].answer = with;
	waiting[fd].at = 0;
	push(fd);
}

/* The rest of a body that began earlier; what follows it in in[]. */
static char *
skip_body(int fd, char *at, size_t len)
{
	size_t n = len < body_left[fd] ? len : body_left[fd];

	if (n == 0)
		return at;
	body_left[fd] -= n;
	if (body_left[fd] == 0)
		answer(fd, &small);
	return at + n;
}

/* Heads arrive whole here: the peers are proxies on the same machine. */
static void
serve(int fd)
{
	ssize_t n = recv(fd, in, sizeof(in), 0);
	char *at = in, *stop_at, *head_end;

	if (n <= 0) {
		if (n == 0 || errno != EAGAIN)
			end(fd);
		return;
	}
	stop_at = in + n;
	at = skip_body(fd, at, (size_t)n);
	while ((head_end = memmem(at, (size_t)(stop_at - at), "\r\n\r\n", 4)) !=
	    NULL) {
		const struct answer *with = choose(fd, at,
		    (size_t)(head_end - at));

		body_left[fd] = length_of(at, (size_t)(head_end - at));
		at = head_end + 4;
		if (with == NULL)
			continue;	/* later */
		if (body_left[fd] == 0)
			answer(fd, with);
		else
			at = skip_body(fd, at, (size_t)(stop_at - at));
	}
}

static void
take(int listener)
{
	int one = 1, fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (fd >= CONNS) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	watch(fd, EPOLLIN, EPOLL_CTL_ADD);
}

static int
listen_on(uint16_t port)
{
	struct sockaddr_in in4 = { .sin_family = AF_INET,
	    .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&in4, sizeof(in4)) != 0 ||
	    listen(fd, 4096) != 0)
		stop("bind");
	return fd;
}

/* There still are no news. */
static void
answer_parked(void)
{
	int fd = parked;

	if (fd < 0 || now() < parked_at + NO_NEWS_S)
		return;
	parked = -1;
	answer(fd, make_page(flows));
}

static void
on_event(int listener, int fd)
{
	if (fd == listener)
		take(listener);
	else if (waiting[fd].answer != NULL)
		push(fd);
	else
		serve(fd);
}

int
main(int argc, char **argv)
{
	struct epoll_event events[256];
	int listener, n;

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: responder PORT REGION [FLOWS]\n");
		return 2;
	}
	region = argv[2];
	flows = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	small = make_answer(128);
	medium = make_answer(64 * 1024);
	large = make_answer(1024 * 1024);
	loop = epoll_create1(0);
	listener = listen_on((uint16_t)atoi(argv[1]));
	watch(listener, EPOLLIN, EPOLL_CTL_ADD);
	while ((n = epoll_wait(loop, events, 256, flows > 0 ? 1000 : -1)) >= 0 ||
	    errno == EINTR) {
		for (int i = 0; i < n; i++)
			on_event(listener, events[i].data.fd);
		answer_parked();
	}
	return 1;
}
