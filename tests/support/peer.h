/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Both ends of the contract tests.  The peer is a thread that plays a script
 * with blocking calls on a socket of its own; the client is a loop that lives
 * one exchange after the other and writes down every call it gets.
 */
#ifndef TESTS_SUPPORT_PEER_H
#define TESTS_SUPPORT_PEER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/must.h"
#include "upstream/exchange.h"

/* --- the peer -------------------------------------------------------------- */

struct peer {
	int		 listener;
	struct endpoint	 at;
	pthread_t	 thread;
	void		(*script)(struct peer *);
	sem_t		 go;		/* the test lets the script go on */
	sem_t		 told;		/* the script has something to show */
	char		 seen[64 * 1024];	/* of the last request */
	size_t		 nseen;
};

static inline int
peer_accept(struct peer *p)
{
	int fd = accept(p->listener, NULL, NULL);

	must(fd >= 0);
	return fd;
}

/* A request up to the given end, into seen; false if it never came. */
static inline bool
peer_read(struct peer *p, int fd, const char *end)
{
	size_t len = strlen(end);

	p->nseen = 0;
	for (;;) {
		ssize_t n;

		if (p->nseen >= len &&
		    memcmp(p->seen + p->nseen - len, end, len) == 0)
			break;
		must(p->nseen + 1 < sizeof(p->seen));
		n = read(fd, p->seen + p->nseen, 1);
		if (n <= 0)
			return false;
		p->nseen++;
	}
	p->seen[p->nseen] = '\0';
	return true;
}

static inline bool
peer_request(struct peer *p, int fd)
{
	return peer_read(p, fd, "\r\n\r\n");
}

static inline void
peer_bytes(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return;		/* the client has left: its right */
		bytes += n;
		len -= (size_t)n;
	}
}

static inline void
peer_text(int fd, const char *text)
{
	peer_bytes(fd, text, strlen(text));
}

/* Until the client closes. */
static inline void
peer_wait_close(int fd)
{
	char buf[4096];

	while (read(fd, buf, sizeof(buf)) > 0)
		;
	close(fd);
}

static inline void
peer_reset(int fd)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

static inline void *
peer_main(void *arg)
{
	struct peer *p = arg;

	p->script(p);
	return NULL;
}

static inline void
peer_listen(struct peer *p)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);

	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(p->listener >= 0);
	must(bind(p->listener, (struct sockaddr *)&sin, len) == 0);
	must(listen(p->listener, 64) == 0);
	must(getsockname(p->listener, (struct sockaddr *)&sin, &len) == 0);
	endpoint_of_sockaddr(&p->at, (struct sockaddr *)&sin);
}

static inline void
peer_listen_unix(struct peer *p, const char *path)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", path);
	unlink(path);
	p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(bind(p->listener, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	must(listen(p->listener, 64) == 0);
	p->at = (struct endpoint){ .kind = ENDPOINT_UNIX };
	snprintf(p->at.name, sizeof(p->at.name), "%s", path);
}

static inline void
peer_play(struct peer *p, void (*script)(struct peer *))
{
	p->script = script;
	sem_init(&p->go, 0, 0);
	sem_init(&p->told, 0, 0);
	must(pthread_create(&p->thread, NULL, peer_main, p) == 0);
}

static inline void
peer_join(struct peer *p)
{
	pthread_join(p->thread, NULL);
	sem_destroy(&p->go);
	sem_destroy(&p->told);
	close(p->listener);
}

/* --- the client ------------------------------------------------------------ */

struct client {
	struct loop	*control, *loop;
	struct upstreams *all;
	struct upstream	*up;
	struct pool_limits limits;
	struct pools	*pools;
	struct exchange	*ex;
	struct buf	 log;		/* every call, in order */
	struct buf	 body;		/* all of it */
	enum exchange_end end;
	unsigned	 done;		/* calls of done() */
	bool		 reused, sent;	/* as the exchange said at its end */
	const char	*refusal;	/* ... as well */
	bool		 take_front;
	const char	*on_head, *on_body;	/* what to do there, by a test */
	void		(*act)(struct client *, const char *what);
	uint64_t	 limit_body;	/* stop the loop when so much came; 0: no */
};

static inline void
client_inform(struct exchange *ex, const struct h1_head *head)
{
	struct client *c = exchange_user(ex);

	buf_printf(&c->log, "inform %u; ", head->status);
}

static inline void
client_head(struct exchange *ex, const struct h1_head *head)
{
	struct client *c = exchange_user(ex);

	buf_printf(&c->log, "head %u; ", head->status);
	if (c->take_front) {
		bool last;
		struct slice front = exchange_take_front(ex, &last);

		buf_printf(&c->log, "front '%.*s'%s; ", SLICE_ARG(front),
		    last ? " all" : "");
	}
	if (c->act != NULL)
		c->act(c, "head");
}

static inline void
client_body(struct exchange *ex, struct slice bytes, bool last)
{
	struct client *c = exchange_user(ex);

	buf_slice(&c->body, bytes);
	if (bytes.len <= 40)
		buf_printf(&c->log, "body '%.*s'%s; ", SLICE_ARG(bytes),
		    last ? " last" : "");
	if (last && exchange_trailers(ex).len > 0)
		buf_printf(&c->log, "trailers '%.*s'; ",
		    SLICE_ARG(exchange_trailers(ex)));
	if (c->act != NULL)
		c->act(c, last ? "last" : "body");
}

static inline void
client_drained(struct exchange *ex)
{
	struct client *c = exchange_user(ex);

	if (c->act != NULL)
		c->act(c, "drained");
}

static inline void
client_done(struct exchange *ex, enum exchange_end end)
{
	struct client *c = exchange_user(ex);

	c->done++;
	c->end = end;
	c->reused = ex->reused;
	c->sent = exchange_sent(ex);
	c->refusal = exchange_refusal(ex);
	c->ex = NULL;
	buf_printf(&c->log, "%s", exchange_end_name(end));
	loop_stop(c->loop);
}

static const struct exchange_ops client_ops = {
	.inform = client_inform,
	.head = client_head,
	.body = client_body,
	.drained = client_drained,
	.done = client_done,
};

static inline void
client_changed(void *arg)
{
	(void)arg;
}

static const struct probe_spec client_probe = {
	.path = "/healthz", .interval_ms = 50, .timeout_ms = 1000,
	.rise = 2, .fall = 3,
	.eject_failures = 3, .eject_ms = 50, .eject_most = 0.5,
};

/* control is never run unless a test does: no probe gets in the way. */
static inline void
client_init(struct client *c, const struct endpoint *to)
{
	struct upstream_spec spec = { .endpoint = *to, .region = "GB",
	    .weight = 1 };
	struct err err;

	memset(c, 0, sizeof(*c));
	c->control = loop_new();
	c->loop = loop_new();
	c->limits = (struct pool_limits){ .idle = 4, .idle_ms = 60000,
	    .connect_ms = 5000, .response_head_ms = 5000,
	    .response_idle_ms = 5000, .tunnel_idle_ms = 5000 };
	c->all = upstreams_new(c->control, client_changed, c);
	c->pools = pools_new(c->loop, &c->limits);
	if (!upstreams_apply(c->all, &(struct upstream_set){ &spec, 1,
	    &client_probe, NULL }, &c->up, &err))
		fail_msg("%s", err.text);
}

static inline void
client_fini(struct client *c)
{
	pools_free(&c->pools);
	upstreams_free(&c->all);
	loop_free(&c->loop);
	loop_free(&c->control);
	buf_fini(&c->log);
	buf_fini(&c->body);
}

/* A peer that plays the script, and its client. */
static inline void
client_meet(struct client *c, struct peer *p, void (*script)(struct peer *))
{
	peer_listen(p);
	peer_play(p, script);
	client_init(c, &p->at);
}

static inline void
client_part(struct client *c, struct peer *p)
{
	client_fini(c);
	peer_join(p);
}

static inline void
client_begin(struct client *c, const struct exchange_request *request)
{
	buf_clear(&c->log);
	buf_clear(&c->body);
	c->done = 0;
	c->ex = exchange_start(c->pools, c->up, request, &client_ops, c);
	assert_int_equal(c->done, 0);	/* never from inside the call */
}

static inline struct exchange_request
a_request(enum h1_method method, const char *head)
{
	return (struct exchange_request){ .head = slice_of(head),
	    .framing = H1_NO_BODY, .body_whole = true, .method = method };
}

#define OK_HELLO	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
#define GET_HEAD	"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"

/* One GET to its end; what was called, in order. */
static inline const char *
client_get(struct client *c)
{
	struct exchange_request request = a_request(METHOD_GET, GET_HEAD);

	client_begin(c, &request);
	loop_run(c->loop);
	assert_int_equal(c->done, 1);
	return buf_cstr(&c->log);
}

/* Turns of the loop for ms, with nothing to end them. */
static inline void
stop_loop(struct timer *timer);

struct stopper {
	struct timer	 timer;
	struct loop	*loop;
};

static inline void
stop_loop(struct timer *timer)
{
	loop_stop(list_entry(timer, struct stopper, timer)->loop);
}

static inline void
run_for(struct loop *loop, uint64_t ms)
{
	struct stopper s = { .loop = loop };

	timer_init(&s.timer, stop_loop);
	timer_set(loop, &s.timer, ms);
	loop_run(loop);
	timer_cancel(&s.timer);
}

#endif
