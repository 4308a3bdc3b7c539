/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "upstream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client.h"
#include "loop.h"

enum { CONNS = 65536, IN_BYTES = 64 * 1024, PAGE = 20000,
    CHANGE_BYTES = 320, HEAD_BYTES = 256, NO_NEWS_S = 8 };

struct answer {
	char	*bytes;
	size_t	 len;
};

/* By its descriptor. */
static struct conn {
	struct source		 source;
	const struct answer	*waiting;	/* not all taken yet, from at on */
	size_t			 at;
	size_t			 body_left;	/* still to come of the request's */
} conns[CONNS];
static struct source listener;
static struct answer small, medium, large, echoed, page;
/* Who asked for news of flows when there were none, and since when. */
static struct conn *parked;
static double parked_at;
static size_t flows;
static const char *region;
static char in[IN_BYTES];

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
end(struct conn *c)
{
	if (c == parked)
		parked = NULL;
	close(c->source.fd);
}

static void on_readable(struct source *s);
static void on_writable(struct source *s);

/* What the reader does not take at once waits until it does. */
static void
push(struct conn *c)
{
	const struct answer *a = c->waiting;
	ssize_t n = send(c->source.fd, a->bytes + c->at, a->len - c->at,
	    MSG_NOSIGNAL);
	int was_slow = c->source.ready == on_writable, slow;

	if (n < 0 && errno != EAGAIN) {
		end(c);
		return;
	}
	c->at += n < 0 ? 0 : (size_t)n;
	slow = c->at < a->len;
	c->source.ready = slow ? on_writable : on_readable;
	if (slow != was_slow)
		watch(&c->source, slow ? EPOLLOUT : EPOLLIN, EPOLL_CTL_MOD);
}

static void
on_writable(struct source *s)
{
	push((struct conn *)s);
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
tell_flows(struct conn *c, const char *since)
{
	size_t from = strtoul(since, NULL, 10);

	if (from < flows)
		return make_page(from);
	parked = c;
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
choose(struct conn *c, const char *bytes, size_t len)
{
	static const char feed[] = "GET /portolan/1/restrictions?since=";
	size_t line = len < 200 ? len : 200;

	if (flows > 0 && len > sizeof(feed) &&
	    memcmp(bytes, feed, sizeof(feed) - 1) == 0)
		return tell_flows(c, bytes + sizeof(feed) - 1);
	if (memmem(bytes, line, "/echo", 5) != NULL)
		return echo(bytes, len);
	if (memmem(bytes, line, "/64k", 4) != NULL)
		return &medium;
	return memmem(bytes, line, "/1m", 3) != NULL ? &large : &small;
}

static void
answer(struct conn *c, const struct answer *with)
{
	c->waiting = with;
	c->at = 0;
	push(c);
}

/* The rest of a body that began earlier; what follows it in in[]. */
static char *
skip_body(struct conn *c, char *at, size_t len)
{
	size_t n = len < c->body_left ? len : c->body_left;

	if (n == 0)
		return at;
	c->body_left -= n;
	if (c->body_left == 0)
		answer(c, &small);
	return at + n;
}

/* Heads arrive whole here: the peers are proxies on the same machine. */
static void
serve(struct conn *c, char *at, const char *stop_at)
{
	char *head_end;

	at = skip_body(c, at, (size_t)(stop_at - at));
	while ((head_end = memmem(at, (size_t)(stop_at - at), "\r\n\r\n", 4)) !=
	    NULL) {
		const struct answer *with = choose(c, at,
		    (size_t)(head_end - at));

		c->body_left = content_length(at, (size_t)(head_end - at));
		at = head_end + 4;
		if (with == NULL)
			continue;	/* later */
		if (c->body_left == 0)
			answer(c, with);
		else
			at = skip_body(c, at, (size_t)(stop_at - at));
	}
}

static void
on_readable(struct source *s)
{
	struct conn *c = (struct conn *)s;
	ssize_t n = recv(s->fd, in, sizeof(in), 0);

	if (n > 0)
		serve(c, in, in + n);
	else if (n == 0 || errno != EAGAIN)
		end(c);
}

static void
on_client(struct source *s)
{
	int one = 1, fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0)
		return;
	if (fd >= CONNS) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	conns[fd] = (struct conn){ .source = { on_readable, fd } };
	watch(&conns[fd].source, EPOLLIN, EPOLL_CTL_ADD);
}

void
upstream_start(uint16_t port, const char *name, size_t count)
{
	region = name;
	flows = count;
	small = make_answer(128);
	medium = make_answer(64 * 1024);
	large = make_answer(1024 * 1024);
	listener = (struct source){ on_client, listen_on(port) };
	watch(&listener, EPOLLIN, EPOLL_CTL_ADD);
}

/* There still are no news. */
void
upstream_tick(void)
{
	struct conn *c = parked;

	if (c == NULL || now() < parked_at + NO_NEWS_S)
		return;
	parked = NULL;
	answer(c, make_page(flows));
}
